//! Finds and opens the detector that the configuration names. The project's manifest is inside the binary, what an
//! operator added stands in one of its own in the state folder; files are looked for in the places below, and an error
//! names each of them. [`add`] brings a model there.

pub mod add;
mod fetch;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use yiwang_inference::model::{Manifest, ManifestError, Model, ModelError, ModelSpec, Runtime};

use crate::config::RawModel;

/// The manifest of the build.
const MANIFEST: &str = include_str!("../../../models/manifest.toml");

/// Which model runs where the configuration names none.
pub const DEFAULT: &str = "yiwang-city-384";

/// What stands in the way of the model.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A file without a family.
    #[error("[model] file = {0:?} needs a family beside it: one of {1}")]
    NoFamily(PathBuf, String),
    /// The manifest has no such entry, or its file is nowhere.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// Missing, wrong hash, wrong shapes, no runtime.
    #[error(transparent)]
    Model(#[from] ModelError),
}

/// The models that can be named, and the folders where their files may be, in the order of looking.
#[derive(Debug)]
pub struct Known {
    /// What was added comes before what the build knows.
    pub manifest: Manifest,
    /// Where files are looked for.
    pub folders: Vec<PathBuf>,
}

impl Known {
    /// What `[model]` and the state folder give. A manifest that is named in the configuration is the only one.
    pub fn of(raw: &RawModel, state_dir: &Path) -> Result<Known, ManifestError> {
        let folders = raw.manifest.as_deref().and_then(Path::parent).map(Path::to_path_buf).into_iter();
        let folders = folders.chain([folder(state_dir)]).chain(places()).collect();
        let manifest = match &raw.manifest {
            Some(path) => Manifest::load(path)?,
            None => {
                let mut manifest = added(state_dir)?;
                for entry in built_in()?.models {
                    if !manifest.models.iter().any(|own| own.name == entry.name) {
                        manifest.models.push(entry);
                    }
                }
                manifest
            }
        };
        Ok(Known { manifest, folders })
    }
}

/// What the configuration asks for, as a file with its expectations.
pub fn spec(raw: &RawModel, state_dir: &Path) -> Result<ModelSpec, OpenError> {
    let mut spec = match &raw.file {
        Some(file) => {
            let family = raw.family.clone().ok_or_else(|| OpenError::NoFamily(file.clone(), families()))?;
            ModelSpec { path: file.clone(), family, ..ModelSpec::default() }
        }
        None => {
            let known = Known::of(raw, state_dir)?;
            known.manifest.resolve(raw.name.as_deref().unwrap_or(DEFAULT), &known.folders)?
        }
    };
    spec.threads = raw.threads.max(1);
    if raw.sha256.is_some() {
        spec.sha256.clone_from(&raw.sha256);
    }
    if raw.classes.is_some() {
        spec.classes.clone_from(&raw.classes);
    }
    Ok(spec)
}

/// Opens it.
pub fn open(raw: &RawModel, state_dir: &Path) -> Result<Arc<Model>, OpenError> {
    let runtime = Runtime::find(raw.onnxruntime.as_deref())?;
    Ok(Arc::new(Model::open(&runtime, &spec(raw, state_dir)?)?))
}

/// The manifest of the build.
fn built_in() -> Result<Manifest, ManifestError> {
    Manifest::parse(MANIFEST)
}

/// Where added models lie, with their manifest.
fn folder(state_dir: &Path) -> PathBuf {
    state_dir.join("models")
}

/// The manifest of what was added; an empty one where nothing was.
fn added(state_dir: &Path) -> Result<Manifest, ManifestError> {
    let path = folder(state_dir).join(add::MANIFEST_FILE);
    if path.exists() { Manifest::load(&path) } else { Ok(Manifest { models: Vec::new() }) }
}

/// Every family's name, for people.
fn families() -> String {
    yiwang_inference::detect::FAMILIES.iter().map(|family| family.name()).collect::<Vec<_>>().join(", ")
}

/// Assets, beside the executable, the clone that it was built in, where a package puts them, here.
fn places() -> impl Iterator<Item = PathBuf> {
    let exe = std::env::current_exe().ok();
    let beside = exe.as_deref().and_then(Path::parent).map(|dir| dir.join("models"));
    // target/release/yiwang-gateway
    let clone = exe.as_deref().and_then(|exe| exe.ancestors().nth(3)).map(|dir| dir.join("models"));
    let assets = std::env::var_os("YIWANG_ASSETS").map(|dir| Path::new(&dir).join("models"));
    let fixed = [PathBuf::from("/usr/share/yiwang/models"), PathBuf::from("models")];
    assets.into_iter().chain(beside).chain(clone).chain(fixed)
}
