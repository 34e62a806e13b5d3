//! A site and its people for the tests of pictures: hub, gateway and cameras as processes, somebody at the hub's API, and
//! what answers are.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use yiwang_city::rtsp::{CameraSpec, Server, ServerSettings};
use yiwang_tests::assets;
use yiwang_tests::process::{Hub, Process, binary};

pub(crate) const LONG: Duration = Duration::from_secs(40);
pub(crate) const PASSWORD: &str = "correct horse battery";
/// The left third of the picture, from the top to its middle.
pub(crate) const MASK: [[f32; 2]; 4] = [[0.0, 0.0], [0.33, 0.0], [0.33, 0.5], [0.0, 0.5]];

/// Somebody walks in and out of the picture, again and again.
const RULE: &str = r#"
[[camera.rule]]
id = "room"
kind = "intrusion"
zone = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]
classes = ["person"]
"#;

/// Hub, gateway and cameras, with two people.
pub(crate) struct Site {
    pub(crate) desk: Desk,
    pub(crate) config: PathBuf,
    pub(crate) gateway: Process,
    pub(crate) cameras: Server,
}

impl Site {
    /// With every camera, on a perfect line.
    pub(crate) fn open(name: &str) -> Option<Self> {
        Self::with(name, &["people", "people-masked", "cars-masked", "private", "gone"], |hub| hub)
    }

    /// With some cameras; the gateway reaches the hub by the address that `through` gives for the hub's own.
    pub(crate) fn with(name: &str, only: &[&str], through: impl FnOnce(SocketAddr) -> SocketAddr) -> Option<Self> {
        let (clips, models) = (assets::clips(name)?, assets::models(name)?);
        let directory = tempfile::tempdir().unwrap();
        let folder = directory.path().to_owned();
        let hub = Hub::start(&folder.join("hub"));
        let (state, config) = (folder.join("gateway"), folder.join("gateway.toml"));
        let join = Command::new(binary("yiwang-gateway"))
            .args(["join", &through(hub.quic).to_string(), &hub.join_token("police"), "--name", "site", "--state-dir"])
            .arg(&state)
            .output()
            .unwrap();
        assert!(join.status.success(), "{}", String::from_utf8_lossy(&join.stderr));
        let clip = |file: &str| clips.join(file);
        let specs = [("people", "one-by-one-person-detection.mp4"), ("cars", "car-detection.mp4")];
        let cameras = Server::start(&ServerSettings {
            listen: "127.0.0.1:0".parse().unwrap(),
            cameras: specs.map(|(name, file)| CameraSpec::new(name, clip(file))).into(),
            schedule: None,
        })
        .unwrap();
        let mask = format!("[[camera.mask]]\npolygon = {MASK:?}\n");
        let camera = |id: &str| {
            let (url, rest) = match id {
                "people" => (cameras.url("people"), RULE),
                "people-masked" => (cameras.url("people"), mask.as_str()),
                "cars-masked" => (cameras.url("cars"), mask.as_str()),
                "private" => (cameras.url("people"), "pictures = false\n"),
                _ => ("rtsp://127.0.0.1:9/x".into(), ""),
            };
            format!("[[camera]]\nid = \"{id}\"\nurl = \"{url}\"\n{rest}")
        };
        let text = format!(
            "state_dir = {state:?}\n[model]\nfile = {:?}\nfamily = \"yolox\"\n[admin]\nlisten = \"127.0.0.1:0\"\n{}",
            models.join("yolox_nano_416.onnx"),
            only.iter().map(|id| camera(id)).collect::<String>(),
        );
        std::fs::write(&config, text).unwrap();
        let mut command = Command::new(binary("yiwang-gateway"));
        command.arg("run").arg("--config").arg(&config);
        let process = Process::start(&mut command, &folder.join("gateway.log"));
        let gateway = yiwang_gateway::uplink::Identity::load(&state).unwrap().unwrap().gateway;
        let desk = Desk { hub, folder, gateway, _directory: directory };
        desk.hub.add_user("wang", "department", "police", PASSWORD);
        desk.hub.add_user("op", "operator", "operations", PASSWORD);
        Some(Self { desk, config, gateway: process, cameras })
    }
}

/// Somebody who watches: the answer grows in a file.
pub(crate) struct Watching {
    pub(crate) child: std::process::Child,
    pub(crate) file: PathBuf,
}

impl Watching {
    /// Whether a picture has come.
    pub(crate) fn has_begun(&self) -> bool {
        let deadline = std::time::Instant::now() + Duration::from_secs(5);
        while std::time::Instant::now() < deadline {
            if std::fs::metadata(&self.file).is_ok_and(|meta| meta.len() > 10_000) {
                return true;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }

    /// Everything that came until the end.
    pub(crate) fn wait(&mut self) -> Vec<u8> {
        self.child.wait().unwrap();
        std::fs::read(&self.file).unwrap()
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A record of live video.
pub(crate) struct Record {
    pub(crate) kind: u8,
    pub(crate) body: Vec<u8>,
}

pub(crate) fn records(mut bytes: &[u8]) -> Vec<Record> {
    let mut records = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk::<4>() {
        let Some((record, rest)) = rest.split_at_checked(u32::from_be_bytes(*length) as usize) else { break };
        records.push(Record { kind: record[0], body: record[1..].to_vec() });
        bytes = rest;
    }
    records
}

/// Somebody at the hub's API.
pub(crate) struct Desk {
    pub(crate) hub: Hub,
    pub(crate) folder: PathBuf,
    pub(crate) gateway: String,
    pub(crate) _directory: tempfile::TempDir,
}

/// An answer: the status, headers as text, and the body.
pub(crate) struct Answer {
    pub(crate) headers: String,
    pub(crate) body: Vec<u8>,
}

pub(crate) struct Shot {
    pub(crate) jpeg: Vec<u8>,
    pub(crate) age_ms: i64,
    pub(crate) masked: bool,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::trim))
    }

    pub(crate) fn picture(self) -> Option<Shot> {
        (self.header("content-type") == Some("image/jpeg")).then(|| Shot {
            age_ms: self.header("x-age-ms").unwrap().parse().unwrap(),
            masked: self.header("x-masked") == Some("1"),
            jpeg: self.body,
        })
    }

    /// The code of the refusal.
    pub(crate) fn refused(&self) -> String {
        let body: serde_json::Value = serde_json::from_slice(&self.body).unwrap_or_default();
        body["error"]["code"].as_str().unwrap_or("no refusal").to_owned()
    }
}

impl Desk {
    /// The file of cookies that a log-in leaves.
    pub(crate) fn log_in(&self, name: &str) -> PathBuf {
        let jar = self.folder.join(format!("{name}.cookies"));
        let body = serde_json::json!({"user": name, "password": PASSWORD});
        let answer = self.post(&jar, "/api/v1/login", &body);
        assert!(answer.headers.contains("200"), "{}", String::from_utf8_lossy(&answer.body));
        jar
    }

    pub(crate) fn still(&self, jar: &Path, camera: &str, reason: &str) -> Answer {
        self.ask(jar, camera, "still", reason)
    }

    pub(crate) fn ask(&self, jar: &Path, camera: &str, what: &str, reason: &str) -> Answer {
        let path = format!("/api/v1/cameras/{}/{camera}/{what}", self.gateway);
        self.post(jar, &path, &serde_json::json!({"reason": reason}))
    }

    /// A clip: around an event, or between two moments.
    pub(crate) fn clip(&self, jar: &Path, camera: &str, wish: serde_json::Value) -> Answer {
        self.post(jar, &format!("/api/v1/cameras/{}/{camera}/clip", self.gateway), &wish)
    }

    /// The newest event of that camera and phase.
    pub(crate) fn event(&self, jar: &Path, camera: &str, phase: &str) -> Option<serde_json::Value> {
        let path = format!("/api/v1/events?camera={}/{camera}&phase={phase}&kind=intrusion&limit=1", self.gateway);
        let url = format!("{}{path}", self.hub.web);
        let output = Command::new("curl").args(["-sS", "-m", "20", "-b"]).arg(jar).arg(url).output().unwrap();
        let body: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        body["events"].get(0).cloned()
    }

    /// How often the gateway has said so.
    pub(crate) fn said(&self, words: &str) -> usize {
        std::fs::read_to_string(self.folder.join("gateway.log")).unwrap_or_default().matches(words).count()
    }

    /// Has the gateway read its configuration anew, changed by `change`.
    pub(crate) fn reload(&self, config: &Path, change: impl FnOnce(String) -> String) {
        let text = change(std::fs::read_to_string(config).unwrap());
        std::fs::write(config, text).unwrap();
        let reload = Command::new(binary("yiwang-gateway")).args(["reload", "--config"]).arg(config).output().unwrap();
        assert!(reload.status.success(), "{}", String::from_utf8_lossy(&reload.stderr));
    }

    /// Watches for some seconds, or until the hub ends it.
    pub(crate) fn watch(&self, jar: &Path, camera: &str, reason: &str, seconds: u32) -> Watching {
        let file = self.folder.join(format!("{}.live", uuid::Uuid::now_v7()));
        let child = Command::new("curl")
            .args(["-sSN", "-m", &seconds.to_string(), "-X", "POST", "-H", "x-yiwang: 1"])
            .args(["-H", "content-type: application/json", "-b"])
            .arg(jar)
            .args(["--data", &serde_json::json!({"reason": reason}).to_string(), "-o"])
            .arg(&file)
            .arg(format!("{}/api/v1/cameras/{}/{camera}/live", self.hub.web, self.gateway))
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Watching { child, file }
    }

    pub(crate) fn post(&self, jar: &Path, path: &str, body: &serde_json::Value) -> Answer {
        let output = Command::new("curl")
            .args([
                "-sS",
                "-m",
                "20",
                "-X",
                "POST",
                "-D",
                "-",
                "-H",
                "x-yiwang: 1",
                "-H",
                "content-type: application/json",
            ])
            .arg("-b")
            .arg(jar)
            .arg("-c")
            .arg(jar)
            .args(["--data", &body.to_string(), &format!("{}{path}", self.hub.web)])
            .output()
            .unwrap();
        let end = output.stdout.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("headers");
        let headers = String::from_utf8_lossy(&output.stdout[..end]).to_ascii_lowercase();
        Answer { headers, body: output.stdout[end + 4..].to_vec() }
    }
}
