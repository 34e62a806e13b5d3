//! The gateway's side of one connection, as a state machine without socket, clock, disk or chance: the same calls give
//! the same answers. The shell (`link`) or a simulation drives it:
//!
//! ```text
//! new → start                      hello; then
//! receive(frame payload)           welcome, acknowledgements, a certificate → actions
//! spool_changed(view)              whenever the spool has written, dropped or released
//! want(lane) → read the spool → offer → payloads to write, framed, on that lane's stream in this order
//! tick(report)                     at `next_tick_us`: heartbeat, watermarks
//! ```
//!
//! Each lane is one unidirectional stream with its own names. Live events are those spooled after the welcome; what
//! was held by then is back-fill, which is wanted only while nothing live is, and never fills the whole window.
//! What the hub must answer for is kept in a window of events and bytes; above it nothing is wanted (back-pressure).
//! A payload that was handed out counts as sent until this session ends; a new session begins with what the hub says
//! is durable, so nothing else is sent again.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use yiwang_wire::close::CloseCode;
use yiwang_wire::codec::{self, BatchEncoder};
use yiwang_wire::event::{KindDescriptor, Record};
use yiwang_wire::pb::{self, down, up};
use yiwang_wire::ranges::RangeSet;
use yiwang_wire::{VERSION, limits};

use super::CameraInfo;
use super::marks::{Marks, Report};
use crate::spool::SpoolView;

/// What the hello says and how much may be under way.
#[derive(Debug, Clone)]
pub struct SessionSettings {
    /// Name and version of the build.
    pub software: String,
    /// Revision of the configuration in force.
    pub config_revision: String,
    /// The cameras.
    pub cameras: Vec<CameraInfo>,
    /// What the kinds are called.
    pub kinds: Vec<KindDescriptor>,
    /// What pictures the hub may ask for (`yiwang_wire::picture`).
    pub pictures: u32,
    /// Events sent and not acknowledged.
    pub window_events: usize,
    /// Bytes sent and not acknowledged.
    pub window_bytes: usize,
    /// Events in one batch.
    pub batch_events: usize,
}

impl SessionSettings {
    /// With the bounds that suit a gateway in the field.
    pub fn new(config_revision: String, cameras: Vec<CameraInfo>, kinds: Vec<KindDescriptor>) -> Self {
        Self {
            software: crate::SOFTWARE.into(),
            config_revision,
            cameras,
            kinds,
            pictures: 0,
            window_events: 16 * 1024,
            window_bytes: 4 << 20,
            batch_events: limits::MAX_BATCH_EVENTS,
        }
    }
}

/// Which stream events travel on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// As they happen.
    Live,
    /// Kept back while there was no connection.
    Backfill,
}

/// Events that the session would send next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Want {
    /// On which stream.
    pub lane: Lane,
    /// Of which epoch.
    pub epoch: u64,
    /// From this sequence on.
    pub from: u64,
    /// At most so many.
    pub events_max: usize,
    /// At most about so many bytes, as the spool counts them.
    pub bytes_max: usize,
}

/// What the shell is to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Write this payload, framed, to the control stream.
    Control(Vec<u8>),
    /// The hub has these: the spool may let them go.
    Release {
        /// Of which epoch.
        epoch: u64,
        /// Which.
        durable: RangeSet,
    },
    /// The hub has this camera's gaps that end by then.
    ForgetGaps {
        /// The camera.
        camera: String,
        /// The end of the last one.
        to_us: i64,
    },
    /// The hub has the time spans of what the spool dropped, up to this number.
    ForgetDropped(u64),
    /// The hub has welcomed this gateway: events may flow.
    Welcomed {
        /// Its name and version.
        hub: String,
        /// Its clock when it answered.
        clock_us: i64,
        /// It asks for a renewal of the certificate.
        renew_now: bool,
    },
    /// The next certificate chain.
    Renewed(Vec<u8>),
    /// The hub did not do what was asked, but goes on.
    Refused(String),
    /// Close the connection; the session is over.
    Close {
        /// How.
        code: CloseCode,
        /// Why, for both sides' logs.
        reason: String,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    New,
    Waiting { since_us: i64 },
    Live,
    Over,
}

/// The hub must answer the hello within this time.
pub const WELCOME_WITHIN_US: i64 = 10_000_000;
/// Of the window's parts, in quarters, this much is open to back-fill.
const BACKFILL_QUARTERS: usize = 3;

/// One connection's state.
#[derive(Debug)]
pub struct Session {
    settings: Arc<SessionSettings>,
    phase: Phase,
    epoch: u64,
    epochs: BTreeMap<u64, Outgoing>,
    /// More epochs are held than a hello can name; the rest comes with the next session.
    epochs_left: bool,
    encoders: [BatchEncoder; 2],
    /// Bound: `window_events` and one batch. Overflow: nothing more is wanted.
    in_flight: VecDeque<InFlight>,
    in_flight_events: usize,
    in_flight_bytes: usize,
    marks: Marks,
    acknowledged_events: u64,
}

/// What of an epoch is still to be sent.
#[derive(Debug)]
struct Outgoing {
    first: u64,
    last: u64,
    /// Up to here it is back-fill.
    boundary: u64,
    /// Durable at the hub, or lost.
    settled: RangeSet,
    /// Settled, or sent in this session.
    handled: RangeSet,
}

#[derive(Debug)]
struct InFlight {
    epoch: u64,
    sequences: RangeSet,
    events: usize,
    bytes: usize,
}

impl Session {
    /// A session over what the spool holds now.
    pub fn new(settings: Arc<SessionSettings>, view: &SpoolView) -> Self {
        let older = view.held.iter().filter(|held| held.epoch != view.epoch && held.first <= held.last);
        let named: Vec<u64> = older.clone().map(|held| held.epoch).take(limits::MAX_EPOCHS - 1).collect();
        let epochs_left = older.count() > named.len();
        let outgoing =
            || Outgoing { first: 1, last: 0, boundary: 0, settled: RangeSet::new(), handled: RangeSet::new() };
        let mut session = Self {
            settings,
            phase: Phase::New,
            epoch: view.epoch,
            epochs: named.into_iter().chain([view.epoch]).map(|epoch| (epoch, outgoing())).collect(),
            epochs_left,
            encoders: Default::default(),
            in_flight: VecDeque::new(),
            in_flight_events: 0,
            in_flight_bytes: 0,
            marks: Marks::new(view.epoch),
            acknowledged_events: 0,
        };
        session.spool_changed(view);
        session
    }

    /// Says hello. Call it once, when the control stream is open.
    pub fn start(&mut self, now_us: i64) -> Vec<Action> {
        self.phase = Phase::Waiting { since_us: now_us };
        let hello = pb::Hello {
            version: VERSION,
            software: self.settings.software.clone(),
            epoch: self.epoch,
            clock_us: now_us,
            config_revision: self.settings.config_revision.clone(),
            cameras: self.settings.cameras.iter().map(CameraInfo::to_pb).collect(),
            kinds: self.settings.kinds.iter().map(codec::descriptor_to_pb).collect(),
            epochs_held: self.epochs.keys().copied().collect(),
            pictures: self.settings.pictures,
        };
        vec![Action::Control(codec::encode_up(up::Message::Hello(hello)))]
    }

    /// Takes a frame's payload from the control stream.
    pub fn receive(&mut self, payload: &[u8], _now_us: i64) -> Vec<Action> {
        let message = match codec::decode_down(payload) {
            Ok(Some(message)) => message,
            Ok(None) => return Vec::new(),
            Err(error) => return self.close(error.close_code(), &crate::spool::with_causes(&error)),
        };
        match (message, self.phase) {
            (_, Phase::New | Phase::Over) => Vec::new(),
            (down::Message::Refused(refused), _) => vec![Action::Refused(refused.reason)],
            (down::Message::Welcome(welcome), Phase::Waiting { .. }) => self.welcome(welcome),
            (down::Message::Ack(ack), Phase::Live) => self.acknowledge(&ack),
            (down::Message::Renewed(renewed), Phase::Live) => vec![Action::Renewed(renewed.chain_pem)],
            (down::Message::Welcome(_), _) => self.close(CloseCode::Protocol, "a second welcome"),
            (_, Phase::Waiting { .. }) => self.close(CloseCode::Protocol, "a message before the welcome"),
        }
    }

    /// Takes over what the spool holds and lost meanwhile.
    pub fn spool_changed(&mut self, view: &SpoolView) {
        for held in &view.held {
            if let Some(epoch) = self.epochs.get_mut(&held.epoch) {
                epoch.first = epoch.first.max(held.first);
                epoch.last = epoch.last.max(held.last);
                if self.phase != Phase::Live {
                    epoch.boundary = epoch.last;
                }
                epoch.settle(1, epoch.first - 1);
            }
        }
        for (epoch, lost) in &view.lost {
            if let Some(epoch) = self.epochs.get_mut(epoch) {
                lost.iter().for_each(|(first, last)| epoch.settle(first, last));
            }
        }
        self.marks.lost = view.lost.iter().find(|(epoch, _)| *epoch == self.epoch).map(|(_, lost)| lost.clone());
        // An earlier epoch that the spool has no more of is settled, whichever way it went.
        for (number, epoch) in &mut self.epochs {
            if *number != self.epoch && !view.held.iter().any(|held| held.epoch == *number) {
                epoch.settle(1, epoch.last);
            }
        }
    }

    /// What this lane would send next; none while there is nothing or the window is full.
    pub fn want(&self, lane: Lane) -> Option<Want> {
        if self.phase != Phase::Live {
            return None;
        }
        let live = self.next_live();
        let (epoch, from, quarters) = match lane {
            Lane::Live => (self.epoch, live?, 4),
            Lane::Backfill if live.is_some() => return None,
            Lane::Backfill => {
                let (epoch, from) =
                    self.epochs.iter().find_map(|(&epoch, out)| Some((epoch, out.next(1, out.boundary)?)))?;
                (epoch, from, BACKFILL_QUARTERS)
            }
        };
        let room = |limit: usize, used: usize| (limit / 4 * quarters).saturating_sub(used);
        let events_max = room(self.settings.window_events, self.in_flight_events).min(self.settings.batch_events);
        let bytes_max = room(self.settings.window_bytes, self.in_flight_bytes).min(limits::MAX_FRAME_BYTES);
        (events_max > 0 && bytes_max > 0).then_some(Want { lane, epoch, from, events_max, bytes_max })
    }

    /// Takes what the spool gave for a want, in sequence from `want.from` on, and returns the payloads to write, each
    /// as one frame. Nothing given means that the spool has nothing there any more. The most urgent come first.
    pub fn offer(&mut self, want: &Want, records: Vec<Record>) -> Vec<Vec<u8>> {
        let Some(out) = self.epochs.get_mut(&want.epoch) else { return Vec::new() };
        let limit = if want.lane == Lane::Live { out.last.max(want.from) } else { out.boundary };
        let mut records = records;
        records.retain(|record| record.epoch == want.epoch && record.sequence >= want.from && record.sequence <= limit);
        let looked_at = records.last().map_or(limit, |record| record.sequence);
        records.retain(|record| !out.handled.contains(record.sequence));
        out.handled.insert_range(want.from, looked_at);
        records.sort_by_key(|record| std::cmp::Reverse(record.event.severity));
        let backfill = want.lane == Lane::Backfill;
        let encoder = &mut self.encoders[usize::from(backfill)];
        let mut payloads = Vec::new();
        let mut rest = records.as_slice();
        while !rest.is_empty() {
            let (payload, taken) = encoder.encode(want.epoch, backfill, rest);
            let sequences = rest[..taken].iter().map(|record| (record.sequence, record.sequence)).collect();
            self.in_flight.push_back(InFlight { epoch: want.epoch, sequences, events: taken, bytes: payload.len() });
            self.in_flight_events += taken;
            self.in_flight_bytes += payload.len();
            payloads.push(payload);
            rest = &rest[taken..];
        }
        payloads
    }

    /// What time has made due. Read the board before the spool's last sequence, see [`Report`].
    pub fn tick(&mut self, report: &Report<'_>, now_us: i64) -> Vec<Action> {
        match self.phase {
            Phase::Waiting { since_us } if now_us - since_us > WELCOME_WITHIN_US => {
                self.close(CloseCode::Silent, "no welcome came within 10 s")
            }
            Phase::Live if self.epochs_left && self.older_settled() => {
                self.close(CloseCode::Done, "the next epochs follow in a new session")
            }
            Phase::Live => {
                self.marks.due(report, self.older_settled(), now_us).into_iter().map(Action::Control).collect()
            }
            _ => Vec::new(),
        }
    }

    /// When `tick` has something to do again.
    pub fn next_tick_us(&self, now_us: i64) -> i64 {
        match self.phase {
            Phase::Waiting { since_us } => since_us + WELCOME_WITHIN_US + 1,
            _ => self.marks.next_us(now_us),
        }
    }

    /// Asks for a new certificate.
    pub fn renew(&mut self, csr_der: Vec<u8>) -> Vec<Action> {
        if self.phase != Phase::Live {
            return Vec::new();
        }
        vec![Action::Control(codec::encode_up(up::Message::Renew(pb::Renew { csr_der })))]
    }

    /// Has the hub welcomed this gateway?
    pub fn is_live(&self) -> bool {
        self.phase == Phase::Live
    }

    /// Events that the hub acknowledged in this session.
    pub fn acknowledged_events(&self) -> u64 {
        self.acknowledged_events
    }

    /// Events sent and not acknowledged.
    pub fn in_flight_events(&self) -> usize {
        self.in_flight_events
    }

    /// Is everything that the spool held acknowledged, or lost?
    pub fn is_settled(&self) -> bool {
        self.epochs.values().all(|out| out.settled.covers(out.first, out.last))
    }

    fn welcome(&mut self, welcome: pb::Welcome) -> Vec<Action> {
        if welcome.version != VERSION {
            let reason = format!("the hub speaks version {} of the contract, this gateway {VERSION}", welcome.version);
            return self.close(CloseCode::Version, &reason);
        }
        self.phase = Phase::Live;
        let mut actions =
            vec![Action::Welcomed { hub: welcome.hub, clock_us: welcome.clock_us, renew_now: welcome.renew_now }];
        actions.extend(self.durable(&welcome.durable));
        self.acknowledged_events = 0;
        actions
    }

    fn acknowledge(&mut self, ack: &pb::Ack) -> Vec<Action> {
        let mut actions = self.durable(&ack.durable);
        actions.extend(self.marks.acknowledged(ack.watermarks_us));
        actions
    }

    fn durable(&mut self, durable: &[pb::Durable]) -> Vec<Action> {
        let mut actions = Vec::new();
        for durable in durable {
            let (epoch, ranges) = codec::durable_from_pb(durable);
            let Some(out) = self.epochs.get_mut(&epoch) else { continue };
            let mut known = RangeSet::new();
            for (first, last) in ranges.iter() {
                // What was never spooled cannot be durable; a hub that says so must not swallow what comes.
                known.insert_range(first, last.min(out.last));
            }
            known.iter().for_each(|(first, last)| out.settle(first, last));
            actions.push(Action::Release { epoch, durable: known });
        }
        self.clear_in_flight();
        actions
    }

    fn clear_in_flight(&mut self) {
        let (epochs, mut events, mut bytes) = (&self.epochs, 0, 0);
        self.in_flight.retain(|batch| {
            let settled = epochs
                .get(&batch.epoch)
                .is_none_or(|out| batch.sequences.iter().all(|(first, last)| out.settled.covers(first, last)));
            if settled {
                events += batch.events;
                bytes += batch.bytes;
            }
            !settled
        });
        self.in_flight_events -= events;
        self.in_flight_bytes -= bytes;
        self.acknowledged_events += events as u64;
    }

    fn next_live(&self) -> Option<u64> {
        let out = self.epochs.get(&self.epoch)?;
        out.next(out.boundary + 1, out.last)
    }

    fn older_settled(&self) -> bool {
        self.epochs.range(..self.epoch).all(|(_, out)| out.settled.covers(out.first, out.last))
    }

    fn close(&mut self, code: CloseCode, reason: &str) -> Vec<Action> {
        self.phase = Phase::Over;
        vec![Action::Close { code, reason: reason.into() }]
    }
}

impl Outgoing {
    fn settle(&mut self, first: u64, last: u64) {
        self.settled.insert_range(first, last);
        self.handled.insert_range(first, last);
    }

    /// The first that is not handled of `from..=to`.
    fn next(&self, from: u64, to: u64) -> Option<u64> {
        let from = self.handled.contiguous_from(from).map_or(from, |end| end + 1);
        (from <= to).then_some(from)
    }
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
