//! The log in SQLite: one file in WAL mode with `synchronous=FULL`. One thread writes (`writer`), readers have their own
//! connections and never wait for it.
//!
//! Layout:
//! - `entries(position, gateway, epoch, sequence, …)`: what retention has left, unique by (gateway, epoch, sequence).
//! - `durable(gateway, epoch, first, last)`: what was ever appended, as ranges, written in the same transaction as the
//!   entries. It outlives retention, so that a very late resend is still known, and makes the start cheap.
//! - `meta(key, value)`: `log_epoch`, `next_position`.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension as _, params};
use tokio::sync::{mpsc, oneshot, watch};
use yiwang_wire::ranges::RangeSet;

use super::writer::{Command, Writer};
use super::{Appending, Log, LogEntry, LogError, Retention, Stored};

/// Idle reader connections kept; further ones are closed after use.
const READERS_KEPT: usize = 8;
/// Version of the layout (`user_version`).
const LAYOUT_VERSION: i64 = 1;

/// How the log behaves.
#[derive(Debug, Clone, Default)]
pub struct SqliteLogSettings {
    /// The file never grows above this; an append that would need more fails with [`LogError::Full`].
    pub bytes_max: Option<u64>,
}

/// The log in one SQLite file.
pub struct SqliteLog {
    path: PathBuf,
    epoch: String,
    readers: Mutex<Vec<Connection>>,
    newest: watch::Receiver<u64>,
    trouble: Arc<Mutex<Option<String>>>,
    /// Bound: [`super::writer::QUEUE`] commands. When full the caller waits.
    commands: Option<mpsc::Sender<Command>>,
    writer: Option<JoinHandle<()>>,
}

impl SqliteLog {
    /// Opens the log, creating it where it is missing.
    pub fn open(path: &Path, settings: SqliteLogSettings) -> Result<Self, LogError> {
        let connection = open_connection(path, &settings).map_err(|e| storage("open", path, e))?;
        let epoch = prepare(&connection, path)?;
        let newest = newest_position(&connection).map_err(|e| storage("open", path, e))?;
        let (newest_sender, newest) = watch::channel(newest);
        let trouble = Arc::new(Mutex::new(None));
        let writer = Writer { path: path.to_owned(), settings, newest: newest_sender, trouble: trouble.clone() };
        let (commands, receiver) = mpsc::channel(super::writer::QUEUE);
        let thread = std::thread::Builder::new()
            .name("log-writer".into())
            .spawn(move || writer.run(connection, receiver))
            .map_err(|e| LogError::Storage {
                operation: "start the writer of",
                path: path.display().to_string(),
                source: e.into(),
            })?;
        Ok(Self {
            path: path.to_owned(),
            epoch,
            readers: Mutex::new(Vec::new()),
            newest,
            trouble,
            commands: Some(commands),
            writer: Some(thread),
        })
    }

    fn commands(&self) -> &mpsc::Sender<Command> {
        self.commands.as_ref().expect("the sender is taken only in drop")
    }

    fn with_reader<T>(
        &self,
        operation: &'static str,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, LogError> {
        let idle = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => open_reader(&self.path).map_err(|e| storage(operation, &self.path, e))?,
        };
        let value = read(&connection).map_err(|e| storage(operation, &self.path, e))?;
        // A connection that failed is dropped above, not kept.
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        if readers.len() < READERS_KEPT {
            readers.push(connection);
        }
        Ok(value)
    }
}

impl Log for SqliteLog {
    fn append(&self, entries: Arc<Vec<LogEntry>>) -> Appending<'_> {
        Box::pin(async move {
            for entry in entries.iter() {
                let in_range = |number: u64| (1..=i64::MAX as u64).contains(&number);
                if !in_range(entry.epoch) || !in_range(entry.sequence) {
                    return Err(LogError::OutOfRange { epoch: entry.epoch, sequence: entry.sequence });
                }
            }
            let (reply, outcome) = oneshot::channel();
            self.commands().send(Command::Append { entries, reply }).await.map_err(|_| LogError::Closed)?;
            outcome.await.map_err(|_| LogError::Closed)?
        })
    }

    fn durable(&self, gateway: &str, epoch: u64) -> Result<RangeSet, LogError> {
        let Ok(epoch) = i64::try_from(epoch) else {
            return Ok(RangeSet::new());
        };
        self.with_reader("read", |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT d.first, d.last FROM durable d JOIN gateways g ON g.id = d.gateway WHERE g.name = ?1 AND d.epoch = ?2",
            )?;
            let rows = statement.query_map(params![gateway, epoch], |row| {
                Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get::<_, i64>(1)?.cast_unsigned()))
            })?;
            rows.collect()
        })
    }

    fn read(&self, after_position: u64, limit: usize) -> Result<Vec<Stored>, LogError> {
        let after = i64::try_from(after_position).unwrap_or(i64::MAX);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.with_reader("read", |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT e.position, g.name, e.epoch, e.sequence, e.received_us, e.backfilled, e.record
                 FROM entries e JOIN gateways g ON g.id = e.gateway
                 WHERE e.position > ?1 ORDER BY e.position LIMIT ?2",
            )?;
            let rows = statement.query_map(params![after, limit], |row| {
                Ok(Stored {
                    position: row.get::<_, i64>(0)?.cast_unsigned(),
                    gateway: row.get(1)?,
                    epoch: row.get::<_, i64>(2)?.cast_unsigned(),
                    sequence: row.get::<_, i64>(3)?.cast_unsigned(),
                    received_us: row.get(4)?,
                    backfilled: row.get(5)?,
                    record: row.get(6)?,
                })
            })?;
            rows.collect()
        })
    }

    fn oldest_position(&self) -> Result<Option<u64>, LogError> {
        self.with_reader("read", |connection| {
            let oldest: Option<i64> =
                connection.query_row("SELECT min(position) FROM entries", [], |row| row.get(0))?;
            Ok(oldest.map(i64::cast_unsigned))
        })
    }

    fn newest_position(&self) -> u64 {
        *self.newest.borrow()
    }

    fn watch(&self) -> watch::Receiver<u64> {
        self.newest.clone()
    }

    fn log_epoch(&self) -> &str {
        &self.epoch
    }

    fn retain(&self, retention: Retention, now_us: i64) -> Result<usize, LogError> {
        let (reply, outcome) = std::sync::mpsc::sync_channel(1);
        let mut command = Command::Retain { retention, now_us, reply };
        // Not `blocking_send`, which panics inside a runtime: this may be called from any thread.
        loop {
            match self.commands().try_send(command) {
                Ok(()) => break,
                Err(mpsc::error::TrySendError::Full(back)) => {
                    command = back;
                    std::thread::park_timeout(Duration::from_millis(5));
                }
                Err(mpsc::error::TrySendError::Closed(_)) => return Err(LogError::Closed),
            }
        }
        outcome.recv().map_err(|_| LogError::Closed)?
    }

    fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for SqliteLog {
    fn drop(&mut self) {
        // The writer ends when its queue is closed and empty.
        self.commands = None;
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            tracing::error!("the log's writer panicked");
        }
    }
}

/// A connection that may write.
pub(super) fn open_connection(path: &Path, settings: &SqliteLogSettings) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    // Takes effect only before the first table is made; gives room back to the disk after retention.
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update_and_check(None, "journal_size_limit", 64 * 1024 * 1024, |_| Ok(()))?;
    if let Some(bytes) = settings.bytes_max {
        let page_bytes: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
        let pages = i64::try_from(bytes).unwrap_or(i64::MAX) / page_bytes;
        connection.pragma_update_and_check(None, "max_page_count", pages.max(1), |_| Ok(()))?;
    }
    connection.set_prepared_statement_cache_capacity(32);
    Ok(connection)
}

/// Turns what SQLite says into the log's error.
pub(super) fn storage(operation: &'static str, path: &Path, error: impl Into<Arc<rusqlite::Error>>) -> LogError {
    let error = error.into();
    let path = path.display().to_string();
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DiskFull) => LogError::Full { path, source: Box::new(error) },
        _ => LogError::Storage { operation, path, source: Box::new(error) },
    }
}

fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    // Not read-only: the last connection of a WAL file must be able to recover it.
    let connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

/// Makes the tables where they are missing and returns the log's epoch.
fn prepare(connection: &Connection, path: &Path) -> Result<String, LogError> {
    let version: i64 =
        connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(|e| storage("open", path, e))?;
    if version > LAYOUT_VERSION {
        let source = format!(
            "layout {version} was written by a newer hub, this one knows {LAYOUT_VERSION}: install the newer hub again"
        );
        return Err(LogError::Storage { operation: "open", path: path.display().to_string(), source: source.into() });
    }
    let make = || -> rusqlite::Result<String> {
        let transaction = connection.unchecked_transaction()?;
        transaction.execute_batch(
            "CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;
             CREATE TABLE IF NOT EXISTS gateways(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
             CREATE TABLE IF NOT EXISTS entries(
                 position INTEGER PRIMARY KEY, gateway INTEGER NOT NULL, epoch INTEGER NOT NULL, sequence INTEGER NOT NULL,
                 received_us INTEGER NOT NULL, backfilled INTEGER NOT NULL, record BLOB NOT NULL);
             CREATE UNIQUE INDEX IF NOT EXISTS entries_by_sequence ON entries(gateway, epoch, sequence);
             CREATE TABLE IF NOT EXISTS durable(
                 gateway INTEGER NOT NULL, epoch INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
                 PRIMARY KEY(gateway, epoch, first)) WITHOUT ROWID;
             INSERT OR IGNORE INTO meta VALUES('next_position', 1);",
        )?;
        let epoch: Option<String> =
            transaction.query_row("SELECT value FROM meta WHERE key = 'log_epoch'", [], |row| row.get(0)).optional()?;
        let epoch = match epoch {
            Some(epoch) => epoch,
            None => {
                let epoch = format!("{:016x}", rand::random::<u64>());
                transaction.execute("INSERT INTO meta VALUES('log_epoch', ?1)", [&epoch])?;
                epoch
            }
        };
        transaction.pragma_update(None, "user_version", LAYOUT_VERSION)?;
        transaction.commit()?;
        Ok(epoch)
    };
    make().map_err(|e| storage("open", path, e))
}

fn newest_position(connection: &Connection) -> rusqlite::Result<u64> {
    let next: i64 = connection.query_row("SELECT value FROM meta WHERE key = 'next_position'", [], |row| row.get(0))?;
    Ok((next - 1).cast_unsigned())
}
