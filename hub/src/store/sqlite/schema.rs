//! The layout of `store.db` and how it is brought up. Layouts only grow: a newer file is refused, an older one is
//! brought up step by step.

use rusqlite::{Connection, TransactionBehavior, params};

use crate::store::{OPERATIONS, StoreError, StoreResult};

/// Version of the layout (`user_version`).
pub(super) const VERSION: i64 = 1;

const V1: &str = "
CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO meta VALUES ('revision', 1), ('policy_revision', 1), ('applied', 0), ('forgotten', 0);

CREATE TABLE departments (id TEXT PRIMARY KEY, created_us INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE join_tokens (
    hash BLOB PRIMARY KEY, department TEXT NOT NULL REFERENCES departments, created_us INTEGER NOT NULL,
    expires_us INTEGER NOT NULL, used_by TEXT, used_us INTEGER) WITHOUT ROWID;
CREATE TABLE gateways (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, department TEXT NOT NULL REFERENCES departments,
    joined_us INTEGER NOT NULL, revoked_us INTEGER, certificate_ends_us INTEGER NOT NULL, last_contact_us INTEGER,
    software TEXT NOT NULL DEFAULT '', config_revision TEXT NOT NULL DEFAULT '', epoch INTEGER NOT NULL DEFAULT 0)
    WITHOUT ROWID;
CREATE TABLE cameras (
    gateway TEXT NOT NULL REFERENCES gateways, id TEXT NOT NULL, name TEXT NOT NULL, longitude REAL, latitude REAL,
    heading_deg REAL, field_of_view_deg REAL, present INTEGER NOT NULL, seen_us INTEGER NOT NULL,
    complete_to_us INTEGER, last_event_us INTEGER, PRIMARY KEY (gateway, id)) WITHOUT ROWID;
CREATE TABLE gaps (
    gateway TEXT NOT NULL, camera TEXT NOT NULL, from_us INTEGER NOT NULL, to_us INTEGER NOT NULL, reason TEXT NOT NULL,
    PRIMARY KEY (gateway, camera, from_us)) WITHOUT ROWID;
CREATE TABLE kinds (
    kind TEXT PRIMARY KEY, label_zh TEXT NOT NULL, label_en TEXT NOT NULL, severity INTEGER NOT NULL,
    merge_family TEXT NOT NULL, momentary INTEGER NOT NULL) WITHOUT ROWID;

-- Every index ends with the row's position by itself: it is the rowid. `id` is not unique, so that no gateway can hide
-- another one's event by using its id.
CREATE TABLE events (
    position INTEGER PRIMARY KEY, id BLOB NOT NULL, gateway TEXT NOT NULL, camera TEXT, department TEXT NOT NULL,
    kind TEXT NOT NULL, severity INTEGER NOT NULL, phase INTEGER NOT NULL, captured_us INTEGER NOT NULL,
    received_us INTEGER NOT NULL, backfilled INTEGER NOT NULL, camera_name TEXT, longitude REAL, latitude REAL,
    record BLOB NOT NULL);
CREATE INDEX events_id ON events (id);
CREATE INDEX events_time ON events (captured_us);
CREATE INDEX events_department ON events (department, captured_us);
CREATE INDEX events_gateway ON events (gateway, captured_us);
CREATE INDEX events_camera ON events (gateway, camera, captured_us);
CREATE INDEX events_kind ON events (kind, captured_us);
-- Urgent ones are rare: without this a page of them would walk the whole time index.
CREATE INDEX events_severe ON events (severity, captured_us) WHERE severity >= 2;

CREATE TABLE users (
    name TEXT PRIMARY KEY, password_hash TEXT NOT NULL, role TEXT NOT NULL,
    department TEXT NOT NULL REFERENCES departments, created_us INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE setup_token (id INTEGER PRIMARY KEY CHECK (id = 0), hash BLOB NOT NULL, expires_us INTEGER NOT NULL);
CREATE TABLE sessions (
    hash BLOB PRIMARY KEY, user TEXT NOT NULL, created_us INTEGER NOT NULL, expires_us INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX sessions_user ON sessions (user, created_us);
CREATE TABLE feed_tokens (
    id TEXT PRIMARY KEY, hash BLOB NOT NULL, department TEXT NOT NULL REFERENCES departments, note TEXT NOT NULL,
    created_by TEXT NOT NULL, created_us INTEGER NOT NULL, revoked_us INTEGER, last_used_us INTEGER) WITHOUT ROWID;
-- `sees` is a department or the word `all`, which no department can be called.
CREATE TABLE grants (
    department TEXT NOT NULL REFERENCES departments, sees TEXT NOT NULL, PRIMARY KEY (department, sees)) WITHOUT ROWID;
";

/// Brings a file to [`VERSION`]; a new one gets the operations centre and its grant.
pub(super) fn bring_up(connection: &mut Connection, path: &str) -> StoreResult<()> {
    // IMMEDIATE: two processes that start at once must not both make the tables.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if found > VERSION {
        return Err(StoreError::Newer { path: path.into(), found, known: VERSION });
    }
    if found < 1 {
        transaction.execute_batch(V1)?;
        transaction.execute("INSERT INTO departments VALUES (?1, 0)", params![OPERATIONS])?;
        transaction.execute("INSERT INTO grants VALUES (?1, 'all')", params![OPERATIONS])?;
    }
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()?;
    Ok(())
}
