//! The plan of a place: what stands where, where people walk and vehicles drive. Made once from a seed, never changed.

mod blocks;
mod lanes;
pub(super) mod places;
mod sketch;
mod streets;
mod walks;

use glam::Vec2;

use super::{
    actor::Actor,
    layout::{Building, Layout},
    net::Net,
    route::Route,
};

pub(super) use blocks::city;
pub(super) use lanes::Known;
pub(super) use places::{Spot, Zone};

/// Something that people walk around.
#[derive(Debug, Clone, Copy)]
pub(super) struct Obstacle {
    pub(super) at: Vec2,
    pub(super) radius_m: f32,
}

/// All of it, in plan coordinates.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) layout: Layout,
    pub(super) net: Net,
    /// Nodes of the net where people may appear and disappear: no camera sees them.
    pub(super) hidden: Vec<usize>,
    /// Nodes where people like to stay for a while.
    pub(super) spots: Vec<Spot>,
    pub(super) routes: Vec<Route>,
    pub(super) parked: Vec<Actor>,
    pub(super) obstacles: Vec<Obstacle>,
    /// People at usual density.
    pub(super) people: f32,
}

impl Building {
    /// Whether a point of the ground is inside, or nearer than `margin_m`.
    pub fn covers(&self, point: Vec2, margin_m: f32) -> bool {
        let local = Vec2::from_angle(-self.heading_rad).rotate(point - self.at).abs() - self.size_m / 2.0;
        local.max_element() < margin_m
    }

    /// Whether a straight line between two points at eye level passes through.
    pub fn hides(&self, from: Vec2, to: Vec2) -> bool {
        let turn = Vec2::from_angle(-self.heading_rad);
        let (a, b) = (turn.rotate(from - self.at), turn.rotate(to - self.at));
        let (half, way) = (self.size_m / 2.0, b - a);
        // Slabs (Kay and Kajiya 1986).
        let (mut near, mut far) = (0.0f32, 1.0f32);
        for (start, step, half) in [(a.x, way.x, half.x), (a.y, way.y, half.y)] {
            if step.abs() < 1e-6 {
                if start.abs() > half {
                    return false;
                }
                continue;
            }
            let (t0, t1) = ((-half - start) / step, (half - start) / step);
            near = near.max(t0.min(t1));
            far = far.min(t0.max(t1));
        }
        near < far
    }
}
