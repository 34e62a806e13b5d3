//! One-to-one matching of times within a tolerance: as many pairs as there can be, and of those the nearest. A time that
//! is expected may have a slack of its own, within which the distance is none.

/// Beyond so many possible pairs in one cluster the nearest are not looked for any more, only the most.
const CELLS_MAX: usize = 4_000_000;

/// A time that the truth gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Expected {
    /// When.
    pub t_us: i64,
    /// So much earlier or later is as good.
    pub slack_us: i64,
}

impl Expected {
    /// How far a time is from it.
    pub fn distance_us(&self, t_us: i64) -> i64 {
        ((t_us - self.t_us).abs() - self.slack_us).max(0)
    }
}

/// Indices into the lists that were compared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// (found, required), in the order of time.
    pub pairs: Vec<(usize, usize)>,
    /// Required and not found.
    pub missing: Vec<usize>,
    /// Found and neither required nor optional.
    pub extra: Vec<usize>,
}

/// Matches what was found first with what is required, then what is left with what is optional. All lists are sorted.
pub fn settle(found: &[i64], required: &[Expected], optional: &[Expected], tolerance_us: i64) -> Outcome {
    let pairs = pair(found, required, tolerance_us);
    let mut taken = vec![false; found.len()];
    let mut met = vec![false; required.len()];
    for &(one, other) in &pairs {
        taken[one] = true;
        met[other] = true;
    }
    let rest: Vec<usize> = (0..found.len()).filter(|one| !taken[*one]).collect();
    let times: Vec<i64> = rest.iter().map(|one| found[*one]).collect();
    for (one, _) in pair(&times, optional, tolerance_us) {
        taken[rest[one]] = true;
    }
    let missing = (0..required.len()).filter(|other| !met[*other]).collect();
    let extra = (0..found.len()).filter(|one| !taken[*one]).collect();
    Outcome { pairs, missing, extra }
}

/// A matching of greatest size, and of least summed distance among those.
fn pair(a: &[i64], b: &[Expected], tolerance_us: i64) -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    let reach_us = tolerance_us + b.iter().map(|one| one.slack_us).max().unwrap_or(0);
    let (mut i, mut j) = (0, 0);
    while i < a.len() && j < b.len() {
        // A cluster: times that a gap wider than any may be apart parts from the rest.
        let (from_i, from_j) = (i, j);
        let mut last_us = a[i].min(b[j].t_us);
        loop {
            let near = |t_us: Option<i64>| t_us.is_some_and(|t_us| t_us - last_us <= reach_us);
            let (one, other) = (a.get(i).copied(), b.get(j).map(|other| other.t_us));
            if near(one) && (!near(other) || one <= other) {
                last_us = a[i];
                i += 1;
            } else if near(other) {
                last_us = b[j].t_us;
                j += 1;
            } else {
                break;
            }
        }
        let (left, right) = (&a[from_i..i], &b[from_j..j]);
        let found = if (left.len() + 1).saturating_mul(right.len() + 1) <= CELLS_MAX {
            nearest(left, right, tolerance_us)
        } else {
            most(left, right, tolerance_us)
        };
        pairs.extend(found.into_iter().map(|(one, other)| (from_i + one, from_j + other)));
    }
    pairs
}

/// By dynamic programming over both lists: on a line some best matching never crosses, since uncrossing two pairs makes
/// neither distance exceed the tolerance nor the sum greater. (Where one slack lies within another's a matching that
/// must cross is not seen: two events of one rule in less than the slack.)
fn nearest(a: &[i64], b: &[Expected], tolerance_us: i64) -> Vec<(usize, usize)> {
    // (pairs, minus summed distance): greater is better.
    type Value = (u32, i64);
    let width = b.len() + 1;
    let mut best: Vec<Value> = vec![(0, 0); (a.len() + 1) * width];
    let paired = |best: &[Value], i: usize, j: usize| {
        let distance = b[j - 1].distance_us(a[i - 1]);
        let (pairs, value) = best[(i - 1) * width + j - 1];
        (distance <= tolerance_us).then_some((pairs + 1, value - distance))
    };
    for i in 1..=a.len() {
        for j in 1..width {
            let skipped = best[(i - 1) * width + j].max(best[i * width + j - 1]);
            best[i * width + j] = paired(&best, i, j).map_or(skipped, |value| value.max(skipped));
        }
    }
    let (mut i, mut j) = (a.len(), b.len());
    let mut pairs = Vec::new();
    while i > 0 && j > 0 {
        let here = best[i * width + j];
        if here == best[(i - 1) * width + j] {
            i -= 1;
        } else if here == best[i * width + j - 1] {
            j -= 1;
        } else {
            i -= 1;
            j -= 1;
            pairs.push((i, j));
        }
    }
    pairs.reverse();
    pairs
}

/// The first with the first that fits: greatest for intervals of one length (Glover, 1967, convex bipartite graphs).
fn most(a: &[i64], b: &[Expected], tolerance_us: i64) -> Vec<(usize, usize)> {
    let (mut i, mut j, mut pairs) = (0, 0, Vec::new());
    while i < a.len() && j < b.len() {
        if b[j].distance_us(a[i]) <= tolerance_us {
            pairs.push((i, j));
            i += 1;
            j += 1;
        } else if a[i] < b[j].t_us {
            i += 1;
        } else {
            j += 1;
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng, rngs::StdRng};

    use super::*;

    fn sharp(times: &[i64]) -> Vec<Expected> {
        times.iter().map(|&t_us| Expected { t_us, slack_us: 0 }).collect()
    }

    #[test]
    fn a_time_within_the_slack_is_as_good_as_the_time_itself_and_one_beyond_both_is_not() {
        let required = [Expected { t_us: 100, slack_us: 30 }];
        assert_eq!(settle(&[60, 139], &required, &[], 10).pairs, vec![(1, 0)]);
        assert_eq!(settle(&[59], &required, &[], 10).missing, vec![0]);
        assert_eq!(pair(&[75, 128], &[required[0], Expected { t_us: 131, slack_us: 0 }], 10), [(0, 0), (1, 1)]);
    }

    #[test]
    fn the_most_pairs_win_over_the_nearest_and_then_the_nearest_win() {
        // The nearest alone would take 10.9 to 11.0 and leave 10.0 and 11.8.
        assert_eq!(pair(&[109, 118], &sharp(&[100, 110]), 10), [(0, 0), (1, 1)]);
        assert_eq!(pair(&[100], &sharp(&[91, 100, 109]), 10), [(0, 1)]);
        let outcome = settle(&[102, 104], &sharp(&[105]), &sharp(&[100, 200]), 10);
        assert_eq!(outcome, Outcome { pairs: vec![(1, 0)], missing: vec![], extra: vec![] });
    }

    #[test]
    fn clusters_agree_with_trying_everything() {
        /// (pairs, minus summed distance) of the best of all matchings.
        fn all(a: &[i64], b: &[i64], free: &mut [bool]) -> (u32, i64) {
            let Some((&one, rest)) = a.split_first() else { return (0, 0) };
            let mut best = all(rest, b, free);
            for other in 0..b.len() {
                let distance = (one - b[other]).abs();
                if free[other] && distance <= 10 {
                    free[other] = false;
                    let (pairs, value) = all(rest, b, free);
                    best = best.max((pairs + 1, value - distance));
                    free[other] = true;
                }
            }
            best
        }
        let mut random = StdRng::seed_from_u64(5);
        for round in 0..300 {
            let mut list = || -> Vec<i64> {
                let mut times: Vec<i64> = (0..random.random_range(0..7)).map(|_| random.random_range(0..60)).collect();
                times.sort_unstable();
                times
            };
            let (a, b) = (list(), list());
            let pairs = pair(&a, &sharp(&b), 10);
            let value =
                (pairs.len() as u32, -pairs.iter().map(|(one, other)| (a[*one] - b[*other]).abs()).sum::<i64>());
            assert_eq!(value, all(&a, &b, &mut vec![true; b.len()]), "round {round}: {a:?} {b:?}");
            assert_eq!(most(&a, &sharp(&b), 10).len(), pairs.len(), "round {round}: {a:?} {b:?}");
        }
    }
}
