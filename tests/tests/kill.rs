//! Real processes, killed at random moments on either side while events flow: what comes out of the feed is held against
//! a record that the emitting process wrote beside its spool, by a way of its own. Nothing lost, nothing doubled.
//!
//! `YIWANG_KILL_RUNS` (30) and `YIWANG_SEED` choose the runs; a run that fails prints its seed.
#![allow(clippy::unwrap_used, reason = "helpers of tests, outside of the test functions")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use yiwang_tests::feed::Feed;
use yiwang_tests::process::{Hub, Process, binary, wait_for};

/// Events a second; enough that every kill hits some on their way.
const RATE: &str = "300";
/// How long everything may take to arrive after the last kill.
const SETTLE: Duration = Duration::from_secs(60);

#[test]
fn events_survive_kills_of_either_side_once_each() {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let (first, runs) = match number("YIWANG_SEED") {
        Some(seed) => (seed, 1),
        None => (1, number("YIWANG_KILL_RUNS").unwrap_or(30)),
    };
    let mut total = Tally::default();
    for seed in first..first + runs {
        let tally = std::panic::catch_unwind(|| run(seed));
        let tally = tally.unwrap_or_else(|_| panic!("run {seed} failed; again: YIWANG_SEED={seed}"));
        total.add(&tally);
    }
    println!(
        "{runs} runs: {} events emitted, {} hub kills, {} gateway kills, lost {}, doubled {}",
        total.emitted, total.hub_kills, total.gateway_kills, total.lost, total.doubled
    );
    assert_eq!((total.lost, total.doubled, total.unknown), (0, 0, 0));
}

#[derive(Debug, Default)]
struct Tally {
    emitted: usize,
    lost: usize,
    doubled: usize,
    unknown: usize,
    hub_kills: usize,
    gateway_kills: usize,
}

impl Tally {
    fn add(&mut self, other: &Tally) {
        self.emitted += other.emitted;
        self.lost += other.lost;
        self.doubled += other.doubled;
        self.unknown += other.unknown;
        self.hub_kills += other.hub_kills;
        self.gateway_kills += other.gateway_kills;
    }
}

fn run(seed: u64) -> Tally {
    let directory = tempfile::tempdir().unwrap();
    let mut rng = StdRng::seed_from_u64(seed);
    let mut hub = Hub::start(&directory.path().join("hub"));
    let state = directory.path().join("gateway");
    let record = directory.path().join("record");
    join(&hub, &state);
    let watch = watch(&hub);
    let mut emitter = emit(&state, &record, directory.path(), RATE);
    let mut tally = Tally::default();
    for _ in 0..rng.random_range(2..5) {
        std::thread::sleep(Duration::from_millis(rng.random_range(150..900))); // the random moment
        let dead = Duration::from_millis(rng.random_range(0..400));
        if rng.random_bool(0.5) {
            hub.kill();
            std::thread::sleep(dead);
            hub.restart();
            tally.hub_kills += 1;
        } else {
            emitter.kill();
            std::thread::sleep(dead);
            emitter = emit(&state, &record, directory.path(), RATE);
            tally.gateway_kills += 1;
        }
    }
    // The last words: nothing new is made, what is spooled goes out.
    emitter.kill();
    let mut emitter = emit(&state, &record, directory.path(), "0");
    let (tried, done) = read_record(&record);
    let seen = watch.settle(&done, &mut emitter);
    tally.emitted = done.len();
    tally.lost = done.iter().filter(|id| !seen.contains_key(*id)).count();
    tally.doubled = seen.values().filter(|count| **count > 1).count();
    tally.unknown = seen.keys().filter(|id| !tried.contains(*id)).count();
    assert!(tally.emitted > 50, "only {} events were emitted: nothing was tested", tally.emitted);
    if (tally.lost, tally.doubled, tally.unknown) != (0, 0, 0) {
        let kept = directory.keep();
        eprintln!("seed {seed}: {tally:?}; everything is kept in {}", kept.display());
    }
    tally
}

fn join(hub: &Hub, state: &Path) {
    let mut command = Command::new(binary("yiwang-gateway"));
    command.args(["join", &hub.quic.to_string(), &hub.join_token("faults"), "--name", "faults", "--state-dir"]);
    let output = command.arg(state).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn emit(state: &Path, record: &Path, directory: &Path, rate: &str) -> Process {
    let mut command = Command::new(binary("yiwang-emit"));
    command.arg("--state").arg(state).arg("--record").arg(record).args(["--rate", rate]);
    Process::start(&mut command, &directory.join("emit.log"))
}

/// The ids that were tried, and those of them that the spool took over for good.
fn read_record(path: &Path) -> (BTreeSet<String>, BTreeSet<String>) {
    let text = std::fs::read_to_string(path).unwrap();
    let of = |word: &str| text.lines().filter_map(|line| line.strip_prefix(word)).map(str::to_owned).collect();
    (of("try "), of("done "))
}

/// A subscriber that outlives the hub's deaths.
struct Watch {
    seen: std::sync::Arc<std::sync::Mutex<BTreeMap<String, usize>>>,
}

fn watch(hub: &Hub) -> Watch {
    let token = hub.feed_token();
    let mut feed = Feed::connect(&format!("{}/api/v1/feed?since=oldest", hub.web), &token, None).unwrap();
    let seen = std::sync::Arc::new(std::sync::Mutex::new(BTreeMap::new()));
    let shared = std::sync::Arc::downgrade(&seen);
    std::thread::spawn(move || {
        loop {
            let item = match feed.next(Duration::from_secs(1)) {
                Ok(item) => item,
                Err(error) => return eprintln!("the feed ended: {error}"),
            };
            let Some(seen) = shared.upgrade() else { return };
            if let Some(item) = item.filter(|item| item.event == "event") {
                let event: serde_json::Value = serde_json::from_str(&item.data).unwrap();
                let event = &event["data"];
                if event["kind"] == "line_cross" {
                    *seen.lock().unwrap().entry(event["id"].as_str().unwrap().to_owned()).or_insert(0) += 1;
                }
            }
        }
    });
    Watch { seen }
}

impl Watch {
    /// Waits until all of `done` came and a moment longer, for what should not come.
    fn settle(&self, done: &BTreeSet<String>, emitter: &mut Process) -> BTreeMap<String, usize> {
        let deadline = Instant::now() + SETTLE;
        let complete = || done.iter().all(|id| self.seen.lock().unwrap().contains_key(id));
        while !complete() && Instant::now() < deadline {
            emitter.assert_running();
            std::thread::sleep(Duration::from_millis(20));
        }
        let mut last = (0, Instant::now());
        wait_for("the feed to be quiet", Duration::from_secs(10), || {
            let count = self.seen.lock().unwrap().values().sum();
            if count != last.0 {
                last = (count, Instant::now());
            }
            (last.1.elapsed() > Duration::from_millis(300)).then_some(())
        });
        self.seen.lock().unwrap().clone()
    }
}
