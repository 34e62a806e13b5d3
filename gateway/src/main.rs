//! The binary: everything is in the library.

fn main() -> std::process::ExitCode {
    yiwang_gateway::cli::main()
}
