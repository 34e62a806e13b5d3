//! Headlights: what they throw onto the road and onto others, and how they dazzle the lens.

use glam::{Vec2, Vec3};

use super::noise::ramp;
use crate::world::{Actor, ActorKind, Pose};

/// The dipped headlights of one vehicle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Beam {
    /// Whose they are.
    pub(crate) of: u32,
    /// Where each lamp is; the same twice for what has one.
    pub(crate) lamps: [Vec3; 2],
    /// Where it shines.
    pub(crate) ahead: Vec2,
    /// Light one metre ahead.
    power: Vec3,
}

/// Farther away a beam adds nothing that shows.
const REACH_M: f32 = 22.0;
/// How far to its side it reaches, per metre ahead.
const WIDEST: f32 = 0.36;

impl Beam {
    /// The headlights of an actor; none of what has none, or by day. `lit` is 0 by day, 1 at night.
    pub(crate) fn new(actor: &Actor, lit: f32) -> Option<Beam> {
        let (height, spread, power) = match actor.kind {
            ActorKind::Car => (0.68, 0.62, 1.0),
            ActorKind::Bus | ActorKind::Truck => (0.85, 0.95, 1.2),
            ActorKind::Cyclist if actor.look & 1 == 1 => (0.95, 0.0, 0.3),
            _ => return None,
        };
        // What is parked has its lamps off.
        if lit <= 0.02 || actor.pose == Pose::Rest {
            return None;
        }
        let ahead = Vec2::from_angle(actor.heading_rad);
        let front = actor.at + ahead * (actor.size_m().x * 0.5 - 0.05);
        let side = ahead.perp() * spread;
        let lamp = |at: Vec2| at.extend(actor.base_m + height);
        // Halogen is yellower than the diodes of newer ones.
        let tint = if actor.look & 6 == 0 { Vec3::new(1.1, 0.88, 0.6) } else { Vec3::new(0.95, 1.0, 1.05) };
        Some(Beam {
            of: actor.id,
            lamps: [lamp(front + side), lamp(front - side)],
            ahead,
            power: tint * (0.8 * power * lit),
        })
    }

    /// The ground that it may light, a convex outline.
    pub(crate) fn outline(&self) -> [Vec2; 4] {
        let middle = (self.lamps[0] + self.lamps[1]).truncate() * 0.5;
        let side = self.ahead.perp();
        let far = middle + self.ahead * REACH_M;
        let near = middle + self.ahead * 0.3;
        [near - side * 1.2, far - side * 8.8, far + side * 8.8, near + side * 1.2]
    }

    /// Light on a white surface that faces it, and where from.
    pub(crate) fn onto(&self, point: Vec3) -> Option<(Vec3, Vec3)> {
        let (mut sum, mut from) = (0.0, Vec3::ZERO);
        for lamp in self.lamps {
            let way = point - lamp;
            let ahead = way.truncate().dot(self.ahead);
            if !(0.1..REACH_M).contains(&ahead) {
                continue;
            }
            let aside = way.truncate().perp_dot(self.ahead).abs() / ahead;
            if aside > WIDEST {
                continue;
            }
            let distance = way.length();
            // Dipped: what is above the lamps gets little.
            let beam = ramp(WIDEST, 0.08, aside) * ramp(0.06, -0.04, way.z / ahead).max(0.06);
            let fade = ramp(REACH_M, REACH_M * 0.5, ahead);
            sum += beam * fade / (distance * distance).max(1.0);
            from -= way / distance * beam;
        }
        (sum > 1e-5).then(|| (self.power * sum, from.normalize_or(Vec3::Z)))
    }

    /// Light on white ground, green as the mean of all colours, and 0 where it does not reach.
    pub(crate) fn onto_ground(&self, at: Vec2) -> f32 {
        // A lamp lights the road at a small angle; far ahead makers aim more of it there.
        self.onto(at.extend(0.0)).map_or(0.0, |(light, from)| light.y * (from.z + 0.12))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_car_lights_the_road_ahead_at_night_only() {
        let car = Actor {
            id: 1,
            kind: ActorKind::Car,
            look: 7,
            at: Vec2::ZERO,
            base_m: 0.0,
            heading_rad: 0.0,
            velocity_mps: Vec2::X,
            pose: Pose::Drive { braking: false },
            carried_by: None,
        };
        assert_eq!(Beam::new(&car, 0.0), None);
        let beam = Beam::new(&car, 1.0).expect("lit");
        let at = |x: f32, y: f32| beam.onto_ground(Vec2::new(x, y));
        assert!(at(6.0, 0.0) > 10.0 * at(6.0, 6.0).max(1e-5));
        assert!(at(6.0, 0.0) > at(20.0, 0.0) && at(-3.0, 0.0) == 0.0);
    }
}
