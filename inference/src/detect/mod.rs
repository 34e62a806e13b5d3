//! From planes to boxes: the picture into the tensor, one file a model family for what its outputs mean, and
//! suppression of what was found twice. Running the model is left to `model`.

mod distribution;
mod fcos;
mod held;
mod luma;
mod nanodet;
mod picodet;
pub mod preprocess;
mod restless;
pub mod suppression;
mod tensor;
mod yolox;

pub use preprocess::{Mapping, Preparation};
pub use tensor::{Before, Input, Tensor};

use crate::picture::Rect;

/// Every family that can be named. To add one: a file like `yolox.rs` and a line here.
pub const FAMILIES: &[&dyn Family] = &[&yolox::Yolox, &picodet::PicoDet, &nanodet::NanoDet, &fcos::Fcos];

/// Least score that is handed on: the tracker's second association uses weak boxes, below this there is only noise.
pub const SCORE_MIN: f32 = 0.1;

/// One object in one picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Detection {
    /// Where, fractions of the picture.
    pub bbox: Rect,
    /// Which class, index into the model's names.
    pub class: u16,
    /// How sure, 0–1.
    pub score: f32,
}

/// An output of the model: its shape and its numbers in row-major order.
pub type Output<'a> = (&'a [i64], &'a [f32]);

/// What tells one kind of detection model from another. All take `[1, planes, height, width]` of `f32`.
pub trait Family: Sync {
    /// Its name in manifests and configuration.
    fn name(&self) -> &'static str;

    /// How a picture becomes its input.
    fn input(&self) -> Input;

    /// Two boxes of a class that overlap more than this are one object.
    fn overlap_max(&self) -> f32;

    /// In words, what its files look like; for the error that says a file does not.
    fn expects(&self) -> String;

    /// Whether outputs of these shapes are its own; the error says which is not.
    fn check(&self, input_px: (u32, u32), classes: usize, outputs: &[Vec<i64>]) -> Result<(), String>;

    /// Appends every box of at least `score_min`, in pixels of the input. Shapes are those that `check` accepted.
    fn decode(
        &self,
        input_px: (u32, u32),
        classes: usize,
        outputs: &[Output<'_>],
        score_min: f32,
        found: &mut Vec<Detection>,
    );
}

/// Index and value of the greatest score; the first of equals.
pub(crate) fn best_class(scores: &[f32]) -> (u16, f32) {
    let mut best = (0, f32::MIN);
    for (class, &score) in (0u16..).zip(scores) {
        if score > best.1 {
            best = (class, score);
        }
    }
    best
}
