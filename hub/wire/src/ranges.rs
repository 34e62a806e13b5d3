//! Sets of sequence numbers as inclusive ranges: which events of an epoch are durable. Since live events overtake
//! back-fill, one watermark cannot say it. Pure data; whoever fills it from outside bounds `len()`.

use std::collections::BTreeMap;

/// A set of u64, kept as disjoint ranges that do not touch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RangeSet {
    /// First to last, both inside.
    ranges: BTreeMap<u64, u64>,
}

impl RangeSet {
    /// The empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one number; true where it was not inside before.
    pub fn insert(&mut self, number: u64) -> bool {
        if self.contains(number) {
            return false;
        }
        self.insert_range(number, number);
        true
    }

    /// Adds `first..=last`; does nothing where `first > last`.
    pub fn insert_range(&mut self, first: u64, last: u64) {
        if first > last {
            return;
        }
        let (mut first, mut last) = (first, last);
        // Every range that overlaps or touches is swallowed, from the right to the left.
        while let Some((&start, &end)) = self.ranges.range(..=last.saturating_add(1)).next_back() {
            if end.saturating_add(1) < first {
                break;
            }
            first = first.min(start);
            last = last.max(end);
            self.ranges.remove(&start);
        }
        self.ranges.insert(first, last);
    }

    /// Adds everything of another set.
    pub fn merge(&mut self, other: &RangeSet) {
        for (first, last) in other.iter() {
            self.insert_range(first, last);
        }
    }

    /// Is the number inside?
    pub fn contains(&self, number: u64) -> bool {
        self.ranges.range(..=number).next_back().is_some_and(|(_, &last)| number <= last)
    }

    /// Is all of `first..=last` inside? True for an empty range.
    pub fn covers(&self, first: u64, last: u64) -> bool {
        first > last || self.contiguous_from(first).is_some_and(|end| end >= last)
    }

    /// The last number of the run without a hole that begins with `first`; none where `first` is not inside.
    pub fn contiguous_from(&self, first: u64) -> Option<u64> {
        self.ranges.range(..=first).next_back().map(|(_, &last)| last).filter(|&last| last >= first)
    }

    /// The ranges in order.
    pub fn iter(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.ranges.iter().map(|(&first, &last)| (first, last))
    }

    /// What of `first..=last` is not inside, in order.
    pub fn missing(&self, first: u64, last: u64) -> Vec<(u64, u64)> {
        let mut holes = Vec::new();
        let mut next = first;
        let before = self.ranges.range(..first).next_back();
        for (&start, &end) in before.into_iter().chain(self.ranges.range(first..)) {
            if start > last {
                break;
            }
            if end < next {
                continue;
            }
            if start > next {
                holes.push((next, start - 1));
            }
            match end.checked_add(1) {
                Some(after) => next = after,
                None => return holes,
            }
        }
        if next <= last {
            holes.push((next, last));
        }
        holes
    }

    /// How many ranges.
    pub fn len(&self) -> usize {
        self.ranges.len()
    }

    /// Nothing inside?
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// How many numbers are inside.
    pub fn count(&self) -> u64 {
        self.iter().fold(0u64, |sum, (first, last)| sum.saturating_add((last - first).saturating_add(1)))
    }

    /// The largest number inside.
    pub fn last(&self) -> Option<u64> {
        self.ranges.last_key_value().map(|(_, &last)| last)
    }
}

impl FromIterator<(u64, u64)> for RangeSet {
    fn from_iter<I: IntoIterator<Item = (u64, u64)>>(ranges: I) -> Self {
        let mut set = Self::new();
        for (first, last) in ranges {
            set.insert_range(first, last);
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn behaves_like_a_set_of_numbers(inserts in prop::collection::vec((0u64..60, 0u64..6), 0..40), from in 0u64..60) {
            let mut set = RangeSet::new();
            let mut model = BTreeSet::new();
            for (first, width) in inserts {
                if width == 0 {
                    prop_assert_eq!(set.insert(first), model.insert(first));
                } else {
                    set.insert_range(first, first + width);
                    model.extend(first..=first + width);
                }
            }
            let ranges: Vec<_> = set.iter().collect();
            prop_assert!(ranges.windows(2).all(|pair| pair[0].1 + 1 < pair[1].0), "touching ranges: {:?}", ranges);
            prop_assert_eq!(set.count(), model.len() as u64);
            prop_assert_eq!(set.last(), model.last().copied());
            for number in 0..70 {
                prop_assert_eq!(set.contains(number), model.contains(&number));
            }
            let run = (from..).take_while(|number| model.contains(number)).last();
            prop_assert_eq!(set.contiguous_from(from), run);
            let missing: Vec<u64> = set.missing(from, 65).into_iter().flat_map(|(a, b)| a..=b).collect();
            prop_assert_eq!(missing, (from..=65).filter(|n| !model.contains(n)).collect::<Vec<_>>());
            prop_assert_eq!(set.covers(from, from + 3), (from..=from + 3).all(|n| model.contains(&n)));
        }
    }

    #[test]
    fn the_largest_number_is_no_special_case() {
        let mut set = RangeSet::from_iter([(u64::MAX, u64::MAX), (5, 9)]);
        assert!(set.contains(u64::MAX) && !set.insert(u64::MAX));
        assert_eq!(set.missing(9, u64::MAX), vec![(10, u64::MAX - 1)]);
        set.insert_range(0, u64::MAX);
        assert_eq!(set.iter().collect::<Vec<_>>(), vec![(0, u64::MAX)]);
        assert!(set.missing(0, u64::MAX).is_empty());
    }
}
