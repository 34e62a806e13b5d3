//! `wrong_way`: an object in a zone moves against the way that is allowed there. It begins when it has done so for some
//! time and ends when it leaves the zone or turns; who is in the zone is `presence`'s business.

use schemars::{JsonSchema, schema_for};
use serde::Deserialize;

use super::{
    Descriptor, Measure, Phase, Rule, RuleError, RuleEvent, RuleKind, Scene, Severity, Standpoint, VEHICLES, Watched,
    event::Emitter,
    geometry::{Line, Zone},
    member::Member,
    path::Path,
    presence::{Change, Presence},
    settings::{Head, Problem},
    watching::lasted,
};
use crate::picture::{ASPECT, Point};

/// The line in the table of rules.
pub(super) const KIND: RuleKind = RuleKind {
    descriptor: DESCRIPTOR,
    about: "An object moves against the allowed way of a zone for `seconds` or longer.",
    classes: VEHICLES,
    parse,
    schema: || schema_for!(Settings),
};

const DESCRIPTOR: Descriptor = Descriptor {
    kind: "wrong_way",
    label_zh: "逆行",
    label_en: "Wrong way",
    severity: Severity::High,
    merge_family: "traffic",
    momentary: false,
};

/// What moves less than this in the time, in widths and heights of its box, does not move: boxes jitter.
const MOVED: f32 = 0.5;
/// Each half of the time must show this part of it: a box that jumps once, because something hides its lower half, has
/// not moved.
const MOVED_HALF: f32 = 0.15;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// Corners of the zone in the order of a walk around it, fractions of the picture from its top left.
    zone: Vec<[f32; 2]>,
    /// The allowed way as seen in the picture: 0 is up, 90 to the right. Give this or `along`.
    #[schemars(range(min = 0, max = 360))]
    direction_deg: Option<f32>,
    /// The allowed way from one point to another, fractions of the picture. Give this or `direction_deg`.
    along: Option<[[f32; 2]; 2]>,
    /// How far from the allowed way is still allowed, degrees: crossing the zone is no wrong way.
    #[serde(default = "tolerance_deg")]
    #[schemars(range(min = 30, max = 170))]
    tolerance_deg: f32,
    /// For how long it must go the wrong way.
    #[serde(default = "default_seconds")]
    seconds: f64,
}

fn tolerance_deg() -> f32 {
    120.0
}

fn default_seconds() -> f64 {
    1.0
}

fn parse(head: Head, table: toml::Table) -> Result<Box<dyn Rule>, RuleError> {
    let settings: Settings = head.settings(table)?;
    let zone = Zone::new(&settings.zone).map_err(|problem| head.invalid("zone", problem))?;
    let allowed = match (settings.direction_deg, settings.along) {
        (Some(degrees), None) => {
            bearing(degrees, (0.0, 360.0)).map_err(|problem| head.invalid("direction_deg", problem))?;
            let (sin, cos) = degrees.to_radians().sin_cos();
            [sin, -cos]
        }
        (None, Some(ends)) => {
            Line::new(ends).map_err(|problem| head.invalid("along", problem))?;
            let [from, to] = ends.map(|[x, y]| Point::new(x, y));
            way(from, to)
        }
        _ => {
            let problem = "exactly one of `direction_deg` and `along` tells the allowed way".to_owned();
            return Err(head.invalid("along", (problem, "give two points, in the direction of travel".to_owned())));
        }
    };
    bearing(settings.tolerance_deg, (30.0, 170.0)).map_err(|problem| head.invalid("tolerance_deg", problem))?;
    let after_us = head.duration_us("seconds", settings.seconds)?;
    Ok(Box::new(WrongWay {
        presence: Presence::new(zone, head.classes),
        emitter: head.emitter,
        allowed,
        tolerance_deg: settings.tolerance_deg,
        after_us,
        drivers: Vec::new(),
    }))
}

fn bearing(degrees: f32, (least, most): (f32, f32)) -> Result<(), Problem> {
    if (least..=most).contains(&degrees) {
        return Ok(());
    }
    Err((format!("{degrees}° is not an angle that can be used"), format!("use {least}–{most}")))
}

#[derive(Debug)]
struct WrongWay {
    presence: Presence,
    emitter: Emitter,
    /// Right and down, both in heights of the picture.
    allowed: [f32; 2],
    tolerance_deg: f32,
    after_us: i64,
    drivers: Vec<Driver>,
}

/// A member on its way.
#[derive(Debug)]
struct Driver {
    member: u64,
    path: Path,
    /// Key of the event, while it goes the wrong way.
    key: Option<u64>,
}

/// Movement over the time.
#[derive(Debug, Clone, Copy)]
struct Movement {
    since_us: i64,
    degrees_off: f32,
    /// All of it is beyond the tolerance, or within it.
    steady: bool,
}

impl WrongWay {
    fn see(&mut self, t_us: i64, member: &Member, events: &mut Vec<RuleEvent>) {
        let index = self.drivers.iter().position(|driver| driver.member == member.id).unwrap_or_else(|| {
            self.drivers.push(Driver { member: member.id, path: Path::default(), key: None });
            self.drivers.len() - 1
        });
        self.drivers[index].path.remember(t_us, member.point, self.after_us);
        let Some(movement) = self.movement(&self.drivers[index].path, member) else { return };
        let wrong = movement.degrees_off > self.tolerance_deg;
        match self.drivers[index].key {
            None if wrong && movement.steady => {
                let key = self.emitter.key();
                self.drivers[index].key = Some(key);
                events.push(self.event(Phase::Begin, t_us, key, member, member.point, Some(movement)));
            }
            Some(key) if !wrong && movement.steady => {
                self.drivers[index].key = None;
                let end = self.event(Phase::End, t_us, key, member, member.point, Some(movement));
                events.push(end.with("ended_by", "turned"));
            }
            _ => {}
        }
    }

    /// None where the time is not over yet or it hardly moved.
    fn movement(&self, path: &Path, member: &Member) -> Option<Movement> {
        let [first, middle, last] = path.span(self.after_us)?;
        let (width, height) = (member.track.bbox.width().max(1e-3), member.track.bbox.height().max(1e-3));
        let moved = |from: Point, to: Point| ((to.x - from.x) / width).hypot((to.y - from.y) / height);
        if moved(first.1, last.1) < MOVED {
            return None;
        }
        let degrees_off = self.degrees_off(first.1, last.1);
        let wrong = degrees_off > self.tolerance_deg;
        let steady = [(first.1, middle.1), (middle.1, last.1)].iter().all(|&(from, to)| {
            moved(from, to) >= MOVED_HALF && (self.degrees_off(from, to) > self.tolerance_deg) == wrong
        });
        Some(Movement { since_us: first.0, degrees_off, steady })
    }

    fn degrees_off(&self, from: Point, to: Point) -> f32 {
        let ([ax, ay], [bx, by]) = (self.allowed, way(from, to));
        (ax * by - ay * bx).atan2(ax * bx + ay * by).abs().to_degrees()
    }

    fn event(
        &self,
        phase: Phase,
        t_us: i64,
        key: u64,
        member: &Member,
        at: Point,
        movement: Option<Movement>,
    ) -> RuleEvent {
        let event = self.emitter.about(phase, t_us, key, &member.track, at);
        let Some(movement) = movement else { return event };
        self.measures(t_us, movement).into_iter().fold(event, RuleEvent::because)
    }

    fn measures(&self, t_us: i64, movement: Movement) -> Vec<Measure> {
        let off = Measure {
            name: "degrees_off",
            value: f64::from(movement.degrees_off),
            threshold: Some(f64::from(self.tolerance_deg)),
            unit: "°",
        };
        vec![off, lasted("seconds_moving", t_us - movement.since_us, Some(self.after_us))]
    }

    fn part(&mut self, changes: Vec<Change>, events: &mut Vec<RuleEvent>) {
        for change in changes {
            let Change::Left { member, t_us, at, how } = change else { continue };
            let Some(index) = self.drivers.iter().position(|driver| driver.member == member.id) else { continue };
            let driver = self.drivers.remove(index);
            let Some(key) = driver.key else { continue };
            // The begin was told at a sample inside; the crossing of the border may be reckoned from before it.
            let t_us = t_us.max(driver.path.last_us().unwrap_or(t_us));
            let end = self.event(Phase::End, t_us, key, &member, at, None);
            events.push(end.with("ended_by", how.as_str()));
        }
    }
}

/// From one point to another, right and down, in heights of the picture.
fn way(from: Point, to: Point) -> [f32; 2] {
    [(to.x - from.x) * ASPECT, to.y - from.y]
}

impl Rule for WrongWay {
    fn observe(&mut self, scene: &Scene<'_>, events: &mut Vec<RuleEvent>) {
        let changes = self.presence.observe(scene);
        self.part(changes, events);
        let seen: Vec<Member> =
            self.presence.members().iter().filter(|member| member.inside_us == scene.t_us).cloned().collect();
        for member in seen {
            self.see(scene.t_us, &member, events);
        }
    }

    fn finish(&mut self, _t_us: i64, events: &mut Vec<RuleEvent>) {
        let changes = self.presence.finish();
        self.part(changes, events);
        self.drivers.clear();
    }

    fn pending_us(&self) -> Option<i64> {
        // Only an end lies in the past: that of a member with an event.
        let open =
            |member: &&Member| self.drivers.iter().any(|driver| driver.member == member.id && driver.key.is_some());
        self.presence.members().iter().filter(open).map(|member| member.inside_us).min()
    }

    fn watching(&self, scene: &Scene<'_>) -> Vec<Watched> {
        let watched = |member: &Member| {
            let driver = self.drivers.iter().find(|driver| driver.member == member.id);
            let told = Watched::told_or_not(driver.is_some_and(|driver| driver.key.is_some()));
            match driver.and_then(|driver| self.movement(&driver.path, member)) {
                None => Watched::object(&member.track, Standpoint::NotMeasured, Vec::new()),
                Some(movement) => Watched::object(&member.track, told, self.measures(scene.t_us, movement)),
            }
        };
        self.presence.members().iter().map(watched).chain(self.presence.beside(scene)).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{Detector, FLICKERING, Script, measure, standing_at, times, told, watch};

    /// Down the picture is allowed.
    const RULE: &str = "kind='wrong_way'\nzone=[[0.2,0],[0.8,0],[0.8,1],[0.2,1]]\nalong=[[0.5,0.2],[0.5,0.9]]";

    fn detectors() -> impl Iterator<Item = Detector> {
        let seeds = 1..=20;
        seeds.flat_map(|seed| [2, 5, 12].map(|fps| Detector { seed, fps, ..FLICKERING }))
    }

    #[test]
    fn against_the_way_is_one_event_from_its_second_on_until_it_is_gone() {
        // Up the picture at a tenth of it a second, out of it at 8.5 s.
        let scene: Script<'_> = &|t| vec![("car", standing_at(0.5, 1.0 - 0.1 * t, 0.12, 0.15))];
        for detector in detectors() {
            let events = watch(RULE, detector, 14, scene);
            let times = times(&events);
            assert_eq!(times.len(), 2, "{times:?} at {} fps, seed {}", detector.fps, detector.seed);
            assert!((0.9..3.5).contains(&times[0].1), "{times:?} at {} fps, seed {}", detector.fps, detector.seed);
            assert!((8.0..11.0).contains(&times[1].1), "{times:?}");
            assert_eq!(events[0].open_key, events[1].open_key);
            assert!(measure(&events[0], "degrees_off") > 150.0);
        }
    }

    #[test]
    fn what_goes_along_across_or_nowhere_is_none() {
        let scenes: [(&str, Script<'_>); 5] = [
            ("along", &|t| vec![("car", standing_at(0.5, 0.2 + 0.1 * t, 0.12, 0.15))]),
            ("across", &|t| vec![("car", standing_at(0.1 + 0.1 * t, 0.5 - 0.02 * t, 0.12, 0.15))]),
            ("parked", &|_| vec![("truck", standing_at(0.5, 0.5, 0.12, 0.15))]),
            ("a person", &|t| vec![("person", standing_at(0.5, 1.0 - 0.1 * t, 0.05, 0.2))]),
            // A parked car's lower half is hidden from the third to the fifth second: its lower edge jumps up and back.
            ("half hidden", &|t| {
                let hidden = if (3.0..5.0).contains(&t) { 0.6 } else { 1.0 };
                vec![("car", crate::picture::Rect::new(0.4, 0.4, 0.6, 0.4 + 0.2 * hidden))]
            }),
        ];
        for detector in detectors() {
            for (name, scene) in scenes {
                let events = watch(RULE, detector, 10, scene);
                assert_eq!(times(&events), [], "{name} at {} fps, seed {}", detector.fps, detector.seed);
            }
        }
    }

    #[test]
    fn who_turns_round_ends_it_and_may_begin_again() {
        let y = |t: f32| if t < 4.0 { 0.9 - 0.1 * t } else { 0.5 + 0.1 * (t - 4.0) };
        let scene: Script<'_> = &|t| vec![("car", standing_at(0.5, y(t), 0.12, 0.15))];
        let events = watch(RULE, FLICKERING, 7, scene);
        assert!(told(&events, &[("begin", 1.2), ("end", 5.2)], 0.5), "{:?}", times(&events));
        assert_eq!(events[1].attributes, [("ended_by".to_owned(), "turned".to_owned())]);
    }

    #[test]
    fn the_way_may_be_given_as_an_angle_of_the_picture() {
        let rule = RULE.replace("along=[[0.5,0.2],[0.5,0.9]]", "direction_deg=90\nclasses=['person']");
        let left: Script<'_> = &|t| vec![("person", standing_at(0.8 - 0.05 * t, 0.5, 0.05, 0.2))];
        let right: Script<'_> = &|t| vec![("person", standing_at(0.2 + 0.05 * t, 0.5, 0.05, 0.2))];
        assert_eq!(watch(&rule, FLICKERING, 10, left).first().map(|event| event.phase.as_str()), Some("begin"));
        assert_eq!(watch(&rule, FLICKERING, 10, right), []);
    }
}
