//! `check`: everything that can be known without running; `--live` tries each camera as well. Every line says what is
//! right or what to do.

use std::process::ExitCode;
use std::time::Duration;

use yiwang_inference::rules::Rule;

use super::{ConfigArg, Fault, out};
use crate::camera::{self, TryReport};
use crate::config::{Camera, Config, Secrets};
use crate::model;

/// How long one camera may take to show its first keyframe: two long GOPs.
const LIVE_TIMEOUT: Duration = Duration::from_secs(12);

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    config: ConfigArg,
    /// Try each camera: connect, log in, wait for a keyframe, decode it.
    #[arg(long)]
    live: bool,
}

pub(super) fn main(args: &Args) -> Result<ExitCode, Fault> {
    let config = Config::load(&args.config.config, Secrets::Read)?;
    out(&format!("{}: well-formed, revision {}", config.path.display(), config.revision));
    let mut faults = 0;
    let mut line = |name: &str, result: Result<String, String>| match result {
        Ok(text) => out(&format!("  ok     {name}: {text}")),
        Err(text) => {
            faults += 1;
            out(&format!("  FAULT  {name}: {text}"));
        }
    };
    let opened = model::open(&config.model, &config.state_dir);
    line(
        "model",
        match &opened {
            Ok(model) => {
                let info = model.info();
                Ok(format!("{} ({}), input {}×{}", info.name, info.family, info.input_px.0, info.input_px.1))
            }
            Err(error) => Err(error.to_string()),
        },
    );
    if let Some(candidate) = &config.shadow {
        let opened = model::open(&candidate.model, &config.state_dir);
        let told = |model: std::sync::Arc<_>| format!("{} with {} cores", name(&model), candidate.cores_max);
        line("shadow", opened.map(told).map_err(|error| error.to_string()));
    }
    if config.cameras.is_empty() {
        line("cameras", Err("there is none; add a [[camera]] table".into()));
    }
    // Without the model the class names cannot be held against it; everything else of a rule can.
    let classes = opened.as_ref().map_or_else(|_| yiwang_inference::model::coco80(), |m| m.info().classes.clone());
    for camera in &config.cameras {
        line(&format!("camera {}", camera.id), rules(camera, &classes));
    }
    if args.live {
        for (camera, result) in config.cameras.iter().zip(try_all(&config)?) {
            line(&format!("camera {} live", camera.id), result.map(|report| describe(&report)));
        }
    }
    if faults > 0 {
        out(&format!("{faults} to mend"));
        return Ok(ExitCode::FAILURE);
    }
    out("all good");
    Ok(ExitCode::SUCCESS)
}

fn name(model: &yiwang_inference::model::Model) -> String {
    model.info().name.clone()
}

fn rules(camera: &Camera, classes: &[String]) -> Result<String, String> {
    for table in &camera.rules {
        let rule = yiwang_inference::rules::parse(table.clone(), classes, camera.calibration.is_some())
            .map_err(|e| e.to_string())?;
        can_fire(&*rule, table, camera.analysed_fps)?;
    }
    Ok(match camera.rules.len() {
        0 => "no rules: it will be watched for loss of signal only".into(),
        n => format!("{n} rules"),
    })
}

/// With fewer pictures a second than it needs a rule would keep silent for ever.
fn can_fire(rule: &dyn Rule, table: &toml::Table, analysed_fps: f64) -> Result<(), String> {
    let least_fps = rule.least_fps();
    if analysed_fps >= least_fps {
        return Ok(());
    }
    let text = |key: &str| table.get(key).and_then(toml::Value::as_str);
    let name = text("id").or(text("kind")).unwrap_or_default();
    Err(format!(
        "rule `{name}` can never fire: it needs {least_fps:.1} pictures a second and `analysed_fps` is {analysed_fps}; \
         raise that, or let the rule measure for longer"
    ))
}

/// All at once: a dead camera must not make the technician wait for the living.
fn try_all(config: &Config) -> Result<Vec<Result<TryReport, String>>, Fault> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    Ok(runtime.block_on(async {
        let tries: Vec<_> = config
            .cameras
            .iter()
            .map(|c| c.source.clone())
            .map(|source| tokio::spawn(async move { camera::try_once(&source, LIVE_TIMEOUT).await }))
            .collect();
        let mut results = Vec::with_capacity(tries.len());
        for one in tries {
            results.push(match one.await {
                Ok(result) => result.map_err(|e| e.to_string()),
                Err(error) => Err(format!("the attempt broke off: {error}")),
            });
        }
        results
    }))
}

fn describe(report: &TryReport) -> String {
    let mut text = format!("{:?}", report.codec);
    if let Some((width_px, height_px)) = report.frame_px {
        text += &format!(" {width_px}×{height_px}");
    }
    if let Some(fps) = report.fps {
        text += &format!(", {fps:.1} fps");
    }
    text += &format!(", first keyframe after {} ms", report.first_keyframe_ms);
    match (report.sender_reports, report.clock_offset_ms) {
        (true, Some(offset_ms)) => text += &format!(", its clock is {offset_ms:+} ms off ours"),
        _ => text += ", no sender report yet: arrival time will be used until one comes",
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_speed_that_can_never_be_measured_is_told_before_it_is_waited_for() {
        let at = |rest: &str, fps: f64| {
            let zone = "zone = [[0.1, 0.3], [0.9, 0.3], [0.9, 0.9], [0.1, 0.9]]\nclasses = [\"car\"]";
            let table: toml::Table = format!("{rest}\n{zone}").parse().unwrap();
            let rule = yiwang_inference::rules::parse(table.clone(), &["car".to_owned()], true).unwrap();
            can_fire(&*rule, &table, fps)
        };
        let speed = |rest: &str| format!("kind = \"speed_over\"\nkmh = 50\n{rest}");
        let cases = [("", 5.0, true), ("", 2.0, false), ("seconds = 2", 2.0, true), ("seconds = 0.5", 5.0, false)];
        for (rest, fps, fires) in cases {
            assert_eq!(at(&speed(rest), fps).is_ok(), fires, "{rest} at {fps}");
        }
        let told = at(&speed("id = \"lane\""), 2.0).unwrap_err();
        assert!(told.contains("`lane`") && told.contains("needs 3.0 pictures") && told.contains("is 2;"), "{told}");
        assert!(at("kind = \"loiter\"\nseconds = 0.1", 1.0).is_ok(), "only what needs several pictures");
    }
}
