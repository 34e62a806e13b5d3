//! One thread a camera: hands each access unit to whoever watches at its time of day, loop after loop, and writes the
//! schedule. With nobody watching the time passes all the same.

use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;

use super::clip::{Clip, Unit};
use super::media::CameraClock;
use super::schedule::{Loop, Schedule};

/// While a new watcher waits for the clip's next keyframe, the last one is sent again this often: a still picture, as
/// long as one group of pictures at most. A camera would make a keyframe for the newcomer, a recording can't.
const STILL_EVERY_US: i64 = 400_000;

/// What the feeder and the server share.
#[derive(Default)]
pub(super) struct Outlet {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    source: Option<gst_app::AppSrc>,
    in_step: bool,
    still_us: i64,
    held: bool,
    over: bool,
}

impl Outlet {
    /// Somebody watches through `source`; it starts with a keyframe.
    pub(super) fn attach(&self, source: gst_app::AppSrc) {
        let mut state = self.lock();
        state.source = Some(source);
        state.in_step = false;
    }

    /// Nobody watches through `source` any more.
    pub(super) fn detach(&self, source: &gst_app::AppSrc) {
        let mut state = self.lock();
        if state.source.as_ref() == Some(source) {
            state.source = None;
        }
    }

    /// Frames cease while `held`; the connection stays.
    pub(super) fn hold(&self, held: bool) {
        let mut state = self.lock();
        state.held = held;
        state.in_step = false;
    }

    /// Ends the thread.
    pub(super) fn end(&self) {
        self.lock().over = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder panics")
    }

    /// False where it is over before `due_us`.
    fn wait_until(&self, due_us: i64) -> bool {
        let mut state = self.lock();
        loop {
            let left_us = due_us - now_us();
            if state.over || left_us <= 0 {
                return !state.over;
            }
            let left = Duration::from_micros(u64::try_from(left_us).unwrap_or_default());
            state = self.changed.wait_timeout(state, left).expect("no holder panics").0;
        }
    }
}

/// What one camera's thread plays.
pub(super) struct Feeder {
    pub(super) name: String,
    pub(super) clip: Arc<Clip>,
    pub(super) clock: CameraClock,
    pub(super) outlet: Arc<Outlet>,
    pub(super) schedule: Arc<Schedule>,
    /// Where in the clip the first loop begins.
    pub(super) offset_us: i64,
}

impl Feeder {
    /// Plays until the outlet ends.
    pub(super) fn run(&self) {
        let mut start_us = now_us() - self.offset_us % self.clip.duration_us.max(1);
        for index in 0.. {
            self.schedule.add(Loop { camera: self.name.clone(), index, start_us });
            if !self.play_loop(start_us) {
                return;
            }
            start_us += self.clip.duration_us;
        }
    }

    fn play_loop(&self, start_us: i64) -> bool {
        let begun_us = now_us();
        let mut key = None;
        for unit in &self.clip.units {
            if unit.keyframe {
                key = Some(unit);
            }
            let due_us = start_us + unit.sent_us;
            // Only in the first loop of a camera that starts in the middle.
            if due_us < begun_us - 1_000_000 {
                continue;
            }
            if !self.outlet.wait_until(due_us) {
                return false;
            }
            self.send(unit, key, start_us);
        }
        true
    }

    fn send(&self, unit: &Unit, key: Option<&Unit>, start_us: i64) {
        let mut state = self.outlet.lock();
        let Some(source) = state.source.clone().filter(|_| !state.held) else {
            return;
        };
        // The base time is asked for each time: it changes when all watchers pause.
        let Some(base) =
            source.base_time().filter(|base| source.current_state() == gst::State::Playing && !base.is_zero())
        else {
            return;
        };
        let shown_us = start_us + unit.shown_us;
        if state.in_step || unit.keyframe {
            state.in_step = true;
            self.push(&source, unit, shown_us, base);
        } else if let Some(key) = key.filter(|_| shown_us - state.still_us >= STILL_EVERY_US) {
            state.still_us = shown_us;
            self.push(&source, key, shown_us, base);
        }
    }

    fn push(&self, source: &gst_app::AppSrc, unit: &Unit, shown_us: i64, base: gst::ClockTime) {
        let Some(pts) = self.clock.running(shown_us, base) else {
            return;
        };
        let mut buffer = unit.data.copy();
        let timed = buffer.get_mut().expect("just copied");
        timed.set_pts(pts);
        timed.set_dts(gst::ClockTime::NONE);
        // A file begins with a discontinuity, a loop goes on.
        timed.unset_flags(gst::BufferFlags::DISCONT);
        // A medium that is being taken down refuses it; the next watcher attaches anew.
        let _ = source.push_buffer(buffer);
    }
}

/// The time of day, microseconds since 1970.
pub(super) fn now_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
