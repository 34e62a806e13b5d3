//! Real streams of the simulated city before a real gateway and a real hub, with faults of cameras at random, the hub
//! killed now and then, and the cameras' process stopped for some seconds. In the end every camera is there again, what
//! it missed is told with a reason, and memory is where it was.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::Value;

use super::growth_mib;
use crate::bench::Report;
use crate::feed;
use crate::link::LinkError;
use crate::process::{Hub, Process, as_installed, binary, wait_for};

/// Cameras of three departments, of the city's own.
const CAMERAS: [&str; 8] =
    ["pol-square", "pol-school", "pol-crossing", "pol-bus-stop", "trf-crossing", "trf-side", "cty-square", "cty-site"];
const FAULTS: [&str; 9] =
    ["covered", "blurred", "moved", "frozen", "dark", "glare", "noise", "signal_lost", "clock_drift"];
/// How long a fault lasts, seconds, and how long there is none after it.
const FAULT_S: std::ops::Range<u64> = 15..60;
const PAUSE_S: std::ops::Range<u64> = 60..240;
/// Between two samples of memory.
const SAMPLE: Duration = Duration::from_secs(5);
/// Between two deaths of something.
const DEATH_S: std::ops::Range<u64> = 90..200;
/// After the last fault everything must be there again within this time.
const AGAIN: Duration = Duration::from_secs(90);
const START: Duration = Duration::from_secs(120);

/// Runs it.
#[allow(clippy::cast_precision_loss, reason = "small numbers")]
pub(super) fn run(report: &mut Report, seconds: u64, seed: u64) -> Result<(), LinkError> {
    let directory = tempfile::tempdir()?;
    let mut random = StdRng::seed_from_u64(seed);
    let faults = faults(&mut random, seconds);
    eprintln!("  {seconds} s of {} cameras with {} faults", CAMERAS.len(), faults.len());
    let mut site = Site::start(directory.path(), seed, &faults)?;
    let token = site.hub.feed_token();
    let (begun, mut gateway_mib, mut hub_mib) = (Instant::now(), Vec::new(), Vec::new());
    let (mut deaths, mut next_death_s) = (0, random.random_range(DEATH_S));
    while begun.elapsed() < Duration::from_secs(seconds) {
        std::thread::sleep(SAMPLE); // the time that is lived through
        site.gateway.assert_running();
        gateway_mib.push(site.gateway.rss_bytes() as f64 / 1024.0 / 1024.0);
        hub_mib.push(site.hub.process().rss_bytes() as f64 / 1024.0 / 1024.0);
        // None in the last minutes: what is asked then is whether all is well again.
        if begun.elapsed().as_secs() >= next_death_s && begun.elapsed().as_secs() + FAULT_S.end < seconds {
            site.death(&mut random);
            deaths += 1;
            next_death_s = begun.elapsed().as_secs() + random.random_range(DEATH_S);
        }
    }
    let silent = site.silent_after(AGAIN, &token);
    let (gaps, unexplained) = site.gaps(&token);
    let beside = format!("{} faults, {deaths} deaths, {seconds} s", faults.len());
    report.add("live_cameras_stuck", "real streams: cameras not there at the end", silent.len() as f64, "", &beside);
    silent.iter().for_each(|camera| eprintln!("stuck: {camera}"));
    let beside = format!("{} in all: {}", gaps.values().sum::<usize>(), told(&gaps));
    report.add("live_gaps_unexplained", "gaps without a reason", unexplained as f64, "", &beside);
    let skipped = site.skipped();
    let beside = told(&skipped);
    report.add(
        "live_pictures_skipped",
        "pictures due and not analysed",
        skipped.values().sum::<usize>() as f64,
        "",
        &beside,
    );
    let all = |samples: &[f64]| format!("{:.0} in all", samples.last().copied().unwrap_or(0.0));
    report.add(
        "live_gateway_growth_mib",
        "gateway's memory, last quarter against the second",
        growth_mib(&gateway_mib),
        "MiB",
        &all(&gateway_mib),
    );
    report.add(
        "live_hub_growth_mib",
        "hub's memory, the same (it is started anew)",
        growth_mib(&hub_mib),
        "MiB",
        &all(&hub_mib),
    );
    Ok(())
}

/// `CAMERA:KIND:FROM:TO` of every fault, none at the end.
fn faults(random: &mut StdRng, seconds: u64) -> Vec<String> {
    let mut faults = Vec::new();
    for camera in CAMERAS {
        let mut from_s = random.random_range(PAUSE_S);
        loop {
            let to_s = from_s + random.random_range(FAULT_S);
            if to_s + FAULT_S.end > seconds {
                break;
            }
            let kind = FAULTS[random.random_range(0..FAULTS.len())];
            faults.push(format!("{camera}:{kind}:{from_s}:{to_s}"));
            from_s = to_s + random.random_range(PAUSE_S);
        }
    }
    faults
}

fn told(counts: &BTreeMap<String, usize>) -> String {
    let each: Vec<String> = counts.iter().map(|(what, count)| format!("{count} {what}")).collect();
    if each.is_empty() { "none".to_owned() } else { each.join(", ") }
}

/// Everything that runs.
struct Site {
    hub: Hub,
    gateway: Process,
    cameras: Process,
    admin: String,
}

impl Site {
    fn start(folder: &Path, seed: u64, faults: &[String]) -> Result<Site, LinkError> {
        let hub = Hub::start(&folder.join("hub"));
        let (log, state) = (folder.join("cameras.log"), folder.join("gateway"));
        let mut serve = Command::new(binary("yiwang-city"));
        serve.args(["serve", "--listen", "127.0.0.1:0", "--seed", &seed.to_string(), "--cameras", &CAMERAS.join(",")]);
        for fault in faults {
            serve.args(["--fault", fault]);
        }
        let mut cameras = Process::start(&mut serve, &log);
        let streams = wait_for("the cameras", START, || {
            cameras.assert_running();
            let text = std::fs::read_to_string(&log).ok()?;
            Some(text.lines().find_map(|line| line.strip_prefix("ready "))?.to_owned())
        });
        let mut tables = Command::new(binary("yiwang-city"));
        tables.args(["gateway", "--seed", &seed.to_string(), "--cameras", &CAMERAS.join(","), "--streams", &streams]);
        let tables = tables.output()?;
        let mut text = format!("state_dir = {state:?}\n[admin]\nlisten = \"127.0.0.1:0\"\n");
        let _ = write!(text, "{}", String::from_utf8_lossy(&tables.stdout));
        let config = folder.join("gateway.toml");
        std::fs::write(&config, text)?;
        let mut join = Command::new(binary("yiwang-gateway"));
        join.args(["join", &hub.quic.to_string(), &hub.join_token("long"), "--name", "long", "--config"]).arg(&config);
        let joined = join.output()?;
        if !joined.status.success() {
            return Err(String::from_utf8_lossy(&joined.stderr).into());
        }
        let mut run = Command::new(binary("yiwang-gateway"));
        let mut gateway =
            Process::start(as_installed(run.args(["run", "--config"]).arg(&config)), &folder.join("gateway.log"));
        let admin = wait_for("the gateway's address", START, || {
            gateway.assert_running();
            let text = std::fs::read_to_string(state.join("addresses.json")).ok()?;
            Some(serde_json::from_str::<Value>(&text).ok()?["admin"].as_str()?.to_owned())
        });
        Ok(Site { hub, gateway, cameras, admin })
    }

    /// The hub dies and comes again, or all cameras hang for a while.
    fn death(&mut self, random: &mut StdRng) {
        let pause = Duration::from_secs(random.random_range(2..15));
        if random.random_bool(0.5) {
            self.hub.kill();
            std::thread::sleep(pause);
            self.hub.restart();
        } else {
            let signal = |name: &str| drop(Command::new("kill").args([name, &self.cameras.id().to_string()]).status());
            signal("-STOP");
            std::thread::sleep(pause);
            signal("-CONT");
        }
    }

    /// Cameras that are not analysed within that time, as the hub says.
    fn silent_after(&mut self, limit: Duration, token: &str) -> Vec<String> {
        let deadline = Instant::now() + limit;
        loop {
            let cameras = self.cameras_now(token);
            let silent: Vec<String> = CAMERAS
                .iter()
                .filter(|name| !cameras.iter().any(|camera| camera["state"] == "ok" && of(camera, name)))
                .map(|name| (*name).to_owned())
                .collect();
            if silent.is_empty() || Instant::now() > deadline {
                return silent;
            }
            std::thread::sleep(Duration::from_millis(500));
        }
    }

    /// Gaps of all cameras by reason, and how many have none.
    fn gaps(&self, token: &str) -> (BTreeMap<String, usize>, usize) {
        let (mut reasons, mut unexplained) = (BTreeMap::new(), 0);
        for camera in self.cameras_now(token) {
            for gap in camera["gaps"].as_array().map_or(&[][..], Vec::as_slice) {
                match gap["reason"].as_str().filter(|reason| !reason.is_empty()) {
                    Some(reason) => *reasons.entry(reason.to_owned()).or_insert(0) += 1,
                    None => unexplained += 1,
                }
            }
        }
        (reasons, unexplained)
    }

    fn cameras_now(&self, token: &str) -> Vec<Value> {
        let text = feed::get(&format!("{}/api/v1/cameras", self.hub.web), token).unwrap_or_default();
        let answer: Value = serde_json::from_str(&text).unwrap_or_default();
        answer["cameras"].as_array().cloned().unwrap_or_default()
    }

    /// Pictures that were due and not analysed, by reason, of the gateway's metrics.
    fn skipped(&self) -> BTreeMap<String, usize> {
        let text = feed::get(&format!("{}/metrics", self.admin), "").unwrap_or_default();
        let mut reasons = BTreeMap::new();
        for line in text.lines().filter(|line| line.contains("pictures_skipped_total{")) {
            let reason = line.split("reason=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
            let count = line.rsplit(' ').next().and_then(|count| count.parse::<f64>().ok()).unwrap_or(0.0);
            *reasons.entry(reason.to_owned()).or_insert(0) += count as usize;
        }
        reasons
    }
}

fn of(camera: &Value, name: &str) -> bool {
    camera["id"].as_str().is_some_and(|id| id.rsplit('/').next() == Some(name))
}
