//! How the cameras are, and how each is configured: its rules, masks and place as the file has them now.

use axum::Json;
use axum::extract::{Path, State};
use serde_json::{Value, json};
use yiwang_inference::rules;

use super::Page;
use super::change::Before;
use super::error::PageError;
use crate::config::{self, Raw};
use crate::{analyse, health, time_text};

/// `GET /api/cameras`: each with its state and the cause in words.
pub(super) async fn list(State(page): State<Page>) -> Json<Value> {
    let (config, shown) = (page.config(), &page.0.shown);
    let (lines, tallies) = (shown.board.snapshot(), shown.tallies.snapshot());
    let cameras: Vec<Value> = config
        .cameras
        .iter()
        .map(|camera| {
            let line = lines.get(&camera.id);
            let decoding = tallies.get(&camera.id).map(|tally| tally.reason().words());
            json!({
                "id": camera.id,
                "name": camera.name,
                "state": line.map_or("starting", |line| line.state.as_str()),
                "cause": line.map(|line| &line.cause),
                "cause_text": line.map(|line| &line.cause_text),
                "since": line.map(|line| time_text(line.since_us)),
                "complete_to": line.and_then(|line| line.complete_to_us).map(time_text),
                "analysed_fps": line.map(|line| (f64::from(line.analysed_fps) * 10.0).round() / 10.0),
                "decoding": decoding.map(|(code, zh, en)| json!({ "code": code, "zh": zh, "en": en })),
                "rules": camera.rules.len(),
                "masked": !camera.mask.is_empty(),
                "calibrated": camera.calibration.is_some(),
            })
        })
        .collect();
    let uplink = shown.uplink.snapshot();
    Json(json!({
        "gateway": shown.gateway,
        "department": shown.department,
        "software": crate::SOFTWARE,
        "revision": config.revision,
        "file": config.path.display().to_string(),
        "hub": { "connected": uplink.connected, "address": uplink.hub, "error": uplink.last_error },
        "analysed_percent_of_due": (shown.share.get() * 100.0).round(),
        "cameras": cameras,
    }))
}

/// `GET /api/kinds`: what can be told, in both languages, and what each kind of rule can be set to.
pub(super) async fn kinds(State(page): State<Page>) -> Json<Value> {
    let schema = rules::schema().to_value();
    let labels: Vec<Value> = analyse::descriptors()
        .into_iter()
        .chain(health::descriptors())
        .map(|kind| json!({ "kind": kind.kind, "zh": kind.label_zh, "en": kind.label_en }))
        .collect();
    let classes = page.0.shown.models.get().0.info().classes.clone();
    let usual: serde_json::Map<String, Value> =
        rules::RULES.iter().map(|rule| (rule.descriptor.kind.to_owned(), json!(rule.classes))).collect();
    Json(json!({ "labels": labels, "rules": schema["oneOf"], "classes": classes, "usual_classes": usual }))
}

/// `GET /api/cameras/{camera}/settings`: what the file says of it now.
pub(super) async fn settings(State(page): State<Page>, Path(camera): Path<String>) -> Result<Json<Value>, PageError> {
    let config = page.config();
    let text = std::fs::read_to_string(&config.path)
        .map_err(|error| PageError::failed(format!("Cannot read {}: {error}.", config.path.display())))?;
    let raw: Raw = toml::from_str(&text).map_err(|error| PageError::invalid(error.message()))?;
    let raw = raw.cameras.into_iter().find(|raw| raw.id == camera).ok_or_else(|| PageError::not_found("camera"))?;
    let revision = config::revision(&text);
    let undo = Before::load(&config.state_dir).filter(|before| before.after == revision);
    let masks: Vec<Value> =
        raw.masks.iter().map(|mask| json!({ "name": mask.name, "polygon": mask.polygon })).collect();
    Ok(Json(json!({
        "revision": revision,
        "in_force": revision == config.revision,
        "rules": raw.rules,
        "masks": masks,
        "position": raw.position,
        "heading_deg": raw.heading_deg,
        "field_of_view_deg": raw.field_of_view_deg,
        "height_m": raw.height_m,
        "tilt_deg": raw.tilt_deg,
        "ground_points": raw.ground_points,
        "undo": undo.map(|before| json!({ "camera": before.camera, "at": before.at })),
    })))
}
