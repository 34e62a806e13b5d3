//! The certificate that the page is served under beyond this machine: the gateway's own, made once and kept, so that a
//! browser that was told to trust it goes on to. Its fingerprint is what a person compares.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use rcgen::{CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest as _, Sha256};

use crate::uplink::files;

/// Ten years: nobody is there to renew it.
const YEARS: i32 = 10;

/// TLS as rustls knows it, and the certificate's SHA-256 as browsers show it.
///
/// # Errors
/// It can neither be read nor made; the text says what to do.
pub(super) fn tls(state_dir: &Path, names: &[String]) -> Result<(Arc<rustls::ServerConfig>, String), String> {
    let (chain, key) = load_or_make(state_dir, names)?;
    let print = fingerprint_of(&chain);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS: {error}"))?
        .with_no_client_auth()
        .with_single_cert(vec![chain], key)
        .map_err(|error| format!("the page's certificate: {error}. Remove page-certificate.pem and page-key.pem"))?;
    Ok((Arc::new(config), print))
}

/// The fingerprint of the certificate that is kept; none where none was made yet.
pub fn fingerprint(state_dir: &Path) -> Option<String> {
    let pem = std::fs::read(state_dir.join("page-certificate.pem")).ok()?;
    let chain = rustls_pemfile::certs(&mut pem.as_slice()).next()?.ok()?;
    Some(fingerprint_of(&chain))
}

fn load_or_make(
    state_dir: &Path,
    names: &[String],
) -> Result<(CertificateDer<'static>, PrivateKeyDer<'static>), String> {
    let (certificate, key) = (state_dir.join("page-certificate.pem"), state_dir.join("page-key.pem"));
    if !certificate.exists() || !key.exists() {
        let made = make(names).map_err(|error| format!("the page's certificate cannot be made: {error}"))?;
        let write = |path: &Path, text: &str| {
            files::replace(path, text.as_bytes(), 0o600)
                .map_err(|error| format!("cannot write {}: {error}", path.display()))
        };
        // The key last: half of a pair is made anew.
        write(&certificate, &made.0)?;
        write(&key, &made.1)?;
    }
    let read = |path: &Path| std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()));
    let (chain, secret) = (read(&certificate)?, read(&key)?);
    let chain = rustls_pemfile::certs(&mut chain.as_slice()).next().and_then(Result::ok);
    let secret = rustls_pemfile::private_key(&mut secret.as_slice()).ok().flatten();
    let broken = || format!("{} or {} is damaged: remove both", certificate.display(), key.display());
    chain.zip(secret).ok_or_else(broken)
}

fn make(names: &[String]) -> Result<(String, String), rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(names.to_vec())?;
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, "Yiwang gateway");
    params.distinguished_name = name;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let now = time::OffsetDateTime::now_utc();
    // A day back: a clock at the site that is a little slow must not find it not yet valid.
    params.not_before = now - time::Duration::days(1);
    params.not_after = now.replace_year(now.year() + YEARS).unwrap_or(now + time::Duration::days(3650));
    Ok((params.self_signed(&key)?.pem(), key.serialize_pem()))
}

fn fingerprint_of(chain: &CertificateDer<'_>) -> String {
    let digest = Sha256::digest(chain.as_ref());
    digest.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
}

/// What the certificate speaks for.
pub(super) fn names(listen: IpAddr, own: &[String]) -> Vec<String> {
    let address = (!listen.is_unspecified()).then(|| listen.to_string());
    ["localhost".to_owned(), "127.0.0.1".to_owned()].into_iter().chain(address).chain(own.iter().cloned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_made_once_and_known_by_its_fingerprint() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(fingerprint(dir.path()), None);
        let names = names(IpAddr::from([192, 0, 2, 1]), &["gateway.site".to_owned()]);
        let (_, first) = tls(dir.path(), &names).unwrap();
        let (_, again) = tls(dir.path(), &names).unwrap();
        assert_eq!((&first, first.len()), (&again, 95));
        assert_eq!(fingerprint(dir.path()), Some(first));
        std::fs::write(dir.path().join("page-key.pem"), "nonsense").unwrap();
        assert!(tls(dir.path(), &names).unwrap_err().contains("remove both"));
    }
}
