//! The hub's program: reads the command line and ends with its exit code. Everything else is the library's `cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    yiwang_hub::cli::main()
}
