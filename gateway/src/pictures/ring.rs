//! The newest seconds of a camera's coded pictures, whole groups of them: what a clip is cut from when somebody asks. Apart
//! from the [gate's ring](crate::gate::ring), which is as long as decoding needs and is emptied whenever that begins anew.

use std::collections::VecDeque;

use crate::camera::Codec;
use crate::decode::pipeline::Unit;

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// From the oldest picture to the newest; 0 keeps nothing.
    pub span_us: i64,
    /// Bytes of the coded pictures.
    pub bytes: usize,
}

impl Bounds {
    /// Nothing is kept.
    pub const OFF: Self = Self { span_us: 0, bytes: 0 };

    /// Whether anything is.
    pub fn keeps(self) -> bool {
        self.span_us > 0 && self.bytes > 0
    }
}

/// Coded pictures by groups, each from its keyframe on.
///
/// Bound: [`Bounds`]; beyond it the oldest group goes. A group that is too large by itself is not kept, because a part of
/// it without its keyframe cannot be decoded and one without its end would look like a picture that froze.
pub struct Ring {
    bounds: Bounds,
    groups: VecDeque<Group>,
    bytes: usize,
}

struct Group {
    codec: Codec,
    bytes: usize,
    units: Vec<Unit>,
}

impl Group {
    fn first_us(&self) -> i64 {
        self.units.first().map_or(i64::MAX, |unit| unit.times.capture_us)
    }

    fn last_us(&self) -> i64 {
        self.units.iter().map(|unit| unit.times.capture_us).max().unwrap_or(i64::MIN)
    }

    /// Whether a clip can go on from this group to that one: the same codec and the same session with the camera.
    fn goes_on(&self, next: &Group) -> bool {
        let session = |group: &Group| group.units.first().map(|unit| unit.times.session);
        self.codec == next.codec && session(self) == session(next)
    }
}

impl Ring {
    /// Empty.
    pub fn new(bounds: Bounds) -> Self {
        Self { bounds, groups: VecDeque::new(), bytes: 0 }
    }

    /// Other bounds; what they do not let be kept goes now.
    pub fn set_bounds(&mut self, bounds: Bounds) {
        self.bounds = bounds;
        self.trim();
    }

    /// Whether anything is kept.
    pub fn keeps(&self) -> bool {
        self.bounds.keeps()
    }

    /// Takes a coded picture; one without its keyframe is left out. Copies no bytes.
    pub fn push(&mut self, codec: Codec, unit: &Unit) {
        if !self.keeps() {
            return;
        }
        if unit.keyframe {
            self.groups.push_back(Group { codec, bytes: 0, units: Vec::new() });
        }
        let Some(group) = self.groups.back_mut().filter(|group| group.codec == codec) else { return };
        let bytes = unit.data.as_ref().len();
        group.bytes += bytes;
        self.bytes += bytes;
        group.units.push(unit.clone());
        self.trim();
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.groups.clear();
        self.bytes = 0;
    }

    /// What is kept of the time between two moments, from a keyframe on, without a break; none where that is nothing.
    pub fn cut(&self, from_us: i64, to_us: i64) -> Option<(Codec, Vec<Unit>)> {
        let before = self.groups.iter().rposition(|group| group.first_us() <= from_us);
        // Where the pictures broke off before that moment, what came after is the answer.
        let kept = |at: &usize| self.groups.get(*at).is_some_and(|group| group.last_us() >= from_us);
        let first = before.map_or(0, |at| if kept(&at) { at } else { at + 1 });
        let mut cut = Vec::new();
        let mut before: Option<&Group> = None;
        for group in self.groups.iter().skip(first) {
            let ended = before.is_some_and(|before| !before.goes_on(group));
            if ended || group.first_us() > to_us {
                break;
            }
            // In the order of decoding: what the last one refers to stands before it, whenever it was taken.
            let count = group.units.iter().rposition(|unit| unit.times.capture_us <= to_us).map_or(0, |at| at + 1);
            cut.extend_from_slice(&group.units[..count]);
            before = Some(group);
        }
        before.map(|group| (group.codec, cut))
    }

    fn trim(&mut self) {
        let too_long = |ring: &Self| {
            let newest_us = ring.groups.back().and_then(|group| group.units.last()).map(|unit| unit.times.capture_us);
            let oldest_us = ring.groups.front().map(Group::first_us);
            oldest_us.zip(newest_us).is_some_and(|(oldest, newest)| newest.saturating_sub(oldest) > ring.bounds.span_us)
        };
        while self.bytes > self.bounds.bytes || too_long(self) {
            let Some(gone) = self.groups.pop_front() else { return };
            self.bytes -= gone.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::camera::{TimeSource, Times};

    const SECOND_US: i64 = 1_000_000;

    fn unit(second: i64, keyframe: bool, bytes: usize, session: u32) -> Unit {
        let at_us = second * SECOND_US;
        let times = Times {
            media_us: at_us,
            capture_us: at_us,
            time_source: TimeSource::Arrival,
            time_error_ms: 0,
            arrival_us: at_us,
            session,
        };
        Unit { data: vec![0; bytes].into(), keyframe, times }
    }

    /// A picture a second, a keyframe every four.
    fn filled(bounds: Bounds, seconds: std::ops::Range<i64>) -> Ring {
        let mut ring = Ring::new(bounds);
        seconds.for_each(|n| ring.push(Codec::H264, &unit(n, n % 4 == 0, 10, 1)));
        ring
    }

    fn seconds(ring: &Ring, from: i64, to: i64) -> Vec<i64> {
        let cut = ring.cut(from * SECOND_US, to * SECOND_US);
        cut.map_or(Vec::new(), |(_, units)| units.iter().map(|unit| unit.times.capture_us / SECOND_US).collect())
    }

    const WIDE: Bounds = Bounds { span_us: 100 * SECOND_US, bytes: 10_000 };

    #[test]
    fn a_clip_begins_with_the_keyframe_before_and_ends_where_it_was_asked_to() {
        let ring = filled(WIDE, 0..20);
        assert_eq!(seconds(&ring, 6, 9), [4, 5, 6, 7, 8, 9]);
        assert_eq!(seconds(&ring, 8, 8), [8]);
        assert_eq!(seconds(&ring, -5, 2), [0, 1, 2], "what is kept of it");
        assert_eq!(seconds(&ring, 18, 40), [16, 17, 18, 19]);
        assert!(ring.cut(30 * SECOND_US, 40 * SECOND_US).is_none() && ring.cut(-9, -1).is_none());
    }

    #[test]
    fn the_oldest_group_goes_where_it_would_be_too_long_or_too_much() {
        let long = filled(Bounds { span_us: 9 * SECOND_US, ..WIDE }, 0..20);
        assert_eq!(seconds(&long, 0, 99), (12..20).collect::<Vec<_>>());
        let much = filled(Bounds { bytes: 95, ..WIDE }, 0..20);
        assert_eq!(seconds(&much, 0, 99), (12..20).collect::<Vec<_>>());
        assert!(filled(Bounds::OFF, 0..20).cut(0, i64::MAX).is_none());
        let huge = filled(Bounds { bytes: 25, ..WIDE }, 0..20);
        assert!(huge.cut(0, i64::MAX).is_none(), "no part of a group");
        assert_eq!(huge.bytes, 0);
        let mut narrowed = filled(WIDE, 0..20);
        narrowed.set_bounds(Bounds { bytes: 60, ..WIDE });
        assert_eq!(seconds(&narrowed, 0, 99), [16, 17, 18, 19]);
        narrowed.clear();
        assert_eq!((narrowed.bytes, seconds(&narrowed, 0, 99).len()), (0, 0));
    }

    #[test]
    fn a_clip_does_not_go_on_across_a_lost_stream() {
        let mut ring = filled(WIDE, 0..6);
        (9..15).for_each(|n| ring.push(Codec::H264, &unit(n, n % 3 == 0, 10, 2)));
        assert_eq!(seconds(&ring, 2, 12), [0, 1, 2, 3, 4, 5]);
        assert_eq!(seconds(&ring, 7, 12), [9, 10, 11, 12], "nothing was kept of the time between");
        ring.push(Codec::H265, &unit(15, false, 10, 2));
        assert_eq!(seconds(&ring, 12, 20), [12, 13, 14], "another codec begins with a keyframe");
    }
}
