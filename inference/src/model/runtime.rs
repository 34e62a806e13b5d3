//! Finding and loading the ONNX Runtime library. It is loaded once a process and stays: the library allows one
//! environment only.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use ort::environment::Environment;

use super::ModelError;

/// The release that `deploy/setup` installs.
const PINNED_VERSION: &str = "1.32.0";

/// The loaded runtime. Clones share it.
#[derive(Debug, Clone)]
pub struct Runtime {
    path: PathBuf,
    environment: Environment,
}

/// ONNX Runtime allows one environment a process, and `ort` forgets it when the last handle goes: this one never goes.
static LOADED: Mutex<Option<Runtime>> = Mutex::new(None);

impl Runtime {
    /// Finds and loads the library: the file given, else the one in `YIWANG_ONNXRUNTIME` (either is then the only one
    /// tried), else `/usr/lib/yiwang`, the executable's folder, `$YIWANG_CACHE` or `~/.cache/yiwang`. Once loaded,
    /// later calls return the same runtime.
    pub fn find(explicit: Option<&Path>) -> Result<Runtime, ModelError> {
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = &*loaded {
            return Ok(runtime.clone());
        }
        let path = locate(explicit, &Places::of_this_process())?;
        let failed = |source| ModelError::RuntimeLoad { path: path.clone(), source };
        let environment = ort::init_from(&path)
            .map_err(|source| failed(ort::Error::wrap(Refused(source.to_string()))))?
            .with_name("yiwang")
            .with_telemetry(false)
            .build()
            .map_err(failed)?;
        let runtime = Runtime { path, environment };
        *loaded = Some(runtime.clone());
        Ok(runtime)
    }

    /// The library file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn environment(&self) -> &Environment {
        &self.environment
    }
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Refused(String);

/// Where this process looks, apart from what it is told; a struct, so that tests need not touch the environment.
struct Places {
    named: Option<OsString>,
    folders: Vec<PathBuf>,
}

impl Places {
    fn of_this_process() -> Self {
        let mut folders = vec![PathBuf::from("/usr/lib/yiwang")];
        if let Some(folder) = env::current_exe().ok().and_then(|exe| exe.parent().map(Path::to_path_buf)) {
            folders.push(folder);
        }
        let cache = env::var_os("YIWANG_CACHE")
            .map(PathBuf::from)
            .or_else(|| env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache/yiwang")));
        folders.extend(cache.map(|cache| cache.join(format!("onnxruntime-{PINNED_VERSION}"))));
        Self { named: env::var_os("YIWANG_ONNXRUNTIME").filter(|name| !name.is_empty()), folders }
    }
}

fn locate(explicit: Option<&Path>, places: &Places) -> Result<PathBuf, ModelError> {
    if let Some(named) = explicit.map(Path::to_path_buf).or_else(|| places.named.clone().map(PathBuf::from)) {
        return if named.is_file() { Ok(named) } else { Err(ModelError::RuntimeMissing { tried: vec![named] }) };
    }
    let names = [format!("libonnxruntime.so.{PINNED_VERSION}"), "libonnxruntime.so".to_owned()];
    let mut tried = Vec::new();
    for folder in &places.folders {
        for name in &names {
            let path = folder.join(name);
            if path.is_file() {
                return Ok(path);
            }
            tried.push(path);
        }
    }
    Err(ModelError::RuntimeMissing { tried })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_names_each_place_that_was_tried_and_the_way_out() {
        let places = Places { named: None, folders: vec!["/nowhere/a".into(), "/nowhere/b".into()] };
        let text = locate(None, &places).expect_err("nothing is there").to_string();
        for part in ["/nowhere/a/libonnxruntime.so", "/nowhere/b/libonnxruntime.so.1.32.0", "deploy/setup"] {
            assert!(text.contains(part), "{text}");
        }
    }

    #[test]
    fn what_is_named_is_the_only_thing_tried() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("libonnxruntime.so"), b"").unwrap();
        let places = Places { named: None, folders: vec![folder.path().to_path_buf()] };
        assert_eq!(locate(None, &places).unwrap(), folder.path().join("libonnxruntime.so"));
        let error = locate(Some(Path::new("/nowhere/x.so")), &places).expect_err("the named file is missing");
        assert!(matches!(error, ModelError::RuntimeMissing { tried } if tried == [PathBuf::from("/nowhere/x.so")]));
    }
}
