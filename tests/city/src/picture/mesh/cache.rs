//! The mesh of an actor: made from its look, its pose in steps, and what the light asks for; kept for the next picture.

use std::{cell::RefCell, collections::HashMap, sync::Arc};

#[cfg(test)]
use glam::Vec2;

use super::{Mesh, bag, bird, bus, car, coach::Lamps, cyclist, gait::Pace, look::Look, person, truck};
use crate::world::{Actor, ActorKind, Light, Pose};

/// How much is spent on a mesh.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Detail {
    /// For what is about 45 pixels high or more: 1,500 to 2,500 triangles.
    Near,
    /// About 500 triangles.
    Far,
}

/// Steps of a cycle of gait, pedals or wings: about one a picture at 12.5 pictures a second.
const PHASES: u8 = 16;
/// Meshes that are kept. A person is about 75 kB, so this is 75 MB a thread at most; the half that was not used since
/// the last time is dropped. Forty walkers in all their steps fit.
const KEPT: usize = 1000;

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    kind: ActorKind,
    look: u32,
    /// Kind of pose and its step.
    pose: (u8, u8),
    pace: Pace,
    lamps: Lamps,
    rain: bool,
    detail: Detail,
}

thread_local! {
    /// Newer and older half.
    static CACHE: RefCell<[HashMap<Key, Arc<Mesh>>; 2]> = RefCell::default();
}

/// The mesh of an actor: x ahead, y to its left, z up, from the middle of its footprint; place it by `at`, `base_m` and
/// `heading_rad`. The light decides on lamps (glow) and umbrellas.
pub fn actor(actor: &Actor, light: &Light, detail: Detail) -> Arc<Mesh> {
    let key = key(actor, light, detail);
    CACHE.with_borrow_mut(|[newer, older]| {
        if let Some(mesh) = newer.get(&key) {
            return Arc::clone(mesh);
        }
        let mesh = older.remove(&key).unwrap_or_else(|| Arc::new(make(actor, &key)));
        if newer.len() >= KEPT / 2 {
            *older = std::mem::take(newer);
        }
        newer.insert(key, Arc::clone(&mesh));
        mesh
    })
}

fn key(actor: &Actor, light: &Light, detail: Detail) -> Key {
    let step = |phase: f32| ((phase.rem_euclid(1.0) * f32::from(PHASES)) as u8) % PHASES;
    let pose = match actor.pose {
        Pose::Walk { phase } => (0, step(phase)),
        Pose::Stand { phase } => (1, step(phase)),
        Pose::Bend { depth } => (2, (depth.clamp(0.0, 1.0) * 16.0) as u8),
        Pose::Ride { phase } => (3, step(phase)),
        Pose::Drive { .. } => (4, 0),
        Pose::Rest => (5, 0),
    };
    let vehicle = matches!(actor.kind, ActorKind::Car | ActorKind::Bus | ActorKind::Truck | ActorKind::Cyclist);
    // A parked vehicle has its lamps off.
    let moving = matches!(actor.pose, Pose::Drive { .. } | Pose::Ride { .. });
    let dim = light.daylight() < 0.6 || light.rain > 0.35;
    let lamps = Lamps {
        lit: vehicle && moving && dim,
        braking: matches!(actor.pose, Pose::Drive { braking: true }) && vehicle,
    };
    let walker = actor.kind == ActorKind::Pedestrian;
    Key {
        kind: actor.kind,
        look: actor.look,
        pose,
        pace: Pace::of(if walker { actor.velocity_mps.length() } else { 0.0 }),
        lamps,
        rain: walker && light.rain > 0.25,
        detail,
    }
}

fn make(actor: &Actor, key: &Key) -> Mesh {
    let (size, look, fine) = (actor.size_m(), Look(actor.look), key.detail == Detail::Near);
    let part = (f32::from(key.pose.1) + 0.5) / f32::from(PHASES);
    match actor.kind {
        ActorKind::Pedestrian => {
            let pose = match actor.pose {
                Pose::Walk { .. } => Pose::Walk { phase: part },
                Pose::Stand { .. } => Pose::Stand { phase: part },
                Pose::Bend { .. } => Pose::Bend { depth: f32::from(key.pose.1) / 16.0 },
                _ => Pose::Stand { phase: 0.0 },
            };
            person::person(size.z, look, pose, key.pace, key.rain, fine)
        }
        ActorKind::Cyclist => cyclist::cyclist(size, look, part, key.lamps, fine),
        ActorKind::Car => car::car(size, look, key.lamps, fine),
        ActorKind::Bus => bus::bus(size, look, key.lamps, fine),
        ActorKind::Truck => truck::truck(size, look, key.lamps, fine),
        ActorKind::Bag => bag::bag(size, look, fine),
        ActorKind::Bird => bird::bird(size, look, part),
    }
}

/// An actor that stands by itself, for tests.
#[cfg(test)]
pub(super) fn example(kind: ActorKind, look: u32, pose: Pose) -> Actor {
    Actor {
        id: look,
        kind,
        look,
        at: Vec2::ZERO,
        base_m: 0.0,
        heading_rad: 0.0,
        velocity_mps: Vec2::X,
        pose,
        carried_by: None,
    }
}
