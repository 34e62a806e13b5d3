//! Which pictures are analysed. Pure and by media time only: the same pictures are chosen in every run, however fast or
//! late they come.

/// Timestamps are rounded on their way; one that is this much early still fills its slot.
const ROUNDING_US: i64 = 1_000;

/// Chooses the first picture at or after each slot of a grid that starts with the first picture.
#[derive(Debug, Clone)]
pub struct Sampler {
    period_us: i64,
    origin_us: Option<i64>,
    slot: i64,
    newest_us: i64,
}

impl Sampler {
    /// A grid of `fps` slots a second (at least one in 100 s, at most 1000).
    pub fn new(fps: f64) -> Self {
        let fps = if fps.is_finite() { fps.clamp(0.01, 1000.0) } else { 5.0 };
        Self { period_us: (1e6 / fps).round() as i64, origin_us: None, slot: 0, newest_us: 0 }
    }

    /// The time between two slots.
    pub fn period_us(&self) -> i64 {
        self.period_us
    }

    /// Whether the picture is analysed. Pictures come in the order of presentation; where time goes back the grid
    /// starts again, where it leaps ahead the slots in between are left out.
    pub fn due(&mut self, media_us: i64) -> bool {
        let restart = media_us < self.newest_us;
        self.newest_us = media_us;
        let origin_us = match self.origin_us {
            Some(origin_us) if !restart => origin_us,
            _ => {
                self.origin_us = Some(media_us);
                self.slot = 0;
                return true;
            }
        };
        let slot = media_us.saturating_sub(origin_us).saturating_add(ROUNDING_US) / self.period_us;
        let due = slot > self.slot;
        self.slot = self.slot.max(slot);
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Milliseconds of the pictures that are chosen.
    fn chosen(fps: f64, pictures_us: impl IntoIterator<Item = i64>) -> Vec<i64> {
        let mut sampler = Sampler::new(fps);
        pictures_us.into_iter().filter(|&us| sampler.due(us)).map(|us| us / 1000).collect()
    }

    #[test]
    fn the_first_picture_of_each_slot_is_chosen() {
        let cases: [(&str, f64, Vec<i64>, Vec<i64>); 6] = [
            ("every second", 5.0, (0..8).map(|n| n * 100_000).collect(), vec![0, 200, 400, 600]),
            ("12.5 fps", 5.0, (0..8).map(|n| n * 80_000).collect(), vec![0, 240, 400]),
            ("slower than the grid", 5.0, (0..3).map(|n| n * 500_000).collect(), vec![0, 500, 1000]),
            ("rounded down", 5.0, vec![0, 99_999, 199_999, 299_999, 399_999], vec![0, 199, 399]),
            ("a leap", 5.0, vec![0, 100_000, 9_050_000, 9_150_000, 9_210_000], vec![0, 9050, 9210]),
            ("back", 5.0, vec![5_000_000, 5_100_000, 90_000, 190_000, 290_000], vec![5000, 90, 290]),
        ];
        for (case, fps, pictures, expected) in cases {
            assert_eq!(chosen(fps, pictures), expected, "{case}");
        }
    }

    #[test]
    fn the_rate_holds_for_any_input_rate() {
        for (input_fps, fps) in [(25, 5), (30, 5), (12, 5), (15, 2), (60, 10), (24, 7)] {
            let pictures = (0..input_fps * 100).map(|n| n * 1_000_000 / input_fps);
            let count = chosen(fps as f64, pictures).len() as i64;
            assert!((count - fps * 100).abs() <= 1, "{input_fps} to {fps}: {count}");
        }
    }

    #[test]
    fn absurd_rates_and_times_do_no_harm() {
        for fps in [f64::NAN, f64::INFINITY, -1.0, 0.0, 1e300] {
            chosen(fps, [i64::MIN, 0, i64::MAX, i64::MIN / 2, 5]);
        }
    }
}
