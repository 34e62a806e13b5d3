//! What a camera usually shows: level, detail and structure of each cell, learned slowly from pictures that nothing is
//! wrong with, so that dusk and a parked lorry become usual and a covered lens does not.

use super::{look::Look, sample::Cells, structure::Structure, tint::Tint, writing};

/// Media time and pictures until something is usual.
const LEARN_US: i64 = 12_000_000;
const LEARN_PICTURES: u32 = 10;
/// Time constant of learning afterwards.
const FOLLOW_US: i64 = 120_000_000;
/// The most that one picture counts for after learning, microseconds.
const STEP_MAX_US: i64 = 4_000_000;

/// Pictures from one structure to the next.
const STRUCTURE_EVERY: u32 = 4;

/// What is unlike the usual picture, without being a fault (yet), is learned so many times slower: a fault must not become
/// usual while it is being looked at, a new shop sign shall.
const UNLIKE_SLOWER: f32 = 12.0;

/// What single numbers of a camera's pictures usually are; see [`Look`].
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Usual {
    pub(super) noise: f32,
    pub(super) low: f32,
    pub(super) high: f32,
    pub(super) edged: f32,
    pub(super) change: f32,
}

/// The usual picture of one camera.
#[derive(Debug, Clone, Default)]
pub(super) struct Normal {
    level: Vec<f32>,
    /// Fine detail, levels.
    pub(super) detail: Vec<f32>,
    /// In how many pictures a cell was seen without an object in it.
    bare: Vec<u16>,
    /// Cells that the camera writes on; none before the second picture.
    pub(super) written: Vec<bool>,
    /// Coarse structure.
    pub(super) structure: Structure,
    /// Colour.
    pub(super) tint: Tint,
    /// Single numbers.
    pub(super) usual: Usual,
    pictures: u32,
    seen_us: i64,
}

impl Normal {
    /// Whether enough has been seen.
    pub(super) fn known(&self) -> bool {
        self.pictures >= LEARN_PICTURES && self.seen_us >= LEARN_US
    }

    /// Learns from a picture that came `step_us` after the one before. The detail of what is `occupied` is that of an
    /// object, which may leave.
    pub(super) fn learn(
        &mut self,
        cells: &Cells,
        look: &Look,
        tint: &Tint,
        occupied: &[bool],
        columns: usize,
        step_us: i64,
    ) {
        let step_us = step_us.clamp(0, STEP_MAX_US);
        self.seen_us = self.seen_us.saturating_add(step_us);
        self.pictures = self.pictures.saturating_add(1);
        // The plain mean while learning, then a mean that forgets.
        let weight = (1.0 / self.pictures as f32).max(step_us as f32 / FOLLOW_US as f32);
        let weight = if look.is_unlike() && self.known() { weight / UNLIKE_SLOWER } else { weight };
        self.tint.follow(tint, weight);
        follow(&mut self.level, &cells.level, weight);
        self.learn_detail(&cells.detail, occupied, weight);
        let usual = &mut self.usual;
        let change = look.change.unwrap_or(usual.change);
        let numbers = [
            (&mut usual.noise, look.noise),
            (&mut usual.low, look.low),
            (&mut usual.high, look.high),
            (&mut usual.edged, look.edged),
            (&mut usual.change, change),
        ];
        for (mean, value) in numbers {
            *mean += weight * (value - *mean);
        }
        // The mean moves slowly; its structure need not be taken each time.
        if self.pictures.is_multiple_of(STRUCTURE_EVERY) || !self.known() {
            writing::find(&self.detail, columns, &mut self.written);
            self.structure.of(&self.level, &self.written, columns);
        }
    }

    /// A cell that has always been occupied takes what stands there for the time being, and what is behind it at once.
    fn learn_detail(&mut self, detail: &[f32], occupied: &[bool], weight: f32) {
        self.detail.resize(detail.len(), 0.0);
        self.bare.resize(detail.len(), 0);
        let cells = self.detail.iter_mut().zip(&mut self.bare).zip(detail.iter().zip(occupied));
        for ((mean, bare), (value, occupied)) in cells {
            let weight = match (occupied, *bare) {
                (true, 0) => weight,
                (true, _) => continue,
                (false, before) => {
                    *bare = before.saturating_add(1);
                    if u32::from(*bare) <= LEARN_PICTURES { weight.max(1.0 / f32::from(*bare)) } else { weight }
                }
            };
            *mean += weight * (value - *mean);
        }
    }
}

fn follow(means: &mut Vec<f32>, values: &[f32], weight: f32) {
    means.resize(values.len(), 0.0);
    for (mean, value) in means.iter_mut().zip(values) {
        *mean += weight * (value - *mean);
    }
}
