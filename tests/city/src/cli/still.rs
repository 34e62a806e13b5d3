//! `yiwang-city still`: pictures of cameras as PNG files, for eyes.

use std::path::PathBuf;
use std::process::ExitCode;

use yiwang_city::camera::Camera;
use yiwang_city::picture::{Backdrop, Frame, Painter, Sensor, fault};
use yiwang_city::still;
use yiwang_city::truth::Seen;
use yiwang_city::world::World;

use super::Fault;
use super::world::WorldArgs;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    world: WorldArgs,
    /// How long the world goes on before the picture is taken, seconds.
    #[arg(long, default_value_t = 20.0)]
    after_s: f64,
    /// Draw the true boxes, and the zones and lines of the rules.
    #[arg(long)]
    truth: bool,
    /// The folder that gets a file for each camera.
    #[arg(long)]
    out: PathBuf,
}

/// Pictures before the one that is kept: noise and exposure follow from those before.
const SETTLE: i64 = 12;

pub(crate) fn main(args: &Args) -> Result<ExitCode, Fault> {
    let mut world = args.world.world();
    let unwritable = |error: std::io::Error| format!("could not write to {}: {error}", args.out.display());
    std::fs::create_dir_all(&args.out).map_err(unwritable)?;
    let cameras = args.world.faulty(args.world.wanted(&world)?);
    world.advance((args.after_s.clamp(0.0, 86_400.0) * 1e6) as i64);
    for camera in cameras {
        let (mut frame, seen) = take(&world, &camera, args);
        if args.truth {
            still::mark(&mut frame, &seen, &camera.rules);
        }
        let path = args.out.join(format!("{}.png", camera.id));
        still::write_png(&frame, &path).map_err(unwritable)?;
        println!("{}: {} objects", path.display(), seen.len());
    }
    Ok(ExitCode::SUCCESS)
}

fn take(world: &World, camera: &Camera, args: &Args) -> (Frame, Vec<Seen>) {
    let now_us = world.now_us();
    let (view, light) = (fault::view_at(camera, now_us), world.light());
    let backdrop = Backdrop::new(world.layout(), &view, &light, args.world.seed());
    let (mut painter, mut sensor) = (Painter::new(view), Sensor::new(camera, args.world.seed()));
    let mut frame = Frame::new(view.size_px.0, view.size_px.1);
    let mut seen = Vec::new();
    for step in 0..SETTLE {
        let t_us = now_us + step * 80_000;
        seen = painter.paint(&backdrop, world.actors(), &light, t_us, &mut frame);
        let clock_us = args.world.epoch_us() + t_us;
        sensor.expose(&mut frame, &light, t_us, clock_us);
    }
    (frame, seen)
}
