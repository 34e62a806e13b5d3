//! Events and messages for this crate's tests: fixed ones whose bytes are golden, and a strategy for arbitrary ones.

use proptest::prelude::*;
use uuid::Uuid;

use crate::event::{Event, Measure, Model, Phase, Record, Rect, Severity, Subject, TimeSource};
use crate::pb::{self, answer, ask, down, up};
use crate::picture::NoPicture;

/// A line crossing with every field that such an event has.
pub(crate) fn crossing() -> Event {
    Event {
        id: Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001),
        cause: None,
        camera: Some("gate-east".into()),
        kind: "line_cross".into(),
        phase: Phase::Begin,
        severity: Severity::Medium,
        rule: Some("mid_line".into()),
        config_revision: "0123456789ab".into(),
        captured_us: 1_700_000_000_123_456,
        time_source: TimeSource::SenderReport,
        time_error_ms: 40,
        direction: Some("a_to_b".into()),
        subject: Some(Subject {
            track: 17,
            class: "car".into(),
            confidence: 0.75,
            bbox: Rect { x0: 0.25, y0: 0.5, x1: 0.375, y1: 0.625 },
            predicted: false,
        }),
        point: Some([0.3125, 0.625]),
        frame_px: Some((1920, 1080)),
        measures: vec![Measure { name: "speed".into(), value: 0.5, threshold: Some(0.1), unit: "1/s".into() }],
        model: Some(Model { name: "yolox-nano".into(), sha256: "ab".repeat(32), input_px: (416, 416) }),
        attributes: vec![("note".into(), "东门".into())],
    }
}

/// The end of a lost signal: no subject, a cause, the gateway's clock.
pub(crate) fn signal_back() -> Event {
    Event {
        id: Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0002),
        cause: Some(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0003)),
        camera: Some("gate-west".into()),
        kind: "camera.signal_lost".into(),
        phase: Phase::End,
        severity: Severity::High,
        rule: None,
        config_revision: "0123456789ab".into(),
        captured_us: 1_700_000_000_000_000,
        time_source: TimeSource::GatewayClock,
        time_error_ms: 0,
        direction: None,
        subject: None,
        point: None,
        frame_px: None,
        measures: vec![],
        model: None,
        attributes: vec![("cause".into(), "stalled".into()), ("cause_text".into(), "no picture for 3 s".into())],
    }
}

/// `count` records of epoch 1 in order, crossings mostly.
pub(crate) fn records(count: u64) -> Vec<Record> {
    let event = |sequence| {
        if sequence % 8 == 0 { signal_back() } else { crossing() }
    };
    (1..=count).map(|sequence| Record { epoch: 1, sequence, event: event(sequence) }).collect()
}

/// One of each message that a gateway sends.
pub(crate) fn up_messages() -> Vec<up::Message> {
    let camera = pb::Camera {
        id: "gate-east".into(),
        name: "东门".into(),
        longitude: Some(120.1536),
        latitude: Some(30.2875),
        heading_deg: Some(90.0),
        field_of_view_deg: None,
    };
    let kind = pb::Kind {
        kind: "line_cross".into(),
        label_zh: "越线".into(),
        label_en: "Line crossed".into(),
        severity: 1,
        merge_family: "crossing".into(),
        momentary: true,
    };
    let gap = pb::Gap { from_us: 1_000_000, to_us: 2_000_000, reason: "stalled".into() };
    let mark = pb::Watermark {
        camera: "gate-east".into(),
        complete_to_us: 3_000_000,
        gaps: vec![gap],
        complete_from_us: None,
    };
    let status = pb::CameraStatus {
        camera: "gate-east".into(),
        state: "down".into(),
        cause: "refused".into(),
        cause_text: "the camera refuses the connection".into(),
        since_us: 1_000_000,
        analysed_fps: 4.5,
        clock_offset_ms: -3,
    };
    vec![
        up::Message::Hello(pb::Hello {
            version: 1,
            software: "yiwang-gateway 0.1.0".into(),
            epoch: 1_700_000_000_000,
            clock_us: 1_700_000_000_000_000,
            config_revision: "0123456789ab".into(),
            cameras: vec![camera],
            kinds: vec![kind],
            epochs_held: vec![1_699_999_999_999, 1_700_000_000_000],
            pictures: 0,
        }),
        up::Message::Watermarks(pb::Watermarks {
            epoch: 7,
            after_sequence: 42,
            cameras: vec![mark],
            sent_us: 3_100_000,
            lost: vec![pb::Durable { epoch: 7, ranges: vec![pb::Range { first: 3, last: 4 }] }],
        }),
        up::Message::Status(pb::Status {
            clock_us: 3_000_000,
            cameras: vec![status],
            spooled_events: 5,
            spooled_bytes: 1000,
            dropped_events: 1,
        }),
        up::Message::Renew(pb::Renew { csr_der: vec![0x30, 0x01, 0x02] }),
    ]
}

/// One of each message that a hub sends.
pub(crate) fn down_messages() -> Vec<down::Message> {
    let ranges = vec![pb::Range { first: 1, last: 9 }, pb::Range { first: 12, last: 12 }];
    let durable = vec![pb::Durable { epoch: 7, ranges }, pb::Durable { epoch: 8, ranges: vec![] }];
    vec![
        down::Message::Welcome(pb::Welcome {
            version: 1,
            hub: "yiwang-hub 0.1.0".into(),
            clock_us: 1_700_000_000_000_000,
            durable: durable.clone(),
            renew_now: true,
        }),
        down::Message::Ack(pb::Ack { durable, watermarks_us: 3_100_000 }),
        down::Message::Renewed(pb::Renewed { chain_pem: b"-----BEGIN CERTIFICATE-----".to_vec() }),
        down::Message::Refused(pb::Refused { code: 5, reason: "revoked".into() }),
    ]
}

/// One of each ask for pictures.
pub(crate) fn asks() -> Vec<pb::Ask> {
    let ask = |what| pb::Ask { camera: "gate-east".into(), what: Some(what) };
    let clip = pb::AskClip { from_us: 1_700_000_000_000_000, to_us: 1_700_000_012_000_000 };
    vec![
        ask(ask::What::Still(pb::AskStill { width_px_max: 1280 })),
        ask(ask::What::Live(pb::AskLive { number: 7 })),
        ask(ask::What::Clip(clip)),
    ]
}

/// One of each answer.
pub(crate) fn answers() -> Vec<answer::Answer> {
    let still = pb::Still {
        captured_us: 1_700_000_000_123_456,
        sent_us: 1_700_000_000_200_000,
        width_px: 1280,
        height_px: 720,
        masked: true,
        jpeg: vec![0xFF, 0xD8, 0xFF, 0xE0, 0x00, 0xFF, 0xD9],
    };
    let clip = pb::ClipBegins {
        from_us: 1_699_999_999_123_456,
        to_us: 1_700_000_012_000_000,
        sent_us: 1_700_000_020_000_000,
        bytes: 1_000_000,
        sha256: vec![0xAB; 32],
        codec: "avc1.64001f".into(),
        width_px: 1280,
        height_px: 720,
        pictures: 322,
        time_error_ms: 12,
    };
    vec![
        crate::codec::no_picture(NoPicture::SwitchedOff, "switched off"),
        answer::Answer::Still(still),
        answer::Answer::Live(pb::LiveBegins {}),
        answer::Answer::Clip(clip),
    ]
}

/// A keyframe's fragment.
pub(crate) fn fragment() -> pb::Fragment {
    pb::Fragment {
        captured_us: 1_700_000_000_123_456,
        sent_us: 1_700_000_000_200_000,
        keyframe: true,
        codec: "avc1.64001f".into(),
        head: b"ftyp moov".to_vec(),
        media: b"moof mdat".to_vec(),
    }
}

/// A joining request.
pub(crate) fn join() -> pb::Join {
    pb::Join {
        secret: "AAECAwQFBgcICQoLDA0ODw".into(),
        csr_der: vec![0x30, 0x01, 0x02],
        clock_us: 1_700_000_000_000_000,
        name: "east".into(),
        software: "yiwang-gateway 0.1.0".into(),
    }
}

/// Both answers to it.
pub(crate) fn joined() -> [pb::Joined; 2] {
    [
        pb::Joined {
            gateway: "gw-1".into(),
            department: "police".into(),
            chain_pem: b"-----BEGIN CERTIFICATE-----".to_vec(),
            clock_us: 1_700_000_000_000_000,
            refused: String::new(),
        },
        pb::Joined { clock_us: 5, refused: "the token was used".into(), ..Default::default() },
    ]
}

/// An arbitrary event that keeps to the contract.
pub(crate) fn event() -> impl Strategy<Value = Event> {
    let name = || "[a-z\u{4e00}-\u{4e20}_. ]{1,12}";
    let maybe = move || prop::option::of(name());
    let fraction = || 0.0f32..=1.0;
    let subject = (any::<u64>(), name(), fraction(), [fraction(), fraction(), fraction(), fraction()], any::<bool>())
        .prop_map(|(track, class, confidence, [x0, y0, x1, y1], predicted)| Subject {
            track,
            class,
            confidence,
            bbox: Rect { x0, y0, x1, y1 },
            predicted,
        });
    let number = prop::num::f64::NORMAL | prop::num::f64::ZERO;
    let measure = (name(), number, prop::option::of(number), "[a-z]{0,3}")
        .prop_map(|(name, value, threshold, unit)| Measure { name, value, threshold, unit });
    let model = (name(), any::<u8>(), 1u32..5000).prop_map(|(name, byte, side)| Model {
        name,
        sha256: format!("{byte:02x}").repeat(32),
        input_px: (side, side + 1),
    });
    let time = (0i64..4_000_000_000_000_000, 0u32..100_000, 0usize..4);
    let shape = (
        prop::option::of(subject),
        prop::option::of([fraction(), fraction()]),
        prop::option::of((1u32..9000, 1u32..9000)),
    );
    let lists = (
        prop::collection::vec(measure, 0..4),
        prop::option::of(model),
        prop::collection::vec((name(), ".{0,20}"), 0..4),
    );
    let head =
        (any::<u128>(), prop::option::of(any::<u128>()), maybe(), name(), 0usize..3, 0usize..4, maybe(), maybe());
    (head, time, shape, lists, maybe()).prop_map(|(head, time, shape, lists, revision)| Event {
        id: Uuid::from_u128(head.0),
        cause: head.1.map(Uuid::from_u128),
        camera: head.2,
        kind: head.3,
        phase: [Phase::Begin, Phase::Update, Phase::End][head.4],
        severity: [Severity::Low, Severity::Medium, Severity::High, Severity::Urgent][head.5],
        rule: head.6,
        direction: head.7,
        config_revision: revision.unwrap_or_default(),
        captured_us: time.0,
        time_error_ms: time.1,
        time_source: [TimeSource::SenderReport, TimeSource::Arrival, TimeSource::File, TimeSource::GatewayClock]
            [time.2],
        subject: shape.0,
        point: shape.1,
        frame_px: shape.2,
        measures: lists.0,
        model: lists.1,
        attributes: lists.2,
    })
}
