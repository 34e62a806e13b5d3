//! `serve`: puts the parts together in the order of the way of the data, says what listens where, and takes them down in
//! the opposite order. What is done every few seconds or hours stands in `housekeeping`.
#![allow(clippy::print_stdout, reason = "where the hub listens and the one-time link are this command's answer")]

mod housekeeping;

use std::fs::{File, OpenOptions};
use std::io::IsTerminal as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde::{Deserialize, Serialize};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::{CliError, Outcome};
use crate::config::{self, Config, Overrides};
use crate::desk::Desk;
use crate::feed::Ring;
use crate::ingest::tls::{self, Shown};
use crate::ingest::{Hub, Listener, ListenerSettings};
use crate::merge::{Applier, Waiting};
use crate::metrics::Metrics;
use crate::registry::{Authority, Presence, now_us};
use crate::store::Store;
use crate::web::{self, AppState, Parts, WebSettings, secret};

/// The set-up link holds this long.
const SETUP_US: i64 = 24 * 3600 * 1_000_000;
/// What is under way may take this long when the hub stops.
const STOP_WITHIN: Duration = Duration::from_secs(8);

/// Where a running hub listens: `DATA/addresses.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Addresses {
    /// Host and port for gateways.
    pub(super) quic: String,
    /// URL of the page.
    pub(super) web: String,
}

/// What `addresses.json` says, where it is there.
pub(super) fn addresses(data: &Path) -> Option<Addresses> {
    serde_json::from_str(&std::fs::read_to_string(data.join("addresses.json")).ok()?).ok()
}

/// Makes the one-time link; an earlier one ends.
pub(super) fn make_setup_link(store: &dyn Store, web: &str) -> Result<String, CliError> {
    let secret = secret::generate();
    store.set_setup_token(&secret.hash, now_us() + SETUP_US)?;
    Ok(format!("{web}/#/setup?token={}", secret.text))
}

/// Runs the hub until it is told to stop.
pub(super) fn run(data: &Path, overrides: &Overrides) -> Outcome {
    let filter = tracing_subscriber::EnvFilter::try_from_env("YIWANG_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let colours = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours).init();
    let config = config::load(data, overrides)?;
    let _lock = own(data)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(CliError::hub)?;
    let outcome = runtime.block_on(serve(data, config));
    // Work on threads that never ends (a stuck disk) must not keep the process.
    runtime.shutdown_timeout(Duration::from_secs(2));
    outcome
}

/// Makes the data folder, private, and holds its lock: one hub at a time.
fn own(data: &Path) -> Result<File, CliError> {
    let file = |operation, source| CliError::File { operation, path: data.to_owned(), source };
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true).mode(0o700).create(data).map_err(|e| file("make the folder", e))?;
    let lock = OpenOptions::new()
        .create(true)
        .append(true)
        .open(data.join("hub.lock"))
        .map_err(|e| file("write into the folder", e))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(std::fs::TryLockError::WouldBlock) => Err(CliError::Other(format!(
            "another hub runs on {}: stop it first, or choose another folder with --data",
            data.display()
        ))),
        Err(std::fs::TryLockError::Error(error)) => Err(file("lock", error)),
    }
}

async fn serve(data: &Path, config: Config) -> Outcome {
    // Before anything listens: a signal from here on ends it in order.
    let told = stop_signals()?;
    let stop = CancellationToken::new();
    let authority = Arc::new(Authority::open(&data.join("ca"), now_us()).map_err(CliError::hub)?);
    let leaf = authority.server_leaf(&config.names, now_us()).map_err(CliError::hub)?;
    let shown = Shown::new(leaf).map_err(CliError::hub)?;
    let hub = Arc::new(Hub {
        name: format!("{} {}", config.name, env!("CARGO_PKG_VERSION")),
        log: (config.log.open)(data).map_err(CliError::hub)?,
        store: (config.store.open)(data)?,
        authority,
        presence: Arc::new(Presence::default()),
        waiting: Arc::new(Waiting::default()),
        pictures: Arc::default(),
        metrics: Arc::new(Metrics::new()),
    });
    let basemap = super::basemap(&config)?;
    let desk = Arc::new(Desk::open(hub.store.clone())?);
    let applier =
        Applier::new(hub.log.clone(), hub.store.clone(), desk.clone(), hub.waiting.clone(), hub.metrics.clone());
    let applier = applier.map_err(CliError::hub)?;
    let ring = Arc::new(Ring::new(applier.applied()));
    let publish = ring.clone();
    let applier = applier.publish_to(Box::new(move |events, applied| publish.publish(events, applied)));
    let settings = ListenerSettings { address: config.quic, shown: shown.clone() };
    let listener = Listener::start(hub.clone(), settings).map_err(CliError::hub)?;
    let app = AppState::new(Parts {
        store: hub.store.clone(),
        log: hub.log.clone(),
        ring,
        desk: desk.clone(),
        presence: hub.presence.clone(),
        pictures: hub.pictures.clone(),
        metrics: hub.metrics.clone(),
        settings: WebSettings {
            name: config.name.clone(),
            secure_cookies: !config.plain_http,
            joining: Some(web::Joining {
                ca_sha256: hub.authority.fingerprint(),
                quic_port: listener.address().port(),
                host: config.names.first().cloned(),
            }),
            basemap,
            ..WebSettings::default()
        },
    })?;
    let page_tls = page_tls(&config, shown.clone())?;
    let page = bind(config.web)?;
    let page_address = page.local_addr().map_err(CliError::hub)?;
    let applying = tokio::spawn(applier.run(stop.clone()));
    let keeping = tokio::spawn(housekeeping::run(hub.clone(), desk, config.clone(), shown, stop.clone()));
    let mut serving = tokio::spawn(web::serve(app, page, page_tls, stop.clone()));

    let addresses = Addresses {
        quic: reachable(listener.address()).to_string(),
        web: format!("{}://{}", if config.plain_http { "http" } else { "https" }, reachable(page_address)),
    };
    announce(data, &config, &addresses, hub.store.as_ref(), listener.address(), page_address)?;
    let mut ended = None;
    tokio::select! {
        name = told => tracing::info!(signal = name, "the hub stops"),
        outcome = &mut serving => ended = Some(outcome),
    }
    // Gateways first: what they were told is durable is in the log already.
    listener.shut_down().await;
    stop.cancel();
    let rest = async {
        let _ = tokio::join!(applying, keeping);
        if ended.is_none() {
            ended = Some(serving.await);
        }
    };
    if tokio::time::timeout(STOP_WITHIN, rest).await.is_err() {
        tracing::warn!("some requests did not end in time");
    }
    // Best effort: a file that stays says where the hub was.
    let _ = std::fs::remove_file(data.join("addresses.json"));
    match ended {
        Some(Ok(Err(error))) => Err(CliError::hub(error)),
        Some(Err(error)) => Err(CliError::hub(error)),
        Some(Ok(Ok(()))) | None => Ok(()),
    }
}

fn stop_signals() -> Result<impl Future<Output = &'static str>, CliError> {
    let mut interrupt = signal(SignalKind::interrupt()).map_err(CliError::hub)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(CliError::hub)?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => "SIGINT",
            _ = terminate.recv() => "SIGTERM",
        }
    })
}

fn bind(address: SocketAddr) -> Result<TcpListener, CliError> {
    TcpListener::bind(address).map_err(|error| {
        CliError::Other(format!(
            "cannot listen for the page on TCP {address}: {error}. Does another program use it? `--web` chooses another address"
        ))
    })
}

/// The site's own certificate where one is configured, else the hub's.
fn page_tls(config: &Config, shown: Arc<Shown>) -> Result<Option<web::Tls>, CliError> {
    if config.plain_http {
        return Ok(None);
    }
    let Some((certificate, key)) = &config.site_certificate else {
        return Ok(Some(Arc::new(tls::web(shown).map_err(CliError::hub)?)));
    };
    let unreadable = |path: &Path, error: rustls::pki_types::pem::Error| {
        CliError::Other(format!("{} cannot be read as PEM: {error}; see [tls] in hub.toml", path.display()))
    };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .map_err(|error| unreadable(certificate, error))?;
    let key_der = PrivateKeyDer::from_pem_file(key).map_err(|error| unreadable(key, error))?;
    let mut tls = rustls::ServerConfig::builder_with_provider(tls::provider())
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key_der))
        .map_err(CliError::hub)?;
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Some(Arc::new(tls)))
}

/// Writes `addresses.json` and tells the person.
fn announce(
    data: &Path,
    config: &Config,
    addresses: &Addresses,
    store: &dyn Store,
    quic: SocketAddr,
    web: SocketAddr,
) -> Outcome {
    println!("Gateways:  {quic} (UDP)");
    println!(
        "The page:  {}{}",
        addresses.web,
        if web.ip().is_unspecified() { ", and every address of this machine" } else { "" }
    );
    if store.setup_needed()? {
        // People open it from elsewhere: under the name that the site gave, where it gave one.
        let base = match config.names.first() {
            Some(name) if web.ip().is_unspecified() => format!("https://{name}:{}", web.port()),
            _ => addresses.web.clone(),
        };
        println!("First log-in, once, within a day:  {}", make_setup_link(store, &base)?);
    }
    let path = data.join("addresses.json");
    let part = data.join("addresses.json.new");
    let text = serde_json::to_string(addresses).map_err(CliError::hub)?;
    std::fs::write(&part, text).and_then(|()| std::fs::rename(&part, &path)).map_err(|source| CliError::File {
        operation: "write",
        path,
        source,
    })
}

/// An address that a program on this machine can dial.
fn reachable(address: SocketAddr) -> SocketAddr {
    match address.ip() {
        ip if ip.is_unspecified() => SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), address.port()),
        _ => address,
    }
}
