//! Cars: saloon, hatchback, estate, off-roader and van. The body below the windows is lofted along its length, the
//! windows stand on it and lean in, the roof lies on them.

use glam::{Mat3, Vec3};

use super::{
    MATTE_BELOW, Mesh,
    coach::{Axle, GLASS, HEADLAMP, Lamps, REARLAMP, TRIM, axle, plate, seam},
    look::{Colour, Look, mixed, scaled, srgb},
    shape::{Caps, Ring, Shape},
};

/// Proportions: heights in parts of the height, places in parts of the length from the rear.
#[derive(Clone, Copy)]
struct Style {
    belt: f32,
    nose: f32,
    clearance: f32,
    screen_base: f32,
    screen_top: f32,
    roof_rear: f32,
    rear_base: f32,
    boot: f32,
    /// Width of the roof in parts of the width.
    roof_width: f32,
    /// Ends of the side windows, parts of the side from the rear.
    glass: &'static [(f32, f32)],
    wheel: f32,
}

const SALOON: Style = Style {
    belt: 0.635,
    nose: 0.50,
    clearance: 0.13,
    screen_base: 0.745,
    screen_top: 0.575,
    roof_rear: 0.31,
    rear_base: 0.155,
    boot: 0.65,
    roof_width: 0.68,
    glass: &[(0.22, 0.53), (0.57, 0.94)],
    wheel: 0.222,
};
const HATCH: Style = Style {
    screen_base: 0.77,
    screen_top: 0.60,
    roof_rear: 0.14,
    rear_base: 0.035,
    boot: 0.63,
    glass: &[(0.12, 0.48), (0.52, 0.94)],
    wheel: 0.212,
    ..SALOON
};
const ESTATE: Style = Style {
    roof_rear: 0.10,
    rear_base: 0.03,
    boot: 0.635,
    glass: &[(0.06, 0.28), (0.31, 0.60), (0.64, 0.95)],
    ..SALOON
};
const OFFROADER: Style = Style {
    belt: 0.61,
    nose: 0.56,
    clearance: 0.15,
    screen_base: 0.755,
    screen_top: 0.63,
    roof_rear: 0.09,
    rear_base: 0.025,
    boot: 0.61,
    roof_width: 0.74,
    glass: &[(0.07, 0.25), (0.28, 0.58), (0.62, 0.95)],
    wheel: 0.222,
};
const VAN: Style = Style {
    belt: 0.55,
    nose: 0.44,
    clearance: 0.12,
    screen_base: 0.89,
    screen_top: 0.72,
    roof_rear: 0.035,
    rear_base: 0.015,
    boot: 0.55,
    roof_width: 0.80,
    glass: &[(0.05, 0.32), (0.36, 0.64), (0.68, 0.94)],
    wheel: 0.19,
};

/// What is painted how.
struct Paint {
    body: Colour,
    lower: Colour,
    roof: Colour,
    pillars: Colour,
    taxi: bool,
}

/// A car of this length, width and height.
pub(super) fn car(size_m: Vec3, look: Look, lamps: Lamps, fine: bool) -> Mesh {
    let style = style(look, size_m);
    let paint = paint(look);
    let mut shape = Shape::default();
    lower_body(&mut shape, size_m, &style, &paint, fine);
    windows(&mut shape, size_m, &style, &paint, fine);
    roof(&mut shape, size_m, &style, &paint, look, fine);
    let rim = scaled([0.22; 3], look.between("rims", 0.3, 1.5));
    let radius = (style.wheel * size_m.z).clamp(0.28, 0.38);
    for part in [0.185, 0.805] {
        let x = (part - 0.5) * size_m.x;
        axle(
            &mut shape,
            Axle { x, half_track: size_m.y / 2.0 - 0.005, radius, width: 0.22 },
            rim,
            look.unit("turned"),
            fine,
        );
    }
    ends(&mut shape, size_m, &style, &paint, look, lamps, fine);
    if fine {
        sides(&mut shape, size_m, &style, &paint);
    }
    polish(&mut shape.mesh);
    shape.mesh
}

/// What looks up mirrors the whole sky, not only the point that a mirror would show: varnish scatters a little. A
/// public detector finds dark cars by their pale bonnets and roofs.
fn polish(mesh: &mut Mesh) {
    for vertex in mesh.vertices.iter_mut().filter(|vertex| vertex.colour[2] >= MATTE_BELOW) {
        let sky = 0.01 + 0.036 * vertex.normal.z.max(0.0);
        let [red, green, blue] = vertex.colour;
        vertex.colour = [red + sky * 0.9, green + sky * 0.97, blue + sky * 1.08].map(|part| part.min(0.95));
    }
}

fn style(look: Look, size_m: Vec3) -> Style {
    if size_m.z > 1.63 {
        return if look.chance("van", 0.45) { VAN } else { OFFROADER };
    }
    if size_m.z > 1.56 {
        return OFFROADER;
    }
    match size_m.x {
        length if length < 4.2 => HATCH,
        _ if look.chance("saloon", 0.7) => SALOON,
        _ => ESTATE,
    }
}

fn paint(look: Look) -> Paint {
    let taxi = look.chance("taxi", 0.08);
    let body = if taxi {
        look.shade("taxi paint", &[0xe8b51c, 0x1f7a5a, 0x2468b0, 0xc23b22])
    } else {
        // Shares of paints as sold: mostly white, black, silver and grey.
        look.shade(
            "paint",
            &[
                0xf4f4f2, 0xf4f4f2, 0xececea, 0xf0efe8, 0x121316, 0x17181b, 0x1d1e22, 0xb9bcc0, 0xa4a8ad, 0x70757b,
                0x4c5056, 0x8b1a1f, 0xb3202a, 0x1f3e73, 0x2c5f9e, 0x5a4632, 0xb8a888, 0x35543f, 0xd8742a, 0x7f9fb8,
            ],
        )
    };
    // Even black paint sends back a few hundredths, and is to count as varnish.
    let body = body.map(|part| part.max(0.03));
    let two_tone = look.chance("two tone", 0.06);
    Paint {
        body,
        lower: if look.chance("dark sills", 0.3) { TRIM } else { scaled(body, 0.75) },
        roof: if taxi || two_tone { look.shade("roof", &[0xf0f0ec, 0x17181b, 0xe8b51c]) } else { body },
        pillars: if look.chance("dark pillars", 0.5) { TRIM } else { scaled(body, 0.9) },
        taxi,
    }
}

fn lower_body(shape: &mut Shape, size: Vec3, style: &Style, paint: &Paint, fine: bool) {
    let low = style.clearance;
    let (belt, nose, boot) = (style.belt, style.nose, style.boot);
    // From the rear to the front: place, half width, top, bottom.
    let stations = [
        [0.0, 0.80, boot - 0.20, low + 0.12],
        [0.008, 0.90, boot - 0.10, low + 0.07],
        [0.025, 0.955, boot - 0.02, low + 0.04],
        [0.07, 0.985, boot, low + 0.02],
        [style.rear_base.max(0.09) + 0.06, 1.0, boot.max(belt) - 0.005, low],
        [0.5, 1.0, belt, low],
        [style.screen_base - 0.03, 1.0, belt - 0.01, low],
        [style.screen_base + 0.02, 0.985, belt - 0.035, low],
        [(style.screen_base + 0.95) / 2.0, 0.975, (belt + nose) / 2.0 + 0.015, low + 0.01],
        [0.945, 0.93, nose + 0.02, low + 0.02],
        [0.975, 0.87, nose - 0.03, low + 0.04],
        [0.992, 0.78, nose - 0.09, low + 0.06],
        [1.0, 0.66, nose - 0.16, low + 0.09],
    ];
    let rings: Vec<Ring> = stations
        .iter()
        .enumerate()
        .filter(|(index, _)| fine || ![1, 3, 6, 9, 11].contains(index))
        .map(|(_, &[part, half, top, bottom])| {
            let (top, bottom) = (top * size.z, bottom * size.z);
            let at = Vec3::new((part - 0.5) * size.x, 0.0, (top + bottom) / 2.0);
            Ring::upright(at, half * size.y / 2.0, (top - bottom) / 2.0, 4.5, paint.body)
        })
        .collect();
    shape.loft_painted(&rings, if fine { 20 } else { 10 }, Caps::Both, |_, turn, colour| {
        let up = (turn * std::f32::consts::TAU).sin();
        match up {
            up if up < -0.75 => TRIM,
            up if up < -0.55 => paint.lower,
            // What faces down mirrors the road, what faces up the sky.
            up if up < 0.0 => scaled(colour, 0.86 + 0.08 * up),
            up => scaled(colour, 0.93 + 0.07 * up),
        }
    });
}

/// A column of the wall of windows: its foot and its head.
type Column = (Vec3, Vec3);

fn windows(shape: &mut Shape, size: Vec3, style: &Style, paint: &Paint, fine: bool) {
    let x = |part: f32| (part - 0.5) * size.x;
    let (foot_z, head_z) = (style.belt * size.z - 0.03, size.z - 0.055);
    let (foot_y, head_y) = (0.93 * size.y / 2.0, style.roof_width * size.y / 2.0);
    let column = |foot_x: f32, head_x: f32, across: f32| -> Column {
        (Vec3::new(foot_x, across * foot_y, foot_z), Vec3::new(head_x, across * head_y, head_z))
    };
    let (rear, front) = ((x(style.rear_base), x(style.roof_rear)), (x(style.screen_base), x(style.screen_top)));
    for side in [1.0, -1.0] {
        let at = |part: f32| column(rear.0 + (front.0 - rear.0) * part, rear.1 + (front.1 - rear.1) * part, side);
        let mut from = 0.0;
        for &(start, end) in style.glass {
            pane(shape, at(from), at(start), None, paint, side > 0.0, fine);
            pane(shape, at(start), at(end), Some(GLASS), paint, side > 0.0, fine);
            from = end;
        }
        pane(shape, at(from), at(1.0), None, paint, side > 0.0, fine);
    }
    let screen = |side: f32| {
        let bow = 0.07 * (1.0 - side * side);
        column(front.0 + bow, front.1 + bow * 0.7, side)
    };
    let back = |side: f32| {
        let bow = 0.05 * (1.0 - side * side);
        column(rear.0 - bow, rear.1 - bow * 0.5, side)
    };
    let parts = [-1.0, -0.93, -0.4, 0.4, 0.93, 1.0];
    for pair in parts.windows(2) {
        let glass = (pair[0] > -0.99 && pair[1] < 0.99).then_some(scaled(GLASS, 1.7));
        pane(shape, screen(pair[0]), screen(pair[1]), glass, paint, false, fine);
        pane(shape, back(pair[0]), back(pair[1]), glass.map(|_| GLASS), paint, true, fine);
    }
}

/// The wall between two columns: a painted edge below and above, glass or paint between.
fn pane(shape: &mut Shape, a: Column, b: Column, glass: Option<Colour>, paint: &Paint, mirrored: bool, fine: bool) {
    let at = |column: Column, part: f32| column.0 + (column.1 - column.0) * part;
    let levels: &[f32] = if fine { &[0.0, 0.12, 0.5, 0.9, 1.0] } else { &[0.0, 0.9, 1.0] };
    for pair in levels.windows(2) {
        let edge = pair[1] > 0.95 || (fine && pair[0] < 0.05);
        let colour = match glass {
            // Glass mirrors more of the sky higher up.
            Some(glass) if !edge => scaled(glass, 1.0 + 1.5 * pair[0]),
            Some(_) if pair[0] < 0.05 => TRIM,
            None if !edge => paint.pillars,
            _ => paint.roof,
        };
        let mut corners = [at(a, pair[0]), at(b, pair[0]), at(b, pair[1]), at(a, pair[1])];
        if mirrored {
            corners.reverse();
        }
        shape.quad(corners, colour, 0.0);
    }
}

fn roof(shape: &mut Shape, size: Vec3, style: &Style, paint: &Paint, look: Look, fine: bool) {
    let (from, to) = ((style.roof_rear - 0.5) * size.x, (style.screen_top - 0.5) * size.x);
    let at = |z: f32| Vec3::new((from + to) / 2.0, 0.0, z);
    let (half_x, half_y) = ((to - from) / 2.0 + 0.05, style.roof_width * size.y / 2.0 + 0.004);
    let ring = |z: f32, part: f32| Ring::level(at(z), half_x * part, half_y * part, 7.0, paint.roof);
    let rings = [ring(size.z - 0.06, 1.0), ring(size.z - 0.03, 0.97), ring(size.z - 0.01, 0.8), ring(size.z, 0.4)];
    shape.loft(&rings, if fine { 16 } else { 8 }, Caps::End);
    if !fine {
        return;
    }
    let middle = at(size.z + 0.004);
    if look.chance("sunroof", 0.25) {
        let half = Vec3::new(half_x * 0.3, half_y * 0.5, 0.0);
        let corner = |a: f32, b: f32| middle + Vec3::new(half_x * 0.25 + a * half.x, b * half.y, 0.0);
        shape.quad([corner(-1.0, -1.0), corner(1.0, -1.0), corner(1.0, 1.0), corner(-1.0, 1.0)], GLASS, 0.0);
    }
    if paint.taxi {
        shape.block(middle + Vec3::new(half_x * 0.2, 0.0, 0.07), Vec3::new(0.08, 0.22, 0.07), srgb(0xf0e060));
    } else if look.chance("roof rails", 0.3) {
        for side in [1.0, -1.0] {
            let y = side * half_y * 0.86;
            shape.bar(
                Vec3::new(from + 0.15, y, size.z + 0.01),
                Vec3::new(to - 0.15, y, size.z + 0.01),
                0.02,
                4,
                [0.2; 3],
            );
        }
    }
}

fn ends(shape: &mut Shape, size: Vec3, style: &Style, paint: &Paint, look: Look, lamps: Lamps, fine: bool) {
    let (half, wide) = (size.x / 2.0, size.y / 2.0);
    let nose = style.nose * size.z;
    let detail = if fine { (7, 4) } else { (4, 2) };
    let long = look.between("lamp", 0.17, 0.26);
    for side in [1.0, -1.0] {
        // They follow the rounded corners of the body.
        let front = Vec3::new(half - 0.085, side * wide * 0.74, nose - 0.085);
        let turned = Mat3::from_rotation_z(0.6 * side);
        shape.ellipsoid(front, Vec3::new(0.05, long, 0.075), turned, detail, |way| {
            scaled(HEADLAMP, if way.y * side > 0.2 { 0.25 } else { 0.5 })
        });
        shape.glowing(lamps.head_glow(), |shape| {
            let at = front + turned * Vec3::new(0.022, -0.04 * side, 0.0);
            shape.ellipsoid(at, Vec3::new(0.045, long * 0.45, 0.05), turned, detail, |_| HEADLAMP);
        });
        let rear = Vec3::new(-half + 0.07, side * wide * 0.84, style.boot * size.z - 0.18);
        shape.glowing(lamps.rear_glow(), |shape| {
            shape.ellipsoid(rear, Vec3::new(0.06, long * 0.8, 0.08), turned.transpose(), detail, |_| REARLAMP);
        });
    }
    if !fine {
        return;
    }
    bonnet_seams(shape, size, style);
    // Grille, lower intake, rear bumper.
    let face = |x: f32| Vec3::X * x;
    shape.panel(Vec3::new(half + 0.004, 0.0, nose - 0.235), face(1.0), (0.46 * wide, 0.085), TRIM, 0.0);
    shape.block(Vec3::new(half - 0.06, 0.0, style.clearance * size.z + 0.17), Vec3::new(0.07, wide * 0.62, 0.06), TRIM);
    shape.block(
        Vec3::new(half - 0.035, 0.0, nose - 0.145),
        Vec3::new(0.035, 0.4 * wide, 0.02),
        mixed(paint.body, [0.5; 3], 0.6),
    );
    shape.block(Vec3::new(-half + 0.06, 0.0, style.clearance * size.z + 0.17), Vec3::new(0.07, wide * 0.7, 0.06), TRIM);
    plate(shape, look, Vec3::new(half + 0.02, 0.0, style.clearance * size.z + 0.24), face(1.0));
    plate(shape, look, Vec3::new(-half - 0.012, 0.0, style.boot * size.z - 0.33), face(-1.0));
}

/// The gaps around bonnet and boot lid, as thin dark strips a little above the varnish.
fn bonnet_seams(shape: &mut Shape, size: Vec3, style: &Style) {
    let strip = |shape: &mut Shape, from: Vec3, to: Vec3| {
        let across = (to - from).cross(Vec3::Z).normalize_or(Vec3::Y) * 0.009;
        shape.quad([from - across, from + across, to + across, to - across], [0.004; 3], 0.0);
    };
    let x = |part: f32| (part - 0.5) * size.x;
    let top = |part: f32, height: f32| Vec3::new(x(part), 0.0, height * size.z + 0.012);
    let base = top(style.screen_base + 0.03, style.belt - 0.045);
    let lip = top(0.955, style.nose + 0.005);
    for side in [1.0, -1.0] {
        let out = |at: Vec3, part: f32, down: f32| at + Vec3::new(0.0, side * part * size.y / 2.0, -down);
        strip(shape, out(lip, 0.60, 0.02), out(base, 0.66, 0.01));
    }
    strip(shape, lip - Vec3::Y * (0.28 * size.y), lip + Vec3::Y * (0.28 * size.y));
    // Air intake with wipers at the foot of the windscreen.
    let cowl = base + Vec3::new(-0.05, 0.0, 0.012);
    let (u, v) = (Vec3::X * 0.06, Vec3::Y * (0.36 * size.y));
    shape.quad([cowl - u - v, cowl + u - v, cowl + u + v, cowl - u + v], [0.01; 3], 0.0);
}

fn sides(shape: &mut Shape, size: Vec3, style: &Style, paint: &Paint) {
    let wide = size.y / 2.0 + 0.003;
    let (low, belt) = (style.clearance * size.z + 0.1, style.belt * size.z - 0.07);
    let span = (style.rear_base, style.screen_base);
    for side in [1.0, -1.0] {
        for &(_, end) in style.glass.iter().rev().take(2) {
            let x = (span.0 + (span.1 - span.0) * (end + 0.015) - 0.5) * size.x;
            seam(shape, x, wide * side, (low + 0.05, belt));
            let handle = Vec3::new(x - 0.85, wide * side, belt - 0.06);
            shape.panel(handle, Vec3::Y * side, (0.08, 0.014), scaled(paint.body, 0.4), 0.0);
        }
        shape.panel(Vec3::new(0.0, wide * side, low + 0.02), Vec3::Y * side, (size.x * 0.2, 0.03), TRIM, 0.0);
        let mirror =
            Vec3::new((style.screen_base - 0.565) * size.x, side * (size.y / 2.0 + 0.07), style.belt * size.z + 0.04);
        let colour = if paint.taxi { TRIM } else { paint.body };
        shape.ellipsoid(mirror, Vec3::new(0.06, 0.1, 0.07), Mat3::IDENTITY, (7, 4), |_| colour);
    }
}
