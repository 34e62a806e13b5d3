//! The open connections of gateways: at most one each, the newest. Revocation and shutting down reach them from here.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use quinn::{Connection, VarInt};
use yiwang_wire::close::CloseCode;

/// Open connections by gateway. Bound: one for each gateway of the registry.
#[derive(Default)]
pub struct Live {
    connections: Mutex<BTreeMap<String, Connection>>,
}

impl Live {
    /// This connection is the gateway's now; the one before is closed.
    pub fn insert(&self, gateway: &str, connection: Connection) {
        if let Some(older) = self.lock().insert(gateway.to_owned(), connection) {
            close(&older, CloseCode::Superseded, "the same gateway connected again");
        }
    }

    /// This connection ended; a newer one stays.
    pub fn remove(&self, gateway: &str, stable_id: usize) {
        let mut connections = self.lock();
        if connections.get(gateway).is_some_and(|connection| connection.stable_id() == stable_id) {
            connections.remove(gateway);
        }
    }

    /// Closes the gateway's connection, if there is one.
    pub fn close(&self, gateway: &str, code: CloseCode, reason: &str) -> bool {
        let connection = self.lock().remove(gateway);
        connection.is_some_and(|connection| {
            close(&connection, code, reason);
            true
        })
    }

    /// Ids of the gateways that are connected.
    pub fn gateways(&self) -> Vec<String> {
        self.lock().keys().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Connection>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes with a named code.
pub(super) fn close(connection: &Connection, code: CloseCode, reason: &str) {
    connection.close(VarInt::from_u32(code.as_u32()), reason.as_bytes());
}
