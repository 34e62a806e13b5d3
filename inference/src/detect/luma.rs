//! Luma of the picture at the size of the input, and by how much it differs from what the camera usually sees.

use super::{
    Detection,
    held::Held,
    preprocess::{Fit, Mapping},
    restless::Restless,
};
use crate::{
    background::{self, Background},
    picture::I420,
    shrink::{BLACK, Shrink, WHITE},
};

/// Luma of the padding, 0–1; its change is 0.
const PADDING: f32 = 0.5;

/// Everything that the pictures of one camera at one size need, with the background that they have had.
#[derive(Debug, Clone)]
pub(super) struct LumaAndChange {
    pub(super) picture_px: (u32, u32),
    pub(super) mapping: Mapping,
    shrink: Shrink,
    luma: Vec<i16>,
    background: Background,
    restless: Restless,
    held: Held,
}

/// What is kept from picture to picture.
#[derive(Debug)]
pub(super) struct Remembered {
    background: background::Remembered,
    restless: Restless,
    held: Held,
}

impl LumaAndChange {
    /// For pictures of a size in an input of a size, aspect kept, top left.
    pub(super) fn new(picture_px: (u32, u32), input_px: (u32, u32)) -> Self {
        let mapping = Mapping::new(picture_px, input_px, Fit::TopLeft);
        Self {
            picture_px,
            mapping,
            shrink: Shrink::new(picture_px, (mapping.width_px, mapping.height_px)),
            luma: vec![0; (mapping.width_px * mapping.height_px) as usize],
            background: Background::default(),
            restless: Restless::default(),
            held: Held::default(),
        }
    }

    /// Takes in the picture at `t_us`.
    pub(super) fn observe(&mut self, picture: &I420<'_>, t_us: i64) {
        self.shrink.write(picture, &mut self.luma);
        self.background.observe(&self.luma, t_us);
    }

    /// What the model has found in the last picture: where it is sure, the background waits.
    pub(super) fn found(&mut self, detections: &[Detection]) {
        if let Some(t_us) = self.background.settled_us() {
            let pixels = self.held.observe(detections, &self.mapping, t_us);
            self.background.unlearn(&self.luma, &pixels);
        }
    }

    /// Writes the last picture's luma (0–1) and its difference from the background (−1 … 1) into the two planes of
    /// `data`, whose change is 0.
    pub(super) fn write_planes(&self, input_width_px: u32, data: &mut [f32]) {
        const SCALE: f32 = 1.0 / (WHITE - BLACK) as f32;
        let (width, stride) = (self.mapping.width_px as usize, input_width_px as usize);
        let (luma_plane, change_plane) = data.split_at_mut(data.len() / 2);
        luma_plane.fill(PADDING);
        for (plane, values) in [(luma_plane, self.luma.as_slice()), (change_plane, self.background.change())] {
            for (out, values) in plane.chunks_exact_mut(stride).zip(values.chunks_exact(width)) {
                for (out, &value) in out.iter_mut().zip(values) {
                    *out = f32::from(value) * SCALE;
                }
            }
        }
    }

    /// What pictures change in it.
    pub(super) fn remembered(&self) -> Remembered {
        Remembered {
            background: self.background.remembered(),
            restless: self.restless.clone(),
            held: self.held.clone(),
        }
    }

    /// Gives it back.
    pub(super) fn recall(&mut self, remembered: Remembered) {
        self.background.recall(remembered.background);
        self.restless = remembered.restless;
        self.held = remembered.held;
    }

    /// By how much the last picture differs where it differs most, restless places left out, levels.
    pub(super) fn most_changed_levels(&mut self) -> f32 {
        self.restless.most_changed_levels(self.background.change(), self.mapping.width_px as usize)
    }

    /// The model found nothing in the picture that was measured last.
    pub(super) fn found_nothing(&mut self) {
        self.restless.found_nothing();
    }

    /// The next picture is another stream's.
    pub(super) fn forget(&mut self) {
        self.background.forget();
        self.held.forget();
    }
}
