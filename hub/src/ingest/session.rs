//! The hub's side of one gateway's connection, as a state machine without socket, clock or disk. It takes bytes as the
//! streams brought them, `now`, and the answers to what it asked for; it gives [`Action`]s through [`Session::poll`].
//! Equal calls give equal actions, so it can be run by seed.
//!
//! A driver calls, in any order and as often as it likes: [`Session::control`], [`Session::events`],
//! [`Session::events_ended`], [`Session::tick`]; and as answers [`Session::durable`] (once after [`Action::Hello`]),
//! [`Session::committed`] or [`Session::append_failed`] (once after each [`Action::Append`]) and [`Session::signed`]
//! (once after each [`Action::Sign`]), [`Session::watermarks_stored`] (after [`Action::Watermarks`], once they are on the
//! disk; several may be answered by the newest). It takes actions out until there is none, and brings no further event bytes while
//! [`Session::wants_events`] is false. After [`Action::Close`] nothing more comes.
//!
//! What it guarantees:
//! - An acknowledgement names only what the log said is durable.
//! - A watermark goes out only when every event up to its (epoch, sequence) is durable, or lost as the gateway said, and
//!   it is acknowledged only when the driver says that it is stored.
//! - Events, watermarks and states of cameras that this gateway never declared end the connection.
//! - Memory is bounded by the wire's limits and [`IN_FLIGHT_BYTES_MAX`], whatever comes.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use yiwang_wire::close::CloseCode;
use yiwang_wire::codec::{self, BatchDecoder, WireError};
use yiwang_wire::event::Record;
use yiwang_wire::frame::{self, FrameError, Framer};
use yiwang_wire::pb::{self, down, up};
use yiwang_wire::ranges::RangeSet;
use yiwang_wire::{VERSION, limits};

use super::action::Action;
use super::held::{Held, Marks};
use crate::log::LogEntry;
use crate::store::{CameraInfo, CameraWatermark, Gap, Hello};

/// The first message must be here within this time after the handshake.
pub const HELLO_WITHIN_US: i64 = 10_000_000;
/// A gateway that says nothing for this long is cut off, also where its QUIC stack still answers.
pub const SILENCE_MAX_US: i64 = 30_000_000;
/// Bytes handed out in [`Action::Append`] and not yet answered; above it no further event bytes are wanted.
pub const IN_FLIGHT_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Event streams open at a time.
pub const STREAMS_MAX: usize = 8;
/// Separate ranges of one epoch that are durable or lost; a gateway with more is not in order.
pub const SETTLED_RANGES_MAX: usize = 4 * limits::MAX_RANGES;
/// A certificate may be asked for this often.
pub const RENEW_EVERY_US: i64 = 60_000_000;

/// What is known of the gateway before it says anything.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Its id, from its certificate.
    pub gateway: Arc<str>,
    /// This hub's name and version.
    pub hub: String,
    /// Cameras that it declared in earlier sessions: its spool may still hold their events.
    pub known_cameras: BTreeSet<String>,
    /// Tell it to renew its certificate now.
    pub renew_now: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Waits for the hello.
    New,
    /// Waits for the driver's answer to it.
    Looking,
    /// Welcomed.
    Ready,
    /// Nothing more comes.
    Closed,
}

struct EventStream {
    framer: Framer,
    decoder: BatchDecoder,
}

/// What one append will acknowledge.
struct InFlight {
    epoch: u64,
    ranges: RangeSet,
    bytes: usize,
}

/// One connection of one gateway.
pub struct Session {
    settings: Settings,
    state: State,
    opened_us: i64,
    heard_us: i64,
    control: Framer,
    /// Bound: [`STREAMS_MAX`]; a further stream ends the connection.
    streams: BTreeMap<u64, EventStream>,
    /// Bound: the wire's cameras of one gateway, beside those known before.
    cameras: BTreeSet<String>,
    /// What the log has, by epoch. Bound: the epochs named in the hello.
    durable: BTreeMap<u64, RangeSet>,
    /// The same, and what the gateway said is lost and never comes. Bound: [`SETTLED_RANGES_MAX`] each.
    settled: BTreeMap<u64, RangeSet>,
    held: Held<(u64, u64), Marks>,
    /// Bound: [`IN_FLIGHT_BYTES_MAX`] and what one read brings above it.
    in_flight: BTreeMap<u64, InFlight>,
    in_flight_bytes: usize,
    next_token: u64,
    renew_asked_us: Option<i64>,
    /// Bound: what one call gives; the driver empties it after each.
    actions: VecDeque<Action>,
}

/// An end with its code.
type Failure = (CloseCode, String);

impl Session {
    /// A connection was opened by a gateway whose certificate is good and not revoked.
    pub fn new(settings: Settings, now_us: i64) -> Self {
        Self {
            settings,
            state: State::New,
            opened_us: now_us,
            heard_us: now_us,
            control: Framer::new(limits::MAX_CONTROL_BYTES),
            streams: BTreeMap::new(),
            cameras: BTreeSet::new(),
            durable: BTreeMap::new(),
            settled: BTreeMap::new(),
            held: Held::new(),
            in_flight: BTreeMap::new(),
            in_flight_bytes: 0,
            next_token: 1,
            renew_asked_us: None,
            actions: VecDeque::new(),
        }
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// False while the driver is to bring no event bytes: the gateway is not welcomed yet, or too much waits for the log.
    pub fn wants_events(&self) -> bool {
        self.state == State::Ready && self.in_flight_bytes < IN_FLIGHT_BYTES_MAX
    }

    /// When something last came from the gateway.
    pub fn heard_us(&self) -> i64 {
        self.heard_us
    }

    /// When [`Session::tick`] is due.
    pub fn due_us(&self) -> Option<i64> {
        match self.state {
            State::New => Some(self.opened_us + HELLO_WITHIN_US),
            State::Looking | State::Ready => Some(self.heard_us + SILENCE_MAX_US),
            State::Closed => None,
        }
    }

    /// Time has passed.
    pub fn tick(&mut self, now_us: i64) {
        if self.due_us().is_some_and(|due_us| now_us >= due_us) {
            let reason = match self.state {
                State::New => "no hello came",
                _ => "nothing came",
            };
            self.close(CloseCode::Silent, reason);
        }
    }

    /// Ends the connection from the hub's side (revoked, shutting down, …).
    pub fn close(&mut self, code: CloseCode, reason: &str) {
        if self.state != State::Closed {
            self.state = State::Closed;
            self.streams.clear();
            self.actions.push_back(Action::Close { code, reason: reason.to_owned() });
        }
    }

    /// Bytes of the control stream, as they came.
    pub fn control(&mut self, now_us: i64, bytes: &[u8]) {
        if self.state == State::Closed {
            return;
        }
        self.heard_us = now_us;
        self.control.push(bytes);
        let result = self.control_frames(now_us);
        self.end_on(result);
    }

    /// Bytes of an event stream, as they came.
    pub fn events(&mut self, now_us: i64, stream: u64, bytes: &[u8]) {
        if self.state == State::Closed {
            return;
        }
        self.heard_us = now_us;
        let result = self.event_frames(now_us, stream, bytes);
        self.end_on(result);
    }

    /// An event stream ended: `whole` where the gateway finished it, not where it was reset.
    pub fn events_ended(&mut self, stream: u64, whole: bool) {
        if let Some(stream) = self.streams.remove(&stream)
            && whole
            && stream.framer.pending_bytes() > 0
        {
            self.close(CloseCode::Protocol, "an event stream ended within a frame");
        }
    }

    /// What the log has of the epochs that [`Action::Hello`] named.
    pub fn durable(&mut self, now_us: i64, durable: Vec<(u64, RangeSet)>) {
        if self.state != State::Looking {
            return;
        }
        let welcome = pb::Welcome {
            version: VERSION,
            hub: self.settings.hub.clone(),
            clock_us: now_us,
            durable: durable.iter().map(|(epoch, set)| codec::durable_to_pb(*epoch, set)).collect(),
            renew_now: self.settings.renew_now,
        };
        self.durable = durable.into_iter().collect();
        self.settled = self.durable.clone();
        self.state = State::Ready;
        self.send(down::Message::Welcome(welcome));
    }

    /// An append is on the disk.
    pub fn committed(&mut self, token: u64) {
        let Some(done) = self.in_flight.remove(&token) else { return };
        self.in_flight_bytes -= done.bytes;
        if self.state != State::Ready {
            return;
        }
        for sets in [&mut self.durable, &mut self.settled] {
            if let Some(set) = sets.get_mut(&done.epoch) {
                set.merge(&done.ranges);
            }
        }
        self.acknowledge(done.epoch, &done.ranges);
        self.release_marks();
    }

    /// Watermarks are on the hub's disk, up to the message with this `sent_us`.
    pub fn watermarks_stored(&mut self, sent_us: i64) {
        if self.state == State::Ready {
            self.send(down::Message::Ack(pb::Ack { durable: Vec::new(), watermarks_us: sent_us }));
        }
    }

    /// An append can never succeed. Failures that pass (a full disk) are the driver's to try again.
    pub fn append_failed(&mut self, token: u64, code: CloseCode, reason: &str) {
        if let Some(failed) = self.in_flight.remove(&token) {
            self.in_flight_bytes -= failed.bytes;
        }
        self.close(code, reason);
    }

    /// The next certificate, or why there is none.
    pub fn signed(&mut self, chain_pem: Result<String, String>) {
        if self.state != State::Ready {
            return;
        }
        match chain_pem {
            Ok(chain) => {
                self.send(down::Message::Renewed(pb::Renewed { chain_pem: chain.into_bytes() }));
            }
            Err(reason) => self.refuse(CloseCode::Protocol, reason),
        }
    }

    fn end_on(&mut self, result: Result<(), Failure>) {
        if let Err((code, reason)) = result {
            self.close(code, &reason);
        }
    }

    fn control_frames(&mut self, now_us: i64) -> Result<(), Failure> {
        while let Some(payload) = self.control.next().map_err(frame_failure)? {
            let Some(message) = codec::decode_up(&payload).map_err(wire_failure)? else {
                continue; // of a later version
            };
            match (self.state, message) {
                (State::New, up::Message::Hello(hello)) => self.hello(now_us, hello)?,
                (State::Ready, up::Message::Watermarks(marks)) => self.watermarks(now_us, marks)?,
                (State::Ready, up::Message::Status(status)) => self.status(status)?,
                (State::Ready, up::Message::Renew(renew)) => self.renew(now_us, renew.csr_der),
                (State::New, _) => return Err(protocol("the first message is not a hello")),
                (_, up::Message::Hello(_)) => return Err(protocol("a second hello")),
                _ => return Err(protocol("a message before the welcome")),
            }
        }
        Ok(())
    }

    fn hello(&mut self, now_us: i64, hello: pb::Hello) -> Result<(), Failure> {
        if hello.version != VERSION {
            let reason = format!("the gateway speaks version {}, this hub {VERSION}", hello.version);
            return Err((CloseCode::Version, reason));
        }
        let mut epochs: BTreeSet<u64> = hello.epochs_held.iter().copied().collect();
        epochs.insert(hello.epoch);
        if epochs.first() == Some(&0) || epochs.last().is_some_and(|&last| last > i64::MAX as u64) {
            return Err(protocol("an epoch out of range"));
        }
        if hello.cameras.iter().any(|camera| camera.id.contains('/')) {
            return Err((CloseCode::NotYours, "a camera id with a slash".into()));
        }
        self.cameras = hello.cameras.iter().map(|camera| camera.id.clone()).collect();
        let kinds = hello.kinds.iter().map(codec::descriptor_from_pb).collect::<Result<_, _>>();
        self.state = State::Looking;
        self.actions.push_back(Action::Hello {
            clock_offset_us: hello.clock_us.saturating_sub(now_us),
            kinds: kinds.map_err(wire_failure)?,
            epochs: epochs.into_iter().collect(),
            pictures: hello.pictures,
            hello: Hello {
                software: hello.software,
                config_revision: hello.config_revision,
                epoch: hello.epoch,
                cameras: hello.cameras.into_iter().map(camera_info).collect(),
            },
        });
        Ok(())
    }

    fn watermarks(&mut self, now_us: i64, marks: pb::Watermarks) -> Result<(), Failure> {
        if !self.durable.contains_key(&marks.epoch) {
            return Err(protocol("watermarks of an epoch that the hello did not name"));
        }
        self.own(marks.cameras.iter().map(|mark| mark.camera.as_str()))?;
        self.lost(&marks.lost)?;
        let mark = |mark: pb::Watermark| {
            let gaps =
                mark.gaps.into_iter().map(|gap| Gap { from_us: gap.from_us, to_us: gap.to_us, reason: gap.reason });
            // Nothing is complete in the future, whatever the gateway's clock says.
            let complete_to_us = mark.complete_to_us.min(now_us);
            let complete_from_us = mark.complete_from_us;
            let gaps = gaps.collect();
            (mark.camera.clone(), CameraWatermark { camera: mark.camera, complete_to_us, gaps, complete_from_us })
        };
        let held = Marks { sent_us: marks.sent_us, cameras: marks.cameras.into_iter().map(mark).collect() };
        self.held.push((marks.epoch, marks.after_sequence), held);
        self.release_marks();
        Ok(())
    }

    /// What never comes holds no watermark back. It stays welcome, should it come after all.
    fn lost(&mut self, lost: &[pb::Durable]) -> Result<(), Failure> {
        for lost in lost {
            let (epoch, ranges) = codec::durable_from_pb(lost);
            let Some(settled) = self.settled.get_mut(&epoch) else {
                continue; // an epoch that the gateway no longer holds: no watermark can wait for it
            };
            settled.merge(&ranges);
            if settled.len() > SETTLED_RANGES_MAX {
                return Err((CloseCode::TooLarge, "an epoch with too many holes".into()));
            }
        }
        Ok(())
    }

    fn status(&mut self, status: pb::Status) -> Result<(), Failure> {
        self.own(status.cameras.iter().map(|camera| camera.camera.as_str()))?;
        self.actions.push_back(Action::Status(status));
        Ok(())
    }

    fn renew(&mut self, now_us: i64, csr_der: Vec<u8>) {
        if self.renew_asked_us.is_some_and(|asked_us| now_us - asked_us < RENEW_EVERY_US) {
            self.refuse(CloseCode::Overloaded, "a certificate was asked for a moment ago: wait a minute".into());
            return;
        }
        self.renew_asked_us = Some(now_us);
        self.actions.push_back(Action::Sign { csr_der });
    }

    fn event_frames(&mut self, now_us: i64, id: u64, bytes: &[u8]) -> Result<(), Failure> {
        if self.state != State::Ready {
            return Err(protocol("events before the welcome"));
        }
        if !self.streams.contains_key(&id) && self.streams.len() >= STREAMS_MAX {
            return Err((CloseCode::TooLarge, format!("more than {STREAMS_MAX} event streams")));
        }
        let fresh = || EventStream { framer: Framer::new(limits::MAX_FRAME_BYTES), decoder: BatchDecoder::new() };
        self.streams.entry(id).or_insert_with(fresh).framer.push(bytes);
        loop {
            let stream = self.streams.get_mut(&id).expect("inserted above, removed only when it ends");
            let Some(payload) = stream.framer.next().map_err(frame_failure)? else { return Ok(()) };
            let batch = stream.decoder.decode(&payload).map_err(wire_failure)?;
            self.batch(now_us, batch)?;
        }
    }

    fn batch(&mut self, now_us: i64, batch: codec::Batch) -> Result<(), Failure> {
        let Some(durable) = self.durable.get(&batch.epoch) else {
            return Err(protocol("events of an epoch that the hello did not name"));
        };
        if batch.records.iter().any(|record| record.sequence > i64::MAX as u64) {
            return Err(protocol("a sequence out of range"));
        }
        let ranges: RangeSet = batch.records.iter().map(|record| (record.sequence, record.sequence)).collect();
        let entries: Vec<LogEntry> = batch
            .records
            .iter()
            .filter(|record| !durable.contains(record.sequence))
            .map(|record| self.entry(now_us, batch.backfill, record))
            .collect::<Result<_, _>>()?;
        if ranges.is_empty() {
            return Ok(());
        }
        if entries.is_empty() {
            self.acknowledge(batch.epoch, &ranges);
            return Ok(());
        }
        let bytes = entries.iter().map(|entry| entry.record.len() + size_of::<LogEntry>()).sum();
        let token = self.next_token;
        self.next_token += 1;
        self.in_flight_bytes += bytes;
        self.in_flight.insert(token, InFlight { epoch: batch.epoch, ranges, bytes });
        self.actions.push_back(Action::Append { token, entries: Arc::new(entries) });
        Ok(())
    }

    fn entry(&self, now_us: i64, backfilled: bool, record: &Record) -> Result<LogEntry, Failure> {
        self.own(record.event.camera.as_deref().into_iter())?;
        let bytes = codec::encode_record(record);
        if bytes.len() > limits::MAX_FRAME_BYTES {
            return Err((CloseCode::TooLarge, "one event fills more than a frame".into()));
        }
        Ok(LogEntry {
            gateway: self.settings.gateway.clone(),
            epoch: record.epoch,
            sequence: record.sequence,
            received_us: now_us,
            backfilled,
            record: bytes,
        })
    }

    /// Are these this gateway's cameras?
    fn own<'a>(&self, mut cameras: impl Iterator<Item = &'a str>) -> Result<(), Failure> {
        let known = |camera: &str| self.cameras.contains(camera) || self.settings.known_cameras.contains(camera);
        match cameras.find(|camera| !known(camera)) {
            None => Ok(()),
            Some(_) => Err((CloseCode::NotYours, "a camera that this gateway did not declare".into())),
        }
    }

    fn acknowledge(&mut self, epoch: u64, ranges: &RangeSet) {
        self.send(down::Message::Ack(pb::Ack { durable: vec![codec::durable_to_pb(epoch, ranges)], watermarks_us: 0 }));
    }

    fn release_marks(&mut self) {
        let settled = &self.settled;
        let reached = |(epoch, sequence)| settled.get(&epoch).is_some_and(|set| set.covers(1, sequence));
        while let Some(marks) = self.held.pop(reached) {
            self.actions.push_back(Action::Watermarks(marks));
        }
    }

    fn refuse(&mut self, code: CloseCode, reason: String) {
        self.send(down::Message::Refused(pb::Refused { code: code.as_u32(), reason }));
    }

    fn send(&mut self, message: down::Message) {
        let mut bytes = Vec::new();
        frame::encode(&codec::encode_down(message), &mut bytes);
        self.actions.push_back(Action::Send(bytes));
    }
}

fn camera_info(camera: pb::Camera) -> CameraInfo {
    CameraInfo {
        id: camera.id,
        name: camera.name,
        place: camera.longitude.zip(camera.latitude),
        heading_deg: camera.heading_deg,
        field_of_view_deg: camera.field_of_view_deg,
    }
}

fn protocol(reason: &str) -> Failure {
    (CloseCode::Protocol, reason.to_owned())
}

fn wire_failure(error: WireError) -> Failure {
    (error.close_code(), error.to_string())
}

fn frame_failure(error: FrameError) -> Failure {
    let code = match error {
        FrameError::TooLarge { .. } => CloseCode::TooLarge,
        FrameError::Empty => CloseCode::Protocol,
    };
    (code, error.to_string())
}
