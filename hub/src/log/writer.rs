//! The one thread that writes the SQLite log. Whatever waits in its queue is one transaction (group commit): the fsync
//! is paid once for all. What fails is rolled back whole and said to every caller of the group.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};
use tokio::sync::{mpsc, oneshot, watch};
use yiwang_wire::limits;
use yiwang_wire::ranges::RangeSet;

use super::sqlite::{SqliteLogSettings, open_connection, storage};
use super::{AppendOutcome, LogEntry, LogError, Retention};

/// Commands that may wait. When full the sender waits: the session takes no more from its gateway, and QUIC's flow
/// control tells the gateway.
pub(super) const QUEUE: usize = 256;
/// Entries in one transaction, so that the first caller of a group does not wait for ever.
const GROUP_ENTRIES_MAX: usize = 16 * 1024;
/// Sets of sequences held in memory. When full all are dropped and read again as they are asked for.
const SETS_MAX: usize = 1024;
/// Entries that one retention call removes, in steps; the timer comes again.
const RETAIN_ENTRIES_MAX: usize = 50_000;
const RETAIN_STEP_ENTRIES: usize = 1_000;

/// What the writer is asked for.
pub(super) enum Command {
    /// Append what is new.
    Append { entries: Arc<Vec<LogEntry>>, reply: oneshot::Sender<Result<AppendOutcome, LogError>> },
    /// Remove what may no longer stay.
    Retain { retention: Retention, now_us: i64, reply: std::sync::mpsc::SyncSender<Result<usize, LogError>> },
}

/// The thread's state that outlives a broken connection.
pub(super) struct Writer {
    pub(super) path: PathBuf,
    pub(super) settings: SqliteLogSettings,
    pub(super) newest: watch::Sender<u64>,
    pub(super) trouble: Arc<Mutex<Option<String>>>,
}

/// (row id of the gateway, epoch)
type Key = (i64, u64);
type Waiting = (Arc<Vec<LogEntry>>, oneshot::Sender<Result<AppendOutcome, LogError>>);

/// What is known without asking the database; changed only after a commit.
#[derive(Default)]
struct Known {
    gateways: HashMap<Arc<str>, i64>,
    sets: HashMap<Key, RangeSet>,
}

/// What a transaction would make of `Known`.
#[derive(Default)]
struct Draft {
    gateways: HashMap<Arc<str>, i64>,
    sets: HashMap<Key, RangeSet>,
}

impl Writer {
    /// Runs until the queue is closed and empty.
    pub(super) fn run(self, mut connection: Connection, mut commands: mpsc::Receiver<Command>) {
        let mut known = Known::default();
        let mut put_back = None;
        while let Some(command) = put_back.take().or_else(|| commands.blocking_recv()) {
            match command {
                Command::Append { entries, reply } => {
                    let mut count = entries.len();
                    let mut group = vec![(entries, reply)];
                    while count < GROUP_ENTRIES_MAX {
                        match commands.try_recv() {
                            Ok(Command::Append { entries, reply }) => {
                                count += entries.len();
                                group.push((entries, reply));
                            }
                            Ok(other) => {
                                put_back = Some(other);
                                break;
                            }
                            Err(_) => break,
                        }
                    }
                    self.append_group(&mut connection, &mut known, group);
                }
                Command::Retain { retention, now_us, reply } => {
                    let outcome =
                        retain(&mut connection, retention, now_us).map_err(|e| storage("clean", &self.path, e));
                    // Whoever asked may be gone.
                    let _ = reply.send(outcome);
                }
            }
        }
    }

    fn append_group(&self, connection: &mut Connection, known: &mut Known, group: Vec<Waiting>) {
        match append(connection, known, &group) {
            Ok((outcomes, newest)) => {
                self.newest.send_replace(newest);
                *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = None;
                for ((_, reply), outcome) in group.into_iter().zip(outcomes) {
                    let _ = reply.send(outcome);
                }
            }
            Err(error) => {
                let error = Arc::new(error);
                let shown = storage("append to", &self.path, error.clone());
                let text = format!("{shown}: {error}");
                let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
                if trouble.as_ref() != Some(&text) {
                    tracing::error!(reason = %text, "nothing is acknowledged, the gateways keep their events");
                    *trouble = Some(text);
                }
                drop(trouble);
                for (_, reply) in group {
                    let _ = reply.send(Err(storage("append to", &self.path, error.clone())));
                }
                // After a failed fsync the connection's view of the file is not to be trusted. A full disk is no such
                // thing, but a fresh connection costs little.
                if let Ok(fresh) = open_connection(&self.path, &self.settings) {
                    *connection = fresh;
                    *known = Known::default();
                }
            }
        }
    }
}

type Outcomes = Vec<Result<AppendOutcome, LogError>>;

/// One transaction; an error leaves nothing behind (the transaction rolls back when dropped).
fn append(connection: &mut Connection, known: &mut Known, group: &[Waiting]) -> rusqlite::Result<(Outcomes, u64)> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut next: i64 = transaction
        .prepare_cached("SELECT value FROM meta WHERE key = 'next_position'")?
        .query_row([], |row| row.get(0))?;
    let first = next;
    let mut draft = Draft::default();
    let mut outcomes = Vec::with_capacity(group.len());
    for (entries, _) in group {
        outcomes.push(append_one(&transaction, known, &mut draft, entries, &mut next)?);
    }
    if next != first {
        for (key, set) in &draft.sets {
            write_durable(&transaction, *key, known.sets.get(key), set)?;
        }
        transaction.prepare_cached("UPDATE meta SET value = ?1 WHERE key = 'next_position'")?.execute([next])?;
    }
    transaction.commit()?;
    if known.sets.len() + draft.sets.len() > SETS_MAX {
        known.sets.clear();
        known.gateways.clear();
    }
    known.gateways.extend(draft.gateways);
    known.sets.extend(draft.sets);
    let newest = (next - 1).cast_unsigned();
    for outcome in outcomes.iter_mut().flatten() {
        outcome.newest = newest;
    }
    Ok((outcomes, newest))
}

/// One caller's entries. The inner error is this caller's alone and leaves nothing behind.
fn append_one(
    transaction: &Transaction<'_>,
    known: &mut Known,
    draft: &mut Draft,
    entries: &[LogEntry],
    next: &mut i64,
) -> rusqlite::Result<Result<AppendOutcome, LogError>> {
    let mut proposal: HashMap<Key, RangeSet> = HashMap::new();
    let mut fresh = Vec::with_capacity(entries.len());
    for entry in entries {
        let gateway = gateway_row(transaction, known, draft, &entry.gateway)?;
        let key = (gateway, entry.epoch);
        let set = match proposal.entry(key) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(current_set(transaction, known, draft, key)?),
        };
        if set.insert(entry.sequence) {
            fresh.push((gateway, entry));
        }
        if set.len() > limits::MAX_RANGES {
            let gateway = entry.gateway.to_string();
            return Ok(Err(LogError::TooManyGaps { gateway, epoch: entry.epoch, max: limits::MAX_RANGES }));
        }
    }
    let mut insert = transaction.prepare_cached(
        "INSERT INTO entries(position, gateway, epoch, sequence, received_us, backfilled, record) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    let added = fresh.len();
    for (gateway, entry) in fresh {
        let (epoch, sequence) = (entry.epoch.cast_signed(), entry.sequence.cast_signed());
        insert.execute(params![*next, gateway, epoch, sequence, entry.received_us, entry.backfilled, entry.record])?;
        *next += 1;
    }
    draft.sets.extend(proposal);
    Ok(Ok(AppendOutcome { added, known: entries.len() - added, newest: 0 }))
}

fn gateway_row(
    transaction: &Transaction<'_>,
    known: &Known,
    draft: &mut Draft,
    name: &Arc<str>,
) -> rusqlite::Result<i64> {
    if let Some(&row) = known.gateways.get(name).or_else(|| draft.gateways.get(name)) {
        return Ok(row);
    }
    let found: Option<i64> = transaction
        .prepare_cached("SELECT id FROM gateways WHERE name = ?1")?
        .query_row([name.as_ref()], |row| row.get(0))
        .optional()?;
    let row = match found {
        Some(row) => row,
        None => {
            transaction.execute("INSERT INTO gateways(name) VALUES(?1)", [name.as_ref()])?;
            transaction.last_insert_rowid()
        }
    };
    draft.gateways.insert(name.clone(), row);
    Ok(row)
}

fn current_set(
    transaction: &Transaction<'_>,
    known: &mut Known,
    draft: &Draft,
    key: Key,
) -> rusqlite::Result<RangeSet> {
    if let Some(set) = draft.sets.get(&key).or_else(|| known.sets.get(&key)) {
        return Ok(set.clone());
    }
    let mut statement =
        transaction.prepare_cached("SELECT first, last FROM durable WHERE gateway = ?1 AND epoch = ?2")?;
    let rows = statement.query_map(params![key.0, key.1.cast_signed()], |row| {
        Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get::<_, i64>(1)?.cast_unsigned()))
    })?;
    let set: RangeSet = rows.collect::<rusqlite::Result<_>>()?;
    // What was read is committed, so it is known; `write_durable` needs it to find what changed.
    known.sets.insert(key, set.clone());
    Ok(set)
}

/// Writes the difference between two states of a set.
fn write_durable(
    transaction: &Transaction<'_>,
    key: Key,
    before: Option<&RangeSet>,
    after: &RangeSet,
) -> rusqlite::Result<()> {
    let before: BTreeSet<(u64, u64)> = before.map(|set| set.iter().collect()).unwrap_or_default();
    let after: BTreeSet<(u64, u64)> = after.iter().collect();
    let epoch = key.1.cast_signed();
    let mut delete =
        transaction.prepare_cached("DELETE FROM durable WHERE gateway = ?1 AND epoch = ?2 AND first = ?3")?;
    for (first, _) in before.difference(&after) {
        delete.execute(params![key.0, epoch, first.cast_signed()])?;
    }
    let mut insert =
        transaction.prepare_cached("INSERT INTO durable(gateway, epoch, first, last) VALUES(?1, ?2, ?3, ?4)")?;
    for (first, last) in after.difference(&before) {
        insert.execute(params![key.0, epoch, first.cast_signed(), last.cast_signed()])?;
    }
    Ok(())
}

/// Removes the oldest entries, in steps that are transactions of their own, while they are too old or too much.
fn retain(connection: &mut Connection, retention: Retention, now_us: i64) -> rusqlite::Result<usize> {
    let cutoff_us = now_us.saturating_sub(retention.age_us);
    let applied = i64::try_from(retention.applied).unwrap_or(i64::MAX);
    let step = i64::try_from(RETAIN_STEP_ENTRIES).expect("a small constant");
    let mut removed = 0;
    while removed < RETAIN_ENTRIES_MAX {
        // Above its size the oldest go whatever their age; else only what is too old. A clock that was set back leaves
        // younger entries in front of older ones: those wait for their own age.
        let until_us = if used_bytes(connection)? > retention.bytes { i64::MAX } else { cutoff_us };
        let count = connection
            .prepare_cached(
                "DELETE FROM entries WHERE received_us < ?1 AND position IN
                 (SELECT position FROM entries WHERE position <= ?2 ORDER BY position LIMIT ?3)",
            )?
            .execute(params![until_us, applied, step])?;
        removed += count;
        if count == 0 {
            break;
        }
    }
    if removed > 0 {
        // Gives the pages back to the disk; the pragma answers a row per step, which `query` drains.
        let mut statement = connection.prepare("PRAGMA incremental_vacuum")?;
        let mut rows = statement.query([])?;
        while rows.next()?.is_some() {}
    }
    Ok(removed)
}

fn used_bytes(connection: &Connection) -> rusqlite::Result<u64> {
    let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    Ok(((pragma("page_count")? - pragma("freelist_count")?) * pragma("page_size")?).cast_unsigned())
}
