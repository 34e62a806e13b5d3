//! A detection model, ready to be asked: the runtime library is found, the manifest says which file is which, one
//! session is shared by all cameras. What the numbers in and out of it mean is left to `detect`.

mod error;
mod manifest;
mod runtime;
mod session;

pub use error::ModelError;
pub use manifest::{Classes, Entry, Manifest, ManifestError, coco80};
pub use runtime::Runtime;
pub use session::{Model, ModelInfo, ModelSpec};
