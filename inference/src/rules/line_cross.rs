//! `line_cross`: an object's bottom centre crosses a line. Side a is the left of the line as drawn, b the right; only
//! the segment counts. A crossing is told once, when the object was seen beyond the line twice, or once well beyond.

use schemars::{JsonSchema, schema_for};
use serde::Deserialize;

use super::{
    Descriptor, Measure, Phase, Rule, RuleError, RuleEvent, RuleKind, Scene, Severity,
    event::Emitter,
    geometry::Line,
    presence::first_sample,
    settings::{ClassFilter, Head},
};
use crate::{picture::Point, track::Track};

/// The line in the table of rules.
pub(super) const KIND: RuleKind = RuleKind {
    descriptor: DESCRIPTOR,
    about: "An object crosses a line, in one direction or both.",
    classes: &[],
    parse,
    schema: || schema_for!(Settings),
};

const DESCRIPTOR: Descriptor = Descriptor {
    kind: "line_cross",
    label_zh: "越线",
    label_en: "Line crossing",
    severity: Severity::Medium,
    merge_family: "crossing",
    momentary: true,
};

/// Samples beyond the line that make a crossing.
const SAMPLES: u32 = 2;
/// One sample is enough so far beyond the line, in parts of what the box reaches across it: jitter stays below.
const WELL_BEYOND: f32 = 0.5;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// Two points, fractions of the picture from its top left. Stand on the first and look to the second: the left
    /// side is a, the right side is b.
    line: [[f32; 2]; 2],
    /// Which crossings are told.
    #[serde(default)]
    direction: Direction,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Direction {
    AToB,
    BToA,
    #[default]
    Both,
}

fn parse(head: Head, table: toml::Table) -> Result<Box<dyn Rule>, RuleError> {
    let settings: Settings = head.settings(table)?;
    let line = Line::new(settings.line).map_err(|problem| head.invalid("line", problem))?;
    Ok(Box::new(LineCross {
        line,
        direction: settings.direction,
        classes: head.classes,
        emitter: head.emitter,
        watched: Vec::new(),
    }))
}

#[derive(Debug)]
struct LineCross {
    line: Line,
    direction: Direction,
    classes: ClassFilter,
    emitter: Emitter,
    watched: Vec<Watched>,
}

#[derive(Debug)]
struct Watched {
    track: Track,
    /// Distance from the line on the decided side; its sign is the side.
    side: f32,
    /// The farthest it has been on the decided side, in what its box reaches across the line.
    depth: f32,
    last_us: i64,
    last: Point,
    doubt: Option<Doubt>,
}

/// Seen beyond the line, not yet decided.
#[derive(Debug, Clone, Copy)]
struct Doubt {
    t_us: i64,
    at: Point,
    /// Whether the way led across the segment, not across its extension.
    on_segment: bool,
    samples: u32,
}

impl LineCross {
    fn see(&mut self, scene: &Scene<'_>, track: &Track, events: &mut Vec<RuleEvent>) {
        let index = self.watched.iter().position(|watched| watched.track.id == track.id).unwrap_or_else(|| {
            let (last_us, last) = first_sample(scene, track);
            let (side, track) = (self.line.side(last), track.clone());
            self.watched.push(Watched { track, side, depth: 0.0, last_us, last, doubt: None });
            self.watched.len() - 1
        });
        let watched = &mut self.watched[index];
        let now = track.bbox.bottom_centre();
        let (side, reach) = (self.line.side(now), self.line.reach(&track.bbox).max(1e-3));
        let (before_us, before) = (watched.last_us, watched.last);
        watched.track = track.clone();
        watched.last_us = scene.t_us;
        watched.last = now;
        if watched.side == 0.0 || side * watched.side >= 0.0 {
            // Where it began on the line itself, the first side it is seen on is its side.
            watched.side = if side == 0.0 { watched.side } else { side };
            watched.depth = watched.depth.max(side.abs() / reach);
            watched.doubt = None;
            return;
        }
        let doubt = watched.doubt.get_or_insert_with(|| {
            let (from, to) = (self.line.side(before), side);
            let part = (from / (from - to)).clamp(0.0, 1.0);
            Doubt {
                t_us: before_us + ((scene.t_us - before_us) as f64 * f64::from(part)).round() as i64,
                at: before.towards(now, part),
                on_segment: self.line.crossing(before, now).is_some(),
                samples: 0,
            }
        });
        doubt.samples += 1;
        if doubt.samples >= SAMPLES || side.abs() >= WELL_BEYOND * reach {
            let doubt = *doubt;
            watched.side = side;
            watched.depth = side.abs() / reach;
            watched.doubt = None;
            self.tell(track, doubt, side, events);
        }
    }

    fn tell(&mut self, track: &Track, doubt: Doubt, side: f32, events: &mut Vec<RuleEvent>) {
        let (direction, wanted) = if side > 0.0 {
            ("a_to_b", self.direction != Direction::BToA)
        } else {
            ("b_to_a", self.direction != Direction::AToB)
        };
        if !wanted || !doubt.on_segment || !self.classes.takes(track) {
            return;
        }
        let beyond =
            Measure { name: "distance_beyond", value: f64::from(side.abs()), threshold: None, unit: "pictures" };
        let samples = Measure {
            name: "samples_beyond",
            value: f64::from(doubt.samples),
            threshold: Some(f64::from(SAMPLES)),
            unit: "",
        };
        let key = self.emitter.key();
        let mut event = self.emitter.about(Phase::Begin, doubt.t_us, key, track, doubt.at);
        event.direction = Some(direction);
        events.push(event.because(beyond).because(samples));
    }

    /// A track that ended right after the line has crossed it if it came from well before it; else it was jitter.
    fn part_with(&mut self, gone: impl Fn(&Watched) -> bool, events: &mut Vec<RuleEvent>) {
        let (gone, kept): (Vec<Watched>, Vec<Watched>) = self.watched.drain(..).partition(gone);
        self.watched = kept;
        for watched in gone.into_iter().filter(|watched| watched.depth >= WELL_BEYOND) {
            if let Some(doubt) = watched.doubt {
                self.tell(&watched.track, doubt, self.line.side(watched.last), events);
            }
        }
    }
}

impl Rule for LineCross {
    fn observe(&mut self, scene: &Scene<'_>, events: &mut Vec<RuleEvent>) {
        for track in scene.tracks.iter().filter(|track| !track.predicted) {
            self.see(scene, track, events);
        }
        let known = |id: u64| scene.tracks.iter().any(|track| track.id == id);
        self.part_with(|watched| !known(watched.track.id), events);
    }

    fn finish(&mut self, _t_us: i64, events: &mut Vec<RuleEvent>) {
        self.part_with(|_| true, events);
    }

    fn pending_us(&self) -> Option<i64> {
        self.watched.iter().filter_map(|watched| watched.doubt.map(|doubt| doubt.t_us)).min()
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{Shot, play};

    /// Name, rule, walk, and what is to be told of it.
    type Case<'a> = (&'a str, String, &'a [(f32, f32)], &'a [(&'a str, i64)]);

    /// Bottom centres at 5 samples a second → (direction, hundredths of a second).
    fn told(rule: &str, walk: &[(f32, f32)]) -> Vec<(&'static str, i64)> {
        let film: Vec<Shot> = (0..).zip(walk).map(|(i, &(x, y))| (2 * i, vec![(1, x, y)])).collect();
        let events = play(rule, &film);
        events.iter().map(|event| (event.direction.expect("a direction"), event.media_time_us / 10_000)).collect()
    }

    #[test]
    fn each_crossing_is_told_once_with_its_side_and_time() {
        let line = "kind='line_cross'\nline=[[0.2,0.5],[0.8,0.5]]\n";
        let down = [(0.5, 0.3), (0.5, 0.4), (0.5, 0.52), (0.5, 0.62)];
        let up = [(0.5, 0.7), (0.5, 0.6), (0.5, 0.4), (0.5, 0.3)];
        let cases: &[Case<'_>] = &[
            ("down is a to b", line.into(), &down, &[("a_to_b", 36)]),
            ("up is b to a", line.into(), &up, &[("b_to_a", 30)]),
            ("only the wanted direction", format!("{line}direction='b_to_a'"), &down, &[]),
            ("beside the segment", line.into(), &[(0.9, 0.3), (0.9, 0.4), (0.9, 0.6), (0.9, 0.7)], &[]),
            (
                "jitter on the line",
                line.into(),
                &[(0.5, 0.4), (0.5, 0.49), (0.5, 0.51), (0.5, 0.49), (0.5, 0.51), (0.5, 0.48)],
                &[],
            ),
            ("another class", format!("{line}classes=['car']"), &down, &[]),
            (
                "there and back",
                line.into(),
                &[(0.5, 0.3), (0.5, 0.4), (0.5, 0.6), (0.5, 0.6), (0.5, 0.4), (0.5, 0.3)],
                &[("a_to_b", 30), ("b_to_a", 70)],
            ),
            ("a step right across is enough", line.into(), &[(0.5, 0.2), (0.5, 0.3), (0.5, 0.7)], &[("a_to_b", 30)]),
            ("lost just beyond the line", line.into(), &[(0.5, 0.2), (0.5, 0.35), (0.5, 0.55)], &[("a_to_b", 35)]),
        ];
        for (name, rule, walk, expected) in cases {
            assert_eq!(told(rule, walk), *expected, "{name}");
        }
    }
}
