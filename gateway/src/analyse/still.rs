//! How much goes on before a camera, from its tracks: whether something moves, and whether a picture shows nothing but
//! what was there before. Pure.
//!
//! Places where something stands are remembered, not only the objects: a detector that tires of a parked car and finds
//! it again, under another number, has seen nothing move.

use yiwang_inference::detect::Detection;
use yiwang_inference::picture::Rect;
use yiwang_inference::track::{Track, TrackerConfig};

use crate::gate::Stir;

/// An object that has stayed where it is for so long stands still. When it goes on, the next keyframe shows it, and what
/// was kept from before is decoded then.
const STILL_US: i64 = 4_000_000;
/// A place where something stood for long and is found no more is remembered for so long …
const REMEMBERED_US: i64 = 60_000_000;
/// … where "for long" is this.
const LONG_US: i64 = 15_000_000;
/// The same of a place where something stood still for less than that, and …
const STOOD_US: i64 = 10_000_000;
/// … of one where nothing has stood still: the tracker's own patience.
const MET_US: i64 = 2_500_000;
/// An object that was not found for so long within the picture is waited for by keyframes, not by every picture: a
/// detector overlooks who is there for one picture or two, and who is behind something for longer.
const MISSED_US: i64 = 600_000;
/// Boxes of one object that overlap less than this are in different places.
const SAME_PLACE: f32 = 0.6;
/// Most places that are remembered; beyond them the ones seen longest ago go.
const PLACES_MAX: usize = 200;

/// Where objects are at rest, and since when.
#[derive(Debug, Default)]
pub(super) struct Still {
    places: Vec<Place>,
    /// The picture that was taken in last.
    now_us: i64,
}

#[derive(Debug)]
struct Place {
    bbox: Rect,
    since_us: i64,
    seen_us: i64,
}

impl Place {
    fn is_still(&self) -> bool {
        self.seen_us - self.since_us >= STILL_US
    }

    fn remembered_us(&self) -> i64 {
        match self.seen_us - self.since_us {
            LONG_US.. => REMEMBERED_US,
            STILL_US.. => STOOD_US,
            _ => MET_US,
        }
    }
}

impl Still {
    /// Takes in the tracks of a picture, and what was found in it. `undecided`: where the next pictures tell whether an
    /// object is there. What rules wait for does not count: who went behind something is seen by a keyframe when he comes
    /// out, and what is kept from before it is decoded then; a time that passes needs no picture.
    pub(super) fn observe<'a>(
        &mut self,
        t_us: i64,
        tracks: &[Track],
        detections: &[Detection],
        mut undecided: impl Iterator<Item = &'a Rect>,
    ) -> Stir {
        self.now_us = t_us;
        self.places.retain(|place| (0..=place.remembered_us()).contains(&(t_us - place.seen_us)));
        let mut stir = if tracks.iter().all(|track| track.left_picture) { Stir::Empty } else { Stir::Still };
        for track in tracks.iter().filter(|track| !track.predicted) {
            let place = self.meet(t_us, &track.bbox);
            if !place.is_still() {
                stir = Stir::Moving;
            }
        }
        let missed = |bbox: &Rect| tracks.iter().any(|track| self.is_missed(track) && track.bbox == *bbox);
        let open = undecided.any(|bbox| !self.knows(bbox) && !missed(bbox));
        if open || !self.is_unchanged(tracks, detections) { Stir::Moving } else { stir }
    }

    /// Whether a picture shows the tracks where they are, but for those that stood still and are overlooked and those that
    /// were out of sight before, and nothing that could become another.
    pub(super) fn is_unchanged(&self, tracks: &[Track], detections: &[Detection]) -> bool {
        let TrackerConfig { sure_score, new_score, .. } = TrackerConfig::default();
        let is_there =
            |track: &Track, found: &Detection| found.score >= sure_score && track.bbox.iou(&found.bbox) >= SAME_PLACE;
        let as_before = |track: &Track| {
            let found = detections.iter().any(|found| is_there(track, found));
            track.left_picture || self.knows(&track.bbox) || found != self.is_missed(track)
        };
        let is_known = |found: &Detection| {
            let seen = |track: &Track| !self.is_missed(track) && is_there(track, found);
            tracks.iter().any(seen) || self.knows(&found.bbox)
        };
        tracks.iter().all(as_before) && detections.iter().filter(|found| found.score >= new_score).all(is_known)
    }

    /// Whether an object has been out of sight for longer than a detector overlooks one that is there.
    fn is_missed(&self, track: &Track) -> bool {
        track.predicted && self.now_us - track.last_seen_us >= MISSED_US
    }

    /// The stream is over.
    pub(super) fn forget(&mut self) {
        self.places.clear();
    }

    /// Whether something stands there, or stood there not long ago.
    fn knows(&self, bbox: &Rect) -> bool {
        self.places.iter().any(|place| place.is_still() && place.bbox.iou(bbox) >= SAME_PLACE)
    }

    /// The place of an object that is seen there.
    fn meet(&mut self, t_us: i64, bbox: &Rect) -> &Place {
        let known = self.places.iter().position(|place| place.bbox.iou(bbox) >= SAME_PLACE);
        let index = known.unwrap_or_else(|| {
            if self.places.len() >= PLACES_MAX {
                let oldest = (0..PLACES_MAX).min_by_key(|&at| self.places[at].seen_us).unwrap_or(0);
                self.places.swap_remove(oldest);
            }
            self.places.push(Place { bbox: *bbox, since_us: t_us, seen_us: t_us });
            self.places.len() - 1
        });
        self.places[index].seen_us = t_us;
        &self.places[index]
    }
}

#[cfg(test)]
mod tests {
    use yiwang_inference::picture::Point;
    use yiwang_inference::track::Tracker;

    use super::*;

    struct Eye {
        tracker: Tracker,
        still: Still,
    }

    impl Eye {
        fn new() -> Self {
            Self { tracker: Tracker::new(TrackerConfig::default()), still: Still::default() }
        }

        fn look(&mut self, t_us: i64, boxes: &[Detection]) -> Stir {
            self.tracker.update(t_us, boxes);
            self.still.observe(t_us, self.tracker.tracks(), boxes, self.tracker.undecided())
        }

        fn is_unchanged(&self, boxes: &[Detection]) -> bool {
            self.still.is_unchanged(self.tracker.tracks(), boxes)
        }
    }

    fn found(x: f32, score: f32) -> Detection {
        Detection { bbox: Rect::around(Point::new(x, 0.5), 0.1, 0.3), class: 0, score }
    }

    #[test]
    fn who_moves_keeps_a_camera_awake_and_who_stands_does_not_for_ever() {
        let mut eye = Eye::new();
        assert_eq!(eye.look(0, &[]), Stir::Empty);
        assert_eq!(eye.look(200_000, &[found(0.3, 0.9)]), Stir::Moving, "seen once");
        for n in 2..20 {
            let x = 0.3 + 0.02 * n as f32;
            assert_eq!(eye.look(n * 200_000, &[found(x, 0.9)]), Stir::Moving, "walking");
        }
        let stirs: Vec<_> = (20..120).map(|n| eye.look(n * 200_000, &[found(0.68, 0.9)])).collect();
        assert_eq!((stirs[0], stirs[99]), (Stir::Moving, Stir::Still));
        assert_eq!(eye.look(24_200_000, &[found(0.4, 0.9)]), Stir::Moving, "he has gone elsewhere");
    }

    #[test]
    fn what_stands_and_is_overlooked_now_and_then_wakes_nobody() {
        let mut eye = Eye::new();
        let stirs: Vec<(i64, Stir)> = (0..600)
            .map(|n| {
                // Four seconds out of ten the detector tires of it, which is longer than the tracker's patience.
                let boxes: &[Detection] = if n > 100 && n % 50 < 20 { &[] } else { &[found(0.5, 0.6)] };
                (n, eye.look(n * 200_000, boxes))
            })
            .collect();
        let awake = stirs.iter().filter(|(n, stir)| *n > 80 && *stir == Stir::Moving).count();
        assert_eq!(awake, 0, "{stirs:?}");
        assert!(eye.tracker.tracks().iter().all(|track| track.id > 1), "under another number");
        assert_eq!(eye.look(120_000_000, &[found(0.5, 0.6), found(0.2, 0.6)]), Stir::Moving, "somebody beside it");
    }

    #[test]
    fn who_has_walked_out_of_the_picture_is_not_waited_for() {
        let mut eye = Eye::new();
        for n in 0..10 {
            // Cut off by the edge in the end.
            let bbox = Rect::around(Point::new(0.6 + 0.04 * n as f32, 0.5), 0.1, 0.3).clipped();
            assert_eq!(eye.look(n * 200_000, &[Detection { bbox, class: 0, score: 0.9 }]), Stir::Moving);
        }
        let gone: Vec<Stir> = (10..14).map(|n| eye.look(n * 200_000, &[])).collect();
        assert_eq!(gone[3], Stir::Empty, "not after the tracker's 2.5 s: {gone:?}");
        assert_eq!(eye.look(2_800_000, &[found(0.5, 0.9)]), Stir::Moving, "somebody else");
    }

    #[test]
    fn who_is_out_of_sight_amid_the_picture_is_waited_for_by_keyframes() {
        let mut eye = Eye::new();
        for n in 0..10 {
            assert_eq!(eye.look(n * 200_000, &[found(0.3 + 0.02 * n as f32, 0.9)]), Stir::Moving);
        }
        let gone: Vec<Stir> = (10..14).map(|n| eye.look(n * 200_000, &[])).collect();
        assert_eq!(gone, [Stir::Moving, Stir::Moving, Stir::Still, Stir::Still]);
        assert!(eye.is_unchanged(&[]), "still out of sight");
        let back = eye.tracker.tracks()[0].bbox;
        assert!(!eye.is_unchanged(&[Detection { bbox: back, class: 0, score: 0.9 }]), "there he is");
        assert_eq!(eye.look(2_800_000, &[Detection { bbox: back, class: 0, score: 0.9 }]), Stir::Moving);
    }

    #[test]
    fn a_glance_agrees_only_where_everything_is_as_before() {
        let mut eye = Eye::new();
        for n in 0..3 {
            eye.look(n * 200_000, &[found(0.3, 0.9), found(0.7, 0.9)]);
        }
        assert!(eye.is_unchanged(&[found(0.3, 0.6), found(0.7, 0.45)]));
        assert!(eye.is_unchanged(&[found(0.3, 0.6), found(0.7, 0.6), found(0.5, 0.3)]), "too weak to become anything");
        assert!(!eye.is_unchanged(&[found(0.3, 0.6), found(0.7, 0.6), found(0.5, 0.6)]), "a third");
        assert!(!eye.is_unchanged(&[found(0.3, 0.6)]), "one is gone");
        assert!(!eye.is_unchanged(&[found(0.3, 0.6), found(0.78, 0.6)]), "one has moved");
    }
}
