//! Applies the log to the store: reads from the position that the store remembers, adds what the registry knows (whose
//! camera, where), hands it to the desk that makes incidents of it and indexes it, publishes. Applying again changes nothing, so it can be interrupted anywhere and the store
//! can be made again from the log.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use yiwang_wire::codec;

use super::Waiting;
use crate::desk::Desk;
use crate::error::chain;
use crate::log::{Log, LogError, Stored};
use crate::metrics::Metrics;
use crate::registry::now_us;
use crate::store::{CameraWatermark, OPERATIONS, Store, StoreError, StoredEvent};

/// Entries applied in one transaction of the store.
const STEP_ENTRIES: usize = 1024;
/// Steps begin at least so far apart: what comes in between shares the pages that it changes, and a lone event waits for
/// nothing.
const APART: Duration = Duration::from_millis(50);
/// After a failure (a full disk) it is tried again this often.
const AGAIN: Duration = Duration::from_secs(1);

/// Takes what was applied, and up to which position: called once for each step, in order, after the store has it.
pub type Publish = Box<dyn Fn(&[Arc<StoredEvent>], u64) + Send + Sync>;

/// Why applying stopped.
#[derive(Debug, Error)]
pub enum ApplyError {
    /// The log.
    #[error("cannot read the log")]
    Log(#[from] LogError),
    /// The store.
    #[error("cannot bring the log into the store")]
    Store(#[from] StoreError),
    /// They do not belong together.
    #[error(
        "the store has applied position {applied}, the log ends at {newest}: they do not belong together. Restore both from one backup"
    )]
    Ahead {
        /// What the store says.
        applied: u64,
        /// What the log says.
        newest: u64,
    },
}

/// What the registry adds to a gateway's events.
struct Owner {
    department: Arc<str>,
    cameras: HashMap<String, Place>,
}

#[derive(Clone)]
struct Place {
    name: Arc<str>,
    place: Option<(f64, f64)>,
}

/// The one task that applies.
pub struct Applier {
    log: Arc<dyn Log>,
    store: Arc<dyn Store>,
    desk: Arc<Desk>,
    waiting: Arc<Waiting>,
    metrics: Arc<Metrics>,
    publish: Publish,
    applied: u64,
    owners: HashMap<String, Owner>,
    /// Revision of the registry that `owners` shows.
    revision: Option<u64>,
}

impl Applier {
    /// Looks where the store stands. Where the log's beginning is gone, the store is told. Nothing is published before
    /// [`Applier::publish_to`].
    pub fn new(
        log: Arc<dyn Log>,
        store: Arc<dyn Store>,
        desk: Arc<Desk>,
        waiting: Arc<Waiting>,
        metrics: Arc<Metrics>,
    ) -> Result<Self, ApplyError> {
        let publish: Publish = Box::new(|_, _| {});
        let mut applied = store.applied_position()?;
        let newest = log.newest_position();
        if applied > newest {
            return Err(ApplyError::Ahead { applied, newest });
        }
        let begins = log.oldest_position()?.unwrap_or(newest + 1);
        if begins > applied + 1 {
            store.forget_through(begins - 1)?;
            applied = begins - 1;
        }
        metrics.applied.set(i64::try_from(applied).unwrap_or(i64::MAX));
        Ok(Self { log, store, desk, waiting, metrics, publish, applied, owners: HashMap::new(), revision: None })
    }

    /// Publishes what is applied from now on.
    pub fn publish_to(mut self, publish: Publish) -> Self {
        self.publish = publish;
        self
    }

    /// Position up to which the log is applied.
    pub fn applied(&self) -> u64 {
        self.applied
    }

    /// Applies until stopped.
    pub async fn run(self, stop: CancellationToken) {
        let mut applier = Some(self);
        while let Some(mut one) = applier.take() {
            let (mut newest, waiting) = (one.log.watch(), one.waiting.clone());
            newest.mark_unchanged();
            let begun = Instant::now();
            let applied = tokio::task::spawn_blocking(move || {
                let outcome = one.catch_up();
                (one, outcome)
            });
            let Ok((one, outcome)) = applied.await else {
                tracing::error!("applying the log panicked: restart the hub");
                return;
            };
            if let Err(error) = outcome {
                one.metrics.apply_failures.inc();
                tracing::error!(error = %chain(&error), "the log is not applied, it is tried again");
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(AGAIN) => {}
                }
            } else {
                tokio::select! {
                    () = stop.cancelled() => return,
                    _ = newest.changed() => {}
                    () = waiting.arrived() => {}
                }
                tokio::time::sleep_until(begun + APART).await;
            }
            applier = Some(one);
        }
    }

    /// Applies everything that the log has now, and the watermarks that hold then.
    pub fn catch_up(&mut self) -> Result<(), ApplyError> {
        while self.step()? > 0 {}
        let mut failed = None;
        for (gateway, told) in self.waiting.take(self.applied) {
            let marks: Vec<CameraWatermark> = told.marks.cameras.values().cloned().collect();
            match self.store.set_watermarks(&gateway, &marks) {
                Ok(()) => drop(told.stored.send_replace(told.marks.sent_us)),
                Err(error) => {
                    self.waiting.push(&gateway, self.applied, told);
                    failed = Some(error);
                }
            }
        }
        failed.map_or(Ok(()), |error: StoreError| Err(error.into()))
    }

    /// One transaction of the store; returns how many entries it brought on.
    fn step(&mut self) -> Result<usize, ApplyError> {
        let entries = self.log.read(self.applied, STEP_ENTRIES)?;
        let Some(last) = entries.last().map(|entry| entry.position) else { return Ok(0) };
        self.look_up_owners()?;
        let events: Vec<Arc<StoredEvent>> =
            entries.iter().filter_map(|entry| self.event(entry)).map(Arc::new).collect();
        self.desk.apply(&events, last, now_us())?;
        self.applied = last;
        self.metrics.applied.set(i64::try_from(last).unwrap_or(i64::MAX));
        (self.publish)(&events, last);
        Ok(entries.len())
    }

    fn event(&self, entry: &Stored) -> Option<StoredEvent> {
        let record = match codec::decode_record(&entry.record) {
            Ok(record) => record,
            Err(error) => {
                // It passed the session's checks when it came: the disk or an older version changed it.
                self.metrics.undecodable.inc();
                tracing::error!(position = entry.position, gateway = %entry.gateway, %error, "a record of the log cannot be read and is left out");
                return None;
            }
        };
        let owner = self.owners.get(&entry.gateway);
        let camera = owner.zip(record.event.camera.as_ref()).and_then(|(owner, camera)| owner.cameras.get(camera));
        Some(StoredEvent {
            position: entry.position,
            gateway: entry.gateway.as_str().into(),
            // A gateway that the registry lost: only the operations centre sees it.
            department: owner.map_or_else(|| OPERATIONS.into(), |owner| owner.department.clone()),
            camera_name: camera.map(|camera| camera.name.clone()),
            place: camera.and_then(|camera| camera.place),
            received_us: entry.received_us,
            backfilled: entry.backfilled,
            epoch: entry.epoch,
            sequence: entry.sequence,
            event: record.event,
        })
    }

    /// Reads the registry where it changed.
    fn look_up_owners(&mut self) -> Result<(), StoreError> {
        let revision = self.store.revision()?;
        if self.revision == Some(revision) {
            return Ok(());
        }
        let mut owners: HashMap<String, Owner> = HashMap::new();
        for gateway in self.store.gateways()? {
            let owner = Owner { department: gateway.department.into(), cameras: HashMap::new() };
            owners.insert(gateway.id, owner);
        }
        for camera in self.store.cameras()? {
            if let Some(owner) = owners.get_mut(&camera.gateway) {
                let place = Place { name: camera.info.name.into(), place: camera.info.place };
                owner.cameras.insert(camera.info.id, place);
            }
        }
        (self.owners, self.revision) = (owners, Some(revision));
        Ok(())
    }
}
