//! What diagnosis looks at in a picture: two lines of luma in each row of a grid, in the picture's own resolution, as
//! brightness, fine detail and change for each cell. Reading whole lines costs a small part of reading the picture and
//! keeps what tells a sharp picture from a blurred one, which a shrunken picture has lost.

use crate::picture::I420;

/// Rows of the grid.
pub(super) const ROWS: usize = 36;
/// Lines of the picture in each row of the grid.
const LINES: usize = 2;
/// Most columns of the grid; cells are whole blocks of pixels wide.
const COLUMNS_MAX: usize = 64;
/// Pixels that are summed at once.
const BLOCK: usize = 8;
/// Fewest columns and pictures lines with which anything can be told.
const COLUMNS_MIN: usize = 8;

/// One value a cell of each kind, row by row.
#[derive(Debug, Clone, Default)]
pub(super) struct Cells {
    /// Mean luma, 0–255.
    pub(super) level: Vec<f32>,
    /// Mean difference of a pixel from the middle of its left and right neighbour, levels: about the standard deviation
    /// of white noise where there is nothing else.
    pub(super) detail: Vec<f32>,
    /// Mean difference from the picture before, levels.
    pub(super) change: Vec<f32>,
}

/// Samples pictures of one size.
#[derive(Debug, Clone)]
pub(super) struct Sampler {
    picture_px: (u32, u32),
    pub(super) columns: usize,
    /// Blocks in a cell's width.
    blocks: usize,
    /// The lines of the last picture; empty before the first.
    before: Vec<u8>,
    detail: Vec<u8>,
    change: Vec<u8>,
    sums: [Vec<u32>; 3],
    cells: Cells,
}

impl Sampler {
    /// None where the picture is too small to tell anything.
    pub(super) fn new(picture_px: (u32, u32)) -> Option<Self> {
        let (width, height) = (picture_px.0 as usize, picture_px.1 as usize);
        let blocks = (width / BLOCK).div_ceil(COLUMNS_MAX).max(1);
        let columns = width / BLOCK / blocks;
        if columns < COLUMNS_MIN || height < ROWS * LINES {
            return None;
        }
        let used = columns * blocks * BLOCK;
        let zeros = || vec![0f32; columns * ROWS];
        Some(Self {
            picture_px,
            columns,
            blocks,
            before: Vec::new(),
            detail: vec![0; used],
            change: vec![0; used],
            sums: std::array::from_fn(|_| vec![0; columns]),
            cells: Cells { level: zeros(), detail: zeros(), change: zeros() },
        })
    }

    pub(super) fn fits(&self, picture: &I420<'_>) -> bool {
        self.picture_px == (picture.width_px, picture.height_px)
    }

    /// The next picture has none before it.
    pub(super) fn forget(&mut self) {
        self.before.clear();
    }

    /// The lines of the last picture, one behind the other.
    pub(super) fn lines(&self) -> &[u8] {
        &self.before
    }

    /// What the last picture was.
    pub(super) fn cells(&self) -> &Cells {
        &self.cells
    }

    /// Samples a picture; whether there was one before it, which `change` speaks of.
    pub(super) fn take(&mut self, picture: &I420<'_>) -> bool {
        let (used, height) = (self.detail.len(), self.picture_px.1 as usize);
        let compared = !self.before.is_empty();
        self.before.resize(used * ROWS * LINES, 0);
        let scale = 1.0 / (LINES * self.blocks * BLOCK) as f32;
        for row in 0..ROWS {
            self.sums.iter_mut().for_each(|sums| sums.fill(0));
            for line in 0..LINES {
                let index = row * LINES + line;
                // The middle of the strip that the line stands for.
                let y = (2 * index + 1) * height / (2 * ROWS * LINES);
                let luma = &picture.y[y * picture.y_stride..][..used];
                let before = &mut self.before[index * used..][..used];
                fine(luma, &mut self.detail);
                difference(luma, before, &mut self.change);
                before.copy_from_slice(luma);
                for (sums, bytes) in self.sums.iter_mut().zip([luma, self.detail.as_slice(), self.change.as_slice()]) {
                    for (sum, cell) in sums.iter_mut().zip(bytes.chunks_exact(self.blocks * BLOCK)) {
                        *sum = sum.wrapping_add(total(cell));
                    }
                }
            }
            let out = [&mut self.cells.level, &mut self.cells.detail, &mut self.cells.change];
            for (out, sums) in out.into_iter().zip(&self.sums) {
                for (out, &sum) in out[row * self.columns..].iter_mut().zip(sums) {
                    *out = sum as f32 * scale;
                }
            }
        }
        if !compared {
            self.cells.change.fill(0.0);
        }
        compared
    }
}

/// How far each pixel is from the middle of its neighbours; the first and the last pixel have only one.
fn fine(luma: &[u8], out: &mut [u8]) {
    let n = luma.len();
    let sides = luma[..n - 2].iter().zip(&luma[2..]);
    for ((out, &here), (&left, &right)) in out[1..n - 1].iter_mut().zip(&luma[1..n - 1]).zip(sides) {
        let middle = (u16::from(left) + u16::from(right)).div_ceil(2) as u8;
        *out = here.abs_diff(middle);
    }
}

fn difference(a: &[u8], b: &[u8], out: &mut [u8]) {
    for ((out, &a), &b) in out.iter_mut().zip(a).zip(b) {
        *out = a.abs_diff(b);
    }
}

/// The sum of bytes, a whole number of blocks and at most 32 of them: in four lanes of 16 bits, because the profile's
/// checked additions are not made vector work.
fn total(bytes: &[u8]) -> u32 {
    const LOW: u64 = 0x00ff_00ff_00ff_00ff;
    const ONES: u64 = 0x0001_0001_0001_0001;
    let (blocks, _) = bytes.as_chunks::<BLOCK>();
    let lanes = blocks.iter().fold(0u64, |lanes, block| {
        let block = u64::from_le_bytes(*block);
        lanes.wrapping_add(block & LOW).wrapping_add((block >> 8) & LOW)
    });
    (lanes.wrapping_mul(ONES) >> 48) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quality::testing::Still;

    #[test]
    fn the_sum_in_lanes_is_the_sum() {
        let bytes: Vec<u8> = (0..256).map(|i| (i * 37 % 256) as u8).collect();
        for blocks in [1, 2, 31, 32] {
            let bytes = &bytes[..blocks * BLOCK];
            assert_eq!(total(bytes), bytes.iter().map(|&byte| u32::from(byte)).sum::<u32>());
            assert_eq!(total(&vec![255; blocks * BLOCK]), (blocks * BLOCK * 255) as u32);
        }
    }

    #[test]
    fn an_even_picture_has_its_level_and_no_detail_and_change_is_against_the_one_before() {
        for size_px in [(640, 360), (1920, 1080), (16_384, 72), (70, 200)] {
            let mut sampler = Sampler::new(size_px).expect("large enough");
            assert!(sampler.columns <= COLUMNS_MAX);
            assert!(!sampler.take(&Still::even(size_px, 100).i420()));
            assert!(sampler.cells().level.iter().all(|&level| level == 100.0));
            assert!(sampler.take(&Still::even(size_px, 103).i420()));
            let cells = sampler.cells();
            assert!(cells.change.iter().all(|&change| change == 3.0));
            assert!(cells.detail.iter().all(|&detail| detail == 0.0));
        }
        assert!(Sampler::new((48, 360)).is_none() && Sampler::new((640, 40)).is_none());
    }
}
