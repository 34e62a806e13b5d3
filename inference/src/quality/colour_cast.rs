//! The whole picture has taken on a colour: a filter that stuck, a white balance that has run away, a plane of colour lost.

use super::{Diagnosis, Judgement, look::Look};
use crate::rules::{Descriptor, Severity};

/// Shift of the whole picture's colour from the usual one, levels of chroma.
const CAST_MIN: f64 = 18.0;
/// Below this it is none.
const CAST_OK: f64 = 10.0;

pub(super) const DIAGNOSIS: Diagnosis = Diagnosis {
    descriptor: Descriptor {
        kind: "camera.colour_cast",
        label_zh: "画面偏色",
        label_en: "Colour cast",
        severity: Severity::Low,
        merge_family: "health",
        momentary: false,
    },
    topic: None,
    begin_us: 6_000_000,
    end_us: 4_000_000,
    measure: ("colour_shift", Some(CAST_MIN), "levels"),
    judge,
};

fn judge(look: &Look) -> Judgement {
    let Some(against) = look.against else { return Judgement::unclear() };
    let shift = f64::from(against.cast);
    // What is before the lens, or in the dark, has a colour of its own.
    if look.is_hidden() || (CAST_OK..CAST_MIN).contains(&shift) {
        return Judgement::unclear();
    }
    Judgement::told(shift >= CAST_MIN, shift)
}
