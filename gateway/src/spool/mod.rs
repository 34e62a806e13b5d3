//! The spool: events are on this disk before they are sent, and stay until the hub has them.
//!
//! `segment` is the layout, `store` the files (`memory` for simulations), `index` what is held, `core` the logic; this
//! file is the shell: a handle for many threads and one thread that writes.
//!
//! Invariants: a sequence is given once in an epoch, without a gap; an event that is sent was synced before; what is
//! not durable at the hub is held until it is, or counted as dropped with its reason and its time. Policy: over its
//! bound of bytes or age the oldest segment goes first; where the disk takes nothing, events wait in a bounded queue
//! and then the newest are refused. What other programs filled the disk with is no reason to delete unsent events.

mod core;
mod index;
mod memory;
pub mod segment;
mod store;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;
use yiwang_wire::codec::WireError;
use yiwang_wire::event::{Event, Record};
use yiwang_wire::ranges::RangeSet;

pub use self::core::{Commit, Core};
pub use self::index::{DropReason, Dropped, EpochHeld};
pub use self::memory::MemStore;
pub use self::store::{DirStore, Store};

/// Bounds of the spool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpoolLimits {
    /// Most bytes on disk; above them the oldest segment goes.
    pub bytes_max: u64,
    /// Longest wait; what is older goes, a segment at a time.
    pub age_max_us: i64,
    /// A segment is closed at about this size. What is released or dropped goes in such pieces.
    pub segment_bytes: u64,
    /// Events that may wait in memory for the disk; above them the newest are refused.
    pub queue_events: usize,
}

impl Default for SpoolLimits {
    fn default() -> Self {
        Self { bytes_max: 1 << 30, age_max_us: 7 * 86_400_000_000, segment_bytes: 1 << 20, queue_events: 8192 }
    }
}

impl SpoolLimits {
    /// A spool has room for a few segments, or dropping one would empty it.
    fn sane(mut self) -> Self {
        self.segment_bytes = self.segment_bytes.min(self.bytes_max / 4).max(1);
        self.queue_events = self.queue_events.max(1);
        self
    }
}

/// What went wrong with the spool.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// The folder.
    #[error("cannot open the spool in {dir}; it must be a folder that the gateway's user may write")]
    Open {
        /// Which.
        dir: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// What lies in it could not be read.
    #[error("cannot read the spool's files")]
    Recover {
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The event keeps not to the contract; nothing can carry it.
    #[error("an event of kind `{kind}` cannot be spooled")]
    Event {
        /// Its kind.
        kind: String,
        /// What is wrong.
        #[source]
        source: WireError,
    },
    /// No room: the event is counted as dropped.
    #[error("an event was dropped: {waiting} wait for the disk already ({cause})")]
    Refused {
        /// How many wait.
        waiting: usize,
        /// Why they do.
        cause: String,
    },
    /// The disk did not take it; it is tried again.
    #[error("cannot write the spool's segment {name}")]
    Write {
        /// The file.
        name: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The disk did not give it.
    #[error("cannot read the spool's segment {name}")]
    Read {
        /// The file.
        name: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It was not on disk in time.
    #[error("the event is not on disk after {waited_ms} ms ({cause})")]
    NotDurable {
        /// How long.
        waited_ms: u64,
        /// Why, where known.
        cause: String,
    },
    /// The thread could not be started.
    #[error("cannot start the spool's thread")]
    Thread(#[source] io::Error),
}

/// Figures for `/status` and the metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpoolStats {
    /// The epoch being written.
    pub epoch: u64,
    /// The last sequence given.
    pub last_sequence: u64,
    /// The last sequence on disk.
    pub durable_sequence: u64,
    /// Events that the hub has not acknowledged, those waiting for the disk included.
    pub events: u64,
    /// Events that wait for the disk.
    pub queued: usize,
    /// Bytes on disk.
    pub bytes: u64,
    /// Files.
    pub segments: usize,
    /// When the newest event of the oldest segment was spooled, microseconds since 1970 UTC.
    pub oldest_us: Option<i64>,
    /// Events dropped since the start, for any reason.
    pub dropped_events: u64,
    /// Damaged places found at the start.
    pub damages: u64,
    /// Bytes of torn writes found at the start.
    pub torn_bytes: u64,
    /// Why the disk takes nothing at the moment.
    pub fault: Option<String>,
}

/// What is held and what is lost, as the uplink's session needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpoolView {
    /// The epoch being written.
    pub epoch: u64,
    /// What is held, oldest epoch first; the one being written is always there.
    pub held: Vec<EpochHeld>,
    /// Sequences that never come.
    pub lost: Vec<(u64, RangeSet)>,
}

/// The spool, for many threads. Clones are the same spool; the last one writes what waits and closes.
#[derive(Debug, Clone)]
pub struct Spool {
    shared: Arc<Shared>,
    _closer: Arc<Closer>,
}

#[derive(Debug)]
struct Shared {
    core: Mutex<Core>,
    store: Arc<dyn Store>,
    /// Something waits, or the spool closes.
    wake: Condvar,
    /// A write has ended.
    done: Condvar,
    changed: watch::Sender<u64>,
    closing: std::sync::atomic::AtomicBool,
}

#[derive(Debug)]
struct Closer {
    shared: Arc<Shared>,
    writer: Option<std::thread::JoinHandle<()>>,
}

/// How long a commit waits for company: one sync then serves all events of that time.
const GROUP_WAIT: Duration = Duration::from_millis(5);
/// How often age is looked at, and how soon a failed write is tried again.
const LOOK_EVERY: Duration = Duration::from_secs(1);

impl Spool {
    /// Opens the spool in a folder, recovers what is there and begins a new epoch.
    pub fn open(dir: &Path, limits: SpoolLimits, now_us: i64) -> Result<Self, SpoolError> {
        let store = DirStore::open(dir).map_err(|source| SpoolError::Open { dir: dir.into(), source })?;
        Self::over(Arc::new(store), limits, now_us)
    }

    /// Opens a spool over any store.
    pub fn over(store: Arc<dyn Store>, limits: SpoolLimits, now_us: i64) -> Result<Self, SpoolError> {
        let core = Core::open(store.clone(), limits, now_us)?;
        let shared = Arc::new(Shared {
            core: Mutex::new(core),
            store,
            wake: Condvar::new(),
            done: Condvar::new(),
            changed: watch::Sender::new(0),
            closing: false.into(),
        });
        let writer = std::thread::Builder::new()
            .name("spool".into())
            .spawn({
                let shared = shared.clone();
                move || shared.write_until_closed()
            })
            .map_err(SpoolError::Thread)?;
        let closer = Arc::new(Closer { shared: shared.clone(), writer: Some(writer) });
        Ok(Self { shared, _closer: closer })
    }

    /// Takes an event over and returns its sequence at once; it is on disk soon after. An error means that it was
    /// dropped and counted.
    pub fn append(&self, event: &Event, now_us: i64) -> Result<u64, SpoolError> {
        let sequence = self.shared.lock().push(event, now_us)?;
        self.shared.wake.notify_one();
        Ok(sequence)
    }

    /// As `append`, and waits until it is on disk. After an error of kind `NotDurable` it still may get there.
    pub fn append_durable(&self, event: &Event, now_us: i64, timeout: Duration) -> Result<u64, SpoolError> {
        let sequence = self.append(event, now_us)?;
        self.wait_durable(sequence, timeout)?;
        Ok(sequence)
    }

    /// Waits until everything up to this sequence of the current epoch is on disk.
    pub fn wait_durable(&self, sequence: u64, timeout: Duration) -> Result<(), SpoolError> {
        let started = Instant::now();
        let mut core = self.shared.lock();
        while core.durable_sequence() < sequence {
            let Some(left) = timeout.checked_sub(started.elapsed()) else {
                let cause = core.stats().fault.unwrap_or_else(|| "the disk is slow".into());
                return Err(SpoolError::NotDurable { waited_ms: timeout.as_millis() as u64, cause });
            };
            core = self.shared.done.wait_timeout(core, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(())
    }

    /// The epoch being written.
    pub fn epoch(&self) -> u64 {
        self.shared.lock().epoch()
    }

    /// The last sequence given. Read it after the board: then every event before the board's time is among these.
    pub fn last_sequence(&self) -> u64 {
        self.shared.lock().last_sequence()
    }

    /// The hub has these of that epoch.
    pub fn release(&self, epoch: u64, durable: &RangeSet) {
        self.shared.lock().release(epoch, durable);
        self.shared.wake.notify_one();
    }

    /// Durable records of an epoch from a sequence on, as [`Core::read`] does; the disk is read without the lock.
    pub fn read(&self, epoch: u64, from: u64, events_max: usize, bytes_max: usize) -> Result<Vec<Record>, SpoolError> {
        let mut from = from;
        loop {
            let Some(place) = self.shared.lock().locate(epoch, from) else { return Ok(Vec::new()) };
            let read = core::read_place(&*self.shared.store, &place, from, events_max, bytes_max)?;
            let mut core = self.shared.lock();
            if read.is_empty() && core.locate(epoch, from).is_none_or(|now| now.name != place.name) {
                // It was released or dropped between the two looks: that is no damage.
                continue;
            }
            let (records, next) = core.took(epoch, from, &place, read);
            if !records.is_empty() {
                return Ok(records);
            }
            from = next;
        }
    }

    /// What is held and what is lost.
    pub fn view(&self) -> SpoolView {
        self.shared.lock().view()
    }

    /// Dropped spans that the hub was not told of yet.
    pub fn dropped(&self) -> Vec<Dropped> {
        self.shared.lock().dropped()
    }

    /// The hub was told of those up to this number.
    pub fn forget_dropped(&self, number: u64) {
        self.shared.lock().forget_dropped(number);
    }

    /// Changes with every commit; the value is the last durable sequence.
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.shared.changed.subscribe()
    }

    /// Figures.
    pub fn stats(&self) -> SpoolStats {
        self.shared.lock().stats()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Core> {
        // A panic while it was held is a bug; what is on disk stays right, and the gateway goes on.
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn closing(&self) -> bool {
        self.closing.load(std::sync::atomic::Ordering::Acquire)
    }

    fn write_until_closed(&self) {
        loop {
            let closing = self.closing();
            let failed = self.commit_all();
            if closing {
                return;
            }
            let core = self.lock();
            let idle = core.queued() == 0 || failed;
            if idle && !self.closing() {
                drop(self.wake.wait_timeout(core, LOOK_EVERY).unwrap_or_else(PoisonError::into_inner));
                if failed {
                    self.pause(LOOK_EVERY);
                } else {
                    self.pause(GROUP_WAIT);
                }
            }
        }
    }

    /// Waits without being woken by appends, but by closing.
    fn pause(&self, time: Duration) {
        let until = Instant::now() + time;
        let mut core = self.lock();
        while !self.closing()
            && let Some(left) = until.checked_duration_since(Instant::now())
        {
            core = self.done.wait_timeout(core, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Writes what waits; true where a write failed.
    fn commit_all(&self) -> bool {
        loop {
            let Some(commit) = self.lock().begin(now_us()) else { return false };
            let result = commit.perform(&*self.store);
            let mut core = self.lock();
            let was_failing = core.is_failing();
            let outcome = core.finish(commit, result);
            let durable = core.durable_sequence();
            drop(core);
            self.changed.send_replace(durable);
            self.done.notify_all();
            match outcome {
                Ok(()) if was_failing => tracing::info!("the spool can be written again"),
                Ok(()) => {}
                Err(error) => {
                    if !was_failing {
                        tracing::error!(
                            error = with_causes(&error),
                            "the spool cannot be written; events wait in memory"
                        );
                    }
                    return true;
                }
            }
        }
    }
}

impl Drop for Closer {
    fn drop(&mut self) {
        self.shared.closing.store(true, std::sync::atomic::Ordering::Release);
        // Under the lock, so that the writer is either before its look at `closing` or waiting already.
        drop(self.shared.lock());
        self.shared.wake.notify_all();
        self.shared.done.notify_all();
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            tracing::error!("the spool's thread has panicked");
        }
    }
}

/// An error with its causes in one line.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

/// The gateway's clock, microseconds since 1970 UTC.
pub(crate) fn now_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod model_tests;
