//! Events about cameras and the gateway itself: their table of kinds, and how a note becomes an event.

use std::collections::BTreeMap;

use crate::camera::flow::FLAWS;
use uuid::Uuid;
use yiwang_wire::event::{Event, KindDescriptor, Phase, Severity, TimeSource};

/// The kinds that the gateway itself reports: kind, Chinese, English, severity, momentary.
const KINDS: &[(&str, &str, &str, Severity, bool)] = &[
    (SIGNAL_LOST, "信号丢失", "Signal lost", Severity::High, false),
    (CLOCK_DRIFT, "摄像机时钟偏差", "Camera clock off", Severity::Low, false),
    (SPOOL_DROPPED, "本地缓存丢弃事件", "Events dropped by the spool", Severity::High, true),
];

/// A camera sends no frames.
pub const SIGNAL_LOST: &str = "camera.signal_lost";
/// A camera's clock is too far off to be believed.
pub const CLOCK_DRIFT: &str = "camera.clock_drift";
/// The spool was full and had to drop events.
pub const SPOOL_DROPPED: &str = "gateway.spool_dropped";

/// The kinds above, and what can be wrong with a stream as it comes.
fn kinds() -> impl Iterator<Item = (&'static str, &'static str, &'static str, Severity, bool)> {
    let flaws = FLAWS.iter().map(|flaw| (flaw.kind, flaw.label_zh, flaw.label_en, flaw.severity, false));
    KINDS.iter().copied().chain(flaws)
}

/// What the hub is told of these kinds.
pub fn descriptors() -> Vec<KindDescriptor> {
    kinds()
        .map(|(kind, zh, en, severity, momentary)| KindDescriptor {
            kind: kind.into(),
            label_zh: zh.into(),
            label_en: en.into(),
            severity,
            merge_family: "health".into(),
            momentary,
        })
        .collect()
}

/// One note on the health of a camera (or of the gateway, without a camera).
#[derive(Debug, Clone, PartialEq)]
pub struct Note {
    /// The camera.
    pub camera: Option<String>,
    /// One of the kinds above.
    pub kind: &'static str,
    /// Begin, update or end.
    pub phase: Phase,
    /// When, by the gateway's clock, microseconds since 1970 UTC.
    pub at_us: i64,
    /// What there is to say (`cause`, `cause_text`, `offset_ms`), sorted by name.
    pub attributes: Vec<(String, String)>,
}

/// Turns notes into events; remembers what has begun, so that an end names its begin.
#[derive(Debug)]
pub struct Reporter {
    config_revision: String,
    open: BTreeMap<(Option<String>, &'static str), Uuid>,
}

impl Reporter {
    /// For the configuration of that revision.
    pub fn new(config_revision: String) -> Self {
        Self { config_revision, open: BTreeMap::new() }
    }

    /// Which configuration the events from now on are made under.
    pub fn set_revision(&mut self, config_revision: String) {
        self.config_revision = config_revision;
    }

    /// A camera is this gateway's no more: what is open about it is to end.
    pub fn ends(&self, camera: &str, at_us: i64) -> Vec<Note> {
        let of_camera = |(key, kind): &(Option<String>, &'static str)| {
            (key.as_deref() == Some(camera)).then(|| Note {
                camera: key.clone(),
                kind,
                phase: Phase::End,
                at_us,
                attributes: vec![("ended_by".to_owned(), "configuration_changed".to_owned())],
            })
        };
        self.open.keys().filter_map(of_camera).collect()
    }

    /// The event of a note; none where it says nothing new (a second begin, an end of what never began).
    pub fn event(&mut self, note: Note, id: Uuid) -> Option<Event> {
        let (kind, _, _, severity, momentary) = kinds().find(|k| k.0 == note.kind)?;
        let key = (note.camera.clone(), kind);
        let cause = match note.phase {
            _ if momentary => None,
            Phase::Begin if self.open.contains_key(&key) => return None,
            Phase::Begin => {
                self.open.insert(key, id);
                None
            }
            Phase::Update => Some(*self.open.get(&key)?),
            Phase::End => Some(self.open.remove(&key)?),
        };
        Some(Event {
            id,
            cause,
            camera: note.camera,
            kind: kind.into(),
            phase: note.phase,
            severity,
            rule: None,
            config_revision: self.config_revision.clone(),
            captured_us: note.at_us,
            time_source: TimeSource::GatewayClock,
            time_error_ms: 0,
            direction: None,
            subject: None,
            point: None,
            frame_px: None,
            measures: Vec::new(),
            model: None,
            attributes: note.attributes,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_names_its_begin_and_nothing_is_said_twice() {
        let mut reporter = Reporter::new("r".into());
        let note =
            |phase| Note { camera: Some("gate".into()), kind: SIGNAL_LOST, phase, at_us: 1, attributes: Vec::new() };
        assert!(reporter.event(note(Phase::End), Uuid::from_u128(1)).is_none());
        let begin = reporter.event(note(Phase::Begin), Uuid::from_u128(2)).unwrap();
        assert!(reporter.event(note(Phase::Begin), Uuid::from_u128(3)).is_none());
        let end = reporter.event(note(Phase::End), Uuid::from_u128(4)).unwrap();
        assert_eq!((begin.cause, end.cause), (None, Some(begin.id)));
    }
}
