//! Watermarks between ingest and the store: a camera is shown as complete only after its events are in the store too,
//! not only in the log.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};

use crate::ingest::held::{Held, Marks, Unite};

/// Watermarks and whom to tell once they are stored: the connection that brought them.
#[derive(Debug)]
pub struct Told {
    /// The watermarks.
    pub marks: Marks,
    /// Gets their `sent_us`.
    pub stored: watch::Sender<i64>,
}

impl Unite for Told {
    fn unite(&mut self, later: Self) {
        self.marks.unite(later.marks);
        self.stored = later.stored;
    }
}

/// Watermarks by gateway, each behind a log position.
///
/// Bound: two sets a gateway ([`Held`]); later ones are united with the second.
#[derive(Default)]
pub struct Waiting {
    gateways: Mutex<BTreeMap<String, Held<u64, Told>>>,
    arrived: Notify,
}

impl Waiting {
    /// These hold once the log is applied up to `position`.
    pub fn push(&self, gateway: &str, position: u64, told: Told) {
        self.lock().entry(gateway.to_owned()).or_default().push(position, told);
        self.arrived.notify_one();
    }

    /// What holds now, by gateway.
    pub fn take(&self, applied: u64) -> Vec<(String, Told)> {
        let mut taken = Vec::new();
        let mut gateways = self.lock();
        for (gateway, held) in gateways.iter_mut() {
            while let Some(told) = held.pop(|position| position <= applied) {
                taken.push((gateway.clone(), told));
            }
        }
        gateways.retain(|_, held| !held.is_empty());
        taken
    }

    /// Resolves after a push.
    pub async fn arrived(&self) {
        self.arrived.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Held<u64, Told>>> {
        self.gateways.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
