//! `loiter`: an object has been in a zone for so many seconds. It begins at the moment at which its time in the zone
//! reaches them and ends when it leaves; begin, update and end are `stay`'s.

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
    about: "An object stays in a zone for `seconds` or longer.",
    classes: &[],
    parse,
    schema: || schema_for!(Settings),
};

const DESCRIPTOR: Descriptor = Descriptor {
    kind: "loiter",
    label_zh: "徘徊滞留",
    label_en: "Loitering",
    severity: Severity::Medium,
    merge_family: "presence",
    momentary: false,
};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// Corners of the zone in the order of a walk around it, fractions of the picture from its top left.
    zone: Vec<[f32; 2]>,
    /// How long an object must be in the zone.
    seconds: f64,
    /// While it lasts, an update is sent each time that so many seconds have passed.
    #[serde(default = "update_seconds")]
    update_seconds: f64,
}

fn parse(head: Head, table: toml::Table) -> Result<Box<dyn Rule>, RuleError> {
    let settings: Settings = head.settings(table)?;
    let zone = super::geometry::Zone::new(&settings.zone).map_err(|problem| head.invalid("zone", problem))?;
    let after_us = head.duration_us("seconds", settings.seconds)?;
    let update_us = head.duration_us("update_seconds", settings.update_seconds)?;
    Ok(Box::new(Stay::new(head, zone, after_us, update_us)))
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{measure, phases, play};

    const RULE: &str = "kind='loiter'\nseconds=1\nzone=[[0.5,0],[1,0],[1,1],[0.5,1]]";

    #[test]
    fn it_begins_when_the_time_is_reached_and_not_when_the_next_picture_comes() {
        let inside = || vec![(1, 0.7, 0.5)];
        let outside = || vec![(1, 0.3, 0.5)];
        let film = [
            (0, outside()),
            (2, inside()),
            (4, inside()),
            (10, inside()),
            (16, inside()),
            (18, outside()),
            (20, outside()),
        ];
        let events = play(RULE, &film);
        assert_eq!(phases(&events), [("begin", 11), ("end", 17)]);
        assert_eq!(events[0].measures.iter().find(|m| m.name == "seconds_in_zone").unwrap().threshold, Some(1.0));
        assert!((measure(&events[1], "seconds_in_zone") - 1.6).abs() < 1e-6);
    }

    #[test]
    fn who_leaves_before_is_not_told_and_a_short_absence_is_forgiven() {
        let inside = || vec![(1, 0.7, 0.5)];
        let outside = || vec![(1, 0.3, 0.5)];
        assert_eq!(play(RULE, &[(0, inside()), (2, inside()), (8, inside()), (9, outside()), (10, outside())]), []);
        let events =
            play(RULE, &[(0, inside()), (2, inside()), (6, vec![]), (14, vec![]), (16, inside()), (18, inside())]);
        assert_eq!(phases(&events), [("begin", 10), ("end", 18)]);
    }
}
