//! PicoDet (Yu et al., 2021, arXiv:2111.00902; PaddleDetection's export without post-processing): strides 8–64, red
//! first, normalised as ImageNet, stretched as it was trained.

use super::{
    Detection, Family, Input, Output, distribution,
    preprocess::{Fit, Order, Preparation},
};

/// The family.
pub(super) struct PicoDet;

const STRIDES_PX: &[u32] = &[8, 16, 32, 64];

static PREPARATION: Preparation = Preparation {
    fit: Fit::Stretch,
    order: Order::Rgb,
    mean: [123.675, 116.28, 103.53],
    deviation: [58.395, 57.12, 57.375],
    padding: 0.0,
};

impl Family for PicoDet {
    fn name(&self) -> &'static str {
        "picodet"
    }

    fn input(&self) -> Input {
        Input::Colour(&PREPARATION)
    }

    fn overlap_max(&self) -> f32 {
        0.5
    }

    fn expects(&self) -> String {
        distribution::expects(STRIDES_PX)
    }

    fn check(&self, input_px: (u32, u32), classes: usize, outputs: &[Vec<i64>]) -> Result<(), String> {
        distribution::check(STRIDES_PX, input_px, classes, outputs)
    }

    fn decode(
        &self,
        input_px: (u32, u32),
        classes: usize,
        outputs: &[Output<'_>],
        score_min: f32,
        found: &mut Vec<Detection>,
    ) {
        distribution::decode(STRIDES_PX, input_px, classes, outputs, score_min, found);
    }
}
