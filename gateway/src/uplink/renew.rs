//! When the certificate is renewed, and whether what came is good. The key stays; the new certificate is used from the
//! next connection on. Pure but for making the request, which signs with the key.

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};

use super::identity::{certificates, public_key, validity_us};

/// An attempt is repeated after this time.
pub const AGAIN_US: i64 = 600_000_000;

/// Is it time? From when a third of the lifetime is left. A clock before the certificate's begin is wrong and decides
/// nothing.
pub fn is_due((from_us, to_us): (i64, i64), now_us: i64) -> bool {
    now_us > from_us && to_us.saturating_sub(now_us) < to_us.saturating_sub(from_us) / 3
}

/// A signing request for this key. The subject is the gateway's id, but the hub decides on it.
pub fn request(key_pem: &str, gateway: &str) -> Result<Vec<u8>, rcgen::Error> {
    let key = KeyPair::from_pem(key_pem)?;
    request_with(&key, gateway)
}

pub(super) fn request_with(key: &KeyPair, common_name: &str) -> Result<Vec<u8>, rcgen::Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    Ok(params.serialize_request(key)?.der().to_vec())
}

/// Is this chain for the same key as the present one, and does it last longer? Then its validity.
pub fn accept(chain_pem: &[u8], present_pem_key: &str, present_to_us: i64) -> Option<(i64, i64)> {
    let chain = certificates(chain_pem)?;
    let key = KeyPair::from_pem(present_pem_key).ok()?;
    let validity = validity_us(&chain[0])?;
    (public_key(&chain[0])? == key.public_key_raw() && validity.1 > present_to_us).then_some(validity)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_US: i64 = 86_400_000_000;

    #[test]
    fn a_third_before_the_end_it_is_due_and_a_wrong_clock_does_not_make_it_so() {
        let validity = (0, 30 * DAY_US);
        for (day, due) in [(-1, false), (0, false), (1, false), (19, false), (21, true), (29, true), (40, true)] {
            assert_eq!(is_due(validity, day * DAY_US), due, "day {day}");
        }
    }

    #[test]
    fn only_a_longer_certificate_for_the_same_key_is_taken() {
        let key = KeyPair::generate().unwrap();
        let other = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![]).unwrap();
        let chain = params.self_signed(&key).unwrap().pem();
        let (_, to_us) = accept(chain.as_bytes(), &key.serialize_pem(), 0).unwrap();
        assert_eq!(accept(chain.as_bytes(), &key.serialize_pem(), to_us), None);
        assert_eq!(accept(chain.as_bytes(), &other.serialize_pem(), 0), None);
        assert_eq!(accept(b"nonsense", &key.serialize_pem(), 0), None);
        let request = request(&key.serialize_pem(), "gw-1").unwrap();
        assert!(request.windows(4).any(|bytes| bytes == b"gw-1"));
    }
}
