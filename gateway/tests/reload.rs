//! A gateway whose configuration changes while it runs, over real RTSP: what changed takes effect, and the streams of the
//! other cameras go on in the same connection, without a gap.

#![allow(clippy::unwrap_used, reason = "what fails in a helper of a test fails the test")]

mod camera_world;

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use camera_world::{Door, Server};
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use yiwang_gateway::config::{Config, Secrets};
use yiwang_gateway::control::{Order, ask};
use yiwang_gateway::spool::{Spool, SpoolLimits};

const LONG: Duration = Duration::from_secs(60);

/// Where the gateway's files are.
struct Site {
    dir: tempfile::TempDir,
}

impl Site {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("gateway.toml")
    }

    fn state(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    /// Writes the configuration; gives its revision.
    fn write(&self, rest: &str) -> String {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/manifest.toml");
        let text = format!(
            "state_dir = \"state\"\n[admin]\nlisten = \"127.0.0.1:0\"\n[model]\nmanifest = {manifest:?}\n{rest}"
        );
        std::fs::write(self.file(), text).unwrap();
        Config::load(&self.file(), Secrets::Read).map(|config| config.revision).unwrap_or_default()
    }

    async fn status(&self) -> Option<Value> {
        serde_json::from_str(&ask(&self.state(), Order::Status).await.ok()?).ok()
    }

    /// Waits until a camera's line in the status answers.
    async fn until<T>(&self, what: &str, camera: &str, find: impl Fn(&Value) -> Option<T>) -> T {
        let deadline = Instant::now() + LONG;
        let mut last = Value::Null;
        while Instant::now() < deadline {
            last = self.status().await.unwrap_or_default();
            let lines = last["cameras"].as_array().cloned().unwrap_or_default();
            if let Some(found) = lines.iter().find(|line| line["id"] == camera).and_then(&find) {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{what}: not within {LONG:?}: {last:#}");
    }

    async fn decoded(&self, camera: &str, more_than: u64) -> u64 {
        let more = |line: &Value| line["decoding"]["decoded"].as_u64().filter(|count| *count > more_than);
        self.until("pictures", camera, more).await
    }
}

fn camera(id: &str, url: &str, rule: &str) -> String {
    format!("[[camera]]\nid = \"{id}\"\nurl = \"{url}\"\ndecode = \"always\"\n{rule}")
}

fn count(id: &str) -> String {
    format!("[[camera.rule]]\nid = \"{id}\"\nkind = \"count\"\nline = [[0.0, 0.5], [1.0, 0.5]]\ninterval_s = 1\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changed_takes_effect_and_the_other_streams_go_on() {
    let server = Server::open();
    let (door, other, third) =
        (Door::open(server.port).await, Door::open(server.port).await, Door::open(server.port).await);
    let [a, b, c] = [&door, &other, &third].map(|door| door.url("/h264"));
    let site = Site::new();
    std::fs::create_dir(site.state()).unwrap();
    let first = site.write(&(camera("a", &a, &count("before")) + &camera("b", &b, "")));
    let config = Config::load(&site.file(), Secrets::Read).unwrap();
    let shutdown = CancellationToken::new();
    let running = tokio::spawn(yiwang_gateway::run::run(config, shutdown.clone()));
    let before = site.decoded("a", 30).await;
    let since = site.status().await.unwrap()["cameras"][0]["since"].clone();
    site.decoded("b", 5).await;

    // A fault anywhere in the file changes nothing, and is told.
    site.write(&(camera("a", &a, &count("after")) + &camera("b", &b, "[[camera.rule]]\nkind = \"intruson\"\n")));
    let fault = ask(&site.state(), Order::Reload).await.unwrap_err().to_string();
    assert!(fault.contains("camera \"b\"") && fault.contains("did you mean `intrusion`"), "{fault}");
    assert_eq!(site.status().await.unwrap()["config_revision"], first.as_str());

    // A rule changes, a camera goes, another comes.
    let second = site.write(&(camera("a", &a, &count("after")) + &camera("c", &c, "")));
    let told = ask(&site.state(), Order::Reload).await.unwrap();
    assert_eq!(
        told,
        format!("camera a: rules changed\ncamera b: removed\ncamera c: added\nrevision {second} is in force\n")
    );
    site.decoded("c", 5).await;
    site.decoded("a", before + 60).await;
    let status = site.status().await.unwrap();
    let ids: Vec<_> = status["cameras"].as_array().unwrap().iter().map(|line| line["id"].clone()).collect();
    assert_eq!((ids, &status["config_revision"]), (vec!["a".into(), "c".into()], &second.as_str().into()));
    // A machine that is too busy may leave pictures out, which is a gap of its own; the stream was never down.
    assert_eq!(status["cameras"][0]["since"], since, "{status:#}");
    assert_eq!(door.passed.load(Ordering::SeqCst), 1, "the stream of a goes on in its connection");
    assert_eq!(
        ask(&site.state(), Order::Reload).await.unwrap(),
        format!("nothing has changed\nrevision {second} is in force\n")
    );

    // Another address is another stream, and the time between is a gap; the others still go on.
    site.write(&(camera("a", &a, &count("after")) + &camera("c", &b, "")));
    let told = ask(&site.state(), Order::Reload).await.unwrap();
    assert!(told.starts_with("camera c: url changed, stream opened anew\n"), "{told}");
    site.until("the gap", "c", |line| (line["gaps_not_yet_reported"] != 0 && line["state"] == "ok").then_some(()))
        .await;
    assert_eq!((door.passed.load(Ordering::SeqCst), other.passed.load(Ordering::SeqCst)), (1, 2));

    shutdown.cancel();
    running.await.unwrap().unwrap();
    let spool = Spool::open(&site.state().join("spool"), SpoolLimits::default(), 0).unwrap();
    let held = spool.view().held[0];
    let records = spool.read(held.epoch, 1, 10_000, 1 << 24).unwrap();
    let rules = |revision: &str| {
        let of = records.iter().filter(|record| record.event.config_revision == revision);
        of.filter_map(|record| record.event.rule.clone()).collect::<std::collections::BTreeSet<_>>()
    };
    assert!(rules(&first).contains("before") && !rules(&first).contains("after"));
    assert_eq!(
        rules(&second).into_iter().collect::<Vec<_>>(),
        ["after"],
        "events name the configuration they were made under"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hangup_reloads_too() {
    let site = Site::new();
    std::fs::create_dir(site.state()).unwrap();
    site.write("");
    let config = Config::load(&site.file(), Secrets::Read).unwrap();
    let shutdown = CancellationToken::new();
    let running = tokio::spawn(yiwang_gateway::run::run(config, shutdown.clone()));
    let deadline = Instant::now() + LONG;
    while site.status().await.is_none() {
        assert!(Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    site.write(&camera("a", "rtsp://127.0.0.1:9/x", ""));
    let own = std::process::id().to_string();
    assert!(std::process::Command::new("kill").args(["-HUP", &own]).status().unwrap().success());
    site.until("the camera", "a", |_| Some(())).await;
    shutdown.cancel();
    running.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_candidate_runs_beside_the_model_and_takes_its_place_between_two_pictures() {
    let server = Server::open();
    let door = Door::open(server.port).await;
    let site = Site::new();
    std::fs::create_dir(site.state()).unwrap();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/yiwang-city.onnx");
    let classes = "classes = [\"person\", \"two_wheeler\", \"car\", \"large_vehicle\", \"bag\"]\n";
    let shadow = format!("[shadow]\nfile = {file:?}\nfamily = \"fcos\"\n{classes}cores_max = 0.3\n");
    let cameras = camera("a", &door.url("/h264"), &count("crossings"));
    site.write(&cameras);
    let config = Config::load(&site.file(), Secrets::Read).unwrap();
    let shutdown = CancellationToken::new();
    let running = tokio::spawn(yiwang_gateway::run::run(config, shutdown.clone()));
    site.decoded("a", 10).await;

    site.write(&format!("[shadow]\nname = \"no-such\"\n{cameras}"));
    assert!(ask(&site.state(), Order::Reload).await.unwrap_err().to_string().contains("no-such"));
    site.write(&format!("{shadow}{cameras}"));
    assert!(ask(&site.state(), Order::Reload).await.unwrap().starts_with("shadow: changed"));
    let compared = |status: &Value| status["shadow"]["pictures_compared"].as_u64().unwrap_or(0);
    let deadline = Instant::now() + LONG;
    while compared(&site.status().await.unwrap()) < 5 {
        assert!(Instant::now() < deadline, "{:#}", site.status().await.unwrap());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let status = site.status().await.unwrap();
    assert_eq!(
        (&status["shadow"]["candidate"], &status["model"]["name"]),
        (&"yiwang-city".into(), &"yiwang-city-384".into())
    );
    for (_, seen) in status["shadow"]["classes"].as_object().unwrap() {
        assert_eq!((&seen["current_only"], &seen["candidate_only"]), (&0.into(), &0.into()), "it is the same file");
    }

    let promote = std::process::Command::new(env!("CARGO_BIN_EXE_yiwang-gateway"))
        .args(["model", "promote", "--config"])
        .arg(site.file())
        .output();
    let promote = tokio::task::block_in_place(|| promote).unwrap();
    let told = String::from_utf8_lossy(&promote.stdout).into_owned();
    assert!(
        promote.status.success() && told.starts_with("model: changed, swapped between two pictures\n"),
        "{promote:?}"
    );
    let status = site.status().await.unwrap();
    assert_eq!((&status["model"]["name"], &status["shadow"]), (&"yiwang-city".into(), &Value::Null));
    let at = status["cameras"][0]["decoding"]["decoded"].as_u64().unwrap();
    site.decoded("a", at + 50).await;
    let status = site.status().await.unwrap();
    let line = &status["cameras"][0];
    assert_eq!(line["state"], "ok", "{status:#}");
    assert_eq!(door.passed.load(Ordering::SeqCst), 1, "the stream goes on in its connection");
    shutdown.cancel();
    running.await.unwrap().unwrap();
}
