//! Birds: they circle, and some walk about on the square. Nobody is to be told of them.

use glam::Vec2;

use super::{
    actor::{Actor, ActorKind, Pose},
    chance::{between, hash},
};

/// Birds that circle around a place; where they are follows from the time alone.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bird {
    id: u32,
    look: u32,
    around: Vec2,
}

impl Bird {
    pub(super) fn new(id: u32, seed: u32, around: Vec2) -> Bird {
        Bird { id, look: hash(seed, id), around }
    }

    pub(super) fn actor(&self, t_s: f64) -> Actor {
        let chance = |n, from, to| between(self.look, n, from, to);
        let (radius_m, period_s) = (chance(1, 9.0, 26.0), f64::from(chance(2, 9.0, 18.0)));
        let turn = (t_s / period_s + f64::from(chance(3, 0.0, 1.0))).fract() as f32 * std::f32::consts::TAU;
        let out = Vec2::from_angle(turn);
        // An ellipse that is flown through lower on one side.
        let at = self.around + Vec2::new(out.x * radius_m, out.y * radius_m * chance(4, 0.4, 1.0));
        let way = out.perp().normalize_or_zero();
        let speed_mps = std::f32::consts::TAU * radius_m / period_s as f32;
        Actor {
            id: self.id,
            kind: ActorKind::Bird,
            look: self.look,
            at,
            base_m: 5.5 + 3.5 * (turn + chance(5, 0.0, 6.0)).sin(),
            heading_rad: way.to_angle(),
            velocity_mps: way * speed_mps,
            pose: Pose::Ride { phase: (t_s * 4.0 + f64::from(chance(6, 0.0, 1.0))).fract() as f32 },
            carried_by: None,
        }
    }
}
