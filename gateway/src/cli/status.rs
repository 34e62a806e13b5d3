//! `status`: how the gateway that runs and its cameras are, in a screen; `--json` gives all of it.

use std::process::ExitCode;

use serde_json::Value;

use super::{ConfigArg, Fault, out};
use crate::config::{Config, Secrets};
use crate::control::{self, Order};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    config: ConfigArg,
    /// Everything, as `/status` gives it.
    #[arg(long)]
    json: bool,
}

pub(super) fn main(args: &Args) -> Result<ExitCode, Fault> {
    let config = Config::load(&args.config.config, Secrets::Skip)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let answer = runtime.block_on(control::ask(&config.state_dir, Order::Status))?;
    let status: Value = serde_json::from_str(&answer)?;
    if args.json {
        out(&serde_json::to_string_pretty(&status)?);
    } else {
        lines(&status).iter().for_each(|line| out(line));
    }
    Ok(ExitCode::SUCCESS)
}

/// The status in lines.
fn lines(status: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or("–").to_owned();
    let uplink = &status["uplink"];
    let hub = match uplink["connected"].as_bool() {
        Some(true) => format!("connected to {}", text(&uplink["hub"])),
        _ => format!("not connected: {}", text(&uplink["last_error"])),
    };
    let mut lines = vec![
        format!("{}, configuration {}", text(&status["software"]), text(&status["config_revision"])),
        format!("hub: {hub}; {} events wait", status["spool"]["events"]),
        format!(
            "processor: {} cores, {} % of what is due is analysed",
            status["processor"]["cores_used"], status["processor"]["analysed_percent_of_due"]
        ),
    ];
    lines.push(format!("model: {}", text(&status["model"]["name"])));
    lines.extend(shadow(&status["shadow"]));
    for camera in status["cameras"].as_array().into_iter().flatten() {
        let state = match camera["state"].as_str() {
            Some("ok") => {
                format!("{} pictures/s analysed, {}", camera["analysed_fps"], text(&camera["decoding"]["why_en"]))
            }
            _ => text(&camera["cause_text"]),
        };
        lines.push(format!("  {:<8} {}: {state}", text(&camera["state"]), text(&camera["id"])));
    }
    lines
}

/// What a candidate sees beside the model in force.
fn shadow(shadow: &Value) -> Vec<String> {
    let Some(classes) = shadow["classes"].as_object() else { return Vec::new() };
    let mut lines = vec![format!(
        "candidate: {} since {}, {} pictures compared, {} left out, {} ms each, {} of {} cores",
        shadow["candidate"].as_str().unwrap_or("–"),
        shadow["since"].as_str().unwrap_or("–"),
        shadow["pictures_compared"],
        shadow["pictures_left_out"],
        shadow["inference_ms"],
        shadow["cores_used"],
        shadow["cores_max"],
    )];
    lines.push(format!("  {:<16} {:>9} {:>14} {:>16}", "class", "both see", "only current", "only candidate"));
    lines.extend(classes.iter().map(|(class, seen)| {
        format!(
            "  {class:<16} {:>9} {:>14} {:>16}",
            seen["both"].as_u64().unwrap_or(0),
            seen["current_only"].as_u64().unwrap_or(0),
            seen["candidate_only"].as_u64().unwrap_or(0)
        )
    }));
    lines.push("  then: yiwang-gateway model promote, or model discard".into());
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_camera_is_a_line_that_says_what_it_does_or_lacks() {
        let status = serde_json::json!({
            "software": "yiwang-gateway 0.1.0", "config_revision": "0123456789ab",
            "uplink": { "connected": false, "last_error": "not joined" },
            "spool": { "events": 7 }, "processor": { "cores_used": 0.5, "analysed_percent_of_due": 100.0 },
            "model": { "name": "m" },
            "shadow": { "candidate": "n", "classes": { "person": { "both": 7, "current_only": 1 } } },
            "cameras": [
                { "id": "east", "state": "ok", "analysed_fps": 5.0, "decoding": { "why_en": "something moves" } },
                { "id": "west", "state": "down", "cause_text": "refused" },
            ],
        });
        let lines = lines(&status);
        assert!(lines[1].contains("not joined; 7 events wait"), "{lines:?}");
        assert_eq!(lines[3], "model: m");
        assert!(lines[4].starts_with("candidate: n since") && lines[6].contains("person"), "{lines:?}");
        assert_eq!(lines[8], "  ok       east: 5.0 pictures/s analysed, something moves");
        assert_eq!(lines[9], "  down     west: refused");
    }
}
