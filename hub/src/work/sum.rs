//! What the steps on an incident sum up to. Steps are never changed or removed: undo is a step too.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::ladder::{NewOwner, Tell};
use super::{Finding, Step, TaskState};
use crate::merge::Level;

/// Who the hub itself is in the record.
pub const SYSTEM: &str = "system";

/// A step as it was recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Number in the record.
    pub seq: i64,
    /// When.
    pub at_us: i64,
    /// Who.
    pub by: String,
    /// Of which department.
    pub department: String,
    /// The incident's name then: a thread that is in it for good.
    pub about: Uuid,
    /// What.
    pub step: Step,
}

impl Entry {
    /// True where a person took it. The hub's own steps (a deadline passed, a time on the shelf ended) change nothing that a
    /// person could lose.
    pub fn is_by_person(&self) -> bool {
        self.by != SYSTEM || self.department != SYSTEM
    }
}

/// Where an incident stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Nobody has seen it.
    #[default]
    New,
    /// Somebody has.
    Acknowledged,
    /// Departments are on it.
    Dispatched,
    /// Over.
    Resolved,
    /// Done with.
    Closed,
}

impl State {
    /// As written everywhere.
    pub fn as_str(self) -> &'static str {
        match self {
            State::New => "new",
            State::Acknowledged => "acknowledged",
            State::Dispatched => "dispatched",
            State::Resolved => "resolved",
            State::Closed => "closed",
        }
    }
}

/// A department's task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Whose.
    pub department: String,
    /// How far.
    pub state: TaskState,
    /// What is to be done.
    pub note: String,
    /// Who sent it.
    pub dispatched_by: String,
    /// When.
    pub dispatched_us: i64,
    /// When it was answered last, or sent.
    pub updated_us: i64,
    /// What the department says.
    pub answer: Option<String>,
}

/// A department's people have seen what its own cameras told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledgement {
    /// Whose people; the operations centre sees for all.
    pub department: String,
    /// Who, the first of them.
    pub by: String,
    /// When.
    pub at_us: i64,
}

/// Out of the queue for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shelved {
    /// Until when.
    pub until_us: i64,
    /// Why.
    pub reason: String,
    /// By whom.
    pub by: String,
}

/// How an incident is worked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Work {
    /// How many steps people took, those taken back included.
    pub revision: u64,
    /// Where it stands.
    pub state: State,
    /// Since when; none while nothing was done.
    pub since_us: Option<i64>,
    /// Who has it.
    pub owner: Option<String>,
    /// Who saw it first, and when.
    pub acknowledged: Option<(String, i64)>,
    /// One for each department that has seen it. An older hub kept none.
    #[serde(default)]
    pub acknowledgements: Vec<Acknowledgement>,
    /// Out of the queue.
    pub shelved: Option<Shelved>,
    /// Tasks, one a department.
    pub tasks: Vec<Task>,
    /// How it ended.
    pub resolution: Option<String>,
    /// What it was.
    pub finding: Option<Finding>,
    /// As somebody set it.
    pub severity: Option<(Level, String)>,
    /// How often a deadline passed since the last change of state.
    pub escalated: u32,
    /// Who was told of that last.
    #[serde(default)]
    pub told: Option<Tell>,
    /// Comments.
    pub comments: u32,
    /// What people wrote, for the search.
    pub text: String,
}

/// Numbers of the steps that were taken back.
fn taken_back(entries: &[Entry]) -> HashSet<i64> {
    entries.iter().filter_map(|entry| if let Step::Undo { seq } = entry.step { Some(seq) } else { None }).collect()
}

/// The sum of an incident's steps, in the order of the record.
pub fn sum_up(entries: &[Entry]) -> Work {
    let undone = taken_back(entries);
    let mut work = Work::default();
    for entry in entries.iter().filter(|entry| !undone.contains(&entry.seq)) {
        work.add(entry);
    }
    work.revision = entries.iter().filter(|entry| entry.is_by_person()).count() as u64;
    work
}

/// What was done after a revision.
pub fn since(entries: &[Entry], revision: u64) -> Vec<Entry> {
    let mut people_took = 0;
    let after = entries.iter().filter(|entry| {
        people_took += u64::from(entry.is_by_person());
        people_took > revision
    });
    after.cloned().collect()
}

/// The newest step of this person that can be taken back: no comment of others hangs on it, and nobody else has taken a
/// step since that builds on it.
pub fn undoable<'a>(entries: &'a [Entry], by: &str, not_before_us: i64) -> Option<&'a Entry> {
    let undone = taken_back(entries);
    let stands = |entry: &&Entry| !undone.contains(&entry.seq) && !matches!(entry.step, Step::Undo { .. });
    let building = |entry: &&Entry| !matches!(entry.step, Step::Comment { .. } | Step::Escalate { .. });
    let newest = entries.iter().rev().filter(stands).find(building)?;
    let last = (newest.by == by && newest.at_us >= not_before_us).then_some(newest);
    last.filter(|entry| !matches!(entry.step, Step::Undo { .. }))
}

impl Work {
    /// Who has seen what this department's cameras told: its own people, or else the operations centre.
    pub fn acknowledgement_for(&self, department: &str) -> Option<&Acknowledgement> {
        let of = |wanted: &str| self.acknowledgements.iter().find(|one| one.department == wanted);
        of(department).or_else(|| of(crate::store::OPERATIONS))
    }

    fn go(&mut self, state: State, at_us: i64) {
        if self.state != state {
            (self.state, self.since_us, self.escalated, self.told) = (state, Some(at_us), 0, None);
        }
    }

    fn see(&mut self, entry: &Entry) {
        if self.acknowledged.is_none() {
            self.acknowledged = Some((entry.by.clone(), entry.at_us));
        }
        if !self.acknowledgements.iter().any(|known| known.department == entry.department) {
            self.acknowledgements.push(Acknowledgement {
                department: entry.department.clone(),
                by: entry.by.clone(),
                at_us: entry.at_us,
            });
        }
        if self.state == State::New {
            self.go(State::Acknowledged, entry.at_us);
        }
    }

    fn say(&mut self, text: &str) {
        if !text.is_empty() {
            self.text.push('\n');
            self.text.push_str(text);
        }
    }

    fn add(&mut self, entry: &Entry) {
        self.say(entry.step.why().unwrap_or_default());
        match &entry.step {
            Step::Acknowledge {} => self.see(entry),
            Step::Take {} => {
                self.see(entry);
                self.owner = Some(entry.by.clone());
            }
            Step::Assign { owner } => self.owner.clone_from(owner),
            Step::Dispatch { departments, note } => {
                self.see(entry);
                self.owner.get_or_insert_with(|| entry.by.clone());
                for department in departments {
                    self.tasks.retain(|task| task.department != *department);
                    self.tasks.push(Task {
                        department: department.clone(),
                        state: TaskState::Open,
                        note: note.clone(),
                        dispatched_by: entry.by.clone(),
                        dispatched_us: entry.at_us,
                        updated_us: entry.at_us,
                        answer: None,
                    });
                }
                self.go(State::Dispatched, entry.at_us);
            }
            Step::Task { department, state, answer } => {
                if let Some(task) = self.tasks.iter_mut().find(|task| task.department == *department) {
                    (task.state, task.updated_us) = (*state, entry.at_us);
                    task.answer = (!answer.is_empty()).then(|| answer.clone()).or(task.answer.take());
                }
                self.say(answer);
            }
            Step::Resolve { resolution, .. } => {
                self.see(entry);
                self.shelved = None;
                self.resolution = Some(resolution.clone());
                self.go(State::Resolved, entry.at_us);
            }
            Step::Close { finding, .. } => {
                self.see(entry);
                self.shelved = None;
                self.finding = Some(*finding);
                self.go(State::Closed, entry.at_us);
            }
            Step::Reopen { .. } => {
                (self.finding, self.resolution) = (None, None);
                let busy = |task: &Task| matches!(task.state, TaskState::Open | TaskState::Accepted);
                let state = if self.tasks.iter().any(busy) { State::Dispatched } else { State::Acknowledged };
                self.go(state, entry.at_us);
            }
            Step::Shelve { reason, until_us, .. } => {
                self.shelved = Some(Shelved { until_us: *until_us, reason: reason.clone(), by: entry.by.clone() });
            }
            Step::Unshelve {} => self.shelved = None,
            Step::Comment { text } => {
                self.comments += 1;
                self.say(text);
            }
            Step::Severity { severity, reason } => self.severity = Some((*severity, reason.clone())),
            Step::Escalate { level, tell, owner } => {
                (self.escalated, self.told) = (*level, Some(*tell));
                match owner {
                    NewOwner::Stays => {}
                    NewOwner::Nobody => self.owner = None,
                    NewOwner::Person(name) => self.owner = Some(name.clone()),
                }
            }
            Step::Split { .. } | Step::Join { .. } | Step::Undo { .. } => {}
        }
    }
}
