//! `count`: how many objects crossed a line in each direction, by class, told once an interval. An interval without
//! crossings is told as well: nothing is another statement than no statement.

use std::collections::BTreeMap;

use schemars::{JsonSchema, schema_for};
use serde::Deserialize;

use super::{
    Descriptor, Measure, Phase, Rule, RuleError, RuleEvent, RuleKind, Scene, Severity, Standpoint, Watched,
    crossing::{A_TO_B, B_TO_A, Crossing, Crossings},
    event::{Emitter, seconds},
    geometry::Line,
    settings::Head,
    watching::lasted,
};

/// The line in the table of rules.
pub(super) const KIND: RuleKind = RuleKind {
    descriptor: DESCRIPTOR,
    about: "How many objects crossed a line, by direction and class, once in `interval_s`.",
    classes: &[],
    parse,
    schema: || schema_for!(Settings),
};

const DESCRIPTOR: Descriptor = Descriptor {
    kind: "count",
    label_zh: "流量统计",
    label_en: "Count",
    severity: Severity::Low,
    merge_family: "flow",
    momentary: true,
};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// Two points, fractions of the picture from its top left. Stand on the first and look to the second: the left
    /// side is a, the right side is b.
    line: [[f32; 2]; 2],
    /// Length of an interval, seconds; the first one begins with the first picture.
    #[serde(default = "interval_s")]
    interval_s: f64,
}

fn interval_s() -> f64 {
    300.0
}

fn parse(head: Head, table: toml::Table) -> Result<Box<dyn Rule>, RuleError> {
    let settings: Settings = head.settings(table)?;
    let line = Line::new(settings.line).map_err(|problem| head.invalid("line", problem))?;
    let interval_us = head.duration_us("interval_s", settings.interval_s)?;
    Ok(Box::new(Count {
        crossings: Crossings::new(line, head.classes),
        emitter: head.emitter,
        classes: head.known,
        interval_us,
        open: None,
    }))
}

#[derive(Debug)]
struct Count {
    crossings: Crossings,
    emitter: Emitter,
    /// Names of the model's classes.
    classes: Vec<String>,
    interval_us: i64,
    open: Option<Interval>,
}

/// What was counted since a time.
#[derive(Debug)]
struct Interval {
    from_us: i64,
    /// Direction and class.
    counted: BTreeMap<(&'static str, u16), u32>,
}

impl Interval {
    fn from(from_us: i64) -> Self {
        Self { from_us, counted: BTreeMap::new() }
    }

    fn add(&mut self, crossings: Vec<Crossing>) {
        for crossing in crossings {
            *self.counted.entry((crossing.direction, crossing.track.class)).or_default() += 1;
        }
    }
}

impl Count {
    fn tell(&mut self, interval: &Interval, to_us: i64, events: &mut Vec<RuleEvent>) {
        let sum = |direction: &'static str| {
            let counted = interval.counted.iter().filter(|((way, _), _)| *way == direction);
            let value = f64::from(counted.map(|(_, number)| number).sum::<u32>());
            Measure { name: direction, value, threshold: None, unit: "objects" }
        };
        let lasted = Measure {
            name: "seconds_counted",
            value: seconds(to_us - interval.from_us),
            threshold: Some(seconds(self.interval_us)),
            unit: "s",
        };
        let key = self.emitter.key();
        let mut event = self.emitter.event(Phase::Begin, to_us, key);
        event = event.because(sum(A_TO_B)).because(sum(B_TO_A)).because(lasted);
        for ((direction, class), number) in &interval.counted {
            let class = self.classes.get(usize::from(*class)).map_or("", String::as_str);
            event = event.with(&format!("{direction}.{class}"), &number.to_string());
        }
        events.push(event);
    }
}

impl Rule for Count {
    fn observe(&mut self, scene: &Scene<'_>, events: &mut Vec<RuleEvent>) {
        let crossings = self.crossings.observe(scene);
        let mut interval = self.open.take().unwrap_or_else(|| Interval::from(scene.t_us));
        let to_us = interval.from_us + self.interval_us;
        let is_over = scene.t_us >= to_us;
        // One that crossed before the end and is not decided yet belongs to it.
        if is_over && self.crossings.pending_us().is_none_or(|pending_us| pending_us >= to_us) {
            let (before, after) = crossings.into_iter().partition(|crossing| crossing.t_us < to_us);
            interval.add(before);
            self.tell(&interval, to_us, events);
            // After a long time without pictures there is nothing to be told of the intervals between.
            let next_us = if scene.t_us - to_us < self.interval_us { to_us } else { scene.t_us };
            interval = Interval::from(next_us);
            interval.add(after);
        } else {
            interval.add(crossings);
        }
        self.open = Some(interval);
    }

    fn finish(&mut self, t_us: i64, events: &mut Vec<RuleEvent>) {
        let crossings = self.crossings.finish();
        let Some(mut interval) = self.open.take() else { return };
        interval.add(crossings);
        let to_us = t_us.max(interval.from_us);
        self.tell(&interval, to_us, events);
    }

    fn pending_us(&self) -> Option<i64> {
        let due_us = self.open.as_ref().map(|interval| interval.from_us + self.interval_us);
        due_us.into_iter().chain(self.crossings.pending_us()).min()
    }

    fn watching(&self, scene: &Scene<'_>) -> Vec<Watched> {
        let counted = |way: &'static str| {
            let all = self.open.iter().flat_map(|interval| &interval.counted);
            let number = all.filter(|((direction, _), _)| *direction == way).map(|(_, number)| *number).sum::<u32>();
            Measure { name: way, value: f64::from(number), threshold: None, unit: "objects" }
        };
        let from_us = self.open.as_ref().map_or(scene.t_us, |interval| interval.from_us);
        let passed = lasted("seconds_counted", scene.t_us - from_us, Some(self.interval_us));
        let measures = vec![counted(A_TO_B), counted(B_TO_A), passed];
        let all = Watched { track: None, standing: Standpoint::NotYet, measures };
        std::iter::once(all).chain(self.crossings.watching(scene)).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{Detector, FLICKERING, Script, measure, standing_at, times, watch};

    #[test]
    fn each_interval_has_its_crossings_by_direction_and_class() {
        let rule = "kind='count'\nline=[[0,0.5],[1,0.5]]\ninterval_s=10";
        // A person goes down every 4 s from 1 s on, a car goes up at 5 s and 15 s.
        let scene: Script<'_> = &|t| {
            let person = |from: f32| ("person", standing_at(0.2, 0.4 + 0.1 * (t - from), 0.04, 0.2));
            let car = |from: f32| ("car", standing_at(0.7, 0.6 - 0.1 * (t - from), 0.2, 0.15));
            let people = [0.0, 4.0, 8.0, 12.0, 16.0, 20.0].into_iter();
            let people = people.filter(|from| (*from..from + 3.0).contains(&t)).map(person);
            let cars = [4.0, 14.0].into_iter().filter(|from| (*from..from + 3.0).contains(&t)).map(car);
            people.chain(cars).collect()
        };
        for seed in 1..=20 {
            let events = watch(rule, Detector { seed, missing: 0.05, ..FLICKERING }, 35, scene);
            assert_eq!(times(&events), [("begin", 10.0), ("begin", 20.0), ("begin", 30.0), ("begin", 35.0)]);
            let counted: Vec<(f64, f64)> =
                events.iter().map(|event| (measure(event, "a_to_b"), measure(event, "b_to_a"))).collect();
            assert_eq!(counted, [(3.0, 1.0), (2.0, 1.0), (1.0, 0.0), (0.0, 0.0)], "seed {seed}");
            let names = |name: &str| (name.to_owned(), if name.ends_with("car") { "1" } else { "3" }.to_owned());
            assert_eq!(events[0].attributes, [names("a_to_b.person"), names("b_to_a.car")]);
            assert_eq!(measure(&events[3], "seconds_counted"), 5.0);
        }
    }
}
