//! The store in one SQLite file in WAL mode. One connection writes, a few read beside it; other processes (the command
//! line) open the same file. `schema` lays it out, `registry`, `events` and `accounts` hold the statements.
//!
//! Durability: accounts, tokens, revocations and the registry are on the disk when a method returns
//! (`synchronous=FULL`). The index of events is not worth an fsync of its own: after a power failure its tail is applied
//! again from the log.

mod accounts;
mod events;
mod hourly;
mod incidents;
mod record;
mod registry;
mod schema;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OptionalExtension as _, Transaction, TransactionBehavior, params};
use uuid::Uuid;
use yiwang_wire::event::KindDescriptor;

use super::*;
use crate::ledger::{NewRecord, Record};
use crate::work::Entry;
use crate::work::baseline::{CameraKey, HourCount};
use crate::work::findings::Judged;
use crate::work::handover::Handover;

/// Idle reader connections kept; further ones are opened as needed and closed after use.
const READERS_KEPT: usize = 4;
/// What the writer keeps of the file in memory, KiB. With SQLite's own 2 MiB nearly every page of an index was read again for
/// each event once the store had some hundred megabytes.
const WRITER_CACHE_KIB: i64 = 32 * 1024;
/// The write-ahead log is brought into the file after so many pages (8 MiB). With SQLite's own 1000 the pages that every event
/// changes were written ten times a second at 500 events/s; with many more, events wait while it is done.
const CHECKPOINT_PAGES: i64 = 2048;
/// How long a writer waits for another process's transaction.
const BUSY_MS: u64 = 5_000;
/// Between two tries where SQLite itself does not wait.
const BUSY_PAUSE: Duration = Duration::from_millis(10);

/// The store in one SQLite file.
pub struct SqliteStore {
    path: PathBuf,
    writer: Mutex<Connection>,
    /// Bound: [`READERS_KEPT`]; above it a connection is closed after use.
    readers: Mutex<Vec<Connection>>,
}

impl SqliteStore {
    /// Opens the store, creating it where it is missing.
    pub fn open(path: &Path) -> StoreResult<Self> {
        let named = |e: StoreError| named(e, "open the file");
        let mut writer = connect(path).map_err(|e| named(e.into()))?;
        writer.pragma_update(None, "cache_size", -WRITER_CACHE_KIB).map_err(|e| named(e.into()))?;
        writer.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES).map_err(|e| named(e.into()))?;
        schema::bring_up(&mut writer, &path.display().to_string()).map_err(named)?;
        Ok(Self { path: path.to_owned(), writer: Mutex::new(writer), readers: Mutex::new(Vec::new()) })
    }

    fn writer(&self) -> MutexGuard<'_, Connection> {
        // A panic while writing left no half transaction: it was rolled back when the transaction was dropped.
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write<T>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> StoreResult<T>,
    ) -> StoreResult<T> {
        let mut writer = self.writer();
        write_with(&mut writer, work).map_err(|e| named(e, operation))
    }

    fn read<T>(&self, operation: &'static str, work: impl FnOnce(&Connection) -> StoreResult<T>) -> StoreResult<T> {
        let kept = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match kept {
            Some(connection) => connection,
            None => connect(&self.path).map_err(|e| named(e.into(), operation))?,
        };
        let outcome = work(&connection).map_err(|e| named(e, operation));
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        if readers.len() < READERS_KEPT {
            readers.push(connection);
        }
        outcome
    }
}

impl Store for SqliteStore {
    fn ensure_department(&self, id: &str, now_us: i64) -> StoreResult<bool> {
        check_name("department", id)?;
        self.write("make a department", |tx| registry::ensure_department(tx, id, now_us))
    }
    fn departments(&self) -> StoreResult<Vec<Department>> {
        self.read("list departments", registry::departments)
    }

    fn add_join_token(&self, token: &NewJoinToken, now_us: i64) -> StoreResult<()> {
        self.write("keep a join token", |tx| registry::add_join_token(tx, token, now_us))
    }
    fn take_join_token(&self, hash: &Hash, gateway: &str, now_us: i64) -> StoreResult<TakenToken> {
        self.write("take a join token", |tx| registry::take_join_token(tx, hash, gateway, now_us))
    }
    fn join_tokens(&self) -> StoreResult<Vec<JoinToken>> {
        self.read("list join tokens", registry::join_tokens)
    }

    fn add_gateway(&self, gateway: &NewGateway, now_us: i64) -> StoreResult<()> {
        check_name("gateway", &gateway.id)?;
        self.write("register a gateway", |tx| registry::add_gateway(tx, gateway, now_us))
    }
    fn gateway(&self, id: &str) -> StoreResult<Option<Gateway>> {
        self.read("read a gateway", |c| registry::gateway(c, id))
    }
    fn gateways(&self) -> StoreResult<Vec<Gateway>> {
        self.read("list gateways", registry::gateways)
    }
    fn revoke_gateway(&self, id: &str, now_us: i64) -> StoreResult<bool> {
        self.write("revoke a gateway", |tx| registry::revoke_gateway(tx, id, now_us))
    }
    fn set_certificate_end(&self, id: &str, ends_us: i64) -> StoreResult<()> {
        self.write("note a certificate", |tx| registry::set_certificate_end(tx, id, ends_us))
    }
    fn set_hello(&self, id: &str, hello: &Hello, now_us: i64) -> StoreResult<()> {
        self.write("note a gateway's cameras", |tx| registry::set_hello(tx, id, hello, now_us))
    }
    fn set_last_contact(&self, contacts: &[(String, i64)]) -> StoreResult<()> {
        self.write("note last contacts", |tx| registry::set_last_contact(tx, contacts))
    }
    fn cameras(&self) -> StoreResult<Vec<Camera>> {
        self.read("list cameras", registry::cameras)
    }
    fn camera_counts(&self) -> StoreResult<HashMap<String, usize>> {
        self.read("count cameras", registry::camera_counts)
    }
    fn set_watermarks(&self, gateway: &str, watermarks: &[CameraWatermark]) -> StoreResult<()> {
        self.write("note watermarks", |tx| registry::set_watermarks(tx, gateway, watermarks))
    }
    fn upsert_kinds(&self, kinds: &[KindDescriptor]) -> StoreResult<()> {
        self.write("note kinds", |tx| registry::upsert_kinds(tx, kinds))
    }
    fn kinds(&self) -> StoreResult<Vec<KindDescriptor>> {
        self.read("list kinds", registry::kinds)
    }

    fn index(&self, events: &[Arc<StoredEvent>], applied_position: u64) -> StoreResult<()> {
        self.index_with(events, &IncidentWrites::default(), applied_position)
    }
    fn applied_position(&self) -> StoreResult<u64> {
        self.read("read the applied position", |c| meta(c, "applied"))
    }
    fn events(&self, query: &EventQuery) -> StoreResult<EventPage> {
        self.read("query events", |c| events::page(c, query))
    }
    fn event(&self, id: Uuid) -> StoreResult<Option<StoredEvent>> {
        self.read("read an event", |c| events::event(c, id))
    }
    fn events_after(&self, position: u64, limit: usize) -> StoreResult<Vec<StoredEvent>> {
        self.read("read events in order", |c| events::events_after(c, position, limit))
    }
    fn retain(&self, before_us: i64) -> StoreResult<usize> {
        self.write("remove old events", |tx| events::retain(tx, before_us))
    }
    fn forget_through(&self, position: u64) -> StoreResult<()> {
        self.write("forget events", |tx| events::forget_through(tx, position))
    }
    fn forgotten_through(&self) -> StoreResult<u64> {
        self.read("read the oldest position", |c| meta(c, "forgotten"))
    }

    fn add_user(&self, user: &NewUser, now_us: i64) -> StoreResult<()> {
        check_name("user", &user.name)?;
        self.write("make a user", |tx| accounts::add_user(tx, user, now_us))
    }
    fn user(&self, name: &str) -> StoreResult<Option<User>> {
        self.read("read a user", |c| accounts::user(c, name))
    }
    fn users(&self) -> StoreResult<Vec<User>> {
        self.read("list users", accounts::users)
    }
    fn set_password(&self, name: &str, password_hash: &str) -> StoreResult<()> {
        self.write("set a password", |tx| accounts::set_password(tx, name, password_hash))
    }
    fn set_user(&self, name: &str, role: Role, department: &str) -> StoreResult<()> {
        self.write("change a user", |tx| accounts::set_user(tx, name, role, department))
    }
    fn remove_user(&self, name: &str) -> StoreResult<()> {
        self.write("remove a user", |tx| accounts::remove_user(tx, name))
    }
    fn setup_needed(&self) -> StoreResult<bool> {
        self.read("look for an administrator", accounts::setup_needed)
    }
    fn set_setup_token(&self, hash: &Hash, expires_us: i64) -> StoreResult<()> {
        self.write("keep the set-up token", |tx| accounts::set_setup_token(tx, hash, expires_us))
    }
    fn setup_token_holds(&self, hash: &Hash, now_us: i64) -> StoreResult<bool> {
        self.read("check the set-up token", |c| accounts::setup_token_holds(c, hash, now_us))
    }
    fn complete_setup(&self, hash: &Hash, user: &NewUser, now_us: i64) -> StoreResult<bool> {
        check_name("user", &user.name)?;
        self.write("make the administrator", |tx| accounts::complete_setup(tx, hash, user, now_us))
    }

    fn add_session(&self, hash: &Hash, user: &str, expires_us: i64, now_us: i64) -> StoreResult<()> {
        self.write("keep a session", |tx| accounts::add_session(tx, hash, user, expires_us, now_us))
    }
    fn session(&self, hash: &Hash, now_us: i64) -> StoreResult<Option<Session>> {
        self.read("read a session", |c| accounts::session(c, hash, now_us))
    }
    fn remove_session(&self, hash: &Hash) -> StoreResult<()> {
        self.write("end a session", |tx| accounts::remove_session(tx, hash))
    }

    fn add_feed_token(&self, token: &NewFeedToken, now_us: i64) -> StoreResult<()> {
        self.write("keep a feed token", |tx| accounts::add_feed_token(tx, token, now_us))
    }
    fn feed_token(&self, id: &str) -> StoreResult<Option<FeedToken>> {
        self.read("read a feed token", |c| accounts::feed_token(c, id))
    }
    fn feed_tokens(&self) -> StoreResult<Vec<FeedToken>> {
        self.read("list feed tokens", accounts::feed_tokens)
    }
    fn touch_feed_token(&self, id: &str, now_us: i64) -> StoreResult<()> {
        self.write("note a feed token's use", |tx| accounts::touch_feed_token(tx, id, now_us))
    }
    fn revoke_feed_token(&self, id: &str, now_us: i64) -> StoreResult<bool> {
        self.write("revoke a feed token", |tx| accounts::revoke_feed_token(tx, id, now_us))
    }

    fn grants(&self) -> StoreResult<Vec<Grant>> {
        self.read("list grants", accounts::grants)
    }
    fn add_grant(&self, grant: &Grant) -> StoreResult<bool> {
        self.write("add a grant", |tx| accounts::add_grant(tx, grant))
    }
    fn remove_grant(&self, grant: &Grant) -> StoreResult<bool> {
        self.write("remove a grant", |tx| accounts::remove_grant(tx, grant))
    }
    fn set_grants(&self, grants: &[Grant]) -> StoreResult<()> {
        self.write("set the grants", |tx| accounts::set_grants(tx, grants))
    }
    fn policy_revision(&self) -> StoreResult<u64> {
        self.read("read the policy revision", |c| meta(c, "policy_revision"))
    }

    fn revision(&self) -> StoreResult<u64> {
        self.read("read the revision", |c| meta(c, "revision"))
    }
}

impl IncidentStore for SqliteStore {
    fn index_with(&self, events: &[Arc<StoredEvent>], writes: &IncidentWrites, applied: u64) -> StoreResult<()> {
        let mut writer = self.writer();
        let work = |writer: &mut Connection| {
            writer.pragma_update(None, "synchronous", "NORMAL")?;
            write_with(writer, |tx| {
                events::index(tx, events, applied)?;
                incidents::write(tx, writes)
            })
        };
        let outcome = work(&mut writer);
        let restored = writer.pragma_update(None, "synchronous", "FULL").map_err(StoreError::from);
        outcome.and(restored).map_err(|e| named(e, "index events"))
    }
    fn record(&self, new: &[NewRecord], then: &mut dyn FnMut(&[Record]) -> IncidentWrites) -> StoreResult<Vec<Record>> {
        self.write("append to the record", |tx| {
            let records = record::append(tx, new)?;
            incidents::write(tx, &then(&records))?;
            Ok(records)
        })
    }
    fn incident(&self, id: Uuid) -> StoreResult<Option<IncidentRow>> {
        self.read("read an incident", |c| incidents::incident(c, id))
    }
    fn sources(&self, incident: Uuid) -> StoreResult<Vec<Source>> {
        self.read("read an incident's sources", |c| incidents::sources(c, incident))
    }
    fn incidents(&self, query: &IncidentQuery) -> StoreResult<Vec<IncidentRow>> {
        self.read("query incidents", |c| incidents::list(c, query))
    }
    fn incident_changes(&self, after: i64, limit: usize) -> StoreResult<Vec<IncidentChange>> {
        self.read("read incidents' changes", |c| incidents::changes(c, after, limit))
    }
    fn departments_of(&self, incident: Uuid) -> StoreResult<Vec<String>> {
        self.read("read whom an incident concerns", |c| incidents::departments_of(c, incident))
    }
    fn newest_incident(&self) -> StoreResult<(i64, i64, i64)> {
        self.read("read the newest incident", incidents::newest)
    }
    fn live_incidents(&self, since_us: i64) -> StoreResult<Vec<(IncidentRow, Vec<Source>)>> {
        self.read("read live incidents", |c| incidents::live(c, since_us))
    }
    fn entries(&self) -> StoreResult<Vec<Entry>> {
        self.read("read the steps", record::entries)
    }
    fn entries_of(&self, incident: Uuid) -> StoreResult<Vec<Entry>> {
        self.read("read an incident's steps", |c| record::entries_of(c, incident))
    }
    fn due(&self, now_us: i64, limit: usize) -> StoreResult<Vec<Uuid>> {
        self.read("look for what is due", |c| incidents::due(c, now_us, limit))
    }
    fn records_before(&self, seq: i64, limit: usize) -> StoreResult<Vec<Record>> {
        self.read("read the record", |c| record::before(c, seq, limit))
    }
    fn records_after(&self, seq: i64, limit: usize) -> StoreResult<Vec<Record>> {
        self.read("read the record", |c| record::after(c, seq, limit))
    }
    fn retain_incidents(&self, before_us: i64) -> StoreResult<usize> {
        self.write("remove old incidents", |tx| incidents::retain(tx, before_us))
    }
    fn camera_incidents(&self, gateway: &str, camera: &str, since_us: i64, limit: usize) -> StoreResult<Vec<Uuid>> {
        self.read("read a camera's incidents", |c| incidents::of_camera(c, gateway, camera, since_us, limit))
    }
    fn setting(&self, name: &str) -> StoreResult<Option<serde_json::Value>> {
        self.read("read a setting", |c| record::setting(c, name))
    }
    fn set_setting(&self, name: &str, value: &serde_json::Value) -> StoreResult<()> {
        self.write("keep a setting", |tx| record::set_setting(tx, name, value))
    }
    fn judged(&self, camera: Option<(&str, &str)>, since_us: i64, limit: usize) -> StoreResult<Vec<Judged>> {
        self.read("read what incidents were", |c| incidents::judged(c, camera, since_us, limit))
    }
    fn handovers(&self, department: &str, before: i64, limit: usize) -> StoreResult<Vec<Handover>> {
        self.read("read the hand-overs", |c| incidents::handovers(c, department, before, limit))
    }
    fn hourly(&self, hours: &[i64]) -> StoreResult<Vec<HourCount>> {
        self.read("read counts by the hour", |c| hourly::in_hours(c, hours))
    }
    fn hourly_of(&self, gateway: &str, camera: &str, from_hour: i64) -> StoreResult<Vec<HourCount>> {
        self.read("read a camera's counts", |c| hourly::of_camera(c, gateway, camera, from_hour))
    }
    fn hourly_firsts(&self) -> StoreResult<HashMap<CameraKey, i64>> {
        self.read("read since when cameras count", hourly::firsts)
    }
    fn told(&self) -> StoreResult<Vec<(CameraKey, String)>> {
        self.read("read which words cameras told", hourly::told)
    }
    fn retain_hourly(&self, before_hour: i64) -> StoreResult<usize> {
        self.write("remove old counts", |tx| hourly::retain(tx, before_hour))
    }
    fn registry_entries(&self) -> StoreResult<Vec<((String, String), RegistryEntry)>> {
        self.read("read the camera registry", record::registry_entries)
    }
    fn set_registry_entry(&self, gateway: &str, camera: &str, entry: &RegistryEntry) -> StoreResult<()> {
        self.write("change the camera registry", |tx| record::set_registry_entry(tx, gateway, camera, entry))
    }
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_millis(BUSY_MS))?;
    write_ahead(&connection)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(connection)
}

/// Turns on the write-ahead log. SQLite does not wait for another process that is just doing the same, whatever its time
/// limit says: two that make one store at once would see it locked.
fn write_ahead(connection: &Connection) -> rusqlite::Result<()> {
    let deadline = Instant::now() + Duration::from_millis(BUSY_MS);
    loop {
        match connection.pragma_update(None, "journal_mode", "WAL") {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && Instant::now() < deadline => {
                std::thread::sleep(BUSY_PAUSE);
            }
            done => return done,
        }
    }
}

fn write_with<T>(writer: &mut Connection, work: impl FnOnce(&Transaction<'_>) -> StoreResult<T>) -> StoreResult<T> {
    let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let outcome = work(&transaction)?;
    transaction.commit()?;
    Ok(outcome)
}

impl From<rusqlite::Error> for StoreError {
    fn from(source: rusqlite::Error) -> Self {
        StoreError::Storage { operation: "work", source: source.into() }
    }
}

/// Statements know only that SQLite failed; the method knows what it was doing.
fn named(error: StoreError, name: &'static str) -> StoreError {
    match error {
        StoreError::Storage { source, .. } => StoreError::Storage { operation: name, source },
        other => other,
    }
}

fn meta(connection: &Connection, key: &str) -> StoreResult<u64> {
    let value: i64 = connection
        .prepare_cached("SELECT value FROM meta WHERE key = ?1")?
        .query_row(params![key], |row| row.get(0))?;
    u64::try_from(value).map_err(|_| StoreError::Corrupt { what: format!("meta {key} = {value}") })
}

fn raise(tx: &Transaction<'_>, key: &str, position: u64) -> StoreResult<()> {
    tx.execute("UPDATE meta SET value = max(value, ?2) WHERE key = ?1", params![key, int(position)])?;
    Ok(())
}

/// Every change that the running hub has to notice calls this in its transaction.
fn changed(tx: &Transaction<'_>) -> StoreResult<()> {
    tx.execute("UPDATE meta SET value = value + 1 WHERE key = 'revision'", [])?;
    Ok(())
}

fn exists(connection: &Connection, sql: &str, key: &str) -> StoreResult<bool> {
    Ok(connection.query_row(sql, params![key], |_| Ok(())).optional()?.is_some())
}

fn need_department(connection: &Connection, id: &str) -> StoreResult<()> {
    if exists(connection, "SELECT 1 FROM departments WHERE id = ?1", id)? {
        return Ok(());
    }
    Err(StoreError::Unknown { what: "department", name: id.into() })
}

/// SQLite's integers are signed; positions, epochs and sequences are below 2^63 by the log's own check.
fn int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
