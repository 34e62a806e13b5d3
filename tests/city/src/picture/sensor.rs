//! What lens and sensor do to a scene: weather before the lens, vignetting, sharpening, exposure that wanders, noise,
//! faults, and at last the clock. All in place on a frame; the order is that of a camera.

use super::{
    Frame,
    clock::Clock,
    fault::{self, Faults},
    insect::Insects,
    weather::Weather,
};
use crate::{
    camera::{Camera, FaultKind},
    world::Light,
};

/// The sensor of one camera, with its own flaws.
pub struct Sensor {
    camera: Camera,
    seed: u64,
    weather: Weather,
    insects: Insects,
    faults: Faults,
    clock: Clock,
    /// Per pixel, 255 is all light.
    vignette: Vec<u8>,
    /// Gaussian noise that every row takes from another place.
    noise: Vec<i8>,
    /// Luma before sharpening: three rows around the current one are read from here.
    before: Vec<u8>,
    /// Sharpening in 1/32: negative is soft.
    sharpness: i16,
    /// Noise of this unit relative to others.
    grain: f32,
    /// Shows grey pictures in the dark, by infrared light.
    infrared: bool,
    /// The picture that a frozen camera repeats, and the fault's begin.
    frozen: Option<(i64, Frame)>,
}

/// Standard deviation of the noise samples.
const NOISE_SIGMA: f32 = 28.0;
/// Samples of noise; more than a row, so that rows differ.
const NOISE_LENGTH: usize = 1 << 16;

impl Sensor {
    /// A camera's sensor; the city's seed and the device decide on what makes it differ from others: those of one city
    /// are of several makes, some see by infrared light at night, some are noisier, and each has its own insects.
    pub fn new(camera: &Camera, seed: u64) -> Sensor {
        let seed =
            camera.physical.bytes().fold(seed, |seed, byte| (seed ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3));
        let draw = |what: u32| unit(seed, what);
        let (width, height) = camera.size_px;
        Sensor {
            weather: Weather::new(camera, seed),
            insects: Insects::new(seed),
            faults: Faults::new(seed),
            clock: Clock::new(camera, seed),
            vignette: vignette(width, height, 0.06 + 0.24 * draw(1)),
            noise: gaussian(seed),
            before: Vec::new(),
            sharpness: (draw(2) * 20.0) as i16 - 6,
            grain: 0.6 + draw(3),
            infrared: draw(4) < 0.35,
            frozen: None,
            camera: camera.clone(),
            seed,
        }
    }

    /// Lets insects come several times as often, where pictures are to learn from.
    pub fn swarm(&mut self) {
        self.insects.swarm();
    }

    /// Makes what was painted into what the camera sends. `utc_us` is what its clock shows, since 1970.
    pub fn expose(&mut self, frame: &mut Frame, light: &Light, t_us: i64, utc_us: i64) {
        if let Some(fault) = self.camera.fault(FaultKind::Frozen, t_us) {
            let from_us = fault.from_us;
            match &self.frozen {
                Some((begin, picture)) if *begin == from_us => {
                    frame.clone_from(picture);
                    return;
                }
                _ => self.frozen = None,
            }
        }
        self.weather.fall(frame, light, t_us);
        if self.is_grey(light) {
            self.insects.show(frame, t_us);
        }
        self.faults.before_sensor(frame, &self.camera, t_us);
        self.sharpen(frame);
        self.develop(frame, light, t_us);
        self.colour(frame, light, t_us);
        self.clock.show(frame, utc_us + fault::clock_error_us(&self.camera, t_us));
        if let Some(fault) = self.camera.fault(FaultKind::Frozen, t_us) {
            self.frozen = Some((fault.from_us, frame.clone()));
        }
    }

    /// Edges of a cheap camera: overshoot, or softness.
    fn sharpen(&mut self, frame: &mut Frame) {
        let (width, height) = (frame.width_px as usize, frame.height_px as usize);
        self.before.clone_from(&frame.y);
        let strength = self.sharpness;
        for y in 1..height.saturating_sub(1) {
            let row = |y: usize| &self.before[y * width..(y + 1) * width];
            let (above, here, below) = (row(y - 1), row(y), row(y + 1));
            let out = &mut frame.y[y * width + 1..(y + 1) * width - 1];
            let sides = here[..width - 2].iter().zip(&here[1..width - 1]).zip(&here[2..]);
            let ends = above[1..].iter().zip(&below[1..]);
            for ((out, ((left, middle), right)), (up, down)) in out.iter_mut().zip(sides).zip(ends) {
                let [left, middle, right, up, down] = [left, middle, right, up, down].map(|&value| i16::from(value));
                let edge =
                    middle.wrapping_mul(4).wrapping_sub(left).wrapping_sub(right).wrapping_sub(up).wrapping_sub(down);
                let sharp = middle.wrapping_add(edge.wrapping_mul(strength) >> 5);
                *out = sharp.clamp(16, 235) as u8;
            }
        }
    }

    /// Light per pixel, gain and noise.
    fn develop(&mut self, frame: &mut Frame, light: &Light, t_us: i64) {
        let width = frame.width_px as usize;
        let dark = self.camera.fault(FaultKind::Dark, t_us).is_some();
        let noisy = self.camera.fault(FaultKind::Noise, t_us).is_some();
        // In 1/128.
        let gain = (128.0 * wander(self.seed, t_us) * if dark { 0.1 } else { 1.0 }) as u16;
        // Without light there is little but noise.
        let sigma = match (noisy, dark) {
            (true, _) => self.sigma(light) * 7.0 + 9.0,
            (_, true) => self.sigma(light) * 1.5 + 1.5,
            _ => self.sigma(light),
        };
        let amplitude = (sigma / NOISE_SIGMA * 64.0).min(250.0) as i16;
        for (row, (out, vignette)) in frame.y.chunks_exact_mut(width).zip(self.vignette.chunks_exact(width)).enumerate()
        {
            let from =
                hash(self.seed ^ t_us as u64, row as u32) as usize % (NOISE_LENGTH - width.min(NOISE_LENGTH - 1));
            // Lines of a disturbed signal.
            let line = if noisy { (hash(t_us as u64, row as u32 ^ 0xAA) & 15) as i16 } else { 0 };
            for ((out, &vignette), &noise) in out.iter_mut().zip(vignette).zip(&self.noise[from..]) {
                let level = u16::from(out.saturating_sub(16));
                let lit = level.wrapping_mul(u16::from(vignette)) >> 8;
                let lit = (lit.wrapping_mul(gain) >> 7) as i16;
                let noise = i16::from(noise).wrapping_mul(amplitude) >> 6;
                *out = lit.wrapping_add(16).wrapping_add(noise).wrapping_add(line).clamp(16, 235) as u8;
            }
        }
    }

    /// Standard deviation of the noise in steps of luma.
    fn sigma(&self, light: &Light) -> f32 {
        let night = 1.0 - light.daylight();
        self.grain * (1.1 + 4.2 * night * night + 0.5 * light.cloud)
    }

    /// Noise of colours, and how much of them is left.
    fn colour(&mut self, frame: &mut Frame, light: &Light, t_us: i64) {
        let night = 1.0 - light.daylight();
        let grey = self.is_grey(light);
        let dark = self.camera.fault(FaultKind::Dark, t_us).is_some();
        let left = if grey { 0.0 } else { (0.8 + 0.3 * unit(self.seed, 5)) * (1.0 - 0.35 * night) }
            * if dark { 0.2 } else { 1.0 };
        let keep = (left * 64.0).min(127.0) as i16;
        let amplitude = if grey { 0 } else { (self.sigma(light) * 0.5 / NOISE_SIGMA * 64.0) as i16 };
        let width = frame.width_px as usize / 2;
        for (plane, pixels) in [&mut frame.u, &mut frame.v].into_iter().enumerate() {
            for (row, out) in pixels.chunks_exact_mut(width).enumerate() {
                let place = hash(self.seed ^ t_us as u64 ^ 0x55, row as u32 * 2 + plane as u32);
                let from = place as usize % (NOISE_LENGTH - width.min(NOISE_LENGTH - 1));
                for (out, &noise) in out.iter_mut().zip(&self.noise[from..]) {
                    let colour = i16::from(*out).wrapping_sub(128).wrapping_mul(keep) >> 6;
                    let noise = i16::from(noise).wrapping_mul(amplitude) >> 6;
                    *out = colour.wrapping_add(noise).wrapping_add(128).clamp(16, 240) as u8;
                }
            }
        }
        if !grey && self.camera.fault(FaultKind::ColourCast, t_us).is_some() {
            fault::miscolour(frame, self.seed);
        }
    }

    /// Whether it sees by its own infrared light, which has no colours.
    fn is_grey(&self, light: &Light) -> bool {
        self.infrared && light.daylight() < 0.15
    }
}

/// Exposure control hunts a little, slowly.
fn wander(seed: u64, t_us: i64) -> f32 {
    let seconds = (t_us.rem_euclid(3_600_000_000)) as f32 / 1e6;
    let turn = |period: f32, what: u32| ((seconds / period + unit(seed, what)) * std::f32::consts::TAU).sin();
    1.0 + 0.025 * turn(47.0, 6) + 0.012 * turn(13.0, 7)
}

/// Natural vignetting: the fourth power of the cosine, stronger by `strength`.
fn vignette(width: u32, height: u32, strength: f32) -> Vec<u8> {
    let half = (width as f32 / 2.0, height as f32 / 2.0);
    let corner = half.0 * half.0 + half.1 * half.1;
    let value = |x: u32, y: u32| {
        let (x, y) = (x as f32 + 0.5 - half.0, y as f32 + 0.5 - half.1);
        let fall = 1.0 - strength * (x * x + y * y) / corner;
        (255.0 * fall).clamp(0.0, 255.0) as u8
    };
    (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).map(|(x, y)| value(x, y)).collect()
}

/// Normal noise as the sum of uniform ones, neighbours a little alike as after the camera's own filter.
fn gaussian(seed: u64) -> Vec<i8> {
    let raw: Vec<f32> = (0..NOISE_LENGTH as u32)
        .map(|index| {
            let bits = hash(seed ^ 0xC0FF_EE00, index);
            let sum = (0..4).map(|byte| ((bits >> (8 * byte)) & 0xFF) as f32 - 127.5).sum::<f32>();
            // Four uniform bytes have a standard deviation of 147.8.
            sum / 147.8
        })
        .collect();
    (0..NOISE_LENGTH)
        .map(|index| {
            let mixed = raw[index] * 0.86 + raw[(index + 1) % NOISE_LENGTH] * 0.5;
            (mixed * NOISE_SIGMA).clamp(-127.0, 127.0) as i8
        })
        .collect()
}

/// A number that looks like chance, of a seed and an index (the finaliser of SplitMix64).
pub(super) fn hash(seed: u64, index: u32) -> u32 {
    let mut bits = seed.wrapping_add(u64::from(index).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (bits ^ (bits >> 31)) as u32
}

/// The same from 0 to 1.
pub(super) fn unit(seed: u64, index: u32) -> f32 {
    (hash(seed, index) >> 8) as f32 / (1u32 << 24) as f32
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::camera::Fault;

    pub(in crate::picture) const DAY: Light =
        Light { sun_azimuth_rad: 0.0, sun_elevation_rad: 0.9, cloud: 0.2, rain: 0.0, wind: 0.2 };
    pub(in crate::picture) const NIGHT: Light = Light { sun_elevation_rad: -0.5, ..DAY };

    pub(in crate::picture) fn camera(fault: Option<FaultKind>) -> Camera {
        Camera {
            id: "t-1".to_owned(),
            name_zh: "路口".to_owned(),
            name_en: "Crossing".to_owned(),
            department: "traffic".to_owned(),
            physical: "t-1".to_owned(),
            at: glam::Vec2::ZERO,
            height_m: 5.0,
            heading_deg: 0.0,
            tilt_deg: 20.0,
            fov_deg: 70.0,
            size_px: (640, 360),
            fps: 12.5,
            rules: Vec::new(),
            faults: fault.map(|kind| Fault { kind, from_us: 1_000_000, to_us: 5_000_000 }).into_iter().collect(),
        }
    }

    /// A picture with structure: bars of grey.
    pub(in crate::picture) fn scene() -> Frame {
        let mut frame = Frame::new(640, 360);
        for (index, value) in frame.y.iter_mut().enumerate() {
            *value = if index % 640 / 20 % 2 == 0 { 90 } else { 150 };
        }
        frame
    }

    /// Mean and standard deviation of the luma in the middle of a picture.
    fn measure(frame: &Frame) -> (f32, f32) {
        let middle: Vec<f32> = (100..260)
            .flat_map(|y| (100..540).map(move |x| (x, y)))
            .map(|(x, y)| f32::from(frame.y[y * 640 + x]))
            .collect();
        let mean = middle.iter().sum::<f32>() / middle.len() as f32;
        let variance = middle.iter().map(|value| (value - mean).powi(2)).sum::<f32>() / middle.len() as f32;
        (mean, variance.sqrt())
    }

    fn exposed(fault: Option<FaultKind>, light: &Light, t_us: i64) -> Frame {
        let mut frame = scene();
        Sensor::new(&camera(fault), 3).expose(&mut frame, light, t_us, 1_790_000_000_000_000 + t_us);
        frame
    }

    fn noise_between(light: &Light) -> f32 {
        let mut sensor = Sensor::new(&camera(None), 3);
        let [mut a, mut b] = [scene(), scene()];
        sensor.expose(&mut a, light, 2_000_000, 0);
        sensor.expose(&mut b, light, 2_080_000, 0);
        let inner = 640 * 100..640 * 260;
        let sum: f32 = inner.clone().map(|i| (f32::from(a.y[i]) - f32::from(b.y[i])).powi(2)).sum();
        (sum / inner.len() as f32 / 2.0).sqrt()
    }

    #[test]
    fn two_devices_of_one_city_differ_and_one_that_is_registered_twice_does_not() {
        let exposed = |physical: &str, id: &str| {
            let mut frame = scene();
            let camera = Camera { physical: physical.into(), id: id.into(), ..camera(None) };
            Sensor::new(&camera, 3).expose(&mut frame, &Light::at_hour(12.0, 0.3, 0.0, 0.0), 2_000_000, 0);
            frame
        };
        assert!(exposed("device-01", "a").y == exposed("device-01", "b").y);
        assert!(exposed("device-01", "a").y != exposed("device-02", "a").y);
    }

    #[test]
    fn night_is_noisier_than_day_and_both_are_what_a_camera_has() {
        let (day, night) = (noise_between(&DAY), noise_between(&NIGHT));
        assert!((0.5..3.5).contains(&day), "day {day}");
        assert!(night > 1.8 * day && night < 12.0, "night {night}, day {day}");
    }

    #[test]
    fn each_fault_shows_in_its_time_and_only_then() {
        let sound = measure(&exposed(None, &DAY, 2_000_000));
        for kind in [
            FaultKind::Covered,
            FaultKind::Sprayed,
            FaultKind::Blurred,
            FaultKind::Dark,
            FaultKind::Glare,
            FaultKind::Noise,
        ] {
            let (mean, deviation) = measure(&exposed(Some(kind), &DAY, 2_000_000));
            let shows = match kind {
                FaultKind::Covered => deviation < 0.3 * sound.1,
                FaultKind::Sprayed => (mean - sound.0).abs() > 4.0 || (deviation / sound.1 - 1.0).abs() > 0.15,
                FaultKind::Blurred => deviation < 0.75 * sound.1,
                FaultKind::Dark => mean < 40.0,
                FaultKind::Glare => mean > sound.0 + 30.0,
                _ => deviation > sound.1 + 2.0,
            };
            assert!(shows, "{kind:?}: {mean} ± {deviation}, sound {sound:?}");
            assert_eq!(exposed(Some(kind), &DAY, 500_000), exposed(None, &DAY, 500_000), "{kind:?} before its time");
        }
    }

    #[test]
    fn a_frozen_camera_repeats_one_picture_and_thaws() {
        let mut sensor = Sensor::new(&camera(Some(FaultKind::Frozen)), 3);
        let mut at = |t_us: i64| {
            let mut frame = scene();
            sensor.expose(&mut frame, &DAY, t_us, t_us);
            frame
        };
        let (before, first, later, after) = (at(900_000), at(1_000_000), at(4_000_000), at(5_000_000));
        assert_ne!(before, first);
        assert_eq!(first, later);
        assert_ne!(later, after);
    }

    #[test]
    fn the_same_seed_gives_the_same_picture() {
        assert_eq!(exposed(None, &NIGHT, 7_000_000), exposed(None, &NIGHT, 7_000_000));
    }
}
