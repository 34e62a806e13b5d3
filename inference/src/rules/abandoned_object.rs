//! `abandoned_object`: a bag stands in a zone and nobody has attended it for so many seconds. It begins when that time
//! is reached and ends when the bag is taken away; who is near it is `attendance`'s business.

use schemars::{JsonSchema, schema_for};
use serde::Deserialize;

use super::{
    BAGS, Descriptor, Rule, RuleError, RuleEvent, RuleKind, Scene, Severity, Watched,
    attendance::{Attendance, default_near},
    geometry::Zone,
    settings::Head,
    stand::{Stand, Times, update_seconds},
};

/// The line in the table of rules.
pub(super) const KIND: RuleKind = RuleKind {
    descriptor: DESCRIPTOR,
    about: "A thing stands in a zone without anybody by it for `seconds` or longer, until it is taken away.",
    classes: BAGS,
    parse,
    schema: || schema_for!(Settings),
};

const DESCRIPTOR: Descriptor = Descriptor {
    kind: "abandoned_object",
    label_zh: "遗留物",
    label_en: "Abandoned object",
    severity: Severity::High,
    merge_family: "object",
    momentary: false,
};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// Corners of the zone in the order of a walk around it, fractions of the picture from its top left.
    zone: Vec<[f32; 2]>,
    /// For how long nobody must have attended it.
    #[serde(default = "default_seconds")]
    seconds: f64,
    /// Who is nearer than this for a while attends it; in heights of the person, about.
    #[serde(default = "default_near")]
    near: f32,
    /// While it lasts, an update is sent each time that so many seconds have passed.
    #[serde(default = "update_seconds")]
    update_seconds: f64,
}

fn default_seconds() -> f64 {
    30.0
}

fn parse(head: Head, table: toml::Table) -> Result<Box<dyn Rule>, RuleError> {
    let settings: Settings = head.settings(table)?;
    let zone = Zone::new(&settings.zone).map_err(|problem| head.invalid("zone", problem))?;
    let after_us = head.duration_us("seconds", settings.seconds)?;
    let update_us = head.duration_us("update_seconds", settings.update_seconds)?;
    let attendance = Attendance::new(&head, settings.near)?;
    let times = Times { after_us, update_us, measure: "seconds_unattended" };
    Ok(Box::new(AbandonedObject { stand: Stand::new(head, zone, times), attendance }))
}

#[derive(Debug)]
struct AbandonedObject {
    stand: Stand,
    attendance: Attendance,
}

impl Rule for AbandonedObject {
    fn observe(&mut self, scene: &Scene<'_>, events: &mut Vec<RuleEvent>) {
        self.stand.look(scene, events);
        self.attendance.observe(scene, self.stand.places().iter());
        for place in self.stand.places().iter_mut().filter(|place| !place.told) {
            let attended_us = self.attendance.attended_us(place).unwrap_or(place.since_us);
            place.counts_from_us = place.counts_from_us.max(attended_us);
        }
        self.stand.ripen(scene.t_us, events);
    }

    fn finish(&mut self, _t_us: i64, events: &mut Vec<RuleEvent>) {
        self.stand.finish(events);
        self.attendance.forget();
    }

    fn pending_us(&self) -> Option<i64> {
        self.stand.pending_us()
    }

    fn watching(&self, scene: &Scene<'_>) -> Vec<Watched> {
        self.stand.watching(scene)
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        picture::Rect,
        rules::testing::{Detector, FLICKERING, Script, measure, standing_at, times, told, watch},
    };

    const RULE: &str = "kind='abandoned_object'\nseconds=10\nzone=[[0.1,0.3],[0.9,0.3],[0.9,1],[0.1,1]]";

    fn check(name: &str, seconds: i64, scene: Script<'_>, expected: &[(&str, f64)]) {
        for seed in 1..=20 {
            for (fps, missing) in [(2, 0.0), (5, 0.125), (12, 0.25)] {
                let events = watch(RULE, Detector { seed, fps, missing, ..FLICKERING }, seconds, scene);
                assert!(told(&events, expected, 1.5), "{name}, {fps} fps, seed {seed}: {:?}", times(&events));
            }
        }
    }

    fn person(x: f32) -> (&'static str, Rect) {
        ("person", standing_at(x, 0.6, 0.05, 0.22))
    }

    fn bag(x: f32) -> (&'static str, Rect) {
        ("suitcase", standing_at(x, 0.6, 0.04, 0.06))
    }

    /// Somebody comes with a bag, puts it down at 4 s in the middle, goes on at `leaves_s`.
    fn puts_down(t: f32, leaves_s: f32) -> Vec<(&'static str, Rect)> {
        let x = if t < leaves_s { (0.3 + 0.05 * t).min(0.5) } else { 0.5 + 0.08 * (t - leaves_s) };
        vec![person(x), bag(x.min(0.5))]
    }

    #[test]
    fn a_bag_counts_from_when_its_person_has_gone_until_it_is_taken() {
        // 1.5 heights of a person are 0.19 of the picture's width: 2.3 s of walking.
        check("put down and gone", 40, &|t| puts_down(t, 5.0), &[("begin", 16.2), ("end", 40.0)]);
        check("somebody stays by it", 40, &|t| puts_down(t, 100.0), &[]);
        check("he stays for a while", 40, &|t| puts_down(t, 20.0), &[("begin", 32.3), ("end", 40.0)]);
        check("carried on", 40, &|t| vec![person(0.2 + 0.015 * t), bag(0.2 + 0.015 * t)], &[]);
        let taken: Script<'_> = &|t| {
            if t < 30.0 {
                puts_down(t, 5.0)
            } else {
                vec![person(0.5 - 0.05 * (t - 30.0)), bag(0.5 - 0.05 * (t - 30.0))]
            }
        };
        check("taken away", 40, taken, &[("begin", 16.2), ("end", 30.5)]);
    }

    #[test]
    fn a_thing_of_which_a_part_is_told_as_well_is_told_once() {
        let part = |t: f32| (t > 5.0).then(|| ("suitcase", Rect::new(0.513, 0.555, 0.518, 0.598)));
        let scene: Script<'_> = &|t| {
            let whole = puts_down(t, 5.0).into_iter().filter(|(name, _)| *name == "person" || !(5.0..8.0).contains(&t));
            whole.chain(part(t)).collect()
        };
        let events = watch(RULE, Detector { fps: 5, ..FLICKERING }, 40, scene);
        assert!(told(&events, &[("begin", 16.2), ("end", 40.0)], 2.5), "{:?}", times(&events));
    }

    #[test]
    fn who_passes_by_neither_attends_it_nor_ends_it() {
        let passer = |t: f32| person((t * 0.1) % 1.0);
        let scene: Script<'_> = &|t| [puts_down(t, 5.0), vec![passer(t)]].concat();
        check("one after the other", 60, scene, &[("begin", 16.2), ("end", 60.0)]);
        // Somebody near the camera crosses the picture every ten seconds and hides the bag for a moment.
        let hidden: Script<'_> = &|t| {
            let x = (t % 10.0) * 0.3;
            let all = [puts_down(t, 5.0), vec![("person", standing_at(x, 0.8, 0.15, 0.6))]].concat();
            let before = |bbox: &Rect| t > 16.5 && ((bbox.x0 + bbox.x1) / 2.0 - x).abs() < 0.08;
            all.into_iter().filter(|(name, bbox)| *name == "person" || !before(bbox)).collect()
        };
        let events = watch(RULE, FLICKERING, 90, hidden);
        assert_eq!(events.len(), 2, "{:?}", times(&events));
        assert!((measure(&events[0], "seconds_unattended") - 10.0).abs() < 0.01);
    }
}
