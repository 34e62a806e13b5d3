//! What a building's walls and roof are made of at a point: bricks or plaster, windows with frames, curtains and
//! air conditioners, shops with signs below. Without light but for what shines itself at night.

use glam::{Vec2, Vec3};

use super::noise::{cell, floor, fractal, hash, joint, part, unit};
use crate::world::Building;

/// A point of a wall.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct WallSpot {
    /// Reflected part of red, green, blue, linear.
    pub(crate) albedo: Vec3,
    /// What shines itself when lamps are lit.
    pub(crate) glow: Vec3,
    /// How much of a mirror it is: glass.
    pub(crate) mirror: f32,
}

/// Wall colours: plaster white, cream, grey concrete, brick, tiles, ochre, bluish.
const WALLS: [Vec3; 8] = [
    Vec3::new(0.55, 0.54, 0.51),
    Vec3::new(0.50, 0.44, 0.34),
    Vec3::new(0.30, 0.30, 0.29),
    Vec3::new(0.30, 0.14, 0.10),
    Vec3::new(0.42, 0.36, 0.31),
    Vec3::new(0.48, 0.36, 0.20),
    Vec3::new(0.33, 0.37, 0.41),
    Vec3::new(0.40, 0.22, 0.18),
];
/// Signs over shops.
const SIGNS: [Vec3; 7] = [
    Vec3::new(0.55, 0.04, 0.03),
    Vec3::new(0.04, 0.16, 0.45),
    Vec3::new(0.02, 0.30, 0.12),
    Vec3::new(0.60, 0.36, 0.02),
    Vec3::new(0.55, 0.53, 0.50),
    Vec3::new(0.06, 0.06, 0.07),
    Vec3::new(0.40, 0.06, 0.20),
];
/// Height of the shops' storey.
const SHOP_M: f32 = 4.0;

/// The side of a building that a point of its surface lies on: its number, and metres along it from its middle.
/// 0 and 1 are ahead and behind, 2 and 3 left and right, 4 the roof.
pub(crate) fn side(building: &Building, point: Vec3) -> (u32, Vec2) {
    let turned = Vec2::from_angle(-building.heading_rad).rotate(point.truncate() - building.at);
    let beyond = turned.abs() - building.size_m * 0.5;
    if point.z > building.height_m - 0.02 && beyond.max_element() < -0.02 {
        (4, turned)
    } else if beyond.x > beyond.y {
        (u32::from(turned.x < 0.0), Vec2::new(turned.y, building.size_m.y))
    } else {
        (2 + u32::from(turned.y < 0.0), Vec2::new(turned.x, building.size_m.x))
    }
}

/// The material at a point of a building.
pub(crate) fn spot(building: &Building, point: Vec3, footprint_m: f32) -> WallSpot {
    let look = building.look;
    let (side, along) = side(building, point);
    let base = WALLS[(look >> 3) as usize % WALLS.len()] * (0.85 + 0.3 * part(look, 1));
    if side == 4 {
        let stain = 1.0 + 0.3 * fractal(along, 4.0, 4, footprint_m, look);
        return WallSpot { albedo: Vec3::new(0.2, 0.2, 0.19) * stain, glow: Vec3::ZERO, mirror: 0.0 };
    }
    let place = Vec2::new(along.x + along.y * 0.5, point.z);
    let wall = masonry(look, base, place, footprint_m);
    let shops = look & 0x100 == 0 && building.height_m > 5.0;
    if shops && point.z < SHOP_M {
        return shop(look.wrapping_add(side), wall, place, along.y, footprint_m);
    }
    let foot = if shops { SHOP_M } else { 0.9 };
    storeys(look.wrapping_add(side.wrapping_mul(977)), building.height_m, wall, place, foot, footprint_m)
}

/// Bricks, tiles or plaster with streaks of rain and a darker foot.
fn masonry(look: u32, base: Vec3, place: Vec2, footprint_m: f32) -> Vec3 {
    let streaks = fractal(place * Vec2::new(1.0, 0.12), 0.9, 3, footprint_m, look ^ 0x11);
    let broad = fractal(place, 6.0, 3, footprint_m, look ^ 0x12);
    let mut wall = base * (1.0 + 0.12 * streaks + 0.12 * broad);
    match look % 3 {
        0 => {
            let row = floor(place.y / 0.075);
            let shifted = place.x + if row & 1 == 0 { 0.0 } else { 0.12 };
            let joints = joint(shifted, 0.24, 0.012, footprint_m).max(joint(place.y, 0.075, 0.012, footprint_m));
            wall = wall.lerp(Vec3::splat(0.36), joints * 0.6);
        }
        1 => {
            let joints = joint(place.x, 1.2, 0.03, footprint_m).max(joint(place.y, 1.6, 0.03, footprint_m));
            wall *= 1.0 - 0.35 * joints;
        }
        _ => {}
    }
    wall * (0.8 + 0.2 * (place.y / 0.8).min(1.0))
}

/// Windows of the storeys above `foot_m`.
fn storeys(look: u32, height_m: f32, wall: Vec3, place: Vec2, foot_m: f32, footprint_m: f32) -> WallSpot {
    let storey = 2.9 + 0.7 * part(look, 2);
    let bay = 1.9 + 1.9 * part(look, 3);
    let above = place.y - foot_m;
    let wall_spot = WallSpot { albedo: wall, glow: Vec3::ZERO, mirror: 0.0 };
    if above < 0.0 || height_m - place.y < 0.5 {
        return wall_spot;
    }
    let ((column, row), inside) = cell(Vec2::new(place.x, above), Vec2::new(bay, storey));
    let offset = (inside - Vec2::new(0.5, 0.56)) * Vec2::new(bay, storey);
    let half = Vec2::new(bay * (0.26 + 0.17 * part(look, 4)), storey * (0.24 + 0.1 * part(look, 5)));
    let room = hash(column, row, look);
    let edge = (offset.abs() - half).max_element();
    let glass_cover = (0.5 - (edge + 0.06) / footprint_m.max(0.01)).clamp(0.0, 1.0);
    let frame_cover = (0.5 - edge / footprint_m.max(0.01)).clamp(0.0, 1.0);
    if frame_cover <= 0.0 {
        return under_window(room, wall_spot, offset, half);
    }
    // A mullion in the middle, a curtain on one side, and rooms behind that are lit or not.
    let mullion = (0.5 - (offset.x.abs() - 0.04) / footprint_m.max(0.01)).clamp(0.0, 1.0);
    let curtain = room & 3 == 0 && offset.x > half.x * (unit(room) * 2.0 - 1.0);
    let pane = if curtain { Vec3::new(0.30, 0.28, 0.24) } else { Vec3::new(0.02, 0.024, 0.028) };
    let lit = room.wrapping_mul(0x9E37_79B9) >> 24 < 80;
    let lamp = Vec3::new(1.0, 0.72, 0.4).lerp(Vec3::new(0.85, 0.95, 1.0), unit(room.wrapping_mul(77)));
    let strength = 0.003 + 0.009 * unit(room.wrapping_mul(41));
    let glow = if lit { lamp * strength * if curtain { 0.5 } else { 1.0 } } else { Vec3::ZERO };
    let glass = glass_cover * (1.0 - mullion);
    let frame = if look & 0x40 == 0 { Vec3::splat(0.5) } else { Vec3::splat(0.09) };
    let shaded = 1.0 - 0.35 * ((offset.y - half.y + 0.25) / 0.25).clamp(0.0, 1.0);
    WallSpot {
        albedo: wall.lerp(frame, frame_cover).lerp(pane, glass) * shaded,
        glow: glow * glass,
        mirror: 0.9 * glass * if curtain { 0.4 } else { 1.0 },
    }
}

/// A sill, or an air conditioner's box.
fn under_window(room: u32, wall: WallSpot, offset: Vec2, half: Vec2) -> WallSpot {
    let below = -half.y - offset.y;
    if room & 0x30 == 0 && (0.1..0.7).contains(&below) && (offset.x + 0.2).abs() < 0.42 {
        let fan = ((offset.x + 0.3).powi(2) + (below - 0.4).powi(2)).sqrt() < 0.22;
        return WallSpot { albedo: Vec3::splat(if fan { 0.22 } else { 0.52 }), ..wall };
    }
    if (0.0..0.1).contains(&below) && offset.x.abs() < half.x + 0.1 {
        return WallSpot { albedo: wall.albedo * 1.25, ..wall };
    }
    if (0.1..0.3).contains(&below) && offset.x.abs() < half.x + 0.1 {
        return WallSpot { albedo: wall.albedo * 0.85, ..wall };
    }
    wall
}

/// A shop front: glass and a door, goods behind, a sign with strokes above.
fn shop(look: u32, wall: Vec3, place: Vec2, length_m: f32, footprint_m: f32) -> WallSpot {
    let width = 5.0 + 2.5 * part(look, 6);
    let ((number, _), inside) = cell(Vec2::new(place.x, 0.0), Vec2::new(width, 1.0));
    let shop = hash(number, 3, look);
    let matt = |albedo: Vec3| WallSpot { albedo, glow: Vec3::ZERO, mirror: 0.0 };
    let x = (inside.x - 0.5) * width;
    let pillar = x.abs() > width * 0.5 - 0.25 || place.x < 0.3 || place.x > length_m - 0.3;
    if pillar {
        return matt(wall * 0.95);
    }
    if (2.75..3.65).contains(&place.y) {
        let board = SIGNS[shop as usize % SIGNS.len()];
        let ink = if board.y > 0.4 { SIGNS[(shop >> 8) as usize % 4] } else { Vec3::new(0.75, 0.7, 0.55) };
        let written = strokes(shop, Vec2::new(x, place.y - 3.2), width);
        let blurred = written * (0.12 / footprint_m).min(1.0);
        let colour = board.lerp(ink, blurred);
        let lit = shop & 0x700 != 0;
        return WallSpot { albedo: colour, glow: if lit { colour * 0.018 } else { Vec3::ZERO }, mirror: 0.02 };
    }
    if place.y >= 2.6 {
        return matt(wall * 0.6);
    }
    if shop & 0x7000 == 0 {
        // A shutter, closed.
        let ribs = 1.0 - 0.3 * joint(place.y, 0.1, 0.03, footprint_m);
        return matt(Vec3::new(0.33, 0.34, 0.35) * ribs);
    }
    let frame = joint(x, 1.25, 0.07, footprint_m).max(f32::from(place.y < 0.35));
    let goods = hash(floor(x / 0.4), floor(place.y / 0.45), shop);
    let shelf = Vec3::new(unit(goods), unit(goods.wrapping_mul(3)), unit(goods.wrapping_mul(7))) * 0.07 + 0.012;
    let open = shop & 0x1_8000 != 0;
    let inside_light = Vec3::new(1.0, 0.9, 0.74) * 0.011 * (0.35 + place.y / 3.0);
    let grey = Vec3::splat(shelf.element_sum() / 3.0);
    let shown = grey.lerp(shelf, 0.6 * (0.2 / footprint_m).min(1.0));
    WallSpot {
        albedo: (shown * 0.6).lerp(Vec3::splat(0.28), frame),
        glow: if open { inside_light * (0.4 + 9.0 * shown) * (1.0 - frame) } else { Vec3::ZERO },
        mirror: 0.6 * (1.0 - frame),
    }
}

/// Strokes that look like signs of a script without being any.
fn strokes(shop: u32, at: Vec2, width: f32) -> f32 {
    let size = 0.55;
    let count = 3 + (shop >> 20) as i32 % 4;
    let start = -0.5 * size * 1.25 * count as f32;
    let ((index, _), inside) = cell(Vec2::new(at.x - start, 0.0), Vec2::new(size * 1.25, 1.0));
    if index < 0 || index >= count || at.y.abs() > size * 0.5 || width < 2.0 {
        return 0.0;
    }
    let glyph = hash(index, 8, shop);
    let p = Vec2::new((inside.x - 0.5) * 1.25, at.y / size);
    let bar = |from: u32, vertical: bool| {
        let place = ((glyph >> from) & 7) as f32 / 8.0 - 0.44;
        let (across, along) = if vertical { (p.x, p.y) } else { (p.y, p.x) };
        (across - place).abs() < 0.055 && along.abs() < 0.2 + 0.26 * ((glyph >> (from + 1)) & 3) as f32 / 3.0
    };
    f32::from(bar(0, false) || bar(5, false) || bar(10, true) || bar(15, true) || bar(20, false) || bar(25, true))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn building(look: u32) -> Building {
        let (at, size_m) = (Vec2::new(10.0, 20.0), Vec2::new(30.0, 12.0));
        Building { at, size_m, heading_rad: 0.5, height_m: 18.0, look }
    }

    #[test]
    fn a_point_is_on_the_side_it_lies_on() {
        let building = building(1);
        let place = |local: Vec2| building.at + Vec2::from_angle(building.heading_rad).rotate(local);
        for (local, z, expected) in [
            (Vec2::new(15.0, 2.0), 3.0, 0),
            (Vec2::new(-15.0, 2.0), 3.0, 1),
            (Vec2::new(3.0, 6.0), 3.0, 2),
            (Vec2::new(3.0, -6.0), 3.0, 3),
            (Vec2::new(3.0, -2.0), 18.0, 4),
        ] {
            assert_eq!(side(&building, place(local).extend(z)).0, expected);
        }
    }

    #[test]
    fn walls_have_windows_that_mirror_and_some_are_lit() {
        for look in 0..20 {
            let building = building(look * 8);
            let across = Vec2::from_angle(building.heading_rad);
            let spots: Vec<WallSpot> = (0..4000)
                .map(|index| {
                    let local = Vec2::new((index % 80) as f32 * 0.37 - 14.8, 6.0);
                    let point = (building.at + across.rotate(local)).extend((index / 80) as f32 * 0.35);
                    spot(&building, point, 0.03)
                })
                .collect();
            let glass = spots.iter().filter(|spot| spot.mirror > 0.3).count();
            assert!((200..3500).contains(&glass), "{look}: {glass}");
            assert!(spots.iter().any(|spot| spot.glow.x > 0.0));
            assert!(spots.iter().all(|spot| spot.albedo.max_element() < 1.0 && spot.albedo.min_element() >= 0.0));
        }
    }
}
