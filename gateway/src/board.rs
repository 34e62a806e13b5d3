//! What each camera is doing and how far it is analysed, in one place: `camera` writes the state, `analyse` the
//! progress, `uplink` and `admin` read. It holds no history beyond the gaps that were not yet reported.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard};

/// Gaps kept per camera until the hub has them. When full the two oldest are joined into one: a gap may grow, it is
/// never forgotten.
pub const GAPS_MAX: usize = 64;

/// What a camera is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// First attempt under way.
    Starting,
    /// Frames flow.
    Ok,
    /// No frames; the cause says why.
    Down,
}

impl State {
    /// The word on the wire and in `/status`.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Starting => "starting",
            State::Ok => "ok",
            State::Down => "down",
        }
    }
}

/// A time that was not analysed, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// Start, microseconds since 1970 UTC.
    pub from_us: i64,
    /// End.
    pub to_us: i64,
    /// Code of the cause (`stalled`, `refused`, `overload`, …).
    pub reason: String,
}

/// One camera's line on the board.
#[derive(Debug, Clone, PartialEq)]
pub struct CameraLine {
    /// What it is doing.
    pub state: State,
    /// Code of the cause while down.
    pub cause: String,
    /// The same in plain words.
    pub cause_text: String,
    /// Since when, microseconds since 1970 UTC.
    pub since_us: i64,
    /// Since when it is analysed in this run of the gateway.
    pub complete_from_us: Option<i64>,
    /// Every event captured before this moment is in the spool.
    pub complete_to_us: Option<i64>,
    /// Not yet reported gaps.
    pub gaps: VecDeque<Gap>,
    /// Pictures analysed a second, smoothed.
    pub analysed_fps: f32,
    /// The camera's clock against the gateway's, where measured.
    pub clock_offset_ms: Option<i64>,
}

impl CameraLine {
    fn starting(now_us: i64) -> Self {
        Self {
            state: State::Starting,
            cause: "starting".into(),
            cause_text: "the first connection is under way".into(),
            since_us: now_us,
            complete_from_us: None,
            complete_to_us: None,
            gaps: VecDeque::new(),
            analysed_fps: 0.0,
            clock_offset_ms: None,
        }
    }
}

/// The board.
#[derive(Debug, Default)]
pub struct Board {
    lines: Mutex<BTreeMap<String, CameraLine>>,
}

impl Board {
    /// A board with every camera starting.
    pub fn new(cameras: impl IntoIterator<Item = String>, now_us: i64) -> Self {
        Self { lines: Mutex::new(cameras.into_iter().map(|id| (id, CameraLine::starting(now_us))).collect()) }
    }

    /// A camera more.
    pub fn add(&self, camera: &str, now_us: i64) {
        self.lock().entry(camera.to_owned()).or_insert_with(|| CameraLine::starting(now_us));
    }

    /// A camera less.
    pub fn remove(&self, camera: &str) {
        self.lock().remove(camera);
    }

    /// Sets a camera's state; returns true where it changed.
    pub fn set_state(&self, camera: &str, state: State, cause: &str, cause_text: &str, now_us: i64) -> bool {
        let mut lines = self.lock();
        let Some(line) = lines.get_mut(camera) else { return false };
        let changed = line.state != state || line.cause != cause;
        if line.state != state {
            line.since_us = now_us;
        }
        line.state = state;
        line.cause = cause.into();
        line.cause_text = cause_text.into();
        if state != State::Ok {
            line.analysed_fps = 0.0;
        }
        changed
    }

    /// Changes a line in place.
    pub fn update(&self, camera: &str, change: impl FnOnce(&mut CameraLine)) {
        if let Some(line) = self.lock().get_mut(camera) {
            change(line);
        }
    }

    /// Says that everything before `to_us` is analysed and its events are in the spool. Never goes back.
    pub fn complete(&self, camera: &str, to_us: i64) {
        self.update(camera, |line| {
            line.complete_from_us.get_or_insert(to_us);
            line.complete_to_us = Some(line.complete_to_us.map_or(to_us, |t| t.max(to_us)));
        });
    }

    /// Adds a gap.
    pub fn gap(&self, camera: &str, gap: Gap) {
        self.update(camera, |line| {
            line.gaps.push_back(gap);
            if line.gaps.len() > GAPS_MAX
                && let (Some(first), Some(second)) = (line.gaps.pop_front(), line.gaps.pop_front())
            {
                line.gaps.push_front(Gap {
                    from_us: first.from_us.min(second.from_us),
                    to_us: first.to_us.max(second.to_us),
                    reason: first.reason,
                });
            }
        });
    }

    /// A copy of every line.
    pub fn snapshot(&self) -> BTreeMap<String, CameraLine> {
        self.lock().clone()
    }

    /// Forgets the gaps that end by `to_us`: the hub has them. By time and not by count, because two may have been
    /// joined since they were read.
    pub fn forget_gaps(&self, camera: &str, to_us: i64) {
        self.update(camera, |line| line.gaps.retain(|gap| gap.to_us > to_us));
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, CameraLine>> {
        // A panic while the lock was held cannot leave a line half written that matters: every field stands alone.
        self.lines.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
