//! The coarse structure of a picture: where it is brighter or darker than its surroundings. It survives light, weather
//! and some blur; it is gone when the lens is covered, and elsewhere when the camera was turned.

use super::{histogram::Histogram, sample::ROWS, writing::is_written};

/// Half the window of the surroundings, cells.
const REACH: usize = 2;
/// Structure is counted in parts of this many of its own scale …
const ONE: f32 = 64.0;
/// … up to this many scales, so that one lamp does not outweigh the street.
const MOST: f32 = 2.0;
/// Smallest scale, levels: weaker structure is noise.
const SCALE_MIN: f32 = 0.7;
/// Less than this part of the scale says nothing.
const WEAK_MAX: f32 = 0.4;

/// The picture is looked at in so many blocks across and down, small enough that the strips beside a bus are some …
const BLOCKS: usize = 8;
/// … of which those count that have at least so much structure, mean square in scales …
const STRUCTURED_MIN: f32 = 0.2;
/// … and are the usual ones when they agree so well.
const KEPT_MIN: f32 = 0.6;

/// How far the search for a shift goes, parts of the picture's width and height.
const SEARCH: f32 = 0.35;

/// Structure of one picture.
#[derive(Debug, Clone, Default)]
pub(super) struct Structure {
    columns: usize,
    /// Brighter (+) or darker (−) than the surroundings, in parts of the scale.
    signs: Vec<i16>,
    /// Twice the middle difference from the surroundings, levels.
    pub(super) scale: f32,
    sums: Vec<f32>,
    high: Vec<f32>,
    counts: Vec<f32>,
    histogram: Histogram,
}

impl Structure {
    /// Takes the structure of mean levels; cells that are `written` on have none and are nobody's surroundings. An empty
    /// list is none.
    pub(super) fn of(&mut self, level: &[f32], written: &[bool], columns: usize) {
        self.columns = columns;
        self.surroundings(level, written);
        // The middle cell and not the mean: a car before a plain road must not outweigh the road.
        let unwritten = |(cell, high): (usize, &f32)| (!is_written(written, cell)).then_some(high.abs());
        let heights = self.high.iter().enumerate().filter_map(unwritten);
        self.scale = 2.0 * self.histogram.quantile(heights, 0.5, 32.0);
        let factor = 1.0 / self.scale.max(SCALE_MIN);
        self.signs.clear();
        self.signs.extend(self.high.iter().map(|high| {
            let part = (high * factor).clamp(-MOST, MOST);
            if part.abs() < WEAK_MAX { 0 } else { (part * ONE) as i16 }
        }));
    }

    /// Difference of a cell from its surroundings, levels.
    pub(super) fn height(&self, cell: usize) -> f32 {
        self.high[cell]
    }

    /// Correlation with another picture's structure, −1 … 1: 1 is the same view.
    pub(super) fn agreement(&self, other: &Structure) -> f32 {
        self.shifted(other, 0, 0)
    }

    /// Share of the blocks of the picture that still show what `other` shows there: another view has none of them, a
    /// bus before the camera leaves some.
    pub(super) fn kept(&self, other: &Structure) -> f32 {
        if self.signs.len() != other.signs.len() {
            return 0.0;
        }
        let (width, height) = (self.columns / BLOCKS, ROWS / BLOCKS);
        let (mut kept, mut told) = (0, 0);
        for block in 0..BLOCKS * BLOCKS {
            let (mut both, mut own, mut their) = (0, 0, 0);
            for row in 0..height {
                let from = (block / BLOCKS * height + row) * self.columns + block % BLOCKS * width;
                let (mine, theirs) = (&self.signs[from..][..width], &other.signs[from..][..width]);
                both += product(mine, theirs);
                own += masked_square(mine, theirs);
                their += product(theirs, theirs);
            }
            // A block of plain road tells nothing.
            if their as f32 > STRUCTURED_MIN * (ONE * ONE) * (width * height) as f32 {
                told += 1;
                let agreement = both as f32 / (own.max(1) as f32 * their as f32).sqrt();
                kept += u32::from(agreement >= KEPT_MIN);
            }
        }
        kept as f32 / told.max(1) as f32
    }

    /// The shift (columns, rows; how far things have moved in the picture) under which it agrees best, and how well.
    pub(super) fn best_shift(&self, other: &Structure) -> ((i32, i32), f32) {
        let reach = |cells: usize| (cells as f32 * SEARCH) as i32;
        let (across, along) = (reach(self.columns), reach(ROWS));
        // Every second shift first, then those around the best: structure is wider than a cell (`REACH`), and all of
        // them, twice a second, cost a camera in the dark as much as everything else.
        let mut best = ((0, 0), self.agreement(other));
        for dy in (-along..=along).step_by(2) {
            for dx in (-across..=across).step_by(2) {
                self.try_shift(other, (dx, dy), &mut best);
            }
        }
        let (x, y) = best.0;
        for dy in (y - 1).max(-along)..=(y + 1).min(along) {
            for dx in (x - 1).max(-across)..=(x + 1).min(across) {
                self.try_shift(other, (dx, dy), &mut best);
            }
        }
        best
    }

    fn try_shift(&self, other: &Structure, shift: (i32, i32), best: &mut ((i32, i32), f32)) {
        let agreement = self.shifted(other, shift.0, shift.1);
        if agreement > best.1 {
            *best = (shift, agreement);
        }
    }

    /// Correlation where `other` has structure, over the part that both show when its things have moved by (dx, dy):
    /// what is new in the picture counts only by what it hides.
    fn shifted(&self, other: &Structure, dx: i32, dy: i32) -> f32 {
        if self.signs.len() != other.signs.len() || self.signs.is_empty() {
            return 0.0;
        }
        let width = self.columns - dx.unsigned_abs() as usize;
        let (mine_x, theirs_x) = (dx.max(0) as usize, (-dx).max(0) as usize);
        let (mine_y, theirs_y) = (dy.max(0) as usize, (-dy).max(0) as usize);
        let (mut both, mut own, mut their) = (0i64, 0i64, 0i64);
        for row in 0..ROWS - dy.unsigned_abs() as usize {
            let mine = &self.signs[(row + mine_y) * self.columns + mine_x..][..width];
            let theirs = &other.signs[(row + theirs_y) * self.columns + theirs_x..][..width];
            both += i64::from(product(mine, theirs));
            own += i64::from(masked_square(mine, theirs));
            their += i64::from(product(theirs, theirs));
        }
        if own == 0 || their == 0 { 0.0 } else { both as f32 / ((own as f32) * (their as f32)).sqrt() }
    }

    /// Level less the mean of the window around it: sums down the columns, then across.
    fn surroundings(&mut self, level: &[f32], written: &[bool]) {
        let columns = self.columns;
        self.sums.resize(columns, 0.0);
        self.counts.resize(columns, 0.0);
        self.high.clear();
        for row in 0..ROWS {
            let (first, last) = (row.saturating_sub(REACH), (row + REACH).min(ROWS - 1));
            self.sums.fill(0.0);
            self.counts.fill(0.0);
            for line in first..=last {
                for column in 0..columns {
                    let cell = line * columns + column;
                    let part = if is_written(written, cell) { 0.0 } else { 1.0 };
                    self.sums[column] += part * level[cell];
                    self.counts[column] += part;
                }
            }
            for column in 0..columns {
                let cell = row * columns + column;
                let (from, to) = (column.saturating_sub(REACH), (column + REACH).min(columns - 1));
                let mean =
                    self.sums[from..=to].iter().sum::<f32>() / self.counts[from..=to].iter().sum::<f32>().max(1.0);
                self.high.push(if is_written(written, cell) { 0.0 } else { level[cell] - mean });
            }
        }
    }
}

/// Sum of products; no more than 64 of (2 · 64)² each.
fn product(a: &[i16], b: &[i16]) -> i32 {
    a.iter().zip(b).fold(0i32, |sum, (&a, &b)| sum.wrapping_add(i32::from(a).wrapping_mul(i32::from(b))))
}

/// Sum of squares where the other is not zero.
fn masked_square(a: &[i16], mask: &[i16]) -> i32 {
    a.iter().zip(mask).fold(0i32, |sum, (&a, &mask)| {
        let a = i32::from(if mask == 0 { 0 } else { a });
        sum.wrapping_add(a.wrapping_mul(a))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: usize = 40;

    /// Patches that are the same for the same place of an endless wall.
    fn wall(dx: usize, dy: usize, gain: f32, offset: f32) -> Structure {
        let level: Vec<f32> = (0..COLUMNS * ROWS)
            .map(|cell| {
                let (x, y) = ((cell % COLUMNS + dx) as u32, (cell / COLUMNS + dy) as u32);
                let hash = (x / 2).wrapping_mul(2_654_435_761) ^ (y / 2).wrapping_mul(2_246_822_519);
                offset + gain * (hash.wrapping_mul(3_266_489_917) >> 24) as f32
            })
            .collect();
        let mut structure = Structure::default();
        structure.of(&level, &[], COLUMNS);
        structure
    }

    #[test]
    fn light_and_contrast_leave_it_alone_and_a_turn_is_found_with_its_size() {
        let normal = wall(10, 10, 0.4, 60.0);
        assert!(normal.agreement(&wall(10, 10, 0.2, 120.0)) > 0.95);
        let turned = wall(15, 8, 0.4, 60.0);
        assert!(turned.agreement(&normal) < 0.3);
        let (shift, agreement) = turned.best_shift(&normal);
        assert_eq!(shift, (-5, 2));
        assert!(agreement > 0.9);
        let elsewhere = wall(500, 300, 0.4, 60.0);
        assert!(elsewhere.best_shift(&normal).1 < 0.4, "{:?}", elsewhere.best_shift(&normal));
    }

    #[test]
    fn what_is_written_on_the_picture_is_no_structure_of_the_view() {
        let with_letters = |levels: &dyn Fn(usize) -> f32| {
            let written: Vec<bool> =
                (0..COLUMNS * ROWS).map(|cell| cell / COLUMNS < 4 && cell % COLUMNS < 30).collect();
            let letters = |cell: usize| if cell.is_multiple_of(2) { 180.0 } else { 90.0 };
            let level = (0..COLUMNS * ROWS).map(|cell| if written[cell] { letters(cell) } else { levels(cell) });
            let (level, mut with, mut without) =
                (level.collect::<Vec<f32>>(), Structure::default(), Structure::default());
            with.of(&level, &[], COLUMNS);
            without.of(&level, &written, COLUMNS);
            [with, without]
        };
        let view = with_letters(&|cell| 80.0 + ((cell * 37) % 23) as f32);
        let black = with_letters(&|_| 17.0);
        assert!(black[0].agreement(&view[0]) > 0.3, "the letters are the same view");
        assert_eq!(black[1].agreement(&view[1]), 0.0);
    }

    #[test]
    fn an_even_picture_has_no_structure() {
        let mut even = Structure::default();
        even.of(&[90.0; COLUMNS * ROWS], &[], COLUMNS);
        assert!(even.scale < 0.1);
        assert_eq!(even.agreement(&wall(0, 0, 0.4, 60.0)), 0.0);
    }
}
