//! The command line: one file a command. Only here anything is printed.

mod analyze;
mod check;
mod join;
mod model;
mod page;
mod reload;
mod run;
mod status;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// One view over video networks that were built separately: the part that stands beside the cameras.
#[derive(Debug, Parser)]
#[command(name = "yiwang-gateway", version, max_term_width = 110)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run: cameras in, events out.
    Run(run::Args),
    /// Make the gateway that runs read its configuration again; a faulty one changes nothing.
    Reload(reload::Args),
    /// How the gateway that runs and its cameras are.
    Status(status::Args),
    /// Validate the configuration; with --live also try each camera.
    Check(check::Args),
    /// Join a hub with a one-time token.
    Join(join::Args),
    /// Run the very same pipeline over a recorded clip and print its events.
    Analyze(analyze::Args),
    /// The gateway's own page: make its log-in, or print where it is.
    Page(page::Args),
    /// List the detection models, or add one.
    Model(model::Args),
    /// Print the JSON Schema of gateway.toml.
    Schema,
    /// Print a commented gateway.toml to start from.
    Example,
}

/// Where the configuration is.
#[derive(Debug, clap::Args)]
struct ConfigArg {
    /// The configuration file.
    #[arg(long, short, default_value = "/etc/yiwang/gateway.toml")]
    config: PathBuf,
}

/// Parses the command line and does what it says.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match cli.command {
        Command::Run(args) => run::main(&args),
        Command::Reload(args) => reload::main(&args),
        Command::Status(args) => status::main(&args),
        Command::Check(args) => check::main(&args),
        Command::Join(args) => join::main(&args),
        Command::Analyze(args) => analyze::main(&args),
        Command::Page(args) => page::main(&args),
        Command::Model(args) => model::main(&args),
        Command::Schema => {
            out(&serde_json::to_string_pretty(&crate::config::schema()).unwrap_or_default());
            Ok(ExitCode::SUCCESS)
        }
        Command::Example => {
            out(crate::config::EXAMPLE.trim_end());
            Ok(ExitCode::SUCCESS)
        }
    };
    result.unwrap_or_else(|fault| {
        complain(&fault.to_string());
        ExitCode::FAILURE
    })
}

/// What ends a command.
type Fault = Box<dyn std::error::Error>;

/// A line on standard output. A reader that went away (`| head`) is no fault of ours.
fn out(text: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// A line on standard error.
#[allow(clippy::print_stderr, reason = "the command line speaks here")]
fn complain(text: &str) {
    eprintln!("yiwang-gateway: {text}");
}
