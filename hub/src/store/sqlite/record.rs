//! Statements about the append-only record, settings and what people said of cameras.

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};
use uuid::Uuid;

use super::changed;
use crate::ledger::{GENESIS, Hash, NewRecord, Record, hash};
use crate::store::*;
use crate::work::{Entry, Step};

/// What steps on incidents begin with.
const INCIDENT: &str = "incident.";

pub(super) fn append(tx: &Transaction<'_>, new: &[NewRecord]) -> StoreResult<Vec<Record>> {
    let newest: Option<(i64, Hash)> = tx
        .query_row("SELECT seq, hash FROM record ORDER BY seq DESC LIMIT 1", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let (mut seq, mut before) = newest.unwrap_or((0, GENESIS));
    let mut insert = tx.prepare_cached("INSERT INTO record VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)")?;
    let mut records = Vec::with_capacity(new.len());
    for new in new {
        seq += 1;
        before = hash(&before, seq, new);
        let NewRecord { at_us, by, department, from, what, about, why, detail } = new;
        insert.execute(params![seq, at_us, by, department, from, what, about, why, detail.to_string(), before])?;
        records.push(Record { seq, new: new.clone(), hash: before });
    }
    Ok(records)
}

const RECORD: &str = "SELECT seq, at_us, by, department, from_address, what, about, why, detail, hash FROM record";

fn record_from(row: &Row<'_>) -> rusqlite::Result<Record> {
    let detail: String = row.get(8)?;
    // What cannot be read back does not fit its hash either: the check tells of it.
    let detail = serde_json::from_str(&detail).unwrap_or(serde_json::Value::String(detail));
    // A hash of another length fits nothing.
    let bytes: Vec<u8> = row.get(9)?;
    let hash = Hash::try_from(bytes.as_slice()).unwrap_or(GENESIS);
    Ok(Record {
        seq: row.get(0)?,
        new: NewRecord {
            at_us: row.get(1)?,
            by: row.get(2)?,
            department: row.get(3)?,
            from: row.get(4)?,
            what: row.get(5)?,
            about: row.get(6)?,
            why: row.get(7)?,
            detail,
        },
        hash,
    })
}

fn records(connection: &Connection, sql: &str, seq: i64, limit: usize) -> StoreResult<Vec<Record>> {
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(params![seq, i64::try_from(limit).unwrap_or(i64::MAX)], record_from)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn before(connection: &Connection, seq: i64, limit: usize) -> StoreResult<Vec<Record>> {
    records(connection, &format!("{RECORD} WHERE seq < ?1 ORDER BY seq DESC LIMIT ?2"), seq, limit)
}

pub(super) fn after(connection: &Connection, seq: i64, limit: usize) -> StoreResult<Vec<Record>> {
    records(connection, &format!("{RECORD} WHERE seq > ?1 ORDER BY seq LIMIT ?2"), seq, limit)
}

fn entry(record: Record) -> Option<Entry> {
    let Record { seq, new, .. } = record;
    let about = Uuid::parse_str(&new.about).ok().filter(|_| new.what.starts_with(INCIDENT))?;
    let step: Step = serde_json::from_value(new.detail).ok()?;
    Some(Entry { seq, at_us: new.at_us, by: new.by, department: new.department, about, step })
}

pub(super) fn entries(connection: &Connection) -> StoreResult<Vec<Entry>> {
    let mut statement = connection.prepare_cached(&format!("{RECORD} WHERE what LIKE 'incident.%' ORDER BY seq"))?;
    let rows = statement.query_map([], record_from)?;
    Ok(rows.collect::<Result<Vec<_>, _>>()?.into_iter().filter_map(entry).collect())
}

pub(super) fn entries_of(connection: &Connection, incident: Uuid) -> StoreResult<Vec<Entry>> {
    let mut names = connection.prepare_cached("SELECT id FROM sources WHERE incident = ?1")?;
    let mut rows = names.query(params![incident.as_bytes()])?;
    let mut of = connection.prepare_cached(&format!("{RECORD} WHERE about = ?1 AND what LIKE 'incident.%'"))?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let name = super::incidents::uuid(row, 0)?.to_string();
        let found = of.query_map(params![name], record_from)?;
        all.extend(found.collect::<Result<Vec<_>, _>>()?.into_iter().filter_map(entry));
    }
    all.sort_by_key(|entry: &Entry| entry.seq);
    Ok(all)
}

pub(super) fn setting(connection: &Connection, name: &str) -> StoreResult<Option<serde_json::Value>> {
    let text: Option<String> = connection
        .query_row("SELECT value FROM settings WHERE name = ?1", params![name], |row| row.get(0))
        .optional()?;
    let read = |text: String| serde_json::from_str(&text);
    text.map(read).transpose().map_err(|error| StoreError::Corrupt { what: format!("the setting {name}: {error}") })
}

pub(super) fn set_setting(tx: &Transaction<'_>, name: &str, value: &serde_json::Value) -> StoreResult<()> {
    tx.execute("INSERT OR REPLACE INTO settings VALUES (?1, ?2)", params![name, value.to_string()])?;
    changed(tx)
}

pub(super) fn registry_entries(connection: &Connection) -> StoreResult<Vec<((String, String), RegistryEntry)>> {
    let mut statement =
        connection.prepare_cached("SELECT gateway, camera, entry FROM camera_registry ORDER BY gateway, camera")?;
    let rows = statement
        .query_map([], |row| Ok(((row.get(0)?, row.get(1)?), row.get::<_, String>(2)?)))?
        .collect::<Result<Vec<((String, String), String)>, _>>()?;
    let read = |(name, text): ((String, String), String)| match serde_json::from_str(&text) {
        Ok(entry) => Ok((name, entry)),
        Err(error) => Err(StoreError::Corrupt { what: format!("the registry of {}/{}: {error}", name.0, name.1) }),
    };
    rows.into_iter().map(read).collect()
}

pub(super) fn set_registry_entry(
    tx: &Transaction<'_>,
    gateway: &str,
    camera: &str,
    entry: &RegistryEntry,
) -> StoreResult<()> {
    let known: Option<i64> = tx
        .query_row("SELECT 1 FROM cameras WHERE gateway = ?1 AND id = ?2", params![gateway, camera], |row| row.get(0))
        .optional()?;
    if known.is_none() {
        return Err(StoreError::Unknown { what: "camera", name: format!("{gateway}/{camera}") });
    }
    let text = serde_json::to_string(entry)
        .map_err(|source| StoreError::Storage { operation: "write JSON", source: Box::new(source) })?;
    tx.execute("INSERT OR REPLACE INTO camera_registry VALUES (?1, ?2, ?3)", params![gateway, camera, text])?;
    changed(tx)
}
