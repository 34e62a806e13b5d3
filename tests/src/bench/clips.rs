//! The real clips through a model, as a gateway would take them, against their own truth.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

use serde::Deserialize;
use yiwang_inference::analyser::Analyser;
use yiwang_inference::model::Model;
use yiwang_inference::picture::I420;
use yiwang_inference::rules::RuleEvent;
use yiwang_inference::track::TrackerConfig;

use super::Report;
use crate::assets;
use crate::link::LinkError;
use crate::truth::{Happening, Truth, compare, direction_of};

/// Clip, and what its figures are called.
const CLIPS: [(&str, &str); 2] = [("one-by-one-person-detection", "person"), ("car-detection", "car")];
/// Pictures analysed a second.
const ANALYSED_FPS: f64 = 5.0;

/// What a truth file says of its clip's pictures.
#[derive(Deserialize)]
struct Pictures {
    fps: f64,
    width: usize,
    height: usize,
}

#[derive(Deserialize)]
struct Rules {
    camera: CameraRules,
}

#[derive(Deserialize)]
struct CameraRules {
    rule: Vec<toml::Table>,
}

/// Adds the figures of both clips; nothing where there are none.
#[allow(clippy::cast_precision_loss, reason = "small numbers")]
pub(super) fn tell(report: &mut Report, prefix: &str, model: &Model) -> Result<(), LinkError> {
    let folder = assets::root().join("clips");
    if !folder.is_dir() {
        return Ok(());
    }
    let (mut right, mut missing, mut wrong) = (0, 0, 0);
    for (clip, what) in CLIPS {
        let truth = Truth::load(&folder.join(format!("{clip}.json")))?;
        let found = watch(model, &folder, clip)?;
        let outcome = compare(&found, &truth.expected(0), truth.tolerance_us());
        let (here, lost, false_) = (outcome.pairs.len(), outcome.missing.len(), outcome.unmatched.len());
        let f1 = 2.0 * here as f64 / (2 * here + lost + false_).max(1) as f64;
        let name = &model.info().name;
        let beside = format!("{here} found, {lost} missing, {false_} not true");
        report.add(&format!("{prefix}real_{what}_f1"), &format!("{name}: F1 on {clip}"), f1, "", &beside);
        (right, missing, wrong) = (right + here, missing + lost, wrong + false_);
    }
    let f1 = 2.0 * f64::from(u32::try_from(right)?) / (2 * right + missing + wrong).max(1) as f64;
    let beside = format!("{right} found, {missing} missing, {wrong} not true");
    report.add(&format!("{prefix}real_clip_f1"), &format!("{}: F1 on both clips", model.info().name), f1, "", &beside);
    Ok(())
}

/// What the rules of the demo tell of a clip.
fn watch(model: &Model, folder: &Path, clip: &str) -> Result<Vec<Happening>, LinkError> {
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/demo-rules").join(format!("{clip}.toml"));
    let rules: Rules = toml::from_str(&std::fs::read_to_string(rules)?)?;
    let rules = rules.camera.rule;
    let pictures: Pictures = serde_json::from_str(&std::fs::read_to_string(folder.join(format!("{clip}.json")))?)?;
    let mut analyser = Analyser::new(TrackerConfig::default(), rules, &model.info().classes)?;
    let (mut tensor, mut made, mut due, mut last_us) = (model.tensor(), Vec::new(), 0, 0);
    let mut child = Command::new("gst-launch-1.0")
        .args(["-q", "filesrc", &format!("location={}", folder.join(format!("{clip}.mp4")).display())])
        .args("! decodebin ! videoconvert ! video/x-raw,format=I420 ! fdsink fd=1".split(' '))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let mut stdout = child.stdout.take().ok_or("gst-launch-1.0 has no output")?;
    let Pictures { fps, width, height } = pictures;
    let mut bytes = vec![0; width * height * 3 / 2];
    for index in 0i32.. {
        if stdout.read_exact(&mut bytes).is_err() {
            break;
        }
        let t_s = f64::from(index) / fps;
        if t_s * ANALYSED_FPS + 1e-6 < f64::from(due) {
            continue;
        }
        due = (t_s * ANALYSED_FPS + 1e-6).floor() as i32 + 1;
        last_us = (t_s * 1e6).round() as i64;
        model.prepare(&view(&bytes, width, height)?, last_us, &mut tensor)?;
        made.extend(analyser.observe(last_us, &model.detect(&mut tensor)?));
    }
    child.wait()?;
    made.extend(analyser.finish(last_us));
    if due < 100 {
        return Err(format!("hardly a picture came out of {clip}").into());
    }
    Ok(made.iter().filter_map(happening).collect())
}

fn view(bytes: &[u8], width: usize, height: usize) -> Result<I420<'_>, LinkError> {
    let (y, chroma) = bytes.split_at(width * height);
    let (u, v) = chroma.split_at(width * height / 4);
    let (width_px, height_px) = (u32::try_from(width)?, u32::try_from(height)?);
    Ok(I420 { width_px, height_px, y, y_stride: width, u, u_stride: width / 2, v, v_stride: width / 2 })
}

fn happening(event: &RuleEvent) -> Option<Happening> {
    let direction = direction_of(event.kind, event.phase.as_str(), event.direction)?;
    Some(Happening { rule: event.rule.clone(), direction, at_us: event.media_time_us, optional: false })
}
