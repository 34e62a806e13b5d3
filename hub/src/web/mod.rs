//! HTTP for people and programs: the REST API under `/api/v1`, the feed, the page. `guard` is the one gate, `access` finds
//! who calls, `share` decides; `accounts`, `views`, `incidents`, `working`, `manage` and `health` are the routes, `json` and
//! `incident_json` the shapes that leave, `server` listens. `false_alarms`, `unusual` and `handover` are what is learnt and
//! left to the next shift; `pictures` is looking through a camera.

pub mod access;
mod accounts;
mod basemap;
mod clips;
mod error;
mod export;
mod extract;
mod false_alarms;
pub mod guard;
mod handover;
mod handover_pack;
mod health;
mod incident_events;
pub(crate) mod incident_json;
pub mod incident_shapes;
pub(crate) mod incidents;
mod joining;
pub mod json;
mod shapes;
mod limiter;
mod looking;
mod manage;
mod page;
mod pictures;
pub mod password;
mod registry;
pub mod secret;
mod server;
mod tar;
mod unusual;
mod views;
mod watching;
mod working;

use std::net::IpAddr;
use std::ops::Deref;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::{CancellationToken, DropGuard};
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use utoipa::OpenApi;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;

pub use error::{ApiError, ErrorBody};
pub use extract::Params;
pub use incident_shapes::Incident as IncidentShape;
pub use joining::Joining;
pub use server::{ServeError, Tls, serve};

use crate::basemap::Basemap;
use crate::desk::Desk;
use crate::feed::{self, Ring};
use crate::log::Log;
use crate::metrics::Metrics;
use crate::pictures::Pictures;
use crate::registry::{Presence, now_us};
use crate::store::{Store, StoreResult};
use crate::work::baseline::AllUnusual;

/// A request's body.
const MAX_BODY_BYTES: usize = 64 * 1024;
/// Requests that read the store at the same moment; further ones wait.
const MAX_READS: usize = 32;
/// What may run and load in the page: its own files only. Style attributes are allowed, because the map's library sets
/// them.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; worker-src 'self' blob:; img-src 'self' data: blob:; media-src blob:; \
    style-src 'self'; style-src-attr 'unsafe-inline'; object-src 'none'; base-uri 'none'; form-action 'self'; \
    frame-ancestors 'none'";

/// How the hub meets people.
#[derive(Debug, Clone)]
pub struct WebSettings {
    /// The hub's name for people.
    pub name: String,
    /// True where the page is served over TLS: cookies are marked `Secure`.
    pub secure_cookies: bool,
    /// How long a session holds.
    pub session_s: i64,
    /// Feeds at the same moment; above it the answer is 503.
    pub max_subscribers: usize,
    /// How often a feed says that it lives.
    pub heartbeat_ms: u64,
    /// How gateways come to this hub; none: no tokens are made here.
    pub joining: Option<Joining>,
    /// How often it is looked for what is unusual.
    pub unusual_ms: u64,
    /// The map under the cameras, where the site has brought one.
    pub basemap: Option<Arc<Basemap>>,
}

impl Default for WebSettings {
    fn default() -> Self {
        Self {
            name: "Yiwang".into(),
            secure_cookies: true,
            session_s: 12 * 3600,
            max_subscribers: 2_000,
            heartbeat_ms: 15_000,
            joining: None,
            unusual_ms: 60_000,
            basemap: None,
        }
    }
}

/// What the API is made of.
pub struct Parts {
    /// Registry, events, accounts.
    pub store: Arc<dyn Store>,
    /// The log: its epoch and whether it is writable.
    pub log: Arc<dyn Log>,
    /// The newest events.
    pub ring: Arc<Ring>,
    /// Incidents.
    pub desk: Arc<Desk>,
    /// Who is here.
    pub presence: Arc<Presence>,
    /// Who can be asked for pictures.
    pub pictures: Arc<Pictures>,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// How.
    pub settings: WebSettings,
}

/// What handlers share.
#[derive(Clone)]
pub struct AppState(Arc<Shared>);

/// Inside of [`AppState`].
pub struct Shared {
    /// Registry, events, accounts.
    pub store: Arc<dyn Store>,
    /// The log.
    pub log: Arc<dyn Log>,
    /// The newest events.
    pub ring: Arc<Ring>,
    /// Incidents.
    pub desk: Arc<Desk>,
    /// Who is here.
    pub presence: Arc<Presence>,
    /// Who can be asked for pictures.
    pub pictures: Arc<Pictures>,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// How.
    pub settings: WebSettings,
    /// Finds who calls.
    pub access: access::Access,
    /// Hashes passwords.
    pub(crate) hasher: password::Hasher,
    /// Bound: `settings.max_subscribers`; above it 503.
    pub(crate) subscribers: Arc<Semaphore>,
    /// Moves when accounts, tokens or grants may have changed.
    pub(crate) revision: watch::Receiver<u64>,
    /// What is unusual, as it was found last.
    pub(crate) unusual: watch::Receiver<Arc<AllUnusual>>,
    /// Feeds end when it is cancelled.
    pub(crate) stop: CancellationToken,
    limiter: Mutex<limiter::Limiter>,
    /// Bound: [`MAX_READS`]; above it requests wait, within their time limit.
    reads: Arc<Semaphore>,
    _stop_with_me: DropGuard,
}

impl Deref for AppState {
    type Target = Shared;
    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl AppState {
    /// Puts the parts together and begins to follow the store's changes. Within a tokio runtime.
    pub fn new(parts: Parts) -> StoreResult<Self> {
        let Parts { store, log, ring, desk, presence, pictures, metrics, settings } = parts;
        let (sender, revision) = watch::channel(store.revision()?);
        let stop = CancellationToken::new();
        tokio::spawn(access::follow(store.clone(), sender, stop.clone()));
        let (found, unusual) = watch::channel(Arc::default());
        tokio::spawn(unusual::follow(store.clone(), settings.unusual_ms, found, stop.clone()));
        Ok(Self(Arc::new(Shared {
            access: access::Access::new(store.clone()),
            hasher: password::Hasher::new(),
            subscribers: Arc::new(Semaphore::new(settings.max_subscribers)),
            revision,
            unusual,
            limiter: Mutex::default(),
            reads: Arc::new(Semaphore::new(MAX_READS)),
            _stop_with_me: stop.clone().drop_guard(),
            stop,
            store,
            log,
            ring,
            desk,
            presence,
            pictures,
            metrics,
            settings,
        })))
    }

    /// Runs what reads or writes the store off the async threads.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&AppState) -> StoreResult<T> + Send + 'static,
    ) -> Result<T, ApiError> {
        let permit = self.reads.clone().acquire_owned().await.map_err(|error| ApiError::internal(&error))?;
        let app = self.clone();
        let task = tokio::task::spawn_blocking(move || {
            let outcome = work(&app);
            drop(permit);
            outcome
        });
        Ok(task.await.map_err(|error| ApiError::internal(&error))??)
    }

    fn take_try(&self, user: &str, address: IpAddr) -> Result<(), u64> {
        self.limiter.lock().unwrap_or_else(PoisonError::into_inner).take(user, address, now_us())
    }

    fn give_back_try(&self, user: &str, address: IpAddr) {
        self.limiter.lock().unwrap_or_else(PoisonError::into_inner).give_back(user, address);
    }

    fn count_answer(&self, status: StatusCode) {
        let class = ["1xx", "2xx", "3xx", "4xx", "5xx"][usize::from(status.as_u16() / 100).clamp(1, 5) - 1];
        self.metrics.http_answers.with_label_values(&[class]).inc();
    }
}

/// The whole of what the hub serves.
pub fn router(app: AppState) -> Router {
    let (api, _) = api().split_for_parts();
    api
        // Only around routes: what matches none is a file of the page or nothing.
        .route_layer(from_fn_with_state(app.clone(), guard::guard))
        .fallback(page::serve)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        // Outermost: also refusals carry the headers.
        .layer(axum::middleware::map_response(with_headers))
        .with_state(app)
}

/// The API's description.
pub fn openapi() -> utoipa::openapi::OpenApi {
    let (_, mut openapi) = api().split_for_parts();
    let components = openapi.components.get_or_insert_default();
    let cookie = SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(guard::COOKIE)));
    let bearer = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
    components.add_security_scheme("session", cookie);
    components.add_security_scheme("feed_token", bearer);
    openapi
}

fn openapi_json() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| openapi().to_pretty_json().expect("the document is plain data"));
    &TEXT
}

#[derive(OpenApi)]
#[openapi(info(
    title = "Yiwang hub",
    description = "Events, cameras and gateways of every department, cut to what the caller may see."
))]
struct Document;

fn api() -> OpenApiRouter<AppState> {
    let sinks = feed::SINKS.iter().fold(OpenApiRouter::new(), |all, sink| all.merge((sink.routes)()));
    OpenApiRouter::with_openapi(Document::openapi())
        .merge(accounts::routes())
        .merge(lists().layer(packed()))
        .merge(incident_events::routes())
        .merge(working::routes())
        .merge(false_alarms::routes())
        .merge(unusual::routes())
        .merge(handover::routes())
        .merge(basemap::routes())
        .merge(joining::routes())
        .merge(pictures::routes())
        .merge(clips::routes())
        .merge(sinks)
        .merge(manage::routes())
        .merge(health::routes())
}

/// Long lists that pages and programs ask for again and again. Feeds, pictures and the map's ranges are not among them: they
/// must not be held back to be packed, and a range of a packed file is another range.
fn lists() -> OpenApiRouter<AppState> {
    views::routes().merge(incidents::routes()).merge(registry::routes()).merge(export::routes())
}

/// Ten thousand cameras are 4 MB of JSON, and a twentieth of it packed; the fastest way, because it is done for each answer.
fn packed() -> CompressionLayer {
    CompressionLayer::new().gzip(true).quality(CompressionLevel::Fastest)
}

async fn with_headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
