//! Boxes against boxes: average precision as COCO has it, at an overlap of one half, over every recall instead of 101.

use std::collections::BTreeMap;

use yiwang_inference::picture::Rect;

/// An object that is truly in a picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrueBox {
    /// Its class, index into the names.
    pub class: u16,
    /// Where, fractions of the picture.
    pub bbox: Rect,
    /// Whether finding it or not counts: it is large enough and not hidden.
    pub counts: bool,
}

/// A box that a detector gave.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FoundBox {
    /// Its class.
    pub class: u16,
    /// Where.
    pub bbox: Rect,
    /// How sure, 0–1.
    pub score: f32,
    /// Whether it is large enough to be held against anybody.
    pub counts: bool,
}

/// Collects pictures.
#[derive(Debug, Clone, Default)]
pub struct Precision {
    classes: BTreeMap<u16, Class>,
}

#[derive(Debug, Clone, Default)]
struct Class {
    /// Score, and whether it was right, of each box that counts.
    told: Vec<(f32, bool)>,
    /// True objects that count.
    all: usize,
}

/// Overlap from which a box is of that object.
const OVERLAP_MIN: f32 = 0.5;

impl Precision {
    /// Adds a picture. As in pycocotools, the surest box takes first, prefers objects that count, and a box that falls
    /// on one that does not count, or on none while it is too small itself, is passed over.
    pub fn picture(&mut self, truth: &[TrueBox], found: &[FoundBox]) {
        for object in truth.iter().filter(|object| object.counts) {
            self.classes.entry(object.class).or_default().all += 1;
        }
        let mut order: Vec<&FoundBox> = found.iter().collect();
        order.sort_by(|a, b| b.score.total_cmp(&a.score));
        let mut free = vec![true; truth.len()];
        for one in order {
            let fits = (0..truth.len())
                .filter(|index| truth[*index].class == one.class && free[*index])
                .map(|index| (truth[index].counts, one.bbox.iou(&truth[index].bbox), index))
                .filter(|(_, overlap, _)| *overlap >= OVERLAP_MIN);
            match fits.max_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))) {
                Some((counts, _, index)) => {
                    free[index] = false;
                    if counts {
                        self.classes.entry(one.class).or_default().told.push((one.score, true));
                    }
                }
                None if one.counts => self.classes.entry(one.class).or_default().told.push((one.score, false)),
                None => {}
            }
        }
    }

    /// Adds what another has collected.
    pub fn join(&mut self, other: Precision) {
        for (class, more) in other.classes {
            let mine = self.classes.entry(class).or_default();
            mine.told.extend(more.told);
            mine.all += more.all;
        }
    }

    /// Average precision of a class; none where there was no object of it.
    pub fn ap50(&self, class: u16) -> Option<f64> {
        let class = self.classes.get(&class).filter(|class| class.all > 0)?;
        let mut told = class.told.clone();
        told.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut right = 0usize;
        let mut curve: Vec<(f64, f64)> = Vec::with_capacity(told.len());
        for (count, (_, is_right)) in (1usize..).zip(told) {
            right += usize::from(is_right);
            curve.push((right as f64 / class.all as f64, right as f64 / count as f64));
        }
        // The precision at a recall is the best that is reached there or beyond (VOC 2010 and COCO).
        let (mut area, mut best, mut beyond) = (0.0, 0.0f64, None);
        for (recall, precision) in curve.into_iter().rev() {
            if let Some(beyond) = beyond {
                area += (beyond - recall) * best;
            }
            best = best.max(precision);
            beyond = Some(recall);
        }
        Some(area + beyond.unwrap_or(0.0) * best)
    }

    /// Mean over the classes of which there was an object; none where there was none at all.
    pub fn mean_ap50(&self) -> Option<f64> {
        let each: Vec<f64> = self.classes.keys().filter_map(|class| self.ap50(*class)).collect();
        (!each.is_empty()).then(|| each.iter().sum::<f64>() / each.len() as f64)
    }

    /// True objects of a class that counted.
    pub fn objects(&self, class: u16) -> usize {
        self.classes.get(&class).map_or(0, |class| class.all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(x: f32) -> Rect {
        Rect::new(x, 0.1, x + 0.1, 0.3)
    }

    fn object(x: f32) -> TrueBox {
        TrueBox { class: 0, bbox: at(x), counts: true }
    }

    fn found(x: f32, score: f32) -> FoundBox {
        FoundBox { class: 0, bbox: at(x), score, counts: true }
    }

    #[test]
    fn the_area_is_that_of_the_worked_example() {
        let mut precision = Precision::default();
        // Right, wrong, right, and one of three objects never found: 1/3·1 + 1/3·2/3.
        precision
            .picture(&[object(0.1), object(0.4), object(0.7)], &[found(0.1, 0.9), found(0.25, 0.8), found(0.41, 0.7)]);
        let expected = 1.0 / 3.0 + 2.0 / 9.0;
        assert!((precision.ap50(0).unwrap() - expected).abs() < 1e-9, "{:?}", precision.ap50(0));
        assert_eq!((precision.ap50(1), precision.objects(0)), (None, 3));
    }

    #[test]
    fn two_boxes_on_one_object_are_one_right_and_one_wrong() {
        let mut precision = Precision::default();
        precision.picture(&[object(0.1)], &[found(0.1, 0.6), found(0.11, 0.9)]);
        assert_eq!(precision.ap50(0), Some(1.0), "the wrong one is the less sure one");
        precision.picture(&[object(0.1)], &[]);
        assert_eq!(precision.mean_ap50(), Some(0.5));
    }

    #[test]
    fn what_is_too_small_neither_helps_nor_harms() {
        let mut precision = Precision::default();
        let small = TrueBox { counts: false, ..object(0.1) };
        let noise = FoundBox { counts: false, ..found(0.5, 0.9) };
        precision.picture(&[small, object(0.7)], &[found(0.1, 0.9), noise, found(0.7, 0.5)]);
        assert_eq!(precision.ap50(0), Some(1.0));
        let other = FoundBox { class: 1, ..found(0.7, 0.9) };
        precision.picture(&[], &[other]);
        assert_eq!(precision.mean_ap50(), Some(1.0), "a class without objects has no average");
    }
}
