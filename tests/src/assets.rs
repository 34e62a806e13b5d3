//! Where the test assets are, and what a test does where they are not: it names itself and is skipped, or fails where
//! `YIWANG_REQUIRE_ASSETS=1` says that they must be there.

use std::path::{Path, PathBuf};

/// The folder of assets: `YIWANG_ASSETS`, else `shared` beside the repository.
pub fn root() -> PathBuf {
    let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    std::env::var_os("YIWANG_ASSETS").map_or_else(default, PathBuf::from)
}

/// The clips, or none where the test `name` is to be skipped.
pub fn clips(name: &str) -> Option<PathBuf> {
    folder(name, "clips")
}

/// The models, or none where the test `name` is to be skipped.
pub fn models(name: &str) -> Option<PathBuf> {
    folder(name, "models")
}

fn folder(name: &str, folder: &str) -> Option<PathBuf> {
    let path = root().join(folder);
    if path.is_dir() {
        return Some(path);
    }
    let text = format!("{name}: no assets under {}", path.display());
    assert!(std::env::var_os("YIWANG_REQUIRE_ASSETS").is_none_or(|value| value != "1"), "{text}");
    eprintln!("SKIPPED {text}");
    None
}
