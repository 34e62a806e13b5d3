//! The light of a moment as numbers: sun, sky, street lamps, haze. Unit: a white surface in full sun is 1.

use glam::{Vec2, Vec3};

use super::noise::ramp;
use crate::world::{Layout, Light, PropKind};

/// Sun, sky and haze.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Illumination {
    /// Direction to the sun.
    pub(crate) to_sun: Vec3,
    /// Sunlight on a white surface that faces the sun.
    pub(crate) sun: Vec3,
    /// Skylight on a white surface that faces up.
    pub(crate) sky: Vec3,
    /// What comes back from the ground on a white surface that faces down.
    pub(crate) bounce: Vec3,
    /// Colour of far haze.
    pub(crate) haze: Vec3,
    /// Part of the light lost to haze, per metre.
    pub(crate) haze_per_m: f32,
    /// 0 by day, 1 when street lamps and windows are lit.
    pub(crate) lamps: f32,
    /// How wet the ground is, 0–1.
    pub(crate) wet: f32,
}

impl Illumination {
    /// From the world's light.
    pub(crate) fn new(light: &Light) -> Illumination {
        let elevation_deg = light.sun_elevation_rad.to_degrees();
        let height = light.sun_elevation_rad.clamp(0.02, 1.57);
        let level = Vec2::from_angle(light.sun_azimuth_rad) * height.cos();
        let clear = (1.0 - light.cloud).clamp(0.0, 1.0);
        let high = ramp(0.0, 22.0, elevation_deg);
        let warm = Vec3::new(1.0, 0.55, 0.25).lerp(Vec3::new(1.0, 0.96, 0.88), high);
        let sun = warm * (0.82 * ramp(-0.5, 14.0, elevation_deg).powf(0.7) * clear.powf(1.3));
        // Twilight falls by about a factor of ten for each 4° of the sun below the horizon (Rozenberg, Twilight, 1966).
        // Lamps are some hundred times too strong against it, as their exposure is: so the fall is gentler here.
        let twilight = ((elevation_deg + 9.0) / 13.0).clamp(0.0, 1.0);
        let day = 10f32.powf(-2.2 * (1.0 - twilight)) * (0.5 + 0.5 * ramp(0.0, 35.0, elevation_deg));
        let blue = Vec3::new(0.62, 0.78, 1.0).lerp(Vec3::new(0.85, 0.8, 0.95), 1.0 - high);
        let grey = Vec3::new(0.93, 0.97, 1.0) * 1.35;
        let night = Vec3::new(0.0019, 0.0017, 0.0015);
        let sky = blue.lerp(grey, light.cloud.clamp(0.0, 1.0)) * (0.26 * day * (1.0 - 0.35 * light.rain)) + night;
        let onto_ground = sky + sun * light.sun_elevation_rad.max(0.0).sin();
        Illumination {
            to_sun: level.extend(height.sin()),
            sun,
            sky,
            bounce: onto_ground * Vec3::new(0.2, 0.19, 0.17),
            haze: (sky * 1.1 + sun * 0.12) * 0.95,
            haze_per_m: 0.0008 + 0.001 * light.cloud + 0.0035 * light.rain,
            lamps: ramp(4.0, -2.0, elevation_deg - 3.0 * light.cloud - 3.0 * light.rain),
            wet: light.rain.clamp(0.0, 1.0).sqrt(),
        }
    }

    /// Light of the sky and the ground on a surface whose normal rises by `up` (−1 to 1).
    pub(crate) fn ambient(&self, up: f32) -> Vec3 {
        self.bounce.lerp(self.sky, 0.5 + 0.5 * up)
    }

    /// What is left of light from `distance_m` away, with the haze's own.
    pub(crate) fn through_haze(&self, light: Vec3, distance_m: f32) -> Vec3 {
        let lost = self.haze_per_m * distance_m;
        light.lerp(self.haze, lost / (1.0 + lost))
    }
}

/// A street lamp's light.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Lamp {
    /// Where it shines from.
    pub(crate) at: Vec3,
    /// Light on a white surface one metre below, by colour.
    pub(crate) power: Vec3,
}

/// Where a lamp's head is, metres from its foot in the direction it faces, and above the ground; scaled with it.
pub(crate) const LAMP_HEAD_M: (f32, f32) = (1.75, 7.95);
/// Farther away a lamp adds nothing that shows.
const LAMP_REACH_M: f32 = 28.0;

impl Lamp {
    /// The lit lamps of a layout; none by day.
    pub(crate) fn all(layout: &Layout, lit: f32) -> Vec<Lamp> {
        if lit <= 0.0 {
            return Vec::new();
        }
        let lamps = layout.props.iter().filter(|prop| prop.kind == PropKind::Lamp);
        lamps
            .map(|prop| {
                let (reach, height) = LAMP_HEAD_M;
                let head = prop.at + Vec2::from_angle(prop.heading_rad) * reach * prop.scale;
                // Sodium in the old streets, white diodes in the new ones.
                let tint = if prop.look & 3 == 0 { Vec3::new(1.25, 0.8, 0.38) } else { Vec3::new(1.05, 0.95, 0.78) };
                Lamp { at: head.extend(height * prop.scale - 0.1), power: tint * (2.7 * lit) }
            })
            .collect()
    }

    /// Whether what stands at a place may get light.
    pub(crate) fn reaches(&self, at: Vec2) -> bool {
        self.at.truncate().distance(at) < LAMP_REACH_M + 4.0
    }

    /// Light that falls on a white surface at a point, and the direction it comes from.
    pub(crate) fn onto(&self, point: Vec3) -> Option<(Vec3, Vec3)> {
        let way = self.at - point;
        let square = way.length_squared();
        if square > LAMP_REACH_M * LAMP_REACH_M {
            return None;
        }
        let distance = square.sqrt().max(0.5);
        let from = way / distance;
        // Street lamps throw sideways: a batwing, next to nothing above the horizontal.
        let down = from.z;
        let beam = ramp(-0.05, 0.35, down) * (1.0 + 1.2 * (1.0 - down));
        let reach = ramp(LAMP_REACH_M, LAMP_REACH_M * 0.6, distance);
        Some((self.power * (beam * reach / (distance * distance)), from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noon_is_bright_night_is_dark_and_lamps_are_lit_then() {
        let noon = Illumination::new(&Light::at_hour(12.0, 0.0, 0.0, 0.0));
        let overcast = Illumination::new(&Light::at_hour(12.0, 1.0, 0.0, 0.0));
        let night = Illumination::new(&Light::at_hour(0.0, 0.0, 0.0, 0.0));
        assert!(noon.sun.length() > 1.0 && overcast.sun.length() < 1e-3 && night.sun.length() < 1e-3);
        assert!(overcast.sky.y > noon.sky.y && noon.sky.y > 50.0 * night.sky.y);
        assert_eq!((noon.lamps, night.lamps), (0.0, 1.0));
    }

    #[test]
    fn a_lamp_lights_what_is_below_it_most() {
        let lamp = Lamp { at: Vec3::new(0.0, 0.0, 7.0), power: Vec3::ONE };
        let below = lamp.onto(Vec3::ZERO).expect("near");
        let aside = lamp.onto(Vec3::new(12.0, 0.0, 0.0)).expect("near");
        assert!(below.0.x * below.1.z > 2.0 * aside.0.x * aside.1.z);
        assert_eq!(lamp.onto(Vec3::new(40.0, 0.0, 0.0)), None);
    }
}
