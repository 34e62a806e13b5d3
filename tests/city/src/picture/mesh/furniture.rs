//! Furniture of the streets.

use glam::{Mat3, Vec3};

use super::{
    look::{Colour, Look, grain, scaled, srgb},
    shape::{Caps, Ring, Shape},
};

const STEEL: Colour = [0.24, 0.25, 0.26];

fn at(x: f32, y: f32, z: f32) -> Vec3 {
    Vec3::new(x, y, z)
}

/// A street lamp 8 m high; its arm reaches ahead.
pub(super) fn lamp(shape: &mut Shape, look: Look, lit: bool) {
    let paint = look.shade("paint", &[0x8f9498, 0x3c4248, 0x2f4a44]);
    let ring = |z: f32, r: f32| Ring::level(at(0.0, 0.0, z), r, r, 2.0, paint);
    shape.loft(&[ring(0.0, 0.14), ring(0.5, 0.12), ring(0.55, 0.08), ring(7.7, 0.045)], 8, Caps::End);
    shape.bar(at(0.0, 0.0, 7.6), at(1.5, 0.0, 8.0), 0.04, 6, paint);
    shape.block(at(1.75, 0.0, 8.0), at(0.35, 0.13, 0.05), paint);
    shape.glowing(if lit { 4.0 } else { 0.0 }, |shape| {
        shape.block(at(1.75, 0.0, 7.94), at(0.3, 0.1, 0.02), [0.85, 0.78, 0.62]);
    });
}

/// A bus stop's shelter: 4 m along y, open ahead.
pub(super) fn shelter(shape: &mut Shape, look: Look, lit: bool) {
    let frame = look.shade("frame", &[0x4a5056, 0x2f3a44, 0x8a9096]);
    for y in [-1.9, 0.0, 1.9] {
        shape.block(at(-0.6, y, 1.2), at(0.04, 0.04, 1.2), frame);
    }
    for y in [-1.9, 1.9] {
        shape.block(at(0.55, y, 1.2), at(0.04, 0.04, 1.2), frame);
    }
    shape.block(at(0.0, 0.0, 2.45), at(0.85, 2.15, 0.06), scaled(frame, 1.2));
    shape.block(at(-0.45, 0.0, 0.45), at(0.18, 1.5, 0.03), srgb(0x9a7a54));
    // A poster and glass that is dark as what is behind it.
    let poster = look.shade("poster", &[0xd2453a, 0x2f86c9, 0xe0a526, 0x7b3f8c, 0xf0f0f0]);
    shape.glowing(if lit { 0.7 } else { 0.0 }, |shape| shape.block(at(-0.6, 1.0, 1.35), at(0.05, 0.6, 0.8), poster));
    shape.block(at(-0.6, -0.95, 1.3), at(0.01, 0.9, 0.85), [0.16, 0.19, 0.2]);
    shape.block(at(1.0, 2.6, 1.25), at(0.03, 0.03, 1.25), frame);
    shape.block(at(1.0, 2.6, 2.2), at(0.03, 0.3, 0.35), srgb(0x1f5fae));
}

/// A bench, 1.8 m along y; one sits looking ahead.
pub(super) fn bench(shape: &mut Shape, look: Look) {
    let wood = look.shade("wood", &[0x8a6a48, 0x6f5238, 0xa08560]);
    for slat in 0..4 {
        shape.block(
            at(-0.15 + 0.11 * slat as f32, 0.0, 0.45),
            at(0.045, 0.9, 0.02),
            scaled(wood, 1.0 - 0.06 * slat as f32),
        );
    }
    for slat in 0..3 {
        shape.block(at(-0.24, 0.0, 0.6 + 0.12 * slat as f32), at(0.02, 0.9, 0.045), wood);
    }
    for y in [-0.75, 0.75] {
        shape.block(at(0.0, y, 0.22), at(0.22, 0.03, 0.22), [0.06; 3]);
        shape.block(at(-0.26, y, 0.6), at(0.02, 0.03, 0.28), [0.06; 3]);
    }
}

/// A bollard 0.9 m high.
pub(super) fn bollard(shape: &mut Shape, look: Look) {
    let paint = look.shade("paint", &[0x8f9498, 0x2b2e33, 0xd8b022, 0x9a948a]);
    let ring = |z: f32, r: f32, colour: Colour| Ring::level(at(0.0, 0.0, z), r, r, 2.0, colour);
    let band = [0.75, 0.75, 0.72];
    let rings = [
        ring(0.0, 0.09, paint),
        ring(0.62, 0.09, paint),
        ring(0.62, 0.092, band),
        ring(0.74, 0.092, band),
        ring(0.74, 0.09, paint),
        ring(0.87, 0.09, paint),
        ring(0.9, 0.05, paint),
    ];
    shape.loft(&rings, 10, Caps::End);
}

/// A panel of hoarding, 2 m along y: sheet metal, or mesh wire in a frame, by its look.
pub(super) fn fence(shape: &mut Shape, look: Look) {
    if look.chance("mesh", 0.25) {
        let wire = srgb(0x4c7a55);
        for y in [-0.98, 0.98] {
            shape.bar(at(0.0, y, 0.0), at(0.0, y, 1.9), 0.03, 5, wire);
        }
        for row in 0..9 {
            let z = 0.12 + 0.21 * row as f32;
            shape.bar(at(0.0, -0.98, z), at(0.0, 0.98, z), 0.008, 3, wire);
        }
        for column in 0..13 {
            let y = -0.9 + 0.15 * column as f32;
            shape.bar(at(0.0, y, 0.12), at(0.0, y, 1.8), 0.006, 3, wire);
        }
        return;
    }
    let paint = look.shade("paint", &[0x2c6aa8, 0x3f7fb8, 0xdfe3e3, 0x4f8f6a, 0x2c6aa8]);
    shape.block(at(0.0, 0.0, 1.0), at(0.02, 1.0, 0.98), paint);
    for rib in 0..8 {
        let y = -0.875 + 0.25 * rib as f32;
        for side in [1.0, -1.0] {
            shape.panel(at(0.024 * side, y, 1.0), Vec3::X * side, (0.06, 0.96), scaled(paint, 0.82), 0.0);
        }
    }
    shape.block(at(0.0, 0.0, 0.1), at(0.05, 1.0, 0.1), srgb(0x9a958c));
    for part in 0..4 {
        let colour = if part % 2 == 0 { srgb(0xd8b022) } else { [0.02; 3] };
        shape.block(at(0.0, -0.75 + 0.5 * part as f32, 1.93), at(0.03, 0.25, 0.06), colour);
    }
}

/// A site container, 6 m along y.
pub(super) fn container(shape: &mut Shape, look: Look) {
    let paint = look.shade("paint", &[0xe2e4e2, 0x2c5f9e, 0xb8552e, 0x4a6a52, 0xd9dcd8]);
    shape.block(at(0.0, 0.0, 1.3), at(1.2, 3.0, 1.25), paint);
    for rib in 0..20 {
        let y = -2.85 + 0.3 * rib as f32;
        for side in [1.0, -1.0] {
            shape.panel(at(1.206 * side, y, 1.3), Vec3::X * side, (0.07, 1.15), scaled(paint, 0.85), 0.0);
        }
    }
    shape.panel(at(1.215, 1.6, 1.1), Vec3::X, (0.45, 1.0), scaled(paint, 0.55), 0.0);
    for y in [-1.6, 0.0] {
        shape.panel(at(1.215, y, 1.6), Vec3::X, (0.55, 0.4), [0.03, 0.035, 0.04], 0.0);
    }
    shape.block(at(0.0, 0.0, 2.58), at(1.22, 3.02, 0.05), scaled(paint, 0.7));
}

/// A traffic light 3.4 m high; it is read from ahead.
pub(super) fn traffic_light(shape: &mut Shape, look: Look) {
    shape.bar(at(0.0, 0.0, 0.0), at(0.0, 0.0, 3.4), 0.07, 8, STEEL);
    shape.block(at(0.14, 0.0, 3.0), at(0.11, 0.16, 0.45), [0.02; 3]);
    let on = look.pick("on", &[0, 2]);
    for (place, colour) in [srgb(0xd2251e), srgb(0xd8a020), srgb(0x1fae5a)].into_iter().enumerate() {
        let glow = if place == on { 1.2 } else { 0.0 };
        let dim = if place == on { colour } else { scaled(colour, 0.15) };
        let ring = |r: f32| Ring {
            at: at(0.262, 0.0, 3.28 - 0.28 * place as f32),
            u: Vec3::Y * r,
            v: Vec3::Z * r,
            power: 2.0,
            colour: dim,
        };
        let back = Ring { at: ring(0.1).at - Vec3::X * 0.02, ..ring(0.1) };
        shape.glowing(glow, |shape| shape.loft(&[back, ring(0.1)], 10, Caps::End));
    }
    shape.block(at(0.0, 0.0, 1.05), at(0.08, 0.1, 0.14), srgb(0xd8b022));
}

/// A gate, 6 m along y: two pillars, a beam with a sign, the leaves open inwards.
pub(super) fn gate(shape: &mut Shape, look: Look) {
    let wall = look.shade("wall", &[0xb8a890, 0x9a5a48, 0xcfc8bc, 0x8a8f94]);
    for y in [-3.0, 3.0] {
        shape.block(at(0.0, y, 1.9), at(0.4, 0.4, 1.9), wall);
        shape.block(at(0.0, y, 3.85), at(0.5, 0.5, 0.08), scaled(wall, 1.2));
        shape.block(at(0.0, y, 0.15), at(0.46, 0.46, 0.15), scaled(wall, 0.6));
    }
    shape.block(at(0.0, 0.0, 4.15), at(0.7, 3.9, 0.18), look.shade("roof", &[0x6a3f35, 0x4a5056, 0x7a7f84]));
    shape.block(at(0.0, 0.0, 3.65), at(0.2, 2.6, 0.3), srgb(0xd8d2c0));
    for cell in 0..6 {
        let y = -1.75 + 0.7 * cell as f32;
        shape.panel(at(0.21, y, 3.65), Vec3::X, (0.2, 0.2), srgb(0xa8261e), 0.0);
    }
    for y in [-2.55, 2.55] {
        for bar in 0..8 {
            let x = -0.3 - 0.28 * bar as f32;
            shape.bar(at(x, y, 0.1), at(x, y, 1.9), 0.02, 4, STEEL);
        }
        shape.bar(at(-0.2, y, 0.3), at(-2.4, y, 0.3), 0.025, 4, STEEL);
        shape.bar(at(-0.2, y, 1.7), at(-2.4, y, 1.7), 0.025, 4, STEEL);
    }
}

/// A litter bin 0.95 m high.
pub(super) fn bin(shape: &mut Shape, look: Look) {
    let paint = look.shade("paint", &[0x2f5f4a, 0x4a5056, 0x2c4f7c, 0x6f6a60]);
    let ring = |z: f32, r: f32, colour: Colour| Ring::level(at(0.0, 0.0, z), r, r, 3.0, colour);
    let dark = [0.015; 3];
    let rings = [
        ring(0.0, 0.22, paint),
        ring(0.68, 0.24, paint),
        ring(0.68, 0.22, dark),
        ring(0.8, 0.22, dark),
        ring(0.8, 0.26, paint),
        ring(0.92, 0.22, paint),
        ring(0.95, 0.1, paint),
    ];
    shape.loft(&rings, 12, Caps::End);
}

/// A flag on a mast 7 m high.
pub(super) fn flag(shape: &mut Shape, look: Look) {
    shape.bar(Vec3::ZERO, at(0.0, 0.0, 7.0), 0.05, 8, [0.5; 3]);
    let cloth = look.shade("cloth", &[0xc8281e, 0xc8281e, 0x1f5fae, 0x2f8a4e, 0xf0f0f0]);
    let columns = 8;
    let point = |column: usize, z: f32| {
        let part = column as f32 / columns as f32;
        let wave = 0.16 * (part * 7.0 + grain(look.0, 1, 2) * 3.0).sin() * part;
        at(1.8 * part, wave, z - 0.25 * part)
    };
    for column in 0..columns {
        let tone = scaled(cloth, 1.0 + 0.15 * grain(look.0, column as u32, 3));
        let corners = [point(column, 5.7), point(column + 1, 5.7), point(column + 1, 6.9), point(column, 6.9)];
        shape.sheet(corners, tone);
    }
}

/// A table or a cabinet of a room, 1.4 m along y.
pub(super) fn table(shape: &mut Shape, look: Look) {
    let wood = look.shade("wood", &[0xa08560, 0x6f5238, 0xd8d4cc, 0x3c3c40, 0xc8a878]);
    if look.chance("cabinet", 0.4) {
        shape.block(at(0.0, 0.0, 0.75), at(0.25, 0.5, 0.75), wood);
        for row in 0..3 {
            let z = 0.27 + 0.48 * row as f32;
            shape.panel(at(0.256, 0.0, z), Vec3::X, (0.46, 0.2), scaled(wood, 0.85), 0.0);
            shape.panel(at(0.262, 0.0, z + 0.12), Vec3::X, (0.07, 0.012), [0.3; 3], 0.0);
        }
        return;
    }
    shape.block(at(0.0, 0.0, 0.73), at(0.38, 0.7, 0.02), wood);
    for (x, y) in [(0.33, 0.64), (-0.33, 0.64), (0.33, -0.64), (-0.33, -0.64)] {
        shape.block(at(x, y, 0.36), at(0.025, 0.025, 0.36), scaled(wood, 0.5));
    }
    if look.chance("screen", 0.5) {
        shape.cuboid(at(-0.1, 0.1, 0.98), at(0.02, 0.28, 0.18), Mat3::from_rotation_z(0.3), [0.02; 3]);
        shape.block(at(-0.12, 0.1, 0.78), at(0.08, 0.1, 0.03), [0.03; 3]);
    }
}

/// Low railing, 2 m along y.
pub(super) fn railing(shape: &mut Shape, look: Look) {
    let stone = look.chance("stone", 0.4);
    let paint = if stone { srgb(0xb0aca2) } else { look.shade("paint", &[0x6f767c, 0x3f5a4a, 0xdadcd8]) };
    let thick = if stone { 0.1 } else { 0.03 };
    for y in [-0.97, 0.97] {
        shape.block(at(0.0, y, 0.55), at(thick, thick, 0.55), paint);
    }
    shape.block(at(0.0, 0.0, 1.02), at(thick * 0.8, 1.0, thick * 0.8), paint);
    shape.block(at(0.0, 0.0, 0.2), at(thick * 0.7, 1.0, thick * 0.7), paint);
    let bars = if stone { 5 } else { 12 };
    for bar in 0..bars {
        let y = -0.9 + 1.8 * (bar as f32 + 0.5) / bars as f32;
        shape.bar(at(0.0, y, 0.2), at(0.0, y, 1.0), if stone { 0.06 } else { 0.012 }, if stone { 7 } else { 4 }, paint);
    }
}

/// A box on the pavement, 1.5 m high: parcel locker, switch cabinet or kiosk by its look.
pub(super) fn cabinet(shape: &mut Shape, look: Look) {
    let paint = look.shade("paint", &[0x9aa09a, 0x7f8a84, 0xd8b84a, 0x4f7f9e, 0xb8bcb8]);
    let wide = look.between("wide", 0.5, 1.3);
    shape.block(at(0.0, 0.0, 0.05), at(0.32, wide, 0.05), [0.2; 3]);
    shape.block(at(0.0, 0.0, 0.8), at(0.3, wide, 0.72), paint);
    shape.block(at(0.02, 0.0, 1.54), at(0.36, wide + 0.05, 0.03), scaled(paint, 0.7));
    let doors = (wide * 4.0) as i32;
    for door in 0..doors {
        let y = wide * ((door as f32 + 0.5) / doors as f32 * 2.0 - 1.0);
        shape.panel(at(0.305, y, 0.8), Vec3::X, (wide / doors as f32 * 0.88, 0.62), scaled(paint, 0.88), 0.0);
        shape.panel(at(0.312, y + 0.06, 0.85), Vec3::X, (0.012, 0.06), [0.04; 3], 0.0);
    }
    if look.chance("sticker", 0.6) {
        shape.panel(
            at(0.315, 0.1, 1.15),
            Vec3::X,
            (0.16, 0.12),
            look.shade("sticker colour", &[0xf2d21a, 0xf4f4f4, 0xc83a2a]),
            0.0,
        );
    }
}
