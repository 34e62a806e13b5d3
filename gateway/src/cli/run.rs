//! `run`: the gateway itself.

use std::io::IsTerminal;
use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use super::{ConfigArg, Fault};
use crate::config::{Config, Secrets};

/// Cameras are waited for, not computed with: the work is on the decoders' threads.
const WORKER_THREADS: usize = 2;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    config: ConfigArg,
    /// Log lines as JSON.
    #[arg(long)]
    log_json: bool,
}

pub(super) fn main(args: &Args) -> Result<ExitCode, Fault> {
    let config = Config::load(&args.config.config, Secrets::Read)?;
    log_to_stderr(args.log_json);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(WORKER_THREADS).enable_all().build()?;
    runtime.block_on(async {
        let shutdown = CancellationToken::new();
        tokio::spawn(wait_for_signal(shutdown.clone()));
        crate::run::run(config, shutdown).await
    })?;
    Ok(ExitCode::SUCCESS)
}

/// `YIWANG_LOG` sets the level (`info`, or `yiwang_gateway::camera=debug,info`).
fn log_to_stderr(json: bool) {
    let filter = EnvFilter::try_from_env("YIWANG_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let colours = std::io::stderr().is_terminal();
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours);
    if json {
        lines.json().init();
    } else {
        lines.init();
    }
}

async fn wait_for_signal(shutdown: CancellationToken) {
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("ending");
    shutdown.cancel();
}
