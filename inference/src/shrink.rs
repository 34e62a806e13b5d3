//! Luma of a picture at a smaller size by area averaging: each pixel is the mean of what it covers, so that 1080p shrunk
//! to a fifth does not alias, as bilinear interpolation would. Rows first (their weighted sum is vector work on
//! contiguous bytes), then columns. Tables are made once a picture size; nothing is allocated for a picture.

use crate::{background::PARTS, picture::I420};

/// Weights of the rows of one pixel add up to this: 255 · 128 fits an `i16`.
const ROW_ONE: i32 = PARTS as i32;
/// Weights of its columns add up to this.
const COLUMN_ONE: i32 = 256;
/// Columns are summed in windows of so many: two vectors of eight `i16` multiplied and added in pairs.
const WINDOW: usize = 8;

/// Luma 16 is black, 235 is white (BT.601 limited range).
pub(crate) const BLACK: i16 = 16 * PARTS;
pub(crate) const WHITE: i16 = 235 * PARTS;

/// The tables from one size to another.
#[derive(Debug, Clone)]
pub(crate) struct Shrink {
    source_width: usize,
    width: usize,
    rows: Vec<Span>,
    row_weights: Vec<i16>,
    columns: Vec<Window>,
    /// One row of the weighted sum of rows, with a window's worth of zeros beyond the picture.
    sum: Vec<i16>,
}

/// The source rows of one row of what comes out.
#[derive(Debug, Clone, Copy)]
struct Span {
    first: usize,
    count: usize,
    weights_from: usize,
}

/// Some of the source columns of one of its pixels.
#[derive(Debug, Clone, Copy)]
struct Window {
    first: usize,
    weights: [i16; WINDOW],
    /// Whether it is the pixel's last one.
    last: bool,
}

impl Shrink {
    /// From pictures of a size to one that is not larger than a few times that; neither is empty.
    pub(crate) fn new(picture_px: (u32, u32), size_px: (u32, u32)) -> Self {
        let (mut rows, mut row_weights) = (Vec::new(), Vec::new());
        for row in 0..size_px.1 {
            let (first, weights) = coverage(row, picture_px.1, size_px.1, ROW_ONE);
            rows.push(Span { first, count: weights.len(), weights_from: row_weights.len() });
            row_weights.extend(weights);
        }
        let mut columns = Vec::new();
        for column in 0..size_px.0 {
            let (first, weights) = coverage(column, picture_px.0, size_px.0, COLUMN_ONE);
            let windows = weights.len().div_ceil(WINDOW);
            for (index, part) in weights.chunks(WINDOW).enumerate() {
                let mut window =
                    Window { first: first + index * WINDOW, weights: [0; WINDOW], last: index + 1 == windows };
                window.weights[..part.len()].copy_from_slice(part);
                columns.push(window);
            }
        }
        let (source_width, width) = (picture_px.0 as usize, size_px.0 as usize);
        Self { source_width, width, rows, row_weights, columns, sum: vec![0; source_width + WINDOW] }
    }

    /// The picture's luma above black, in parts of a level. Wrapping arithmetic, because the profile checks the other
    /// kind, which takes time; nothing wraps: weights are not negative and add up to their `…_ONE`.
    pub(crate) fn write(&mut self, picture: &I420<'_>, luma: &mut [i16]) {
        let source = |row: usize| &picture.y[row * picture.y_stride..][..self.source_width];
        for (span, out) in self.rows.iter().zip(luma.chunks_exact_mut(self.width)) {
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

/// One row of what comes out from the weighted sum of its source rows.
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
