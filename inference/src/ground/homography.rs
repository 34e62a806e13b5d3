//! A homography from the picture to the ground: applying it, and finding the one that is nearest to known points.

use super::KnownPoint;
use crate::picture::Point;

/// Rows of a 3×3 matrix; the third gives the divisor, which is positive below the horizon.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Homography(pub(super) [[f64; 3]; 3]);

impl Homography {
    /// Where a point of the picture is on the ground; none at the horizon and above it.
    pub(super) fn apply(&self, point: Point) -> Option<[f64; 2]> {
        let point = [f64::from(point.x), f64::from(point.y), 1.0];
        let [east, north, divisor] = self.0.map(|row| dot(row, point));
        (divisor > 1e-6).then(|| [east / divisor, north / divisor])
    }

    /// By the direct linear transformation with normalised coordinates (Hartley and Zisserman, algorithm 4.2), the
    /// last element fixed at 1, which the normalisation allows: the middle of the points is not at the horizon. None
    /// where the points do not determine it or see the ground from below.
    pub(super) fn through(points: &[KnownPoint]) -> Option<Homography> {
        let picture = Scale::of(points.iter().map(|point| point.picture))?;
        let ground = Scale::of(points.iter().map(|point| point.ground_m))?;
        let (mut normal, mut right) = ([[0.0; 8]; 8], [0.0; 8]);
        for point in points {
            let ([x, y], [u, v]) = (picture.to(point.picture), ground.to(point.ground_m));
            let rows =
                [([x, y, 1.0, 0.0, 0.0, 0.0, -u * x, -u * y], u), ([0.0, 0.0, 0.0, x, y, 1.0, -v * x, -v * y], v)];
            for (row, value) in rows {
                for (i, a) in row.iter().enumerate() {
                    right[i] += a * value;
                    for (j, b) in row.iter().enumerate() {
                        normal[i][j] += a * b;
                    }
                }
            }
        }
        let [a, b, c, d, e, f, g, h] = solve(normal, right)?;
        let between = [[a, b, c], [d, e, f], [g, h, 1.0]];
        let back = [[ground.size, 0.0, ground.middle[0]], [0.0, ground.size, ground.middle[1]], [0.0, 0.0, 1.0]];
        let (unit, middle) = (1.0 / picture.size, picture.middle);
        let there = [[unit, 0.0, -middle[0] * unit], [0.0, unit, -middle[1] * unit], [0.0, 0.0, 1.0]];
        let found = Homography(product(product(back, between), there));
        let seen = |point: &KnownPoint| found.apply(Point::new(point.picture[0] as f32, point.picture[1] as f32));
        points.iter().all(|point| seen(point).is_some()).then_some(found)
    }
}

/// Coordinates around the middle of points, in units of their mean distance from it.
#[derive(Debug, Clone, Copy)]
struct Scale {
    middle: [f64; 2],
    size: f64,
}

impl Scale {
    fn of(points: impl Iterator<Item = [f64; 2]> + Clone) -> Option<Scale> {
        let count = points.clone().count() as f64;
        let sum = points.clone().fold([0.0; 2], |sum, point| [sum[0] + point[0], sum[1] + point[1]]);
        let middle = sum.map(|value| value / count);
        let size = points.map(|[x, y]| (x - middle[0]).hypot(y - middle[1])).sum::<f64>() / count;
        (size > 1e-9).then_some(Scale { middle, size })
    }

    fn to(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        [(x - self.middle[0]) / self.size, (y - self.middle[1]) / self.size]
    }
}

/// Gaussian elimination with partial pivoting; none where the matrix is all but singular.
fn solve(mut matrix: [[f64; 8]; 8], mut right: [f64; 8]) -> Option<[f64; 8]> {
    for column in 0..8 {
        let pivot = (column..8).max_by(|&a, &b| matrix[a][column].abs().total_cmp(&matrix[b][column].abs()))?;
        // The squares of coordinates near 1 stand here: what is this small has lost its digits.
        if matrix[pivot][column].abs() < 1e-9 {
            return None;
        }
        matrix.swap(column, pivot);
        right.swap(column, pivot);
        for row in column + 1..8 {
            let part = matrix[row][column] / matrix[column][column];
            let above = matrix[column];
            for (value, above) in matrix[row].iter_mut().zip(above).skip(column) {
                *value -= part * above;
            }
            right[row] -= part * right[column];
        }
    }
    let mut solution = [0.0; 8];
    for row in (0..8).rev() {
        let known: f64 = (row + 1..8).map(|index| matrix[row][index] * solution[index]).sum();
        solution[row] = (right[row] - known) / matrix[row][row];
    }
    Some(solution)
}

fn product(a: [[f64; 3]; 3], b: [[f64; 3]; 3]) -> [[f64; 3]; 3] {
    let column = |index: usize| [b[0][index], b[1][index], b[2][index]];
    a.map(|row| [0, 1, 2].map(|index| dot(row, column(index))))
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}
