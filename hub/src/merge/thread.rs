//! A source of an incident: the begin, updates and end of one event of one camera's rule, folded into one thread. Which
//! of them came first changes nothing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;
use yiwang_wire::event::Severity;

use super::spot::{Spot, Stand};

/// A thread without an end is taken to last so long after it was last told of, microseconds.
const SILENT_US: i64 = 600_000_000;

/// A thread's name: from gateway and event, so that no gateway can take another one's place by using its ids.
pub fn thread_id(gateway: &str, event: Uuid) -> Uuid {
    let hash = Sha256::new().chain_update(gateway).chain_update([0]).chain_update(event.as_bytes()).finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

/// How urgent, as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// For the record.
    Low,
    /// To be looked at.
    Medium,
    /// To be acted on.
    High,
    /// To be acted on now.
    Urgent,
}

impl From<Severity> for Level {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Low => Level::Low,
            Severity::Medium => Level::Medium,
            Severity::High => Level::High,
            Severity::Urgent => Level::Urgent,
        }
    }
}

impl Level {
    /// All, least first.
    pub const ALL: [Level; 4] = [Level::Low, Level::Medium, Level::High, Level::Urgent];

    /// As written everywhere.
    pub fn as_str(self) -> &'static str {
        match self {
            Level::Low => "low",
            Level::Medium => "medium",
            Level::High => "high",
            Level::Urgent => "urgent",
        }
    }

    /// From the written form.
    pub fn parse(text: &str) -> Option<Level> {
        Level::ALL.into_iter().find(|level| level.as_str() == text)
    }
}

/// A source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Thread {
    /// From [`thread_id`].
    pub id: Uuid,
    /// The begin's id.
    pub event: Uuid,
    /// Gateway.
    pub gateway: String,
    /// Camera within it; none for events about the gateway.
    pub camera: Option<String>,
    /// The camera's name.
    pub camera_name: Option<String>,
    /// Whose camera.
    pub department: String,
    /// Kind.
    pub kind: String,
    /// Rule.
    pub rule: Option<String>,
    /// The highest that was told.
    pub severity: Level,
    /// Capture time of the begin.
    pub begin_us: i64,
    /// Capture time of the end.
    pub end_us: Option<i64>,
    /// Newest capture time.
    pub last_us: i64,
    /// How wrong these times may be.
    pub time_error_us: i64,
    /// True where the begin is all.
    pub momentary: bool,
    /// Where.
    pub spot: Option<Spot>,
    /// How the camera stood: whose views overlap matters where there is no calibration.
    pub stand: Option<Stand>,
    /// Where in the picture.
    pub point: Option<[f32; 2]>,
    /// Class of the object.
    pub class: Option<String>,
    /// The tracker's number, within the gateway's epoch.
    pub track: Option<u64>,
    /// Boot epoch.
    pub epoch: u64,
    /// When the hub received the begin.
    pub received_us: i64,
    /// True where it came out of the gateway's spool.
    pub late: bool,
    /// What its rule measured, by name: what the begin told of, at most [`MAX_MEASURES`]. Sources of an older hub say
    /// nothing.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub measures: BTreeMap<String, Measured>,
}

/// What a rule measured over the life of a thread.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// The most that was told.
    pub most: f64,
    /// What it was held against.
    pub threshold: Option<f64>,
    /// Unit.
    pub unit: String,
}

/// Measures of one thread that are kept; a rule has a handful.
pub const MAX_MEASURES: usize = 16;

/// Where a thread stands in the one order that all decisions follow.
pub type Key = (i64, Uuid);

impl Thread {
    /// Its place in the order.
    pub fn key(&self) -> Key {
        (self.begin_us, self.id)
    }

    /// It lasts until then, as far as is known.
    pub fn until_us(&self) -> i64 {
        match self.end_us {
            Some(end_us) => end_us.max(self.begin_us),
            None if self.momentary => self.begin_us,
            None => self.last_us.max(self.begin_us) + SILENT_US,
        }
    }

    /// True once nothing more is to come.
    pub fn is_over(&self) -> bool {
        self.momentary || self.end_us.is_some()
    }

    /// True where both are of one camera, or both of one gateway and of no camera.
    pub fn same_camera(&self, other: &Thread) -> bool {
        self.gateway == other.gateway && self.camera == other.camera
    }
}

/// What an update or an end adds to its thread.
#[derive(Debug, Clone, PartialEq)]
pub struct More {
    /// The thread.
    pub thread: Uuid,
    /// Capture time.
    pub captured_us: i64,
    /// True where it is the end.
    pub end: bool,
    /// Severity.
    pub severity: Level,
    /// What the rule measured.
    pub measures: BTreeMap<String, Measured>,
}

impl Thread {
    /// Takes in an update or an end; true where that changed something. The order of several does not matter.
    pub fn add(&mut self, more: &More) -> bool {
        let before = (self.end_us, self.last_us, self.severity);
        let measured = self.measure(&more.measures);
        self.last_us = self.last_us.max(more.captured_us);
        self.severity = self.severity.max(more.severity);
        if more.end {
            self.end_us = self.end_us.max(Some(more.captured_us));
        }
        measured || before != (self.end_us, self.last_us, self.severity)
    }

    /// Keeps the most of each measure that the begin named; true where that is more than was known.
    fn measure(&mut self, measures: &BTreeMap<String, Measured>) -> bool {
        let mut more = false;
        for (name, known) in &mut self.measures {
            if let Some(measured) = measures.get(name).filter(|measured| measured.most > known.most) {
                (known.most, more) = (measured.most, true);
            }
        }
        more
    }
}

/// Which sort of thing a class is; two sorts are never one object. A detector takes riders for walkers now and then.
pub(super) fn sort_of(class: &str) -> &'static str {
    match class {
        "person" | "two_wheeler" | "bicycle" | "motorcycle" => "person",
        "car" | "van" | "bus" | "truck" | "large_vehicle" => "vehicle",
        "bag" | "backpack" | "handbag" | "suitcase" => "bag",
        _ => "other",
    }
}
