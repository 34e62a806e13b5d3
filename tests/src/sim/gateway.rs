//! The gateway's side of a simulation: the product's spool over a disk in memory and its session. A crash tears the write
//! that is under way and forgets what was not written.

use std::sync::Arc;

use rand::RngExt;
use rand::rngs::StdRng;
use uuid::Uuid;
use yiwang_gateway::board::Board;
use yiwang_gateway::spool::{Core, MemStore, SpoolLimits};
use yiwang_gateway::uplink::session::{Action, Lane, Session, SessionSettings};
use yiwang_gateway::uplink::{CameraInfo, Report};
use yiwang_wire::close::CloseCode;
use yiwang_wire::frame::{self, Framer};
use yiwang_wire::limits;

use super::record::Record;
use super::wire::{Stream, Wire};
use crate::events;

const CAMERAS: [&str; 3] = ["east", "west", "yard"];
/// An event each so many steps, on the average.
const STEPS_PER_EVENT: u32 = 4;

/// The gateway's disk and, while the machine is on, what runs on it.
pub(super) struct SimGateway {
    store: MemStore,
    running: Option<Running>,
    pub(super) down_until_us: i64,
    settings: Arc<SessionSettings>,
    number: u64,
}

struct Running {
    core: Core,
    board: Board,
    commit_at_us: i64,
    open: Option<Open>,
}

struct Open {
    session: Session,
    framer: Framer,
    /// Actions that were answers to frames.
    actions: Vec<Action>,
}

impl SimGateway {
    pub(super) fn new(rng: &mut StdRng, now_us: i64) -> Self {
        let info = |id: &str| CameraInfo {
            id: id.to_owned(),
            name: id.to_owned(),
            position: None,
            heading_deg: None,
            field_of_view_deg: None,
        };
        let cameras = CAMERAS.map(info).to_vec();
        let mut settings = SessionSettings::new("0123456789ab".into(), cameras, vec![events::kind()]);
        // Small, so that the bounds are met.
        settings.window_events = rng.random_range(64..1024);
        settings.batch_events = rng.random_range(1..128);
        let mut gateway =
            Self { store: MemStore::new(), running: None, down_until_us: 0, settings: Arc::new(settings), number: 0 };
        gateway.boot(now_us).expect("an empty disk");
        gateway
    }

    pub(super) fn is_up(&self) -> bool {
        self.running.is_some()
    }

    /// Nothing waits for its disk or for the hub.
    pub(super) fn is_idle(&self) -> bool {
        let Some(running) = &self.running else { return false };
        let session = running.open.as_ref().map(|open| &open.session);
        running.core.queued() == 0 && session.is_some_and(|session| session.is_live() && session.is_settled())
    }

    fn boot(&mut self, now_us: i64) -> Result<(), String> {
        self.store.revive();
        let limits = SpoolLimits { segment_bytes: 16 * 1024, ..SpoolLimits::default() };
        let core = Core::open(Arc::new(self.store.clone()), limits, now_us).map_err(|error| error.to_string())?;
        let board = Board::new(CAMERAS.map(str::to_owned), now_us);
        self.running = Some(Running { core, board, commit_at_us: now_us, open: None });
        Ok(())
    }

    /// The machine stops, as often as not within a write.
    pub(super) fn crash(&mut self, rng: &mut StdRng, now_us: i64, until_us: i64, record: &mut Record) {
        let Some(mut running) = self.running.take() else { return };
        if rng.random_bool(0.7) {
            self.store.crash_after(rng.random_range(0..3000));
            for _ in 0..rng.random_range(0..6) {
                self.emit(rng, &mut running, now_us, record);
            }
            if running.core.commit(now_us).is_ok() {
                record.durable(running.core.epoch(), running.core.durable_sequence());
            }
        }
        self.down_until_us = until_us;
    }

    /// Boots where it is time to, makes events and writes them.
    pub(super) fn work(
        &mut self,
        rng: &mut StdRng,
        now_us: i64,
        emitting: bool,
        record: &mut Record,
    ) -> Result<(), String> {
        if self.running.is_none() {
            if self.down_until_us > now_us {
                return Ok(());
            }
            self.boot(now_us)?;
        }
        let mut running = self.running.take().expect("booted above");
        if emitting && rng.random_ratio(1, STEPS_PER_EVENT) {
            self.emit(rng, &mut running, now_us, record);
        }
        if running.commit_at_us <= now_us {
            running.core.commit(now_us).map_err(|error| error.to_string())?;
            record.durable(running.core.epoch(), running.core.durable_sequence());
            running.commit_at_us = now_us + rng.random_range(2_000..40_000);
            if let Some(open) = &mut running.open {
                open.session.spool_changed(&running.core.view());
            }
        }
        self.running = Some(running);
        Ok(())
    }

    fn emit(&mut self, rng: &mut StdRng, running: &mut Running, now_us: i64, record: &mut Record) {
        let camera = CAMERAS[rng.random_range(0..CAMERAS.len())];
        self.number += 1;
        let mut event = events::crossing(camera, self.number, now_us);
        // The clock and the machine's chance have no part in this.
        event.id = Uuid::from_u128(u128::from(self.number));
        let sequence = running.core.push(&event, now_us).expect("the queue is longer than a commit's wait");
        record.handed((running.core.epoch(), sequence), event.id.to_string(), camera, now_us);
        running.board.complete(camera, now_us + 1);
    }

    /// A connection is there.
    pub(super) fn connected(&mut self, now_us: i64) {
        if let Some(running) = &mut self.running {
            let mut session = Session::new(Arc::clone(&self.settings), &running.core.view());
            let actions = session.start(now_us);
            running.open = Some(Open { session, framer: Framer::new(limits::MAX_CONTROL_BYTES), actions });
        }
    }

    /// It is gone.
    pub(super) fn lost(&mut self, _now_us: i64) {
        if let Some(running) = &mut self.running {
            running.open = None;
        }
    }

    /// Bytes of the hub's answers have arrived.
    pub(super) fn take(&mut self, now_us: i64, bytes: &[u8]) {
        let Some(open) = self.running.as_mut().and_then(|running| running.open.as_mut()) else { return };
        open.framer.push(bytes);
        while let Some(payload) = open.framer.next().expect("the hub frames well") {
            let actions = open.session.receive(&payload, now_us);
            open.actions.extend(actions);
        }
    }

    /// Lets the session go on; false where it has ended the connection in order.
    pub(super) fn step(&mut self, rng: &mut StdRng, now_us: i64, wire: &mut Wire) -> Result<bool, String> {
        let Some(running) = &mut self.running else { return Ok(true) };
        let Some(open) = &mut running.open else { return Ok(true) };
        for (number, lane) in [(1, Lane::Live), (2, Lane::Backfill)] {
            while let Some(want) = open.session.want(lane) {
                let records = running.core.read(want.epoch, want.from, want.events_max, want.bytes_max);
                let records = records.map_err(|error| error.to_string())?;
                for payload in open.session.offer(&want, records) {
                    wire.send(rng, now_us, Stream::Events(number), &framed(&payload));
                }
            }
        }
        if open.session.next_tick_us(now_us) <= now_us {
            let board = running.board.snapshot();
            let (stats, dropped) = (running.core.stats(), running.core.dropped());
            let last_sequence = running.core.last_sequence();
            let report = Report { board: &board, last_sequence, stats: &stats, dropped: &dropped };
            let actions = open.session.tick(&report, now_us);
            open.actions.extend(actions);
        }
        for action in std::mem::take(&mut open.actions) {
            match action {
                Action::Control(payload) => wire.send(rng, now_us, Stream::Up, &framed(&payload)),
                Action::Release { epoch, durable } => {
                    running.core.release(epoch, &durable);
                    open.session.spool_changed(&running.core.view());
                }
                Action::ForgetGaps { camera, to_us } => running.board.forget_gaps(&camera, to_us),
                Action::ForgetDropped(number) => running.core.forget_dropped(number),
                Action::Welcomed { .. } | Action::Renewed(_) => {}
                Action::Close { code: CloseCode::Done, .. } => return Ok(false),
                Action::Close { code, reason } => return Err(format!("the gateway ended: {code:?}: {reason}")),
                Action::Refused(reason) => return Err(format!("refused: {reason}")),
            }
        }
        Ok(true)
    }
}

fn framed(payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame::encode(payload, &mut bytes);
    bytes
}
