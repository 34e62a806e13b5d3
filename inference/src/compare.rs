//! What two models see in the same picture, for whoever runs a candidate beside the model in force.

use crate::classes;
use crate::detect::Detection;
use crate::track::TrackerConfig;

/// Boxes that overlap at least so much are one object.
const SAME_OVERLAP: f32 = 0.5;

/// What one model found, and what its classes are called.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// Best first.
    pub detections: &'a [Detection],
    /// Names, in the model's order.
    pub classes: &'a [String],
}

/// Who sees an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SeenBy {
    /// Both.
    Both,
    /// The model in force only.
    Current,
    /// The candidate only.
    Candidate,
}

/// The objects that at least one is sure enough of to start a track, each with its class and who sees it. The other
/// sees it too where it is sure enough to go on with one: what wavers around a threshold is no difference.
pub fn compare<'a>(current: Side<'a>, candidate: Side<'a>) -> Vec<(&'a str, SeenBy)> {
    let TrackerConfig { new_score, .. } = TrackerConfig::default();
    let mut taken = vec![false; candidate.detections.len()];
    let mut seen = Vec::new();
    for own in current.detections.iter() {
        let other = best(current, own, candidate, &taken);
        let sure = own.score >= new_score;
        match other {
            Some(index) if sure || candidate.detections[index].score >= new_score => {
                taken[index] = true;
                seen.push((current.name(own), SeenBy::Both));
            }
            Some(_) => {}
            None if sure => seen.push((current.name(own), SeenBy::Current)),
            None => {}
        }
    }
    let alone = candidate.detections.iter().zip(taken).filter(|(other, taken)| !taken && other.score >= new_score);
    seen.extend(alone.map(|(other, _)| (candidate.name(other), SeenBy::Candidate)));
    seen
}

/// The candidate's box that shows the same object best. Both must be sure enough to go on with a track.
fn best(current: Side<'_>, own: &Detection, candidate: Side<'_>, taken: &[bool]) -> Option<usize> {
    let TrackerConfig { sure_score, .. } = TrackerConfig::default();
    let overlap = |other: &Detection| own.bbox.iou(&other.bbox);
    let may_be = |index: &usize| {
        let other = &candidate.detections[*index];
        !taken[*index]
            && own.score.min(other.score) >= sure_score
            && overlap(other) >= SAME_OVERLAP
            && classes::kindred(current.name(own), candidate.name(other))
    };
    let (left, right) = (candidate.detections, candidate.detections);
    (0..taken.len()).filter(may_be).max_by(|a, b| overlap(&left[*a]).total_cmp(&overlap(&right[*b])))
}

impl<'a> Side<'a> {
    fn name(&self, detection: &Detection) -> &'a str {
        self.classes.get(usize::from(detection.class)).map_or("", String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::{Point, Rect};

    #[test]
    fn what_both_see_and_what_one_alone_sees_is_told_by_class() {
        let ours: Vec<String> = ["person", "large_vehicle"].map(str::to_owned).into();
        let coco: Vec<String> = ["bus", "person"].map(str::to_owned).into();
        let found = |x: f32, class: u16, score: f32| Detection {
            bbox: Rect::around(Point::new(x, 0.5), 0.1, 0.2),
            class,
            score,
        };
        let check = |current: &[Detection], candidate: &[Detection], expected: &[(&str, SeenBy)]| {
            let sides =
                [(current, &ours), (candidate, &coco)].map(|(detections, classes)| Side { detections, classes });
            assert_eq!(compare(sides[0], sides[1]), expected);
        };
        check(&[found(0.2, 0, 0.9)], &[found(0.21, 1, 0.45)], &[("person", SeenBy::Both)]);
        check(&[found(0.2, 0, 0.45)], &[found(0.21, 1, 0.9)], &[("person", SeenBy::Both)]);
        check(&[found(0.2, 1, 0.9)], &[found(0.21, 0, 0.9)], &[("large_vehicle", SeenBy::Both)]);
        check(
            &[found(0.2, 0, 0.9)],
            &[found(0.6, 1, 0.9)],
            &[("person", SeenBy::Current), ("person", SeenBy::Candidate)],
        );
        check(&[found(0.2, 0, 0.9)], &[found(0.2, 0, 0.9)], &[("person", SeenBy::Current), ("bus", SeenBy::Candidate)]);
        check(&[found(0.2, 0, 0.45)], &[found(0.21, 1, 0.45), found(0.8, 1, 0.3)], &[]);
    }
}
