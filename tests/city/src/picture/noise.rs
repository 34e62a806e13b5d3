//! Repeatable randomness over the plane: hashes of lattice points and smooth noise between them.

use glam::Vec2;

/// A hash of a lattice point.
pub(crate) fn hash(x: i32, y: i32, seed: u32) -> u32 {
    let mut mixed = (x as u32).wrapping_mul(0x85EB_CA6B)
        ^ (y as u32).wrapping_mul(0xC2B2_AE35)
        ^ seed.wrapping_add(1).wrapping_mul(0x9E37_79B9);
    mixed ^= mixed >> 15;
    mixed = mixed.wrapping_mul(0x2C1B_3C6D);
    mixed ^= mixed >> 12;
    mixed = mixed.wrapping_mul(0x297A_2D39);
    mixed ^ (mixed >> 15)
}

/// A hash as a number from 0 to 1.
pub(crate) fn unit(hash: u32) -> f32 {
    (hash >> 8) as f32 / 16_777_216.0
}

/// The `index`th number from 0 to 1 of a seed.
pub(crate) fn part(seed: u32, index: i32) -> f32 {
    unit(hash(index, 0x51, seed))
}

/// The whole number below. The library's `floor` is a call where the processor's base instructions have none.
pub(crate) fn floor(x: f32) -> i32 {
    let whole = x as i32;
    whole - i32::from(x < whole as f32)
}

/// A point's lattice cell and its place in it, 0–1.
pub(crate) fn cell(at: Vec2, size: Vec2) -> ((i32, i32), Vec2) {
    let scaled = at / size;
    let (x, y) = (floor(scaled.x), floor(scaled.y));
    ((x, y), scaled - Vec2::new(x as f32, y as f32))
}

/// Smooth noise with features of one unit, −1 to 1 (value noise).
pub(crate) fn value(at: Vec2, seed: u32) -> f32 {
    let ((x, y), part) = cell(at, Vec2::ONE);
    let weight = part * part * (Vec2::splat(3.0) - 2.0 * part);
    let corner = |dx: i32, dy: i32| unit(hash(x.wrapping_add(dx), y.wrapping_add(dy), seed));
    let top = corner(0, 0) + (corner(1, 0) - corner(0, 0)) * weight.x;
    let bottom = corner(0, 1) + (corner(1, 1) - corner(0, 1)) * weight.x;
    (top + (bottom - top) * weight.y) * 2.0 - 1.0
}

/// Noise of several sizes, the largest `size_m`, each next half as large; what is finer than a pixel shows
/// (`footprint_m`) is left out, as a lens averages it.
pub(crate) fn fractal(at: Vec2, size_m: f32, octaves: u32, footprint_m: f32, seed: u32) -> f32 {
    let (mut sum, mut strength, mut size) = (0.0, 0.6, size_m);
    for octave in 0..octaves {
        let fade = ((size / footprint_m - 1.0) * 0.7).min(1.0);
        if fade <= 0.0 {
            break;
        }
        sum += strength * fade * value(at / size, seed.wrapping_add(octave.wrapping_mul(131)));
        strength *= 0.62;
        size *= 0.5;
    }
    sum
}

/// From 0 at `from` to 1 at `to`, smooth at both ends.
pub(crate) fn ramp(from: f32, to: f32, x: f32) -> f32 {
    let t = ((x - from) / (to - from)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// How much of a pixel a stripe covers whose middle is `distance_m` away.
pub(crate) fn stripe(distance_m: f32, width_m: f32, footprint_m: f32) -> f32 {
    let edge = ((width_m * 0.5 - distance_m.abs()) / footprint_m + 0.5).clamp(0.0, 1.0);
    edge * (width_m / footprint_m).min(1.0)
}

/// How much of a pixel joints cover that come every `period_m`.
pub(crate) fn joint(x_m: f32, period_m: f32, width_m: f32, footprint_m: f32) -> f32 {
    if footprint_m > period_m * 0.6 {
        return width_m / period_m;
    }
    let turns = x_m / period_m;
    stripe((turns - floor(turns + 0.5) as f32) * period_m, width_m, footprint_m)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_smooth_bounded_and_the_same_again() {
        for index in 0..500 {
            let at = Vec2::new(index as f32 * 0.13 - 30.0, index as f32 * 0.07);
            let here = value(at, 7);
            assert!((-1.0..=1.0).contains(&here));
            assert_eq!(here, value(at, 7));
            assert!((value(at + Vec2::splat(0.001), 7) - here).abs() < 0.02);
        }
        assert_ne!(value(Vec2::new(0.5, 0.5), 1), value(Vec2::new(0.5, 0.5), 2));
    }

    #[test]
    fn what_is_finer_than_a_pixel_is_left_out() {
        assert_eq!(fractal(Vec2::new(3.3, 4.4), 0.1, 4, 0.2, 1), 0.0);
        assert!((joint(7.77, 0.4, 0.02, 1.0) - 0.05).abs() < 1e-6);
    }
}
