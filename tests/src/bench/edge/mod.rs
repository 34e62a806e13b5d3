//! `tests/bench edge`: how many cameras a core of a gateway carries, and what of the events is left.
//!
//! The load: one clip of the simulated city, played as several cameras, each at another place of it; 1080p and 704×576,
//! 25 pictures a second, a keyframe every 50, H.264 at 4 and 1.5 Mbit/s (constant, as x264's own rate control does it).
//! "Quiet": 20 % of the time something happens, in episodes of 10 s at random times by seed; "busy": always. Beside it
//! stand, over the same cameras in the same run: receiving alone (the gateway's `retina` and GStreamer's `rtspsrc`);
//! `rtspsrc ! rtph264depay ! h264parse ! avdec_h264 max-threads=1 ! fakesink`; the gateway with `decode = "always"`; and
//! the loop in Python that most people write, where `tests/bench` could set it up.
//!
//! Events are scored on the quiet 1080p clip by `analyze`, decoding everything and as a gateway does it.

mod footage;
mod load;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use futures_util::StreamExt;
use yiwang_city::score::{self, Count, Terms};
use yiwang_gateway::camera::{self, Session, Source, Transport};

use self::footage::{CAMERA, Footage, RULES, Wanted};
use super::Report;
use crate::link::LinkError;
use crate::process::{Process, binary};

const HD_PX: (u32, u32) = (1920, 1080);
const SD_PX: (u32, u32) = (704, 576);
/// Before anything is measured: connections are made, decoders have their memory, gates know their streams.
const WARM_UP: Duration = Duration::from_secs(20);

/// What is measured.
#[derive(Debug)]
pub struct Size {
    /// Cameras at once.
    pub cameras: usize,
    /// Length of the quiet clips; the figures that count are those of 600.
    pub clip_s: i64,
    /// How long each process is watched; none: as long as the clip.
    pub seconds: Option<u64>,
    /// Which clip.
    pub seed: u64,
    /// Where clips are kept, for another run with the same options; none: nowhere.
    pub clips: Option<PathBuf>,
}

/// Runs it.
pub fn run(report: &mut Report, size: &Size) -> Result<(), LinkError> {
    let directory = tempfile::tempdir()?;
    let folder = directory.path();
    let clips = size.clips.as_deref().unwrap_or(folder);
    std::fs::create_dir_all(clips)?;
    let make = |name: &str, size_px: (u32, u32), kbps: u32, seconds: i64, quiet: bool| {
        let name = format!("{name}-{seconds}s-{}", size.seed);
        footage::kept(clips, &name).map_or_else(
            || {
                eprintln!("  painting {name}");
                footage::make(clips, &name, &Wanted { size_px, kbps, seconds, quiet, seed: size.seed })
            },
            Ok,
        )
    };
    let quiet = make("quiet-1080p", HD_PX, 4_000, size.clip_s, true)?;
    events(report, folder, &quiet)?;
    let each = |clip: &Footage, clip_s, name| Clip { clip: clip.path.clone(), clip_s, name };
    let goal = |goal: &str| format!("goal: {goal}; bare decoding of the same cameras is 1");
    let (ours, decode) = ratio(report, folder, size, &each(&quiet, size.clip_s, "quiet"))?;
    report.add("quiet_ratio", "quiet 1080p: cameras a core, against decoding", ours / decode, "×", &goal("3"));
    let busy_s = size.clip_s.min(60);
    let busy = make("busy-1080p", HD_PX, 4_000, busy_s, false)?;
    let (ours, decode) = ratio(report, folder, size, &each(&busy, busy_s, "busy"))?;
    report.add("busy_ratio", "busy 1080p: cameras a core, against decoding", ours / decode, "×", &goal("0.8"));
    report.add("decode_bound_cameras_per_core", "busy 1080p: bare decoding", decode, "cameras", "a core");
    let small = make("quiet-576p", SD_PX, 1_500, size.clip_s, true)?;
    let (ours, decode) = ratio(report, folder, size, &each(&small, size.clip_s, "substream"))?;
    let beside = format!("a core; bare decoding {decode:.0}; goal: 100");
    report.add("substream_cameras_per_core", "quiet 704×576", ours, "cameras", &beside);
    off(report, folder, size)
}

/// A clip as cameras.
struct Clip {
    clip: PathBuf,
    clip_s: i64,
    name: &'static str,
}

/// Cameras a core: the gateway's and bare decoding's. Tells of receiving and memory too.
#[allow(clippy::cast_precision_loss, reason = "small numbers")]
fn ratio(report: &mut Report, folder: &Path, size: &Size, clip: &Clip) -> Result<(f64, f64), LinkError> {
    let Clip { clip, clip_s, name } = clip;
    let count = size.cameras;
    let seconds = size.seconds.unwrap_or(u64::try_from(*clip_s)?);
    let log = |what: &str| folder.join(format!("{name}-{what}.log"));
    let serve = |what: &str| load::cameras(clip, count, *clip_s, &log(what));
    let measure = |process: &mut Process| {
        std::thread::sleep(WARM_UP); // no state tells that every branch runs
        let share = load::cpu_share(process, seconds);
        (count as f64 / share, load::mib(process))
    };

    let (served, urls) = serve("cameras-gateway");
    let (mut process, _) = load::gateway(&folder.join(format!("{name}-1")), &urls[..1], "auto", true)?;
    std::thread::sleep(WARM_UP); // its decoder has all its memory then
    process.assert_running();
    let one_mib = load::mib(&process);
    drop(process);
    let (mut process, state) = load::gateway(&folder.join(format!("{name}-all")), &urls, "auto", true)?;
    let (ours, all_mib) = measure(&mut process);
    let skipped = load::skipped(&state).ok_or("the gateway's metrics tell nothing of skipped pictures")?;
    let fate = format!("{}; {skipped:.0} pictures due were skipped", decoded(&state).unwrap_or_default());
    drop((process, served));

    let (served, urls) = serve("cameras-full");
    let (full, _) = measure(&mut load::gateway(&folder.join(format!("{name}-full")), &urls, "always", true)?.0);
    drop(served);
    let (served, urls) = serve("cameras-python");
    let plain = load::plain_loop(&urls, &log("python")).map(|mut process| measure(&mut process).0);
    drop(served);

    let (served, urls) = serve("cameras-decode");
    let rest = "rtph264depay ! h264parse ! avdec_h264 max-threads=1 ! fakesink sync=false";
    let (decode, bare_mib) = measure(&mut load::bare(&urls, rest, &log("decode")));
    drop(served);
    let beside = format!("bare decoding {decode:.1} of the same; {fate}");
    report.add(&format!("{name}_cameras_per_core"), &format!("{name}: our cameras a core"), ours, "cameras", &beside);
    let what = format!("{name}: ours, decoding everything, same model");
    report.add(&format!("{name}_full_cameras_per_core"), &what, full, "cameras", "");
    match plain {
        Some(plain) => {
            let what = format!("{name}: Python, OpenCV, ONNX Runtime with YOLOX-nano");
            report.add(&format!("{name}_python_cameras_per_core"), &what, plain, "cameras", "every fifth picture");
        }
        None => eprintln!("{name}: not compared with a loop in Python: no OpenCV for it, or no YOLOX-nano"),
    }
    let key = match *name {
        "quiet" => Some("mib_per_camera_1080p"),
        "substream" => Some("mib_per_camera_576p"),
        _ => None,
    };
    if let Some(key) = key {
        let each_mib = (all_mib - one_mib) / (count.max(2) - 1) as f64;
        let beside = format!("{count} cameras: {all_mib:.0} MiB in all; bare decoding {bare_mib:.0}");
        report.add(key, &format!("{name}: memory a camera"), each_mib, "MiB", &beside);
    }
    if *name == "quiet" {
        let (served, urls) = serve("cameras-retina");
        let (retina, _) = measure(&mut load::receiver(&urls, &log("retina"))?);
        drop(served);
        let (_served, urls) = serve("cameras-rtspsrc");
        let (rtspsrc, _) = measure(&mut load::bare(&urls, "fakesink sync=false", &log("rtspsrc")));
        let beside = format!("retina; rtspsrc {rtspsrc:.0}");
        report.add("receive_bound_cameras_per_core", "1080p: receiving alone", retina, "cameras", &beside);
        report.add("receive_rtspsrc_cameras_per_core", "the same with rtspsrc", rtspsrc, "cameras", "");
    }
    Ok((ours, decode))
}

/// What part of the coded pictures was decoded.
fn decoded(state: &Path) -> Option<String> {
    let status = load::status(state)?;
    let sum = |key: &str| -> f64 {
        let cameras = status["cameras"].as_array().map_or(&[][..], Vec::as_slice);
        cameras.iter().filter_map(|camera| camera["decoding"][key].as_f64()).sum()
    };
    let came = sum("decoded") - sum("replayed") + sum("held");
    Some(format!("{:.0} % of the pictures decoded", 100.0 * sum("decoded") / came.max(1.0)))
}

/// F1 and onset of the quiet clip's events.
fn events(report: &mut Report, folder: &Path, clip: &Footage) -> Result<(), LinkError> {
    let config = folder.join("events.toml");
    std::fs::write(&config, format!("[[camera]]\nid = \"{CAMERA}\"\nurl = \"file:///x\"\n{RULES}"))?;
    for (key, what, decode) in [("full", "decoding everything", "always"), ("quiet", "as a gateway does", "auto")] {
        let output = Command::new(binary("yiwang-gateway"))
            .args(["analyze", "--camera", CAMERA, "--format", "jsonl", "--decode", decode, "--config"])
            .arg(&config)
            .arg("--input")
            .arg(&clip.path)
            .output()?;
        if !output.status.success() {
            return Err(format!("analyze: {}", String::from_utf8_lossy(&output.stderr)).into());
        }
        let told = score::read("analyze", &String::from_utf8_lossy(&output.stdout), Some(CAMERA))?;
        let begins = score::judge(&clip.truth, &told, &Terms::default()).begins();
        let Count { found, missing, wrong, doubles, .. } = &begins;
        let beside = format!("{found} found, {missing} missing, {wrong} wrong, {doubles} double");
        report.add(&format!("{key}_event_f1"), &format!("events, {what}: F1"), begins.f1(), "", &beside);
        if let Some(us) = begins.error_us(0.95) {
            report.add(
                &format!("{key}_onset_error_s"),
                &format!("events, {what}: time of the begin, 95 %"),
                us as f64 / 1e6,
                "s",
                "off the truth",
            );
        }
    }
    Ok(())
}

/// What cameras cost that are not there.
#[allow(clippy::cast_precision_loss, reason = "small numbers")]
fn off(report: &mut Report, folder: &Path, size: &Size) -> Result<(), LinkError> {
    let seconds = size.seconds.unwrap_or(60).min(60);
    let count = 16;
    // A port that was free a moment ago: whoever connects is refused.
    let held = std::net::TcpListener::bind("127.0.0.1:0")?;
    let port = held.local_addr()?.port();
    drop(held);
    let at = |place: &str| (0..count).map(|number| format!("rtsp://{place}/{number}")).collect::<Vec<String>>();
    let (off, garbage) = (at(&format!("127.0.0.1:{port}")), at(&load::garbage()?.to_string()));
    let mut costs = Vec::new();
    for (name, urls) in [("none", &off[..0]), ("off", &off[..]), ("garbage", &garbage[..])] {
        let (mut process, _) = load::gateway(&folder.join(format!("off-{name}")), urls, "auto", false)?;
        std::thread::sleep(WARM_UP); // attempts are at their slowest pace then
        let share = load::cpu_share(&mut process, seconds);
        costs.push((100.0 * share, load::mib(&process)));
    }
    for (number, key, what) in [(1, "off", "a camera that is off"), (2, "garbage", "a camera that sends garbage")] {
        let each = |of: fn(&(f64, f64)) -> f64| ((of(&costs[number]) - of(&costs[0])) / f64::from(count)).max(0.0);
        report.add(&format!("camera_{key}_cpu_percent"), what, each(|cost| cost.0), "%", "of a core; goal: 0.1");
        report.add(&format!("camera_{key}_mib"), &format!("{what}: memory"), each(|cost| cost.1), "MiB", "goal: 2");
    }
    Ok(())
}

/// Receives from these addresses as a gateway does, and does nothing with it; ends when it is killed.
pub async fn receive(urls: Vec<String>) -> Result<(), LinkError> {
    let mut cameras = tokio::task::JoinSet::new();
    for (number, url) in urls.into_iter().enumerate() {
        let source = Source::new(format!("camera-{number}"), &url, Transport::Tcp, None)?;
        cameras.spawn(async move {
            let mut units = camera::open(&source, Session::default()).await?;
            let mut bytes = 0;
            while let Some(unit) = units.next().await {
                bytes += unit?.data.len();
            }
            Ok::<usize, camera::CameraError>(bytes)
        });
    }
    while let Some(ended) = cameras.join_next().await {
        ended??;
    }
    Ok(())
}
