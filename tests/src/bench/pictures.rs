//! `tests/bench pictures`: how soon a person at the centre sees what a camera sees, what that costs the site's line, and
//! whether events wait for it. Hub and gateway are processes of their own, the gateway's line to the hub is a relay that
//! counts; the camera is the tests' RTSP server with a real clip, whose sender reports say when each picture was sent.
//!
//! Glass to glass is from that moment to when a client of the hub's API has the whole picture: camera to gateway, gateway to
//! hub, hub to the client. It holds what the clip's coding costs: of its ten pictures a second three of five are sent 400 ms
//! after they were taken, behind one that is shown later. What it leaves out is the browser's decoding, which
//! `tests/ui/pictures.test.mjs` sees (the age that the page shows).

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use yiwang_city::rtsp::{CameraSpec, Server, ServerSettings};

use super::Report;
use super::subscribers::Subscribers;
use crate::assets;
use crate::check::percentile;
use crate::link::{LinkError, now_us};
use crate::process::{Hub, Process, binary, wait_for};
use crate::proxy::{Impairment, Proxy};
use crate::viewer::Viewer;

const CAMERA: &str = "door";
const CLIP: &str = "one-by-one-person-detection.mp4";
/// How often somebody begins to watch for the first picture's delay.
const BEGINNINGS: usize = 15;
const VIEWERS: usize = 4;
const LONG: Duration = Duration::from_secs(120);
/// Rules that tell the same again and again: enough events for a percentile.
const RULES: usize = 8;
const PASSWORD: &str = "only for this measurement";

/// A hub, a gateway behind a relay, a camera.
struct Site {
    hub: Hub,
    line: Proxy,
    viewer: Viewer,
    gateway: String,
    _processes: (Process, Server),
    _directory: tempfile::TempDir,
}

/// Runs it; each phase takes `seconds`.
pub async fn run(report: &mut Report, seconds: u64) -> Result<(), LinkError> {
    let site = open().await?;
    let events = Subscribers::start(&site.hub.web, &site.hub.feed_token(), 1).await?;
    let viewer = site.viewer.clone();
    let gateway = site.gateway.clone();
    tokio::task::spawn_blocking(move || {
        wait_for("the camera's first picture", LONG, || {
            viewer.still(&gateway, CAMERA).ok().filter(|(status, _)| *status == 200)
        })
    })
    .await?;
    first_picture(report, &site).await?;

    let good = Impairment::default();
    let unwatched = phase(&site, &events, seconds, 0, good).await?;
    let watched = phase(&site, &events, seconds, VIEWERS, good).await?;
    let alone = phase(&site, &events, seconds, 1, good).await?;
    add(report, &unwatched, &alone, &watched);
    thin_line(report, &site, &events, seconds).await
}

/// What came in one phase.
struct Phase {
    uplink_bytes_per_s: f64,
    /// From capture to the feed, sorted.
    events_us: Vec<i64>,
    /// From capture to a viewer, sorted, of all viewers.
    pictures_us: Vec<i64>,
}

/// So many watch; the line is as good as `how` says once they have begun.
async fn phase(
    site: &Site,
    events: &Subscribers,
    seconds: u64,
    viewers: usize,
    how: Impairment,
) -> Result<Phase, LinkError> {
    let stop = Arc::new(AtomicBool::new(false));
    let watching: Vec<_> = (0..viewers).map(|_| watch(site, &stop)).collect();
    // Whatever begins has begun, and what the phase before left under way is through.
    tokio::time::sleep(Duration::from_secs(2)).await;
    site.line.set(how);
    events.take_latencies_us();
    let (before, begun) = (site.line.up_bytes(), Instant::now());
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    #[allow(clippy::cast_precision_loss, reason = "for showing")]
    let uplink_bytes_per_s = (site.line.up_bytes() - before) as f64 / begun.elapsed().as_secs_f64();
    let events_us = events.take_latencies_us();
    stop.store(true, Ordering::Relaxed);
    site.line.set(Impairment::default());
    let mut pictures_us = Vec::new();
    for viewer in watching {
        pictures_us.extend(viewer.await??);
    }
    pictures_us.sort_unstable();
    if viewers > 0 && pictures_us.is_empty() {
        return Err("somebody watched and no picture came".into());
    }
    Ok(Phase { uplink_bytes_per_s, events_us, pictures_us })
}

/// Watches until told to stop; how old each picture was when it was here.
fn watch(site: &Site, stop: &Arc<AtomicBool>) -> tokio::task::JoinHandle<Result<Vec<i64>, LinkError>> {
    let (viewer, gateway, stop) = (site.viewer.clone(), site.gateway.clone(), stop.clone());
    tokio::task::spawn_blocking(move || {
        let mut watch = viewer.watch(&gateway, CAMERA)?;
        let (mut ages_us, begun_us) = (Vec::new(), now_us());
        while !stop.load(Ordering::Relaxed) {
            let Some(record) = watch.next_record()? else { break };
            let Some(captured_us) = record.captured_us() else { continue };
            // What had come of the group before this viewer came is older for no fault of the way.
            if captured_us >= begun_us {
                ages_us.push(record.arrived_us - captured_us);
            }
        }
        Ok(ages_us)
    })
}

/// From the request to the first picture that can be shown, the gateway asked anew each time.
async fn first_picture(report: &mut Report, site: &Site) -> Result<(), LinkError> {
    let (viewer, gateway) = (site.viewer.clone(), site.gateway.clone());
    let taken = tokio::task::spawn_blocking(move || {
        let mut taken_us = Vec::new();
        for _ in 0..BEGINNINGS {
            let asked_us = now_us();
            let mut watch = viewer.watch(&gateway, CAMERA)?;
            while let Some(record) = watch.next_record()? {
                if record.captured_us().is_some() {
                    taken_us.push(record.arrived_us - asked_us);
                    break;
                }
            }
            drop(watch);
            // The hub and the gateway notice that nobody watches any more: the next beginning is one.
            std::thread::sleep(Duration::from_millis(1_300));
        }
        taken_us.sort_unstable();
        Ok::<_, LinkError>(taken_us)
    })
    .await??;
    let beside = format!("goal: 500 ms; p95 {:.0} ms of {BEGINNINGS}", ms(&taken, 0.95));
    report.add("first_picture_ms_p50", "first picture after the request", ms(&taken, 0.5), "ms", &beside);
    Ok(())
}

fn add(report: &mut Report, unwatched: &Phase, alone: &Phase, watched: &Phase) {
    let all = &watched.pictures_us;
    let beside = format!(
        "goal: 1000 ms; the clip's own coding takes 400; p5 {:.0}, p95 {:.0} ms, {} pictures, {VIEWERS} viewers",
        ms(all, 0.05),
        ms(all, 0.95),
        all.len()
    );
    report.add("glass_to_glass_ms_p50", "from the camera's send to the viewer", ms(all, 0.5), "ms", &beside);
    let mut uplink = |viewers: usize, phase: &Phase| {
        let key = format!("uplink_bytes_per_s_{viewers}_viewers");
        let beside = format!("{:.2} times that of one viewer", phase.uplink_bytes_per_s / alone.uplink_bytes_per_s);
        report.add(&key, &format!("uplink, {viewers} viewers"), phase.uplink_bytes_per_s, "B/s", &beside);
    };
    uplink(0, unwatched);
    uplink(1, alone);
    uplink(VIEWERS, watched);
    let ratio = ms(&watched.events_us, 0.99) / ms(&unwatched.events_us, 0.99).max(0.001);
    let count = |phase: &Phase| format!("p50 {:.0} ms, {} events", ms(&phase.events_us, 0.5), phase.events_us.len());
    let beside = count(unwatched);
    report.add(
        "event_ms_p99_unwatched",
        "event to feed, nobody watches",
        ms(&unwatched.events_us, 0.99),
        "ms",
        &beside,
    );
    let beside = format!("{ratio:.2} times; {}", count(watched));
    report.add("event_ms_p99_while_viewing", "event to feed, 4 watch", ms(&watched.events_us, 0.99), "ms", &beside);
}

/// The same events over a line that takes half of what the camera sends.
async fn thin_line(report: &mut Report, site: &Site, events: &Subscribers, seconds: u64) -> Result<(), LinkError> {
    let how = Impairment { rate_bytes: 14_000, delay_us: 20_000, ..Impairment::default() };
    let unwatched = phase(site, events, seconds, 0, how).await?;
    let watched = phase(site, events, seconds, 1, how).await?;
    let (without, with) = (ms(&unwatched.events_us, 0.99), ms(&watched.events_us, 0.99));
    let what = "event to feed, 14 kB/s, nobody watches";
    report.add("thin_event_ms_p99_unwatched", what, without, "ms", &format!("{} events", unwatched.events_us.len()));
    let beside = format!("{:.2} times; {} events", with / without.max(0.001), watched.events_us.len());
    report.add("thin_event_ms_p99_while_viewing", "event to feed, 14 kB/s, one watches", with, "ms", &beside);
    Ok(())
}

#[allow(clippy::cast_precision_loss, reason = "for showing")]
fn ms(sorted_us: &[i64], share: f64) -> f64 {
    percentile(sorted_us, share).unwrap_or_default() as f64 / 1000.0
}

async fn open() -> Result<Site, LinkError> {
    let clip = assets::clips("tests/bench pictures").ok_or("it needs the clips: set YIWANG_ASSETS")?.join(CLIP);
    let directory = tempfile::tempdir()?;
    let folder = directory.path().to_owned();
    let hub = Hub::start(&folder.join("hub"));
    let line = Proxy::start(hub.quic, Impairment::default(), 1).await?;
    let state = folder.join("gateway");
    let mut join = Command::new(binary("yiwang-gateway"));
    join.args(["join", &line.address().to_string(), &hub.join_token("police"), "--name", "site", "--state-dir"]);
    if !join.arg(&state).output()?.status.success() {
        return Err("the gateway could not join".into());
    }
    let cameras = vec![CameraSpec::new(CAMERA, clip)];
    let server = Server::start(&ServerSettings { listen: "127.0.0.1:0".parse()?, cameras, schedule: None })?;
    let config = write_config(&folder, &state, &server.url(CAMERA))?;
    let mut command = Command::new(binary("yiwang-gateway"));
    let process = Process::start(command.arg("run").arg("--config").arg(config), &folder.join("gateway.log"));
    let gateway = yiwang_gateway::uplink::Identity::load(&state)?.ok_or("the gateway has not joined")?.gateway;
    hub.add_user("viewer", "department", "police", PASSWORD);
    let viewer = Viewer::log_in(&hub.web, "viewer", PASSWORD)?;
    Ok(Site { hub, line, viewer, gateway, _processes: (process, server), _directory: directory })
}

/// The project's own small model, so that events do not wait for the processor.
fn write_config(folder: &Path, state: &Path, url: &str) -> Result<PathBuf, LinkError> {
    let rule = |n: usize| {
        format!(
            "[[camera.rule]]\nid = \"count-{n}\"\nkind = \"occupancy\"\ninterval_seconds = 1\nclasses = [\"person\"]\n\
             zone = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]\n"
        )
    };
    let rules: String = (0..RULES).map(rule).collect();
    let path = folder.join("gateway.toml");
    let text = format!(
        "state_dir = {state:?}\n[admin]\nlisten = \"127.0.0.1:0\"\n[[camera]]\nid = {CAMERA:?}\nurl = {url:?}\n{rules}"
    );
    std::fs::write(&path, text)?;
    Ok(path)
}
