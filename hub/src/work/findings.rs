//! What false alarms teach: which camera's rule tells them, and which threshold would have kept them away without losing a
//! true one, tried on what is stored. Pure; nothing here changes a gateway.
//!
//! A rule's event carries what was measured beside its threshold. A higher threshold would have dropped an incident where
//! no source of that rule ever reached it, as far as the events tell.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::Finding;
use crate::merge::Thread;

/// With fewer incidents judged true or false nothing is proposed.
const JUDGED_MIN: usize = 5;
/// A proposal keeps away at least so many false ones.
const DROPPED_MIN: usize = 2;

/// Which key of a rule in `gateway.toml` a measure is held against, and in which steps people set it.
pub struct KeyRow {
    /// The rule's kind; empty: every kind.
    pub kind: &'static str,
    /// The measure.
    pub measure: &'static str,
    /// The key.
    pub key: &'static str,
    /// Steps.
    pub step: f64,
}

/// Every key that a higher value makes stricter. To add one: a row.
pub const KEYS: &[KeyRow] = &[
    KeyRow { kind: "", measure: "seconds_in_zone", key: "seconds", step: 1.0 },
    KeyRow { kind: "", measure: "seconds_standing", key: "seconds", step: 5.0 },
    KeyRow { kind: "", measure: "seconds_moving", key: "seconds", step: 0.5 },
    KeyRow { kind: "crowd", measure: "seconds_gathered", key: "seconds", step: 1.0 },
    KeyRow { kind: "crowd", measure: "objects", key: "count", step: 1.0 },
    KeyRow { kind: "wrong_way", measure: "degrees_off", key: "tolerance_deg", step: 5.0 },
    KeyRow { kind: "speed_over", measure: "kmh", key: "kmh", step: 5.0 },
    KeyRow { kind: "speed_over", measure: "seconds_measured", key: "seconds", step: 0.5 },
];

/// The row of a measure; none where no key of the rule sets it.
pub fn key_of(kind: &str, measure: &str) -> Option<&'static KeyRow> {
    KEYS.iter().find(|row| row.measure == measure && (row.kind.is_empty() || row.kind == kind))
}

/// A source with what became of its incident.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// Incident.
    pub incident: Uuid,
    /// Its number.
    pub number: i64,
    /// What it was; none while nobody has said.
    pub finding: Option<Finding>,
    /// The source.
    pub thread: Thread,
}

/// An incident as one camera's rule saw it.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// Incident.
    pub incident: Uuid,
    /// Its number.
    pub number: i64,
    /// First begin of the rule's sources.
    pub begin_us: i64,
    /// What it was.
    pub finding: Option<Finding>,
    /// The most that was measured, by measure.
    pub values: BTreeMap<String, f64>,
}

/// A camera's rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RuleName {
    /// Gateway.
    pub gateway: String,
    /// Camera.
    pub camera: String,
    /// Rule; the kind where it has no name.
    pub rule: String,
}

impl RuleName {
    /// The rule that told of a source; none where it was no camera's.
    pub fn of(thread: &Thread) -> Option<RuleName> {
        let camera = thread.camera.clone()?;
        let rule = thread.rule.clone().unwrap_or_else(|| thread.kind.clone());
        Some(RuleName { gateway: thread.gateway.clone(), camera, rule })
    }
}

/// What is known of a rule.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RuleCases {
    /// Its kind.
    pub kind: String,
    /// The camera's name.
    pub camera_name: Option<String>,
    /// Whose camera.
    pub department: String,
    /// The newest threshold and unit of each measure that has one.
    pub thresholds: BTreeMap<String, (f64, String)>,
    /// Incidents, newest first.
    pub cases: Vec<Case>,
    newest_us: i64,
}

/// Sources by rule, one case an incident.
pub fn by_rule(sources: Vec<Judged>) -> BTreeMap<RuleName, RuleCases> {
    let mut rules: BTreeMap<RuleName, RuleCases> = BTreeMap::new();
    for Judged { incident, number, finding, thread } in sources {
        let Some(name) = RuleName::of(&thread) else { continue };
        let rule = rules.entry(name).or_default();
        if rule.kind.is_empty() || thread.begin_us >= rule.newest_us {
            rule.newest_us = thread.begin_us;
            rule.kind.clone_from(&thread.kind);
            rule.camera_name.clone_from(&thread.camera_name);
            rule.department.clone_from(&thread.department);
            let with = thread
                .measures
                .iter()
                .filter_map(|(name, measured)| Some((name.clone(), (measured.threshold?, measured.unit.clone()))));
            rule.thresholds.extend(with);
        }
        let begin_us = thread.begin_us;
        let at = match rule.cases.iter().position(|case| case.incident == incident) {
            Some(at) => at,
            None => {
                rule.cases.push(Case { incident, number, begin_us, finding, values: BTreeMap::new() });
                rule.cases.len() - 1
            }
        };
        let case = &mut rule.cases[at];
        case.begin_us = case.begin_us.min(begin_us);
        for (name, measured) in thread.measures {
            let most = case.values.entry(name).or_insert(measured.most);
            *most = most.max(measured.most);
        }
    }
    for rule in rules.values_mut() {
        rule.cases.sort_by_key(|case| std::cmp::Reverse((case.begin_us, case.incident)));
    }
    rules
}

/// Incidents by what they were.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// It happened.
    pub true_ones: usize,
    /// It did not.
    pub false_alarms: usize,
    /// Exercises.
    pub exercises: usize,
    /// Nobody has said.
    pub unjudged: usize,
}

/// Counts cases.
pub fn count<'a>(cases: impl Iterator<Item = &'a Case>) -> Counts {
    let mut counts = Counts::default();
    for case in cases {
        match case.finding {
            Some(Finding::True) => counts.true_ones += 1,
            Some(Finding::FalseAlarm) => counts.false_alarms += 1,
            Some(Finding::Exercise) => counts.exercises += 1,
            None => counts.unjudged += 1,
        }
    }
    counts
}

/// What another threshold would have done to the stored past.
#[derive(Debug, Clone, PartialEq)]
pub struct Preview<'a> {
    /// What would not have come.
    pub dropped: Vec<&'a Case>,
    /// Of what would have come, and would not.
    pub kept: Counts,
    /// See `kept`.
    pub lost: Counts,
    /// Incidents that do not say what was measured: they count as kept.
    pub without: usize,
}

/// Tries a threshold: what stayed below it would not have come.
pub fn preview<'a>(cases: &'a [Case], measure: &str, to: f64) -> Preview<'a> {
    let drops = |case: &&Case| case.values.get(measure).is_some_and(|value| *value < to);
    let dropped: Vec<&Case> = cases.iter().filter(drops).collect();
    Preview {
        kept: count(cases.iter().filter(|case| !drops(case))),
        lost: count(dropped.iter().copied()),
        without: cases.iter().filter(|case| !case.values.contains_key(measure)).count(),
        dropped,
    }
}

/// A threshold that would have helped: measure, threshold in force, and the one to set.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    /// Measure.
    pub measure: String,
    /// In force.
    pub threshold: f64,
    /// To be set.
    pub to: f64,
}

/// The threshold that keeps the most false alarms away and loses nothing that was true; none where there is no such.
pub fn propose(rule: &RuleCases) -> Option<Proposal> {
    let all = count(rule.cases.iter());
    if all.true_ones + all.false_alarms < JUDGED_MIN {
        return None;
    }
    let tried = rule.thresholds.iter().filter_map(|(measure, (threshold, _))| {
        let row = key_of(&rule.kind, measure)?;
        let of = |finding: Finding| {
            let of_it = rule.cases.iter().filter(move |case| case.finding == Some(finding));
            of_it.filter_map(|case| case.values.get(measure).copied())
        };
        let least_true = of(Finding::True).fold(f64::INFINITY, f64::min);
        let below = of(Finding::FalseAlarm).filter(|value| *value < least_true);
        let highest_false = below.fold(f64::NEG_INFINITY, f64::max);
        // Just above what was false, in steps that people set; never above what was true.
        let to = ((highest_false / row.step).floor() + 1.0) * row.step;
        let to = if to <= least_true { to } else { least_true };
        let dropped = preview(&rule.cases, measure, to).lost;
        let helps = to.is_finite() && to > *threshold && dropped.false_alarms >= DROPPED_MIN && dropped.true_ones == 0;
        let proposal = Proposal { measure: measure.clone(), threshold: *threshold, to };
        helps.then_some((dropped.false_alarms, std::cmp::Reverse(dropped.unjudged), proposal))
    });
    tried.max_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1))).map(|(.., proposal)| proposal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merge::Measured;

    fn judged(number: i64, finding: Option<Finding>, seconds: f64) -> Judged {
        let mut thread = crate::desk::sample_thread(number as u128, "police", "loiter");
        let measured = Measured { most: seconds, threshold: Some(10.0), unit: "s".into() };
        thread.measures = BTreeMap::from([("seconds_in_zone".to_owned(), measured)]);
        Judged { incident: thread.id, number, finding, thread }
    }

    fn rule(cases: &[(Option<Finding>, f64)]) -> RuleCases {
        let sources = (1..).zip(cases).map(|(number, (finding, seconds))| judged(number, *finding, *seconds));
        let mut rules = by_rule(sources.collect());
        assert_eq!(rules.len(), 1);
        rules.pop_first().map(|(_, rule)| rule).unwrap_or_default()
    }

    const TRUE: Option<Finding> = Some(Finding::True);
    const FALSE: Option<Finding> = Some(Finding::FalseAlarm);

    #[test]
    fn a_threshold_is_proposed_that_keeps_false_ones_away_and_loses_no_true_one() {
        let cases = [
            (FALSE, 10.2),
            (FALSE, 11.7),
            (FALSE, 13.4),
            (FALSE, 60.0),
            (TRUE, 17.0),
            (TRUE, 44.0),
            (None, 12.0),
            (None, 30.0),
        ];
        let rule = rule(&cases);
        let proposal = propose(&rule).expect("a proposal");
        assert_eq!((proposal.measure.as_str(), proposal.threshold, proposal.to), ("seconds_in_zone", 10.0, 14.0));
        let tried = preview(&rule.cases, "seconds_in_zone", proposal.to);
        assert_eq!((tried.lost.false_alarms, tried.lost.true_ones, tried.lost.unjudged), (3, 0, 1));
        assert_eq!((tried.kept.false_alarms, tried.kept.true_ones, tried.kept.unjudged), (1, 2, 1));
    }

    #[test]
    fn nothing_is_proposed_where_it_would_lose_a_true_one_or_too_little_is_known() {
        let mixed = [(FALSE, 20.0), (FALSE, 30.0), (FALSE, 40.0), (TRUE, 11.0), (TRUE, 12.0)];
        assert_eq!(propose(&rule(&mixed)), None);
        let few = [(FALSE, 11.0), (FALSE, 11.0), (TRUE, 40.0), (None, 50.0), (None, 50.0)];
        assert_eq!(propose(&rule(&few)), None);
        // Between two steps: what was true stays.
        let close = [(FALSE, 11.2), (FALSE, 11.3), (FALSE, 11.4), (TRUE, 11.6), (TRUE, 40.0)];
        let proposal = propose(&rule(&close)).expect("a proposal");
        assert!((proposal.to - 11.6).abs() < 1e-9, "{proposal:?}");
        assert_eq!(preview(&rule(&close).cases, "no_such", 99.0).without, 5);
    }

    #[test]
    fn several_sources_of_one_incident_are_one_case_with_the_most_that_was_measured() {
        let (a, mut b) = (judged(1, FALSE, 11.0), judged(2, FALSE, 25.0));
        b.incident = a.incident;
        let rules = by_rule(vec![a, b]);
        let rule = rules.values().next().expect("a rule");
        assert_eq!((rule.cases.len(), rule.cases[0].values["seconds_in_zone"]), (1, 25.0));
        assert_eq!(rule.thresholds["seconds_in_zone"], (10.0, "s".to_owned()));
    }
}
