//! What every log backend must do, as a suite that tests run on each of them. It panics with what was broken.

use std::sync::Arc;

use super::{Log, LogEntry, LogError, Retention, append_blocking};

/// Opens (or reopens) the log that is tested; `fresh` asks for another, empty one.
pub trait Bench {
    /// The same log again, as after a restart. Whoever held it before has dropped it.
    fn reopen(&self) -> Arc<dyn Log>;
}

/// Runs the whole suite. `make` gives a bench with a new, empty log each time.
pub fn run<B: Bench>(make: impl Fn() -> B) {
    appended_is_read_back_in_order_after_reopening(&make());
    a_resend_adds_nothing(&make());
    positions_are_never_used_again(&make());
    retention_keeps_what_is_not_applied(&make());
    a_resend_after_retention_adds_nothing(&make());
    numbers_out_of_range_are_refused(&make());
    another_log_has_another_epoch(&make(), &make());
    many_writers_lose_nothing(&make());
}

/// An entry with content that tells it from others.
pub fn entry(gateway: &str, epoch: u64, sequence: u64, received_us: i64) -> LogEntry {
    LogEntry {
        gateway: gateway.into(),
        epoch,
        sequence,
        received_us,
        backfilled: sequence.is_multiple_of(2),
        record: format!("{gateway}/{epoch}/{sequence}").into_bytes(),
    }
}

fn append(log: &dyn Log, entries: Vec<LogEntry>) -> super::AppendOutcome {
    append_blocking(log, entries).expect("the append succeeds")
}

fn all(log: &dyn Log) -> Vec<super::Stored> {
    log.read(0, 100_000).expect("the log can be read")
}

fn keep_nothing(log: &dyn Log, applied: u64) -> usize {
    log.retain(Retention { age_us: 0, bytes: u64::MAX, applied }, i64::MAX).expect("retention succeeds")
}

fn appended_is_read_back_in_order_after_reopening(bench: &dyn Bench) {
    let log = bench.reopen();
    assert_eq!((log.newest_position(), log.oldest_position().expect("readable")), (0, None));
    let outcome = append(&*log, vec![entry("a", 5, 1, 10), entry("a", 5, 2, 11), entry("b", 5, 1, 12)]);
    assert_eq!((outcome.added, outcome.known, outcome.newest), (3, 0, 3));
    let epoch = log.log_epoch().to_owned();
    drop(log);
    let log = bench.reopen();
    assert_eq!(log.log_epoch(), epoch, "the epoch belongs to the log, not to the process");
    assert_eq!((log.newest_position(), log.oldest_position().expect("readable")), (3, Some(1)));
    let stored = all(&*log);
    assert_eq!(stored.iter().map(|s| s.position).collect::<Vec<_>>(), [1, 2, 3]);
    let first = &stored[0];
    assert_eq!(
        (first.gateway.as_str(), first.epoch, first.sequence, first.received_us, first.backfilled),
        ("a", 5, 1, 10, false)
    );
    assert_eq!(first.record, b"a/5/1");
    assert_eq!(log.read(1, 1).expect("readable"), stored[1..2]);
    assert_eq!(log.durable("a", 5).expect("readable").iter().collect::<Vec<_>>(), [(1, 2)]);
    assert!(log.durable("a", 6).expect("readable").is_empty() && log.durable("c", 5).expect("readable").is_empty());
}

fn a_resend_adds_nothing(bench: &dyn Bench) {
    let log = bench.reopen();
    append(&*log, vec![entry("a", 1, 1, 0), entry("a", 1, 3, 0)]);
    let outcome =
        append(&*log, vec![entry("a", 1, 1, 9), entry("a", 1, 2, 9), entry("a", 1, 2, 9), entry("a", 1, 3, 9)]);
    assert_eq!((outcome.added, outcome.known, outcome.newest), (1, 3, 3));
    // The same numbers of another epoch or gateway are other events.
    assert_eq!(append(&*log, vec![entry("a", 2, 1, 0), entry("b", 1, 1, 0)]).added, 2);
    drop(log);
    let log = bench.reopen();
    assert_eq!(append(&*log, vec![entry("a", 1, 2, 9), entry("a", 2, 1, 9)]).added, 0);
    assert_eq!(all(&*log).len(), 5);
    assert_eq!(log.durable("a", 1).expect("readable").iter().collect::<Vec<_>>(), [(1, 3)]);
}

fn positions_are_never_used_again(bench: &dyn Bench) {
    let log = bench.reopen();
    append(&*log, (1..=10).map(|n| entry("a", 1, n, 0)).collect());
    assert_eq!(keep_nothing(&*log, 10), 10);
    assert_eq!((log.oldest_position().expect("readable"), log.newest_position()), (None, 10));
    drop(log);
    let log = bench.reopen();
    assert_eq!(log.newest_position(), 10, "an emptied log still knows where it was");
    assert_eq!(append(&*log, vec![entry("a", 1, 11, 0)]).newest, 11);
    assert_eq!(all(&*log)[0].position, 11);
}

fn retention_keeps_what_is_not_applied(bench: &dyn Bench) {
    let log = bench.reopen();
    append(&*log, (1..=10).map(|n| entry("a", 1, n, i64::try_from(n).expect("small"))).collect());
    let by_age = Retention { age_us: 5, bytes: u64::MAX, applied: 10 };
    assert_eq!(log.retain(by_age, 9).expect("retention succeeds"), 3, "received before 4");
    assert_eq!(keep_nothing(&*log, 6), 3, "after 6 nothing is applied yet");
    let by_size = Retention { age_us: i64::MAX, bytes: 0, applied: 8 };
    assert_eq!(log.retain(by_size, 9).expect("retention succeeds"), 2);
    assert_eq!(all(&*log).iter().map(|s| s.position).collect::<Vec<_>>(), [9, 10]);
}

fn a_resend_after_retention_adds_nothing(bench: &dyn Bench) {
    let log = bench.reopen();
    append(&*log, (1..=10).map(|n| entry("a", 1, n, 0)).collect());
    keep_nothing(&*log, 10);
    drop(log);
    let log = bench.reopen();
    let outcome = append(&*log, (1..=10).map(|n| entry("a", 1, n, 5)).collect());
    assert_eq!((outcome.added, outcome.known), (0, 10));
    assert_eq!(log.durable("a", 1).expect("readable").iter().collect::<Vec<_>>(), [(1, 10)]);
}

fn numbers_out_of_range_are_refused(bench: &dyn Bench) {
    let log = bench.reopen();
    for (epoch, sequence) in [(0, 1), (1, 0), (u64::MAX, 1), (1, u64::MAX)] {
        let refused = append_blocking(&*log, vec![entry("a", epoch, sequence, 0)]);
        assert!(matches!(refused, Err(LogError::OutOfRange { .. })), "{epoch}, {sequence}");
    }
    assert_eq!(log.newest_position(), 0);
}

fn another_log_has_another_epoch(one: &dyn Bench, other: &dyn Bench) {
    assert_ne!(one.reopen().log_epoch(), other.reopen().log_epoch());
}

fn many_writers_lose_nothing(bench: &dyn Bench) {
    let log = bench.reopen();
    std::thread::scope(|scope| {
        for writer in 0..8u64 {
            let log = &log;
            scope.spawn(move || {
                let gateway = format!("gw-{writer}");
                for batch in 0..20u64 {
                    // Each batch overlaps the one before by half, as resends do.
                    let first = batch * 5 + 1;
                    append(&**log, (first..first + 10).map(|n| entry(&gateway, 1, n, 0)).collect());
                }
            });
        }
    });
    let stored = all(&*log);
    assert_eq!(stored.len(), 8 * 105);
    assert!(stored.windows(2).all(|pair| pair[0].position < pair[1].position));
    for writer in 0..8 {
        let gateway = format!("gw-{writer}");
        assert_eq!(log.durable(&gateway, 1).expect("readable").iter().collect::<Vec<_>>(), [(1, 105)]);
        let sequences: Vec<u64> = stored.iter().filter(|s| s.gateway == gateway).map(|s| s.sequence).collect();
        assert!(sequences.windows(2).all(|pair| pair[0] < pair[1]), "a gateway's own order is kept");
    }
}
