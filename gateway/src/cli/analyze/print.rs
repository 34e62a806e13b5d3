//! How `analyze` prints events: for people, as JSON lines, and for a scorer.

use serde_json::{Value, json};
use yiwang_wire::event::Phase;

use super::Format;
use crate::analyse::Found;
use crate::cli::out;

pub(super) fn print_all(found: &[Found], format: Format) -> u64 {
    let mut printed = 0;
    for one in found {
        let line = match format {
            Format::Text => Some(text(one)),
            Format::Jsonl => Some(jsonl(one).to_string()),
            Format::Score => score(one).map(|v| v.to_string()),
            // The page comes at the end, whole.
            Format::Html => continue,
        };
        if let Some(line) = line {
            out(&line);
            printed += 1;
        }
    }
    printed
}

fn text(found: &Found) -> String {
    let event = &found.event;
    let why: Vec<String> = event
        .measures
        .iter()
        .map(|m| match m.threshold {
            Some(threshold) => format!("{} {:.2}/{threshold:.2} {}", m.name, m.value, m.unit),
            None => format!("{} {:.2} {}", m.name, m.value, m.unit),
        })
        .collect();
    let subject = event.subject.as_ref().map_or(String::new(), |s| format!("{} #{} ", s.class, s.track));
    format!(
        "{:>9.2} s  {:<7} {:<12} {:<16} {subject}{} {}",
        seconds(found.media_us),
        phase(event.phase),
        event.kind,
        event.rule.as_deref().unwrap_or("-"),
        event.direction.as_deref().unwrap_or(""),
        why.join(", "),
    )
}

fn jsonl(found: &Found) -> Value {
    let event = &found.event;
    let subject = event.subject.as_ref();
    let measures: Vec<Value> = event
        .measures
        .iter()
        .map(|m| json!({ "name": m.name, "value": m.value, "threshold": m.threshold, "unit": m.unit }))
        .collect();
    json!({
        "kind": event.kind,
        "rule": event.rule,
        "phase": phase(event.phase),
        "media_time_s": seconds(found.media_us),
        "class": subject.map(|s| &s.class),
        "confidence": subject.map(|s| rounded(s.confidence)),
        "direction": event.direction,
        "track": subject.map(|s| s.track),
        "x": event.point.map(|p| rounded(p[0])),
        "y": event.point.map(|p| rounded(p[1])),
        "bbox": subject.map(|s| [s.bbox.x0, s.bbox.y0, s.bbox.x1, s.bbox.y1].map(rounded)),
        "severity": format!("{:?}", event.severity).to_lowercase(),
        "measures": measures,
        "id": event.id,
        "cause": event.cause,
        "camera": event.camera,
        "model": event.model.as_ref().map(|m| &m.name),
        "config_revision": event.config_revision,
    })
}

/// Crossings as they are, intrusion begin and end as `enter` and `exit`, loiter begin as `loiter`; updates and the
/// camera's own faults left out.
fn score(found: &Found) -> Option<Value> {
    let event = &found.event;
    event.rule.as_ref()?;
    let direction = match (event.kind.as_str(), event.phase) {
        (_, Phase::Update) | ("loiter", Phase::End) => return None,
        ("line_cross", _) => event.direction.clone()?,
        ("intrusion", Phase::Begin) => "enter".into(),
        ("intrusion", Phase::End) => "exit".into(),
        ("loiter", Phase::Begin) => "loiter".into(),
        (_, other) => phase(other).into(),
    };
    Some(json!({
        "rule": event.rule,
        "t_s": seconds(found.media_us),
        "direction": direction,
        "x": event.point.map(|p| rounded(p[0])),
    }))
}

pub(super) use crate::analyse::window::phase_word as phase;

/// Milliseconds are as exact as a picture's time is.
#[allow(clippy::cast_precision_loss, reason = "media time of a clip fits in 53 bits")]
pub(super) fn seconds(us: i64) -> f64 {
    (us as f64 / 1e3).round() / 1e3
}

fn rounded(value: f32) -> f64 {
    (f64::from(value) * 1e4).round() / 1e4
}
