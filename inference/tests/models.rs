//! Opening and running the real models: each family reads its own file, and what is wrong with a file is said.

#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::{path::Path, sync::Arc};

use yiwang_inference::model::{Model, ModelError, ModelSpec, Runtime};

#[test]
fn every_family_finds_the_person_in_a_real_picture() {
    let Some(assets) = support::assets("every_family_finds_the_person_in_a_real_picture") else { return };
    for name in ["yolox-nano-416", "picodet-s-320", "nanodet-m-416"] {
        let model = support::open(&assets, name);
        let mut clip = support::Clip::open(&assets.join("clips/one-by-one-person-detection.mp4"), (768, 432));
        let mut tensor = model.tensor();
        assert!(matches!(model.detect(&tensor), Err(ModelError::Unprepared { .. })));
        for _ in 0..300 {
            clip.next().unwrap();
        }
        // Person 2 stands at the table from 24.1 s to 43.9 s, with the feet in the zone of the truth file.
        model.prepare(&clip.next().unwrap(), 0, &mut tensor).unwrap();
        let found = model.detect(&tensor).unwrap();
        let best = found.iter().find(|detection| detection.class == 0).unwrap();
        let foot = best.bbox.bottom_centre();
        assert!(best.score > 0.5, "{name}: {best:?}");
        assert!((0.42..0.74).contains(&foot.x) && (0.74..0.98).contains(&foot.y), "{name}: {best:?}");
        assert!(found.windows(2).all(|pair| pair[0].score >= pair[1].score), "best first");
    }
}

#[test]
fn a_session_is_shared_by_cameras_and_gives_each_the_same_answer() {
    let Some(assets) = support::assets("a_session_is_shared_by_cameras_and_gives_each_the_same_answer") else { return };
    let model = Arc::new(support::open(&assets, "yolox-nano-416"));
    let cameras: Vec<_> = (0..4)
        .map(|_| {
            let (model, clip) = (Arc::clone(&model), assets.join("clips/car-detection.mp4"));
            std::thread::spawn(move || {
                let mut clip = support::Clip::open(&clip, (768, 432));
                let mut tensor = model.tensor();
                (0..3)
                    .map(|_| {
                        model.prepare(&clip.next().unwrap(), 0, &mut tensor).unwrap();
                        model.detect(&tensor).unwrap()
                    })
                    .collect::<Vec<_>>()
            })
        })
        .collect();
    let answers: Vec<_> = cameras.into_iter().map(|camera| camera.join().unwrap()).collect();
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn what_is_wrong_with_a_model_is_said_with_what_to_do() {
    let Some(assets) = support::assets("what_is_wrong_with_a_model_is_said_with_what_to_do") else { return };
    let runtime = Runtime::find(None).unwrap();
    let yolox = assets.join("models/yolox_nano_416.onnx");
    let folder = tempfile::tempdir().unwrap();
    let damaged = folder.path().join("damaged.onnx");
    std::fs::write(&damaged, b"not a model").unwrap();
    let spec =
        |path: &Path, family: &str| ModelSpec { path: path.into(), family: family.into(), ..ModelSpec::default() };
    let yolox_spec = || spec(&yolox, "yolox");
    let cases: Vec<(&str, ModelSpec, &[&str])> = vec![
        ("missing", spec(Path::new("/nowhere/m.onnx"), "yolox"), &["/nowhere/m.onnx", "manifest"]),
        ("damaged", spec(&damaged, "yolox"), &["damaged.onnx", "ONNX"]),
        (
            "wrong hash",
            ModelSpec { sha256: Some("00".repeat(32)), ..yolox_spec() },
            &["695e750a", "fetch the file again"],
        ),
        ("unknown family", spec(&yolox, "yolo"), &["did you mean `yolox`?"]),
        ("another family", spec(&yolox, "picodet"), &["as picodet", "outputs", "choose the family"]),
        (
            "other classes",
            ModelSpec { classes: Some(vec!["person".into()]), ..yolox_spec() },
            &["3549, 85", "1 classes"],
        ),
        ("other input", ModelSpec { input_px: Some((640, 640)), ..yolox_spec() }, &["416x416", "640x640"]),
    ];
    for (name, spec, parts) in cases {
        let error = Model::open(&runtime, &spec).expect_err(name).to_string();
        for part in parts {
            assert!(error.contains(part), "{name}: {error}\nlacks {part}");
        }
    }
}
