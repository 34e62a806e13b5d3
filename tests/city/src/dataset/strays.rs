//! People who go where in the city few do: across the street, between vehicles and along them. A model that sees hardly
//! anybody there but those who ride takes whoever walks there for a rider.

use std::f32::consts::TAU;

use glam::Vec2;
use rand::RngExt;
use rand::rngs::StdRng;

use super::studio::{Mover, mover, one_of};
use crate::camera::Camera;
use crate::world::{Actor, ActorKind};

/// Identities of strays begin here, above all those of a city.
const STRAYS_FROM: u32 = 1 << 30;
/// How many there are before each camera, some of whom are elsewhere at the moment.
const STRAYS: usize = 5;
/// They keep so near to the camera, and pass a vehicle that is so near to their way, metres.
const STRAYS_WITHIN_M: f32 = 40.0;
const PASSED_WITHIN_M: f32 = 8.0;
/// A stray comes from so far and goes as far, metres.
const STRAY_WAY_M: f32 = 8.0;

/// Those of one city.
#[derive(Default)]
pub(super) struct Strays(Vec<Mover>);

impl Strays {
    /// Some before each of these cameras, among those who are there at a time.
    pub(super) fn new(rng: &mut StdRng, cameras: &[Camera], actors: &[Actor], begin_s: f32) -> Strays {
        let is_vehicle = |kind| matches!(kind, ActorKind::Car | ActorKind::Bus | ActorKind::Truck);
        let vehicles: Vec<&Actor> = actors.iter().filter(|actor| is_vehicle(actor.kind)).collect();
        let mut movers = Vec::new();
        for camera in cameras.iter().flat_map(|camera| [camera; STRAYS]) {
            let (width, height) = (camera.size_px.0 as f32, camera.size_px.1 as f32);
            let pixel = Vec2::new(rng.random_range(0.05..0.95) * width, rng.random_range(0.2..0.95) * height);
            let Some(seen) = camera.view().ground(pixel).filter(|seen| seen.distance(camera.at) < STRAYS_WITHIN_M)
            else {
                continue;
            };
            let nearest = vehicles.iter().min_by(|a, b| a.at.distance(seen).total_cmp(&b.at.distance(seen)));
            let (at, way) = match nearest.filter(|vehicle| vehicle.at.distance(seen) < PASSED_WITHIN_M) {
                Some(vehicle) => passing(rng, vehicle),
                None => (seen, Vec2::from_angle(rng.random_range(0.0..TAU))),
            };
            let way = way * one_of(rng, &[-STRAY_WAY_M, STRAY_WAY_M]);
            movers.push(mover(rng, ActorKind::Pedestrian, vec![at - way, at, at + way]).on_the_way(rng, begin_s));
        }
        Strays(movers)
    }

    /// Adds those who are there at a time.
    pub(super) fn show(&self, t_s: f32, actors: &mut Vec<Actor>) {
        for (index, mover) in (0u32..).zip(&self.0) {
            mover.show(STRAYS_FROM + index * 2, t_s, actors);
        }
    }
}

/// A point beside a vehicle and the direction in which somebody passes it: before or behind it, or along its side.
fn passing(rng: &mut StdRng, vehicle: &Actor) -> (Vec2, Vec2) {
    let (along, half) = (Vec2::from_angle(vehicle.heading_rad), vehicle.size_m() / 2.0);
    let sign = one_of(rng, &[-1.0, 1.0]);
    if rng.random_bool(0.6) {
        (vehicle.at + along * (sign * (half.x + rng.random_range(0.3..2.5))), along.perp())
    } else {
        (vehicle.at + along.perp() * (sign * (half.y + rng.random_range(0.3..2.0))), along)
    }
}
