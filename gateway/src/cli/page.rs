//! `page`: the log-in of the gateway's own page, and where the page is.

use std::io::BufRead as _;
use std::process::ExitCode;

use clap::Subcommand;

use super::{ConfigArg, Fault, out};
use crate::config::{Config, Secrets};
use crate::page::{self, password};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make the page's log-in, or a new one: prints a password that nobody chose. Whoever is logged in is logged out.
    Password(Password),
    /// Print where the page is, and the fingerprint of its certificate.
    Address(ConfigArg),
}

#[derive(Debug, clap::Args)]
struct Password {
    #[command(flatten)]
    config: ConfigArg,
    /// Take the password from the first line of standard input instead.
    #[arg(long)]
    stdin: bool,
}

pub(super) fn main(args: &Args) -> Result<ExitCode, Fault> {
    match &args.command {
        Command::Password(args) => set(args)?,
        Command::Address(args) => address(args)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn set(args: &Password) -> Result<(), Fault> {
    let config = Config::load(&args.config.config, Secrets::Skip)?;
    std::fs::create_dir_all(&config.state_dir)
        .map_err(|error| format!("cannot make {}: {error}", config.state_dir.display()))?;
    if args.stdin {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line)?;
        password::set(&config.state_dir, line.trim_end_matches(['\r', '\n']))?;
        out("the page has this password now");
    } else {
        let made = password::generate();
        password::set(&config.state_dir, &made)?;
        out(&format!("the page's password, shown this once: {made}"));
    }
    Ok(())
}

fn address(args: &ConfigArg) -> Result<(), Fault> {
    let config = Config::load(&args.config, Secrets::Skip)?;
    let Some(page) = &config.page else {
        out("the page is switched off: [page] listen chooses an address");
        return Ok(());
    };
    // The gateway that runs knows its port, where the file leaves it open.
    let addresses = std::fs::read(config.state_dir.join("addresses.json")).ok();
    let running = addresses.and_then(|text| serde_json::from_slice::<serde_json::Value>(&text).ok());
    let known = running.and_then(|all| all["page"].as_str().map(str::to_owned));
    let scheme = if page.listen.ip().is_loopback() { "http" } else { "https" };
    out(&known.unwrap_or_else(|| format!("{scheme}://{}", page.listen)));
    if let Some(print) = page::fingerprint(&config.state_dir) {
        out(&format!("certificate, SHA-256: {print}"));
    }
    if password::kept(&config.state_dir)?.is_none() {
        out("there is no log-in yet: yiwang-gateway page password");
    }
    Ok(())
}
