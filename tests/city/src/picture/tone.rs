//! From light to what the camera gives out: exposure, the shoulder of its curve, gamma, YCbCr.

use glam::Vec3;

/// Table over the square root of the light, so that the dark end is fine enough.
const ENTRIES: usize = 2048;
const ROOT_MAX: f32 = 3.0;

/// The camera's curve at one exposure.
#[derive(Debug, Clone)]
pub(crate) struct Tone {
    gain: f32,
    saturation: f32,
    table: Vec<f32>,
}

impl Tone {
    /// Light is multiplied by `gain`; colours are weakened by `saturation`, 1 as they are.
    pub(crate) fn new(gain: f32, saturation: f32) -> Tone {
        let table = (0..ENTRIES)
            .map(|index| {
                let root = index as f32 / ENTRIES as f32 * ROOT_MAX;
                curve(root * root)
            })
            .collect();
        Tone { gain, saturation, table }
    }

    /// Light (linear RGB, 1 a white surface in full sun) as Y 16–235, Cb and Cr 16–240 around 128; ITU-R BT.601.
    pub(crate) fn map(&self, light: Vec3) -> [f32; 3] {
        let [r, g, b] = (light * self.gain).to_array().map(|part| {
            let index = (part.max(0.0).sqrt() * (ENTRIES as f32 / ROOT_MAX)) as usize;
            self.table[index.min(ENTRIES - 1)]
        });
        let luma = 0.299 * r + 0.587 * g + 0.114 * b;
        [
            16.0 + 219.0 * luma,
            128.0 + self.saturation * (b - luma) * (224.0 * 0.564),
            128.0 + self.saturation * (r - luma) * (224.0 * 0.713),
        ]
    }

    /// How much light is multiplied by.
    pub(crate) fn gain(&self) -> f32 {
        self.gain
    }
}

/// Linear up to a knee, then a shoulder as cameras with wide dynamic range have, then gamma; a little more contrast
/// in the dark as makers set it.
fn curve(light: f32) -> f32 {
    const KNEE: f32 = 0.55;
    let bent = if light < KNEE {
        light
    } else {
        let over = light - KNEE;
        KNEE + (1.0 - KNEE) * over / (over + (1.0 - KNEE))
    };
    let display = bent.powf(1.0 / 2.2);
    let contrast = display * display * (3.0 - 2.0 * display);
    display + (contrast - display) * 0.25
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_light_is_never_darker_and_stays_in_range() {
        let tone = Tone::new(1.0, 1.0);
        let mut before = 0.0;
        for step in 0..1000 {
            let [y, u, v] = tone.map(Vec3::splat(step as f32 * 0.01));
            assert!(y >= before && (16.0..=235.0).contains(&y));
            assert!((u - 128.0).abs() < 0.01 && (v - 128.0).abs() < 0.01, "grey stays grey");
            before = y;
        }
        assert!(before > 225.0);
        assert!(tone.map(Vec3::new(1.0, 0.0, 0.0))[2] > 200.0, "red");
    }
}
