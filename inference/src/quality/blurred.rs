//! The picture is out of focus or the lens is dirty: the view is the usual one, its fine detail is gone.

use super::{Diagnosis, Judgement, look::Look};
use crate::rules::{Descriptor, Severity};

/// Below this part of the usual detail it is blurred …
const SHARPNESS_MAX: f64 = 0.4;
/// … above this one it is not.
const SHARPNESS_OK: f64 = 0.5;
/// From this agreement on it is the usual view.
const AGREEMENT_MIN: f32 = 0.45;

pub(super) const DIAGNOSIS: Diagnosis = Diagnosis {
    descriptor: Descriptor {
        kind: "camera.blurred",
        label_zh: "画面模糊",
        label_en: "Picture blurred",
        severity: Severity::Medium,
        merge_family: "health",
        momentary: false,
    },
    topic: Some("tns1:VideoSource/ImageTooBlurry/ImagingService"),
    begin_us: 5_000_000,
    end_us: 4_000_000,
    measure: ("sharpness", Some(SHARPNESS_MAX), ""),
    judge,
};

fn judge(look: &Look) -> Judgement {
    let usable =
        look.against.filter(|against| !look.is_dark() && !look.is_blinded() && against.agreement >= AGREEMENT_MIN);
    match usable.and_then(|against| against.sharpness) {
        Some(sharpness) => Judgement::between(f64::from(sharpness), SHARPNESS_MAX, SHARPNESS_OK),
        None => Judgement::unclear(),
    }
}
