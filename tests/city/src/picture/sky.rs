//! The sky in a direction: blue or grey with clouds, glowing where the sun sets, a dim glow of the city at night.

use glam::{Vec2, Vec3};

use super::illumination::Illumination;
use super::noise::{fractal, ramp};

/// Light of the sky in a direction that need not be of length 1. `cloud` is 0 clear to 1 overcast.
pub(crate) fn sky(light: &Illumination, cloud: f32, direction: Vec3, seed: u32) -> Vec3 {
    let direction = direction.normalize_or(Vec3::Z);
    let up = direction.z.max(0.0);
    let horizon = light.haze * 1.25;
    let clear = horizon.lerp(light.sky * Vec3::new(0.75, 0.9, 1.1), up.sqrt());
    let toward_sun = direction.dot(light.to_sun).max(0.0);
    let glow = light.sun * (0.15 * toward_sun.powi(8) + 0.9 * toward_sun.powi(200));
    // A layer of clouds 1 unit above; towards the horizon it is seen from the side.
    let place = direction.truncate() / (up + 0.12);
    let shape = fractal(place + Vec2::new(7.0, 3.0), 1.6, 5, 0.01, seed) + 1.3 * cloud - 0.55;
    let cover = ramp(0.0, 0.55, shape) * ramp(0.0, 0.12, up);
    let bright = light.sky * 1.15 + light.sun * 0.45;
    let shade = fractal(place + Vec2::new(7.2, 3.1), 1.1, 3, 0.01, seed ^ 9) * 0.22;
    (clear + glow).lerp(bright * (0.92 - shade), cover * 0.85)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::Light;

    #[test]
    fn the_sky_is_blue_by_day_and_dark_by_night() {
        let at = |hour: f32| Illumination::new(&Light::at_hour(hour, 0.0, 0.0, 0.0));
        let day = sky(&at(13.0), 0.0, Vec3::new(0.0, 1.0, 1.0), 1);
        let night = sky(&at(0.0), 0.0, Vec3::new(0.0, 1.0, 1.0), 1);
        assert!(day.z > day.x && day.y > 20.0 * night.y);
    }
}
