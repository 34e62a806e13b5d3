//! What may be wrong with the runtime library or a model: each says which file, and what to do.

use std::path::PathBuf;

use thiserror::Error;

use crate::picture::PictureError;

/// The runtime or a model can't be used.
#[derive(Debug, Error)]
pub enum ModelError {
    /// The runtime library is nowhere.
    #[error(
        "find ONNX Runtime: no library at {}; run `deploy/setup`, or name the file in YIWANG_ONNXRUNTIME",
        list(.tried)
    )]
    RuntimeMissing {
        /// Every place that was looked at, in order.
        tried: Vec<PathBuf>,
    },
    /// The runtime library is there and does not load.
    #[error("load ONNX Runtime {}: it is damaged, for another machine or too old; run `deploy/setup` to get the pinned one", .path.display())]
    RuntimeLoad {
        /// The library.
        path: PathBuf,
        /// What the loader said.
        #[source]
        source: ort::Error,
    },
    /// The model file can't be read.
    #[error("read model {}; check the path, or fetch the file that the manifest names", .path.display())]
    Missing {
        /// The model file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The model file is not the one that was asked for.
    #[error(
        "check model {}: its SHA-256 is {found}, {expected} was expected; fetch the file again, or correct the manifest if the change is meant", .path.display()
    )]
    Hash {
        /// The model file.
        path: PathBuf,
        /// What the manifest or the command says.
        expected: String,
        /// What the file has.
        found: String,
    },
    /// No family of this name.
    #[error("open model {}: unknown family `{family}`; {hint}", .path.display())]
    UnknownFamily {
        /// The model file.
        path: PathBuf,
        /// The name given.
        family: String,
        /// The nearest name, or all of them.
        hint: String,
    },
    /// The runtime refuses the file.
    #[error("load model {}: ONNX Runtime refuses it; is it a complete ONNX file of an operator set that this runtime knows?", .path.display())]
    Load {
        /// The model file.
        path: PathBuf,
        /// What the runtime said.
        #[source]
        source: ort::Error,
    },
    /// Inputs or outputs are not those of the family.
    #[error("open model {} as {family}: {problem}; choose the family that fits the file, or export the model with {expected}", .path.display())]
    Shape {
        /// The model file.
        path: PathBuf,
        /// The family asked for.
        family: &'static str,
        /// What does not fit.
        problem: String,
        /// What the family wants.
        expected: String,
    },
    /// A picture that is none.
    #[error("prepare picture for model {model}")]
    Picture {
        /// The model's name.
        model: String,
        /// What is wrong with it.
        #[source]
        source: PictureError,
    },
    /// A tensor that no picture was written into, or one of another model.
    #[error("run model {model}: the tensor was not prepared by this model; call prepare() first")]
    Unprepared {
        /// The model's name.
        model: String,
    },
    /// The runtime failed while running.
    #[error("run model {model}; if it repeats, restart the gateway and check the machine's memory")]
    Run {
        /// The model's name.
        model: String,
        /// What the runtime said.
        #[source]
        source: ort::Error,
    },
}

fn list(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}
