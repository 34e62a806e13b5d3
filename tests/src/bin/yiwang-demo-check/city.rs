//! The simulated city: its truth grows beside it as it is watched, and decides. F1 of what begins, no camera silent, and
//! a lost signal and a wrong clock were told as what they were.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use yiwang_city::camera::FaultKind;
use yiwang_city::score::{self, Report, Terms, Told, Truth};
use yiwang_city::truth::{self, Line};
use yiwang_tests::watch::{Arrived, now_us};

use super::{AnyError, Demo};

/// Faults that fail the check where they are not told. The others are printed: what a picture shows of a fault depends
/// on how much of it can be seen.
const DECIDES: [FaultKind; 2] = [FaultKind::SignalLost, FaultKind::ClockDrift];
/// After its last picture of the watch the truth may take so long to be certain of what it showed.
const TRUTH_WAIT: Duration = Duration::from_secs(60);

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    demo: Demo,
    /// The folder of truth that `yiwang-city serve` writes.
    #[arg(long)]
    truth: PathBuf,
    /// How long is watched.
    #[arg(long, default_value_t = 180)]
    seconds: u64,
    /// What begins in so many seconds after the cameras are up does not count: who comes late to a stay does not know
    /// when it began.
    #[arg(long, default_value_t = 15)]
    warm_up_s: u64,
    /// Least F1 of what begins.
    #[arg(long, default_value_t = 0.9)]
    min_f1: f64,
    /// Also keep what came out of the feed in this file, a line each.
    #[arg(long)]
    keep: Option<PathBuf>,
}

pub(super) fn watch(args: &Args) -> Result<bool, AnyError> {
    let cameras: BTreeSet<String> = load(&args.truth)?.cameras().map(str::to_owned).collect();
    let arrivals = args.demo.hub().subscribe()?;
    args.demo.wait_ready(&cameras);
    let from_us = now_us() + i64::try_from(args.warm_up_s)? * 1_000_000;
    let to_us = from_us + i64::try_from(args.seconds)? * 1_000_000;
    let feed = collect(args, &arrivals, to_us)?;
    if let Some(path) = &args.keep {
        std::fs::write(path, &feed).map_err(|error| format!("could not write {}: {error}", path.display()))?;
    }
    let truth = load(&args.truth)?;
    let terms = Terms {
        from_us: truth.world_us(from_us),
        to_us: Some(truth.world_us(to_us).min(truth.told_to_us().unwrap_or(i64::MIN))),
        ..Terms::default()
    };
    let told: Vec<Told> = score::read("the feed", &feed, None)?;
    Ok(judged(&score::judge(&truth, &told, &terms), args.min_f1))
}

/// Prints the report and what decides.
fn judged(report: &Report, min_f1: f64) -> bool {
    print!("{}", report.table());
    report.remarks.iter().for_each(|remark| println!("{remark}"));
    let mut complaints = Vec::new();
    if report.f1() < min_f1 {
        complaints.push(format!("the F1 of what begins is {:.3}, less than {min_f1}", report.f1()));
    }
    complaints.extend(report.silent().iter().map(|camera| format!("camera {camera} told nothing of what it showed")));
    for fault in report.faults() {
        let wanted = score::told_as(fault.kind).join(" or ");
        match fault.delay_us {
            Some(us) => println!("the fault {wanted} was told as such after {:.1} s", us as f64 / 1e6),
            None if DECIDES.contains(&fault.kind) => complaints.push(format!("the fault {wanted} was not told")),
            None => println!("the fault {wanted} was not told (does not decide)"),
        }
    }
    complaints.iter().for_each(|complaint| println!("failed: {complaint}"));
    complaints.is_empty()
}

/// Collects what arrives until everything is told of the time up to `to_us`, by the truth and by the feed; a line each
/// ten seconds.
fn collect(args: &Args, arrivals: &mpsc::Receiver<Arrived>, to_us: i64) -> Result<String, AnyError> {
    let (mut feed, mut count, begun) = (String::new(), 0, Instant::now());
    let deadline_us = to_us + i64::try_from(TRUTH_WAIT.as_micros())?;
    let mut next_line_s = 10;
    loop {
        match arrivals.recv_timeout(Duration::from_millis(500)) {
            Ok(arrived) => {
                feed.push_str(&arrived.data);
                feed.push('\n');
                count += 1;
            }
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            Err(mpsc::RecvTimeoutError::Disconnected) => return Err("the feed ended".into()),
        }
        let now_us = now_us();
        if now_us >= deadline_us || (now_us >= to_us && told_to(&args.truth, to_us)) {
            return Ok(feed);
        }
        if begun.elapsed().as_secs() >= next_line_s {
            let left_s = (to_us - now_us).max(0) / 1_000_000;
            println!("{next_line_s:>4} s: {count} events from the feed, about {left_s} s to go");
            next_line_s += 10;
        }
    }
}

/// Whether the truth has told everything before `utc_us`.
fn told_to(folder: &Path, utc_us: i64) -> bool {
    load(folder).is_ok_and(|truth| truth.told_to_us().is_some_and(|told_us| told_us >= truth.world_us(utc_us)))
}

/// The truth as far as it is written: cameras, faults and events.
fn load(folder: &Path) -> Result<Truth, AnyError> {
    let mut lines: Vec<Line> = Vec::new();
    for name in ["city.jsonl", "events.jsonl"] {
        let path = folder.join(name);
        let text =
            std::fs::read_to_string(&path).map_err(|error| format!("could not read {}: {error}", path.display()))?;
        lines.append(&mut truth::read(&path.display().to_string(), &text)?);
    }
    Ok(Truth::new(lines))
}
