//! NanoDet (RangiLyu, 2020, github.com/RangiLyu/nanodet; the "m" models): strides 8–32, blue first, normalised as
//! ImageNet, aspect kept in the middle of black. Its head is PicoDet's.

use super::{
    Detection, Family, Input, Output, distribution,
    preprocess::{Fit, Order, Preparation},
};

/// The family.
pub(super) struct NanoDet;

const STRIDES_PX: &[u32] = &[8, 16, 32];

static PREPARATION: Preparation = Preparation {
    fit: Fit::Centred,
    order: Order::Bgr,
    mean: [103.53, 116.28, 123.675],
    deviation: [57.375, 57.12, 58.395],
    padding: 0.0,
};

impl Family for NanoDet {
    fn name(&self) -> &'static str {
        "nanodet"
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
