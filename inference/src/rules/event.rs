//! The event as a rule makes it: without identifiers, wall-clock time or camera, which the gateway adds.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{ground::Place, picture::Point, track::Track};

/// Where an event stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// It starts; a momentary kind has only this phase.
    Begin,
    /// It goes on and a value changed.
    Update,
    /// It is over.
    End,
}

impl Phase {
    /// `begin`, `update` or `end`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Phase::Begin => "begin",
            Phase::Update => "update",
            Phase::End => "end",
        }
    }
}

/// How urgent an event is, in the order of urgency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
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

/// What a kind is called and how it is treated by default. Travels to the hub, so that a new rule needs no change there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Descriptor {
    /// The kind, an open string.
    pub kind: &'static str,
    /// Label in Chinese.
    pub label_zh: &'static str,
    /// Label in English.
    pub label_en: &'static str,
    /// Severity where the rule sets none.
    pub severity: Severity,
    /// Kinds of one family may be one incident.
    pub merge_family: &'static str,
    /// True where a `Begin` is the whole event.
    pub momentary: bool,
}

/// One value that a rule looked at, beside the threshold that it was held against.
#[derive(Debug, Clone, PartialEq)]
pub struct Measure {
    /// What was measured.
    pub name: &'static str,
    /// The value.
    pub value: f64,
    /// The threshold, where the rule has one for it.
    pub threshold: Option<f64>,
    /// Unit; empty for a bare number.
    pub unit: &'static str,
}

/// Something happened.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleEvent {
    /// The rule's id in the configuration.
    pub rule: String,
    /// The kind.
    pub kind: &'static str,
    /// Begin, update or end.
    pub phase: Phase,
    /// How urgent.
    pub severity: Severity,
    /// When, media time: of the crossing itself, not of the picture that settled it.
    pub media_time_us: i64,
    /// The same for begin, updates and end of one event; unique within one analyser.
    pub open_key: u64,
    /// `a_to_b` or `b_to_a` for a crossing.
    pub direction: Option<&'static str>,
    /// The object, where it is about one.
    pub track: Option<Track>,
    /// The point that decided, where there is one.
    pub point: Option<[f32; 2]>,
    /// Where that is on the ground, where the camera is calibrated.
    pub place: Option<Place>,
    /// Why.
    pub measures: Vec<Measure>,
    /// What else is to be known, sorted by name.
    pub attributes: Vec<(String, String)>,
}

/// The attribute that tells how an event ended.
const ENDED_BY: &str = "ended_by";

/// Makes the events of one rule.
#[derive(Debug)]
pub(crate) struct Emitter {
    rule: String,
    kind: &'static str,
    severity: Severity,
    /// Score that an object needs to be tracked; the threshold beside its confidence.
    new_score: f32,
    next_key: u64,
}

impl Emitter {
    /// `number` is the rule's own in its camera: keys of different rules never meet.
    pub(crate) fn new(rule: String, kind: &'static str, severity: Severity, new_score: f32, number: u32) -> Self {
        Self { rule, kind, severity, new_score, next_key: u64::from(number) << 40 }
    }

    /// A key for a new event.
    pub(crate) fn key(&mut self) -> u64 {
        self.next_key += 1;
        self.next_key
    }

    /// An event without an object; the rest is added by `about`, `because` and `with`.
    pub(crate) fn event(&self, phase: Phase, media_time_us: i64, open_key: u64) -> RuleEvent {
        RuleEvent {
            rule: self.rule.clone(),
            kind: self.kind,
            phase,
            severity: self.severity,
            media_time_us,
            open_key,
            direction: None,
            track: None,
            point: None,
            place: None,
            measures: Vec::new(),
            attributes: Vec::new(),
        }
    }

    /// An event about an object at a point.
    pub(crate) fn about(&self, phase: Phase, media_time_us: i64, open_key: u64, track: &Track, at: Point) -> RuleEvent {
        let confidence = Measure {
            name: "confidence",
            value: f64::from(track.score),
            threshold: Some(f64::from(self.new_score)),
            unit: "",
        };
        let mut event = self.event(phase, media_time_us, open_key).because(confidence);
        event.track = Some(track.clone());
        event.point = Some([at.x, at.y]);
        event
    }
}

impl RuleEvent {
    /// Adds a measured value.
    pub(crate) fn because(mut self, measure: Measure) -> Self {
        self.measures.push(measure);
        self
    }

    /// It ended because the configuration changed.
    pub(crate) fn was_changed(&mut self) {
        if self.phase == Phase::End {
            self.attributes.retain(|(name, _)| name != ENDED_BY);
            self.attributes.push((ENDED_BY.to_owned(), "configuration_changed".to_owned()));
            self.attributes.sort();
        }
    }

    /// Adds an attribute.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.attributes.push((name.to_owned(), value.to_owned()));
        self.attributes.sort();
        self
    }
}

/// A duration of media time in seconds, for measures.
pub(crate) fn seconds(us: i64) -> f64 {
    us as f64 / 1e6
}
