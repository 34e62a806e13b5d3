//! How much goes on before a camera, from its tracks: whether something moves, and whether a picture shows nothing but
//! what was there before. Pure.

use std::collections::BTreeMap;

use yiwang_inference::detect::Detection;
use yiwang_inference::picture::Rect;
use yiwang_inference::track::{Track, TrackerConfig};

use crate::gate::Stir;

/// An object that has stayed where it is for so long stands still.
const STILL_US: i64 = 15_000_000;
/// Boxes of one object that overlap less than this are in different places.
const SAME_PLACE: f32 = 0.6;

/// Where each object came to rest, and when.
#[derive(Debug, Default)]
pub(super) struct Still {
    places: BTreeMap<u64, (Rect, i64)>,
}

impl Still {
    /// Takes in the tracks of a picture, and what was found in it. `undecided`: the next pictures tell whether an object
    /// is there. What rules wait for does not count: who went behind something is seen by a keyframe when he comes out,
    /// and what is kept from before it is decoded then; a time that passes needs no picture.
    pub(super) fn observe(&mut self, t_us: i64, tracks: &[Track], detections: &[Detection], undecided: bool) -> Stir {
        self.places.retain(|id, _| tracks.iter().any(|track| track.id == *id));
        let mut stir = if tracks.is_empty() { Stir::Empty } else { Stir::Still };
        for track in tracks {
            let place = self.places.entry(track.id).or_insert((track.bbox, t_us));
            if place.0.iou(&track.bbox) < SAME_PLACE {
                *place = (track.bbox, t_us);
            }
            if t_us - place.1 < STILL_US {
                stir = Stir::Moving;
            }
        }
        if undecided || !is_unchanged(tracks, detections) { Stir::Moving } else { stir }
    }

    /// The stream is over.
    pub(super) fn forget(&mut self) {
        self.places.clear();
    }
}

/// Whether a picture shows the tracks where they are, all of them, and nothing that could become another.
pub(super) fn is_unchanged(tracks: &[Track], detections: &[Detection]) -> bool {
    let TrackerConfig { sure_score, new_score, .. } = TrackerConfig::default();
    let is_there =
        |track: &Track, found: &Detection| found.score >= sure_score && track.bbox.iou(&found.bbox) >= SAME_PLACE;
    tracks.iter().all(|track| detections.iter().any(|found| is_there(track, found)))
        && detections
            .iter()
            .filter(|found| found.score >= new_score)
            .all(|found| tracks.iter().any(|track| is_there(track, found)))
}

#[cfg(test)]
mod tests {
    use yiwang_inference::picture::Point;
    use yiwang_inference::track::Tracker;

    use super::*;

    fn found(x: f32, score: f32) -> Detection {
        Detection { bbox: Rect::around(Point::new(x, 0.5), 0.1, 0.3), class: 0, score }
    }

    #[test]
    fn who_moves_keeps_a_camera_awake_and_who_stands_does_not_for_ever() {
        let (mut tracker, mut still) = (Tracker::new(TrackerConfig::default()), Still::default());
        let mut look = |t_us: i64, boxes: &[Detection]| {
            tracker.update(t_us, boxes);
            let undecided = tracker.settled_us().is_some_and(|settled_us| settled_us < t_us);
            let stir = still.observe(t_us, tracker.tracks(), boxes, undecided);
            (stir, is_unchanged(tracker.tracks(), boxes))
        };
        assert_eq!(look(0, &[]), (Stir::Empty, true));
        assert_eq!(look(200_000, &[found(0.3, 0.9)]).0, Stir::Moving, "seen once");
        for n in 2..20 {
            let x = 0.3 + 0.02 * n as f32;
            assert_eq!(look(n * 200_000, &[found(x, 0.9)]).0, Stir::Moving, "walking");
        }
        let stirs: Vec<_> = (20..120).map(|n| look(n * 200_000, &[found(0.68, 0.9)]).0).collect();
        assert_eq!((stirs[0], stirs[99]), (Stir::Moving, Stir::Still));
        assert_eq!(look(24_200_000, &[]).0, Stir::Moving, "out of sight");
        assert_eq!(look(30_000_000, &[]).0, Stir::Empty);
    }

    #[test]
    fn a_glance_agrees_only_where_everything_is_as_before() {
        let mut tracker = Tracker::new(TrackerConfig::default());
        for n in 0..3 {
            tracker.update(n * 200_000, &[found(0.3, 0.9), found(0.7, 0.9)]);
        }
        let there = |boxes: &[Detection]| is_unchanged(tracker.tracks(), boxes);
        assert!(there(&[found(0.3, 0.6), found(0.7, 0.45)]));
        assert!(there(&[found(0.3, 0.6), found(0.7, 0.6), found(0.5, 0.3)]), "too weak to become anything");
        assert!(!there(&[found(0.3, 0.6), found(0.7, 0.6), found(0.5, 0.6)]), "a third");
        assert!(!there(&[found(0.3, 0.6)]), "one is gone");
        assert!(!there(&[found(0.3, 0.6), found(0.78, 0.6)]), "one has moved");
    }
}
