//! Pictures on request: a person with the right asks, why where it is another department's camera, that goes into the
//! record, and only then the gateway is asked. Nothing of a picture is kept here. `watching` is who watches live, `clips`
//! what was.

use std::net::SocketAddr;

use axum::Extension;
use axum::extract::{ConnectInfo, Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use yiwang_wire::picture::NoPicture;

use super::AppState;
use super::access::Caller;
use super::error::{ApiError, ErrorBody};
use super::extract::Body;
use super::json::{camera_id, rfc3339};
use super::watching;
use super::working::note_why;
use crate::ledger::Record;
use crate::pictures::Unseen;
use crate::share::Denial;

/// Longest reason, characters.
const MAX_REASON: usize = 500;
/// Widest still that is asked for.
const WIDTH_PX: u32 = 1920;

/// When the picture was taken, RFC 3339.
const CAPTURED: HeaderName = HeaderName::from_static("x-captured");
/// How old it was when it left the gateway, milliseconds, by the gateway's own clock.
const AGE_MS: HeaderName = HeaderName::from_static("x-age-ms");
/// `1` where parts of it are masked.
const MASKED: HeaderName = HeaderName::from_static("x-masked");

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(still)).routes(routes!(live))
}

/// Why somebody looks.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LookWish {
    /// Why; needed where the camera is another department's.
    #[serde(default)]
    reason: String,
    /// The incident that it is about, where there is one.
    incident: Option<String>,
    /// A wider picture is shrunk at the edge; 1920 where it is left out.
    width_px: Option<u32>,
}

/// The newest picture of a camera, as JPEG, masks black. `x-captured`, `x-age-ms` and `x-masked` say what it shows.
#[utoipa::path(post, path = "/api/v1/cameras/{gateway}/{camera}/still", tag = "pictures",
    params(("gateway" = String, Path), ("camera" = String, Path)), request_body = LookWish,
    responses((status = 200, content_type = "image/jpeg", body = Vec<u8>), (status = 400, body = ErrorBody),
        (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 503, body = ErrorBody)))]
async fn still(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path((gateway, camera)): Path<(String, String)>,
    Body(wish): Body<LookWish>,
) -> Result<(HeaderMap, Vec<u8>), ApiError> {
    let width_px = wish.width_px.unwrap_or(WIDTH_PX).min(WIDTH_PX);
    permit(&app, &caller, peer, (&gateway, &camera), wish.into(), "pictures.still").await?;
    let still = app.pictures.still(&gateway, &camera, width_px).await.map_err(unseen)?;
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("image/jpeg"));
    headers.insert(AGE_MS, HeaderValue::from((still.sent_us - still.captured_us).max(0) / 1000));
    headers.insert(MASKED, HeaderValue::from(u16::from(still.masked)));
    if let Ok(text) = HeaderValue::from_str(&rfc3339(still.captured_us)) {
        headers.insert(CAPTURED, text);
    }
    Ok((headers, still.jpeg))
}

/// Live video of a camera, as records of a length (u32, big endian), a letter and what it names, until the client leaves:
/// `i` a codec (its length, its name) and what a player needs first; `m` whether it is a keyframe (one byte), when it was
/// taken (i64, microseconds since 1970), its age in milliseconds when it came to the hub (u32), and a fragment of MP4;
/// `h` nothing came for a second; `e` the end, `code` and `message` as JSON.
#[utoipa::path(post, path = "/api/v1/cameras/{gateway}/{camera}/live", tag = "pictures",
    params(("gateway" = String, Path), ("camera" = String, Path)), request_body = LookWish,
    responses((status = 200, content_type = "application/octet-stream", body = Vec<u8>),
        (status = 400, body = ErrorBody), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
        (status = 503, body = ErrorBody)))]
async fn live(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path((gateway, camera)): Path<(String, String)>,
    Body(wish): Body<LookWish>,
) -> Result<Response, ApiError> {
    let permitted = permit(&app, &caller, peer, (&gateway, &camera), wish.into(), "pictures.live").await?;
    let viewer = app.pictures.live(&gateway, &camera).map_err(unseen)?;
    watching::respond(app, caller, permitted.department, viewer).await
}

/// What goes into the record of somebody who looks.
pub(super) struct Wish {
    pub(super) reason: String,
    pub(super) incident: Option<String>,
    /// An object: what else is to stand there.
    pub(super) more: Value,
}

impl From<LookWish> for Wish {
    fn from(wish: LookWish) -> Self {
        Self { reason: wish.reason, incident: wish.incident, more: json!({}) }
    }
}

/// Somebody who may look, and that they do.
pub(super) struct Permitted {
    pub(super) department: String,
    pub(super) camera_name: String,
    pub(super) record: Record,
}

/// Lets a person look, or says why not; that they look stands in the record before anything is asked of the gateway.
pub(super) async fn permit(
    app: &AppState,
    caller: &Caller,
    peer: SocketAddr,
    (gateway, camera): (&str, &str),
    wish: Wish,
    what: &'static str,
) -> Result<Permitted, ApiError> {
    let (of, named) = (gateway.to_owned(), camera.to_owned());
    let found = app.blocking(move |app| {
        Ok(app.store.cameras()?.into_iter().find(|one| one.present && one.gateway == of && one.info.id == named))
    });
    let found = found.await?.filter(|camera| caller.view.sees(&camera.department));
    let Some((department, camera_name)) = found.map(|camera| (camera.department, camera.info.name)) else {
        return Err(ApiError::not_found("camera"));
    };
    if !caller.view.looks(&department) {
        return Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "pictures_not_granted",
            "Your department may see this camera's events, not its pictures.",
            "Ask an administrator for a grant of pictures.",
        ));
    }
    let (reason, crosses) = (wish.reason.trim().to_owned(), caller.principal.department() != department);
    if crosses && reason.is_empty() {
        return Err(ApiError::new(
            StatusCode::BAD_REQUEST,
            "reason_needed",
            "This camera is another department's: say why you look.",
            "Send `reason`; it goes into the record.",
        ));
    }
    if reason.chars().count() > MAX_REASON {
        return Err(ApiError::bad_request(
            format!("The reason is longer than {MAX_REASON} characters."),
            "Shorten it.",
        ));
    }
    let why = (!reason.is_empty()).then_some(reason);
    let mut detail = json!({"camera": camera, "gateway": gateway, "of": department, "incident": wish.incident});
    if let (Some(detail), Value::Object(mut more)) = (detail.as_object_mut(), wish.more) {
        detail.append(&mut more);
    }
    let records = note_why(app, caller, peer, what, &camera_id(gateway, camera), why, detail).await?;
    // A program has no name that could stand in the record, so it sees no pictures.
    let record = records.into_iter().next().ok_or(Denial::Forbidden)?;
    Ok(Permitted { department, camera_name, record })
}

pub(super) fn unseen(unseen: Unseen) -> ApiError {
    let text = unseen.to_string();
    let unavailable = |code, next: &str| ApiError::new(StatusCode::SERVICE_UNAVAILABLE, code, sentence(&text), next);
    match unseen {
        Unseen::Offline => unavailable("gateway_offline", "It is asked again when it is connected; see its state."),
        Unseen::Old => unavailable("gateway_too_old", "Update the gateway."),
        Unseen::Busy | Unseen::Full => ApiError::busy(sentence(&text)),
        Unseen::Late => unavailable("gateway_late", "The line may be thin: try again."),
        Unseen::Broken(_) => unavailable("answer_broken", "Try again."),
        Unseen::None { cause, exactly } => {
            let status = match cause {
                NoPicture::UnknownCamera => StatusCode::NOT_FOUND,
                NoPicture::SwitchedOff | NoPicture::Masked => StatusCode::FORBIDDEN,
                _ => StatusCode::SERVICE_UNAVAILABLE,
            };
            let message = if exactly.is_empty() { text } else { format!("{text} ({exactly})") };
            ApiError::new(status, cause.as_str(), message, cause.next())
        }
    }
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| format!("{}{}.", first.to_uppercase(), letters.as_str()))
}
