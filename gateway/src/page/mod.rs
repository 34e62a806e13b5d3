//! The gateway's own page, for the technician on site: what each camera sees and why its rules fire or not, and drawing
//! lines, zones and masks into `gateway.toml`. On this machine's own address unless configured; a log-in always.
//!
//! - [`guard`] the one gate, with [`door`] (pure) and [`password`]; [`certificate`] for addresses beyond this machine,
//! - [`cameras`] how the cameras are, [`view`] what one of them shows now,
//! - [`change`] checking, trying, saving and taking back what was drawn, with [`replay`] and [`ground`] (both pure),
//! - [`assets`] the page itself, [`error`] how a refusal reaches it.
//!
//! Pictures go to whoever has logged in here and nowhere else; what goes to the hub is [`crate::pictures`]' business.

mod assets;
mod cameras;
mod certificate;
mod change;
mod door;
mod error;
mod ground;
mod guard;
pub mod password;
mod replay;
mod view;

use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::{get, post};
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

pub use self::certificate::fingerprint;
use self::door::Door;
use self::view::Encoders;
use crate::admin::Shown;
use crate::analyse::window::Windows;
use crate::config::{self, Config};
use crate::control::Asked;

/// Requests that are answered at a time; above it the answer is "busy".
const REQUESTS_MAX: usize = 48;
/// A draft is far smaller.
const BODY_BYTES_MAX: usize = 256 << 10;
/// How long a client may take to send a request's headers.
const HEADERS_WITHIN: Duration = Duration::from_secs(15);
/// How long answers that are under way may take when the gateway stops.
const STOP_WITHIN: Duration = Duration::from_secs(1);
/// How often what nobody looks at is put away.
const TIDY_EVERY: Duration = Duration::from_secs(10);

/// What the page's handlers share. Cloning it copies a reference.
#[derive(Clone)]
struct Page(Arc<Inner>);

struct Inner {
    shown: Shown,
    windows: Windows,
    orders: mpsc::Sender<Asked>,
    tls: bool,
    names: Vec<String>,
    door: Mutex<Door>,
    encoders: Encoders,
    requests: Semaphore,
    /// One password at a time.
    hashing: Arc<Semaphore>,
    /// One replay at a time: it takes a core for a moment.
    trying: Arc<Semaphore>,
    /// One change of the file at a time.
    saving: tokio::sync::Mutex<()>,
}

impl Page {
    fn config(&self) -> Arc<Config> {
        self.0.shown.config.borrow().clone()
    }

    fn door(&self) -> MutexGuard<'_, Door> {
        // Lists that are whole after every statement.
        self.0.door.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An address that is ours.
pub struct Bound {
    listener: TcpListener,
    tls: Option<Arc<rustls::ServerConfig>>,
    names: Vec<String>,
    /// Where browsers find it.
    pub address: String,
}

/// Binds the page's address; none where it is switched off, or where nobody asked for it and the address is taken.
///
/// # Errors
/// It was asked for and cannot be had, or it reaches beyond this machine and nobody has made a log-in.
pub fn bind(config: &Config) -> Result<Option<Bound>, String> {
    let Some(page) = &config.page else { return Ok(None) };
    let beyond = !page.listen.ip().is_loopback();
    if beyond && password::kept(&config.state_dir).ok().flatten().is_none() {
        return Err(format!(
            "[page] listen = \"{}\" reaches beyond this machine, and there is no log-in yet: run yiwang-gateway page password",
            page.listen
        ));
    }
    let listener = match TcpListener::bind(page.listen) {
        Ok(listener) => listener,
        Err(error) if !page.asked_for => {
            tracing::warn!("no page: {} is taken ({error}); [page] listen chooses another or \"off\"", page.listen);
            return Ok(None);
        }
        Err(error) => {
            return Err(format!("cannot listen on {}: {error}. Choose another under [page] listen", page.listen));
        }
    };
    listener.set_nonblocking(true).map_err(|error| error.to_string())?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    let tls = if beyond {
        Some(certificate::tls(&config.state_dir, &certificate::names(address.ip(), &page.names))?)
    } else {
        None
    };
    if let Some((_, print)) = &tls {
        tracing::info!(fingerprint = %print, "the page's certificate is the gateway's own: compare it in the browser");
    }
    let scheme = if beyond { "https" } else { "http" };
    Ok(Some(Bound {
        listener,
        tls: tls.map(|(tls, _)| tls),
        names: names(page),
        address: format!("{scheme}://{address}"),
    }))
}

/// Under which names it may be called, beside addresses.
fn names(page: &config::Page) -> Vec<String> {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = host.trim();
    let own: BTreeSet<String> = ["localhost".to_owned(), host.to_owned(), format!("{host}.local")].into();
    own.into_iter().filter(|name| !name.is_empty() && name != ".local").chain(page.names.iter().cloned()).collect()
}

/// Serves until `shutdown`.
///
/// # Errors
/// The socket.
pub async fn serve(
    bound: Bound,
    shown: Shown,
    windows: Windows,
    orders: mpsc::Sender<Asked>,
    shutdown: CancellationToken,
) -> std::io::Result<()> {
    let page = Page(Arc::new(Inner {
        shown,
        windows,
        orders,
        tls: bound.tls.is_some(),
        names: bound.names,
        door: Mutex::default(),
        encoders: Encoders::default(),
        requests: Semaphore::new(REQUESTS_MAX),
        hashing: Arc::new(Semaphore::new(1)),
        trying: Arc::new(Semaphore::new(1)),
        saving: tokio::sync::Mutex::new(()),
    }));
    let handle = Handle::new();
    let stopper = tokio::spawn(tidy_until(page.clone(), handle.clone(), shutdown));
    let service = router(page).into_make_service_with_connect_info::<SocketAddr>();
    let outcome = match bound.tls {
        Some(tls) => {
            let mut server =
                axum_server::from_tcp_rustls(bound.listener, RustlsConfig::from_config(tls))?.handle(handle);
            limit(server.http_builder());
            server.serve(service).await
        }
        None => {
            let mut server = axum_server::from_tcp(bound.listener)?.handle(handle);
            limit(server.http_builder());
            server.serve(service).await
        }
    };
    stopper.abort();
    outcome
}

fn router(page: Page) -> Router {
    Router::new()
        .route("/api/session", get(guard::session))
        .route("/api/login", post(guard::login))
        .route("/api/logout", post(guard::logout))
        .route("/api/cameras", get(cameras::list))
        .route("/api/kinds", get(cameras::kinds))
        .route("/api/cameras/{camera}/settings", get(cameras::settings))
        .route("/api/cameras/{camera}/view", get(view::view))
        .route("/api/cameras/{camera}/check", post(change::check))
        .route("/api/cameras/{camera}/try", post(change::attempt))
        .route("/api/cameras/{camera}/save", post(change::save))
        .route("/api/cameras/{camera}/ground", post(change::ground))
        .route("/api/undo", post(change::undo))
        .fallback(assets::serve)
        // Before the gate nothing of a body is read; behind it no more than this.
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn_with_state(page.clone(), guard::guard))
        .with_state(page)
}

fn limit(builder: &mut hyper_util::server::conn::auto::Builder<hyper_util::rt::TokioExecutor>) {
    builder.http1().timer(hyper_util::rt::TokioTimer::new()).header_read_timeout(HEADERS_WITHIN).max_headers(64);
    builder.http2().timer(hyper_util::rt::TokioTimer::new()).max_concurrent_streams(32);
}

/// Puts away what nobody looks at, and stops the server in the end.
async fn tidy_until(page: Page, handle: Handle<SocketAddr>, shutdown: CancellationToken) {
    while tokio::time::timeout(TIDY_EVERY, shutdown.cancelled()).await.is_err() {
        page.0.encoders.tidy(|camera| page.0.windows.get(camera).is_some_and(|window| window.is_watched()));
    }
    handle.graceful_shutdown(Some(STOP_WITHIN));
}
