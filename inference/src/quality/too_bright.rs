//! The picture is blinded: most of it is white. Headlights and a bright sky blind a part of it, or not for long.

use super::{Diagnosis, Judgement, look::Look};
use crate::rules::{Descriptor, Severity};

/// From this share of white cells on the picture is blinded …
const BLOWN_MIN: f64 = 0.55;
/// … below this one it is not.
pub(super) const BLOWN_OK: f64 = 0.45;

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
    if blown >= BLOWN_MIN {
        Judgement::present(blown)
    } else if blown > BLOWN_OK {
        Judgement::unclear()
    } else {
        Judgement::told(false, blown)
    }
}
