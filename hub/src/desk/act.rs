//! People's steps: held against where the incident stands now, recorded, and carried out, in one transaction. Whoever comes
//! second with an older revision is told what the first did and changes nothing.

use uuid::Uuid;

use super::live::Live;
use super::{Desk, Settings};
use crate::ledger::{NewRecord, Record};
use crate::merge::Changes;
use crate::store::{IncidentRow, IncidentWrites, Role, Source, Store, StoreError, StoreResult};
use crate::work::ladder::{Rung, rung};
use crate::work::{Actor, Entry, Refusal, SYSTEM, Step, may, possible, since, sum_up, undoable};

/// A step can be taken back for so long.
const UNDO_US: i64 = 600_000_000;
/// What is due is looked at in such portions.
const DUE_STEP: usize = 200;

/// Who takes a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct By {
    /// Name.
    pub name: String,
    /// Role.
    pub role: Role,
    /// Department.
    pub department: String,
    /// The address that it comes from.
    pub from: String,
}

/// An incident with its sources and steps.
pub type Found = (IncidentRow, Vec<Source>, Vec<Entry>);

/// Somebody was faster.
#[derive(Debug, Clone, PartialEq)]
pub struct Conflict {
    /// How it stands.
    pub row: IncidentRow,
    /// What was done since the revision that was sent.
    pub since: Vec<Entry>,
}

/// Why a step was not taken.
#[derive(Debug, thiserror::Error)]
pub enum ActError {
    /// There is no such incident.
    #[error("no such incident")]
    Unknown,
    /// Somebody was faster.
    #[error("it was changed meanwhile")]
    Conflict(Box<Conflict>),
    /// It may not be taken.
    #[error("this step is not possible: {0:?}")]
    Refused(Refusal),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Desk {
    /// Takes a step. `sees` says whether the caller may see an incident at all: what it may not is not there.
    pub fn act(
        &self,
        id: Uuid,
        revision: u64,
        step: Step,
        by: &By,
        now_us: i64,
        sees: &dyn Fn(&IncidentRow) -> bool,
    ) -> Result<IncidentRow, ActError> {
        self.with(|store, live| {
            live.refresh(store)?;
            let (row, entries) = find(store, live, id)?.filter(|(row, _)| sees(row)).ok_or(ActError::Unknown)?;
            // A comment changes nothing that anybody could lose.
            if revision != row.work.revision && !matches!(step, Step::Comment { .. }) {
                let since = since(&entries, revision);
                return Err(ActError::Conflict(Box::new(Conflict { row, since })));
            }
            let step = complete(live, &row, &entries, step, by, now_us, sees)?;
            if let Step::Dispatch { departments, .. } = &step {
                let known = store.departments()?;
                if let Some(name) = departments.iter().find(|name| !known.iter().any(|d| d.id == **name)) {
                    return Err(StoreError::Unknown { what: "department", name: name.clone() }.into());
                }
            }
            may(&row.work, &step, actor(by, &row), now_us).map_err(ActError::Refused)?;
            Ok(carry_out(store, live, row, &entries, step, by, now_us)?)
        })
    }

    /// Does what the clock asks for: escalates what is overdue, brings back what was shelved. Returns how many.
    pub fn tick(&self, now_us: i64) -> StoreResult<usize> {
        let due = self.store.due(now_us, DUE_STEP)?;
        let mut done = 0;
        for id in due {
            done += self.with(|store, live| {
                live.refresh(store)?;
                let Some((row, entries)) = find(store, live, id)? else { return Ok(0) };
                let step = match &row.work.shelved {
                    Some(shelved) if shelved.until_us <= now_us => Step::Unshelve {},
                    None if row.due_us.is_some_and(|due_us| due_us <= now_us) => {
                        let level = row.work.escalated + 1;
                        let Rung { tell, owner } = rung(&live.settings.escalation, level);
                        Step::Escalate { level, tell, owner }
                    }
                    _ => return Ok(0),
                };
                let by =
                    By { name: SYSTEM.into(), role: Role::Operator, department: SYSTEM.into(), from: String::new() };
                carry_out(store, live, row, &entries, step, &by, now_us).map(|_| 1)
            })?;
        }
        Ok(done)
    }

    /// The deadlines and severity rules in force.
    pub fn settings(&self) -> StoreResult<Settings> {
        self.with(|store, live| {
            live.refresh(store)?;
            Ok(live.settings.clone())
        })
    }

    /// An incident with its sources and steps.
    pub fn incident(&self, id: Uuid) -> StoreResult<Option<Found>> {
        // From the store alone: reading never waits for a writer.
        let Some(row) = self.store.incident(id)? else { return Ok(None) };
        let (sources, entries) = (self.store.sources(row.id)?, self.store.entries_of(row.id)?);
        Ok(Some((row, sources, entries)))
    }
}

/// Names of the steps that somebody may take now.
pub(crate) fn possible_steps(row: &IncidentRow, entries: &[Entry], by: &By, now_us: i64) -> Vec<&'static str> {
    let undo = undoable(entries, &by.name, now_us - UNDO_US).is_some();
    possible(&row.work, actor(by, row), undo)
}

fn actor<'a>(by: &'a By, row: &IncidentRow) -> Actor<'a> {
    let mine = |department: &String| *department == by.department;
    let departments = &row.summary.departments;
    let (owns_all, owns_some) = (departments.iter().all(mine), departments.iter().any(mine));
    Actor { name: &by.name, role: by.role, department: &by.department, owns_all, owns_some }
}

/// By its name, by a former name or by any source.
fn find(store: &dyn Store, live: &Live, id: Uuid) -> StoreResult<Option<(IncidentRow, Vec<Entry>)>> {
    let name = live.engine.incident_of(id).unwrap_or(id);
    if let Some(row) = live.rows.get(&name) {
        return Ok(Some((row.clone(), live.entries_of(name))));
    }
    let Some(row) = store.incident(id)? else { return Ok(None) };
    let entries = store.entries_of(row.id)?;
    Ok(Some((row, entries)))
}

/// Adds what only the hub knows.
fn complete(
    live: &Live,
    row: &IncidentRow,
    entries: &[Entry],
    step: Step,
    by: &By,
    now_us: i64,
    sees: &dyn Fn(&IncidentRow) -> bool,
) -> Result<Step, ActError> {
    let refused = |text: &str| ActError::Refused(Refusal::NotNow(text.into()));
    let is_live = live.rows.contains_key(&row.id);
    let sources = || live.engine.sources(row.id).into_iter().map(|(thread, _)| thread.id);
    Ok(match step {
        Step::Resolve { resolution, .. } => Step::Resolve { resolution, founders: live.founders(row.id) },
        Step::Close { finding, note, .. } => Step::Close { finding, note, founders: live.founders(row.id) },
        Step::Reopen { reason, .. } => Step::Reopen { reason, founders: live.founders(row.id) },
        Step::Undo { .. } => {
            let newest = undoable(entries, &by.name, now_us - UNDO_US);
            let newest = newest.ok_or_else(|| {
                refused("There is nothing of yours to take back here: it was longer than 10 minutes ago, or somebody built on it.")
            })?;
            Step::Undo { seq: newest.seq }
        }
        Step::Split { .. } | Step::Join { .. } if !is_live => {
            return Err(refused("Nothing has happened here for two days: what belongs together stays as it is."));
        }
        Step::Split { sources: parted, reason, .. } => {
            let all: Vec<Uuid> = sources().collect();
            if parted.iter().any(|id| !all.contains(id)) {
                return Err(ActError::Refused(Refusal::Wrong("Not all of these are sources of this incident.")));
            }
            let rest: Vec<Uuid> = all.into_iter().filter(|id| !parted.contains(id)).collect();
            if rest.is_empty() {
                return Err(ActError::Refused(Refusal::Wrong("These are all its sources: leave one.")));
            }
            Step::Split { sources: parted, reason, rest }
        }
        Step::Join { with, reason } => {
            let other = live.engine.incident_of(with).and_then(|name| live.rows.get(&name));
            let other = other.filter(|other| sees(other)).ok_or(ActError::Unknown)?;
            if other.id == row.id {
                return Err(ActError::Refused(Refusal::Wrong("These are one incident already.")));
            }
            Step::Join { with: other.id, reason }
        }
        other => other,
    })
}

fn new_record(row: &IncidentRow, step: &Step, by: &By, now_us: i64) -> StoreResult<NewRecord> {
    let detail = serde_json::to_value(step)
        .map_err(|source| StoreError::Storage { operation: "write JSON", source: Box::new(source) })?;
    Ok(NewRecord {
        at_us: now_us,
        by: by.name.clone(),
        department: by.department.clone(),
        from: by.from.clone(),
        what: format!("incident.{}", step.name()),
        about: row.id.to_string(),
        why: step.why().map(str::to_owned),
        detail,
    })
}

/// Records a step and brings everything to where it stands then.
fn carry_out(
    store: &dyn Store,
    live: &mut Live,
    row: IncidentRow,
    entries: &[Entry],
    step: Step,
    by: &By,
    now_us: i64,
) -> StoreResult<IncidentRow> {
    let new = new_record(&row, &step, by, now_us)?;
    let is_live = live.rows.contains_key(&row.id);
    let of_merge = step.is_of_merge() || matches!(step, Step::Undo { .. });
    let sources = if is_live { Vec::new() } else { store.sources(row.id)? };
    let mut now = row.clone();
    let entry = |record: &Record| Entry {
        seq: record.seq,
        at_us: now_us,
        by: by.name.clone(),
        department: by.department.clone(),
        about: row.id,
        step: step.clone(),
    };
    store.record(&[new], &mut |records| {
        live.trusted = false;
        let Some(entry) = records.first().map(entry) else { return IncidentWrites::default() };
        if !is_live {
            // Long over: worked from what the store has.
            let all: Vec<Entry> = entries.iter().cloned().chain([entry]).collect();
            now.work = sum_up(&all);
            live.change += 1;
            (now.change, now.updated_us) = (live.change, now_us);
            let judged = live.judged(sources.iter().map(|source| &source.thread));
            live.judge(&mut now, judged);
            return IncidentWrites { rows: vec![now.clone()], ..IncidentWrites::default() };
        }
        live.entries.entry(row.id).or_default().push(entry);
        let mut changes = Changes::default();
        changes.incidents.insert(row.id);
        if of_merge {
            live.engine.lay_down(live.overrides(), &mut changes);
            live.engine.settle(&mut changes);
        }
        live.writes(&changes, now_us)
    })?;
    let name = live.engine.incident_of(row.id).unwrap_or(row.id);
    Ok(live.rows.get(&name).cloned().unwrap_or(now))
}
