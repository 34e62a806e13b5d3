//! The closed loop by itself: states, deadlines, undo, severity and load.

use uuid::Uuid;

use super::clock::{AllDeadlines, deadline};
use super::ladder::{NewOwner, Rung, Tell, rung, usual, wrong};
use super::load::{Alarm, load};
use super::severity::{SeverityRule, level};
use super::*;
use crate::merge::Level;
use crate::store::Role;

const SECOND_US: i64 = 1_000_000;

fn entry(seq: i64, by: &str, step: Step) -> Entry {
    Entry { seq, at_us: seq * SECOND_US, by: by.into(), department: "operations".into(), about: Uuid::nil(), step }
}

fn record(steps: &[(&str, Step)]) -> Vec<Entry> {
    steps.iter().enumerate().map(|(index, (by, step))| entry(index as i64 + 1, by, step.clone())).collect()
}

fn operator(name: &str) -> Actor<'_> {
    Actor { name, role: Role::Operator, department: "operations", owns_all: false, owns_some: false }
}

fn resolve() -> Step {
    Step::Resolve { resolution: "疏散".into(), founders: vec![] }
}

fn close(finding: Finding) -> Step {
    Step::Close { finding, note: String::new(), founders: vec![] }
}

fn escalate(level: u32) -> Step {
    let Rung { tell, owner } = rung(&usual(), level);
    Step::Escalate { level, tell, owner }
}

fn dispatch(to: &[&str]) -> Step {
    Step::Dispatch { departments: to.iter().map(|d| (*d).to_owned()).collect(), note: "go".into() }
}

#[test]
fn the_loop_goes_from_new_to_closed_and_each_department_has_its_task() {
    let answer =
        |department: &str, state| Step::Task { department: department.into(), state, answer: "到达".to_owned() };
    let steps = [
        ("wang", Step::Acknowledge {}),
        ("wang", dispatch(&["police", "traffic"])),
        ("p", answer("police", TaskState::Done)),
        ("wang", resolve()),
        ("wang", close(Finding::True)),
    ];
    let states: Vec<&str> = (0..=steps.len()).map(|n| sum_up(&record(&steps[..n])).state.as_str()).collect();
    assert_eq!(states, ["new", "acknowledged", "dispatched", "dispatched", "resolved", "closed"]);
    let work = sum_up(&record(&steps));
    assert_eq!(work.owner.as_deref(), Some("wang"));
    let tasks: Vec<_> = work.tasks.iter().map(|task| (task.department.as_str(), task.state)).collect();
    assert_eq!(tasks, [("police", TaskState::Done), ("traffic", TaskState::Open)]);
    assert_eq!((work.finding, work.revision), (Some(Finding::True), 5));
    assert!(work.text.contains("到达"));
}

#[test]
fn a_step_that_does_not_fit_is_refused_and_says_why() {
    let new = Work::default();
    let seen = sum_up(&record(&[("li", Step::Acknowledge {})]));
    let closed = sum_up(&record(&[("li", close(Finding::FalseAlarm))]));
    let shelve = |until_us| Step::Shelve { until: String::new(), reason: "works".into(), until_us };
    let day_us = 24 * 3600 * SECOND_US;
    let cases = [
        (&new, Step::Acknowledge {}, true),
        (&seen, Step::Acknowledge {}, false),
        (&new, close(Finding::True), false),
        (&new, close(Finding::FalseAlarm), true),
        (&closed, resolve(), false),
        (&closed, Step::Reopen { reason: "mistaken".into(), founders: vec![] }, true),
        (&closed, Step::Reopen { reason: " ".into(), founders: vec![] }, false),
        (&new, shelve(60 * SECOND_US), true),
        (&new, shelve(2 * day_us), false),
        (&new, shelve(-1), false),
        (&new, Step::Unshelve {}, false),
        (&new, escalate(1), false),
        (&seen, Step::Task { department: "police".into(), state: TaskState::Done, answer: String::new() }, false),
    ];
    for (work, step, allowed) in cases {
        assert_eq!(may(work, &step, operator("wang"), 0).is_ok(), allowed, "{} {step:?}", work.state.as_str());
    }
    let Err(Refusal::NotNow(text)) = may(&seen, &Step::Acknowledge {}, operator("wang"), 0) else { panic!() };
    assert!(text.contains("li acknowledged it"), "{text}");
}

#[test]
fn a_department_works_its_own_task_and_decides_only_what_is_all_its_own() {
    let work = sum_up(&record(&[("wang", dispatch(&["police"]))]));
    let actor =
        |owns_all| Actor { name: "p", role: Role::Department, department: "police", owns_all, owns_some: owns_all };
    let task = |department: &str| Step::Task {
        department: department.into(),
        state: TaskState::Accepted,
        answer: String::new(),
    };
    assert!(may(&work, &task("police"), actor(false), 0).is_ok());
    assert!(matches!(may(&work, &task("traffic"), actor(false), 0), Err(Refusal::Forbidden(_))));
    assert!(matches!(may(&work, &resolve(), actor(false), 0), Err(Refusal::Forbidden(_))));
    assert!(may(&work, &resolve(), actor(true), 0).is_ok());
    let possible = possible(&work, actor(false), false);
    assert_eq!(possible, ["take", "task", "comment"]);
}

#[test]
fn undo_takes_back_ones_own_newest_step_and_nothing_that_others_built_on() {
    let mut entries = record(&[("wang", Step::Acknowledge {}), ("wang", dispatch(&["police"]))]);
    let newest = undoable(&entries, "wang", 0).expect("wang's own").seq;
    assert_eq!(newest, 2);
    assert_eq!(undoable(&entries, "li", 0), None);
    assert_eq!(undoable(&entries, "wang", 3 * SECOND_US), None, "too long ago");
    entries.push(entry(3, "li", Step::Comment { text: "seen".into() }));
    entries.push(entry(4, "wang", Step::Undo { seq: newest }));
    let work = sum_up(&entries);
    assert_eq!((work.state, work.tasks.len(), work.comments, work.revision), (State::Acknowledged, 0, 1, 4));
    assert_eq!(undoable(&entries, "wang", 0).map(|entry| entry.seq), Some(1));
    entries.push(entry(5, "li", Step::Take {}));
    assert_eq!(undoable(&entries, "wang", 0), None, "li built on it");
}

#[test]
fn deadlines_run_from_the_last_change_and_stop_while_shelved() {
    let all = AllDeadlines::default();
    let new = deadline(&Work::default(), 0, Level::Urgent, &all).expect("runs");
    assert_eq!((new.at_us, new.for_step, new.escalate_us), (60 * SECOND_US, "acknowledge", Some(60 * SECOND_US)));
    let once = sum_up(&[entry(100, SYSTEM, escalate(1))]);
    assert_eq!(deadline(&once, 0, Level::Urgent, &all).and_then(|d| d.escalate_us), Some(120 * SECOND_US));
    let seen = sum_up(&record(&[("wang", Step::Acknowledge {})]));
    let next = deadline(&seen, 0, Level::Urgent, &all).expect("runs");
    assert_eq!((next.at_us, next.for_step), (301 * SECOND_US, "dispatch"));
    let shelve = Step::Shelve { until: String::new(), reason: "x".into(), until_us: 1 };
    assert_eq!(deadline(&sum_up(&record(&[("wang", shelve)])), 0, Level::Urgent, &all), None);
}

#[test]
fn severity_comes_from_kind_place_and_time_of_day() {
    let mut thread = crate::desk::sample_thread(1, "police", "loiter");
    // 23:30 at +08:00.
    thread.begin_us = (15 * 60 + 30) * 60 * SECOND_US;
    let night = SeverityRule {
        kind: Some("loiter".into()),
        from: Some("22:00".into()),
        to: Some("06:00".into()),
        severity: "high".into(),
        ..SeverityRule::default()
    };
    let at = |rule: &SeverityRule, thread: &crate::merge::Thread| {
        level([thread].into_iter(), std::slice::from_ref(rule), 8 * 60)
    };
    assert_eq!(at(&night, &thread), (Level::High, Some("kind loiter, 22:00–06:00".into())));
    let mut day = thread.clone();
    day.begin_us -= 12 * 3600 * SECOND_US;
    assert_eq!(at(&night, &day).0, day.severity);
    let spot = thread.spot.expect("placed");
    let area = |off: f64| {
        let (x, y) = (spot.longitude + off, spot.latitude);
        Some(vec![[x - 0.001, y - 0.001], [x + 0.001, y - 0.001], [x + 0.001, y + 0.001], [x - 0.001, y + 0.001]])
    };
    let here = SeverityRule { area: area(0.0), severity: "urgent".into(), ..SeverityRule::default() };
    assert_eq!(at(&here, &thread).0, Level::Urgent);
    let there = SeverityRule { area: area(0.1), ..here };
    assert_eq!(at(&there, &thread).0, thread.severity);
    assert!(SeverityRule { severity: "very".into(), ..SeverityRule::default() }.wrong().is_some());
}

#[test]
fn a_flood_begins_above_ten_in_ten_minutes_and_ends_below_five() {
    let minute_us = 60 * SECOND_US;
    let alarm = |at_us| Alarm { at_us, level: Level::Medium, source: ("c".into(), "r".into()) };
    let burst: Vec<Alarm> = (0..11).map(|n| alarm(20 * minute_us + n * SECOND_US)).collect();
    let during = load(&burst, 0, 21 * minute_us);
    assert_eq!(during.flood_since_us, Some(20 * minute_us + 10 * SECOND_US));
    assert_eq!((during.last_10_min, during.peak_per_min, during.chattering.len()), (11, 11, 1));
    // Four more keep it below five ten minutes later: over.
    let after = load(&burst, 0, 31 * minute_us);
    assert_eq!(after.flood_since_us, None);
    assert!((0.2..0.5).contains(&after.flood_time_share), "{}", after.flood_time_share);
    let calm: Vec<Alarm> = (0..10).map(|n| alarm(20 * minute_us + n * SECOND_US)).collect();
    assert_eq!(load(&calm, 0, 21 * minute_us).flood_since_us, None);
    assert_eq!(load(&[], 0, minute_us), Load0());
}

#[allow(non_snake_case, reason = "the empty load")]
fn Load0() -> super::load::Load {
    super::load::Load::default()
}

#[test]
fn the_hubs_own_steps_are_nobodys_change() {
    let by_hub = |seq, step| Entry { department: SYSTEM.into(), ..entry(seq, SYSTEM, step) };
    let entries = [
        entry(1, "wang", Step::Acknowledge {}),
        by_hub(2, escalate(1)),
        entry(3, "li", Step::Comment { text: "?".into() }),
        by_hub(4, escalate(2)),
    ];
    assert_eq!(sum_up(&entries[..2]).revision, 1, "an escalation leaves the revision");
    assert_eq!((sum_up(&entries).revision, sum_up(&entries).escalated), (2, 2));
    assert!(since(&entries[..2], 1).is_empty());
    let later: Vec<i64> = since(&entries, 1).iter().map(|entry| entry.seq).collect();
    assert_eq!(later, [3, 4]);
}

#[test]
fn each_department_acknowledges_for_its_own_sources_and_the_centre_for_all() {
    let of = |seq, by: &str, department: &str, step| Entry { department: department.into(), ..entry(seq, by, step) };
    let mut entries = vec![of(1, "p", "police", Step::Acknowledge {})];
    let by = |entries: &[Entry], department: &str| {
        sum_up(entries).acknowledgement_for(department).map(|seen| (seen.by.clone(), seen.at_us))
    };
    assert_eq!(by(&entries, "police"), Some(("p".into(), SECOND_US)));
    assert_eq!(by(&entries, "traffic"), None, "police saw what police's cameras told");
    let traffic =
        |owns_some| Actor { name: "t", role: Role::Department, department: "traffic", owns_all: false, owns_some };
    assert!(may(&sum_up(&entries), &Step::Acknowledge {}, traffic(true), 0).is_ok());
    assert!(may(&sum_up(&entries), &Step::Acknowledge {}, traffic(false), 0).is_err(), "nothing there is its own");
    entries.push(of(2, "wang", "operations", Step::Take {}));
    assert_eq!(by(&entries, "traffic"), Some(("wang".into(), 2 * SECOND_US)));
    entries.push(of(3, "t", "traffic", Step::Acknowledge {}));
    let work = sum_up(&entries);
    assert_eq!(by(&entries, "traffic"), Some(("t".into(), 3 * SECOND_US)), "its own people go before the centre");
    assert_eq!((work.state, work.acknowledged.clone()), (State::Acknowledged, Some(("p".into(), SECOND_US))));
    assert!(may(&work, &Step::Acknowledge {}, traffic(true), 0).is_err(), "once is enough");
    entries.push(of(4, "t", "traffic", Step::Undo { seq: 3 }));
    assert_eq!(by(&entries, "traffic"), Some(("wang".into(), 2 * SECOND_US)));
}

#[test]
fn a_deadline_that_passes_again_tells_who_leads_and_takes_it_from_its_owner() {
    let by_hub = |seq, step| Entry { department: SYSTEM.into(), ..entry(seq, SYSTEM, step) };
    let mut entries = vec![entry(1, "wang", Step::Take {}), by_hub(2, escalate(1))];
    let once = sum_up(&entries);
    assert_eq!((once.told, once.owner.as_deref()), (Some(Tell::Operators), Some("wang")));
    entries.push(by_hub(3, escalate(2)));
    let twice = sum_up(&entries);
    assert_eq!((twice.told, twice.owner, twice.escalated), (Some(Tell::Administrators), None, 2));
    entries.push(entry(4, "li", dispatch(&["police"])));
    let taken = sum_up(&entries);
    assert_eq!((taken.told, taken.owner.as_deref(), taken.escalated), (None, Some("li"), 0));
    let to_zhao = [Rung { tell: Tell::Administrators, owner: NewOwner::Person("zhao".into()) }];
    assert_eq!(rung(&to_zhao, 3), to_zhao[0], "above the last it is the last");
    let Rung { tell, owner } = rung(&to_zhao, 1);
    entries.push(by_hub(5, Step::Escalate { level: 1, tell, owner }));
    assert_eq!(sum_up(&entries).owner.as_deref(), Some("zhao"));
    assert!(wrong(&to_zhao).is_none() && wrong(&vec![Rung::default(); 4]).is_some());
    // A record of an older hub says only the level.
    let old: Step = serde_json::from_str(r#"{"action":"escalate","level":2}"#).expect("read");
    assert_eq!(old, Step::Escalate { level: 2, tell: Tell::Operators, owner: NewOwner::Stays });
}
