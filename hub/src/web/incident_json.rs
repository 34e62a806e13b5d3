//! How an incident becomes what somebody may see of it. Kinds, times, places and numbers are made anew from the sources in
//! view, so that nothing of the others shows through; who was sent the incident sees where and what it is as a whole.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;
use uuid::Uuid;

use super::access::Caller;
use super::incident_shapes::*;
use super::json::rfc3339;
use super::shapes::Measure;
use crate::desk::{self, Part, Settings, Summary, camera_of, part, summary};
use crate::merge::spot::Located;
use crate::merge::{self, Link, Measured, Thread};
use crate::share::{Principal, View};
use crate::store::{IncidentRow, Source, Store, StoreResult};
use crate::work::baseline::{AllUnusual, Unusual};
use crate::work::clock::deadline;
use crate::work::ladder::Tell;
use crate::work::{self, Acknowledgement, Entry, Finding, State, Step, TaskState};

/// What is needed beside an incident to show it.
pub(crate) struct Around {
    pub(crate) settings: Settings,
    pub(crate) labels: Labels,
    pub(crate) unusual: Arc<AllUnusual>,
}

/// What kinds are called, Chinese and English, by their id.
pub(crate) type Labels = HashMap<String, (String, String)>;

/// What the gateways say that kinds are called.
pub(crate) fn labels(store: &dyn Store) -> StoreResult<Labels> {
    Ok(store.kinds()?.into_iter().map(|kind| (kind.kind, (kind.label_zh, kind.label_en))).collect())
}

/// Who looks at an incident.
#[derive(Debug, Clone)]
pub(crate) struct Viewer {
    pub(crate) view: View,
    pub(crate) department: String,
}

impl Viewer {
    pub(crate) fn of(caller: &Caller) -> Viewer {
        Viewer { view: caller.view.clone(), department: caller.principal.department().to_owned() }
    }

    pub(crate) fn is_sent(&self, row: &IncidentRow) -> bool {
        row.work.tasks.iter().any(|task| task.department == self.department)
    }

    /// May it be shown at all?
    pub(crate) fn sees(&self, row: &IncidentRow) -> bool {
        self.is_sent(row) || row.summary.departments.iter().any(|department| self.view.sees(department))
    }

    /// True where nothing of it is hidden: then the row says all.
    pub(crate) fn sees_whole(&self, row: &IncidentRow) -> bool {
        row.summary.departments.iter().all(|department| self.view.sees(department))
    }
}

/// Who acts, where it is a person.
pub(crate) fn actor(caller: &Caller, from: String) -> Option<desk::By> {
    let Principal::User { name, role, department } = &caller.principal else { return None };
    Some(desk::By { name: name.clone(), role: *role, department: department.clone(), from })
}

fn pairs(sources: &[Source]) -> Vec<(&Thread, Option<&Link>)> {
    sources.iter().map(|source| (&source.thread, source.link.as_ref())).collect()
}

/// The sources that the viewer may see.
fn seen<'a>(viewer: &Viewer, sources: &'a [Source]) -> Vec<(&'a Thread, Option<&'a Link>)> {
    pairs(sources).into_iter().filter(|(thread, _)| viewer.view.sees(&thread.department)).collect()
}

/// An incident as the viewer sees it. `sources` may be left empty where nothing is hidden.
pub(crate) fn incident(
    row: &IncidentRow,
    sources: &[Source],
    viewer: &Viewer,
    around: &Around,
    now_us: i64,
) -> Incident {
    let whole = viewer.sees_whole(row);
    let sent = viewer.is_sent(row);
    let shown: Summary = if whole || sent { row.summary.clone() } else { summary(&seen(viewer, sources)) };
    let in_view = if whole { row.summary.sources } else { seen(viewer, sources).len() };
    // What a rule made of sources out of view would tell of them.
    let told = whole || sent || row.work.severity.is_some();
    let level = if told { row.level } else { shown.level.unwrap_or(row.level) };
    let work = &row.work;
    let runs = deadline(work, row.created_us, row.level, &around.settings.deadlines);
    let departments = shown.departments.iter().filter(|department| viewer.view.sees(department));
    let cameras = if whole { shown.cameras.clone() } else { summary(&seen(viewer, sources)).cameras };
    let since_us = work.since_us.unwrap_or(row.created_us);
    // By what the viewer sees of it: the first camera in view and its kind.
    let unusual = cameras.first().and_then(|camera| around.unusual.at(camera, &shown.kind, shown.begin_us));
    Incident {
        id: row.id.to_string(),
        revision: work.revision,
        change: row.change,
        number: row.number,
        state: work.state.as_str(),
        shown_as: shown_as(row),
        severity: level.as_str(),
        severity_why: row.level_why.clone().filter(|_| told),
        kind: shown.kind.clone(),
        kinds: shown.kinds.clone(),
        begin: rfc3339(shown.begin_us),
        last: rfc3339(shown.last_us),
        end: shown.end_us.map(rfc3339),
        cleared: shown.end_us.is_some(),
        created: rfc3339(row.created_us),
        updated: rfc3339(row.updated_us),
        position: shown.position.map(Into::into),
        position_error_m: shown.error_m.map(|error_m| (error_m * 10.0).round() / 10.0),
        place: shown.places.first().cloned(),
        departments: departments.cloned().collect(),
        cameras,
        sources: in_view,
        suppressed: Suppressed { chatter: shown.chatter, duplicates: shown.duplicates },
        suppressed_why: row.summary.suppressed.clone(),
        hidden: if sent { row.summary.sources - in_view.min(row.summary.sources) } else { 0 },
        owner: work.owner.clone(),
        acknowledged_by: work.acknowledged.as_ref().map(|(by, _)| by.clone()),
        acknowledged: work.acknowledged.as_ref().map(|(_, at_us)| rfc3339(*at_us)),
        shelved: work.shelved.as_ref().map(|shelved| Shelved {
            until: rfc3339(shelved.until_us),
            reason: shelved.reason.clone(),
            by: shelved.by.clone(),
        }),
        tasks: work.tasks.iter().filter(|task| is_for(viewer, &task.department)).map(task).collect(),
        finding: work.finding.map(finding_text),
        resolution: work.resolution.clone(),
        deadline: runs.map(|deadline| rfc3339(deadline.at_us)),
        deadline_for: runs.map(|deadline| deadline.for_step),
        overdue: runs.is_some_and(|deadline| deadline.at_us < now_us),
        escalated: work.escalated,
        escalated_to: work.told.map(Tell::as_str),
        waiting_s: (now_us - since_us).max(0) / 1_000_000,
        unusual: unusual.map(Unusual::text_en),
        unusual_zh: unusual.map(Unusual::text_zh),
        comments: work.comments,
    }
}

fn is_for(viewer: &Viewer, department: &str) -> bool {
    department == viewer.department || viewer.view.sees(department)
}

/// The one word that says how it stands.
pub(crate) fn shown_as(row: &IncidentRow) -> &'static str {
    let work = &row.work;
    match work.state {
        State::Resolved | State::Closed => work.state.as_str(),
        _ if work.shelved.is_some() => "shelved",
        State::New if row.summary.suppressed.is_some() => "suppressed",
        State::New if row.summary.end_us.is_some() => "cleared_unacknowledged",
        state => state.as_str(),
    }
}

fn task(task: &work::Task) -> Task {
    Task {
        department: task.department.clone(),
        state: match task.state {
            TaskState::Open => "open",
            TaskState::Accepted => "accepted",
            TaskState::Done => "done",
            TaskState::Refused => "refused",
        },
        note: task.note.clone(),
        dispatched_by: task.dispatched_by.clone(),
        dispatched: rfc3339(task.dispatched_us),
        updated: rfc3339(task.updated_us),
        answer: task.answer.clone(),
    }
}

pub(crate) fn finding_text(finding: Finding) -> &'static str {
    match finding {
        Finding::True => "true",
        Finding::FalseAlarm => "false_alarm",
        Finding::Exercise => "exercise",
    }
}

/// An incident with its sources, history and possible steps.
pub(crate) fn detail(
    (row, sources, entries): &(IncidentRow, Vec<Source>, Vec<Entry>),
    viewer: &Viewer,
    by: Option<&desk::By>,
    around: &Around,
    now_us: i64,
) -> IncidentDetail {
    let in_view = seen(viewer, sources);
    let shown: Vec<Uuid> = in_view.iter().map(|(thread, _)| thread.id).collect();
    let first = in_view.first().map(|(thread, _)| *thread);
    // From the record itself: a row of an older hub says nothing of departments.
    let work = work::sum_up(entries);
    let source = |(thread, link): &(&Thread, Option<&Link>)| {
        let link = link.filter(|link| shown.contains(&link.with) || link.by == merge::By::Hand);
        source(
            thread,
            link.map(|link| why(link, &around.labels)),
            part(thread, link, first.unwrap_or(thread)),
            work.acknowledgement_for(&thread.department),
        )
    };
    IncidentDetail {
        incident: incident(row, sources, viewer, around, now_us),
        source_list: in_view.iter().map(source).collect(),
        history: history(entries, viewer),
        may: by.map(|by| desk::possible_steps(row, entries, by, now_us)).unwrap_or_default(),
    }
}

fn measure((name, measured): (&String, &Measured)) -> Measure {
    Measure { name: name.clone(), value: measured.most, threshold: measured.threshold, unit: measured.unit.clone() }
}

fn source(thread: &Thread, why: Option<Why>, part: Part, seen: Option<&Acknowledgement>) -> IncidentSource {
    IncidentSource {
        id: thread.id.to_string(),
        event: thread.event.to_string(),
        camera: camera_of(thread),
        camera_name: thread.camera_name.clone(),
        gateway: thread.gateway.clone(),
        department: thread.department.clone(),
        kind: thread.kind.clone(),
        rule: thread.rule.clone(),
        severity: thread.severity.as_str(),
        begin: rfc3339(thread.begin_us),
        end: thread.is_over().then(|| rfc3339(thread.until_us())),
        received: rfc3339(thread.received_us),
        late: thread.late,
        class: thread.class.clone(),
        track: thread.track,
        position: thread.spot.map(|spot| spot.position().into()),
        error_m: thread.spot.map(|spot| (spot.error_m * 10.0).round() / 10.0),
        located_by: match thread.spot.map(|spot| spot.by) {
            Some(Located::Ground) => "ground",
            Some(Located::View) => "view",
            Some(Located::Camera) => "camera",
            None => "none",
        },
        role: part.as_str(),
        acknowledged: seen.is_some(),
        acknowledged_by: seen.map(|seen| seen.by.clone()),
        acknowledged_at: seen.map(|seen| rfc3339(seen.at_us)),
        measures: thread.measures.iter().map(measure).collect(),
        why,
    }
}

fn why(link: &Link, labels: &Labels) -> Why {
    let label = |kind: &str, pick: fn(&(String, String)) -> &String| {
        labels.get(kind).map(pick).filter(|label| !label.is_empty()).cloned().unwrap_or_else(|| kind.to_owned())
    };
    let tenth = |value: f64| (value * 10.0).round() / 10.0;
    Why {
        text_en: link.text_en(|kind| label(kind, |(_, en)| en)),
        text_zh: link.text_zh(|kind| label(kind, |(zh, _)| zh)),
        with: link.with.to_string(),
        kinds: link.kinds.clone(),
        distance_m: link.distance_m.map(tenth),
        error_m: link.error_m.map(tenth),
        overlap: link.overlap.map(|share| (share * 100.0).round() / 100.0),
        apart_s: tenth(link.apart_s),
        by: match link.by {
            merge::By::Rule => "rule",
            merge::By::SameCamera => "same_camera",
            merge::By::SameGateway => "same_gateway",
            merge::By::Hand => "hand",
        },
    }
}

/// The steps that the viewer may see: of its own people, of departments in view, of the hub, and what concerns its task.
pub(crate) fn history(entries: &[Entry], viewer: &Viewer) -> Vec<HistoryEntry> {
    let undone: Vec<i64> =
        entries.iter().filter_map(|e| if let Step::Undo { seq } = e.step { Some(seq) } else { None }).collect();
    let concerns = |entry: &Entry| {
        is_for(viewer, &entry.department)
            || entry.department == work::SYSTEM
            || matches!(&entry.step, Step::Dispatch { departments, .. } if departments.contains(&viewer.department))
    };
    let numbered = entries.iter().scan(0, |revision, entry| {
        *revision += u64::from(entry.is_by_person());
        Some((*revision, entry))
    });
    numbered
        .filter(|(_, entry)| concerns(entry))
        .map(|(revision, entry)| one(entry, revision, &undone, viewer))
        .collect()
}

fn one(entry: &Entry, revision: u64, undone: &[i64], viewer: &Viewer) -> HistoryEntry {
    let mut detail = serde_json::to_value(&entry.step).unwrap_or(Value::Null);
    // Other departments' tasks and the threads that were meant are no business of this reader.
    if let Value::Object(map) = &mut detail {
        for name in ["action", "founders", "rest", "until_us"] {
            map.remove(name);
        }
        if let Some(Value::Array(list)) = map.get_mut("departments") {
            list.retain(|name| name.as_str().is_some_and(|name| is_for(viewer, name)));
        }
    }
    HistoryEntry {
        seq: entry.seq,
        revision,
        at: rfc3339(entry.at_us),
        by: entry.by.clone(),
        department: entry.department.clone(),
        action: entry.step.name(),
        detail,
        undone: undone.contains(&entry.seq),
    }
}
