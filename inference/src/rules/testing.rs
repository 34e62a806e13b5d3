//! What the rules' tests have in common: objects as the tracker would show them, without a tracker.

use super::{Phase, Rule, RuleEvent, Scene};
use crate::{
    model::coco80,
    picture::{Point, Rect},
    track::Track,
};

/// An object in a picture: number, x and y of its bottom centre.
pub(crate) type Seen = (u64, f32, f32);
/// A picture: tenths of a second, and who is seen.
pub(crate) type Shot = (i64, Vec<Seen>);

/// Objects by number, with what a track remembers.
#[derive(Default)]
pub(crate) struct Walk {
    known: Vec<Track>,
}

impl Walk {
    /// The tracks of a picture in which these objects (number, x, y of the bottom centre) are seen. A track is shown
    /// from its second sighting on, and coasts for 2.5 s.
    pub(crate) fn step(&mut self, t_us: i64, seen: &[Seen]) -> Vec<Track> {
        self.known.retain(|track| t_us - track.last_seen_us <= 2_500_000);
        for track in &mut self.known {
            track.predicted = true;
        }
        for &(id, x, y) in seen {
            let bbox = Rect::around(Point::new(x, y - 0.1), 0.1, 0.2);
            match self.known.iter_mut().find(|track| track.id == id) {
                Some(track) => {
                    track.bbox = bbox;
                    track.predicted = false;
                    track.last_seen_us = t_us;
                    track.sightings += 1;
                }
                None => self.known.push(Track {
                    id,
                    class: 0,
                    score: 0.8,
                    bbox,
                    predicted: false,
                    velocity: [0.0; 2],
                    first_seen_us: t_us,
                    first_bbox: bbox,
                    last_seen_us: t_us,
                    sightings: 1,
                }),
            }
        }
        self.known.iter().filter(|track| track.sightings >= 2).cloned().collect()
    }
}

/// A scene of these tracks.
pub(crate) fn scene(t_us: i64, tracks: &[Track]) -> Scene<'_> {
    Scene { t_us, tracks }
}

/// Plays a film of (tenths of a second, objects) to a rule given as TOML, then ends it. Checks what holds for every
/// rule: what ends has begun, and no event is older than what was pending.
pub(crate) fn play(rule: &str, film: &[Shot]) -> Vec<RuleEvent> {
    let mut rule: Box<dyn Rule> = super::parse(toml::from_str(rule).expect("toml"), &coco80()).expect("a valid rule");
    let mut objects = Walk::default();
    let mut events: Vec<RuleEvent> = Vec::new();
    let mut last_us = 0;
    for (tenths, seen) in film {
        let t_us = tenths * 100_000;
        let pending_us = rule.pending_us();
        let before = events.len();
        rule.observe(&scene(t_us, &objects.step(t_us, seen)), &mut events);
        for event in &events[before..] {
            assert!(pending_us.is_none_or(|pending| event.media_time_us >= pending), "{event:?} before {pending_us:?}");
        }
        last_us = t_us;
    }
    rule.finish(last_us, &mut events);
    assert_eq!(rule.pending_us(), None, "nothing is open at the end");
    for event in events.iter().filter(|event| event.phase != Phase::Begin) {
        let begun = |other: &&RuleEvent| other.phase == Phase::Begin && other.open_key == event.open_key;
        assert_eq!(events.iter().filter(begun).count(), 1, "{event:?} without its begin");
    }
    events
}

/// (phase, tenths of a second) of each event.
pub(crate) fn phases(events: &[RuleEvent]) -> Vec<(&'static str, i64)> {
    events.iter().map(|event| (event.phase.as_str(), event.media_time_us / 100_000)).collect()
}

/// The value of a measure.
pub(crate) fn measure(event: &RuleEvent, name: &str) -> f64 {
    event.measures.iter().find(|measure| measure.name == name).expect("the measure").value
}
