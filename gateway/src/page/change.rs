//! What was drawn for a camera: checked as the configuration is, tried on the last minutes, written into the file and
//! brought into force the way a reload does it, and taken back. A change that the gateway refuses is put back at once.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path as FilePath;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use yiwang_inference::analyser::Analyser;
use yiwang_inference::track::TrackerConfig;

use super::Page;
use super::error::PageError;
use super::replay::{self, Trial};
use crate::config::draw::{self, Draft, DrawError};
use crate::config::{self, Camera, Config, Raw};
use crate::control::Order;
use crate::uplink::files;
use crate::{now_us, time_text, with_causes};

/// Whose file was drawn over, and what was drawn.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Drawn {
    revision: String,
    draft: Draft,
}

/// The file as it was before the last save, so that it can be taken back; kept in the state folder.
#[derive(Serialize, Deserialize)]
pub(super) struct Before {
    /// The camera that was changed.
    pub(super) camera: String,
    /// When.
    pub(super) at: String,
    /// Revision of the file as it was saved: any other since then is somebody else's.
    pub(super) after: String,
    text: String,
}

impl Before {
    pub(super) fn load(state_dir: &FilePath) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(state_dir.join("page-undo.json")).ok()?).ok()
    }

    fn keep(&self, state_dir: &FilePath) {
        let kept = serde_json::to_vec(self).map_err(std::io::Error::other);
        if let Err(error) = kept.and_then(|bytes| files::replace(&state_dir.join("page-undo.json"), &bytes, 0o600)) {
            tracing::warn!(%error, "the last save cannot be taken back later: it cannot be noted in the state folder");
        }
    }
}

/// `POST /api/cameras/{camera}/check`: whether it could be saved.
pub(super) async fn check(
    State(page): State<Page>,
    Path(camera): Path<String>,
    Json(drawn): Json<Drawn>,
) -> Result<Json<Value>, PageError> {
    let (_, text, _) = page.checked(&camera, &drawn)?;
    Ok(Json(json!({ "revision": config::revision(&text) })))
}

/// `POST /api/cameras/{camera}/try`: what the last minutes would have been under it, beside what they are now.
pub(super) async fn attempt(
    State(page): State<Page>,
    Path(camera): Path<String>,
    Json(drawn): Json<Drawn>,
) -> Result<Json<Value>, PageError> {
    let (before, after, config) = page.checked(&camera, &drawn)?;
    let window = page.0.windows.get(&camera).ok_or_else(|| PageError::not_found("camera"))?;
    let wanted = trial(&config, &after, &camera)?;
    let now = trial(&page.config(), &before, &camera)?;
    let turn = page.0.trying.clone().acquire_owned().await.map_err(|_| PageError::busy())?;
    let tried = tokio::task::spawn_blocking(move || {
        let (looks, classes) = window.remembered();
        let outcome = replay::replay(&looks, &classes, &wanted).map_err(|error| with_causes(&error))?;
        let usual = replay::replay(&looks, &classes, &now).map_err(|error| with_causes(&error))?;
        drop(turn);
        let mut told = outcome.json();
        told["now"] = json!(usual.begun);
        told["pictures"] = json!(looks.len());
        told["from"] = json!(looks.first().map(|look| time_text(look.capture_us)));
        told["to"] = json!(looks.last().map(|look| time_text(look.capture_us)));
        Ok::<_, String>(told)
    });
    let tried = tried.await.map_err(|error| PageError::failed(error.to_string()))?;
    tried.map(Json).map_err(PageError::invalid)
}

/// `POST /api/cameras/{camera}/save`: into the file, and into force.
pub(super) async fn save(
    State(page): State<Page>,
    Path(camera): Path<String>,
    Json(drawn): Json<Drawn>,
) -> Result<Json<Value>, PageError> {
    let _turn = page.0.saving.lock().await;
    let (before, after, _) = page.checked(&camera, &drawn)?;
    // What somebody has written by hand and not brought into force is not ours to bring along.
    if drawn.revision != page.config().revision {
        return Err(PageError::changed());
    }
    let said = page.bring(&before, &after).await?;
    let revision = config::revision(&after);
    let config = page.config();
    tracing::info!(camera, revision, "a change was saved at the page");
    if before != after {
        Before { camera, at: time_text(now_us()), after: revision.clone(), text: before }.keep(&config.state_dir);
    }
    Ok(Json(json!({ "revision": revision, "said": said })))
}

/// `POST /api/undo`: the file as it was before the last save, if nobody has changed it since.
pub(super) async fn undo(State(page): State<Page>) -> Result<Json<Value>, PageError> {
    let _turn = page.0.saving.lock().await;
    let config = page.config();
    let before = Before::load(&config.state_dir).ok_or_else(PageError::nothing_to_undo)?;
    let text = page.read()?;
    if config::revision(&text) != before.after {
        return Err(PageError::nothing_to_undo());
    }
    let said = page.bring(&text, &before.text).await?;
    let _ = std::fs::remove_file(config.state_dir.join("page-undo.json"));
    let revision = config::revision(&before.text);
    tracing::info!(camera = before.camera, revision, "the last change at the page was taken back");
    Ok(Json(json!({ "revision": revision, "said": said, "camera": before.camera })))
}

/// Points that were marked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Marked {
    position: [f64; 2],
    points: Vec<[f64; 4]>,
}

/// `POST /api/cameras/{camera}/ground`: how well the points tell the ground.
pub(super) async fn ground(Json(marked): Json<Marked>) -> Result<Json<Value>, PageError> {
    super::ground::tried(marked.position, &marked.points).map(Json).map_err(PageError::invalid)
}

impl Page {
    fn read(&self) -> Result<String, PageError> {
        let path = &self.config().path;
        std::fs::read_to_string(path)
            .map_err(|error| PageError::failed(format!("Cannot read {}: {error}.", path.display())))
    }

    /// The file before and after, and the configuration that it would be; the rules are right for the model.
    fn checked(&self, camera: &str, drawn: &Drawn) -> Result<(String, String, Config), PageError> {
        let path = self.config().path.clone();
        let before = self.read()?;
        if config::revision(&before) != drawn.revision {
            return Err(PageError::changed());
        }
        let (after, config) = draw::apply(&before, &path, camera, &drawn.draft).map_err(|error| match error {
            DrawError::NoCamera(_) => PageError::not_found("camera"),
            other => PageError::invalid(with_causes(&other)),
        })?;
        let Camera { rules, calibration, .. } = config.camera(camera).map_err(|e| PageError::invalid(e.to_string()))?;
        let (model, _) = self.0.shown.models.get();
        let classes = &model.info().classes;
        Analyser::calibrated(TrackerConfig::default(), rules.clone(), classes, calibration.clone())
            .map_err(|error| PageError::invalid(with_causes(&error)))?;
        Ok((before, after, config))
    }

    /// Writes the file and reloads; where the gateway does not take it, the file is as it was.
    async fn bring(&self, before: &str, after: &str) -> Result<String, PageError> {
        let config: Arc<Config> = self.config();
        let mode = std::fs::metadata(&config.path).map_or(0o600, |about| about.permissions().mode() & 0o777);
        let write = |text: &str| {
            files::replace(&config.path, text.as_bytes(), mode)
                .map_err(|error| PageError::unwritable(&config.path, &error))
        };
        write(after)?;
        let (send, receive) = oneshot::channel();
        let asked = self.0.orders.send((Order::Reload, send)).await;
        let answer = match asked {
            Ok(()) => receive.await.unwrap_or_else(|_| Err("the gateway ends".into())),
            Err(_) => Err("the gateway ends".into()),
        };
        match answer {
            Ok(said) => Ok(said),
            Err(reason) => {
                write(before)?;
                Err(PageError::invalid(reason))
            }
        }
    }
}

/// The rules, masks and calibration of a camera in a configuration and its text.
fn trial(config: &Config, text: &str, camera: &str) -> Result<Trial, PageError> {
    let raw: Raw = toml::from_str(text).map_err(|error| PageError::invalid(error.message()))?;
    let masks = raw.cameras.iter().find(|raw| raw.id == camera).map(|raw| &raw.masks);
    let Camera { rules, calibration, .. } = config.camera(camera).map_err(|_| PageError::not_found("camera"))?;
    let masks = masks.into_iter().flatten().map(|mask| mask.polygon.clone()).collect();
    Ok(Trial { rules: rules.clone(), calibration: calibration.clone(), masks })
}
