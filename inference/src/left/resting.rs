//! Which pixels have changed and rest, and the patches that they make.

use crate::background::PARTS;

/// A pixel that differs from the background by so much has changed.
const CHANGED: i16 = 10 * PARTS;
/// It rests while it stays within so much of what it was when it came to rest: noise and coding.
const SAME: i16 = 9 * PARTS;
/// It rests after so long.
const REST_US: i64 = 1_200_000;
/// Patches of fewer pixels are noise.
const PIXELS_MIN: usize = 12;
/// More pixels than this part of the picture are a new light or a new view, not things.
const PICTURE_PART: usize = 6;
/// Pixels so near one another are of one patch.
const REACH: isize = 2;
/// … that have come to rest within so much of one another.
pub(super) const TOGETHER_US: i64 = 2_500_000;
/// What lies so near a thing is of it: its shadow, a corner that somebody hid.
const APART: usize = 6;
const NEVER: i64 = i64::MAX;

/// Left, top, right and lower edge in pixels; right and lower edge lie outside.
pub(super) type FramePx = [usize; 4];

/// Neighbouring pixels that rest.
#[derive(Debug)]
pub(super) struct Patch {
    pub(super) pixels: Vec<u32>,
    pub(super) frame_px: FramePx,
    /// When most of them had come to rest.
    pub(super) since_us: i64,
}

/// For each pixel since when it rests, and where.
#[derive(Debug, Clone, Default)]
pub(super) struct Resting {
    change: Vec<i16>,
    since_us: Vec<i64>,
}

impl Resting {
    /// Nothing rests; pictures have so many pixels from now on.
    pub(super) fn clear(&mut self, pixels: usize) {
        self.change.clear();
        self.change.resize(pixels, 0);
        self.since_us.clear();
        self.since_us.resize(pixels, NEVER);
    }

    /// Takes in by how much a picture differs from the background.
    pub(super) fn observe(&mut self, change: &[i16], t_us: i64) {
        for ((rests, since_us), &now) in self.change.iter_mut().zip(&mut self.since_us).zip(change) {
            // A difference of two changes leaves an `i16`: 510 levels.
            if (-CHANGED..=CHANGED).contains(&now) {
                *since_us = NEVER;
            } else if *since_us == NEVER || rests.saturating_sub(now).saturating_abs() > SAME {
                (*rests, *since_us) = (now, t_us);
            }
        }
    }

    /// The patches outside some frames.
    pub(super) fn patches(&self, (width, height): (usize, usize), t_us: i64, but: &[FramePx]) -> Vec<Patch> {
        let mut open: Vec<bool> = self.since_us.iter().map(|&since_us| since_us <= t_us - REST_US).collect();
        if open.iter().filter(|open| **open).count() * PICTURE_PART > open.len() {
            return Vec::new();
        }
        for &[left, top, right, bottom] in but {
            for row in top.saturating_sub(APART)..(bottom + APART).min(height) {
                open[row * width..][left.saturating_sub(APART)..(right + APART).min(width)].fill(false);
            }
        }
        let mut patches = Vec::new();
        for at in 0..open.len() {
            if std::mem::take(&mut open[at]) {
                let pixels = self.flood(&mut open, (width, height), at);
                if pixels.len() >= PIXELS_MIN {
                    patches.push(self.patch(pixels, width));
                }
            }
        }
        patches
    }

    fn patch(&self, pixels: Vec<u32>, width: usize) -> Patch {
        let mut frame_px = [usize::MAX, usize::MAX, 0, 0];
        for &at in &pixels {
            let (x, y) = (at as usize % width, at as usize / width);
            frame_px = [frame_px[0].min(x), frame_px[1].min(y), frame_px[2].max(x + 1), frame_px[3].max(y + 1)];
        }
        let mut since_us: Vec<i64> = pixels.iter().map(|&at| self.since_us[at as usize]).collect();
        let middle = since_us.len() / 2;
        let since_us = *since_us.select_nth_unstable(middle).1;
        Patch { pixels, frame_px, since_us }
    }

    /// Takes the open pixels that hang together with one, in place and in time.
    fn flood(&self, open: &mut [bool], (width, height): (usize, usize), from: usize) -> Vec<u32> {
        let mut pixels = vec![from as u32];
        let mut next = 0;
        while let Some(&at) = pixels.get(next) {
            next += 1;
            let since_us = self.since_us[at as usize];
            let (x, y) = ((at as usize % width) as isize, (at as usize / width) as isize);
            for row in (y - REACH).max(0)..=(y + REACH).min(height as isize - 1) {
                for column in (x - REACH).max(0)..=(x + REACH).min(width as isize - 1) {
                    let other = row as usize * width + column as usize;
                    if open[other] && (self.since_us[other] - since_us).abs() <= TOGETHER_US {
                        open[other] = false;
                        pixels.push(other as u32);
                    }
                }
            }
        }
        pixels
    }
}
