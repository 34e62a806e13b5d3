//! The SQLite log: the suite of every backend, and what only a file on a disk can do: be full, be cut off.
#![allow(clippy::unwrap_used, reason = "helpers of tests, outside of the test functions")]

use std::sync::Arc;

use yiwang_hub::log::conformance::{self, Bench, entry};
use yiwang_hub::log::{Log, LogError, Retention, SqliteLog, SqliteLogSettings, append_blocking};

struct Dir(tempfile::TempDir);

impl Bench for Dir {
    fn reopen(&self) -> Arc<dyn Log> {
        Arc::new(SqliteLog::open(&self.0.path().join("log.db"), SqliteLogSettings::default()).unwrap())
    }
}

#[test]
fn passes_the_conformance_suite() {
    conformance::run(|| Dir(tempfile::tempdir().unwrap()));
}

#[test]
fn a_full_disk_acknowledges_nothing_and_heals_when_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log.db");
    let log = SqliteLog::open(&path, SqliteLogSettings { bytes_max: Some(256 * 1024) }).unwrap();
    let big = |sequence| {
        let mut entry = entry("a", 1, sequence, 0);
        entry.record = vec![7; 4000];
        entry
    };
    let mut acknowledged = 0;
    let refused = loop {
        match append_blocking(&log, vec![big(acknowledged + 1)]) {
            Ok(outcome) => acknowledged += outcome.added as u64,
            Err(error) => break error,
        }
        assert!(acknowledged < 1000, "the bound has no effect");
    };
    assert!(matches!(refused, LogError::Full { .. }) && refused.is_passing(), "{refused:?}");
    assert!(log.trouble().unwrap().contains("no room"));
    let durable: Vec<_> = log.durable("a", 1).unwrap().iter().collect();
    assert_eq!(durable, [(1, acknowledged)], "what failed is not durable");
    assert_eq!(log.read(0, 1000).unwrap().len() as u64, acknowledged);

    // The very same append again, once retention made room.
    log.retain(Retention { age_us: i64::MAX, bytes: 64 * 1024, applied: u64::MAX }, 0).unwrap();
    assert_eq!(append_blocking(&log, vec![big(acknowledged + 1)]).unwrap().added, 1);
    assert_eq!(log.trouble(), None);
    drop(log);
    let check = rusqlite::Connection::open(&path).unwrap();
    let state: String = check.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(state, "ok");
}

#[test]
fn an_epoch_with_too_many_holes_is_refused_alone() {
    let dir = Dir(tempfile::tempdir().unwrap());
    let log = dir.reopen();
    let holes = (1..=yiwang_wire::limits::MAX_RANGES as u64 + 1).map(|n| entry("a", 1, 2 * n, 0)).collect();
    assert!(matches!(append_blocking(&*log, holes), Err(LogError::TooManyGaps { .. })));
    assert_eq!(log.newest_position(), 0);
    assert_eq!(append_blocking(&*log, vec![entry("b", 1, 1, 0)]).unwrap().added, 1);
}

#[test]
fn a_log_of_a_newer_hub_is_not_touched() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log.db");
    rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let error = SqliteLog::open(&path, SqliteLogSettings::default()).err().unwrap();
    assert!(std::error::Error::source(&error).unwrap().to_string().contains("newer hub"));
}
