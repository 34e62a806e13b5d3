//! Gateway and hub in one thread, under a simulated clock: the product's spool and both of its sessions, joined by a
//! network that cuts, delays, overtakes and comes back, with crashes of either side at any byte of a write. Everything is
//! chosen by a seed, so that a failure can be run again.
//!
//! What is asserted, against a record that `record` keeps apart from the product:
//! - every event that the spool took over for good is in the hub's log, once; nothing else is;
//! - a camera is never called complete to a time while an event from before it is missing in the log.

mod gateway;
mod hub;
mod record;
mod wire;

use std::collections::VecDeque;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use self::gateway::SimGateway;
use self::hub::SimHub;
use self::record::Record;
use self::wire::{Stream, Weather, Wire};

/// One step of the clock.
const STEP_US: i64 = 2_000;
/// Faults happen for this long.
const FAULTS_US: i64 = 20_000_000;
/// After the faults everything must be in the log within this time.
const SETTLE_US: i64 = 120_000_000;
/// 2026, so that times look like times.
const START_US: i64 = 1_780_000_000_000_000;

/// What a run was like.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Events that the spool took over for good.
    pub emitted: usize,
    /// Events in the log in the end.
    pub arrived: usize,
    /// Of the emitted, not in the log.
    pub lost: usize,
    /// In the log more than once.
    pub doubled: usize,
    /// Connections that were made.
    pub connections: usize,
    /// Connections cut by the network.
    pub cuts: usize,
    /// Crashes of the gateway.
    pub gateway_crashes: usize,
    /// Crashes of the hub.
    pub hub_crashes: usize,
    /// Watermarks that the hub let through.
    pub watermarks: usize,
}

impl Summary {
    /// Adds another run's figures.
    pub fn add(&mut self, other: &Summary) {
        self.emitted += other.emitted;
        self.arrived += other.arrived;
        self.lost += other.lost;
        self.doubled += other.doubled;
        self.connections += other.connections;
        self.cuts += other.cuts;
        self.gateway_crashes += other.gateway_crashes;
        self.hub_crashes += other.hub_crashes;
        self.watermarks += other.watermarks;
    }
}

/// Runs a seed. The error says what was wrong.
pub fn run(seed: u64) -> Result<Summary, String> {
    let mut world = World::new(seed);
    while world.now_us < START_US + FAULTS_US {
        world.faults();
        world.step(true)?;
    }
    let deadline_us = world.now_us + SETTLE_US;
    world.gateway.down_until_us = 0;
    // Looking is dear, so not at every step.
    while world.now_us < deadline_us && !(world.now_us % 50_000 == 0 && world.settled()) {
        world.step(false)?;
    }
    world.judge()
}

struct World {
    rng: StdRng,
    now_us: i64,
    hub: SimHub,
    hub_down_until_us: i64,
    gateway: SimGateway,
    wire: Option<Wire>,
    /// Event pieces that the hub does not want yet.
    waiting: VecDeque<(Stream, Vec<u8>)>,
    connect_at_us: i64,
    record: Record,
    summary: Summary,
    /// Watermarks that were judged already.
    judged: usize,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let gateway = SimGateway::new(&mut rng, START_US);
        Self {
            rng,
            now_us: START_US,
            hub: SimHub::default(),
            hub_down_until_us: 0,
            gateway,
            wire: None,
            waiting: VecDeque::new(),
            connect_at_us: START_US,
            record: Record::default(),
            summary: Summary::default(),
            judged: 0,
        }
    }

    /// Now and then something breaks.
    fn faults(&mut self) {
        let each_s = |seconds: f64| {
            #[allow(clippy::cast_precision_loss, reason = "a step is short")]
            let share = STEP_US as f64 / 1e6 / seconds;
            share
        };
        if self.wire.is_some() && self.rng.random_bool(each_s(1.5)) {
            self.summary.cuts += 1;
            self.disconnect();
        }
        if self.hub_down_until_us <= self.now_us && self.rng.random_bool(each_s(4.0)) {
            self.summary.hub_crashes += 1;
            self.hub.crash(&mut self.rng);
            self.hub_down_until_us = self.now_us + self.rng.random_range(0..2_000_000);
            self.disconnect();
        }
        if self.gateway.is_up() && self.rng.random_bool(each_s(4.0)) {
            self.summary.gateway_crashes += 1;
            let down_us = self.rng.random_range(0..2_000_000);
            self.gateway.crash(&mut self.rng, self.now_us, self.now_us + down_us, &mut self.record);
            self.disconnect();
        }
    }

    /// The connection is gone for both sides; what was under way is lost.
    fn disconnect(&mut self) {
        self.wire = None;
        self.waiting.clear();
        self.hub.lost();
        self.gateway.lost(self.now_us);
        self.connect_at_us = self.now_us + self.rng.random_range(1_000..1_500_000);
    }

    fn step(&mut self, emitting: bool) -> Result<(), String> {
        self.now_us += STEP_US;
        self.gateway.work(&mut self.rng, self.now_us, emitting, &mut self.record)?;
        if self.wire.is_none() && self.connect_at_us <= self.now_us {
            self.connect();
        }
        self.deliver();
        if let Some(wire) = &mut self.wire {
            let hub = self.hub.step(&mut self.rng, self.now_us, wire);
            let gateway = self.gateway.step(&mut self.rng, self.now_us, wire)?;
            if !hub || !gateway {
                self.disconnect();
            }
        }
        self.judge_marks()
    }

    fn connect(&mut self) {
        if self.hub_down_until_us > self.now_us || !self.gateway.is_up() {
            self.connect_at_us = self.now_us + self.rng.random_range(50_000..500_000);
            return;
        }
        self.summary.connections += 1;
        let loss = [0.0, 0.01, 0.1][self.rng.random_range(0..3)];
        let delay_us = self.rng.random_range(200..60_000);
        let weather = Weather { delay_us, jitter_us: delay_us / 2 + 1, loss };
        self.wire = Some(Wire::new(weather));
        self.hub.accept(self.now_us);
        self.gateway.connected(self.now_us);
    }

    fn deliver(&mut self) {
        let Some(wire) = &mut self.wire else { return };
        while let Some((stream, piece)) = wire.arrived(self.now_us) {
            match stream {
                Stream::Down => self.gateway.take(self.now_us, &piece),
                Stream::Up => self.hub.take(self.now_us, stream, &piece),
                Stream::Events(_) => self.waiting.push_back((stream, piece)),
            }
        }
        while let Some((stream, _)) = self.waiting.front()
            && self.hub.wants(*stream)
        {
            let (stream, piece) = self.waiting.pop_front().expect("just looked at");
            self.hub.take(self.now_us, stream, &piece);
            // It may have asked the disk for more than it likes to have under way.
            if !self.hub.step(&mut self.rng, self.now_us, wire) {
                break;
            }
        }
    }

    fn settled(&self) -> bool {
        self.gateway.is_idle() && self.record.missing(&self.hub).is_empty()
    }

    /// A watermark is a promise: nothing from before it is missing.
    fn judge_marks(&mut self) -> Result<(), String> {
        for (epoch, mark) in &self.hub.marks[self.judged..] {
            self.record.check_mark(&self.hub, *epoch, mark)?;
        }
        self.judged = self.hub.marks.len();
        Ok(())
    }

    fn judge(mut self) -> Result<Summary, String> {
        let summary = &mut self.summary;
        summary.emitted = self.record.emitted();
        summary.arrived = self.hub.ids().len();
        summary.lost = self.record.missing(&self.hub).len();
        summary.doubled = self.record.doubled(&self.hub);
        summary.watermarks = self.hub.marks.len();
        let foreign = self.record.foreign(&self.hub);
        if summary.lost + summary.doubled + foreign > 0 || !self.hub.closed.is_empty() {
            let closed = &self.hub.closed;
            return Err(format!("{summary:?}, {foreign} in the log that nobody emitted, the hub ended: {closed:?}"));
        }
        Ok(self.summary)
    }
}
