//! Pictures for tests: a street by seed, what passes in it, and what can be wrong with its picture.

use crate::picture::I420;

/// A picture that owns its luma.
#[derive(Clone)]
pub(crate) struct Still {
    size_px: (u32, u32),
    pub(crate) luma: Vec<u8>,
    chroma: [Vec<u8>; 2],
}

impl Still {
    /// All of one level.
    pub(crate) fn even(size_px: (u32, u32), level: u8) -> Self {
        let chroma = size_px.0.div_ceil(2) as usize * size_px.1.div_ceil(2) as usize;
        Self {
            size_px,
            luma: vec![level; size_px.0 as usize * size_px.1 as usize],
            chroma: [vec![128; chroma], vec![128; chroma]],
        }
    }

    pub(crate) fn i420(&self) -> I420<'_> {
        let (width_px, height_px) = self.size_px;
        let (y_stride, c_stride) = (width_px as usize, width_px.div_ceil(2) as usize);
        let [u, v] = self.chroma.each_ref().map(Vec::as_slice);
        I420 { width_px, height_px, y: &self.luma, y_stride, u, u_stride: c_stride, v, v_stride: c_stride }
    }

    /// Each pixel becomes another one, by its place and its level.
    pub(crate) fn each(&mut self, change: impl Fn(usize, usize, f32) -> f32) {
        let width = self.size_px.0 as usize;
        for (index, luma) in self.luma.iter_mut().enumerate() {
            *luma = change(index % width, index / width, f32::from(*luma)).clamp(16.0, 235.0) as u8;
        }
    }

    /// All chroma becomes other, by its place and its planes.
    pub(crate) fn paint(&mut self, chroma: impl Fn(usize, usize) -> [u8; 2]) {
        let width = self.size_px.0.div_ceil(2) as usize;
        for index in 0..self.chroma[0].len() {
            let [u, v] = chroma(index % width, index / width);
            (self.chroma[0][index], self.chroma[1][index]) = (u, v);
        }
    }

    /// Means of boxes of 2·`reach` + 1 pixels, three times along rows and columns: close to a Gaussian.
    pub(crate) fn blur(&mut self, reach: usize) {
        let (width, height) = (self.size_px.0 as usize, self.size_px.1 as usize);
        for _ in 0..3 {
            for (count, length, step, stride) in [(height, width, 1, width), (width, height, width, 1)] {
                for line in 0..count {
                    let at = |i: usize| line * stride + i.min(length - 1) * step;
                    let values: Vec<u32> = (0..length).map(|i| u32::from(self.luma[at(i)])).collect();
                    let (first, last) = (values[0], values[length - 1]);
                    let value = |i: isize| match i {
                        i if i < 0 => first,
                        i => values.get(i as usize).copied().unwrap_or(last),
                    };
                    let reach = reach as isize;
                    let mut sum: u32 = (-reach..=reach).map(value).sum();
                    for i in 0..length {
                        self.luma[at(i)] = (sum / (2 * reach as u32 + 1)) as u8;
                        let i = i as isize;
                        sum = sum + value(i + reach + 1) - value(i - reach);
                    }
                }
            }
        }
    }
}

/// A number 0–1 for each (seed, x, y).
pub(crate) fn chance(seed: u32, x: usize, y: usize) -> f32 {
    let mut hash = seed.wrapping_mul(0x9E37_79B9) ^ (x as u32).wrapping_mul(0x85EB_CA6B) ^ (y as u32).rotate_left(16);
    for _ in 0..2 {
        hash = (hash ^ (hash >> 15)).wrapping_mul(0x2C1B_3C6D);
        hash = (hash ^ (hash >> 12)).wrapping_mul(0x297A_2D39);
    }
    (hash >> 8) as f32 / (1 << 24) as f32
}

pub(crate) const SIZE_PX: (u32, u32) = (640, 360);

/// Walls, windows and paving of a street, seen from `shift` pixels further right and down.
pub(crate) fn street(seed: u32, shift: (usize, usize)) -> Still {
    type Built = Option<((u32, (usize, usize)), Still)>;
    thread_local! {
        static LAST: std::cell::RefCell<Built> = const { std::cell::RefCell::new(None) };
    }
    LAST.with_borrow_mut(|last| match last {
        Some((key, still)) if *key == (seed, shift) => still.clone(),
        _ => last.insert(((seed, shift), built(seed, shift))).1.clone(),
    })
}

fn built(seed: u32, shift: (usize, usize)) -> Still {
    let mut still = Still::even(SIZE_PX, 0);
    still.each(|x, y, _| {
        let (x, y) = (x + shift.0, y + shift.1);
        let patch = chance(seed, x / 57, y / 43) * 90.0;
        let window = if chance(seed ^ 1, x / 19, y / 23) > 0.7 { -25.0 } else { 10.0 };
        let paving = if x % 14 == 0 || y % 11 == 0 { -14.0 } else { 0.0 };
        70.0 + patch + window + paving + 12.0 * chance(seed ^ 2, x, y)
    });
    still
}

/// Another noise in each picture, with about this standard deviation.
pub(crate) fn add_noise(still: &mut Still, seed: u32, deviation: f32) {
    still.each(|x, y, luma| {
        let even = chance(seed, x, y) + chance(seed ^ 0x55, y, x) - 1.0;
        luma + even * deviation * 2.45
    });
}
