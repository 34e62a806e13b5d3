//! Finds and opens the detector that the configuration names. The project's manifest is inside the binary; its files
//! are looked for in the places below, and an error names each of them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use yiwang_inference::model::{Manifest, ManifestError, Model, ModelError, ModelSpec, Runtime};

use crate::config::RawModel;

/// The manifest of the build.
const MANIFEST: &str = include_str!("../../models/manifest.toml");

/// Which model runs where the configuration names none.
pub const DEFAULT: &str = "yolox-nano-416";

/// What stands in the way of the model.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The manifest named in the configuration.
    #[error("cannot read the manifest {path}: {source}")]
    Read {
        /// Where it should be.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
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

/// What the configuration asks for, as a file with its expectations.
pub fn spec(raw: &RawModel) -> Result<ModelSpec, OpenError> {
    let mut spec = match &raw.file {
        Some(file) => {
            let families = yiwang_inference::detect::FAMILIES.iter().map(|f| f.name()).collect::<Vec<_>>().join(", ");
            let family = raw.family.clone().ok_or_else(|| OpenError::NoFamily(file.clone(), families))?;
            ModelSpec { path: file.clone(), family, ..ModelSpec::default() }
        }
        None => {
            let (text, dir) = match &raw.manifest {
                Some(path) => {
                    let text = std::fs::read_to_string(path)
                        .map_err(|source| OpenError::Read { path: path.clone(), source })?;
                    (text, path.parent().map(Path::to_path_buf))
                }
                None => (MANIFEST.to_owned(), None),
            };
            let dirs: Vec<PathBuf> = dir.into_iter().chain(places()).collect();
            Manifest::parse(&text)?.resolve(raw.name.as_deref().unwrap_or(DEFAULT), &dirs)?
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
pub fn open(raw: &RawModel) -> Result<Arc<Model>, OpenError> {
    let runtime = Runtime::find(raw.onnxruntime.as_deref())?;
    Ok(Arc::new(Model::open(&runtime, &spec(raw)?)?))
}

fn places() -> impl Iterator<Item = PathBuf> {
    let beside = std::env::current_exe().ok().and_then(|exe| Some(exe.parent()?.join("models")));
    let assets = std::env::var_os("YIWANG_ASSETS").map(|dir| Path::new(&dir).join("models"));
    assets.into_iter().chain(beside).chain([PathBuf::from("/usr/share/yiwang/models"), PathBuf::from("models")])
}
