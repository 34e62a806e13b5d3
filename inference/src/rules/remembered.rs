//! Places of objects that stood still, were told of and went out of sight: who is found standing there again is no news.
//! A detector tires of what never moves and finds it again when the light changes; without this a person who stands, or
//! a parked car, would be an event each time.

use super::standing::same_place;
use crate::{picture::Rect, track::Track};

/// So long after it was last seen, a place is remembered.
const REMEMBERED_US: i64 = 600_000_000;
/// Most places; the longest unseen goes first.
const PLACES_MAX: usize = 64;

/// The places of one rule.
#[derive(Debug, Default)]
pub(crate) struct Remembered {
    places: Vec<Spot>,
}

#[derive(Debug)]
struct Spot {
    bbox: Rect,
    /// Media time; none where that was in another session of the camera, whose times say nothing here.
    seen_us: Option<i64>,
}

impl Remembered {
    /// Somebody stood there and was last seen then.
    pub(crate) fn keep(&mut self, bbox: Rect, seen_us: i64) {
        self.places.retain(|spot| !same_place(&spot.bbox, &bbox));
        if self.places.len() >= PLACES_MAX {
            self.places.remove(0);
        }
        self.places.push(Spot { bbox, seen_us: Some(seen_us) });
    }

    /// Time goes on: what was not seen for too long is forgotten.
    pub(crate) fn pass(&mut self, t_us: i64) {
        for spot in &mut self.places {
            spot.seen_us.get_or_insert(t_us);
        }
        self.places.retain(|spot| spot.seen_us.is_some_and(|seen_us| t_us - seen_us <= REMEMBERED_US));
    }

    /// The place where a track began and still is, if it is a remembered one; it is not remembered any more then.
    pub(crate) fn take(&mut self, track: &Track) -> Option<Rect> {
        let is_there = |spot: &Spot| same_place(&spot.bbox, &track.first_bbox) && same_place(&spot.bbox, &track.bbox);
        let found = self.places.iter().position(is_there)?;
        Some(self.places.remove(found).bbox)
    }

    /// The stream is lost or over; the next one's times may have nothing to do with these.
    pub(crate) fn lose_time(&mut self) {
        self.places.iter_mut().for_each(|spot| spot.seen_us = None);
    }
}
