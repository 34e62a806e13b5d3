//! What a rule makes of the picture that it saw last, for somebody who looks: which objects it watches, what it measured
//! of them beside its thresholds, and why that is an event or none yet. Asked for only while somebody looks; it changes
//! nothing.

use super::{Measure, event::seconds};
use crate::track::Track;

/// One rule and what it watches now.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleWatch {
    /// The rule's id.
    pub rule: String,
    /// Its kind.
    pub kind: String,
    /// The objects that it watches, and what it measured of none in particular.
    pub watched: Vec<Watched>,
}

/// An object, or a number of them, before a rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Watched {
    /// The object; none where it is about all of them.
    pub track: Option<u64>,
    /// Why it is an event or none.
    pub standing: Standpoint,
    /// What was measured, beside what is asked for.
    pub measures: Vec<Measure>,
}

/// Why something is an event, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standpoint {
    /// Its event is open.
    Told,
    /// What was measured is not enough, or not for long enough.
    NotYet,
    /// It was seen there once: a second picture decides.
    Undecided,
    /// It was told of before and stands where it stood then: it is news again when it moves.
    Known,
    /// It is there, and of a class that does not count here.
    OtherClass,
    /// Nothing can be measured of it: it hardly moves, or is cut off by the picture's edge.
    NotMeasured,
}

impl Standpoint {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Standpoint::Told => "told",
            Standpoint::NotYet => "not_yet",
            Standpoint::Undecided => "undecided",
            Standpoint::Known => "known",
            Standpoint::OtherClass => "other_class",
            Standpoint::NotMeasured => "not_measured",
        }
    }
}

impl Watched {
    /// An object of which something was measured.
    pub(super) fn object(track: &Track, standing: Standpoint, measures: Vec<Measure>) -> Self {
        Self { track: Some(track.id), standing, measures }
    }

    /// Open where it was told, else not yet.
    pub(super) fn told_or_not(told: bool) -> Standpoint {
        if told { Standpoint::Told } else { Standpoint::NotYet }
    }
}

/// A time that has passed beside that which is asked for.
pub(super) fn lasted(name: &'static str, us: i64, asked_us: Option<i64>) -> Measure {
    Measure { name, value: seconds(us.max(0)), threshold: asked_us.map(seconds), unit: "s" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::coco80,
        rules::{RULES, RuleSet, testing::Walk},
    };

    fn looked(rule: &str, walk: &[(u64, f32, f32)], pictures: i64) -> Vec<Watched> {
        let mut set = RuleSet::parse(vec![toml::from_str(rule).expect("toml")], &coco80(), 0.5).expect("a rule");
        let mut objects = Walk::default();
        let mut watches = Vec::new();
        for n in 0..pictures {
            let tracks = objects.step(n * 200_000, walk);
            set.observe(n * 200_000, &tracks);
            watches = set.watching(n * 200_000, &tracks);
        }
        watches.remove(0).watched
    }

    #[test]
    fn a_rule_says_how_far_an_object_is_from_an_event() {
        let loiter = "kind='loiter'\nseconds=2\nclasses=['person']\nzone=[[0.5,0],[1,0],[1,1],[0.5,1]]";
        let at = |pictures| looked(loiter, &[(1, 0.7, 0.5)], pictures)[0].clone();
        assert_eq!((at(5).track, at(5).standing), (Some(1), Standpoint::NotYet));
        assert_eq!((at(5).measures[0].value, at(5).measures[0].threshold), (0.8, Some(2.0)));
        assert_eq!(at(15).standing, Standpoint::Told);
        assert!(looked(loiter, &[(1, 0.2, 0.5)], 5).is_empty(), "outside");
        let cars = loiter.replace("person", "car");
        assert_eq!(looked(&cars, &[(1, 0.7, 0.5)], 5)[0].standing, Standpoint::OtherClass);
        let crowd = "kind='crowd'\ncount=2\nseconds=9\nzone=[[0.5,0],[1,0],[1,1],[0.5,1]]";
        let one = looked(crowd, &[(1, 0.7, 0.5)], 5);
        assert_eq!((one[0].track, one[0].measures[0].value, one[0].measures[0].threshold), (None, 1.0, Some(2.0)));
    }

    #[test]
    fn every_kind_can_be_looked_at_and_looking_changes_nothing() {
        let own = |kind: &str| match kind {
            "line_cross" | "count" => "line=[[0.5,1],[0.5,0]]",
            "crowd" => "zone=[[0.1,0],[1,0],[1,1],[0.1,1]]\ncount=1\nseconds=1",
            "loiter" => "zone=[[0.1,0],[1,0],[1,1],[0.1,1]]\nseconds=1",
            "wrong_way" => "zone=[[0.1,0],[1,0],[1,1],[0.1,1]]\ndirection_deg=90",
            "speed_over" => "zone=[[0.1,0],[1,0],[1,1],[0.1,1]]\nkmh=1",
            _ => "zone=[[0.1,0],[1,0],[1,1],[0.1,1]]",
        };
        let mounting =
            crate::ground::Mounting { height_m: 5.0, heading_deg: 0.0, tilt_deg: 30.0, field_of_view_deg: 80.0 };
        for kind in RULES {
            let name = kind.descriptor.kind;
            let text = format!("kind='{name}'\nclasses=['person']\n{}", own(name));
            let table: toml::Table = toml::from_str(&text).expect("toml");
            let set = || {
                let calibration = Some(crate::ground::Calibration::Mounted(mounting));
                RuleSet::calibrated(vec![table.clone()], &coco80(), 0.5, calibration).expect("a rule")
            };
            let (mut looked, mut not_looked, mut objects) = (set(), set(), Walk::default());
            let mut most = 0;
            for n in 0..40_i64 {
                let tracks = objects.step(n * 200_000, &[(1, 0.2 + 0.015 * n as f32, 0.5)]);
                let (told, same) = (looked.observe(n * 200_000, &tracks), not_looked.observe(n * 200_000, &tracks));
                assert_eq!(told, same, "{name}");
                most = most.max(looked.watching(n * 200_000, &tracks)[0].watched.len());
            }
            assert!(most > 0, "{name} watches nobody who walks through");
        }
    }
}
