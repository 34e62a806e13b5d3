//! `models/manifest.toml`: which model file is which. Opening a model is left to `session`.

use std::{
    io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::ModelSpec;
use crate::suggest;

/// The models that are known by name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// In the order of the file.
    #[serde(default, rename = "model")]
    pub models: Vec<Entry>,
}

/// One `[[model]]` table.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its name in configuration and events.
    pub name: String,
    /// File name, looked for in the model folders.
    pub file: String,
    /// SHA-256 of the file, lower-case hexadecimal.
    pub sha256: String,
    /// Family in `detect::FAMILIES`.
    pub family: String,
    /// Input width and height, pixels.
    pub input_px: [u32; 2],
    /// Class names in the model's order, or `"coco80"`.
    pub classes: Classes,
    /// Where it may be fetched.
    pub url: Option<String>,
    /// Licence of the weights.
    pub licence: Option<String>,
    /// What one should know before choosing it.
    pub note: Option<String>,
}

/// Class names: a well-known list or an own one.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Classes {
    /// A list known by name: `coco80`.
    Named(String),
    /// The names in the model's order.
    Listed(Vec<String>),
}

/// The manifest can't be used.
#[derive(Debug, Error)]
pub enum ManifestError {
    /// It can't be read.
    #[error("read model manifest {}; name the model file itself, or put the manifest there", .path.display())]
    Read {
        /// The manifest.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It is not what a manifest looks like.
    #[error("parse model manifest; correct the line that is named")]
    Parse(#[source] Box<toml::de::Error>),
    /// A value in it can't be right.
    #[error("read model manifest, model `{model}`: {problem}")]
    Invalid {
        /// The entry.
        model: String,
        /// What is wrong and what to do.
        problem: String,
    },
    /// No model of this name.
    #[error("resolve model `{name}`: it is not in the manifest; {hint}")]
    Unknown {
        /// The name asked for.
        name: String,
        /// The nearest name, or all of them.
        hint: String,
    },
    /// The entry is there, its file is not.
    #[error("resolve model `{name}`: no file at {tried}; {fetch}")]
    FileMissing {
        /// The name asked for.
        name: String,
        /// Every place that was looked at.
        tried: String,
        /// Where to get it.
        fetch: String,
    },
}

impl Manifest {
    /// Reads and checks a manifest.
    pub fn load(path: &Path) -> Result<Manifest, ManifestError> {
        let text =
            std::fs::read_to_string(path).map_err(|source| ManifestError::Read { path: path.to_path_buf(), source })?;
        Self::parse(&text)
    }

    /// Parses and checks the text of a manifest.
    pub fn parse(text: &str) -> Result<Manifest, ManifestError> {
        let manifest: Manifest = toml::from_str(text).map_err(|source| ManifestError::Parse(Box::new(source)))?;
        for (index, entry) in manifest.models.iter().enumerate() {
            let invalid =
                |problem: &str| Err(ManifestError::Invalid { model: entry.name.clone(), problem: problem.to_owned() });
            if manifest.models[..index].iter().any(|earlier| earlier.name == entry.name) {
                return invalid("the name is there twice; rename one");
            }
            let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
            if entry.sha256.len() != 64 || !entry.sha256.bytes().all(hex) {
                return invalid("`sha256` is not 64 lower-case hexadecimal digits; run `sha256sum` on the file");
            }
            if entry.classes.names().is_none() {
                return invalid("`classes` is neither \"coco80\" nor a list of names");
            }
            if !crate::detect::FAMILIES.iter().any(|family| family.name() == entry.family) {
                let hint = suggest::hint(&entry.family, crate::detect::FAMILIES.iter().map(|family| family.name()));
                return invalid(&format!("unknown family `{}`; {hint}", entry.family));
            }
        }
        Ok(manifest)
    }

    /// The text that parses to it.
    pub fn to_text(&self) -> String {
        toml::to_string_pretty(self).expect("strings and numbers are all that is in it")
    }

    /// The specification of a model by name; its file is looked for in `folders`, in order.
    pub fn resolve(&self, name: &str, folders: &[PathBuf]) -> Result<ModelSpec, ManifestError> {
        let entry = self.models.iter().find(|entry| entry.name == name).ok_or_else(|| ManifestError::Unknown {
            name: name.to_owned(),
            hint: suggest::hint(name, self.models.iter().map(|entry| entry.name.as_str())),
        })?;
        let places: Vec<PathBuf> = folders.iter().map(|folder| folder.join(&entry.file)).collect();
        let path = places.iter().find(|path| path.is_file()).ok_or_else(|| ManifestError::FileMissing {
            name: name.to_owned(),
            tried: places.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", "),
            fetch: match &entry.url {
                Some(url) => format!("fetch it from {url}"),
                None => format!("put {} into one of these folders", entry.file),
            },
        })?;
        Ok(entry.spec(path.clone()))
    }

    /// The entry that describes a file by its SHA-256, so that a file given by path gets its name and classes.
    pub fn by_sha256(&self, sha256: &str) -> Option<&Entry> {
        self.models.iter().find(|entry| entry.sha256 == sha256)
    }
}

impl Entry {
    /// The specification of this entry's model at `path`.
    pub fn spec(&self, path: PathBuf) -> ModelSpec {
        ModelSpec {
            path,
            name: Some(self.name.clone()),
            family: self.family.clone(),
            sha256: Some(self.sha256.clone()),
            input_px: Some((self.input_px[0], self.input_px[1])),
            classes: self.classes.names(),
            threads: 1,
        }
    }
}

impl Classes {
    /// The names, where the list is known.
    fn names(&self) -> Option<Vec<String>> {
        match self {
            Classes::Named(list) => (list == "coco80").then(coco80),
            Classes::Listed(names) => (!names.is_empty()).then(|| names.clone()),
        }
    }
}

/// The 80 classes of COCO (Lin et al., 2014) in the order that detection models use.
pub fn coco80() -> Vec<String> {
    const NAMES: &str = "person,bicycle,car,motorcycle,airplane,bus,train,truck,boat,traffic light,fire hydrant,\
stop sign,parking meter,bench,bird,cat,dog,horse,sheep,cow,elephant,bear,zebra,giraffe,backpack,umbrella,handbag,tie,\
suitcase,frisbee,skis,snowboard,sports ball,kite,baseball bat,baseball glove,skateboard,surfboard,tennis racket,bottle,\
wine glass,cup,fork,knife,spoon,bowl,banana,apple,sandwich,orange,broccoli,carrot,hot dog,pizza,donut,cake,chair,couch,\
potted plant,bed,dining table,toilet,tv,laptop,mouse,remote,keyboard,cell phone,microwave,oven,toaster,sink,\
refrigerator,book,clock,vase,scissors,teddy bear,hair drier,toothbrush";
    NAMES.split(',').map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../models/manifest.toml");

    #[test]
    fn the_repository_s_manifest_is_valid_and_coco_has_eighty_classes() {
        let manifest = Manifest::load(Path::new(REPOSITORY)).unwrap();
        assert!(manifest.models.iter().any(|entry| entry.name == "yolox-nano-416"));
        assert_eq!(Manifest::parse(&manifest.to_text()).unwrap(), manifest, "and can be written");
        let names = coco80();
        assert_eq!(names.len(), 80);
        assert_eq!((names[0].as_str(), names[2].as_str(), names[28].as_str()), ("person", "car", "suitcase"));
        assert_eq!((names[5].as_str(), names[7].as_str(), names[79].as_str()), ("bus", "truck", "toothbrush"));
    }

    #[test]
    fn what_is_wrong_is_named_with_the_next_step() {
        let manifest = Manifest::load(Path::new(REPOSITORY)).unwrap();
        let text = manifest.resolve("yolox-nano", &[]).expect_err("no such name").to_string();
        assert!(text.contains("did you mean `yolox-nano-416`?"), "{text}");
        let text = manifest.resolve("yolox-nano-416", &["/nowhere".into()]).expect_err("no file").to_string();
        assert!(text.contains("/nowhere/yolox_nano_416.onnx"), "{text}");

        let entry = |sha: &str, family: &str| {
            format!(
                "[[model]]\nname='m'\nfile='m.onnx'\nsha256='{sha}'\nfamily='{family}'\ninput_px=[1,1]\nclasses='coco80'\n"
            )
        };
        let sha = "0".repeat(64);
        for (text, part) in [
            (entry("12", "yolox"), "sha256sum"),
            (entry(&sha, "yolo"), "did you mean `yolox`?"),
            (entry(&sha, "yolox").repeat(2), "twice"),
        ] {
            let error = Manifest::parse(&text).expect_err(part).to_string();
            assert!(error.contains(part), "{error}");
        }
        assert!(Manifest::parse(&(entry(&sha, "yolox") + "colour='red'\n")).is_err());
    }
}
