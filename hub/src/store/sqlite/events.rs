//! Statements about the index of events. Every filtered page walks one index in its order and stops at the page's end;
//! a test reads SQLite's plan for each.

use std::sync::Arc;

use rusqlite::types::Value;
use rusqlite::{Connection, Row, Transaction, params, params_from_iter};
use uuid::Uuid;
use yiwang_wire::codec::{decode_record, encode_record};
use yiwang_wire::event::{Phase, Record, Severity};

use super::{int, raise, unsigned};
use crate::store::*;

/// Events that one call of `retain` removes.
const RETAIN_STEP: i64 = 10_000;
/// Up to so many departments each have their own walk; above it one walk through time serves them all.
const MAX_WALKS: usize = 16;

pub(super) fn index(tx: &Transaction<'_>, events: &[Arc<StoredEvent>], applied_position: u64) -> StoreResult<()> {
    // A position that is there already is the same event: the log is applied again.
    let mut insert = tx.prepare_cached(
        "INSERT OR IGNORE INTO events (position, id, gateway, camera, department, kind, severity, phase, captured_us,
         received_us, backfilled, camera_name, longitude, latitude, record)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
    )?;
    let mut newest = tx.prepare_cached(
        "UPDATE cameras SET last_event_us = ?3 WHERE gateway = ?1 AND id = ?2 AND ifnull(last_event_us, ?3 - 1) < ?3",
    )?;
    let forgotten = super::meta(tx, "forgotten")?;
    let mut new = Vec::new();
    for stored in events.iter().filter(|e| e.position > forgotten) {
        let event = &stored.event;
        let (longitude, latitude) = stored.place.unzip();
        let record = Record { epoch: stored.epoch, sequence: stored.sequence, event: event.clone() };
        let added = insert.execute(params![
            int(stored.position),
            event.id.as_bytes(),
            &*stored.gateway,
            event.camera,
            &*stored.department,
            event.kind,
            severity_number(event.severity),
            phase_number(event.phase),
            event.captured_us,
            stored.received_us,
            stored.backfilled,
            stored.camera_name.as_deref(),
            longitude,
            latitude,
            encode_record(&record),
        ])?;
        new.extend((added > 0).then_some(&**stored));
        if let Some(camera) = &event.camera {
            newest.execute(params![&*stored.gateway, camera, event.captured_us])?;
        }
    }
    super::hourly::note(tx, new.into_iter())?;
    raise(tx, "applied", applied_position)
}

pub(super) fn page(connection: &Connection, query: &EventQuery) -> StoreResult<EventPage> {
    let limit = query.limit.clamp(1, MAX_PAGE);
    let mut events = Vec::new();
    for walk in walks(query, limit) {
        let mut statement = connection.prepare_cached(&walk.sql)?;
        let mut rows = statement.query(params_from_iter(walk.values))?;
        while let Some(row) = rows.next()? {
            events.push(stored_from(row)?);
        }
    }
    events.sort_by_key(|e| std::cmp::Reverse((e.event.captured_us, e.position)));
    let more = events.len() > limit;
    events.truncate(limit);
    let next =
        events.last().filter(|_| more).map(|e| PageCursor { captured_us: e.event.captured_us, position: e.position });
    Ok(EventPage { events, next })
}

/// One statement that yields at most one row more than the page, in the page's order.
struct Walk {
    sql: String,
    values: Vec<Value>,
}

fn walks(query: &EventQuery, limit: usize) -> Vec<Walk> {
    let narrow = query.camera.is_some() || query.gateway.is_some() || query.kind.is_some();
    match &query.scope {
        Scope::All => vec![walk(query, &[], limit)],
        Scope::Departments(ids) if ids.is_empty() => Vec::new(),
        Scope::Departments(ids) if narrow || severe(query) || ids.len() > MAX_WALKS => vec![walk(query, ids, limit)],
        Scope::Departments(ids) => ids.iter().map(|id| walk(query, std::slice::from_ref(id), limit)).collect(),
    }
}

fn severe(query: &EventQuery) -> bool {
    matches!(query.severity, Some(Severity::High | Severity::Urgent))
}

fn walk(query: &EventQuery, departments: &[String], limit: usize) -> Walk {
    let mut conditions: Vec<String> = Vec::new();
    let mut values: Vec<Value> = Vec::new();
    let mut with = |condition: &str, new: Vec<Value>| {
        conditions.push(condition.to_owned());
        values.extend(new);
    };
    if !departments.is_empty() {
        let marks = vec!["?"; departments.len()].join(", ");
        with(&format!("department IN ({marks})"), departments.iter().map(|d| Value::Text(d.clone())).collect());
    }
    if let Some((gateway, camera)) = &query.camera {
        with("gateway = ? AND camera = ?", vec![Value::Text(gateway.clone()), Value::Text(camera.clone())]);
    }
    if let Some(gateway) = &query.gateway {
        with("gateway = ?", vec![Value::Text(gateway.clone())]);
    }
    if let Some(kind) = &query.kind {
        with("kind = ?", vec![Value::Text(kind.clone())]);
    }
    if let Some(severity) = query.severity {
        with("severity = ?", vec![Value::Integer(severity_number(severity))]);
    }
    if severe(query) {
        // The partial index's own condition, word for word: only so SQLite sees that it holds.
        with("severity >= 2", vec![]);
    }
    if let Some(phase) = query.phase {
        with("phase = ?", vec![Value::Integer(phase_number(phase))]);
    }
    if let Some(from_us) = query.from_us {
        with("captured_us >= ?", vec![Value::Integer(from_us)]);
    }
    if let Some(to_us) = query.to_us {
        with("captured_us < ?", vec![Value::Integer(to_us)]);
    }
    if let Some(after) = query.after {
        let (captured, position) = (Value::Integer(after.captured_us), Value::Integer(int(after.position)));
        // The first condition bounds the walk, the second takes out its beginning.
        with("captured_us <= ? AND (captured_us < ? OR position < ?)", vec![captured.clone(), captured, position]);
    }
    let index = index_for(query, departments);
    let filter = if conditions.is_empty() { String::new() } else { format!("WHERE {}", conditions.join(" AND ")) };
    let sql = format!(
        "SELECT {COLUMNS} FROM events INDEXED BY {index} {filter} ORDER BY captured_us DESC, position DESC LIMIT {}",
        limit + 1
    );
    Walk { sql, values }
}

/// The narrowest index that has the page's order. Named, so that a plan cannot change behind our back.
fn index_for(query: &EventQuery, departments: &[String]) -> &'static str {
    if query.camera.is_some() {
        "events_camera"
    } else if query.gateway.is_some() {
        "events_gateway"
    } else if query.kind.is_some() {
        "events_kind"
    } else if severe(query) {
        "events_severe"
    } else if departments.len() == 1 {
        "events_department"
    } else {
        "events_time"
    }
}

pub(super) fn event(connection: &Connection, id: Uuid) -> StoreResult<Option<StoredEvent>> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM events WHERE id = ?1 ORDER BY position LIMIT 1"))?;
    let mut rows = statement.query(params![id.as_bytes()])?;
    rows.next()?.map(stored_from).transpose()
}

pub(super) fn events_after(connection: &Connection, position: u64, limit: usize) -> StoreResult<Vec<StoredEvent>> {
    let mut statement = connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM events WHERE position > ?1 ORDER BY position LIMIT ?2"))?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = statement.query(params![int(position), limit])?;
    let mut events = Vec::new();
    while let Some(row) = rows.next()? {
        events.push(stored_from(row)?);
    }
    Ok(events)
}

pub(super) fn retain(tx: &Transaction<'_>, before_us: i64) -> StoreResult<usize> {
    // Oldest positions first, up to the first that stays: what is left is always without holes.
    let mut last_gone: Option<i64> = None;
    {
        let mut statement = tx.prepare_cached("SELECT position, received_us FROM events ORDER BY position LIMIT ?1")?;
        let mut rows = statement.query(params![RETAIN_STEP])?;
        while let Some(row) = rows.next()? {
            if row.get::<_, i64>(1)? >= before_us {
                break;
            }
            last_gone = Some(row.get(0)?);
        }
    }
    let Some(last_gone) = last_gone else { return Ok(0) };
    let gone = tx.execute("DELETE FROM events WHERE position <= ?1", params![last_gone])?;
    raise(tx, "forgotten", unsigned(last_gone))?;
    Ok(gone)
}

pub(super) fn forget_through(tx: &Transaction<'_>, position: u64) -> StoreResult<()> {
    tx.execute("DELETE FROM events WHERE position <= ?1", params![int(position)])?;
    raise(tx, "forgotten", position)?;
    raise(tx, "applied", position)
}

const COLUMNS: &str =
    "position, gateway, department, camera_name, longitude, latitude, received_us, backfilled, record";

fn stored_from(row: &Row<'_>) -> StoreResult<StoredEvent> {
    let position: i64 = row.get(0)?;
    let record =
        decode_record(row.get_ref(8)?.as_blob().map_err(|_| corrupt(position))?).map_err(|_| corrupt(position))?;
    let place: (Option<f64>, Option<f64>) = (row.get(4)?, row.get(5)?);
    Ok(StoredEvent {
        position: unsigned(position),
        gateway: row.get(1)?,
        department: row.get(2)?,
        camera_name: row.get(3)?,
        place: place.0.zip(place.1),
        received_us: row.get(6)?,
        backfilled: row.get(7)?,
        epoch: record.epoch,
        sequence: record.sequence,
        event: record.event,
    })
}

fn corrupt(position: i64) -> StoreError {
    StoreError::Corrupt { what: format!("the event at position {position}") }
}

pub(super) fn severity_number(severity: Severity) -> i64 {
    match severity {
        Severity::Low => 0,
        Severity::Medium => 1,
        Severity::High => 2,
        Severity::Urgent => 3,
    }
}

pub(super) fn severity_from(number: i64) -> Severity {
    match number {
        0 => Severity::Low,
        1 => Severity::Medium,
        2 => Severity::High,
        _ => Severity::Urgent,
    }
}

fn phase_number(phase: Phase) -> i64 {
    match phase {
        Phase::Begin => 0,
        Phase::Update => 1,
        Phase::End => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads SQLite's plan: each page must walk an index in its order, without sorting and without reading the table
    /// from end to end.
    #[test]
    fn every_filtered_page_walks_an_index() {
        let dir = tempfile::tempdir().unwrap();
        let store = crate::store::sqlite::SqliteStore::open(&dir.path().join("store.db")).unwrap();
        let all = EventQuery {
            scope: Scope::All,
            from_us: None,
            to_us: None,
            gateway: None,
            camera: None,
            kind: None,
            severity: None,
            phase: None,
            limit: 100,
            after: None,
        };
        let one = Scope::Departments(vec!["a".into()]);
        let three = Scope::Departments(vec!["a".into(), "b".into(), "c".into()]);
        let many = Scope::Departments((0..40).map(|i| format!("d{i}")).collect());
        let after = Some(PageCursor { captured_us: 5, position: 7 });
        let mut queries = Vec::new();
        for scope in [Scope::All, one, three, many] {
            let base = EventQuery { scope, ..all.clone() };
            queries.push(base.clone());
            queries.push(EventQuery { from_us: Some(1), to_us: Some(2), ..base.clone() });
            queries.push(EventQuery { after, ..base.clone() });
            queries.push(EventQuery { gateway: Some("g".into()), after, ..base.clone() });
            queries.push(EventQuery { camera: Some(("g".into(), "c".into())), from_us: Some(1), ..base.clone() });
            queries.push(EventQuery { kind: Some("k".into()), after, ..base.clone() });
            queries.push(EventQuery { severity: Some(Severity::Urgent), ..base.clone() });
            queries.push(EventQuery { severity: Some(Severity::Low), phase: Some(Phase::Begin), ..base });
        }
        for query in queries {
            for walk in walks(&query, query.limit) {
                let plan = plan(&store, &walk);
                assert!(plan.contains("USING INDEX"), "{query:?}\n{}\n{plan}", walk.sql);
                assert!(!plan.contains("TEMP B-TREE"), "{query:?}\n{}\n{plan}", walk.sql);
                let walks_all = plan.contains("SCAN");
                let free = query.from_us.is_none() && query.after.is_none() && walk.sql.contains("events_time");
                assert_eq!(walks_all, free, "only the unfiltered newest page walks from the end of time: {plan}");
            }
        }
    }

    fn plan(store: &crate::store::sqlite::SqliteStore, walk: &Walk) -> String {
        store
            .read("explain", |connection| {
                let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {}", walk.sql))?;
                let rows = statement.query_map(params_from_iter(walk.values.clone()), |row| row.get::<_, String>(3))?;
                Ok(rows.collect::<Result<Vec<_>, _>>()?.join("\n"))
            })
            .unwrap()
    }
}
