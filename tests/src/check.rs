//! Holds what came out of the feed against what was played: per camera and whole loop every true event found, at most
//! two that are not true. Pure; `yiwang-demo-check` reads the feed and the schedule.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Deserialize;

use crate::truth::{self, Happening, Loop, Truth};

/// The clip that decides: a model that is not tuned for it finds every event.
pub const DECIDING_CLIP: &str = "one-by-one-person-detection.mp4";
/// How many false events a loop may have.
pub const FALSE_PER_LOOP_MAX: usize = 2;

/// What the check needs of an event in the feed.
#[derive(Debug, Clone, Deserialize)]
pub struct FeedEvent {
    /// Names it.
    pub id: String,
    /// `<gateway>/<camera>`; none for events about a gateway.
    pub camera: Option<String>,
    /// Open string.
    pub kind: String,
    /// `begin`, `update`, `end`.
    pub phase: String,
    /// The rule that made it.
    pub rule: Option<String>,
    /// RFC 3339.
    pub captured: String,
    /// Of a crossing.
    pub direction: Option<String>,
}

/// One event as it came in.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The camera's name.
    pub camera: String,
    /// What it says happened.
    pub happening: Happening,
    /// From capture to the feed.
    pub latency_us: i64,
}

impl Seen {
    /// Reads an event that arrived at `now_us`; none where it is not of the kind that truth files speak of.
    pub fn read(event: &FeedEvent, now_us: i64) -> Option<Self> {
        let camera = event.camera.as_deref()?.rsplit('/').next()?.to_owned();
        let direction = truth::direction_of(&event.kind, &event.phase, event.direction.as_deref())?;
        let at_us = parse_time(&event.captured)?;
        let happening = Happening { rule: event.rule.clone()?, direction, at_us, optional: false };
        Some(Self { camera, happening, latency_us: now_us - at_us })
    }
}

/// What is known of one camera in the end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row {
    /// Whole loops watched.
    pub loops: usize,
    /// True events in them.
    pub expected: usize,
    /// Found of those.
    pub found: usize,
    /// Not true.
    pub wrong: usize,
    /// Latencies of all of its events, sorted.
    pub latencies_us: Vec<i64>,
    /// What speaks against it, in plain words.
    pub complaints: Vec<String>,
    /// True where its complaints decide.
    pub decides: bool,
}

/// Watches from `from_us` to `to_us`; `truths` by the camera's name.
pub fn judge(
    truths: &BTreeMap<String, Truth>,
    loops: &[Loop],
    seen: &[Seen],
    from_us: i64,
    to_us: i64,
) -> BTreeMap<String, Row> {
    let row = |(camera, truth): (&String, &Truth)| {
        let whole = |one: &&Loop| {
            &one.camera == camera && one.start_us >= from_us && one.start_us + truth.duration_us() <= to_us
        };
        let whole: Vec<&Loop> = loops.iter().filter(whole).collect();
        let mine: Vec<&Seen> = seen.iter().filter(|one| &one.camera == camera).collect();
        (camera.clone(), judge_camera(truth, &whole, &mine))
    };
    truths.iter().map(row).collect()
}

fn judge_camera(truth: &Truth, loops: &[&Loop], seen: &[&Seen]) -> Row {
    let mut row = Row { loops: loops.len(), decides: truth.clip == DECIDING_CLIP, ..Row::default() };
    row.latencies_us = seen.iter().map(|one| one.latency_us).collect();
    row.latencies_us.sort_unstable();
    if loops.is_empty() {
        row.complaints.push("no whole loop was watched".into());
    }
    let expected: Vec<Happening> = loops.iter().flat_map(|one| truth.expected(one.start_us)).collect();
    let found: Vec<Happening> =
        seen.iter().map(|one| one.happening.clone()).filter(|one| truth.knows(&one.rule)).collect();
    let outcome = truth::compare(&found, &expected, truth.tolerance_us());
    row.expected = expected.iter().filter(|one| !one.optional).count();
    row.found = outcome.pairs.len();
    for &index in &outcome.missing {
        let place = locate(truth, loops, expected[index].at_us);
        row.complaints.push(format!("missing: {} {} at {place}", expected[index].rule, expected[index].direction));
    }
    let mut per_loop = BTreeMap::new();
    for &index in &outcome.unmatched {
        let of = |one: &&&Loop| (one.start_us..one.start_us + truth.duration_us()).contains(&found[index].at_us);
        if let Some(one) = loops.iter().find(of) {
            row.wrong += 1;
            per_loop.entry(one.index).or_insert_with(Vec::new).push(index);
        }
    }
    for wrong in per_loop.values().filter(|wrong| wrong.len() > FALSE_PER_LOOP_MAX) {
        for &index in wrong {
            let place = locate(truth, loops, found[index].at_us);
            row.complaints.push(format!("false: {} {} at {place}", found[index].rule, found[index].direction));
        }
    }
    row
}

/// A time of day as a loop and a media time.
fn locate(truth: &Truth, loops: &[&Loop], at_us: i64) -> String {
    let of = |one: &&&Loop| (one.start_us..one.start_us + truth.duration_us()).contains(&at_us);
    match loops.iter().find(of) {
        Some(one) => format!("{:.1} s of loop {}", seconds(at_us - one.start_us), one.index),
        None => "the edge of a loop".into(),
    }
}

/// The table for people.
pub fn table(rows: &BTreeMap<String, Row>) -> String {
    let mut text = format!(
        "{:<20} {:>5} {:>8} {:>5} {:>7} {:>5} {:>12} {:>12}\n",
        "camera", "loops", "expected", "found", "missing", "false", "p50", "p99"
    );
    for (camera, row) in rows {
        let latency =
            |share| percentile(&row.latencies_us, share).map_or("-".into(), |us| format!("{:.2} s", seconds(us)));
        let missing = row.expected - row.found;
        let _ = writeln!(
            text,
            "{camera:<20} {:>5} {:>8} {:>5} {missing:>7} {:>5} {:>12} {:>12}{}",
            row.loops,
            row.expected,
            row.found,
            row.wrong,
            latency(0.50),
            latency(0.99),
            if row.decides { "" } else { "   (reported, does not decide)" }
        );
    }
    text + "p50, p99: from the capture of the picture to its event in the feed\n"
}

/// The value below which `share` of the sorted values lie.
pub fn percentile(sorted: &[i64], share: f64) -> Option<i64> {
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "counts are small"
    )]
    let index = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(index.clamp(1, sorted.len().max(1)) - 1).copied()
}

/// Microseconds since 1970 of an RFC 3339 text.
pub fn parse_time(text: &str) -> Option<i64> {
    let time = time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339).ok()?;
    i64::try_from(time.unix_timestamp_nanos() / 1000).ok()
}

#[allow(clippy::cast_precision_loss, reason = "for showing only")]
fn seconds(us: i64) -> f64 {
    us as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRUTH: &str = r#"{"clip": "one-by-one-person-detection.mp4", "duration_s": 30, "tolerance_s": 1, "rules": [{"name": "table"}],
        "events": [{"rule": "table", "t_s": 7, "direction": "enter"}, {"rule": "table", "t_s": 20, "direction": "exit"}]}"#;

    fn seen(t_s: i64, phase: &str) -> Seen {
        let captured = time::OffsetDateTime::from_unix_timestamp(t_s).unwrap();
        let event = FeedEvent {
            id: String::new(),
            camera: Some("g1/gate".into()),
            kind: "intrusion".into(),
            phase: phase.into(),
            rule: Some("table".into()),
            captured: captured.format(&time::format_description::well_known::Rfc3339).unwrap(),
            direction: None,
        };
        Seen::read(&event, t_s * 1_000_000 + 500_000).unwrap()
    }

    fn rows(found: &[Seen]) -> Row {
        let truths = BTreeMap::from([("gate".to_owned(), serde_json::from_str(TRUTH).unwrap())]);
        let loops = [0, 1, 2].map(|index| Loop {
            camera: "gate".into(),
            index,
            start_us: 1_000_000_000 + 30_000_000 * i64::try_from(index).unwrap(),
        });
        judge(&truths, &loops, found, 1_010_000_000, 1_065_000_000).remove("gate").unwrap()
    }

    #[test]
    fn only_whole_loops_count_and_what_lacks_is_named() {
        // Loop 1 runs from 1030 to 1060; what loops 0 and 2 showed does not count.
        let row = rows(&[seen(1037, "begin"), seen(1020, "end"), seen(1067, "begin")]);
        assert_eq!((row.loops, row.expected, row.found, row.wrong), (1, 2, 1, 0));
        assert_eq!(row.complaints, ["missing: table exit at 20.0 s of loop 1"]);
        assert_eq!(row.latencies_us, [500_000; 3]);
    }

    #[test]
    fn two_false_events_a_loop_are_borne_and_three_are_not() {
        let mut found = vec![seen(1037, "begin"), seen(1050, "end"), seen(1040, "begin"), seen(1042, "end")];
        assert_eq!(rows(&found).complaints, [""; 0]);
        found.push(seen(1044, "begin"));
        let row = rows(&found);
        assert_eq!((row.wrong, row.complaints.len()), (3, 3));
    }

    #[test]
    fn percentiles_are_of_the_values_there_are() {
        assert_eq!(percentile(&[], 0.5), None);
        assert_eq!(percentile(&[1], 0.99), Some(1));
        assert_eq!(percentile(&[1, 2, 3, 4], 0.5), Some(2));
        assert_eq!(percentile(&[1, 2, 3, 4], 0.99), Some(4));
    }
}
