//! Faults and how soon they are told: those that a picture shows, in each light, from clips; those of streams and clocks
//! from live streams, through gateway and hub to the feed.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use yiwang_city::camera::{Fault, FaultKind};
use yiwang_city::score::{self, Terms, Truth};
use yiwang_city::truth;

use super::footage::{City, Wanted};
use super::{Report, SCENES, Size};
use crate::feed::Feed;
use crate::link::LinkError;
use crate::process::{Hub, Process, binary, wait_for};

/// Faults that a picture shows, each at a camera of its own, another one in each light.
const KINDS: [FaultKind; 9] = [
    FaultKind::Covered,
    FaultKind::Sprayed,
    FaultKind::Blurred,
    FaultKind::Moved,
    FaultKind::Frozen,
    FaultKind::Dark,
    FaultKind::Glare,
    FaultKind::Noise,
    FaultKind::ColourCast,
];
const CAMERAS: [&str; 9] = [
    "pol-square",
    "pol-school",
    "pol-bus-stop",
    "trf-crossing",
    "trf-east",
    "trf-side",
    "cty-square",
    "cty-site",
    "cty-river",
];
/// So many cameras further from one light to the next.
const TURN: usize = 2;
/// When they begin and end, seconds, and how long their clips are: what is usual is learned in twelve seconds.
const FAULT_S: (i64, i64, u64) = (26, 46, 58);

/// Faults of streams and clocks, live.
const STREAM_KINDS: [(&str, FaultKind); 4] = [
    ("cty-site", FaultKind::PacketLoss),
    ("trf-side", FaultKind::LowFrameRate),
    ("cty-river", FaultKind::SignalLost),
    ("pol-school", FaultKind::ClockDrift),
];
/// When they begin and end, and how long that takes; the usual rate is learned in twenty seconds.
const STREAM_S: (i64, i64, u64) = (50, 75, 95);
/// A fault is to be told within this.
const WITHIN_US: i64 = 10_000_000;
const LONG: Duration = Duration::from_secs(120);

/// One camera for each fault, in each of so many lights.
pub(super) fn pictures(report: &mut Report, size: &Size, seed: impl Fn(usize) -> u64) -> Result<(), LinkError> {
    let mut all = score::Report::default();
    for (number, scene) in SCENES.iter().take(size.faults).enumerate() {
        let (from_s, to_s, seconds) = FAULT_S;
        let seed = seed(number);
        eprintln!("  seed {seed}, cameras with faults {}: painting {seconds} s", scene.what);
        let fault = |kind| Fault { kind, from_us: from_s * 1_000_000, to_us: to_s * 1_000_000 };
        let camera = |index: usize| CAMERAS[(index + TURN * number) % CAMERAS.len()];
        // By infrared light a picture has no colours that could be wrong.
        let shows = |(_, kind): &(usize, &FaultKind)| scene.key != "night" || **kind != FaultKind::ColourCast;
        let faults: Vec<(&str, Fault)> =
            KINDS.iter().enumerate().filter(shows).map(|(index, kind)| (camera(index), fault(*kind))).collect();
        let wanted = Wanted { seed, seconds, scene: *scene, cameras: &CAMERAS, faults: &faults };
        let judged = City::painted(&wanted, size.clips.as_deref())?.judged("auto")?;
        judged
            .remarks
            .iter()
            .filter(|remark| remark.contains(": camera."))
            .for_each(|remark| eprintln!("    {remark}"));
        let (within, told) = (judged.faults_told_within(WITHIN_US), judged.faults_told());
        let key = format!("faults_told_in_10_s_{}", scene.key);
        let beside = format!("of {}; {} told at all; seed {seed}", told.1, told.0);
        report.add(&key, &format!("faults told within 10 s, {}", scene.what), within as f64, "", &beside);
        all.join(&judged);
    }
    if size.faults > 0 {
        tell(report, "", &all);
    }
    Ok(())
}

fn tell(report: &mut Report, prefix: &str, judged: &score::Report) {
    let within = judged.faults_told_within(WITHIN_US);
    let of_all = judged.faults_told().1;
    let key = |what: &str| format!("{prefix}{what}");
    report.add(
        &key("faults_told_in_10_s"),
        "faults told as such within 10 s",
        within as f64,
        "",
        &format!("of {of_all}"),
    );
    let false_health = judged.false_health as f64;
    report.add(&key("false_health"), "health events without a fault", false_health, "", "the same cameras");
    let mut kinds: Vec<FaultKind> = judged.faults().map(|fault| fault.kind).collect();
    kinds.sort_by_key(|kind| format!("{kind:?}"));
    kinds.dedup();
    for kind in kinds {
        let of_kind = || judged.faults().filter(move |fault| fault.kind == kind);
        let told = of_kind().filter(|fault| fault.delay_us.is_some()).count();
        if let Some(latest_us) = of_kind().filter_map(|fault| fault.delay_us).max() {
            let beside = format!("the latest of {told} of {}", of_kind().count());
            let name = format!("fault_{kind:?}_s").to_lowercase();
            report.add(&name, &format!("{kind:?}: told after"), latest_us as f64 / 1e6, "s", &beside);
        }
        for fault in of_kind().filter(|fault| fault.delay_us.is_none()) {
            eprintln!("not told as such: {kind:?}; told as {:?}", fault.told_as);
        }
    }
}

/// A city live, its gateway and a hub; what its cameras' streams lack is read from the feed.
pub(super) fn streams(report: &mut Report, seed: u64) -> Result<(), LinkError> {
    let (from_s, to_s, seconds) = STREAM_S;
    eprintln!("  seed {seed}, streams with faults: {seconds} s");
    let directory = tempfile::tempdir()?;
    let folder = directory.path();
    let hub = Hub::start(&folder.join("hub"));
    let token = hub.feed_token();
    let mut serve = Command::new(binary("yiwang-city"));
    let cameras = STREAM_KINDS.map(|(camera, _)| camera).join(",");
    serve.args(["serve", "--seed", &seed.to_string(), "--cameras", &cameras, "--listen", "127.0.0.1:0", "--truth"]);
    serve.arg(folder.join("truth")).args(["--seconds", &seconds.to_string()]);
    for (camera, kind) in STREAM_KINDS {
        let kind = serde_json::to_value(kind)?;
        serve.args(["--fault", &format!("{camera}:{}:{from_s}:{to_s}", kind.as_str().unwrap_or_default())]);
    }
    let log = folder.join("city.log");
    let mut city = Process::start(&mut serve, &log);
    let words = wait_for("the city's streams", LONG, || {
        city.assert_running();
        std::fs::read_to_string(&log).ok().filter(|text| text.contains("\nready "))
    });
    let mut gateway = gateway(folder, &hub, &words)?;
    let mut feed = Feed::connect(&format!("{}/api/v1/feed?since=oldest", hub.web), &token, None)?;
    let (mut text, until) = (String::new(), Instant::now() + Duration::from_secs(seconds + 5));
    while Instant::now() < until {
        gateway.assert_running();
        if let Some(item) = feed.next(Duration::from_secs(1))?.filter(|item| item.event == "event") {
            text.push_str(&item.data);
            text.push('\n');
        }
    }
    let mut lines = Vec::new();
    for entry in std::fs::read_dir(folder.join("truth"))? {
        let path = entry?.path();
        lines.append(&mut truth::read(&path.display().to_string(), &std::fs::read_to_string(&path)?)?);
    }
    let judged = score::judge(&Truth::new(lines), &score::read("feed", &text, None)?, &Terms::default());
    tell(report, "stream_", &judged);
    Ok(())
}

/// A gateway that has joined, with the city's cameras and no rules: it is their streams that count.
fn gateway(folder: &Path, hub: &Hub, words: &str) -> Result<Process, LinkError> {
    let state = folder.join("gateway");
    let mut join = Command::new(binary("yiwang-gateway"));
    join.args(["join", &hub.quic.to_string(), &hub.join_token("police"), "--name", "site", "--state-dir"]);
    if !join.arg(&state).output()?.status.success() {
        return Err("the gateway could not join".into());
    }
    let camera = |line: &str| {
        let mut parts = line.strip_prefix("camera ")?.split(' ');
        Some(format!("[[camera]]\nid = {:?}\nurl = {:?}\n", parts.next()?, parts.next()?))
    };
    let tables: String = words.lines().filter_map(camera).collect();
    let config = folder.join("gateway.toml");
    std::fs::write(&config, format!("state_dir = {state:?}\n[admin]\nlisten = \"127.0.0.1:0\"\n{tables}"))?;
    let mut command = Command::new(binary("yiwang-gateway"));
    Ok(Process::start(command.arg("run").arg("--config").arg(config), &folder.join("gateway.log")))
}
