//! Luma of the picture at the size of the input by area averaging: each pixel of the input is the mean of what it
//! covers, so that 1080p shrunk to a fifth does not alias, as bilinear interpolation would. Rows first (their weighted
//! sum is vector work on contiguous bytes), then columns. Tables are made once a picture size; nothing is allocated for
//! a picture.

use super::preprocess::{Fit, Mapping};
use crate::{
    background::{Background, PARTS},
    picture::I420,
};

/// Weights of the rows of one pixel add up to this: 255 · 128 fits an `i16`.
const ROW_ONE: i32 = PARTS as i32;
/// Weights of its columns add up to this.
const COLUMN_ONE: i32 = 256;
/// Columns are summed in windows of so many: two vectors of eight `i16` multiplied and added in pairs.
const WINDOW: usize = 8;

/// Luma 16–235 is 0–1 (BT.601 limited range).
const BLACK: i16 = 16 * PARTS;
const WHITE: i16 = 235 * PARTS;
/// Luma of the padding, 0–1; its change is 0.
const PADDING: f32 = 0.5;

/// Everything that the pictures of one camera at one size need, with the background that they have had.
#[derive(Debug, Clone)]
pub(super) struct LumaAndChange {
    pub(super) picture_px: (u32, u32),
    pub(super) mapping: Mapping,
    rows: Vec<Span>,
    row_weights: Vec<i16>,
    columns: Vec<Window>,
    /// One row of the weighted sum of rows, with a window's worth of zeros beyond the picture.
    sum: Vec<i16>,
    luma: Vec<i16>,
    background: Background,
}

/// The source rows of one row of the input.
#[derive(Debug, Clone, Copy)]
struct Span {
    first: usize,
    count: usize,
    weights_from: usize,
}

/// Some of the source columns of one pixel of the input.
#[derive(Debug, Clone, Copy)]
struct Window {
    first: usize,
    weights: [i16; WINDOW],
    /// Whether it is the pixel's last one.
    last: bool,
}

impl LumaAndChange {
    /// For pictures of a size in an input of a size, aspect kept, top left; writes the padding into `data`.
    pub(super) fn new(picture_px: (u32, u32), input_px: (u32, u32), data: &mut [f32]) -> Self {
        let mapping = Mapping::new(picture_px, input_px, Fit::TopLeft);
        let (luma, change) = data.split_at_mut(data.len() / 2);
        luma.fill(PADDING);
        change.fill(0.0);
        let (mut rows, mut row_weights) = (Vec::new(), Vec::new());
        for row in 0..mapping.height_px {
            let (first, weights) = coverage(row, picture_px.1, mapping.height_px, ROW_ONE);
            rows.push(Span { first, count: weights.len(), weights_from: row_weights.len() });
            row_weights.extend(weights);
        }
        let mut columns = Vec::new();
        for column in 0..mapping.width_px {
            let (first, weights) = coverage(column, picture_px.0, mapping.width_px, COLUMN_ONE);
            let windows = weights.len().div_ceil(WINDOW);
            for (index, part) in weights.chunks(WINDOW).enumerate() {
                let mut window =
                    Window { first: first + index * WINDOW, weights: [0; WINDOW], last: index + 1 == windows };
                window.weights[..part.len()].copy_from_slice(part);
                columns.push(window);
            }
        }
        Self {
            picture_px,
            mapping,
            rows,
            row_weights,
            columns,
            sum: vec![0; picture_px.0 as usize + WINDOW],
            luma: vec![0; (mapping.width_px * mapping.height_px) as usize],
            background: Background::default(),
        }
    }

    /// Writes luma (0–1) and its difference from the background (−1 … 1) into the two planes of `data`.
    pub(super) fn write(&mut self, picture: &I420<'_>, t_us: i64, input_width_px: u32, data: &mut [f32]) {
        const SCALE: f32 = 1.0 / (WHITE - BLACK) as f32;
        self.shrink(picture);
        let change = self.background.observe(&self.luma, t_us);
        let (width, stride) = (self.mapping.width_px as usize, input_width_px as usize);
        let (luma_plane, change_plane) = data.split_at_mut(data.len() / 2);
        for (plane, values) in [(luma_plane, self.luma.as_slice()), (change_plane, change)] {
            for (out, values) in plane.chunks_exact_mut(stride).zip(values.chunks_exact(width)) {
                for (out, &value) in out.iter_mut().zip(values) {
                    *out = f32::from(value) * SCALE;
                }
            }
        }
    }

    /// The next picture is another stream's.
    pub(super) fn forget(&mut self) {
        self.background.forget();
    }

    /// The picture's luma above black, in parts of a level. Wrapping arithmetic, because the profile checks the other
    /// kind, which takes time; nothing wraps: weights are not negative and add up to their `…_ONE`.
    fn shrink(&mut self, picture: &I420<'_>) {
        let source_width = self.picture_px.0 as usize;
        let source = |row: usize| &picture.y[row * picture.y_stride..][..source_width];
        for (span, out) in self.rows.iter().zip(self.luma.chunks_exact_mut(self.mapping.width_px as usize)) {
            let weights = &self.row_weights[span.weights_from..][..span.count];
            for (index, &weight) in weights.iter().enumerate() {
                let row = source(span.first + index);
                if index == 0 {
                    for (sum, &luma) in self.sum.iter_mut().zip(row) {
                        *sum = i16::from(luma).wrapping_mul(weight);
                    }
                } else {
                    for (sum, &luma) in self.sum.iter_mut().zip(row) {
                        *sum = sum.wrapping_add(i16::from(luma).wrapping_mul(weight));
                    }
                }
            }
            columns_of(&self.sum, &self.columns, out);
        }
    }
}

/// One row of the input from the weighted sum of its source rows.
fn columns_of(sum: &[i16], windows: &[Window], out: &mut [i16]) {
    let mut out = out.iter_mut();
    let mut total = COLUMN_ONE / 2;
    for window in windows {
        let Some(values) = sum.get(window.first..).and_then(|rest| rest.first_chunk::<WINDOW>()) else { return };
        let mut product = 0i32;
        for (&value, &weight) in values.iter().zip(&window.weights) {
            product = product.wrapping_add(i32::from(value).wrapping_mul(i32::from(weight)));
        }
        total = total.wrapping_add(product);
        if window.last {
            if let Some(out) = out.next() {
                *out = ((total / COLUMN_ONE) as i16).clamp(BLACK, WHITE).wrapping_sub(BLACK);
            }
            total = COLUMN_ONE / 2;
        }
    }
}

/// Which source pixels the target pixel `index` covers, and how much of it each has; whole numbers that add up to
/// `one` exactly, so that an even picture stays even.
fn coverage(index: u32, source: u32, target: u32, one: i32) -> (usize, Vec<i16>) {
    let scale = f64::from(source) / f64::from(target);
    let from = f64::from(index) * scale;
    let to = (f64::from(index + 1) * scale).min(f64::from(source));
    let first = (from as u32).min(source - 1);
    let last = ((to - 1e-9) as u32).clamp(first, source - 1);
    // Rounding the sum so far, not each weight, keeps the total.
    let share = |edge: u32| (f64::from(edge).clamp(from, to) - from) / (to - from) * f64::from(one);
    let edges = (first..=last).map(|pixel| (share(pixel).round(), share(pixel + 1).round()));
    (first as usize, edges.map(|(before, after)| (after - before) as i16).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_cover_the_source_once_and_add_up() {
        for (source, target) in
            [(1920u32, 384u32), (640, 384), (1080, 216), (360, 216), (320, 384), (4, 384), (16_384, 33)]
        {
            let mut covered = vec![0f64; source as usize];
            for index in 0..target {
                let (first, weights) = coverage(index, source, target, COLUMN_ONE);
                assert_eq!(weights.iter().map(|&weight| i32::from(weight)).sum::<i32>(), COLUMN_ONE);
                assert!(weights.iter().all(|&weight| weight >= 0));
                for (at, &weight) in covered[first..].iter_mut().zip(&weights) {
                    *at += f64::from(weight) / f64::from(COLUMN_ONE) * f64::from(source) / f64::from(target);
                }
            }
            let step = f64::from(source) / f64::from(target) / f64::from(COLUMN_ONE);
            let most = f64::from(target) / f64::from(source) + 2.0;
            for (at, covered) in covered.iter().enumerate() {
                assert!((covered - 1.0).abs() <= step * most, "{source} → {target}: {covered} at {at}");
            }
        }
    }
}
