//! One object once: non-maximum suppression within a class, then among classes that a model mistakes for one another,
//! where the same vehicle comes out as a car and as a truck, and of a bag and whatever else is in its place the surer.

use super::Detection;
use crate::classes::{self, KINDRED};
use crate::picture::Rect;

/// Boxes of kindred classes that overlap more than this are one object. Above the bound within a class, because two
/// vehicles side by side may well overlap by half.
const KINDRED_OVERLAP_MAX: f32 = 0.6;

/// A bag and anything else that overlap more than this are one object. A bag that stood was a person as well, a little less
/// surely, who attended it for ever (32 simulated cities: left bags told 24 times of 25 instead of 22).
const BAG_OVERLAP_MAX: f32 = 0.7;

/// A box that lies in a better one of its class by more than this, and is smaller than [`PART_AREA_MAX`] of it, is a part of
/// that object: somebody's legs, a car's bonnet. Two objects hide each other so only where one is all but gone.
const PART_INSIDE_MIN: f32 = 0.9;
/// See [`PART_INSIDE_MIN`].
const PART_AREA_MAX: f32 = 0.6;

/// A box of the same class that overlaps the best one of an object by this means the whole of the same.
const AGREE_OVERLAP_MIN: f32 = 0.65;

/// Only what is at least so high, a part of the picture, has cells enough that agree. Of a smaller object the few cells beside
/// the best one are worse: fewer events of four simulated cities were told rightly with them (F1 0.88 instead of 0.92).
const AGREED_HEIGHT_MIN: f32 = 0.35;

/// Most boxes that leave a picture, the best ones: bounds the tracker's work on a picture full of noise.
pub const MAX_DETECTIONS: usize = 200;

/// Suppression for one model's classes.
#[derive(Debug, Clone)]
pub struct Suppression {
    groups: Vec<u16>,
    bags: Vec<u16>,
    overlap_max: f32,
}

impl Suppression {
    /// For these classes; two boxes of one class that overlap more than `overlap_max` are one.
    pub fn new(classes: &[String], overlap_max: f32) -> Self {
        // A model that knows no bags has none.
        let bags = classes::named("bag", classes).unwrap_or_default();
        Self { groups: class_groups(classes), bags, overlap_max }
    }

    /// What is left, best first. Equal scores keep the model's order, so that two runs agree.
    pub fn apply(&self, mut found: Vec<Detection>) -> Vec<Detection> {
        found.retain(|detection| detection.bbox.area() > 0.0);
        found.sort_by(|a, b| b.score.total_cmp(&a.score));
        let mut kept: Vec<Detection> = Vec::new();
        for detection in &found {
            if !kept.iter().any(|better| self.same_object(better, detection)) {
                kept.push(*detection);
                if kept.len() == MAX_DETECTIONS {
                    break;
                }
            }
        }
        for one in kept.iter_mut().filter(|one| one.bbox.height() >= AGREED_HEIGHT_MIN) {
            one.bbox = agreed(one, &found);
        }
        kept
    }

    fn same_object(&self, a: &Detection, b: &Detection) -> bool {
        let overlap_max = if a.class == b.class {
            self.overlap_max
        } else if group(&self.groups, a.class) == group(&self.groups, b.class) {
            KINDRED_OVERLAP_MAX
        } else if self.bags.contains(&a.class) || self.bags.contains(&b.class) {
            BAG_OVERLAP_MAX
        } else {
            return false;
        };
        a.bbox.iou(&b.bbox) > overlap_max || (a.class == b.class && is_part(&a.bbox, &b.bbox))
    }
}

/// Whether `part` lies in `whole` and is clearly smaller.
fn is_part(whole: &Rect, part: &Rect) -> bool {
    part.area() < whole.area() * PART_AREA_MAX && whole.shared(part) > part.area() * PART_INSIDE_MIN
}

/// Where those boxes that mean the same object as the best one have its sides: the median of each side, weighted by score.
/// A cell that is sure that somebody is there may be wrong about where his feet are, and rules ask for those. A mean would
/// follow the few that end at the knees; the median does not.
fn agreed(best: &Detection, found: &[Detection]) -> Rect {
    let agrees = |one: &&Detection| one.class == best.class && one.bbox.iou(&best.bbox) >= AGREE_OVERLAP_MIN;
    let same: Vec<&Detection> = found.iter().filter(agrees).collect();
    let half = same.iter().map(|one| one.score).sum::<f32>() / 2.0;
    let side = |of: fn(&Rect) -> f32| {
        let mut values: Vec<(f32, f32)> = same.iter().map(|one| (of(&one.bbox), one.score)).collect();
        values.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut below = 0.0;
        let median = values.iter().find(|(_, score)| {
            below += score;
            below >= half
        });
        median.map_or_else(|| of(&best.bbox), |(value, _)| *value)
    };
    Rect::new(side(|bbox| bbox.x0), side(|bbox| bbox.y0), side(|bbox| bbox.x1), side(|bbox| bbox.y1))
}

/// For each class the first class of its kin, its own index where it has none.
pub fn class_groups(classes: &[String]) -> Vec<u16> {
    (0u16..)
        .zip(classes)
        .map(|(index, name)| {
            let kin = KINDRED.iter().find(|kin| kin.contains(&name.as_str()));
            let first = kin.and_then(|kin| classes.iter().position(|other| kin.contains(&other.as_str())));
            first.and_then(|first| u16::try_from(first).ok()).unwrap_or(index)
        })
        .collect()
}

/// The group of a class; a class beyond the list is its own.
pub fn group(groups: &[u16], class: u16) -> u16 {
    groups.get(usize::from(class)).copied().unwrap_or(class)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::coco80;

    fn at(x: f32, class: u16, score: f32) -> Detection {
        Detection { bbox: Rect::new(x, 0.0, x + 0.1, 0.1), class, score }
    }

    fn person_box(x0: f32, y0: f32, x1: f32, y1: f32, score: f32) -> Detection {
        Detection { bbox: Rect::new(x0, y0, x1, y1), class: 0, score }
    }

    #[test]
    fn each_object_is_left_once() {
        let (person, car, truck, suitcase) = (0, 2, 7, 28);
        let cases: &[(&str, Vec<Detection>, Vec<Detection>)] = &[
            ("the better of two", vec![at(0.0, car, 0.5), at(0.01, car, 0.9)], vec![at(0.01, car, 0.9)]),
            ("car and truck", vec![at(0.0, car, 0.5), at(0.01, truck, 0.6)], vec![at(0.01, truck, 0.6)]),
            (
                "a person before a car stays",
                vec![at(0.0, car, 0.5), at(0.0, person, 0.6)],
                vec![at(0.0, person, 0.6), at(0.0, car, 0.5)],
            ),
            (
                "a bag that might be a person is one thing",
                vec![at(0.0, person, 0.5), at(0.01, suitcase, 0.7)],
                vec![at(0.01, suitcase, 0.7)],
            ),
            (
                "a bag before a person stays",
                vec![
                    person_box(0.1, 0.1, 0.2, 0.5, 0.7),
                    Detection { class: suitcase, ..person_box(0.1, 0.3, 0.2, 0.5, 0.6) },
                ],
                vec![
                    person_box(0.1, 0.1, 0.2, 0.5, 0.7),
                    Detection { class: suitcase, ..person_box(0.1, 0.3, 0.2, 0.5, 0.6) },
                ],
            ),
            (
                "two vehicles side by side stay",
                vec![at(0.0, car, 0.5), at(0.04, truck, 0.4)],
                vec![at(0.0, car, 0.5), at(0.04, truck, 0.4)],
            ),
            (
                "legs go with the person",
                vec![person_box(0.1, 0.1, 0.2, 0.5, 0.7), person_box(0.12, 0.3, 0.18, 0.5, 0.6)],
                vec![person_box(0.1, 0.1, 0.2, 0.5, 0.7)],
            ),
            (
                "who stands half before somebody stays",
                vec![person_box(0.1, 0.1, 0.2, 0.5, 0.7), person_box(0.15, 0.3, 0.22, 0.55, 0.6)],
                vec![person_box(0.1, 0.1, 0.2, 0.5, 0.7), person_box(0.15, 0.3, 0.22, 0.55, 0.6)],
            ),
            (
                "an empty box goes",
                vec![Detection { bbox: Rect::new(0.5, 0.5, 0.5, 0.9), class: car, score: 0.9 }],
                vec![],
            ),
            (
                "a chain is not eaten from the middle",
                vec![at(0.0, car, 0.9), at(0.03, car, 0.5), at(0.06, car, 0.8)],
                vec![at(0.0, car, 0.9), at(0.06, car, 0.8)],
            ),
        ];
        let suppression = Suppression::new(&coco80(), 0.45);
        for (name, input, expected) in cases {
            assert_eq!(suppression.apply(input.clone()), *expected, "{name}");
        }
    }

    #[test]
    fn the_sides_are_where_most_of_the_boxes_that_mean_the_same_have_them() {
        let boxes = [
            person_box(0.10, 0.10, 0.30, 0.97, 0.80),
            person_box(0.11, 0.10, 0.29, 0.90, 0.75),
            person_box(0.10, 0.11, 0.31, 0.89, 0.70),
            person_box(0.10, 0.10, 0.30, 0.70, 0.30),
        ];
        let kept = Suppression::new(&coco80(), 0.45).apply(boxes.into());
        assert_eq!(kept, [person_box(0.10, 0.10, 0.30, 0.90, 0.80)]);
    }

    #[test]
    fn noise_is_bounded() {
        let noise = (0..5000).map(|i| Detection { bbox: Rect::new(0.0, 0.0, 0.01, 0.01), class: i, score: 0.2 });
        assert_eq!(Suppression::new(&[], 0.45).apply(noise.collect()).len(), MAX_DETECTIONS);
    }
}
