//! Where the camera writes time and name into its picture. Letters stay as they are whatever happens before the lens: in
//! a covered, darkened or turned view they are the brightest, sharpest and most constant of all, and whoever judges the
//! view by them judges nothing. So these cells count for nothing.
//!
//! They are told by what nothing else in a street has, usually and over minutes: letters a few pixels wide, white with a
//! dark edge, are as sharp as a picture can be.

use super::sample::ROWS;

/// Fine detail of a cell that is written on, levels.
const DETAIL_MIN: f32 = 20.0;
/// More cells than this part of the picture are no writing but a view that is as sharp as that.
const PART_MAX: f32 = 0.25;

/// Whether a cell is one of these; an empty list has none.
pub(super) fn is_written(written: &[bool], cell: usize) -> bool {
    written.get(cell).is_some_and(|written| *written)
}

/// The cells that are written on, and those around them, into which letters reach with a stroke.
pub(super) fn find(usual_detail: &[f32], columns: usize, out: &mut Vec<bool>) {
    out.clear();
    out.resize(usual_detail.len(), false);
    for cell in (0..usual_detail.len()).filter(|&cell| usual_detail[cell] >= DETAIL_MIN) {
        let (x, y) = (cell % columns, cell / columns);
        for row in y.saturating_sub(1)..(y + 2).min(ROWS) {
            out[row * columns..][x.saturating_sub(1)..(x + 2).min(columns)].fill(true);
        }
    }
    if out.iter().filter(|written| **written).count() as f32 > PART_MAX * out.len() as f32 {
        out.fill(false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: usize = 40;

    fn found(detail: impl Fn(usize, usize) -> f32) -> usize {
        let detail: Vec<f32> = (0..COLUMNS * ROWS).map(|cell| detail(cell % COLUMNS, cell / COLUMNS)).collect();
        let mut written = Vec::new();
        find(&detail, COLUMNS, &mut written);
        written.iter().filter(|written| **written).count()
    }

    #[test]
    fn a_line_of_letters_is_found_with_its_border_and_a_sharp_view_is_none() {
        let line = |x: usize, y: usize| if y == 1 && x < 15 { 30.0 } else { 4.0 };
        assert_eq!(found(line), 16 * 3);
        assert_eq!(found(|_, _| 25.0), 0);
        assert_eq!(found(|_, _| 4.0), 0);
    }
}
