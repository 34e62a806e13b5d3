//! The lines of truth: one JSON object each, told apart by `type`. Times are microseconds since the world began; a
//! `start` line says when that was, so that a stream's capture times can be held against them.

use serde::{Deserialize, Serialize};

use super::Seen;
use crate::camera::FaultKind;
use crate::world::IncidentKind;

/// What is less visible than this is not told.
const VISIBLE_MIN: f32 = 0.02;

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Line {
    /// Comes first.
    Start(Start),
    /// A camera, before anything else of it.
    Camera(TrueCamera),
    /// One picture of a camera.
    Objects {
        /// The camera.
        camera: String,
        /// When it was taken.
        t_us: i64,
        /// Who and what is in it.
        objects: Vec<Object>,
    },
    /// An event of a camera's rule.
    Event(TrueEvent),
    /// Something that happened, whoever saw it. Told when it begins and again when it is over; the last line holds.
    Incident(TrueIncident),
    /// A camera's fault, told when it begins.
    Fault(TrueFault),
    /// Everything before `to_us` has been told. Repeated; the last line holds.
    Told {
        /// Until when.
        to_us: i64,
    },
}

/// Which world, and when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Start {
    /// The world's seed.
    pub seed: u64,
    /// What time the world's zero is, microseconds since 1970 UTC.
    pub epoch_us: i64,
}

/// A camera that is watched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrueCamera {
    /// Its id.
    pub id: String,
    /// Who has it.
    pub department: String,
    /// Which device it is.
    pub physical: String,
    /// Width and height of its pictures.
    pub size_px: (u32, u32),
    /// When its first picture was taken: media time 0 of a clip.
    pub from_us: i64,
    /// Ids of its rules.
    pub rules: Vec<String>,
}

/// An object in a picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Object {
    /// The actor's identity, the same for all cameras.
    pub id: u32,
    /// Its class.
    pub class: String,
    /// Left, top, right, bottom, fractions of the picture, of the whole silhouette.
    #[serde(rename = "box")]
    pub bbox: [f32; 4],
    /// Part of it that is in the picture and not hidden.
    pub visible: f32,
}

/// What a perfect gateway would tell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrueEvent {
    /// The camera.
    pub camera: String,
    /// Its rule.
    pub rule: String,
    /// The rule's kind.
    pub kind: String,
    /// `begin`, `update` or `end`.
    pub phase: String,
    /// Of a crossing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<String>,
    /// When.
    pub t_us: i64,
    /// How much earlier or later a fair way of looking may say that it was.
    #[serde(default)]
    pub slack_us: i64,
    /// The same for begin, updates and end of one event.
    pub key: u64,
    /// How many there were, where it is a count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted: Option<Counted>,
    /// Who did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<u32>,
    /// What that is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// Where in the picture that was decided: the bottom centre of its box, as a rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub point: Option<[f32; 2]>,
    /// Neither its absence nor its presence counts.
    #[serde(default)]
    pub optional: bool,
    /// Why it is optional.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// How many went over a line in each direction: the least and the most that a fair way of looking counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// From the left of the line to its right.
    pub a_to_b: [u32; 2],
    /// From its right to its left.
    pub b_to_a: [u32; 2],
}

impl From<[u32; 2]> for Counted {
    fn from([a_to_b, b_to_a]: [u32; 2]) -> Counted {
        Counted { a_to_b: [a_to_b; 2], b_to_a: [b_to_a; 2] }
    }
}

impl Counted {
    /// What both count.
    pub fn with(self, other: Counted) -> Counted {
        let wider =
            |[low, high]: [u32; 2], [other_low, other_high]: [u32; 2]| [low.min(other_low), high.max(other_high)];
        Counted { a_to_b: wider(self.a_to_b, other.a_to_b), b_to_a: wider(self.b_to_a, other.b_to_a) }
    }
}

/// What happened in the world.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrueIncident {
    /// Its number.
    pub id: u32,
    /// Its kind.
    pub kind: IncidentKind,
    /// The place's name in Chinese.
    pub place_zh: String,
    /// The place's name in English.
    pub place_en: String,
    /// Where, metres east and north.
    pub at: [f32; 2],
    /// From when.
    pub from_us: i64,
    /// Until when; none as long as it lasts.
    pub to_us: Option<i64>,
    /// Identities of those who take part.
    pub actors: Vec<u32>,
    /// Cameras that had one of them in sight so far, in the order in which they did.
    pub seen_by: Vec<String>,
}

/// What was wrong with a camera.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrueFault {
    /// The camera.
    pub camera: String,
    /// What.
    pub kind: FaultKind,
    /// From when.
    pub from_us: i64,
    /// Until when.
    pub to_us: i64,
}

/// A line that is no truth.
#[derive(Debug, thiserror::Error)]
#[error("{name}, line {line}: this is not a line of truth")]
pub struct LineError {
    /// The file.
    pub name: String,
    /// Counted from 1.
    pub line: usize,
    /// What is wrong with it.
    #[source]
    pub source: serde_json::Error,
}

/// Reads lines; `name` is told in errors. Empty lines are passed over, and a last line that is still being written.
pub fn read(name: &str, text: &str) -> Result<Vec<Line>, LineError> {
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let lines = (1..).zip(whole.lines()).filter(|(_, line)| !line.trim().is_empty());
    let parse = |(line, text): (usize, &str)| {
        serde_json::from_str(text).map_err(|source| LineError { name: name.to_owned(), line, source })
    };
    lines.map(parse).collect()
}

impl Line {
    /// Its text, with the line's end.
    pub fn text(&self) -> String {
        // Numbers, strings and lists with string keys: nothing in it can fail.
        serde_json::to_string(self).unwrap_or_default() + "\n"
    }

    /// What a camera shows at a time; what is wholly hidden is left out.
    pub fn objects(camera: &str, t_us: i64, seen: &[Seen]) -> Line {
        let shown = seen.iter().filter(|seen| seen.visible >= VISIBLE_MIN);
        Line::Objects { camera: camera.to_owned(), t_us, objects: shown.map(Object::of).collect() }
    }
}

impl Object {
    fn of(seen: &Seen) -> Object {
        // A hundredth of a pixel is enough, and a third of the bytes.
        let short = |value: f32| (value * 1e5).round() / 1e5;
        Object {
            id: seen.id,
            class: seen.class.to_owned(),
            bbox: [seen.bbox.x0, seen.bbox.y0, seen.bbox.x1, seen.bbox.y1].map(short),
            visible: (seen.visible * 1e3).round() / 1e3,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_a_half_written_line_waits() {
        let event = TrueEvent {
            camera: "gate".into(),
            rule: "fence".into(),
            kind: "intrusion".into(),
            phase: "begin".into(),
            direction: None,
            t_us: 5_000_000,
            slack_us: 120_000,
            key: 3,
            counted: Some(Counted { a_to_b: [2, 3], b_to_a: [0, 0] }),
            actor: Some(7),
            class: Some("person".into()),
            point: Some([0.5, 0.25]),
            optional: false,
            why: None,
        };
        let bbox = yiwang_inference::picture::Rect::new(0.1, 0.2, 0.3, 0.456_789);
        let lines = [
            Line::Start(Start { seed: 1, epoch_us: 1_790_000_000_000_000 }),
            Line::objects("gate", 80_000, &[Seen { id: 7, class: "person", bbox, visible: 0.5 }]),
            Line::Event(event),
            Line::Told { to_us: 6_000_000 },
        ];
        let mut text: String = lines.iter().map(Line::text).collect();
        text.push_str("\n{\"type\":\"eve");
        let back = read("truth", &text).unwrap();
        assert_eq!(back.len(), 4);
        assert_eq!((&back[0], &back[2], &back[3]), (&lines[0], &lines[2], &lines[3]));
        assert!(text.contains("0.45679"), "{text}");
    }

    #[test]
    fn a_wrong_line_is_named_with_what_is_wrong() {
        let error = read("events.jsonl", "\n{\"type\":\"told\",\"to_us\":1}\n{\"type\":\"told\"}\n").unwrap_err();
        assert_eq!(error.to_string(), "events.jsonl, line 3: this is not a line of truth");
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.contains("to_us"), "{cause}");
    }
}
