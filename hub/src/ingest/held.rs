//! Watermarks that must wait until every event before them is safe. Two places are enough: the first is fixed, so that
//! its turn comes; the second takes in whatever arrives meanwhile. Pure data.

use std::collections::BTreeMap;

use crate::store::{CameraWatermark, Gap, MAX_GAPS_KEPT};

/// What can be held: a later one is brought into an earlier one without losing anything.
pub trait Unite {
    /// Takes `later` in.
    fn unite(&mut self, later: Self);
}

/// Watermarks of one gateway.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Marks {
    /// Of the newest message in here; the gateway's way to tell its messages apart.
    pub sent_us: i64,
    /// By camera.
    pub cameras: BTreeMap<String, CameraWatermark>,
}

impl Unite for Marks {
    fn unite(&mut self, later: Self) {
        self.sent_us = later.sent_us;
        for (camera, mark) in later.cameras {
            match self.cameras.get_mut(&camera) {
                None => {
                    self.cameras.insert(camera, mark);
                }
                Some(known) => {
                    known.complete_to_us = known.complete_to_us.max(mark.complete_to_us);
                    known.complete_from_us = known.complete_from_us.into_iter().chain(mark.complete_from_us).min();
                    for gap in mark.gaps {
                        add_gap(&mut known.gaps, gap);
                    }
                }
            }
        }
    }
}

/// Up to two sets of watermarks, each behind a point `P` that must be reached first.
///
/// Bound: two sets. When both are taken the second one absorbs: its point moves on, completeness goes to the later time,
/// gaps are united. So watermarks come later under load, never wrongly, and no gap is forgotten.
#[derive(Debug, Clone)]
pub struct Held<P, T> {
    first: Option<(P, T)>,
    second: Option<(P, T)>,
}

impl<P: Copy + Ord, T: Unite> Held<P, T> {
    /// Nothing held.
    pub fn new() -> Self {
        Self { first: None, second: None }
    }

    /// Adds watermarks that hold once `point` is reached.
    pub fn push(&mut self, point: P, marks: T) {
        if self.first.is_none() {
            self.first = Some((point, marks));
            return;
        }
        match &mut self.second {
            None => self.second = Some((point, marks)),
            Some((at, into)) => {
                *at = point.max(*at);
                into.unite(marks);
            }
        }
    }

    /// The next watermarks whose point is reached.
    pub fn pop(&mut self, reached: impl Fn(P) -> bool) -> Option<T> {
        if !reached(self.first.as_ref()?.0) {
            return None;
        }
        let (_, marks) = std::mem::replace(&mut self.first, self.second.take())?;
        Some(marks)
    }

    /// Nothing held?
    pub fn is_empty(&self) -> bool {
        self.first.is_none()
    }
}

impl<P: Copy + Ord, T: Unite> Default for Held<P, T> {
    fn default() -> Self {
        Self::new()
    }
}

/// The same gap reported again adds nothing; above the bound the two oldest become one that covers both.
fn add_gap(gaps: &mut Vec<Gap>, gap: Gap) {
    if gaps.contains(&gap) {
        return;
    }
    gaps.push(gap);
    if gaps.len() > MAX_GAPS_KEPT {
        gaps.sort_by_key(|gap| gap.from_us);
        let second = gaps.remove(1);
        gaps[0].to_us = gaps[0].to_us.max(second.to_us);
        if gaps[0].reason != second.reason {
            gaps[0].reason = "several".into();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(complete_to_us: i64, gaps: &[(i64, i64)]) -> Marks {
        let gaps = gaps.iter().map(|&(from_us, to_us)| Gap { from_us, to_us, reason: "stalled".into() }).collect();
        let mark = CameraWatermark { camera: "c".into(), complete_to_us, gaps, complete_from_us: None };
        Marks { sent_us: complete_to_us, cameras: BTreeMap::from([("c".into(), mark)]) }
    }

    #[test]
    fn the_first_keeps_its_turn_and_the_second_takes_in_the_rest() {
        let mut held = Held::new();
        for point in 1..=10i64 {
            held.push(point, marks(point * 100, &[(point, point + 1)]));
        }
        assert_eq!(held.pop(|point| point <= 0), None);
        assert_eq!(held.pop(|point| point <= 9), Some(marks(100, &[(1, 2)])));
        assert_eq!(held.pop(|point| point <= 9), None, "the second moved on to 10");
        let rest = held.pop(|point| point <= 10).unwrap();
        assert_eq!((rest.sent_us, rest.cameras["c"].complete_to_us, rest.cameras["c"].gaps.len()), (1000, 1000, 9));
        assert!(held.is_empty());
    }

    #[test]
    fn gaps_are_bounded_and_none_is_forgotten() {
        let mut into = marks(0, &[]);
        for n in 0..200i64 {
            into.unite(marks(n, &[(n * 10, n * 10 + 5)]));
        }
        let gaps = &into.cameras["c"].gaps;
        assert_eq!(gaps.len(), MAX_GAPS_KEPT);
        for n in 0..200i64 {
            assert!(gaps.iter().any(|gap| gap.from_us <= n * 10 && gap.to_us >= n * 10 + 5), "{n}");
        }
    }
}
