//! `reload`: the gateway that runs reads its configuration again.

use std::process::ExitCode;

use super::{ConfigArg, Fault, out};
use crate::config::{Config, Secrets};
use crate::control::{self, Order};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    config: ConfigArg,
}

pub(super) fn main(args: &Args) -> Result<ExitCode, Fault> {
    // Only where the gateway is: whether the file is right as a whole is the gateway's to say, who has the passwords.
    let config = Config::load(&args.config.config, Secrets::Skip)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let answer = runtime.block_on(control::ask(&config.state_dir, Order::Reload))?;
    out(answer.trim_end());
    Ok(ExitCode::SUCCESS)
}
