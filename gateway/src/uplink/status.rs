//! How the uplink fares, for `/status`, the metrics and the person in front of them.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is known of the uplink at a moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct UplinkState {
    /// The hub has welcomed this gateway.
    pub connected: bool,
    /// Since when it is connected, or not; microseconds since 1970 UTC.
    pub since_us: Option<i64>,
    /// The hub's address, and its name and version while connected.
    pub hub: Option<String>,
    /// Why the last attempt or connection ended, in plain words; none while connected.
    pub last_error: Option<String>,
    /// When the next attempt is made.
    pub next_attempt_us: Option<i64>,
    /// Round trip.
    pub rtt_ms: Option<f64>,
    /// The hub's clock against this gateway's, as the last welcome showed it.
    pub hub_clock_offset_ms: Option<i64>,
    /// Events acknowledged since the start.
    pub acknowledged_events: u64,
    /// End of the gateway's certificate, microseconds since 1970 UTC.
    pub certificate_ends_us: Option<i64>,
}

/// The state, shared between the uplink and who shows it.
#[derive(Debug, Default)]
pub struct UplinkStatus(Mutex<UplinkState>);

impl UplinkStatus {
    /// A copy.
    pub fn snapshot(&self) -> UplinkState {
        self.lock().clone()
    }

    /// Says why there is no connection.
    pub fn set_error(&self, text: &str) {
        self.lock().last_error = Some(text.into());
    }

    pub(super) fn update(&self, change: impl FnOnce(&mut UplinkState)) {
        change(&mut self.lock());
    }

    fn lock(&self) -> MutexGuard<'_, UplinkState> {
        // Every field stands alone: a panic while it was held leaves nothing half written that matters.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
