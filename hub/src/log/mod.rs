//! The append-only log of what gateways reported: the seam, its backends and the suite that each backend passes.
//! Objective: what was acknowledged is here after any crash, once. It knows gateways and bytes, not what an event says:
//! decoding and enriching are `merge`'s.
//!
//! Invariants that `conformance` asserts on every backend:
//! - `append` answers after the data is on the disk; an error means that nothing of that call may be acknowledged.
//! - (gateway, epoch, sequence) is in the log at most once, for ever: also after retention removed its entry.
//! - Positions start at 1, strictly increase and are never used again, also after retention emptied the log.
//! - `durable` is what was ever appended, not what is still kept.

pub mod conformance;
mod sqlite;
mod writer;

use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;

use thiserror::Error;
use yiwang_wire::ranges::RangeSet;

pub use sqlite::{SqliteLog, SqliteLogSettings};

/// What one gateway's record is before the log gives it a position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// Gateway id.
    pub gateway: Arc<str>,
    /// The gateway's boot epoch, 1 to `i64::MAX`.
    pub epoch: u64,
    /// Its sequence in that epoch, 1 to `i64::MAX`.
    pub sequence: u64,
    /// When the hub received it, microseconds since 1970 UTC.
    pub received_us: i64,
    /// True where the gateway sent it as back-fill.
    pub backfilled: bool,
    /// The record as `yiwang_wire::codec::encode_record` makes it.
    pub record: Vec<u8>,
}

/// An entry with its position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Place in the log, from 1.
    pub position: u64,
    /// Gateway id.
    pub gateway: String,
    /// The gateway's boot epoch.
    pub epoch: u64,
    /// Its sequence in that epoch.
    pub sequence: u64,
    /// When the hub received it, microseconds since 1970 UTC.
    pub received_us: i64,
    /// True where the gateway sent it as back-fill.
    pub backfilled: bool,
    /// The record as bytes.
    pub record: Vec<u8>,
}

/// What an append did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AppendOutcome {
    /// Entries that are new.
    pub added: usize,
    /// Entries that the log had already.
    pub known: usize,
    /// The newest position of the whole log after this append; 0 while it is empty.
    pub newest: u64,
}

/// What may stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Entries received longer ago than this go.
    pub age_us: i64,
    /// Above this size of the log on disk the oldest go.
    pub bytes: u64,
    /// Nothing after this position goes: the store has not applied it yet.
    pub applied: u64,
}

/// Why the log could not do it.
#[derive(Debug, Error)]
pub enum LogError {
    /// The disk, or the size that the log was given, is full.
    #[error("the log has no room on its disk: free space below {path}, or lower log.keep_days in hub.toml")]
    Full {
        /// Where the log lies.
        path: String,
        /// What the backend says.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A number that no log position can hold.
    #[error("epoch {epoch}, sequence {sequence}: both must be 1 to 2^63-1")]
    OutOfRange {
        /// The epoch.
        epoch: u64,
        /// The sequence.
        sequence: u64,
    },
    /// An epoch with more gaps than the log is ready to remember.
    #[error("gateway {gateway}, epoch {epoch}: more than {max} separate ranges of sequences")]
    TooManyGaps {
        /// Gateway id.
        gateway: String,
        /// The epoch.
        epoch: u64,
        /// The bound.
        max: usize,
    },
    /// The backend failed.
    #[error("cannot {operation} the log at {path}")]
    Storage {
        /// What was tried.
        operation: &'static str,
        /// Where the log lies.
        path: String,
        /// What the backend says.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The log was shut down.
    #[error("the log is closed: the hub is shutting down")]
    Closed,
}

impl LogError {
    /// True where the same append can succeed later: the caller keeps it and tries again.
    pub fn is_passing(&self) -> bool {
        matches!(self, LogError::Full { .. } | LogError::Storage { .. })
    }
}

/// Resolves once the append is on the disk.
pub type Appending<'a> = Pin<Box<dyn Future<Output = Result<AppendOutcome, LogError>> + Send + 'a>>;

/// The seam. All methods but `append` and `durable` may touch the disk on the caller's thread.
pub trait Log: Send + Sync {
    /// Appends what is new of `entries`, in order. The future waits while the writer's queue is full, and resolves
    /// after the data is on the disk. Shared, because the caller keeps the entries until it succeeded.
    fn append(&self, entries: Arc<Vec<LogEntry>>) -> Appending<'_>;

    /// What was ever appended of a gateway's epoch.
    fn durable(&self, gateway: &str, epoch: u64) -> Result<RangeSet, LogError>;

    /// At most `limit` entries after a position, oldest first.
    fn read(&self, after_position: u64, limit: usize) -> Result<Vec<Stored>, LogError>;

    /// The oldest position that is still here; none while the log is empty.
    fn oldest_position(&self) -> Result<Option<u64>, LogError>;

    /// The newest position ever given; 0 before the first. Cheap: held in memory.
    fn newest_position(&self) -> u64;

    /// Waits for a position above `newest_position()`: the receiver's value is the newest one.
    fn watch(&self) -> tokio::sync::watch::Receiver<u64>;

    /// Random at the log's creation: a cursor of another log is recognised by it.
    fn log_epoch(&self) -> &str;

    /// Removes what is too old or too much; returns how many entries went.
    fn retain(&self, retention: Retention, now_us: i64) -> Result<usize, LogError>;

    /// The text of the last append's failure while it lasts, none once an append succeeds again.
    fn trouble(&self) -> Option<String>;
}

/// `append` for callers outside an async runtime: tests and tools.
pub fn append_blocking(log: &dyn Log, entries: Vec<LogEntry>) -> Result<AppendOutcome, LogError> {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Arc::new(Unpark(std::thread::current())).into();
    let mut context = std::task::Context::from_waker(&waker);
    let mut appending = log.append(Arc::new(entries));
    loop {
        match appending.as_mut().poll(&mut context) {
            std::task::Poll::Ready(outcome) => return outcome,
            std::task::Poll::Pending => std::thread::park(),
        }
    }
}

/// A backend: its name in `hub.toml` and how it opens.
pub struct Backend {
    /// Name (`log.backend`).
    pub name: &'static str,
    /// Opens or creates the log below a directory.
    pub open: fn(&Path) -> Result<Arc<dyn Log>, LogError>,
}

/// Every backend. To add one: a file here, a line here, and it passes `conformance`.
pub const BACKENDS: &[Backend] = &[Backend {
    name: "sqlite",
    open: |dir| Ok(Arc::new(SqliteLog::open(&dir.join("log.db"), SqliteLogSettings::default())?)),
}];
