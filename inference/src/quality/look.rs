//! One look at a picture: a few numbers, by themselves and against what the camera usually shows. The diagnoses judge
//! by them and by nothing else.

use super::{
    histogram::Histogram,
    normal::{Normal, Usual},
    sample::Cells,
    structure::Structure,
    writing::is_written,
};

/// A cell above this level has next to nothing but white in it (235 is white).
const BLOWN_MIN: f32 = 222.0;
/// A cell that usually has more fine detail than this above the noise tells about sharpness, levels.
const TEXTURE_MIN: f32 = 0.8;
/// A cell with more than this has an edge in it.
const EDGED_MIN: f32 = 3.0;
/// Share of the cells that must be so, or nothing is told: a square or a river bank in rain has this in a twentieth of them.
const TEXTURED_MIN: f32 = 0.035;
/// Share of them from which patches can be told: on a plain road one car hides all there is.
const PATCHES_MIN: f32 = 0.15;
/// A cell with less than this part of its usual detail …
const LOST_DETAIL: f32 = 0.3;
/// … and of its usual coarse structure shows nothing of the scene.
const LOST_STRUCTURE: f32 = 0.5;
/// (or of next to none, levels)
const FLAT_MAX: f32 = 2.0;

/// Least usual difference of bright and dark that another one is compared with, levels.
const RANGE_MIN: f32 = 8.0;

/// What a picture is like.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Look {
    /// Level that 5 % of the cells are below.
    pub(super) low: f32,
    /// Level that 5 % of the cells are above.
    pub(super) high: f32,
    /// Share of the cells that are white.
    pub(super) blown: f32,
    /// Fine detail where there is least: the noise, levels.
    pub(super) noise: f32,
    /// Share of the cells that have strong detail, edges rather than what a coder leaves of noise.
    pub(super) edged: f32,
    /// Change since the picture before in the middle cell, where there was one before, levels.
    pub(super) change: Option<f32>,
    /// How long nothing but the coder has changed anything, microseconds.
    pub(super) still_us: i64,
    /// Against what is usual, once that is known.
    pub(super) against: Option<Against>,
}

/// A picture beside what the camera usually shows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Against {
    /// Agreement of the coarse structure, −1 … 1.
    pub(super) agreement: f32,
    /// The same under the shift that makes it best; looked for only where the agreement is poor,
    /// and known where it is the same twice.
    pub(super) shifted: Option<f32>,
    /// Share of the blocks of the picture that show what they usually show.
    pub(super) kept: f32,
    /// Fine detail of the middle cell, parts of the usual one; none where the scene has too little of it.
    pub(super) sharpness: Option<f32>,
    /// The same of the cells that are not lost.
    pub(super) rest_sharpness: Option<f32>,
    /// Difference of the bright and the dark, parts of the usual one.
    pub(super) contrast: f32,
    /// Share of the cells with detail that show nothing of it since a moment; see [`super::sudden`].
    pub(super) lost: f32,
    /// The usual view has gone at a moment; see [`super::sudden`].
    pub(super) gone: bool,
    /// How far the whole picture's colour is from the usual one's, levels.
    pub(super) cast: f32,
    /// What single numbers usually are.
    pub(super) usual: Usual,
}

/// Bins to one, for levels, for detail and change, and for parts of the usual.
const LEVELS: f32 = 8.0;
const DETAIL: f32 = 16.0;
const PARTS: f32 = 512.0;

/// Room to work in.
#[derive(Debug, Clone, Default)]
pub(super) struct Scratch {
    histogram: Histogram,
    lost: Vec<Option<bool>>,
}

/// Fine detail over the last second or so: what a coder leaves of noise comes and goes from picture to picture.
#[derive(Debug, Clone, Default)]
pub(super) struct Smooth {
    detail: Vec<f32>,
}

/// Its time constant, microseconds.
const SMOOTH_US: f32 = 900_000.0;

impl Smooth {
    /// The next picture stands for itself.
    pub(super) fn forget(&mut self) {
        self.detail.clear();
    }

    /// Takes in a picture's detail, so long after the one before.
    pub(super) fn follow(&mut self, detail: &[f32], step_us: i64) {
        if self.detail.len() != detail.len() {
            self.detail = detail.to_vec();
            return;
        }
        let weight = 1.0 - (-(step_us.max(0) as f32) / SMOOTH_US).exp();
        for (mean, value) in self.detail.iter_mut().zip(detail) {
            *mean += weight * (value - *mean);
        }
    }
}

impl Look {
    /// What the picture is by itself, but for what is `written` on it.
    pub(super) fn of(cells: &Cells, written: &[bool], compared: bool, scratch: &mut Scratch) -> Self {
        let levels = || unwritten(&cells.level, written);
        let count = levels().count().max(1) as f32;
        let noise = scratch.histogram.quantile(unwritten(&cells.detail, written), 0.2, DETAIL);
        let edged = unwritten(&cells.detail, written).filter(|&detail| detail - noise >= EDGED_MIN).count();
        let blown = levels().filter(|&level| level >= BLOWN_MIN).count();
        Self {
            low: scratch.histogram.quantile(levels(), 0.05, LEVELS),
            high: scratch.histogram.quantile(levels(), 0.95, LEVELS),
            blown: blown as f32 / count,
            noise,
            edged: edged as f32 / count,
            change: compared.then(|| scratch.histogram.quantile(unwritten(&cells.change, written), 0.5, DETAIL)),
            still_us: 0,
            against: None,
        }
    }
}

impl Against {
    /// Compares with what is usual.
    pub(super) fn of(
        smooth: &Smooth,
        look: &Look,
        structure: &Structure,
        normal: &Normal,
        columns: usize,
        scratch: &mut Scratch,
    ) -> Self {
        let mut lost = std::mem::take(&mut scratch.lost);
        lost.clear();
        let written = &normal.written;
        // Both are means over some time: their least is not that of a single picture.
        let mut floor = |detail: &[f32]| scratch.histogram.quantile(unwritten(detail, written), 0.2, DETAIL);
        let (noise, usual_noise) = (floor(&smooth.detail), floor(&normal.detail));
        let ratio = |cell: usize| {
            let usual = normal.detail[cell] - usual_noise;
            let told = usual >= TEXTURE_MIN && !is_written(written, cell);
            told.then(|| ((smooth.detail[cell] - noise) / usual).clamp(0.0, 4.0))
        };
        lost.extend((0..smooth.detail.len()).map(|cell| {
            let usual = normal.structure.height(cell).abs();
            let flat = structure.height(cell).abs() <= (LOST_STRUCTURE * usual).max(FLAT_MAX);
            ratio(cell).map(|ratio| ratio < LOST_DETAIL && flat)
        }));
        let textured = lost.iter().flatten().count();
        let told = textured as f32 >= TEXTURED_MIN * lost.len() as f32;
        let sharpness = told.then(|| scratch.histogram.quantile((0..lost.len()).filter_map(ratio), 0.5, PARTS));
        let seen = (0..lost.len()).filter(|&cell| lost[cell] == Some(false)).filter_map(ratio);
        let rest_sharpness = told.then(|| scratch.histogram.quantile(seen, 0.5, PARTS));
        let enough = textured as f32 >= PATCHES_MIN * lost.len() as f32;
        let whole = if enough { whole_patches(&lost, columns) as f32 / textured as f32 } else { 0.0 };
        let agreement = structure.agreement(&normal.structure);
        scratch.lost = lost;
        Self {
            agreement,
            shifted: None,
            kept: structure.kept(&normal.structure),
            sharpness,
            rest_sharpness,
            contrast: (look.high - look.low) / (normal.usual.high - normal.usual.low).max(RANGE_MIN),
            lost: whole,
            gone: false,
            cast: 0.0,
            usual: normal.usual,
        }
    }
}

/// The values of those cells on which nothing is written.
fn unwritten<'a>(values: &'a [f32], written: &'a [bool]) -> impl Iterator<Item = f32> + 'a {
    values.iter().enumerate().filter(move |(cell, _)| !is_written(written, *cell)).map(|(_, value)| *value)
}

/// Lost cells around which every cell that could be lost is: paint has no windows, a bus has.
fn whole_patches(lost: &[Option<bool>], columns: usize) -> usize {
    let rows = lost.len() / columns;
    let around = |cell: usize| {
        let (x, y) = (cell % columns, cell / columns);
        let row = move |y: usize| lost[y * columns..][x.saturating_sub(1)..(x + 2).min(columns)].iter();
        (y.saturating_sub(1)..(y + 2).min(rows)).flat_map(row).all(|&lost| lost != Some(false))
    };
    (0..lost.len()).filter(|&cell| lost[cell] == Some(true) && around(cell)).count()
}
