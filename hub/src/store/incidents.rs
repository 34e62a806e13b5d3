//! What the store keeps of incidents: their sources, how they stand, the record of what people did, settings. The seam and
//! its plain data; incidents are made in `merge` and worked in `work`, and `desk` writes them.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::{Scope, StoreResult, StoredEvent};
use crate::desk::Summary;
use crate::ledger::{NewRecord, Record};
use crate::merge::{Level, Link, Thread};
use crate::work::baseline::{CameraKey, HourCount};
use crate::work::findings::Judged;
use crate::work::handover::Handover;
use crate::work::{Entry, Work};

/// A source and why it is where it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Source {
    /// The thread.
    pub thread: Thread,
    /// Why it joined; none of the first.
    pub link: Option<Link>,
}

/// An incident as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct IncidentRow {
    /// Its first source's thread.
    pub id: Uuid,
    /// Short number for people.
    pub number: i64,
    /// Grows with every change of any incident.
    pub change: i64,
    /// When the hub first knew of it.
    pub created_us: i64,
    /// When it changed last.
    pub updated_us: i64,
    /// What the sources say.
    pub summary: Summary,
    /// What people did.
    pub work: Work,
    /// How urgent, all considered.
    pub level: Level,
    /// By which rule, or by whom.
    pub level_why: Option<String>,
    /// When it is escalated or comes back from the shelf.
    pub due_us: Option<i64>,
}

/// What one step of the merge, or of a person, writes; in one transaction.
#[derive(Debug, Default)]
pub struct IncidentWrites {
    /// Sources that are new, other than before, or elsewhere, with their incident.
    pub sources: Vec<(Uuid, Source)>,
    /// Incidents as they stand now.
    pub rows: Vec<IncidentRow>,
    /// Incidents that are no more, where their sources went, and the change.
    pub gone: Vec<(Uuid, Option<Uuid>, i64)>,
    /// Hand-overs that are new or signed.
    pub handovers: Vec<Handover>,
}

impl IncidentWrites {
    /// True where there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.sources.is_empty() && self.rows.is_empty() && self.gone.is_empty() && self.handovers.is_empty()
    }
}

/// Which incidents.
#[derive(Debug, Clone, PartialEq)]
pub struct IncidentQuery {
    /// Whose; from `share`, never from the request alone.
    pub scope: Scope,
    /// Departments whose tasks open an incident beside the scope: the caller's own.
    pub dispatched_to: String,
    /// True: also those that are closed.
    pub closed: bool,
    /// Begun at or after.
    pub from_us: Option<i64>,
    /// Begun before.
    pub to_us: Option<i64>,
    /// West, south, east, north.
    pub bbox: Option<[f64; 4]>,
    /// Every word of it stands in the incident's text.
    pub words: Vec<String>,
    /// Begun before this, in the order newest first.
    pub after: Option<(i64, Uuid)>,
    /// At most this many.
    pub limit: usize,
}

/// What changed, for the feed.
#[derive(Debug, Clone, PartialEq)]
pub enum IncidentChange {
    /// It is, or is otherwise than before.
    Row(Box<IncidentRow>),
    /// It is no more.
    Gone {
        /// Which.
        id: Uuid,
        /// Where its sources went.
        into: Option<Uuid>,
        /// The change.
        change: i64,
    },
}

impl IncidentChange {
    /// Its number.
    pub fn change(&self) -> i64 {
        match self {
            IncidentChange::Row(row) => row.change,
            IncidentChange::Gone { change, .. } => *change,
        }
    }
}

/// What a person said of a camera beside what its gateway says; none: as the gateway says.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RegistryEntry {
    /// Whose picture it is (来源方).
    pub owner: Option<String>,
    /// Who keeps it running (管理方).
    pub steward: Option<String>,
    /// WGS-84 longitude and latitude.
    pub position: Option<(f64, f64)>,
    /// Where it looks.
    pub heading_deg: Option<f64>,
    /// Horizontal angle of view.
    pub field_of_view_deg: Option<f64>,
    /// Height of the lens.
    pub height_m: Option<f64>,
    /// How far it looks down.
    pub tilt_deg: Option<f64>,
    /// How far it sees usefully.
    pub range_m: Option<f64>,
}

/// The seam for incidents, the record and settings. As [`super::Store`]: not for async threads.
pub trait IncidentStore: Send + Sync {
    /// Indexes events, writes what they made of incidents, and notes the applied position, in one transaction.
    fn index_with(&self, events: &[Arc<StoredEvent>], writes: &IncidentWrites, applied: u64) -> StoreResult<()>;
    /// Writes what became of incidents and appends to the record, in one transaction; gives the records as they stand.
    /// `then` says what to write, knowing the numbers that the records got.
    fn record(&self, new: &[NewRecord], then: &mut dyn FnMut(&[Record]) -> IncidentWrites) -> StoreResult<Vec<Record>>;
    /// One incident by its name, or by any thread that is in it.
    fn incident(&self, id: Uuid) -> StoreResult<Option<IncidentRow>>;
    /// Its sources, first begin first.
    fn sources(&self, incident: Uuid) -> StoreResult<Vec<Source>>;
    /// Incidents, newest begin first.
    fn incidents(&self, query: &IncidentQuery) -> StoreResult<Vec<IncidentRow>>;
    /// What changed after a change, oldest first.
    fn incident_changes(&self, after: i64, limit: usize) -> StoreResult<Vec<IncidentChange>>;
    /// Departments that could see it once: whom its end concerns.
    fn departments_of(&self, incident: Uuid) -> StoreResult<Vec<String>>;
    /// Newest change, newest number, newest capture time of any source.
    fn newest_incident(&self) -> StoreResult<(i64, i64, i64)>;
    /// Incidents and sources in which something happened since, to go on with.
    fn live_incidents(&self, since_us: i64) -> StoreResult<Vec<(IncidentRow, Vec<Source>)>>;
    /// Steps on incidents, in the order of the record.
    fn entries(&self) -> StoreResult<Vec<Entry>>;
    /// Steps on one incident: those whose threads are in it now.
    fn entries_of(&self, incident: Uuid) -> StoreResult<Vec<Entry>>;
    /// Incidents that are due.
    fn due(&self, now_us: i64, limit: usize) -> StoreResult<Vec<Uuid>>;
    /// Records with lower numbers, newest first.
    fn records_before(&self, seq: i64, limit: usize) -> StoreResult<Vec<Record>>;
    /// Records with higher numbers, oldest first.
    fn records_after(&self, seq: i64, limit: usize) -> StoreResult<Vec<Record>>;
    /// Removes incidents of which nothing happened since, with their sources; the record stays.
    fn retain_incidents(&self, before_us: i64) -> StoreResult<usize>;
    /// Incidents that a camera saw since, newest first.
    fn camera_incidents(&self, gateway: &str, camera: &str, since_us: i64, limit: usize) -> StoreResult<Vec<Uuid>>;
    /// Sources with what became of their incidents, newest begin first: of incidents that were closed, or of one camera
    /// whatever became of them.
    fn judged(&self, camera: Option<(&str, &str)>, since_us: i64, limit: usize) -> StoreResult<Vec<Judged>>;
    /// A department's hand-overs with lower numbers, newest first.
    fn handovers(&self, department: &str, before: i64, limit: usize) -> StoreResult<Vec<Handover>>;
    /// What cameras told of in these hours.
    fn hourly(&self, hours: &[i64]) -> StoreResult<Vec<HourCount>>;
    /// What one camera told of by the hour, from an hour on.
    fn hourly_of(&self, gateway: &str, camera: &str, from_hour: i64) -> StoreResult<Vec<HourCount>>;
    /// Since which hour each camera has told of anything.
    fn hourly_firsts(&self) -> StoreResult<HashMap<CameraKey, i64>>;
    /// Rules and classes that each camera has told of.
    fn told(&self) -> StoreResult<Vec<(CameraKey, String)>>;
    /// Removes counts of hours before, some at a time; call again while it returns any.
    fn retain_hourly(&self, before_hour: i64) -> StoreResult<usize>;
    /// A setting.
    fn setting(&self, name: &str) -> StoreResult<Option<Value>>;
    /// Keeps a setting.
    fn set_setting(&self, name: &str, value: &Value) -> StoreResult<()>;
    /// What people said of cameras, by gateway and camera.
    fn registry_entries(&self) -> StoreResult<Vec<((String, String), RegistryEntry)>>;
    /// Keeps what a person says of a camera.
    fn set_registry_entry(&self, gateway: &str, camera: &str, entry: &RegistryEntry) -> StoreResult<()>;
}
