//! `tests/bench search`: how long a search takes over ten million events of ten thousand cameras in a real hub: by time,
//! area, kind, department and words, two Chinese characters among them. The index is filled as the hub fills it, without
//! the way through gateways and log.

use std::sync::Arc;
use std::time::Instant;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use yiwang_hub::store::sqlite::SqliteStore;
use yiwang_hub::store::{CameraInfo, Hello, NewGateway, Store as _, StoredEvent};
use yiwang_hub::web::json::rfc3339;

use super::Report;
use crate::check::percentile;
use crate::events;
use crate::feed;
use crate::link::{LinkError, now_us};
use crate::process::Hub;

/// How much there is.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Events.
    pub events: u64,
}

const GATEWAYS: u64 = 100;
const CAMERAS: u64 = 10_000;
const DEPARTMENTS: [&str; 4] = ["公安", "交警", "城管", "学校"];
const PLACES: [&str; 8] = ["市民广场", "解放路口", "滨江步道", "实验小学", "书院巷", "地铁工地", "公交站", "东门"];
/// How far back the events go.
const SPAN_US: i64 = 90 * 24 * 3_600_000_000;
/// Events of one transaction.
const STEP: usize = 4_096;
/// Searches of each sort.
const ASKED: usize = 25;

/// Where a camera stands: a square of 100 by 100, 100 m apart.
#[allow(clippy::cast_precision_loss, reason = "below 100")]
fn place(number: u64) -> (f64, f64) {
    (120.0 + (number % 100) as f64 * 0.001, 30.0 + (number / 100) as f64 * 0.001)
}

fn name(number: u64) -> String {
    format!("{} {number}", PLACES[(number % 8) as usize])
}

/// Runs it.
pub fn run(report: &mut Report, size: Size) -> Result<(), LinkError> {
    let directory = tempfile::tempdir()?;
    std::fs::create_dir_all(directory.path().join("data"))?;
    let newest_us = now_us() - 1_000_000;
    let began = Instant::now();
    fill(&directory.path().join("data/store.db"), size.events, newest_us)?;
    #[allow(clippy::cast_precision_loss, reason = "a rate")]
    let per_s = size.events as f64 / began.elapsed().as_secs_f64();
    eprintln!("  {} events indexed, {per_s:.0} a second", size.events);
    let hub = Hub::start(directory.path());
    let token = hub.feed_token();
    let mut random = StdRng::seed_from_u64(1);
    let mut all_us = Vec::new();
    for (sort, question) in SORTS {
        let mut took_us = Vec::new();
        let mut least = usize::MAX;
        for _ in 0..ASKED {
            let url = format!("{}/api/v1/search?limit=100&{}", hub.web, question(&mut random, newest_us));
            let began = Instant::now();
            let answer = feed::get(&url, &token)?;
            took_us.push(i64::try_from(began.elapsed().as_micros())?);
            let answer: serde_json::Value = serde_json::from_str(&answer)?;
            let found = answer["events"].as_array().map_or(0, Vec::len);
            if found < least {
                least = found;
            }
        }
        took_us.sort_unstable();
        let beside = format!("least found {least}; median {:.1} ms", ms(&took_us, 0.5));
        report.add(
            &format!("search_{}_ms_max", sort.replace(' ', "_")),
            &format!("by {sort}, slowest of {ASKED}"),
            ms(&took_us, 1.0),
            "ms",
            &beside,
        );
        all_us.append(&mut took_us);
    }
    all_us.sort_unstable();
    let beside = format!("{} searches over {} events; goal 200", all_us.len(), size.events);
    report.add("search_10m_ms_p99", "search, p99", ms(&all_us, 0.99), "ms", &beside);
    report.add("search_10m_ms_p50", "the same, p50", ms(&all_us, 0.5), "ms", "what p99 is compared with");
    #[allow(clippy::cast_precision_loss, reason = "a count")]
    report.add("search_events", "events in the index", size.events as f64, "", &format!("{per_s:.0} indexed a second"));
    Ok(())
}

#[allow(clippy::cast_precision_loss, reason = "microseconds of one run")]
fn ms(sorted_us: &[i64], part: f64) -> f64 {
    percentile(sorted_us, part).unwrap_or_default() as f64 / 1000.0
}

/// What is asked, by its name.
type Question = fn(&mut StdRng, i64) -> String;

const SORTS: [(&str, Question); 8] = [
    ("time", |random, newest| window(random, newest, 3_600_000_000)),
    ("kind", |random, newest| {
        format!("kind=kind_{}&{}", random.random_range(0..8), window(random, newest, 24 * 3_600_000_000))
    }),
    ("department", |random, newest| {
        let department = DEPARTMENTS[random.random_range(0..4)];
        format!("department={}&{}", escaped(department), window(random, newest, 24 * 3_600_000_000))
    }),
    ("small area", |random, _| area(random, 0.003)),
    ("wide area", |random, newest| {
        format!("{}&{}", area(random, 0.04), window(random, newest, 7 * 24 * 3_600_000_000))
    }),
    ("two characters", |random, _| {
        format!("q={}", escaped(["广场", "路口", "工地", "东门"][random.random_range(0..4)]))
    }),
    ("name and rule", |random, _| {
        format!("q={}%20lane_2", escaped(&format!("东门 {}", random.random_range(0..1250) * 8 + 7)))
    }),
    ("word and area", |random, _| format!("q={}&{}", escaped("小学"), area(random, 0.01))),
];

fn window(random: &mut StdRng, newest_us: i64, length_us: i64) -> String {
    let to_us = newest_us - random.random_range(0..SPAN_US - length_us);
    format!("from={}&to={}", rfc3339(to_us - length_us), rfc3339(to_us))
}

fn area(random: &mut StdRng, side: f64) -> String {
    let (west, south) = (random.random_range(120.0..120.1 - side), random.random_range(30.0..30.1 - side));
    let (east, north) = (west + side, south + side);
    format!("area={west},{south};{east},{south};{east},{north};{west},{north}")
}

fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn fill(path: &std::path::Path, events: u64, newest_us: i64) -> Result<(), LinkError> {
    let store = SqliteStore::open(path)?;
    for department in DEPARTMENTS {
        store.ensure_department(department, newest_us)?;
    }
    for gateway in 0..GATEWAYS {
        let id = format!("gw-{gateway}");
        let department = DEPARTMENTS[(gateway % 4) as usize].to_owned();
        let new = NewGateway { name: id.clone(), id, department, certificate_ends_us: newest_us * 2 };
        store.add_gateway(&new, newest_us)?;
        let camera = |number: u64| CameraInfo {
            id: format!("cam-{number}"),
            name: name(number),
            place: Some(place(number)),
            heading_deg: None,
            field_of_view_deg: None,
        };
        let cameras = (gateway..CAMERAS).step_by(GATEWAYS as usize).map(camera).collect();
        let hello = Hello { software: String::new(), config_revision: String::new(), epoch: 1, cameras };
        store.set_hello(&new.id, &hello, newest_us)?;
    }
    let mut kinds = Vec::new();
    for number in 0..8 {
        let mut kind = events::kind();
        kind.kind = format!("kind_{number}");
        kinds.push(kind);
    }
    store.upsert_kinds(&kinds)?;
    let from_us = newest_us - SPAN_US;
    let step_us = SPAN_US / i64::try_from(events.max(1))?;
    let mut random = StdRng::seed_from_u64(7);
    for first in (0..events).step_by(STEP) {
        let batch = (first..events.min(first + STEP as u64)).map(|index| {
            let camera = random.random_range(0..CAMERAS);
            let captured_us = from_us + i64::try_from(index).unwrap_or(0) * step_us;
            let mut event = events::crossing(&format!("cam-{camera}"), index, captured_us);
            event.kind = format!("kind_{}", random.random_range(0..8));
            let gateway = camera % GATEWAYS;
            Arc::new(StoredEvent {
                position: index + 1,
                gateway: format!("gw-{gateway}").into(),
                department: DEPARTMENTS[(gateway % 4) as usize].into(),
                camera_name: Some(name(camera).into()),
                place: Some(place(camera)),
                received_us: newest_us,
                backfilled: false,
                epoch: 1,
                sequence: index + 1,
                event,
            })
        });
        // The log that this hub is started with is empty: nothing of it is applied.
        store.index(&batch.collect::<Vec<_>>(), 0)?;
        if first.is_multiple_of(STEP as u64 * 200) {
            eprintln!("  {first} events");
        }
    }
    Ok(())
}
