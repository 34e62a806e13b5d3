//! The layout of `store.db` and how it is brought up. Layouts only grow: a newer file is refused, an older one is
//! brought up step by step.

use rusqlite::{Connection, TransactionBehavior, params};

use crate::store::{OPERATIONS, StoreError, StoreResult};

/// Version of the layout (`user_version`).
pub(super) const VERSION: i64 = 3;

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

const V2: &str = "
-- What incidents are made of: `body` is the source as JSON; the columns are what is asked for.
CREATE TABLE sources (
    id BLOB PRIMARY KEY, event BLOB NOT NULL, incident BLOB NOT NULL, department TEXT NOT NULL, gateway TEXT NOT NULL,
    camera TEXT, begin_us INTEGER NOT NULL, body TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX sources_incident ON sources (incident, begin_us);
CREATE INDEX sources_camera ON sources (gateway, camera, begin_us);
CREATE TABLE incidents (
    id BLOB PRIMARY KEY, number INTEGER NOT NULL UNIQUE, change INTEGER NOT NULL UNIQUE, closed INTEGER NOT NULL,
    level INTEGER NOT NULL, level_why TEXT, begin_us INTEGER NOT NULL, last_us INTEGER NOT NULL,
    created_us INTEGER NOT NULL, updated_us INTEGER NOT NULL, due_us INTEGER, longitude REAL, latitude REAL,
    summary TEXT NOT NULL, work TEXT NOT NULL, text TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX incidents_begin ON incidents (closed, begin_us);
CREATE INDEX incidents_last ON incidents (last_us);
CREATE INDEX incidents_due ON incidents (due_us) WHERE due_us IS NOT NULL;
CREATE TABLE incidents_gone (id BLOB PRIMARY KEY, into_id BLOB, change INTEGER NOT NULL UNIQUE) WITHOUT ROWID;
-- Whose cameras saw it (0), who has a task (1), who once could see it (2).
CREATE TABLE incident_departments (
    department TEXT NOT NULL, incident BLOB NOT NULL, tasked INTEGER NOT NULL, PRIMARY KEY (incident, department, tasked))
    WITHOUT ROWID;
CREATE INDEX incident_departments_of ON incident_departments (department, incident);

-- The append-only record. Nothing here is ever changed: the triggers hold whoever writes through SQLite, the hashes
-- show what was done past it.
CREATE TABLE record (
    seq INTEGER PRIMARY KEY, at_us INTEGER NOT NULL, by TEXT NOT NULL, department TEXT NOT NULL, from_address TEXT NOT NULL,
    what TEXT NOT NULL, about TEXT NOT NULL, why TEXT, detail TEXT NOT NULL, hash BLOB NOT NULL);
CREATE INDEX record_about ON record (about, seq);
CREATE TRIGGER record_stays BEFORE UPDATE ON record BEGIN SELECT RAISE(ABORT, 'the record is append-only'); END;
CREATE TRIGGER record_keeps BEFORE DELETE ON record BEGIN SELECT RAISE(ABORT, 'the record is append-only'); END;

CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE camera_registry (
    gateway TEXT NOT NULL, camera TEXT NOT NULL, entry TEXT NOT NULL, PRIMARY KEY (gateway, camera)) WITHOUT ROWID;
";

const V3: &str = "
-- The newest first, whatever is closed: without it a search would sort them all.
CREATE INDEX incidents_time ON incidents (begin_us, id);
-- How often each camera told of a kind within an hour (hours since 1970): stays when the events go.
CREATE TABLE hourly (
    hour INTEGER NOT NULL, gateway TEXT NOT NULL, camera TEXT NOT NULL, kind TEXT NOT NULL, count INTEGER NOT NULL,
    PRIMARY KEY (hour, gateway, camera, kind)) WITHOUT ROWID;
CREATE INDEX hourly_camera ON hourly (gateway, camera, hour);
CREATE TABLE hourly_first (
    gateway TEXT NOT NULL, camera TEXT NOT NULL, hour INTEGER NOT NULL, PRIMARY KEY (gateway, camera)) WITHOUT ROWID;
-- Which rules and classes each camera has told of, for the words of a search.
CREATE TABLE told (
    gateway TEXT NOT NULL, camera TEXT NOT NULL, word TEXT NOT NULL, PRIMARY KEY (gateway, camera, word)) WITHOUT ROWID;
-- `body` is the hand-over as JSON; `id` is the record's number.
CREATE TABLE handovers (id INTEGER PRIMARY KEY, department TEXT NOT NULL, body TEXT NOT NULL);
CREATE INDEX handovers_department ON handovers (department, id);
-- A store that has events already begins with what they say; words come with new events.
INSERT INTO hourly SELECT captured_us / 3600000000, gateway, camera, kind, count(*) FROM events
    WHERE phase = 0 AND camera IS NOT NULL GROUP BY 1, 2, 3, 4;
INSERT INTO hourly_first SELECT gateway, camera, min(hour) FROM hourly GROUP BY 1, 2;
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
    if found < 2 {
        transaction.execute_batch(V2)?;
    }
    if found < 3 {
        transaction.execute_batch(V3)?;
    }
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()?;
    Ok(())
}
