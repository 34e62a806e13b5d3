//! Whether a picture needs the model. Where no object is known and the picture is what the camera shows when nothing
//! moves, the model would find nothing, and is not asked. Pure; what has changed is measured by the model's own input
//! (`Tensor::most_changed_levels`), so a model that keeps no background is asked about every picture.

/// Less than this, the strongest mean change of a few neighbouring pixels, is taken for noise. Chosen, not tuned: whoever
/// stands out from the background by less is found by the next ask at the latest (`ASK_US`).
const CHANGED_MIN_LEVELS: f32 = 4.0;
/// Boxes below this score are nothing: far from what starts a track, and an empty street has some.
pub(super) const NOTHING_SCORE_MAX: f32 = 0.35;
/// The model is asked at least so often, for what is there without having moved.
const ASK_US: i64 = 10_000_000;
/// After the start of a stream it is asked about every picture for so long: who stands there from the first picture on is
/// background, and the model may need several looks to be sure of him.
const START_US: i64 = 10_000_000;

/// What is remembered of one stream. `Copy`, so that a glance can be taken back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Unchanged {
    began_us: Option<i64>,
    asked_us: i64,
}

impl Unchanged {
    /// Whether the model is to be asked about the picture at `t_us`. `nobody`: there is no object, and none that may
    /// become one; `most_changed_levels`: none where that is not known.
    pub(super) fn needs_model(&mut self, t_us: i64, nobody: bool, most_changed_levels: Option<f32>) -> bool {
        let young = t_us - *self.began_us.get_or_insert(t_us) < START_US;
        let unchanged = nobody && most_changed_levels.is_some_and(|levels| levels < CHANGED_MIN_LEVELS);
        let asks = young || !unchanged || !(0..ASK_US).contains(&(t_us - self.asked_us));
        if asks {
            self.asked_us = t_us;
        }
        asks
    }

    /// The stream is over.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds at which the model is asked, of pictures every two seconds.
    fn asked(nobody: bool, levels: impl Fn(i64) -> Option<f32>) -> Vec<i64> {
        let mut unchanged = Unchanged::default();
        (100..150).step_by(2).filter(|&s| unchanged.needs_model(s * 1_000_000, nobody, levels(s))).collect()
    }

    #[test]
    fn an_empty_street_is_shown_to_the_model_now_and_then_only() {
        assert_eq!(asked(true, |_| Some(1.5)), [100, 102, 104, 106, 108, 118, 128, 138, 148]);
        assert_eq!(asked(true, |s| Some(if s == 120 { 9.0 } else { 1.5 })).len(), 9, "118, 120, 130, 140");
    }

    #[test]
    fn it_is_asked_about_everything_where_somebody_is_or_nothing_is_known_of_changes() {
        assert_eq!(asked(false, |_| Some(0.0)).len(), 25);
        assert_eq!(asked(true, |_| None).len(), 25);
        let mut unchanged = Unchanged::default();
        assert!(unchanged.needs_model(50_000_000, true, Some(0.0)));
        assert!(unchanged.needs_model(0, true, Some(0.0)), "time went back");
    }
}
