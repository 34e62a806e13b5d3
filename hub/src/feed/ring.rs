//! The newest events in memory, once for all subscribers. Bounded: the oldest make room, and whoever still needs them
//! reads the store. The bytes of an event's frame are made once and shared.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use tokio::sync::watch;

use crate::store::StoredEvent;

/// Events kept. About 3 KB each with its frame.
pub const RING_EVENTS: usize = 10_000;

/// An event on its way to subscribers.
#[derive(Debug)]
pub struct Fed {
    stored: Arc<StoredEvent>,
    /// The frame under the policy revision that it names.
    frame: Mutex<Option<(u64, Bytes)>>,
}

impl Fed {
    /// Of an event.
    pub fn new(stored: Arc<StoredEvent>) -> Self {
        Self { stored, frame: Mutex::new(None) }
    }

    /// The event.
    pub fn stored(&self) -> &StoredEvent {
        &self.stored
    }

    /// The frame for this policy revision; `make` runs only where nobody needed it before.
    pub fn frame(&self, policy_revision: u64, make: impl FnOnce(&StoredEvent) -> Bytes) -> Bytes {
        let mut frame = self.frame.lock().unwrap_or_else(PoisonError::into_inner);
        match &*frame {
            Some((revision, bytes)) if *revision == policy_revision => bytes.clone(),
            _ => {
                let bytes = make(&self.stored);
                *frame = Some((policy_revision, bytes.clone()));
                bytes
            }
        }
    }
}

/// What a subscriber reads.
#[derive(Debug)]
pub enum Read {
    /// These follow, and everything up to `through` is read with them.
    Events {
        /// In order.
        events: Vec<Arc<Fed>>,
        /// The cursor from now on.
        through: u64,
    },
    /// The ring has moved on: the store has what follows, up to `floor` at least.
    Older {
        /// The ring begins after this position.
        floor: u64,
    },
}

/// The newest events. Bound: [`RING_EVENTS`], or as made; the oldest make room.
pub struct Ring {
    inner: Mutex<Inner>,
    newest: watch::Sender<u64>,
    capacity: usize,
}

struct Inner {
    events: VecDeque<Arc<Fed>>,
    /// The ring holds every event in `(floor, newest]`.
    floor: u64,
    newest: u64,
}

impl Ring {
    /// Begins empty after a position: the one that the store has applied.
    pub fn new(applied_position: u64) -> Self {
        Self::with_capacity(applied_position, RING_EVENTS)
    }

    /// With another bound.
    pub fn with_capacity(applied_position: u64, capacity: usize) -> Self {
        let inner = Inner { events: VecDeque::new(), floor: applied_position, newest: applied_position };
        Self { inner: Mutex::new(inner), newest: watch::Sender::new(applied_position), capacity: capacity.max(1) }
    }

    /// Publishes events that the store has indexed, in order, and that it is applied up to a position. What was
    /// published before is left out.
    pub fn publish(&self, events: &[Arc<StoredEvent>], applied_position: u64) {
        let mut inner = self.lock();
        let known = inner.newest;
        for event in events.iter().filter(|event| event.position > known) {
            inner.events.push_back(Arc::new(Fed::new(event.clone())));
        }
        while inner.events.len() > self.capacity {
            if let Some(gone) = inner.events.pop_front() {
                inner.floor = gone.stored.position;
            }
        }
        inner.newest = known.max(applied_position);
        let newest = inner.newest;
        drop(inner);
        self.newest.send_replace(newest);
    }

    /// The newest position that is published; changes wake who waits on it.
    pub fn newest(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    /// At most `limit` events after a position.
    pub fn after(&self, position: u64, limit: usize) -> Read {
        let inner = self.lock();
        if position < inner.floor {
            return Read::Older { floor: inner.floor };
        }
        let first = inner.events.partition_point(|fed| fed.stored.position <= position);
        let events: Vec<Arc<Fed>> = inner.events.iter().skip(first).take(limit).cloned().collect();
        let through = match events.last() {
            Some(last) if first + events.len() < inner.events.len() => last.stored.position,
            _ => inner.newest.max(position),
        };
        Read::Events { events, through }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing that can panic runs between the steps of a change.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::conformance::sample_event;

    fn publish(ring: &Ring, positions: std::ops::RangeInclusive<u64>, applied: u64) {
        let events: Vec<_> = positions.map(|p| Arc::new(sample_event(p, "police", p as i64))).collect();
        ring.publish(&events, applied);
    }

    fn positions(read: Read) -> Option<(Vec<u64>, u64)> {
        match read {
            Read::Events { events, through } => Some((events.iter().map(|e| e.stored.position).collect(), through)),
            Read::Older { .. } => None,
        }
    }

    #[test]
    fn a_cursor_reads_every_event_once_or_learns_that_the_ring_moved_on() {
        let ring = Ring::with_capacity(100, 4);
        assert!(matches!(ring.after(99, 10), Read::Older { floor: 100 }));
        assert_eq!(positions(ring.after(100, 10)), Some((vec![], 100)));
        publish(&ring, 101..=103, 105);
        assert_eq!(positions(ring.after(100, 2)), Some((vec![101, 102], 102)));
        assert_eq!(positions(ring.after(102, 10)), Some((vec![103], 105)), "the cursor passes what holds no event");
        publish(&ring, 103..=108, 108);
        assert_eq!(positions(ring.after(105, 10)), Some((vec![106, 107, 108], 108)));
        publish(&ring, 109..=110, 110);
        assert!(matches!(ring.after(105, 10), Read::Older { floor: 106 }));
        assert_eq!(positions(ring.after(106, 10)), Some((vec![107, 108, 109, 110], 110)));
        assert_eq!(*ring.newest().borrow(), 110);
    }

    #[test]
    fn a_frame_is_made_once_for_each_policy_revision() {
        let fed = Fed::new(Arc::new(sample_event(1, "police", 1)));
        let mut made = 0;
        for revision in [1, 1, 1, 2, 2] {
            fed.frame(revision, |_| {
                made += 1;
                Bytes::from_static(b"x")
            });
        }
        assert_eq!(made, 2);
    }
}
