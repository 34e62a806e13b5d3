//! The hub's side of a simulation: the product's session over a log in memory that commits late, and forgets what was
//! not committed when the machine stops.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use rand::RngExt;
use rand::rngs::StdRng;
use yiwang_hub::ingest::action::Action;
use yiwang_hub::ingest::session::{Session, Settings};
use yiwang_hub::log::LogEntry;
use yiwang_hub::store::CameraWatermark;
use yiwang_wire::codec;
use yiwang_wire::ranges::RangeSet;

use super::wire::{Stream, Wire};

/// The hub's disk and the connection that it may have.
#[derive(Default)]
pub(super) struct SimHub {
    disk: Disk,
    open: Option<Open>,
    /// Watermarks that the session let through, with the epoch of the gateway at that time.
    pub(super) marks: Vec<(u64, CameraWatermark)>,
    /// Connections that the session ended by itself, with the reason.
    pub(super) closed: Vec<String>,
}

/// What survives.
#[derive(Default)]
struct Disk {
    durable: BTreeMap<u64, RangeSet>,
    ids: Vec<String>,
    cameras: BTreeSet<String>,
}

struct Open {
    session: Session,
    epoch: u64,
    /// Appends that the disk has not done yet: when it will, and what.
    pending: VecDeque<(i64, u64, Arc<Vec<LogEntry>>)>,
    /// Watermarks that the store has not written yet: when it will, and which.
    marks_stored: VecDeque<(i64, i64)>,
}

impl Disk {
    fn append(&mut self, entries: &[LogEntry]) {
        for entry in entries {
            if self.durable.entry(entry.epoch).or_default().insert(entry.sequence) {
                let record = codec::decode_record(&entry.record).expect("the session encoded it");
                self.ids.push(record.event.id.to_string());
            }
        }
    }
}

impl SimHub {
    /// Everything in the log, in its order.
    pub(super) fn ids(&self) -> &[String] {
        &self.disk.ids
    }

    /// What the log has of an epoch.
    pub(super) fn has(&self, epoch: u64, sequence: u64) -> bool {
        self.disk.durable.get(&epoch).is_some_and(|set| set.contains(sequence))
    }

    /// A gateway has connected.
    pub(super) fn accept(&mut self, now_us: i64) {
        let settings = Settings {
            gateway: "gw-sim".into(),
            hub: "simulated".into(),
            known_cameras: self.disk.cameras.clone(),
            renew_now: false,
        };
        self.open = Some(Open {
            session: Session::new(settings, now_us),
            epoch: 0,
            pending: VecDeque::new(),
            marks_stored: VecDeque::new(),
        });
    }

    /// The connection is gone; what the disk was asked to do it still does.
    pub(super) fn lost(&mut self) {
        if let Some(open) = self.open.take() {
            for (_, _, entries) in open.pending {
                self.disk.append(&entries);
            }
        }
    }

    /// The machine stops: of what the disk was asked to do, the first part is done.
    pub(super) fn crash(&mut self, rng: &mut StdRng) {
        if let Some(open) = self.open.take() {
            let done = rng.random_range(0..=open.pending.len());
            for (_, _, entries) in open.pending.into_iter().take(done) {
                self.disk.append(&entries);
            }
        }
    }

    /// Takes what arrived; false where the session does not want event bytes now.
    pub(super) fn wants(&self, stream: Stream) -> bool {
        let wants = |open: &Open| open.session.wants_events();
        !matches!(stream, Stream::Events(_)) || self.open.as_ref().is_none_or(wants)
    }

    /// Bytes have arrived.
    pub(super) fn take(&mut self, now_us: i64, stream: Stream, bytes: &[u8]) {
        let Some(open) = &mut self.open else { return };
        match stream {
            Stream::Up => open.session.control(now_us, bytes),
            Stream::Events(number) => open.session.events(now_us, number, bytes),
            Stream::Down => {}
        }
    }

    /// Lets the disk and the session go on; false where the session has ended the connection.
    pub(super) fn step(&mut self, rng: &mut StdRng, now_us: i64, wire: &mut Wire) -> bool {
        let Some(open) = &mut self.open else { return true };
        while open.pending.front().is_some_and(|(at_us, ..)| *at_us <= now_us) {
            let (_, token, entries) = open.pending.pop_front().expect("just looked at");
            self.disk.append(&entries);
            open.session.committed(token);
        }
        while open.marks_stored.front().is_some_and(|(at_us, _)| *at_us <= now_us) {
            let (_, sent_us) = open.marks_stored.pop_front().expect("just looked at");
            open.session.watermarks_stored(sent_us);
        }
        if open.session.due_us().is_some_and(|due_us| due_us <= now_us) {
            open.session.tick(now_us);
        }
        while let Some(action) = open.session.poll() {
            match action {
                Action::Hello { hello, epochs, .. } => {
                    open.epoch = hello.epoch;
                    self.disk.cameras.extend(hello.cameras.into_iter().map(|camera| camera.id));
                    let of = |epoch| (epoch, self.disk.durable.get(&epoch).cloned().unwrap_or_default());
                    let durable = epochs.into_iter().map(of).collect();
                    open.session.durable(now_us, durable);
                }
                Action::Send(bytes) => wire.send(rng, now_us, Stream::Down, &bytes),
                Action::Append { token, entries } => {
                    let after_us = open.pending.back().map_or(now_us, |(at_us, ..)| *at_us);
                    let at_us = after_us.max(now_us) + rng.random_range(500..40_000);
                    open.pending.push_back((at_us, token, entries));
                }
                Action::Watermarks(marks) => {
                    let cameras = marks.cameras.into_values().map(|mark| (open.epoch, mark));
                    self.marks.extend(cameras);
                    open.marks_stored.push_back((now_us + rng.random_range(500..40_000), marks.sent_us));
                }
                Action::Status(_) | Action::Sign { .. } => {}
                Action::Close { code, reason } => {
                    self.closed.push(format!("{code:?}: {reason}"));
                    self.lost();
                    return false;
                }
            }
        }
        true
    }
}
