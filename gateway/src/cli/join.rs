//! `join`: one command makes the gateway known to its hub.

use std::path::PathBuf;
use std::process::ExitCode;

use super::{ConfigArg, Fault, out};
use crate::config::{Config, Secrets};
use crate::uplink::join;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Where the hub is: host:port of its QUIC address.
    address: String,
    /// The one-time token that the hub's administrator gave you.
    token: String,
    #[command(flatten)]
    config: ConfigArg,
    /// State folder; default: that of the configuration, or /var/lib/yiwang-gateway without one.
    #[arg(long)]
    state_dir: Option<PathBuf>,
    /// What people call this gateway; default: this machine's name.
    #[arg(long)]
    name: Option<String>,
    /// Join although this gateway already belongs to a hub; its old identity is given up.
    #[arg(long)]
    force: bool,
}

pub(super) fn main(args: &Args) -> Result<ExitCode, Fault> {
    let dir = match &args.state_dir {
        Some(dir) => dir.clone(),
        None if args.config.config.exists() => Config::load(&args.config.config, Secrets::Skip)?.state_dir,
        None => "/var/lib/yiwang-gateway".into(),
    };
    let name = args.name.clone().unwrap_or_else(host_name);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let identity = runtime.block_on(join::join(&args.address, &args.token, &name, &dir, args.force))?;
    out(&format!("joined {} as {} of department {}", args.address, identity.gateway, identity.department));
    out(&format!("identity, key and certificate are in {}; start with: yiwang-gateway run", dir.display()));
    Ok(ExitCode::SUCCESS)
}

fn host_name() -> String {
    std::fs::read_to_string("/etc/hostname").map_or_else(|_| "gateway".into(), |name| name.trim().to_owned())
}
