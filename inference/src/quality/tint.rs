//! The colour of a picture: mean chroma of a few blocks, from a few pixels of each. What a colour cast is told by, and
//! nothing else: light, weather and passing lorries change it too, but not everywhere alike and away from grey.

use crate::picture::I420;

/// Blocks across and down.
const BLOCKS: usize = 8;
/// Pixels of chroma that are looked at across and down a block.
const PIXELS: usize = 4;
/// A block goes along with the whole if it has at least this part of its shift, in its direction …
const ALONG_PART: f32 = 0.5;
/// … and the shift is that of the picture if so many blocks do.
const ALONG_MIN: f32 = 0.8;

/// Mean U and V of each block, 128 is grey.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Tint {
    blocks: Vec<[f32; 2]>,
}

impl Tint {
    /// That of a picture.
    pub(super) fn of(picture: &I420<'_>) -> Self {
        let (width, height) = (picture.width_px.div_ceil(2) as usize, picture.height_px.div_ceil(2) as usize);
        let place = |block: usize, pixel: usize, size: usize| {
            ((2 * (block * PIXELS + pixel) + 1) * size / (2 * BLOCKS * PIXELS)).min(size.saturating_sub(1))
        };
        let mean = |plane: &[u8], stride: usize, (column, row): (usize, usize)| {
            let mut sum = 0_u32;
            for y in 0..PIXELS {
                let line = &plane[place(row, y, height) * stride..];
                sum += (0..PIXELS).map(|x| u32::from(line[place(column, x, width)])).sum::<u32>();
            }
            sum as f32 / (PIXELS * PIXELS) as f32
        };
        let block = |index: usize| {
            let at = (index % BLOCKS, index / BLOCKS);
            [mean(picture.u, picture.u_stride, at), mean(picture.v, picture.v_stride, at)]
        };
        Self { blocks: (0..BLOCKS * BLOCKS).map(block).collect() }
    }

    /// Moves towards another by this part.
    pub(super) fn follow(&mut self, other: &Tint, weight: f32) {
        self.blocks.resize(other.blocks.len(), [128.0; 2]);
        for (mean, value) in self.blocks.iter_mut().flatten().zip(other.blocks.iter().flatten()) {
            *mean += weight * (value - *mean);
        }
    }

    /// How far the whole picture's colour is from the usual one's, levels; nothing where only parts of it are, or where it
    /// is greyer, as at night.
    pub(super) fn cast_from(&self, usual: &Tint) -> f32 {
        let (now, before) = (self.mean(), usual.mean());
        let shift = [now[0] - before[0], now[1] - before[1]];
        let size = shift[0].hypot(shift[1]);
        let colour = |mean: [f32; 2]| (mean[0] - 128.0).hypot(mean[1] - 128.0);
        if size < 1.0 || colour(now) - colour(before) < size / 2.0 {
            return 0.0;
        }
        let along = |(now, usual): (&[f32; 2], &[f32; 2])| {
            let part = (now[0] - usual[0]) * shift[0] + (now[1] - usual[1]) * shift[1];
            part >= ALONG_PART * size * size
        };
        let count = self.blocks.iter().zip(&usual.blocks).filter(|pair| along(*pair)).count();
        if count as f32 >= ALONG_MIN * self.blocks.len() as f32 { size } else { 0.0 }
    }

    fn mean(&self) -> [f32; 2] {
        let count = self.blocks.len().max(1) as f32;
        let sum = self.blocks.iter().fold([0.0; 2], |sum, block| [sum[0] + block[0], sum[1] + block[1]]);
        [sum[0] / count, sum[1] / count]
    }
}
