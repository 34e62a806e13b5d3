//! People on foot: each has a list of things to do, walks in corridors, avoids others, and carries a bag or not.

use std::collections::VecDeque;

use glam::Vec2;

use super::{
    actor::{Actor, ActorKind, Pose},
    chance::{between, unit},
    net::{Gate, Leg},
    plan::Obstacle,
    signal::Signals,
    traffic::Traffic,
};

/// Something to do.
#[derive(Debug, Clone, Copy)]
pub(super) enum Task {
    /// Walk a leg to its end.
    Walk(Leg),
    /// Stand and look there.
    Stand { left_s: f32, facing: Vec2 },
    /// Go to and fro in a circle.
    Mill { centre: Vec2, radius_m: f32, left_s: f32 },
    /// Stand in a queue until called.
    Queue { facing: Vec2 },
    /// Bend down and do something.
    Bend { left_s: f32, act: Act },
}

/// What is done when bent down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    /// Put down what one carries.
    Put,
    /// Take a bag.
    Take(u32),
}

const BEND_S: f32 = 1.6;

/// Bends down to do something.
pub(super) fn bend(act: Act) -> Task {
    Task::Bend { left_s: BEND_S, act }
}

/// Somebody.
#[derive(Debug, Clone)]
pub(super) struct Person {
    pub(super) id: u32,
    look: u32,
    pub(super) at: Vec2,
    pub(super) velocity: Vec2,
    heading_rad: f32,
    /// Usual speed, metres a second.
    speed_mps: f32,
    pub(super) tasks: VecDeque<Task>,
    phase: f32,
    /// What is carried.
    pub(super) bag: Option<u32>,
    /// How far to the right one keeps in a corridor, part of its half width.
    side: f32,
    passed_gate: bool,
    waited_s: f32,
    /// Time without getting on; who is stuck walks through the others for a while.
    stuck_s: f32,
    /// Where a milling person goes now, and how often that was chosen.
    target: Option<Vec2>,
    choices: u32,
    /// Takes part in an incident.
    pub(super) busy: bool,
}

/// A bag; it lies where it was put or is carried.
#[derive(Debug, Clone)]
pub(super) struct Bag {
    pub(super) id: u32,
    look: u32,
    pub(super) at: Vec2,
    heading_rad: f32,
    pub(super) carried_by: Option<u32>,
    rolls: bool,
}

impl Bag {
    fn actor(&self, velocity_mps: Vec2) -> Actor {
        let base_m = if self.carried_by.is_some() && !self.rolls { 0.32 } else { 0.0 };
        Actor {
            id: self.id,
            kind: ActorKind::Bag,
            look: self.look,
            at: self.at,
            base_m,
            heading_rad: self.heading_rad,
            velocity_mps,
            pose: Pose::Rest,
            carried_by: self.carried_by,
        }
    }
}

/// Everybody on foot, and all bags.
#[derive(Debug, Default)]
pub(super) struct People {
    pub(super) persons: Vec<Person>,
    pub(super) bags: Vec<Bag>,
}

/// What people see of the world.
pub(super) struct Sight<'a> {
    pub(super) obstacles: &'a [Obstacle],
    pub(super) signals: Signals,
    pub(super) traffic: &'a Traffic,
}

impl Person {
    pub(super) fn new(id: u32, look: u32, at: Vec2) -> Person {
        Person {
            id,
            look,
            at,
            velocity: Vec2::ZERO,
            heading_rad: between(look, 11, -3.1, 3.1),
            speed_mps: between(look, 12, 1.12, 1.6),
            tasks: VecDeque::new(),
            phase: unit(look, 13),
            bag: None,
            side: between(look, 14, 0.05, 0.95),
            passed_gate: false,
            waited_s: 0.0,
            stuck_s: 0.0,
            target: None,
            choices: 0,
            busy: false,
        }
    }

    pub(super) fn walk(&mut self, legs: impl IntoIterator<Item = Leg>) {
        self.tasks.extend(legs.into_iter().map(Task::Walk));
    }

    /// Where one wants to go now, how fast, and how near is near enough; none: stay.
    fn wish(&mut self, sight: &Sight<'_>, dt_s: f32) -> Option<Vec2> {
        match self.tasks.front().copied()? {
            Task::Walk(leg) => {
                if !self.passed_gate && !self.may_pass(leg, sight, dt_s) {
                    return None;
                }
                self.passed_gate = true;
                let way = (leg.to - leg.from).normalize_or_zero();
                let along = (self.at - leg.from).dot(way);
                let lane = leg.from - way.perp() * self.side * leg.half_m;
                // A point of one's own lane some metres ahead.
                let ahead = (along + 2.5).min(leg.from.distance(leg.to) + 0.6);
                let speed = if leg.gate == Gate::Open { self.speed_mps } else { self.speed_mps.max(1.35) };
                Some((lane + way * ahead - self.at).normalize_or_zero() * speed)
            }
            Task::Mill { centre, radius_m, .. } => {
                let target = self.target.unwrap_or(centre);
                if self.target.is_none() || self.at.distance(target) < 0.35 {
                    self.choices += 1;
                    let angle = between(self.look, 100 + self.choices, 0.0, std::f32::consts::TAU);
                    let radius = radius_m * unit(self.look, 500 + self.choices).sqrt();
                    self.target = Some(centre + Vec2::from_angle(angle) * radius);
                }
                Some((target - self.at).normalize_or_zero() * 0.45)
            }
            Task::Stand { .. } | Task::Queue { .. } => {
                // Passers-by push; one goes back to where one stood.
                let back = *self.target.get_or_insert(self.at) - self.at;
                (back.length() > 0.3).then(|| back.normalize_or_zero() * 0.5)
            }
            Task::Bend { .. } => None,
        }
    }

    fn may_pass(&mut self, leg: Leg, sight: &Sight<'_>, dt_s: f32) -> bool {
        self.waited_s += dt_s;
        match leg.gate {
            Gate::Open => true,
            Gate::Signal(axis) => sight.signals.walk(axis),
            // Nobody waits for ever; drivers brake for who is on the road.
            Gate::Gap => self.waited_s > 20.0 || sight.traffic.gap(leg.from, leg.to, self.speed_mps.max(1.35)),
        }
    }

    /// Goes on with the list once a thing is done; tells what was done with bags.
    fn tick(&mut self, dt_s: f32) -> Option<Act> {
        let (mut done, mut act_done) = (false, None);
        match self.tasks.front_mut() {
            Some(Task::Walk(leg)) => {
                let length = leg.from.distance(leg.to);
                let along = (self.at - leg.from).dot((leg.to - leg.from) / length.max(1e-3));
                done = along > length - 0.5;
            }
            Some(Task::Stand { left_s, .. } | Task::Mill { left_s, .. }) => {
                *left_s -= dt_s;
                done = *left_s <= 0.0;
            }
            Some(Task::Bend { left_s, act }) => {
                let before = *left_s;
                *left_s -= dt_s;
                if before > BEND_S / 2.0 && *left_s <= BEND_S / 2.0 {
                    act_done = Some(*act);
                }
                done = *left_s <= 0.0;
            }
            Some(Task::Queue { .. }) | None => {}
        }
        if done {
            self.next();
        }
        act_done
    }

    fn next(&mut self) {
        self.tasks.pop_front();
        self.passed_gate = false;
        self.waited_s = 0.0;
        self.stuck_s = 0.0;
        self.target = None;
    }

    /// Turns towards where one goes, or looks.
    fn face(&mut self, dt_s: f32) {
        let facing = match self.tasks.front() {
            Some(Task::Stand { facing, .. } | Task::Queue { facing }) => Some(*facing - self.at),
            _ => None,
        };
        let Some(way) = Some(self.velocity).filter(|v| v.length() > 0.25).or(facing) else { return };
        let off = Vec2::from_angle(self.heading_rad).angle_to(way);
        if off.is_finite() {
            self.heading_rad += off.clamp(-5.0 * dt_s, 5.0 * dt_s);
        }
    }

    fn actor(&self) -> Actor {
        let walks = self.velocity.length() > 0.2;
        let pose = match self.tasks.front() {
            Some(Task::Bend { left_s, .. }) => {
                Pose::Bend { depth: (std::f32::consts::PI * (left_s / BEND_S).clamp(0.0, 1.0)).sin() }
            }
            _ if walks => Pose::Walk { phase: self.phase },
            _ => Pose::Stand { phase: self.phase },
        };
        Actor {
            id: self.id,
            kind: ActorKind::Pedestrian,
            look: self.look,
            at: self.at,
            base_m: 0.0,
            heading_rad: self.heading_rad,
            velocity_mps: self.velocity,
            pose,
            carried_by: None,
        }
    }

    fn hand(&self, bag: &Bag) -> Vec2 {
        let ahead = Vec2::from_angle(self.heading_rad);
        if bag.rolls { self.at - ahead * 0.45 - ahead.perp() * 0.2 } else { self.at - ahead.perp() * 0.36 }
    }
}

impl People {
    /// Gives a person a new bag to carry.
    pub(super) fn load(&mut self, person: u32, id: u32, look: u32) {
        let Some(person) = self.persons.iter_mut().find(|other| other.id == person) else { return };
        person.bag = Some(id);
        let rolls = !person.busy && unit(look, 21) < 0.3;
        self.bags.push(Bag { id, look, at: person.at, heading_rad: 0.0, carried_by: Some(person.id), rolls });
    }

    pub(super) fn find(&mut self, id: u32) -> Option<&mut Person> {
        self.persons.iter_mut().find(|person| person.id == id)
    }

    /// One step. Who has nothing left to do is gone, and what he carries with him.
    pub(super) fn step(&mut self, sight: &Sight<'_>, dt_s: f32) {
        let snapshot: Vec<(Vec2, Vec2)> = self.persons.iter().map(|person| (person.at, person.velocity)).collect();
        for (index, person) in self.persons.iter_mut().enumerate() {
            let wish = person.wish(sight, dt_s);
            person.go(wish, index, &snapshot, sight.obstacles, dt_s);
            person.face(dt_s);
            if let Some(act) = person.tick(dt_s) {
                handle(&mut self.bags, person, act);
            }
        }
        self.persons.retain(|person| !person.tasks.is_empty());
        let persons = &self.persons;
        self.bags.retain_mut(|bag| {
            let Some(carrier) = bag.carried_by else { return true };
            let Some(person) = persons.iter().find(|person| person.id == carrier) else { return false };
            bag.at = person.hand(bag);
            bag.heading_rad = person.heading_rad;
            true
        });
    }

    pub(super) fn actors(&self) -> impl Iterator<Item = Actor> {
        let bags = self.bags.iter().map(|bag| {
            let carrier = self.persons.iter().find(|person| Some(person.id) == bag.carried_by);
            bag.actor(carrier.map_or(Vec2::ZERO, |person| person.velocity))
        });
        self.persons.iter().map(Person::actor).chain(bags)
    }
}

fn handle(bags: &mut [Bag], person: &mut Person, act: Act) {
    let id = match act {
        Act::Put => person.bag.take(),
        Act::Take(id) => Some(id),
    };
    let Some(bag) = bags.iter_mut().find(|bag| Some(bag.id) == id) else { return };
    match act {
        Act::Put => {
            let ahead = Vec2::from_angle(person.heading_rad);
            bag.at = person.at + ahead * 0.45;
            bag.carried_by = None;
        }
        Act::Take(_) => {
            bag.carried_by = Some(person.id);
            person.bag = id;
        }
    }
}

impl Person {
    /// Moves towards the wish while keeping away from others and from what stands about (after the social force model,
    /// Helbing and Molnár 1995), and never leaves the corridor.
    fn go(&mut self, wish: Option<Vec2>, me: usize, others: &[(Vec2, Vec2)], obstacles: &[Obstacle], dt_s: f32) {
        let wanted = wish.unwrap_or(Vec2::ZERO);
        let mut force = (wanted - self.velocity) / 0.35;
        let ghost = self.stuck_s > 4.0;
        if !ghost {
            for (_, (at, velocity)) in others.iter().enumerate().filter(|(index, _)| *index != me) {
                force += repulsion(self.at - *at, wanted - *velocity, 0.42) * if wish.is_some() { 1.0 } else { 0.15 };
            }
            for obstacle in obstacles {
                force += repulsion(self.at - obstacle.at, wanted, obstacle.radius_m + 0.25);
            }
        }
        let before = self.at;
        self.velocity = (self.velocity + force * dt_s).clamp_length_max(wanted.length().max(0.3) * 1.2);
        if wish.is_none() && self.velocity.length() < 0.12 {
            self.velocity = Vec2::ZERO;
        }
        self.at += self.velocity * dt_s;
        if let Some(Task::Walk(leg)) = self.tasks.front() {
            self.at = inside(*leg, before, self.at);
        }
        let moved_m = self.at.distance(before);
        if wish.is_some() {
            self.stuck_s = if ghost {
                if self.stuck_s > 6.0 { 0.0 } else { self.stuck_s + dt_s }
            } else if moved_m < 0.25 * wanted.length() * dt_s {
                self.stuck_s + dt_s
            } else {
                (self.stuck_s - dt_s).max(0.0)
            };
        }
        // Two steps are about 0.8 of one's height.
        self.phase = if moved_m > 0.2 * dt_s {
            (self.phase + moved_m / 1.38).fract()
        } else {
            (self.phase + 0.11 * dt_s).fract()
        };
    }
}

/// Push away from something at `offset` (from it to me), with a turn to the right where we would meet.
fn repulsion(offset: Vec2, closing: Vec2, contact_m: f32) -> Vec2 {
    // Nearly all are far: they are left out before anything is worked out.
    let reach_m = 2.2 + contact_m;
    if offset.length_squared() > reach_m * reach_m * 1.001 {
        return Vec2::ZERO;
    }
    let distance = offset.length();
    if distance > reach_m || distance < 1e-3 {
        return Vec2::ZERO;
    }
    let away = offset / distance;
    let strength = 6.0 * ((contact_m - distance) / 0.3).exp().min(3.0);
    let head_on = (-away.dot(closing.normalize_or_zero())).max(0.0);
    let aside =
        -closing.normalize_or_zero().perp() * 1.2 * head_on * head_on * (1.0 - (distance - contact_m) / 2.2).max(0.0);
    away * strength + aside * closing.length().min(1.5)
}

/// Keeps a step in the corridor; who comes into it from outside comes nearer to its middle with each step.
fn inside(leg: Leg, before: Vec2, after: Vec2) -> Vec2 {
    let way = leg.to - leg.from;
    let foot = |point: Vec2| {
        let part = ((point - leg.from).dot(way) / way.length_squared().max(1e-6)).clamp(0.0, 1.0);
        leg.from + way * part
    };
    let limit = leg.half_m.max(before.distance(foot(before)) - 0.9 * before.distance(after));
    let axis = foot(after);
    axis + (after - axis).clamp_length_max(limit)
}
