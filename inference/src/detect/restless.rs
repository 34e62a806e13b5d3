//! Where a picture differs from its background, and which of these places do so for ever without anything being there:
//! the digits of an on-screen clock, leaves, a flag. They are learned from pictures in which the model found nothing, and
//! count no longer for whether it is to be asked. They hide nothing: the model sees the whole picture whenever it is asked.

use crate::background::PARTS;

/// Side of the cells in which change is measured, pixels of the input: noise averages out in one, a person far away
/// does not.
const CELL_PX: usize = 4;
/// A cell whose mean differs by more than this, levels, has changed.
const CHANGED_MIN_LEVELS: i32 = 4;
/// What a change for nothing adds to a cell's score, what a picture without one takes off, and the most that there is.
const ADD: u8 = 4;
const TAKE: u8 = 1;
const MOST: u8 = 60;
/// From this score on a cell is restless: it has changed for nothing three times more or less in a row.
const RESTLESS: u8 = 11;

/// The cells of one camera's input.
#[derive(Debug, Clone, Default)]
pub(super) struct Restless {
    columns: usize,
    /// Sums of the change in each cell of the last picture, parts of a level.
    sums: Vec<i32>,
    scores: Vec<u8>,
}

impl Restless {
    /// Takes in by how much each pixel of a picture of that width differs, and returns by how much the strongest cell
    /// that is not restless does, levels.
    pub(super) fn most_changed_levels(&mut self, change: &[i16], width: usize) -> f32 {
        self.columns = width / CELL_PX;
        self.sums.clear();
        for rows in change.chunks_exact((width * CELL_PX).max(1)) {
            let first = self.sums.len();
            self.sums.resize(first + self.columns, 0);
            for row in rows.chunks_exact(width) {
                for (sum, cell) in self.sums[first..].iter_mut().zip(row.chunks_exact(CELL_PX)) {
                    *sum = cell.iter().fold(*sum, |sum, &change| sum.wrapping_add(i32::from(change)));
                }
            }
        }
        if self.scores.len() != self.sums.len() {
            self.scores = vec![0; self.sums.len()];
        }
        let counts = self.sums.iter().zip(&self.scores).filter(|(_, score)| **score < RESTLESS);
        let most = counts.fold(0, |most, (sum, _)| most.max(sum.abs()));
        most as f32 / (CELL_PX * CELL_PX * PARTS as usize) as f32
    }

    /// The model found nothing in the picture that was taken in last.
    pub(super) fn found_nothing(&mut self) {
        let least = CHANGED_MIN_LEVELS * (CELL_PX * CELL_PX) as i32 * i32::from(PARTS);
        for (sum, score) in self.sums.iter().zip(&mut self.scores) {
            *score = if sum.abs() >= least { score.saturating_add(ADD).min(MOST) } else { score.saturating_sub(TAKE) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDTH: usize = 40;
    const HEIGHT: usize = 20;

    /// A change of so many levels in a square of 4 pixels from there on.
    fn change(spots: &[(usize, usize, i16)]) -> Vec<i16> {
        let mut change = vec![0; WIDTH * HEIGHT];
        for &(x, y, levels) in spots {
            for row in y..y + 4 {
                change[row * WIDTH + x..][..4].fill(levels * PARTS);
            }
        }
        change
    }

    #[test]
    fn a_clock_that_ticks_is_learned_and_whoever_comes_beside_it_is_not_hidden() {
        let mut restless = Restless::default();
        let clock = change(&[(32, 16, -40)]);
        for _ in 0..3 {
            assert_eq!(restless.most_changed_levels(&clock, WIDTH), 40.0);
            restless.found_nothing();
        }
        assert_eq!(restless.most_changed_levels(&clock, WIDTH), 0.0);
        assert_eq!(restless.most_changed_levels(&change(&[(32, 16, -40), (8, 4, 12)]), WIDTH), 12.0);
        for _ in 0..20 {
            restless.most_changed_levels(&change(&[]), WIDTH);
            restless.found_nothing();
        }
        assert_eq!(restless.most_changed_levels(&clock, WIDTH), 40.0, "what has stopped is forgotten");
    }

    #[test]
    fn a_person_across_four_cells_is_seen_and_noise_is_not() {
        let mut restless = Restless::default();
        assert_eq!(restless.most_changed_levels(&change(&[(6, 6, 24)]), WIDTH), 6.0);
        let noise: Vec<i16> = (0..WIDTH * HEIGHT).map(|n| if n % 2 == 0 { 8 * PARTS } else { -8 * PARTS }).collect();
        assert_eq!(restless.most_changed_levels(&noise, WIDTH), 0.0);
        assert_eq!(restless.most_changed_levels(&[], WIDTH), 0.0);
        assert_eq!(restless.most_changed_levels(&[], 0), 0.0);
    }
}
