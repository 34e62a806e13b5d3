//! A clip around an event: the same gate as every picture ([`pictures::permit`]), then one file that holds the clip as its
//! gateway cut and hashed it, and a manifest that says what it is, who took it and why, and where that stands in the record.

use std::net::SocketAddr;

use axum::Extension;
use axum::body::{Body as Content, Bytes};
use axum::extract::{ConnectInfo, Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;
use yiwang_wire::event::Phase;
use yiwang_wire::limits::MAX_CLIP_US;
use yiwang_wire::picture::{CLIP_SHA256, clip_span_us};

use super::AppState;
use super::access::Caller;
use super::error::{ApiError, ErrorBody};
use super::extract::Body;
use super::json::{camera_id, rfc3339, us_from_rfc3339};
use super::pictures::{Wish, permit, unseen};
use super::tar;
use super::working::note_why;
use crate::ledger::{Record, hex};
use crate::pictures::clip::Clip;
use crate::registry::now_us;
use crate::store::{EventQuery, MAX_PAGE, Scope, StoreResult, StoredEvent};

/// After an event that is not over, or never is because it is of a moment.
const AFTER_US: i64 = 10_000_000;
/// An end is looked for so long after the begin: beyond it nothing is kept of either any more.
const END_WITHIN_US: i64 = 3_600_000_000;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(clip))
}

/// Which clip, and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ClipWish {
    /// Why; needed where the camera is another department's.
    #[serde(default)]
    reason: String,
    /// The incident that it is about, where there is one.
    incident: Option<String>,
    /// The event that it is around: from 5 s before its begin to its end, or to 10 s after it where it has none (yet).
    event: Option<String>,
    /// From when, RFC 3339; with `to`, in place of the event's own time.
    from: Option<String>,
    /// Until when.
    to: Option<String>,
}

/// What a camera showed around an event or between two moments, at most 120 s, as far as its gateway keeps it: a tar
/// archive of `manifest.json` and `clip.mp4`. The gateway makes the clip's SHA-256; the hub verifies it before it answers.
#[utoipa::path(post, path = "/api/v1/cameras/{gateway}/{camera}/clip", tag = "pictures",
    params(("gateway" = String, Path), ("camera" = String, Path)), request_body = ClipWish,
    responses((status = 200, content_type = "application/x-tar", body = Vec<u8>), (status = 400, body = ErrorBody),
        (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 503, body = ErrorBody)))]
async fn clip(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path((gateway, camera)): Path<(String, String)>,
    Body(wish): Body<ClipWish>,
) -> Result<Response, ApiError> {
    let around = event(&app, &caller, (&gateway, &camera), wish.event.as_deref()).await?;
    let (from_us, to_us) = span(&wish, around.as_ref())?;
    let asked = json!({
        "from": rfc3339(from_us),
        "to": rfc3339(to_us),
        "event": around.as_ref().map(|around| around.asked.event.id.to_string()),
    });
    let ask = Wish { reason: wish.reason, incident: wish.incident, more: asked };
    let permitted = permit(&app, &caller, peer, (&gateway, &camera), ask, "pictures.clip").await?;
    let clip = app.pictures.clip(&gateway, &camera, from_us, to_us).await.map_err(unseen)?;
    // What took its time may have outlived the right to it.
    let credential = caller.credential.clone();
    let now = app.blocking(move |app| app.access.resolve(&credential, now_us())).await?;
    if !now.is_some_and(|now| now.view.looks(&permitted.department)) {
        return Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "access_ended",
            "You may not look through this camera any longer.",
            "Ask an administrator for a grant of pictures.",
        ));
    }
    let about = camera_id(&gateway, &camera);
    let detail = json!({"asked": permitted.record.seq, "sha256": hex(&clip.begins.sha256), "bytes": clip.file.len()});
    let taken = note_why(&app, &caller, peer, "pictures.clip_taken", &about, None, detail).await?;
    let manifest = json!({
        "clip": of_clip(&clip, (from_us, to_us)),
        "camera": {"gateway": gateway, "camera": camera, "name": permitted.camera_name, "department": permitted.department},
        "event": around.as_ref().map(|around| around.json(&clip)),
        "incident": permitted.record.new.detail["incident"],
        "asked": {
            "by": permitted.record.new.by,
            "department": permitted.record.new.department,
            "why": permitted.record.new.why,
            "at": rfc3339(permitted.record.new.at_us),
        },
        "record": {"asked": place(&permitted.record), "taken": taken.first().map(place)},
    });
    Ok(answer(&camera, manifest, clip))
}

/// The event that a clip is around: what it began with, and its end where it has one.
struct Around {
    asked: StoredEvent,
    begun: Option<StoredEvent>,
    ended: Option<StoredEvent>,
}

impl Around {
    fn span_us(&self) -> (i64, i64) {
        let asked_us = self.asked.event.captured_us;
        let time = |stored: &StoredEvent| stored.event.captured_us;
        // Of one that has ended it is the very span that the gateway hashed.
        let to_us = self.ended.as_ref().map_or(asked_us + AFTER_US, time);
        clip_span_us(self.begun.as_ref().map_or(asked_us, time), to_us)
    }

    /// What is known of it, and whether the clip is the one that the gateway hashed when the event ended.
    fn json(&self, clip: &Clip) -> Value {
        let event = &self.asked.event;
        let mut said = self.ended.iter().flat_map(|ended| &ended.event.attributes);
        let hashed = said.find(|(name, _)| name == CLIP_SHA256).map(|(_, value)| value.as_str());
        json!({
            "id": event.id.to_string(),
            "kind": event.kind,
            "captured": rfc3339(event.captured_us),
            "rule": event.rule,
            CLIP_SHA256: hashed,
            "same_clip": hashed.map(|hashed| hashed == hex(&clip.begins.sha256)),
        })
    }
}

async fn event(
    app: &AppState,
    caller: &Caller,
    (gateway, camera): (&str, &str),
    id: Option<&str>,
) -> Result<Option<Around>, ApiError> {
    let Some(id) = id else { return Ok(None) };
    let id: Uuid = id.parse().map_err(|_| ApiError::not_found("event"))?;
    let found = app.blocking(move |app| {
        let Some(asked) = app.store.event(id)? else { return Ok(None) };
        let begun = asked.event.cause.map(|begun| app.store.event(begun)).transpose()?.flatten();
        let ended = end_of(app, begun.as_ref().unwrap_or(&asked), &asked)?;
        Ok(Some(Around { asked, begun, ended }))
    });
    let own = |stored: &StoredEvent| &*stored.gateway == gateway && stored.event.camera.as_deref() == Some(camera);
    let around = found.await?.filter(|around| own(&around.asked) && caller.view.sees(&around.asked.department));
    let mut around = around.ok_or_else(|| ApiError::not_found("event"))?;
    // A cause is what a gateway says: another camera's event is none.
    around.begun = around.begun.filter(own);
    around.ended = around.ended.filter(own);
    Ok(Some(around))
}

/// The end of an event, of the same camera and kind.
fn end_of(app: &AppState, begun: &StoredEvent, asked: &StoredEvent) -> StoreResult<Option<StoredEvent>> {
    if asked.event.phase == Phase::End {
        return Ok(Some(asked.clone()));
    }
    let event = &begun.event;
    let ends = app.store.events(&EventQuery {
        scope: Scope::Departments(vec![begun.department.to_string()]),
        from_us: Some(event.captured_us),
        to_us: Some(event.captured_us.saturating_add(END_WITHIN_US)),
        gateway: None,
        camera: event.camera.clone().map(|camera| (begun.gateway.to_string(), camera)),
        kind: Some(event.kind.clone()),
        severity: None,
        phase: Some(Phase::End),
        limit: MAX_PAGE,
        after: None,
    })?;
    Ok(ends.events.into_iter().find(|stored| stored.event.cause == Some(event.id)))
}

fn span(wish: &ClipWish, around: Option<&Around>) -> Result<(i64, i64), ApiError> {
    let time = |text: &str| {
        us_from_rfc3339(text)
            .ok_or_else(|| ApiError::bad_request("A time can't be read.", "Give such as 2026-05-01T08:00:00Z."))
    };
    let (from_us, to_us) = match (&wish.from, &wish.to, around) {
        (Some(from), Some(to), _) => (time(from)?, time(to)?),
        (None, None, Some(around)) => around.span_us(),
        _ => return Err(ApiError::bad_request("It isn't said which time.", "Give `event`, or `from` and `to`.")),
    };
    if !(0..=MAX_CLIP_US).contains(&to_us.saturating_sub(from_us)) {
        return Err(ApiError::bad_request(
            format!("A clip lasts 0 to {} s.", MAX_CLIP_US / 1_000_000),
            "Give another `from` or `to`.",
        ));
    }
    Ok((from_us, to_us))
}

fn of_clip(clip: &Clip, (from_us, to_us): (i64, i64)) -> Value {
    let begins = &clip.begins;
    json!({
        "file": "clip.mp4",
        "bytes": clip.file.len(),
        "sha256": hex(&begins.sha256),
        "codec": begins.codec,
        "width_px": begins.width_px,
        "height_px": begins.height_px,
        "pictures": begins.pictures,
        "from": rfc3339(begins.from_us),
        "to": rfc3339(begins.to_us),
        "time_error_ms": begins.time_error_ms,
        "asked_from": rfc3339(from_us),
        "asked_to": rfc3339(to_us),
        // Whether the gateway still kept the beginning of what was asked for.
        "begins_late": begins.from_us > from_us,
    })
}

/// Where something stands in the record.
fn place(record: &Record) -> Value {
    json!({"seq": record.seq, "hash": hex(&record.hash)})
}

fn answer(camera: &str, manifest: Value, clip: Clip) -> Response {
    let from = rfc3339(clip.begins.from_us);
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    let name: String = format!("{camera}-{from}").chars().map(plain).collect();
    let manifest = Bytes::from(format!("{manifest:#}\n"));
    let at_s = u64::try_from(clip.begins.from_us / 1_000_000).unwrap_or(0);
    let pieces = tar::archive(vec![("manifest.json", manifest), ("clip.mp4", clip.file.into())], at_s);
    let bytes: usize = pieces.iter().map(Bytes::len).sum();
    let stream = futures_util::stream::iter(pieces.into_iter().map(Ok::<_, std::convert::Infallible>));
    let mut response = Content::from_stream(stream).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-tar"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes));
    if let Ok(text) = HeaderValue::from_str(&format!("attachment; filename=\"{name}.tar\"")) {
        headers.insert(header::CONTENT_DISPOSITION, text);
    }
    response
}
