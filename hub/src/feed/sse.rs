//! Server-sent events: `GET /api/v1/feed`. One task of hyper's a subscriber, woken by the ring; it reads only while the
//! connection takes bytes, so a slow subscriber waits for its own TCP window and for nothing else. Access is asked again
//! whenever accounts, tokens or grants changed, and ends the stream or cuts it anew.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
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

use super::cloudevents;
use super::cursor::{self, Gone, Kept, Since};
use super::ring::{Fed, Read};
use crate::registry::now_us;
use crate::share::View;
use crate::store::StoredEvent;
use crate::web::access::Caller;
use crate::web::{ApiError, AppState, ErrorBody, Params, json};

/// Events read at a time.
const READ_EVENTS: usize = 256;

/// The routes of this sink.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(feed)).routes(routes!(ticket))
}

/// Where to begin and what to leave out.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Wish {
    /// `now` (where it is left out), `oldest`, or an id that was received: what follows it comes. `Last-Event-ID` goes
    /// before it.
    since: Option<String>,
    /// Only this kind.
    kind: Option<String>,
    /// Only this department; it must be in view.
    department: Option<String>,
    /// A ticket, for pages that can't send `Authorization`.
    #[allow(dead_code, reason = "the gate has read it")]
    ticket: Option<String>,
}

/// Events as they are applied, as server-sent events in CloudEvents form.
///
/// `id` is `<log epoch>-<position>`. `event: event` carries an event; `event: heartbeat` comes first and then every 15 s
/// with the newest id of the hub; `event: end` says why the hub ends the stream.
#[utoipa::path(get, path = "/api/v1/feed", tag = "feed", params(Wish, ("Last-Event-ID" = Option<String>, Header)),
    responses((status = 200, body = cloudevents::CloudEvent, content_type = "text/event-stream"),
        (status = 400, body = ErrorBody), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
        (status = 410, body = ErrorBody, description = "the cursor is too old or of another log; `oldest` can be resumed"),
        (status = 503, body = ErrorBody)))]
async fn feed(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    Params(wish): Params<Wish>,
) -> Result<Response, ApiError> {
    let filter = Filter { kind: wish.kind, department: wish.department };
    if filter.department.as_ref().is_some_and(|department| !caller.view.sees(department)) {
        return Err(ApiError::out_of_view());
    }
    let since = since(&headers, wish.since)?;
    let permit = app.subscribers.clone().try_acquire_owned().map_err(|_| too_many(&app))?;
    let published = *app.ring.newest().borrow();
    let forgotten = app.blocking(|app| app.store.forgotten_through()).await?;
    let log_epoch = app.log.log_epoch();
    let kept = Kept { log_epoch, forgotten, newest: app.log.newest_position().max(published), published };
    let position = cursor::begin(&since, kept).map_err(|gone| {
        let why = match gone {
            Gone::TooOld => "What follows this id is no longer kept.",
            Gone::OtherLog => "This id is of another log than the hub's.",
        };
        ApiError::gone(why, cursor::text(log_epoch, forgotten))
    })?;
    let subscription = Subscription::new(app, caller, filter, position, permit);
    let stream = futures_util::stream::unfold(subscription, |mut subscription| async move {
        subscription.next().await.map(|bytes| (Ok::<_, Infallible>(bytes), subscription))
    });
    let mut response = Body::from_stream(stream).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // nginx would gather the stream into blocks.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

/// A ticket that opens feeds for a minute, for pages that can't send `Authorization` with `EventSource`.
#[utoipa::path(post, path = "/api/v1/feed/ticket", tag = "feed",
    responses((status = 200, body = json::Ticket), (status = 401, body = ErrorBody), (status = 503, body = ErrorBody)))]
async fn ticket(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
) -> Result<axum::Json<json::Ticket>, ApiError> {
    let made = app.access.ticket(&caller.credential, now_us());
    let (ticket, expires_us) = made.ok_or_else(|| ApiError::busy("Too many tickets hold at this moment."))?;
    Ok(axum::Json(json::Ticket { ticket, expires: json::rfc3339(expires_us) }))
}

fn since(headers: &HeaderMap, query: Option<String>) -> Result<Since, ApiError> {
    // A browser that reconnects sends the header with the first address: the header knows more.
    let header = headers.get("last-event-id").map(|value| value.to_str().unwrap_or("?").to_owned());
    let Some(text) = header.filter(|text| !text.is_empty()).or(query) else { return Ok(Since::Now) };
    Since::parse(&text).ok_or_else(|| {
        ApiError::bad_request("The id to resume at can't be read.", "Give an id that was received, `now` or `oldest`.")
    })
}

fn too_many(app: &AppState) -> ApiError {
    ApiError::busy(format!("{} feeds are open, which is this hub's bound.", app.settings.max_subscribers))
}

struct Filter {
    kind: Option<String>,
    department: Option<String>,
}

impl Filter {
    fn takes(&self, view: &View, stored: &StoredEvent) -> bool {
        view.sees(&stored.department)
            && self.kind.as_ref().is_none_or(|kind| *kind == stored.event.kind)
            && self.department.as_deref().is_none_or(|department| *department == *stored.department)
    }
}

/// One subscriber.
struct Subscription {
    app: AppState,
    caller: Caller,
    filter: Filter,
    /// Everything up to here is sent or not for this subscriber.
    position: u64,
    /// Frames that are read and not sent, with their positions. Bound: [`READ_EVENTS`]; filled only when empty.
    ready: VecDeque<(u64, Bytes)>,
    /// Where `position` stands once `ready` is sent.
    through: u64,
    newest: watch::Receiver<u64>,
    revision: watch::Receiver<u64>,
    heartbeat_at: Instant,
    ended: bool,
    _permit: OwnedSemaphorePermit,
}

impl Subscription {
    fn new(app: AppState, caller: Caller, filter: Filter, position: u64, permit: OwnedSemaphorePermit) -> Self {
        app.metrics.feed_subscribers.inc();
        let (newest, mut revision) = (app.ring.newest(), app.revision.clone());
        // The caller was resolved a moment ago; whatever changed since then is looked at before the first event.
        revision.mark_changed();
        Self {
            app,
            caller,
            filter,
            position,
            ready: VecDeque::new(),
            through: position,
            newest,
            revision,
            heartbeat_at: Instant::now(),
            ended: false,
            _permit: permit,
        }
    }

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
            if let Some((position, frame)) = self.ready.pop_front() {
                self.position = if self.ready.is_empty() { self.through } else { position };
                self.app.metrics.feed_events.inc();
                return Some(frame);
            }
            match self.read().await {
                Ok(true) => tokio::task::yield_now().await,
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
        // A closed channel means that nothing follows changes any more: then nothing is to be trusted.
        if !self.revision.has_changed().map_err(|_| "shutting_down")? {
            return Ok(());
        }
        self.revision.borrow_and_update();
        let credential = self.caller.credential.clone();
        let resolved = self.app.blocking(move |app| app.access.resolve(&credential, now_us())).await;
        let caller = resolved.map_err(|_| "internal")?.ok_or("access_ended")?;
        if self.filter.department.as_ref().is_some_and(|department| !caller.view.sees(department)) {
            return Err("access_ended");
        }
        if caller.view != self.caller.view {
            // What was made ready under the old view is read anew.
            self.ready.clear();
            self.through = self.position;
        }
        self.caller = caller;
        Ok(())
    }

    /// Fills `ready`; false where there is nothing new.
    async fn read(&mut self) -> Result<bool, &'static str> {
        let before = self.position;
        self.newest.borrow_and_update();
        let (events, through) = match self.app.ring.after(self.position, READ_EVENTS) {
            Read::Events { events, through } => (events, through),
            Read::Older { floor } => self.read_store(floor).await?,
        };
        let (view, log_epoch) = (&self.caller.view, self.app.log.log_epoch());
        for fed in events.iter().filter(|fed| self.filter.takes(view, fed.stored())) {
            let revision = view.policy_revision();
            let frame = fed.frame(revision, |stored| frame(stored, log_epoch, revision));
            self.ready.push_back((fed.stored().position, frame));
        }
        self.through = through;
        if self.ready.is_empty() {
            self.position = through;
        }
        Ok(through > before)
    }

    /// What the ring no longer has. Everything up to the ring's floor was indexed before the ring passed it.
    async fn read_store(&self, floor: u64) -> Result<(Vec<Arc<Fed>>, u64), &'static str> {
        let position = self.position;
        let read = self.app.blocking(move |app| {
            let events = app.store.events_after(position, READ_EVENTS)?;
            // Asked after reading: if retention has passed the cursor by now, something may be missing.
            Ok((events, app.store.forgotten_through()?))
        });
        let (events, forgotten) = read.await.map_err(|_| "internal")?;
        if forgotten > position {
            return Err("gone");
        }
        let through = match events.last() {
            Some(last) if events.len() == READ_EVENTS => last.position,
            // What is beyond the floor comes from the ring, so that nothing unpublished is shown.
            _ => floor,
        };
        let events = events.into_iter().filter(|e| e.position <= through);
        Ok((events.map(|stored| Arc::new(Fed::new(Arc::new(stored)))).collect(), through))
    }

    async fn wait(&mut self) {
        let left_us = self.caller.expires_us.saturating_sub(now_us()).clamp(0, 3_600_000_000);
        let left = Duration::from_micros(u64::try_from(left_us).unwrap_or(0));
        tokio::select! {
            _ = self.newest.changed() => {}
            _ = self.revision.changed() => self.revision.mark_changed(),
            () = tokio::time::sleep_until(self.heartbeat_at) => {}
            () = tokio::time::sleep(left) => {}
            () = self.app.stop.cancelled() => {}
        }
    }

    fn heartbeat(&mut self) -> Bytes {
        self.heartbeat_at = Instant::now() + Duration::from_millis(self.app.settings.heartbeat_ms);
        let log_epoch = self.app.log.log_epoch();
        let newest = cursor::text(log_epoch, *self.newest.borrow());
        // With its own id: a subscriber for whom little happens still resumes near the end.
        let id = cursor::text(log_epoch, self.position);
        Bytes::from(format!("id: {id}\nevent: heartbeat\ndata: {{\"newest\":\"{newest}\"}}\n\n"))
    }

    fn end(&mut self, reason: &'static str) -> Bytes {
        self.ended = true;
        self.app.metrics.feed_ended.with_label_values(&[reason]).inc();
        Bytes::from(format!("event: end\ndata: {{\"reason\":\"{reason}\"}}\n\n"))
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.app.metrics.feed_subscribers.dec();
        if !self.ended {
            self.app.metrics.feed_ended.with_label_values(&["left"]).inc();
        }
    }
}

fn frame(stored: &StoredEvent, log_epoch: &str, policy_revision: u64) -> Bytes {
    let event = cloudevents::project(stored, log_epoch, policy_revision);
    let data = serde_json::to_string(&event).expect("plain data without maps of other keys than strings");
    let id = &event.data.position;
    Bytes::from(format!("id: {id}\nevent: event\ndata: {data}\n\n"))
}
