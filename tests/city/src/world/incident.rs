//! What happens that somebody is to be told of: kinds, and one incident as the truth has it.

use glam::Vec2;

/// What kind of thing happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IncidentKind {
    /// Somebody is where nobody is allowed.
    Intrusion,
    /// Somebody crosses a line that is not to be crossed.
    LineCross,
    /// Somebody stays about for long.
    Loiter,
    /// Many people gather.
    Crowd,
    /// People are in a place that is normally empty.
    Occupancy,
    /// A car drives against the direction of its lane.
    WrongWay,
    /// A car stands where everybody drives.
    StoppedVehicle,
    /// Somebody leaves a bag behind.
    AbandonedObject,
    /// Somebody takes a bag that is not his.
    RemovedObject,
    /// A car drives much too fast.
    Speeding,
}

/// Something that happens in the city, whoever sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Incident {
    /// Its number.
    pub id: u32,
    /// What happens.
    pub kind: IncidentKind,
    /// Where, metres east and north.
    pub at: Vec2,
    /// When it began, microseconds since the world began.
    pub from_us: i64,
    /// When it ended; none while it lasts.
    pub to_us: Option<i64>,
    /// Identities of those who take part.
    pub actors: Vec<u32>,
    /// The place's name in Chinese.
    pub place_zh: &'static str,
    /// The place's name in English.
    pub place_en: &'static str,
}
