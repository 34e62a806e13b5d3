//! The shapes of incidents as they leave the hub.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::shapes::Measure;

/// A page of incidents.
#[derive(Debug, Serialize, ToSchema)]
pub struct Incidents {
    /// The incidents.
    pub incidents: Vec<Incident>,
    /// `cursor` of the next page; null at the end.
    pub next: Option<String>,
    /// The newest change: what the feed goes on after.
    pub change: i64,
    /// How many there are in all pages.
    pub total: usize,
}

/// An incident, made of what the caller may see.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Incident {
    /// Name.
    pub id: String,
    /// Of the work; sent back with every step.
    pub revision: u64,
    /// Grows with every change of any incident.
    pub change: i64,
    /// Short number for people.
    pub number: i64,
    /// `new`, `acknowledged`, `dispatched`, `resolved` or `closed`.
    pub state: &'static str,
    /// The same, or `cleared_unacknowledged`, `shelved`, `suppressed`.
    pub shown_as: &'static str,
    /// `low`, `medium`, `high` or `urgent`.
    pub severity: &'static str,
    /// By which rule or whose reason; null where it is the events' own.
    pub severity_why: Option<String>,
    /// Leading kind.
    pub kind: String,
    /// All kinds.
    pub kinds: Vec<String>,
    /// First capture time.
    pub begin: String,
    /// Newest capture time.
    pub last: String,
    /// When the last source ended.
    pub end: Option<String>,
    /// True once it ended.
    pub cleared: bool,
    /// When the hub first knew of it.
    pub created: String,
    /// When it changed last.
    pub updated: String,
    /// WGS-84 longitude and latitude.
    pub position: Option<[f64; 2]>,
    /// Its error.
    pub position_error_m: Option<f64>,
    /// Name of the first source's camera.
    pub place: Option<String>,
    /// Whose cameras saw it.
    pub departments: Vec<String>,
    /// `<gateway>/<camera>`.
    pub cameras: Vec<String>,
    /// Sources that the caller may see.
    pub sources: usize,
    /// What is not shown as an incident of its own.
    pub suppressed: Suppressed,
    /// Why the whole incident is kept out of the queue.
    pub suppressed_why: Option<String>,
    /// Sources that the caller may not see; told only of incidents that were dispatched to it.
    pub hidden: usize,
    /// Who has it.
    pub owner: Option<String>,
    /// Who saw it first.
    pub acknowledged_by: Option<String>,
    /// When.
    pub acknowledged: Option<String>,
    /// Out of the queue for a while.
    pub shelved: Option<Shelved>,
    /// Tasks in view.
    pub tasks: Vec<Task>,
    /// `true`, `false_alarm` or `exercise`.
    pub finding: Option<&'static str>,
    /// How it ended.
    pub resolution: Option<String>,
    /// Until when something must happen.
    pub deadline: Option<String>,
    /// What: `acknowledge`, `dispatch`, `resolve` or `close`.
    pub deadline_for: Option<&'static str>,
    /// True where that has passed.
    pub overdue: bool,
    /// How often that was escalated.
    pub escalated: u32,
    /// Who was told of that last: `operators` or `administrators`.
    pub escalated_to: Option<&'static str>,
    /// Seconds since it came, or since its state changed last.
    pub waiting_s: i64,
    /// What is unusual about it: so many of its kind before its camera in that hour, in English.
    pub unusual: Option<String>,
    /// The same in Chinese.
    pub unusual_zh: Option<String>,
    /// Comments.
    pub comments: u32,
}

/// What is not shown as an incident of its own.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Suppressed {
    /// The same rule of the same camera again.
    pub chatter: usize,
    /// The same seen by another camera.
    pub duplicates: usize,
}

/// Out of the queue for a while.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Shelved {
    /// Until when.
    pub until: String,
    /// Why.
    pub reason: String,
    /// By whom.
    pub by: String,
}

/// A department's task.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Task {
    /// Whose.
    pub department: String,
    /// `open`, `accepted`, `done` or `refused`.
    pub state: &'static str,
    /// What is to be done.
    pub note: String,
    /// Who sent it.
    pub dispatched_by: String,
    /// When.
    pub dispatched: String,
    /// When it was answered last.
    pub updated: String,
    /// The answer.
    pub answer: Option<String>,
}

/// An incident with its sources and history.
#[derive(Debug, Serialize, ToSchema)]
pub struct IncidentDetail {
    /// The incident.
    #[serde(flatten)]
    pub incident: Incident,
    /// Sources in view, first begin first.
    pub source_list: Vec<IncidentSource>,
    /// Steps in view, oldest first.
    pub history: Vec<HistoryEntry>,
    /// Steps that the caller may take now.
    pub may: Vec<&'static str>,
}

/// A source of an incident.
#[derive(Debug, Serialize, ToSchema)]
pub struct IncidentSource {
    /// Name.
    pub id: String,
    /// The begin's id.
    pub event: String,
    /// `<gateway>/<camera>`, or the gateway.
    pub camera: String,
    /// The camera's name.
    pub camera_name: Option<String>,
    /// Gateway.
    pub gateway: String,
    /// Whose camera.
    pub department: String,
    /// Kind.
    pub kind: String,
    /// Rule.
    pub rule: Option<String>,
    /// Severity that it told.
    pub severity: &'static str,
    /// Begin.
    pub begin: String,
    /// End.
    pub end: Option<String>,
    /// When the hub received the begin.
    pub received: String,
    /// True where it came out of the gateway's spool.
    pub late: bool,
    /// Class of the object.
    pub class: Option<String>,
    /// The camera's number for it.
    pub track: Option<u64>,
    /// WGS-84 longitude and latitude.
    pub position: Option<[f64; 2]>,
    /// Its error.
    pub error_m: Option<f64>,
    /// `ground`, `view`, `camera` or `none`.
    pub located_by: &'static str,
    /// `first`, `duplicate`, `chatter` or `related`.
    pub role: &'static str,
    /// True where its department's people have seen the incident, or the operations centre has.
    pub acknowledged: bool,
    /// Who was the first of them; of its own department before the centre.
    pub acknowledged_by: Option<String>,
    /// When.
    pub acknowledged_at: Option<String>,
    /// What its rule measured: the most of each value over its life, beside the threshold.
    pub measures: Vec<Measure>,
    /// Why it belongs to the incident; null of the first.
    pub why: Option<Why>,
}

/// Why a source belongs to an incident.
#[derive(Debug, Serialize, ToSchema)]
pub struct Why {
    /// In English.
    pub text_en: String,
    /// In Chinese.
    pub text_zh: String,
    /// The source that it was joined to.
    pub with: String,
    /// The two kinds.
    pub kinds: [String; 2],
    /// How far apart on the ground.
    pub distance_m: Option<f64>,
    /// The error of that.
    pub error_m: Option<f64>,
    /// The share of the views that overlaps, where that decided.
    pub overlap: Option<f64>,
    /// Seconds apart.
    pub apart_s: f64,
    /// `rule`, `same_camera`, `same_gateway` or `hand`.
    pub by: &'static str,
}

/// A step that was taken.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct HistoryEntry {
    /// Number in the record.
    pub seq: i64,
    /// The incident's revision after it.
    pub revision: u64,
    /// When.
    pub at: String,
    /// Who.
    pub by: String,
    /// Of which department.
    pub department: String,
    /// What.
    pub action: &'static str,
    /// The step in full.
    #[schema(value_type = Object)]
    pub detail: Value,
    /// True where it was taken back.
    pub undone: bool,
}

/// How many alarms come, by the numbers of ISA-18.2.
#[derive(Debug, Serialize, ToSchema)]
pub struct AlarmLoad {
    /// Whether there is a flood.
    pub flood: Flood,
    /// In the last ten minutes.
    pub last_10_min: usize,
    /// In the last hour.
    pub last_hour: usize,
    /// Mean of ten minutes over a day.
    pub per_10_min_24h: f64,
    /// Share of ten-minute windows with more than ten.
    pub windows_over_10_share: f64,
    /// Share of the day in flood.
    pub flood_time_share: f64,
    /// Most in a minute.
    pub peak_per_min: usize,
    /// Most in an hour.
    pub peak_per_hour: usize,
    /// Shares by severity.
    pub priorities: Priorities,
    /// Cameras' rules with the most.
    pub top_sources: Vec<LoadSource>,
    /// Their share of all.
    pub top_10_share: f64,
    /// Cameras' rules that chatter now.
    pub chattering: Vec<LoadSource>,
    /// Open for longer than a day.
    pub stale: usize,
    /// Open in all.
    pub open: usize,
    /// Kept out of the queue, or told again, within a day.
    pub suppressed_24h: usize,
    /// What groups what is open, largest first.
    pub groups: Vec<LoadGroup>,
}

/// Whether there is a flood.
#[derive(Debug, Serialize, ToSchema)]
pub struct Flood {
    /// There is.
    pub on: bool,
    /// Since when.
    pub since: Option<String>,
    /// It begins with more than so many in ten minutes.
    pub starts_at: usize,
    /// It ends below so many.
    pub ends_below: usize,
}

/// Shares by severity.
#[derive(Debug, Serialize, ToSchema)]
pub struct Priorities {
    /// Of all.
    pub low: f64,
    /// Of all.
    pub medium: f64,
    /// Of all.
    pub high: f64,
    /// Of all.
    pub urgent: f64,
}

/// A camera's rule and how often it told.
#[derive(Debug, Serialize, ToSchema)]
pub struct LoadSource {
    /// `<gateway>/<camera>`.
    pub camera: String,
    /// Rule.
    pub rule: String,
    /// How often.
    pub count: usize,
    /// Share of all.
    pub share: f64,
}

/// What several open incidents have in common.
#[derive(Debug, Serialize, ToSchema)]
pub struct LoadGroup {
    /// `gateway` or `kind`.
    pub by: &'static str,
    /// Which.
    pub key: String,
    /// How many.
    pub count: usize,
    /// Urgent ones among them.
    pub urgent: usize,
    /// Which, the most urgent and of these the newest first, at most 500.
    pub incidents: Vec<String>,
}
