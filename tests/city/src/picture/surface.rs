//! The light that one point of ground or wall sends to the lens.

use glam::{Vec2, Vec3};

use super::facade;
use super::ground;
use super::illumination::{Illumination, Lamp};
use super::noise::{fractal, ramp};
use super::shadow::ShadowMap;
use super::sky::sky;
use crate::camera::View;
use crate::world::{Building, Layout, Light, Surface};

/// Where there is no polygon of ground.
const BARE_LOOK: u32 = 1;

/// All that light at a point depends on.
pub(crate) struct Shading<'a> {
    pub(crate) layout: &'a Layout,
    pub(crate) view: &'a View,
    pub(crate) light: &'a Light,
    pub(crate) illumination: Illumination,
    pub(crate) lamps: &'a [Lamp],
    /// The finer map first.
    pub(crate) shadows: &'a [ShadowMap],
    pub(crate) seed: u32,
}

/// What a point sends to the lens.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Sent {
    /// All of it.
    pub(crate) light: Vec3,
    /// The sun's part of it.
    pub(crate) sun: Vec3,
    /// Reflected part of white light.
    pub(crate) albedo: f32,
    /// How much of what stands on it is mirrored, 0–1.
    pub(crate) mirror: f32,
}

impl Shading<'_> {
    /// Part of the sun's light at a point, by the finest map that has it.
    pub(crate) fn sun_at(&self, point: Vec3) -> f32 {
        if self.illumination.sun.y <= 0.0 {
            return 0.0;
        }
        self.shadows.iter().find_map(|map| map.lit(point)).unwrap_or(1.0)
    }

    /// The sky in a direction.
    pub(crate) fn sky(&self, direction: Vec3) -> Vec3 {
        sky(&self.illumination, self.light.cloud, direction, self.seed)
    }

    /// A point of the ground that `ground` covers, or nothing does; `open` is the part of the sky that it sees.
    pub(crate) fn ground(&self, index: Option<u32>, point: Vec3, open: f32) -> Sent {
        let (surface, look) = match index.map(|index| &self.layout.ground[index as usize]) {
            Some(ground) => (ground.surface, ground.look),
            None => (Surface::Asphalt, BARE_LOOK),
        };
        let way = point - self.view.eye;
        let distance = way.length();
        let steep = (-way.z / distance).max(0.02);
        let across_m = distance / self.view.focal_px;
        // A pixel shows a long thin piece of ground; the texture is averaged over something between both sides.
        let footprint_m = across_m / steep.sqrt();
        let at = point.truncate();
        let along = way.truncate().normalize_or(Vec2::Y);
        let sides_m = [along * (across_m / steep), along.perp() * across_m];
        let mut spot = ground::mean_spot(surface, look, at, sides_m, footprint_m);
        let wet = self.illumination.wet;
        let soaks = !matches!(surface, Surface::Water | Surface::Floor);
        if wet > 0.0 && soaks {
            let puddle = ramp(0.15, 0.5, fractal(at, 3.5, 3, footprint_m, self.seed ^ 0x70) - 0.5 + 0.6 * wet);
            let hard = if matches!(surface, Surface::Grass | Surface::Earth) { 0.3 } else { 1.0 };
            spot.albedo *= 1.0 - (0.38 + 0.2 * puddle) * wet;
            spot.mirror = spot.mirror.max(wet * hard * (0.03 + 0.06 * puddle));
        }
        let normal = if surface == Surface::Water { self.ripples(at, footprint_m) } else { Vec3::Z };
        let mut sent = self.matt(spot.albedo, point, normal, open);
        if spot.mirror > 0.0 {
            // Schlick 1994; the rough wet road keeps some of the grazing mirror.
            let grazing = (1.0 - steep).powi(4);
            let mirror = spot.mirror + (1.0 - spot.mirror) * grazing * if soaks { 0.6 * wet } else { 1.0 };
            let direction = way - 2.0 * way.dot(normal) * normal;
            sent.light += self.sky(direction.with_z(direction.z.abs().max(0.05 * distance))) * (mirror * open);
            sent.mirror = mirror.min(1.0);
        }
        self.hazed(sent, distance)
    }

    /// A point of a building's wall or roof.
    pub(crate) fn wall(&self, building: &Building, point: Vec3) -> Sent {
        let way = point - self.view.eye;
        let distance = way.length();
        let (side, _) = facade::side(building, point);
        let ahead = Vec2::from_angle(building.heading_rad);
        let normal = match side {
            0 => ahead.extend(0.0),
            1 => (-ahead).extend(0.0),
            2 => ahead.perp().extend(0.0),
            3 => (-ahead.perp()).extend(0.0),
            _ => Vec3::Z,
        };
        let facing = (-way.dot(normal) / distance).max(0.05);
        let footprint_m = distance / self.view.focal_px / facing.sqrt();
        let spot = facade::spot(building, point, footprint_m);
        let foot = 0.6 + 0.4 * (point.z / 1.2).clamp(0.0, 1.0);
        let mut sent = self.matt(spot.albedo, point + normal * 0.03, normal, foot);
        sent.light += spot.glow * self.illumination.lamps;
        if spot.mirror > 0.0 {
            let mirror = spot.mirror * (0.06 + 0.94 * (1.0 - facing).powi(5));
            let direction = way - 2.0 * way.dot(normal) * normal;
            // Below the horizon the street and the houses across are mirrored: about as dark as they are on average.
            let above = ramp(-0.05, 0.25, direction.z / distance);
            let street = self.illumination.bounce * 1.2;
            sent.light += street.lerp(self.sky(direction.with_z(direction.z.max(0.0))), above) * mirror;
        }
        self.hazed(sent, distance)
    }

    /// Direction of the water's surface.
    fn ripples(&self, at: Vec2, footprint_m: f32) -> Vec3 {
        let slope = |seed: u32| {
            0.09 * fractal(at, 1.1, 4, footprint_m, seed) + 0.05 * fractal(at, 6.0, 2, footprint_m, seed ^ 5)
        };
        Vec3::new(slope(self.seed ^ 0x51), slope(self.seed ^ 0x52), 1.0).normalize()
    }

    /// Light from a rough surface under sun, sky and lamps.
    fn matt(&self, albedo: Vec3, point: Vec3, normal: Vec3, open: f32) -> Sent {
        let facing = normal.dot(self.illumination.to_sun);
        let sun =
            if facing > 0.0 { albedo * self.illumination.sun * (facing * self.sun_at(point)) } else { Vec3::ZERO };
        let mut still = albedo * self.illumination.ambient(normal.z) * open;
        for (onto, from) in self.lamps.iter().filter_map(|lamp| lamp.onto(point)) {
            still += albedo * onto * normal.dot(from).max(0.0);
        }
        Sent { light: still + sun, sun, albedo: albedo.y, mirror: 0.0 }
    }

    fn hazed(&self, sent: Sent, distance_m: f32) -> Sent {
        let kept = self.illumination.through_haze(Vec3::ONE, distance_m);
        let air = self.illumination.through_haze(Vec3::ZERO, distance_m);
        let kept = (kept - air).max(Vec3::ZERO);
        Sent { light: sent.light * kept + air, sun: sent.sun * kept, ..sent }
    }
}
