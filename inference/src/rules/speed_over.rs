//! `speed_over`: an object in a zone is faster than so many kilometres an hour, on the ground. It begins when it was for
//! some time, the measurement's own error taken off, and ends when the object leaves the zone. Needs a calibrated
//! camera; who is in the zone is `presence`'s business.

use schemars::{JsonSchema, schema_for};
use serde::Deserialize;

use super::{
    Descriptor, Measure, Phase, Rule, RuleError, RuleEvent, RuleKind, Scene, Severity, Standpoint, VEHICLES, Watched,
    event::{Emitter, seconds},
    geometry::Zone,
    member::Member,
    path::Path,
    presence::{Change, Presence},
    settings::Head,
};
use crate::{
    ground::Ground,
    picture::{Point, Rect},
    track::TrackerConfig,
};

/// The line in the table of rules.
pub(super) const KIND: RuleKind = RuleKind {
    descriptor: DESCRIPTOR,
    about: "An object in a zone is faster than `kmh` for `seconds` or longer; the camera must be calibrated.",
    classes: VEHICLES,
    parse,
    schema: || schema_for!(Settings),
};

const DESCRIPTOR: Descriptor = Descriptor {
    kind: "speed_over",
    label_zh: "超速",
    label_en: "Speeding",
    severity: Severity::Medium,
    merge_family: "traffic",
    momentary: false,
};

/// Fewer samples than this show no error of their own.
const SAMPLES_MIN: usize = 4;
/// A box's lower edge is off by about this part of its height.
const BOX_ERROR_PART: f32 = 0.04;
/// A box that touches the picture's edge is cut off there, and its middle is not the object's.
const EDGE: f32 = 0.004;
/// Faster than this is no object but two that were taken for one.
const KMH_MAX: f64 = 300.0;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// Corners of the zone in the order of a walk around it, fractions of the picture from its top left. Far away a
    /// speed is uncertain: a zone in the nearer half of the picture is the better one.
    zone: Vec<[f32; 2]>,
    /// The speed that is allowed, kilometres an hour.
    #[schemars(range(min = 1, max = 250))]
    kmh: f64,
    /// Over how long the speed is measured.
    #[serde(default = "default_seconds")]
    seconds: f64,
}

fn default_seconds() -> f64 {
    1.0
}

fn parse(head: Head, table: toml::Table) -> Result<Box<dyn Rule>, RuleError> {
    let settings: Settings = head.settings(table)?;
    let zone = Zone::new(&settings.zone).map_err(|problem| head.invalid("zone", problem))?;
    if !(1.0..=250.0).contains(&settings.kmh) {
        let problem = format!("{} km/h is not a limit that can be used", settings.kmh);
        return Err(head.invalid("kmh", (problem, "use 1–250".to_owned())));
    }
    let span_us = head.duration_us("seconds", settings.seconds)?;
    if !head.calibrated {
        let next = "give the camera `height_m`, `tilt_deg` and `field_of_view_deg`, or four `ground_points`";
        return Err(head.invalid("kind", ("the camera is not calibrated".to_owned(), next.to_owned())));
    }
    let presence = Presence::new(zone, head.classes);
    Ok(Box::new(SpeedOver { presence, emitter: head.emitter, kmh: settings.kmh, span_us, drivers: Vec::new() }))
}

#[derive(Debug)]
struct SpeedOver {
    presence: Presence,
    emitter: Emitter,
    kmh: f64,
    span_us: i64,
    drivers: Vec<Driver>,
}

/// A member on its way.
#[derive(Debug)]
struct Driver {
    member: u64,
    path: Path,
    open: Option<Open>,
}

#[derive(Debug, Clone, Copy)]
struct Open {
    key: u64,
    begun_us: i64,
    fastest: Speed,
}

/// A measured speed and its error, kilometres an hour.
#[derive(Debug, Clone, Copy)]
struct Speed {
    kmh: f64,
    error_kmh: f64,
    span_us: i64,
}

impl SpeedOver {
    fn see(&mut self, scene: &Scene<'_>, member: &Member, events: &mut Vec<RuleEvent>) {
        let Some(ground) = scene.ground else { return };
        let index = self.drivers.iter().position(|driver| driver.member == member.id).unwrap_or_else(|| {
            self.drivers.push(Driver { member: member.id, path: Path::default(), open: None });
            self.drivers.len() - 1
        });
        // A weak box may be another object's for one picture: it keeps a track alive and says nothing of its speed.
        if is_cut_off(&member.track.bbox) || member.track.score < TrackerConfig::default().sure_score {
            return;
        }
        let driver = &mut self.drivers[index];
        driver.path.remember(scene.t_us, member.point, self.span_us);
        let off = member.track.bbox.height() * BOX_ERROR_PART;
        let Some(speed) = measure(&driver.path, self.span_us, ground, off) else { return };
        match &mut driver.open {
            Some(open) if speed.kmh - speed.error_kmh > open.fastest.kmh - open.fastest.error_kmh => {
                open.fastest = speed;
            }
            None if speed.kmh - speed.error_kmh > self.kmh => {
                let open = Open { key: self.emitter.key(), begun_us: scene.t_us, fastest: speed };
                driver.open = Some(open);
                let begin = self.emitter.about(Phase::Begin, scene.t_us, open.key, &member.track, member.point);
                events.push(self.explained(begin, speed));
            }
            _ => {}
        }
    }

    fn explained(&self, event: RuleEvent, speed: Speed) -> RuleEvent {
        self.measures(speed).into_iter().fold(event, RuleEvent::because)
    }

    fn measures(&self, speed: Speed) -> Vec<Measure> {
        let value = |name, value, threshold, unit| Measure { name, value, threshold, unit };
        vec![
            value("kmh", speed.kmh, Some(self.kmh), "km/h"),
            value("kmh_error", speed.error_kmh, None, "km/h"),
            value("seconds_measured", seconds(speed.span_us), Some(seconds(self.span_us)), "s"),
        ]
    }

    fn part(&mut self, changes: Vec<Change>, events: &mut Vec<RuleEvent>) {
        for change in changes {
            let Change::Left { member, t_us, at, how } = change else { continue };
            let Some(index) = self.drivers.iter().position(|driver| driver.member == member.id) else { continue };
            let Some(open) = self.drivers.remove(index).open else { continue };
            let end = self.emitter.about(Phase::End, t_us.max(open.begun_us), open.key, &member.track, at);
            events.push(self.explained(end, open.fastest).with("ended_by", how.as_str()));
        }
    }
}

fn is_cut_off(bbox: &Rect) -> bool {
    bbox.x0 < EDGE || bbox.x1 > 1.0 - EDGE || bbox.y1 > 1.0 - EDGE
}

/// The straight line through the samples' places by least squares; its error is that of the calibration and that of the
/// places around the line, or of the boxes if that is more. None where the samples are too few or no object moves so.
fn measure(path: &Path, span_us: i64, ground: &Ground, off: f32) -> Option<Speed> {
    let [first, _, last] = path.span(span_us)?;
    let spots: Vec<Spot> =
        path.samples().map(|sample| Spot::of(sample, first.0, ground, off)).collect::<Option<_>>()?;
    if spots.len() < SAMPLES_MIN {
        return None;
    }
    let count = spots.len() as f64;
    let middle_s = spots.iter().map(|spot| spot.t_s).sum::<f64>() / count;
    let spread = spots.iter().map(|spot| (spot.t_s - middle_s).powi(2)).sum::<f64>();
    let mut residual = 0.0;
    let velocity = [0, 1].map(|axis| {
        let middle_m = spots.iter().map(|spot| spot.at_m[axis]).sum::<f64>() / count;
        let along = |spot: &Spot| (spot.t_s - middle_s) * (spot.at_m[axis] - middle_m);
        let slope = spots.iter().map(along).sum::<f64>() / spread;
        let beside = |spot: &Spot| (spot.at_m[axis] - middle_m - slope * (spot.t_s - middle_s)).powi(2);
        residual += spots.iter().map(beside).sum::<f64>();
        slope
    });
    let box_error_m = spots.iter().map(|spot| spot.box_error_m).sum::<f64>() / count;
    let by_boxes = (residual / (count - 2.0)).sqrt().max(box_error_m) / spread.sqrt();
    let metres_a_second = velocity[0].hypot(velocity[1]);
    let way = ground.length(first.1, last.1)?;
    let by_calibration = if way.m > 0.0 { metres_a_second * way.error_m / way.m } else { 0.0 };
    let (kmh, error_kmh) = (metres_a_second * 3.6, by_boxes.hypot(by_calibration) * 3.6);
    (kmh < KMH_MAX).then_some(Speed { kmh, error_kmh, span_us: last.0 - first.0 })
}

/// A sample on the ground.
#[derive(Debug)]
struct Spot {
    /// Since the first sample.
    t_s: f64,
    at_m: [f64; 2],
    /// How wrong it is through the box alone: the calibration is as wrong for one sample as for the next.
    box_error_m: f64,
}

impl Spot {
    fn of((t_us, at): (i64, Point), from_us: i64, ground: &Ground, off: f32) -> Option<Spot> {
        let (place, calibration_m) = (ground.place(at, off)?, ground.place(at, 0.0)?.error_m);
        let box_error_m = (place.error_m.powi(2) - calibration_m.powi(2)).max(0.0).sqrt();
        Some(Spot { t_s: seconds(t_us - from_us), at_m: [place.east_m, place.north_m], box_error_m })
    }
}

impl Rule for SpeedOver {
    fn observe(&mut self, scene: &Scene<'_>, events: &mut Vec<RuleEvent>) {
        let changes = self.presence.observe(scene);
        self.part(changes, events);
        let seen: Vec<Member> =
            self.presence.members().iter().filter(|member| member.inside_us == scene.t_us).cloned().collect();
        for member in seen {
            self.see(scene, &member, events);
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
            |member: &&Member| self.drivers.iter().any(|driver| driver.member == member.id && driver.open.is_some());
        self.presence.members().iter().filter(open).map(|member| member.inside_us).min()
    }

    fn least_fps(&self) -> f64 {
        (SAMPLES_MIN - 1) as f64 * 1e6 / self.span_us as f64
    }

    fn watching(&self, scene: &Scene<'_>) -> Vec<Watched> {
        let watched = |member: &Member| {
            let driver = self.drivers.iter().find(|driver| driver.member == member.id);
            let told = Watched::told_or_not(driver.is_some_and(|driver| driver.open.is_some()));
            let off = member.track.bbox.height() * BOX_ERROR_PART;
            let speed = driver.zip(scene.ground).and_then(|(driver, ground)| {
                measure(&driver.path, self.span_us, ground, off).map(|speed| self.measures(speed))
            });
            match speed {
                None => Watched::object(&member.track, Standpoint::NotMeasured, Vec::new()),
                Some(measures) => Watched::object(&member.track, told, measures),
            }
        };
        self.presence.members().iter().map(watched).chain(self.presence.beside(scene)).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        analyser::Analyser,
        ground::{Calibration, KnownPoint},
        model::coco80,
        picture::{Point, Rect},
        rules::testing::{Detector, FLICKERING, look, measure},
        track::TrackerConfig,
    };

    const RULE: &str = "kind='speed_over'\nkmh=50\nzone=[[0.1,0.25],[0.9,0.25],[0.9,0.95],[0.1,0.95]]";

    /// A road 10 m wide and 40 m long fills the lower middle of the picture.
    const ROAD: [([f64; 2], [f64; 2]); 4] = [
        ([0.1, 0.95], [0.0, 0.0]),
        ([0.9, 0.95], [10.0, 0.0]),
        ([0.65, 0.25], [10.0, 40.0]),
        ([0.35, 0.25], [0.0, 40.0]),
    ];

    fn known() -> Vec<KnownPoint> {
        ROAD.iter().map(|&(picture, ground_m)| KnownPoint { picture, ground_m }).collect()
    }

    /// The picture's point of a place on the road: the calibration the other way round.
    fn shown(east_m: f64, north_m: f64) -> Point {
        let turned: Vec<KnownPoint> = ROAD
            .iter()
            .map(|&(picture, ground_m)| KnownPoint {
                picture: [ground_m[0] / 100.0, ground_m[1] / 100.0],
                ground_m: picture,
            })
            .collect();
        let there = Calibration::Known(turned).ground(1.0).expect("a calibration");
        let place = there.place(Point::new((east_m / 100.0) as f32, (north_m / 100.0) as f32), 0.0).expect("a place");
        Point::new(place.east_m as f32, place.north_m as f32)
    }

    /// A car comes up the road at so many kilometres an hour.
    fn drive(kmh: f64, detector: Detector) -> Vec<crate::rules::RuleEvent> {
        let rules = vec![toml::from_str(RULE).expect("toml")];
        let mut analyser =
            Analyser::calibrated(TrackerConfig::default(), rules, &coco80(), Some(Calibration::Known(known())))
                .expect("a valid rule");
        let script = |t: f32| {
            let north_m = 38.0 - kmh / 3.6 * f64::from(t);
            if north_m < 0.5 {
                return vec![];
            }
            let (left, right) = (shown(4.0, north_m), shown(5.8, north_m));
            let width = right.x - left.x;
            vec![("car", Rect::new(left.x, left.y - width * 1.5, right.x, left.y))]
        };
        let mut events = look(&mut analyser, detector, 12, &script);
        events.extend(analyser.finish(12_000_000));
        events
    }

    #[test]
    fn too_fast_is_told_with_its_speed_and_what_is_not_surely_so_is_not() {
        for seed in 1..=20 {
            for fps in [5, 12] {
                let detector = Detector { seed, fps, jitter: 0.02, ..FLICKERING };
                let events = drive(75.0, detector);
                let name = format!("seed {seed}, {fps} fps");
                assert_eq!(events.len(), 2, "{name}: {events:?}");
                let (kmh, error) = (measure(&events[1], "kmh"), measure(&events[1], "kmh_error"));
                assert!((kmh - 75.0).abs() < 3.0 * error && error < 15.0, "{name}: {kmh} ± {error}");
                assert!(events.iter().all(|event| event.place.is_some_and(|place| place.east_m > 2.0)), "{name}");
                assert_eq!(drive(45.0, detector), [], "{name}");
            }
        }
    }

    #[test]
    fn without_a_calibration_it_is_refused() {
        let error = crate::rules::parse(toml::from_str(RULE).expect("toml"), &coco80(), false).expect_err("no ground");
        assert!(error.to_string().contains("ground_points"), "{error}");
    }
}
