//! Bags: suitcase, rucksack, handbag, shopping bag, holdall, parcel.

use glam::{Mat3, Vec3};

use super::{
    Mesh,
    look::{Look, scaled},
    shape::{Caps, Ring, Shape},
};

/// A bag of this length, width and height.
pub(super) fn bag(size: Vec3, look: Look, fine: bool) -> Mesh {
    let mut shape = Shape::default();
    let colour = look.shade(
        "colour",
        &[
            0x1a1a1c, 0x23262e, 0x2c3a5e, 0x7a1f24, 0x5a4632, 0xb3202a, 0x1f5fae, 0x8a8f96, 0xd76a8f, 0x3aa6a0,
            0xe0a526, 0xe8e4da,
        ],
    );
    let half = size / 2.0;
    let dark = scaled(colour, 0.55);
    let body = |shape: &mut Shape, rows: &[(f32, f32)], power: f32| {
        let rings: Vec<Ring> = rows
            .iter()
            .map(|&(z, part)| Ring::level(Vec3::Z * (z * size.z), half.x * part, half.y * part, power, colour))
            .collect();
        shape.loft(&rings, if fine { 14 } else { 8 }, Caps::Both);
    };
    let handle = |shape: &mut Shape, from: f32, to: f32, wide: f32| {
        let at = |part: f32, z: f32| Vec3::new(part * half.x * wide, 0.0, z * size.z);
        for (a, b) in [(at(-1.0, from), at(-0.6, to)), (at(-0.6, to), at(0.6, to)), (at(0.6, to), at(1.0, from))] {
            shape.bar(a, b, 0.012, 4, dark);
        }
    };
    match (look.unit("kind") * 100.0) as u32 {
        // A suitcase on wheels.
        0..35 => {
            body(&mut shape, &[(0.06, 0.92), (0.1, 1.0), (0.8, 1.0), (0.84, 0.92)], 6.0);
            handle(&mut shape, 0.84, 1.0, 0.45);
            for (x, y) in [(0.8, 0.6), (-0.8, 0.6), (0.8, -0.6), (-0.8, -0.6)] {
                shape.block(Vec3::new(x * half.x, y * half.y, 0.03 * size.z), Vec3::splat(0.02), [0.02; 3]);
            }
            for rib in [-0.5, 0.0, 0.5] {
                for side in [1.0, -1.0] {
                    let at = Vec3::new(rib * half.x, side * (half.y + 0.003), 0.45 * size.z);
                    shape.panel(at, Vec3::Y * side, (0.02, 0.33 * size.z), dark, 0.0);
                }
            }
        }
        // A rucksack.
        35..60 => {
            body(&mut shape, &[(0.0, 0.85), (0.06, 1.0), (0.6, 0.95), (0.85, 0.75), (0.95, 0.4)], 3.0);
            shape.cuboid(
                Vec3::new(0.0, half.y * 0.95, 0.27 * size.z),
                Vec3::new(0.7 * half.x, 0.35 * half.y, 0.2 * size.z),
                Mat3::IDENTITY,
                dark,
            );
            handle(&mut shape, 0.9, 1.0, 0.25);
        }
        // A handbag or a shopping bag.
        60..82 => {
            body(&mut shape, &[(0.0, 0.8), (0.04, 0.9), (0.62, 1.0), (0.64, 0.98)], 5.0);
            handle(&mut shape, 0.62, 1.0, 0.5);
        }
        // A holdall, lying.
        82..93 => {
            let ring = |x: f32, part: f32| {
                Ring::upright(
                    Vec3::new(x * half.x, 0.0, 0.42 * size.z),
                    half.y * part,
                    0.42 * size.z * part,
                    2.6,
                    colour,
                )
            };
            let rings = [ring(-1.0, 0.6), ring(-0.92, 0.95), ring(0.0, 1.0), ring(0.92, 0.95), ring(1.0, 0.6)];
            shape.loft(&rings, if fine { 12 } else { 7 }, Caps::Both);
            handle(&mut shape, 0.75, 1.0, 0.4);
        }
        // A parcel.
        _ => {
            let board = look.shade("board", &[0xb58a5a, 0xa67c4e, 0xc49a6c]);
            shape.block(Vec3::Z * half.z, half, board);
            shape.block(Vec3::Z * (half.z + 0.003), Vec3::new(half.x, 0.03, half.z), scaled(board, 1.35));
        }
    }
    shape.mesh
}
