//! `yiwang-city streets`: the city's own streets as a base map for the hub's page.

use std::path::PathBuf;
use std::process::ExitCode;

use yiwang_city::streets::pmtiles;

use super::Fault;
use super::world::WorldArgs;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    world: WorldArgs,
    /// Where the PMTiles file is written.
    #[arg(long)]
    out: PathBuf,
}

pub(crate) fn main(args: &Args) -> Result<ExitCode, Fault> {
    let file = pmtiles(args.world.world().layout());
    std::fs::write(&args.out, &file).map_err(|error| format!("could not write {}: {error}", args.out.display()))?;
    println!("the streets of the city, {} KB: {}", file.len() / 1024, args.out.display());
    Ok(ExitCode::SUCCESS)
}
