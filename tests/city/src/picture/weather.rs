//! Weather before the lens: haze that grows with distance, streaks of rain, drops on the glass.

use super::{Frame, sensor::unit};
use crate::{
    camera::{Camera, View},
    world::Light,
};

/// What the weather does to one camera's pictures.
pub(super) struct Weather {
    seed: u64,
    /// How far the ground is that each row shows, metres; the sky is far.
    distance_m: Vec<f32>,
    before: Vec<u8>,
}

/// Distance of what shows no ground.
const SKY_M: f32 = 400.0;
/// A drop stays this long on the glass, microseconds.
const DROP_US: i64 = 9_000_000;

impl Weather {
    pub(super) fn new(camera: &Camera, seed: u64) -> Weather {
        let view = camera.view();
        let distance_m = (0..camera.size_px.1).map(|row| row_distance_m(&view, row)).collect();
        Weather { seed, distance_m, before: Vec::new() }
    }

    pub(super) fn fall(&mut self, frame: &mut Frame, light: &Light, t_us: i64) {
        if light.rain > 0.02 {
            self.haze(frame, light);
            self.streaks(frame, light, t_us);
        }
        if light.rain > 0.3 {
            self.drops(frame, light, t_us);
        }
    }

    /// Contrast falls with distance (Koschmieder): all becomes the grey of the air.
    fn haze(&self, frame: &mut Frame, light: &Light) {
        let width = frame.width_px as usize;
        let sight_m = 120.0 / light.rain.max(0.05);
        let air = 40.0 + 130.0 * light.daylight();
        for (row, distance) in frame.y.chunks_exact_mut(width).zip(&self.distance_m) {
            let kept = (-distance / sight_m).exp();
            let (factor, add) = ((kept * 256.0) as u16, (air * (1.0 - kept)) as u16);
            if factor < 250 {
                row.iter_mut().for_each(|value| {
                    *value = (u16::from(*value).wrapping_mul(factor) >> 8).wrapping_add(add).min(235) as u8;
                });
            }
        }
        for plane in [&mut frame.u, &mut frame.v] {
            for (row, pair) in plane.chunks_exact_mut(width / 2).zip(self.distance_m.chunks_exact(2)) {
                let factor = ((-pair[0] / sight_m).exp() * 64.0) as i16;
                row.iter_mut().for_each(|value| {
                    *value =
                        ((i16::from(*value).wrapping_sub(128).wrapping_mul(factor) >> 6) + 128).clamp(16, 240) as u8;
                });
            }
        }
    }

    /// Drops that fall by: each picture has others, all at the slant of the wind.
    fn streaks(&self, frame: &mut Frame, light: &Light, t_us: i64) {
        let (width, height) = (frame.width_px as f32, frame.height_px as f32);
        let now = self.seed ^ (t_us as u64).wrapping_mul(0x2545_F491_4F6C_DD1D);
        let slant = 0.35 * light.wind * (unit(self.seed, 90) * 2.0 - 1.0) + 0.03;
        let count = (light.rain * 260.0 * width * height / 230_400.0) as u32;
        for index in 0..count {
            let draw = |what: u32| unit(now, index.wrapping_mul(8).wrapping_add(what));
            // Near drops are few, long and faint; far ones short.
            let near = draw(0) * draw(0);
            let length = (6.0 + 34.0 * near) * height / 360.0;
            let (x, y) = (draw(1) * width, draw(2) * (height + length) - length);
            let strength = (14.0 + 26.0 * draw(3)) * (1.0 - 0.5 * near);
            let thick = if near > 0.5 { 2 } else { 1 };
            for step in 0..length as i32 {
                let at_y = y + step as f32;
                let at_x = x + slant * step as f32;
                for side in 0..thick {
                    lighten(frame, at_x as i32 + side, at_y as i32, strength);
                }
            }
        }
    }

    /// Drops on the glass show the scene upside down and soft.
    fn drops(&mut self, frame: &mut Frame, light: &Light, t_us: i64) {
        let (width, height) = (frame.width_px as i32, frame.height_px as i32);
        self.before.clone_from(&frame.y);
        let count = (light.rain * 9.0) as u32;
        for index in 0..count {
            // Each drop has its own time to come and go.
            let own = (unit(self.seed, 200 + index) * DROP_US as f32) as i64;
            let life = (t_us + own).div_euclid(DROP_US);
            let age = (t_us + own).rem_euclid(DROP_US) as f32 / DROP_US as f32;
            let now = self.seed ^ (life as u64).wrapping_mul(0x9E37_79B9);
            let draw = |what: u32| unit(now, index.wrapping_mul(8).wrapping_add(300 + what));
            let radius = (4.0 + 13.0 * draw(0) * draw(0)) * height as f32 / 360.0;
            let centre_x = draw(1) * width as f32;
            // Heavy ones run down at the end.
            let run = if draw(2) < 0.4 { (age - 0.7).max(0.0) * 2.2 * height as f32 } else { 0.0 };
            let centre_y = draw(3) * height as f32 * 0.9 + run;
            let reach = radius.ceil() as i32;
            for dy in -reach..=reach {
                for dx in -reach..=reach {
                    let away = ((dx * dx + dy * dy) as f32).sqrt() / radius;
                    let (x, y) = (centre_x as i32 + dx, centre_y as i32 + dy);
                    if away >= 1.0 || !(0..width).contains(&x) || !(0..height).contains(&y) {
                        continue;
                    }
                    let seen_x = (centre_x as i32 - dx * 3).clamp(0, width - 1);
                    let seen_y = (centre_y as i32 - dy * 3).clamp(0, height - 1);
                    let seen = f32::from(self.before[(seen_y * width + seen_x) as usize]);
                    let part = ((1.0 - away) * 2.5).min(0.8) * (1.0 - age * 0.3);
                    let rim = if dy < 0 { -12.0 } else { 14.0 } * away;
                    let value = &mut frame.y[(y * width + x) as usize];
                    *value = (f32::from(*value) * (1.0 - part) + (seen + rim) * part).clamp(16.0, 235.0) as u8;
                }
            }
        }
    }
}

fn row_distance_m(view: &View, row: u32) -> f32 {
    let ray = view.ray(glam::Vec2::new(view.size_px.0 as f32 / 2.0, row as f32 + 0.5));
    if ray.z < -0.01 { (view.eye.z / -ray.z * ray.length()).min(SKY_M) } else { SKY_M }
}

fn lighten(frame: &mut Frame, x: i32, y: i32, by: f32) {
    let (width, height) = (frame.width_px as i32, frame.height_px as i32);
    if (0..width).contains(&x) && (0..height).contains(&y) {
        let value = &mut frame.y[(y * width + x) as usize];
        // Rain mirrors the sky: it is seen before what is darker than that.
        let room = (200.0 - f32::from(*value)).max(0.0) / 200.0;
        *value = (f32::from(*value) + by * room).min(235.0) as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::sensor::tests::{DAY, camera, scene};

    #[test]
    fn rain_moves_and_takes_contrast_from_what_is_far() {
        let mut weather = Weather::new(&camera(None), 5);
        let rain = Light { rain: 0.8, ..DAY };
        let [mut one, mut two] = [scene(), scene()];
        weather.fall(&mut one, &rain, 0);
        weather.fall(&mut two, &rain, 80_000);
        assert_ne!(one.y, two.y);
        // Rows with 20 pixels of 90 and 20 of 150 in turn.
        let contrast = |frame: &Frame, row: usize| {
            let mean = |from: usize| (from..from + 10).map(|x| f32::from(frame.y[row * 640 + x])).sum::<f32>() / 10.0;
            mean(345) - mean(325)
        };
        assert!(
            contrast(&one, 60).abs() < 0.8 * contrast(&one, 350).abs(),
            "{} {}",
            contrast(&one, 60),
            contrast(&one, 350)
        );
    }

    #[test]
    fn without_rain_nothing_falls() {
        let mut frame = scene();
        Weather::new(&camera(None), 5).fall(&mut frame, &DAY, 0);
        assert_eq!(frame, scene());
    }
}
