//! The lens is covered or painted: what the scene usually shows is gone, wholly or in a patch without anything in it.

use super::{Diagnosis, Judgement, look::Look};
use crate::rules::{Descriptor, Severity};

/// Below this agreement nothing of the usual view is left, and it went at once …
const AGREEMENT_MAX: f32 = 0.45;
/// … and below this part of its detail, or of its contrast, too little for another view: something is before the lens.
const SHARPNESS_MAX: f32 = 0.3;
const CONTRAST_MAX: f32 = 0.45;
/// Nor is anything else sharp, as what is right before the lens is not: a bus has windows, another view has edges …
const EDGED_MAX: f32 = 0.04;
const EDGED_PART: f32 = 0.5;
/// … and leaves some of the view.
const KEPT_MAX: f32 = 0.1;
/// Part of the cells that are lost in a patch …
pub(super) const LOST_MIN: f64 = 0.07;
/// … while the rest is at least so sharp: otherwise the picture is blurred as a whole.
const REST_MIN: f32 = 0.5;
/// Where nothing else is where it was, either, the camera was turned.
const PATCH_AGREEMENT_MIN: f32 = 0.35;
/// What hides the detail of a patch hides its coarse structure, too: at least this part of the share lost is missing of
/// the blocks. The dark between lamps that were lit takes the detail alone.
const PATCH_BLOCKS_PART: f32 = 0.5;
/// Through a cloth a ghost of the view is left: neither its detail nor much of its contrast, and so much is lost.
const VEILED_CONTRAST_MAX: f32 = 0.45;
const VEILED_LOST_MIN: f32 = 0.25;
/// Where there is nothing usual to compare with, or little detail in it: a picture whose cells differ by fewer levels is no view of anything.
const FLAT_MAX: f32 = 8.0;

pub(super) const DIAGNOSIS: Diagnosis = Diagnosis {
    descriptor: Descriptor {
        kind: "camera.covered",
        label_zh: "镜头被遮挡",
        label_en: "Lens covered",
        severity: Severity::High,
        merge_family: "health",
        momentary: false,
    },
    topic: Some("tns1:VideoSource/GlobalSceneChange/ImagingService"),
    begin_us: 6_000_000,
    end_us: 4_000_000,
    measure: ("share_lost", Some(LOST_MIN), ""),
    judge,
};

fn judge(look: &Look) -> Judgement {
    if look.is_dark() || look.is_blinded() {
        return Judgement::unclear();
    }
    let flat = look.high - look.low < FLAT_MAX;
    let Some((against, sharpness)) = look.against.and_then(|against| against.sharpness.map(|s| (against, s))) else {
        return Judgement::told(flat, f64::from(u8::from(flat)));
    };
    let dull = sharpness < SHARPNESS_MAX || against.contrast < CONTRAST_MAX;
    let nothing_sharp = dull && look.edged < EDGED_MAX.min(EDGED_PART * against.usual.edged);
    if against.gone && against.agreement < AGREEMENT_MAX && nothing_sharp && against.kept <= KEPT_MAX {
        return Judgement::present(1.0);
    }
    if sharpness < SHARPNESS_MAX && against.contrast < VEILED_CONTRAST_MAX && against.lost >= VEILED_LOST_MIN {
        return Judgement::present(f64::from(against.lost));
    }
    let rest_is_sharp = against.rest_sharpness.is_some_and(|rest| rest >= REST_MIN);
    let hidden = 1.0 - against.kept >= PATCH_BLOCKS_PART * against.lost;
    let patch = rest_is_sharp && hidden && against.agreement >= PATCH_AGREEMENT_MIN;
    Judgement::told(f64::from(against.lost) >= LOST_MIN && patch, f64::from(against.lost))
}
