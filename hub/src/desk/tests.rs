//! The desk over a real store: what is told once is told the same after a restart, steps are recorded and carried out,
//! and whoever is second loses nothing.

use std::sync::Arc;

use uuid::Uuid;
use yiwang_wire::event::Phase;

use super::*;
use crate::ledger::Follower;
use crate::merge::Level;
use crate::store::conformance::{add_sample_department, sample_event};
use crate::store::sqlite::SqliteStore;
use crate::store::{IncidentChange, IncidentRow, IncidentStore as _, Role, Scope};
use crate::work::ladder::Tell;
use crate::work::{Finding, Refusal, State, Step};

const SECOND_US: i64 = 1_000_000;
const T0: i64 = 1_790_000_000_000_000;

struct Site {
    store: Arc<SqliteStore>,
    desk: Desk,
    next: u64,
    _dir: tempfile::TempDir,
}

impl Site {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Arc::new(SqliteStore::open(&dir.path().join("store.db")).unwrap());
        for department in ["police", "traffic"] {
            add_sample_department(&*store, department).unwrap();
        }
        let desk = Desk::open(store.clone()).unwrap();
        Site { store, desk, next: 1, _dir: dir }
    }

    /// The same store after the hub was started again.
    fn again(&mut self) {
        self.desk = Desk::open(self.store.clone()).unwrap();
    }

    fn event(&mut self, department: &str, at_s: i64) -> StoredEvent {
        let mut event = sample_event(self.next, department, T0 + at_s * SECOND_US);
        event.event.kind = "crowd".into();
        self.next += 1;
        event
    }

    fn take(&self, event: StoredEvent) -> Uuid {
        let id = crate::merge::thread_id(&event.gateway, event.event.id);
        let position = event.position;
        self.desk.apply(&[Arc::new(event)], position, T0).unwrap();
        self.store.incident(id).unwrap().expect("an incident").id
    }

    fn row(&self, id: Uuid) -> IncidentRow {
        self.store.incident(id).unwrap().expect("an incident")
    }

    fn act(&self, id: Uuid, step: Step) -> Result<IncidentRow, ActError> {
        let revision = self.row(id).work.revision;
        self.desk.act(id, revision, step, &wang(), T0 + 100 * SECOND_US, &|_| true)
    }
}

fn wang() -> By {
    By { name: "wang".into(), role: Role::Operator, department: "operations".into(), from: "192.0.2.1".into() }
}

#[test]
fn what_several_departments_see_is_one_incident_also_after_a_restart() {
    let mut site = Site::new();
    let (first, second) = (site.event("police", 0), site.event("traffic", 5));
    let end = {
        let mut end = site.event("police", 20);
        (end.event.phase, end.event.cause) = (Phase::End, Some(first.event.id));
        end
    };
    let id = site.take(first);
    assert_eq!(site.take(second.clone()), id);
    site.desk.apply(&[Arc::new(end.clone())], end.position, T0).unwrap();
    let row = site.row(id);
    assert_eq!(row.summary.departments, ["police", "traffic"]);
    assert_eq!((row.summary.sources, row.summary.duplicates, row.number), (2, 1, 1));
    site.again();
    let (later, other) = (site.event("traffic", 30), site.event("police", 4000));
    assert_eq!(site.take(later), id, "it goes on after a restart");
    let other = site.take(other);
    assert_ne!(other, id);
    assert_eq!(site.row(other).number, 2);
    // Applied again, nothing changes.
    let before = site.row(id);
    site.desk.apply(&[Arc::new(second.clone())], second.position, T0).unwrap();
    assert_eq!(site.row(id), before);
}

#[test]
fn two_who_act_at_once_never_lose_each_others_change() {
    let mut site = Site::new();
    let event = site.event("police", 0);
    let id = site.take(event);
    let acknowledged = site.act(id, Step::Acknowledge {}).unwrap();
    assert_eq!((acknowledged.work.state, acknowledged.work.revision), (State::Acknowledged, 1));
    let li = By { name: "li".into(), ..wang() };
    let second = site.desk.act(id, 0, Step::Take {}, &li, T0, &|_| true);
    let Err(ActError::Conflict(conflict)) = second else { panic!("{second:?}") };
    assert_eq!(conflict.since.len(), 1);
    assert_eq!((conflict.since[0].by.as_str(), conflict.row.work.revision), ("wang", 1));
    let comment = Step::Comment { text: "见到了".into() };
    assert_eq!(site.desk.act(id, 0, comment, &li, T0, &|_| true).unwrap().work.comments, 1);
    assert!(matches!(site.desk.act(id, 2, Step::Take {}, &li, T0, &|_| false), Err(ActError::Unknown)));
    // Every step is in the record, whose hashes fit; and it cannot be changed through SQLite.
    let mut follower = Follower::default();
    let records = site.store.records_after(0, 100).unwrap();
    records.iter().try_for_each(|record| follower.take(record)).unwrap();
    assert_eq!((follower.seq, records[1].new.by.as_str(), records[0].new.from.as_str()), (2, "li", "192.0.2.1"));
    site.again();
    assert_eq!(site.row(id).work.comments, 1);
}

#[test]
fn splits_joins_and_their_undoing_hold_over_a_restart() {
    let mut site = Site::new();
    let (first, second) = (site.event("police", 0), site.event("traffic", 5));
    let parted = crate::merge::thread_id(&second.gateway, second.event.id);
    let id = site.take(first);
    site.take(second);
    let split = Step::Split { sources: vec![parted], reason: "two groups".into(), rest: vec![] };
    site.act(id, split).unwrap();
    assert_ne!(site.row(parted).id, id);
    site.again();
    assert_ne!(site.row(parted).id, id);
    let event = site.event("traffic", 10);
    let next = site.take(event);
    assert_eq!(next, site.row(parted).id, "the same camera goes on with the part that is its own");
    site.act(id, Step::Undo { seq: 0 }).unwrap();
    assert_eq!(site.row(parted).id, id);
    let event = site.event("police", 5000);
    let far = site.take(event);
    site.act(id, Step::Join { with: far, reason: String::new() }).unwrap();
    assert_eq!((site.row(far).id, site.row(id).summary.sources), (id, 4));
    site.again();
    assert_eq!(site.row(far).id, id);
    // The feed tells that the other is no more, and where it went.
    let changes = site.store.incident_changes(0, 100).unwrap();
    let gone = changes.iter().find(|c| matches!(c, IncidentChange::Gone { id, into: Some(_), .. } if *id == far));
    assert!(gone.is_some(), "{changes:?}");
}

#[test]
fn a_resolved_incident_takes_nothing_new_until_that_is_taken_back() {
    let mut site = Site::new();
    let event = site.event("police", 0);
    let id = site.take(event);
    site.act(id, Step::Resolve { resolution: "over".into(), founders: vec![] }).unwrap();
    let event = site.event("police", 130);
    let next = site.take(event);
    assert_ne!(next, id);
    let event = site.event("traffic", 60);
    assert_eq!(site.take(event), id, "what happened before comes late and belongs to it");
    assert!(matches!(site.act(id, Step::Acknowledge {}), Err(ActError::Refused(Refusal::NotNow(_)))));
    site.act(id, Step::Close { finding: Finding::True, note: String::new(), founders: vec![] }).unwrap();
    let query = crate::store::IncidentQuery {
        scope: Scope::Departments(vec!["police".into()]),
        dispatched_to: "police".into(),
        closed: false,
        from_us: None,
        to_us: None,
        bbox: None,
        words: vec![],
        after: None,
        limit: 10,
    };
    let open: Vec<Uuid> = site.store.incidents(&query).unwrap().into_iter().map(|row| row.id).collect();
    assert_eq!(open, [next]);
    let words = |text: &str| crate::store::IncidentQuery { closed: true, words: vec![text.into()], ..query.clone() };
    assert_eq!(site.store.incidents(&words("东门")).unwrap().len(), 2, "two-character words are found");
    assert_eq!(site.store.incidents(&words("over")).unwrap().len(), 1);
    assert_eq!(site.store.incidents(&words("%")).unwrap().len(), 0, "no pattern");
}

#[test]
fn the_clock_escalates_and_brings_back() {
    let mut site = Site::new();
    let mut event = site.event("police", 0);
    event.event.severity = yiwang_wire::event::Severity::Urgent;
    let id = site.take(event);
    let row = site.row(id);
    assert_eq!((row.level, row.due_us), (Level::Urgent, Some(row.created_us + 60 * SECOND_US)));
    assert_eq!(site.desk.tick(row.created_us + 59 * SECOND_US).unwrap(), 0);
    assert_eq!(site.desk.tick(row.created_us + 61 * SECOND_US).unwrap(), 1);
    assert_eq!(site.desk.tick(row.created_us + 62 * SECOND_US).unwrap(), 0);
    assert_eq!(site.row(id).work.escalated, 1);
    assert_eq!(site.row(id).work.told, Some(Tell::Operators));
    let assign = Step::Assign { owner: Some("li".into()) };
    site.act(id, assign).unwrap();
    assert_eq!(site.desk.tick(row.created_us + 121 * SECOND_US).unwrap(), 1);
    let again = site.row(id).work;
    assert_eq!(
        (again.told, again.owner),
        (Some(Tell::Administrators), None),
        "li let it pass: it waits for who takes it"
    );
    let until_us = T0 + 3600 * SECOND_US;
    let shelve = Step::Shelve { until: String::new(), reason: "works".into(), until_us };
    site.act(id, shelve).unwrap();
    assert_eq!(site.row(id).due_us, Some(until_us));
    assert_eq!(site.desk.tick(until_us + 1).unwrap(), 1);
    assert_eq!(site.row(id).work.shelved, None);
}

#[test]
fn a_rule_that_chatters_is_kept_out_of_the_queue_and_says_so() {
    let mut site = Site::new();
    let mut last = None;
    for number in 0..9 {
        let mut event = site.event("police", number * 40);
        event.event.kind = "line_cross".into();
        last = Some(site.take(event));
    }
    assert_eq!(site.row(last.unwrap()).summary.suppressed.as_deref(), Some("chatter"));
    assert_eq!(site.row(last.unwrap()).number, 9, "each is an incident still");
}

#[test]
fn what_is_long_over_is_let_go_as_soon_as_there_are_too_many() {
    let mut site = Site::new();
    let held = |site: &Site| site.desk.with(|_, live| Ok::<_, crate::store::StoreError>(live.engine.len())).unwrap();
    for day in [0, 3] {
        let event = site.event("police", day * 24 * 3600);
        site.take(event);
    }
    assert_eq!(held(&site), 2, "it is not looked for with each event");
    site.desk
        .with(|_, live| {
            live.crowded_from = 2;
            Ok::<_, crate::store::StoreError>(())
        })
        .unwrap();
    let event = site.event("traffic", 3 * 24 * 3600 + 1);
    site.take(event);
    assert_eq!(held(&site), 2, "the two of the third day");
}

#[test]
fn what_is_long_over_is_let_go_with_its_steps_and_can_still_be_worked() {
    let mut site = Site::new();
    let event = site.event("police", 0);
    let old = site.take(event);
    site.act(old, Step::Resolve { resolution: "over".into(), founders: vec![] }).unwrap();
    let event = site.event("police", 3 * 24 * 3600);
    let new = site.take(event);
    site.act(new, Step::Acknowledge {}).unwrap();
    let held = |site: &Site| {
        site.desk
            .with(|_, live| {
                live.forget();
                let count =
                    |most| live.rows.values().filter(|r| r.summary.last_us >= live.crowded_out_us(most)).count();
                Ok::<_, crate::store::StoreError>((live.rows.len(), live.entries.len(), [count(4), count(0)]))
            })
            .unwrap()
    };
    assert_eq!(held(&site), (1, 1, [1, 0]), "the new one, its step; and room for none is none");
    site.again();
    assert_eq!(held(&site), (1, 1, [1, 0]), "also after a restart");
    let comment = Step::Comment { text: "looked at again".into() };
    assert_eq!(site.act(old, comment).unwrap().work.comments, 1);
    let reopened = site.act(old, Step::Reopen { reason: "again".into(), founders: vec![] }).unwrap();
    assert_ne!(reopened.work.state, State::Resolved);
}
