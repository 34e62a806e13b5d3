//! The newest group of a camera's coded pictures, from its keyframe on: what a still is decoded from when somebody asks
//! for one. Apart from the [gate's ring](crate::gate::ring), which is emptied whenever decoding begins anew.

use crate::camera::Codec;
use crate::decode::pipeline::Unit;

/// Most bytes of a group. A camera of 8 Mbit/s with a keyframe every 5 s fits.
pub const BYTES_MAX: usize = 6 << 20;
/// Most pictures of a group: a still costs decoding all of them, so this bounds its delay too.
pub const UNITS_MAX: usize = 300;

/// Coded pictures that can be decoded: a keyframe and what follows it.
///
/// Bound: [`BYTES_MAX`] and [`UNITS_MAX`]. A group that grows beyond keeps its keyframe and nothing else, because what
/// follows a gap cannot be decoded: the still is older then, and its capture time says so.
#[derive(Default)]
pub struct Reel {
    group: Option<(Codec, Vec<Unit>)>,
    bytes: usize,
    /// The group has outgrown its bounds.
    cut: bool,
}

impl Reel {
    /// Takes a coded picture; one before the first keyframe is left out. Copies no bytes.
    pub fn push(&mut self, codec: Codec, unit: &Unit) {
        let bytes = unit.data.as_ref().len();
        if unit.keyframe {
            (self.bytes, self.cut) = (bytes, bytes > BYTES_MAX);
            self.group = (!self.cut).then(|| (codec, vec![unit.clone()]));
            return;
        }
        let Some((_, units)) = self.group.as_mut().filter(|(own, _)| !self.cut && *own == codec) else { return };
        if self.bytes + bytes > BYTES_MAX || units.len() >= UNITS_MAX {
            units.truncate(1);
            self.cut = true;
        } else {
            self.bytes += bytes;
            units.push(unit.clone());
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Whether what comes next can be decoded with what is kept.
    pub fn is_whole(&self) -> bool {
        !self.cut
    }

    /// The group that is coming in, where there is one.
    pub fn newest(&self) -> Option<(Codec, Vec<Unit>)> {
        self.group.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::camera::{TimeSource, Times};

    fn unit(n: i64, keyframe: bool, bytes: usize) -> Unit {
        let times = Times {
            media_us: n,
            capture_us: n,
            time_source: TimeSource::Arrival,
            time_error_ms: 0,
            arrival_us: n,
            session: 0,
        };
        Unit { data: vec![0; bytes].into(), keyframe, times }
    }

    fn kept(reel: &Reel) -> Vec<i64> {
        reel.newest().map_or(Vec::new(), |(_, units)| units.iter().map(|unit| unit.times.media_us).collect())
    }

    #[test]
    fn the_newest_group_is_kept_from_its_keyframe_on() {
        let mut reel = Reel::default();
        reel.push(Codec::H264, &unit(0, false, 10));
        assert!(kept(&reel).is_empty());
        (1..8).for_each(|n| reel.push(Codec::H264, &unit(n, n % 5 == 1, 10)));
        assert_eq!(kept(&reel), [6, 7]);
        reel.push(Codec::H265, &unit(8, false, 10));
        assert_eq!(kept(&reel), [6, 7], "another codec begins with a keyframe");
        reel.clear();
        assert!(kept(&reel).is_empty());
    }

    #[test]
    fn a_group_beyond_the_bounds_is_its_keyframe_until_the_next() {
        let mut reel = Reel::default();
        reel.push(Codec::H264, &unit(0, true, 10));
        (1..).take(UNITS_MAX + 5).for_each(|n| reel.push(Codec::H264, &unit(n, false, 1)));
        assert_eq!(kept(&reel), [0]);
        reel.push(Codec::H264, &unit(1000, true, 10));
        reel.push(Codec::H264, &unit(1001, false, BYTES_MAX));
        assert_eq!(kept(&reel), [1000]);
        reel.push(Codec::H264, &unit(1002, false, 1));
        assert_eq!(kept(&reel), [1000], "what follows a gap cannot be decoded");
        reel.push(Codec::H264, &unit(2000, true, BYTES_MAX + 1));
        assert!(kept(&reel).is_empty());
    }
}
