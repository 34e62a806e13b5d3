//! The commands. To add one: a file like `score.rs` with its `Args` and `main`, and a line in each of the two lists here.

mod dataset;
mod events;
mod gateway;
mod render;
mod score;
mod serve;
mod still;
mod streets;
mod world;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Why a command could not do what it was asked; its causes are told after it.
pub(crate) type Fault = Box<dyn std::error::Error>;

/// A simulated city: its cameras' streams, and exactly what happens in it.
#[derive(Debug, Parser)]
#[command(name = "yiwang-city", version)]
struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make pictures to train a detector on.
    Dataset(dataset::Args),
    /// Make months of events without a picture.
    Events(events::Args),
    /// Send the cameras' pictures as RTSP streams, live, and write down what is true.
    Serve(serve::Args),
    /// Make clips of the cameras and their truth.
    Render(render::Args),
    /// Print the cameras as a gateway's configuration has them.
    Gateway(gateway::Args),
    /// Take pictures of cameras, as PNG files.
    Still(still::Args),
    /// Write the streets as a base map for the hub's page.
    Streets(streets::Args),
    /// Hold a feed of events against the truth.
    Score(score::Args),
}

pub(crate) fn main() -> ExitCode {
    let done = match Options::parse().command {
        Command::Dataset(args) => dataset::main(&args).map_err(Into::into),
        Command::Events(args) => events::main(&args),
        Command::Serve(args) => serve::main(&args),
        Command::Render(args) => render::main(&args),
        Command::Gateway(args) => gateway::main(&args),
        Command::Still(args) => still::main(&args),
        Command::Streets(args) => streets::main(&args),
        Command::Score(args) => score::main(&args),
    };
    done.unwrap_or_else(|fault| {
        eprintln!("yiwang-city: {}", with_causes(fault.as_ref()));
        ExitCode::from(2)
    })
}

fn with_causes(fault: &dyn std::error::Error) -> String {
    let mut text = fault.to_string();
    let mut cause = fault.source();
    while let Some(next) = cause {
        text.push_str(&format!(": {next}"));
        cause = next.source();
    }
    text
}
