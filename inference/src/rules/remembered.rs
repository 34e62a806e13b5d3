//! Places of objects that stood still, were told of and went out of sight: who is found standing there again is no news.
//! A detector tires of what never moves and finds it again when the light changes; without this a person who stands, or
//! a parked car, would be an event each time. A place at which that has happened is remembered twice as long the next
//! time: what has stood for hours may be overlooked for hours.

use super::standing::same_place;
use crate::{picture::Rect, track::Track};

/// So long after it was last seen, a place is remembered …
const REMEMBERED_US: i64 = 600_000_000;
/// … each time that something was found there again twice as long, up to this.
const REMEMBERED_MAX_US: i64 = 86_400_000_000;
/// Most places; the one that was kept longest ago goes first.
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
    /// For how long it is remembered.
    for_us: i64,
    /// Something was found there again and has not gone out of sight since.
    is_taken: bool,
}

impl Remembered {
    /// Somebody stood there and was last seen then.
    pub(crate) fn keep(&mut self, bbox: Rect, seen_us: i64) {
        let before = self.places.iter().position(|spot| same_place(&spot.bbox, &bbox));
        let before = before.map(|index| self.places.remove(index));
        let for_us = before.map_or(REMEMBERED_US, |spot| if spot.is_taken { 2 * spot.for_us } else { spot.for_us });
        if self.places.len() >= PLACES_MAX {
            self.places.remove(0);
        }
        let for_us = for_us.min(REMEMBERED_MAX_US);
        self.places.push(Spot { bbox, seen_us: Some(seen_us), for_us, is_taken: false });
    }

    /// Time goes on: what was not seen for too long is forgotten.
    pub(crate) fn pass(&mut self, t_us: i64) {
        for spot in &mut self.places {
            spot.seen_us.get_or_insert(t_us);
        }
        let longest = |spot: &Spot| if spot.is_taken { REMEMBERED_MAX_US } else { spot.for_us };
        self.places.retain(|spot| spot.seen_us.is_some_and(|seen_us| t_us - seen_us <= longest(spot)));
    }

    /// The place where a track began and still is, if it is a remembered one; it is no other's any more then.
    pub(crate) fn take(&mut self, track: &Track) -> Option<Rect> {
        let is_there = |spot: &&mut Spot| {
            !spot.is_taken && same_place(&spot.bbox, &track.first_bbox) && same_place(&spot.bbox, &track.bbox)
        };
        let found = self.places.iter_mut().find(is_there)?;
        found.is_taken = true;
        found.seen_us = Some(track.last_seen_us);
        Some(found.bbox)
    }

    /// The stream is lost or over; the next one's times may have nothing to do with these.
    pub(crate) fn lose_time(&mut self) {
        self.places.iter_mut().for_each(|spot| spot.seen_us = None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{picture::Point, rules::testing::Walk};

    const MINUTE_US: i64 = 60_000_000;

    fn track(t_us: i64) -> Track {
        let mut walk = Walk::default();
        walk.step(t_us, &[(1, 0.5, 0.6)]);
        walk.step(t_us + 200_000, &[(1, 0.5, 0.6)])[0].clone()
    }

    #[test]
    fn what_is_found_again_is_remembered_twice_as_long_and_what_has_gone_is_forgotten() {
        let bbox = Rect::around(Point::new(0.5, 0.5), 0.1, 0.2);
        let mut places = Remembered::default();
        let mut t_us = 0;
        places.keep(bbox, t_us);
        for minutes in [9, 19, 39, 79] {
            t_us += minutes * MINUTE_US;
            places.pass(t_us);
            assert!(places.take(&track(t_us)).is_some(), "after {minutes} minutes");
            assert!(places.take(&track(t_us)).is_none(), "it is one thing's place");
            places.keep(bbox, t_us);
        }
        // Sixteen times ten minutes by now.
        places.pass(t_us + 161 * MINUTE_US);
        assert!(places.take(&track(t_us + 161 * MINUTE_US)).is_none());
        places.keep(bbox, 0);
        places.pass(11 * MINUTE_US);
        assert!(places.take(&track(11 * MINUTE_US)).is_none(), "after that long it begins anew");
    }
}
