//! What a camera shows now: the picture that was analysed last, and what was made of it. The page asks for the next one
//! while somebody looks; each picture is made a JPEG once for all of them, and none while nobody does.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use yiwang_inference::detect::Detection;
use yiwang_inference::rules::{RuleWatch, Watched};
use yiwang_inference::track::Track;

use super::Page;
use super::error::PageError;
use super::replay::measure;
use crate::analyse::Found;
use crate::analyse::window::Seen;
use crate::decode::jpeg::Jpegs;
use crate::time_text;

/// Wider pictures are shrunk to this width.
const WIDTH_PX_MAX: u32 = 1280;
/// Who waits for a picture hears after this time that there is none: shorter than what counts as looking.
const WAIT: Duration = Duration::from_secs(4);

/// JPEGs of what is looked at, by camera: one a camera.
#[derive(Default)]
pub(super) struct Encoders(Mutex<BTreeMap<String, Arc<Mutex<Encoder>>>>);

#[derive(Default)]
struct Encoder {
    jpegs: Option<Jpegs>,
    last: Option<(u64, Bytes)>,
}

impl Encoders {
    fn of(&self, camera: &str) -> Arc<Mutex<Encoder>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(camera.to_owned()).or_default().clone()
    }

    /// Forgets those of cameras that nobody looks at.
    pub(super) fn tidy(&self, is_watched: impl Fn(&str) -> bool) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|camera, _| is_watched(camera));
    }
}

impl Encoder {
    /// The picture as JPEG; whoever is second gets the same one.
    fn jpeg(&mut self, seen: &Seen) -> Result<Bytes, crate::decode::DecodeError> {
        if let Some((number, jpeg)) = &self.last
            && *number == seen.number
        {
            return Ok(jpeg.clone());
        }
        let picture = seen.planes.i420();
        let jpegs = match self.jpegs.take().filter(|jpegs| jpegs.fits(&picture)) {
            Some(jpegs) => jpegs,
            None => Jpegs::new(seen.planes.size_px(), WIDTH_PX_MAX)?,
        };
        let jpeg = Bytes::from(jpegs.encode(&picture)?);
        self.jpegs = Some(jpegs);
        self.last = Some((seen.number, jpeg.clone()));
        Ok(jpeg)
    }
}

/// Which picture one has.
#[derive(Deserialize)]
pub(super) struct After {
    #[serde(default)]
    after: u64,
}

/// `GET /api/cameras/{camera}/view?after=N`: a line of JSON, then the JPEG; 204 where no newer picture came in time.
pub(super) async fn view(
    State(page): State<Page>,
    Path(camera): Path<String>,
    Query(After { after }): Query<After>,
) -> Result<Response, PageError> {
    let window = page.0.windows.get(&camera).ok_or_else(|| PageError::not_found("camera"))?;
    let mut newest = window.look();
    // A number from before the gateway's start is none of its own.
    let after = if after > *newest.borrow() { 0 } else { after };
    let newer = || window.seen().filter(|seen| seen.number > after);
    let seen = match newer() {
        Some(seen) => seen,
        None => {
            let _ = tokio::time::timeout(WAIT, newest.wait_for(|number| *number > after)).await;
            match newer() {
                Some(seen) => seen,
                None => return Ok(StatusCode::NO_CONTENT.into_response()),
            }
        }
    };
    let (encoder, shown) = (page.0.encoders.of(&camera), seen.clone());
    let encode = move || encoder.lock().unwrap_or_else(PoisonError::into_inner).jpeg(&shown);
    let jpeg = tokio::task::spawn_blocking(encode).await.map_err(|error| PageError::failed(error.to_string()))?;
    let jpeg = jpeg.map_err(|error| PageError::failed(error.to_string()))?;
    let classes = page.0.shown.models.get().0.info().classes.clone();
    let mut bytes = described(&seen, &window.told(), &classes).to_string().into_bytes();
    bytes.push(b'\n');
    bytes.extend_from_slice(&jpeg);
    Ok(([(header::CONTENT_TYPE, "application/octet-stream")], Body::from(bytes)).into_response())
}

fn described(seen: &Seen, told: &[Found], classes: &[String]) -> Value {
    let class = |class: u16| classes.get(usize::from(class)).map_or("", String::as_str);
    let boxes = |found: &Detection| {
        let bbox = found.bbox;
        json!({ "box": [bbox.x0, bbox.y0, bbox.x1, bbox.y1], "class": class(found.class), "score": found.score })
    };
    let track = |track: &Track| {
        let bbox = track.bbox;
        json!({
            "id": track.id, "class": class(track.class), "score": track.score, "predicted": track.predicted,
            "box": [bbox.x0, bbox.y0, bbox.x1, bbox.y1],
        })
    };
    let size_px = seen.planes.size_px();
    json!({
        "number": seen.number,
        "captured": time_text(seen.capture_us),
        "size_px": [size_px.0, size_px.1],
        "boxes": seen.boxes.iter().map(boxes).collect::<Vec<_>>(),
        "tracks": seen.tracks.iter().map(track).collect::<Vec<_>>(),
        "rules": seen.rules.iter().map(watch).collect::<Vec<_>>(),
        "told": told.iter().map(event).collect::<Vec<_>>(),
    })
}

fn watch(rule: &RuleWatch) -> Value {
    let watched = |watched: &Watched| {
        let measures: Vec<Value> = watched.measures.iter().map(measure).collect();
        json!({ "track": watched.track, "standing": watched.standing.as_str(), "measures": measures })
    };
    json!({ "rule": rule.rule, "kind": rule.kind, "watched": rule.watched.iter().map(watched).collect::<Vec<_>>() })
}

fn event(found: &Found) -> Value {
    let event = &found.event;
    let measures = event
        .measures
        .iter()
        .map(|m| json!({ "name": m.name, "value": m.value, "threshold": m.threshold, "unit": m.unit }));
    json!({
        "id": event.id,
        "at": time_text(event.captured_us),
        "kind": event.kind,
        "rule": event.rule,
        "phase": crate::analyse::window::phase_word(event.phase),
        "class": event.subject.as_ref().map(|subject| &subject.class),
        "track": event.subject.as_ref().map(|subject| subject.track),
        "direction": event.direction,
        "measures": measures.collect::<Vec<_>>(),
    })
}
