//! YOLOX (Ge et al., 2021, arXiv:2107.08430; the released ONNX files): one output `[1, cells, 5 + classes]`, cells of
//! strides 8, 16 and 32 row by row, each (x, y, log width, log height, objectness, classes…) with the sigmoid applied.

use super::{
    Detection, Family, Input, Output, best_class,
    preprocess::{Fit, Order, Preparation},
};
use crate::picture::{Point, Rect};

/// The family.
pub(super) struct Yolox;

const STRIDES_PX: [u32; 3] = [8, 16, 32];

/// Blue first, 0–255 as it is, aspect kept at the top left, grey beside it.
static PREPARATION: Preparation =
    Preparation { fit: Fit::TopLeft, order: Order::Bgr, mean: [0.0; 3], deviation: [1.0; 3], padding: 114.0 };

impl Family for Yolox {
    fn name(&self) -> &'static str {
        "yolox"
    }

    fn input(&self) -> Input {
        Input::Colour(&PREPARATION)
    }

    fn overlap_max(&self) -> f32 {
        0.45
    }

    fn expects(&self) -> String {
        "a fixed input [1, 3, height, width] of multiples of 32 and one output [1, cells, 5 + classes]".to_owned()
    }

    fn check(&self, input_px: (u32, u32), classes: usize, outputs: &[Vec<i64>]) -> Result<(), String> {
        if !input_px.0.is_multiple_of(32) || !input_px.1.is_multiple_of(32) {
            return Err(format!("its input {}x{} is not a multiple of 32", input_px.0, input_px.1));
        }
        let cells: u32 = STRIDES_PX.iter().map(|stride| (input_px.0 / stride) * (input_px.1 / stride)).sum();
        let wanted = vec![1, i64::from(cells), 5 + classes as i64];
        match outputs {
            [output] if *output == wanted => Ok(()),
            [output] => Err(format!("its output is {output:?}, {wanted:?} belongs to {classes} classes")),
            outputs => Err(format!("it has {} outputs, not one", outputs.len())),
        }
    }

    fn decode(
        &self,
        input_px: (u32, u32),
        classes: usize,
        outputs: &[Output<'_>],
        score_min: f32,
        found: &mut Vec<Detection>,
    ) {
        let Some((_, values)) = outputs.first() else { return };
        let cells = STRIDES_PX.iter().flat_map(|&stride| {
            let (columns, rows) = (input_px.0 / stride, input_px.1 / stride);
            (0..rows).flat_map(move |y| (0..columns).map(move |x| (x as f32, y as f32, stride as f32)))
        });
        for (cell, (x, y, stride)) in values.chunks_exact(5 + classes).zip(cells) {
            // A product of two probabilities is at most each of them: most cells end here.
            if cell[4] < score_min {
                continue;
            }
            let (class, probability) = best_class(&cell[5..]);
            let score = cell[4] * probability;
            if score < score_min || !cell[..4].iter().all(|value| value.is_finite()) {
                continue;
            }
            let centre = Point::new((cell[0] + x) * stride, (cell[1] + y) * stride);
            let bbox = Rect::around(centre, cell[2].exp() * stride, cell[3].exp() * stride);
            found.push(Detection { bbox, class, score: score.min(1.0) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_becomes_its_box() {
        // 64²: 64 + 16 + 4 cells; the second cell of stride 16 lies at (1, 0) of its grid.
        let mut values = vec![0.0; 84 * 7];
        values[65 * 7..66 * 7].copy_from_slice(&[0.5, 0.25, 0.0, 2f32.ln(), 0.8, 0.1, 0.5]);
        let mut found = Vec::new();
        Yolox.decode((64, 64), 2, &[(&[1, 84, 7], &values)], 0.1, &mut found);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].class, found[0].score), (1, 0.4));
        let expected = Rect::new(16.0, -12.0, 32.0, 20.0);
        let edges = |r: Rect| [r.x0, r.y0, r.x1, r.y1];
        for (have, want) in edges(found[0].bbox).iter().zip(edges(expected)) {
            assert!((have - want).abs() < 1e-4, "{:?}", found[0].bbox);
        }
    }

    #[test]
    fn other_shapes_are_refused_with_what_was_expected() {
        assert_eq!(Yolox.check((416, 416), 80, &[vec![1, 3549, 85]]), Ok(()));
        let text = Yolox.check((416, 416), 3, &[vec![1, 3549, 85]]).expect_err("three classes");
        assert!(text.contains("[1, 3549, 8]"), "{text}");
        assert!(Yolox.check((416, 416), 80, &[]).is_err());
        assert!(Yolox.check((400, 400), 80, &[vec![1, 3549, 85]]).is_err());
    }
}
