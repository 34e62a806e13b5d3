//! How long to wait before the next attempt. Pure: chance comes in as a number.

use std::time::Duration;

use yiwang_wire::close::CloseCode;

const FIRST_MS: u64 = 200;
const LAST_MS: u64 = 10_000;
/// After a refusal that a person has to mend first.
const REFUSED_MS: u64 = 30_000;

/// Doubles from 0.2 s to 10 s; jittered over its upper half, so that gateways which lost the same hub do not come back
/// at the same moment.
#[derive(Debug, Default)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The hub has welcomed this gateway: the next failure is a first one.
    pub fn succeeded(&mut self) {
        self.failures = 0;
    }

    /// The wait after a failure; `chance` is uniform in 0–1.
    pub fn failed(&mut self, code: Option<CloseCode>, chance: f64) -> Duration {
        let doubled = FIRST_MS.saturating_mul(1 << self.failures.min(10)).min(LAST_MS);
        self.failures = self.failures.saturating_add(1);
        let base_ms = match code {
            Some(
                CloseCode::Revoked
                | CloseCode::UnknownGateway
                | CloseCode::CertificateRequired
                | CloseCode::Version
                | CloseCode::NotYours
                | CloseCode::Superseded,
            ) => REFUSED_MS,
            _ => doubled,
        };
        Duration::from_millis(base_ms).mul_f64(0.5 + chance.clamp(0.0, 1.0) / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_to_ten_seconds_and_begin_anew_after_a_welcome() {
        let mut backoff = Backoff::default();
        let waits: Vec<u128> = (0..9).map(|_| backoff.failed(None, 1.0).as_millis()).collect();
        assert_eq!(waits, [200, 400, 800, 1600, 3200, 6400, 10_000, 10_000, 10_000]);
        backoff.succeeded();
        assert_eq!(backoff.failed(None, 0.0).as_millis(), 100);
        assert_eq!(backoff.failed(Some(CloseCode::Revoked), 1.0).as_millis(), 30_000);
        assert_eq!((0..1000).map(|_| backoff.failed(None, 1.0).as_millis()).max(), Some(10_000));
    }
}
