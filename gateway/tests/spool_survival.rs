//! The spool on a real disk: `kill -9` in the middle of its work, and a disk that takes nothing. The children are this
//! test program again.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use yiwang_gateway::spool::{Spool, SpoolLimits};
use yiwang_wire::event::{Event, Phase, Severity, TimeSource};

const NOW_US: i64 = 1_800_000_000_000_000;
const CHILD_DIR: &str = "YIWANG_TEST_SPOOL_DIR";

fn event(number: u64) -> Event {
    Event {
        id: uuid::Uuid::from_u128(u128::from(number)),
        cause: None,
        camera: Some("east".into()),
        kind: "intrusion".into(),
        phase: Phase::Begin,
        severity: Severity::High,
        rule: None,
        config_revision: String::new(),
        captured_us: NOW_US,
        time_source: TimeSource::Arrival,
        time_error_ms: 0,
        direction: None,
        subject: None,
        point: None,
        frame_px: None,
        measures: vec![],
        model: None,
        attributes: vec![("number".into(), number.to_string())],
    }
}

fn limits() -> SpoolLimits {
    SpoolLimits { segment_bytes: 20_000, queue_events: 100, ..SpoolLimits::default() }
}

fn read_all(spool: &Spool) -> Vec<(u64, u64)> {
    let mut all = Vec::new();
    for held in spool.view().held {
        let mut from = held.first;
        loop {
            let records = spool.read(held.epoch, from, 500, 100_000).unwrap();
            let Some(last) = records.last() else { break };
            from = last.sequence + 1;
            for record in records {
                assert_eq!(record.event.attributes[0].1, record.sequence.to_string());
                all.push((record.epoch, record.sequence));
            }
        }
    }
    all
}

/// Not a test of its own: it spools until it is killed, and says what is durable.
#[test]
#[allow(clippy::print_stdout, reason = "its parent reads it")]
fn child_that_spools_until_it_is_killed() {
    let Ok(dir) = std::env::var(CHILD_DIR) else { return };
    let spool = Spool::open(Path::new(&dir), limits(), NOW_US).unwrap();
    for number in 1.. {
        let sequence = spool.append(&event(number), NOW_US).unwrap();
        if sequence.is_multiple_of(7) {
            spool.wait_durable(sequence, Duration::from_secs(20)).unwrap();
            println!("durable {} {sequence}", spool.epoch());
        }
    }
}

#[test]
fn what_was_durable_survives_kill_9() {
    let dir = tempfile::tempdir().unwrap();
    let mut durable: Vec<(u64, u64)> = Vec::new();
    for round in 0..8 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_that_spools_until_it_is_killed", "--nocapture"])
            .env(CHILD_DIR, dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut seen = 0;
        // It is killed while it goes on writing, at another place in each round.
        while seen < 3 + round * 5 {
            let line = lines.next().expect("the child goes on until it is killed").unwrap();
            if let Some(rest) = line.split("durable ").nth(1) {
                let mut numbers = rest.split(' ').map(|number| number.parse().unwrap());
                durable.push((numbers.next().unwrap(), numbers.next().unwrap()));
                seen += 1;
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let spool = Spool::open(dir.path(), limits(), NOW_US).unwrap();
        let held = read_all(&spool);
        for &(epoch, sequence) in &durable {
            assert!(held.contains(&(epoch, sequence)), "round {round}: {sequence} of {epoch} is gone");
        }
        assert!(spool.view().lost.is_empty() && spool.stats().dropped_events == 0, "round {round}");
    }
}

#[test]
fn two_gateways_cannot_share_a_spool() {
    let dir = tempfile::tempdir().unwrap();
    let first = Spool::open(dir.path(), limits(), NOW_US).unwrap();
    assert!(Spool::open(dir.path(), limits(), NOW_US).is_err());
    drop(first);
    assert!(Spool::open(dir.path(), limits(), NOW_US).is_ok());
}

#[test]
fn the_last_handle_writes_what_waits() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(dir.path(), limits(), NOW_US).unwrap();
    for number in 1..=50 {
        spool.append(&event(number), NOW_US).unwrap();
    }
    drop(spool);
    assert_eq!(read_all(&Spool::open(dir.path(), limits(), NOW_US).unwrap()).len(), 50);
}

/// Sets the largest size that this process may write a file to; above it writes fail as on a full disk.
#[allow(unsafe_code, reason = "the limit and the signal that goes with it have no safe interface")]
fn limit_files(bytes: u64) {
    let limit = libc::rlimit { rlim_cur: bytes, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: both calls take plain values or a pointer to a living struct, and no handler is installed.
    unsafe {
        libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
        assert_eq!(libc::setrlimit(libc::RLIMIT_FSIZE, &limit), 0);
    }
}

#[test]
fn a_disk_that_takes_nothing_stops_nobody_and_is_counted() {
    // In a process of its own: the limit would hit every test beside it.
    if std::env::var(CHILD_DIR).is_err() {
        let dir = tempfile::tempdir().unwrap();
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "a_disk_that_takes_nothing_stops_nobody_and_is_counted", "--nocapture"])
            .env(CHILD_DIR, dir.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        return;
    }
    let dir = std::env::var(CHILD_DIR).unwrap();
    let spool = Spool::open(Path::new(&dir), limits(), NOW_US).unwrap();
    spool.append_durable(&event(1), NOW_US, Duration::from_secs(20)).unwrap();
    limit_files(0);
    let mut taken = 1;
    while let Ok(sequence) = spool.append(&event(taken + 1), NOW_US) {
        taken = sequence;
    }
    let until = Instant::now() + Duration::from_secs(20);
    while spool.stats().fault.is_none() {
        assert!(Instant::now() < until, "the fault is not shown");
        std::thread::yield_now();
    }
    let refused = spool.append(&event(0), NOW_US).unwrap_err().to_string();
    assert!(refused.contains("File too large"), "{refused}");
    let stats = spool.stats();
    assert_eq!((stats.dropped_events, stats.durable_sequence), (2, 1));
    limit_files(libc::RLIM_INFINITY);
    spool.wait_durable(taken, Duration::from_secs(20)).unwrap();
    assert_eq!(spool.stats().fault, None);
    assert_eq!(read_all(&spool).len() as u64, taken);
}
