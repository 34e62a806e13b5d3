//! What the ground is made of at a point: colour and gloss of asphalt, slabs, paint, grass and the rest, without any
//! light. Everything follows from the place and the look; details finer than a pixel shows are averaged away.

use glam::{Vec2, Vec3};

use super::noise::{cell, floor, fractal, hash, joint, part, ramp, stripe, unit, value};
use crate::world::Surface;

/// A point of a surface.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spot {
    /// Reflected part of red, green, blue, linear.
    pub(crate) albedo: Vec3,
    /// How much of a mirror it is when looked at from straight above, 0–1.
    pub(crate) mirror: f32,
}

/// The mean material over a pixel that shows a piece of ground with these two sides; of what has hard edges, several
/// points are taken. `footprint_m` is the size below which texture is averaged.
pub(crate) fn mean_spot(surface: Surface, look: u32, at: Vec2, sides_m: [Vec2; 2], footprint_m: f32) -> Spot {
    if !matches!(surface, Surface::Plaza | Surface::Pavement | Surface::Floor | Surface::Kerb) {
        return spot(surface, look, at, footprint_m);
    }
    let mut mean = Spot { albedo: Vec3::ZERO, mirror: 0.0 };
    for (a, b) in [(-0.375, -0.125), (0.125, -0.375), (0.375, 0.125), (-0.125, 0.375)] {
        let part = spot(surface, look, at + sides_m[0] * a + sides_m[1] * b, footprint_m);
        mean.albedo += part.albedo * 0.25;
        mean.mirror += part.mirror * 0.25;
    }
    mean
}

/// The material at a point; `footprint_m` is how much ground one pixel shows.
pub(crate) fn spot(surface: Surface, look: u32, at: Vec2, footprint_m: f32) -> Spot {
    let matt = |albedo: Vec3| Spot { albedo, mirror: 0.0 };
    match surface {
        Surface::Asphalt => matt(asphalt(look, at, footprint_m)),
        Surface::Pavement => matt(slabs(look, at, footprint_m)),
        Surface::Plaza => matt(plaza(look, at, footprint_m)),
        Surface::Grass => matt(grass(look, at, footprint_m)),
        Surface::Earth => matt(earth(look, at, footprint_m)),
        Surface::Water => Spot { albedo: Vec3::new(0.035, 0.05, 0.042), mirror: 0.25 },
        Surface::Paint => matt(paint(look, at, footprint_m)),
        Surface::Kerb => matt(kerb(look, at, footprint_m)),
        Surface::Floor => floor_inside(look, at, footprint_m),
        Surface::CycleLane => {
            let tint = if look & 1 == 0 { Vec3::new(0.21, 0.065, 0.05) } else { Vec3::new(0.05, 0.15, 0.09) };
            let worn = ramp(0.1, 0.7, fractal(at, 2.5, 4, footprint_m, look ^ 0x33));
            let below = asphalt(look, at, footprint_m);
            matt(tint.lerp(below, 0.15 + 0.5 * worn) * (1.0 + 0.25 * grain(look, at, footprint_m)))
        }
    }
}

/// A tone of its own for each look, −1 to 1.
fn tone(look: u32) -> f32 {
    part(look, 1) * 2.0 - 1.0
}

/// Fine grain of a rough surface.
fn grain(look: u32, at: Vec2, footprint_m: f32) -> f32 {
    fractal(at, 0.09, 2, footprint_m, look ^ 0x77)
}

fn asphalt(look: u32, at: Vec2, footprint_m: f32) -> Vec3 {
    let broad = fractal(at, 9.0, 5, footprint_m, look);
    let mut grey = (0.118 + 0.045 * tone(look)) * (1.0 + 0.14 * broad);
    // Patches: trenches that were closed again, mostly along the axes, a little darker or lighter, with a sealed seam.
    let ((x, y), inside) = cell(at, Vec2::new(7.3, 6.1));
    let chance = hash(x, y, look ^ 0xA5);
    if chance & 3 == 0 {
        let half = Vec2::new(0.1 + 0.34 * unit(hash(x, y, look ^ 1)), 0.06 + 0.3 * unit(hash(x, y, look ^ 2)));
        let beyond = ((inside - Vec2::splat(0.5)).abs() - half) * Vec2::new(7.3, 6.1);
        let edge_m = beyond.max_element();
        let within = (0.5 - edge_m / footprint_m.max(0.01)).clamp(0.0, 1.0);
        let shade = if chance & 8 == 0 { 0.74 } else { 1.12 };
        grey *= 1.0 + within * (shade - 1.0);
        grey *= 1.0 - 0.45 * stripe(edge_m, 0.05, footprint_m);
    }
    // Cracks run where a slow noise crosses zero; only some stretches have them.
    let cracked = ramp(0.1, 0.5, value(at / 11.0, look ^ 0xC0));
    if cracked > 0.0 && footprint_m < 0.3 {
        let bend = Vec2::new(value(at / 0.7, look ^ 0xC1), value(at / 0.7, look ^ 0xC2)) * 0.25;
        let height = value((at + bend) / 2.3, look ^ 0xC3);
        grey *= 1.0 - 0.5 * cracked * stripe(height * 1.1, 0.03, footprint_m);
    }
    // Oil and tar.
    let stain = ramp(0.45, 0.75, value(at / 1.7, look ^ 0xD0) * 0.7 + value(at / 0.6, look ^ 0xD1) * 0.3);
    grey *= 1.0 - 0.35 * stain;
    grey *= 1.0 + 0.3 * grain(look, at, footprint_m);
    let mut colour = Vec3::new(1.0, 0.985, 0.96) * grey;
    // Manhole covers.
    let ((x, y), inside) = cell(at, Vec2::new(13.0, 11.0));
    if hash(x, y, look ^ 0xE0).is_multiple_of(3) {
        let middle = Vec2::new(0.25 + 0.5 * unit(hash(x, y, 3)), 0.25 + 0.5 * unit(hash(x, y, 4)));
        let radius = ((inside - middle) * Vec2::new(13.0, 11.0)).length();
        let plate = (0.5 - (radius - 0.34) / footprint_m.max(0.01)).clamp(0.0, 1.0);
        let pattern = 1.0 + 0.35 * joint(at.x + at.y, 0.08, 0.04, footprint_m);
        colour = colour.lerp(Vec3::new(0.072, 0.068, 0.062) * pattern, plate);
        colour *= 1.0 - 0.4 * stripe(radius - 0.36, 0.05, footprint_m);
    }
    colour
}

/// Colours that pavements have: grey concrete, warm sandstone, red brick, bluish granite.
const STONES: [Vec3; 5] = [
    Vec3::new(0.30, 0.295, 0.28),
    Vec3::new(0.36, 0.32, 0.26),
    Vec3::new(0.30, 0.185, 0.145),
    Vec3::new(0.235, 0.245, 0.25),
    Vec3::new(0.40, 0.385, 0.355),
];

/// Dirt that has gathered, trodden gum, leaves.
fn dirt(look: u32, at: Vec2, footprint_m: f32) -> f32 {
    let mut clean = 1.0 + 0.16 * fractal(at, 3.5, 4, footprint_m, look ^ 0x21) + 0.16 * grain(look, at, footprint_m);
    if footprint_m < 0.12 {
        let ((x, y), inside) = cell(at, Vec2::splat(0.45));
        let speck = hash(x, y, look ^ 0x23);
        if speck & 7 == 0 {
            let middle = Vec2::new(0.2 + 0.6 * unit(speck), 0.2 + 0.6 * unit(speck.wrapping_mul(747_796_405)));
            let radius = 0.02 + 0.03 * unit(speck.wrapping_mul(2_891_336_453));
            let cover = (0.5 - ((inside - middle).length() * 0.45 - radius) / footprint_m).clamp(0.0, 1.0);
            clean *= 1.0 - 0.4 * cover * (radius * 2.0 / footprint_m).min(1.0);
        }
    }
    clean
}

fn slabs(look: u32, at: Vec2, footprint_m: f32) -> Vec3 {
    let size = match look % 3 {
        0 => Vec2::new(0.6, 0.3),
        1 => Vec2::splat(0.5),
        _ => Vec2::new(0.24, 0.12),
    };
    let row = floor(at.y / size.y);
    let shifted = Vec2::new(at.x + if row & 1 == 0 { 0.0 } else { size.x * 0.5 }, at.y);
    let ((x, y), _) = cell(shifted, size);
    let mut colour = STONES[(look >> 4) as usize % STONES.len()] * (1.0 + 0.18 * tone(look));
    let fade = ((size.y / footprint_m - 0.6) * 0.8).clamp(0.0, 1.0);
    colour *= 1.0 + fade * 0.22 * (unit(hash(x, y, look)) - 0.5);
    // A few slabs were replaced by others.
    if hash(x, y, look ^ 0x91).is_multiple_of(61) {
        colour *= 1.0 - 0.22 * fade;
    }
    let joints = joint(shifted.x, size.x, 0.012, footprint_m).max(joint(at.y, size.y, 0.012, footprint_m));
    colour * (1.0 - 0.45 * joints) * dirt(look, at, footprint_m)
}

fn plaza(look: u32, at: Vec2, footprint_m: f32) -> Vec3 {
    let size = 0.8;
    let ((x, y), _) = cell(at, Vec2::splat(size));
    let light = STONES[(look >> 4) as usize % STONES.len()] * 1.12;
    let dark = light.lerp(STONES[(look >> 7) as usize % STONES.len()] * 0.7, 0.5 + 0.3 * part(look, 9));
    let other = match look % 3 {
        0 => x.rem_euclid(6) == 0 || y.rem_euclid(6) == 0,
        1 => (x.div_euclid(2) + y.div_euclid(2)) & 1 == 0,
        _ => y.rem_euclid(5) == 0 && x.rem_euclid(2) == 0,
    };
    let mut colour = if other { dark } else { light };
    let fade = ((size / footprint_m - 0.6) * 0.8).clamp(0.0, 1.0);
    colour *= 1.0 + fade * 0.14 * (unit(hash(x, y, look)) - 0.5);
    let joints = joint(at.x, size, 0.012, footprint_m).max(joint(at.y, size, 0.012, footprint_m));
    colour * (1.0 - 0.4 * joints) * dirt(look, at, footprint_m)
}

fn grass(look: u32, at: Vec2, footprint_m: f32) -> Vec3 {
    let broad = fractal(at, 5.0, 3, footprint_m, look);
    let tufts = fractal(at, 0.3, 3, footprint_m, look ^ 0x41);
    let fresh = Vec3::new(0.075, 0.125, 0.035).lerp(Vec3::new(0.13, 0.15, 0.05), part(look, 2));
    let dry = Vec3::new(0.20, 0.17, 0.09);
    let colour = fresh.lerp(dry, ramp(0.05, 0.7, broad + 0.3 * tone(look)) * 0.7);
    colour * (1.0 + 0.55 * tufts + 0.2 * broad)
}

fn earth(look: u32, at: Vec2, footprint_m: f32) -> Vec3 {
    let broad = fractal(at, 4.0, 5, footprint_m, look);
    let soil = Vec3::new(0.27, 0.19, 0.12).lerp(Vec3::new(0.33, 0.28, 0.21), part(look, 3));
    // Tracks of tyres, in pairs.
    let bend = at.y + 1.5 * value(at / 9.0, look ^ 0x61);
    let tracks = joint(bend, 5.0, 0.4, footprint_m).max(joint(bend + 1.7, 5.0, 0.4, footprint_m));
    let stones = ramp(0.55, 0.8, value(at / 0.14, look ^ 0x62)) * (0.3 / (footprint_m / 0.05).max(1.0));
    soil * (1.0 + 0.4 * broad + 0.25 * grain(look, at, footprint_m) + stones) * (1.0 - 0.3 * tracks)
}

fn paint(look: u32, at: Vec2, footprint_m: f32) -> Vec3 {
    let below = asphalt(look, at, footprint_m);
    let white = Vec3::new(0.66, 0.655, 0.62) * (1.0 + 0.08 * tone(look));
    let wear = fractal(at, 0.8, 4, footprint_m, look ^ 0x81) + 0.5 * fractal(at, 6.0, 2, footprint_m, look ^ 0x82);
    let worn = ramp(0.1, 0.75, wear + 0.2 * tone(look ^ 0x55));
    let grey = white * (0.88 + 0.1 * fractal(at, 2.0, 3, footprint_m, look ^ 0x83));
    grey.lerp(below, worn * 0.75)
}

fn kerb(look: u32, at: Vec2, footprint_m: f32) -> Vec3 {
    let joints = joint(at.x, 1.0, 0.02, footprint_m).max(joint(at.y, 1.0, 0.02, footprint_m));
    let stone = Vec3::new(0.37, 0.365, 0.35) * (1.0 + 0.12 * tone(look));
    stone * (1.0 - 0.3 * joints) * (1.0 + 0.2 * fractal(at, 1.2, 4, footprint_m, look ^ 0x31))
}

fn floor_inside(look: u32, at: Vec2, footprint_m: f32) -> Spot {
    let base = Vec3::new(part(look, 5), part(look, 6), part(look, 7)) * 0.12;
    let light = 0.08 + 0.5 * part(look, 4) * part(look, 8);
    match look % 4 {
        // Boards.
        0 => {
            let width = 0.14;
            let row = floor(at.y / width);
            let along = at.x + 0.7 * unit(hash(row, 1, look));
            let board = unit(hash(row, floor(along / 1.8), look));
            let wood = Vec3::new(0.42, 0.25, 0.13) * (0.45 + 0.9 * light) * (0.8 + 0.4 * board);
            let figure = 1.0 + 0.2 * fractal(at * Vec2::new(0.15, 1.6), 0.1, 3, footprint_m, look);
            let joints = joint(at.y, width, 0.006, footprint_m).max(joint(along, 1.8, 0.006, footprint_m));
            Spot { albedo: wood * figure * (1.0 - 0.5 * joints), mirror: 0.04 }
        }
        // Tiles.
        1 | 2 => {
            let size = [0.3, 0.6, 0.45, 0.8][(look >> 3) as usize % 4];
            let ((x, y), _) = cell(at, Vec2::splat(size));
            let two = look & 64 != 0 && (x + y) & 1 == 0;
            let tile = (Vec3::splat(light) + base) * if two { 0.6 } else { 1.0 };
            let shade = 1.0 + 0.1 * (unit(hash(x, y, look)) - 0.5);
            let joints = joint(at.x, size, 0.008, footprint_m).max(joint(at.y, size, 0.008, footprint_m));
            let cloudy = 1.0 + 0.08 * fractal(at, 0.7, 4, footprint_m, look);
            Spot { albedo: tile * shade * cloudy * (1.0 - 0.35 * joints), mirror: 0.06 }
        }
        // Carpet.
        _ => {
            let weave = 1.0 + 0.25 * grain(look, at, footprint_m) + 0.1 * fractal(at, 1.5, 3, footprint_m, look);
            Spot { albedo: (Vec3::splat(light * 0.5) + base * 2.0) * weave, mirror: 0.0 }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Surface; 10] = [
        Surface::Asphalt,
        Surface::Pavement,
        Surface::Plaza,
        Surface::Grass,
        Surface::Earth,
        Surface::Water,
        Surface::Paint,
        Surface::Kerb,
        Surface::Floor,
        Surface::CycleLane,
    ];

    fn mean(surface: Surface, look: u32, footprint_m: f32) -> Vec3 {
        let points = (0..2500).map(|index| Vec2::new((index % 50) as f32 * 0.31, (index / 50) as f32 * 0.37));
        points.map(|at| spot(surface, look, at, footprint_m).albedo).sum::<Vec3>() / 2500.0
    }

    #[test]
    fn every_surface_reflects_a_plausible_part_for_any_look() {
        for surface in ALL {
            for look in (0..40).map(|index| hash(index, 9, 5)) {
                for index in 0..100 {
                    let at = Vec2::new(index as f32 * 1.7 - 60.0, index as f32 * -0.9);
                    let albedo = spot(surface, look, at, 0.03).albedo;
                    assert!(albedo.min_element() >= 0.0 && albedo.max_element() < 1.2, "{surface:?} {look} {albedo}");
                }
            }
        }
        assert!(mean(Surface::Paint, 3, 0.03).y > 2.0 * mean(Surface::Asphalt, 3, 0.03).y);
    }

    #[test]
    fn far_away_the_tone_stays_and_the_texture_goes() {
        for surface in [Surface::Asphalt, Surface::Pavement, Surface::Grass] {
            let (near, far) = (mean(surface, 8, 0.02), mean(surface, 8, 3.0));
            assert!((near.y / far.y - 1.0).abs() < 0.25, "{surface:?} {near} {far}");
        }
    }

    #[test]
    fn looks_differ() {
        assert!((mean(Surface::Pavement, 0, 0.05) - mean(Surface::Pavement, 49, 0.05)).length() > 0.02);
    }
}
