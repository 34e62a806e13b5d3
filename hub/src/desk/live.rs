//! The incidents that something can still happen to, in memory: sources in the merge, rows as they stand, steps as they
//! were recorded. Everything here can be read from the store again.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;
use yiwang_wire::event::Phase;

use super::intake::{Registry, more};
use super::summary::{camera_of, summary};
use super::{LIVE_SOURCES_MAX, LIVE_US, SETTING};
use crate::merge::{Changes, Engine, Key, Level, Link, Overrides, Step as MergeStep, Thread};
use crate::store::{IncidentRow, IncidentWrites, Source, Store, StoreResult, StoredEvent};
use crate::work::clock::{AllDeadlines, deadline};
use crate::work::ladder::{self, Rung};
use crate::work::load::CHATTER;
use crate::work::severity::{SeverityRule, level};
use crate::work::{Entry, Step, sum_up};

const WINDOW_US: i64 = 600_000_000;

/// What administrators set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Until when something must happen.
    pub deadlines: AllDeadlines,
    /// Who is told when one passes, the first time, the second, and so on; above the last it is the last again.
    pub escalation: Vec<Rung>,
    /// What is more or less urgent than its events say; the first that fits decides.
    pub severity_rules: Vec<SeverityRule>,
    /// Minutes that the site's time of day is ahead of UTC.
    pub utc_offset_min: i64,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            deadlines: AllDeadlines::default(),
            escalation: ladder::usual(),
            severity_rules: Vec::new(),
            utc_offset_min: 8 * 60,
        }
    }
}

/// One camera's rule.
type SourceName = (String, String);

pub(super) struct Live {
    pub(super) engine: Engine,
    pub(super) rows: HashMap<Uuid, IncidentRow>,
    /// Steps by the incident's name when they were taken: a thread that is in it for good.
    pub(super) entries: BTreeMap<Uuid, Vec<Entry>>,
    pub(super) change: i64,
    pub(super) number: i64,
    pub(super) settings: Settings,
    pub(super) steps: u32,
    /// False while something is changed that the store does not have yet.
    pub(super) trusted: bool,
    /// Sources beyond which it is looked for what can be let go.
    pub(super) crowded_from: usize,
    /// First sources of incidents by camera and rule: who begins too many chatters.
    firsts: HashMap<SourceName, BTreeSet<Key>>,
    registry: Registry,
    revision: Option<u64>,
}

fn source_name(thread: &Thread) -> SourceName {
    (camera_of(thread), thread.rule.clone().unwrap_or_else(|| thread.kind.clone()))
}

impl Live {
    pub(super) fn load(store: &dyn Store) -> StoreResult<Self> {
        let (change, number, newest_us) = store.newest_incident()?;
        let mut live = Live {
            engine: Engine::default(),
            rows: HashMap::new(),
            entries: BTreeMap::new(),
            change,
            number,
            settings: Settings::default(),
            steps: 0,
            trusted: true,
            crowded_from: LIVE_SOURCES_MAX,
            firsts: HashMap::new(),
            registry: Registry::default(),
            revision: None,
        };
        live.refresh(store)?;
        for entry in store.entries()? {
            live.entries.entry(entry.about).or_default().push(entry);
        }
        let mut changes = Changes::default();
        live.engine.lay_down(live.overrides(), &mut changes);
        for (row, sources) in store.live_incidents(newest_us - LIVE_US)? {
            for source in sources {
                live.engine.begin(source.thread, &mut changes);
            }
            live.rows.insert(row.id, row);
        }
        live.engine.settle(&mut changes);
        // Joins and splits name their groups by threads that had to be there first.
        live.engine.lay_down(live.overrides(), &mut changes);
        live.engine.settle(&mut changes);
        let ids: Vec<Uuid> = live.rows.keys().copied().collect();
        for id in ids {
            live.note_first(id);
        }
        live.forget();
        Ok(live)
    }

    /// Reads what people may have changed.
    pub(super) fn refresh(&mut self, store: &dyn Store) -> StoreResult<()> {
        let revision = store.revision()?;
        if self.revision == Some(revision) {
            return Ok(());
        }
        self.registry = Registry::load(store)?;
        let set = store.setting(SETTING)?.map(serde_json::from_value);
        // A setting of a newer hub: the defaults hold, and it stays as it is.
        self.settings = set.and_then(Result::ok).unwrap_or_default();
        self.revision = Some(revision);
        Ok(())
    }

    /// Takes in one event.
    pub(super) fn take(&mut self, stored: &StoredEvent, changes: &mut Changes) {
        if stored.event.phase == Phase::Begin {
            self.trusted &= !self.engine.begin(self.registry.thread(stored), changes);
        } else if let Some(more) = more(stored) {
            self.trusted = false;
            self.engine.more(more, changes);
        }
    }

    /// What people laid down by hand, from the record.
    pub(super) fn overrides(&self) -> Overrides {
        let mut all: Vec<&Entry> = self.entries.values().flatten().collect();
        all.sort_by_key(|entry| entry.seq);
        let undone: HashMap<i64, i64> = all
            .iter()
            .filter_map(|entry| if let Step::Undo { seq } = entry.step { Some((seq, entry.at_us)) } else { None })
            .collect();
        let mut steps = Vec::new();
        for entry in all {
            let until_us = undone.get(&entry.seq).copied();
            match &entry.step {
                Step::Split { sources, rest, .. } if until_us.is_none() => {
                    steps.push(MergeStep::Split { sources: sources.clone(), rest: rest.clone() });
                }
                Step::Join { with, .. } if until_us.is_none() => steps.push(MergeStep::Join(entry.about, *with)),
                Step::Resolve { founders, .. } | Step::Close { founders, .. } => {
                    let to_us = until_us.unwrap_or(i64::MAX);
                    steps.extend(founders.iter().map(|id| MergeStep::Resolved(*id, entry.at_us, to_us)));
                }
                Step::Reopen { founders, .. } => {
                    steps.extend(founders.iter().map(|id| MergeStep::Reopened(*id, entry.at_us)));
                    // Taken back: resolved again from then on.
                    let again = until_us.map(|at_us| founders.iter().map(move |id| (id, at_us)));
                    steps.extend(again.into_iter().flatten().map(|(id, at)| MergeStep::Resolved(*id, at, i64::MAX)));
                }
                _ => {}
            }
        }
        let key = |id: &Uuid| self.engine.thread(*id).map(|(thread, _)| thread.key());
        Overrides::of(&steps, |group| group.iter().min_by_key(|id| (key(id).is_none(), key(id))).copied())
    }

    /// Steps on an incident: those whose thread is in it now.
    pub(super) fn entries_of(&self, incident: Uuid) -> Vec<Entry> {
        let sources = self.engine.sources(incident);
        let mut all: Vec<Entry> = if sources.len() < self.entries.len() {
            sources.iter().filter_map(|(thread, _)| self.entries.get(&thread.id)).flatten().cloned().collect()
        } else {
            let mine = self.entries.iter().filter(|(about, _)| self.engine.incident_of(**about) == Some(incident));
            mine.flat_map(|(_, entries)| entries).cloned().collect()
        };
        all.sort_by_key(|entry| entry.seq);
        all
    }

    /// What is to be written after changes of the merge.
    pub(super) fn writes(&mut self, changes: &Changes, now_us: i64) -> IncidentWrites {
        let mut writes = IncidentWrites::default();
        if !changes.incidents.is_empty() || !changes.threads.is_empty() {
            self.trusted = false;
        }
        for id in &changes.threads {
            if let (Some((thread, link)), Some(incident)) = (self.engine.thread(*id), self.engine.incident_of(*id)) {
                let source = Source { thread: thread.clone(), link: link.cloned() };
                writes.sources.push((incident, source));
            }
        }
        // An incident that goes on under another name keeps its number and its age.
        let mut inherited: HashMap<Uuid, (i64, i64)> = HashMap::new();
        for id in &changes.incidents {
            if self.engine.sources(*id).is_empty()
                && let Some(row) = self.rows.remove(id)
            {
                self.forget_first(&row);
                let into = self.engine.incident_of(*id);
                self.change += 1;
                writes.gone.push((*id, into, self.change));
                let older = (row.number, row.created_us);
                if let Some(into) = into {
                    inherited.entry(into).and_modify(|known| *known = older.min(*known)).or_insert(older);
                }
            }
        }
        for id in &changes.incidents {
            if let Some(row) = self.row(*id, inherited.get(id).copied(), now_us) {
                writes.rows.push(row);
            }
        }
        writes
    }

    /// An incident as it stands now; it is noted as changed.
    pub(super) fn row(&mut self, id: Uuid, inherited: Option<(i64, i64)>, now_us: i64) -> Option<IncidentRow> {
        let sources = self.engine.sources(id);
        let received_us = sources.iter().map(|(thread, _)| thread.received_us).min()?;
        let known = self.rows.get(&id).map(|row| (row.number, row.created_us)).or(inherited);
        let (summary, first) = (summary(&sources), sources.first()?.0);
        let (name, key) = (source_name(first), first.key());
        let judged = self.judged(sources.iter().map(|(thread, _)| *thread));
        let (number, created_us) = known.unwrap_or_else(|| {
            self.number += 1;
            (self.number, received_us)
        });
        let work = sum_up(&self.entries_of(id));
        self.change += 1;
        let mut row = IncidentRow {
            id,
            number,
            change: self.change,
            created_us,
            updated_us: now_us,
            summary,
            work,
            level: Level::Low,
            level_why: None,
            due_us: None,
        };
        self.judge(&mut row, judged);
        let keys = self.firsts.entry(name).or_default();
        keys.insert(key);
        let many = keys.range((key.0 - WINDOW_US, Uuid::nil())..key).nth(CHATTER - 1).is_some();
        row.summary.suppressed = (many && row.level <= Level::Medium).then(|| "chatter".to_owned());
        self.rows.insert(id, row.clone());
        Some(row)
    }

    /// How urgent sources are, and by which rule.
    pub(super) fn judged<'a>(&self, threads: impl Iterator<Item = &'a Thread> + Clone) -> (Level, Option<String>) {
        level(threads, &self.settings.severity_rules, self.settings.utc_offset_min)
    }

    /// How urgent it is, all considered, and when it is due.
    pub(super) fn judge(&self, row: &mut IncidentRow, by_sources: (Level, Option<String>)) {
        (row.level, row.level_why) = match &row.work.severity {
            Some((level, reason)) => (*level, Some(reason.clone())),
            None => by_sources,
        };
        let runs = deadline(&row.work, row.created_us, row.level, &self.settings.deadlines);
        row.due_us = match &row.work.shelved {
            Some(shelved) => Some(shelved.until_us),
            None => runs.and_then(|deadline| deadline.escalate_us),
        };
    }

    fn first(&self, id: Uuid) -> Option<(SourceName, Key)> {
        let (thread, _) = self.engine.thread(id)?;
        Some((source_name(thread), thread.key()))
    }

    fn note_first(&mut self, id: Uuid) {
        if let Some((name, key)) = self.first(id) {
            self.firsts.entry(name).or_default().insert(key);
        }
    }

    fn forget_first(&mut self, row: &IncidentRow) {
        if let Some((name, key)) = self.first(row.id) {
            self.firsts.entry(name).or_default().remove(&key);
        }
    }

    /// The threads that name an incident, now and when it was resolved before: what they found takes nothing more.
    pub(super) fn founders(&self, incident: Uuid) -> Vec<Uuid> {
        let sources = self.engine.sources(incident);
        let founds = |link: &Option<&Link>| link.is_none();
        let mut founders: Vec<Uuid> =
            sources.iter().filter(|(_, link)| founds(link)).map(|(thread, _)| thread.id).collect();
        // What was resolved under another name is meant too.
        let resolved = self.entries_of(incident).into_iter().flat_map(|entry| match entry.step {
            Step::Resolve { founders, .. } | Step::Close { founders, .. } => founders,
            _ => Vec::new(),
        });
        founders.extend(resolved);
        founders.push(incident);
        founders.sort_unstable();
        founders.dedup();
        founders
    }

    /// Lets go of what is long over, of the steps on it too: they are in the store.
    pub(super) fn forget(&mut self) {
        let newest_us = self.rows.values().map(|row| row.summary.last_us).max().unwrap_or(0);
        let from_us = (newest_us - LIVE_US).max(self.crowded_out_us(LIVE_SOURCES_MAX));
        self.engine.forget_before(from_us);
        let live = self.engine.incidents();
        self.rows.retain(|id, _| live.contains(id));
        self.entries.retain(|about, _| self.engine.thread(*about).is_some());
        for keys in self.firsts.values_mut() {
            keys.retain(|(begin_us, _)| *begin_us >= from_us);
        }
        self.firsts.retain(|_, keys| !keys.is_empty());
        // Where little could be let go it is not tried again with each event.
        self.crowded_from = LIVE_SOURCES_MAX.max(self.engine.len() + LIVE_SOURCES_MAX / 8);
    }

    /// Whether there are more sources than are to be held: a busy hub takes thousands of them in a step.
    pub(super) fn is_crowded(&self) -> bool {
        self.engine.len() > self.crowded_from
    }

    /// Before which time incidents are let go where there are more sources than `most`: then three quarters of it stay, so
    /// that this is not done with each event.
    pub(super) fn crowded_out_us(&self, most: usize) -> i64 {
        if self.engine.len() <= most {
            return i64::MIN;
        }
        let mut signs: Vec<(i64, usize)> =
            self.rows.values().map(|row| (row.summary.last_us, row.summary.sources)).collect();
        signs.sort_unstable_by_key(|(last_us, _)| std::cmp::Reverse(*last_us));
        let mut kept = 0;
        let first_out = signs.iter().find(|(_, sources)| {
            kept += sources;
            kept > most / 4 * 3
        });
        first_out.map_or(i64::MIN, |(last_us, _)| last_us + 1)
    }
}
