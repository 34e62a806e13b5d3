//! The camera sends the same picture again and again.

use super::{Diagnosis, Judgement, look::Look};
use crate::rules::{Descriptor, Severity};

/// Stillness, seconds, from the first repetition on, which takes two or three seconds to be seen.
const STILL_MIN_S: f64 = 2.2;

pub(super) const DIAGNOSIS: Diagnosis = Diagnosis {
    descriptor: Descriptor {
        kind: "camera.frozen",
        label_zh: "画面冻结",
        label_en: "Picture frozen",
        severity: Severity::High,
        merge_family: "health",
        momentary: false,
    },
    topic: None,
    // The time is in the stillness already.
    begin_us: 0,
    end_us: 1_000_000,
    measure: ("seconds_still", Some(STILL_MIN_S), "s"),
    judge,
};

fn judge(look: &Look) -> Judgement {
    // What is before the lens has less noise than a street.
    if look.is_hidden() {
        return Judgement::unclear();
    }
    let still_s = look.still_us as f64 / 1e6;
    Judgement::told(still_s >= STILL_MIN_S, still_s)
}
