//! The QUIC listener: takes connections in, tells gateways from those that want to join, and ends what may not be here.
//! Each connection has its own task; nothing that one of them does reaches another.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use quinn::crypto::rustls::HandshakeData;
use quinn::{Connection, Endpoint, Incoming, TransportConfig, VarInt};
use rustls::pki_types::CertificateDer;
use thiserror::Error;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use yiwang_wire::ALPN;
use yiwang_wire::close::CloseCode;

use super::connection;
use super::join::{self, RefusedLately};
use super::live::{Live, close};
use super::session::STREAMS_MAX;
use super::tls::{self, Shown, TlsError};
use crate::log::Log;
use crate::merge::Waiting;
use crate::metrics::Metrics;
use crate::pictures::Pictures;
use crate::registry::Presence;
use crate::registry::ca::{self, Authority};
use crate::store::Store;

/// Handshakes under way at a time; a further one is refused, and the client tries again.
const HANDSHAKES_MAX: usize = 128;
/// From this many on a client must show that its address is its own first.
const HANDSHAKES_TRUSTED: usize = 32;
/// Open connections; a further one is refused.
const CONNECTIONS_MAX: usize = 4096;
/// Groups of live video under way: two of each camera that is watched, and one that is given up.
const LIVE_STREAMS_MAX: u32 = 3 * yiwang_wire::limits::MAX_LIVE;
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);
/// How often the registry is asked for what changed; revocation takes effect within this time.
const REGISTRY_EVERY: Duration = Duration::from_millis(500);

/// What ingest works with.
pub struct Hub {
    /// Name and version, told to gateways.
    pub name: String,
    /// Where events are kept before they are acknowledged.
    pub log: Arc<dyn Log>,
    /// The registry.
    pub store: Arc<dyn Store>,
    /// Signs gateways' certificates.
    pub authority: Arc<Authority>,
    /// Who is here.
    pub presence: Arc<Presence>,
    /// Watermarks on their way to the store.
    pub waiting: Arc<Waiting>,
    /// Who can be asked for pictures.
    pub pictures: Arc<Pictures>,
    /// Counters.
    pub metrics: Arc<Metrics>,
}

/// Where and with which certificate to listen.
pub struct ListenerSettings {
    /// UDP address; port 0 takes a free one.
    pub address: SocketAddr,
    /// The hub's certificate.
    pub shown: Arc<Shown>,
}

/// Why the hub cannot listen.
#[derive(Debug, Error)]
pub enum ListenerError {
    /// TLS.
    #[error("cannot set up TLS for gateways")]
    Tls(#[from] TlsError),
    /// The socket.
    #[error("cannot listen for gateways on UDP {address}: is another hub running? `--quic` chooses another address")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
}

/// A running listener.
pub struct Listener {
    endpoint: Endpoint,
    address: SocketAddr,
    tracker: TaskTracker,
    stop: CancellationToken,
}

impl Listener {
    /// Starts to listen, in tasks of the current runtime.
    pub fn start(hub: Arc<Hub>, settings: ListenerSettings) -> Result<Self, ListenerError> {
        let bind = |source| ListenerError::Bind { address: settings.address, source };
        let mut config = quinn::ServerConfig::with_crypto(Arc::new(tls::quic(&hub.authority, settings.shown)?));
        config.transport_config(Arc::new(transport()));
        let endpoint = Endpoint::server(config, settings.address).map_err(bind)?;
        let address = endpoint.local_addr().map_err(bind)?;
        let (tracker, stop) = (TaskTracker::new(), CancellationToken::new());
        let live = Arc::new(Live::default());
        let shell = Shell {
            hub,
            live,
            refused: Arc::default(),
            handshakes: Arc::new(Semaphore::new(HANDSHAKES_MAX)),
            tracker: tracker.clone(),
        };
        tracker.spawn(watch_registry(shell.hub.clone(), shell.live.clone(), stop.clone()));
        tracker.spawn(accept(shell, endpoint.clone(), stop.clone()));
        Ok(Self { endpoint, address, tracker, stop })
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Tells every gateway that the hub goes down and waits until they know, at most two seconds.
    pub async fn shut_down(self) {
        self.stop.cancel();
        self.tracker.close();
        let code = CloseCode::ShuttingDown;
        self.endpoint.close(VarInt::from_u32(code.as_u32()), code.text().as_bytes());
        let both = async { tokio::join!(self.endpoint.wait_idle(), self.tracker.wait()) };
        if tokio::time::timeout(Duration::from_secs(2), both).await.is_err() {
            tracing::warn!("some connections of gateways did not end in time");
        }
    }
}

/// What each accepted connection needs.
#[derive(Clone)]
struct Shell {
    hub: Arc<Hub>,
    live: Arc<Live>,
    refused: Arc<Mutex<RefusedLately>>,
    handshakes: Arc<Semaphore>,
    tracker: TaskTracker,
}

async fn accept(shell: Shell, endpoint: Endpoint, stop: CancellationToken) {
    loop {
        let incoming = tokio::select! {
            () = stop.cancelled() => return,
            incoming = endpoint.accept() => incoming,
        };
        let Some(incoming) = incoming else { return };
        let Ok(permit) = shell.handshakes.clone().try_acquire_owned() else {
            shell.hub.metrics.handshakes_refused.inc();
            incoming.refuse();
            continue;
        };
        if endpoint.open_connections() >= CONNECTIONS_MAX {
            shell.hub.metrics.handshakes_refused.inc();
            incoming.refuse();
            continue;
        }
        let busy = HANDSHAKES_MAX - shell.handshakes.available_permits() > HANDSHAKES_TRUSTED;
        if busy && incoming.may_retry() {
            // Cannot fail: it may retry.
            let _ = incoming.retry();
            continue;
        }
        let one = shell.clone();
        shell.tracker.spawn(async move {
            let address = incoming.remote_address();
            let connection = tokio::time::timeout(HANDSHAKE_WITHIN, shake(incoming)).await;
            drop(permit);
            match connection {
                Ok(Ok(connection)) => one.serve(connection).await,
                Ok(Err(reason)) => tracing::warn!(%address, %reason, "a handshake failed"),
                Err(_) => tracing::warn!(%address, "a handshake took too long"),
            }
        });
    }
}

async fn shake(incoming: Incoming) -> Result<Connection, quinn::ConnectionError> {
    incoming.accept()?.await
}

impl Shell {
    async fn serve(self, connection: Connection) {
        let protocol = connection
            .handshake_data()
            .and_then(|data| data.downcast::<HandshakeData>().ok())
            .and_then(|data| data.protocol);
        if protocol.as_deref() != Some(ALPN) {
            return join::serve(self.hub, self.refused, connection).await;
        }
        let certificates =
            connection.peer_identity().and_then(|identity| identity.downcast::<Vec<CertificateDer<'static>>>().ok());
        let Some(gateway) = certificates.as_ref().and_then(|chain| ca::gateway_of(chain.first()?)) else {
            let code = CloseCode::CertificateRequired;
            self.hub.metrics.connections_closed.with_label_values(&[code.as_str()]).inc();
            return close(&connection, code, code.text());
        };
        // Live before it is looked up: a revocation in between finds it there.
        self.live.insert(&gateway, connection.clone());
        self.hub.metrics.connections.inc();
        let code = connection::run(&self.hub, &gateway, &connection).await;
        self.hub.metrics.connections.dec();
        self.hub.metrics.connections_closed.with_label_values(&[code]).inc();
        self.live.remove(&gateway, connection.stable_id());
    }
}

/// Ends the connections of gateways that were revoked, by whichever process.
async fn watch_registry(hub: Arc<Hub>, live: Arc<Live>, stop: CancellationToken) {
    let mut known = None;
    loop {
        let (asked, connected) = (hub.clone(), live.clone());
        let look = tokio::task::spawn_blocking(move || {
            let revision = asked.store.revision()?;
            if known == Some(revision) {
                return Ok((revision, Vec::new()));
            }
            let mut revoked = Vec::new();
            for gateway in connected.gateways() {
                match asked.store.gateway(&gateway)? {
                    Some(row) if row.revoked_us.is_none() => {}
                    Some(_) => revoked.push((gateway, CloseCode::Revoked)),
                    None => revoked.push((gateway, CloseCode::UnknownGateway)),
                }
            }
            Ok::<_, crate::store::StoreError>((revision, revoked))
        });
        match look.await {
            Ok(Ok((revision, revoked))) => {
                known = Some(revision);
                for (gateway, code) in revoked {
                    tracing::warn!(%gateway, code = code.as_str(), "a live connection is closed");
                    live.close(&gateway, code, code.text());
                }
            }
            Ok(Err(error)) => tracing::error!(error = %crate::error::chain(&error), "cannot look for revoked gateways"),
            Err(error) => tracing::error!(%error, "looking for revoked gateways failed"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(REGISTRY_EVERY) => {}
        }
    }
}

/// Bounds of one connection: what a gateway can make the hub hold is the receive window and the session's own bounds.
fn transport() -> TransportConfig {
    let mut transport = TransportConfig::default();
    let idle = Duration::from_secs(10).try_into().expect("10 s fit");
    transport
        .max_concurrent_uni_streams(VarInt::from_u32(STREAMS_MAX as u32 + LIVE_STREAMS_MAX))
        .max_concurrent_bidi_streams(VarInt::from_u32(1))
        .stream_receive_window(VarInt::from_u32(1024 * 1024))
        // Credit is taken by what is written, whatever its priority: all live video that may be under way must leave the
        // events their part. It is read as it comes, so that little of it is ever held.
        .receive_window(VarInt::from_u32(16 * 1024 * 1024))
        .send_window(1024 * 1024)
        .datagram_receive_buffer_size(None)
        .max_idle_timeout(Some(idle))
        .keep_alive_interval(Some(Duration::from_secs(3)));
    transport
}
