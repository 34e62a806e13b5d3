//! What happens to each datagram of one direction. Pure: takes the time and the length, returns when it arrives.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// How bad one direction is. The default is a perfect wire.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Impairment {
    /// Share of datagrams that are lost, 0–1.
    pub loss: f64,
    /// Share that arrive twice, 0–1.
    pub duplicate: f64,
    /// One way.
    pub delay_us: u64,
    /// Up to this much more, evenly spread; order is kept.
    pub jitter_us: u64,
    /// Share that are held back by another `delay_us`, so that later ones overtake them, 0–1.
    pub reorder: f64,
    /// Bytes a second; 0 is unlimited.
    pub rate_bytes: u64,
    /// Nothing gets through.
    pub cut: bool,
}

/// Bound of the queue in front of a narrow link; what comes later is dropped, as a router does.
const QUEUE_US_MAX: u64 = 500_000;

/// One direction with its memory.
#[derive(Debug)]
pub struct Impair {
    rng: StdRng,
    /// When the last datagram that keeps its place arrives.
    last_us: u64,
    /// When the narrow link is free again.
    free_us: u64,
}

impl Impair {
    /// The same seed decides the same.
    pub fn new(seed: u64) -> Self {
        Self { rng: StdRng::seed_from_u64(seed), last_us: 0, free_us: 0 }
    }

    /// When a datagram of `length` bytes that is sent at `now_us` arrives: never, once or twice.
    pub fn decide(&mut self, how: &Impairment, now_us: u64, length: usize) -> Vec<u64> {
        // Drawn in any case, so that a change of one share leaves the others' draws alone.
        let draws: [f64; 4] = self.rng.random();
        if how.cut || draws[0] < how.loss {
            return Vec::new();
        }
        // No rate, no queue.
        let sent_us = match (1_000_000 * length as u64).checked_div(how.rate_bytes) {
            None => now_us,
            Some(takes_us) => {
                let start_us = self.free_us.max(now_us);
                if start_us - now_us > QUEUE_US_MAX {
                    return Vec::new();
                }
                self.free_us = start_us + takes_us;
                self.free_us
            }
        };
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "small and positive"
        )]
        let jitter_us = (draws[1] * how.jitter_us as f64) as u64;
        let arrives_us = if draws[2] < how.reorder {
            sent_us + 2 * how.delay_us + jitter_us
        } else {
            self.last_us = self.last_us.max(sent_us + how.delay_us + jitter_us);
            self.last_us
        };
        if draws[3] < how.duplicate { vec![arrives_us; 2] } else { vec![arrives_us] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrivals(how: Impairment, count: u64) -> Vec<Vec<u64>> {
        let mut impair = Impair::new(7);
        (0..count).map(|index| impair.decide(&how, index * 1000, 1000)).collect()
    }

    #[test]
    fn a_perfect_wire_changes_nothing() {
        let expected: Vec<Vec<u64>> = (0..100).map(|index| vec![index * 1000]).collect();
        assert_eq!(arrivals(Impairment::default(), 100), expected);
    }

    #[test]
    fn the_same_seed_decides_the_same() {
        let how = Impairment { loss: 0.2, duplicate: 0.1, delay_us: 500, jitter_us: 3000, ..Impairment::default() };
        assert_eq!(arrivals(how, 500), arrivals(how, 500));
    }

    #[test]
    fn shares_come_out_as_asked() {
        let got = arrivals(Impairment { loss: 0.1, duplicate: 0.2, ..Impairment::default() }, 20_000);
        let share = |copies| got.iter().filter(|one| one.len() == copies).count() as f64 / 20_000.0;
        assert!((share(0) - 0.1).abs() < 0.01, "lost {}", share(0));
        assert!((share(2) - 0.18).abs() < 0.015, "doubled {}", share(2));
    }

    #[test]
    fn jitter_keeps_order_and_reordering_does_not() {
        let jitter = arrivals(Impairment { delay_us: 10_000, jitter_us: 8_000, ..Impairment::default() }, 1000);
        assert!(jitter.is_sorted());
        assert!(
            jitter.iter().enumerate().all(|(index, at)| (10_000..=18_000).contains(&(at[0] - 1000 * index as u64)))
        );
        let reordered = arrivals(Impairment { delay_us: 10_000, reorder: 0.1, ..Impairment::default() }, 1000);
        assert!(!reordered.is_sorted());
    }

    #[test]
    fn a_narrow_link_paces_and_its_queue_is_bounded() {
        // 1 MB/s offered to 100 kB/s.
        let got = arrivals(Impairment { rate_bytes: 100_000, ..Impairment::default() }, 5000);
        let passed: Vec<u64> = got.iter().flatten().copied().collect();
        assert!(passed.windows(2).all(|two| two[1] - two[0] >= 10_000));
        assert!((450..=560).contains(&passed.len()), "{}", passed.len());
    }

    #[test]
    fn a_cut_wire_passes_nothing() {
        assert!(arrivals(Impairment { cut: true, ..Impairment::default() }, 100).iter().all(Vec::is_empty));
    }
}
