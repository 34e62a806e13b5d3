//! Who comes and goes: people from alleys and street ends, vehicles from the ends of their routes, as many as the hour
//! brings.

use glam::Vec2;
use rand::{RngExt, rngs::StdRng};

use super::{
    actor::{Actor, ActorKind, Pose},
    net::Leg,
    people::{People, Person, Task},
    plan::{Known, Plan},
    scripts::Script,
    traffic::{Halt, Traffic, Vehicle},
};
use crate::camera::Camera;

/// Gives out identities and decides who comes.
#[derive(Debug, Default)]
pub(super) struct Population {
    ids: u32,
    /// Per route, when the next vehicle is due.
    due_s: Vec<f32>,
    people_due_s: f32,
    /// The play for which the side street is kept free of others.
    pub(super) closed: Option<Script>,
}

/// Part of the usual daytime number that is about at an hour.
pub(super) fn usual(hour: f32) -> f32 {
    const TABLE: [(f32, f32); 11] = [
        (0.0, 0.1),
        (5.0, 0.08),
        (6.5, 0.5),
        (8.0, 1.15),
        (10.0, 0.9),
        (12.0, 1.0),
        (15.0, 0.9),
        (18.0, 1.2),
        (21.0, 0.6),
        (23.0, 0.2),
        (24.0, 0.1),
    ];
    let after = TABLE.partition_point(|(at, _)| *at <= hour).clamp(1, TABLE.len() - 1);
    let ((h0, v0), (h1, v1)) = (TABLE[after - 1], TABLE[after]);
    v0 + (v1 - v0) * ((hour - h0) / (h1 - h0)).clamp(0.0, 1.0)
}

/// Nodes at the ends of ways where people can appear: out of every camera's sight.
pub(super) fn hidden(plan: &Plan, cameras: &[Camera]) -> Vec<usize> {
    let ends = |node: &usize| {
        let at = plan.net.nodes[*node];
        plan.net.legs().filter(|leg| leg.from == at || leg.to == at).count() == 1
    };
    (0..plan.net.nodes.len()).filter(ends).filter(|node| !seen(plan, cameras, plan.net.nodes[*node])).collect()
}

fn seen(plan: &Plan, cameras: &[Camera], at: Vec2) -> bool {
    cameras.iter().any(|camera| {
        let view = camera.view();
        let in_picture = view.project(at.extend(1.0)).is_some_and(|point| {
            let (width, height) = (view.size_px.0 as f32, view.size_px.1 as f32);
            (-20.0..width + 20.0).contains(&point.x) && (-20.0..height + 20.0).contains(&point.y)
        });
        in_picture
            && camera.at.distance(at) < 110.0
            && !plan.layout.buildings.iter().any(|building| building.hides(camera.at, at))
    })
}

impl Population {
    /// A new identity.
    pub(super) fn id(&mut self) -> u32 {
        self.ids += 1;
        self.ids
    }

    /// Somebody new at a place, with a bag or without.
    pub(super) fn person(&mut self, people: &mut People, rng: &mut StdRng, at: Vec2) -> u32 {
        let id = self.plain_person(people, rng, at);
        if rng.random_bool(0.3) {
            people.load(id, self.id(), rng.random());
        }
        id
    }

    /// Somebody new with empty hands.
    pub(super) fn plain_person(&mut self, people: &mut People, rng: &mut StdRng, at: Vec2) -> u32 {
        let id = self.id();
        people.persons.push(Person::new(id, rng.random(), at));
        id
    }

    /// A bag for somebody to carry and to forget: one of the larger ones.
    pub(super) fn big_bag(&mut self, people: &mut People, rng: &mut StdRng, person: u32) -> u32 {
        let id = self.id();
        let mut look = rng.random();
        // Half of all looks are larger than usual in a direction; a quarter are in both.
        for _ in 0..64 {
            let size = bag_size(look);
            if size.x > 0.5 && size.z > 0.5 {
                break;
            }
            look = rng.random();
        }
        people.load(person, id, look);
        id
    }

    /// People all over the place, before anybody looks.
    pub(super) fn fill(&mut self, plan: &Plan, people: &mut People, rng: &mut StdRng, busy: f32) {
        let legs: Vec<Leg> = plan.net.legs().collect();
        if legs.is_empty() {
            return;
        }
        for _ in 0..(plan.people * busy) as u32 {
            let leg = legs[rng.random_range(0..legs.len())];
            let at = leg.from.lerp(leg.to, rng.random_range(0.0..1.0));
            let id = self.person(people, rng, at);
            let node = plan.net.nearest(leg.to);
            let tasks = errand(plan, rng, node);
            let Some(person) = people.find(id) else { continue };
            person.walk([Leg { gate: super::net::Gate::Open, ..leg }]);
            person.tasks.extend(tasks);
        }
    }

    /// Lets come who is due.
    pub(super) fn come(
        &mut self,
        plan: &Plan,
        people: &mut People,
        traffic: &mut Traffic,
        rng: &mut StdRng,
        busy: f32,
        dt_s: f32,
    ) {
        self.people_due_s -= dt_s;
        if self.people_due_s <= 0.0 && (people.persons.len() as f32) < plan.people * busy && !plan.hidden.is_empty() {
            self.people_due_s = rng.random_range(0.2..1.6);
            let from = plan.hidden[rng.random_range(0..plan.hidden.len())];
            let id = self.person(people, rng, plan.net.nodes[from]);
            let tasks = errand(plan, rng, from);
            if let Some(person) = people.find(id) {
                person.tasks.extend(tasks);
            }
        }
        self.due_s.resize(traffic.routes.len(), 0.0);
        for index in 0..traffic.routes.len() {
            self.due_s[index] -= dt_s;
            let route = &traffic.routes[index];
            let per_s = route.per_min * busy / 60.0;
            let closed = self.closed.is_some() && index == Known::INTO_SIDE;
            if self.due_s[index] > 0.0 || per_s <= 0.0 || closed {
                continue;
            }
            // Exponential times are a Poisson stream.
            self.due_s[index] = -rng.random_range(1e-3..1.0f32).ln() / per_s;
            let (kind, usual_mps, bus_stop) =
                (Traffic::kind(route.traffic, rng.random()), route.speed_mps, route.bus_stop_m);
            let mut vehicle = Vehicle::new(self.id(), kind, rng.random(), index, usual_mps);
            if kind == ActorKind::Bus {
                let left_s = rng.random_range(12.0..18.0);
                vehicle.halt = bus_stop.map(|s_m| Halt { s_m, left_s, pull_m: 2.6, standing: false });
            }
            traffic.enter(vehicle);
        }
    }
}

/// What somebody does who is about: goes somewhere, perhaps stays there for a while, and leaves.
pub(super) fn errand(plan: &Plan, rng: &mut StdRng, from: usize) -> Vec<Task> {
    let mut tasks = Vec::new();
    let mut at = from;
    if !plan.spots.is_empty() && rng.random_bool(0.35) {
        let spot = plan.spots[rng.random_range(0..plan.spots.len())];
        tasks.extend(plan.net.path(at, spot.node).into_iter().map(Task::Walk));
        let node = plan.net.nodes[spot.node];
        let aside = Vec2::new(rng.random_range(-0.8..0.8), rng.random_range(-0.5..0.5));
        let there = Leg { from: node, to: spot.at + aside, half_m: 0.8, gate: super::net::Gate::Open };
        tasks.push(Task::Walk(there));
        tasks.push(Task::Stand { left_s: rng.random_range(6.0..45.0), facing: spot.facing });
        tasks.push(Task::Walk(Leg { from: there.to, to: node, ..there }));
        at = spot.node;
    }
    let ends: Vec<usize> = plan.hidden.iter().copied().filter(|node| *node != at).collect();
    if ends.is_empty() {
        return tasks;
    }
    let to = ends[rng.random_range(0..ends.len())];
    tasks.extend(plan.net.path(at, to).into_iter().map(Task::Walk));
    tasks
}

fn bag_size(look: u32) -> glam::Vec3 {
    let (kind, pose) = (ActorKind::Bag, Pose::Rest);
    let (at, velocity_mps) = (Vec2::ZERO, Vec2::ZERO);
    Actor { id: 0, kind, look, at, base_m: 0.0, heading_rad: 0.0, velocity_mps, pose, carried_by: None }.size_m()
}
