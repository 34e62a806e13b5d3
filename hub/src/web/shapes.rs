//! The shapes of the JSON that leaves the hub, from which the OpenAPI document is made. How domain data becomes them is in
//! `json`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Who is logged in.
#[derive(Debug, Serialize, ToSchema)]
pub struct Session {
    /// User.
    pub user: String,
    /// `administrator`, `operator` or `department`.
    pub role: &'static str,
    /// Department.
    pub department: String,
    /// Departments whose data is shown.
    pub sees: Vec<String>,
    /// Those of them whose pictures may be looked at.
    pub looks: Vec<String>,
    /// The hub.
    pub hub: Hub,
}

/// The hub.
#[derive(Debug, Serialize, ToSchema)]
pub struct Hub {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: &'static str,
    /// Revision of the grants in force.
    pub policy_revision: u64,
    /// The map under the cameras, where the site has brought one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub basemap: Option<Basemap>,
}

/// Where the base map is and how it is drawn.
#[derive(Debug, Serialize, ToSchema)]
pub struct Basemap {
    /// Its PMTiles file, on this hub.
    pub url: &'static str,
    /// `wgs84` or `gcj02`.
    pub coordinates: &'static str,
}

/// Is there an administrator yet?
#[derive(Debug, Serialize, ToSchema)]
pub struct SetupState {
    /// True until there is one.
    pub needed: bool,
}

/// Departments in view.
#[derive(Debug, Serialize, ToSchema)]
pub struct Departments {
    /// By id.
    pub departments: Vec<Department>,
}

/// A department.
#[derive(Debug, Serialize, ToSchema)]
pub struct Department {
    /// Id.
    pub id: String,
    /// Name for people.
    pub name: String,
}

/// Gateways in view.
#[derive(Debug, Serialize, ToSchema)]
pub struct Gateways {
    /// By department and id.
    pub gateways: Vec<Gateway>,
}

/// A gateway and how it is now.
#[derive(Debug, Serialize, ToSchema)]
pub struct Gateway {
    /// Id.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// Department.
    pub department: String,
    /// `connected`, `no_contact`, `revoked` or `never` (joined, not seen since).
    pub state: &'static str,
    /// When it was last heard.
    pub last_contact: Option<String>,
    /// Since when it is connected.
    pub connected_since: Option<String>,
    /// Where it connects from.
    pub address: Option<String>,
    /// Its build.
    pub software: Option<String>,
    /// Revision of its configuration.
    pub config_revision: Option<String>,
    /// Its clock less the hub's.
    pub clock_offset_ms: Option<i64>,
    /// Events that it holds and the hub does not have yet.
    pub spooled_events: Option<u64>,
    /// Events that it had to drop since its start.
    pub dropped_events: Option<u64>,
    /// How many cameras it has.
    pub cameras: usize,
    /// When its certificate ends.
    pub certificate_ends: String,
}

/// Cameras in view.
#[derive(Debug, Serialize, ToSchema)]
pub struct Cameras {
    /// By gateway and id.
    pub cameras: Vec<Camera>,
}

/// A camera and how it is now.
#[derive(Debug, Serialize, ToSchema)]
pub struct Camera {
    /// `<gateway>/<camera>`.
    pub id: String,
    /// Gateway id.
    pub gateway: String,
    /// Id within the gateway.
    pub camera: String,
    /// Name for people.
    pub name: String,
    /// Department.
    pub department: String,
    /// WGS-84 longitude and latitude.
    pub position: Option<[f64; 2]>,
    /// Where it looks, degrees clockwise from north.
    pub heading_deg: Option<f64>,
    /// Horizontal angle of view.
    pub field_of_view_deg: Option<f64>,
    /// `ok`, `starting`, `down`, or `no_contact` while its gateway is not heard: then nobody knows.
    pub state: &'static str,
    /// Code of the cause while down.
    pub cause: Option<String>,
    /// The same in plain words.
    pub cause_text: Option<String>,
    /// Since when it is in this state.
    pub since: Option<String>,
    /// Every event up to this time is known, gaps excepted.
    pub complete_to: Option<String>,
    /// What was not analysed before that.
    pub gaps: Vec<Gap>,
    /// When its gateway was last heard.
    pub last_contact: Option<String>,
    /// Capture time of its newest event.
    pub last_event: Option<String>,
    /// Pictures analysed a second.
    pub analysed_fps: Option<f32>,
}

/// A time that was not analysed.
#[derive(Debug, Serialize, ToSchema)]
pub struct Gap {
    /// From.
    pub from: String,
    /// To.
    pub to: String,
    /// Why, a code.
    pub reason: String,
}

/// Kinds of events.
#[derive(Debug, Serialize, ToSchema)]
pub struct Kinds {
    /// By name.
    pub kinds: Vec<Kind>,
}

/// A kind of events, as gateways describe it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Kind {
    /// The kind.
    pub kind: String,
    /// Label in Chinese.
    pub label_zh: String,
    /// Label in English.
    pub label_en: String,
    /// Severity where a rule sets none.
    pub severity: &'static str,
    /// Kinds of one family may be one incident.
    pub merge_family: String,
    /// True where a `begin` is the whole event.
    pub momentary: bool,
}

/// A page of events, newest capture first.
#[derive(Debug, Serialize, ToSchema)]
pub struct Events {
    /// The events.
    pub events: Vec<Event>,
    /// `cursor` of the next page; null at the end.
    pub next: Option<String>,
}

/// An event.
#[derive(Debug, Serialize, ToSchema)]
pub struct Event {
    /// UUIDv7.
    pub id: String,
    /// Its place in the feed, `<log epoch>-<position>`.
    pub position: String,
    /// For `update` and `end`: the id of the `begin`.
    pub cause: Option<String>,
    /// Gateway id.
    pub gateway: String,
    /// `<gateway>/<camera>`; null for events about the gateway itself.
    pub camera: Option<String>,
    /// The camera's name when the event came.
    pub camera_name: Option<String>,
    /// Who owns the event.
    pub department: String,
    /// Open string: `intrusion`, `line_cross`, …
    pub kind: String,
    /// `begin`, `update` or `end`.
    pub phase: &'static str,
    /// `low`, `medium`, `high` or `urgent`.
    pub severity: &'static str,
    /// Rule id of the gateway's configuration.
    pub rule: Option<String>,
    /// Revision of that configuration.
    pub config_revision: String,
    /// When it was captured.
    pub captured: String,
    /// `sender_report`, `arrival`, `file` or `gateway_clock`.
    pub time_source: &'static str,
    /// How wrong `captured` may be.
    pub time_error_ms: u32,
    /// When the hub received it.
    pub received: String,
    /// True where the gateway sent it late, out of its spool.
    pub backfilled: bool,
    /// Crossing direction.
    pub direction: Option<String>,
    /// The object.
    pub subject: Option<Subject>,
    /// The point in the picture that decided, 0–1.
    pub point: Option<[f32; 2]>,
    /// Picture width and height in pixels.
    pub frame_px: Option<[u32; 2]>,
    /// The values beside their thresholds.
    pub measures: Vec<Measure>,
    /// The model.
    pub model: Option<Model>,
    /// Further attributes of the kind.
    pub attributes: BTreeMap<String, String>,
    /// The camera's place when the event came, WGS-84 longitude and latitude.
    pub position_wgs84: Option<[f64; 2]>,
    /// The gateway's boot epoch.
    pub epoch: u64,
    /// Its sequence in that epoch.
    pub sequence: u64,
}

/// The object of an event. The track is a number within one camera, never an identity.
#[derive(Debug, Serialize, ToSchema)]
pub struct Subject {
    /// Track number.
    pub track: u64,
    /// Class.
    pub class: String,
    /// Confidence of the class, 0–1.
    pub confidence: f32,
    /// Left, top, right, bottom, 0–1.
    pub bbox: [f32; 4],
    /// True where the box was predicted, not measured.
    pub predicted: bool,
}

/// A value that a rule looked at.
#[derive(Debug, Serialize, ToSchema)]
pub struct Measure {
    /// What was measured.
    pub name: String,
    /// The value.
    pub value: f64,
    /// What it was held against.
    pub threshold: Option<f64>,
    /// Unit.
    pub unit: String,
}

/// Which model saw it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Model {
    /// Name.
    pub name: String,
    /// SHA-256 of its file.
    pub sha256: String,
    /// Input width and height in pixels.
    pub input_px: [u32; 2],
}

/// Users.
#[derive(Debug, Serialize, ToSchema)]
pub struct Users {
    /// By name.
    pub users: Vec<User>,
}

/// A user.
#[derive(Debug, Serialize, ToSchema)]
pub struct User {
    /// Name.
    pub name: String,
    /// Role.
    pub role: &'static str,
    /// Department.
    pub department: String,
    /// When it was made.
    pub created: String,
}

/// Feed tokens that hold.
#[derive(Debug, Serialize, ToSchema)]
pub struct FeedTokens {
    /// Newest first.
    pub feed_tokens: Vec<FeedToken>,
}

/// A feed token, without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub struct FeedToken {
    /// Id.
    pub id: String,
    /// Department whose view it has.
    pub department: String,
    /// What it is for.
    pub note: String,
    /// Who made it.
    pub created_by: String,
    /// When it was made.
    pub created: String,
    /// When it was last used, to the minute.
    pub last_used: Option<String>,
}

/// A feed token that was made now.
#[derive(Debug, Serialize, ToSchema)]
pub struct NewFeedToken {
    /// Id.
    pub id: String,
    /// The token. Shown this once: the hub keeps only its hash.
    pub token: String,
}

/// The grants in force.
#[derive(Debug, Serialize, ToSchema)]
pub struct Grants {
    /// By department.
    pub grants: Vec<Grant>,
    /// Grows with every change.
    pub policy_revision: u64,
}

/// A department may see what another one has.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// Who sees.
    pub department: String,
    /// Whose, or `all`; `pictures/` before it opens pictures of what is seen, not the data.
    pub sees: String,
}

/// A ticket for one page's feed.
#[derive(Debug, Serialize, ToSchema)]
pub struct Ticket {
    /// For `/api/v1/feed?ticket=`.
    pub ticket: String,
    /// It opens feeds until then.
    pub expires: String,
}

/// How the hub is.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// `ok` or `failing`.
    pub status: &'static str,
    /// `writable`, or `stuck`: then nothing is acknowledged and the gateways keep their events.
    pub log: &'static str,
    /// Events of the log that are not shown yet.
    pub behind: u64,
    /// The last error while it lasts; only for callers on this machine.
    pub error: Option<String>,
}
