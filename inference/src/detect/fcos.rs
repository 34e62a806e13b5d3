//! FCOS (Tian et al., 2019, arXiv:1904.01355) on luma and change, as the project trains it: one output
//! `[1, cells, 4 + classes]`, cells of strides 4, 8, 16 and 32 (or of 8, 16 and 32 alone) row by row, each (left, top,
//! right, bottom, classes…): the distances from the cell's middle to the box's edges in strides, and probabilities with the
//! sigmoid applied.

use super::{Detection, Family, Input, Output, best_class};
use crate::picture::Rect;

/// The family.
pub(super) struct Fcos;

/// A network without the finest level costs a quarter less and finds nothing that is only a few pixels high.
const STRIDES_PX: [&[u32]; 2] = [&[4, 8, 16, 32], &[8, 16, 32]];
const SIDES: usize = 4;

fn cells(input_px: (u32, u32), strides_px: &[u32]) -> usize {
    strides_px.iter().map(|stride| (input_px.0 / stride) as usize * (input_px.1 / stride) as usize).sum()
}

impl Family for Fcos {
    fn name(&self) -> &'static str {
        "fcos"
    }

    fn input(&self) -> Input {
        Input::LumaAndChange
    }

    fn overlap_max(&self) -> f32 {
        0.5
    }

    fn expects(&self) -> String {
        "a fixed input [1, 2, height, width] of multiples of 32 and one output [1, cells, 4 + classes]".to_owned()
    }

    fn check(&self, input_px: (u32, u32), classes: usize, outputs: &[Vec<i64>]) -> Result<(), String> {
        if !input_px.0.is_multiple_of(32) || !input_px.1.is_multiple_of(32) {
            return Err(format!("its input {}x{} is not a multiple of 32", input_px.0, input_px.1));
        }
        let [fine, coarse] =
            STRIDES_PX.map(|strides_px| vec![1, cells(input_px, strides_px) as i64, (SIDES + classes) as i64]);
        match outputs {
            [output] if *output == fine || *output == coarse => Ok(()),
            [output] => Err(format!("its output is {output:?}, {fine:?} or {coarse:?} belongs to {classes} classes")),
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
        let there = values.len() / (SIDES + classes);
        let Some(strides_px) = STRIDES_PX.into_iter().find(|strides_px| cells(input_px, strides_px) == there) else {
            return;
        };
        let cells = strides_px.iter().flat_map(|&stride| {
            let (columns, rows) = (input_px.0 / stride, input_px.1 / stride);
            (0..rows).flat_map(move |y| (0..columns).map(move |x| (x as f32 + 0.5, y as f32 + 0.5, stride as f32)))
        });
        for (cell, (x, y, stride)) in values.chunks_exact(SIDES + classes).zip(cells) {
            let (class, score) = best_class(&cell[SIDES..]);
            let [left, top, right, bottom] = [cell[0], cell[1], cell[2], cell[3]];
            if score < score_min || ![left, top, right, bottom].iter().all(|side| side.is_finite()) {
                continue;
            }
            let bbox = Rect::new((x - left) * stride, (y - top) * stride, (x + right) * stride, (y + bottom) * stride);
            found.push(Detection { bbox, class, score: score.min(1.0) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_becomes_its_box() {
        // 64×32: 32 + 8 + 2 cells; the third cell of stride 16 lies at (2, 0) of its grid, its middle at (40, 8).
        let mut values = vec![0.0; 42 * 7];
        values[34 * 7..35 * 7].copy_from_slice(&[0.5, 0.25, 1.0, 2.0, 0.1, 0.05, 0.75]);
        // One cell has no number as a side, and one is too weak.
        values[..7].copy_from_slice(&[f32::NAN, 1.0, 1.0, 1.0, 0.9, 0.0, 0.0]);
        values[7..14].copy_from_slice(&[1.0, 1.0, 1.0, 1.0, 0.09, 0.0, f32::NAN]);
        let mut found = Vec::new();
        Fcos.decode((64, 32), 3, &[(&[1, 42, 7], &values)], 0.1, &mut found);
        assert_eq!(found, [Detection { bbox: Rect::new(32.0, 4.0, 56.0, 40.0), class: 2, score: 0.75 }]);
    }

    #[test]
    fn the_finest_cells_come_first() {
        // 64×32: 128 cells of stride 4 before the 42; the last of them lies at (15, 7), its middle at (62, 30).
        let mut values = vec![0.0; 170 * 5];
        values[127 * 5..128 * 5].copy_from_slice(&[1.0, 1.5, 0.5, 0.5, 0.6]);
        let mut found = Vec::new();
        Fcos.decode((64, 32), 1, &[(&[1, 170, 5], &values)], 0.1, &mut found);
        assert_eq!(found, [Detection { bbox: Rect::new(58.0, 24.0, 64.0, 32.0), class: 0, score: 0.6 }]);
    }

    #[test]
    fn other_shapes_are_refused_with_what_was_expected() {
        assert_eq!(Fcos.check((384, 224), 5, &[vec![1, 1764, 9]]), Ok(()));
        assert_eq!(Fcos.check((384, 224), 5, &[vec![1, 7140, 9]]), Ok(()));
        let text = Fcos.check((384, 224), 3, &[vec![1, 1764, 9]]).expect_err("three classes");
        assert!(text.contains("[1, 7140, 7] or [1, 1764, 7]"), "{text}");
        assert!(Fcos.check((384, 216), 5, &[vec![1, 1764, 9]]).is_err());
        assert!(Fcos.check((384, 224), 5, &[]).is_err());
    }
}
