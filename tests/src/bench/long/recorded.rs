//! A day of sixteen cameras from recorded detections: what the default model finds before the cameras of a simulated
//! city is recorded once, and played again and again into trackers and rules as a gateway has them; their events go
//! through the product's own spool and uplink to a real hub, and what comes out of its feed is held against what went in.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use yiwang_city::camera::Camera;
use yiwang_city::without_pixels::Line;
use yiwang_city::world::{Options, World};
use yiwang_gateway::board::Board;
use yiwang_gateway::spool::{Spool, SpoolLimits};
use yiwang_inference::analyser::Analyser;
use yiwang_inference::detect::Detection;
use yiwang_inference::model::Model;
use yiwang_inference::rules::{Phase, RuleEvent};
use yiwang_inference::track::TrackerConfig;

use super::growth_mib;
use crate::bench::Report;
use crate::bench::model::{self, Eye, first_of_each_device};
use crate::feed::Feed;
use crate::link::{LinkError, now_us};
use crate::process::{Hub, binary, rss_bytes};
use crate::{events, uplink};

const CAMERAS: usize = 16;
/// As gateways sample.
const STEP_US: i64 = 200_000;
const HOUR_US: i64 = 3_600_000_000;
/// So much of each camera is recorded.
const RECORDED_US: i64 = 120_000_000;
/// More events than this on their way: time stands still until the hub has them, as no real day waits.
const ON_THEIR_WAY_MAX: u64 = 5_000;
/// The hub gets so long for the last of them.
const LAST: Duration = Duration::from_secs(120);

/// What is found in each picture of a camera.
type Recording = Vec<Vec<Detection>>;

/// A camera of the day.
struct Watch {
    id: String,
    /// Which recording, and how many pictures later it begins.
    recording: usize,
    offset: usize,
    analyser: Analyser,
    /// Ids of what is open.
    open: BTreeMap<u64, String>,
    /// Farthest that it was behind with what is settled.
    unsettled_us_max: i64,
}

/// Runs it.
#[allow(clippy::cast_precision_loss, reason = "small numbers")]
pub(super) fn run(report: &mut Report, hours: u32, seed: u64) -> Result<(), LinkError> {
    let model = model::default_model()?;
    eprintln!("  recording {} s of every camera of city {seed}", RECORDED_US / 1_000_000);
    let (cameras, recordings) = record(&model, seed)?;
    let directory = tempfile::tempdir()?;
    let mut hub = Hub::start(&directory.path().join("hub"));
    let state = directory.path().join("gateway");
    join(&hub, &state)?;
    let arrived = count_arrivals(&hub)?;
    let mut watches = watches(&cameras, &model)?;
    let ids: Vec<String> = watches.iter().map(|watch| watch.id.clone()).collect();
    let spool = Spool::open(&state.join("spool"), SpoolLimits::default(), now_us())?;
    let board = Arc::new(Board::new(ids.iter().cloned(), now_us()));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let shutdown = CancellationToken::new();
    let settings = uplink::settings(&state, &ids)?;
    let running = uplink::spawn(&runtime, settings, spool.clone(), Arc::clone(&board), shutdown.clone());

    let (from_us, begun) = (now_us() - i64::from(hours) * HOUR_US, Instant::now());
    let (mut sent, mut memory_mib) = (0u64, Vec::new());
    let end_us = i64::from(hours) * HOUR_US;
    for (number, t_us) in (0usize..).zip((0..end_us).step_by(STEP_US as usize)) {
        for watch in &mut watches {
            sent += watch.step(&recordings, number, t_us, from_us, &spool)?;
            if let Some(settled_us) = watch.analyser.settled_us() {
                board.complete(&watch.id, from_us + settled_us);
            }
        }
        if t_us % (HOUR_US / 4) == 0 {
            memory_mib.push(rss_bytes(std::process::id()) as f64 / 1024.0 / 1024.0);
        }
        if t_us % HOUR_US == 0 {
            eprintln!("  hour {}: {sent} events, {:.0} MiB", t_us / HOUR_US, memory_mib.last().unwrap_or(&0.0));
        }
        while number.is_multiple_of(500) && spool.stats().events > ON_THEIR_WAY_MAX {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    for watch in &mut watches {
        let made = watch.analyser.finish(end_us);
        sent += watch.send(made, from_us, &spool)?;
    }
    let played_s = begun.elapsed().as_secs_f64();
    let deadline = Instant::now() + LAST;
    while (arrived.lock().unwrap_or_else(PoisonError::into_inner).len() as u64) < sent && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(100));
    }
    let arrived = arrived.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let doubled = arrived.values().filter(|count| **count > 1).count();
    let lost = sent.saturating_sub(arrived.len() as u64);
    let beside = format!("{CAMERAS} cameras, {hours} h of pictures in {played_s:.0} s");
    report.add("long_events", "recorded day: events", sent as f64, "", &beside);
    report.add("long_lost", "of these lost on the way to the feed", lost as f64, "", "goal: 0");
    report.add("long_doubled", "doubled", doubled as f64, "", "goal: 0");
    let open: usize = watches.iter().map(|watch| watch.open.len()).sum();
    report.add("long_open", "begun and not ended when everything is over", open as f64, "", "goal: 0");
    let behind_us = watches.iter().map(|watch| watch.unsettled_us_max).max().unwrap_or(0);
    report.add(
        "long_unsettled_s_max",
        "longest that a camera thought about something",
        behind_us as f64 / 1e6,
        "s",
        "",
    );
    let growth = growth_mib(&memory_mib);
    let last = memory_mib.last().copied().unwrap_or(0.0);
    report.add(
        "long_growth_mib",
        "memory, last quarter against the second",
        growth,
        "MiB",
        &format!("{last:.0} in all"),
    );
    shutdown.cancel();
    runtime.block_on(running)?;
    hub.process().assert_running();
    Ok(())
}

impl Watch {
    fn step(
        &mut self,
        recordings: &[Recording],
        number: usize,
        t_us: i64,
        from_us: i64,
        spool: &Spool,
    ) -> Result<u64, LinkError> {
        let recording = &recordings[self.recording];
        let made = self.analyser.observe(t_us, &recording[(number + self.offset) % recording.len()]);
        let settled_us = self.analyser.settled_us().unwrap_or(t_us);
        self.unsettled_us_max = self.unsettled_us_max.max(t_us - settled_us);
        self.send(made, from_us, spool)
    }

    fn send(&mut self, made: Vec<RuleEvent>, from_us: i64, spool: &Spool) -> Result<u64, LinkError> {
        let mut sent = 0;
        for event in made {
            let line = self.line(&event, from_us);
            let event = events::made(&line).ok_or("a rule's event is no gateway's event")?;
            spool.append(&event, now_us())?;
            sent += 1;
        }
        Ok(sent)
    }

    fn line(&mut self, event: &RuleEvent, from_us: i64) -> Line {
        let id = uuid::Uuid::now_v7().to_string();
        let momentary = events::kinds().iter().any(|kind| kind.kind == event.kind && kind.momentary);
        let cause = match event.phase {
            Phase::Begin if momentary => None,
            Phase::Begin => {
                self.open.insert(event.open_key, id.clone());
                None
            }
            Phase::Update => self.open.get(&event.open_key).cloned(),
            Phase::End => self.open.remove(&event.open_key),
        };
        Line {
            id,
            cause,
            gateway: "long".into(),
            camera: self.id.clone(),
            rule: event.rule.clone(),
            kind: event.kind.into(),
            phase: event.phase.as_str().into(),
            captured_us: from_us + event.media_time_us,
            direction: event.direction.map(str::to_owned),
            track: event.track.as_ref().map(|track| track.id),
            class: event.track.as_ref().map(|_| "person".to_owned()),
            point: event.point,
        }
    }
}

fn watches(cameras: &[Camera], model: &Model) -> Result<Vec<Watch>, LinkError> {
    (0..CAMERAS)
        .map(|number| {
            let (recording, round) = (number % cameras.len(), number / cameras.len());
            let camera = &cameras[recording];
            let classes = &model.info().classes;
            Ok(Watch {
                id: format!("{}-{round}", camera.id),
                recording,
                offset: round * 217,
                analyser: Analyser::calibrated(
                    TrackerConfig::default(),
                    camera.rules.clone(),
                    classes,
                    Some(camera.calibration()),
                )?,
                open: BTreeMap::new(),
                unsettled_us_max: 0,
            })
        })
        .collect()
}

/// For each camera of the city, what the model finds in each picture.
fn record(model: &Model, seed: u64) -> Result<(Vec<Camera>, Vec<Recording>), LinkError> {
    let mut world = World::new(Options { seed, ..Options::default() });
    let light = world.light();
    let cameras = first_of_each_device(world.cameras());
    let mut eyes: Vec<Eye> = cameras.iter().map(|camera| Eye::new(&world, camera, seed)).collect::<Result<_, _>>()?;
    let mut tensors: Vec<_> = cameras.iter().map(|_| model.tensor()).collect();
    let mut recordings = vec![Vec::new(); cameras.len()];
    for t_us in (0..RECORDED_US).step_by(STEP_US as usize) {
        world.advance(t_us);
        for ((eye, tensor), recording) in eyes.iter_mut().zip(&mut tensors).zip(&mut recordings) {
            eye.look(&world, &light, t_us);
            model.prepare(&eye.picture(), t_us, tensor)?;
            recording.push(model.detect(tensor)?);
        }
    }
    Ok((cameras, recordings))
}

fn join(hub: &Hub, state: &Path) -> Result<(), LinkError> {
    let mut command = Command::new(binary("yiwang-gateway"));
    command.args(["join", &hub.quic.to_string(), &hub.join_token("long"), "--name", "long", "--state-dir"]);
    let output = command.arg(state).output()?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into()) }
}

/// How often each event came out of the hub's feed.
fn count_arrivals(hub: &Hub) -> Result<Arc<Mutex<HashMap<String, u32>>>, LinkError> {
    let mut feed = Feed::connect(&format!("{}/api/v1/feed?since=oldest", hub.web), &hub.feed_token(), None)?;
    let counts = Arc::new(Mutex::new(HashMap::new()));
    let shared = Arc::downgrade(&counts);
    std::thread::spawn(move || {
        while let Ok(item) = feed.next(Duration::from_secs(1)) {
            let Some(counts) = shared.upgrade() else { return };
            let Some(item) = item.filter(|item| item.event == "event") else { continue };
            let event: serde_json::Value = serde_json::from_str(&item.data).unwrap_or_default();
            // The gateway's own health is told too, and is not what was sent here.
            if let Some(id) = event["data"]["id"].as_str().filter(|_| event["data"]["rule"].is_string()) {
                *counts.lock().unwrap_or_else(PoisonError::into_inner).entry(id.to_owned()).or_insert(0) += 1;
            }
        }
    });
    Ok(counts)
}
