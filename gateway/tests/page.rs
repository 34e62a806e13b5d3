//! The gateway's own page over real sockets: nobody comes in without the password, from another site's page or under
//! another name; what is saved is in force and can be taken back; beyond this machine nothing is served without a log-in.

#![allow(clippy::unwrap_used, reason = "what fails in a helper of a test fails the test")]

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use yiwang_gateway::config::{Config, Secrets};
use yiwang_gateway::page::{self, password};

const LONG: Duration = Duration::from_secs(60);
const PASSWORD: &str = "a password of the tests";

struct Site {
    dir: tempfile::TempDir,
    page: SocketAddr,
    shutdown: CancellationToken,
    running: tokio::task::JoinHandle<Result<(), yiwang_gateway::error::RunError>>,
}

/// Status and body.
type Answer = (u16, String, Option<String>);

impl Site {
    /// A gateway with a camera that is not there, and its page.
    async fn open() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let config = config(dir.path(), "127.0.0.1:0");
        password::set(&config.state_dir, PASSWORD).unwrap();
        let shutdown = CancellationToken::new();
        let running = tokio::spawn(yiwang_gateway::run::run(config, shutdown.clone()));
        let deadline = Instant::now() + LONG;
        let page = loop {
            assert!(Instant::now() < deadline && !running.is_finished(), "the gateway does not start");
            let text = std::fs::read(dir.path().join("state/addresses.json")).unwrap_or_default();
            if let Ok(all) = serde_json::from_slice::<Value>(&text) {
                break all["page"].as_str().unwrap().trim_start_matches("http://").parse().unwrap();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        Self { dir, page, shutdown, running }
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("gateway.toml")
    }

    async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let mut request =
            format!("{method} {path} HTTP/1.1\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
        if headers.iter().all(|(name, _)| *name != "Host") {
            request += &format!("Host: {}\r\n", self.page);
        }
        headers.iter().for_each(|(name, value)| request += &format!("{name}: {value}\r\n"));
        request += &format!("Content-Type: application/json\r\n\r\n{body}");
        let mut stream = TcpStream::connect(self.page).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.unwrap();
        let text = String::from_utf8_lossy(&bytes);
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.to_lowercase().contains("content-security-policy: default-src 'none'"), "{head}");
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let cookie = head
            .lines()
            .find_map(|line| line.to_lowercase().starts_with("set-cookie: ").then(|| line[12..].to_owned()));
        (status, body.to_owned(), cookie)
    }

    async fn log_in(&self, password: &str) -> Answer {
        self.ask("POST", "/api/login", &[("X-Yiwang", "1")], &json!({ "password": password })).await
    }
}

fn config(dir: &Path, listen: &str) -> Config {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/manifest.toml");
    let text = format!(
        "# ours\nstate_dir = \"state\"\n[admin]\nlisten = \"127.0.0.1:0\"\n[page]\nlisten = \"{listen}\"\n[model]\n\
         manifest = {manifest:?}\n\n# the yard\n[[camera]]\nid = \"yard\"\nurl = \"rtsp://127.0.0.1:1/x\"\n"
    );
    std::fs::create_dir_all(dir.join("state")).unwrap();
    std::fs::write(dir.join("gateway.toml"), text).unwrap();
    Config::load(&dir.join("gateway.toml"), Secrets::Read).unwrap()
}

fn json_of(answer: &Answer) -> Value {
    serde_json::from_str(&answer.1).unwrap_or(Value::Null)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_comes_in_without_the_password_or_through_another_site() {
    let site = Site::open().await;
    let nothing = Value::Null;
    assert_eq!(site.ask("GET", "/", &[], &nothing).await.0, 200, "the page itself holds nothing of anybody");
    for path in ["/api/cameras", "/api/cameras/yard/view", "/api/cameras/yard/settings", "/api/kinds"] {
        let answer = site.ask("GET", path, &[], &nothing).await;
        assert_eq!((answer.0, &json_of(&answer)["error"]["code"]), (401, &"login_needed".into()), "{path}");
    }
    let (status, _, cookie) = site.log_in(PASSWORD).await;
    let cookie = cookie.unwrap();
    assert_eq!(status, 204);
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict") && !cookie.contains("Secure"),
        "{cookie}"
    );
    let cookie = cookie.split(';').next().unwrap();
    let listed = site.ask("GET", "/api/cameras", &[("Cookie", cookie)], &nothing).await;
    assert_eq!((listed.0, &json_of(&listed)["cameras"][0]["id"]), (200, &"yard".into()));
    // Under a name that another site lets point here, and from another site's page.
    let rebound = [("Cookie", cookie), ("Host", "evil.example:80")];
    assert_eq!(json_of(&site.ask("GET", "/api/cameras", &rebound, &nothing).await)["error"]["code"], "stranger");
    for headers in
        [vec![("Cookie", cookie)], vec![("Cookie", cookie), ("X-Yiwang", "1"), ("Origin", "http://evil.example")]]
    {
        let answer = site.ask("POST", "/api/undo", &headers, &nothing).await;
        assert_eq!((answer.0, &json_of(&answer)["error"]["code"]), (403, &"stranger".into()), "{headers:?}");
    }
    // Guessing: five wrong ones, then the right one waits as well; who is in stays in.
    for _ in 0..5 {
        assert_eq!(json_of(&site.log_in("not this one").await)["error"]["code"], "wrong_password");
    }
    assert_eq!(site.log_in(PASSWORD).await.0, 429);
    assert_eq!(site.ask("GET", "/api/cameras", &[("Cookie", cookie)], &nothing).await.0, 200);
    // Another password ends every session.
    password::set(&site.dir.path().join("state"), "another password").unwrap();
    assert_eq!(site.ask("GET", "/api/cameras", &[("Cookie", cookie)], &nothing).await.0, 401);
    site.shutdown.cancel();
    site.running.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_saved_is_in_force_and_can_be_taken_back() {
    let site = Site::open().await;
    let cookie = site.log_in(PASSWORD).await.2.unwrap();
    let headers = [("Cookie", cookie.split(';').next().unwrap()), ("X-Yiwang", "1")];
    let before = std::fs::read_to_string(site.file()).unwrap();
    let settings = json_of(&site.ask("GET", "/api/cameras/yard/settings", &headers, &Value::Null).await);
    let draft = |zone: Value| {
        json!({ "revision": settings["revision"], "draft": {
            "rules": [{ "was": null, "table": { "id": "z", "kind": "intrusion", "zone": zone } }],
            "masks": [], "position": null, "heading_deg": null, "field_of_view_deg": null, "height_m": null,
            "tilt_deg": null, "ground_points": [] } })
    };
    let crossing = draft(json!([[0.0, 0.0], [1.0, 1.0], [1.0, 0.0], [0.0, 1.0]]));
    for what in ["check", "try", "save"] {
        let answer = site.ask("POST", &format!("/api/cameras/yard/{what}"), &headers, &crossing).await;
        assert_eq!(answer.0, 422, "{what}: {}", answer.1);
        assert!(answer.1.contains("crosses itself"), "{what}: {}", answer.1);
    }
    assert_eq!(std::fs::read_to_string(site.file()).unwrap(), before);
    let zone = draft(json!([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]]));
    let tried = json_of(&site.ask("POST", "/api/cameras/yard/try", &headers, &zone).await);
    assert_eq!((&tried["pictures"], &tried["begun"]), (&0.into(), &json!({})), "no picture has come: {tried}");
    let saved = site.ask("POST", "/api/cameras/yard/save", &headers, &zone).await;
    assert_eq!(saved.0, 200, "{}", saved.1);
    assert!(json_of(&saved)["said"].as_str().unwrap().contains("camera yard: rules changed"), "{}", saved.1);
    let text = std::fs::read_to_string(site.file()).unwrap();
    assert_eq!(
        text,
        format!(
            "{before}\n[[camera.rule]]\nid = \"z\"\nkind = \"intrusion\"\nzone = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]]\n"
        )
    );
    let listed = json_of(&site.ask("GET", "/api/cameras", &headers, &Value::Null).await);
    assert_eq!((&listed["cameras"][0]["rules"], &listed["revision"]), (&1.into(), &json_of(&saved)["revision"]));
    // Drawn over the file as it was: nothing is lost unseen.
    let again = site.ask("POST", "/api/cameras/yard/save", &headers, &zone).await;
    assert_eq!((again.0, &json_of(&again)["error"]["code"]), (409, &"changed".into()));
    let undone = site.ask("POST", "/api/undo", &headers, &Value::Null).await;
    assert_eq!((undone.0, std::fs::read_to_string(site.file()).unwrap()), (200, before.clone()), "{}", undone.1);
    assert_eq!(site.ask("POST", "/api/undo", &headers, &Value::Null).await.0, 409, "once");
    // Somebody edits the file after a save: it is not written over.
    assert_eq!(site.ask("POST", "/api/cameras/yard/save", &headers, &zone).await.0, 200);
    std::fs::write(site.file(), format!("{text}# by hand\n")).unwrap();
    assert_eq!(
        json_of(&site.ask("POST", "/api/undo", &headers, &Value::Null).await)["error"]["code"],
        "nothing_to_undo"
    );
    site.shutdown.cancel();
    site.running.await.unwrap().unwrap();
}

#[test]
fn beyond_this_machine_there_is_no_page_without_a_log_in_and_none_without_tls() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path(), "0.0.0.0:0");
    let refused = page::bind(&config).err().unwrap();
    assert!(refused.contains("yiwang-gateway page password"), "{refused}");
    password::set(&config.state_dir, PASSWORD).unwrap();
    let bound = page::bind(&config).unwrap().unwrap();
    assert!(bound.address.starts_with("https://"), "{}", bound.address);
    assert_eq!(page::fingerprint(&config.state_dir).unwrap().len(), 95);
}
