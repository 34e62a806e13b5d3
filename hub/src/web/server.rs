//! Listening: plain HTTP or TLS on a socket that the caller bound. Slow handshakes and slow headers are cut off; a body is
//! bounded by the router.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use tokio_util::sync::CancellationToken;

use super::{AppState, router};

/// How long a client may take to send a request's headers.
const HEADERS_WITHIN: Duration = Duration::from_secs(15);
/// How long answers that are under way may take when the hub stops; feeds end at once.
const STOP_WITHIN: Duration = Duration::from_secs(5);

/// TLS as rustls knows it.
pub type Tls = Arc<rustls::ServerConfig>;

/// Why the page can't be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The socket.
    #[error("cannot serve HTTP on the socket: check `--web`")]
    Socket(#[source] io::Error),
}

/// Serves until `shutdown`. The listener is bound already, so that the caller knows the port.
pub async fn serve(
    app: AppState,
    listener: TcpListener,
    tls: Option<Tls>,
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    listener.set_nonblocking(true).map_err(ServeError::Socket)?;
    let handle = Handle::new();
    let stopper = tokio::spawn(stop(handle.clone(), app.stop.clone(), shutdown));
    let service = router(app).into_make_service_with_connect_info::<SocketAddr>();
    let outcome = match tls {
        Some(config) => {
            let server = axum_server::from_tcp_rustls(listener, RustlsConfig::from_config(config));
            let mut server = server.map_err(ServeError::Socket)?.handle(handle);
            limit(server.http_builder());
            server.serve(service).await
        }
        None => {
            let mut server = axum_server::from_tcp(listener).map_err(ServeError::Socket)?.handle(handle);
            limit(server.http_builder());
            server.serve(service).await
        }
    };
    stopper.abort();
    outcome.map_err(ServeError::Socket)
}

async fn stop(handle: Handle<SocketAddr>, feeds: CancellationToken, shutdown: CancellationToken) {
    shutdown.cancelled().await;
    feeds.cancel();
    handle.graceful_shutdown(Some(STOP_WITHIN));
}

fn limit(builder: &mut hyper_util::server::conn::auto::Builder<hyper_util::rt::TokioExecutor>) {
    builder.http1().timer(hyper_util::rt::TokioTimer::new()).header_read_timeout(HEADERS_WITHIN).max_headers(64);
    builder
        .http2()
        .timer(hyper_util::rt::TokioTimer::new())
        .keep_alive_interval(Some(Duration::from_secs(30)))
        .max_concurrent_streams(64);
}
