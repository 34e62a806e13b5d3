//! What the rules' tests have in common: objects as the tracker would show them, without a tracker; and whole scenes as
//! a detector would show them, with boxes that jitter and flicker by seed, through the tracker.

use super::{Phase, Rule, RuleEvent, Scene};
use crate::{
    analyser::Analyser,
    detect::Detection,
    model::coco80,
    picture::{Point, Rect},
    track::{Track, TrackerConfig},
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
                    left_picture: false,
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
    Scene { t_us, tracks, ground: None }
}

/// Plays a film of (tenths of a second, objects) to a rule given as TOML, then ends it. Checks what holds for every
/// rule: what ends has begun, and no event is older than what was pending.
pub(crate) fn play(rule: &str, film: &[Shot]) -> Vec<RuleEvent> {
    let mut rule: Box<dyn Rule> =
        super::parse(toml::from_str(rule).expect("toml"), &coco80(), false).expect("a valid rule");
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

/// How bad a detector is.
#[derive(Clone, Copy)]
pub(crate) struct Detector {
    pub(crate) fps: i64,
    pub(crate) seed: u64,
    /// Edges of boxes are off by up to this part of the size.
    pub(crate) jitter: f32,
    /// This part of the boxes is missing.
    pub(crate) missing: f32,
}

/// The usual one: five samples a second, each edge off by up to 4 %, one box in eight missing.
pub(crate) const FLICKERING: Detector = Detector { fps: 5, seed: 1, jitter: 0.04, missing: 0.125 };

/// What a scene shows at a time in seconds: class names and boxes.
pub(crate) type Script<'a> = &'a dyn Fn(f32) -> Vec<(&'static str, Rect)>;

/// Shows a scene to a rule through detector and tracker for some seconds, and ends it. Checks that no event is older
/// than what was settled before it.
pub(crate) fn watch(rule: &str, detector: Detector, seconds: i64, script: Script<'_>) -> Vec<RuleEvent> {
    let rules = vec![toml::from_str(rule).expect("toml")];
    let mut analyser = Analyser::new(TrackerConfig::default(), rules, &coco80()).expect("a valid rule");
    let mut events = look(&mut analyser, detector, seconds, script);
    events.extend(analyser.finish(seconds * 1_000_000));
    events
}

/// Shows a scene to an analyser, without an end.
pub(crate) fn look(analyser: &mut Analyser, detector: Detector, seconds: i64, script: Script<'_>) -> Vec<RuleEvent> {
    let mut state = detector.seed;
    // SplitMix64 (Steele et al., 2014), as −1…1.
    let mut noise = || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    };
    let classes = coco80();
    let mut events = Vec::new();
    for picture in 0..=seconds * detector.fps {
        let t_us = picture * 1_000_000 / detector.fps;
        let mut found = Vec::new();
        for (name, bbox) in script(t_us as f32 / 1e6) {
            let class = classes.iter().position(|class| class == name).expect("a class") as u16;
            let (width, height) = (bbox.width() * detector.jitter, bbox.height() * detector.jitter);
            let bbox = Rect::new(
                bbox.x0 + noise() * width,
                bbox.y0 + noise() * height,
                bbox.x1 + noise() * width,
                bbox.y1 + noise() * height,
            );
            let score = 0.75 + 0.2 * noise();
            if noise() > 2.0 * detector.missing - 1.0 && bbox.clipped().area() > 0.0 {
                found.push(Detection { bbox: bbox.clipped(), class, score });
            }
        }
        let settled_us = analyser.settled_us();
        let new = analyser.observe(t_us, &found);
        for event in &new {
            assert!(settled_us.is_none_or(|settled| event.media_time_us >= settled), "{event:?} before {settled_us:?}");
        }
        events.extend(new);
    }
    events
}

/// A box by the middle of its lower edge.
pub(crate) fn standing_at(x: f32, y: f32, width: f32, height: f32) -> Rect {
    Rect::around(Point::new(x, y - height / 2.0), width, height)
}

/// (phase, seconds) of each event.
pub(crate) fn times(events: &[RuleEvent]) -> Vec<(&'static str, f64)> {
    events.iter().map(|event| (event.phase.as_str(), event.media_time_us as f64 / 1e6)).collect()
}

/// Whether these phases were told, each within `within_s` of its time.
pub(crate) fn told(events: &[RuleEvent], expected: &[(&str, f64)], within_s: f64) -> bool {
    let times = times(events);
    times.len() == expected.len()
        && times.iter().zip(expected).all(|(a, b)| a.0 == b.0 && (a.1 - b.1).abs() <= within_s)
}
