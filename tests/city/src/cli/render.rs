//! `yiwang-city render`: clips of the city's cameras and their truth, faster than they happen.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use yiwang_city::rtsp::Codec;
use yiwang_city::stream;

use super::Fault;
use super::world::WorldArgs;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    world: WorldArgs,
    /// How long the clips are.
    #[arg(long)]
    minutes: f64,
    /// h264 or h265.
    #[arg(long, default_value = "h264")]
    codec: Codec,
    /// The folder that gets one MP4 file for each device, `truth/` and `gateway.toml`, by which
    /// `yiwang-gateway analyze` finds the clips and their rules.
    #[arg(long)]
    out: PathBuf,
}

pub(crate) fn main(args: &Args) -> Result<ExitCode, Fault> {
    let unwritable = |error: std::io::Error| format!("could not write to {}: {error}", args.out.display());
    std::fs::create_dir_all(&args.out).map_err(unwritable)?;
    let folder = args.out.canonicalize().map_err(unwritable)?;
    let mut studio = args.world.studio(false)?;
    studio.begin_at(args.world.epoch_us());
    let begun = Instant::now();
    let until_us = (args.minutes * 6e7) as i64;
    let clips = stream::render(&mut studio, until_us, args.codec, &folder)?;
    let cameras = studio.cameras().iter().zip(&clips);
    let tables: String =
        cameras.map(|(camera, clip)| stream::gateway_table(camera, &format!("file://{}", clip.display()))).collect();
    std::fs::write(folder.join("gateway.toml"), format!("state_dir = \"state\"\n{tables}")).map_err(unwritable)?;
    let (shown_s, took_s) = (until_us as f64 / 1e6, begun.elapsed().as_secs_f64());
    eprintln!(
        "{} devices, {shown_s:.0} s each in {took_s:.1} s: {:.1} times as fast as it happens",
        studio.devices().len(),
        shown_s / took_s
    );
    Ok(ExitCode::SUCCESS)
}
