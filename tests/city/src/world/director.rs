//! Puts on incidents, one play at a place at a time, and writes down what really happened: an incident begins and ends
//! when its actors do what it is about, not when they are told to.

use glam::Vec2;
use rand::{RngExt, rngs::StdRng};

use super::{
    incident::{Incident, IncidentKind},
    people::{Bag, People},
    plan::Zone,
    scripts::{SCRIPTS, Script, Stage, Trigger},
    traffic::Traffic,
    turn::Turn,
};

/// A play that does not get to its point in this time is given up.
const PATIENCE_S: f32 = 200.0;

/// All plays and what came of them.
#[derive(Debug)]
pub(super) struct Director {
    scenes: Vec<Scene>,
    /// Seconds from one performance of a play to the next.
    period_s: f32,
    turn: Turn,
    pub(super) incidents: Vec<Incident>,
}

#[derive(Debug)]
struct Scene {
    script: Script,
    /// Seconds until it is put on again.
    due_s: f32,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    actors: Vec<u32>,
    since_s: f32,
    /// Where its actors were a step before, by identity.
    before: Vec<(u32, Vec2)>,
    /// Where it happens: the middle of those of its actors that count.
    place: Vec2,
    /// Its incident, once begun.
    incident: Option<usize>,
}

/// What one look at a running play shows.
enum Look {
    /// Nothing yet, or not any more.
    Off,
    /// It is on.
    On,
    /// It happened in this moment and is over.
    Moment(u32),
}

/// On as long as something counts.
fn on(places: Vec<Vec2>) -> (Look, Vec<Vec2>) {
    (if places.is_empty() { Look::Off } else { Look::On }, places)
}

impl Director {
    pub(super) fn new(per_min: f32, turn: Turn, rng: &mut StdRng) -> Director {
        let period_s = if per_min > 0.0 { SCRIPTS.len() as f32 * 60.0 / per_min } else { f32::INFINITY };
        let first = |script: &Script| Scene {
            script: *script,
            due_s: if per_min > 0.0 { rng.random_range(1.0..period_s.min(1e6)) } else { f32::INFINITY },
            running: None,
        };
        Director { scenes: SCRIPTS.iter().map(first).collect(), period_s, turn, incidents: Vec::new() }
    }

    /// One step; `now_us` is the time after it.
    pub(super) fn step(&mut self, stage: &mut Stage<'_>, now_us: i64, dt_s: f32) {
        for scene in &mut self.scenes {
            scene.due_s -= dt_s;
            let Some(running) = &mut scene.running else {
                if scene.due_s <= 0.0
                    && let Some(actors) = stage.begin(scene.script)
                {
                    scene.due_s = self.period_s * stage.rng.random_range(0.6..1.4);
                    scene.running =
                        Some(Running { actors, since_s: 0.0, before: Vec::new(), place: Vec2::ZERO, incident: None });
                }
                continue;
            };
            running.since_s += dt_s;
            let look = running.look(scene.script, stage.people, stage.traffic);
            let mut book = Book { turn: self.turn, incidents: &mut self.incidents };
            let over = running.tell(look, scene.script, now_us.max(0), &mut book);
            if over || (running.incident.is_none() && running.since_s > PATIENCE_S) {
                scene.running = None;
                scene.due_s = scene.due_s.max(4.0);
                if stage.population.closed == Some(scene.script) {
                    stage.population.closed = None;
                }
            }
        }
    }
}

impl Running {
    fn look(&mut self, script: Script, people: &People, traffic: &Traffic) -> Look {
        let walking = people.persons.iter().map(|person| (person.id, person.at, person.velocity.length()));
        let driving = traffic.vehicles.iter().map(|vehicle| (vehicle.id, vehicle.at(), vehicle.speed_mps));
        let mine: Vec<(u32, Vec2, f32)> = walking.chain(driving).filter(|(id, ..)| self.actors.contains(id)).collect();
        let count = |zone: Zone, speeds: std::ops::RangeInclusive<f32>| -> Vec<Vec2> {
            let counts = |at: Vec2, speed_mps: f32| zone.contains(at) && speeds.contains(&speed_mps);
            mine.iter().filter(|(_, at, speed_mps)| counts(*at, *speed_mps)).map(|(_, at, _)| *at).collect()
        };
        let (look, places) = match script.trigger() {
            Trigger::Inside(zone, least) => {
                let inside = count(zone, 0.0..=f32::INFINITY);
                (if inside.len() >= least { Look::On } else { Look::Off }, inside)
            }
            Trigger::Stands(zone) => on(count(zone, 0.0..=0.05)),
            Trigger::Fast(zone, least_mps) => on(count(zone, least_mps..=f32::INFINITY)),
            Trigger::Lies => {
                let lies = |bag: &&Bag| self.actors.contains(&bag.id) && bag.carried_by.is_none();
                on(people.bags.iter().filter(lies).map(|bag| bag.at).collect())
            }
            Trigger::Cross([from, to]) => {
                let side = |point: Vec2| (to - from).perp_dot(point - from) > 0.0;
                let before = |id: u32| self.before.iter().find(|(other, _)| *other == id).map(|(_, at)| *at);
                let crossed = |id: u32, at: Vec2| before(id).is_some_and(|before| side(before) != side(at));
                match mine.iter().find(|(id, at, _)| crossed(*id, *at)) {
                    Some((id, at, _)) => (Look::Moment(*id), vec![*at]),
                    None => (Look::Off, Vec::new()),
                }
            }
        };
        if !places.is_empty() {
            self.place = places.iter().sum::<Vec2>() / places.len() as f32;
        }
        self.before = mine.iter().map(|(id, at, _)| (*id, *at)).collect();
        look
    }

    /// Writes down what begins and ends; whether the play is over.
    fn tell(&mut self, look: Look, script: Script, now_us: i64, book: &mut Book<'_>) -> bool {
        match (self.incident, look) {
            (None, Look::On) => {
                self.incident = Some(book.incidents.len());
                book.write(script, script.kind(), self.place, now_us, None, self.actors.clone());
                false
            }
            (None, Look::Moment(id)) => {
                book.write(script, script.kind(), self.place, now_us, Some(now_us), vec![id]);
                true
            }
            (Some(index), Look::Off) => {
                book.incidents[index].to_us = Some(now_us);
                if matches!(script, Script::Bag { .. }) {
                    let actors = self.actors[1..].to_vec();
                    book.write(script, IncidentKind::RemovedObject, self.place, now_us, Some(now_us), actors);
                }
                true
            }
            _ => false,
        }
    }
}

/// Where incidents are written down.
struct Book<'a> {
    turn: Turn,
    incidents: &'a mut Vec<Incident>,
}

impl Book<'_> {
    fn write(
        &mut self,
        script: Script,
        kind: IncidentKind,
        plan_at: Vec2,
        from_us: i64,
        to_us: Option<i64>,
        actors: Vec<u32>,
    ) {
        let (place_zh, place_en) = script.place();
        let (id, at) = (self.incidents.len() as u32 + 1, self.turn.point(plan_at));
        self.incidents.push(Incident { id, kind, at, from_us, to_us, actors, place_zh, place_en });
    }
}
