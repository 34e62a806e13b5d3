//! `tests/bench model`: what the default model finds, on cities that nobody has seen (their seeds come from the commit's
//! hash) and on the real clips where they are, beside YOLOX-nano in the same run. Pictures go to the models as the
//! sensor gives them; what coding takes away is in `deploy/demo --check`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use yiwang_city::camera::Camera;
use yiwang_city::picture::{Backdrop, Frame, Painter, Sensor};
use yiwang_city::score::boxes::{FoundBox, Precision, TrueBox};
use yiwang_city::score::{self, Clock, Terms, Told};
use yiwang_city::truth::{self, CLASSES, EventTruth, Line, Seen, Start, TrueCamera, TrueEvent};
use yiwang_city::world::{Options, World};
use yiwang_inference::detect::Detection;
use yiwang_inference::model::{Manifest, Model, ModelSpec, Runtime};
use yiwang_inference::picture::I420;
use yiwang_inference::rules::RuleEvent;

use super::watcher::Watcher;
use super::{Report, clips};
use crate::assets;
use crate::link::LinkError;

/// As gateways sample.
const STEP_US: i64 = 200_000;
/// Boxes are compared in one picture of so many.
const BOXES_EVERY: i64 = 5;
/// Seeds of training and tuning lie below this.
const SEED_MIN: u64 = 1_000_000;
/// Hour, clouds, rain of each city.
const DAYS: [(f32, f32, f32); 4] = [(10.0, 0.2, 0.0), (15.0, 0.9, 0.0), (18.6, 0.4, 0.0), (13.0, 1.0, 0.6)];

/// What is measured.
#[derive(Debug)]
pub struct Size {
    /// A model file of the family `fcos` with the city's classes, in place of the manifest's.
    pub model: Option<PathBuf>,
    /// How long each city is watched.
    pub seconds: u64,
    /// How many cities.
    pub cities: usize,
}

/// One model at work on one city.
struct Candidate<'a> {
    model: &'a Model,
    cameras: Vec<Watcher>,
    precision: Precision,
    told: Vec<Told>,
    spent_us: &'a mut Vec<u64>,
}

/// Runs it.
pub fn run(report: &mut Report, options: &Size) -> Result<(), LinkError> {
    let models = open(options)?;
    if models.is_empty() {
        return Err("no model: neither models/yiwang-city.onnx nor YOLOX-nano under YIWANG_ASSETS".into());
    }
    let hash = commit()?;
    let seeds: Vec<u64> = (0..options.cities).map(|number| seed(&hash, number)).collect();
    eprintln!("  commit {hash}, seeds {seeds:?}");
    let mut spent_us: Vec<Vec<u64>> = vec![Vec::new(); models.len()];
    let mut scores: Vec<(Precision, Vec<score::Report>)> = models.iter().map(|_| Default::default()).collect();
    for (number, seed) in seeds.iter().enumerate() {
        city(*seed, DAYS[number % DAYS.len()], options.seconds, &models, &mut spent_us, &mut scores)?;
    }
    for (((prefix, model, bytes), spent_us), (precision, reports)) in models.iter().zip(&mut spent_us).zip(&scores) {
        tell(report, prefix, model, *bytes, spent_us, precision, reports);
        clips::tell(report, prefix, model)?;
    }
    Ok(())
}

/// The default model and YOLOX-nano, where they are: prefix of their keys, model, size of the file.
fn open(options: &Size) -> Result<Vec<(&'static str, Model, u64)>, LinkError> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let manifest = Manifest::load(&repository.join("models/manifest.toml"))?;
    let folders = [repository.join("models"), assets::root().join("models")];
    let runtime = Runtime::find(None)?;
    let mut models = Vec::new();
    let ours = match &options.model {
        Some(path) => Some(ModelSpec {
            name: None,
            path: path.clone(),
            sha256: None,
            family: "fcos".into(),
            input_px: None,
            classes: Some(truth::classes()),
            threads: 1,
        }),
        None => manifest.resolve("yiwang-city-384", &folders).ok(),
    };
    for (prefix, spec) in [("", ours), ("yolox_", manifest.resolve("yolox-nano-416", &folders).ok())] {
        let Some(spec) = spec.filter(|spec| spec.path.is_file()) else {
            eprintln!("  {}the model is not there", if prefix.is_empty() { "" } else { "YOLOX-nano: " });
            continue;
        };
        let bytes = std::fs::metadata(&spec.path)?.len();
        models.push((prefix, Model::open(&runtime, &spec)?, bytes));
    }
    Ok(models)
}

/// The model that gateways have by default.
pub(super) fn default_model() -> Result<Model, LinkError> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let manifest = Manifest::load(&repository.join("models/manifest.toml"))?;
    let spec = manifest.resolve("yiwang-city-384", &[repository.join("models")])?;
    Ok(Model::open(&Runtime::find(None)?, &spec)?)
}

/// The commit that is checked out: whoever tunes cannot know the seeds of the next one.
pub(super) fn commit() -> Result<String, LinkError> {
    let output = Command::new("git").args(["rev-parse", "HEAD"]).current_dir(env!("CARGO_MANIFEST_DIR")).output()?;
    let hash = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if hash.len() < 16 { Err("this is no clone: the seeds are drawn from the commit's hash".into()) } else { Ok(hash) }
}

pub(super) fn seed(hash: &str, number: usize) -> u64 {
    let base = u64::from_str_radix(&hash[..12], 16).unwrap_or(0);
    SEED_MIN + (base.wrapping_add(number as u64 * 7919)) % 1_000_000_000
}

/// Lets every model watch one city.
fn city(
    seed: u64,
    (hour, cloud, rain): (f32, f32, f32),
    seconds: u64,
    models: &[(&'static str, Model, u64)],
    spent_us: &mut [Vec<u64>],
    scores: &mut [(Precision, Vec<score::Report>)],
) -> Result<(), LinkError> {
    let mut world = World::new(Options { seed, hour, cloud, rain, ..Options::default() });
    let light = world.light();
    let cameras = first_of_each_device(world.cameras());
    let mut eyes: Vec<Eye> = cameras.iter().map(|camera| Eye::new(&world, camera, seed)).collect::<Result<_, _>>()?;
    let mut candidates: Vec<Candidate<'_>> = Vec::new();
    for ((_, model, _), spent_us) in models.iter().zip(spent_us) {
        let cameras = cameras.iter().map(|camera| Watcher::new(camera, model)).collect::<Result<_, _>>()?;
        candidates.push(Candidate { model, cameras, precision: Precision::default(), told: Vec::new(), spent_us });
    }
    let end_us = i64::try_from(seconds)? * 1_000_000;
    let mut lines = vec![Line::Start(Start { seed, epoch_us: 0 })];
    lines.extend(cameras.iter().map(|camera| Line::Camera(TrueCamera::of(camera, 0))));
    for (number, t_us) in (0..).zip((0..end_us).step_by(STEP_US as usize)) {
        world.advance(t_us);
        for (index, eye) in eyes.iter_mut().enumerate() {
            let seen = eye.look(&world, &light, t_us);
            lines.extend(eye.truth.picture(t_us, &seen, eye.frame.height_px).into_iter().map(Line::Event));
            for candidate in &mut candidates {
                candidate.picture(index, eye, t_us, (number % BOXES_EVERY == 0).then_some(&seen))?;
            }
        }
    }
    lines.extend(eyes.iter_mut().flat_map(|eye| eye.truth.finish()).map(Line::Event));
    lines.push(Line::Told { to_us: end_us });
    let truth = score::Truth::new(lines);
    for (candidate, (precision, reports)) in candidates.into_iter().zip(scores) {
        let (told, part) = candidate.finish(&cameras, end_us);
        precision.join(part);
        reports.push(score::judge(&truth, &told, &Terms::default()));
    }
    Ok(())
}

/// One camera a device: a second registration shows the same picture.
pub(super) fn first_of_each_device(cameras: &[Camera]) -> Vec<Camera> {
    let mut devices = BTreeSet::new();
    cameras.iter().filter(|camera| devices.insert(camera.physical.clone())).cloned().collect()
}

/// A camera that is being watched.
pub(super) struct Eye {
    id: String,
    backdrop: Backdrop,
    painter: Painter,
    sensor: Sensor,
    frame: Frame,
    truth: EventTruth,
}

impl Eye {
    pub(super) fn new(world: &World, camera: &Camera, seed: u64) -> Result<Eye, LinkError> {
        let view = camera.view();
        Ok(Eye {
            id: camera.id.clone(),
            backdrop: Backdrop::new(world.layout(), &view, &world.light(), seed),
            painter: Painter::new(view),
            sensor: Sensor::new(camera, seed),
            frame: Frame::new(view.size_px.0, view.size_px.1),
            truth: EventTruth::new(camera)?,
        })
    }

    pub(super) fn look(&mut self, world: &World, light: &yiwang_city::world::Light, t_us: i64) -> Vec<Seen> {
        let seen = self.painter.paint(&self.backdrop, world.actors(), light, t_us, &mut self.frame);
        self.sensor.expose(&mut self.frame, light, t_us, t_us);
        seen
    }

    /// Looks, and tells what is true of it by the camera's rules.
    pub(super) fn watch(&mut self, world: &World, light: &yiwang_city::world::Light, t_us: i64) -> Vec<TrueEvent> {
        let seen = self.look(world, light, t_us);
        self.truth.picture(t_us, &seen, self.frame.height_px)
    }

    /// What is true that was not decided yet.
    pub(super) fn finish(&mut self) -> Vec<TrueEvent> {
        self.truth.finish()
    }

    pub(super) fn picture(&self) -> I420<'_> {
        let width = self.frame.width_px as usize;
        I420 {
            width_px: self.frame.width_px,
            height_px: self.frame.height_px,
            y: &self.frame.y,
            y_stride: width,
            u: &self.frame.u,
            u_stride: width / 2,
            v: &self.frame.v,
            v_stride: width / 2,
        }
    }
}

impl Candidate<'_> {
    fn picture(&mut self, index: usize, eye: &Eye, t_us: i64, seen: Option<&Vec<Seen>>) -> Result<(), LinkError> {
        let watch = &mut self.cameras[index];
        let begun = Instant::now();
        let detections = watch.detect(self.model, &eye.picture(), t_us)?;
        self.spent_us.push(u64::try_from(begun.elapsed().as_micros())?);
        if let Some(seen) = seen {
            let height_px = eye.frame.height_px as f32;
            let found = detections.iter().filter_map(|detection| found(self.model, detection, height_px));
            let truth: Vec<TrueBox> = seen.iter().filter_map(|seen| true_box(seen, height_px)).collect();
            self.precision.picture(&truth, &found.collect::<Vec<_>>());
        }
        let made = watch.judge(&eye.picture(), t_us, detections)?;
        self.told.extend(made.into_iter().map(|event| told(&eye.id, event)));
        Ok(())
    }

    fn finish(mut self, cameras: &[Camera], end_us: i64) -> (Vec<Told>, Precision) {
        for (watch, camera) in self.cameras.iter_mut().zip(cameras) {
            let made = watch.finish(end_us);
            self.told.extend(made.into_iter().map(|event| told(&camera.id, event)));
        }
        (self.told, self.precision)
    }
}

pub(super) fn told(camera: &str, event: RuleEvent) -> Told {
    let counted = truth::counted(&event);
    Told {
        id: None,
        camera: camera.to_owned(),
        rule: Some(event.rule),
        kind: event.kind.to_owned(),
        phase: event.phase.as_str().to_owned(),
        direction: event.direction.map(str::to_owned),
        counted,
        clock: Clock::Utc,
        t_us: event.media_time_us,
    }
}

fn true_box(seen: &Seen, picture_height_px: f32) -> Option<TrueBox> {
    let class = (0u16..).zip(CLASSES).find(|(_, name)| *name == seen.class)?.0;
    let counts = seen.visible >= 0.5 && seen.bbox.height() * picture_height_px >= truth::height_min_px(seen.class);
    Some(TrueBox { class, bbox: seen.bbox, counts })
}

/// A box in the city's classes; none of a class that the city does not have.
fn found(model: &Model, detection: &Detection, picture_height_px: f32) -> Option<FoundBox> {
    let name = model.info().classes.get(usize::from(detection.class))?;
    let class: u16 = match name.as_str() {
        "person" => 0,
        "two_wheeler" | "bicycle" | "motorcycle" => 1,
        "car" | "van" => 2,
        "large_vehicle" | "bus" | "truck" => 3,
        "bag" | "backpack" | "handbag" | "suitcase" => 4,
        _ => return None,
    };
    let least = truth::height_min_px(CLASSES[usize::from(class)]);
    let counts = detection.bbox.height() * picture_height_px >= least;
    Some(FoundBox { class, bbox: detection.bbox, score: detection.score, counts })
}

#[allow(clippy::cast_precision_loss, reason = "small numbers")]
fn tell(
    report: &mut Report,
    prefix: &str,
    model: &Model,
    bytes: u64,
    spent_us: &mut [u64],
    precision: &Precision,
    reports: &[score::Report],
) {
    let name = &model.info().name;
    let key = |what: &str| format!("{prefix}{what}");
    if let Some(mean) = precision.mean_ap50() {
        report.add(&key("ap50_city"), &format!("{name}: AP50, mean of classes"), mean, "", "fresh cities");
    }
    for (class, what) in (0u16..).zip(CLASSES) {
        if let Some(ap) = precision.ap50(class) {
            let beside = format!("{} objects", precision.objects(class));
            report.add(&key(&format!("ap50_city_{what}")), &format!("{name}: AP50 of {what}"), ap, "", &beside);
        }
    }
    let mut all = score::Report::default();
    reports.iter().for_each(|one| all.join(one));
    eprintln!("{}", all.table());
    let begins = all.begins();
    report.add(&key("event_f1_city"), &format!("{name}: F1 of events"), begins.f1(), "", "begins, fresh cities");
    report.add(&key("event_precision_city"), &format!("{name}: precision of events"), begins.precision(), "", "");
    report.add(&key("event_recall_city"), &format!("{name}: recall of events"), begins.recall(), "", "");
    spent_us.sort_unstable();
    let median_ms = spent_us.get(spent_us.len() / 2).map_or(0.0, |us| *us as f64 / 1e3);
    report.add(
        &key("ms_per_inference"),
        &format!("{name}: preparing and detecting"),
        median_ms,
        "ms",
        "median, one core",
    );
    report.add(&key("model_bytes"), &format!("{name}: size"), bytes as f64, "bytes", "");
}
