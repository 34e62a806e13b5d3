//! Every backend of the store passes the same suite; what is particular to SQLite's file is here.

use std::sync::Arc;

use yiwang_hub::store::sqlite::SqliteStore;
use yiwang_hub::store::{BACKENDS, Store, StoreError, conformance};

#[test]
fn every_backend_conforms() {
    for backend in BACKENDS {
        let dir = tempfile::tempdir().unwrap();
        let made = std::cell::Cell::new(0);
        conformance::run(&|| {
            made.set(made.get() + 1);
            let own = dir.path().join(made.get().to_string());
            std::fs::create_dir(&own).unwrap();
            (backend.open)(&own).unwrap()
        });
    }
}

#[test]
fn what_another_process_changes_is_seen_and_a_reopened_file_holds_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    let hub = SqliteStore::open(&path).unwrap();
    let before = hub.revision().unwrap();
    // The command line opens the same file while the hub runs.
    let command_line = SqliteStore::open(&path).unwrap();
    conformance::add_sample_department(&command_line, "police").unwrap();
    assert!(hub.revision().unwrap() > before);
    assert_eq!(hub.gateways().unwrap().len(), 1);
    drop((hub, command_line));
    assert_eq!(SqliteStore::open(&path).unwrap().gateways().unwrap().len(), 1);
}

#[test]
fn two_processes_that_start_at_once_make_one_store() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| SqliteStore::open(&path).unwrap());
        }
    });
    assert_eq!(SqliteStore::open(&path).unwrap().departments().unwrap().len(), 1);
}

#[test]
fn a_file_of_a_newer_version_is_refused_with_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    drop(SqliteStore::open(&path).unwrap());
    rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let error = SqliteStore::open(&path).err().unwrap();
    assert!(matches!(error, StoreError::Newer { found: 99, .. }), "{error}");
    assert!(error.to_string().contains("newer yiwang-hub"));
}

#[test]
fn a_file_that_is_no_store_is_an_error_and_stays_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    std::fs::write(&path, vec![7; 4096]).unwrap();
    assert!(matches!(SqliteStore::open(&path).err().unwrap(), StoreError::Storage { .. }));
    assert_eq!(std::fs::read(&path).unwrap(), vec![7; 4096]);
}

#[test]
fn readers_see_whole_batches_while_a_writer_is_at_work() {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&dir.path().join("store.db")).unwrap();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for batch in 0..50_u64 {
                let positions = batch * 10 + 1..=batch * 10 + 10;
                let events: Vec<_> =
                    positions.map(|p| Arc::new(conformance::sample_event(p, "police", p as i64))).collect();
                store.index(&events, batch * 10 + 10).unwrap();
            }
        });
        while !writer.is_finished() {
            let applied = store.applied_position().unwrap();
            let events = store.events_after(0, 10_000).unwrap();
            assert_eq!(events.len() % 10, 0, "a batch is there whole or not at all");
            assert!(events.len() as u64 >= applied);
        }
    });
}
