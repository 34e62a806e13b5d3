//! The plan lies along the axes; the city lies turned by an angle of its own, so that its sun and shadows are its own.
//! Everything inside the world works in plan coordinates; what leaves it goes through here.

use glam::Vec2;

use super::{Layout, layout::Building};
use crate::camera::Camera;

/// A rotation about the origin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Turn {
    angle_rad: f32,
    part: Vec2,
}

impl Turn {
    pub(super) fn new(angle_rad: f32) -> Turn {
        Turn { angle_rad, part: Vec2::from_angle(angle_rad) }
    }

    /// A point or a vector.
    pub(super) fn point(self, plan: Vec2) -> Vec2 {
        self.part.rotate(plan)
    }

    /// A direction, radians counter-clockwise from east.
    pub(super) fn direction(self, plan_rad: f32) -> f32 {
        plan_rad + self.angle_rad
    }

    pub(super) fn camera(self, camera: &mut Camera) {
        camera.at = self.point(camera.at);
        camera.heading_deg = (camera.heading_deg - self.angle_rad.to_degrees()).rem_euclid(360.0);
    }

    pub(super) fn building(self, building: &mut Building) {
        building.at = self.point(building.at);
        building.heading_rad = self.direction(building.heading_rad);
    }

    pub(super) fn layout(self, layout: &mut Layout) {
        for ground in &mut layout.ground {
            ground.outline.iter_mut().for_each(|corner| *corner = self.point(*corner));
        }
        layout.buildings.iter_mut().for_each(|building| self.building(building));
        for prop in &mut layout.props {
            prop.at = self.point(prop.at);
            prop.heading_rad = self.direction(prop.heading_rad);
        }
        layout.names.iter_mut().flat_map(|name| &mut name.line).for_each(|point| *point = self.point(*point));
    }
}
