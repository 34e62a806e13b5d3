//! Keeps one camera going: opens it, feeds its access units on, notices when they stop, says so on the board and tries
//! again. What to do when is [`retry`](super::retry)'s decision; here is only the waiting.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use yiwang_wire::event::Phase;

use super::flow::{self, Flow};
use super::retry::{Retry, Wake};
use super::{AccessUnit, CameraError, Cause, Now, Session, Source};
use crate::board::{Board, Gap, State};

/// Without an access unit for this long a camera has stalled.
pub const STALL: Duration = Duration::from_secs(3);
/// Without a keyframe for this long it sends nothing that can be decoded.
const KEYFRAME_WAIT_US: i64 = 15_000_000;
/// How long the end of the process waits for the camera to hear of it.
const SETTLE: Duration = Duration::from_millis(500);

/// Where the access units of a camera go. Called on the camera's task, so it does not block.
pub trait UnitSink: Send {
    /// Takes one unit.
    ///
    /// # Errors
    /// The units cannot be used at all: the camera is given up for now and tried again later.
    fn take(&mut self, unit: AccessUnit) -> Result<Taken, CameraError>;

    /// The session is over; the next unit belongs to another.
    fn over(&mut self) {}
}

/// What became of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It is on its way to the decoder.
    Kept,
    /// It needs a keyframe that has not come yet.
    Waiting,
    /// It was left out.
    Dropped(Cause),
}

/// Something to tell people about a camera; the analyse stage makes it an event.
#[derive(Debug, Clone, PartialEq)]
pub enum HealthNote {
    /// No pictures (begin), pictures again (end).
    SignalLost {
        /// Begin or end.
        phase: Phase,
        /// Why; at the end, why it had begun.
        cause: Cause,
        /// The same in plain words.
        text: String,
        /// When, microseconds since 1970 UTC by the gateway's clock.
        at_us: i64,
    },
    /// Something is wrong with the stream as it comes, or is not any more.
    Flaw(flow::Turn, i64),
    /// The camera's clock is too far off to be believed (begin), is right again (end).
    ClockDrift {
        /// Begin or end.
        phase: Phase,
        /// The camera's clock minus the gateway's.
        offset_ms: i64,
        /// When, by the gateway's clock.
        at_us: i64,
    },
}

/// Told of the health of cameras, by camera id. Does not block.
pub type Notify = Arc<dyn Fn(&str, HealthNote) + Send + Sync>;

/// What metrics read of a camera; all of them only grow.
#[derive(Debug, Default)]
pub struct Counters {
    /// Access units received.
    pub units: AtomicU64,
    /// Bytes in them.
    pub bytes: AtomicU64,
    /// Packets lost on the way.
    pub packets_lost: AtomicU64,
    /// Units left out because the decoder could not keep up.
    pub overload_dropped: AtomicU64,
    /// Units left out because they could not be decoded.
    pub undecodable: AtomicU64,
    /// Attempts to open the camera.
    pub attempts: AtomicU64,
    /// Sessions or attempts that failed.
    pub failures: AtomicU64,
}

/// Everything that one camera's loop needs.
pub struct CameraTask {
    /// The camera.
    pub source: Source,
    /// Where its state is written.
    pub board: Arc<Board>,
    /// Who hears of its health.
    pub notify: Notify,
    /// Who takes its access units.
    pub sink: Box<dyn UnitSink>,
    /// What is counted.
    pub counters: Arc<Counters>,
    /// Spreads the retries of different cameras.
    pub seed: u64,
    /// Where the camera was watched under other settings before: since then nobody looks.
    pub unwatched_since_us: Option<i64>,
}

/// Keeps the camera going until `shutdown`.
pub async fn run(task: CameraTask, shutdown: CancellationToken) {
    let mut retry = Retry::new(task.seed, Now::read().mono_us);
    let mut watched = Watched::new(task);
    loop {
        let (due_us, wake) = retry.next();
        let wait_us = u64::try_from(due_us - Now::read().mono_us).unwrap_or(0);
        tokio::select! {
            () = shutdown.cancelled() => break,
            () = sleep_until(Instant::now() + Duration::from_micros(wait_us)) => {}
        }
        match wake {
            Wake::Probe => {
                let source = watched.task.source.clone();
                let reach = (source.scheme().probe)(source).await;
                retry.probed(reach, Now::read().mono_us);
            }
            Wake::Attempt => {
                let error = tokio::select! {
                    () = shutdown.cancelled() => break,
                    error = guarded(&mut watched, &mut retry) => error,
                };
                watched.down(&error);
                retry.failed(&error, Now::read().mono_us);
            }
        }
    }
    watched.stop();
    super::rtsp::settle(&watched.task.source, SETTLE).await;
}

/// One session, and whatever it does, an error at its end: a panic over what a hostile camera sent (arithmetic that
/// overflows in a library) costs this session and nothing else.
async fn guarded(watched: &mut Watched, retry: &mut Retry) -> CameraError {
    match AssertUnwindSafe(run_once(watched, retry)).catch_unwind().await {
        Ok(Ok(())) => CameraError::new(Cause::Ended, "the stream is over"),
        Ok(Err(error)) => error,
        Err(_) => CameraError::new(
            Cause::Protocol,
            "what the camera sent made its reader fail: this is a defect of the gateway, please report it",
        ),
    }
}

async fn run_once(watched: &mut Watched, retry: &mut Retry) -> Result<(), CameraError> {
    let session = watched.begin();
    let mut units = super::open(&watched.task.source, session).await?;
    let mut waiting_since_us = Some(Now::read().mono_us);
    let mut first = true;
    loop {
        let unit = match timeout(STALL, units.next()).await {
            Ok(Some(unit)) => unit?,
            Ok(None) => return Ok(()),
            Err(_) => return Err(stalled(&watched.task.source, first)),
        };
        first = false;
        match watched.pass(unit)? {
            Taken::Kept => {
                if waiting_since_us.take().is_some() {
                    retry.streaming(Now::read().mono_us);
                }
            }
            Taken::Waiting => {
                let since_us = *waiting_since_us.get_or_insert_with(|| Now::read().mono_us);
                if Now::read().mono_us - since_us > KEYFRAME_WAIT_US {
                    let text = format!(
                        "the camera at {} sends pictures but no keyframe: set its keyframe interval to 2 s",
                        watched.task.source.shown_host()
                    );
                    return Err(CameraError::new(Cause::NoFrames, text));
                }
            }
            Taken::Dropped(_) => {}
        }
    }
}

fn stalled(source: &Source, first: bool) -> CameraError {
    let host = source.shown_host();
    let seconds = STALL.as_secs();
    if first {
        let mut text = format!("the camera at {host} agreed to send and sent no picture for {seconds} s");
        if source.transport() == super::Transport::Udp {
            text.push_str("; a firewall may hold its UDP back: try transport tcp");
        }
        CameraError::new(Cause::NoFrames, text)
    } else {
        CameraError::new(Cause::Stalled, format!("the camera at {host} has sent no picture for {seconds} s"))
    }
}

/// A camera and what was last said of it.
struct Watched {
    task: CameraTask,
    session: Session,
    state: State,
    lost: Option<(Cause, String)>,
    drift: bool,
    offset_ms: Option<i64>,
    /// Capture time of the newest unit that was kept.
    kept_us: i64,
    gap: Option<(i64, Cause)>,
    flow: Flow,
}

impl Watched {
    fn new(task: CameraTask) -> Self {
        let kept_us = Now::read().wall_us;
        let gap = task.unwatched_since_us.map(|from_us| (from_us, Cause::Reconfigured));
        Self {
            task,
            session: Session { number: u32::MAX, media_floor_us: 0 },
            state: State::Starting,
            lost: None,
            drift: false,
            offset_ms: None,
            kept_us,
            gap,
            flow: Flow::default(),
        }
    }

    fn id(&self) -> &str {
        self.task.source.id()
    }

    /// A session is about to be tried.
    fn begin(&mut self) -> Session {
        self.task.counters.attempts.fetch_add(1, Ordering::Relaxed);
        self.session.number = self.session.number.wrapping_add(1);
        self.session
    }

    /// Hands a unit on and keeps account of it.
    fn pass(&mut self, unit: AccessUnit) -> Result<Taken, CameraError> {
        let counters = &self.task.counters;
        counters.units.fetch_add(1, Ordering::Relaxed);
        counters.bytes.fetch_add(unit.data.len() as u64, Ordering::Relaxed);
        counters.packets_lost.fetch_add(u64::from(unit.lost_before), Ordering::Relaxed);
        let (times, clock, lost) = (unit.times, unit.clock, unit.lost_before);
        self.session.media_floor_us = self.session.media_floor_us.max(times.media_us);
        let taken = self.task.sink.take(unit)?;
        match taken {
            Taken::Kept => {
                self.close_gap(times.capture_us);
                self.kept_us = times.capture_us;
                self.up();
            }
            Taken::Waiting => {}
            Taken::Dropped(cause) => {
                let counters = &self.task.counters;
                let counter = if cause == Cause::Overload { &counters.overload_dropped } else { &counters.undecodable };
                counter.fetch_add(1, Ordering::Relaxed);
                self.gap.get_or_insert((self.kept_us, cause));
            }
        }
        self.clock(clock.drift, clock.offset_ms);
        let turns = self.flow.unit(Now::read().mono_us, lost, taken == Taken::Dropped(Cause::Decode));
        self.tell(turns);
        Ok(taken)
    }

    fn tell(&self, turns: Vec<flow::Turn>) {
        for turn in turns {
            (self.task.notify)(self.id(), HealthNote::Flaw(turn, Now::read().wall_us));
        }
    }

    fn close_gap(&mut self, to_us: i64) {
        if let Some((from_us, cause)) = self.gap.take() {
            // A gateway clock that was set back must not make a gap that ends before it begins.
            let gap = Gap { from_us, to_us: to_us.max(from_us), reason: cause.code().into() };
            self.task.board.gap(self.id(), gap);
        }
    }

    fn up(&mut self) {
        if self.state == State::Ok {
            return;
        }
        self.state = State::Ok;
        let at_us = Now::read().wall_us;
        self.task.board.set_state(self.id(), State::Ok, "", "", at_us);
        tracing::info!(camera = self.id(), "pictures flow");
        if let Some((cause, text)) = self.lost.take() {
            (self.task.notify)(self.id(), HealthNote::SignalLost { phase: Phase::End, cause, text, at_us });
        }
    }

    fn down(&mut self, error: &CameraError) {
        let turns = self.flow.over();
        self.tell(turns);
        self.task.sink.over();
        self.task.counters.failures.fetch_add(1, Ordering::Relaxed);
        self.gap.get_or_insert((self.kept_us, error.cause));
        let at_us = Now::read().wall_us;
        let (code, text) = (error.cause.code(), error.text.as_str());
        self.state = State::Down;
        if self.task.board.set_state(self.id(), State::Down, code, text, at_us) {
            tracing::warn!(camera = self.id(), cause = code, "{text}");
        }
        if self.lost.is_none() {
            self.lost = Some((error.cause, error.text.clone()));
            let note =
                HealthNote::SignalLost { phase: Phase::Begin, cause: error.cause, text: error.text.clone(), at_us };
            (self.task.notify)(self.id(), note);
        }
    }

    /// What is known of the camera's clock; a session that has not measured it yet changes nothing.
    fn clock(&mut self, drift: Option<bool>, offset_ms: Option<i64>) {
        if offset_ms.is_some() && offset_ms != self.offset_ms {
            self.offset_ms = offset_ms;
            self.task.board.update(self.id(), |line| line.clock_offset_ms = offset_ms);
        }
        if let (Some(drift), Some(offset_ms)) = (drift, offset_ms)
            && drift != self.drift
        {
            self.drift = drift;
            let phase = if drift { Phase::Begin } else { Phase::End };
            let at_us = Now::read().wall_us;
            let camera = self.id();
            if drift {
                tracing::warn!(camera, offset_ms, "the camera's clock is off: arrival time is used until it is right");
            } else {
                tracing::info!(camera, offset_ms, "the camera's clock is right again and used");
            }
            (self.task.notify)(self.id(), HealthNote::ClockDrift { phase, offset_ms, at_us });
        }
    }

    /// The gateway ends: what is missing up to now is written down.
    fn stop(&mut self) {
        self.task.sink.over();
        self.close_gap(Now::read().wall_us);
    }
}
