//! The sensor is noisy far beyond the usual: gain that has run away, interference, a dying sensor.

use super::{Diagnosis, Judgement, look::Look};
use crate::rules::{Descriptor, Severity};

/// From this noise on, levels …
const NOISE_MIN: f64 = 7.0;
/// … and from so many times the usual it is a fault: a street at night is noisy too.
const TIMES_MIN: f32 = 2.5;
/// Noise is another one in each picture; texture is not.
const CHANGE_MIN: f32 = 3.0;
/// A coder takes most of the noise off a picture; that the middle cell changes by so many levels from picture to picture …
const RESTLESS_MIN: f32 = 8.0;
/// … and by so many times the usual change, while what is left of the noise is so many times the usual, tells it too.
const RESTLESS_TIMES: f32 = 3.0;
const RESTLESS_NOISE_TIMES: f32 = 1.5;

pub(super) const DIAGNOSIS: Diagnosis = Diagnosis {
    descriptor: Descriptor {
        kind: "camera.noise",
        label_zh: "画面噪声",
        label_en: "Picture noisy",
        severity: Severity::Low,
        merge_family: "health",
        momentary: false,
    },
    topic: None,
    begin_us: 6_000_000,
    end_us: 4_000_000,
    measure: ("noise", Some(NOISE_MIN), "levels"),
    judge,
};

fn judge(look: &Look) -> Judgement {
    let (Some(change), Some(against)) = (look.change, look.against) else { return Judgement::unclear() };
    let much =
        f64::from(look.noise) >= NOISE_MIN && look.noise >= TIMES_MIN * against.usual.noise && change >= CHANGE_MIN;
    let restless = change >= RESTLESS_MIN.max(RESTLESS_TIMES * against.usual.change)
        && look.noise >= RESTLESS_NOISE_TIMES * against.usual.noise;
    Judgement::told(much || restless, f64::from(look.noise))
}
