//! `yiwang-city`: the simulated city's command line. What the commands do is in `cli`, one file each.
#![allow(clippy::print_stdout, reason = "command line")]

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
