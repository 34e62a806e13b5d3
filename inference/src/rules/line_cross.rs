//! `line_cross`: an object's bottom centre crosses a line. Each crossing is told once; who crosses is `crossing`'s
//! business.

use schemars::{JsonSchema, schema_for};
use serde::Deserialize;

use super::{
    Descriptor, Measure, Phase, Rule, RuleError, RuleEvent, RuleKind, Scene, Severity, Watched,
    crossing::{A_TO_B, B_TO_A, Crossing, Crossings, SAMPLES},
    event::Emitter,
    geometry::Line,
    settings::Head,
};

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
    let crossings = Crossings::new(line, head.classes);
    Ok(Box::new(LineCross { crossings, direction: settings.direction, emitter: head.emitter }))
}

#[derive(Debug)]
struct LineCross {
    crossings: Crossings,
    direction: Direction,
    emitter: Emitter,
}

impl LineCross {
    fn tell(&mut self, crossings: Vec<Crossing>, events: &mut Vec<RuleEvent>) {
        let unwanted = match self.direction {
            Direction::AToB => B_TO_A,
            Direction::BToA => A_TO_B,
            Direction::Both => "",
        };
        for crossing in crossings.into_iter().filter(|crossing| crossing.direction != unwanted) {
            let beyond = Measure {
                name: "distance_beyond",
                value: f64::from(crossing.beyond),
                threshold: None,
                unit: "pictures",
            };
            let samples = Measure {
                name: "samples_beyond",
                value: f64::from(crossing.samples),
                threshold: Some(f64::from(SAMPLES)),
                unit: "",
            };
            let key = self.emitter.key();
            let mut event = self.emitter.about(Phase::Begin, crossing.t_us, key, &crossing.track, crossing.at);
            event.direction = Some(crossing.direction);
            events.push(event.because(beyond).because(samples));
        }
    }
}

impl Rule for LineCross {
    fn observe(&mut self, scene: &Scene<'_>, events: &mut Vec<RuleEvent>) {
        let crossings = self.crossings.observe(scene);
        self.tell(crossings, events);
    }

    fn finish(&mut self, _t_us: i64, events: &mut Vec<RuleEvent>) {
        let crossings = self.crossings.finish();
        self.tell(crossings, events);
    }

    fn pending_us(&self) -> Option<i64> {
        self.crossings.pending_us()
    }

    fn watching(&self, scene: &Scene<'_>) -> Vec<Watched> {
        self.crossings.watching(scene)
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
