//! The load of `tests/bench edge`: clips of a crossing of the simulated city. In a quiet one the street is empty, but for
//! parked cars, trees in the wind and the sensor's noise, for four fifths of the time: whoever comes enters at the edge
//! of the picture and leaves it there, as in life; between two such episodes the world stands still, or leaps to the
//! next. In a busy clip it is never empty. Truth is told by the rules of the city, as everywhere.

use std::path::{Path, PathBuf};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use yiwang_city::camera::Camera;
use yiwang_city::picture::{Backdrop, Frame, Painter, Sensor};
use yiwang_city::rtsp::Codec;
use yiwang_city::score::Truth;
use yiwang_city::stream::{Coding, Encoder};
use yiwang_city::truth::{self, EventTruth, Line, Sight, Start, TrueCamera};
use yiwang_city::world::{Options, World};

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
zone = [[0.3, 0.3], [0.9, 0.2], [0.95, 0.75], [0.3, 0.98]]
classes = ["car", "large_vehicle", "two_wheeler"]

[[camera.rule]]
id = "line"
kind = "line_cross"
line = [[0.5, 0.15], [0.62, 1.0]]
classes = ["car", "large_vehicle", "two_wheeler"]

[[camera.rule]]
id = "crosswalk"
kind = "line_cross"
line = [[0.0, 0.6], [0.3, 0.6]]
classes = ["person"]
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

/// How much is going on in the city where the street is mostly empty.
const QUIET_DENSITY: f32 = 0.12;
const BUSY_DENSITY: f32 = 1.5;
/// In the first seconds nobody comes: a gateway has to get to know a stream before it can spare it anything.
const FIRST_QUIET_US: i64 = 14_000_000;
/// So much of an episode's length is quiet after it, on average: a fifth of the time is none.
const QUIET_PARTS: i64 = 4;
/// Who stands in an episode that is longer than this is no longer waited for: he stands there from then on.
const EPISODE_US_MAX: i64 = 25_000_000;
/// The world leaps this far at most to the next who comes.
const LEAP_US_MAX: i64 = 900_000_000;
const LEAP_STEP_US: i64 = 200_000;

/// When the world goes on, and when it stands still because the street is to be empty.
struct Script {
    sight: Sight,
    height_px: f32,
    /// Who stands there all the time.
    parked: Vec<u32>,
    random: StdRng,
    /// In an episode: since when; otherwise until when it is quiet. Clip time.
    state: Result<i64, i64>,
    busy_us: i64,
}

impl Script {
    fn new(world: &World, camera: &Camera, seed: u64) -> Self {
        let sight = Sight::new(world.layout(), &camera.view());
        let random = StdRng::seed_from_u64(seed);
        Self {
            sight,
            height_px: camera.size_px.1 as f32,
            parked: Vec::new(),
            random,
            state: Err(FIRST_QUIET_US),
            busy_us: 0,
        }
    }

    /// Whether somebody who is not always there is in the picture, large enough to be found.
    fn is_anybody_there(&self, world: &World) -> bool {
        self.sight.look(world.actors()).iter().any(|seen| {
            let height_px = seen.bbox.height() * self.height_px;
            !self.parked.contains(&seen.id) && seen.visible > 0.0 && height_px >= truth::height_min_px(seen.class)
        })
    }

    /// Lets the world go on to the picture at `t_us` of the clip, or stand still.
    fn step(&mut self, world: &mut World, t_us: i64) {
        match self.state {
            Err(until_us) if t_us < until_us => {}
            Err(_) => {
                let limit_us = world.now_us() + LEAP_US_MAX;
                while !self.is_anybody_there(world) && world.now_us() < limit_us {
                    world.advance(world.now_us() + LEAP_STEP_US);
                }
                self.state = Ok(t_us);
            }
            Ok(since_us) => {
                world.advance(world.now_us() + PERIOD_US);
                self.busy_us += PERIOD_US;
                if t_us - since_us > EPISODE_US_MAX {
                    self.parked
                        .extend(world.actors().iter().filter(|one| one.velocity_mps.length() < 0.01).map(|one| one.id));
                }
                if !self.is_anybody_there(world) {
                    let length_us = t_us - since_us + PERIOD_US;
                    let part = self.random.random_range(0.5..1.5);
                    self.state = Err(t_us + (length_us as f64 * QUIET_PARTS as f64 * part) as i64);
                }
            }
        }
    }

    /// A quiet clip begins with an empty street; who is there then stays.
    fn begin(&mut self, world: &mut World) {
        world.advance(60_000_000);
        let before: Vec<(u32, [f32; 2])> = world.actors().iter().map(|actor| (actor.id, actor.at.to_array())).collect();
        world.advance(150_000_000);
        let stands = |place: &&(u32, [f32; 2])| {
            world.actors().iter().any(|actor| actor.id == place.0 && actor.at.to_array() == place.1)
        };
        self.parked = before.iter().filter(stands).map(|(id, _)| *id).collect();
        let limit_us = world.now_us() + LEAP_US_MAX;
        while self.is_anybody_there(world) && world.now_us() < limit_us {
            world.advance(world.now_us() + LEAP_STEP_US);
        }
    }
}

/// A clip that an earlier run has left, with its truth, which is written last.
pub(super) fn kept(folder: &Path, name: &str) -> Option<Footage> {
    let (path, truth) = (folder.join(format!("{name}.mp4")), folder.join(format!("{name}.jsonl")));
    let lines = truth::read(&truth.display().to_string(), &std::fs::read_to_string(&truth).ok()?).ok()?;
    Some(Footage { path, truth: Truth::new(lines) })
}

/// Paints and codes a clip.
pub(super) fn make(folder: &Path, name: &str, wanted: &Wanted) -> Result<Footage, LinkError> {
    let density = if wanted.quiet { QUIET_DENSITY } else { BUSY_DENSITY };
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
    let mut script = Script::new(&world, &camera, wanted.seed);
    if wanted.quiet {
        script.begin(&mut world);
    }
    let end_us = wanted.seconds * 1_000_000;
    for t_us in (0..end_us).step_by(PERIOD_US as usize) {
        if wanted.quiet {
            script.step(&mut world, t_us);
        } else {
            world.advance(world.now_us() + PERIOD_US);
        }
        let seen = painter.paint(&backdrop, world.actors(), &light, t_us, &mut frame);
        sensor.expose(&mut frame, &light, t_us, t_us);
        lines.extend(events.picture(t_us, &seen, wanted.size_px.1).into_iter().map(Line::Event));
        encoder.push(&frame, t_us, false)?;
    }
    if wanted.quiet {
        eprintln!("  somebody is there for {} of {} s", script.busy_us / 1_000_000, wanted.seconds);
    }
    encoder.finish()?;
    lines.extend(events.finish().into_iter().map(Line::Event));
    lines.push(Line::Told { to_us: end_us });
    let text: Vec<String> = lines.iter().map(serde_json::to_string).collect::<Result<_, _>>()?;
    std::fs::write(folder.join(format!("{name}.jsonl")), text.join("\n"))?;
    Ok(Footage { path, truth: Truth::new(lines) })
}

fn camera(world: &World, wanted: &Wanted) -> Result<Camera, LinkError> {
    let found = world.cameras().iter().find(|camera| camera.id == VIEW).ok_or("the city has no such camera")?;
    let table: toml::Table = RULES.parse()?;
    let rules = table["camera"]["rule"].as_array().map_or(&[][..], Vec::as_slice);
    let rules = rules.iter().filter_map(|rule| rule.as_table().cloned()).collect();
    Ok(Camera { id: CAMERA.into(), size_px: wanted.size_px, fps: FPS, rules, faults: Vec::new(), ..found.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_to_a_quiet_street_enters_it_and_it_is_empty_for_most_of_the_time() {
        let wanted = Wanted { size_px: (704, 576), kbps: 1_500, seconds: 400, quiet: true, seed: 5 };
        let mut world =
            World::new(Options { seed: 5, density: QUIET_DENSITY, incidents_per_min: 0.0, ..Options::default() });
        let camera = camera(&world, &wanted).expect("the city has it");
        let mut script = Script::new(&world, &camera, 5);
        script.begin(&mut world);
        let (mut there, mut pictures, mut episodes, mut before) = (0, 0, 0, false);
        for t_us in (0..wanted.seconds * 1_000_000).step_by(PERIOD_US as usize) {
            script.step(&mut world, t_us);
            let anybody = script.is_anybody_there(&world);
            assert!(!anybody || t_us >= FIRST_QUIET_US, "{t_us}");
            there += i32::from(anybody);
            episodes += i32::from(anybody && !before);
            pictures += 1;
            before = anybody;
        }
        assert!(
            episodes >= 3 && (pictures / 20..pictures * 2 / 5).contains(&there),
            "{there} of {pictures}, {episodes}"
        );
    }
}
