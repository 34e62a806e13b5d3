//! The events of an incident: begins, updates and ends of its sources in view.

use axum::extract::{Path, State};
use axum::{Extension, Json};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::access::Caller;
use super::error::{ApiError, ErrorBody};
use super::extract::Params;
use super::incident_json::Viewer;
use super::{AppState, json};
use crate::merge::Thread;
use crate::store::{EventQuery, MAX_PAGE, Scope, Store, StoreResult, StoredEvent};

/// Events of a page where the request names no number.
const PAGE: usize = 100;
/// Sources whose events are looked for, the first ones.
const MAX_SOURCES: usize = 200;
/// Pages of one camera that are looked through for what belongs to a source.
const MAX_PAGES: usize = 20;
/// What ended so long after what is known to be its last sign is its end still.
const LATE_END_US: i64 = 1;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(events))
}

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Page {
    /// At most this many: 1 to 500, 100 where it is left out.
    limit: Option<usize>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// Events of an incident's sources in view, newest capture first.
#[utoipa::path(get, path = "/api/v1/incidents/{id}/events", tag = "incidents", params(("id" = String, Path), Page),
    responses((status = 200, body = json::Events), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 404, body = ErrorBody)))]
async fn events(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Params(page): Params<Page>,
) -> Result<Json<json::Events>, ApiError> {
    let id = Uuid::parse_str(&id).map_err(|_| ApiError::not_found("incident"))?;
    let limit = page.limit.unwrap_or(PAGE);
    let offset = page.cursor.as_deref().map_or(Some(0), |text| text.parse::<usize>().ok());
    let (Some(offset), true) = (offset, (1..=MAX_PAGE).contains(&limit)) else {
        return Err(ApiError::bad_request("limit or cursor can't be read.", "Give 1 to 500, and `next` as it came."));
    };
    let viewer = Viewer::of(&caller);
    let found = app.blocking(move |app| {
        let Some(row) = app.store.incident(id)?.filter(|row| viewer.sees(row)) else { return Ok(None) };
        let sources = app.store.sources(row.id)?;
        let seen = sources.into_iter().map(|source| source.thread).filter(|t| viewer.view.sees(&t.department));
        of_threads(&*app.store, &seen.take(MAX_SOURCES).collect::<Vec<_>>()).map(Some)
    });
    let all = found.await?.ok_or_else(|| ApiError::not_found("incident"))?;
    let log_epoch = app.log.log_epoch();
    let next = (offset + limit < all.len()).then(|| (offset + limit).to_string());
    let events = all.iter().skip(offset).take(limit).map(|stored| json::event(stored, log_epoch)).collect();
    Ok(Json(json::Events { events, next }))
}

/// The events of threads, newest first.
fn of_threads(store: &dyn Store, threads: &[Thread]) -> StoreResult<Vec<StoredEvent>> {
    let mut all = Vec::new();
    for thread in threads {
        all.extend(of_thread(store, thread)?);
    }
    all.sort_by_key(|stored| std::cmp::Reverse((stored.event.captured_us, stored.position)));
    Ok(all)
}

fn of_thread(store: &dyn Store, thread: &Thread) -> StoreResult<Vec<StoredEvent>> {
    // A camera's index walks the time of the thread; what is about the gateway is walked by gateway.
    let camera = thread.camera.clone().map(|camera| (thread.gateway.clone(), camera));
    let mut query = EventQuery {
        scope: Scope::Departments(vec![thread.department.clone()]),
        from_us: Some(thread.begin_us),
        to_us: Some(thread.last_us.max(thread.begin_us) + LATE_END_US),
        gateway: camera.is_none().then(|| thread.gateway.clone()),
        camera,
        kind: None,
        severity: None,
        phase: None,
        limit: MAX_PAGE,
        after: None,
    };
    let mut all = Vec::new();
    for _ in 0..MAX_PAGES {
        let page = store.events(&query)?;
        let of_it = |stored: &StoredEvent| stored.event.id == thread.event || stored.event.cause == Some(thread.event);
        all.extend(page.events.into_iter().filter(of_it));
        query.after = page.next;
        if query.after.is_none() {
            break;
        }
    }
    Ok(all)
}
