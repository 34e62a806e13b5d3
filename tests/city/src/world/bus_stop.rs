//! The queue at the bus stop: people wait, a bus comes, they board, others alight. It must not alarm anybody.

use glam::Vec2;
use rand::{RngExt, rngs::StdRng};

use super::{
    actor::ActorKind,
    net::{Gate, Leg},
    people::{People, Task},
    plan::{Plan, places},
    population::{self, Population},
    traffic::Traffic,
};

/// Longest queue.
const QUEUE_MAX: usize = 6;

/// Who waits, and which bus stands there.
#[derive(Debug, Default)]
pub(super) struct BusStop {
    waiting: Vec<u32>,
    due_s: f32,
    bus: Option<u32>,
}

impl BusStop {
    pub(super) fn step(
        &mut self,
        plan: &Plan,
        people: &mut People,
        traffic: &Traffic,
        population: &mut Population,
        rng: &mut StdRng,
        (busy, dt_s): (f32, f32),
    ) {
        if plan.hidden.is_empty() {
            return;
        }
        self.due_s -= dt_s;
        if self.due_s <= 0.0 && self.waiting.len() < QUEUE_MAX {
            self.due_s = rng.random_range(4.0..14.0) / busy.max(0.05);
            self.join(plan, people, population, rng);
        }
        let stands = |halt: super::traffic::Halt| halt.standing;
        let bus = traffic.vehicles.iter().find(|v| v.kind == ActorKind::Bus && v.halt.is_some_and(stands));
        let Some(bus) = bus else {
            self.bus = None;
            return;
        };
        if self.bus != Some(bus.id) {
            self.bus = Some(bus.id);
            self.alight(plan, people, population, rng);
        }
        self.waiting.retain(|id| !board(people, *id));
    }

    /// Somebody comes and stands behind the last one.
    fn join(&mut self, plan: &Plan, people: &mut People, population: &mut Population, rng: &mut StdRng) {
        let node = plan.net.nearest(places::BUS_QUEUE);
        let Some(&from) = plan.hidden.get(rng.random_range(0..plan.hidden.len().max(1))) else { return };
        // Who would walk for minutes takes another line.
        if plan.net.distance_m(from, node) > 130.0 {
            return;
        }
        let id = population.person(people, rng, plan.net.nodes[from]);
        let slot = places::BUS_QUEUE + Vec2::new(0.9 * self.waiting.len() as f32, rng.random_range(-0.12..0.12));
        let Some(person) = people.find(id) else { return };
        person.walk(plan.net.path(from, node));
        person.walk([Leg { from: plan.net.nodes[node], to: slot, half_m: 1.0, gate: Gate::Open }]);
        person
            .tasks
            .push_back(Task::Queue { facing: slot - Vec2::X * 5.0 + Vec2::new(0.0, rng.random_range(-4.0..1.0)) });
        self.waiting.push(id);
    }

    fn alight(&self, plan: &Plan, people: &mut People, population: &mut Population, rng: &mut StdRng) {
        let node = plan.net.nearest(places::BUS_QUEUE);
        for index in 0..rng.random_range(0..3u8) {
            let door = Vec2::new(places::BUS_HALT_X + 1.2 * f32::from(index) - 1.5, 9.7);
            let id = population.person(people, rng, door);
            let errand = population::errand(plan, rng, node);
            let Some(person) = people.find(id) else { continue };
            person.walk([Leg { from: door, to: plan.net.nodes[node], half_m: 1.0, gate: Gate::Open }]);
            person.tasks.extend(errand);
        }
    }
}

/// Sends somebody who has reached his place in the queue into the bus; whether he goes, or is not there any more.
fn board(people: &mut People, id: u32) -> bool {
    let Some(person) = people.find(id) else { return true };
    if !matches!(person.tasks.front(), Some(Task::Queue { .. })) {
        return false;
    }
    let door = Vec2::new(places::BUS_HALT_X, 9.3);
    person.tasks.clear();
    person.walk([Leg { from: person.at, to: door, half_m: 1.0, gate: Gate::Open }]);
    true
}
