//! Who may shake hands: the hub shows its own certificate, and a client shows none (joining) or one of the hub's own
//! authority. A certificate of anybody else ends the handshake. What a client without one may do is `listener`'s.

use std::sync::{Arc, PoisonError, RwLock};

use quinn::crypto::rustls::{NoInitialCipherSuite, QuicServerConfig};
use rustls::server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, ServerConfig};
use thiserror::Error;
use yiwang_wire::{ALPN, ALPN_JOIN};

use crate::registry::ca::{Authority, ServerLeaf};

/// Why TLS cannot be set up.
#[derive(Debug, Error)]
pub enum TlsError {
    /// The certificate or key is not usable.
    #[error("the hub's certificate cannot be used for TLS")]
    Certificate(#[source] rustls::Error),
    /// The authority's certificate cannot be trusted.
    #[error("the hub's authority cannot be used to check gateways")]
    Authority(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The TLS library lacks what QUIC needs.
    #[error("TLS has no cipher that QUIC starts with")]
    Cipher(#[source] NoInitialCipherSuite),
}

/// The hub's certificate as TLS shows it; replaced while the hub runs.
#[derive(Debug)]
pub struct Shown {
    key: RwLock<Arc<CertifiedKey>>,
}

impl Shown {
    /// Shows this leaf.
    pub fn new(leaf: ServerLeaf) -> Result<Arc<Self>, TlsError> {
        Ok(Arc::new(Self { key: RwLock::new(Arc::new(certified(leaf)?)) }))
    }

    /// Shows another one to whoever connects from now on.
    pub fn replace(&self, leaf: ServerLeaf) -> Result<(), TlsError> {
        *self.key.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(certified(leaf)?);
        Ok(())
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.key.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

/// The crypto that every TLS of the hub uses.
pub fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// TLS of the QUIC listener, both protocols.
pub fn quic(authority: &Authority, shown: Arc<Shown>) -> Result<QuicServerConfig, TlsError> {
    let mut roots = RootCertStore::empty();
    roots.add(authority.ca_der().clone()).map_err(|e| TlsError::Authority(e.into()))?;
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider())
        .allow_unauthenticated()
        .build()
        .map_err(|e| TlsError::Authority(e.into()))?;
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(TlsError::Certificate)?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(shown);
    config.alpn_protocols = vec![ALPN.to_vec(), ALPN_JOIN.to_vec()];
    // No 0-RTT: what it carries can be replayed.
    config.max_early_data_size = 0;
    // No resumption: a resumed session would not check the client's certificate against the time and the authority again.
    config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    QuicServerConfig::try_from(config).map_err(TlsError::Cipher)
}

/// TLS of the page, with the hub's own certificate.
pub fn web(shown: Arc<Shown>) -> Result<ServerConfig, TlsError> {
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Certificate)?
        .with_no_client_auth()
        .with_cert_resolver(shown);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn certified(leaf: ServerLeaf) -> Result<CertifiedKey, TlsError> {
    CertifiedKey::from_der(leaf.chain, leaf.key, &provider()).map_err(TlsError::Certificate)
}
