//! Whom the gateway trusts and how its QUIC endpoint is set up. Joining trusts the hub by the fingerprint in the token,
//! everything later by the CA that joining left. Time limits are the network's, not the protocol's.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use quinn::congestion::{BbrConfig, CubicConfig};
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ClientConfig, Endpoint, EndpointConfig, IdleTimeout, TokioRuntime, TransportConfig, VarInt};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, RootCertStore, SignatureScheme};
use sha2::{Digest as _, Sha256};
use yiwang_wire::{ALPN, ALPN_JOIN};

use super::Congestion;
use super::identity::Credentials;

/// A connection that hears nothing for this long is dead.
pub(super) const IDLE: Duration = Duration::from_secs(10);
/// Something is sent this often, so that address translators on the way remember the connection.
const KEEP_ALIVE: Duration = Duration::from_secs(2);

/// TLS of the connection that carries events.
pub(super) fn uplink_config(
    credentials: Credentials,
    congestion: Congestion,
) -> Result<ClientConfig, Box<dyn std::error::Error + Send + Sync>> {
    let provider = provider();
    let verifier = WebPkiServerVerifier::builder_with_provider(credentials.roots, provider.clone()).build()?;
    let mut tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_webpki_verifier(verifier)
        .with_client_auth_cert(credentials.chain, credentials.key)?;
    tls.alpn_protocols = vec![ALPN.to_vec()];
    let mut config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls)?));
    config.transport_config(Arc::new(transport(congestion)));
    Ok(config)
}

/// TLS of the connection over which the gateway joins.
pub(super) fn join_config(
    verifier: Arc<Fingerprint>,
) -> Result<ClientConfig, Box<dyn std::error::Error + Send + Sync>> {
    let mut tls = rustls::ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    tls.alpn_protocols = vec![ALPN_JOIN.to_vec()];
    let mut config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls)?));
    config.transport_config(Arc::new(transport(Congestion::Cubic)));
    Ok(config)
}

/// A fresh socket: after a change of networks the old one may lead nowhere.
pub(super) fn endpoint(remote: SocketAddr) -> std::io::Result<Endpoint> {
    let local: SocketAddr = match remote {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = std::net::UdpSocket::bind(local)?;
    Endpoint::new(EndpointConfig::default(), None, socket, Arc::new(TokioRuntime))
}

fn transport(congestion: Congestion) -> TransportConfig {
    let mut transport = TransportConfig::default();
    let idle_ms = u32::try_from(IDLE.as_millis()).expect("ten seconds are few milliseconds");
    transport
        .keep_alive_interval(Some(KEEP_ALIVE))
        .max_idle_timeout(Some(IdleTimeout::from(VarInt::from_u32(idle_ms))))
        // The control stream is ours; the hub opens one for each picture that somebody asked for.
        .max_concurrent_bidi_streams(VarInt::from_u32(yiwang_wire::limits::MAX_ASKS))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        // What live video may have under way (two groups of 1 MiB for each camera that is watched) and a still leave the
        // events more than they ever use.
        .send_window(24 << 20);
    match congestion {
        Congestion::Cubic => transport.congestion_controller_factory(Arc::new(CubicConfig::default())),
        Congestion::Bbr => transport.congestion_controller_factory(Arc::new(BbrConfig::default())),
    };
    transport
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// Why a hub's certificate was not taken while joining.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Distrust {
    /// None of its certificates has the token's fingerprint.
    OtherHub,
    /// By this clock its certificate begins in the future or has ended; the bound in seconds since 1970.
    Clock { valid_us: i64, early: bool },
    /// Anything else.
    Other(String),
}

/// Trusts the CA with the fingerprint, and whatever it vouches for. Remembers the CA, or why there is no trust.
#[derive(Debug)]
pub(super) struct Fingerprint {
    ca_sha256: [u8; 32],
    outcome: Mutex<Option<Result<CertificateDer<'static>, Distrust>>>,
}

impl Fingerprint {
    pub(super) fn new(ca_sha256: [u8; 32]) -> Arc<Self> {
        Arc::new(Self { ca_sha256, outcome: Mutex::new(None) })
    }

    /// What the last handshake showed.
    pub(super) fn outcome(&self) -> Option<Result<CertificateDer<'static>, Distrust>> {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn check(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<CertificateDer<'static>, Distrust> {
        let same = |certificate: &&CertificateDer<'_>| Sha256::digest(certificate.as_ref())[..] == self.ca_sha256;
        let ca = intermediates.iter().chain([leaf]).find(same).ok_or(Distrust::OtherHub)?.clone().into_owned();
        let mut roots = RootCertStore::empty();
        roots.add(ca.clone()).map_err(|error| Distrust::Other(error.to_string()))?;
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider())
            .build()
            .map_err(|error| Distrust::Other(error.to_string()))?;
        let us = |time: UnixTime| i64::try_from(time.as_secs()).unwrap_or(i64::MAX).saturating_mul(1_000_000);
        match verifier.verify_server_cert(leaf, intermediates, name, &[], now) {
            Ok(_) => Ok(ca),
            Err(rustls::Error::InvalidCertificate(CertificateError::NotValidYetContext { not_before, .. })) => {
                Err(Distrust::Clock { valid_us: us(not_before), early: true })
            }
            Err(rustls::Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. })) => {
                Err(Distrust::Clock { valid_us: us(not_after), early: false })
            }
            Err(error) => Err(Distrust::Other(error.to_string())),
        }
    }
}

impl ServerCertVerifier for Fingerprint {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let outcome = self.check(end_entity, intermediates, server_name, now);
        let trusted = outcome.is_ok();
        *self.outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
        if trusted {
            return Ok(ServerCertVerified::assertion());
        }
        Err(rustls::Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &provider().signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &provider().signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}
