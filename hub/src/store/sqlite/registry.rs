//! Statements about departments, join tokens, gateways, cameras and kinds.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};
use yiwang_wire::event::KindDescriptor;

use super::events::{severity_from, severity_number};
use super::{changed, exists, int, need_department, unsigned};
use crate::store::*;

/// Cameras kept of one gateway, those it no longer names included; above it the ones not seen longest go.
const MAX_CAMERAS_KEPT: usize = 4 * yiwang_wire::limits::MAX_CAMERAS;

pub(super) fn ensure_department(tx: &Transaction<'_>, id: &str, now_us: i64) -> StoreResult<bool> {
    let new = tx.execute("INSERT OR IGNORE INTO departments VALUES (?1, ?2)", params![id, now_us])? == 1;
    if new {
        changed(tx)?;
    }
    Ok(new)
}

pub(super) fn departments(connection: &Connection) -> StoreResult<Vec<Department>> {
    let mut statement = connection.prepare_cached("SELECT id, created_us FROM departments ORDER BY id")?;
    let rows = statement.query_map([], |row| Ok(Department { id: row.get(0)?, created_us: row.get(1)? }))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn add_join_token(tx: &Transaction<'_>, token: &NewJoinToken, now_us: i64) -> StoreResult<()> {
    need_department(tx, &token.department)?;
    tx.execute(
        "INSERT INTO join_tokens (hash, department, created_us, expires_us) VALUES (?1, ?2, ?3, ?4)",
        params![token.hash, token.department, now_us, token.expires_us],
    )?;
    changed(tx)
}

pub(super) fn take_join_token(
    tx: &Transaction<'_>,
    hash: &Hash,
    gateway: &str,
    now_us: i64,
) -> StoreResult<TakenToken> {
    let found: Option<(String, i64, Option<String>)> = tx
        .query_row("SELECT department, expires_us, used_by FROM join_tokens WHERE hash = ?1", params![hash], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .optional()?;
    let Some((department, expires_us, used_by)) = found else { return Ok(TakenToken::Unknown) };
    if used_by.is_some() {
        return Ok(TakenToken::Used);
    }
    if expires_us <= now_us {
        return Ok(TakenToken::Expired);
    }
    tx.execute("UPDATE join_tokens SET used_by = ?2, used_us = ?3 WHERE hash = ?1", params![hash, gateway, now_us])?;
    changed(tx)?;
    Ok(TakenToken::Department(department))
}

pub(super) fn join_tokens(connection: &Connection) -> StoreResult<Vec<JoinToken>> {
    let mut statement = connection.prepare_cached(
        "SELECT lower(substr(hex(hash), 1, 8)), department, created_us, expires_us, used_by FROM join_tokens
         ORDER BY created_us DESC",
    )?;
    let rows = statement.query_map([], |row| {
        Ok(JoinToken {
            short: row.get(0)?,
            department: row.get(1)?,
            created_us: row.get(2)?,
            expires_us: row.get(3)?,
            used_by: row.get(4)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn add_gateway(tx: &Transaction<'_>, gateway: &NewGateway, now_us: i64) -> StoreResult<()> {
    need_department(tx, &gateway.department)?;
    if exists(tx, "SELECT 1 FROM gateways WHERE id = ?1", &gateway.id)? {
        return Err(StoreError::Exists { what: "gateway", name: gateway.id.clone() });
    }
    tx.execute(
        "INSERT INTO gateways (id, name, department, joined_us, certificate_ends_us) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![gateway.id, gateway.name, gateway.department, now_us, gateway.certificate_ends_us],
    )?;
    changed(tx)
}

const GATEWAY: &str = "SELECT id, name, department, joined_us, revoked_us, certificate_ends_us, last_contact_us,
    software, config_revision, epoch FROM gateways";

fn gateway_from(row: &Row<'_>) -> rusqlite::Result<Gateway> {
    Ok(Gateway {
        id: row.get(0)?,
        name: row.get(1)?,
        department: row.get(2)?,
        joined_us: row.get(3)?,
        revoked_us: row.get(4)?,
        certificate_ends_us: row.get(5)?,
        last_contact_us: row.get(6)?,
        software: row.get(7)?,
        config_revision: row.get(8)?,
        epoch: unsigned(row.get(9)?),
    })
}

pub(super) fn gateway(connection: &Connection, id: &str) -> StoreResult<Option<Gateway>> {
    let mut statement = connection.prepare_cached(&format!("{GATEWAY} WHERE id = ?1"))?;
    Ok(statement.query_row(params![id], gateway_from).optional()?)
}

pub(super) fn gateways(connection: &Connection) -> StoreResult<Vec<Gateway>> {
    let mut statement = connection.prepare_cached(&format!("{GATEWAY} ORDER BY department, id"))?;
    let rows = statement.query_map([], gateway_from)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn need_gateway(tx: &Transaction<'_>, id: &str) -> StoreResult<()> {
    if exists(tx, "SELECT 1 FROM gateways WHERE id = ?1", id)? {
        return Ok(());
    }
    Err(StoreError::Unknown { what: "gateway", name: id.into() })
}

pub(super) fn revoke_gateway(tx: &Transaction<'_>, id: &str, now_us: i64) -> StoreResult<bool> {
    need_gateway(tx, id)?;
    let new =
        tx.execute("UPDATE gateways SET revoked_us = ?2 WHERE id = ?1 AND revoked_us IS NULL", params![id, now_us])?;
    if new == 1 {
        changed(tx)?;
    }
    Ok(new == 1)
}

pub(super) fn set_certificate_end(tx: &Transaction<'_>, id: &str, ends_us: i64) -> StoreResult<()> {
    need_gateway(tx, id)?;
    tx.execute("UPDATE gateways SET certificate_ends_us = ?2 WHERE id = ?1", params![id, ends_us])?;
    changed(tx)
}

pub(super) fn set_hello(tx: &Transaction<'_>, id: &str, hello: &Hello, now_us: i64) -> StoreResult<()> {
    need_gateway(tx, id)?;
    tx.execute(
        "UPDATE gateways SET software = ?2, config_revision = ?3, epoch = ?4,
         last_contact_us = max(ifnull(last_contact_us, ?5), ?5) WHERE id = ?1",
        params![id, hello.software, hello.config_revision, int(hello.epoch), now_us],
    )?;
    tx.execute("UPDATE cameras SET present = 0 WHERE gateway = ?1", params![id])?;
    let mut upsert = tx.prepare_cached(
        "INSERT INTO cameras (gateway, id, name, longitude, latitude, heading_deg, field_of_view_deg, present, seen_us)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 1, ?8)
         ON CONFLICT (gateway, id) DO UPDATE SET name = excluded.name, longitude = excluded.longitude,
             latitude = excluded.latitude, heading_deg = excluded.heading_deg,
             field_of_view_deg = excluded.field_of_view_deg, present = 1, seen_us = excluded.seen_us",
    )?;
    for camera in &hello.cameras {
        let (longitude, latitude) = camera.place.unzip();
        upsert.execute(params![
            id,
            camera.id,
            camera.name,
            longitude,
            latitude,
            camera.heading_deg,
            camera.field_of_view_deg,
            now_us
        ])?;
    }
    forget_old_cameras(tx, id)?;
    changed(tx)
}

/// A gateway that invents new cameras in every hello must not fill the disk.
fn forget_old_cameras(tx: &Transaction<'_>, gateway: &str) -> StoreResult<()> {
    let gone = tx.execute(
        "DELETE FROM cameras WHERE gateway = ?1 AND present = 0 AND id NOT IN (
             SELECT id FROM cameras WHERE gateway = ?1 ORDER BY present DESC, seen_us DESC LIMIT ?2)",
        params![gateway, MAX_CAMERAS_KEPT as i64],
    )?;
    if gone > 0 {
        tx.execute(
            "DELETE FROM gaps WHERE gateway = ?1 AND camera NOT IN (SELECT id FROM cameras WHERE gateway = ?1)",
            params![gateway],
        )?;
    }
    Ok(())
}

pub(super) fn set_last_contact(tx: &Transaction<'_>, contacts: &[(String, i64)]) -> StoreResult<()> {
    let mut update = tx.prepare_cached(
        "UPDATE gateways SET last_contact_us = ?2 WHERE id = ?1 AND ifnull(last_contact_us, ?2 - 1) < ?2",
    )?;
    for (gateway, at_us) in contacts {
        update.execute(params![gateway, at_us])?;
    }
    Ok(())
}

pub(super) fn camera_counts(connection: &Connection) -> StoreResult<HashMap<String, usize>> {
    let mut statement =
        connection.prepare_cached("SELECT gateway, count(*) FROM cameras WHERE present = 1 GROUP BY gateway")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, usize::try_from(row.get::<_, i64>(1)?).unwrap_or(0))))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn cameras(connection: &Connection) -> StoreResult<Vec<Camera>> {
    let mut statement = connection.prepare_cached(
        "SELECT c.gateway, g.department, c.id, c.name, c.longitude, c.latitude, c.heading_deg, c.field_of_view_deg,
         c.present, c.complete_to_us, c.last_event_us
         FROM cameras c JOIN gateways g ON g.id = c.gateway ORDER BY c.gateway, c.id",
    )?;
    let rows = statement.query_map([], |row| {
        let place: (Option<f64>, Option<f64>) = (row.get(4)?, row.get(5)?);
        Ok(Camera {
            gateway: row.get(0)?,
            department: row.get(1)?,
            info: CameraInfo {
                id: row.get(2)?,
                name: row.get(3)?,
                place: place.0.zip(place.1),
                heading_deg: row.get(6)?,
                field_of_view_deg: row.get(7)?,
            },
            present: row.get(8)?,
            complete_to_us: row.get(9)?,
            gaps: Vec::new(),
            last_event_us: row.get(10)?,
        })
    })?;
    let mut cameras: Vec<Camera> = rows.collect::<Result<_, _>>()?;
    let mut statement = connection
        .prepare_cached("SELECT gateway, camera, from_us, to_us, reason FROM gaps ORDER BY gateway, camera, from_us")?;
    let mut rows = statement.query([])?;
    // Both lists are in the same order, so one walk puts each gap to its camera.
    let mut at = 0;
    while let Some(row) = rows.next()? {
        let (gateway, camera): (String, String) = (row.get(0)?, row.get(1)?);
        while at < cameras.len() && (&cameras[at].gateway, &cameras[at].info.id) < (&gateway, &camera) {
            at += 1;
        }
        if let Some(found) = cameras.get_mut(at).filter(|c| c.gateway == gateway && c.info.id == camera) {
            found.gaps.push(Gap { from_us: row.get(2)?, to_us: row.get(3)?, reason: row.get(4)? });
        }
    }
    Ok(cameras)
}

pub(super) fn set_watermarks(tx: &Transaction<'_>, gateway: &str, watermarks: &[CameraWatermark]) -> StoreResult<()> {
    let mut raise = tx.prepare_cached(
        "UPDATE cameras SET complete_to_us = max(ifnull(complete_to_us, ?3), ?3) WHERE gateway = ?1 AND id = ?2",
    )?;
    let mut before = tx.prepare_cached("SELECT complete_to_us FROM cameras WHERE gateway = ?1 AND id = ?2")?;
    for watermark in watermarks {
        let camera = &watermark.camera;
        let complete_us: Option<Option<i64>> =
            before.query_row(params![gateway, camera], |row| row.get(0)).optional()?;
        let Some(complete_us) = complete_us else { continue };
        raise.execute(params![gateway, camera, watermark.complete_to_us])?;
        let mut gaps = watermark.gaps.clone();
        if let (Some(from_us), Some(to_us)) = (complete_us, watermark.complete_from_us)
            && from_us < to_us
        {
            gaps.push(Gap { from_us, to_us, reason: NOT_RUNNING.into() });
        }
        if !gaps.is_empty() {
            set_gaps(tx, gateway, camera, &gaps)?;
        }
    }
    Ok(())
}

fn set_gaps(tx: &Transaction<'_>, gateway: &str, camera: &str, gaps: &[Gap]) -> StoreResult<()> {
    let mut statement = tx.prepare_cached(
        "SELECT from_us, to_us, reason FROM gaps WHERE gateway = ?1 AND camera = ?2 ORDER BY from_us",
    )?;
    let rows = statement.query_map(params![gateway, camera], |row| {
        Ok(Gap { from_us: row.get(0)?, to_us: row.get(1)?, reason: row.get(2)? })
    })?;
    let known: Vec<Gap> = rows.collect::<Result<_, _>>()?;
    let united = crate::store::gaps::unite(&known, gaps);
    if united == known {
        return Ok(());
    }
    tx.execute("DELETE FROM gaps WHERE gateway = ?1 AND camera = ?2", params![gateway, camera])?;
    let mut insert = tx.prepare_cached("INSERT INTO gaps VALUES (?1, ?2, ?3, ?4, ?5)")?;
    for gap in &united {
        insert.execute(params![gateway, camera, gap.from_us, gap.to_us, gap.reason])?;
    }
    Ok(())
}

pub(super) fn upsert_kinds(tx: &Transaction<'_>, new: &[KindDescriptor]) -> StoreResult<()> {
    let known = kinds(tx)?;
    let mut count = known.len();
    let mut any = false;
    for kind in new {
        let before = known.iter().find(|k| k.kind == kind.kind);
        if before == Some(kind) || (before.is_none() && count >= MAX_KINDS_KEPT) {
            continue;
        }
        count += usize::from(before.is_none());
        any = true;
        tx.execute(
            "INSERT OR REPLACE INTO kinds VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                kind.kind,
                kind.label_zh,
                kind.label_en,
                severity_number(kind.severity),
                kind.merge_family,
                kind.momentary
            ],
        )?;
    }
    if any { changed(tx) } else { Ok(()) }
}

pub(super) fn kinds(connection: &Connection) -> StoreResult<Vec<KindDescriptor>> {
    let mut statement = connection.prepare_cached(
        "SELECT kind, label_zh, label_en, severity, merge_family, momentary FROM kinds ORDER BY kind",
    )?;
    let rows = statement.query_map([], |row| {
        Ok(KindDescriptor {
            kind: row.get(0)?,
            label_zh: row.get(1)?,
            label_en: row.get(2)?,
            severity: severity_from(row.get(3)?),
            merge_family: row.get(4)?,
            momentary: row.get(5)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
