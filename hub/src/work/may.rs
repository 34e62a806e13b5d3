//! Who may take which step, and when it makes sense.

use super::{Finding, State, Step, Work};
use crate::store::Role;

/// Longest that something may be out of the queue, microseconds.
const SHELVE_MAX_US: i64 = 24 * 3_600_000_000;
/// Longest text of a step, characters.
const MAX_TEXT: usize = 2_000;
/// Departments of one dispatch, sources of one split.
const MAX_NAMED: usize = 10_000;

/// Who acts, and what is theirs of the incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Actor<'a> {
    /// Name.
    pub name: &'a str,
    /// Role.
    pub role: Role,
    /// Department.
    pub department: &'a str,
    /// True where every source is of the actor's department.
    pub owns_all: bool,
    /// True where one of the sources is.
    pub owns_some: bool,
}

/// Why not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Not this person.
    Forbidden(&'static str),
    /// Not in this state.
    NotNow(String),
    /// Something is missing or wrong in the step itself.
    Wrong(&'static str),
}

/// Whether the step may be taken now.
pub fn may(work: &Work, step: &Step, actor: Actor<'_>, now_us: i64) -> Result<(), Refusal> {
    who(step, actor)?;
    what(step, now_us)?;
    when(work, step, actor)
}

fn who(step: &Step, actor: Actor<'_>) -> Result<(), Refusal> {
    if actor.role != Role::Department || actor.owns_all {
        return Ok(());
    }
    match step {
        Step::Acknowledge {} | Step::Take {} | Step::Comment { .. } | Step::Undo { .. } => Ok(()),
        Step::Task { department, .. } if department == actor.department => Ok(()),
        Step::Task { .. } => Err(Refusal::Forbidden("This task is another department's.")),
        _ => Err(Refusal::Forbidden("Cameras of other departments saw this too: the operations centre decides.")),
    }
}

fn what(step: &Step, now_us: i64) -> Result<(), Refusal> {
    let wrong = |text| Err(Refusal::Wrong(text));
    let too_long = |text: &String| text.chars().count() > MAX_TEXT;
    match step {
        Step::Reopen { reason, .. } | Step::Severity { reason, .. } | Step::Shelve { reason, .. }
            if reason.trim().is_empty() =>
        {
            wrong("This step needs a reason.")
        }
        Step::Shelve { until_us, .. } if *until_us <= now_us => wrong("The end of shelving has passed."),
        Step::Shelve { until_us, .. } if *until_us > now_us + SHELVE_MAX_US => {
            wrong("Nothing is shelved for longer than 24 hours.")
        }
        Step::Comment { text } if text.trim().is_empty() => wrong("The comment is empty."),
        Step::Comment { text } if too_long(text) => wrong("The text is longer than 2000 characters."),
        Step::Task { answer, .. } if too_long(answer) => wrong("The text is longer than 2000 characters."),
        Step::Dispatch { departments, .. } if departments.is_empty() => wrong("Name a department."),
        Step::Dispatch { departments, .. } if departments.len() > MAX_NAMED => wrong("Too many departments."),
        Step::Split { sources, .. } if sources.is_empty() => wrong("Name the sources."),
        Step::Split { sources, .. } if sources.len() > MAX_NAMED => wrong("Too many sources."),
        Step::Escalate { .. } => wrong("Only the hub escalates."),
        _ if step.why().is_some_and(|why| why.chars().count() > MAX_TEXT) => {
            wrong("The text is longer than 2000 characters.")
        }
        _ => Ok(()),
    }
}

fn when(work: &Work, step: &Step, actor: Actor<'_>) -> Result<(), Refusal> {
    use State::{Acknowledged, Closed, Dispatched, New, Resolved};
    let state = work.state;
    let fits = match step {
        // Each department for what its own cameras told, whoever was first.
        Step::Acknowledge {} => {
            let own = actor.owns_some && !work.acknowledgements.iter().any(|one| one.department == actor.department);
            state == New || (own && matches!(state, Acknowledged | Dispatched))
        }
        Step::Take {} | Step::Assign { .. } | Step::Severity { .. } | Step::Split { .. } | Step::Join { .. } => {
            state != Closed
        }
        Step::Dispatch { .. } | Step::Resolve { .. } => matches!(state, New | Acknowledged | Dispatched),
        Step::Task { department, .. } => {
            if !work.tasks.iter().any(|task| task.department == *department) {
                return Err(Refusal::NotNow(format!("Nothing was dispatched to {department}.")));
            }
            state != Closed
        }
        // What did not happen needs no resolution.
        Step::Close { finding: Finding::FalseAlarm | Finding::Exercise, .. } => state != Closed,
        Step::Close { .. } => state == Resolved,
        Step::Reopen { .. } => matches!(state, Resolved | Closed),
        Step::Shelve { .. } => matches!(state, New | Acknowledged | Dispatched),
        Step::Unshelve {} => work.shelved.is_some(),
        Step::Comment { .. } | Step::Undo { .. } | Step::Escalate { .. } => true,
    };
    let by = work.acknowledged.as_ref().map(|(by, _)| format!(" {by} acknowledged it.")).unwrap_or_default();
    if fits {
        return Ok(());
    }
    Err(Refusal::NotNow(format!("This is {} now, which leaves no room for `{}`.{by}", state.as_str(), step.name())))
}

/// Names of the steps that this person may take now.
pub fn possible(work: &Work, actor: Actor<'_>, undo: bool) -> Vec<&'static str> {
    let text = || "-".to_owned();
    let founders = Vec::new;
    let none = uuid::Uuid::nil();
    let task = work.tasks.iter().find(|task| actor.role != Role::Department || task.department == actor.department);
    let steps = [
        Some(Step::Acknowledge {}),
        Some(Step::Take {}),
        Some(Step::Assign { owner: None }),
        Some(Step::Dispatch { departments: vec![text()], note: String::new() }),
        task.map(|task| Step::Task { department: task.department.clone(), state: task.state, answer: String::new() }),
        Some(Step::Resolve { resolution: String::new(), founders: founders() }),
        Some(Step::Close { finding: Finding::FalseAlarm, note: String::new(), founders: founders() }),
        Some(Step::Reopen { reason: text(), founders: founders() }),
        Some(Step::Shelve { until: String::new(), reason: text(), until_us: 1 }),
        Some(Step::Unshelve {}),
        Some(Step::Comment { text: text() }),
        Some(Step::Severity { severity: crate::merge::Level::Low, reason: text() }),
        Some(Step::Split { sources: vec![none], reason: String::new(), rest: founders() }),
        Some(Step::Join { with: none, reason: String::new() }),
        undo.then_some(Step::Undo { seq: 0 }),
    ];
    steps.into_iter().flatten().filter(|step| may(work, step, actor, 0).is_ok()).map(|step| step.name()).collect()
}
