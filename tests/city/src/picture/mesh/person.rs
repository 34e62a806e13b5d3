//! Somebody on foot: body, clothes, what hangs from the shoulders, an umbrella in the rain.

use glam::{Mat3, Vec3};

use super::{
    Mesh,
    clothes::{Hat, Wardrobe},
    figure::figure,
    gait::{Pace, Skeleton},
    look::{Colour, Look, scaled},
    shape::{Caps, Ring, Shape},
};
use crate::world::Pose;

/// Part of the people who have an umbrella with them when it rains.
const UMBRELLAS: f32 = 0.6;

/// Somebody of this stature.
pub(super) fn person(stature_m: f32, look: Look, pose: Pose, pace: Pace, rain: bool, fine: bool) -> Mesh {
    let worn = Wardrobe::of(look);
    // A hat is part of the stature.
    let bare = stature_m * if worn.hat == Hat::None { 1.0 } else { 0.985 };
    let mut body = Skeleton::on_foot(bare, look, worn.female, pose, pace);
    let umbrella = rain && look.chance("umbrella", UMBRELLAS) && !matches!(pose, Pose::Bend { .. });
    if umbrella {
        hold_up(&mut body);
    }
    let mut shape = Shape::default();
    figure(&mut shape, &body, &worn, fine);
    if let Some(colour) = worn.backpack {
        backpack(&mut shape, &body, colour, worn.upper.bulk, fine);
    } else if let Some(colour) = worn.shoulder_bag {
        shoulder_bag(&mut shape, &body, &worn, colour, fine);
    }
    if umbrella {
        open_umbrella(&mut shape, &body, worn.umbrella, fine);
    }
    shape.mesh
}

/// The right hand before the chest.
fn hold_up(body: &mut Skeleton) {
    let h = body.stature_m;
    let shoulder = body.shoulders[1];
    body.elbows[1] = shoulder + Vec3::new(0.03, -0.04, -0.17) * h;
    body.wrists[1] = body.elbows[1] + Vec3::new(0.09, 0.03, 0.12) * h;
}

fn open_umbrella(shape: &mut Shape, body: &Skeleton, colour: Colour, fine: bool) {
    let h = body.stature_m;
    let hand = body.wrists[1];
    let top = Vec3::new(hand.x * 0.5, hand.y * 0.5, body.pelvis.z + 0.62 * h);
    shape.bar(hand - Vec3::Z * 0.1, top, 0.008, 4, [0.1; 3]);
    let ribs = 8;
    let ring = |drop: f32, radius: f32, colour: Colour| Ring::level(top - Vec3::Z * drop, radius, radius, 2.0, colour);
    let outside = [ring(0.24, 0.5, colour), ring(0.15, 0.4, colour), ring(0.04, 0.2, colour), ring(0.0, 0.01, colour)];
    shape.loft_painted(&outside, ribs, Caps::None, |_, turn, colour| {
        scaled(colour, if ((turn * ribs as f32) as u32).is_multiple_of(2) { 1.0 } else { 0.85 })
    });
    if fine {
        let dark = scaled(colour, 0.4);
        let inside = [ring(0.05, 0.01, dark), ring(0.16, 0.395, dark), ring(0.245, 0.495, dark)];
        shape.inside_out(|shape| shape.loft(&inside, ribs, Caps::None));
    }
}

fn backpack(shape: &mut Shape, body: &Skeleton, colour: Colour, bulk: f32, fine: bool) {
    let h = body.stature_m;
    let ring = |height: f32, deep: f32, wide: f32, colour: Colour| {
        let (at, axes) = body.spine(height);
        let behind = at - axes.x_axis * (h * (0.058 * bulk + deep));
        let mut ring = Ring::new(behind, axes.x_axis * (deep * h), axes.y_axis * (wide * h), colour);
        ring.power = 3.5;
        ring
    };
    let pocket = scaled(colour, 0.75);
    let rings = [
        ring(0.075, 0.03, 0.06, pocket),
        ring(0.085, 0.045, 0.075, pocket),
        ring(0.16, 0.047, 0.077, pocket),
        ring(0.165, 0.042, 0.077, colour),
        ring(0.25, 0.038, 0.07, colour),
        ring(0.28, 0.022, 0.055, colour),
    ];
    shape.loft(&rings, if fine { 10 } else { 4 }, Caps::Both);
    if fine {
        for side in [1.0, -1.0] {
            let point = |height: f32, ahead: f32| {
                let (at, axes) = body.spine(height);
                at + axes.x_axis * (ahead * h * bulk) + axes.y_axis * (0.055 * side * h)
            };
            let strap = [point(0.302, 0.0), point(0.27, 0.06), point(0.19, 0.073), point(0.12, 0.062)];
            for pair in strap.windows(2) {
                shape.bar(pair[0], pair[1], 0.014, 4, scaled(colour, 0.7));
            }
        }
    }
}

fn shoulder_bag(shape: &mut Shape, body: &Skeleton, worn: &Wardrobe, colour: Colour, fine: bool) {
    let h = body.stature_m;
    let (hip, axes) = body.spine(0.02);
    let side = if worn.seed.is_multiple_of(2) { 1.0 } else { -1.0 };
    let centre = hip + axes.y_axis * (side * 0.135 * h * worn.build) - axes.x_axis * (0.02 * h);
    shape.cuboid(centre, Vec3::new(0.085, 0.025, 0.065) * h, Mat3::from_rotation_y(0.05), colour);
    if fine {
        let (chest, up) = body.spine(0.3);
        // Across the chest or down from the same shoulder.
        let over = if worn.seed % 4 < 2 { -side } else { side };
        for ahead in [0.066, -0.062] {
            let shoulder = chest + up.y_axis * (over * 0.06 * h);
            let (breast, way) = body.spine(0.18);
            let middle =
                breast + way.x_axis * (ahead * 1.12 * h * worn.upper.bulk) + way.y_axis * ((over + side) * 0.05 * h);
            shape.bar(shoulder, middle, 0.011, 4, scaled(colour, 0.8));
            shape.bar(middle, centre + Vec3::new(ahead * 0.6 * h, 0.0, 0.06 * h), 0.011, 4, scaled(colour, 0.8));
        }
    }
}
