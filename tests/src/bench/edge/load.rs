//! The processes of `tests/bench edge`: cameras, gateways and bare pipelines, each pinned to a core where the system
//! can, and what they cost.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use super::footage::RULES;
use crate::link::LinkError;
use crate::process::{Process, as_installed, binary, wait_for};

/// How long a start may take.
const START: Duration = Duration::from_secs(90);

/// The last core, alone; where the system cannot, it runs where it likes.
pub(super) fn pinned(program: &Path) -> Command {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let can = Command::new("taskset").arg("--version").output().is_ok_and(|output| output.status.success());
    if !can || cores < 2 {
        return Command::new(program);
    }
    let mut command = Command::new("taskset");
    command.args(["-c", &(cores - 1).to_string()]).arg(program);
    command
}

/// A clip as so many cameras, each at another place of it, in a process of their own: GStreamer 1.22's RTSP server
/// corrupts its memory now and then when several clients have left.
pub(super) fn cameras(clip: &Path, count: usize, clip_s: i64, log: &Path) -> (Process, Vec<String>) {
    let mut command = Command::new(binary("yiwang-rtsp"));
    command.args(["--listen", "127.0.0.1:0"]);
    for number in 0..count {
        let offset_s = number as i64 * clip_s / count as i64;
        command.arg("--camera").arg(format!("camera-{number}={},offset_s={offset_s}", clip.display()));
    }
    let mut process = Process::start(&mut command, log);
    let urls = wait_for("the cameras", START, || {
        process.assert_running();
        let text = std::fs::read_to_string(log).ok().filter(|text| text.contains("\nready "))?;
        let urls = text.lines().filter_map(|line| line.strip_prefix("camera ")?.split_once(' '));
        Some(urls.map(|(_, url)| url.to_owned()).collect())
    });
    (process, urls)
}

/// A gateway with these cameras, once it looks at them (where `wait` says so). `decode` is what its configuration says.
pub(super) fn gateway(
    folder: &Path,
    urls: &[String],
    decode: &str,
    wait: bool,
) -> Result<(Process, PathBuf), LinkError> {
    std::fs::create_dir_all(folder)?;
    let config = folder.join("gateway.toml");
    std::fs::write(&config, configuration(urls, decode))?;
    let mut command = pinned(&binary("yiwang-gateway"));
    let mut process = Process::start(as_installed(command.args(["run", "--config"]).arg(&config)), &folder.join("log"));
    let state = folder.join("state");
    if wait {
        wait_for("every camera is analysed", START, || {
            process.assert_running();
            let status = status(&state)?;
            let ok = status["cameras"].as_array()?.iter().filter(|camera| camera["state"] == "ok").count();
            (ok >= urls.len()).then_some(())
        });
    }
    Ok((process, state))
}

/// The gateway's `/status`.
pub(super) fn status(state: &Path) -> Option<serde_json::Value> {
    let addresses: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(state.join("addresses.json")).ok()?).ok()?;
    let text = crate::feed::get(&format!("{}/status", addresses["admin"].as_str()?), "").ok()?;
    serde_json::from_str(&text).ok()
}

/// A camera's table.
fn configuration(urls: &[String], decode: &str) -> String {
    let mut text = "state_dir = \"state\"\n[admin]\nlisten = \"127.0.0.1:0\"\n".to_owned();
    for (number, url) in urls.iter().enumerate() {
        let _ = write!(
            text,
            "[[camera]]\nid = \"camera-{number}\"\nurl = \"{url}\"\nanalysed_fps = 5\ndecode = \"{decode}\"\n{RULES}"
        );
    }
    text
}

/// Pictures that were due and not analysed, whatever the reason: with them a gateway looks cheaper than it is.
pub(super) fn skipped(state: &Path) -> Option<f64> {
    let addresses: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(state.join("addresses.json")).ok()?).ok()?;
    let text = crate::feed::get(&format!("{}/metrics", addresses["admin"].as_str()?), "").ok()?;
    let skipped = text.lines().filter(|line| line.starts_with("yiwang_gateway_pictures_skipped_total{"));
    Some(skipped.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum())
}

/// The loop that most people write (`plain_loop.py`), once it shows every camera; none where Python has no OpenCV and
/// ONNX Runtime, or YOLOX-nano is not there.
pub(super) fn plain_loop(urls: &[String], log: &Path) -> Option<Process> {
    let python = std::env::var("YIWANG_BENCH_PYTHON").ok()?;
    let model = crate::assets::root().join("models/yolox_nano_416.onnx");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/bench/edge/plain_loop.py");
    let mut command = pinned(Path::new(&python));
    let mut process = Process::start(command.arg(script).arg(model.is_file().then_some(model)?).args(urls), log);
    wait_for("OpenCV shows every camera", START, || {
        process.assert_running();
        std::fs::read_to_string(log).ok().filter(|text| text.contains("ready")).map(|_| ())
    });
    Some(process)
}

/// Whoever connects to this address is sent what is no RTSP, for ever.
pub(super) fn garbage() -> std::io::Result<std::net::SocketAddr> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || {
        let noise: Vec<u8> = (0..65_536u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        for stream in listener.incoming() {
            let (Ok(mut stream), noise) = (stream, noise.clone()) else { return };
            // It ends when the other side hangs up.
            std::thread::spawn(move || while std::io::Write::write_all(&mut stream, &noise).is_ok() {});
        }
    });
    Ok(address)
}

/// A bare pipeline over these cameras.
pub(super) fn bare(urls: &[String], rest: &str, log: &Path) -> Process {
    let branch = |url: &String| format!("rtspsrc location={url} protocols=tcp latency=0 ! {rest}");
    let line: Vec<String> = urls.iter().map(branch).collect();
    let line = line.join(" ");
    Process::start(pinned(Path::new("gst-launch-1.0")).args(line.split(' ')), log)
}

/// What `yiwang-bench receive` costs: the gateway's own way of receiving, and nothing behind it.
pub(super) fn receiver(urls: &[String], log: &Path) -> Result<Process, LinkError> {
    Ok(Process::start(pinned(&std::env::current_exe()?).arg("receive").args(urls), log))
}

/// The share of a core that a process used while `seconds` passed.
pub(super) fn cpu_share(process: &mut Process, seconds: u64) -> f64 {
    let (before_s, begun) = (process.cpu_s(), Instant::now());
    std::thread::sleep(Duration::from_secs(seconds)); // the time that is measured
    process.assert_running();
    (process.cpu_s() - before_s) / begun.elapsed().as_secs_f64()
}

/// Resident mebibytes.
#[allow(clippy::cast_precision_loss, reason = "small numbers")]
pub(super) fn mib(process: &Process) -> f64 {
    process.rss_bytes() as f64 / 1024.0 / 1024.0
}
