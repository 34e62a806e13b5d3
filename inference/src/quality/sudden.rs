//! Whether the view, or a part of it, was lost at once, as under a hand or paint, or little by little, as in the dusk:
//! where no lamp stands a street loses its detail and its shape every evening.

/// From one level to the other within this time is sudden.
const WITHIN_US: i64 = 10_000_000;

/// The watch on one number that grows with what is lost.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sudden {
    /// Below this nothing is lost …
    calm_max: f32,
    /// … and from here on something is.
    lost_min: f32,
    calm_us: Option<i64>,
    lasts: bool,
}

impl Sudden {
    pub(super) const fn new(calm_max: f32, lost_min: f32) -> Self {
        Self { calm_max, lost_min, calm_us: None, lasts: false }
    }

    /// Time has jumped: what is lost now was lost in a moment that nobody saw.
    pub(super) fn restart(&mut self) {
        *self = Self::new(self.calm_max, self.lost_min);
    }

    /// Whether it was lost suddenly and has been since.
    pub(super) fn observe(&mut self, t_us: i64, lost: f32) -> bool {
        if lost < self.calm_max {
            (self.calm_us, self.lasts) = (Some(t_us), false);
        } else if lost >= self.lost_min && self.calm_us.is_none_or(|calm_us| t_us - calm_us <= WITHIN_US) {
            self.lasts = true;
        }
        self.lasts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a share that rises to a tenth within so many seconds counts a minute later.
    fn counts_after(seconds: i64) -> bool {
        let mut sudden = Sudden::new(0.02, 0.04);
        let share = |second: i64| 0.1 * (second as f32 / seconds as f32).min(1.0);
        (0..seconds + 60).map(|second| sudden.observe(second * 1_000_000, share(second))).last().expect("seconds")
    }

    #[test]
    fn paint_counts_for_as_long_as_it_is_there_and_dusk_never() {
        assert!(counts_after(2) && counts_after(15));
        assert!(!counts_after(120));
        let mut sudden = Sudden::new(0.02, 0.04);
        assert!(sudden.observe(0, 0.3), "nobody saw it come");
        assert!(!sudden.observe(1, 0.0));
    }
}
