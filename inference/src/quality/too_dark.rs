//! The picture is so dark that nothing can be seen. A street at night with one lamp is not: its brightest cells decide.

use super::{Diagnosis, Judgement, look::Look};
use crate::rules::{Descriptor, Severity};

/// Where 95 % of the cells are below this level (16 is black), nothing can be seen …
const DARK_MAX: f64 = 32.0;
/// … above this one something can.
pub(super) const DARK_OK: f64 = 38.0;

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
    judge: |look: &Look| Judgement::between(f64::from(look.high), DARK_MAX, DARK_OK),
};
