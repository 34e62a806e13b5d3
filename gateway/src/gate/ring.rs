//! The newest coded pictures of one camera, whole groups of them: what an event's beginning is found again in. Bounded
//! in time and bytes; beyond that the oldest group goes.

use std::collections::VecDeque;

/// Most groups: the one that is coming in and the one before it.
const GROUPS_MAX: usize = 2;
/// Most bytes of both.
pub const BYTES_MAX: usize = 6 << 20;
/// The longest that a group may last.
pub const GROUP_US_MAX: i64 = 4_200_000;

/// Coded pictures by groups.
#[derive(Debug)]
pub struct Ring<T> {
    groups: VecDeque<Group<T>>,
}

#[derive(Debug)]
struct Group<T> {
    from_us: i64,
    bytes: usize,
    units: Vec<T>,
}

impl<T> Default for Ring<T> {
    fn default() -> Self {
        Self { groups: VecDeque::new() }
    }
}

impl<T: Clone> Ring<T> {
    /// Whether a picture can be kept with its group, from the keyframe on.
    pub fn fits(&self, bytes: usize, keyframe: bool, media_us: i64) -> bool {
        if keyframe {
            return bytes <= BYTES_MAX;
        }
        let fits = |group: &Group<T>| media_us - group.from_us <= GROUP_US_MAX && group.bytes + bytes <= BYTES_MAX;
        self.groups.back().is_some_and(fits)
    }

    /// Takes a picture. One before the first keyframe is not kept; a group that grows beyond the bounds is forgotten as
    /// a whole, because a part of it cannot be decoded.
    pub fn push(&mut self, unit: T, bytes: usize, keyframe: bool, media_us: i64) {
        if keyframe {
            while self.groups.len() >= GROUPS_MAX {
                self.groups.pop_front();
            }
            self.groups.push_back(Group { from_us: media_us, bytes: 0, units: Vec::new() });
        }
        let Some(group) = self.groups.back_mut() else { return };
        group.bytes += bytes;
        group.units.push(unit);
        if media_us - group.from_us > GROUP_US_MAX || group.bytes > BYTES_MAX {
            self.groups.clear();
        } else if self.bytes() > BYTES_MAX {
            self.groups.pop_front();
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.groups.clear();
    }

    /// Bytes that are kept.
    pub fn bytes(&self) -> usize {
        self.groups.iter().map(|group| group.bytes).sum()
    }

    /// The last `count` pictures of the group that is coming in.
    pub fn newest(&self, count: usize) -> Vec<T> {
        let units = self.groups.back().map_or(&[][..], |group| &group.units);
        units[units.len().saturating_sub(count)..].to_vec()
    }

    /// Everything, from the oldest keyframe on.
    pub fn all(&self) -> Vec<T> {
        self.groups.iter().flat_map(|group| group.units.iter().cloned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_groups_are_kept_and_never_a_part_of_one() {
        let mut ring = Ring::default();
        ring.push(-1, 10, false, -40_000);
        assert!(!ring.fits(1, false, 0) && ring.fits(1, true, 0) && ring.all().is_empty());
        for n in 0i64..95 {
            ring.push(n, 10, n % 20 == 0, n * 40_000);
        }
        assert_eq!(ring.all(), (60..95).collect::<Vec<_>>());
        assert_eq!(ring.newest(3), [92, 93, 94]);
        assert_eq!(ring.newest(99), (80..95).collect::<Vec<_>>());
    }

    #[test]
    fn it_is_bounded_in_bytes_and_seconds() {
        let mut ring = Ring::default();
        for n in 0i64..2000 {
            let fits = ring.fits(40_000, n % 100 == 0, n * 40_000);
            ring.push(n, 40_000, n % 100 == 0, n * 40_000);
            assert!(ring.bytes() <= BYTES_MAX && fits != ring.all().is_empty());
        }
        ring.push(0, 1, true, 0);
        for n in 0i64..2000 {
            ring.push(n, 1, false, n * 40_000);
        }
        assert!(ring.all().is_empty());
    }
}
