//! The benchmarks' command line: `tests/bench city|edge|events|hub|long|uplink|model|merge|search|pictures [--json FILE]`.
#![allow(clippy::print_stdout, reason = "command line")]

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use yiwang_tests::bench::{Report, city, edge, events, hub, long, merge, model, pictures, search, uplink};

/// Measures what the product costs and carries, each beside what it is compared with.
#[derive(Parser)]
struct Options {
    #[command(subcommand)]
    what: What,
    /// Also write the figures to this file, as one flat object.
    #[arg(long, global = true)]
    json: Option<PathBuf>,
    /// How long each measurement lasts.
    #[arg(long, global = true)]
    seconds: Option<u64>,
}

#[derive(Subcommand)]
enum What {
    /// CPU of rendering and coding six of the simulated city's cameras, and how fast it goes offline.
    City,
    /// How many cameras a core of a gateway carries and what of the events is left, against bare decoding.
    Edge {
        /// Cameras at once.
        #[arg(long, default_value_t = 6)]
        cameras: usize,
        /// Length of the quiet clips, seconds; shorter ones say less.
        #[arg(long, default_value_t = 600)]
        clip_s: i64,
        /// Which clips.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Keep the clips in this folder, and take those that an earlier run has left there.
        #[arg(long)]
        clips: Option<PathBuf>,
    },
    /// Receives from cameras and does nothing with it; what `edge` measures receiving with.
    #[command(hide = true)]
    Receive {
        /// Addresses.
        urls: Vec<String>,
    },
    /// What of the truth comes out of a gateway, kind by kind, on fresh cities, and how soon faults are told.
    Events {
        /// How many cities, each with a light and weather of its own.
        #[arg(long, default_value_t = 4)]
        cities: usize,
        /// In how many lights and weathers cameras fail.
        #[arg(long, default_value_t = 4)]
        faults: usize,
        /// Also how soon faults of streams are told, live; the machine must keep up with four cameras.
        #[arg(long)]
        streams: bool,
        /// For how many seconds of the clock hours without incidents are watched.
        #[arg(long, default_value_t = 300)]
        quiet_s: u64,
        /// The first city's seed; figures are told of seeds from the commit's hash, others are for tuning.
        #[arg(long)]
        seed: Option<u64>,
        /// Keep the clips in this folder, and take those that an earlier run has left there.
        #[arg(long)]
        clips: Option<PathBuf>,
    },
    /// Whether anything grows, sticks or goes missing: a day from recorded detections, half an hour of real streams.
    Long {
        /// Hours of sixteen cameras from recorded detections; 0 leaves them out.
        #[arg(long, default_value_t = 24)]
        hours: u32,
        /// Which city and faults.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Durable events through ingest, an event's weight, the feed's fan-out.
    Hub {
        /// Gateways at once.
        #[arg(long, default_value_t = 200)]
        gateways: usize,
        /// Subscribers at once.
        #[arg(long, default_value_t = 500)]
        subscribers: usize,
    },
    /// Which events become one incident, held against the city's truth, and how fast.
    Merge {
        /// How many cities.
        #[arg(long, default_value_t = 4)]
        cities: usize,
        /// Seconds of each that are watched through the default model, end to end; 0 leaves that out.
        #[arg(long, default_value_t = 240)]
        watched_s: u64,
    },
    /// How long a search takes over many events.
    Search {
        /// How many events.
        #[arg(long, default_value_t = 10_000_000)]
        events: u64,
    },
    /// How soon a person sees what a camera sees, what that costs the line, and whether events wait for it.
    Pictures,
    /// Spool and uplink at 80 ms round trip and several shares of loss.
    Uplink {
        /// Other shares of loss, per cent.
        #[arg(long, value_delimiter = ',', default_values_t = [0, 1, 5, 10])]
        loss: Vec<u32>,
    },
    /// What the default model finds on fresh cities and on the real clips, beside YOLOX-nano.
    Model {
        /// A model file of the family `fcos`, in place of the default one.
        #[arg(long)]
        model: Option<PathBuf>,
        /// How many cities, each with a light and weather of its own.
        #[arg(long, default_value_t = 4)]
        cities: usize,
    },
}

fn main() -> ExitCode {
    let options = Options::parse();
    let mut report = Report::default();
    let runtime = tokio::runtime::Runtime::new().expect("the system gives threads");
    let outcome = match options.what {
        What::City => city::run(&mut report, options.seconds.unwrap_or(40)),
        What::Edge { cameras, clip_s, seed, clips } => {
            edge::run(&mut report, &edge::Size { cameras, clip_s, seconds: options.seconds, seed, clips })
        }
        What::Events { cities, faults, streams, quiet_s, seed, clips } => {
            let seconds = options.seconds.unwrap_or(240);
            events::run(&mut report, &events::Size { cities, seconds, faults, streams, quiet_s, seed, clips })
        }
        What::Long { hours, seed } => {
            long::run(&mut report, long::Size { hours, seconds: options.seconds.unwrap_or(1_800), seed })
        }
        What::Receive { urls } => runtime.block_on(edge::receive(urls)),
        What::Hub { gateways, subscribers } => {
            let size = hub::Size { seconds: options.seconds.unwrap_or(5), gateways, subscribers };
            runtime.block_on(hub::run(&mut report, size))
        }
        What::Model { model, cities } => {
            let size = model::Size { model, cities, seconds: options.seconds.unwrap_or(120) };
            model::run(&mut report, &size)
        }
        What::Merge { cities, watched_s } => {
            let size = merge::Size { cities, seconds: options.seconds.unwrap_or(900), watched_s };
            runtime.block_on(merge::run(&mut report, size))
        }
        What::Search { events } => search::run(&mut report, search::Size { events }),
        What::Pictures => runtime.block_on(pictures::run(&mut report, options.seconds.unwrap_or(30))),
        What::Uplink { loss } => runtime.block_on(uplink::run(&mut report, &loss, options.seconds.unwrap_or(10))),
    };
    print!("{}", report.table());
    if let Some(path) = options.json
        && let Err(error) = std::fs::write(&path, report.json())
    {
        eprintln!("yiwang-bench: could not write {}: {error}", path.display());
        return ExitCode::FAILURE;
    }
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("yiwang-bench: {error}");
            ExitCode::FAILURE
        }
    }
}
