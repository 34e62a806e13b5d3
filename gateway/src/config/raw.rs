//! `gateway.toml` as written: what serde reads and what the JSON Schema tells. What follows from it is decided where it
//! is resolved.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;
use yiwang_inference::quality;

use crate::camera::flow::{FLAWS, Flaw};
use crate::pictures::ring::Bounds;

/// `gateway.toml` as written.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Yiwang gateway configuration")]
pub struct Raw {
    /// Where identity, certificates and the spool live.
    #[serde(default = "default_state_dir")]
    pub state_dir: PathBuf,
    /// The detector.
    #[serde(default)]
    pub model: RawModel,
    /// A candidate beside the detector.
    pub shadow: Option<RawShadow>,
    /// The gateway's own status page and metrics.
    #[serde(default)]
    pub admin: RawAdmin,
    /// The page for the technician on site.
    pub page: Option<RawPage>,
    /// What the gateway may use of the machine.
    #[serde(default)]
    pub processor: RawProcessor,
    /// What is kept while the hub is away.
    #[serde(default)]
    pub spool: RawSpool,
    /// Pictures for people, on request.
    #[serde(default)]
    pub pictures: RawPictures,
    /// The cameras.
    #[serde(default, rename = "camera")]
    pub cameras: Vec<RawCamera>,
}

/// Which model looks at the pictures.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct RawModel {
    /// Name of a model: `yiwang-gateway model list` shows them.
    pub name: Option<String>,
    /// A manifest of your own, the only one then; its files are looked for beside it first. Default: what was added with
    /// `yiwang-gateway model add`, then those that come with the gateway.
    pub manifest: Option<PathBuf>,
    /// A model file instead of an entry of the manifest.
    pub file: Option<PathBuf>,
    /// Its family (`yolox`, `picodet`, `nanodet`, `fcos`).
    pub family: Option<String>,
    /// Its SHA-256; checked where given.
    pub sha256: Option<String>,
    /// Its classes in the order of the outputs; default: the 80 of COCO.
    pub classes: Option<Vec<String>>,
    /// Threads of one inference.
    #[serde(default = "default_threads")]
    pub threads: usize,
    /// The ONNX Runtime library; default: where `deploy/setup` puts it.
    pub onnxruntime: Option<PathBuf>,
}

/// A candidate model that looks at some of the live pictures beside the model in force; differences are counted.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct RawShadow {
    /// Name of a model, as in `[model]`.
    pub name: Option<String>,
    /// A model file instead.
    pub file: Option<PathBuf>,
    /// Its family (`yolox`, `picodet`, `nanodet`, `fcos`).
    pub family: Option<String>,
    /// Its SHA-256; checked where given.
    pub sha256: Option<String>,
    /// Its classes in the order of the outputs; default: the 80 of COCO.
    pub classes: Option<Vec<String>>,
    /// Cores that it may use.
    #[serde(default = "default_shadow_cores")]
    pub cores_max: f64,
}

/// The gateway's own status address.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawAdmin {
    /// Address and port of `/healthz`, `/status` and `/metrics`; loopback unless you change it.
    pub listen: String,
}

/// The page for the technician on site.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawPage {
    /// Address and port, or `off`. Beyond this machine it is served with TLS and only once `yiwang-gateway page password`
    /// has made a log-in.
    pub listen: String,
    /// Names under which browsers may call it, beside addresses, `localhost` and this machine's own name.
    pub names: Vec<String>,
}

/// What the gateway may use of the machine.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawProcessor {
    /// Cores; beyond that fewer pictures are analysed, evenly, cameras with severe rules last. Default: all there are.
    pub cores_max: Option<f64>,
}

/// Bounds of the spool.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawSpool {
    /// Most mebibytes on disk; the oldest events are dropped first, counted and reported.
    pub size_max_mib: u64,
    /// Longest time that an event waits for the hub, hours.
    pub age_max_hours: u64,
}

/// What leaves of pictures when somebody asks the hub for them.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawPictures {
    /// Whether stills, live video and clips of the cameras go to the hub when somebody with the right asks for them. On where nothing is said:
    /// an alarm is decided by looking, none goes unasked, each is on the hub's record, and masks hold.
    pub on_request: bool,
    /// Seconds of each camera that are kept in memory, as they come coded, so that a clip around an event can be cut from
    /// them; 0 keeps none. Nothing is kept of masked cameras and of those whose pictures stay in.
    pub clip_s: u32,
    /// Most mebibytes of a camera that are kept for clips, whichever bound is met first.
    pub clip_mib: u32,
}

impl RawPictures {
    /// The bounds of what is kept for clips.
    pub(super) fn clips(&self) -> Result<Bounds, String> {
        if self.clip_s > 600 {
            return Err(format!("clip_s = {} must lie between 0 and 600", self.clip_s));
        }
        if !(1..=32).contains(&self.clip_mib) {
            return Err(format!("clip_mib = {} must lie between 1 and 32; clip_s = 0 keeps none", self.clip_mib));
        }
        Ok(Bounds { span_us: i64::from(self.clip_s) * 1_000_000, bytes: (self.clip_mib as usize) << 20 })
    }
}

/// A camera.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawCamera {
    /// Unique within the gateway: letters, digits, `-`, `_`, `.`.
    pub id: String,
    /// What people call it.
    #[serde(default)]
    pub name: String,
    /// `rtsp://host:port/path` or `file:///path`; user and password are given apart.
    pub url: String,
    /// Position, WGS-84: longitude, latitude.
    pub position: Option<[f64; 2]>,
    /// Where it looks, degrees clockwise from north.
    pub heading_deg: Option<f64>,
    /// Horizontal angle of view, degrees.
    pub field_of_view_deg: Option<f64>,
    /// Height of the lens above the ground, metres. With `tilt_deg`, `heading_deg` and `field_of_view_deg` it
    /// calibrates the camera: events get their place on the ground, speeds can be measured.
    pub height_m: Option<f64>,
    /// How far it looks down, degrees below the horizon.
    pub tilt_deg: Option<f64>,
    /// Calibrates the camera instead, mostly better: four points of the ground or more, each x and y in the picture
    /// (0–1 from its top left), then longitude and latitude, read off a map.
    #[serde(default)]
    pub ground_points: Vec<[f64; 4]>,
    /// Pictures analysed a second.
    #[serde(default = "default_fps")]
    pub analysed_fps: f64,
    /// What is decoded: `auto` (default; keyframes only while nothing moves) or `always`.
    #[serde(default)]
    pub decode: Decoding,
    /// How RTP travels: `tcp` (default) or `udp`.
    #[serde(default)]
    pub transport: RawTransport,
    /// User name at the camera.
    pub user: Option<String>,
    /// File that holds the password, in its first line; relative to this file. As a service it comes out of systemd's
    /// credentials under the same name.
    pub password_file: Option<PathBuf>,
    /// Environment variable that holds the password.
    pub password_env: Option<String>,
    /// Picture diagnoses that are left out (`moved` for a camera that tours its presets): the kinds without `camera.`.
    #[serde(default)]
    #[schemars(schema_with = "diagnoses_schema")]
    pub diagnosis_off: Vec<String>,
    /// `false`: no picture of this camera leaves, whoever asks. `[pictures] on_request = false` says so of all.
    pub pictures: Option<bool>,
    /// Parts of the picture that nothing may look at.
    #[serde(default, rename = "mask")]
    pub masks: Vec<RawMask>,
    /// The rules: tables with `id`, `kind` and what the kind needs.
    #[serde(default, rename = "rule")]
    #[schemars(schema_with = "rules_schema")]
    pub rules: Vec<toml::Table>,
}

/// A part of the picture that is black before anything looks at it: a window, a neighbour's garden.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawMask {
    /// Corners, 0–1 of the picture from its top left, in the order in which you would walk around it.
    pub polygon: Vec<[f32; 2]>,
    /// What it hides, for people.
    #[serde(default)]
    pub name: String,
}

/// What of a camera is decoded.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Decoding {
    /// Keyframes only while nothing moves; what came in between is decoded later where something began.
    #[default]
    Auto,
    /// Every picture.
    Always,
}

/// How RTP travels.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum RawTransport {
    /// Inside the RTSP connection: no loss, crosses firewalls.
    #[default]
    Tcp,
    /// Datagrams.
    Udp,
}

fn rules_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    let rule = yiwang_inference::rules::schema();
    schemars::json_schema!({ "type": "array", "items": rule })
}

/// Everything that can be wrong with a camera's picture or stream and be left out, by name.
pub(super) fn diagnoses() -> impl Iterator<Item = &'static str> {
    quality::DIAGNOSES.iter().map(quality::Diagnosis::name).chain(FLAWS.iter().map(Flaw::name))
}

fn diagnoses_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    let names: Vec<&str> = diagnoses().collect();
    schemars::json_schema!({ "type": "array", "items": { "enum": names } })
}

fn default_state_dir() -> PathBuf {
    "/var/lib/yiwang-gateway".into()
}

fn default_threads() -> usize {
    1
}

fn default_shadow_cores() -> f64 {
    0.1
}

fn default_fps() -> f64 {
    5.0
}

impl Default for RawAdmin {
    fn default() -> Self {
        Self { listen: "127.0.0.1:9180".into() }
    }
}

impl Default for RawPage {
    fn default() -> Self {
        Self { listen: "127.0.0.1:9181".into(), names: Vec::new() }
    }
}

impl Default for RawPictures {
    fn default() -> Self {
        Self { on_request: true, clip_s: 60, clip_mib: 4 }
    }
}

impl Default for RawSpool {
    fn default() -> Self {
        Self { size_max_mib: 512, age_max_hours: 7 * 24 }
    }
}
