//! `yiwang-city score`: a feed of events against the truth; exits by what is asked of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use yiwang_city::score::{self, Terms, Told, Truth};
use yiwang_city::truth::{self, Line};

use super::Fault;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A file of truth, or a folder whose *.jsonl files are read; may be given many times.
    #[arg(long, required = true)]
    truth: Vec<PathBuf>,
    /// Events: lines of the hub's feed or of `yiwang-gateway analyze --format jsonl`; may be given many times.
    /// CAMERA=FILE for lines that name no camera.
    #[arg(long, required = true)]
    feed: Vec<String>,
    /// How far an event's time may be off, seconds.
    #[arg(long, default_value_t = 1.5)]
    tolerance_s: f64,
    /// Nothing in so many seconds after the start counts: 0 for clips, some for a gateway that comes later.
    #[arg(long, default_value_t = 0.0)]
    warm_up_s: f64,
    /// Only what happens from this time on counts, microseconds since 1970 UTC.
    #[arg(long)]
    from_utc_us: Option<i64>,
    /// And only until this.
    #[arg(long)]
    to_utc_us: Option<i64>,
    /// Only these cameras count.
    #[arg(long, value_delimiter = ',')]
    cameras: Vec<String>,
    /// Fail where the F1 of what begins is less.
    #[arg(long)]
    min_f1: Option<f64>,
    /// Fail where a camera of which something was required told nothing of it.
    #[arg(long)]
    no_camera_silent: bool,
    /// Also write the figures to this file, as one flat object.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Name everything that is missing, told twice or not true.
    #[arg(long)]
    verbose: bool,
}

pub(crate) fn main(args: &Args) -> Result<ExitCode, Fault> {
    let truth = Truth::new(lines(&args.truth)?);
    if truth.cameras().next().is_none() {
        return Err(
            "the truth names no camera: give the folder that `yiwang-city render` or `serve` has written".into()
        );
    }
    let terms = Terms {
        tolerance_us: micros(args.tolerance_s),
        warm_up_us: micros(args.warm_up_s),
        from_us: args.from_utc_us.map_or(i64::MIN, |utc_us| truth.world_us(utc_us)),
        to_us: args.to_utc_us.map(|utc_us| truth.world_us(utc_us)),
        cameras: (!args.cameras.is_empty()).then(|| args.cameras.iter().cloned().collect()),
    };
    let report = score::judge(&truth, &told(&args.feed)?, &terms);
    print!("{}", report.table());
    if args.verbose {
        report.remarks.iter().for_each(|remark| println!("{remark}"));
    }
    if let Some(path) = &args.json {
        write(path, &(report.json().to_string() + "\n"))?;
    }
    let mut passed = true;
    if let Some(least) = args.min_f1.filter(|least| report.f1() < *least) {
        println!("failed: the F1 of what begins is {:.3}, less than {least}", report.f1());
        passed = false;
    }
    for camera in report.silent().iter().filter(|_| args.no_camera_silent) {
        println!("failed: camera {camera} told nothing of what happened before it");
        passed = false;
    }
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// All lines of truth in these files and folders.
fn lines(paths: &[PathBuf]) -> Result<Vec<Line>, Fault> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let entries = fs::read_dir(path).map_err(|error| format!("could not list {}: {error}", path.display()))?;
        let mut found: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        found.retain(|file| file.extension().is_some_and(|extension| extension == "jsonl"));
        found.sort();
        if found.is_empty() {
            return Err(format!("no *.jsonl file in {}", path.display()).into());
        }
        files.append(&mut found);
    }
    let mut lines = Vec::new();
    for file in files {
        lines.append(&mut truth::read(&file.display().to_string(), &read(&file)?)?);
    }
    Ok(lines)
}

/// All events of these files.
fn told(feeds: &[String]) -> Result<Vec<Told>, Fault> {
    let mut told = Vec::new();
    for feed in feeds {
        let (camera, path) = match feed.split_once('=') {
            Some((camera, path)) if !Path::new(feed).exists() => (Some(camera), path),
            _ => (None, feed.as_str()),
        };
        told.append(&mut score::read(path, &read(Path::new(path))?, camera)?);
    }
    Ok(told)
}

fn read(path: &Path) -> Result<String, Fault> {
    fs::read_to_string(path).map_err(|error| format!("could not read {}: {error}", path.display()).into())
}

fn write(path: &Path, text: &str) -> Result<(), Fault> {
    fs::write(path, text).map_err(|error| format!("could not write {}: {error}", path.display()).into())
}

fn micros(seconds: f64) -> i64 {
    (seconds * 1e6).round() as i64
}
