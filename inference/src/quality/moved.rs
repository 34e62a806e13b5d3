//! The camera was turned or displaced: it shows a sharp view that is not the usual one.

use super::{Diagnosis, Judgement, look::Look};
use crate::rules::{Descriptor, Severity};

/// Below this agreement the view is another one …
const AGREEMENT_MAX: f64 = 0.25;
/// … above this one it is the usual one.
const AGREEMENT_OK: f64 = 0.45;
/// The usual view is found elsewhere in the picture, at the same place twice, when it agrees there by so much more …
const GAIN_MIN: f32 = 0.12;
/// … and at least so well.
const SHIFTED_MIN: f32 = 0.5;
/// Where more of the picture's blocks show what they usually show, something large stands before the camera.
const KEPT_MAX: f32 = 0.14;
/// With less of the usual detail or contrast, and of the usual edges wherever they are, something is before the lens.
const SHARPNESS_MIN: f32 = 0.3;
const CONTRAST_MIN: f32 = 0.45;
/// … unless the contrast is a view's: a camera that was turned to bare ground has less detail and no less of that.
const VIEW_CONTRAST_MIN: f32 = 0.75;
const EDGED_PART: f32 = 0.35;

pub(super) const DIAGNOSIS: Diagnosis = Diagnosis {
    descriptor: Descriptor {
        kind: "camera.moved",
        label_zh: "摄像机被移动",
        label_en: "Camera moved",
        severity: Severity::High,
        merge_family: "health",
        momentary: false,
    },
    topic: Some("tns1:VideoSource/GlobalSceneChange/ImagingService"),
    begin_us: 6_000_000,
    end_us: 4_000_000,
    measure: ("agreement", Some(AGREEMENT_MAX), ""),
    judge,
};

fn judge(look: &Look) -> Judgement {
    let Some(against) = look.against.filter(|_| !look.is_dark() && !look.is_blinded()) else {
        return Judgement::unclear();
    };
    let agreement = f64::from(against.agreement);
    let edges = look.edged >= EDGED_PART * against.usual.edged;
    let dull = |sharpness: f32| {
        against.contrast < CONTRAST_MIN || (sharpness < SHARPNESS_MIN && against.contrast < VIEW_CONTRAST_MIN)
    };
    if against.sharpness.is_none_or(|sharpness| dull(sharpness) && !edges) {
        return Judgement::unclear();
    }
    let found = |shifted: f32| shifted >= SHIFTED_MIN && shifted >= against.agreement + GAIN_MIN;
    if against.shifted.is_some_and(found) {
        return Judgement::present(agreement);
    }
    if agreement < AGREEMENT_MAX && against.kept > KEPT_MAX {
        return Judgement::unclear();
    }
    Judgement::between(agreement, AGREEMENT_MAX, AGREEMENT_OK)
}
