//! Statements about what cameras told of by the hour, and by which words: written with the events, kept when they go.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rusqlite::{Connection, Row, Transaction, params, params_from_iter};
use yiwang_wire::event::Phase;

use crate::store::*;
use crate::work::baseline::{CameraKey, HourCount, hour_of};

/// Hours that one call of `retain` removes.
const RETAIN_HOURS: i64 = 24;

/// Notes events that are new in the index: counting one twice would be counting wrong.
pub(super) fn note<'a>(tx: &Transaction<'_>, new: impl Iterator<Item = &'a StoredEvent>) -> StoreResult<()> {
    let mut counts: BTreeMap<(i64, &str, &str, &str), i64> = BTreeMap::new();
    let mut firsts: BTreeMap<(&str, &str), i64> = BTreeMap::new();
    let mut words: BTreeSet<(&str, &str, &str)> = BTreeSet::new();
    for stored in new.filter(|stored| stored.event.phase == Phase::Begin) {
        let (event, gateway) = (&stored.event, &*stored.gateway);
        let Some(camera) = event.camera.as_deref() else { continue };
        let hour = hour_of(event.captured_us);
        *counts.entry((hour, gateway, camera, &event.kind)).or_default() += 1;
        firsts.entry((gateway, camera)).and_modify(|first| *first = hour.min(*first)).or_insert(hour);
        let told =
            event.rule.as_deref().into_iter().chain(event.subject.as_ref().map(|subject| subject.class.as_str()));
        words.extend(told.map(|word| (gateway, camera, word)));
    }
    let mut count = tx.prepare_cached(
        "INSERT INTO hourly VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO UPDATE SET count = count + excluded.count",
    )?;
    for ((hour, gateway, camera, kind), more) in counts {
        count.execute(params![hour, gateway, camera, kind, more])?;
    }
    let mut first = tx.prepare_cached(
        "INSERT INTO hourly_first VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET hour = min(hour, excluded.hour)",
    )?;
    for ((gateway, camera), hour) in firsts {
        first.execute(params![gateway, camera, hour])?;
    }
    let mut word = tx.prepare_cached("INSERT OR IGNORE INTO told VALUES (?1, ?2, ?3)")?;
    for (gateway, camera, text) in words {
        word.execute(params![gateway, camera, text])?;
    }
    Ok(())
}

fn count_from(row: &Row<'_>) -> rusqlite::Result<HourCount> {
    Ok(HourCount { hour: row.get(0)?, camera: (row.get(1)?, row.get(2)?), kind: row.get(3)?, count: row.get(4)? })
}

pub(super) fn in_hours(connection: &Connection, hours: &[i64]) -> StoreResult<Vec<HourCount>> {
    let marks = vec!["?"; hours.len()].join(", ");
    let sql = format!("SELECT hour, gateway, camera, kind, count FROM hourly WHERE hour IN ({marks})");
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(params_from_iter(hours), count_from)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn of_camera(
    connection: &Connection,
    gateway: &str,
    camera: &str,
    from: i64,
) -> StoreResult<Vec<HourCount>> {
    let mut statement = connection.prepare_cached(
        "SELECT hour, gateway, camera, kind, count FROM hourly WHERE gateway = ?1 AND camera = ?2 AND hour >= ?3",
    )?;
    let rows = statement.query_map(params![gateway, camera, from], count_from)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn firsts(connection: &Connection) -> StoreResult<HashMap<CameraKey, i64>> {
    let mut statement = connection.prepare_cached("SELECT gateway, camera, hour FROM hourly_first")?;
    let rows = statement.query_map([], |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn told(connection: &Connection) -> StoreResult<Vec<(CameraKey, String)>> {
    let mut statement = connection.prepare_cached("SELECT gateway, camera, word FROM told")?;
    let rows = statement.query_map([], |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn retain(tx: &Transaction<'_>, before_hour: i64) -> StoreResult<usize> {
    let oldest: Option<i64> = tx.query_row("SELECT min(hour) FROM hourly", [], |row| row.get(0))?;
    let Some(oldest) = oldest.filter(|oldest| *oldest < before_hour) else { return Ok(0) };
    let to = (oldest + RETAIN_HOURS).min(before_hour);
    Ok(tx.execute("DELETE FROM hourly WHERE hour < ?1", params![to])?)
}
