//! Darkness around the foot of whatever stands on the ground: it keeps off a part of the sky.

use glam::Vec2;

use super::raster::Area;
use super::statics::Foot;
use crate::camera::View;

/// Calls `dark` with each pixel whose ground is darkened by a foot and the part of the skylight that is lost.
pub(crate) fn around(view: &View, foot: &Foot, area: &Area, mut dark: impl FnMut(i32, i32, f32)) {
    let turn = Vec2::from_angle(-foot.heading_rad);
    let half = foot.size_m * 0.5;
    let area = reach(view, foot).cut(area);
    // A camera's picture is level: along a row the ground goes by in equal steps.
    for y in area.y0..area.y1 {
        let pixel = |x: i32| Vec2::new(x as f32 + 0.5, y as f32 + 0.5);
        let (Some(first), Some(second)) = (view.ground(pixel(area.x0)), view.ground(pixel(area.x0 + 1))) else {
            continue;
        };
        let (start, step) = (turn.rotate(first - foot.at), turn.rotate(second - first));
        for x in area.x0..area.x1 {
            let beyond = ((start + step * (x - area.x0) as f32).abs() - half).max(Vec2::ZERO).length_squared();
            if beyond < foot.reach_m * foot.reach_m {
                let near = 1.0 - beyond.sqrt() / foot.reach_m;
                dark(x, y, near * near);
            }
        }
    }
}

/// The pixels that it may darken.
pub(crate) fn reach(view: &View, foot: &Foot) -> Area {
    let turn = Vec2::from_angle(foot.heading_rad);
    let half = foot.size_m * 0.5 + Vec2::splat(foot.reach_m);
    let corners = [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)]
        .map(|(a, b)| foot.at + turn.rotate(Vec2::new(a, b) * half));
    ground_area(view, &corners)
}

/// The pixels that a convex piece of ground may cover. What lies behind the lens is cut off.
pub(crate) fn ground_area(view: &View, outline: &[Vec2]) -> Area {
    let mut area = Area::NONE;
    let depth = |at: Vec2| (at.extend(0.0) - view.eye).dot(view.forward);
    for (index, &here) in outline.iter().enumerate() {
        let next = outline[(index + 1) % outline.len()];
        let (a, b) = (depth(here), depth(next));
        const NEAR_M: f32 = 0.2;
        let mut add = |at: Vec2| {
            if let Some(pixel) = view.project(at.extend(0.0)) {
                area = area.with(pixel.truncate());
            }
        };
        if a >= NEAR_M {
            add(here);
        }
        if (a >= NEAR_M) != (b >= NEAR_M) {
            add(here + (next - here) * ((NEAR_M - a) / (b - a)));
        }
    }
    area.cut(&Area::of_size(view.size_px.0 as i32, view.size_px.1 as i32))
}
