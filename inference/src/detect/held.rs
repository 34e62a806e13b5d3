//! Where the model is sure that somebody stands, the background waits: it would take him in otherwise, he would fade from
//! what the model sees of change, and leave a ghost behind when he goes. Not for ever: what has been there for longer than
//! [`HELD_MAX_US`] is usual, and a ghost that the model mistakes for somebody cannot keep itself alive.

use super::{Detection, preprocess::Mapping};
use crate::track::TrackerConfig;

/// Side of the cells whose time is kept, pixels of the input.
const CELL_PX: usize = 4;
/// So long at most a cell is held, microseconds of media time.
const HELD_MAX_US: u32 = 60_000_000;
/// A cell that nobody holds forgets its time more slowly by this than it took to come: a box that flickers does not hold
/// for ever.
const FORGETS_SLOWER: u32 = 4;
/// After a longer break no more than this counts.
const STEP_MAX_US: i64 = 2_000_000;

/// For how long each place of one camera's input has been held.
#[derive(Debug, Clone, Default)]
pub(super) struct Held {
    last_us: Option<i64>,
    /// Microseconds of media time; none before anything was held.
    cells: Vec<u32>,
}

impl Held {
    /// The pixels, row by row in a picture of the mapping's size, from which the background is to be kept in the picture
    /// at `t_us`, given what the model has found in it, in fractions of the picture. What may start a track holds.
    pub(super) fn observe(&mut self, found: &[Detection], mapping: &Mapping, t_us: i64) -> Vec<u32> {
        let step_us = self.last_us.map_or(0, |last_us| t_us.saturating_sub(last_us).clamp(0, STEP_MAX_US)) as u32;
        self.last_us = Some(t_us);
        let new_score = TrackerConfig::default().new_score;
        let mut sure = found.iter().filter(|one| one.score >= new_score).peekable();
        let mut pixels = Vec::new();
        if sure.peek().is_none() && self.cells.is_empty() {
            return pixels;
        }
        let (width, height) = (mapping.width_px as usize, mapping.height_px as usize);
        let (columns, rows) = (width.div_ceil(CELL_PX), height.div_ceil(CELL_PX));
        self.cells.resize(columns * rows, 0);
        let mut covered = vec![false; columns * rows];
        sure.for_each(|one| one.bbox.mark(&mut covered, columns));
        for (at, (held_us, covered)) in self.cells.iter_mut().zip(covered).enumerate() {
            if !covered {
                *held_us = held_us.saturating_sub(step_us / FORGETS_SLOWER);
                continue;
            }
            *held_us = (*held_us + step_us).min(HELD_MAX_US);
            if *held_us < HELD_MAX_US {
                let (x0, y0) = (at % columns * CELL_PX, at / columns * CELL_PX);
                for y in y0..(y0 + CELL_PX).min(height) {
                    pixels.extend((x0..(x0 + CELL_PX).min(width)).map(|x| (y * width + x) as u32));
                }
            }
        }
        pixels
    }

    /// The next picture is another stream's.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }
}
