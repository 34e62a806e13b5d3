//! City buses.

use glam::Vec3;

use super::{
    Mesh,
    coach::{Axle, GLASS, HEADLAMP, Lamps, REARLAMP, TRIM, axle, plate, seam},
    look::{Colour, Look, scaled, srgb},
    shape::{Caps, Ring, Shape},
};

const DISPLAY: Colour = [0.7, 0.28, 0.03];
const FLOOR_M: f32 = 0.32;

/// A bus of this length, width and height.
pub(super) fn bus(size: Vec3, look: Look, lamps: Lamps, fine: bool) -> Mesh {
    let paint = look.shade("paint", &[0xd8dcd8, 0x1f5fae, 0x2f8a4e, 0xb3202a, 0xe0a526, 0x3aa6a0, 0xf0f0ee, 0xe07a2c]);
    let stripe = look.shade("stripe", &[0xf0f0f0, 0x1f5fae, 0x2f8a4e, 0xb3202a, 0xf2c21a, 0x1a2a4a]);
    let mut shape = Shape::default();
    let half = size / 2.0;
    let roof = size.z - 0.14;
    let middle = (roof + FLOOR_M) / 2.0;
    let ring = |x: f32, part: f32, drop: f32| {
        let at = Vec3::new(x, 0.0, middle - drop / 2.0);
        Ring::upright(at, half.y * part, (roof - FLOOR_M - drop) / 2.0, 9.0, paint)
    };
    let rings = [
        ring(-half.x, 0.93, 0.12),
        ring(-half.x + 0.08, 1.0, 0.0),
        ring(half.x - 0.3, 1.0, 0.0),
        ring(half.x - 0.06, 0.96, 0.06),
        ring(half.x, 0.88, 0.25),
    ];
    shape.loft_painted(&rings, if fine { 20 } else { 8 }, Caps::Both, |_, turn, colour| {
        let up = (turn * std::f32::consts::TAU).sin();
        if up < -0.8 { TRIM } else { scaled(colour, 0.95 + 0.05 * up) }
    });
    for side in [1.0, -1.0] {
        one_side(&mut shape, size, side, paint, stripe, lamps, fine);
    }
    for x in [-half.x + 2.6, half.x - 2.4] {
        let wheel = Axle { x, half_track: half.y - 0.005, radius: 0.47, width: 0.28 };
        axle(&mut shape, wheel, [0.35; 3], look.unit("turned"), fine);
    }
    front(&mut shape, size, paint, look, lamps);
    rear(&mut shape, size, paint, look, lamps);
    if fine {
        advertisement(&mut shape, size, look);
    }
    for x in [-0.25, 0.2] {
        shape.block(Vec3::new(x * size.x, 0.0, size.z - 0.09), Vec3::new(1.0, 0.75, 0.09), [0.55; 3]);
    }
    shape.mesh
}

fn one_side(shape: &mut Shape, size: Vec3, side: f32, paint: Colour, stripe: Colour, lamps: Lamps, fine: bool) {
    let (half, facing) = (size / 2.0, Vec3::Y * side);
    let y = side * (half.y + 0.006);
    let (sill, head) = (size.z * 0.42, size.z * 0.80);
    // By night one sees into the lit inside.
    let glow = if lamps.lit { 0.12 } else { 0.0 };
    let glass = if lamps.lit { [0.75, 0.75, 0.68] } else { GLASS };
    let (from, to) = (-half.x + 0.35, half.x - 0.75);
    let panes = if fine { (size.x / 1.5) as usize } else { 3 };
    let width = (to - from) / panes as f32;
    shape.panel(
        Vec3::new((from + to) / 2.0, y, (sill + head) / 2.0),
        facing,
        ((to - from) / 2.0, (head - sill) / 2.0),
        TRIM,
        0.0,
    );
    for pane in 0..panes {
        let x = from + width * (pane as f32 + 0.5);
        // Doors are on the right: before the front axle and in the middle.
        let door = side < 0.0 && (pane + 1 == panes || pane == panes / 2);
        let low = if door { FLOOR_M + 0.12 } else { sill + 0.06 };
        let centre = Vec3::new(x, y + side * 0.006, (low + head - 0.05) / 2.0);
        if door {
            shape.panel(centre, facing, (width / 2.0 - 0.02, (head - low) / 2.0), TRIM, 0.0);
            for leaf in [-0.25, 0.25] {
                let at = centre + Vec3::new(leaf * width, side * 0.006, 0.0);
                shape.panel(at, facing, (width * 0.19, (head - low) / 2.0 - 0.12), scaled(glass, 1.4), glow);
            }
        } else {
            let (wide, high) = (width / 2.0 - 0.045, (head - 0.05 - low) / 2.0);
            shape.panel(centre, facing, (wide, high), glass, glow);
            let upper = centre + Vec3::new(0.0, side * 0.004, high * 0.5);
            shape.panel(upper, facing, (wide, high * 0.5), scaled(glass, 1.9), glow);
        }
    }
    let length = half.x - 0.4;
    shape.panel(Vec3::new(-0.1, y, sill - 0.16), facing, (length, 0.09), stripe, 0.0);
    if fine {
        shape.panel(Vec3::new(-0.1, y, FLOOR_M + 0.16), facing, (length, 0.1), scaled(paint, 0.35), 0.0);
        for x in [-0.3, -0.1, 0.1, 0.28] {
            seam(shape, x * size.x, y, (FLOOR_M + 0.1, sill - 0.3));
        }
    }
}

/// A picture along the side below the windows.
fn advertisement(shape: &mut Shape, size: Vec3, look: Look) {
    if look.chance("no advertisement", 0.35) {
        return;
    }
    let ground = look.shade("poster", &[0xd2453a, 0x2f86c9, 0xe0a526, 0xf0f0f0, 0x7b3f8c]);
    let ink = look.shade("ink", &[0xffffff, 0x1a1a2a, 0xf2d21a]);
    for side in [1.0, -1.0] {
        let middle = Vec3::new(-0.3, side * (size.y / 2.0 + 0.012), size.z * 0.27);
        let facing = Vec3::Y * side;
        shape.panel(middle, facing, (size.x * 0.2, size.z * 0.075), ground, 0.0);
        for letter in 0..5 {
            let x = (letter as f32 - 2.0) * size.x * 0.07;
            let at = middle + Vec3::new(x, side * 0.004, 0.0);
            shape.panel(at, facing, (size.x * 0.022, size.z * 0.04), ink, 0.0);
        }
    }
}

fn front(shape: &mut Shape, size: Vec3, paint: Colour, look: Look, lamps: Lamps) {
    let half = size / 2.0;
    let (x, facing) = (half.x + 0.008, Vec3::X);
    let wide = half.y * 0.82;
    shape.panel(Vec3::new(x, 0.0, size.z * 0.545), facing, (wide, size.z * 0.19), scaled(GLASS, 1.6), 0.0);
    shape.panel(Vec3::new(x, 0.0, size.z * 0.80), facing, (wide, size.z * 0.06), TRIM, 0.0);
    let text = if lamps.lit { 0.9 } else { 0.35 };
    for cell in 0..7 {
        if cell != 2 {
            let y = (cell as f32 - 3.0) * 0.2;
            shape.panel(Vec3::new(x + 0.006, y, size.z * 0.80), facing, (0.07, 0.1), DISPLAY, text);
        }
    }
    for side in [1.0, -1.0] {
        let at = Vec3::new(x + 0.004, side * wide * 0.8, size.z * 0.24);
        shape.panel(at, facing, (0.2, 0.1), HEADLAMP, lamps.head_glow());
        let mirror = Vec3::new(half.x + 0.15, side * (half.y + 0.12), size.z * 0.68);
        shape.block(mirror, Vec3::new(0.06, 0.1, 0.2), TRIM);
    }
    shape.panel(Vec3::new(x, 0.0, FLOOR_M + 0.12), facing, (wide, 0.09), scaled(paint, 0.3), 0.0);
    plate(shape, look, Vec3::new(x + 0.01, 0.0, size.z * 0.2), facing);
}

fn rear(shape: &mut Shape, size: Vec3, paint: Colour, look: Look, lamps: Lamps) {
    let half = size / 2.0;
    let (x, facing) = (-half.x - 0.008, -Vec3::X);
    shape.panel(Vec3::new(x, 0.0, size.z * 0.66), facing, (half.y * 0.75, size.z * 0.11), GLASS, 0.0);
    shape.panel(Vec3::new(x, 0.0, size.z * 0.36), facing, (half.y * 0.6, size.z * 0.1), scaled(paint, 0.5), 0.0);
    for side in [1.0, -1.0] {
        let at = Vec3::new(x - 0.004, side * half.y * 0.8, size.z * 0.36);
        shape.panel(at, facing, (0.09, 0.26), REARLAMP, lamps.rear_glow());
    }
    shape.panel(Vec3::new(x - 0.004, 0.0, size.z * 0.84), facing, (0.35, 0.09), srgb(0x201810), 0.0);
    plate(shape, look, Vec3::new(x - 0.01, 0.0, size.z * 0.2), facing);
}
