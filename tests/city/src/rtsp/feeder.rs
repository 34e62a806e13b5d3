//! One thread a clip: hands each access unit to its outlet at its time of day, loop after loop, and writes the schedule.
//! With nobody watching the time passes all the same.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use super::clip::Clip;
use super::outlet::Outlet;
use super::schedule::{Loop, Schedule};

/// What one camera's thread plays.
pub(super) struct Feeder {
    pub(super) name: String,
    pub(super) clip: Arc<Clip>,
    pub(super) outlet: Outlet,
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
                key = Some(&unit.data);
            }
            let due_us = start_us + unit.sent_us;
            // Only in the first loop of a camera that starts in the middle.
            if due_us < begun_us - 1_000_000 {
                continue;
            }
            if !self.outlet.wait_until(due_us) {
                return false;
            }
            self.outlet.send_or_still(&unit.data, unit.keyframe, start_us + unit.shown_us, key);
        }
        true
    }
}

/// The time of day, microseconds since 1970.
pub(super) fn now_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
