//! `intrusion`: an object of a class is inside a zone. It begins when the object enters and ends when it leaves; who
//! is inside is `presence`'s business, begin, update and end are `stay`'s.

use schemars::{JsonSchema, schema_for};
use serde::Deserialize;

use super::{
    Descriptor, Rule, RuleError, RuleKind, Severity,
    settings::Head,
    stay::{Stay, update_seconds},
};

/// The line in the table of rules.
pub(super) const KIND: RuleKind = RuleKind {
    descriptor: DESCRIPTOR,
    about: "An object enters a zone, until it leaves.",
    classes: &[],
    parse,
    schema: || schema_for!(Settings),
};

const DESCRIPTOR: Descriptor = Descriptor {
    kind: "intrusion",
    label_zh: "区域入侵",
    label_en: "Intrusion",
    severity: Severity::High,
    merge_family: "presence",
    momentary: false,
};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// Corners of the zone in the order of a walk around it, fractions of the picture from its top left.
    zone: Vec<[f32; 2]>,
    /// While it lasts, an update is sent each time that so many seconds have passed.
    #[serde(default = "update_seconds")]
    update_seconds: f64,
}

fn parse(head: Head, table: toml::Table) -> Result<Box<dyn Rule>, RuleError> {
    let settings: Settings = head.settings(table)?;
    let zone = super::geometry::Zone::new(&settings.zone).map_err(|problem| head.invalid("zone", problem))?;
    let update_us = head.duration_us("update_seconds", settings.update_seconds)?;
    Ok(Box::new(Stay::new(head, zone, 0, update_us)))
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{Shot, measure, phases, play};

    const RULE: &str = "kind='intrusion'\nclasses=['person']\nzone=[[0.5,0],[1,0],[1,1],[0.5,1]]\nupdate_seconds=1";

    #[test]
    fn it_begins_on_entering_and_ends_on_leaving_with_updates_between() {
        let x = |i: i64| if (5..15).contains(&i) { 0.7 } else { 0.3 };
        let film: Vec<Shot> = (0..20).map(|i| (2 * i, vec![(1, x(i), 0.5)])).collect();
        let events = play(RULE, &film);
        assert_eq!(phases(&events), [("begin", 9), ("update", 20), ("end", 29)]);
        assert_eq!(events[0].point, Some([0.5, 0.5]));
        assert!((measure(&events[2], "seconds_in_zone") - 2.0).abs() < 1e-6);
        assert_eq!(events[2].attributes, [("ended_by".to_owned(), "left".to_owned())]);
    }

    #[test]
    fn an_object_that_vanishes_left_when_it_was_last_seen() {
        let inside = || vec![(1, 0.7, 0.5)];
        let events =
            play(RULE, &[(0, inside()), (2, inside()), (4, inside()), (20, vec![]), (103, vec![]), (104, vec![])]);
        assert_eq!(phases(&events), [("begin", 0), ("end", 4)]);
        assert_eq!(events[1].attributes, [("ended_by".to_owned(), "lost".to_owned())]);
    }

    #[test]
    fn who_walks_on_while_hidden_is_the_same_and_who_appears_far_away_is_not() {
        // 0.1 wide: out of sight for a second, and then under another number 1.6 widths or 3 farther on.
        for (x, begins) in [(0.76, 1), (0.9, 2)] {
            let seen = (0..=6).step_by(2).map(|t| (t, vec![(1, 0.6, 0.5)]));
            let again = (16..=24).step_by(2).map(|t| (t, vec![(2, x, 0.5)]));
            let events = play(RULE, &seen.chain(again).collect::<Vec<Shot>>());
            assert_eq!(phases(&events).iter().filter(|(phase, _)| *phase == "begin").count(), begins, "at {x}");
        }
    }

    #[test]
    fn two_objects_are_two_events_and_the_end_of_the_stream_ends_them() {
        let two = || vec![(1, 0.7, 0.5), (2, 0.8, 0.9)];
        let events = play(RULE, &[(0, two()), (2, two()), (4, two())]);
        assert_eq!(phases(&events), [("begin", 0), ("begin", 0), ("end", 4), ("end", 4)]);
        assert_ne!(events[0].open_key, events[1].open_key);
        assert_eq!(events[0].open_key, events[2].open_key);
    }
}
