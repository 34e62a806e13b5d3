//! How each incident is played: who comes, from where, what he does. What the truth says of it is the director's.

use glam::Vec2;
use rand::{RngExt, rngs::StdRng};

use super::{
    actor::ActorKind,
    incident::IncidentKind,
    net::{Gate, Leg},
    people::{Act, People, Task, bend},
    plan::{
        Known, Plan, Zone,
        places::{self, BENCHES, BUS_BAG, CROWD, SCHOOL, SITE, STAGE},
    },
    population::Population,
    traffic::{Halt, Traffic, Vehicle},
};

/// A play.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Script {
    /// Somebody walks into the construction site and looks around.
    Intrude,
    /// Somebody crosses the street where the guard line is; to the north, or to the south.
    Jaywalk { north: bool },
    /// Somebody walks down to the water.
    Water,
    /// Somebody hangs about before the school.
    Loiter,
    /// People gather on the square.
    Crowd,
    /// A few people climb the stage.
    Stage,
    /// A car comes down the one-way street.
    WrongWay,
    /// A car breaks down.
    Breakdown,
    /// A bag is left and, later, taken by somebody else.
    Bag { square: bool },
    /// A car is in a hurry.
    Speed,
}

/// When an incident is on, as far as its place tells.
#[derive(Debug, Clone, Copy)]
pub(super) enum Trigger {
    /// At least so many of its actors are in the zone.
    Inside(Zone, usize),
    /// One of its actors crosses the line.
    Cross([Vec2; 2]),
    /// Its car stands in the zone.
    Stands(Zone),
    /// Its car is in the zone and faster than this, metres a second.
    Fast(Zone, f32),
    /// Its bag lies.
    Lies,
}

/// All plays.
pub(super) const SCRIPTS: [Script; 12] = [
    Script::Intrude,
    Script::Jaywalk { north: true },
    Script::Jaywalk { north: false },
    Script::Water,
    Script::Loiter,
    Script::Crowd,
    Script::Stage,
    Script::WrongWay,
    Script::Breakdown,
    Script::Bag { square: true },
    Script::Bag { square: false },
    Script::Speed,
];

/// How many make a crowd.
pub(super) const CROWD_COUNT: usize = 6;

impl Script {
    pub(super) fn kind(self) -> IncidentKind {
        match self {
            Script::Intrude => IncidentKind::Intrusion,
            Script::Jaywalk { .. } | Script::Water => IncidentKind::LineCross,
            Script::Loiter => IncidentKind::Loiter,
            Script::Crowd => IncidentKind::Crowd,
            Script::Stage => IncidentKind::Occupancy,
            Script::WrongWay => IncidentKind::WrongWay,
            Script::Breakdown => IncidentKind::StoppedVehicle,
            Script::Bag { .. } => IncidentKind::AbandonedObject,
            Script::Speed => IncidentKind::Speeding,
        }
    }

    pub(super) fn trigger(self) -> Trigger {
        match self {
            Script::Intrude => Trigger::Inside(SITE, 1),
            Script::Jaywalk { .. } => Trigger::Cross(places::GUARD_LINE),
            Script::Water => Trigger::Cross(places::WATER_LINE),
            Script::Loiter => Trigger::Inside(SCHOOL, 1),
            Script::Crowd => Trigger::Inside(CROWD, CROWD_COUNT),
            Script::Stage => Trigger::Inside(STAGE, 1),
            Script::WrongWay => Trigger::Inside(places::ONE_WAY, 1),
            Script::Breakdown => Trigger::Stands(places::KEEP_MOVING),
            Script::Bag { .. } => Trigger::Lies,
            Script::Speed => Trigger::Fast(places::ONE_WAY, 12.0),
        }
    }

    /// The place's name in Chinese and English.
    pub(super) fn place(self) -> (&'static str, &'static str) {
        match self {
            Script::Intrude => ("地铁工地", "Metro construction site"),
            Script::Jaywalk { .. } => ("解放路路口西侧", "Jiefang Road, west of the crossing"),
            Script::Water => ("滨江步道亲水台阶", "Riverside steps"),
            Script::Loiter => ("实验小学大门", "Primary school gate"),
            Script::Crowd | Script::Bag { square: true } => ("市民广场", "Citizens' square"),
            Script::Stage => ("市民广场舞台", "Citizens' square, stage"),
            Script::WrongWay | Script::Speed => ("书院巷单行道", "Shuyuan Lane, one way"),
            Script::Breakdown => ("解放路东段", "Jiefang Road, east"),
            Script::Bag { square: false } => ("解放路公交站", "Jiefang Road bus stop"),
        }
    }
}

/// Where a play is put on.
pub(super) struct Stage<'a> {
    pub(super) plan: &'a Plan,
    pub(super) people: &'a mut People,
    pub(super) traffic: &'a mut Traffic,
    pub(super) population: &'a mut Population,
    pub(super) rng: &'a mut StdRng,
}

impl Stage<'_> {
    /// Begins a play; the identities of who takes part. None: it can't be now.
    pub(super) fn begin(&mut self, script: Script) -> Option<Vec<u32>> {
        match script {
            Script::Intrude => Some(self.intrude()),
            Script::Jaywalk { north } => Some(vec![self.jaywalk(north)]),
            Script::Water => Some(vec![self.water()]),
            Script::Loiter => Some(vec![self.loiter()]),
            Script::Crowd => Some(self.crowd()),
            Script::Stage => Some(self.stage()),
            Script::WrongWay => self.alone(script, Known::WRONG_WAY, 8.0),
            Script::Breakdown => self.breakdown(),
            Script::Bag { square } => Some(self.bag(square)),
            Script::Speed => self.alone(script, Known::INTO_SIDE, 15.5),
        }
    }

    /// A person who comes to a node by the nearest hidden way, after a while, and does something there.
    fn actor(&mut self, near: Vec2, after_s: f32, scene: Vec<Task>, leave: Vec2) -> u32 {
        let (plan, node) = (self.plan, self.plan.net.nearest(near));
        let from = self.nearest_hidden(node);
        let id = self.population.plain_person(self.people, self.rng, plan.net.nodes[from]);
        let to = self.nearest_hidden(plan.net.nearest(leave));
        let Some(person) = self.people.find(id) else { return id };
        person.busy = true;
        if after_s > 0.0 {
            person.tasks.push_back(Task::Stand { left_s: after_s, facing: plan.net.nodes[node] });
        }
        person.walk(plan.net.path(from, node));
        person.tasks.extend(scene);
        person.walk(plan.net.path(plan.net.nearest(leave), to));
        id
    }

    fn nearest_hidden(&self, node: usize) -> usize {
        let net = &self.plan.net;
        let distance = |from: &usize| net.distance_m(*from, node);
        self.plan.hidden.iter().copied().min_by(|a, b| distance(a).total_cmp(&distance(b))).unwrap_or(node)
    }

    fn chance(&mut self, from: f32, to: f32) -> f32 {
        self.rng.random_range(from..to)
    }

    /// A point in a zone, so far from its border.
    fn within(&mut self, zone: Zone, margin_m: f32) -> Vec2 {
        let (from, to) = (zone.from + margin_m, zone.to - margin_m);
        Vec2::new(self.chance(from.x, to.x), self.chance(from.y, to.y))
    }

    fn intrude(&mut self) -> Vec<u32> {
        let gap = places::SITE_GAP;
        let (outside, inside) = (Vec2::new(gap.x, -12.0), Vec2::new(gap.x, gap.y - 2.0));
        let count = self.rng.random_range(1..3u8);
        (0..count)
            .map(|index| {
                let (first, second) = (self.within(SITE, 2.0), self.within(SITE, 2.0));
                let mut scene = ways(&[outside, inside, first]);
                scene.push(Task::Stand { left_s: self.chance(3.0, 7.0), facing: second });
                scene.extend(ways(&[first, second]));
                scene.push(Task::Stand { left_s: self.chance(2.0, 5.0), facing: first });
                scene.extend(ways(&[second, inside, outside]));
                self.actor(outside, f32::from(index) * 2.0, scene, outside)
            })
            .collect()
    }

    fn jaywalk(&mut self, north: bool) -> u32 {
        let x = self.chance(-26.5, -19.5);
        let (south_node, north_node) = (Vec2::new(-25.0, -12.0), Vec2::new(-25.0, 12.0));
        let (from_node, to_node) = if north { (south_node, north_node) } else { (north_node, south_node) };
        let kerb = |node: Vec2| Vec2::new(x, node.y * 0.84);
        let mut scene = ways(&[from_node, kerb(from_node)]);
        let across = Leg { from: kerb(from_node), to: kerb(to_node), half_m: 0.5, gate: Gate::Gap };
        scene.push(Task::Walk(across));
        scene.extend(ways(&[kerb(to_node), to_node]));
        self.actor(from_node, 0.0, scene, to_node)
    }

    fn water(&mut self) -> u32 {
        let node = Vec2::new(-60.0, -106.5);
        let x = self.chance(-63.0, -56.0);
        let (top, water) = (Vec2::new(x, -111.0), Vec2::new(x + 0.5, -116.6));
        let mut scene = ways(&[node, top, water]);
        scene.push(Task::Stand { left_s: self.chance(4.0, 9.0), facing: water - Vec2::Y * 5.0 });
        scene.extend(ways(&[water, top, node]));
        self.actor(node, 0.0, scene, node)
    }

    fn loiter(&mut self) -> u32 {
        let node = Vec2::new(-57.0, -12.0);
        let centre = Vec2::new(self.chance(-58.0, -55.5), -12.9);
        let mut scene = ways(&[node, centre]);
        scene.push(Task::Mill { centre, radius_m: 0.8, left_s: self.chance(18.0, 28.0) });
        scene.extend(ways(&[centre, node]));
        self.actor(node, 0.0, scene, node)
    }

    fn crowd(&mut self) -> Vec<u32> {
        let count = self.rng.random_range(8..11u8);
        let (node, centre) = (Vec2::new(40.0, 34.0), CROWD.middle());
        let turn = self.chance(0.0, 6.2);
        (0..count)
            .map(|index| {
                let n = f32::from(index);
                // A sunflower's seeds: even distances (Vogel 1979), the inner ones last.
                let radius_m = 0.95 * (f32::from(count) - n + 0.5).sqrt();
                let at = centre + Vec2::from_angle(turn + n * 2.399_963) * radius_m;
                let mut scene = ways(&[node, at]);
                scene.push(Task::Stand { left_s: 30.0 - n + self.chance(0.0, 3.0), facing: centre });
                scene.extend(ways(&[at, node]));
                self.actor(node, n * 1.3, scene, node)
            })
            .collect()
    }

    fn stage(&mut self) -> Vec<u32> {
        let (node, steps) = (Vec2::new(40.0, 52.0), Vec2::new(45.0, 48.0));
        let count = self.rng.random_range(2..4u8);
        (0..count)
            .map(|index| {
                let n = f32::from(index);
                let at = Vec2::new(49.5 + 2.4 * n, 46.0 + self.chance(-1.2, 2.0));
                let mut scene = ways(&[node, steps, at]);
                scene.push(Task::Stand { left_s: self.chance(9.0, 14.0), facing: Vec2::new(52.0, 36.0) });
                scene.extend(ways(&[at, steps, node]));
                self.actor(node, n * 3.0, scene, node)
            })
            .collect()
    }

    fn bag(&mut self, square: bool) -> Vec<u32> {
        let (node, zone) = if square { (Vec2::new(40.0, 18.0), BENCHES) } else { (Vec2::new(-52.0, 12.0), BUS_BAG) };
        let at = if square { self.within(zone, 1.9) } else { places::BUS_STOP_BAG };
        // The bag comes to lie an arm's length ahead; who takes it comes from the same side.
        let place = at + (node - at).normalize_or_zero() * 0.45;
        let mut put = ways(&[node, place]);
        put.push(bend(Act::Put));
        put.extend(ways(&[place, node]));
        let giver = self.actor(node, 0.0, put, node);
        let bag = self.population.big_bag(self.people, self.rng, giver);
        let mut take = ways(&[node, place]);
        take.push(bend(Act::Take(bag)));
        take.extend(ways(&[place, node]));
        // Who takes it sets out so much later than who leaves it.
        let after_s = self.chance(38.0, 48.0);
        let taker = self.actor(node, after_s, take, node);
        vec![giver, bag, taker]
    }

    /// A car alone in the side street: who waits until it is empty asks again.
    fn alone(&mut self, script: Script, route: usize, speed_mps: f32) -> Option<Vec<u32>> {
        if *self.population.closed.get_or_insert(script) != script {
            return None;
        }
        let side = [Known::INTO_SIDE, Known::WRONG_WAY];
        let empty = !self.traffic.vehicles.iter().any(|vehicle| side.contains(&vehicle.route));
        empty.then(|| self.car(route, None, speed_mps)).flatten()
    }

    fn breakdown(&mut self) -> Option<Vec<u32>> {
        let s_m = self.traffic.routes[Known::EAST_OUTER].locate(places::BREAKDOWN, 0.0, 400.0)?.0;
        let halt = Halt { s_m, left_s: self.chance(20.0, 28.0), pull_m: 0.0, standing: false };
        self.car(Known::EAST_OUTER, Some(halt), 11.0)
    }

    fn car(&mut self, route: usize, halt: Option<Halt>, speed_mps: f32) -> Option<Vec<u32>> {
        let id = self.population.id();
        let mut vehicle = Vehicle::new(id, ActorKind::Car, self.rng.random(), route, speed_mps);
        vehicle.busy = true;
        vehicle.halt = halt;
        self.traffic.enter(vehicle).then(|| vec![id])
    }
}

/// Straight ways from point to point.
fn ways(points: &[Vec2]) -> Vec<Task> {
    let leg = |pair: &[Vec2]| Task::Walk(Leg { from: pair[0], to: pair[1], half_m: 0.7, gate: Gate::Open });
    points.windows(2).map(leg).collect()
}
