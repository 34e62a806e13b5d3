//! Vehicles: they follow routes and each other (the intelligent driver model, Treiber, Hennecke and Helbing 2000), stop
//! at red, for whatever is in their way, and at bus stops.

use glam::Vec2;

use super::{
    actor::{Actor, ActorKind, Pose},
    chance::{between, unit},
    route::{self, Route},
    signal::{Aspect, Signals},
};

/// Comfortable acceleration and braking, metres a second squared.
const ACCELERATE: f32 = 1.5;
const BRAKE: f32 = 2.2;
/// Distance kept at a standstill, and time kept when driving.
const GAP_M: f32 = 2.3;
const HEADWAY_S: f32 = 1.4;
/// How far ahead a driver looks.
const AHEAD_M: f32 = 55.0;

/// A stop on the way: a bus stop, or a car that breaks down.
#[derive(Debug, Clone, Copy)]
pub(super) struct Halt {
    /// Where its middle stops.
    pub(super) s_m: f32,
    pub(super) left_s: f32,
    /// How far to the right it pulls over.
    pub(super) pull_m: f32,
    /// It stands there now.
    pub(super) standing: bool,
}

/// Something on wheels with somebody in it or on it.
#[derive(Debug, Clone)]
pub(super) struct Vehicle {
    pub(super) id: u32,
    pub(super) kind: ActorKind,
    look: u32,
    pub(super) route: usize,
    /// Of its middle, along the route and to the left of it.
    pub(super) s_m: f32,
    left_m: f32,
    pub(super) speed_mps: f32,
    pub(super) wish_mps: f32,
    size: Vec2,
    braking: bool,
    waited_s: f32,
    phase: f32,
    pub(super) halt: Option<Halt>,
    pub(super) busy: bool,
    at: Vec2,
    heading: Vec2,
}

/// Something that can be in a vehicle's way.
#[derive(Debug, Clone, Copy)]
struct Body {
    id: u32,
    at: Vec2,
    velocity: Vec2,
    heading: Vec2,
    half: Vec2,
    /// It stands and will for long: worth changing lanes.
    broken: bool,
}

/// All vehicles.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    pub(super) routes: Vec<Route>,
    pub(super) vehicles: Vec<Vehicle>,
}

impl Vehicle {
    pub(super) fn new(id: u32, kind: ActorKind, look: u32, route: usize, usual_mps: f32) -> Vehicle {
        let slow = match kind {
            ActorKind::Bus | ActorKind::Truck => 0.8,
            _ => 1.0,
        };
        let wish_mps = usual_mps * slow * between(look, 31, 0.85, 1.15);
        let mut vehicle = Vehicle {
            id,
            kind,
            look,
            route,
            s_m: 0.0,
            left_m: if kind == ActorKind::Cyclist { between(look, 32, -0.35, 0.35) } else { 0.0 },
            speed_mps: wish_mps,
            wish_mps,
            size: Vec2::ZERO,
            braking: false,
            waited_s: 0.0,
            phase: unit(look, 33),
            halt: None,
            busy: false,
            at: Vec2::ZERO,
            heading: Vec2::X,
        };
        vehicle.size = vehicle.actor().size_m().truncate();
        vehicle.s_m = vehicle.size.x / 2.0;
        vehicle
    }

    pub(super) fn at(&self) -> Vec2 {
        self.at
    }

    fn actor(&self) -> Actor {
        let pose = match self.kind {
            ActorKind::Cyclist => Pose::Ride { phase: self.phase },
            _ => Pose::Drive { braking: self.braking },
        };
        Actor {
            id: self.id,
            kind: self.kind,
            look: self.look,
            at: self.at,
            base_m: 0.0,
            heading_rad: self.heading.to_angle(),
            velocity_mps: self.heading * self.speed_mps,
            pose,
            carried_by: None,
        }
    }

    /// Puts it on its route: the middle between its axles.
    fn place(&mut self, route: &Route) {
        let reach = self.size.x * 0.3;
        let point = |s: f32| {
            let (at, way) = route.at(s);
            at + way.perp() * self.left_m
        };
        let (rear, front) = (point(self.s_m - reach), point(self.s_m + reach));
        self.at = (rear + front) / 2.0;
        self.heading = (front - rear).normalize_or(self.heading);
    }

    fn body(&self) -> Body {
        let velocity = self.heading * self.speed_mps;
        let broken = self.busy && self.halt.is_some_and(|halt| halt.standing);
        Body { id: self.id, at: self.at, velocity, heading: self.heading, half: self.size / 2.0, broken }
    }
}

impl Body {
    /// Half of what it takes along and across a direction.
    fn extent(&self, way: Vec2) -> Vec2 {
        let (along, across) = (self.heading.dot(way).abs(), self.heading.perp_dot(way).abs());
        Vec2::new(self.half.x * along + self.half.y * across, self.half.x * across + self.half.y * along)
    }
}

/// What is ahead: distance that is free, how fast it moves away, and whose it is.
#[derive(Debug, Clone, Copy)]
struct Ahead {
    gap_m: f32,
    speed_mps: f32,
    broken: bool,
}

impl Traffic {
    pub(super) fn new(routes: Vec<Route>) -> Traffic {
        Traffic { routes, vehicles: Vec::new() }
    }

    /// Adds a vehicle at the start of its route if there is room.
    pub(super) fn enter(&mut self, mut vehicle: Vehicle) -> bool {
        let room_m = vehicle.size.x / 2.0 + 14.0;
        let (start, _) = self.routes[vehicle.route].at(vehicle.s_m);
        let free = |other: &Vehicle| other.at.distance(start) > room_m + other.size.x / 2.0;
        if !self.vehicles.iter().all(free) {
            return false;
        }
        vehicle.place(&self.routes[vehicle.route]);
        self.vehicles.push(vehicle);
        true
    }

    /// Whether somebody on foot can get from one point to the other without making anybody brake.
    pub(super) fn gap(&self, from: Vec2, to: Vec2, speed_mps: f32) -> bool {
        let (way, length) = ((to - from).normalize_or_zero(), from.distance(to));
        self.vehicles.iter().all(|vehicle| {
            let velocity = vehicle.heading * vehicle.speed_mps.max(1.0);
            // When it passes the line that is walked, and how far along that line.
            let (offset, rate) = (way.perp_dot(vehicle.at - from), way.perp_dot(velocity));
            let along = (vehicle.at - from).dot(way);
            if along < -1.0 || along > length + 1.0 || rate.abs() < 0.3 {
                return offset.abs() > 4.0 || !(-1.0..length + 1.0).contains(&along);
            }
            let passes_s = -offset / rate;
            let there_s = along / speed_mps;
            let margin_s = 2.6 + vehicle.size.x / 2.0 / vehicle.speed_mps.max(1.0);
            (passes_s - there_s).abs() > margin_s || passes_s < -1.0
        })
    }

    /// One step. `walkers` are positions and velocities of people who might be on a road.
    pub(super) fn step(&mut self, walkers: &[(u32, Vec2, Vec2)], signals: Signals, dt_s: f32) {
        let mut bodies: Vec<Body> = self.vehicles.iter().map(Vehicle::body).collect();
        bodies.extend(walkers.iter().map(|(id, at, velocity)| {
            let half = Vec2::splat(0.3);
            Body { id: *id, at: *at, velocity: *velocity, heading: Vec2::X, half, broken: false }
        }));
        let routes = &self.routes;
        for vehicle in &mut self.vehicles {
            let ahead = vehicle.look_ahead(routes, &bodies);
            if let Some((route, left_m)) = vehicle.other_lane(routes, ahead, &bodies) {
                vehicle.route = route;
                vehicle.left_m += left_m;
            }
            vehicle.drive(&routes[vehicle.route], ahead, signals, dt_s);
        }
        for vehicle in &mut self.vehicles {
            vehicle.place(&routes[vehicle.route]);
        }
        self.vehicles.retain(|vehicle| vehicle.s_m < routes[vehicle.route].length_m() - vehicle.size.x / 2.0);
    }

    pub(super) fn actors(&self) -> impl Iterator<Item = Actor> {
        self.vehicles.iter().map(Vehicle::actor)
    }
}

impl Vehicle {
    /// The nearest thing in the way, now or where it will be in a moment.
    fn look_ahead(&self, routes: &[Route], bodies: &[Body]) -> Option<Ahead> {
        let route = &routes[self.route];
        let half = self.size / 2.0;
        let (from, to) = (self.s_m, self.s_m + AHEAD_M);
        let mut nearest: Option<Ahead> = None;
        for body in bodies.iter().filter(|body| body.id != self.id && body.at.distance(self.at) < AHEAD_M + 6.0) {
            // Who waits for long stops guessing where others will be, else two might wait for each other for ever.
            let moments: &[f32] = if self.waited_s > 4.0 { &[0.0] } else { &[0.0, 0.8, 1.6] };
            for &moment in moments {
                let Some((s, left)) = route.locate(body.at + body.velocity * moment, from, to) else { continue };
                let (_, way) = route.at(s);
                let speed_mps = body.velocity.dot(way);
                // Of what drives the same way, only where it is now counts.
                if moment > 0.0 && speed_mps > 0.7 * body.velocity.length() {
                    continue;
                }
                let extent = body.extent(way);
                if (left - self.left_m).abs() > half.y + extent.y + 0.35 {
                    continue;
                }
                let gap_m = s - extent.x - (self.s_m + half.x);
                // Beside rather than before me, with its middle hardly ahead: the other one sees me.
                if gap_m < -half.x && s - self.s_m < 0.5 {
                    continue;
                }
                let speed_mps = speed_mps.max(0.0);
                if nearest.is_none_or(|other| gap_m < other.gap_m) {
                    nearest = Some(Ahead { gap_m, speed_mps, broken: body.broken });
                }
            }
        }
        let joining = self.give_way(routes, bodies);
        nearest.into_iter().chain(joining).min_by(|a, b| a.gap_m.total_cmp(&b.gap_m))
    }

    /// The line at which to wait while somebody comes on the road that is joined.
    fn give_way(&self, routes: &[Route], bodies: &[Body]) -> Option<Ahead> {
        let (line_m, road) = routes[self.route].give_way?;
        let gap_m = line_m - self.s_m - self.size.x / 2.0;
        let (joint, _) = routes[self.route].at(line_m + 10.0);
        let (joint_m, _) = routes[road].locate(joint, 0.0, f32::INFINITY)?;
        let comes = |body: &Body| {
            let place = routes[road].locate(body.at, joint_m - 50.0, joint_m + 5.0);
            body.id != self.id && place.is_some_and(|(_, left)| left.abs() < 2.0)
        };
        let waits = (-1.0..25.0).contains(&gap_m) && bodies.iter().any(comes);
        waits.then_some(Ahead { gap_m: gap_m + GAP_M - 0.5, speed_mps: 0.0, broken: false })
    }

    /// The lane beside, where the own one is blocked for long and the other one is free.
    fn other_lane(&self, routes: &[Route], ahead: Option<Ahead>, bodies: &[Body]) -> Option<(usize, f32)> {
        let (beside, left_m) = routes[self.route].beside?;
        let ahead = ahead.filter(|ahead| ahead.broken && ahead.gap_m > 4.0 && ahead.gap_m < 32.0)?;
        let route = &routes[beside];
        let clear = bodies.iter().filter(|body| body.id != self.id).all(|body| {
            let place = route.locate(body.at, self.s_m - 30.0, self.s_m + 30.0);
            let Some((s, _)) = place.filter(|(_, left)| left.abs() < 1.7) else { return true };
            let behind = self.s_m - s;
            let need = self.size.x / 2.0 + body.half.x + 3.0;
            if behind > 0.0 { behind > need + body.velocity.length() * 1.8 } else { -behind > need }
        });
        (clear && self.halt.is_none() && ahead.speed_mps < 0.5).then_some((beside, -left_m))
    }

    fn drive(&mut self, route: &Route, ahead: Option<Ahead>, signals: Signals, dt_s: f32) {
        let mut limits: Vec<(f32, f32)> = ahead.iter().map(|ahead| (ahead.gap_m, ahead.speed_mps)).collect();
        if let Some((stop_m, axis)) = route.stop {
            let gap_m = stop_m - self.s_m - self.size.x / 2.0;
            let stops = match signals.aspect(axis) {
                Aspect::Green => false,
                Aspect::Amber => gap_m > self.speed_mps * self.speed_mps / (2.0 * 3.0),
                Aspect::Red => true,
            };
            if stops && gap_m > -0.8 && gap_m < AHEAD_M {
                // The gap that is kept to a car is not kept to a line.
                limits.push((gap_m + GAP_M - 0.7, 0.0));
            }
        }
        self.halt_on_the_way(&mut limits, dt_s);
        let wish_mps = self.wish_mps.min(self.curve_mps(route));
        let most = if self.busy { 2.0 * ACCELERATE } else { ACCELERATE };
        let free = most * (1.0 - (self.speed_mps / wish_mps.max(0.1)).powi(4));
        let accelerate = limits.iter().fold(free, |least, (gap_m, speed_mps)| {
            let closing = self.speed_mps * (self.speed_mps - speed_mps);
            let wanted = GAP_M + (self.speed_mps * HEADWAY_S + closing / (2.0 * (ACCELERATE * BRAKE).sqrt())).max(0.0);
            let ratio = (self.speed_mps / wish_mps.max(0.1)).powi(4);
            least.min(most * (1.0 - ratio - (wanted / gap_m.max(0.1)).powi(2)))
        });
        let accelerate = accelerate.clamp(-8.0, most);
        self.braking = accelerate < -0.5 || (self.braking && self.speed_mps < 0.3);
        self.speed_mps = (self.speed_mps + accelerate * dt_s).max(0.0);
        if self.speed_mps < 0.05 && accelerate <= 0.0 {
            self.speed_mps = 0.0;
        }
        self.waited_s = if self.speed_mps < 0.3 { self.waited_s + dt_s } else { 0.0 };
        let moved_m = self.speed_mps * dt_s;
        self.s_m += moved_m;
        self.phase = (self.phase + moved_m / 4.2).fract();
        self.steer(moved_m);
    }

    /// Slows down for a stop of its own, counts the time there.
    fn halt_on_the_way(&mut self, limits: &mut Vec<(f32, f32)>, dt_s: f32) {
        let (at_m, speed_mps) = (self.s_m, self.speed_mps);
        let Some(halt) = &mut self.halt else { return };
        let gap_m = halt.s_m - at_m;
        if gap_m < 0.6 && speed_mps < 0.1 {
            halt.standing = true;
        }
        if halt.standing {
            halt.left_s -= dt_s;
        }
        if halt.left_s <= 0.0 {
            self.halt = None;
        } else if gap_m < AHEAD_M {
            limits.push((gap_m.max(0.0) + GAP_M - 0.3, 0.0));
        }
    }

    /// Moves aside gently, as fast as a vehicle that rolls can.
    fn steer(&mut self, moved_m: f32) {
        let wanted = match &self.halt {
            Some(halt) if halt.s_m - self.s_m < 26.0 => -halt.pull_m,
            _ if self.kind == ActorKind::Cyclist => between(self.look, 32, -0.35, 0.35),
            _ => 0.0,
        };
        let most = moved_m * 0.17;
        self.left_m += (wanted - self.left_m).clamp(-most, most);
    }

    /// The speed at which the bend ahead can be taken.
    fn curve_mps(&self, route: &Route) -> f32 {
        let turn = |from: f32, to: f32| route.at(self.s_m + from).1.angle_to(route.at(self.s_m + to).1).abs();
        let near = turn(-2.0, 4.0);
        let far = turn(4.0, 16.0);
        if near > 0.15 {
            4.2
        } else if far > 0.3 {
            6.0
        } else {
            f32::INFINITY
        }
    }
}

impl Traffic {
    /// The usual kinds on a route, by chance.
    pub(super) fn kind(traffic: route::Traffic, chance: f32) -> ActorKind {
        match traffic {
            route::Traffic::Cycles => ActorKind::Cyclist,
            route::Traffic::All if chance < 0.13 => ActorKind::Bus,
            route::Traffic::All if chance < 0.25 => ActorKind::Truck,
            _ => ActorKind::Car,
        }
    }
}
