//! The hub's own certificate authority: made at the first start, it signs gateways and the hub itself. It decides
//! nothing: whether a gateway may have a certificate is the caller's question.
//!
//! Files below `ca/`: `ca.key` (0600), `ca.pem`, `server.key` (0600), `server.pem`. A lock file keeps two processes from
//! making two authorities.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, SerialNumber,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, CertificateSigningRequestDer, PrivateKeyDer};
use sha2::{Digest as _, Sha256};
use thiserror::Error;
use time::{Duration, OffsetDateTime};
use yiwang_wire::HUB_NAME;

/// The authority's certificate.
const CA_DAYS: i64 = 3653;
/// The hub's own certificate; made again when a third is left.
const SERVER_DAYS: i64 = 90;
/// A gateway's certificate; the gateway asks for another when a third is left.
pub const GATEWAY_DAYS: i64 = 30;
/// Certificates begin in the past, because the other side's clock may be behind.
const BACKDATED: Duration = Duration::DAY;
const DAY_US: i64 = 24 * 3600 * 1_000_000;

/// Why the authority could not do it.
#[derive(Debug, Error)]
pub enum CaError {
    /// A file of the authority.
    #[error("cannot {operation} {path}")]
    File {
        /// What was tried.
        operation: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A file that is no key or certificate.
    #[error(
        "{path} cannot be read as a key or certificate: restore it from a backup, or move the whole ca folder away and let every gateway join again"
    )]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A request that cannot be signed.
    #[error("the certificate request cannot be signed")]
    Request(#[source] rcgen::Error),
    /// A name that cannot stand in a certificate.
    #[error("{name:?} cannot stand in the hub's certificate: use a host name or an IP address")]
    Name {
        /// The name.
        name: String,
        /// Why not.
        #[source]
        source: rcgen::Error,
    },
    /// Making or signing failed.
    #[error("cannot {operation}")]
    Sign {
        /// What was tried.
        operation: &'static str,
        /// Why not.
        #[source]
        source: rcgen::Error,
    },
}

/// A gateway's new certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// The gateway's certificate, then the authority's.
    pub chain_pem: String,
    /// When it ends, microseconds since 1970 UTC.
    pub ends_us: i64,
}

/// The hub's own certificate and key.
pub struct ServerLeaf {
    /// The hub's certificate, then the authority's.
    pub chain: Vec<CertificateDer<'static>>,
    /// Its key.
    pub key: PrivateKeyDer<'static>,
    /// When it ends, microseconds since 1970 UTC.
    pub ends_us: i64,
}

/// The authority.
pub struct Authority {
    dir: PathBuf,
    issuer: Issuer<'static, KeyPair>,
    ca_pem: String,
    ca_der: CertificateDer<'static>,
}

impl Authority {
    /// Opens the authority in this folder; makes it where there is none.
    pub fn open(dir: &Path, now_us: i64) -> Result<Self, CaError> {
        fs::create_dir_all(dir).map_err(|e| file("make", dir, e))?;
        let _lock = lock(dir)?;
        let (key_path, cert_path) = (dir.join("ca.key"), dir.join("ca.pem"));
        let key = load_or_make_key(&key_path)?;
        if !cert_path.exists() {
            let pem = make_ca(&key, now_us)?;
            write(&cert_path, &pem, 0o644)?;
        }
        let ca_pem = fs::read_to_string(&cert_path).map_err(|e| file("read", &cert_path, e))?;
        let ca_der = CertificateDer::from_pem_slice(ca_pem.as_bytes()).map_err(|e| damaged(&cert_path, e))?;
        let issuer = Issuer::from_ca_cert_der(&ca_der, key).map_err(|e| damaged(&cert_path, e))?;
        Ok(Self { dir: dir.to_owned(), issuer, ca_pem, ca_der })
    }

    /// The authority's certificate.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// The same in DER: what clients' certificates are checked against.
    pub fn ca_der(&self) -> &CertificateDer<'static> {
        &self.ca_der
    }

    /// SHA-256 of the authority's certificate in DER: it stands in join tokens.
    pub fn fingerprint(&self) -> [u8; 32] {
        Sha256::digest(&self.ca_der).into()
    }

    /// Signs the public key of a request as this gateway's. Nothing else of the request is looked at.
    pub fn issue_gateway(&self, csr_der: &[u8], gateway: &str, now_us: i64) -> Result<Issued, CaError> {
        let request = CertificateSigningRequestParams::from_der(&CertificateSigningRequestDer::from(csr_der))
            .map_err(CaError::Request)?;
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, gateway);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let ends_us = set_times(&mut params, now_us, GATEWAY_DAYS);
        let certificate = params
            .signed_by(&request.public_key, &self.issuer)
            .map_err(|source| CaError::Sign { operation: "sign a gateway's certificate", source })?;
        Ok(Issued { chain_pem: format!("{}{}", certificate.pem(), self.ca_pem), ends_us })
    }

    /// The hub's own certificate for these names beside `yiwang-hub` and this machine's own. The one on disk, or a new
    /// one where a third of its life or less is left, or names were added.
    pub fn server_leaf(&self, names: &[String], now_us: i64) -> Result<ServerLeaf, CaError> {
        let _lock = lock(&self.dir)?;
        let (key_path, cert_path) = (self.dir.join("server.key"), self.dir.join("server.pem"));
        if let Some(leaf) = self.kept_leaf(&key_path, &cert_path, names, now_us) {
            return Ok(leaf);
        }
        let key = KeyPair::generate().map_err(|source| CaError::Sign { operation: "make the hub's key", source })?;
        let names = all_names(names);
        let mut params = CertificateParams::default();
        for name in &names {
            let one = CertificateParams::new(vec![name.clone()])
                .map_err(|source| CaError::Name { name: name.clone(), source })?;
            params.subject_alt_names.extend(one.subject_alt_names);
        }
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, HUB_NAME);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        set_times(&mut params, now_us, SERVER_DAYS);
        let certificate = params
            .signed_by(&key, &self.issuer)
            .map_err(|source| CaError::Sign { operation: "sign the hub's certificate", source })?;
        write(&key_path, &key.serialize_pem(), 0o600)?;
        write(&cert_path, &format!("{}{}", certificate.pem(), self.ca_pem), 0o644)?;
        self.read_leaf(&key_path, &cert_path)
    }

    /// The leaf on disk, where it is still good for these names. A damaged one is made again: it holds nothing.
    fn kept_leaf(&self, key: &Path, cert: &Path, names: &[String], now_us: i64) -> Option<ServerLeaf> {
        let leaf = self.read_leaf(key, cert).ok()?;
        let left_us = leaf.ends_us - now_us;
        let begun = leaf.ends_us - (SERVER_DAYS + 2) * DAY_US <= now_us;
        let named = named_by(leaf.chain.first()?)?;
        let good = begun
            && left_us > SERVER_DAYS * DAY_US / 3
            && leaf.chain.get(1) == Some(&self.ca_der)
            && all_names(names).iter().all(|name| named.contains(name));
        good.then_some(leaf)
    }

    fn read_leaf(&self, key_path: &Path, cert_path: &Path) -> Result<ServerLeaf, CaError> {
        let key = PrivateKeyDer::from_pem_file(key_path).map_err(|e| damaged(key_path, e))?;
        let chain = CertificateDer::pem_file_iter(cert_path)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|e| damaged(cert_path, e))?;
        let ends_us =
            chain.first().and_then(ends_us).ok_or_else(|| damaged(cert_path, "no certificate with an end"))?;
        Ok(ServerLeaf { chain, key, ends_us })
    }
}

/// The gateway that a certificate names: its common name.
pub fn gateway_of(certificate: &CertificateDer<'_>) -> Option<String> {
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
    let name = parsed.subject().iter_common_name().next()?.as_str().ok()?;
    Some(name.to_owned())
}

/// A new gateway's id: `gw-` and 8 characters that are hard to confuse.
pub fn new_gateway_id() -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let bits: u64 = rand::random();
    let letters = (0..8).map(|i| char::from(LETTERS[(bits >> (5 * i)) as usize & 31]));
    "gw-".chars().chain(letters).collect()
}

fn ends_us(certificate: &CertificateDer<'_>) -> Option<i64> {
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
    parsed.validity().not_after.timestamp().checked_mul(1_000_000)
}

fn named_by(certificate: &CertificateDer<'_>) -> Option<Vec<String>> {
    use x509_parser::extensions::GeneralName;
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
    let names = parsed.subject_alternative_name().ok()??.value.general_names.iter();
    let name = |general: &GeneralName<'_>| match general {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => <[u8; 4]>::try_from(*bytes).ok().map(|b| std::net::IpAddr::from(b).to_string()),
            _ => <[u8; 16]>::try_from(*bytes).ok().map(|b| std::net::IpAddr::from(b).to_string()),
        },
        _ => None,
    };
    Some(names.filter_map(name).collect())
}

fn all_names(names: &[String]) -> Vec<String> {
    let own = [HUB_NAME, "localhost", "127.0.0.1", "::1"].map(str::to_owned);
    own.into_iter().chain(names.iter().cloned()).collect()
}

fn make_ca(key: &KeyPair, now_us: i64) -> Result<String, CaError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "Yiwang hub CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    set_times(&mut params, now_us, CA_DAYS);
    let certificate = params
        .self_signed(key)
        .map_err(|source| CaError::Sign { operation: "make the authority's certificate", source })?;
    Ok(certificate.pem())
}

/// Sets begin, end and a random serial number; returns the end.
fn set_times(params: &mut CertificateParams, now_us: i64, days: i64) -> i64 {
    let now = OffsetDateTime::from_unix_timestamp(now_us / 1_000_000).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    params.not_before = now - BACKDATED;
    params.not_after = now + Duration::days(days);
    let mut serial: [u8; 16] = rand::random();
    serial[0] &= 0x7f; // positive, as RFC 5280 wants it
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    params.use_authority_key_identifier_extension = true;
    params.not_after.unix_timestamp() * 1_000_000
}

fn load_or_make_key(path: &Path) -> Result<KeyPair, CaError> {
    if !path.exists() {
        let key =
            KeyPair::generate().map_err(|source| CaError::Sign { operation: "make the authority's key", source })?;
        write(path, &key.serialize_pem(), 0o600)?;
    }
    let pem = fs::read_to_string(path).map_err(|e| file("read", path, e))?;
    KeyPair::from_pem(&pem).map_err(|e| damaged(path, e))
}

/// Held until dropped.
fn lock(dir: &Path) -> Result<File, CaError> {
    let path = dir.join("lock");
    let open = || {
        let file = OpenOptions::new().create(true).append(true).open(&path)?;
        file.lock()?;
        Ok(file)
    };
    open().map_err(|e| file("lock", &path, e))
}

/// Whole or not at all, with these permissions from the first byte on.
fn write(path: &Path, text: &str, mode: u32) -> Result<(), CaError> {
    let part = path.with_extension("new");
    let write = || {
        // A leftover would keep its own permissions.
        let _ = fs::remove_file(&part);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&part)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&part, path)
    };
    write().map_err(|e| file("write", path, e))
}

fn file(operation: &'static str, path: &Path, source: std::io::Error) -> CaError {
    CaError::File { operation, path: path.to_owned(), source }
}

fn damaged(path: &Path, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> CaError {
    CaError::Damaged { path: path.to_owned(), source: source.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    const NOW_US: i64 = 1_800_000_000_000_000;

    fn csr(common_name: &str) -> Vec<u8> {
        let mut params = CertificateParams::new(vec!["evil.example".into()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, common_name);
        let key = KeyPair::generate().unwrap();
        params.serialize_request(&key).unwrap().der().to_vec()
    }

    #[test]
    fn the_authority_is_made_once_and_its_keys_are_private() {
        let dir = tempfile::tempdir().unwrap();
        let first = Authority::open(dir.path(), NOW_US).unwrap().fingerprint();
        let again = Authority::open(dir.path(), NOW_US + DAY_US).unwrap();
        assert_eq!(again.fingerprint(), first);
        again.server_leaf(&[], NOW_US).unwrap();
        for key in ["ca.key", "server.key"] {
            let mode = fs::metadata(dir.path().join(key)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{key}");
        }
    }

    #[test]
    fn a_gateway_gets_its_id_and_nothing_that_it_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        let authority = Authority::open(dir.path(), NOW_US).unwrap();
        let issued = authority.issue_gateway(&csr("gw-somebody"), "gw-abcdefgh", NOW_US).unwrap();
        let chain: Vec<_> =
            CertificateDer::pem_slice_iter(issued.chain_pem.as_bytes()).collect::<Result<_, _>>().unwrap();
        assert_eq!(chain.len(), 2);
        assert_eq!(&chain[1], authority.ca_der());
        assert_eq!(gateway_of(&chain[0]).as_deref(), Some("gw-abcdefgh"));
        assert_eq!(named_by(&chain[0]), None, "no alternative names");
        assert_eq!(issued.ends_us, NOW_US + GATEWAY_DAYS * DAY_US);
        let mut damaged = csr("x");
        let last = damaged.len() - 1;
        damaged[last] ^= 1;
        assert!(matches!(authority.issue_gateway(&damaged, "gw-a", NOW_US), Err(CaError::Request(_))));
    }

    #[test]
    fn the_hubs_certificate_is_kept_until_a_third_is_left_or_a_name_is_added() {
        let dir = tempfile::tempdir().unwrap();
        let authority = Authority::open(dir.path(), NOW_US).unwrap();
        let at = |names: &[&str], days: i64| {
            let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
            authority.server_leaf(&names, NOW_US + days * DAY_US).unwrap().chain[0].clone()
        };
        let first = at(&[], 0);
        assert_eq!(at(&[], 59), first);
        let named = at(&["hub.example", "192.0.2.7"], 59);
        assert_ne!(named, first);
        assert_eq!(at(&["192.0.2.7"], 60), named);
        assert_ne!(at(&[], 59 + 61), named);
        assert!(matches!(authority.server_leaf(&["böse".into()], NOW_US), Err(CaError::Name { .. })));
    }

    #[test]
    fn gateway_ids_are_well_formed() {
        let id = new_gateway_id();
        assert!(id.len() == 11 && id.starts_with("gw-"), "{id}");
        assert_ne!(id, new_gateway_id());
    }
}
