//! Somebody on a bicycle or on a motor scooter, with it.

use glam::{Affine3A, Mat3, Vec3};

use super::{
    Mesh,
    clothes::{Hat, Wardrobe},
    coach::{HEADLAMP, Lamps, REARLAMP},
    figure::figure,
    gait::{FOREARM, SHANK, SIDES, Skeleton, THIGH, UPPER_ARM, joint_between},
    look::{Colour, Look, scaled, srgb},
    shape::{Caps, Ring, Shape},
};

/// Where the rider touches the machine, metres; the wheels touch the ground at z = 0.
struct Seat {
    saddle: Vec3,
    grip: Vec3,
    lean_rad: [f32; 2],
}

/// A rider with the machine, this high; `phase` turns pedals and wheels.
pub(super) fn cyclist(size: Vec3, look: Look, phase: f32, lamps: Lamps, fine: bool) -> Mesh {
    let mut worn = Wardrobe::of(look);
    // Nobody rides in a coat or a long dress.
    worn.upper.hem = worn.upper.hem.min(0.05);
    if worn.lower.length < 0.1 {
        worn.lower.length = 0.96;
        worn.lower.skirt = None;
    }
    let scooter = look.chance("scooter", 0.55);
    worn.hat = match worn.hat {
        _ if look.chance("rides with helmet", if scooter { 0.6 } else { 0.2 }) => Hat::Helmet,
        Hat::Brimmed => Hat::None,
        hat => hat,
    };
    let mut shape = Shape::default();
    let stature = if worn.female { 1.62 } else { 1.7 };
    let body = if scooter {
        on_scooter(&mut shape, stature, look, worn.female, lamps, phase, fine)
    } else {
        on_bicycle(&mut shape, stature, look, worn.female, phase, fine)
    };
    figure(&mut shape, &body, &worn, fine);
    // As high as this actor is said to be.
    let high = shape.mesh.vertices.iter().fold(0.1f32, |high, vertex| high.max(vertex.at.z));
    let mut whole = Shape::default();
    whole.add(&shape.mesh, Affine3A::from_scale(Vec3::splat(size.z / high)));
    whole.mesh
}

fn seated(stature: f32, female: bool, seat: &Seat, feet: [Vec3; 2]) -> Skeleton {
    let mut body = Skeleton::trunk(stature, female, seat.lean_rad, 0.0);
    body.shift(seat.saddle + Vec3::Z * (0.055 * stature) - body.pelvis);
    for side in 0..2 {
        let sign = SIDES[side];
        body.ankles[side] = feet[side];
        let out = Vec3::new(1.0, 0.12 * sign, 0.3);
        body.knees[side] = joint_between(body.hips[side], feet[side], THIGH * stature, SHANK * stature, out);
        body.feet_rad[side] = -0.1;
        let grip = seat.grip * Vec3::new(1.0, sign, 1.0) - Vec3::X * 0.06;
        let elbow_to = Vec3::new(-0.5, 0.8 * sign, -0.7);
        body.elbows[side] = joint_between(body.shoulders[side], grip, UPPER_ARM * stature, FOREARM * stature, elbow_to);
        // A grip out of reach is not touched.
        let way = (grip - body.elbows[side]).normalize_or(Vec3::X);
        body.wrists[side] = body.elbows[side] + way * (FOREARM * stature);
    }
    body.head_axes = Mat3::from_rotation_y(seat.lean_rad[1] * 0.25 + 0.05);
    body
}

/// A thin wheel one can see through.
fn spoked(shape: &mut Shape, centre: Vec3, radius: f32, thick: f32, phase: f32, fine: bool) {
    let parts = if fine { 18 } else { 7 };
    let point = |part: f32, radius: f32| {
        let (sine, cosine) = ((part - phase) * std::f32::consts::TAU).sin_cos();
        centre + Vec3::new(cosine, 0.0, sine) * radius
    };
    for part in 0..parts {
        let (a, b) = (part as f32 / parts as f32, (part + 1) as f32 / parts as f32);
        let across = Vec3::Y * thick;
        let [ao, bo, ai, bi] =
            [point(a, radius), point(b, radius), point(a, radius - 2.2 * thick), point(b, radius - 2.2 * thick)];
        let tyre = [0.015; 3];
        shape.quad([ai + across, bi + across, bo + across, ao + across].map(|p| p - across * 0.2), tyre, 0.0);
        shape.quad([ao - across, bo - across, bi - across, ai - across].map(|p| p + across * 0.2), tyre, 0.0);
        shape.quad([ao + across, bo + across, bo - across, ao - across], tyre, 0.0);
        if fine && part % 2 == 0 {
            shape.bar(centre, ai, 0.004, 3, [0.25; 3]);
        }
    }
}

fn on_bicycle(shape: &mut Shape, stature: f32, look: Look, female: bool, phase: f32, fine: bool) -> Skeleton {
    let frame: Colour =
        look.shade("frame", &[0x1a1a1c, 0xb3202a, 0x1f5fae, 0x2f8a4e, 0xe0e0e0, 0xf0a020, 0x35b0c8, 0xe6c81e]);
    let radius = 0.33;
    let (rear, front) = (Vec3::new(-0.52, 0.0, radius), Vec3::new(0.54, 0.0, radius));
    let crank = Vec3::new(-0.06, 0.0, 0.29);
    let saddle = Vec3::new(-0.24, 0.0, 0.56 + 0.21 * stature);
    let head = Vec3::new(0.34, 0.0, 0.88);
    let seat = Seat { saddle, grip: Vec3::new(0.32, 0.26, 1.04), lean_rad: [0.2, look.between("bow", 0.2, 0.5)] };
    // Some wheel turns make one turn of the pedals.
    for centre in [rear, front] {
        spoked(shape, centre, radius, 0.02, phase * 2.5, fine);
    }
    let sides = if fine { 6 } else { 3 };
    let seat_tube = crank + (saddle - crank) * 0.8;
    let tubes = [
        (crank, saddle, 0.018),
        (crank, head, 0.022),
        (seat_tube, head, 0.02),
        (crank, rear, 0.014),
        (seat_tube, rear, 0.012),
        (head, front, 0.016),
        (head, Vec3::new(0.3, 0.0, 1.03), 0.016),
        (Vec3::new(0.3, 0.29, 1.04), Vec3::new(0.3, -0.29, 1.04), 0.014),
    ];
    for (from, to, radius) in tubes {
        shape.bar(from, to, radius, sides, frame);
    }
    shape.ellipsoid(saddle - Vec3::X * 0.02, Vec3::new(0.13, 0.07, 0.03), Mat3::IDENTITY, (8, 4), |_| [0.02; 3]);
    if look.chance("basket", 0.5) {
        shape.block(Vec3::new(0.5, 0.0, 0.86), Vec3::new(0.13, 0.17, 0.11), [0.12; 3]);
    }
    for (wheel, from, to) in [(rear, 0.1, 0.42), (front, 0.12, 0.38)] {
        mudguard(shape, wheel, radius + 0.025, (from, to), frame, fine);
    }
    let feet = [0, 1].map(|side| {
        // The pedals turn forwards: at the top they go ahead.
        let angle = -(phase + 0.5 * side as f32) * std::f32::consts::TAU;
        let pedal = crank + Vec3::new(angle.cos(), 0.0, angle.sin()) * 0.17 + Vec3::Y * (SIDES[side] * 0.11);
        if fine {
            shape.bar(crank + Vec3::Y * (SIDES[side] * 0.07), pedal, 0.012, 4, [0.2; 3]);
            shape.block(pedal, Vec3::new(0.05, 0.045, 0.012), [0.03; 3]);
        }
        pedal + Vec3::new(-0.09, 0.0, 0.09)
    });
    seated(stature, female, &seat, feet)
}

fn mudguard(shape: &mut Shape, centre: Vec3, radius: f32, (from, to): (f32, f32), colour: Colour, fine: bool) {
    let parts = if fine { 6 } else { 2 };
    let point = |part: f32, y: f32| {
        let (sine, cosine) = ((from + (to - from) * part) * std::f32::consts::TAU).sin_cos();
        centre + Vec3::new(cosine * radius, y, sine * radius)
    };
    for part in 0..parts {
        let (a, b) = (part as f32 / parts as f32, (part + 1) as f32 / parts as f32);
        shape.sheet([point(a, 0.03), point(b, 0.03), point(b, -0.03), point(a, -0.03)], colour);
    }
}

fn on_scooter(
    shape: &mut Shape,
    stature: f32,
    look: Look,
    female: bool,
    lamps: Lamps,
    phase: f32,
    fine: bool,
) -> Skeleton {
    let paint: Colour = look
        .shade("paint", &[0x17181b, 0xf0f0ee, 0xb3202a, 0x1f5fae, 0x9aa0a6, 0xe0a526, 0x3aa6a0, 0xd77fa0, 0x3b4a3e]);
    let radius = 0.23;
    let (rear, front) = (Vec3::new(-0.56, 0.0, radius), Vec3::new(0.6, 0.0, radius));
    let sides = if fine { 14 } else { 7 };
    for centre in [rear, front] {
        if fine {
            shape.wheel(centre, radius, 0.11, phase, sides, [0.3; 3]);
        } else {
            shape.bar(centre - Vec3::Y * 0.05, centre + Vec3::Y * 0.05, radius, sides, [0.02; 3]);
        }
    }
    // The body from the tail to the foot board, rings along x: place, height of the middle, half width, half height.
    let hull = |rows: &[[f32; 4]]| -> Vec<Ring> {
        rows.iter().map(|&[x, z, wide, high]| Ring::upright(Vec3::new(x, 0.0, z), wide, high, 3.0, paint)).collect()
    };
    let skin = |_: usize, turn: f32, colour: Colour| if (turn - 0.75).abs() < 0.14 { [0.02; 3] } else { colour };
    let tail = hull(&[
        [-0.88, 0.62, 0.05, 0.06],
        [-0.75, 0.58, 0.12, 0.13],
        [-0.5, 0.53, 0.16, 0.18],
        [-0.2, 0.46, 0.17, 0.2],
        [-0.1, 0.36, 0.16, 0.14],
    ]);
    shape.loft_painted(&tail, if fine { 12 } else { 6 }, Caps::Both, skin);
    let board = hull(&[[-0.12, 0.27, 0.16, 0.07], [0.3, 0.27, 0.15, 0.06], [0.42, 0.34, 0.13, 0.12]]);
    shape.loft_painted(&board, if fine { 10 } else { 5 }, Caps::Both, |_, turn, colour| {
        if (turn - 0.25).abs() < 0.12 { [0.03; 3] } else { skin(0, turn, colour) }
    });
    // The shield before the legs, up to the handlebars.
    let shield: Vec<Ring> = [[0.46, 0.3, 0.14], [0.43, 0.6, 0.2], [0.38, 0.85, 0.17], [0.34, 1.0, 0.12]]
        .map(|[x, z, wide]| Ring { power: 3.0, ..Ring::level(Vec3::new(x, 0.0, z), 0.06, wide, 3.0, paint) })
        .to_vec();
    shape.loft(&shield, if fine { 12 } else { 6 }, Caps::Both);
    shape.bar(Vec3::new(0.44, 0.0, 0.55), front, 0.035, 5, [0.08; 3]);
    mudguard(shape, front, radius + 0.03, (0.08, 0.42), paint, fine);
    shape.bar(Vec3::new(0.3, 0.3, 1.03), Vec3::new(0.3, -0.3, 1.03), 0.016, 5, [0.03; 3]);
    shape.ellipsoid(Vec3::new(-0.35, 0.0, 0.72), Vec3::new(0.36, 0.14, 0.06), Mat3::IDENTITY, (10, 5), |_| [0.02; 3]);
    shape.glowing(lamps.head_glow(), |shape| {
        shape.ellipsoid(Vec3::new(0.46, 0.0, 0.84), Vec3::new(0.04, 0.08, 0.06), Mat3::IDENTITY, (7, 4), |_| HEADLAMP);
    });
    shape.glowing(lamps.rear_glow(), |shape| {
        shape.ellipsoid(Vec3::new(-0.88, 0.0, 0.62), Vec3::new(0.03, 0.07, 0.04), Mat3::IDENTITY, (6, 3), |_| REARLAMP);
    });
    if fine {
        for side in SIDES {
            shape.bar(Vec3::new(0.3, 0.2 * side, 1.04), Vec3::new(0.24, 0.3 * side, 1.2), 0.006, 3, [0.03; 3]);
            shape.block(Vec3::new(0.24, 0.32 * side, 1.23), Vec3::new(0.01, 0.06, 0.04), [0.03; 3]);
        }
    }
    if look.chance("delivers", 0.35) {
        let colour = look.shade("case", &[0x1f7fd0, 0xf2c21a, 0xd23b2a, 0x2b2b2e]);
        let axes = Mat3::IDENTITY;
        shape.cuboid(Vec3::new(-0.72, 0.0, 0.98), Vec3::new(0.21, 0.22, 0.21), axes, colour);
        shape.panel(Vec3::new(-0.932, 0.0, 0.98), -Vec3::X, (0.13, 0.07), scaled(srgb(0xf4f4f4), 0.9), 0.0);
    }
    let seat = Seat {
        saddle: Vec3::new(-0.28, 0.0, 0.76),
        grip: Vec3::new(0.3, 0.27, 1.05),
        lean_rad: [-0.05, look.between("bow", 0.05, 0.2)],
    };
    let feet = SIDES.map(|side| Vec3::new(0.18, 0.1 * side, 0.41));
    seated(stature, female, &seat, feet)
}
