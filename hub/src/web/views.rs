//! What is there and what happened: departments, gateways, cameras, kinds, events. Every list is cut to the caller's view.

use std::collections::HashMap;

use axum::extract::{Path, State};
use axum::{Extension, Json};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::access::Caller;
use super::error::{ApiError, ErrorBody};
use super::extract::Params;
use super::{AppState, json};
use crate::registry::now_us;
use crate::store::{EventQuery, MAX_PAGE, PageCursor, parse_event_id};

/// Events of a page where the request names no number.
const PAGE: usize = 100;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(departments))
        .routes(routes!(gateways))
        .routes(routes!(cameras))
        .routes(routes!(kinds))
        .routes(routes!(events))
        .routes(routes!(event))
}

/// Departments in view.
#[utoipa::path(get, path = "/api/v1/departments", tag = "registry",
    responses((status = 200, body = json::Departments), (status = 401, body = ErrorBody)))]
async fn departments(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<json::Departments>, ApiError> {
    let departments = app.blocking(|app| app.store.departments()).await?;
    let seen = departments.into_iter().filter(|d| caller.view.sees(&d.id));
    Ok(Json(json::Departments {
        departments: seen.map(|d| json::Department { name: d.id.clone(), id: d.id }).collect(),
    }))
}

/// Gateways in view, and how they are now.
#[utoipa::path(get, path = "/api/v1/gateways", tag = "registry",
    responses((status = 200, body = json::Gateways), (status = 401, body = ErrorBody)))]
async fn gateways(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<json::Gateways>, ApiError> {
    let gateways = app
        .blocking(move |app| {
            let presence = app.presence.snapshot();
            let counts = app.store.camera_counts()?;
            let now_us = now_us();
            let seen = app.store.gateways()?.into_iter().filter(|g| caller.view.sees(&g.department));
            let shown = seen.map(|gateway| {
                let (here, cameras) = (presence.get(&gateway.id), counts.get(&gateway.id).copied().unwrap_or(0));
                json::gateway(gateway, here, cameras, now_us)
            });
            Ok(shown.collect())
        })
        .await?;
    Ok(Json(json::Gateways { gateways }))
}

/// Cameras in view, and how they are now. Those that their gateway no longer names are left out.
#[utoipa::path(get, path = "/api/v1/cameras", tag = "registry",
    responses((status = 200, body = json::Cameras), (status = 401, body = ErrorBody)))]
async fn cameras(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<json::Cameras>, ApiError> {
    let cameras = app
        .blocking(move |app| {
            let presence = app.presence.snapshot();
            let now_us = now_us();
            let gateways: HashMap<String, json::Gateway> = app
                .store
                .gateways()?
                .into_iter()
                .map(|g| (g.id.clone(), json::gateway(g.clone(), presence.get(&g.id), 0, now_us)))
                .collect();
            let seen = app.store.cameras()?.into_iter().filter(|c| c.present && caller.view.sees(&c.department));
            let shown = seen.map(|camera| {
                let (gateway, here) = (gateways.get(&camera.gateway), presence.get(&camera.gateway));
                json::camera(camera, gateway, here)
            });
            Ok(shown.collect())
        })
        .await?;
    Ok(Json(json::Cameras { cameras }))
}

/// Kinds of events: what they are called and how urgent they are. The same for everybody.
#[utoipa::path(get, path = "/api/v1/kinds", tag = "events",
    responses((status = 200, body = json::Kinds), (status = 401, body = ErrorBody)))]
async fn kinds(State(app): State<AppState>) -> Result<Json<json::Kinds>, ApiError> {
    let kinds = app.blocking(|app| app.store.kinds()).await?;
    Ok(Json(json::Kinds { kinds: kinds.into_iter().map(json::kind).collect() }))
}

/// Filters of the events.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// Captured at or after, RFC 3339.
    from: Option<String>,
    /// Captured before, RFC 3339.
    to: Option<String>,
    /// Department; it must be in view.
    department: Option<String>,
    /// Gateway id.
    gateway: Option<String>,
    /// `<gateway>/<camera>`.
    camera: Option<String>,
    /// Kind.
    kind: Option<String>,
    /// `low`, `medium`, `high` or `urgent`.
    severity: Option<String>,
    /// `begin`, `update` or `end`.
    phase: Option<String>,
    /// At most this many: 1 to 500, 100 where it is left out.
    limit: Option<usize>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// Events in view, newest capture first.
#[utoipa::path(get, path = "/api/v1/events", tag = "events", params(Filter),
    responses((status = 200, body = json::Events), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody)))]
async fn events(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
    Params(filter): Params<Filter>,
) -> Result<Json<json::Events>, ApiError> {
    let query = query(filter, &caller)?;
    let page = app.blocking(move |app| app.store.events(&query)).await?;
    let log_epoch = app.log.log_epoch();
    let events = page.events.iter().map(|stored| json::event(stored, log_epoch)).collect();
    let next = page.next.map(page_cursor_text);
    Ok(Json(json::Events { events, next }))
}

/// What [`page_cursor_from`] reads.
pub(super) fn page_cursor_text(next: PageCursor) -> String {
    format!("{}.{}", next.captured_us, next.position)
}

fn query(filter: Filter, caller: &Caller) -> Result<EventQuery, ApiError> {
    let scope = match &filter.department {
        Some(department) => caller.view.scope_of(department).ok_or_else(ApiError::out_of_view)?,
        None => caller.view.scope(),
    };
    let limit = filter.limit.unwrap_or(PAGE);
    if !(1..=MAX_PAGE).contains(&limit) {
        return Err(ApiError::bad_request(
            format!("limit={limit}: it is 1 to {MAX_PAGE}."),
            "Ask for fewer, then page.",
        ));
    }
    Ok(EventQuery {
        scope,
        from_us: read("from", filter.from, json::us_from_rfc3339, "a time such as 2026-05-01T08:00:00Z")?,
        to_us: read("to", filter.to, json::us_from_rfc3339, "a time such as 2026-05-01T08:00:00Z")?,
        gateway: filter.gateway,
        camera: read("camera", filter.camera, camera_from, "<gateway>/<camera>")?,
        kind: filter.kind,
        severity: read("severity", filter.severity, json::severity_from, "low, medium, high or urgent")?,
        phase: read("phase", filter.phase, json::phase_from, "begin, update or end")?,
        limit,
        after: read("cursor", filter.cursor, page_cursor_from, "`next` of the page before")?,
    })
}

fn read<T>(
    name: &str,
    text: Option<String>,
    parse: impl Fn(&str) -> Option<T>,
    expected: &str,
) -> Result<Option<T>, ApiError> {
    let Some(text) = text else { return Ok(None) };
    match parse(&text) {
        Some(value) => Ok(Some(value)),
        None => Err(ApiError::bad_request(format!("{name} can't be read."), format!("Give {expected}."))),
    }
}

fn camera_from(text: &str) -> Option<(String, String)> {
    let (gateway, camera) = text.split_once('/')?;
    (!gateway.is_empty() && !camera.is_empty()).then(|| (gateway.to_owned(), camera.to_owned()))
}

pub(super) fn page_cursor_from(text: &str) -> Option<PageCursor> {
    let (captured_us, position) = text.split_once('.')?;
    Some(PageCursor { captured_us: captured_us.parse().ok()?, position: position.parse().ok()? })
}

/// One event.
#[utoipa::path(get, path = "/api/v1/events/{id}", tag = "events", params(("id" = String, Path, description = "UUID")),
    responses((status = 200, body = json::Event), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody)))]
async fn event(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Json<json::Event>, ApiError> {
    let id = parse_event_id(&id).ok_or_else(|| ApiError::not_found("event"))?;
    let found = app.blocking(move |app| app.store.event(id)).await?;
    let seen = found.filter(|stored| caller.view.sees(&stored.department));
    let stored = seen.ok_or_else(|| ApiError::not_found("event"))?;
    Ok(Json(json::event(&stored, app.log.log_epoch())))
}
