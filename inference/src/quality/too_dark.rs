//! The picture is so dark that nothing can be seen. A street at night with one lamp is not: its brightest cells decide.

use super::{Diagnosis, Judgement, look::Look};
use crate::rules::{Descriptor, Severity};

/// Where 95 % of the cells are below this level (16 is black), nothing can be seen …
const DARK_MAX: f64 = 32.0;
/// … and below this one, where what is left is the usual view …
const DIM_MAX: f64 = 40.0;
/// (of a black picture nobody can tell why it is black)
const BLACK_MAX: f64 = 22.0;
const DIM_KEPT_MIN: f32 = 0.6;
/// … above this one something can.
const DARK_OK: f64 = 46.0;
/// A picture this dark that shows nothing of the usual view is a covered lens; of a view in the dark noise hides much,
/// and what is seen of it is where it was.
const HIDDEN_AGREEMENT_MAX: f32 = 0.25;

pub(super) const DIAGNOSIS: Diagnosis = Diagnosis {
    descriptor: Descriptor {
        kind: "camera.too_dark",
        label_zh: "画面过暗",
        label_en: "Picture too dark",
        severity: Severity::Medium,
        merge_family: "health",
        momentary: false,
    },
    topic: Some("tns1:VideoSource/ImageTooDark/ImagingService"),
    begin_us: 5_000_000,
    end_us: 4_000_000,
    measure: ("brightest_level", Some(DARK_MAX), ""),
    judge,
};

fn judge(look: &Look) -> Judgement {
    let high = f64::from(look.high);
    if is_dark(look) {
        Judgement::present(high)
    } else if high > DARK_OK {
        Judgement::told(false, high)
    } else {
        Judgement::unclear()
    }
}

/// Whether it is light that is missing.
pub(super) fn is_dark(look: &Look) -> bool {
    let high = f64::from(look.high);
    match look.against {
        Some(against) if high < DARK_MAX => against.agreement >= HIDDEN_AGREEMENT_MAX || high < BLACK_MAX,
        Some(against) => high < DIM_MAX && against.kept >= DIM_KEPT_MIN,
        None => high < DARK_MAX,
    }
}
