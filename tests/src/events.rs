//! Events as a gateway's rules make them, for load and for faults: plausible in every field, so that sizes are real.

use uuid::Uuid;
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
