//! The event as every part of the product knows it. Plain data: how it travels is in `codec.rs`, how it is shown to
//! people and machines outside is the hub's business.

use uuid::Uuid;

/// Where an event stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// It starts; a momentary kind (a line crossing) has only this phase.
    Begin,
    /// It goes on and a value changed.
    Update,
    /// It is over.
    End,
}

/// How urgent an event is, in the order of urgency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// For the record.
    Low,
    /// To be looked at.
    Medium,
    /// To be acted on.
    High,
    /// To be acted on now.
    Urgent,
}

/// Where a capture time comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TimeSource {
    /// The camera's RTCP sender reports, corrected by the estimated offset of its clock.
    SenderReport,
    /// The gateway's clock when the access unit arrived.
    Arrival,
    /// The media time of a recorded file.
    File,
    /// The gateway's clock: events about the gateway or a camera that sends nothing.
    GatewayClock,
}

/// A box in fractions of the picture, origin top left.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rect {
    /// Left edge, 0–1.
    pub x0: f32,
    /// Top edge, 0–1.
    pub y0: f32,
    /// Right edge, 0–1.
    pub x1: f32,
    /// Bottom edge, 0–1.
    pub y1: f32,
}

/// The object that an event speaks of, as the tracker saw it at that moment. Never an identity: the number lives as
/// long as the object stays in this camera's picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Subject {
    /// Track number, unique within a camera and a boot epoch.
    pub track: u64,
    /// Class name (`person`, `car`, …).
    pub class: String,
    /// Confidence of the class, 0–1.
    pub confidence: f32,
    /// Box in the picture.
    pub bbox: Rect,
    /// True where the box was predicted, not measured, at this moment.
    pub predicted: bool,
}

/// One value that a rule looked at, beside the threshold that it was held against.
#[derive(Debug, Clone, PartialEq)]
pub struct Measure {
    /// What was measured (`seconds_in_zone`, `objects`).
    pub name: String,
    /// The value.
    pub value: f64,
    /// The threshold, where the rule has one for it.
    pub threshold: Option<f64>,
    /// Unit (`s`, `objects`, `ms`); empty for a bare number.
    pub unit: String,
}

/// Which model saw it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Model {
    /// Name in the manifest.
    pub name: String,
    /// SHA-256 of the model file, lower-case hexadecimal.
    pub sha256: String,
    /// Input width and height in pixels.
    pub input_px: (u32, u32),
}

/// One event. `id` names it everywhere; (gateway, epoch, sequence) of its [`Record`] make it countable.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// UUIDv7.
    pub id: Uuid,
    /// For `Update` and `End`: the id of the `Begin`.
    pub cause: Option<Uuid>,
    /// Camera id, unique within the gateway; none for events about the gateway itself.
    pub camera: Option<String>,
    /// Open string: `intrusion`, `line_cross`, `camera.signal_lost`, …
    pub kind: String,
    /// Begin, update or end.
    pub phase: Phase,
    /// How urgent.
    pub severity: Severity,
    /// Rule id from the configuration, where a rule made it.
    pub rule: Option<String>,
    /// First 12 hexadecimal digits of the SHA-256 of the configuration in force.
    pub config_revision: String,
    /// Capture time, microseconds since 1970 UTC.
    pub captured_us: i64,
    /// Where `captured_us` comes from.
    pub time_source: TimeSource,
    /// How wrong `captured_us` may be, milliseconds.
    pub time_error_ms: u32,
    /// Crossing direction (`a_to_b`, `b_to_a`) where the kind has one.
    pub direction: Option<String>,
    /// The object, where there is one.
    pub subject: Option<Subject>,
    /// The point in the picture that decided (0–1), where there is one.
    pub point: Option<[f32; 2]>,
    /// Picture size in pixels, where there is a picture.
    pub frame_px: Option<(u32, u32)>,
    /// The values beside their thresholds: why it fired.
    pub measures: Vec<Measure>,
    /// The model, where one was used.
    pub model: Option<Model>,
    /// Cause in plain words for health events, further attributes of the kind; sorted by name.
    pub attributes: Vec<(String, String)>,
}

/// An event with its place in the gateway's own counting.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Boot epoch: grows with every start of the gateway.
    pub epoch: u64,
    /// Counts from 1 within the epoch, without gaps as the gateway's spool accepted them.
    pub sequence: u64,
    /// The event.
    pub event: Event,
}

/// What a kind is called, how urgent it is by default, what it may be merged with. Travels from the gateway's rule
/// table, so that a new rule touches neither wire nor hub nor page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KindDescriptor {
    /// The kind.
    pub kind: String,
    /// Label in Chinese.
    pub label_zh: String,
    /// Label in English.
    pub label_en: String,
    /// Severity where the rule sets none.
    pub severity: Severity,
    /// Kinds of one family may be one incident.
    pub merge_family: String,
    /// True where a `Begin` is the whole event.
    pub momentary: bool,
}
