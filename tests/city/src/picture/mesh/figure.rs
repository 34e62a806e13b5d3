//! A body with its clothes around the joints of a skeleton; on foot or on a saddle.

use glam::{Mat3, Vec3};

use super::{
    clothes::{Pattern, Wardrobe},
    gait::{SIDES, Skeleton},
    head,
    look::{Colour, grain, mixed, scaled},
    shape::{Caps, Ring, Shape},
};

/// The trunk's half breadths by height above the hips; all parts of the stature: height, half width of men and of
/// women, half depth.
const TRUNK: [[f32; 4]; 13] = [
    [-0.055, 0.064, 0.066, 0.045],
    [-0.03, 0.088, 0.094, 0.060],
    [0.0, 0.094, 0.102, 0.066],
    [0.045, 0.092, 0.097, 0.063],
    [0.085, 0.084, 0.076, 0.057],
    [0.125, 0.086, 0.073, 0.058],
    [0.165, 0.093, 0.080, 0.064],
    [0.205, 0.100, 0.088, 0.068],
    [0.245, 0.106, 0.093, 0.066],
    [0.275, 0.104, 0.090, 0.058],
    [0.296, 0.082, 0.070, 0.048],
    [0.310, 0.050, 0.044, 0.038],
    [0.322, 0.033, 0.029, 0.033],
];
/// Height above the hips of the belt.
const BELT: f32 = 0.06;

/// Draws the body. `fine` spends about 2,000 triangles on it, otherwise about 450.
pub(super) fn figure(shape: &mut Shape, body: &Skeleton, worn: &Wardrobe, fine: bool) {
    trunk(shape, body, worn, fine);
    for side in 0..2 {
        leg(shape, body, worn, side, fine);
        arm(shape, body, worn, side, fine);
    }
    skirts(shape, body, worn, fine);
    head::head(shape, body, worn, fine);
}

fn trunk(shape: &mut Shape, body: &Skeleton, worn: &Wardrobe, fine: bool) {
    let h = body.stature_m;
    let skirt = worn.lower.skirt.is_some() || worn.upper.hem > 0.1;
    let mut rings = Vec::new();
    let mut heights = Vec::new();
    for (row, [height, male, female, depth]) in TRUNK.into_iter().enumerate() {
        if !fine && [1, 3, 6, 9, 11].contains(&row) {
            continue;
        }
        let (at, axes) = body.spine(height);
        let belly = if (0.04..0.18).contains(&height) { (worn.build - 1.0).max(0.0) * 0.8 } else { 0.0 };
        let clad = height > BELT || (worn.upper.hem > 0.01 && height > -0.03);
        let bulk = if clad { worn.upper.bulk } else { 1.02 };
        // The neck stays slender whatever the coat.
        let bulk = if height > 0.3 { 1.0 } else { bulk } * worn.build.powf(0.8);
        // Below the belt it lies over the trousers, or under a skirt.
        let over = if height > BELT {
            1.0
        } else if skirt {
            0.9
        } else {
            1.02 + (worn.lower.bulk - 1.0) * 0.35
        };
        let bulk = bulk * over;
        let bust = if worn.female && (0.16..0.23).contains(&height) { 0.012 } else { 0.0 };
        let width = h * if worn.female { female } else { male } * bulk;
        let deep = h * (depth + bust) * (bulk + belly);
        let forward = axes.x_axis * (h * (bust * 0.6 + belly * 0.02));
        let lowest = if worn.upper.hem > 0.01 { -0.01 } else { BELT };
        let colour = if height > lowest || skirt { worn.upper.colour } else { worn.lower.colour };
        let mut ring = Ring::new(at + forward, axes.x_axis * deep, axes.y_axis * width, colour);
        ring.power = 2.5;
        if height > lowest && heights.last().is_some_and(|&below| below <= lowest) {
            // The hem of what is worn above, with a small shadow under it.
            let mut edge = ring;
            edge.at = body.spine(lowest.max(-0.01)).0;
            edge.colour = worn.lower.colour;
            rings.push(edge);
            heights.push(lowest);
            rings.push(Ring { colour: worn.upper.colour, ..edge });
            heights.push(lowest + 1e-3);
        }
        rings.push(ring);
        heights.push(height);
    }
    let sides = if fine { 14 } else { 6 };
    shape.loft_painted(&rings, sides, Caps::None, |row, turn, colour| {
        let height = heights[row];
        if height > 0.315 {
            return scaled(worn.skin, 0.85);
        }
        if colour == worn.lower.colour && height <= BELT {
            return scaled(colour, 1.0 + 0.08 * grain(worn.seed, row as u32, (turn * 16.0) as u32));
        }
        worn.trunk_colour(height, turn, row as u32, (turn * sides as f32 + 0.5) as u32)
    });
}

/// A limb along joints: part of the way, radius, colour.
fn limb(shape: &mut Shape, joints: [Vec3; 3], profile: &[(f32, f32, Colour)], sides: u32, aside: Vec3, end: Caps) {
    let [from, middle, to] = joints;
    let (first, second) = (middle - from, to - middle);
    let lengths = (first.length(), second.length());
    let share = lengths.0 / (lengths.0 + lengths.1).max(1e-4);
    let rings: Vec<Ring> = profile
        .iter()
        .map(|&(part, radius, colour)| {
            let at = if part < share {
                from + first * (part / share)
            } else {
                middle + second * ((part - share) / (1.0 - share))
            };
            // Bends over a tenth of the limb on either side of the joint.
            let blend = ((part - share) / 0.2 + 0.5).clamp(0.0, 1.0);
            let way = (first.normalize_or(-Vec3::Z) * (1.0 - blend) + second.normalize_or(-Vec3::Z) * blend)
                .normalize_or(-Vec3::Z);
            let across = (aside - way * aside.dot(way)).normalize_or(Vec3::Y);
            Ring::new(at, across.cross(way) * radius, across * radius, colour)
        })
        .collect();
    shape.loft(&rings, sides, end);
}

fn leg(shape: &mut Shape, body: &Skeleton, worn: &Wardrobe, side: usize, fine: bool) {
    let h = body.stature_m;
    let girth = worn.build.powf(0.7) * if worn.female { 1.04 } else { 1.0 };
    let cover = worn.lower.length;
    let mut profile = Vec::new();
    let parts: &[(f32, f32)] = if fine {
        &[
            (0.0, 0.046),
            (0.1, 0.051),
            (0.25, 0.047),
            (0.4, 0.039),
            (0.5, 0.034),
            (0.58, 0.034),
            (0.68, 0.035),
            (0.8, 0.028),
            (0.92, 0.022),
            (1.0, 0.021),
        ]
    } else {
        &[(0.0, 0.047), (0.25, 0.046), (0.5, 0.034), (0.68, 0.034), (1.0, 0.021)]
    };
    let mut last = (-1.0, 0.05);
    for &(part, radius) in parts {
        if last.0 >= 0.0 && last.0 < cover && part > cover {
            let at_hem = last.1 + (radius - last.1) * (cover - last.0) / (part - last.0);
            profile.push((cover, h * at_hem * worn.lower.bulk * girth, scaled(worn.lower.colour, 0.9)));
            profile.push((cover + 0.002, h * at_hem * girth, worn.stockings));
        }
        let clad = part < cover;
        // Loose trousers hang: the wider, the less they follow the calf.
        let loose = if clad { worn.lower.bulk + (worn.lower.bulk - 1.0) * part * 1.2 } else { 1.0 };
        let fold = 1.0 + 0.1 * grain(worn.seed, (part * 20.0) as u32, side as u32 + 40);
        let colour = if clad { scaled(worn.lower.colour, fold) } else { worn.stockings };
        profile.push((part, h * radius * girth * loose, colour));
        last = (part, radius);
    }
    let joints = [body.hips[side] + Vec3::Z * (0.01 * h), body.knees[side], body.ankles[side]];
    limb(shape, joints, &profile, if fine { 9 } else { 5 }, Vec3::Y, Caps::None);
    shoe(shape, body, worn, side, fine);
}

fn shoe(shape: &mut Shape, body: &Skeleton, worn: &Wardrobe, side: usize, fine: bool) {
    let h = body.stature_m;
    let (sine, cosine) = body.feet_rad[side].sin_cos();
    let splay = Mat3::from_rotation_z(0.14 * SIDES[side]);
    let (ahead, up) = (splay * Vec3::new(cosine, 0.0, sine), splay * Vec3::new(-sine, 0.0, cosine));
    let across = up.cross(ahead);
    // Along the foot from the heel: place, half width, height of the upper edge.
    let parts: &[[f32; 3]] = if fine {
        &[
            [-0.052, 0.012, 0.030],
            [-0.044, 0.019, 0.050],
            [-0.01, 0.022, 0.060],
            [0.03, 0.024, 0.042],
            [0.075, 0.027, 0.027],
            [0.105, 0.021, 0.020],
            [0.115, 0.010, 0.012],
        ]
    } else {
        &[[-0.05, 0.018, 0.04], [0.0, 0.022, 0.055], [0.11, 0.018, 0.018]]
    };
    let sole = body.ankles[side] - up * (0.039 * h);
    let rings: Vec<Ring> = parts
        .iter()
        .map(|&[x, half, top]| {
            let mut ring = Ring::new(
                sole + ahead * (x * h) + up * (top * h / 2.0),
                across * (half * h),
                up * (top * h / 2.0),
                worn.shoes,
            );
            ring.power = 2.6;
            ring
        })
        .collect();
    let pale = mixed(worn.shoes, [0.6; 3], if worn.seed.is_multiple_of(3) { 0.8 } else { 0.0 });
    shape.loft_painted(&rings, if fine { 8 } else { 5 }, Caps::Both, |_, turn, colour| {
        // The lower quarter of the turn is the sole.
        if (turn - 0.75).abs() < 0.13 { scaled(pale, 0.7) } else { colour }
    });
}

fn arm(shape: &mut Shape, body: &Skeleton, worn: &Wardrobe, side: usize, fine: bool) {
    let h = body.stature_m;
    let girth = worn.build.powf(0.6) * if worn.female { 0.9 } else { 1.0 };
    let bulk = 1.0 + (worn.upper.bulk - 1.0) * 1.6;
    let cloth = if worn.upper.pattern == Pattern::Sleeves
        || (worn.upper.pattern == Pattern::Reflecting && worn.seed.is_multiple_of(2))
    {
        worn.upper.second
    } else if worn.upper.pattern == Pattern::Yoke {
        mixed(worn.upper.colour, worn.upper.second, 0.5)
    } else {
        worn.upper.colour
    };
    let parts: &[(f32, f32)] = if fine {
        &[
            (0.0, 0.024),
            (0.05, 0.031),
            (0.15, 0.030),
            (0.3, 0.026),
            (0.45, 0.023),
            (0.55, 0.022),
            (0.7, 0.021),
            (0.85, 0.017),
            (1.0, 0.014),
        ]
    } else {
        &[(0.0, 0.028), (0.15, 0.030), (0.5, 0.023), (1.0, 0.015)]
    };
    let cover = worn.upper.sleeve;
    let mut profile = Vec::new();
    let mut last = (-1.0, 0.03);
    for &(part, radius) in parts {
        if last.0 >= 0.0 && last.0 < cover && part > cover {
            let at_hem = last.1 + (radius - last.1) * (cover - last.0) / (part - last.0);
            profile.push((cover, h * at_hem * bulk * girth * 1.08, scaled(cloth, 0.9)));
            profile.push((cover + 0.002, h * at_hem * girth, worn.skin));
        }
        let clad = part < cover;
        let fold = 1.0 + 0.1 * grain(worn.seed, (part * 20.0) as u32, side as u32 + 60);
        let colour = if clad { scaled(cloth, fold) } else { worn.skin };
        profile.push((part, h * radius * girth * if clad { bulk } else { 1.0 }, colour));
        last = (part, radius);
    }
    let joints = [body.shoulders[side], body.elbows[side], body.wrists[side]];
    limb(shape, joints, &profile, if fine { 8 } else { 4 }, Vec3::Y, Caps::End);
    if fine {
        let shoulder = worn.upper.sleeve > 0.1;
        let colour = if shoulder { cloth } else { worn.skin };
        let radius = 0.0285 * h * girth * if shoulder { bulk } else { 1.0 };
        shape.ellipsoid(joints[0], Vec3::splat(radius), Mat3::IDENTITY, (8, 5), |_| colour);
        let way = (joints[2] - joints[1]).normalize_or(-Vec3::Z);
        let across = way.any_orthonormal_vector();
        let axes = Mat3::from_cols(across, way.cross(across), way);
        shape.ellipsoid(joints[2] + way * (0.035 * h), Vec3::new(0.014, 0.02, 0.045) * h, axes, (6, 4), |_| worn.skin);
    }
}

/// A skirt, or the skirts of a coat or a dress: rings around both legs.
fn skirts(shape: &mut Shape, body: &Skeleton, worn: &Wardrobe, fine: bool) {
    let coat = worn.upper.hem > 0.1;
    let (hem, colour) = match worn.lower.skirt {
        Some(hem) if !coat => (hem, worn.lower.colour),
        _ if coat => (worn.upper.hem, worn.upper.colour),
        _ => return,
    };
    let h = body.stature_m;
    let flare = 1.0 + 0.9 * grain(worn.seed, 3, 3).abs();
    let rows = if fine { 5 } else { 3 };
    let top = BELT + 0.01;
    let rings: Vec<Ring> = (0..=rows)
        .map(|row| {
            let part = row as f32 / rows as f32;
            let below = -top + (hem + top) * part;
            if below < 0.0 {
                let (at, axes) = body.spine(-below);
                let over = if coat { worn.upper.bulk.max(1.06) } else { 1.06 };
                let hip = if worn.female { 0.1 } else { 0.094 } * worn.build.powf(0.8) * over * h;
                let waist = 1.0 - 0.12 * (-below / top);
                return Ring::new(
                    at,
                    axes.x_axis * (0.068 * h * worn.build * waist * over),
                    axes.y_axis * (hip * waist),
                    colour,
                );
            }
            // Around both thighs, as wide as they stand.
            let points = [0, 1].map(|side| {
                let (hip, knee, ankle) = (body.hips[side], body.knees[side], body.ankles[side]);
                if below < 0.245 {
                    hip + (knee - hip) * (below / 0.245)
                } else {
                    knee + (ankle - knee) * ((below - 0.245) / 0.246)
                }
            });
            let middle = (points[0] + points[1]) / 2.0;
            let spread = (points[0] - points[1]).abs();
            let radius = h * (0.068 + 0.018 * part * flare) * worn.build.powf(0.5);
            let at = Vec3::new(middle.x, middle.y, middle.z);
            Ring::new(at, Vec3::X * (spread.x / 2.0 + radius), Vec3::Y * (spread.y / 2.0 + radius * 1.0), colour)
        })
        .collect();
    shape.loft_painted(&rings, if fine { 14 } else { 6 }, Caps::End, |row, turn, colour| {
        let pleat =
            1.0 + 0.13 * grain(worn.seed, 77, (turn * 14.0) as u32) - if row as u32 == rows { 0.1 } else { 0.0 };
        scaled(colour, pleat)
    });
}
