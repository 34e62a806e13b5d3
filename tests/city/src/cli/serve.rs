//! `yiwang-city serve`: the city's cameras as RTSP streams, live, with the truth beside them.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use yiwang_city::rtsp::Codec;
use yiwang_city::stream::{Live, LiveSettings};

use super::Fault;
use super::world::WorldArgs;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    world: WorldArgs,
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8554")]
    listen: SocketAddr,
    /// h264 or h265.
    #[arg(long, default_value = "h264")]
    codec: Codec,
    /// A sub-stream of half the size for each camera too.
    #[arg(long)]
    sub: bool,
    /// Write the truth into this folder.
    #[arg(long)]
    truth: Option<PathBuf>,
    /// End after so many seconds.
    #[arg(long)]
    seconds: Option<f64>,
}

pub(crate) fn main(args: &Args) -> Result<ExitCode, Fault> {
    let studio = args.world.studio(true)?;
    let settings = LiveSettings { listen: args.listen, codec: args.codec, sub: args.sub, truth: args.truth.clone() };
    let mut live = Live::open(studio, &settings)?;
    for (index, camera) in live.studio().cameras().iter().enumerate() {
        let (main, sub) = live.urls(index);
        println!("camera {} {main}", camera.id);
        if let Some(sub) = sub {
            println!("sub {} {sub}", camera.id);
        }
    }
    println!("ready rtsp://{}", live.address());
    std::io::stdout().flush()?;
    let until_us = args.seconds.map_or(i64::MAX, |seconds| (seconds * 1e6) as i64);
    live.run(until_us)?;
    Ok(ExitCode::SUCCESS)
}
