//! Statements about incidents and their sources.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params, params_from_iter};
use uuid::Uuid;

use crate::merge::Level;
use crate::store::*;
use crate::work::State;
use crate::work::findings::Judged;
use crate::work::handover::Handover;

/// Incidents whose texts a search looks through, the newest of the time that was asked for.
const WORDS_LOOKED_FOR_IN: usize = 50_000;
/// Incidents that one call of `retain` removes.
const RETAIN_STEP: i64 = 2_000;

pub(super) fn write(tx: &Transaction<'_>, writes: &IncidentWrites) -> StoreResult<()> {
    if writes.is_empty() {
        return Ok(());
    }
    let mut source = tx.prepare_cached("INSERT OR REPLACE INTO sources VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?;
    for (incident, one) in &writes.sources {
        let thread = &one.thread;
        source.execute(params![
            thread.id.as_bytes(),
            thread.event.as_bytes(),
            incident.as_bytes(),
            thread.department,
            thread.gateway,
            thread.camera,
            thread.begin_us,
            json(one)?,
        ])?;
    }
    for (id, into, change) in &writes.gone {
        tx.execute("DELETE FROM incidents WHERE id = ?1", params![id.as_bytes()])?;
        former(tx, id)?;
        tx.execute(
            "INSERT OR REPLACE INTO incidents_gone VALUES (?1, ?2, ?3)",
            params![id.as_bytes(), into.as_ref().map(Uuid::as_bytes), change],
        )?;
    }
    for row in &writes.rows {
        write_row(tx, row)?;
    }
    for one in &writes.handovers {
        tx.prepare_cached("INSERT OR REPLACE INTO handovers VALUES (?1, ?2, ?3)")?.execute(params![
            one.id,
            one.department,
            json(one)?
        ])?;
    }
    Ok(())
}

fn write_row(tx: &Transaction<'_>, row: &IncidentRow) -> StoreResult<()> {
    let id = row.id.as_bytes();
    tx.prepare_cached(
        "INSERT OR REPLACE INTO incidents VALUES
         (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
    )?
    .execute(params![
        id,
        row.number,
        row.change,
        row.work.state == State::Closed,
        row.level as i64,
        row.level_why,
        row.summary.begin_us,
        row.summary.last_us,
        row.created_us,
        row.updated_us,
        row.due_us,
        row.summary.position.map(|p| p.0),
        row.summary.position.map(|p| p.1),
        json(&row.summary)?,
        json(&row.work)?,
        text(row),
    ])?;
    tx.prepare_cached("DELETE FROM incidents_gone WHERE id = ?1")?.execute(params![id])?;
    former(tx, &row.id)?;
    let mut add = tx.prepare_cached("INSERT OR IGNORE INTO incident_departments VALUES (?1, ?2, ?3)")?;
    for department in &row.summary.departments {
        add.execute(params![department, id, false])?;
    }
    for task in &row.work.tasks {
        add.execute(params![task.department, id, true])?;
    }
    Ok(())
}

/// Those who could see it are remembered: their pages are told that it is no more.
fn former(tx: &Transaction<'_>, id: &Uuid) -> StoreResult<()> {
    tx.prepare_cached("UPDATE OR REPLACE incident_departments SET tasked = 2 WHERE incident = ?1 AND tasked < 2")?
        .execute(params![id.as_bytes()])?;
    Ok(())
}

pub(super) fn departments_of(connection: &Connection, incident: Uuid) -> StoreResult<Vec<String>> {
    let mut statement =
        connection.prepare_cached("SELECT DISTINCT department FROM incident_departments WHERE incident = ?1")?;
    let rows = statement.query_map(params![incident.as_bytes()], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What the search looks in.
fn text(row: &IncidentRow) -> String {
    let summary = &row.summary;
    let parts =
        [format!("#{}", row.number), summary.places.join("\n"), summary.kinds.join("\n"), row.work.text.clone()];
    parts.join("\n").to_lowercase()
}

fn json<T: serde::Serialize>(value: &T) -> StoreResult<String> {
    serde_json::to_string(value)
        .map_err(|source| StoreError::Storage { operation: "write JSON", source: Box::new(source) })
}

fn read<T: serde::de::DeserializeOwned>(text: &str, what: &str) -> StoreResult<T> {
    serde_json::from_str(text).map_err(|error| StoreError::Corrupt { what: format!("{what}: {error}") })
}

pub(super) fn uuid(row: &Row<'_>, index: usize) -> StoreResult<Uuid> {
    let bytes: Vec<u8> = row.get(index)?;
    Uuid::from_slice(&bytes).map_err(|_| StoreError::Corrupt { what: "an incident's name".into() })
}

const ROW: &str = "id, number, change, level, level_why, created_us, updated_us, due_us, summary, work";

fn row_from(row: &Row<'_>) -> StoreResult<IncidentRow> {
    let level: usize = usize::try_from(row.get::<_, i64>(3)?).unwrap_or(0);
    Ok(IncidentRow {
        id: uuid(row, 0)?,
        number: row.get(1)?,
        change: row.get(2)?,
        level: Level::ALL.get(level).copied().unwrap_or(Level::Urgent),
        level_why: row.get(4)?,
        created_us: row.get(5)?,
        updated_us: row.get(6)?,
        due_us: row.get(7)?,
        summary: read(&row.get::<_, String>(8)?, "an incident's summary")?,
        work: read(&row.get::<_, String>(9)?, "an incident's work")?,
    })
}

fn rows(connection: &Connection, sql: &str, values: Vec<Value>) -> StoreResult<Vec<IncidentRow>> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params_from_iter(values))?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        all.push(row_from(row)?);
    }
    Ok(all)
}

pub(super) fn incident(connection: &Connection, id: Uuid) -> StoreResult<Option<IncidentRow>> {
    let named: Option<Vec<u8>> = connection
        .prepare_cached("SELECT incident FROM sources WHERE id = ?1")?
        .query_row(params![id.as_bytes()], |row| row.get(0))
        .optional()?;
    let name = named.unwrap_or_else(|| id.as_bytes().to_vec());
    let found = rows(connection, &format!("SELECT {ROW} FROM incidents WHERE id = ?"), vec![Value::Blob(name)])?;
    Ok(found.into_iter().next())
}

pub(super) fn sources(connection: &Connection, incident: Uuid) -> StoreResult<Vec<Source>> {
    let mut statement =
        connection.prepare_cached("SELECT body FROM sources WHERE incident = ?1 ORDER BY begin_us, id")?;
    let mut rows = statement.query(params![incident.as_bytes()])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        all.push(read(&row.get::<_, String>(0)?, "a source")?);
    }
    Ok(all)
}

pub(super) fn list(connection: &Connection, query: &IncidentQuery) -> StoreResult<Vec<IncidentRow>> {
    let mut conditions = Vec::new();
    let mut values = Vec::new();
    let mut with = |condition: String, new: Vec<Value>| {
        conditions.push(condition);
        values.extend(new);
    };
    if !query.closed {
        with("closed = 0".into(), vec![]);
    }
    if let Scope::Departments(ids) = &query.scope {
        let marks = vec!["?"; ids.len()].join(", ");
        let mut of: Vec<Value> = ids.iter().map(|id| Value::Text(id.clone())).collect();
        of.push(Value::Text(query.dispatched_to.clone()));
        with(
            format!(
                "id IN (SELECT incident FROM incident_departments
                 WHERE (tasked = 0 AND department IN ({marks})) OR (tasked = 1 AND department = ?))"
            ),
            of,
        );
    }
    if let Some(from_us) = query.from_us {
        with("begin_us >= ?".into(), vec![Value::Integer(from_us)]);
    }
    if let Some(to_us) = query.to_us {
        with("begin_us < ?".into(), vec![Value::Integer(to_us)]);
    }
    if let Some(bbox) = query.bbox {
        let [west, south, east, north] = bbox.map(Value::Real);
        with("longitude BETWEEN ? AND ? AND latitude BETWEEN ? AND ?".into(), vec![west, east, south, north]);
    }
    if !query.words.is_empty() {
        // Texts have no index: words are looked for in so many of the newest, whatever there is before.
        with(
            format!(
                "begin_us >= ifnull((SELECT begin_us FROM incidents WHERE begin_us < ? ORDER BY begin_us DESC
                 LIMIT 1 OFFSET {WORDS_LOOKED_FOR_IN}), {})",
                i64::MIN + 1
            ),
            vec![Value::Integer(query.to_us.unwrap_or(i64::MAX))],
        );
    }
    for word in &query.words {
        let like: String = word.to_lowercase().chars().flat_map(escaped).collect();
        with(r"text LIKE ? ESCAPE '\'".into(), vec![Value::Text(format!("%{like}%"))]);
    }
    if let Some((begin_us, id)) = query.after {
        with("(begin_us, id) < (?, ?)".into(), vec![Value::Integer(begin_us), Value::Blob(id.as_bytes().to_vec())]);
    }
    let filter = if conditions.is_empty() { String::new() } else { format!("WHERE {}", conditions.join(" AND ")) };
    let sql = format!("SELECT {ROW} FROM incidents {filter} ORDER BY begin_us DESC, id DESC LIMIT {}", query.limit);
    rows(connection, &sql, values)
}

/// What `LIKE` would take for a pattern stands for itself.
fn escaped(c: char) -> impl Iterator<Item = char> {
    matches!(c, '%' | '_' | '\\').then_some('\\').into_iter().chain([c])
}

pub(super) fn changes(connection: &Connection, after: i64, limit: usize) -> StoreResult<Vec<IncidentChange>> {
    let sql = format!("SELECT {ROW} FROM incidents WHERE change > ? ORDER BY change LIMIT {limit}");
    let mut all: Vec<IncidentChange> = rows(connection, &sql, vec![Value::Integer(after)])?
        .into_iter()
        .map(|row| IncidentChange::Row(Box::new(row)))
        .collect();
    let mut statement = connection
        .prepare_cached("SELECT id, into_id, change FROM incidents_gone WHERE change > ?1 ORDER BY change LIMIT ?2")?;
    let mut gone = statement.query(params![after, i64::try_from(limit).unwrap_or(i64::MAX)])?;
    while let Some(row) = gone.next()? {
        let into: Option<Vec<u8>> = row.get(1)?;
        let into = into.and_then(|bytes| Uuid::from_slice(&bytes).ok());
        all.push(IncidentChange::Gone { id: uuid(row, 0)?, into, change: row.get(2)? });
    }
    all.sort_by_key(IncidentChange::change);
    all.truncate(limit);
    Ok(all)
}

pub(super) fn newest(connection: &Connection) -> StoreResult<(i64, i64, i64)> {
    Ok(connection.query_row(
        "SELECT max(ifnull((SELECT max(change) FROM incidents), 0), ifnull((SELECT max(change) FROM incidents_gone), 0)),
         ifnull((SELECT max(number) FROM incidents), 0), ifnull((SELECT max(last_us) FROM incidents), 0)",
        [],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )?)
}

pub(super) fn live(connection: &Connection, since_us: i64) -> StoreResult<Vec<(IncidentRow, Vec<Source>)>> {
    let sql = format!("SELECT {ROW} FROM incidents WHERE last_us >= ?");
    let live = rows(connection, &sql, vec![Value::Integer(since_us)])?;
    live.into_iter().map(|row| sources(connection, row.id).map(|sources| (row, sources))).collect()
}

pub(super) fn due(connection: &Connection, now_us: i64, limit: usize) -> StoreResult<Vec<Uuid>> {
    let mut statement =
        connection.prepare_cached("SELECT id FROM incidents WHERE due_us <= ?1 ORDER BY due_us LIMIT ?2")?;
    let mut rows = statement.query(params![now_us, i64::try_from(limit).unwrap_or(i64::MAX)])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        all.push(uuid(row, 0)?);
    }
    Ok(all)
}

pub(super) fn retain(tx: &Transaction<'_>, before_us: i64) -> StoreResult<usize> {
    let of = "SELECT id FROM incidents WHERE last_us < ?1 ORDER BY last_us LIMIT ?2";
    let both = params![before_us, RETAIN_STEP];
    tx.execute(&format!("DELETE FROM sources WHERE incident IN ({of})"), both)?;
    tx.execute(&format!("DELETE FROM incident_departments WHERE incident IN ({of})"), both)?;
    Ok(tx.execute(&format!("DELETE FROM incidents WHERE id IN ({of})"), both)?)
}

pub(super) fn of_camera(
    connection: &Connection,
    gateway: &str,
    camera: &str,
    since_us: i64,
    limit: usize,
) -> StoreResult<Vec<Uuid>> {
    let mut statement = connection.prepare_cached(
        "SELECT incident FROM sources WHERE gateway = ?1 AND camera = ?2 AND begin_us >= ?3
         ORDER BY begin_us DESC LIMIT ?4",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = statement.query(params![gateway, camera, since_us, limit])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        all.push(uuid(row, 0)?);
    }
    Ok(all)
}

pub(super) fn judged(
    connection: &Connection,
    camera: Option<(&str, &str)>,
    since_us: i64,
    limit: usize,
) -> StoreResult<Vec<Judged>> {
    const COLUMNS: &str = "i.id, i.number, json_extract(i.work, '$.finding'), s.body";
    let (sql, mut values) = match camera {
        None => (
            format!(
                "SELECT {COLUMNS} FROM incidents i JOIN sources s ON s.incident = i.id
                 WHERE i.closed = 1 AND i.begin_us >= ? ORDER BY i.begin_us DESC LIMIT ?"
            ),
            vec![],
        ),
        Some((gateway, camera)) => (
            format!(
                "SELECT {COLUMNS} FROM sources s JOIN incidents i ON i.id = s.incident
                 WHERE s.gateway = ? AND s.camera = ? AND s.begin_us >= ? ORDER BY s.begin_us DESC LIMIT ?"
            ),
            vec![Value::Text(gateway.to_owned()), Value::Text(camera.to_owned())],
        ),
    };
    values.extend([Value::Integer(since_us), Value::Integer(i64::try_from(limit).unwrap_or(i64::MAX))]);
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(values))?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let finding: Option<String> = row.get(2)?;
        let source: Source = read(&row.get::<_, String>(3)?, "a source")?;
        all.push(Judged {
            incident: uuid(row, 0)?,
            number: row.get(1)?,
            finding: finding.map(|text| read(&format!("\"{text}\""), "a finding")).transpose()?,
            thread: source.thread,
        });
    }
    Ok(all)
}

pub(super) fn handovers(
    connection: &Connection,
    department: &str,
    before: i64,
    limit: usize,
) -> StoreResult<Vec<Handover>> {
    let mut statement = connection
        .prepare_cached("SELECT body FROM handovers WHERE department = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3")?;
    let mut rows = statement.query(params![department, before, i64::try_from(limit).unwrap_or(i64::MAX)])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        all.push(read(&row.get::<_, String>(0)?, "a hand-over")?);
    }
    Ok(all)
}
