//! `occupancy`: how many objects are in a zone. It begins when the first one enters and ends when the zone is empty;
//! between, each change of the number is an update, and the number is repeated at intervals.

use schemars::{JsonSchema, schema_for};
use serde::Deserialize;

use super::{
    Descriptor, Measure, Phase, Rule, RuleError, RuleEvent, RuleKind, Scene, Severity, Watched,
    event::Emitter,
    geometry::Zone,
    presence::{Change, Presence},
    settings::Head,
};

/// The line in the table of rules.
pub(super) const KIND: RuleKind = RuleKind {
    descriptor: DESCRIPTOR,
    about: "How many objects are in a zone, told on change and at intervals.",
    classes: &[],
    parse,
    schema: || schema_for!(Settings),
};

const DESCRIPTOR: Descriptor = Descriptor {
    kind: "occupancy",
    label_zh: "区域人车数量",
    label_en: "Occupancy",
    severity: Severity::Low,
    merge_family: "density",
    momentary: false,
};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// Corners of the zone in the order of a walk around it, fractions of the picture from its top left.
    zone: Vec<[f32; 2]>,
    /// While somebody is in the zone, the number is told at least every so many seconds.
    #[serde(default = "interval_seconds")]
    interval_seconds: f64,
}

fn interval_seconds() -> f64 {
    30.0
}

fn parse(head: Head, table: toml::Table) -> Result<Box<dyn Rule>, RuleError> {
    let settings: Settings = head.settings(table)?;
    let zone = Zone::new(&settings.zone).map_err(|problem| head.invalid("zone", problem))?;
    let interval_us = head.duration_us("interval_seconds", settings.interval_seconds)?;
    let presence = Presence::new(zone, head.classes);
    Ok(Box::new(Occupancy { presence, emitter: head.emitter, interval_us, open: None }))
}

#[derive(Debug)]
struct Occupancy {
    presence: Presence,
    emitter: Emitter,
    interval_us: i64,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    key: u64,
    told: usize,
    told_us: i64,
    most: usize,
}

impl Occupancy {
    /// Tells the number where it changed, with the time of the last change.
    fn tell(&mut self, changes: &[Change], events: &mut Vec<RuleEvent>) {
        let count = self.presence.members().len();
        let times = changes.iter().map(|change| match change {
            Change::Entered { member, .. } => member.entered_us,
            Change::Left { t_us, .. } => *t_us,
        });
        // Several changes of one picture are one report; a report is never older than the one before.
        let Some(changed_us) = times.max() else { return };
        match &mut self.open {
            None if count > 0 => {
                let key = self.emitter.key();
                let open = Open { key, told: count, told_us: changed_us, most: count };
                events.push(self.event(Phase::Begin, &open));
                self.open = Some(open);
            }
            Some(open) if open.told != count => {
                open.told = count;
                open.told_us = changed_us.max(open.told_us);
                open.most = open.most.max(count);
                let Some(open) = self.open.take() else { return };
                events.push(self.event(if count == 0 { Phase::End } else { Phase::Update }, &open));
                self.open = (count > 0).then_some(open);
            }
            _ => {}
        }
    }

    fn event(&self, phase: Phase, open: &Open) -> RuleEvent {
        let objects = |name, value: usize| Measure { name, value: value as f64, threshold: None, unit: "objects" };
        self.emitter
            .event(phase, open.told_us, open.key)
            .because(objects("objects", open.told))
            .because(objects("objects_max", open.most))
    }
}

impl Rule for Occupancy {
    fn observe(&mut self, scene: &Scene<'_>, events: &mut Vec<RuleEvent>) {
        let changes = self.presence.observe(scene);
        self.tell(&changes, events);
        let Some(mut open) = self.open.take() else { return };
        if scene.t_us - open.told_us >= self.interval_us {
            open.told_us = scene.t_us;
            events.push(self.event(Phase::Update, &open));
        }
        self.open = Some(open);
    }

    fn finish(&mut self, _t_us: i64, events: &mut Vec<RuleEvent>) {
        let changes = self.presence.finish();
        self.tell(&changes, events);
    }

    fn pending_us(&self) -> Option<i64> {
        self.presence.pending_us()
    }

    fn watching(&self, scene: &Scene<'_>) -> Vec<Watched> {
        let count = self.presence.members().len();
        let objects = Measure { name: "objects", value: count as f64, threshold: None, unit: "objects" };
        let all = Watched { track: None, standing: Watched::told_or_not(self.open.is_some()), measures: vec![objects] };
        std::iter::once(all).chain(self.presence.beside(scene)).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{measure, phases, play};

    #[test]
    fn the_number_is_told_on_change_and_at_intervals() {
        let rule = "kind='occupancy'\ninterval_seconds=1\nzone=[[0.5,0],[1,0],[1,1],[0.5,1]]";
        let one = || vec![(1, 0.7, 0.5)];
        let two = || vec![(1, 0.7, 0.5), (2, 0.8, 0.9)];
        let gone = || vec![(1, 0.2, 0.5), (2, 0.2, 0.9)];
        let film = [
            (0, one()),
            (2, one()),
            (4, two()),
            (6, two()),
            (8, two()),
            (14, two()),
            (17, two()),
            (18, gone()),
            (20, gone()),
        ];
        let events = play(rule, &film);
        // Told at 0.4 s, so again at the first picture a second later; the last change is the later crossing.
        assert_eq!(phases(&events), [("begin", 0), ("update", 4), ("update", 14), ("end", 17)]);
        let counts: Vec<f64> = events.iter().map(|event| measure(event, "objects")).collect();
        assert_eq!(counts, [1.0, 2.0, 2.0, 0.0]);
        assert_eq!(measure(&events[3], "objects_max"), 2.0);
        assert!(events.iter().all(|event| event.open_key == events[0].open_key));
    }
}
