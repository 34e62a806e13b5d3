//! The hash of the clip around an event travels with the event's end, made of what is kept at that moment: whoever is given
//! the clip later can tell whether it is the same. It is a number about pictures, none leaves with it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use uuid::Uuid;
use yiwang_wire::event::{Event, Phase};
use yiwang_wire::picture::{CLIP_SHA256, clip_span_us};

use super::{Sight, clip};
use crate::analyse::live::Emit;

/// Open events whose begin is remembered; when full the oldest is forgotten, and its end carries no hash.
const BEGUN_MAX: usize = 256;
/// Between two hashes of a camera, by the events' own times: a hash costs some milliseconds, and where many events end
/// together the clips are nearly the same.
const BETWEEN_US: i64 = 1_000_000;

/// Where a camera's events go, each end with its clip's hash where there is a clip.
pub(crate) fn hashing(emit: Emit, sight: &Arc<Sight>) -> Emit {
    // Whoever watches live is told of the end when the camera's own reference goes.
    let sight = Arc::downgrade(sight);
    let begun = Mutex::new(Begun::default());
    Arc::new(move |mut event: Event| {
        let span_us = begun.lock().unwrap_or_else(PoisonError::into_inner).take(&event);
        if let Some(hash) = span_us.and_then(|span_us| hash(&sight, span_us)) {
            event.attributes.push((CLIP_SHA256.to_owned(), hash));
        }
        emit(event);
    })
}

fn hash(sight: &Weak<Sight>, (from_us, to_us): (i64, i64)) -> Option<String> {
    let (codec, units) = sight.upgrade()?.past(from_us, to_us).ok()?;
    let clip = clip::make(codec, &units).ok()?;
    Some(clip.sha256.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// When the open events began. Pure.
#[derive(Default)]
struct Begun {
    /// Bound: [`BEGUN_MAX`].
    open: VecDeque<(Uuid, i64)>,
    hashed_us: Option<i64>,
}

impl Begun {
    /// The span of the clip whose hash is due with this event.
    fn take(&mut self, event: &Event) -> Option<(i64, i64)> {
        match event.phase {
            Phase::Update => None,
            // A fault of the picture is none that a clip shows.
            Phase::Begin if event.rule.is_none() => None,
            Phase::Begin => {
                if self.open.len() >= BEGUN_MAX {
                    self.open.pop_front();
                }
                self.open.push_back((event.id, event.captured_us));
                None
            }
            Phase::End => {
                let at = self.open.iter().position(|(id, _)| Some(*id) == event.cause)?;
                let (_, begun_us) = self.open.remove(at)?;
                let soon = |hashed_us: i64| (event.captured_us - hashed_us).abs() < BETWEEN_US;
                if self.hashed_us.is_some_and(soon) {
                    return None;
                }
                self.hashed_us = Some(event.captured_us);
                Some(clip_span_us(begun_us, event.captured_us))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use yiwang_wire::event::{Severity, TimeSource};

    fn event(phase: Phase, cause: Option<Uuid>, second: i64, rule: Option<&str>) -> Event {
        Event {
            id: Uuid::from_u128(second as u128),
            cause,
            camera: Some("a".into()),
            kind: "intrusion".into(),
            phase,
            severity: Severity::Low,
            rule: rule.map(Into::into),
            direction: None,
            config_revision: String::new(),
            captured_us: second * 1_000_000,
            time_source: TimeSource::Arrival,
            time_error_ms: 0,
            subject: None,
            point: None,
            frame_px: None,
            measures: Vec::new(),
            model: None,
            attributes: Vec::new(),
        }
    }

    #[test]
    fn an_events_end_has_the_span_from_before_its_begin_once_a_second() {
        let mut begun = Begun::default();
        let id = |second: u128| Some(Uuid::from_u128(second));
        assert_eq!(begun.take(&event(Phase::Begin, None, 100, Some("zone"))), None);
        assert_eq!(begun.take(&event(Phase::Begin, None, 101, Some("zone"))), None);
        assert_eq!(begun.take(&event(Phase::Update, id(100), 102, Some("zone"))), None);
        assert_eq!(begun.take(&event(Phase::End, id(100), 110, Some("zone"))), Some((95_000_000, 110_000_000)));
        assert_eq!(begun.take(&event(Phase::End, id(101), 110, Some("zone"))), None, "nearly the same clip");
        assert_eq!(begun.take(&event(Phase::End, id(100), 120, Some("zone"))), None, "it has ended");
        assert_eq!(begun.take(&event(Phase::Begin, None, 130, None)), None);
        assert_eq!(begun.take(&event(Phase::End, id(130), 140, None)), None, "a fault of the picture");
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut begun = Begun::default();
        for second in 0..300 {
            assert_eq!(begun.take(&event(Phase::Begin, None, second, Some("zone"))), None);
        }
        assert_eq!(begun.open.len(), BEGUN_MAX);
        assert_eq!(begun.take(&event(Phase::End, Some(Uuid::from_u128(1)), 400, Some("zone"))), None);
    }
}
