//! Head, face, hair and what is worn on it.

use glam::{Mat3, Vec3};

use super::{
    clothes::{Hair, Hat, Wardrobe},
    gait::{SIDES, Skeleton},
    look::{mixed, scaled, srgb},
    shape::{Caps, Ring, Shape},
};

/// Draws the head on its neck.
pub(super) fn head(shape: &mut Shape, body: &Skeleton, worn: &Wardrobe, fine: bool) {
    let h = body.stature_m;
    let (neck, _) = body.spine(0.315);
    let axes = body.head_axes;
    let place = |x: f32, y: f32, z: f32| neck + axes * (Vec3::new(x, y, z) * h);
    if fine {
        let rings = [0.0, 0.045].map(|z| {
            Ring::new(
                place(0.008 + z * 0.3, 0.0, z - 0.005),
                axes.x_axis * (0.033 * h),
                axes.y_axis * (0.031 * h),
                scaled(worn.skin, 0.85),
            )
        });
        shape.loft(&rings, 8, Caps::None);
    }
    let detail = if fine { (12, 8) } else { (6, 4) };
    let centre = place(0.014, 0.0, 0.083);
    let radii = Vec3::new(0.056, 0.046, 0.070) * h;
    let bald = worn.hair == Hair::None;
    let hairline = if worn.female { 0.45 } else { 0.55 };
    shape.ellipsoid(centre, radii, axes, detail, |way| {
        let hair = way.z > hairline || (way.x < -0.1 && way.z > -0.45) || (way.x < 0.25 && way.z > 0.15);
        if hair && !bald {
            worn.hair_colour
        } else if way.x > 0.6 && (0.0..0.3).contains(&way.z) {
            // Brows and eyes lie in a shadow.
            scaled(worn.skin, 0.72)
        } else {
            scaled(worn.skin, 0.9 + 0.1 * way.x)
        }
    });
    if fine {
        face(shape, &place, axes, worn, h);
    }
    hair(shape, &place, axes, worn, h, fine);
    hat(shape, &place, axes, worn, h, fine);
}

fn face(shape: &mut Shape, place: &impl Fn(f32, f32, f32) -> Vec3, axes: Mat3, worn: &Wardrobe, h: f32) {
    shape.ellipsoid(place(0.069, 0.0, 0.074), Vec3::new(0.010, 0.008, 0.013) * h, axes, (5, 3), |_| worn.skin);
    shape.ellipsoid(place(0.058, 0.0, 0.052), Vec3::new(0.007, 0.013, 0.004) * h, axes, (5, 2), |_| {
        mixed(worn.skin, srgb(0x8a3a34), 0.5)
    });
    for side in SIDES {
        shape.ellipsoid(place(0.060, 0.019 * side, 0.090), Vec3::new(0.006, 0.009, 0.005) * h, axes, (5, 2), |_| {
            srgb(0x231a16)
        });
        shape.ellipsoid(place(0.010, 0.046 * side, 0.08), Vec3::new(0.010, 0.006, 0.016) * h, axes, (5, 3), |_| {
            scaled(worn.skin, 0.85)
        });
    }
}

fn hair(shape: &mut Shape, place: &impl Fn(f32, f32, f32) -> Vec3, axes: Mat3, worn: &Wardrobe, h: f32, fine: bool) {
    let colour = worn.hair_colour;
    let strand = |way: Vec3| scaled(colour, 1.0 + 0.35 * way.z.max(0.0));
    let detail = if fine { (10, 6) } else { (6, 3) };
    if worn.hair == Hair::None {
        return;
    }
    let thick = if worn.hair == Hair::Short { 1.0 } else { 1.06 };
    shape.ellipsoid(place(-0.004, 0.0, 0.098), Vec3::new(0.058, 0.051, 0.062) * (h * thick), axes, detail, strand);
    let falls = match worn.hair {
        Hair::Bob => Some(0.03),
        Hair::Long => Some(-0.075),
        _ => None,
    };
    if let Some(end) = falls {
        let ring = |x: f32, z: f32, deep: f32, wide: f32| {
            Ring::new(place(x, 0.0, z), axes.x_axis * (deep * h), axes.y_axis * (wide * h), colour)
        };
        let middle = (0.1 + end) / 2.0;
        let rings = [
            ring(-0.012, 0.1, 0.045, 0.052),
            ring(-0.02, middle + 0.01, 0.04, 0.056),
            ring(-0.026, end + 0.01, 0.028, 0.056),
            ring(-0.026, end, 0.018, 0.045),
        ];
        shape.loft(&rings, if fine { 10 } else { 5 }, Caps::End);
    }
    match worn.hair {
        Hair::Bun => shape.ellipsoid(place(-0.058, 0.0, 0.125), Vec3::splat(0.026 * h), axes, (7, 5), strand),
        Hair::Ponytail => {
            let ring = |x: f32, z: f32, r: f32| {
                Ring::new(place(x, 0.0, z), axes.x_axis * (r * h), axes.y_axis * (r * h), colour)
            };
            let rings = [
                ring(-0.05, 0.11, 0.012),
                ring(-0.075, 0.09, 0.02),
                ring(-0.078, 0.03, 0.019),
                ring(-0.07, -0.03, 0.006),
            ];
            shape.loft(&rings, 6, Caps::Both);
        }
        _ => {}
    }
}

fn hat(shape: &mut Shape, place: &impl Fn(f32, f32, f32) -> Vec3, axes: Mat3, worn: &Wardrobe, h: f32, fine: bool) {
    let colour = worn.hat_colour;
    let detail = if fine { (12, 6) } else { (6, 3) };
    let brim = |shape: &mut Shape, x: f32, z: f32, deep: f32, wide: f32| {
        let ring = |z: f32, factor: f32| {
            Ring::new(
                place(x, 0.0, z),
                axes.x_axis * (deep * h * factor),
                axes.y_axis * (wide * h * factor),
                scaled(colour, 0.8),
            )
        };
        shape.loft(&[ring(z - 0.004, 0.97), ring(z, 1.0), ring(z + 0.004, 0.97)], detail.0, Caps::Both);
    };
    let dome = |shape: &mut Shape, z: f32, size: Vec3| {
        shape.ellipsoid(place(0.006, 0.0, z), size * h, axes, detail, |way| {
            scaled(colour, if way.z < -0.2 { 0.4 } else { 1.0 })
        });
    };
    match worn.hat {
        Hat::None => {}
        Hat::Cap => {
            dome(shape, 0.118, Vec3::new(0.062, 0.055, 0.05));
            brim(shape, 0.062, 0.112, 0.036, 0.038);
        }
        Hat::Brimmed => {
            dome(shape, 0.12, Vec3::new(0.062, 0.056, 0.05));
            brim(shape, 0.006, 0.116, 0.105, 0.1);
        }
        Hat::Helmet => {
            dome(shape, 0.112, Vec3::new(0.071, 0.063, 0.062));
            brim(shape, 0.04, 0.105, 0.055, 0.055);
        }
        Hat::Hood => {
            let cloth = worn.upper.colour;
            shape.ellipsoid(place(-0.012, 0.0, 0.083), Vec3::new(0.068, 0.062, 0.083) * h, axes, detail, |way| {
                scaled(cloth, 0.9 + 0.1 * way.z)
            });
        }
    }
}
