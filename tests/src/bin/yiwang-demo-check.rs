//! Watches the demo through its feed for whole loops of every camera and says whether what was shown came out. The
//! judgement is in `yiwang_tests::check`.
#![allow(clippy::print_stdout, reason = "command line")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use clap::Parser;
use yiwang_tests::check::{self, FeedEvent, Seen};
use yiwang_tests::feed::{self, Feed};
use yiwang_tests::truth::{self, Truth};

/// Holds what comes out of the feed against what the cameras show.
#[derive(Parser)]
struct Options {
    /// Address of the hub (http://HOST:PORT) or of its feed.
    #[arg(long)]
    feed: String,
    /// Feed token; may be given many times where no single one sees every camera.
    #[arg(long, required = true)]
    token: Vec<String>,
    /// The schedule that the cameras' server writes.
    #[arg(long)]
    schedule: PathBuf,
    /// CAMERA=TRUTH.json, the camera by its id; may be given many times.
    #[arg(long, required = true, value_parser = camera_truth)]
    truth: Vec<(String, PathBuf)>,
    /// Watch until each camera has shown this many whole loops.
    #[arg(long, default_value_t = 1)]
    loops: usize,
    /// Watch for this long instead.
    #[arg(long)]
    seconds: Option<u64>,
    /// How long the cameras may take to be ready before the watch begins.
    #[arg(long, default_value_t = 60)]
    ready_s: u64,
    /// How long after the last loop an event may still come.
    #[arg(long, default_value_t = 8)]
    grace_s: u64,
}

type AnyError = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    match watch(&Options::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let cause = error.source().map(|cause| format!(" ({cause})")).unwrap_or_default();
            eprintln!("yiwang-demo-check: {error}{cause}");
            ExitCode::from(2)
        }
    }
}

fn camera_truth(text: &str) -> Result<(String, PathBuf), String> {
    let (camera, path) = text.split_once('=').ok_or("it is written CAMERA=TRUTH.json")?;
    Ok((camera.to_owned(), path.into()))
}

fn watch(options: &Options) -> Result<bool, AnyError> {
    let load = |(camera, path): &(String, PathBuf)| Truth::load(path).map(|truth| (camera.clone(), truth));
    let truths = options.truth.iter().map(load).collect::<Result<BTreeMap<_, _>, _>>()?;
    let hub = options.feed.trim_end_matches('/').trim_end_matches("/api/v1/feed");
    let (sender, events) = mpsc::channel();
    for token in &options.token {
        let mut feed = Feed::connect(&format!("{hub}/api/v1/feed"), token, None)?;
        let sender = sender.clone();
        std::thread::spawn(move || read(&mut feed, &sender));
    }
    drop(sender);
    wait_ready(options, hub, &truths);
    let from_us = now_us();
    let seen = collect(options, &truths, &events, from_us)?;
    // A loop whose last events may still be on their way is not held against anybody.
    let to_us = now_us() - i64::try_from(options.grace_s)? * 1_000_000;
    let rows = check::judge(&truths, &truth::load_schedule(&options.schedule)?, &seen, from_us, to_us);
    print!("{}", check::table(&rows));
    let mut passed = rows.values().any(|row| row.decides);
    if !passed {
        println!("no camera shows {}: nothing decides", check::DECIDING_CLIP);
    }
    for (camera, row) in &rows {
        for complaint in &row.complaints {
            println!("{camera}: {complaint}{}", if row.decides { "" } else { " (does not decide)" });
        }
        passed &= !row.decides || row.complaints.is_empty();
    }
    println!("{}", if passed { "passed" } else { "failed" });
    Ok(passed)
}

/// Hands on every event with its time of arrival until the feed is over.
fn read(feed: &mut Feed, sender: &mpsc::Sender<(FeedEvent, i64)>) {
    loop {
        match feed.next(Duration::from_secs(60)) {
            Ok(Some(item)) if item.event == "event" => {
                let arrived_us = now_us();
                let Some(event) = data_of(&item.data) else {
                    continue;
                };
                if sender.send((event, arrived_us)).is_err() {
                    return;
                }
            }
            Ok(_) => {}
            Err(error) => {
                eprintln!("yiwang-demo-check: the feed ended: {error}");
                return;
            }
        }
    }
}

fn data_of(text: &str) -> Option<FeedEvent> {
    let mut event: serde_json::Value = serde_json::from_str(text).ok()?;
    serde_json::from_value(event.get_mut("data")?.take()).ok()
}

/// Waits until the hub says of every camera that it is analysed; says which is not.
fn wait_ready(options: &Options, hub: &str, truths: &BTreeMap<String, Truth>) {
    let deadline = Instant::now() + Duration::from_secs(options.ready_s);
    let mut lacking: Vec<String> = truths.keys().cloned().collect();
    while Instant::now() < deadline {
        let ready: BTreeSet<String> = options.token.iter().flat_map(|token| ready_cameras(hub, token)).collect();
        lacking = truths.keys().filter(|camera| !ready.contains(*camera)).cloned().collect();
        if lacking.is_empty() {
            println!("every camera is up");
            return;
        }
        std::thread::sleep(Duration::from_millis(500));
    }
    println!("not up after {} s: {}; watching all the same", options.ready_s, lacking.join(", "));
}

fn ready_cameras(hub: &str, token: &str) -> Vec<String> {
    let text = feed::get(&format!("{hub}/api/v1/cameras"), token).unwrap_or_default();
    let answer: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    let cameras = answer["cameras"].as_array().cloned().unwrap_or_default();
    let up = cameras.iter().filter(|camera| camera["state"] == "ok");
    up.filter_map(|camera| camera["camera"].as_str().or(camera["id"].as_str()?.rsplit('/').next()).map(str::to_owned))
        .collect()
}

/// Collects what arrives until enough was watched; a line each ten seconds.
fn collect(
    options: &Options,
    truths: &BTreeMap<String, Truth>,
    events: &mpsc::Receiver<(FeedEvent, i64)>,
    from_us: i64,
) -> Result<Vec<Seen>, AnyError> {
    let (mut seen, mut ids, mut doubled) = (Vec::new(), BTreeSet::new(), 0);
    let begun = Instant::now();
    let mut next_line_s = 10;
    loop {
        match events.recv_timeout(Duration::from_millis(500)) {
            Ok((event, arrived_us)) if ids.insert(event.id.clone()) => seen.extend(Seen::read(&event, arrived_us)),
            Ok(_) => doubled += 1,
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                return Err("the feed is over before the cameras' loops are".into());
            }
        }
        let passed_s = begun.elapsed().as_secs();
        let left_s = left_s(options, truths, from_us)?;
        if passed_s >= next_line_s {
            let twice = if doubled > 0 && options.token.len() == 1 {
                format!(", {doubled} of them twice")
            } else {
                String::new()
            };
            println!("{passed_s:>4} s: {} events from the feed{twice}, about {left_s} s to go", ids.len());
            next_line_s += 10;
        }
        if left_s == 0 {
            return Ok(seen);
        }
    }
}

/// Seconds until enough was watched; rounded up.
fn left_s(options: &Options, truths: &BTreeMap<String, Truth>, from_us: i64) -> Result<u64, AnyError> {
    let grace_us = i64::try_from(options.grace_s)? * 1_000_000;
    let mut end_us = from_us;
    if let Some(seconds) = options.seconds {
        end_us += i64::try_from(seconds)? * 1_000_000 + grace_us;
    } else {
        let loops = truth::load_schedule(&options.schedule)?;
        for (camera, truth) in truths {
            let mine = loops.iter().filter(|one| &one.camera == camera);
            let last = mine.clone().next_back().ok_or_else(|| format!("the schedule has no camera {camera}"))?;
            let first = mine.map(|one| one.start_us).find(|start_us| *start_us >= from_us);
            // Before the first whole loop has begun: when it will.
            let first_us = first.unwrap_or(last.start_us + truth.duration_us());
            end_us = end_us.max(first_us + truth.duration_us() * i64::try_from(options.loops)? + grace_us);
        }
    }
    let left_us = (end_us - now_us()).max(0);
    Ok(u64::try_from(left_us)?.div_ceil(1_000_000))
}

fn now_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
