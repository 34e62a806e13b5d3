//! The way of one camera's access units to whoever watches it. What makes them (a clip, the city) hands each over at its
//! time; with nobody watching they are left out.

use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;
use gstreamer_rtsp_server as gst_rtsp_server;
use gstreamer_rtsp_server::prelude::*;

use super::feeder::now_us;
use super::media::{CameraClock, CameraMedia};

/// While a new watcher waits for the clip's next keyframe, the last one is sent again this often: a still picture, as
/// long as one group of pictures at most. A camera would make a keyframe for the newcomer, a recording can't.
const STILL_EVERY_US: i64 = 400_000;

/// What a camera and the server share. A clone is the same outlet.
#[derive(Clone)]
pub struct Outlet {
    shared: Arc<Shared>,
}

struct Shared {
    clock: CameraClock,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    source: Option<gst_app::AppSrc>,
    /// The medium, kept prepared from its first watcher on where the outlet says so.
    kept: Option<gst_rtsp_server::RTSPMedia>,
    /// How far the camera's clock is ahead of the time of day, beyond what it began with.
    ahead_us: i64,
    /// Packets get lost on the way.
    lossy: bool,
    in_step: bool,
    still_us: i64,
    held: bool,
    over: bool,
}

impl State {
    fn tell_medium(&self) {
        if let Some(medium) = self.kept.as_ref().and_then(|medium| medium.downcast_ref::<CameraMedia>()) {
            medium.set_ahead(self.ahead_us);
            medium.set_lossy(self.lossy);
        }
    }
}

impl Outlet {
    pub(super) fn new(clock: CameraClock) -> Self {
        Self { shared: Arc::new(Shared { clock, state: Mutex::default(), changed: Condvar::new() }) }
    }

    /// True while somebody waits for a keyframe: one that is made now lets them see at once.
    pub fn wants_keyframe(&self) -> bool {
        let state = self.lock();
        let plays = |source: &gst_app::AppSrc| source.current_state() == gst::State::Playing;
        !state.in_step && !state.held && state.source.as_ref().is_some_and(plays)
    }

    /// From now on the clock of a live camera is so far ahead of the time of day.
    pub fn set_clock_ahead(&self, ahead_us: i64) {
        let mut state = self.lock();
        if state.ahead_us != ahead_us {
            state.ahead_us = ahead_us;
            state.tell_medium();
        }
    }

    /// From now on the line from a live camera loses packets, or not any more.
    pub fn set_lossy(&self, lossy: bool) {
        let mut state = self.lock();
        if state.lossy != lossy {
            state.lossy = lossy;
            state.tell_medium();
        }
    }

    /// Sends a unit whose picture was captured at this time of day.
    pub fn send(&self, data: &gst::Buffer, keyframe: bool, shown_us: i64) {
        self.send_or_still(data, keyframe, shown_us, None);
    }

    /// As [`Outlet::send`]; whoever waits for a keyframe is shown `still` meanwhile.
    pub(super) fn send_or_still(&self, data: &gst::Buffer, keyframe: bool, shown_us: i64, still: Option<&gst::Buffer>) {
        let mut state = self.lock();
        let Some(source) = state.source.clone().filter(|_| !state.held) else {
            return;
        };
        // The base time is asked for each time: it changes when all watchers pause.
        let Some(base) =
            source.base_time().filter(|base| source.current_state() == gst::State::Playing && !base.is_zero())
        else {
            return;
        };
        if state.in_step || keyframe {
            state.in_step = true;
            self.push(&source, data, shown_us, base);
        } else if let Some(still) = still.filter(|_| shown_us - state.still_us >= STILL_EVERY_US) {
            state.still_us = shown_us;
            self.push(&source, still, shown_us, base);
        }
    }

    /// Frames cease while `held`; the connection stays.
    pub fn hold(&self, held: bool) {
        let mut state = self.lock();
        if state.held != held {
            state.held = held;
            state.in_step = false;
        }
    }

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

    /// One more watches a medium that others watch already.
    pub(super) fn joined(&self) {
        self.lock().in_step = false;
    }

    /// Keeps the medium for the next watcher when the last one leaves: GStreamer 1.22's RTSP server now and then
    /// corrupts its memory when it takes one down, and a camera that is asked again and again would get there.
    pub(super) fn keep(&self, medium: &gst_rtsp_server::RTSPMedia) {
        let mut state = self.lock();
        if state.kept.as_ref() == Some(medium) {
            return;
        }
        state.kept = Some(medium.clone());
        state.tell_medium();
        drop(state);
        let _ = medium.prepare(None);
    }

    /// Ends whoever waits here, and lets go of the medium.
    pub(super) fn end(&self) {
        let mut state = self.lock();
        state.over = true;
        let kept = state.kept.take();
        drop(state);
        self.shared.changed.notify_all();
        if let Some(medium) = kept {
            let _ = medium.unprepare();
        }
    }

    /// False where it is over before `due_us`.
    pub(super) fn wait_until(&self, due_us: i64) -> bool {
        let mut state = self.lock();
        loop {
            let left_us = due_us - now_us();
            if state.over || left_us <= 0 {
                return !state.over;
            }
            let left = Duration::from_micros(u64::try_from(left_us).unwrap_or_default());
            state = self.shared.changed.wait_timeout(state, left).expect("no holder panics").0;
        }
    }

    fn push(&self, source: &gst_app::AppSrc, data: &gst::Buffer, shown_us: i64, base: gst::ClockTime) {
        let Some(pts) = self.shared.clock.running(shown_us, base) else {
            return;
        };
        let mut buffer = data.copy();
        let timed = buffer.get_mut().expect("just copied");
        timed.set_pts(pts);
        timed.set_dts(gst::ClockTime::NONE);
        // A file begins with a discontinuity, a loop goes on.
        timed.unset_flags(gst::BufferFlags::DISCONT);
        // A medium that is being taken down refuses it; the next watcher attaches anew.
        let _ = source.push_buffer(buffer);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().expect("no holder panics")
    }
}
