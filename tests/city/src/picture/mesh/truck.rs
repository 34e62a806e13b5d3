//! Trucks: a cab, and behind it a box, a tipper, a tank, a flat bed under a sheet or a container.

use glam::{Mat3, Vec3};

use super::{
    Mesh,
    coach::{Axle, GLASS, HEADLAMP, Lamps, REARLAMP, TRIM, axle, plate, seam},
    look::{Colour, Look, grain, scaled},
    shape::{Caps, Ring, Shape},
};

const FRAME_M: f32 = 0.95;

/// A truck of this length, width and height.
pub(super) fn truck(size: Vec3, look: Look, lamps: Lamps, fine: bool) -> Mesh {
    let mut shape = Shape::default();
    let half = size / 2.0;
    let paint = look.shade("cab", &[0xf0f0ee, 0x1f5fae, 0xb3202a, 0x2f6f4e, 0xe0a526, 0x34506e, 0xd0d4d6, 0xe07a2c]);
    let cab_length = 1.9;
    cab(&mut shape, size, cab_length, paint, lamps, fine);
    let (from, to) = (-half.x, half.x - cab_length - 0.12);
    shape.block(Vec3::new(-0.1, 0.0, 0.75), Vec3::new(half.x - 0.25, 0.42, 0.13), [0.03; 3]);
    load(&mut shape, size, (from, to), look, fine);
    let mut axles = vec![half.x - 1.25, -half.x + 1.3];
    if size.x > 7.6 {
        axles.push(-half.x + 2.4);
    }
    for x in axles {
        let wheel = Axle { x, half_track: half.y - 0.02, radius: 0.48, width: 0.3 };
        axle(&mut shape, wheel, scaled([0.4; 3], look.between("rims", 0.4, 1.1)), look.unit("turned"), fine);
    }
    for side in [1.0, -1.0] {
        let rear = Vec3::new(-half.x - 0.006, side * half.y * 0.75, 0.72);
        shape.panel(rear, -Vec3::X, (0.2, 0.07), REARLAMP, lamps.rear_glow());
        if fine {
            // Side guard against running under.
            let guard = Vec3::new(-0.2, side * (half.y - 0.08), 0.62);
            shape.block(guard, Vec3::new(size.x * 0.13, 0.02, 0.12), [0.12; 3]);
        }
    }
    plate(&mut shape, look, Vec3::new(half.x + 0.02, 0.0, 0.55), Vec3::X);
    plate(&mut shape, look, Vec3::new(-half.x - 0.01, 0.0, 0.75), -Vec3::X);
    shape.mesh
}

fn cab(shape: &mut Shape, size: Vec3, length: f32, paint: Colour, lamps: Lamps, fine: bool) {
    let half = size / 2.0;
    let top = (size.z * 0.86).min(2.75);
    let wide = half.y * 0.96;
    let (rear, front) = (half.x - length, half.x);
    let ring = |x: f32, low: f32, high: f32, part: f32| {
        Ring::upright(Vec3::new(x, 0.0, (low + high) / 2.0), wide * part, (high - low) / 2.0, 8.0, paint)
    };
    let rings = [
        ring(rear, 0.6, top - 0.05, 0.97),
        ring(rear + 0.1, 0.5, top, 1.0),
        ring(front - 0.45, 0.5, top, 1.0),
        ring(front - 0.2, 0.5, top - 0.25, 0.99),
        ring(front - 0.04, 0.5, top * 0.58, 0.97),
        ring(front, 0.55, top * 0.5, 0.92),
    ];
    shape.loft_painted(&rings, if fine { 20 } else { 8 }, Caps::Both, |_, turn, colour| {
        let up = (turn * std::f32::consts::TAU).sin();
        if up < -0.8 { TRIM } else { scaled(colour, 0.95 + 0.06 * up) }
    });
    // The windscreen lies on the slope between its lower edge at the front and its upper edge at the roof.
    let (low, high) = (Vec3::new(front + 0.005, 0.0, top * 0.55), Vec3::new(front - 0.26, 0.0, top * 0.9));
    let across = Vec3::Y * (wide * 0.86);
    let out = Vec3::new(0.03, 0.0, 0.02);
    shape.quad(
        [low - across + out, low + across + out, high + across + out, high - across + out],
        scaled(GLASS, 1.8),
        0.0,
    );
    shape.panel(Vec3::new(front + 0.012, 0.0, top * 0.40), Vec3::X, (wide * 0.6, 0.14), TRIM, 0.0);
    shape.panel(Vec3::new(front + 0.012, 0.0, 0.62), Vec3::X, (wide * 0.9, 0.08), scaled(paint, 0.4), 0.0);
    for side in [1.0, -1.0] {
        let y = side * (wide + 0.008);
        let window = Vec3::new(front - 0.82, y, top * 0.71);
        shape.panel(window, Vec3::Y * side, (0.45, top * 0.13), GLASS, 0.0);
        shape.panel(
            Vec3::new(front + 0.02, side * wide * 0.75, 0.78),
            Vec3::X,
            (0.17, 0.09),
            HEADLAMP,
            lamps.head_glow(),
        );
        shape.block(Vec3::new(front - 0.1, side * (wide + 0.16), top * 0.74), Vec3::new(0.05, 0.1, 0.2), TRIM);
        if fine {
            seam(shape, front - 0.32, y, (0.7, top * 0.85));
            seam(shape, front - 1.32, y, (0.7, top * 0.85));
        }
    }
}

fn load(shape: &mut Shape, size: Vec3, (from, to): (f32, f32), look: Look, fine: bool) {
    let half_y = size.y / 2.0;
    let middle = (from + to) / 2.0;
    let half_x = (to - from) / 2.0;
    let colour = look.shade("load", &[0xeceff0, 0xd8dcdc, 0x2f5f9e, 0xb8432e, 0x3c6b50, 0xd9a62e, 0x7d8288, 0xf2f2f2]);
    let block = |shape: &mut Shape, low: f32, high: f32, wide: f32, colour: Colour| {
        shape.block(
            Vec3::new(middle, 0.0, (low + high) / 2.0),
            Vec3::new(half_x, half_y * wide, (high - low) / 2.0),
            colour,
        );
    };
    match (look.unit("load kind") * 100.0) as u32 {
        // Box.
        0..40 => {
            block(shape, FRAME_M, size.z, 1.0, colour);
            let band = scaled(look.shade("band", &[0x1f5fae, 0xb3202a, 0x2f8a4e, 0xe0a526]), 1.0);
            for side in [1.0, -1.0] {
                let y = side * (half_y + 0.006);
                shape.panel(Vec3::new(middle, y, size.z * 0.62), Vec3::Y * side, (half_x * 0.7, 0.25), band, 0.0);
                shape.panel(Vec3::new(middle, y, FRAME_M + 0.06), Vec3::Y * side, (half_x, 0.05), [0.2; 3], 0.0);
            }
            seam_across(shape, from - 0.006, (FRAME_M, size.z - 0.05));
        }
        // Container with corrugated sides.
        40..58 => {
            block(shape, FRAME_M, size.z, 0.97, colour);
            let ribs = if fine { (half_x * 5.0) as i32 } else { 4 };
            for rib in 0..ribs {
                let x = from + (rib as f32 + 0.5) * 2.0 * half_x / ribs as f32;
                for side in [1.0, -1.0] {
                    let at = Vec3::new(x, side * (half_y * 0.97 + 0.006), (FRAME_M + size.z) / 2.0);
                    shape.panel(
                        at,
                        Vec3::Y * side,
                        (half_x / ribs as f32 * 0.4, (size.z - FRAME_M) * 0.46),
                        scaled(colour, 0.6),
                        0.0,
                    );
                }
            }
            seam_across(shape, from - 0.006, (FRAME_M, size.z - 0.05));
        }
        // Tipper with a heap.
        58..78 => {
            let top = size.z * 0.72;
            block(shape, FRAME_M, top, 1.0, colour);
            let sand = scaled([0.22, 0.15, 0.09], look.between("sand", 0.6, 1.4));
            let at = Vec3::new(middle, 0.0, top);
            shape.ellipsoid(
                at,
                Vec3::new(half_x * 0.95, half_y * 0.92, size.z * 0.17),
                Mat3::IDENTITY,
                (12, 8),
                |way| scaled(sand, 1.0 + 0.2 * grain(look.0, (way.x * 9.0) as i32 as u32, (way.y * 9.0) as i32 as u32)),
            );
            for rib in 0..5 {
                let x = from + (rib as f32 + 0.5) * half_x * 0.4;
                for side in [1.0, -1.0] {
                    let at = Vec3::new(x, side * half_y, (FRAME_M + top) / 2.0);
                    shape.block(at, Vec3::new(0.05, 0.04, (top - FRAME_M) / 2.0), scaled(colour, 0.75));
                }
            }
        }
        // Tank.
        78..88 => {
            let (radius, z) = (half_y * 0.9, FRAME_M + half_y * 0.75);
            let ring = |x: f32, part: f32| {
                Ring::upright(Vec3::new(x, 0.0, z), radius * part, half_y * 0.78 * part, 2.3, colour)
            };
            let rings = [
                ring(from, 0.7),
                ring(from + 0.12, 0.97),
                ring(from + 0.3, 1.0),
                ring(to - 0.3, 1.0),
                ring(to - 0.12, 0.97),
                ring(to, 0.7),
            ];
            shape.loft(&rings, if fine { 16 } else { 8 }, Caps::Both);
        }
        // Flat bed with something under a sheet.
        _ => {
            block(shape, FRAME_M, FRAME_M + 0.55, 1.0, scaled(colour, 0.7));
            let sheet = look.shade("sheet", &[0x2a4a3a, 0x2c4f7c, 0x5a5d5f, 0x8c6a3a]);
            let ring = |x: f32, high: f32| {
                Ring::upright(Vec3::new(x, 0.0, FRAME_M + 0.5 + high / 2.0), half_y * 0.95, high / 2.0, 4.0, sheet)
            };
            let rest = size.z - FRAME_M - 0.5;
            let rings = [
                ring(from + 0.05, rest * 0.75),
                ring(from + half_x * 0.7, rest),
                ring(middle, rest * 0.85),
                ring(to - 0.1, rest * 0.95),
            ];
            shape.loft_painted(&rings, 12, Caps::Both, |row, turn, colour| {
                scaled(colour, 1.0 + 0.2 * grain(look.0, row as u32, (turn * 12.0) as u32))
            });
        }
    }
}

fn seam_across(shape: &mut Shape, x: f32, (low, high): (f32, f32)) {
    let at = Vec3::new(x, 0.0, (low + high) / 2.0);
    shape.panel(at, -Vec3::X, (0.015, (high - low) / 2.0), [0.02; 3], 0.0);
    for y in [-0.5, 0.5] {
        shape.panel(at + Vec3::Y * y, -Vec3::X, (0.02, (high - low) / 2.2), [0.25; 3], 0.0);
    }
}
