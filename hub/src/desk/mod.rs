//! Where incidents are made and worked: the one place that holds the merge, the record and the store together. Events come
//! in the log's order from the applier, steps come from people; each is one transaction of the store, after which the feed
//! is told. `summary` says what sources say; `act` takes people's steps; `intake` makes threads of events.
//!
//! Memory is bounded by time and by number: incidents of which nothing happened for [`LIVE_US`], and the longest quiet ones
//! above [`LIVE_SOURCES_MAX`] sources, are worked from the store alone, and what comes later of that time founds its own
//! incident. `alarms` tells the rest in few words.

mod act;
mod alarms;
mod handover;
mod intake;
mod live;
mod summary;

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

pub(crate) use act::possible_steps;
pub use act::{ActError, By, Conflict, Found};
pub(crate) use alarms::{Brief, Looker};
pub use handover::{NewHandover, TakeOverError, count_handovers, handover};
pub(crate) use intake::stand;
pub use live::Settings;
pub use summary::{Part, Summary, camera_of, part, summary};

use crate::merge::Changes;
use crate::store::{Store, StoreResult, StoredEvent};
use live::Live;

/// How long after its last sign an incident is still merged into. A gateway that was cut off for a night finds it.
pub const LIVE_US: i64 = 48 * 3_600_000_000;
/// Sources that are held at most; an eighth more where all of them are as new.
pub const LIVE_SOURCES_MAX: usize = 200_000;
/// Threads are looked through for what is over for so long, once in so many steps, however few they are.
const FORGET_STEPS: u32 = 2_000;

/// Name of the setting with deadlines and severity rules.
pub const SETTING: &str = "incidents";

/// The desk.
pub struct Desk {
    store: Arc<dyn Store>,
    /// None after a failed write: then it is made again from the store.
    live: Mutex<Option<Live>>,
    newest: watch::Sender<i64>,
}

impl Desk {
    /// Goes on where the store stands.
    pub fn open(store: Arc<dyn Store>) -> StoreResult<Self> {
        let live = Live::load(&*store)?;
        let newest = watch::Sender::new(live.change);
        Ok(Desk { store, live: Mutex::new(Some(live)), newest })
    }

    /// The newest change that the store has; changes wake who waits on it.
    pub fn newest(&self) -> watch::Receiver<i64> {
        self.newest.subscribe()
    }

    /// Takes in events in the log's order, and indexes them; again changes nothing.
    pub fn apply(&self, events: &[Arc<StoredEvent>], applied: u64, now_us: i64) -> StoreResult<()> {
        self.with(|store, live| {
            live.refresh(store)?;
            let mut changes = Changes::default();
            for event in events {
                live.take(event, &mut changes);
            }
            live.engine.settle(&mut changes);
            let writes = live.writes(&changes, now_us);
            store.index_with(events, &writes, applied)?;
            live.steps += 1;
            if live.steps.is_multiple_of(FORGET_STEPS) || live.is_crowded() {
                live.forget();
            }
            Ok(())
        })
    }

    /// Runs work on the live incidents. What fails leaves them unknown: they are read from the store again.
    fn with<T, E: From<crate::store::StoreError>>(
        &self,
        work: impl FnOnce(&dyn Store, &mut Live) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut guard = self.lock();
        let mut live = match guard.take() {
            Some(live) => live,
            None => Live::load(&*self.store)?,
        };
        let outcome = work(&*self.store, &mut live);
        if live.trusted || outcome.is_ok() {
            let change = live.change;
            live.trusted = true;
            *guard = Some(live);
            drop(guard);
            self.newest.send_if_modified(|known| std::mem::replace(known, change) != change);
        }
        outcome
    }

    fn lock(&self) -> MutexGuard<'_, Option<Live>> {
        // A panic while it was taken out leaves none: it is loaded again.
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A thread for tests.
#[cfg(test)]
pub(crate) fn sample_thread(number: u128, department: &str, kind: &str) -> crate::merge::Thread {
    use crate::merge::spot::{Located, Spot};
    use crate::merge::{Level, Thread, thread_id};
    let event = uuid::Uuid::from_u128(number);
    let gateway = format!("gw-{department}");
    let begin_us = 1_790_000_000_000_000 + number as i64 * 1_000_000;
    Thread {
        id: thread_id(&gateway, event),
        event,
        gateway,
        camera: Some("cam-1".into()),
        camera_name: Some("东门".into()),
        department: department.into(),
        kind: kind.into(),
        rule: Some("table".into()),
        severity: Level::Medium,
        begin_us,
        end_us: None,
        last_us: begin_us,
        time_error_us: 20_000,
        momentary: false,
        spot: Some(Spot { longitude: 120.5, latitude: 30.25, error_m: 2.0, by: Located::Ground }),
        stand: None,
        point: None,
        class: Some("person".into()),
        track: Some(number as u64),
        epoch: 1,
        received_us: begin_us + 1_000,
        late: false,
        measures: Default::default(),
    }
}
