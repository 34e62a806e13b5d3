//! `yiwang-gateway model`: a model comes from a file or a web server, and is there by name from then on.
#![allow(clippy::unwrap_used, reason = "helpers of tests, outside of the test functions")]

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The default model, as somebody might bring it under another name.
const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../models/yiwang-city.onnx");
const CLASSES: &str = "person\ntwo_wheeler\ncar\nlarge_vehicle\nbag\n";

#[test]
fn a_model_from_a_file_is_there_by_name_from_then_on() {
    let site = Site::new("mine");
    let options = ["--name", "mine", "--classes", &site.classes(CLASSES)];
    let first = site.add(FILE, "fcos", &sha256(), &options);
    assert!(first.status.success() && text(&first).contains("added mine (fcos, input 384×224)"), "{}", text(&first));
    let manifest = std::fs::read_to_string(site.state().join("models/models.toml")).unwrap();
    let again = site.add(FILE, "fcos", &sha256(), &options);
    assert!(again.status.success(), "{}", text(&again));
    assert_eq!(std::fs::read_to_string(site.state().join("models/models.toml")).unwrap(), manifest);

    let check = text(&site.gateway(&["check"]));
    assert!(check.contains("ok     model: mine (fcos), input 384×224"), "{check}");
    let list = text(&site.gateway(&["model", "list"]));
    let line = list.lines().find(|line| line.contains(" mine ")).unwrap_or_else(|| panic!("{list}"));
    assert!(line.starts_with('*') && line.contains(&format!("state/models/mine-{}.onnx", &sha256()[..12])), "{list}");
    assert!(list.contains("picodet-s-320"), "{list}");
}

#[test]
fn a_model_from_a_web_server_keeps_its_address() {
    let site = Site::new("served");
    let url = serve(std::fs::read(FILE).unwrap());
    let added = site.add(&url, "fcos", &sha256(), &["--classes", &site.classes(CLASSES)]);
    assert!(added.status.success(), "{}", text(&added));
    let check = text(&site.gateway(&["check"]));
    assert!(check.contains("ok     model: served"), "{check}");
    assert!(std::fs::read_to_string(site.state().join("models/models.toml")).unwrap().contains(&url));
}

#[test]
fn what_does_not_open_as_its_family_leaves_nothing_behind() {
    let site = Site::new("mine");
    let classes = site.classes("person\ncar\n");
    let sha256 = sha256();
    let zeros = "0".repeat(64);
    let cases: [(&str, &str, &[&str], &str); 3] = [
        ("picodet", &sha256, &["--name", "mine"], "as picodet"),
        ("fcos", &sha256, &["--classes", &classes], "2 classes"),
        ("fcos", &zeros, &[], &sha256),
    ];
    for (family, sha256, options, words) in cases {
        let output = site.add(FILE, family, sha256, options);
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

    /// A file of class names.
    fn classes(&self, text: &str) -> String {
        let path = self.dir.path().join("classes.txt");
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
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

/// What the manifest says that the file has.
fn sha256() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/manifest.toml");
    let manifest = yiwang_inference::model::Manifest::load(&path).unwrap();
    manifest.models.into_iter().find(|entry| entry.file == "yiwang-city.onnx").unwrap().sha256
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
