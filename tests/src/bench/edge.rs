//! `tests/bench edge`: what a camera costs a gateway, against bare decoding of the same streams in the same run:
//! `gst-launch-1.0 rtspsrc ! rtph264depay ! h264parse ! avdec_h264 max-threads=1 ! fakesink`, one branch a camera.

use std::fmt::Write;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use super::Report;
use crate::assets;
use crate::link::LinkError;
use crate::process::{Hub, Process, binary, wait_for};

/// Runs it for each number of cameras, `seconds` each.
pub fn run(report: &mut Report, cameras: &[usize], seconds: u64) -> Result<(), LinkError> {
    let clips = assets::root().join("clips");
    let model = assets::root().join("models/yolox_nano_416.onnx");
    if !clips.is_dir() || !model.is_file() {
        return Err(format!("no clips or no model under {}: set YIWANG_ASSETS", assets::root().display()).into());
    }
    let directory = tempfile::tempdir()?;
    let hub = Hub::start(&directory.path().join("hub"));
    for &count in cameras {
        measure(report, &hub, directory.path(), &model, count, seconds)?;
    }
    Ok(())
}

#[allow(clippy::cast_precision_loss, reason = "small numbers")]
fn measure(
    report: &mut Report,
    hub: &Hub,
    directory: &Path,
    model: &Path,
    count: usize,
    seconds: u64,
) -> Result<(), LinkError> {
    let folder = directory.join(format!("gateway-{count}"));
    std::fs::create_dir_all(&folder)?;
    let (cameras, urls) = cameras(count, &folder.join("cameras.log"));
    let config = folder.join("gateway.toml");
    std::fs::write(&config, configuration(&urls, model))?;
    let joined = Command::new(binary("yiwang-gateway"))
        .args(["join", &hub.quic.to_string(), &hub.join_token("bench"), "--name", "bench", "--config"])
        .arg(&config)
        .output()?;
    if !joined.status.success() {
        return Err(format!("joining: {}", String::from_utf8_lossy(&joined.stderr)).into());
    }
    let mut gateway = Process::start(
        Command::new(binary("yiwang-gateway")).args(["run", "--config"]).arg(&config),
        &folder.join("log"),
    );
    wait_until_analysed(hub, &mut gateway, count);
    let ours = cpu_share(&mut gateway, seconds);
    let rss_mib = gateway.rss_bytes() as f64 / 1024.0 / 1024.0;
    drop((gateway, cameras));

    let (_cameras, urls) = self::cameras(count, &folder.join("cameras-bare.log"));
    let mut bare = Process::start(Command::new("gst-launch-1.0").args(branches(&urls)), &folder.join("bare.log"));
    std::thread::sleep(Duration::from_secs(8)); // no state tells that every branch decodes
    bare.assert_running();
    let theirs = cpu_share(&mut bare, seconds);
    let bare_rss_mib = bare.rss_bytes() as f64 / 1024.0 / 1024.0;

    let each = 100.0 * ours / count as f64;
    let their_each = 100.0 * theirs / count as f64;
    let plural = if count == 1 { "" } else { "s" };
    let beside = format!("{:.2} times bare decoding ({their_each:.2} %)", each / their_each);
    report.add(
        &format!("edge_{count}_cpu_percent_per_camera"),
        &format!("{count} camera{plural}: CPU of a core, each"),
        each,
        "%",
        &beside,
    );
    report.add(
        &format!("edge_{count}_bare_cpu_percent_per_camera"),
        &format!("{count} camera{plural}: bare decoding, each"),
        their_each,
        "%",
        "gst-launch … avdec_h264 max-threads=1 ! fakesink",
    );
    report.add(
        &format!("edge_{count}_rss_mib"),
        &format!("{count} camera{plural}: memory"),
        rss_mib,
        "MiB",
        &format!("bare decoding {bare_rss_mib:.0} MiB"),
    );
    Ok(())
}

/// Clips as cameras, in a process of their own and a new one for each measurement: GStreamer 1.22's RTSP server corrupts
/// its memory now and then when several clients have left.
fn cameras(count: usize, log: &Path) -> (Process, Vec<String>) {
    let clips = assets::root().join("clips");
    let files = ["one-by-one-person-detection.mp4", "car-detection.mp4"];
    let mut command = Command::new(binary("yiwang-rtsp"));
    command.args(["--listen", "127.0.0.1:0"]);
    for number in 0..count {
        let clip = clips.join(files[number % 2]);
        command.arg("--camera").arg(format!("camera-{number}={},offset_s={}", clip.display(), 3 * number));
    }
    let mut process = Process::start(&mut command, log);
    let urls = wait_for("the cameras", Duration::from_secs(60), || {
        process.assert_running();
        let text = std::fs::read_to_string(log).ok().filter(|text| text.contains("\nready "))?;
        Some(
            text.lines()
                .filter_map(|line| line.strip_prefix("camera ")?.split_once(' '))
                .map(|(_, url)| url.to_owned())
                .collect(),
        )
    });
    (process, urls)
}

/// The share of a core that a process used while `seconds` passed.
fn cpu_share(process: &mut Process, seconds: u64) -> f64 {
    let (before_s, begun) = (process.cpu_s(), Instant::now());
    std::thread::sleep(Duration::from_secs(seconds)); // the time that is measured
    process.assert_running();
    (process.cpu_s() - before_s) / begun.elapsed().as_secs_f64()
}

fn wait_until_analysed(hub: &Hub, gateway: &mut Process, count: usize) {
    let token = hub.feed_token();
    wait_for("every camera is analysed", Duration::from_secs(60), || {
        gateway.assert_running();
        let text = crate::feed::get(&format!("{}/api/v1/cameras", hub.web), &token).ok()?;
        let answer: serde_json::Value = serde_json::from_str(&text).ok()?;
        let ok = answer["cameras"].as_array()?.iter().filter(|camera| camera["state"] == "ok").count();
        (ok >= count).then_some(())
    });
}

fn configuration(urls: &[String], model: &Path) -> String {
    let mut text = format!(
        "state_dir = \"state\"\n[model]\nfile = \"{}\"\nfamily = \"yolox\"\n[admin]\nlisten = \"127.0.0.1:0\"\n",
        model.display()
    );
    for (number, url) in urls.iter().enumerate() {
        let _ = write!(
            text,
            "[[camera]]\nid = \"camera-{number}\"\nname = \"camera {number}\"\nurl = \"{url}\"\nanalysed_fps = 5\n\
             [[camera.rule]]\nid = \"line\"\nkind = \"line_cross\"\nline = [[0.0, 0.5], [1.0, 0.5]]\nclasses = [\"person\", \"car\"]\n\
             [[camera.rule]]\nid = \"zone\"\nkind = \"intrusion\"\nzone = [[0.4, 0.7], [0.8, 0.7], [0.8, 1.0], [0.4, 1.0]]\nclasses = [\"person\"]\n"
        );
    }
    text
}

fn branches(urls: &[String]) -> Vec<String> {
    let branch = |url: &String| {
        format!(
            "rtspsrc location={url} protocols=tcp latency=0 ! rtph264depay ! h264parse ! avdec_h264 max-threads=1 ! fakesink sync=false"
        )
    };
    let line: Vec<String> = urls.iter().map(branch).collect();
    line.join(" ").split(' ').map(str::to_owned).collect()
}
