//! An event as CloudEvents 1.0 in structured JSON, with the extensions `sequence`, `recordedtime`, `severitytext`,
//! `severitynumber` and our `policyrevision`. Consumers dedupe on `source` + `id`.

use serde::Serialize;
use utoipa::ToSchema;
use yiwang_wire::event::Severity;

use crate::store::StoredEvent;
use crate::web::json;

/// What a type begins with: the kind and the phase follow.
pub const TYPE_PREFIX: &str = "cn.yiwang.";

/// The envelope.
#[derive(Debug, Serialize, ToSchema)]
pub struct CloudEvent {
    /// Always `1.0`.
    pub specversion: &'static str,
    /// The event's id.
    pub id: String,
    /// `/gateways/<gateway>/cameras/<camera>`, or `/gateways/<gateway>`.
    pub source: String,
    /// `cn.yiwang.<kind>.<phase>`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Capture time.
    pub time: String,
    /// Always `application/json`.
    pub datacontenttype: &'static str,
    /// `<gateway>/<camera>`, or the gateway.
    pub subject: String,
    /// Position in the log, 20 digits, so that it sorts as a string.
    pub sequence: String,
    /// When the hub received it.
    pub recordedtime: String,
    /// `low`, `medium`, `high` or `urgent`.
    pub severitytext: &'static str,
    /// The same on OpenTelemetry's scale: 9, 13, 17, 21.
    pub severitynumber: u8,
    /// Revision of the grants that let this subscriber have it.
    pub policyrevision: u64,
    /// The event.
    pub data: json::Event,
}

/// Projects an event.
pub fn project(stored: &StoredEvent, log_epoch: &str, policy_revision: u64) -> CloudEvent {
    let data = json::event(stored, log_epoch);
    let source = match &stored.event.camera {
        Some(camera) => format!("/gateways/{}/cameras/{}", segment(&stored.gateway), segment(camera)),
        None => format!("/gateways/{}", segment(&stored.gateway)),
    };
    CloudEvent {
        specversion: "1.0",
        id: data.id.clone(),
        source,
        kind: format!("{TYPE_PREFIX}{}.{}", data.kind, data.phase),
        time: data.captured.clone(),
        datacontenttype: "application/json",
        subject: data.camera.clone().unwrap_or_else(|| data.gateway.clone()),
        sequence: format!("{:020}", stored.position),
        recordedtime: data.received.clone(),
        severitytext: data.severity,
        severitynumber: severity_number(stored.event.severity),
        policyrevision: policy_revision,
        data,
    }
}

fn severity_number(severity: Severity) -> u8 {
    match severity {
        Severity::Low => 9,
        Severity::Medium => 13,
        Severity::High => 17,
        Severity::Urgent => 21,
    }
}

/// `source` is a URI reference: a camera's id may be any text, so what is not plain is escaped.
fn segment(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => escaped.push(byte as char),
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::conformance::sample_event;

    #[test]
    fn the_envelope_says_what_consumers_need_without_reading_the_data() {
        let mut stored = sample_event(17, "police", 1_790_000_000_123_456);
        stored.event.camera = Some("门 1".into());
        let value = serde_json::to_value(project(&stored, "abc", 3)).unwrap();
        let expected = [
            ("specversion", "1.0".into()),
            ("source", "/gateways/gw-police/cameras/%E9%97%A8%201".into()),
            ("type", "cn.yiwang.intrusion.begin".into()),
            ("time", "2026-09-21T14:13:20.123Z".into()),
            ("subject", "gw-police/门 1".into()),
            ("sequence", "00000000000000000017".into()),
            ("severitytext", "medium".into()),
            ("severitynumber", 13.into()),
            ("policyrevision", 3.into()),
        ];
        for (name, wanted) in expected {
            let wanted: serde_json::Value = wanted;
            assert_eq!(value[name], wanted, "{name}");
        }
        assert_eq!(value["data"]["position"], "abc-17");
        assert_eq!(value["data"]["id"], value["id"]);
    }
}
