//! The configuration: `gateway.toml` is read into a raw form that rejects unknown keys, then resolved once into types
//! that cannot be wrong. Rules stay tables here: each rule parses its own section (`yiwang_inference::rules`).

pub mod change;
pub mod draw;
pub mod edit;
mod raw;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use yiwang_inference::ground::Calibration;
use yiwang_inference::mask::Mask;
use yiwang_inference::suggest;

pub use self::raw::{
    Decoding, Raw, RawAdmin, RawCamera, RawMask, RawModel, RawPage, RawPictures, RawProcessor, RawShadow, RawSpool,
    RawTransport,
};
use crate::camera::{Credentials, Source, Transport};
use crate::pictures::ring::Bounds;

/// The commented default, as `yiwang-gateway init` would have it and a test parses it.
pub const EXAMPLE: &str = include_str!("../gateway.toml");

/// Most cameras that one gateway takes; the hub's limit on the wire is the same.
const CAMERAS_MAX: usize = yiwang_wire::limits::MAX_CAMERAS;

/// What is wrong with a configuration, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("cannot read {path}: {source}. Give the right path with --config")]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// Not TOML, or a key that does not exist or has the wrong type.
    #[error("{path}{place}: {message}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// `:line`, where known.
        place: String,
        /// What is wrong, with a suggestion where there is one.
        message: String,
    },
    /// Well-formed, but it cannot be.
    #[error("{path}: {place}: {message}")]
    Value {
        /// The file.
        path: PathBuf,
        /// The table (`camera "gate-east"`).
        place: String,
        /// What is wrong and what to do.
        message: String,
    },
}

/// Whether the cameras' passwords are read along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrets {
    /// Read, so that a missing one is known before anything runs.
    Read,
    /// Left alone: a recorded clip is analysed where the passwords are not.
    Skip,
}

/// The configuration, resolved.
#[derive(Debug, Clone)]
pub struct Config {
    /// The file it came from.
    pub path: PathBuf,
    /// First 12 hexadecimal digits of the SHA-256 of the file: which configuration an event was made under.
    pub revision: String,
    /// Where identity, certificates and the spool live.
    pub state_dir: PathBuf,
    /// The detector, as written; resolved when it is opened.
    pub model: RawModel,
    /// A candidate beside it.
    pub shadow: Option<Candidate>,
    /// Address of the status page.
    pub admin_listen: std::net::SocketAddr,
    /// The page for the technician on site; none where it is switched off.
    pub page: Option<Page>,
    /// Most cores that the gateway is to use.
    pub cpu_cores_max: f64,
    /// Most bytes of the spool.
    pub spool_bytes_max: u64,
    /// Longest wait in the spool, microseconds.
    pub spool_age_max_us: i64,
    /// The cameras.
    pub cameras: Vec<Camera>,
}

/// Where the gateway's own page is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Address and port.
    pub listen: std::net::SocketAddr,
    /// The file asks for it: a gateway that cannot have the address does not start.
    pub asked_for: bool,
    /// Names under which browsers may call it.
    pub names: Vec<String>,
}

/// A candidate model and what it may use.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// The model, as if it stood in `[model]`.
    pub model: RawModel,
    /// Cores that it may use.
    pub cores_max: f64,
}

/// A camera, resolved.
#[derive(Debug, Clone)]
pub struct Camera {
    /// Unique within the gateway.
    pub id: String,
    /// What people call it; the id where nothing was given.
    pub name: String,
    /// Where its pictures come from.
    pub source: Source,
    /// WGS-84 longitude, latitude.
    pub position: Option<[f64; 2]>,
    /// Degrees clockwise from north.
    pub heading_deg: Option<f64>,
    /// Horizontal angle, degrees.
    pub field_of_view_deg: Option<f64>,
    /// How its picture is tied to the ground, where that is known.
    pub calibration: Option<Calibration>,
    /// Pictures analysed a second.
    pub analysed_fps: f64,
    /// What is decoded.
    pub decode: Decoding,
    /// Names of the picture diagnoses that are left out.
    pub diagnosis_off: Vec<String>,
    /// Pictures of it go to the hub when somebody asks.
    pub pictures: bool,
    /// How much of it is kept for clips.
    pub clips: Bounds,
    /// What nothing may look at.
    pub mask: Mask,
    /// Rule tables; they become rules (`yiwang_inference::rules`) once the model's classes are known.
    pub rules: Vec<toml::Table>,
}

impl Config {
    /// Reads and resolves a file.
    pub fn load(path: &Path, secrets: Secrets) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.into(), source })?;
        Self::parse(&text, path, secrets)
    }

    /// Resolves a text as if read from `path`.
    pub fn parse(text: &str, path: &Path, secrets: Secrets) -> Result<Self, ConfigError> {
        let raw: Raw = toml::from_str(text).map_err(|e| parse_error(&e, text, path))?;
        let base = path.parent().unwrap_or(Path::new("."));
        let fault =
            |place: &str, message: String| ConfigError::Value { path: path.into(), place: place.into(), message };
        let admin_listen = raw.admin.listen.parse().map_err(|_| {
            fault("admin", format!("listen = {:?} is not an address like \"127.0.0.1:9180\"", raw.admin.listen))
        })?;
        let page = page(raw.page).map_err(|message| fault("page", message))?;
        if raw.cameras.len() > CAMERAS_MAX {
            return Err(fault(
                "camera",
                format!("{} cameras; a gateway takes at most {CAMERAS_MAX}", raw.cameras.len()),
            ));
        }
        let cores = || std::thread::available_parallelism().map_or(1.0, |cores| cores.get() as f64);
        let cpu_cores_max = raw.processor.cores_max.unwrap_or_else(cores);
        if !(0.1..=1024.0).contains(&cpu_cores_max) {
            return Err(fault("processor", format!("cores_max = {cpu_cores_max} must lie between 0.1 and 1024")));
        }
        raw.pictures.clips().map_err(|message| fault("pictures", message))?;
        let mut ids = BTreeSet::new();
        let mut cameras = Vec::with_capacity(raw.cameras.len());
        for camera in raw.cameras {
            let place = format!("camera {:?}", camera.id);
            if !ids.insert(camera.id.clone()) {
                return Err(fault(&place, "this id is given twice; every camera needs its own".into()));
            }
            cameras
                .push(resolve_camera(camera, &raw.pictures, base, secrets).map_err(|message| fault(&place, message))?);
        }
        let mut model = raw.model;
        let shadow = raw.shadow.map(|shadow| candidate(shadow, &model, base)).transpose();
        let shadow = shadow.map_err(|message| fault("shadow", message))?;
        for file in [&mut model.manifest, &mut model.file, &mut model.onnxruntime].into_iter().flatten() {
            *file = base.join(&*file);
        }
        Ok(Self {
            path: path.into(),
            revision: revision(text),
            state_dir: base.join(raw.state_dir),
            model,
            shadow,
            admin_listen,
            page,
            cpu_cores_max,
            spool_bytes_max: raw.spool.size_max_mib.max(1).saturating_mul(1 << 20),
            spool_age_max_us: i64::try_from(raw.spool.age_max_hours).unwrap_or(i64::MAX).saturating_mul(3_600_000_000),
            cameras,
        })
    }

    /// The camera of that id, or an error that lists what there is.
    pub fn camera(&self, id: &str) -> Result<&Camera, ConfigError> {
        self.cameras.iter().find(|c| c.id == id).ok_or_else(|| ConfigError::Value {
            path: self.path.clone(),
            place: format!("camera {id:?}"),
            message: format!(
                "there is no such camera; {}",
                suggest::hint(id, self.cameras.iter().map(|c| c.id.as_str()))
            ),
        })
    }
}

/// The JSON Schema of `gateway.toml`.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Raw).to_value()
}

/// On this machine's own address unless the file says otherwise.
fn page(raw: Option<RawPage>) -> Result<Option<Page>, String> {
    let asked_for = raw.is_some();
    let RawPage { listen, names } = raw.unwrap_or_default();
    if listen == "off" {
        return Ok(None);
    }
    let address = listen.parse();
    let listen = address
        .map_err(|_| format!("listen = {listen:?} is neither an address like \"127.0.0.1:9181\" nor \"off\""))?;
    Ok(Some(Page { listen, asked_for, names }))
}

/// Where models are looked for, and the runtime, are those of the model in force.
fn candidate(raw: RawShadow, model: &RawModel, base: &Path) -> Result<Candidate, String> {
    if raw.name.is_some() == raw.file.is_some() {
        return Err("exactly one of name and file says which model is the candidate".into());
    }
    if !(0.01..=64.0).contains(&raw.cores_max) {
        return Err(format!("cores_max = {} must lie between 0.01 and 64", raw.cores_max));
    }
    let RawShadow { name, file, family, sha256, classes, cores_max } = raw;
    let within = |file: &PathBuf| base.join(file);
    let (manifest, onnxruntime) = (model.manifest.as_ref().map(within), model.onnxruntime.as_ref().map(within));
    let file = file.as_ref().map(within);
    Ok(Candidate {
        model: RawModel { name, manifest, file, family, sha256, classes, threads: 1, onnxruntime },
        cores_max,
    })
}

fn resolve_camera(raw: RawCamera, pictures: &RawPictures, base: &Path, secrets: Secrets) -> Result<Camera, String> {
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    if raw.id.is_empty() || raw.id.len() > 64 || !raw.id.chars().all(allowed) {
        return Err("the id must be 1 to 64 letters, digits, '-', '_' or '.'".into());
    }
    if !(0.1..=60.0).contains(&raw.analysed_fps) {
        return Err(format!("analysed_fps = {} must lie between 0.1 and 60", raw.analysed_fps));
    }
    let diagnoses = raw::diagnoses;
    if let Some(unknown) = raw.diagnosis_off.iter().find(|off| !diagnoses().any(|name| name == off.as_str())) {
        return Err(format!("diagnosis_off: there is no {unknown:?}; {}", suggest::hint(unknown, diagnoses())));
    }
    if let Some([longitude, latitude]) = raw.position
        && !((-180.0..=180.0).contains(&longitude) && (-90.0..=90.0).contains(&latitude))
    {
        return Err(format!(
            "position = [{longitude}, {latitude}] must be [longitude, latitude] in degrees; perhaps they are swapped"
        ));
    }
    let credentials = match secrets {
        Secrets::Read => credentials(&raw, base)?,
        Secrets::Skip => None,
    };
    let calibration = crate::calibration::of(&raw)?;
    let polygons: Vec<_> = raw.masks.iter().map(|mask| mask.polygon.clone()).collect();
    let mask = Mask::new(&polygons).map_err(|e| e.to_string())?;
    let transport = match raw.transport {
        RawTransport::Tcp => Transport::Tcp,
        RawTransport::Udp => Transport::Udp,
    };
    let source = Source::new(&raw.id, &raw.url, transport, credentials).map_err(|e| e.to_string())?;
    Ok(Camera {
        name: if raw.name.is_empty() { raw.id.clone() } else { raw.name },
        id: raw.id,
        source,
        position: raw.position,
        heading_deg: raw.heading_deg,
        field_of_view_deg: raw.field_of_view_deg,
        calibration,
        analysed_fps: raw.analysed_fps,
        decode: raw.decode,
        diagnosis_off: raw.diagnosis_off,
        pictures: pictures.on_request && raw.pictures.unwrap_or(true),
        clips: pictures.clips()?,
        mask,
        rules: raw.rules,
    })
}

/// The password from its file or the environment. Errors name the place, never the content.
fn credentials(raw: &RawCamera, base: &Path) -> Result<Option<Credentials>, String> {
    let password = match (&raw.password_file, &raw.password_env) {
        (Some(_), Some(_)) => return Err("password_file and password_env are both given; keep one".into()),
        (Some(file), None) => {
            let file = match std::env::var_os("CREDENTIALS_DIRECTORY") {
                // systemd lays a folder's files flat: `cameras/gate` becomes `cameras_gate`.
                Some(dir) => Path::new(&dir).join(file.to_string_lossy().replace('/', "_")),
                None => base.join(file),
            };
            let text = std::fs::read_to_string(&file).map_err(|e| {
                format!("password_file {}: {e}. Make the file and let only the gateway read it", file.display())
            })?;
            text.lines().next().unwrap_or_default().to_owned()
        }
        (None, Some(name)) => std::env::var(name).map_err(|_| {
            format!("password_env: the environment has no variable {name}. Set it, or use password_file")
        })?,
        (None, None) if raw.user.is_some() => {
            return Err("user is given without password_file or password_env".into());
        }
        (None, None) => return Ok(None),
    };
    let Some(user) = raw.user.clone() else {
        return Err("a password is given without user".into());
    };
    Ok(Some(Credentials::new(user, password)))
}

fn parse_error(error: &toml::de::Error, text: &str, path: &Path) -> ConfigError {
    let place = error.span().map_or(String::new(), |span| {
        let before = text.get(..span.start).unwrap_or(text);
        format!(":{}", before.lines().count().max(1) + usize::from(before.ends_with('\n')))
    });
    let mut message = error.message().to_owned();
    // serde's text is "unknown field `x`, expected one of `a`, `b`": the names between the back ticks are all we need.
    if message.starts_with("unknown field") {
        let names: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
        if let Some((unknown, known)) = names.split_first() {
            message = format!("unknown key `{unknown}`; {}", suggest::hint(unknown, known.iter().copied()));
        }
    }
    ConfigError::Parse { path: path.into(), place, message }
}

pub(crate) fn revision(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(6).map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config, ConfigError> {
        Config::parse(text, Path::new("/etc/yiwang/gateway.toml"), Secrets::Read)
    }

    #[test]
    fn the_commented_example_parses() {
        let config = parse(EXAMPLE).unwrap();
        assert!(!config.cameras.is_empty());
        assert!(config.admin_listen.ip().is_loopback());
    }

    #[test]
    fn the_rules_that_the_example_leaves_out_are_right_too() {
        let (_, commented) = EXAMPLE.split_once("# Further kinds").unwrap();
        let text: String =
            commented.lines().skip(1).map(|line| format!("{}\n", line.trim_start_matches(['#', ' ']))).collect();
        let config = parse(&format!("[[camera]]\nid='a'\nurl='rtsp://h/x'\n{text}")).unwrap();
        assert_eq!(config.cameras[0].rules.len(), 4);
        for rule in &config.cameras[0].rules {
            yiwang_inference::rules::parse(rule.clone(), &yiwang_inference::model::coco80(), false).unwrap();
        }
    }

    #[test]
    fn faults_name_the_place_and_the_next_step() {
        for (text, expected) in [
            (
                "[[camera]]\nid = \"a\"\nulr = \"rtsp://h/x\"\n",
                "gateway.toml:3: unknown key `ulr`; did you mean `url`?",
            ),
            ("[[camera]]\nid = \"a b\"\nurl = \"rtsp://h/x\"\n", "the id must be"),
            ("[[camera]]\nid = \"a\"\nurl = \"rtsp://h/x\"\nposition = [30.0, 120.0]\n", "perhaps they are swapped"),
            ("[[camera]]\nid = \"a\"\nurl = \"rtsp://h/x\"\nuser = \"u\"\n", "without password_file"),
            ("[[camera]]\nid = \"a\"\nurl = \"h/x\"\n", "it looks like rtsp://"),
            ("[[camera]]\nid=\"a\"\nurl=\"rtsp://h/x\"\n[[camera]]\nid=\"a\"\nurl=\"rtsp://h/y\"\n", "given twice"),
            (
                "[[camera]]\nid = \"a\"\nurl = \"rtsp://h/x\"\ndiagnosis_off = [\"move\"]\n",
                "there is no \"move\"; did you mean `moved`?",
            ),
            (
                "[[camera]]\nid = \"a\"\nurl = \"rtsp://h/x\"\n[[camera.mask]]\npolygon = [[0.1, 0.1], [300, 0.1], [0.5, 0.5]]\n",
                "mask 1: [300, 0.1] is outside 0–1",
            ),
            ("[admin]\nlisten = \"here\"\n", "127.0.0.1:9180"),
            ("[page]\nlisten = \"here\"\n", "127.0.0.1:9181"),
            ("[shadow]\ncores_max = 0.2\n", "exactly one of name and file"),
            ("[pictures]\nclip_s = 700\n", "clip_s = 700 must lie between"),
            ("[shadow]\nname = \"x\"\ncores_max = 0\n", "between 0.01 and 64"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}\nshould contain: {expected}");
        }
    }

    #[test]
    fn a_password_in_the_address_is_refused_and_not_repeated() {
        let error = parse("[[camera]]\nid = \"a\"\nurl = \"rtsp://u:hunter2@h/x\"\n").unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(!text.contains("hunter2"), "{text}");
        assert!(text.contains("secret file"), "{text}");
    }

    #[test]
    fn an_unknown_camera_is_answered_with_what_there_is() {
        let config = parse(EXAMPLE).unwrap();
        let error = config.camera("gate-eats").unwrap_err().to_string();
        assert!(error.contains("did you mean `gate-east`"), "{error}");
    }
}
