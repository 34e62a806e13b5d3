//! The head that PicoDet and NanoDet share: for each stride a tensor of class probabilities and one of box sides as
//! distributions over bins (Generalized Focal Loss, Li et al., 2020, arXiv:2006.04388). Outputs are recognised by
//! their shape and not by their order, which differs between exports.

use super::{Detection, Output, best_class};
use crate::picture::Rect;

/// Bins of one side: distances of 0–7 strides.
const BINS: usize = 8;
const SIDES: usize = 4;

/// Whether every stride has its two outputs.
pub(super) fn check(
    strides_px: &[u32],
    input_px: (u32, u32),
    classes: usize,
    outputs: &[Vec<i64>],
) -> Result<(), String> {
    if outputs.len() != 2 * strides_px.len() {
        return Err(format!("it has {} outputs, not {}", outputs.len(), 2 * strides_px.len()));
    }
    for &stride in strides_px {
        for last in [classes, SIDES * BINS] {
            let cells = cells(input_px, stride);
            if !outputs.iter().any(|shape| is(shape, cells, last)) {
                return Err(format!("no output [1, {cells}, {last}] for stride {stride} and {classes} classes"));
            }
        }
    }
    Ok(())
}

/// In words, for the error.
pub(super) fn expects(strides_px: &[u32]) -> String {
    format!(
        "a fixed input [1, 3, height, width] and for each of the strides {strides_px:?} outputs [1, cells, classes] and [1, cells, {}]",
        SIDES * BINS
    )
}

/// Appends every box of at least `score_min`, in pixels of the input.
pub(super) fn decode(
    strides_px: &[u32],
    input_px: (u32, u32),
    classes: usize,
    outputs: &[Output<'_>],
    score_min: f32,
    found: &mut Vec<Detection>,
) {
    for &stride in strides_px {
        let cells = cells(input_px, stride);
        // With 32 classes both tensors look the same; then the first one is the classes', as in every known export.
        let mut scores = outputs.iter().filter(|(shape, _)| is(shape, cells, classes));
        let mut sides = outputs.iter().filter(|(shape, _)| is(shape, cells, SIDES * BINS));
        let (Some((_, scores)), Some((_, sides))) = (scores.next(), sides.next_back()) else { continue };
        let columns = input_px.0.div_ceil(stride) as usize;
        for (cell, (scores, sides)) in scores.chunks_exact(classes).zip(sides.chunks_exact(SIDES * BINS)).enumerate() {
            let (class, score) = best_class(scores);
            if score < score_min {
                continue;
            }
            let size = stride as f32;
            let (x, y) = ((cell % columns) as f32 + 0.5, (cell / columns) as f32 + 0.5);
            let side = |index: usize| expected_bin(&sides[index * BINS..(index + 1) * BINS]);
            let (left, top, right, bottom) = (side(0), side(1), side(2), side(3));
            let bbox = Rect::new((x - left) * size, (y - top) * size, (x + right) * size, (y + bottom) * size);
            if [left, top, right, bottom].iter().all(|side| side.is_finite()) {
                found.push(Detection { bbox, class, score: score.min(1.0) });
            }
        }
    }
}

fn cells(input_px: (u32, u32), stride: u32) -> usize {
    (input_px.0.div_ceil(stride) * input_px.1.div_ceil(stride)) as usize
}

fn is(shape: &[i64], cells: usize, last: usize) -> bool {
    *shape == [1, cells as i64, last as i64]
}

/// The mean of the softmax distribution over bins 0–7.
fn expected_bin(logits: &[f32]) -> f32 {
    let greatest = logits.iter().copied().fold(f32::MIN, f32::max);
    let (mut total, mut weighted) = (0.0, 0.0);
    for (bin, &logit) in logits.iter().enumerate() {
        let weight = (logit - greatest).exp();
        total += weight;
        weighted += weight * bin as f32;
    }
    weighted / total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_are_the_mean_of_their_bins_from_the_middle_of_the_cell() {
        // 16² at stride 8: 2×2 cells; the last one has its middle at (12, 12).
        let mut scores = vec![0.0; 4 * 3];
        scores[11] = 0.9;
        let mut sides = vec![-50.0; 4 * 32];
        for (side, bin) in [1usize, 0, 3, 7].into_iter().enumerate() {
            sides[3 * 32 + side * 8 + bin] = 0.0;
        }
        let outputs: [Output<'_>; 2] = [(&[1, 4, 32], &sides), (&[1, 4, 3], &scores)];
        let mut found = Vec::new();
        decode(&[8], (16, 16), 3, &outputs, 0.1, &mut found);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].class, found[0].score), (2, 0.9));
        assert_eq!(found[0].bbox, Rect::new(4.0, 12.0, 36.0, 68.0));
    }

    #[test]
    fn a_missing_stride_is_named() {
        let shapes = vec![vec![1, 4, 3], vec![1, 4, 32], vec![1, 1, 3], vec![1, 1, 32]];
        assert_eq!(check(&[8, 16], (16, 16), 3, &shapes), Ok(()));
        let text = check(&[8, 32], (64, 64), 3, &shapes).expect_err("other cells");
        assert!(text.contains("stride 8"), "{text}");
        assert!(check(&[8], (16, 16), 3, &shapes).is_err());
    }
}
