//! Faults that show in pixels: cloth, paint, focus, glare before the sensor, a white balance after it. Darkness and
//! noise are the sensor's own, freezing is its memory, a lost signal and lost packets are the stream's.

use super::{
    Frame,
    sensor::{hash, unit},
};
use crate::camera::{Camera, FaultKind, View};

/// How far a moved camera is turned away, degrees: to the right, and down.
const MOVED_DEG: (f32, f32) = (24.0, 9.0);
/// How wrong a drifting clock is at first and how much it adds in an hour, microseconds.
const CLOCK_ERROR_US: (i64, i64) = (95_000_000, 20_000_000);

/// What a camera sees at a time: turned away while it is moved.
pub fn view_at(camera: &Camera, t_us: i64) -> View {
    match camera.fault(FaultKind::Moved, t_us) {
        None => camera.view(),
        Some(_) => View::new(
            camera.at.extend(camera.height_m),
            camera.heading_deg + MOVED_DEG.0,
            camera.tilt_deg + MOVED_DEG.1,
            camera.fov_deg,
            camera.size_px,
        ),
    }
}

/// How much a camera's clock is ahead, microseconds.
pub fn clock_error_us(camera: &Camera, t_us: i64) -> i64 {
    camera.fault(FaultKind::ClockDrift, t_us).map_or(0, |fault| {
        let hours = (t_us - fault.from_us) as f64 / 3.6e9;
        CLOCK_ERROR_US.0 + (hours * CLOCK_ERROR_US.1 as f64) as i64
    })
}

/// Masks of the faults of one camera, made when first needed.
pub(super) struct Faults {
    seed: u64,
    mask: Option<(FaultKind, i64, Vec<u8>)>,
    scratch: Vec<u8>,
}

impl Faults {
    pub(super) fn new(seed: u64) -> Faults {
        Faults { seed, mask: None, scratch: Vec::new() }
    }

    /// Puts what holds at this time over the picture.
    pub(super) fn before_sensor(&mut self, frame: &mut Frame, camera: &Camera, t_us: i64) {
        for kind in [FaultKind::Blurred, FaultKind::Sprayed, FaultKind::Glare, FaultKind::Covered] {
            let Some(fault) = camera.fault(kind, t_us) else { continue };
            if kind == FaultKind::Blurred {
                self.blur(frame);
                continue;
            }
            let key = (kind, fault.from_us);
            let made = self.mask.as_ref().is_some_and(|(kind, from, _)| (*kind, *from) == key);
            if !made {
                let seed = self.seed ^ fault.from_us as u64;
                let mut mask = mask(kind, seed, frame.width_px, frame.height_px);
                if kind == FaultKind::Sprayed {
                    // Paint on the glass is far out of focus.
                    let (width, radius) = (frame.width_px as usize, (frame.height_px as usize / 70).max(1));
                    box_rows(&mut mask, &mut self.scratch, width, radius);
                    box_columns(&mut mask, &mut self.scratch, width, radius);
                }
                self.mask = Some((kind, fault.from_us, mask));
            }
            match &self.mask {
                Some((_, _, cloth)) if kind == FaultKind::Covered => hide(frame, cloth),
                Some((_, _, mask)) => cover(frame, kind, mask, self.seed),
                None => {}
            }
        }
    }

    /// Out of focus: three box filters are nearly a Gaussian one.
    fn blur(&mut self, frame: &mut Frame) {
        let (width, height) = (frame.width_px as usize, frame.height_px as usize);
        let radius = (height / 60).max(2);
        for _ in 0..2 {
            box_rows(&mut frame.y, &mut self.scratch, width, radius);
            box_columns(&mut frame.y, &mut self.scratch, width, radius);
        }
        for plane in [&mut frame.u, &mut frame.v] {
            box_rows(plane, &mut self.scratch, width / 2, radius / 2 + 1);
            box_columns(plane, &mut self.scratch, width / 2, radius / 2 + 1);
        }
    }
}

/// How much of each pixel is covered, 0–255; of a cloth, how much of the light outside comes through it.
fn mask(kind: FaultKind, seed: u64, width: u32, height: u32) -> Vec<u8> {
    let at = |x: u32, y: u32| (x as f32 / height as f32, y as f32 / height as f32);
    let blobs: Vec<[f32; 3]> = (0..46)
        .map(|index| {
            let draw = |what: u32| unit(seed, index * 4 + what);
            // One stroke of the can to and fro, and splashes beside it.
            let along = draw(0);
            let stroke = 0.5 + 0.26 * (along * 9.0 + unit(seed, 999) * 6.0).sin();
            [along * 1.78, stroke + 0.2 * (draw(1) - 0.5), 0.05 + 0.13 * draw(2)]
        })
        .collect();
    let sun = (0.3 + 1.2 * unit(seed, 1), 0.1 + 0.35 * unit(seed, 2));
    let value = |x: u32, y: u32| {
        let (px, py) = at(x, y);
        match kind {
            FaultKind::Sprayed => {
                let paint: f32 = blobs
                    .iter()
                    .map(|&[bx, by, r]| {
                        let d = ((px - bx).powi(2) + (py - by).powi(2)) / (r * r);
                        if d < 4.0 { (-d * 1.4).exp() } else { 0.0 }
                    })
                    .sum();
                let speck = if hash(seed, (y / 2) * 4096 + x / 2) % 100 < 3 { 0.3 } else { 0.0 };
                ((paint - 0.12) * 1.5 + speck).clamp(0.0, 0.97)
            }
            FaultKind::Glare => {
                let d = ((px - sun.0).powi(2) + (py - sun.1).powi(2)).sqrt();
                (0.55 + 1.1 * (-d * 2.2).exp()).clamp(0.0, 1.0)
            }
            // A cloth: dark, folds, a little light at one edge.
            _ => {
                let fold = 0.5 + 0.5 * ((px * 5.0 + py * 2.0 + 1.5 * (py * 3.0 + unit(seed, 3) * 6.0).sin()).sin());
                let edge = (-px * (9.0 + 12.0 * unit(seed, 5))).exp() * (0.2 + 0.6 * unit(seed, 4));
                0.05 + 0.06 * fold + edge
            }
        }
    };
    (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).map(|(x, y)| (value(x, y) * 255.0) as u8).collect()
}

fn cover(frame: &mut Frame, kind: FaultKind, mask: &[u8], seed: u64) {
    let (luma, colour) = match kind {
        FaultKind::Glare => (235, [126, 130]),
        _ => {
            let paints = [(24, [128, 128]), (60, [110, 190]), (200, [128, 128]), (70, [180, 110])];
            paints[(hash(seed, 77) % 4) as usize]
        }
    };
    let mix = |value: &mut u8, paint: u16, part: u16| {
        let kept = u16::from(*value).wrapping_mul(255 - part);
        *value = (kept.wrapping_add(paint.wrapping_mul(part)) / 255) as u8;
    };
    let width = frame.width_px as usize;
    for (value, &part) in frame.y.iter_mut().zip(mask) {
        mix(value, luma, u16::from(part));
    }
    for (plane, paint) in [&mut frame.u, &mut frame.v].into_iter().zip(colour) {
        for (index, value) in plane.iter_mut().enumerate() {
            let (x, y) = (index % (width / 2) * 2, index / (width / 2) * 2);
            mix(value, paint, u16::from(mask[y * width + x]));
        }
    }
}

/// Behind a cloth nothing is seen but how bright it is outside, where the cloth lets light through.
fn hide(frame: &mut Frame, cloth: &[u8]) {
    let sum: u64 = frame.y.iter().map(|luma| u64::from(*luma)).sum();
    let outside = (sum / frame.y.len().max(1) as u64).saturating_sub(16) as u16;
    for (value, &part) in frame.y.iter_mut().zip(cloth) {
        *value = 16 + (outside * u16::from(part) / 255) as u8;
    }
    frame.u.fill(127);
    frame.v.fill(130);
}

/// A white balance that has run away: red and blue amplified against each other, so that what is bright is tinted most.
pub(super) fn miscolour(frame: &mut Frame, seed: u64) {
    // Towards orange, blue or magenta, in 1/64 of the luma.
    let casts = [(-13, 19), (20, -10), (10, 17)];
    let (blue, red) = casts[(hash(seed, 78) % 3) as usize];
    let width = frame.width_px as usize;
    for (plane, part) in [(&mut frame.u, blue), (&mut frame.v, red)] {
        for (row, values) in plane.chunks_exact_mut(width / 2).enumerate() {
            let luma = frame.y[2 * row * width..].iter().step_by(2);
            for (value, &luma) in values.iter_mut().zip(luma) {
                let shift = i16::from(luma.saturating_sub(16)).wrapping_mul(part) >> 6;
                *value = i16::from(*value).wrapping_add(shift).clamp(16, 240) as u8;
            }
        }
    }
}

fn box_rows(plane: &mut [u8], scratch: &mut Vec<u8>, width: usize, radius: usize) {
    for row in plane.chunks_exact_mut(width) {
        scratch.clear();
        scratch.extend_from_slice(row);
        let at = |index: isize| u32::from(scratch[index.clamp(0, width as isize - 1) as usize]);
        let reach = radius as isize;
        let mut sum: u32 = (-reach..=reach).map(at).sum();
        let size = 2 * radius as u32 + 1;
        for (x, value) in row.iter_mut().enumerate() {
            *value = (sum / size) as u8;
            sum = sum + at(x as isize + reach + 1) - at(x as isize - reach);
        }
    }
}

fn box_columns(plane: &mut [u8], scratch: &mut Vec<u8>, width: usize, radius: usize) {
    scratch.clear();
    scratch.extend_from_slice(plane);
    let height = plane.len() / width;
    let row = |y: isize| {
        let y = y.clamp(0, height as isize - 1) as usize;
        &scratch[y * width..(y + 1) * width]
    };
    let reach = radius as isize;
    let mut sums = vec![0u16; width];
    for y in -reach..=reach {
        sums.iter_mut().zip(row(y)).for_each(|(sum, &value)| *sum += u16::from(value));
    }
    let size = 2 * radius as u16 + 1;
    for (y, out) in plane.chunks_exact_mut(width).enumerate() {
        out.iter_mut().zip(&sums).for_each(|(out, &sum)| *out = (sum / size) as u8);
        let (next, last) = (row(y as isize + reach + 1), row(y as isize - reach));
        for ((sum, &next), &last) in sums.iter_mut().zip(next).zip(last) {
            *sum = sum.wrapping_add(u16::from(next)).wrapping_sub(u16::from(last));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::sensor::tests::camera;

    #[test]
    fn a_moved_camera_looks_elsewhere_and_comes_back() {
        let moved = camera(Some(FaultKind::Moved));
        let away = view_at(&moved, 2_000_000).forward.angle_between(moved.view().forward).to_degrees();
        assert!(away > 20.0, "{away}°");
        assert_eq!(view_at(&moved, 6_000_000), moved.view());
    }

    #[test]
    fn a_colour_cast_tints_what_is_bright_and_leaves_black_alone() {
        let mut frame = Frame::new(64, 32);
        frame.y.fill(16);
        frame.y[..64 * 16].fill(150);
        frame.u.fill(128);
        frame.v.fill(128);
        miscolour(&mut frame, 5);
        let shift = |index: usize| (f32::from(frame.u[index]) - 128.0).hypot(f32::from(frame.v[index]) - 128.0);
        assert!(shift(10) > 20.0 && shift(32 * 12) < 1.0, "{} {}", shift(10), shift(32 * 12));
    }

    #[test]
    fn a_drifting_clock_is_more_than_a_minute_wrong_and_only_then() {
        let drifts = camera(Some(FaultKind::ClockDrift));
        assert!(clock_error_us(&drifts, 2_000_000) > 60_000_000);
        assert_eq!(clock_error_us(&drifts, 500_000), 0);
    }
}
