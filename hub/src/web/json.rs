//! How domain data becomes the JSON that leaves the hub, by hand and in this one file; its shapes are in `shapes`. Nothing
//! here decides what may be shown.

use std::fmt::Write as _;

use time::OffsetDateTime;
use yiwang_wire::event::{self, KindDescriptor, Phase, Severity, TimeSource};

pub use super::shapes::*;
use crate::feed::cursor;
use crate::registry::presence::{CameraPresence, GatewayPresence};
use crate::store;

/// Who is logged in, what they see and whose pictures they look at.
pub(crate) fn session(session: &store::Session, (sees, looks): (Vec<String>, Vec<String>), hub: Hub) -> Session {
    Session {
        user: session.user.clone(),
        role: session.role.as_str(),
        department: session.department.clone(),
        sees,
        looks,
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
    Grant { department: grant.department, sees: grant.sees.text() }
}

/// A grant as a person wrote it.
pub(crate) fn grant_from(grant: Grant) -> store::Grant {
    store::Grant { department: grant.department, sees: store::Sees::parse(&grant.sees) }
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
