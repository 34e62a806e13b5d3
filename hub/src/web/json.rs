//! The JSON that leaves the hub: its types, from which the OpenAPI document is made, and how domain data becomes them, by
//! hand. Nothing here decides what may be shown.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use yiwang_wire::event::{self, KindDescriptor, Phase, Severity, TimeSource};

use crate::feed::cursor;
use crate::registry::presence::{CameraPresence, GatewayPresence};
use crate::store;

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
    /// Whose, or `all`.
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

/// A session's answer.
pub(crate) fn session(session: &store::Session, sees: Vec<String>, hub: Hub) -> Session {
    Session {
        user: session.user.clone(),
        role: session.role.as_str(),
        department: session.department.clone(),
        sees,
        hub,
    }
}

/// A gateway, with how it is now.
pub(crate) fn gateway(
    gateway: store::Gateway,
    presence: Option<&GatewayPresence>,
    cameras: usize,
    now_us: i64,
) -> Gateway {
    let last_contact_us = gateway.last_contact_us.max(presence.map(|p| p.last_contact_us));
    let connected = presence.filter(|p| gateway.revoked_us.is_none() && p.is_connected(now_us));
    let state = match () {
        () if gateway.revoked_us.is_some() => "revoked",
        () if connected.is_some() => "connected",
        () if last_contact_us.is_none() => "never",
        () => "no_contact",
    };
    Gateway {
        id: gateway.id,
        name: gateway.name,
        department: gateway.department,
        state,
        last_contact: last_contact_us.map(rfc3339),
        connected_since: connected.map(|p| rfc3339(p.connected_since_us)),
        address: connected.map(|p| p.address.to_string()),
        software: some_text(gateway.software),
        config_revision: some_text(gateway.config_revision),
        clock_offset_ms: connected.map(|p| p.clock_offset_ms),
        spooled_events: connected.map(|p| p.spooled_events),
        dropped_events: connected.map(|p| p.dropped_events),
        cameras,
        certificate_ends: rfc3339(gateway.certificate_ends_us),
    }
}

/// A camera, with how it is now. What its gateway said last is shown only while that gateway is heard.
pub(crate) fn camera(camera: store::Camera, gateway: Option<&Gateway>, presence: Option<&GatewayPresence>) -> Camera {
    let connected = gateway.is_some_and(|g| g.state == "connected");
    let said = presence.filter(|_| connected).and_then(|p| p.cameras.get(&camera.info.id));
    let last_contact = gateway.and_then(|g| g.last_contact.clone());
    let since = match said {
        Some(said) => Some(rfc3339(said.since_us)),
        None if connected => None,
        None => last_contact.clone(),
    };
    Camera {
        id: camera_id(&camera.gateway, &camera.info.id),
        gateway: camera.gateway,
        camera: camera.info.id,
        name: camera.info.name,
        department: camera.department,
        position: camera.info.place.map(Into::into),
        heading_deg: camera.info.heading_deg,
        field_of_view_deg: camera.info.field_of_view_deg,
        state: camera_state(connected, said),
        cause: said.and_then(|s| some_text(s.cause.clone())),
        cause_text: said.and_then(|s| some_text(s.cause_text.clone())),
        since,
        complete_to: camera.complete_to_us.map(rfc3339),
        gaps: camera
            .gaps
            .into_iter()
            .map(|gap| Gap { from: rfc3339(gap.from_us), to: rfc3339(gap.to_us), reason: gap.reason })
            .collect(),
        last_contact,
        last_event: camera.last_event_us.map(rfc3339),
        analysed_fps: said.map(|s| s.analysed_fps),
    }
}

fn camera_state(connected: bool, said: Option<&CameraPresence>) -> &'static str {
    match said.map(|s| s.state.as_str()) {
        _ if !connected => "no_contact",
        Some("ok") => "ok",
        Some("starting") | None => "starting",
        // A state of a newer gateway: whatever it is, it is not ok.
        Some(_) => "down",
    }
}

/// A kind.
pub(crate) fn kind(kind: KindDescriptor) -> Kind {
    Kind {
        kind: kind.kind,
        label_zh: kind.label_zh,
        label_en: kind.label_en,
        severity: severity_text(kind.severity),
        merge_family: kind.merge_family,
        momentary: kind.momentary,
    }
}

/// An event.
pub(crate) fn event(stored: &store::StoredEvent, log_epoch: &str) -> Event {
    let event = &stored.event;
    Event {
        id: event.id.to_string(),
        position: cursor::text(log_epoch, stored.position),
        cause: event.cause.map(|id| id.to_string()),
        gateway: stored.gateway.to_string(),
        camera: event.camera.as_ref().map(|camera| camera_id(&stored.gateway, camera)),
        camera_name: stored.camera_name.as_ref().map(|name| name.to_string()),
        department: stored.department.to_string(),
        kind: event.kind.clone(),
        phase: phase_text(event.phase),
        severity: severity_text(event.severity),
        rule: event.rule.clone(),
        config_revision: event.config_revision.clone(),
        captured: rfc3339(event.captured_us),
        time_source: time_source_text(event.time_source),
        time_error_ms: event.time_error_ms,
        received: rfc3339(stored.received_us),
        backfilled: stored.backfilled,
        direction: event.direction.clone(),
        subject: event.subject.as_ref().map(subject),
        point: event.point,
        frame_px: event.frame_px.map(Into::into),
        measures: event.measures.iter().map(measure).collect(),
        model: event.model.as_ref().map(|model| Model {
            name: model.name.clone(),
            sha256: model.sha256.clone(),
            input_px: model.input_px.into(),
        }),
        attributes: event.attributes.iter().cloned().collect(),
        position_wgs84: stored.place.map(Into::into),
        epoch: stored.epoch,
        sequence: stored.sequence,
    }
}

fn subject(subject: &event::Subject) -> Subject {
    let event::Rect { x0, y0, x1, y1 } = subject.bbox;
    Subject {
        track: subject.track,
        class: subject.class.clone(),
        confidence: subject.confidence,
        bbox: [x0, y0, x1, y1],
        predicted: subject.predicted,
    }
}

fn measure(measure: &event::Measure) -> Measure {
    Measure {
        name: measure.name.clone(),
        value: measure.value,
        threshold: measure.threshold,
        unit: measure.unit.clone(),
    }
}

/// A user, without the password's hash.
pub(crate) fn user(user: store::User) -> User {
    User { name: user.name, role: user.role.as_str(), department: user.department, created: rfc3339(user.created_us) }
}

/// A feed token, without its hash.
pub(crate) fn feed_token(token: store::FeedToken) -> FeedToken {
    FeedToken {
        id: token.id,
        department: token.department,
        note: token.note,
        created_by: token.created_by,
        created: rfc3339(token.created_us),
        last_used: token.last_used_us.map(rfc3339),
    }
}

/// A grant.
pub(crate) fn grant(grant: store::Grant) -> Grant {
    let sees = match grant.sees {
        store::Sees::All => "all".into(),
        store::Sees::Department(id) => id,
    };
    Grant { department: grant.department, sees }
}

/// A grant as a person wrote it.
pub(crate) fn grant_from(grant: Grant) -> store::Grant {
    let sees = if grant.sees == "all" { store::Sees::All } else { store::Sees::Department(grant.sees) };
    store::Grant { department: grant.department, sees }
}

/// A camera's id outside its gateway.
pub(crate) fn camera_id(gateway: &str, camera: &str) -> String {
    format!("{gateway}/{camera}")
}

/// As written everywhere.
pub(crate) fn severity_text(severity: Severity) -> &'static str {
    match severity {
        Severity::Low => "low",
        Severity::Medium => "medium",
        Severity::High => "high",
        Severity::Urgent => "urgent",
    }
}

/// From the written form.
pub(crate) fn severity_from(text: &str) -> Option<Severity> {
    [Severity::Low, Severity::Medium, Severity::High, Severity::Urgent].into_iter().find(|s| severity_text(*s) == text)
}

/// As written everywhere.
pub(crate) fn phase_text(phase: Phase) -> &'static str {
    match phase {
        Phase::Begin => "begin",
        Phase::Update => "update",
        Phase::End => "end",
    }
}

/// From the written form.
pub(crate) fn phase_from(text: &str) -> Option<Phase> {
    [Phase::Begin, Phase::Update, Phase::End].into_iter().find(|p| phase_text(*p) == text)
}

fn time_source_text(source: TimeSource) -> &'static str {
    match source {
        TimeSource::SenderReport => "sender_report",
        TimeSource::Arrival => "arrival",
        TimeSource::File => "file",
        TimeSource::GatewayClock => "gateway_clock",
    }
}

fn some_text(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

/// RFC 3339 in UTC with milliseconds. Times outside the years 1–9999 are shown as the nearest that can be written.
pub fn rfc3339(us: i64) -> String {
    // 0001-01-01 to 9999-12-31, in seconds since 1970.
    let seconds = us.div_euclid(1_000_000).clamp(-62_135_596_800, 253_402_300_799);
    let millis = us.rem_euclid(1_000_000) / 1000;
    let at = OffsetDateTime::from_unix_timestamp(seconds).expect("clamped to years that can be written");
    let mut text = String::with_capacity(24);
    let (year, month, day) = (at.year(), u8::from(at.month()), at.day());
    let (hour, minute, second) = at.to_hms();
    write!(text, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
        .expect("a String takes everything");
    text
}

/// Reads RFC 3339. In a query a `+` that was not escaped arrives as a blank; it is taken for what was meant.
pub(crate) fn us_from_rfc3339(text: &str) -> Option<i64> {
    let text = text.trim().replace(' ', "+");
    let at = OffsetDateTime::parse(&text, &time::format_description::well_known::Rfc3339).ok()?;
    i64::try_from(at.unix_timestamp_nanos().div_euclid(1000)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc3339_in_utc_with_milliseconds_and_read_back() {
        for (us, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_790_000_000_123_456, "2026-09-21T14:13:20.123Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (253_402_300_799_999_999, "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(rfc3339(us), text);
            assert_eq!(us_from_rfc3339(text), Some(us.div_euclid(1000) * 1000));
        }
        assert_eq!(rfc3339(i64::MAX).len(), 24);
        assert_eq!(us_from_rfc3339("1970-01-01T08:00:01 08:00"), Some(1_000_000));
        assert_eq!(us_from_rfc3339("yesterday"), None);
    }
}
