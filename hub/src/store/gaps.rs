//! How gaps of a camera are united. Pure; the bound makes them coarser, never fewer in time: what was once reported as
//! not analysed is never claimed as analysed.

use super::{Gap, MAX_GAPS_KEPT};

/// The reason of a gap that was made of several.
pub(super) const SEVERAL: &str = "several";

/// Unites what is known with what a gateway reports. In order of time, without overlaps; the same report changes nothing.
/// Where two reasons claim the same time, the gap that began first keeps it.
pub(super) fn unite(known: &[Gap], reported: &[Gap]) -> Vec<Gap> {
    let mut all: Vec<&Gap> = known.iter().chain(reported).filter(|gap| gap.from_us < gap.to_us).collect();
    all.sort_by_key(|gap| gap.from_us);
    let mut united: Vec<Gap> = Vec::with_capacity(all.len());
    for gap in all {
        match united.last_mut() {
            Some(last) if gap.from_us <= last.to_us && (gap.reason == last.reason || gap.to_us <= last.to_us) => {
                last.to_us = last.to_us.max(gap.to_us);
            }
            Some(last) => {
                let from_us = gap.from_us.max(last.to_us);
                united.push(Gap { from_us, ..gap.clone() });
            }
            None => united.push(gap.clone()),
        }
    }
    let surplus = united.len().saturating_sub(MAX_GAPS_KEPT);
    if surplus > 0 {
        let to_us = united[surplus].to_us;
        united.drain(1..=surplus);
        united[0].to_us = to_us;
        united[0].reason = SEVERAL.into();
    }
    united
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gap(from_us: i64, to_us: i64, reason: &str) -> Gap {
        Gap { from_us, to_us, reason: reason.into() }
    }

    #[test]
    fn uniting_keeps_every_missing_moment_and_changes_nothing_the_second_time() {
        let cases: &[(&[Gap], &[Gap], &[Gap])] = &[
            (&[], &[gap(5, 9, "a")], &[gap(5, 9, "a")]),
            (&[gap(5, 9, "a")], &[gap(5, 12, "a")], &[gap(5, 12, "a")]),
            (&[gap(5, 9, "a")], &[gap(1, 3, "b")], &[gap(1, 3, "b"), gap(5, 9, "a")]),
            (&[gap(0, 10, "a")], &[gap(5, 15, "b")], &[gap(0, 10, "a"), gap(10, 15, "b")]),
            (&[gap(0, 10, "a")], &[gap(2, 4, "b")], &[gap(0, 10, "a")]),
            (&[], &[gap(7, 7, "a"), gap(9, 8, "a")], &[]),
        ];
        for (known, reported, expected) in cases {
            let once = unite(known, reported);
            assert_eq!(&once, expected);
            assert_eq!(unite(&once, reported), once, "idempotent");
        }
    }

    #[test]
    fn above_the_bound_the_oldest_become_one_that_covers_them_all() {
        let many: Vec<Gap> = (0..200).map(|i| gap(i * 10, i * 10 + 5, "stalled")).collect();
        let united = unite(&[], &many);
        assert_eq!(united.len(), MAX_GAPS_KEPT);
        assert_eq!((united[0].from_us, united[0].reason.as_str()), (0, SEVERAL));
        assert!(united.windows(2).all(|pair| pair[0].to_us <= pair[1].from_us));
        for gap in &many {
            assert!(united.iter().any(|u| u.from_us <= gap.from_us && gap.to_us <= u.to_us));
        }
        assert_eq!(unite(&united, &many).len(), MAX_GAPS_KEPT);
    }
}
