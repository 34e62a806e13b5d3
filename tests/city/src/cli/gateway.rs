//! `yiwang-city gateway`: the cameras of the city as a gateway is told of them, `[[camera]]` tables with position, view
//! and rules.

use std::process::ExitCode;

use yiwang_city::stream::gateway_table;

use super::Fault;
use super::world::WorldArgs;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    world: WorldArgs,
    /// Only the cameras of this department.
    #[arg(long)]
    department: Option<String>,
    /// Where the streams are, `rtsp://HOST:PORT` as `yiwang-city serve` tells it.
    #[arg(long)]
    streams: String,
    /// Look at the sub-streams.
    #[arg(long)]
    sub: bool,
}

pub(crate) fn main(args: &Args) -> Result<ExitCode, Fault> {
    let world = args.world.world();
    let suffix = if args.sub { "-sub" } else { "" };
    let wanted = args.world.wanted(&world)?;
    let mine = |id: &Option<String>, department: &str| id.as_deref().is_none_or(|wanted| wanted == department);
    for camera in wanted.iter().filter(|camera| mine(&args.department, &camera.department)) {
        let url = format!("{}/{}{suffix}", args.streams.trim_end_matches('/'), camera.physical);
        print!("{}", gateway_table(camera, &url));
    }
    Ok(ExitCode::SUCCESS)
}
