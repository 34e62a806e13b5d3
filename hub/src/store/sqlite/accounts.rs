//! Statements about users, web sessions, feed tokens and grants.

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};

use super::{changed, exists, need_department};
use crate::store::*;

pub(super) fn add_user(tx: &Transaction<'_>, user: &NewUser, now_us: i64) -> StoreResult<()> {
    need_department(tx, &user.department)?;
    if exists(tx, "SELECT 1 FROM users WHERE name = ?1", &user.name)? {
        return Err(StoreError::Exists { what: "user", name: user.name.clone() });
    }
    tx.execute(
        "INSERT INTO users VALUES (?1, ?2, ?3, ?4, ?5)",
        params![user.name, user.password_hash, user.role.as_str(), user.department, now_us],
    )?;
    changed(tx)
}

const USER: &str = "SELECT name, password_hash, role, department, created_us FROM users";

/// A role that cannot be read has the least might.
fn role_from(text: &str) -> Role {
    Role::parse(text).unwrap_or(Role::Department)
}

fn user_from(row: &Row<'_>) -> rusqlite::Result<User> {
    Ok(User {
        name: row.get(0)?,
        password_hash: row.get(1)?,
        role: role_from(&row.get::<_, String>(2)?),
        department: row.get(3)?,
        created_us: row.get(4)?,
    })
}

pub(super) fn user(connection: &Connection, name: &str) -> StoreResult<Option<User>> {
    let mut statement = connection.prepare_cached(&format!("{USER} WHERE name = ?1"))?;
    Ok(statement.query_row(params![name], user_from).optional()?)
}

pub(super) fn users(connection: &Connection) -> StoreResult<Vec<User>> {
    let mut statement = connection.prepare_cached(&format!("{USER} ORDER BY name"))?;
    let rows = statement.query_map([], user_from)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn set_password(tx: &Transaction<'_>, name: &str, password_hash: &str) -> StoreResult<()> {
    let known = tx.execute("UPDATE users SET password_hash = ?2 WHERE name = ?1", params![name, password_hash])? == 1;
    if !known {
        return Err(StoreError::Unknown { what: "user", name: name.into() });
    }
    tx.execute("DELETE FROM sessions WHERE user = ?1", params![name])?;
    changed(tx)
}

pub(super) fn set_user(tx: &Transaction<'_>, name: &str, role: Role, department: &str) -> StoreResult<()> {
    need_department(tx, department)?;
    let Some(found) = user(tx, name)? else {
        return Err(StoreError::Unknown { what: "user", name: name.into() });
    };
    if found.role == Role::Administrator && role != Role::Administrator && administrators(tx)? <= 1 {
        return Err(StoreError::LastAdministrator { name: name.into() });
    }
    tx.execute(
        "UPDATE users SET role = ?2, department = ?3 WHERE name = ?1",
        params![name, role.as_str(), department],
    )?;
    tx.execute("DELETE FROM sessions WHERE user = ?1", params![name])?;
    changed(tx)
}

fn administrators(tx: &Transaction<'_>) -> StoreResult<i64> {
    Ok(tx.query_row("SELECT count(*) FROM users WHERE role = 'administrator'", [], |row| row.get(0))?)
}

pub(super) fn remove_user(tx: &Transaction<'_>, name: &str) -> StoreResult<()> {
    let Some(found) = user(tx, name)? else {
        return Err(StoreError::Unknown { what: "user", name: name.into() });
    };
    if found.role == Role::Administrator && administrators(tx)? <= 1 {
        return Err(StoreError::LastAdministrator { name: name.into() });
    }
    tx.execute("DELETE FROM users WHERE name = ?1", params![name])?;
    tx.execute("DELETE FROM sessions WHERE user = ?1", params![name])?;
    changed(tx)
}

pub(super) fn setup_needed(connection: &Connection) -> StoreResult<bool> {
    Ok(!exists(connection, "SELECT 1 FROM users WHERE role = ?1 LIMIT 1", Role::Administrator.as_str())?)
}

pub(super) fn set_setup_token(tx: &Transaction<'_>, hash: &Hash, expires_us: i64) -> StoreResult<()> {
    tx.execute("INSERT OR REPLACE INTO setup_token VALUES (0, ?1, ?2)", params![hash, expires_us])?;
    Ok(())
}

pub(super) fn setup_token_holds(connection: &Connection, hash: &Hash, now_us: i64) -> StoreResult<bool> {
    let holds = connection
        .query_row("SELECT 1 FROM setup_token WHERE hash = ?1 AND expires_us > ?2", params![hash, now_us], |_| Ok(()))
        .optional()?
        .is_some();
    Ok(holds && setup_needed(connection)?)
}

pub(super) fn complete_setup(tx: &Transaction<'_>, hash: &Hash, user: &NewUser, now_us: i64) -> StoreResult<bool> {
    if !setup_token_holds(tx, hash, now_us)? {
        return Ok(false);
    }
    add_user(tx, &NewUser { role: Role::Administrator, ..user.clone() }, now_us)?;
    tx.execute("DELETE FROM setup_token", [])?;
    Ok(true)
}

pub(super) fn add_session(
    tx: &Transaction<'_>,
    hash: &Hash,
    user: &str,
    expires_us: i64,
    now_us: i64,
) -> StoreResult<()> {
    tx.execute("DELETE FROM sessions WHERE expires_us <= ?1", params![now_us])?;
    tx.execute("INSERT INTO sessions VALUES (?1, ?2, ?3, ?4)", params![hash, user, now_us, expires_us])?;
    tx.execute(
        "DELETE FROM sessions WHERE user = ?1 AND hash NOT IN (
             SELECT hash FROM sessions WHERE user = ?1 ORDER BY created_us DESC, hash = ?3 DESC LIMIT ?2)",
        params![user, MAX_SESSIONS_PER_USER as i64, hash],
    )?;
    changed(tx)
}

pub(super) fn session(connection: &Connection, hash: &Hash, now_us: i64) -> StoreResult<Option<Session>> {
    let mut statement = connection.prepare_cached(
        "SELECT u.name, u.role, u.department, s.expires_us FROM sessions s JOIN users u ON u.name = s.user
         WHERE s.hash = ?1 AND s.expires_us > ?2",
    )?;
    let found = statement.query_row(params![hash, now_us], |row| {
        Ok(Session {
            user: row.get(0)?,
            role: role_from(&row.get::<_, String>(1)?),
            department: row.get(2)?,
            expires_us: row.get(3)?,
        })
    });
    Ok(found.optional()?)
}

pub(super) fn remove_session(tx: &Transaction<'_>, hash: &Hash) -> StoreResult<()> {
    tx.execute("DELETE FROM sessions WHERE hash = ?1", params![hash])?;
    changed(tx)
}

pub(super) fn add_feed_token(tx: &Transaction<'_>, token: &NewFeedToken, now_us: i64) -> StoreResult<()> {
    need_department(tx, &token.department)?;
    tx.execute(
        "INSERT INTO feed_tokens (id, hash, department, note, created_by, created_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![token.id, token.hash, token.department, token.note, token.created_by, now_us],
    )?;
    changed(tx)
}

const FEED_TOKEN: &str = "SELECT id, hash, department, note, created_by, created_us, revoked_us, last_used_us
    FROM feed_tokens";

fn feed_token_from(row: &Row<'_>) -> rusqlite::Result<FeedToken> {
    Ok(FeedToken {
        id: row.get(0)?,
        hash: row.get(1)?,
        department: row.get(2)?,
        note: row.get(3)?,
        created_by: row.get(4)?,
        created_us: row.get(5)?,
        revoked_us: row.get(6)?,
        last_used_us: row.get(7)?,
    })
}

pub(super) fn feed_token(connection: &Connection, id: &str) -> StoreResult<Option<FeedToken>> {
    let mut statement = connection.prepare_cached(&format!("{FEED_TOKEN} WHERE id = ?1"))?;
    Ok(statement.query_row(params![id], feed_token_from).optional()?)
}

pub(super) fn feed_tokens(connection: &Connection) -> StoreResult<Vec<FeedToken>> {
    let mut statement = connection.prepare_cached(&format!("{FEED_TOKEN} ORDER BY created_us DESC, id"))?;
    let rows = statement.query_map([], feed_token_from)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn touch_feed_token(tx: &Transaction<'_>, id: &str, now_us: i64) -> StoreResult<()> {
    tx.execute(
        "UPDATE feed_tokens SET last_used_us = max(ifnull(last_used_us, ?2), ?2) WHERE id = ?1",
        params![id, now_us],
    )?;
    Ok(())
}

pub(super) fn revoke_feed_token(tx: &Transaction<'_>, id: &str, now_us: i64) -> StoreResult<bool> {
    if !exists(tx, "SELECT 1 FROM feed_tokens WHERE id = ?1", id)? {
        return Err(StoreError::Unknown { what: "feed token", name: id.into() });
    }
    let new =
        tx.execute("UPDATE feed_tokens SET revoked_us = ?2 WHERE id = ?1 AND revoked_us IS NULL", params![id, now_us])?;
    if new == 1 {
        changed(tx)?;
    }
    Ok(new == 1)
}

pub(super) fn grants(connection: &Connection) -> StoreResult<Vec<Grant>> {
    let mut statement = connection.prepare_cached("SELECT department, sees FROM grants ORDER BY department, sees")?;
    let rows = statement.query_map([], |row| {
        let sees: String = row.get(1)?;
        Ok(Grant { department: row.get(0)?, sees: Sees::parse(&sees) })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn insert_grant(tx: &Transaction<'_>, grant: &Grant) -> StoreResult<bool> {
    need_department(tx, &grant.department)?;
    if let Some(id) = grant.sees.department() {
        need_department(tx, id)?;
    }
    let new =
        tx.execute("INSERT OR IGNORE INTO grants VALUES (?1, ?2)", params![grant.department, grant.sees.text()])?;
    Ok(new == 1)
}

fn policy_changed(tx: &Transaction<'_>) -> StoreResult<()> {
    tx.execute("UPDATE meta SET value = value + 1 WHERE key = 'policy_revision'", [])?;
    changed(tx)
}

pub(super) fn add_grant(tx: &Transaction<'_>, grant: &Grant) -> StoreResult<bool> {
    let new = insert_grant(tx, grant)?;
    if new {
        policy_changed(tx)?;
    }
    Ok(new)
}

pub(super) fn remove_grant(tx: &Transaction<'_>, grant: &Grant) -> StoreResult<bool> {
    let gone = tx.execute(
        "DELETE FROM grants WHERE department = ?1 AND sees = ?2",
        params![grant.department, grant.sees.text()],
    )?;
    if gone == 1 {
        policy_changed(tx)?;
    }
    Ok(gone == 1)
}

pub(super) fn set_grants(tx: &Transaction<'_>, wanted: &[Grant]) -> StoreResult<()> {
    let before = grants(tx)?;
    tx.execute("DELETE FROM grants", [])?;
    for grant in wanted {
        insert_grant(tx, grant)?;
    }
    if grants(tx)? == before { Ok(()) } else { policy_changed(tx) }
}
