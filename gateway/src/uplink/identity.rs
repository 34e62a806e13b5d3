//! Who this gateway is: what joining left in the state folder.
//!
//! `identity.json` (id, department, hub addresses), `gateway.key` (0600), `chain.pem` (the gateway's certificate),
//! `hub-ca.pem` (whom to trust). Each is replaced whole, `identity.json` last: where it is, the rest is too.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde::{Deserialize, Serialize};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::files;

const IDENTITY: &str = "identity.json";
const KEY: &str = "gateway.key";
const CHAIN: &str = "chain.pem";
const HUB_CA: &str = "hub-ca.pem";

/// The gateway's identity, without its secret key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The id that the hub gave.
    pub gateway: String,
    /// The department that it belongs to.
    pub department: String,
    /// Where the hub is, host:port, tried in this order.
    pub hubs: Vec<String>,
}

/// The state folder holds no good identity.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// A file.
    #[error("cannot read {path}; restore it, or join again with `yiwang-gateway join --force`")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file's content.
    #[error("{path} is damaged ({why}); restore it, or join again with `yiwang-gateway join --force`")]
    Damaged {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
}

/// Certificates and key, ready for TLS.
#[derive(Debug)]
pub(super) struct Credentials {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
    pub(super) key_pem: String,
    pub(super) roots: Arc<RootCertStore>,
    pub(super) validity_us: (i64, i64),
}

impl Identity {
    /// The identity of a state folder; none where this gateway has not joined.
    pub fn load(state_dir: &Path) -> Result<Option<Self>, IdentityError> {
        let path = state_dir.join(IDENTITY);
        let text = match std::fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            read => read.map_err(|source| IdentityError::Read { path: path.clone(), source })?,
        };
        let identity: Self = serde_json::from_slice(&text)
            .map_err(|error| IdentityError::Damaged { path: path.clone(), why: error.to_string() })?;
        Credentials::load(state_dir)?;
        Ok(Some(identity))
    }

    pub(super) fn save(&self, state_dir: &Path, key_pem: &str, chain_pem: &[u8], ca_pem: &str) -> io::Result<()> {
        // Until the last one is there, the folder has no identity.
        match std::fs::remove_file(state_dir.join(IDENTITY)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        files::replace(&state_dir.join(KEY), key_pem.as_bytes(), 0o600)?;
        files::replace(&state_dir.join(CHAIN), chain_pem, 0o644)?;
        files::replace(&state_dir.join(HUB_CA), ca_pem.as_bytes(), 0o644)?;
        let text = serde_json::to_vec_pretty(self).map_err(io::Error::other)?;
        files::replace(&state_dir.join(IDENTITY), &text, 0o644)
    }
}

impl Credentials {
    pub(super) fn load(state_dir: &Path) -> Result<Self, IdentityError> {
        let read = |name: &str| {
            let path = state_dir.join(name);
            std::fs::read(&path).map_err(|source| IdentityError::Read { path, source })
        };
        let damaged = |name: &str, why: &str| IdentityError::Damaged { path: state_dir.join(name), why: why.into() };
        let key_pem = read(KEY)?;
        let key = rustls_pemfile::private_key(&mut key_pem.as_slice()).ok().flatten();
        let key = key.ok_or_else(|| damaged(KEY, "no private key in it"))?;
        let key_pem = String::from_utf8(key_pem).map_err(|_| damaged(KEY, "not text"))?;
        let chain = certificates(&read(CHAIN)?).ok_or_else(|| damaged(CHAIN, "no certificate in it"))?;
        let validity_us = validity_us(&chain[0]).ok_or_else(|| damaged(CHAIN, "not a certificate"))?;
        let mut roots = RootCertStore::empty();
        for certificate in certificates(&read(HUB_CA)?).ok_or_else(|| damaged(HUB_CA, "no certificate in it"))? {
            roots.add(certificate).map_err(|_| damaged(HUB_CA, "not a certificate"))?;
        }
        Ok(Self { chain, key, key_pem, roots: Arc::new(roots), validity_us })
    }

    pub(super) fn replace_chain(state_dir: &Path, chain_pem: &[u8]) -> io::Result<()> {
        files::replace(&state_dir.join(CHAIN), chain_pem, 0o644)
    }
}

/// The certificates of a PEM text; none where there is not even one, or something is no PEM.
pub(super) fn certificates(pem: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let certificates: Vec<_> = rustls_pemfile::certs(&mut &*pem).collect::<Result<_, _>>().ok()?;
    (!certificates.is_empty()).then_some(certificates)
}

/// From when to when a certificate is valid, microseconds since 1970 UTC.
pub(super) fn validity_us(certificate: &CertificateDer<'_>) -> Option<(i64, i64)> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    let us = |seconds: i64| seconds.saturating_mul(1_000_000);
    let validity = certificate.validity();
    Some((us(validity.not_before.timestamp()), us(validity.not_after.timestamp())))
}

/// The public key of a certificate, as it stands in it.
pub(super) fn public_key(certificate: &CertificateDer<'_>) -> Option<Vec<u8>> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    Some(certificate.public_key().subject_public_key.data.to_vec())
}
