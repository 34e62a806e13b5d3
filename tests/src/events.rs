//! Events as a gateway's rules make them, for load and for faults: plausible in every field, so that sizes are real.

use uuid::Uuid;
use yiwang_city::without_pixels::Line;
use yiwang_wire::event::{Event, KindDescriptor, Measure, Model, Phase, Rect, Severity, Subject, TimeSource};

/// The kind that all of them have.
pub fn kind() -> KindDescriptor {
    KindDescriptor {
        kind: "line_cross".into(),
        label_zh: "越线".into(),
        label_en: "Line crossing".into(),
        severity: Severity::Low,
        merge_family: "movement".into(),
        momentary: true,
    }
}

/// The kinds of all of the gateway's rules.
pub fn kinds() -> Vec<KindDescriptor> {
    yiwang_gateway::analyse::descriptors()
}

/// An event of `yiwang-city events` as its gateway would tell it; none where a field is none of a gateway's.
pub fn made(line: &Line) -> Option<Event> {
    let descriptor = kinds().into_iter().find(|known| known.kind == line.kind);
    let phase = match line.phase.as_str() {
        "begin" => Phase::Begin,
        "update" => Phase::Update,
        "end" => Phase::End,
        _ => return None,
    };
    let subject = line.track.zip(line.class.clone()).zip(line.point).map(|((track, class), [x, y])| {
        // A body stands on its point.
        let bbox =
            Rect { x0: (x - 0.03).max(0.0), y0: (y - 0.2).max(0.0), x1: (x + 0.03).min(1.0), y1: y.clamp(0.0, 1.0) };
        Subject { track, class, confidence: 0.9, bbox, predicted: false }
    });
    Some(Event {
        id: line.id.parse().ok()?,
        cause: line.cause.as_ref().and_then(|cause| cause.parse().ok()),
        camera: Some(line.camera.clone()),
        kind: line.kind.clone(),
        phase,
        severity: descriptor.map_or(Severity::Low, |descriptor| descriptor.severity),
        rule: Some(line.rule.clone()),
        config_revision: "0123456789ab".into(),
        captured_us: line.captured_us,
        time_source: TimeSource::SenderReport,
        time_error_ms: 20,
        direction: line.direction.clone(),
        subject,
        point: line.point,
        frame_px: Some((640, 360)),
        measures: Vec::new(),
        model: Some(Model { name: "yiwang-city-384".into(), sha256: "ab".repeat(32), input_px: (384, 224) }),
        attributes: Vec::new(),
    })
}

/// A crossing by a person or a car, different for each `number`, captured at `captured_us`.
pub fn crossing(camera: &str, number: u64, captured_us: i64) -> Event {
    #[allow(clippy::cast_precision_loss, reason = "a share of 1000")]
    let place = (number * 37 % 1000) as f32 / 1250.0;
    Event {
        id: Uuid::now_v7(),
        cause: None,
        camera: Some(camera.to_owned()),
        kind: kind().kind,
        phase: Phase::Begin,
        severity: Severity::Low,
        rule: Some(["gate", "lane_1", "lane_2"][number as usize % 3].into()),
        config_revision: "0123456789ab".into(),
        captured_us,
        time_source: TimeSource::SenderReport,
        time_error_ms: 12 + u32::try_from(number % 30).expect("below 30"),
        direction: Some(["a_to_b", "b_to_a"][number as usize % 2].into()),
        subject: Some(Subject {
            track: number,
            class: ["person", "car", "truck"][number as usize % 3].into(),
            confidence: 0.5 + place / 2.0,
            bbox: Rect { x0: place, y0: place / 2.0, x1: place + 0.1, y1: place / 2.0 + 0.3 },
            predicted: false,
        }),
        point: Some([place + 0.05, place / 2.0 + 0.3]),
        frame_px: Some((1920, 1080)),
        measures: vec![Measure {
            name: "distance".into(),
            value: f64::from(place),
            threshold: Some(0.02),
            unit: String::new(),
        }],
        model: Some(Model { name: "yolox-nano".into(), sha256: "ab".repeat(32), input_px: (416, 416) }),
        attributes: Vec::new(),
    }
}
