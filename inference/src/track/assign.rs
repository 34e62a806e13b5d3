//! Which box belongs to which track: the pairing with the greatest total similarity (Hungarian method with potentials,
//! O(n²m); Kuhn 1955, in the form of Jonker and Volgenant 1987).

/// Pairs rows with columns of a row-major matrix of similarities. A similarity of 0 or less forbids the pair.
/// Returns for each row its column.
pub(super) fn assign(similarity: &[f32], rows: usize, columns: usize) -> Vec<Option<usize>> {
    debug_assert_eq!(similarity.len(), rows * columns, "a full matrix");
    if rows == 0 || columns == 0 {
        return vec![None; rows];
    }
    let allowed = |row: usize, column: usize| similarity[row * columns + column].max(0.0);
    let pairs = if rows <= columns {
        cheapest(rows, columns, |row, column| 1.0 - f64::from(allowed(row, column)))
    } else {
        let by_column = cheapest(columns, rows, |column, row| 1.0 - f64::from(allowed(row, column)));
        let mut by_row = vec![None; rows];
        for (column, row) in by_column.into_iter().enumerate() {
            if let Some(row) = row {
                by_row[row] = Some(column);
            }
        }
        by_row
    };
    let kept = |(row, column): (usize, Option<usize>)| column.filter(|&column| allowed(row, column) > 0.0);
    pairs.into_iter().enumerate().map(kept).collect()
}

/// Shortest augmenting paths; rows ≤ columns. Index 0 of the arrays is the place outside of the matrix.
fn cheapest(rows: usize, columns: usize, cost: impl Fn(usize, usize) -> f64) -> Vec<Option<usize>> {
    let mut row_potential = vec![0.0; rows + 1];
    let mut column_potential = vec![0.0; columns + 1];
    let mut owner = vec![0; columns + 1];
    let mut way = vec![0; columns + 1];
    let mut least = vec![0.0; columns + 1];
    let mut used = vec![false; columns + 1];
    for row in 1..=rows {
        owner[0] = row;
        least.fill(f64::INFINITY);
        used.fill(false);
        let mut column = 0;
        while owner[column] != 0 {
            used[column] = true;
            let (from, mut step, mut next) = (owner[column], f64::INFINITY, 0);
            for to in 1..=columns {
                if used[to] {
                    continue;
                }
                let reduced = cost(from - 1, to - 1) - row_potential[from] - column_potential[to];
                if reduced < least[to] {
                    least[to] = reduced;
                    way[to] = column;
                }
                if least[to] < step {
                    step = least[to];
                    next = to;
                }
            }
            for to in 0..=columns {
                if used[to] {
                    row_potential[owner[to]] += step;
                    column_potential[to] -= step;
                } else {
                    least[to] -= step;
                }
            }
            column = next;
        }
        while column != 0 {
            owner[column] = owner[way[column]];
            column = way[column];
        }
    }
    let mut found = vec![None; rows];
    for (column, &row) in owner.iter().enumerate().skip(1) {
        if row != 0 {
            found[row - 1] = Some(column - 1);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greatest_total_wins_over_the_greatest_single_pair() {
        assert_eq!(assign(&[0.9, 0.8, 0.8, 0.0], 2, 2), [Some(1), Some(0)]);
        assert_eq!(assign(&[0.9, 0.8, 0.0, 0.0], 2, 2), [Some(0), None]);
        assert_eq!(assign(&[0.2, 0.9, 0.5], 3, 1), [None, Some(0), None]);
        assert_eq!(assign(&[0.2, 0.9, 0.5], 1, 3), [Some(1)]);
        assert_eq!(assign(&[], 2, 0), [None, None]);
    }

    #[test]
    fn it_is_as_good_as_trying_every_pairing() {
        let mut seed = 7u64;
        let mut random = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let value = (seed >> 40) as f32 / (1 << 24) as f32;
            if value < 0.4 { 0.0 } else { value }
        };
        for (rows, columns) in [(3, 3), (4, 3), (3, 5), (5, 5)] {
            for _ in 0..50 {
                let matrix: Vec<f32> = (0..rows * columns).map(|_| random()).collect();
                let found = assign(&matrix, rows, columns);
                let total: f32 = found.iter().enumerate().filter_map(|(r, c)| c.map(|c| matrix[r * columns + c])).sum();
                let best = best_by_trying(&matrix, columns, 0, rows, 0);
                assert!((total - best).abs() < 1e-5, "{matrix:?}: {total} instead of {best}");
            }
        }
    }

    fn best_by_trying(matrix: &[f32], columns: usize, row: usize, rows: usize, taken: u32) -> f32 {
        if row == rows {
            return 0.0;
        }
        let skip = best_by_trying(matrix, columns, row + 1, rows, taken);
        (0..columns).filter(|c| taken & (1 << c) == 0).fold(skip, |best, c| {
            best.max(matrix[row * columns + c] + best_by_trying(matrix, columns, row + 1, rows, taken | (1 << c)))
        })
    }
}
