//! Tells movement from the sizes of coded pictures, without decoding any: an encoder spends bits on what it could not
//! predict. What is usual is learnt by each place in the group of pictures, because encoders treat places differently
//! (layers, the first pictures after a keyframe), and only from groups in which the analysis saw nothing, so that
//! swaying trees and a ticking clock become usual by themselves.
//!
//! The sum of what is unusual (CUSUM; Page, 1954, "Continuous inspection schemes") finds a long small rise as well as a
//! short large one, and one odd picture alone never reaches the threshold. The threshold rises with each false alarm
//! and falls with each true one. Where nothing can be told (constant bit rate spends the same on everything) the sizes
//! give no alarm, or too many and are then left out for a while; keyframes are looked at in any case.

/// Places that are told apart; later ones of a long group count as the last.
const PLACES_MAX: usize = 128;
/// Groups to learn from before anything is usual.
const GROUPS_MIN: u32 = 3;
/// Weight of the newest group, once there were as many.
const GROUPS_REMEMBERED: f32 = 24.0;
/// Least deviation that is believed, in doublings: quiet encoders repeat themselves to the byte.
const DEVIATION_MIN: f32 = 0.12;
/// Sizes below this, bytes, are headers only, and a few bytes more of them are not twice the movement.
const BYTES_MIN: f32 = 96.0;
/// A picture counts for at most this many deviations …
const ODD_MAX: f32 = 4.0;
/// … and this many are usual.
const USUAL: f32 = 1.0;
/// The threshold at the start and the least it falls to.
const THRESHOLD: f32 = 8.0;
/// Beyond this the sizes say nothing.
const THRESHOLD_MAX: f32 = 60.0;
/// How long they are left out then.
const LEFT_OUT_US: i64 = 600_000_000;

/// What is usual at one place in the group.
#[derive(Debug, Clone, Copy, Default)]
struct Usual {
    mean: f32,
    deviation: f32,
}

/// The sizes of one camera's coded pictures.
#[derive(Debug, Clone)]
pub struct Sizes {
    usual: Vec<Usual>,
    groups: u32,
    /// Doublings of the group so far.
    group: Vec<f32>,
    unusual: f32,
    threshold: f32,
    left_out_until_us: i64,
}

impl Default for Sizes {
    fn default() -> Self {
        Self {
            usual: Vec::new(),
            groups: 0,
            group: Vec::new(),
            unusual: 0.0,
            threshold: THRESHOLD,
            left_out_until_us: i64::MIN,
        }
    }
}

impl Sizes {
    /// A keyframe: the group before it is over, and is learnt from where it was `usual`.
    pub fn keyframe(&mut self, usual: bool) {
        if usual && !self.group.is_empty() {
            self.learn();
        }
        self.group.clear();
    }

    /// A picture between keyframes; whether there is movement.
    pub fn picture(&mut self, bytes: usize, media_us: i64) -> bool {
        let doublings = (bytes as f32).max(BYTES_MIN).log2();
        let place = self.group.len().min(PLACES_MAX - 1);
        if self.group.len() < PLACES_MAX {
            self.group.push(doublings);
        }
        if let Some(usual) = self.usual.get(place).filter(|_| self.groups >= GROUPS_MIN) {
            let odd = (doublings - usual.mean) / usual.deviation.max(DEVIATION_MIN);
            // Bounded, so that it is over soon after the movement is.
            self.unusual = (self.unusual + odd.clamp(-ODD_MAX, ODD_MAX) - USUAL).clamp(0.0, 1.5 * self.threshold);
        }
        self.unusual >= self.threshold && self.is_used(media_us)
    }

    /// The alarm was false, as the analysis found.
    pub fn was_false(&mut self, media_us: i64) {
        self.threshold *= 1.5;
        if self.threshold > THRESHOLD_MAX {
            self.threshold = THRESHOLD_MAX / 2.0;
            self.left_out_until_us = media_us.saturating_add(LEFT_OUT_US);
        }
    }

    /// The alarm was right.
    pub fn was_true(&mut self) {
        self.threshold = (self.threshold * 0.8).max(THRESHOLD);
    }

    /// What was unusual so far has been seen to.
    pub fn calm(&mut self) {
        self.unusual = 0.0;
    }

    /// Whether the sizes give alarms: what is usual is known, and they have not been wrong too often.
    pub fn is_used(&self, media_us: i64) -> bool {
        self.groups >= GROUPS_MIN && media_us >= self.left_out_until_us
    }

    fn learn(&mut self) {
        let weight = 1.0 / (self.groups as f32 + 1.0).min(GROUPS_REMEMBERED);
        for (place, &doublings) in self.group.iter().enumerate() {
            match self.usual.get_mut(place) {
                Some(usual) => {
                    let off = doublings - usual.mean;
                    usual.mean += weight * off;
                    // The mean of an absolute deviation is 0.8 of a normal one's standard deviation.
                    usual.deviation += weight * (1.25 * off.abs() - usual.deviation);
                }
                None => self.usual.push(Usual { mean: doublings, deviation: 4.0 * DEVIATION_MIN }),
            }
        }
        self.groups = self.groups.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng, rngs::StdRng};

    use super::*;

    const PERIOD_US: i64 = 40_000;

    /// Plays groups of 50 pictures; `size` of (group, place). Gives the groups in which there was an alarm.
    fn alarms(
        sizes: &mut Sizes,
        groups: std::ops::Range<i64>,
        mut size: impl FnMut(i64, i64) -> f32,
        usual: impl Fn(i64) -> bool,
    ) -> Vec<i64> {
        let mut alarms = Vec::new();
        for group in groups {
            for place in 0..49 {
                let bytes = size(group, place).max(0.0) as usize;
                if sizes.picture(bytes, (group * 50 + place) * PERIOD_US) && alarms.last() != Some(&group) {
                    alarms.push(group);
                }
            }
            sizes.keyframe(usual(group));
            sizes.calm();
        }
        alarms
    }

    #[test]
    fn movement_is_found_through_noise_layers_and_a_ticking_clock_and_quiet_hours_stay_quiet() {
        for seed in 1..=20 {
            let mut random = StdRng::seed_from_u64(seed);
            let noise: f32 = random.random_range(0.02..0.25);
            let base: f32 = random.random_range(300.0..6000.0);
            let tick: f32 = random.random_range(1.0..3.0);
            let moves = |group: i64| group >= 900 && group % 20 == 0;
            let mut sizes = Sizes::default();
            let found = alarms(
                &mut sizes,
                0..1000,
                |group, place| {
                    let layer = if place % 2 == 0 { 1.0 } else { 0.6 };
                    let clock = if (group * 50 + place) % 25 == 3 { tick } else { 1.0 };
                    // What moves takes a third of the pictures to come in and costs twice the usual.
                    let movement = if moves(group) && place > 10 { 2.2 } else { 1.0 };
                    base * layer * clock * movement * (1.0 + noise * random.random_range(-1.0..1.0))
                },
                |group| !moves(group),
            );
            let expected: Vec<i64> = (900..1000).filter(|group| moves(*group)).collect();
            let false_alarms = found.iter().filter(|group| !moves(**group)).count();
            assert!(false_alarms <= 2, "seed {seed}: {false_alarms} false alarms in 33 min");
            assert!(expected.iter().all(|group| found.contains(group)), "seed {seed}: {found:?}");
        }
    }

    #[test]
    fn what_is_always_there_becomes_usual() {
        let mut sizes = Sizes::default();
        alarms(&mut sizes, 0..10, |_, _| 1000.0, |_| true);
        // Wind comes up and stays; the analysis sees nothing in it.
        let found = alarms(&mut sizes, 10..80, |_, _| 2500.0, |_| true);
        assert!(found.len() < 40 && found.iter().all(|group| *group < 60), "{found:?}");
    }

    #[test]
    fn sizes_that_are_wrong_again_and_again_are_left_out_and_come_back() {
        let mut sizes = Sizes::default();
        alarms(&mut sizes, 0..5, |_, _| 1000.0, |_| true);
        assert!(sizes.is_used(0));
        for _ in 0..6 {
            sizes.was_false(0);
        }
        assert!(!sizes.is_used(LEFT_OUT_US - 1) && sizes.is_used(LEFT_OUT_US));
    }

    #[test]
    fn one_odd_picture_is_no_movement_and_a_constant_rate_tells_nothing() {
        let none: [i64; 0] = [];
        let mut sizes = Sizes::default();
        let odd = |group, place| if group > 5 && place == 20 { 9e6 } else { 900.0 };
        assert_eq!(alarms(&mut sizes, 0..40, odd, |_| true), none);
        let mut sizes = Sizes::default();
        assert_eq!(alarms(&mut sizes, 0..40, |_, _| 8000.0, |_| true), none);
        for bytes in [0, 1, usize::MAX] {
            sizes.picture(bytes, i64::MAX);
        }
    }
}
