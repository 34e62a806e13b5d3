//! Recorded clips: whole, the same in every run, and harmless where they are damaged; and a decoder that is spared
//! whole groups of pictures where it cannot keep up.

#![allow(clippy::unwrap_used, reason = "what fails in a helper of a test fails the test")]

mod camera_world;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use camera_world::{Watch, clip, lock, source};
use yiwang_gateway::camera::file::FileUnits;
use yiwang_gateway::camera::{AccessUnit, Cause, Taken, TimeSource, Transport, UnitSink};
use yiwang_gateway::decode::{Feeder, Picture, Sampler, run_blocking};

const PEOPLE: &str = "one-by-one-person-detection.mp4";

fn units(test: &str) -> Option<Vec<AccessUnit>> {
    let path = clip(test, PEOPLE)?;
    Some(FileUnits::open(&path, 0).unwrap().map(Result::unwrap).collect())
}

#[test]
fn a_clip_gives_every_access_unit_and_every_picture_the_same_in_each_run() {
    let Some(path) = clip("a_clip_gives_every_access_unit", PEOPLE) else { return };
    let run = || {
        let mut sampler = Sampler::new(5.0);
        let mut sums = Vec::new();
        let mut chosen = 0;
        let mut look = |picture: &Picture<'_>| {
            let planes = picture.i420();
            planes.check().unwrap();
            assert_eq!(picture.size_px(), (768, 432));
            assert_eq!(picture.times().time_source, TimeSource::File);
            chosen += u32::from(sampler.due(picture.times().media_us));
            let sum: u64 = planes.y.iter().step_by(97).map(|&y| u64::from(y)).sum();
            sums.push((picture.times().media_us, sum));
        };
        let summary = run_blocking(FileUnits::open(&path, 0).unwrap(), &mut look).unwrap();
        (summary, sums, chosen)
    };
    let (summary, sums, chosen) = run();
    assert_eq!((summary.units, summary.pictures, summary.undecoded), (1394, 1394, 0));
    assert_eq!(sums.len(), 1394);
    assert_eq!(sums[0].0, 0);
    for pair in sums.windows(2) {
        assert!((99_000..=101_000).contains(&(pair[1].0 - pair[0].0)), "{pair:?}");
    }
    assert_eq!(chosen, 697);
    assert_eq!(run(), (summary, sums, chosen));
}

#[test]
fn damaged_units_cost_their_own_pictures_and_not_the_run() {
    let Some(mut units) = units("damaged_units_cost_their_own_pictures") else { return };
    let mut random = 88_172_645_463_325_252_u64;
    for unit in units.iter_mut().skip(20).step_by(9) {
        for _ in 0..20 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let at = random as usize % unit.data.len();
            unit.data[at] = (random >> 32) as u8;
        }
    }
    units[700].data = vec![0xFF; 5_000];
    units[701].data.clear();
    let mut seen = 0;
    let mut look = |_: &Picture<'_>| seen += 1;
    let summary = run_blocking(units.into_iter().map(Ok), &mut look).unwrap();
    assert_eq!(summary.units, 1394);
    assert!(seen > 600, "{summary:?}");
}

#[test]
fn what_cannot_be_decoded_at_all_is_said() {
    let Some(units) = units("what_cannot_be_decoded_at_all") else { return };
    let mut feeder = Feeder::new(|_: &Picture<'_>| {});
    let mut error = None;
    for mut unit in units {
        let length = unit.data.len();
        unit.data = vec![0x55; length];
        // Slowly enough that the queue is not what holds it up.
        let deadline = Instant::now() + Duration::from_millis(2);
        while Instant::now() < deadline {
            std::thread::yield_now();
        }
        if let Err(found) = feeder.take(unit) {
            error = Some(found);
            break;
        }
    }
    let error = error.expect("five seconds without a picture");
    assert_eq!(error.cause, Cause::Decode, "{error}");
}

#[test]
fn a_slow_sink_costs_whole_groups_of_pictures_and_a_bounded_queue() {
    let Some(units) = units("a_slow_sink_costs_whole_groups") else { return };
    let held = Arc::new(AtomicBool::new(true));
    let shown: Arc<Mutex<Vec<i64>>> = Arc::default();
    let (hold, seen) = (Arc::clone(&held), Arc::clone(&shown));
    let mut feeder = Feeder::new(move |picture: &Picture<'_>| {
        while hold.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(1));
        }
        lock(&seen).push(picture.times().media_us);
    });
    let mut kept = Vec::new();
    let mut dropped = 0;
    let mut groups = Vec::new();
    for (n, unit) in units.into_iter().enumerate() {
        if n == 400 {
            held.store(false, Ordering::SeqCst);
            // Room again: most of what was kept is shown, but for what the decoder holds back to put in order.
            let deadline = Instant::now() + Duration::from_secs(10);
            while lock(&shown).len() + 16 < kept.len() && Instant::now() < deadline {
                std::thread::yield_now();
            }
            while feeder.queued() > 0 && Instant::now() < deadline {
                std::thread::yield_now();
            }
        }
        let (keyframe, media_us) = (unit.keyframe, unit.times.media_us);
        match feeder.take(unit).unwrap() {
            Taken::Kept => {
                if groups.last() == Some(&false) {
                    assert!(keyframe, "it starts again amid a group at {n}");
                }
                groups.push(true);
                kept.push(media_us);
            }
            Taken::Dropped(cause) => {
                assert_eq!(cause, Cause::Overload);
                dropped += 1;
                groups.push(false);
            }
            Taken::Waiting => panic!("waiting at {n}"),
        }
        if n == 399 {
            assert!(kept.len() < 20, "the queue is not bounded: {} waiting", kept.len());
        }
    }
    assert!(dropped > 300 && kept.len() > 20, "dropped {dropped}, kept {}", kept.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clip_as_a_camera_plays_in_real_time() {
    let Some(path) = clip("a_clip_as_a_camera_plays_in_real_time", PEOPLE) else { return };
    let url = format!("file://{}", path.display());
    let started = Instant::now();
    let watch = Watch::start(source(&url, Transport::Tcp, None));
    watch.pictures(21).await;
    let seen = std::mem::take(&mut *lock(&watch.seen));
    watch.stop().await;
    let (first, last) = (&seen.pictures[0], &seen.pictures[20]);
    assert_eq!(last.0.media_us - first.0.media_us, 2_000_000);
    // From the start and not from the first picture: on a busy machine that one comes late and the next ones catch up.
    let real = last.2 - started;
    assert!(real >= Duration::from_millis(1950), "{real:?}");
}
