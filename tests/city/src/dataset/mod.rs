//! Pictures to train a detector on: random places, cameras, lights and weathers, as the gateway's own preparation gives
//! them to the model (luma, and its change against the background), with the boxes that are true.
//!
//! A folder holds `about.json`, `pictures.u8` (per picture two planes of bytes: luma, and 128 + half of the change) and
//! `labels.jsonl` (a line a picture). `models/train/data.py` reads it.

mod strays;
mod studio;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use glam::Vec2;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use yiwang_inference::detect::{Detection, Tensor};
use yiwang_inference::picture::I420;

use crate::camera::Camera;
use crate::picture::{Backdrop, Frame, Painter, Sensor};
use crate::truth::Seen;
use crate::world::{Actor, Layout, Light, Options, World};
use strays::Strays;
use studio::Studio;

/// What the network's classes are, in its order.
pub const CLASSES: [&str; 5] = ["person", "two_wheeler", "car", "large_vehicle", "bag"];
/// The network's input, width and height.
pub const INPUT_PX: (u32, u32) = (384, 224);

/// Sizes that cameras have; all are brought to the input's.
const SIZES_PX: [(u32, u32); 5] = [(640, 360), (640, 360), (768, 432), (512, 288), (704, 576)];
/// Pictures a second that the preparation sees. A gateway has more, but its background follows the time and not the number
/// of pictures, so that half of the work gives the same.
const LOOKED_AT_FPS: f64 = 2.5;

/// The model that the pictures are for keeps those whom it finds from the background. It finds most, and fewer where it sees
/// badly; whoever is not found leaves a ghost when he goes.
const FINDS_PER_MILLE: [u32; 4] = [950, 900, 700, 0];

/// How much is made.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Number of the first sequence; each has its own place, camera and light.
    pub first: u64,
    /// How many sequences.
    pub sequences: u64,
    /// How long each is watched.
    pub seconds: f64,
    /// One of so many pictures that are looked at is kept.
    pub keep_one_of: u64,
    /// Only rooms with people close by, which fill the picture.
    pub close: bool,
}

/// Why a data set could not be written.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// The disk says no.
    #[error("write the data set: {0}; is there space, and may this user write there?")]
    Write(#[from] std::io::Error),
    /// A picture of impossible size.
    #[error(transparent)]
    Picture(#[from] yiwang_inference::picture::PictureError),
}

/// Writes the folder; `tell` hears after each sequence how many pictures there are.
pub fn write(plan: &Plan, folder: &Path, mut tell: impl FnMut(u64, u64)) -> Result<u64, DatasetError> {
    std::fs::create_dir_all(folder)?;
    let about = json!({ "size_px": [INPUT_PX.0, INPUT_PX.1], "classes": CLASSES });
    std::fs::write(folder.join("about.json"), about.to_string())?;
    let mut pictures = BufWriter::new(File::create(folder.join("pictures.u8"))?);
    let mut labels = BufWriter::new(File::create(folder.join("labels.jsonl"))?);
    let mut made = 0;
    for sequence in plan.first..plan.first + plan.sequences {
        made += sequence_of(plan, sequence, &mut pictures, &mut labels)?;
        tell(sequence + 1 - plan.first, made);
    }
    pictures.flush()?;
    labels.flush()?;
    Ok(made)
}

fn sequence_of(
    plan: &Plan,
    sequence: u64,
    pictures: &mut impl Write,
    labels: &mut impl Write,
) -> Result<u64, DatasetError> {
    let mut rng = StdRng::seed_from_u64(sequence ^ 0x59_49_57_41_4E_47);
    let mut place = Place::new(sequence, plan.close, &mut rng);
    let light = place.light();
    let cameras = place.cameras(&mut rng);
    place.stray(&cameras, &mut rng);
    let mut eyes: Vec<Eye> = cameras.into_iter().map(|camera| Eye::new(&place, &camera, sequence)).collect();
    let mut made = 0;
    let begin_us = place.begin_us();
    // Long ones show what has come to rest, short ones more places.
    let pictures_in_all = (plan.seconds * rng.random_range(0.5..1.5) * LOOKED_AT_FPS) as u64;
    for index in 0..pictures_in_all {
        let t_us = begin_us + (index as f64 * 1e6 / LOOKED_AT_FPS) as i64;
        place.advance(t_us);
        for (number, eye) in (sequence..).zip(&mut eyes) {
            let seen = eye.look(place.actors(), &light, t_us)?;
            // The first pictures are kept too: a gateway begins without a background as well. Eyes on one place keep
            // different moments of it.
            // Of empty streets a few will do; an empty room just after somebody has left it shows what a place looks like in
            // which the background still holds who stood there.
            let skipped = if plan.close { 0.1 } else { 0.8 };
            if index % plan.keep_one_of != number % plan.keep_one_of || (seen.is_empty() && rng.random_bool(skipped)) {
                continue;
            }
            write_planes(&eye.tensor.data(), pictures)?;
            let line = json!({ "sequence": sequence, "boxes": boxes(&seen, &eye.tensor) });
            writeln!(labels, "{line}")?;
            made += 1;
        }
    }
    Ok(made)
}

/// A camera that looks at the place.
struct Eye {
    painter: Painter,
    backdrop: Backdrop,
    sensor: Sensor,
    frame: Frame,
    tensor: Tensor,
    /// Whom the model will find, as far as that keeps him from the background: of a thousand so many.
    finds_per_mille: u32,
}

impl Eye {
    fn new(place: &Place, camera: &Camera, sequence: u64) -> Eye {
        let view = camera.view();
        let mut sensor = Sensor::new(camera, sequence);
        sensor.swarm();
        Eye {
            painter: Painter::new(view),
            backdrop: Backdrop::new(place.layout(), &view, &place.light(), sequence),
            sensor,
            frame: Frame::new(camera.size_px.0, camera.size_px.1),
            tensor: Tensor::new_luma_and_change(INPUT_PX),
            finds_per_mille: FINDS_PER_MILLE[sequence as usize % FINDS_PER_MILLE.len()],
        }
    }

    fn look(&mut self, actors: &[Actor], light: &Light, t_us: i64) -> Result<Vec<Seen>, DatasetError> {
        let seen = self.painter.paint(&self.backdrop, actors, light, t_us, &mut self.frame);
        self.sensor.expose(&mut self.frame, light, t_us, UTC_US + t_us);
        self.tensor.prepare(&i420(&self.frame), t_us)?;
        let found: Vec<_> = seen.iter().filter(|one| self.finds(one)).map(found).collect();
        self.tensor.found(&found);
        Ok(seen)
    }

    /// Whether the model finds somebody is mostly the same from picture to picture.
    fn finds(&self, one: &Seen) -> bool {
        one.visible > 0.4 && one.id.wrapping_mul(0x9E37_79B9) % 1000 < self.finds_per_mille
    }
}

fn found(one: &Seen) -> Detection {
    Detection { bbox: one.bbox, class: 0, score: 1.0 }
}

/// Any time of day will do: it only shows in the clock.
const UTC_US: i64 = 1_781_000_000_000_000;

fn write_planes(data: &[f32], out: &mut impl Write) -> std::io::Result<()> {
    let (luma, change) = data.split_at(data.len() / 2);
    // Back to the byte that it came from: 16-235.
    let luma: Vec<u8> = luma.iter().map(|value| (value * 219.0 + 16.0).round().clamp(0.0, 255.0) as u8).collect();
    let change: Vec<u8> = change.iter().map(|value| (value * 127.5 + 128.0).round().clamp(0.0, 255.0) as u8).collect();
    out.write_all(&luma)?;
    out.write_all(&change)
}

/// `[class, x0, y0, x1, y1, visible]`, pixels of the input.
fn boxes(seen: &[Seen], tensor: &Tensor) -> Vec<[f32; 6]> {
    let Some(mapping) = tensor.mapping() else { return Vec::new() };
    let (width, height) = (mapping.width_px as f32, mapping.height_px as f32);
    seen.iter()
        .filter_map(|one| {
            let class = CLASSES.iter().position(|name| *name == one.class)?;
            let b = one.bbox;
            Some([class as f32, b.x0 * width, b.y0 * height, b.x1 * width, b.y1 * height, one.visible])
        })
        .collect()
}

fn i420(frame: &Frame) -> I420<'_> {
    let (width, half) = (frame.width_px as usize, frame.width_px as usize / 2);
    I420 {
        width_px: frame.width_px,
        height_px: frame.height_px,
        y: &frame.y,
        y_stride: width,
        u: &frame.u,
        u_stride: half,
        v: &frame.v,
        v_stride: half,
    }
}

/// Where a sequence is taken: in a studio with one camera, or in the city with several, which share what it costs to
/// let a city go on.
enum Place {
    Studio(Box<Studio>, Vec<Actor>),
    City(Box<World>, Strays, Vec<Actor>),
}

impl Place {
    fn new(sequence: u64, close: bool, rng: &mut StdRng) -> Place {
        if close {
            return Place::Studio(Box::new(Studio::close(rng)), Vec::new());
        }
        if rng.random_bool(0.7) {
            return Place::Studio(Box::new(Studio::new(rng)), Vec::new());
        }
        let wet = rng.random_bool(0.2);
        let options = Options {
            seed: sequence,
            hour: if rng.random_bool(0.6) { rng.random_range(6.0..19.0) } else { rng.random_range(0.0..24.0) },
            cloud: rng.random_range(0.0..1.0),
            rain: if wet { rng.random_range(0.1..1.0) } else { 0.0 },
            density: rng.random_range(0.6..2.5),
            faults: false,
            ..Options::default()
        };
        let mut world = World::new(options);
        world.advance(rng.random_range(0..40_000_000));
        Place::City(Box::new(world), Strays::default(), Vec::new())
    }

    /// In the city three as it has them itself and two from anywhere, all of sizes of their own.
    fn cameras(&self, rng: &mut StdRng) -> Vec<Camera> {
        let mut cameras = match self {
            Place::Studio(studio, _) => vec![studio.camera.clone()],
            Place::City(world, ..) => {
                let own = [own(world, rng), own(world, rng), own(world, rng)];
                own.into_iter().chain([anywhere(world, rng), anywhere(world, rng)]).collect()
            }
        };
        for (number, camera) in cameras.iter_mut().enumerate() {
            // Each a device of its own, however often it was drawn.
            camera.physical = number.to_string();
            camera.size_px = SIZES_PX[rng.random_range(0..SIZES_PX.len())];
            camera.faults.clear();
        }
        cameras
    }

    /// Lets people go where these cameras see the street.
    fn stray(&mut self, cameras: &[Camera], rng: &mut StdRng) {
        if let Place::City(world, strays, _) = self {
            *strays = Strays::new(rng, cameras, world.actors(), world.now_us() as f32 / 1e6);
        }
    }

    fn begin_us(&self) -> i64 {
        match self {
            Place::Studio(..) => 0,
            Place::City(world, ..) => world.now_us(),
        }
    }

    fn layout(&self) -> &Layout {
        match self {
            Place::Studio(studio, _) => &studio.layout,
            Place::City(world, ..) => world.layout(),
        }
    }

    fn light(&self) -> Light {
        match self {
            Place::Studio(studio, _) => studio.light,
            Place::City(world, ..) => world.light(),
        }
    }

    fn advance(&mut self, t_us: i64) {
        match self {
            Place::Studio(studio, actors) => *actors = studio.actors(t_us as f32 / 1e6),
            Place::City(world, strays, actors) => {
                world.advance(t_us);
                actors.clear();
                actors.extend_from_slice(world.actors());
                strays.show(t_us as f32 / 1e6, actors);
            }
        }
    }

    fn actors(&self) -> &[Actor] {
        match self {
            Place::Studio(_, actors) => actors,
            Place::City(.., actors) => actors,
        }
    }
}

/// One of the city's cameras, turned a little.
fn own(world: &World, rng: &mut StdRng) -> Camera {
    let mut camera = world.cameras()[rng.random_range(0..world.cameras().len())].clone();
    camera.heading_deg += rng.random_range(-10.0..10.0);
    camera.tilt_deg += rng.random_range(-5.0..5.0);
    camera.fov_deg *= rng.random_range(0.85..1.1);
    camera
}

/// Looks at somebody or something that moves, from a random side, height and distance, with nothing solid before it.
fn anywhere(world: &World, rng: &mut StdRng) -> Camera {
    // Of what is rarer on the streets, as many pictures as of what is common.
    let kinds: BTreeSet<_> = world.actors().iter().filter_map(subject).collect();
    let kinds: Vec<_> = kinds.into_iter().collect();
    let wanted = if kinds.is_empty() { "" } else { kinds[rng.random_range(0..kinds.len())] };
    let subjects: Vec<Vec2> =
        world.actors().iter().filter(|actor| subject(actor) == Some(wanted)).map(|actor| actor.at).collect();
    let mut camera = world.cameras()[rng.random_range(0..world.cameras().len())].clone();
    camera.fov_deg = rng.random_range(40.0..95.0);
    if subjects.is_empty() {
        return camera;
    }
    for _ in 0..40 {
        let target = subjects[rng.random_range(0..subjects.len())];
        camera.height_m = rng.random_range(2.6..10.0);
        camera.tilt_deg =
            if rng.random_bool(0.8) { rng.random_range(13.0..42.0) } else { rng.random_range(42.0..80.0) };
        let away_m = camera.height_m / camera.tilt_deg.to_radians().tan() * rng.random_range(0.7..1.3);
        let heading_rad: f32 = rng.random_range(0.0..std::f32::consts::TAU);
        camera.heading_deg = heading_rad.to_degrees();
        camera.at = target - Vec2::new(heading_rad.sin(), heading_rad.cos()) * away_m;
        if is_open(world, camera.at, target) {
            break;
        }
    }
    camera
}

/// What a camera may look at: the class, but for what is carried.
fn subject(actor: &Actor) -> Option<&'static str> {
    actor.class().filter(|_| actor.carried_by.is_none())
}

/// Whether no building stands at the camera or between it and what it looks at.
fn is_open(world: &World, from: Vec2, to: Vec2) -> bool {
    world.layout().buildings.iter().all(|building| {
        let along = Vec2::from_angle(building.heading_rad);
        let half = building.size_m / 2.0 + Vec2::splat(1.0);
        (0..=12).all(|step| {
            let offset = from.lerp(to, step as f32 / 12.0) - building.at;
            offset.dot(along).abs() > half.x || offset.dot(along.perp()).abs() > half.y
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sequence_is_the_same_again_and_its_boxes_lie_in_the_input() {
        let plan = Plan { first: 3, sequences: 2, seconds: 4.0, keep_one_of: 2, close: false };
        let folders = [tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder")];
        let made = folders.each_ref().map(|folder| write(&plan, folder.path(), |_, _| ()).expect("written"));
        let read = |folder: usize, name: &str| std::fs::read(folders[folder].path().join(name)).expect("there");
        for name in ["pictures.u8", "labels.jsonl"] {
            assert!(read(0, name) == read(1, name), "{name} differs between two runs");
        }
        let picture_bytes = 2 * u64::from(INPUT_PX.0) * u64::from(INPUT_PX.1);
        assert_eq!(read(0, "pictures.u8").len() as u64, made[0] * picture_bytes);
        let labels = String::from_utf8(read(0, "labels.jsonl")).expect("text");
        assert_eq!(labels.lines().count() as u64, made[0]);
        let mut boxes = 0;
        for line in labels.lines() {
            let label: serde_json::Value = serde_json::from_str(line).expect("JSON");
            for one in label["boxes"].as_array().expect("a list") {
                let value = |index: usize| one[index].as_f64().expect("a number") as f32;
                assert!(value(0) < CLASSES.len() as f32 && value(1) <= value(3) && value(2) <= value(4), "{one}");
                assert!(value(3) <= INPUT_PX.0 as f32 + 0.01 && value(4) <= INPUT_PX.1 as f32 + 0.01, "{one}");
                boxes += 1;
            }
        }
        assert!(boxes > 0, "somebody is in these places");
    }
}
