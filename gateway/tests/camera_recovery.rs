//! A camera that goes and comes back: noticed in time, told once, back within two seconds.

#![allow(clippy::unwrap_used, reason = "what fails in a helper of a test fails the test")]

mod camera_world;

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use camera_world::{Door, Seen, Server, Watch, lock, source};
use yiwang_gateway::board::State;
use yiwang_gateway::camera::{Cause, HealthNote, Transport};
use yiwang_wire::event::Phase;

/// What "within two seconds of its return" leaves for a machine that is busy with other tests.
const BACK: Duration = Duration::from_millis(2_000);

fn lost(seen: &Seen, wanted: Phase, after: Instant) -> Option<(Cause, Instant)> {
    seen.notes.iter().find_map(|(note, at)| match note {
        HealthNote::SignalLost { phase, cause, .. } if *phase == wanted && *at >= after => Some((*cause, *at)),
        _ => None,
    })
}

fn picture_after(seen: &Seen, after: Instant) -> Option<Instant> {
    seen.pictures.iter().map(|(.., at)| *at).find(|at| *at >= after)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_camera_without_power_is_told_and_is_back_within_two_seconds() {
    let server = Server::open();
    let mut door = Door::open(server.port).await;
    let watch = Watch::start(source(&door.url("/h264"), Transport::Tcp, None));
    watch.pictures(10).await;
    assert_eq!(watch.board.snapshot()["gate"].state, State::Ok);

    let shut = Instant::now();
    door.shut().await;
    let (cause, _) = watch.until("lost", Duration::from_secs(2), |seen| lost(seen, Phase::Begin, shut)).await;
    assert!(matches!(cause, Cause::Ended | Cause::Refused), "{cause}");
    // Until the waits between attempts have grown beyond what the return may take.
    watch
        .until("several attempts", Duration::from_secs(30), |_| {
            (watch.counters.attempts.load(Ordering::Relaxed) >= 5).then_some(())
        })
        .await;
    let line = watch.board.snapshot()["gate"].clone();
    assert_eq!((line.state, line.cause.as_str()), (State::Down, "refused"), "{line:?}");

    let back = Instant::now();
    door.reopen().await;
    let at = watch.until("back", Duration::from_secs(20), |seen| picture_after(seen, back)).await;
    assert!(at - back <= BACK, "back after {:?}", at - back);
    watch.until("told", Duration::from_secs(2), |seen| lost(seen, Phase::End, back)).await;
    let line = watch.board.snapshot()["gate"].clone();
    assert_eq!(line.state, State::Ok);
    let gap = line.gaps.back().expect("the time without pictures is a gap").clone();
    assert!(gap.to_us - gap.from_us > 1_000_000, "{gap:?}");
    {
        let seen = lock(&watch.seen);
        let begun = seen.notes.iter().filter(|(note, _)| matches!(note, HealthNote::SignalLost { .. })).count();
        assert_eq!(begun, 2, "told once: {:?}", seen.notes);
        for pair in seen.pictures.windows(2) {
            assert!(pair[1].0.media_us > pair[0].0.media_us, "media time goes on: {pair:?}");
        }
        let sessions = (seen.pictures[0].0.session, seen.pictures.last().unwrap().0.session);
        assert!(sessions.1 > sessions.0, "{sessions:?}");
    }
    watch.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_camera_is_noticed_in_three_seconds_and_is_back_within_two() {
    let server = Server::open();
    let door = Door::open(server.port).await;
    let watch = Watch::start(source(&door.url("/h264"), Transport::Tcp, None));
    watch.pictures(10).await;

    let frozen = Instant::now();
    door.freeze(true);
    let (cause, at) = watch.until("lost", Duration::from_secs(10), |seen| lost(seen, Phase::Begin, frozen)).await;
    assert_eq!(cause, Cause::Stalled);
    assert!((Duration::from_millis(2_900)..Duration::from_millis(4_000)).contains(&(at - frozen)), "{:?}", at - frozen);
    watch
        .until("another attempt", Duration::from_secs(30), |_| {
            (watch.counters.failures.load(Ordering::Relaxed) >= 3).then_some(())
        })
        .await;
    let back = Instant::now();
    door.freeze(false);
    let at = watch.until("back", Duration::from_secs(20), |seen| picture_after(seen, back)).await;
    assert!(at - back <= BACK, "back after {:?}", at - back);
    watch.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_camera_that_is_off_costs_next_to_nothing() {
    let shut = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let watches: Vec<_> =
        (0..50).map(|_| Watch::start(source(&format!("rtsp://{shut}/x"), Transport::Tcp, None))).collect();
    let all_down = |_: &Seen| watches.iter().all(|watch| !lock(&watch.seen).notes.is_empty()).then_some(());
    let first = &watches[0];
    tokio::time::timeout(Duration::from_secs(10), async {
        while all_down(&lock_free()).is_none() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .expect("all are down");
    let (cpu, since) = (cpu_us(), Instant::now());
    let attempts = first.counters.attempts.load(Ordering::Relaxed);
    first
        .until("four more attempts", Duration::from_secs(40), |_| {
            (first.counters.attempts.load(Ordering::Relaxed) >= attempts + 3).then_some(())
        })
        .await;
    let share = (cpu_us() - cpu) as f64 / since.elapsed().as_micros() as f64 / 50.0;
    eprintln!("a camera that is off costs {:.4} % of a core", share * 100.0);
    // A tenth of a percent is promised; the polling of this test itself is counted in.
    assert!(share < 0.001, "{share}");
    for watch in watches {
        watch.stop().await;
    }
}

fn lock_free() -> Seen {
    Seen::default()
}

/// User and system time of this process.
fn cpu_us() -> i64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<_> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    // Fields 14 and 15 of proc(5), in hundredths of a second.
    (fields[11].parse::<i64>().unwrap() + fields[12].parse::<i64>().unwrap()) * 10_000
}
