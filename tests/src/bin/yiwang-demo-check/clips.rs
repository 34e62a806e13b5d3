//! Recorded clips: whole loops of every camera are watched. The judgement is in `yiwang_tests::check`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use yiwang_tests::check::{self, FeedEvent, Seen};
use yiwang_tests::truth::{self, Truth};
use yiwang_tests::watch::{Arrived, now_us};

use super::{AnyError, Demo};

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    demo: Demo,
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
    /// How long after the last loop an event may still come.
    #[arg(long, default_value_t = 8)]
    grace_s: u64,
}

fn camera_truth(text: &str) -> Result<(String, PathBuf), String> {
    let (camera, path) = text.split_once('=').ok_or("it is written CAMERA=TRUTH.json")?;
    Ok((camera.to_owned(), path.into()))
}

pub(super) fn watch(args: &Args) -> Result<bool, AnyError> {
    let load = |(camera, path): &(String, PathBuf)| Truth::load(path).map(|truth| (camera.clone(), truth));
    let truths = args.truth.iter().map(load).collect::<Result<BTreeMap<_, _>, _>>()?;
    let arrivals = args.demo.hub().subscribe()?;
    args.demo.wait_ready(&truths.keys().cloned().collect());
    let from_us = now_us();
    let seen = collect(args, &truths, &arrivals, from_us)?;
    // A loop whose last events may still be on their way is not held against anybody.
    let to_us = now_us() - i64::try_from(args.grace_s)? * 1_000_000;
    let rows = check::judge(&truths, &truth::load_schedule(&args.schedule)?, &seen, from_us, to_us);
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
    Ok(passed)
}

fn data_of(text: &str) -> Option<FeedEvent> {
    let mut event: serde_json::Value = serde_json::from_str(text).ok()?;
    serde_json::from_value(event.get_mut("data")?.take()).ok()
}

/// Collects what arrives until enough was watched; a line each ten seconds.
fn collect(
    args: &Args,
    truths: &BTreeMap<String, Truth>,
    arrivals: &mpsc::Receiver<Arrived>,
    from_us: i64,
) -> Result<Vec<Seen>, AnyError> {
    let (mut seen, mut ids, mut doubled) = (Vec::new(), BTreeSet::new(), 0);
    let begun = Instant::now();
    let mut next_line_s = 10;
    loop {
        match arrivals.recv_timeout(Duration::from_millis(500)) {
            Ok(arrived) => match data_of(&arrived.data) {
                Some(event) if ids.insert(event.id.clone()) => seen.extend(Seen::read(&event, arrived.at_us)),
                Some(_) => doubled += 1,
                None => {}
            },
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                return Err("the feed is over before the cameras' loops are".into());
            }
        }
        let passed_s = begun.elapsed().as_secs();
        let left_s = left_s(args, truths, from_us)?;
        if passed_s >= next_line_s {
            let twice = if doubled > 0 && args.demo.token.len() == 1 {
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
fn left_s(args: &Args, truths: &BTreeMap<String, Truth>, from_us: i64) -> Result<u64, AnyError> {
    let grace_us = i64::try_from(args.grace_s)? * 1_000_000;
    let mut end_us = from_us;
    if let Some(seconds) = args.seconds {
        end_us += i64::try_from(seconds)? * 1_000_000 + grace_us;
    } else {
        let loops = truth::load_schedule(&args.schedule)?;
        for (camera, truth) in truths {
            let mine = loops.iter().filter(|one| &one.camera == camera);
            let last = mine.clone().next_back().ok_or_else(|| format!("the schedule has no camera {camera}"))?;
            let first = mine.map(|one| one.start_us).find(|start_us| *start_us >= from_us);
            // Before the first whole loop has begun: when it will.
            let first_us = first.unwrap_or(last.start_us + truth.duration_us());
            end_us = end_us.max(first_us + truth.duration_us() * i64::try_from(args.loops)? + grace_us);
        }
    }
    let left_us = (end_us - now_us()).max(0);
    Ok(u64::try_from(left_us)?.div_ceil(1_000_000))
}
