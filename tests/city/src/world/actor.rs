//! Whoever and whatever moves or can be carried.

use glam::{Vec2, Vec3};

/// What kind of thing it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ActorKind {
    /// Somebody on foot.
    Pedestrian,
    /// Somebody on a bicycle or a motor scooter, one object with it.
    Cyclist,
    /// A car: saloon, hatchback, estate or van by its look.
    Car,
    /// A city bus.
    Bus,
    /// A truck.
    Truck,
    /// A bag or a suitcase.
    Bag,
    /// A bird. Nobody is to be told of it.
    Bird,
}

/// How a body is held.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pose {
    /// Walks or runs; `phase` is the part of the gait cycle (two steps), 0–1.
    Walk {
        /// Part of the cycle.
        phase: f32,
    },
    /// Stands; `phase` moves arms and weight a little, 0–1.
    Stand {
        /// Part of the cycle.
        phase: f32,
    },
    /// Bends down to put or take something; 0 upright, 1 lowest.
    Bend {
        /// How far.
        depth: f32,
    },
    /// Pedals, flies or rolls; `phase` turns what turns, 0–1.
    Ride {
        /// Part of the cycle.
        phase: f32,
    },
    /// A vehicle; `braking` lights its rear lamps.
    Drive {
        /// Rear lamps are bright.
        braking: bool,
    },
    /// A thing that lies, or is carried by another actor.
    Rest,
}

/// One object at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Actor {
    /// Its identity as long as the world exists.
    pub id: u32,
    /// What it is.
    pub kind: ActorKind,
    /// Seed of its appearance: body, clothes, paint.
    pub look: u32,
    /// Middle of its footprint, metres east and north.
    pub at: Vec2,
    /// Height of its lowest point above the ground, metres.
    pub base_m: f32,
    /// Where it faces, radians counter-clockwise from east.
    pub heading_rad: f32,
    /// How it moves, metres a second.
    pub velocity_mps: Vec2,
    /// How its body is held.
    pub pose: Pose,
    /// Who carries it.
    pub carried_by: Option<u32>,
}

impl Actor {
    /// The class that a detector should call it; none for what is not to be detected.
    pub fn class(&self) -> Option<&'static str> {
        match self.kind {
            ActorKind::Pedestrian => Some("person"),
            ActorKind::Cyclist => Some("two_wheeler"),
            ActorKind::Car => Some("car"),
            ActorKind::Bus | ActorKind::Truck => Some("large_vehicle"),
            ActorKind::Bag => Some("bag"),
            ActorKind::Bird => None,
        }
    }

    /// Length along its heading, width across it and height, metres. Varies with the look as bodies and models do.
    pub fn size_m(&self) -> Vec3 {
        // Two independent parts, each -1 to 1, from the look.
        let part = |shift: u32| ((self.look.wrapping_mul(0x9E37_79B9) >> shift) & 0xFF) as f32 / 127.5 - 1.0;
        let (a, b) = (part(24), part(16));
        match self.kind {
            ActorKind::Pedestrian => Vec3::new(0.36 + 0.04 * b, 0.52 + 0.06 * b, 1.68 + 0.15 * a),
            ActorKind::Cyclist => Vec3::new(1.75 + 0.1 * a, 0.62, 1.72 + 0.1 * b),
            ActorKind::Car => Vec3::new(4.4 + 0.5 * a, 1.82 + 0.08 * a, 1.55 + 0.2 * b),
            ActorKind::Bus => Vec3::new(11.0 + a, 2.5, 3.1),
            ActorKind::Truck => Vec3::new(7.5 + 1.5 * a, 2.4, 3.0 + 0.4 * b),
            ActorKind::Bag => Vec3::new(0.45 + 0.12 * a, 0.25 + 0.06 * a, 0.45 + 0.15 * b),
            ActorKind::Bird => Vec3::new(0.3, 0.5, 0.15),
        }
    }
}
