//! What the tests with real models and clips have in common: finding the assets, and saying so where they are absent.

#![allow(dead_code, reason = "each test binary uses its part")]
#![allow(clippy::print_stderr, clippy::unwrap_used, reason = "a test helper")]

use std::{
    env,
    io::Read,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use yiwang_inference::{
    model::{Manifest, Model, Runtime},
    picture::I420,
};

/// The asset folder; none, with a line on stderr, where it is absent. With `YIWANG_REQUIRE_ASSETS=1` that is a failure.
pub(crate) fn assets(test: &str) -> Option<PathBuf> {
    let folder = env::var_os("YIWANG_ASSETS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared"), PathBuf::from);
    if folder.join("models").is_dir() && folder.join("clips").is_dir() {
        return Some(folder);
    }
    assert!(
        env::var("YIWANG_REQUIRE_ASSETS").as_deref() != Ok("1"),
        "{test}: no assets under {} though YIWANG_REQUIRE_ASSETS=1",
        folder.display()
    );
    eprintln!("SKIPPED {test}: no assets under {}", folder.display());
    None
}

/// The model that is in the repository, and runs where none is named.
pub(crate) const DEFAULT: &str = "yiwang-city-384";

/// A model of the repository's manifest; its file among the assets or in the repository.
pub(crate) fn open(assets: &Path, name: &str) -> Model {
    open_from(name, &[repository(), assets.join("models")])
}

/// The default model, which needs no assets.
pub(crate) fn open_default() -> Model {
    open_from(DEFAULT, &[repository()])
}

/// Where the default model and the manifest are.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models")
}

fn open_from(name: &str, folders: &[PathBuf]) -> Model {
    let manifest = Manifest::load(&repository().join("manifest.toml")).unwrap();
    let spec = manifest.resolve(name, folders).unwrap();
    Model::open(&Runtime::find(None).unwrap(), &spec).unwrap()
}

/// A made-up street, 640×360, with a bright block that moves to the right by two pixels a picture.
pub(crate) fn street(index: usize) -> Vec<u8> {
    let (width, height, left) = (640, 360, 100 + 2 * index);
    let luma = (0..width * height).map(|at| {
        let (x, y) = (at % width, at / width);
        if (left..left + 40).contains(&x) && (150..250).contains(&y) { 200 } else { 70 + (x / 16 + y / 16) as u8 % 30 }
    });
    luma.chain(std::iter::repeat_n(128, width * height / 2)).collect()
}

/// Its planes.
pub(crate) fn street_planes(bytes: &[u8]) -> I420<'_> {
    planes(bytes, (640, 360))
}

fn planes(bytes: &[u8], (width, height): (usize, usize)) -> I420<'_> {
    let (y, chroma) = bytes.split_at(width * height);
    let (u, v) = chroma.split_at(width * height / 4);
    I420 {
        width_px: width as u32,
        height_px: height as u32,
        y,
        y_stride: width,
        u,
        u_stride: width / 2,
        v,
        v_stride: width / 2,
    }
}

/// A clip's pictures as raw I420 out of a pipe: decoding is not this crate's business, so a test lets GStreamer's
/// command line do it.
pub(crate) struct Clip {
    child: Child,
    size: (usize, usize),
    picture: Vec<u8>,
}

impl Clip {
    pub(crate) fn open(path: &Path, size: (usize, usize)) -> Clip {
        let mut child = Command::new("gst-launch-1.0")
            .args(["-q", "filesrc", &format!("location={}", path.display())])
            .args("! decodebin ! videoconvert ! video/x-raw,format=I420 ! fdsink fd=1".split(' '))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("gst-launch-1.0 runs; deploy/setup installs it");
        assert!(child.stdout.is_some());
        let _ = child.stdin.take();
        Clip { child, size, picture: vec![0; size.0 * size.1 * 3 / 2] }
    }

    /// The next picture; none at the end.
    pub(crate) fn next(&mut self) -> Option<I420<'_>> {
        self.child.stdout.as_mut().unwrap().read_exact(&mut self.picture).ok()?;
        Some(planes(&self.picture, self.size))
    }
}

impl Drop for Clip {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
