//! The picture is blinded: most of it is white. Headlights and a bright sky blind a part of it, or not for long.

use super::{Diagnosis, Judgement, look::Look};
use crate::rules::{Descriptor, Severity};

/// From this share of white cells on the picture is blinded …
const BLOWN_MIN: f64 = 0.55;
/// … below this one it is not.
pub(super) const BLOWN_OK: f64 = 0.45;
/// Light that is scattered in the lens washes the picture out: its bright parts are at least so bright, levels …
const WASHED_HIGH_MIN: f32 = 205.0;
/// … its dark ones so much brighter than usual …
const WASHED_RISE_MIN: f32 = 50.0;
/// … and this part of the detail is left at most …
const WASHED_SHARPNESS_MAX: f32 = 0.45;
/// … or they are so much brighter that nothing but stray light does it, whatever detail a night's noise pretends.
const WASHED_SURE_MIN: f32 = 75.0;

pub(super) const DIAGNOSIS: Diagnosis = Diagnosis {
    descriptor: Descriptor {
        kind: "camera.too_bright",
        label_zh: "画面过亮",
        label_en: "Picture too bright",
        severity: Severity::Medium,
        merge_family: "health",
        momentary: false,
    },
    topic: Some("tns1:VideoSource/ImageTooBright/ImagingService"),
    begin_us: 5_000_000,
    end_us: 4_000_000,
    measure: ("share_white", Some(BLOWN_MIN), ""),
    judge,
};

fn judge(look: &Look) -> Judgement {
    let blown = f64::from(look.blown);
    if blown >= BLOWN_MIN || is_washed_out(look) {
        Judgement::present(blown)
    } else if blown > BLOWN_OK {
        Judgement::unclear()
    } else {
        Judgement::told(false, blown)
    }
}

/// Whether stray light hides the view.
pub(super) fn is_washed_out(look: &Look) -> bool {
    look.against.is_some_and(|against| {
        look.high >= WASHED_HIGH_MIN
            && look.low >= against.usual.low + WASHED_RISE_MIN
            && (look.low >= against.usual.low + WASHED_SURE_MIN
                || against.sharpness.is_some_and(|sharpness| sharpness < WASHED_SHARPNESS_MAX))
    })
}
