//! `yiwang-gateway model`: a model comes from a file or a web server, and is there by name from then on.
#![allow(clippy::unwrap_used, reason = "helpers of tests, outside of the test functions")]

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const YOLOX_SHA256: &str = "695e750a5d5754bb5a8d5325643b59282191a7e7a564e435a415fd3c578eab14";

#[test]
fn a_model_from_a_file_is_there_by_name_from_then_on() {
    let Some(file) = yolox("a_model_from_a_file_is_there_by_name_from_then_on") else { return };
    let site = Site::new("mine");
    let first = site.add(&file, "yolox", YOLOX_SHA256, &["--name", "mine"]);
    assert!(first.status.success() && text(&first).contains("added mine (yolox, input 416×416)"), "{}", text(&first));
    let manifest = std::fs::read_to_string(site.state().join("models/models.toml")).unwrap();
    let again = site.add(&file, "yolox", YOLOX_SHA256, &["--name", "mine"]);
    assert!(again.status.success(), "{}", text(&again));
    assert_eq!(std::fs::read_to_string(site.state().join("models/models.toml")).unwrap(), manifest);

    let check = text(&site.gateway(&["check"]));
    assert!(check.contains("ok     model: mine (yolox), input 416×416"), "{check}");
    let list = text(&site.gateway(&["model", "list"]));
    let line = list.lines().find(|line| line.contains(" mine ")).unwrap_or_else(|| panic!("{list}"));
    assert!(line.starts_with('*') && line.contains("state/models/mine-695e750a5d57.onnx"), "{list}");
    assert!(list.contains("picodet-s-320"), "{list}");
}

#[test]
fn a_model_from_a_web_server_keeps_its_address() {
    let Some(file) = yolox("a_model_from_a_web_server_keeps_its_address") else { return };
    let site = Site::new("served");
    let url = serve(std::fs::read(file).unwrap());
    let added = site.add(&url, "yolox", YOLOX_SHA256, &["--name", "served"]);
    assert!(added.status.success(), "{}", text(&added));
    let check = text(&site.gateway(&["check"]));
    assert!(check.contains("ok     model: served"), "{check}");
    assert!(std::fs::read_to_string(site.state().join("models/models.toml")).unwrap().contains(&url));
}

#[test]
fn what_does_not_open_as_its_family_leaves_nothing_behind() {
    let Some(file) = yolox("what_does_not_open_as_its_family_leaves_nothing_behind") else { return };
    let site = Site::new("mine");
    let classes = site.dir.path().join("classes.txt");
    std::fs::write(&classes, "person\ncar\n").unwrap();
    let cases: [(&str, &str, &[&str], &str); 3] = [
        ("picodet", YOLOX_SHA256, &[], "as picodet"),
        ("yolox", YOLOX_SHA256, &["--classes", classes.to_str().unwrap()], "2 classes"),
        ("yolox", &"0".repeat(64), &[], YOLOX_SHA256),
    ];
    for (family, sha256, options, words) in cases {
        let output = site.add(&file, family, sha256, options);
        assert!(!output.status.success() && text(&output).contains(words), "{}\nshould say {words}", text(&output));
    }
    assert!(!site.state().join("models").exists());
    let check = text(&site.gateway(&["check"]));
    assert!(check.contains("FAULT  model") && check.contains("not in the manifest"), "{check}");
}

/// A configuration that names a model, with a state folder of its own.
struct Site {
    dir: tempfile::TempDir,
}

impl Site {
    fn new(model: &str) -> Site {
        let dir = tempfile::tempdir().unwrap();
        let camera = "[[camera]]\nid = \"gate\"\nurl = \"rtsp://192.0.2.7/\"\n";
        let text = format!("state_dir = \"state\"\n[model]\nname = {model:?}\n{camera}");
        std::fs::write(dir.path().join("gateway.toml"), text).unwrap();
        Site { dir }
    }

    fn state(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    fn add(&self, source: &str, family: &str, sha256: &str, options: &[&str]) -> Output {
        self.gateway(&[&["model", "add", source, "--family", family, "--sha256", sha256], options].concat())
    }

    fn gateway(&self, args: &[&str]) -> Output {
        let config = self.dir.path().join("gateway.toml");
        Command::new(env!("CARGO_BIN_EXE_yiwang-gateway"))
            .args(args)
            .args(["--config", config.to_str().unwrap()])
            .env_remove("http_proxy")
            .output()
            .unwrap()
    }
}

/// One answer over HTTP, at an address of this machine.
fn serve(bytes: Vec<u8>) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/models/served.onnx", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        let mut part = [0; 1024];
        while !request.windows(4).any(|end| end == b"\r\n\r\n") {
            let count = stream.read(&mut part).unwrap();
            assert!(count > 0, "the request broke off");
            request.extend_from_slice(&part[..count]);
        }
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", bytes.len());
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&bytes).unwrap();
    });
    url
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// YOLOX-nano among the assets, or a named skip.
fn yolox(test: &str) -> Option<String> {
    let dir = std::env::var_os("YIWANG_ASSETS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared"), PathBuf::from);
    let file = dir.join("models/yolox_nano_416.onnx");
    if file.is_file() {
        return Some(file.to_str().unwrap().to_owned());
    }
    assert!(std::env::var_os("YIWANG_REQUIRE_ASSETS").is_none(), "{test}: no assets under {}", dir.display());
    eprintln!("SKIPPED {test}: no assets under {}", dir.display());
    None
}
