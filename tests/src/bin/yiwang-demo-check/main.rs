//! Watches the demo through its feed and says whether what was shown came out: `clips` holds it against the truth beside
//! recorded clips, `city` against the truth that the simulated city writes as it goes.
#![allow(clippy::print_stdout, reason = "command line")]

mod city;
mod clips;

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use yiwang_tests::watch::Hub;

/// Holds what comes out of the feed against what the cameras show.
#[derive(Parser)]
struct Options {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// The cameras play recorded clips.
    Clips(clips::Args),
    /// The cameras stand in the simulated city.
    City(city::Args),
}

/// Where the demo is.
#[derive(clap::Args)]
struct Demo {
    /// Address of the hub (http://HOST:PORT) or of its feed.
    #[arg(long)]
    feed: String,
    /// Feed token; may be given many times where no single one sees every camera.
    #[arg(long, required = true)]
    token: Vec<String>,
    /// How long the cameras may take to be ready before the watch begins.
    #[arg(long, default_value_t = 60)]
    ready_s: u64,
}

type AnyError = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let done = match Options::parse().what {
        What::Clips(args) => clips::watch(&args),
        What::City(args) => city::watch(&args),
    };
    match done {
        Ok(true) => {
            println!("passed");
            ExitCode::SUCCESS
        }
        Ok(false) => {
            println!("failed");
            ExitCode::FAILURE
        }
        Err(error) => {
            let cause = error.source().map(|cause| format!(" ({cause})")).unwrap_or_default();
            eprintln!("yiwang-demo-check: {error}{cause}");
            ExitCode::from(2)
        }
    }
}

impl Demo {
    fn hub(&self) -> Hub {
        Hub::new(&self.feed, &self.token)
    }

    /// Waits until the hub says of every camera that it is analysed; says which is not.
    fn wait_ready(&self, cameras: &BTreeSet<String>) {
        let lacking = self.hub().wait_ready(cameras, Duration::from_secs(self.ready_s));
        if lacking.is_empty() {
            println!("every camera is up");
        } else {
            println!("not up after {} s: {}; watching all the same", self.ready_s, lacking.join(", "));
        }
    }
}
