//! Who is here right now: in memory, written by `ingest`, read by `web` and the metrics. A gateway is connected while
//! something came from it within [`CONTACT_MAX_US`]; an open connection that says nothing is no contact. It reads no
//! clock.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use yiwang_wire::pb;

/// A gateway that was heard within this time is connected. Gateways send a status every 2 s or so.
pub const CONTACT_MAX_US: i64 = 6_000_000;

/// What a camera is doing, as its gateway said last.
#[derive(Debug, Clone, PartialEq)]
pub struct CameraPresence {
    /// `starting`, `ok` or `down`.
    pub state: String,
    /// Code of the cause while down.
    pub cause: String,
    /// The same in plain words, English.
    pub cause_text: String,
    /// Since when, microseconds since 1970 UTC by the gateway's clock.
    pub since_us: i64,
    /// Pictures analysed a second.
    pub analysed_fps: f32,
    /// The camera's clock against the gateway's, where measured.
    pub clock_offset_ms: i64,
}

/// A gateway that is or was connected since the hub started.
#[derive(Debug, Clone, PartialEq)]
pub struct GatewayPresence {
    /// The connection that counts; none while there is none.
    pub connection: Option<u64>,
    /// When that connection, or the last one, was welcomed.
    pub connected_since_us: i64,
    /// When something last came from it.
    pub last_contact_us: i64,
    /// Where it connects from.
    pub address: SocketAddr,
    /// The gateway's clock less the hub's, at the last status.
    pub clock_offset_ms: i64,
    /// Events that its spool holds and the hub does not have yet.
    pub spooled_events: u64,
    /// Bytes of its spool.
    pub spooled_bytes: u64,
    /// Events that its spool had to drop since its epoch began.
    pub dropped_events: u64,
    /// Its cameras.
    pub cameras: BTreeMap<String, CameraPresence>,
}

impl GatewayPresence {
    /// Connected means: an open connection that was heard lately.
    pub fn is_connected(&self, now_us: i64) -> bool {
        self.connection.is_some() && now_us.saturating_sub(self.last_contact_us) <= CONTACT_MAX_US
    }
}

/// All gateways' presence. Bound: one line for each gateway of the registry, its cameras bounded by the wire's limits.
#[derive(Debug, Default)]
pub struct Presence {
    gateways: Mutex<BTreeMap<String, GatewayPresence>>,
}

impl Presence {
    /// A gateway was welcomed. The newest connection counts.
    pub fn connected(&self, gateway: &str, connection: u64, address: SocketAddr, now_us: i64) {
        let mut gateways = self.lock();
        let line = gateways.entry(gateway.to_owned()).or_insert_with(|| GatewayPresence {
            connection: None,
            connected_since_us: now_us,
            last_contact_us: now_us,
            address,
            clock_offset_ms: 0,
            spooled_events: 0,
            spooled_bytes: 0,
            dropped_events: 0,
            cameras: BTreeMap::new(),
        });
        line.connection = Some(connection);
        line.connected_since_us = now_us;
        line.last_contact_us = now_us;
        line.address = address;
    }

    /// Something came from it.
    pub fn contact(&self, gateway: &str, connection: u64, now_us: i64) {
        self.update(gateway, connection, |line| line.last_contact_us = now_us);
    }

    /// It said how it is.
    pub fn status(&self, gateway: &str, connection: u64, status: &pb::Status, now_us: i64) {
        self.update(gateway, connection, |line| {
            line.clock_offset_ms = status.clock_us.saturating_sub(now_us) / 1000;
            line.spooled_events = status.spooled_events;
            line.spooled_bytes = status.spooled_bytes;
            line.dropped_events = status.dropped_events;
            line.cameras = status.cameras.iter().map(camera).collect();
        });
    }

    /// A connection ended. One that was replaced already changes nothing.
    pub fn disconnected(&self, gateway: &str, connection: u64) {
        self.update(gateway, connection, |line| line.connection = None);
    }

    /// One gateway's line.
    pub fn get(&self, gateway: &str) -> Option<GatewayPresence> {
        self.lock().get(gateway).cloned()
    }

    /// A copy of every line.
    pub fn snapshot(&self) -> BTreeMap<String, GatewayPresence> {
        self.lock().clone()
    }

    /// When each gateway was last heard, for the store.
    pub fn last_contacts(&self) -> Vec<(String, i64)> {
        self.lock().iter().map(|(id, line)| (id.clone(), line.last_contact_us)).collect()
    }

    fn update(&self, gateway: &str, connection: u64, change: impl FnOnce(&mut GatewayPresence)) {
        if let Some(line) = self.lock().get_mut(gateway)
            && line.connection == Some(connection)
        {
            change(line);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, GatewayPresence>> {
        // Every field stands alone: a panic while the lock was held leaves nothing half written that matters.
        self.gateways.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn camera(status: &pb::CameraStatus) -> (String, CameraPresence) {
    let presence = CameraPresence {
        state: status.state.clone(),
        cause: status.cause.clone(),
        cause_text: status.cause_text.clone(),
        since_us: status.since_us,
        analysed_fps: status.analysed_fps,
        clock_offset_ms: status.clock_offset_ms,
    };
    (status.camera.clone(), presence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_not_contact_and_a_replaced_connection_says_nothing() {
        let presence = Presence::default();
        let address = "192.0.2.1:1000".parse().unwrap();
        let connected = |now_us| presence.get("gw").is_some_and(|line| line.is_connected(now_us));
        assert!(!connected(0));
        presence.connected("gw", 1, address, 0);
        assert!(connected(CONTACT_MAX_US) && !connected(CONTACT_MAX_US + 1));
        presence.connected("gw", 2, address, 10_000_000);
        presence.disconnected("gw", 1);
        presence.contact("gw", 1, 90_000_000);
        assert!(connected(10_000_000) && !connected(90_000_000));
        let status = pb::Status { clock_us: 11_500_000, dropped_events: 3, ..Default::default() };
        presence.status("gw", 2, &status, 11_000_000);
        let line = presence.get("gw").unwrap();
        assert_eq!((line.clock_offset_ms, line.dropped_events), (500, 3));
        presence.disconnected("gw", 2);
        assert!(!connected(11_000_000));
    }
}
