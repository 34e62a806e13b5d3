//! From the hub's name to a connection: its addresses, and one attempt at one of them, each with the cause where it fails.

use std::net::SocketAddr;
use std::time::Duration;

use quinn::Connection;
use yiwang_wire::HUB_NAME;

use super::plain_words::{self, Ended};
use super::tls;

/// A name or an address is given up after this time.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// The addresses of host:port.
pub(super) async fn resolve(hub: &str) -> Result<Vec<SocketAddr>, Ended> {
    match tokio::time::timeout(CONNECT_WITHIN, tokio::net::lookup_host(hub)).await {
        Ok(Ok(addresses)) => Ok(addresses.collect()),
        Ok(Err(error)) => {
            Err(Ended::because(format!("the name in {hub} cannot be resolved ({error}); check it and the DNS")))
        }
        Err(_) => Err(Ended::because(format!("the name in {hub} cannot be resolved: the DNS does not answer"))),
    }
}

/// One attempt with a socket of its own.
pub(super) async fn dial(
    address: SocketAddr,
    hub: &str,
    config: quinn::ClientConfig,
) -> Result<(Connection, quinn::Endpoint), Ended> {
    let endpoint = tls::endpoint(address).map_err(|e| Ended::because(format!("no UDP socket can be opened: {e}")))?;
    let connecting = endpoint
        .connect_with(config, address, HUB_NAME)
        .map_err(|error| Ended::because(format!("{hub} cannot be dialled: {error}")))?;
    let shown = if hub == address.to_string() { hub.to_owned() } else { format!("{hub} ({address})") };
    match tokio::time::timeout(CONNECT_WITHIN, connecting).await {
        Ok(Ok(connection)) => Ok((connection, endpoint)),
        Ok(Err(error)) => Err(plain_words::ended(&error, &shown)),
        Err(_) => Err(plain_words::ended(&quinn::ConnectionError::TimedOut, &shown)),
    }
}
