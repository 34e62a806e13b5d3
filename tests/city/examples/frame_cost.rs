//! What a backdrop and a picture of each camera cost: `cargo run --release -p yiwang-city --example frame_cost`.
//! Times are of the processor, as Linux counts them for this thread.

#![expect(clippy::print_stdout, reason = "its figures are its purpose")]

use std::path::Path;

use yiwang_city::picture::{Backdrop, Frame, Painter};
use yiwang_city::still::write_png;
use yiwang_city::world::{Options, World};

/// Pictures that are made and counted, after as many that fill the caches.
const PICTURES: i64 = 100;

fn cpu_ms() -> f64 {
    let spent = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    spent.split(' ').next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or(f64::NAN) / 1e6
}

fn main() -> std::io::Result<()> {
    let folder = std::env::args().nth(1);
    for (name, hour, cloud, rain) in [("day", 10.0, 0.2, 0.0), ("rain", 15.0, 1.0, 0.6), ("night", 22.0, 0.3, 0.0)] {
        let mut world = World::new(Options { hour, cloud, rain, ..Options::default() });
        let light = world.light();
        let cameras = world.cameras().to_vec();
        for camera in &cameras {
            let view = camera.view();
            let begin = cpu_ms();
            let backdrop = Backdrop::new(world.layout(), &view, &light, 1);
            let backdrop_ms = cpu_ms() - begin;
            let mut painter = Painter::new(view);
            let mut frame = Frame::new(camera.size_px.0, camera.size_px.1);
            let (mut spent_ms, mut seen) = (0.0, 0);
            for picture in 0..PICTURES * 2 {
                world.advance(world.now_us() + 80_000);
                let begin = cpu_ms();
                let all = painter.paint(&backdrop, world.actors(), &light, world.now_us(), &mut frame);
                if picture >= PICTURES {
                    spent_ms += cpu_ms() - begin;
                    seen += all.iter().filter(|seen| seen.visible > 0.0).count();
                }
            }
            let (each_ms, each) = (spent_ms / PICTURES as f64, seen as f64 / PICTURES as f64);
            println!(
                "{name} {}: backdrop {backdrop_ms:.0} ms, picture {each_ms:.2} ms with {each:.1} movers",
                camera.id
            );
            if let Some(folder) = &folder {
                write_png(&frame, &Path::new(folder).join(format!("{}-{name}.png", camera.id)))?;
            }
        }
    }
    Ok(())
}
