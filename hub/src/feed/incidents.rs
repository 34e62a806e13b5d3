//! Server-sent events of incidents: `GET /api/v1/incidents/feed`. A subscriber has only a cursor, the newest change that it
//! knows; what changed since is read from the store as it stands now, so that a slow one skips states and never incidents.
//! Changes that come within [`GATHER`] are sent together, and an incident that changed several times within it once.
//! Access is asked again whenever accounts, tokens or grants changed.

use std::convert::Infallible;
use std::time::Duration;

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::Instant;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::registry::now_us;
use crate::store::{IncidentChange, Store, StoreResult};
use crate::web::access::Caller;
use crate::web::incident_json::{self, Viewer};
use crate::web::incidents::{around, hidden_from};
use crate::web::{ApiError, AppState, ErrorBody, Params};

/// Changes read at a time.
const READ_CHANGES: usize = 256;
/// After a change it is waited so long for others: in a flood each would be a read, a message and a showing of its own.
const GATHER: Duration = Duration::from_millis(25);

/// The routes of this sink.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(feed))
}

/// Where to begin.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Wish {
    /// `change` of the list or of a frame: what changed after it comes; from now on where it is left out.
    /// `Last-Event-ID` goes before it.
    since: Option<i64>,
    /// A ticket, for pages that can't send `Authorization`.
    #[allow(dead_code, reason = "the gate has read it")]
    ticket: Option<String>,
}

/// Incidents as they change, as server-sent events.
///
/// `id` is the change. `event: incident` carries an incident as it stands now; `event: gone` says that one is no more, or
/// is not in view any more, and into which it went; `event: heartbeat` comes first and then every 15 s; `event: end` says
/// why the hub ends the stream.
#[utoipa::path(get, path = "/api/v1/incidents/feed", tag = "feed",
    params(Wish, ("Last-Event-ID" = Option<String>, Header)),
    responses((status = 200, body = crate::web::IncidentShape, content_type = "text/event-stream"),
        (status = 400, body = ErrorBody), (status = 401, body = ErrorBody), (status = 503, body = ErrorBody)))]
async fn feed(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    Params(wish): Params<Wish>,
) -> Result<Response, ApiError> {
    // A browser that reconnects sends the header with the first address: the header knows more.
    let header = headers.get("last-event-id").and_then(|value| value.to_str().ok()).filter(|text| !text.is_empty());
    let unreadable =
        |_| ApiError::bad_request("The change to resume at can't be read.", "Give `change` as it was received.");
    let since = header.map(|text| text.parse().map_err(unreadable)).transpose()?.or(wish.since);
    let permit = app.subscribers.clone().try_acquire_owned();
    let permit = permit.map_err(|_| ApiError::busy("As many feeds are open as this hub bears."))?;
    let newest = app.desk.newest();
    let known = *newest.borrow();
    let change = since.unwrap_or(known).clamp(0, known);
    let mut revision = app.revision.clone();
    revision.mark_changed();
    let subscription = Subscription {
        app,
        caller,
        change,
        ready: None,
        newest,
        revision,
        heartbeat_at: Instant::now(),
        ended: false,
        _permit: permit,
    };
    let stream = futures_util::stream::unfold(subscription, |mut subscription| async move {
        subscription.next().await.map(|bytes| (Ok::<_, Infallible>(bytes), subscription))
    });
    let mut response = Body::from_stream(stream).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

/// One subscriber.
struct Subscription {
    app: AppState,
    caller: Caller,
    /// Everything up to here is sent, or not for this subscriber.
    change: i64,
    /// Frames that are read and not sent, one after the other. Bound: [`READ_CHANGES`]; filled only when empty.
    ready: Option<Bytes>,
    newest: watch::Receiver<i64>,
    revision: watch::Receiver<u64>,
    heartbeat_at: Instant,
    ended: bool,
    _permit: OwnedSemaphorePermit,
}

impl Subscription {
    /// The next bytes; none at the end.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if self.ended {
                return None;
            }
            if self.app.stop.is_cancelled() {
                return Some(self.end("shutting_down"));
            }
            if let Err(reason) = self.check_access().await {
                return Some(self.end(reason));
            }
            if self.heartbeat_at <= Instant::now() {
                return Some(self.heartbeat());
            }
            if let Some(frames) = self.ready.take() {
                return Some(frames);
            }
            match self.read().await {
                Ok(true) => {}
                Ok(false) => self.wait().await,
                Err(reason) => return Some(self.end(reason)),
            }
        }
    }

    /// Asks again who this is, where something changed.
    async fn check_access(&mut self) -> Result<(), &'static str> {
        if now_us() >= self.caller.expires_us {
            return Err("session_ended");
        }
        if !self.revision.has_changed().map_err(|_| "shutting_down")? {
            return Ok(());
        }
        self.revision.borrow_and_update();
        let credential = self.caller.credential.clone();
        let resolved = self.app.blocking(move |app| app.access.resolve(&credential, now_us())).await;
        let caller = resolved.map_err(|_| "internal")?.ok_or("access_ended")?;
        if caller.view != self.caller.view {
            // Other incidents are in view now, or other parts of them: the page begins anew.
            return Err("view_changed");
        }
        self.caller = caller;
        Ok(())
    }

    /// Fills `ready`; false where there is nothing new.
    async fn read(&mut self) -> Result<bool, &'static str> {
        let newest = *self.newest.borrow_and_update();
        if newest <= self.change {
            return Ok(false);
        }
        let (after, viewer) = (self.change, Viewer::of(&self.caller));
        let read = self.app.blocking(move |app| frames(app, after, &viewer)).await;
        let (frames, through) = read.map_err(|_| "internal")?;
        self.ready = (!frames.is_empty()).then(|| frames.into());
        // Nothing between: the newest was replaced by one that is not written yet.
        let through = through.unwrap_or(newest);
        let moved = through > self.change;
        self.change = self.change.max(through);
        Ok(moved)
    }

    async fn wait(&mut self) {
        let left_us = self.caller.expires_us.saturating_sub(now_us()).clamp(0, 3_600_000_000);
        let left = Duration::from_micros(u64::try_from(left_us).unwrap_or(0));
        tokio::select! {
            _ = self.newest.changed() => tokio::time::sleep(GATHER).await,
            _ = self.revision.changed() => self.revision.mark_changed(),
            () = tokio::time::sleep_until(self.heartbeat_at) => {}
            () = tokio::time::sleep(left) => {}
            () = self.app.stop.cancelled() => {}
        }
    }

    fn heartbeat(&mut self) -> Bytes {
        self.heartbeat_at = Instant::now() + Duration::from_millis(self.app.settings.heartbeat_ms);
        let change = self.change;
        Bytes::from(format!("id: {change}\nevent: heartbeat\ndata: {{\"change\":{change}}}\n\n"))
    }

    fn end(&mut self, reason: &'static str) -> Bytes {
        self.ended = true;
        Bytes::from(format!("event: end\ndata: {{\"reason\":\"{reason}\"}}\n\n"))
    }
}

/// What changed after a change, as frames in a row, and up to which change; none where nothing did.
fn frames(app: &AppState, after: i64, viewer: &Viewer) -> StoreResult<(String, Option<i64>)> {
    let (store, around, now_us) = (&*app.store, around(app)?, now_us());
    let changes = store.incident_changes(after, READ_CHANGES)?;
    let through = changes.last().map(IncidentChange::change);
    let mut frames = String::new();
    for change in changes {
        let number = change.change();
        let (event, data) = match change {
            IncidentChange::Row(row) if viewer.sees(&row) => {
                let sources = hidden_from(store, &row, viewer)?;
                let incident = incident_json::incident(&row, &sources, viewer, &around, now_us);
                ("incident", serde_json::to_string(&incident).expect("plain data with string keys"))
            }
            // The last source in view may have left it; who never saw it is told nothing.
            IncidentChange::Row(row) if knew(store, row.id, viewer)? => {
                ("gone", serde_json::json!({"id": row.id, "into": null, "change": number}).to_string())
            }
            IncidentChange::Gone { id, into, .. } if knew(store, id, viewer)? => {
                ("gone", serde_json::json!({"id": id, "into": into, "change": number}).to_string())
            }
            _ => continue,
        };
        frames.push_str(&format!("id: {number}\nevent: {event}\ndata: {data}\n\n"));
    }
    Ok((frames, through))
}

/// Could this viewer see the incident once?
fn knew(store: &dyn Store, incident: Uuid, viewer: &Viewer) -> StoreResult<bool> {
    let departments = store.departments_of(incident)?;
    Ok(departments.iter().any(|department| viewer.view.sees(department) || *department == viewer.department))
}
