//! `analyze`: the live pipeline over a recorded clip. Scheduling follows media time only, so two runs print the same.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use clap::ValueEnum;
use serde_json::{Value, json};
use uuid::Uuid;
use yiwang_inference::model::ModelError;
use yiwang_wire::event::Phase;

use super::{ConfigArg, Fault, out};
use crate::analyse::{Analyst, Found, Plan};
use crate::camera::Times;
use crate::camera::file::FileUnits;
use crate::config::{Config, Secrets};
use crate::decode::{self, Picture, PictureSink, Purpose};
use crate::gate::Attention;
use crate::model;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    config: ConfigArg,
    /// The camera whose rules apply.
    #[arg(long)]
    camera: String,
    /// The clip.
    #[arg(long)]
    input: PathBuf,
    /// A model file instead of the configured one.
    #[arg(long, requires = "family")]
    model: Option<PathBuf>,
    /// Its family.
    #[arg(long)]
    family: Option<String>,
    /// How events are printed.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// What is decoded: everything, or as a gateway does it with `decode = "auto"`.
    #[arg(long, value_enum, default_value = "always")]
    decode: Decode,
    /// Take as long as the clip.
    #[arg(long)]
    realtime: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// One event a line, as JSON.
    Jsonl,
    /// `{"rule","t_s","direction","x"}` a line: what a scorer of events wants.
    Score,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Decode {
    /// Every picture.
    Always,
    /// Keyframes only while nothing moves.
    Auto,
}

pub(super) fn main(args: &Args) -> Result<ExitCode, Fault> {
    let mut config = Config::load(&args.config.config, Secrets::Skip)?;
    if let Some(file) = &args.model {
        config.model.file = Some(file.clone());
        config.model.family.clone_from(&args.family);
        config.model.sha256 = None;
    }
    let camera = config.camera(&args.camera)?;
    let plan = Plan::of(camera, &config.revision);
    let analyst = Analyst::new(plan, model::open(&config.model, &config.state_dir)?)?;
    let run = Run {
        analyst,
        attention: Attention::default(),
        format: args.format,
        started: args.realtime.then(Instant::now),
        counter: 0,
        analysed: 0,
        events: 0,
        last_us: 0,
        analysed_us: i64::MIN,
        fault: None,
    };
    let started = Instant::now();
    let units = FileUnits::open(&args.input, 0)?;
    let attention = run.attention.clone();
    let mut shared = Shared(Arc::new(Mutex::new(run)));
    let pictures = match args.decode {
        Decode::Always => decode::run_blocking(units, &mut shared)?.pictures,
        Decode::Auto => decode::run_gated(units, shared.clone(), attention)?.decoded.load(Ordering::Relaxed),
    };
    let mut run = shared.lock();
    if let Some(fault) = run.fault.take() {
        return Err(fault.into());
    }
    if args.format == Format::Text {
        let (clip_s, took_s) = (seconds(run.last_us), started.elapsed().as_secs_f64());
        out(&format!(
            "{pictures} pictures, {} analysed, {} events; {clip_s:.1} s of video in {took_s:.1} s",
            run.analysed, run.events
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// A run that the decoder's thread calls.
#[derive(Clone)]
struct Shared(Arc<Mutex<Run>>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Run> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PictureSink for Shared {
    fn wants(&mut self, times: &Times, purpose: Purpose) -> bool {
        self.lock().wants(times, purpose)
    }

    fn picture(&mut self, picture: &Picture<'_>) {
        self.lock().picture(picture);
    }

    fn over(&mut self) {
        self.lock().over();
    }
}

/// The clip on its way through the analysis.
struct Run {
    analyst: Analyst,
    attention: Attention,
    format: Format,
    /// Set where the clip is paced.
    started: Option<Instant>,
    counter: u128,
    analysed: u64,
    events: u64,
    last_us: i64,
    analysed_us: i64,
    fault: Option<ModelError>,
}

impl Run {
    fn print(&mut self, found: &[Found]) {
        self.events += print_all(found, self.format);
    }
}

/// Ids that are the same in every run: two runs print the same.
fn numbered(counter: &mut u128) -> Uuid {
    *counter += 1;
    Uuid::from_u128(*counter)
}

impl PictureSink for Run {
    fn wants(&mut self, times: &Times, purpose: Purpose) -> bool {
        match purpose {
            Purpose::Glance => return self.fault.is_none(),
            Purpose::Replay if times.media_us <= self.analysed_us => return false,
            Purpose::Replay | Purpose::Live => {}
        }
        self.last_us = self.last_us.max(times.media_us);
        if let Some(started) = self.started {
            let due = Duration::from_micros(u64::try_from(times.media_us).unwrap_or(0));
            std::thread::sleep(due.saturating_sub(started.elapsed()));
        }
        self.fault.is_none() && self.analyst.due(times.media_us)
    }

    fn picture(&mut self, picture: &Picture<'_>) {
        self.analysed += 1;
        let (media_us, glance) = (picture.times().media_us, picture.purpose() == Purpose::Glance);
        let mut id = || numbered(&mut self.counter);
        let found = match glance {
            true => self.analyst.glance(picture, &mut id),
            false => self.analyst.picture(picture, &mut id).map(Some),
        };
        if glance {
            self.attention.glanced(media_us, !matches!(found, Ok(Some(_))));
        }
        match found {
            Ok(Some(found)) => {
                self.print(&found);
                self.analysed_us = media_us;
                self.attention.observed(media_us, self.analyst.stir());
            }
            Ok(None) => {}
            Err(error) => self.fault = Some(error),
        }
    }

    fn over(&mut self) {
        let found = self.analyst.finish(&mut || numbered(&mut self.counter));
        self.print(&found);
    }
}

fn print_all(found: &[Found], format: Format) -> u64 {
    let mut printed = 0;
    for one in found {
        let line = match format {
            Format::Text => Some(text(one)),
            Format::Jsonl => Some(jsonl(one).to_string()),
            Format::Score => score(one).map(|v| v.to_string()),
        };
        if let Some(line) = line {
            out(&line);
            printed += 1;
        }
    }
    printed
}

fn text(found: &Found) -> String {
    let event = &found.event;
    let why: Vec<String> = event
        .measures
        .iter()
        .map(|m| match m.threshold {
            Some(threshold) => format!("{} {:.2}/{threshold:.2} {}", m.name, m.value, m.unit),
            None => format!("{} {:.2} {}", m.name, m.value, m.unit),
        })
        .collect();
    let subject = event.subject.as_ref().map_or(String::new(), |s| format!("{} #{} ", s.class, s.track));
    format!(
        "{:>9.2} s  {:<7} {:<12} {:<16} {subject}{} {}",
        seconds(found.media_us),
        phase(event.phase),
        event.kind,
        event.rule.as_deref().unwrap_or("-"),
        event.direction.as_deref().unwrap_or(""),
        why.join(", "),
    )
}

fn jsonl(found: &Found) -> Value {
    let event = &found.event;
    let subject = event.subject.as_ref();
    let measures: Vec<Value> = event
        .measures
        .iter()
        .map(|m| json!({ "name": m.name, "value": m.value, "threshold": m.threshold, "unit": m.unit }))
        .collect();
    json!({
        "kind": event.kind,
        "rule": event.rule,
        "phase": phase(event.phase),
        "media_time_s": seconds(found.media_us),
        "class": subject.map(|s| &s.class),
        "confidence": subject.map(|s| rounded(s.confidence)),
        "direction": event.direction,
        "track": subject.map(|s| s.track),
        "x": event.point.map(|p| rounded(p[0])),
        "y": event.point.map(|p| rounded(p[1])),
        "bbox": subject.map(|s| [s.bbox.x0, s.bbox.y0, s.bbox.x1, s.bbox.y1].map(rounded)),
        "severity": format!("{:?}", event.severity).to_lowercase(),
        "measures": measures,
        "id": event.id,
        "cause": event.cause,
        "camera": event.camera,
        "model": event.model.as_ref().map(|m| &m.name),
        "config_revision": event.config_revision,
    })
}

/// Crossings as they are, intrusion begin and end as `enter` and `exit`, loiter begin as `loiter`; updates and the
/// camera's own faults left out.
fn score(found: &Found) -> Option<Value> {
    let event = &found.event;
    event.rule.as_ref()?;
    let direction = match (event.kind.as_str(), event.phase) {
        (_, Phase::Update) | ("loiter", Phase::End) => return None,
        ("line_cross", _) => event.direction.clone()?,
        ("intrusion", Phase::Begin) => "enter".into(),
        ("intrusion", Phase::End) => "exit".into(),
        ("loiter", Phase::Begin) => "loiter".into(),
        (_, other) => phase(other).into(),
    };
    Some(json!({
        "rule": event.rule,
        "t_s": seconds(found.media_us),
        "direction": direction,
        "x": event.point.map(|p| rounded(p[0])),
    }))
}

fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Begin => "begin",
        Phase::Update => "update",
        Phase::End => "end",
    }
}

/// Milliseconds are as exact as a picture's time is.
#[allow(clippy::cast_precision_loss, reason = "media time of a clip fits in 53 bits")]
fn seconds(us: i64) -> f64 {
    (us as f64 / 1e3).round() / 1e3
}

fn rounded(value: f32) -> f64 {
    (f64::from(value) * 1e4).round() / 1e4
}
