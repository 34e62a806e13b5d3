//! The load of `tests/bench edge`: clips of a crossing of the simulated city. In a quiet one the street is empty, but for
//! trees in the wind and the sensor's noise, and fills for some seconds at random times; in a busy one it is never
//! empty. Truth is told by the rules of the city, as everywhere.

use std::path::{Path, PathBuf};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use yiwang_city::camera::Camera;
use yiwang_city::picture::{Backdrop, Frame, Painter, Sensor};
use yiwang_city::rtsp::Codec;
use yiwang_city::score::Truth;
use yiwang_city::stream::{Coding, Encoder};
use yiwang_city::truth::{EventTruth, Line, Start, TrueCamera};
use yiwang_city::world::{Actor, Options, World};

use crate::link::LinkError;

/// Pictures a second.
const FPS: f32 = 25.0;
const PERIOD_US: i64 = 40_000;
/// The city's camera whose view it is.
const VIEW: &str = "trf-crossing";
/// Name of the camera in truth and configuration.
pub(super) const CAMERA: &str = "bench";
/// Rules of every clip, and of the gateway that watches it.
pub(super) const RULES: &str = r#"
[[camera.rule]]
id = "road"
kind = "intrusion"
zone = [[0.05, 0.45], [0.95, 0.45], [0.95, 0.98], [0.05, 0.98]]
classes = ["person"]

[[camera.rule]]
id = "line"
kind = "line_cross"
line = [[0.0, 0.6], [1.0, 0.6]]
classes = ["person", "car", "large_vehicle"]
"#;

/// What a clip is to be like.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    /// Width and height.
    pub(super) size_px: (u32, u32),
    /// Most kilobits a second.
    pub(super) kbps: u32,
    /// How long.
    pub(super) seconds: i64,
    /// The street is mostly empty.
    pub(super) quiet: bool,
    /// The same seed gives the same clip.
    pub(super) seed: u64,
}

/// A clip and what is true of it.
pub(super) struct Footage {
    /// The clip.
    pub(super) path: PathBuf,
    /// What is true of it.
    pub(super) truth: Truth,
}

/// When the street is not empty, microseconds: a fifth of the time, in episodes of about 10 s.
pub(super) fn episodes(seconds: i64, seed: u64) -> Vec<(i64, i64)> {
    let count = ((seconds as f64 / 50.0).round() as i64).max(1);
    let (slot_us, length_us) = (seconds * 1_000_000 / count, seconds * 200_000 / count);
    let mut random = StdRng::seed_from_u64(seed);
    // Not in the first seconds: a gateway has to get to know a stream before it can spare it anything.
    let begin = |slot: i64, random: &mut StdRng| {
        let first_us = if slot == 0 { (slot_us - length_us).min(12_000_000) } else { 0 };
        slot * slot_us + random.random_range(first_us..=slot_us - length_us)
    };
    (0..count).map(|slot| begin(slot, &mut random)).map(|from_us| (from_us, from_us + length_us)).collect()
}

/// Paints and codes a clip.
pub(super) fn make(folder: &Path, name: &str, wanted: &Wanted) -> Result<Footage, LinkError> {
    let density = if wanted.quiet { 0.7 } else { 1.5 };
    let options = Options { seed: wanted.seed, density, incidents_per_min: 0.0, ..Options::default() };
    let mut world = World::new(options);
    let camera = camera(&world, wanted)?;
    let light = world.light();
    let view = camera.view();
    let backdrop = Backdrop::new(world.layout(), &view, &light, wanted.seed);
    let (mut painter, mut sensor) = (Painter::new(view), Sensor::new(&camera, wanted.seed));
    let mut frame = Frame::new(wanted.size_px.0, wanted.size_px.1);
    let path = folder.join(format!("{name}.mp4"));
    let coding = Coding { codec: Codec::H264, size_px: wanted.size_px, fps: FPS, keyframe_s: 2.0, kbps: wanted.kbps };
    let encoder = Encoder::to_file(&path, &coding)?;
    let mut events = EventTruth::new(&camera)?;
    let mut lines = vec![Line::Start(Start { seed: wanted.seed, epoch_us: 0 })];
    lines.push(Line::Camera(TrueCamera::of(&camera, 0)));
    let parked = parked(wanted.seed, density);
    let full = if wanted.quiet { episodes(wanted.seconds, wanted.seed) } else { vec![(0, i64::MAX)] };
    let end_us = wanted.seconds * 1_000_000;
    for t_us in (0..end_us).step_by(PERIOD_US as usize) {
        let in_episode = full.iter().any(|(from_us, to_us)| (*from_us..*to_us).contains(&t_us));
        if in_episode {
            world.advance(world.now_us() + PERIOD_US);
        } else if full.iter().any(|(from_us, _)| *from_us == t_us + PERIOD_US) {
            // Another scene each time.
            world.advance(world.now_us() + 15_000_000);
        }
        let still = |actor: &&Actor| in_episode || parked.contains(&(actor.id, actor.at.to_array()));
        let actors: Vec<Actor> = world.actors().iter().filter(still).cloned().collect();
        let seen = painter.paint(&backdrop, &actors, &light, t_us, &mut frame);
        sensor.expose(&mut frame, &light, t_us, t_us);
        lines.extend(events.picture(t_us, &seen, wanted.size_px.1).into_iter().map(Line::Event));
        encoder.push(&frame, t_us, false)?;
    }
    encoder.finish()?;
    lines.extend(events.finish().into_iter().map(Line::Event));
    lines.push(Line::Told { to_us: end_us });
    Ok(Footage { path, truth: Truth::new(lines) })
}

fn camera(world: &World, wanted: &Wanted) -> Result<Camera, LinkError> {
    let found = world.cameras().iter().find(|camera| camera.id == VIEW).ok_or("the city has no such camera")?;
    let table: toml::Table = RULES.parse()?;
    let rules = table["camera"]["rule"].as_array().map_or(&[][..], Vec::as_slice);
    let rules = rules.iter().filter_map(|rule| rule.as_table().cloned()).collect();
    Ok(Camera { id: CAMERA.into(), size_px: wanted.size_px, fps: FPS, rules, faults: Vec::new(), ..found.clone() })
}

/// What stands where it stood after a minute of the same world.
fn parked(seed: u64, density: f32) -> Vec<(u32, [f32; 2])> {
    let mut world = World::new(Options { seed, density, incidents_per_min: 0.0, ..Options::default() });
    let before: Vec<_> = world.actors().iter().map(|actor| (actor.id, actor.at.to_array())).collect();
    world.advance(90_000_000);
    before
        .into_iter()
        .filter(|place| world.actors().iter().any(|actor| (actor.id, actor.at.to_array()) == *place))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fifth_of_the_time_is_busy_whatever_the_length() {
        for seconds in [60, 100, 600] {
            let episodes = episodes(seconds, 7);
            let busy_us: i64 = episodes.iter().map(|(from_us, to_us)| to_us - from_us).sum();
            assert!((busy_us - seconds * 200_000).abs() <= 10, "{seconds}: {episodes:?}");
            assert!(episodes.windows(2).all(|pair| pair[0].1 <= pair[1].0));
        }
        assert_eq!(episodes(600, 1).len(), 12);
    }
}
