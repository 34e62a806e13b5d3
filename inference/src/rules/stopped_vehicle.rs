//! `stopped_vehicle`: a vehicle has stood in a zone for so many seconds. With a longer time the zone is one of no
//! parking. It begins at the moment at which the time is reached and ends when the vehicle drives off; begin, update
//! and end are `stand`'s.

use schemars::{JsonSchema, schema_for};
use serde::Deserialize;

use super::{
    Descriptor, Rule, RuleError, RuleEvent, RuleKind, Scene, Severity, VEHICLES, Watched,
    geometry::Zone,
    settings::Head,
    stand::{Stand, Times, update_seconds},
};

/// The line in the table of rules.
pub(super) const KIND: RuleKind = RuleKind {
    descriptor: DESCRIPTOR,
    about: "A vehicle stands in a zone for `seconds` or longer, until it drives off.",
    classes: VEHICLES,
    parse,
    schema: || schema_for!(Settings),
};

const DESCRIPTOR: Descriptor = Descriptor {
    kind: "stopped_vehicle",
    label_zh: "违停",
    label_en: "Stopped vehicle",
    severity: Severity::Medium,
    merge_family: "standing",
    momentary: false,
};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// Corners of the zone in the order of a walk around it, fractions of the picture from its top left.
    zone: Vec<[f32; 2]>,
    /// How long a vehicle must stand. Where traffic lights make it wait, longer than they do.
    #[serde(default = "default_seconds")]
    seconds: f64,
    /// While it lasts, an update is sent each time that so many seconds have passed.
    #[serde(default = "update_seconds")]
    update_seconds: f64,
}

fn default_seconds() -> f64 {
    20.0
}

fn parse(head: Head, table: toml::Table) -> Result<Box<dyn Rule>, RuleError> {
    let settings: Settings = head.settings(table)?;
    let zone = Zone::new(&settings.zone).map_err(|problem| head.invalid("zone", problem))?;
    let after_us = head.duration_us("seconds", settings.seconds)?;
    let update_us = head.duration_us("update_seconds", settings.update_seconds)?;
    let times = Times { after_us, update_us, measure: "seconds_standing" };
    Ok(Box::new(StoppedVehicle(Stand::new(head, zone, times))))
}

#[derive(Debug)]
struct StoppedVehicle(Stand);

impl Rule for StoppedVehicle {
    fn observe(&mut self, scene: &Scene<'_>, events: &mut Vec<RuleEvent>) {
        self.0.look(scene, events);
        self.0.ripen(scene.t_us, events);
    }

    fn finish(&mut self, _t_us: i64, events: &mut Vec<RuleEvent>) {
        self.0.finish(events);
    }

    fn pending_us(&self) -> Option<i64> {
        self.0.pending_us()
    }

    fn watching(&self, scene: &Scene<'_>) -> Vec<Watched> {
        self.0.watching(scene)
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        analyser::Analyser,
        model::coco80,
        rules::testing::{Detector, FLICKERING, Script, look, measure, standing_at, times, told, watch},
        track::TrackerConfig,
    };

    const RULE: &str = "kind='stopped_vehicle'\nseconds=10\nzone=[[0.2,0.2],[0.8,0.2],[0.8,0.9],[0.2,0.9]]";

    fn check(name: &str, seconds: i64, scene: Script<'_>, expected: &[(&str, f64)]) {
        for seed in 1..=20 {
            for (fps, missing) in [(2, 0.0), (5, 0.125), (12, 0.25)] {
                let events = watch(RULE, Detector { seed, fps, missing, ..FLICKERING }, seconds, scene);
                assert!(told(&events, expected, 1.5), "{name}, {fps} fps, seed {seed}: {:?}", times(&events));
            }
        }
    }

    /// Comes from the left, stands in the middle from 2.5 s to `until_s`, drives off to the right.
    fn stops(t: f32, until_s: f32) -> crate::picture::Rect {
        standing_at(if t < until_s { (0.2 * t).min(0.5) } else { 0.5 + 0.15 * (t - until_s) }, 0.6, 0.2, 0.15)
    }

    #[test]
    fn who_stands_for_the_time_is_told_until_it_drives_off() {
        check("long enough", 40, &|t| vec![("car", stops(t, 30.0))], &[("begin", 12.5), ("end", 30.3)]);
        check("not long enough", 40, &|t| vec![("car", stops(t, 10.0))], &[]);
        check("creeping", 40, &|t| vec![("car", standing_at(0.2 + 0.015 * t, 0.6, 0.2, 0.15))], &[]);
        check("a person", 40, &|_| vec![("person", standing_at(0.5, 0.6, 0.05, 0.2))], &[]);
        check("outside", 40, &|_| vec![("car", standing_at(0.5, 0.95, 0.2, 0.15))], &[]);
    }

    #[test]
    fn out_of_sight_for_a_while_is_one_stay() {
        let hidden = |t: f32| (20.0..30.0).contains(&t) || (40.0..62.0).contains(&t);
        let scene: Script<'_> = &|t| if hidden(t) { vec![] } else { vec![("car", standing_at(0.5, 0.6, 0.2, 0.15))] };
        check("hidden", 80, scene, &[("begin", 10.0), ("end", 80.0)]);
        let bus = |t: f32| ("bus", standing_at(0.06 * (t - 14.0), 0.8, 0.5, 0.5));
        let scene: Script<'_> = &|t| {
            let covered = (20.0..26.0).contains(&t);
            let car = (!covered).then_some(("car", standing_at(0.5, 0.6, 0.2, 0.15)));
            car.into_iter().chain((t > 14.0).then(|| bus(t))).collect()
        };
        check("a bus passes before it", 80, scene, &[("begin", 10.0), ("end", 80.0)]);
    }

    #[test]
    fn a_parked_car_that_was_lost_for_long_is_not_told_again_but_another_is() {
        let hidden = |t: f32| (20.0..90.0).contains(&t);
        let scene: Script<'_> = &|t| if hidden(t) { vec![] } else { vec![("car", standing_at(0.5, 0.6, 0.2, 0.15))] };
        check("the same", 150, scene, &[("begin", 10.0), ("end", 20.0)]);
        // The first one is lost; the second is seen coming.
        let scene: Script<'_> = &|t| match t {
            t if t < 20.0 => vec![("car", standing_at(0.5, 0.6, 0.2, 0.15))],
            t if t < 90.0 => vec![],
            t => vec![("car", stops(t - 90.0, 1e9))],
        };
        check("another", 120, scene, &[("begin", 10.0), ("end", 20.0), ("begin", 102.5), ("end", 120.0)]);
        let scene: Script<'_> = &|t| vec![("car", stops(if t < 40.0 { t } else { t - 40.0 }, 20.0))];
        let twice = [("begin", 12.5), ("end", 20.3), ("begin", 52.5), ("end", 60.3)];
        check("two, one after the other", 70, scene, &twice);
    }

    #[test]
    fn a_lost_stream_ends_it_and_does_not_tell_of_it_again() {
        let rules = vec![toml::from_str(RULE).expect("toml")];
        let mut analyser = Analyser::new(TrackerConfig::default(), rules, &coco80()).expect("a valid rule");
        let scene: Script<'_> = &|_| vec![("car", standing_at(0.5, 0.6, 0.2, 0.15))];
        let mut events = look(&mut analyser, FLICKERING, 30, scene);
        events.extend(analyser.finish(30_000_000));
        assert!(told(&events, &[("begin", 10.0), ("end", 30.0)], 1.0), "{:?}", times(&events));
        assert!((measure(&events[1], "seconds_standing") - 30.0).abs() < 1.0);
        // The next session counts from zero.
        assert_eq!(look(&mut analyser, FLICKERING, 60, scene), []);
        assert_eq!(analyser.finish(60_000_000), []);
    }
}
