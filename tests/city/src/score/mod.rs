//! Holds a feed against the truth: what was found, missed, told twice or told wrongly, by kind and by camera, and how
//! late or early; and boxes against boxes. Pure: lines in, a report out.

pub mod boxes;
mod feed;
mod judge;
mod matching;
mod poisson;
mod report;

pub use feed::{Clock, FeedError, Told, read};
pub use judge::{judge, told_as};
pub use matching::{Expected, Outcome, settle};
pub use poisson::upper_bound;
pub use report::{Count, Report, ToldFault};

use std::collections::{BTreeMap, BTreeSet};

use crate::truth::{Line, TrueCamera, TrueEvent, TrueFault};

/// Times beyond some thousand years are damage; bounded, their differences are numbers.
const TIME_MAX_US: i64 = 100_000_000_000_000_000;

fn bounded(t_us: i64) -> i64 {
    t_us.clamp(-TIME_MAX_US, TIME_MAX_US)
}

/// How a feed is judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Terms {
    /// How far an event's time may be off.
    pub tolerance_us: i64,
    /// What is told or true in so much time after a camera's start is not counted: whoever comes late to a stay does
    /// not know when it began.
    pub warm_up_us: i64,
    /// Only what happens from this time of the world on counts.
    pub from_us: i64,
    /// And only until this; none for all that the truth tells.
    pub to_us: Option<i64>,
    /// Only these cameras count; none for all that the truth has.
    pub cameras: Option<BTreeSet<String>>,
}

impl Default for Terms {
    fn default() -> Self {
        Self { tolerance_us: 1_500_000, warm_up_us: 0, from_us: i64::MIN, to_us: None, cameras: None }
    }
}

/// The truth as scoring needs it.
#[derive(Debug, Clone, Default)]
pub struct Truth {
    epoch_us: i64,
    cameras: BTreeMap<String, Watched>,
    told_to_us: Option<i64>,
}

/// One camera of it.
#[derive(Debug, Clone)]
struct Watched {
    camera: TrueCamera,
    events: Vec<TrueEvent>,
    faults: Vec<TrueFault>,
}

impl Truth {
    /// Collects what the lines tell. What is about a camera that no line has introduced is passed over.
    pub fn new(lines: impl IntoIterator<Item = Line>) -> Truth {
        let mut truth = Truth::default();
        let (mut events, mut faults) = (Vec::new(), Vec::new());
        for line in lines {
            match line {
                Line::Start(start) => truth.epoch_us = bounded(start.epoch_us),
                Line::Camera(mut camera) => {
                    camera.from_us = bounded(camera.from_us);
                    let id = camera.id.clone();
                    truth.cameras.insert(id, Watched { camera, events: Vec::new(), faults: Vec::new() });
                }
                Line::Event(event) => events.push(TrueEvent { t_us: bounded(event.t_us), ..event }),
                Line::Fault(fault) => {
                    let (from_us, to_us) = (bounded(fault.from_us), bounded(fault.to_us));
                    faults.push(TrueFault { from_us, to_us, ..fault });
                }
                Line::Told { to_us } => truth.told_to_us = truth.told_to_us.max(Some(bounded(to_us))),
                Line::Objects { .. } | Line::Incident(_) => {}
            }
        }
        for event in events {
            if let Some(watched) = truth.cameras.get_mut(&event.camera) {
                watched.events.push(event);
            }
        }
        for fault in faults {
            if let Some(watched) = truth.cameras.get_mut(&fault.camera) {
                watched.faults.push(fault);
            }
        }
        truth
    }

    /// Until when everything is told, time of the world; none where the lines do not say.
    pub fn told_to_us(&self) -> Option<i64> {
        self.told_to_us
    }

    /// Ids of its cameras.
    pub fn cameras(&self) -> impl Iterator<Item = &str> {
        self.cameras.keys().map(String::as_str)
    }

    /// A time of day as a time of the world.
    pub fn world_us(&self, utc_us: i64) -> i64 {
        bounded(utc_us.saturating_sub(self.epoch_us))
    }
}
