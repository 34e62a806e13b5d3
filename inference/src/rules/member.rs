//! An object in a zone: how long it is waited for when it is out of sight, and which new track may be it.
//!
//! - One that is lost for `LOST_US` has left when it was last seen inside. One that stood still is waited for as long as it
//!   stood, at most `STILL_LOST_US`: somebody in front of it, or a detector that tires of it, is no leaving.
//! - One that is lost well inside, where that is asked for, is waited for `WELL_INSIDE_LOST_US`: it went behind something,
//!   and nobody saw it reach the border. It may have walked on meanwhile.

use super::standing::same_place;
use crate::{
    picture::{Point, Rect},
    track::Track,
};

/// Out of sight for so long is gone.
const LOST_US: i64 = 3_000_000;
/// The same of one that stood still, at most.
const STILL_LOST_US: i64 = 15_000_000;
/// The same of one that was lost well inside.
const WELL_INSIDE_LOST_US: i64 = 10_000_000;
/// Who has stayed where he is for so long stands still.
const STANDS_US: i64 = 10_000_000;
/// A new track may be a lost one if it is not farther from it than this, in widths and heights of its box …
const SAME_PLACE: f32 = 1.0;
/// … and, where it was lost well inside, so much farther times the root of the seconds, as who walks to and fro gets (32
/// simulated cities, four models: intrusions told twice none instead of two).
const WALKED: f32 = 1.0;

/// An object in the zone.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    /// Its number here; stays when the track's number changes.
    pub(crate) id: u64,
    /// When it came in.
    pub(crate) entered_us: i64,
    /// When it was last seen inside.
    pub(crate) inside_us: i64,
    /// The object as last seen.
    pub(crate) track: Track,
    /// Where it was last seen inside.
    pub(crate) point: Point,
    /// Where it stands, and since when.
    still: (Rect, i64),
    /// Whether it is waited for longer where it is now.
    pub(super) well_inside: bool,
}

impl Member {
    /// One that came in and is seen inside.
    pub(super) fn new(id: u64, entered_us: i64, t_us: i64, track: &Track) -> Self {
        let (point, still) = (track.bbox.bottom_centre(), (track.bbox, t_us));
        Self { id, entered_us, inside_us: t_us, track: track.clone(), point, still, well_inside: false }
    }

    pub(super) fn see(&mut self, t_us: i64, track: &Track) {
        if !same_place(&self.still.0, &track.bbox) {
            self.still = (track.bbox, t_us);
        }
        self.track = track.clone();
    }

    /// Where it stood when it was last seen, if it stood still.
    pub(crate) fn stood(&self) -> Option<Rect> {
        (self.track.last_seen_us - self.still.1 >= STANDS_US).then_some(self.still.0)
    }

    /// How long it is waited for when it is out of sight.
    pub(super) fn patience_us(&self) -> i64 {
        let least_us = if self.well_inside { WELL_INSIDE_LOST_US } else { LOST_US };
        (self.track.last_seen_us - self.still.1).clamp(least_us, STILL_LOST_US)
    }

    /// How far a track began from where it was lost, in widths and heights.
    pub(super) fn distance(&self, track: &Track) -> f32 {
        let (a, b) = (self.track.bbox.bottom_centre(), track.first_bbox.bottom_centre());
        // The larger of the two: what is half hidden looks small.
        let (one, other) = (&self.track.bbox, &track.first_bbox);
        let (width, height) = (one.width().max(other.width()), one.height().max(other.height()));
        ((a.x - b.x) / width.max(1e-3)).hypot((a.y - b.y) / height.max(1e-3))
    }

    /// Whether a track that began after it was lost may be it: still waited for, and where it stood or within its reach.
    pub(super) fn may_be(&self, track: &Track, now_us: i64) -> bool {
        let seen_us = self.track.last_seen_us;
        if seen_us >= track.first_seen_us || now_us - seen_us > self.patience_us() {
            return false;
        }
        let lost_us = track.first_seen_us - seen_us;
        let reach = match (self.well_inside, lost_us <= LOST_US) {
            (true, _) => SAME_PLACE + WALKED * (lost_us as f32 / 1e6).sqrt(),
            (false, true) => SAME_PLACE,
            // After a longer time only one that stands where the other stood may be the same.
            (false, false) => 0.0,
        };
        same_place(&self.still.0, &track.first_bbox) || self.distance(track) <= reach
    }
}
