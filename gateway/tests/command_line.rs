//! The command line as a technician and a script use it: `check`, `schema`, `analyze` on recorded clips.
#![allow(clippy::unwrap_used, reason = "helpers of tests, outside of the test functions")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const PEOPLE: &str = "one-by-one-person-detection";
const CARS: &str = "car-detection";

/// Rules of the truth files beside the clips.
const RULES: &str = r#"
[[camera]]
id = "people"
url = "rtsp://192.0.2.7/stream1"
[[camera.rule]]
id = "table"
kind = "intrusion"
zone = [[0.42, 0.76], [0.74, 0.76], [0.74, 0.96], [0.42, 0.96]]
classes = ["person"]
[[camera.rule]]
id = "loiter_10s"
kind = "loiter"
zone = [[0.42, 0.76], [0.74, 0.76], [0.74, 0.96], [0.42, 0.96]]
seconds = 10
classes = ["person"]
[[camera.rule]]
id = "loiter_14s"
kind = "loiter"
zone = [[0.42, 0.76], [0.74, 0.76], [0.74, 0.96], [0.42, 0.96]]
seconds = 14
classes = ["person"]

[[camera]]
id = "cars"
url = "rtsp://192.0.2.7/stream2"
[[camera.rule]]
id = "mid_line"
kind = "line_cross"
line = [[0.0, 0.5], [1.0, 0.5]]
classes = ["car", "bus", "truck"]
"#;

#[test]
fn every_true_event_of_the_people_clip_is_found_and_at_most_one_false() {
    let Some(assets) = assets("every_true_event_of_the_people_clip_is_found_and_at_most_one_false") else { return };
    let score = score(&assets, "people", PEOPLE);
    assert_eq!(score["total"]["fn"], 0, "{score}");
    assert!(score["total"]["fp"].as_u64().unwrap() <= 1, "{score}");
}

/// Top-down cars are hard for a model trained on street views; what must hold is that none is invented.
#[test]
fn no_car_is_invented_in_the_clip_from_above() {
    let Some(assets) = assets("no_car_is_invented_in_the_clip_from_above") else { return };
    let score = score(&assets, "cars", CARS);
    assert!(score["total"]["fp"].as_u64().unwrap() <= 1, "{score}");
}

#[test]
fn two_runs_over_a_clip_print_the_same_and_every_line_says_what_is_promised() {
    let name = "two_runs_over_a_clip_print_the_same_and_every_line_says_what_is_promised";
    let Some(assets) = assets(name) else { return };
    let first = analyze(&assets, "people", PEOPLE, "jsonl");
    assert_eq!(first, analyze(&assets, "people", PEOPLE, "jsonl"));
    let mut begun = std::collections::BTreeSet::new();
    for line in first.lines() {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        let keys = ["kind", "rule", "phase", "media_time_s", "class", "direction", "track", "x", "y"];
        for key in keys {
            assert!(event.get(key).is_some(), "{key} is missing in {line}");
        }
        match event["phase"].as_str().unwrap() {
            "begin" => assert!(begun.insert(event["id"].to_string())),
            _ => assert!(begun.contains(&event["cause"].to_string()), "no begin for {line}"),
        }
    }
    assert!(!begun.is_empty());
}

#[test]
fn the_page_about_a_clip_is_whole_by_itself_and_tells_of_every_rule() {
    let Some(assets) = assets("the_page_about_a_clip_is_whole_by_itself_and_tells_of_every_rule") else { return };
    let page = analyze(&assets, "people", PEOPLE, "html");
    assert!(page.starts_with("<!doctype html>") && page.trim_end().ends_with("</html>"), "{:.200}", page);
    for words in ["Timeline", "table", "loiter_10s", "loiter_14s", "data:image/jpeg;base64,"] {
        assert!(page.contains(words), "{words}");
    }
    for outside in ["src=\"http", "href=\"http", "@import", "url(http"] {
        assert!(!page.contains(outside), "it asks for {outside}");
    }
}

#[test]
fn a_fault_in_the_configuration_is_named_with_its_line_and_a_suggestion() {
    let dir = tempfile::tempdir().unwrap();
    let file = config(dir.path(), "[[camera]]\nid = \"gate\"\nurl = \"rtsp://192.0.2.7/\"\nanalyzed_fps = 5\n");
    let output = gateway(&["check", "--config", file.to_str().unwrap()]);
    let text = text(&output);
    assert!(!output.status.success());
    assert!(text.contains("gateway.toml:4: unknown key `analyzed_fps`; did you mean `analysed_fps`?"), "{text}");
}

#[test]
fn a_live_check_says_of_each_camera_why_it_fails() {
    let dir = tempfile::tempdir().unwrap();
    // A port that was free a moment ago refuses.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let file = config(
        dir.path(),
        &format!(
            "[[camera]]\nid = \"off\"\nurl = \"rtsp://127.0.0.1:{port}/x\"\n\
             [[camera]]\nid = \"gone\"\nurl = \"file:///nowhere/clip.mp4\"\n"
        ),
    );
    let output = gateway(&["check", "--live", "--config", file.to_str().unwrap()]);
    let text = text(&output);
    assert!(!output.status.success());
    for (camera, words) in [("camera off live", "refuse"), ("camera gone live", "clip.mp4")] {
        let line = text.lines().find(|l| l.contains(camera)).unwrap_or_else(|| panic!("no line of {camera} in {text}"));
        assert!(line.contains("FAULT") && line.contains(words), "{line}");
    }
}

#[test]
fn the_schema_knows_cameras_and_every_rule() {
    let output = gateway(&["schema"]);
    let schema: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let all = schema.to_string();
    let rules = yiwang_inference::rules::RULES.iter().map(|rule| rule.descriptor.kind);
    for word in rules.chain(["analysed_fps"]) {
        assert!(all.contains(word), "{word} is not in the schema");
    }
}

#[test]
fn the_default_model_opens_without_being_named_and_takes_every_rule() {
    let dir = tempfile::tempdir().unwrap();
    let rule =
        "[[camera.rule]]\nkind = \"line_cross\"\nline = [[0.0, 0.5], [1.0, 0.5]]\nclasses = [\"bicycle\", \"bag\"]\n";
    let file = config(dir.path(), &format!("[model]\nmanifest = {:?}\n{RULES}{rule}", repository("manifest.toml")));
    let output = gateway(&["check", "--config", file.to_str().unwrap()]);
    let text = text(&output);
    assert!(text.contains("ok     model: yiwang-city-384 (fcos), input 384×224"), "{text}");
    assert!(text.contains("ok     camera people: 3 rules") && text.contains("ok     camera cars: 2 rules"), "{text}");
}

#[test]
fn a_model_with_the_wrong_hash_or_none_at_all_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let model = repository("yiwang-city.onnx");
    let cases = [
        (format!("file = {model:?}\nfamily = \"fcos\"\nsha256 = \"00\""), "SHA-256"),
        (format!("file = {model:?}\nfamily = \"fco\""), "fcos"),
        (format!("file = {model:?}\nfamily = \"picodet\""), "picodet"),
        ("file = \"/nowhere/m.onnx\"\nfamily = \"yolox\"".to_owned(), "/nowhere/m.onnx"),
    ];
    for (model, words) in cases {
        let file = config(dir.path(), &format!("[model]\n{model}\n{RULES}"));
        let output = gateway(&["check", "--config", file.to_str().unwrap()]);
        let text = text(&output);
        assert!(!output.status.success(), "{text}");
        let line = text.lines().find(|l| l.contains("FAULT  model")).unwrap_or_else(|| panic!("{text}"));
        assert!(line.contains(words), "{line}\nshould say {words}");
    }
}

/// What the repository has of models.
fn repository(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models").join(file)
}

fn score(assets: &Path, camera: &str, clip: &str) -> serde_json::Value {
    let dir = tempfile::tempdir().unwrap();
    let found = dir.path().join("found.jsonl");
    std::fs::write(&found, analyze(assets, camera, clip, "score")).unwrap();
    let output = Command::new("python3")
        .arg(assets.join("clips/score.py"))
        .arg(&found)
        .arg(assets.join(format!("clips/{clip}.json")))
        .arg("--json")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn analyze(assets: &Path, camera: &str, clip: &str, format: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    let file = config(dir.path(), RULES);
    let clip = assets.join(format!("clips/{clip}.mp4"));
    let model = assets.join("models/yolox_nano_416.onnx");
    let output = gateway(&[
        "analyze",
        "--config",
        file.to_str().unwrap(),
        "--camera",
        camera,
        "--input",
        clip.to_str().unwrap(),
        "--model",
        model.to_str().unwrap(),
        "--family",
        "yolox",
        "--format",
        format,
    ]);
    assert!(output.status.success(), "{}", text(&output));
    String::from_utf8(output.stdout).unwrap()
}

fn config(dir: &Path, text: &str) -> PathBuf {
    let file = dir.join("gateway.toml");
    std::fs::write(&file, text).unwrap();
    file
}

fn gateway(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_yiwang-gateway")).args(args).output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// The folder of clips and models, or a named skip.
fn assets(test: &str) -> Option<PathBuf> {
    let dir = std::env::var_os("YIWANG_ASSETS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared"), PathBuf::from);
    if dir.join("clips").is_dir() && dir.join("models").is_dir() {
        return Some(dir);
    }
    assert!(std::env::var_os("YIWANG_REQUIRE_ASSETS").is_none(), "{test}: no assets under {}", dir.display());
    eprintln!("SKIPPED {test}: no assets under {}", dir.display());
    None
}
