//! Clips of a city, painted and coded by `yiwang-city render`, and what a gateway tells of them. Painting is what takes
//! long, so clips may stay in a folder; truth and rules are then made anew from who was in each picture, so that a
//! changed rule is judged by a changed truth.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use yiwang_city::camera::{Camera, Fault, FaultKind};
use yiwang_city::score::{self, Terms, Truth};
use yiwang_city::stream::gateway_table;
use yiwang_city::truth::{self, CLASSES, EventTruth, Line, Object, Seen, TrueCamera};
use yiwang_city::world::{Options, World};
use yiwang_inference::picture::Rect;

use super::Scene;
use crate::link::LinkError;
use crate::process::binary;

/// What is to be painted.
pub(super) struct Wanted<'a> {
    pub(super) seed: u64,
    pub(super) seconds: u64,
    pub(super) scene: Scene,
    /// Only these cameras, or all.
    pub(super) cameras: &'a [&'a str],
    pub(super) faults: &'a [(&'a str, Fault)],
}

/// Painted clips of a city.
pub(super) struct City {
    folder: PathBuf,
    _fleeting: Option<tempfile::TempDir>,
    truth: Truth,
    clips: Vec<(String, PathBuf)>,
}

impl City {
    /// Paints it, or takes what an earlier run has left in `clips`.
    pub(super) fn painted(wanted: &Wanted<'_>, clips: Option<&Path>) -> Result<City, LinkError> {
        let fleeting = if clips.is_none() { Some(tempfile::tempdir()?) } else { None };
        let kept = clips.map(|clips| clips.join(wanted.name()));
        let folder = match (&fleeting, kept) {
            (Some(fleeting), _) => fleeting.path().to_owned(),
            (None, Some(kept)) => kept,
            (None, None) => return Err("there is no folder for the clips".into()),
        };
        let whole = folder.join("whole");
        if !whole.is_file() {
            wanted.paint(&folder)?;
            std::fs::write(&whole, "")?;
        }
        let folder = folder.canonicalize()?;
        let cameras = wanted.watched();
        let clips: Vec<(String, PathBuf)> =
            cameras.iter().map(|camera| (camera.id.clone(), folder.join(format!("{}.mp4", camera.physical)))).collect();
        let tables: String = cameras
            .iter()
            .zip(&clips)
            .map(|(camera, (_, clip))| gateway_table(camera, &format!("file://{}", clip.display())))
            .collect();
        std::fs::write(folder.join("gateway.toml"), format!("state_dir = \"state\"\n{tables}"))?;
        let truth = Truth::new(retold(&folder, &cameras)?);
        Ok(City { folder, _fleeting: fleeting, truth, clips })
    }

    /// Ids of its cameras.
    pub(super) fn cameras(&self) -> impl Iterator<Item = &str> {
        self.truth.cameras()
    }

    /// What the gateway tells of the clips, against the truth.
    pub(super) fn judged(&self, decode: &str) -> Result<score::Report, LinkError> {
        let (mut events, mut told) = (Vec::new(), String::new());
        for (camera, clip) in &self.clips {
            let mut analyze = Command::new(binary("yiwang-gateway"));
            analyze.args(["analyze", "--format", "jsonl", "--decode", decode, "--camera", camera, "--input"]).arg(clip);
            let text = done(analyze.arg("--config").arg(self.folder.join("gateway.toml")))?;
            events.append(&mut score::read(camera, &text, Some(camera))?);
            let _ = write!(told, "{text}");
        }
        // For whoever keeps the clips and wants to know why.
        std::fs::write(self.folder.join(format!("told-{decode}.jsonl")), told)?;
        Ok(score::judge(&self.truth, &events, &Terms::default()))
    }
}

impl Wanted<'_> {
    /// Says all that makes it differ from others.
    fn name(&self) -> String {
        let name = format!("{}-{}-{}s", self.scene.key, self.seed, self.seconds);
        if self.faults.is_empty() {
            return name;
        }
        // All of them by name are longer than a file's may be.
        let mut faults = DefaultHasher::new();
        for (camera, fault) in self.faults {
            (camera, fault.kind, fault.from_us, fault.to_us).hash(&mut faults);
        }
        format!("{name}-{:016x}", faults.finish())
    }

    fn paint(&self, folder: &Path) -> Result<(), LinkError> {
        let Scene { hour, cloud, rain, .. } = self.scene;
        let mut render = Command::new(binary("yiwang-city"));
        let minutes = format!("{:.4}", self.seconds as f64 / 60.0);
        render.args(["render", "--seed", &self.seed.to_string(), "--minutes", &minutes]);
        render.args(["--hour", &hour.to_string(), "--cloud", &cloud.to_string(), "--rain", &rain.to_string()]);
        if !self.cameras.is_empty() {
            render.args(["--cameras", &self.cameras.join(",")]);
        }
        for (camera, fault) in self.faults {
            let (from_s, to_s) = (fault.from_us / 1_000_000, fault.to_us / 1_000_000);
            render.args(["--fault", &format!("{camera}:{}:{from_s}:{to_s}", word(fault.kind))]);
        }
        done(render.arg("--out").arg(folder))?;
        Ok(())
    }

    /// Its cameras with their faults.
    fn watched(&self) -> Vec<Camera> {
        let Scene { hour, cloud, rain, .. } = self.scene;
        let world = World::new(Options { seed: self.seed, hour, cloud, rain, ..Options::default() });
        let mut cameras = world.cameras().to_vec();
        cameras.retain(|camera| self.cameras.is_empty() || self.cameras.contains(&camera.id.as_str()));
        for (id, fault) in self.faults {
            cameras.iter_mut().filter(|camera| camera.id == *id).for_each(|camera| camera.faults.push(fault.clone()));
        }
        cameras
    }
}

/// A fault's name on the command line.
fn word(kind: FaultKind) -> String {
    serde_json::to_value(kind).ok().and_then(|value| Some(value.as_str()?.to_owned())).unwrap_or_default()
}

/// What was in the pictures as it was written down, and the events of the rules as they are.
fn retold(folder: &Path, cameras: &[Camera]) -> Result<Vec<Line>, LinkError> {
    let read = |name: &str| -> Result<Vec<Line>, LinkError> {
        let path = folder.join("truth").join(name);
        Ok(truth::read(&path.display().to_string(), &std::fs::read_to_string(&path)?)?)
    };
    let mut lines = read("city.jsonl")?;
    lines.retain(|line| matches!(line, Line::Start(_) | Line::Fault(_)));
    let mut truths = BTreeMap::new();
    for camera in cameras {
        lines.push(Line::Camera(TrueCamera::of(camera, 0)));
        truths.insert(camera.id.clone(), (EventTruth::new(camera)?, camera.size_px.1));
    }
    let mut to_us = None;
    for line in read("objects.jsonl")? {
        let Line::Objects { camera, t_us, objects } = line else { continue };
        to_us = to_us.max(Some(t_us));
        let Some((truth, height_px)) = truths.get_mut(&camera) else { continue };
        let seen: Vec<Seen> = objects.iter().filter_map(seen).collect();
        lines.extend(truth.picture(t_us, &seen, *height_px).into_iter().map(Line::Event));
    }
    for (truth, _) in truths.values_mut() {
        lines.extend(truth.finish().into_iter().map(Line::Event));
    }
    // All of it was watched, however little was told.
    lines.extend(to_us.map(|to_us| Line::Told { to_us: to_us + 1 }));
    Ok(lines)
}

fn seen(object: &Object) -> Option<Seen> {
    let [x0, y0, x1, y1] = object.bbox;
    let class = CLASSES.into_iter().find(|name| *name == object.class)?;
    Some(Seen { id: object.id, class, bbox: Rect::new(x0, y0, x1, y1), visible: object.visible })
}

/// What a command prints, or what it complains of.
pub(super) fn done(command: &mut Command) -> Result<String, LinkError> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(format!("{:?}: {}", command.get_program(), String::from_utf8_lossy(&output.stderr)).into())
}
