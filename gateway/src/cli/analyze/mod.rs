//! `analyze`: the live pipeline over a recorded clip. Scheduling follows media time only, so two runs print the same.
//!
//! - [`print`] events as lines; [`film`] what is kept for the page; [`page`] the page, with [`why`](crate::why)
//!   (pure) for what each rule saw.

mod film;
mod page;
mod print;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use clap::ValueEnum;
use uuid::Uuid;

use self::film::Film;
use self::print::{print_all, seconds};
use super::{ConfigArg, Fault, out};
use crate::analyse::{Analyst, Found, Plan};
use crate::camera::Times;
use crate::camera::file::FileUnits;
use crate::config::{Config, Secrets};
use crate::decode::{self, Picture, PictureSink, Purpose};
use crate::gate::{Attention, Stir};
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
    /// One page that needs nothing else, with the timeline, pictures, and why each rule fired or not.
    Html,
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
    let model = model::open(&config.model, &config.state_dir)?;
    let film = (args.format == Format::Html).then(|| Film::new(plan.mask.clone()));
    let analyst = Analyst::new(plan, model.clone())?;
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
        film,
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
        return Err(fault);
    }
    if let Some(film) = &run.film {
        let about = page::About {
            camera,
            clip: args.input.file_name().unwrap_or(args.input.as_os_str()).to_string_lossy().into_owned(),
            model: format!("{} {}", model.info().name, model.info().sha256.get(..12).unwrap_or_default()),
            revision: &config.revision,
            duration_us: run.last_us,
            pictures,
            analysed: run.analysed,
        };
        out(page::page(&about, film).trim_end());
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
    /// What broke it off.
    fault: Option<Box<dyn std::error::Error + Send + Sync>>,
    /// Kept where a page is wanted.
    film: Option<Film>,
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
            // As a gateway does: where a fault of the picture may be about to begin, there is more to look at.
            let undecided = self.analyst.stir() == Stir::Moving;
            self.attention.glanced(media_us, undecided || !matches!(found, Ok(Some(_))));
        }
        match found {
            Ok(Some(found)) => {
                self.print(&found);
                if let Some(film) = &mut self.film
                    && let Err(error) = film.see(picture, &self.analyst, &found)
                {
                    self.fault = Some(error.into());
                }
                self.analysed_us = media_us;
                self.attention.observed(media_us, self.analyst.stir());
            }
            Ok(None) => {}
            Err(error) => self.fault = Some(error.into()),
        }
    }

    fn over(&mut self) {
        let found = self.analyst.finish(&mut || numbered(&mut self.counter));
        self.print(&found);
        if let Some(film) = &mut self.film {
            film.end(&found);
        }
    }
}
