//! What is there and what happens. Logic only: no pixels, no clock, no files. The same seed gives the same world.
//!
//! A [`World`] is made from [`Options`] and advanced in steps of 40 ms. Inside, everything lies along the axes of a
//! plan (`plan`); what leaves is turned (`turn`).

mod actor;
#[cfg(test)]
mod alarms;
mod birds;
mod bus_stop;
mod cameras;
mod chance;
mod director;
mod faults;
mod incident;
mod layout;
mod light;
mod net;
mod people;
mod plan;
mod population;
mod route;
mod rules;
mod scripts;
mod signal;
#[cfg(test)]
mod tests;
mod traffic;
mod turn;

use glam::Vec2;
use rand::{RngExt, SeedableRng, rngs::StdRng};

use self::{
    birds::Bird,
    bus_stop::BusStop,
    director::Director,
    people::{People, Sight},
    plan::Plan,
    population::Population,
    scripts::Stage,
    signal::Signals,
    traffic::Traffic,
    turn::Turn,
};
use crate::camera::Camera;

pub use actor::{Actor, ActorKind, Pose};
pub use incident::{Incident, IncidentKind};
pub use layout::{Building, Ground, Layout, Name, NameKind, Prop, PropKind, Surface};
pub use light::Light;

/// A step of the world.
const STEP_US: i64 = 40_000;
/// The streets fill before the world begins.
const WARM_UP_US: i64 = 60_000_000;
/// Actors of the first incidents are on their way when the world begins; none gets there before.
const HEAD_START_US: i64 = 18_000_000;

/// What a world is like.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// The same seed gives the same world.
    pub seed: u64,
    /// Local hour at its beginning, 0–24.
    pub hour: f32,
    /// How fast the day goes by; movement is always as fast as it is.
    pub hours_per_hour: f32,
    /// 0 clear, 1 overcast.
    pub cloud: f32,
    /// 0 dry, 1 heavy rain.
    pub rain: f32,
    /// How much is going on; 1 is usual for the hour.
    pub density: f32,
    /// Whether cameras have faults.
    pub faults: bool,
    /// Incidents in the whole city.
    pub incidents_per_min: f32,
}

impl Default for Options {
    /// A fair day.
    fn default() -> Options {
        Options {
            seed: 1,
            hour: 10.0,
            hours_per_hour: 1.0,
            cloud: 0.3,
            rain: 0.0,
            density: 1.0,
            faults: false,
            incidents_per_min: 8.0,
        }
    }
}

/// A place and what happens in it.
pub struct World {
    options: Options,
    plan: Plan,
    turn: Turn,
    cameras: Vec<Camera>,
    rng: StdRng,
    now_us: i64,
    people: People,
    traffic: Traffic,
    population: Population,
    birds: Vec<Bird>,
    parked: Vec<Actor>,
    actors: Vec<Actor>,
    signal_shift_s: f32,
    bus_stop: BusStop,
    director: Director,
}

impl World {
    /// The city of a seed.
    pub fn new(options: Options) -> World {
        let mut rng = StdRng::seed_from_u64(options.seed);
        let (look, angle): (u32, f32) = (rng.random(), rng.random_range(0.0..std::f32::consts::TAU));
        let watches = cameras::city(look);
        let eyes: Vec<_> =
            watches.iter().flat_map(|watch| watch.zones.iter().map(|zone| (watch.camera.at, *zone))).collect();
        let mut plan = plan::city(look, &eyes);
        let mut cameras: Vec<Camera> = watches.into_iter().map(|watch| watch.camera).collect();
        if options.faults {
            faults::plan(&mut cameras, look);
        }
        plan.hidden = population::hidden(&plan, &cameras);
        World::furnish(options, plan, cameras, Turn::new(angle), rng)
    }

    fn furnish(options: Options, mut plan: Plan, mut cameras: Vec<Camera>, turn: Turn, mut rng: StdRng) -> World {
        let mut population = Population::default();
        let mut parked = std::mem::take(&mut plan.parked);
        for car in &mut parked {
            car.id = population.id();
            car.at = turn.point(car.at);
            car.heading_rad = turn.direction(car.heading_rad);
        }
        let director = Director::new(options.incidents_per_min, turn, &mut rng);
        let seed = rng.random();
        let birds = (0..5).map(|n| {
            let around = if n < 3 { Vec2::new(36.0, 34.0) } else { Vec2::new(-60.0, -110.0) };
            Bird::new(population.id(), seed, around)
        });
        let birds = birds.collect();
        turn.layout(&mut plan.layout);
        cameras.iter_mut().for_each(|camera| turn.camera(camera));
        let mut world = World {
            traffic: Traffic::new(std::mem::take(&mut plan.routes)),
            people: People::default(),
            now_us: -WARM_UP_US,
            actors: Vec::new(),
            signal_shift_s: rng.random_range(0.0..60.0),
            options,
            plan,
            turn,
            cameras,
            rng,
            population,
            birds,
            parked,
            bus_stop: BusStop::default(),
            director,
        };
        world.population.fill(&world.plan, &mut world.people, &mut world.rng, world.options.density * 1.0);
        world.advance(0);
        world
    }

    /// Everything that never moves.
    pub fn layout(&self) -> &Layout {
        &self.plan.layout
    }

    /// Its cameras.
    pub fn cameras(&self) -> &[Camera] {
        &self.cameras
    }

    /// Lets time pass, in steps of 40 ms; never backwards.
    pub fn advance(&mut self, to_us: i64) {
        let before_us = self.now_us;
        while self.now_us + STEP_US <= to_us {
            self.now_us += STEP_US;
            self.step(STEP_US as f32 / 1e6);
        }
        if self.now_us != before_us {
            self.collect();
        }
    }

    /// The time of the last step.
    pub fn now_us(&self) -> i64 {
        self.now_us
    }

    /// Everything that moves, now.
    pub fn actors(&self) -> &[Actor] {
        &self.actors
    }

    /// Incidents that have begun, in the order in which they did.
    pub fn incidents(&self) -> &[Incident] {
        &self.director.incidents
    }

    /// The local hour, 0–24.
    pub fn hour(&self) -> f32 {
        let passed_h = self.now_us as f64 / 3.6e9 * f64::from(self.options.hours_per_hour);
        (f64::from(self.options.hour) + passed_h).rem_euclid(24.0) as f32
    }

    /// The light, now.
    pub fn light(&self) -> Light {
        let Options { cloud, rain, .. } = self.options;
        // Gusts come and go within half a minute.
        let gust = (self.now_us as f64 / 1e6 / 31.0 * std::f64::consts::TAU).sin() as f32;
        Light::at_hour(self.hour(), cloud, rain, (0.35 + 0.3 * rain + 0.15 * gust).clamp(0.0, 1.0))
    }

    fn signals(&self) -> Signals {
        Signals::at(self.now_us as f64 / 1e6, self.signal_shift_s)
    }

    fn step(&mut self, dt_s: f32) {
        let signals = self.signals();
        let busy = population::usual(self.hour()) * self.options.density;
        self.population.come(&self.plan, &mut self.people, &mut self.traffic, &mut self.rng, busy, dt_s);
        let now = (busy, dt_s);
        self.bus_stop.step(&self.plan, &mut self.people, &self.traffic, &mut self.population, &mut self.rng, now);
        let walkers: Vec<_> =
            self.people.persons.iter().map(|person| (person.id, person.at, person.velocity)).collect();
        self.traffic.step(&walkers, signals, dt_s);
        let sight = Sight { obstacles: &self.plan.obstacles, signals, traffic: &self.traffic };
        self.people.step(&sight, dt_s);
        if self.now_us > -HEAD_START_US {
            let mut stage = Stage {
                plan: &self.plan,
                people: &mut self.people,
                traffic: &mut self.traffic,
                population: &mut self.population,
                rng: &mut self.rng,
            };
            self.director.step(&mut stage, self.now_us, dt_s);
        }
    }

    /// What there is now, turned into the city's coordinates, in the order of the identities.
    fn collect(&mut self) {
        let turn = self.turn;
        let t_s = self.now_us as f64 / 1e6;
        let moving = self.people.actors().chain(self.traffic.actors()).chain(self.birds.iter().map(|b| b.actor(t_s)));
        let turned = moving.map(|mut actor| {
            actor.at = turn.point(actor.at);
            actor.heading_rad = turn.direction(actor.heading_rad);
            actor.velocity_mps = turn.point(actor.velocity_mps);
            actor
        });
        let mut actors: Vec<Actor> = self.parked.iter().cloned().chain(turned).collect();
        actors.sort_by_key(|actor| actor.id);
        self.actors = actors;
    }
}
