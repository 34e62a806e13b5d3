//! Brings a model into the state folder: `models/NAME-HASH.onnx` and an entry in `models/models.toml`. Nothing is
//! written before the hash is the promised one and the model has opened as its family, so that what can be named runs.

use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use yiwang_inference::detect::FAMILIES;
use yiwang_inference::model::{Classes, Entry, Manifest, ManifestError, Model, ModelError, ModelSpec, Runtime};
use yiwang_inference::suggest;

use super::fetch::{self, FetchError, fetch};
use super::{added, built_in, folder};
use crate::uplink::files;

/// The manifest of what was added, in the folder of the files.
pub const MANIFEST_FILE: &str = "models.toml";

const HEADER: &str =
    "# Models added with `yiwang-gateway model add`. [model] name = \"…\" in gateway.toml chooses one.\n\n";
const CLASSES_MAX: usize = 10_000;
const CLASS_BYTES_MAX: usize = 64;

/// What is to be added.
#[derive(Debug, Clone)]
pub struct Request {
    /// Path or address.
    pub source: String,
    /// Family in `detect::FAMILIES`.
    pub family: String,
    /// SHA-256 that the file must have, hexadecimal.
    pub sha256: String,
    /// File of class names, one a line; COCO's eighty if not given.
    pub classes: Option<PathBuf>,
    /// Its name; that of the file if not given.
    pub name: Option<String>,
}

/// Why nothing was added.
#[derive(Debug, thiserror::Error)]
pub enum AddError {
    /// A name, a hash, a family or classes that cannot be.
    #[error("{0}")]
    Value(String),
    /// The file of class names.
    #[error("cannot read the class names in {path}: {source}. Give a text file with one name a line")]
    Classes {
        /// Which.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The model is not to be had.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// Something else is there.
    #[error(
        "{from} has the SHA-256 {found}, not {promised}; nothing was added. Ask where the file comes from which is right"
    )]
    Hash {
        /// Path or address.
        from: String,
        /// What was promised.
        promised: String,
        /// What it is.
        found: String,
    },
    /// It is not a model of that family, or the runtime is missing.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The state folder's manifest.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The state folder.
    #[error("cannot write {path}: {source}. Run this as the user that the gateway runs as, or make room")]
    Write {
        /// Which file or folder.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
}

/// Adds a model below `state_dir`, and says as what and where it is. Adding the same one again changes nothing.
pub fn add(request: &Request, state_dir: &Path, onnxruntime: Option<&Path>) -> Result<(Entry, PathBuf), AddError> {
    let (mut own, built_in) = (added(state_dir)?, built_in()?);
    let mut entry = request.entry(&built_in)?;
    let same_name = |other: &&Entry| other.name == entry.name && other.sha256 != entry.sha256;
    if own.models.iter().chain(&built_in.models).any(|other| same_name(&other)) {
        return Err(AddError::Value(format!("another model is called {:?}; give this one another --name", entry.name)));
    }
    let bytes = fetch(&request.source)?;
    let found = hex(&Sha256::digest(&bytes));
    if found != entry.sha256 {
        return Err(AddError::Hash { from: request.source.clone(), promised: entry.sha256, found });
    }
    let spec = ModelSpec { input_px: None, ..entry.spec(PathBuf::from(&request.source)) };
    let input_px = Model::load(&Runtime::find(onnxruntime)?, &spec, &bytes)?.info().input_px;
    entry.input_px = [input_px.0, input_px.1];

    let folder = folder(state_dir);
    std::fs::create_dir_all(&folder).map_err(|source| AddError::Write { path: folder.clone(), source })?;
    let path = folder.join(&entry.file);
    write(&path, &bytes)?;
    if !built_in.models.contains(&entry) {
        own.models.retain(|other| other.name != entry.name);
        own.models.push(entry.clone());
        write(&folder.join(MANIFEST_FILE), (HEADER.to_owned() + &own.to_text()).as_bytes())?;
    }
    Ok((entry, path))
}

impl Request {
    /// The entry that it asks for; the build's own where that describes the very same file. The input's size is known
    /// once the model has opened.
    fn entry(&self, built_in: &Manifest) -> Result<Entry, AddError> {
        let value = |problem: String| Err(AddError::Value(problem));
        let families = || FAMILIES.iter().map(|family| family.name());
        if !families().any(|family| family == self.family) {
            return value(format!("unknown family {:?}; {}", self.family, suggest::hint(&self.family, families())));
        }
        let sha256 = self.sha256.to_ascii_lowercase();
        if sha256.len() != 64 || !sha256.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return value(format!(
                "--sha256 {:?} is not 64 hexadecimal digits; `sha256sum FILE` prints them",
                self.sha256
            ));
        }
        let classes = self.classes.as_deref().map(class_names).transpose()?;
        if let Some(known) = built_in.by_sha256(&sha256).filter(|known| known.family == self.family)
            && classes.is_none()
            && self.name.as_ref().is_none_or(|name| *name == known.name)
        {
            return Ok(known.clone());
        }
        let name = self.name.clone().unwrap_or_else(|| stem(&self.source));
        let allowed = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || name.len() > 64 || name.starts_with('.') || !name.chars().all(allowed) {
            return value(format!(
                "{name:?} is no name for a model; give --name with 1 to 64 letters, digits, '-', '_' or '.'"
            ));
        }
        Ok(Entry {
            // With its hash, so that no two models ever share a file.
            file: format!("{name}-{}.onnx", &sha256[..12]),
            name,
            sha256,
            family: self.family.clone(),
            input_px: [0, 0],
            classes: classes.map_or_else(|| Classes::Named("coco80".into()), Classes::Listed),
            url: fetch::is_url(&self.source).then(|| self.source.clone()),
            licence: None,
            note: None,
        })
    }
}

/// The file's name without folder, ending and question.
fn stem(source: &str) -> String {
    let path = source.split(['?', '#']).next().unwrap_or_default();
    let path = if fetch::is_url(source) { path } else { source };
    Path::new(path).file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}

/// One name a line; blank lines at the end do not count.
fn class_names(path: &Path) -> Result<Vec<String>, AddError> {
    let text = std::fs::read_to_string(path).map_err(|source| AddError::Classes { path: path.into(), source })?;
    let names: Vec<String> = text.trim_end().lines().map(|line| line.trim().to_owned()).collect();
    let problem = if names.len() > CLASSES_MAX {
        format!("has more than {CLASSES_MAX} lines")
    } else if let Some(at) = names.iter().position(|name| name.is_empty() || name.len() > CLASS_BYTES_MAX) {
        format!("has no name of 1 to {CLASS_BYTES_MAX} bytes in line {}", at + 1)
    } else if let Some(at) = (1..names.len()).find(|&at| names[..at].contains(&names[at])) {
        format!("names {:?} twice, again in line {}", names[at], at + 1)
    } else if names.is_empty() {
        "is empty".to_owned()
    } else {
        return Ok(names);
    };
    Err(AddError::Value(format!("{} {problem}; it wants one class name a line, in the model's order", path.display())))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), AddError> {
    // Readable by the service, whoever adds: there is no secret in a model.
    files::replace(path, bytes, 0o644).map_err(|source| AddError::Write { path: path.into(), source })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(source: &str) -> Request {
        Request { source: source.into(), family: "yolox".into(), sha256: "ab".repeat(32), classes: None, name: None }
    }

    #[test]
    fn an_entry_is_called_after_its_file_and_never_shares_one() {
        for (source, name) in [
            ("/srv/models/mine.onnx", "mine"),
            ("https://models.example/a/yolox_tiny.onnx?download=1", "yolox_tiny"),
            ("what?.v2.onnx", ""),
        ] {
            let entry = request(source).entry(&built_in().expect("the build's manifest"));
            match (entry, name) {
                (Err(error), "") => assert!(error.to_string().contains("--name"), "{error}"),
                (Ok(entry), name) => {
                    assert_eq!((entry.name.as_str(), entry.file), (name, format!("{name}-abababababab.onnx")));
                    assert_eq!(entry.url.is_some(), source.starts_with("https"));
                }
                (Err(error), _) => panic!("{source}: {error}"),
            }
        }
    }

    #[test]
    fn the_build_s_own_entry_is_used_for_its_own_file() {
        let built_in = built_in().expect("the build's manifest");
        let known = &built_in.models[0];
        let own =
            Request { sha256: known.sha256.to_uppercase(), family: known.family.clone(), ..request("/tmp/x.onnx") };
        assert_eq!(own.entry(&built_in).expect("known"), *known);
        let renamed = Request { name: Some("mine".into()), ..own };
        assert_eq!(renamed.entry(&built_in).expect("under another name").name, "mine");
    }

    #[test]
    fn what_cannot_be_is_refused_before_anything_is_fetched() {
        let dir = tempfile::tempdir().expect("a folder");
        let classes = |text: &str| {
            let path = dir.path().join("classes.txt");
            std::fs::write(&path, text).expect("a file");
            Some(path)
        };
        let usual = || request("/nowhere/mine.onnx");
        let cases: [(Request, &str); 8] = [
            (Request { family: "yolo".into(), ..usual() }, "did you mean `yolox`?"),
            (Request { sha256: "12".into(), ..usual() }, "sha256sum"),
            (Request { name: Some("../x".into()), ..usual() }, "--name"),
            (Request { name: Some("picodet-s-320".into()), ..usual() }, "another --name"),
            (Request { classes: Some("/nowhere/c.txt".into()), ..usual() }, "/nowhere/c.txt"),
            (Request { classes: classes("person\n\ncar\n"), ..usual() }, "line 2"),
            (usual(), "/nowhere/mine.onnx"),
            (Request { source: "http://127.0.0.1:9/m.onnx".into(), ..usual() }, "http://127.0.0.1:9/m.onnx"),
        ];
        for (request, words) in cases {
            let error = add(&request, dir.path(), None).expect_err(words).to_string();
            assert!(error.contains(words), "{error}\nshould say {words}");
        }
        for (text, words) in [("a\nb\na\n", "\"a\" twice"), ("\n", "is empty")] {
            let error = class_names(&classes(text).expect("a path")).expect_err(words).to_string();
            assert!(error.contains(words), "{error}");
        }
        assert_eq!(class_names(&classes("a\r\nb\r\n\r\n").expect("a path")).expect("two"), ["a", "b"]);
        assert!(!folder(dir.path()).exists(), "nothing was written");
    }

    #[test]
    fn another_file_than_promised_leaves_nothing_behind() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("mine.onnx");
        std::fs::write(&file, "not what was promised").expect("a file");
        let error = add(&request(&file.to_string_lossy()), dir.path(), None).expect_err("another hash").to_string();
        assert!(error.contains("mine.onnx has the SHA-256") && error.contains(&"ab".repeat(32)), "{error}");
        assert!(!folder(dir.path()).exists(), "nothing was written");
    }
}
