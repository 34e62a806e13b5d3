//! What the simulated rules emitted, kept apart from everything that is tested.

use std::collections::{BTreeMap, BTreeSet};

use yiwang_hub::store::CameraWatermark;

use super::hub::SimHub;

/// One event as it was handed to the spool.
#[derive(Debug)]
struct Emitted {
    id: String,
    camera: String,
    captured_us: i64,
    /// The spool said that it is on the disk.
    durable: bool,
}

/// By epoch and sequence.
#[derive(Debug, Default)]
pub(super) struct Record {
    events: BTreeMap<(u64, u64), Emitted>,
}

impl Record {
    /// The spool took an event and gave it this place.
    pub(super) fn handed(&mut self, place: (u64, u64), id: String, camera: &str, captured_us: i64) {
        let one = Emitted { id, camera: camera.to_owned(), captured_us, durable: false };
        self.events.insert(place, one);
    }

    /// The spool has everything of the epoch up to there on its disk.
    pub(super) fn durable(&mut self, epoch: u64, sequence: u64) {
        for (_, one) in self.events.range_mut((epoch, 0)..=(epoch, sequence)).rev() {
            if std::mem::replace(&mut one.durable, true) {
                break;
            }
        }
    }

    pub(super) fn emitted(&self) -> usize {
        self.events.values().filter(|one| one.durable).count()
    }

    /// Durable with the gateway, and not in the hub's log.
    pub(super) fn missing(&self, hub: &SimHub) -> Vec<(u64, u64)> {
        let lost = |((epoch, sequence), one): (&(u64, u64), &Emitted)| {
            (one.durable && !hub.has(*epoch, *sequence)).then_some((*epoch, *sequence))
        };
        self.events.iter().filter_map(lost).collect()
    }

    pub(super) fn doubled(&self, hub: &SimHub) -> usize {
        let distinct: BTreeSet<&String> = hub.ids().iter().collect();
        hub.ids().len() - distinct.len()
    }

    /// In the log, and never emitted.
    pub(super) fn foreign(&self, hub: &SimHub) -> usize {
        let known: BTreeSet<&String> = self.events.values().map(|one| &one.id).collect();
        hub.ids().iter().filter(|id| !known.contains(id)).count()
    }

    /// Everything that the camera saw in this epoch before the mark is in the log.
    pub(super) fn check_mark(&self, hub: &SimHub, epoch: u64, mark: &CameraWatermark) -> Result<(), String> {
        let before =
            |one: &&((u64, u64), &Emitted)| one.1.camera == mark.camera && one.1.captured_us < mark.complete_to_us;
        let events = self.events.range((epoch, 0)..=(epoch, u64::MAX)).map(|(place, one)| (*place, one));
        let missing = events.filter(|one| before(&one)).find(|((epoch, sequence), _)| !hub.has(*epoch, *sequence));
        match missing {
            None => Ok(()),
            Some((place, one)) => Err(format!(
                "camera {} was called complete to {}, but {place:?} of {} is not in the log",
                mark.camera, mark.complete_to_us, one.captured_us
            )),
        }
    }
}
