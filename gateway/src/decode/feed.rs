//! Keeps one camera's decoder alive and decides what it is spared.
//!
//! The queue in front of the decoder is bounded here: beyond a second of pictures (or 16 MiB) whole groups of pictures
//! are left out, from where the bound was met to the next keyframe that finds the queue nearly empty. A picture left
//! out in between would damage every one after it; a second is what a person at a screen forgives.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::pipeline::{Decoder, Level, SharedSink};
use super::{DecodeError, PictureSink};
use crate::camera::{AccessUnit, CameraError, Cause, Codec, Taken, UnitSink};

/// Bound of the queue in front of the decoder; overflow: groups of pictures are left out and counted.
pub const QUEUE_TIME_US: u64 = 1_000_000;
/// The same in bytes.
pub const QUEUE_BYTES: u64 = 16 << 20;
/// Below this the queue counts as empty and a keyframe starts again.
const RESUME_TIME_US: u64 = 250_000;
/// A camera of a picture a second always has a second in its queue: fewer units than this are no overload.
const OVERLOAD_UNITS: u64 = 4;
/// Media time without a picture after which what is sent cannot be decoded.
const SILENCE_US: i64 = 5_000_000;
/// A decoder that fails is made anew at the next keyframe, this often in a row; then the camera is given up for now.
const FAILURES_MAX: u32 = 3;

/// Feeds the access units of one camera to its decoder.
pub struct Feeder {
    sink: SharedSink,
    decoder: Option<Running>,
    /// Left out until a keyframe finds the queue nearly empty.
    shedding: bool,
    failures: u32,
    pictures: Arc<AtomicU64>,
}

struct Running {
    codec: Codec,
    decoder: Decoder,
    pictures: u64,
    /// Media time of the unit after which a picture last came out.
    alive_us: i64,
}

impl Feeder {
    /// A feeder whose pictures go to the sink. No thread and no memory of a decoder is used before the first keyframe.
    pub fn new(sink: impl PictureSink + 'static) -> Self {
        Self { sink: Arc::new(Mutex::new(sink)), decoder: None, shedding: false, failures: 0, pictures: Arc::default() }
    }

    /// Pictures decoded so far, whether wanted or not.
    pub fn pictures(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.pictures)
    }

    /// Units that wait for the decoder now.
    pub fn queued(&self) -> u64 {
        self.decoder.as_ref().map_or(0, |running| running.decoder.level().units)
    }

    /// The decoder for a unit, made at a keyframe where there is none.
    fn running(&mut self, unit: &AccessUnit) -> Result<Option<&mut Running>, DecodeError> {
        if self.decoder.as_ref().is_some_and(|running| running.codec != unit.codec) {
            self.retire();
        }
        if self.decoder.is_none() && unit.keyframe {
            let decoder = Decoder::new(unit.codec, Arc::clone(&self.sink))?;
            let alive_us = unit.times.media_us;
            self.decoder = Some(Running { codec: unit.codec, decoder, pictures: 0, alive_us });
            self.shedding = false;
        }
        Ok(self.decoder.as_mut())
    }

    /// Ends the decoder without waiting for the picture it is at.
    fn retire(&mut self) {
        let Some(running) = self.decoder.take() else {
            return;
        };
        elsewhere(move || drop(running));
    }

    fn failed(&mut self, error: DecodeError) -> Result<Taken, CameraError> {
        self.retire();
        self.failures += 1;
        if self.failures > FAILURES_MAX || matches!(error, DecodeError::Format { .. }) {
            self.failures = 0;
            return Err(error.into());
        }
        tracing::debug!(%error, "the decoder is made anew");
        Ok(Taken::Dropped(Cause::Decode))
    }
}

impl UnitSink for Feeder {
    fn take(&mut self, unit: AccessUnit) -> Result<Taken, CameraError> {
        let shedding = self.shedding;
        let Some(running) = self.running(&unit)? else {
            return Ok(Taken::Waiting);
        };
        let level = running.decoder.level();
        let media_us = unit.times.media_us;
        let pictures = running.decoder.pictures();
        if pictures != running.pictures || level.units >= OVERLOAD_UNITS {
            // A full queue is a slow picture sink, not data that cannot be decoded.
            running.alive_us = media_us;
        }
        let new = pictures - std::mem::replace(&mut running.pictures, pictures);
        if media_us - running.alive_us > SILENCE_US {
            self.retire();
            let text = "what the camera sends cannot be decoded: no picture came out of 5 s of it";
            return Err(CameraError::new(Cause::Decode, text));
        }
        let shed = sheds(shedding, unit.keyframe, level);
        let pushed = if shed { Ok(()) } else { running.decoder.push(unit) };
        if new > 0 {
            self.failures = 0;
            self.pictures.fetch_add(new, Ordering::Relaxed);
        }
        self.shedding = shed;
        match pushed {
            Err(error) => self.failed(error),
            Ok(()) if shed => Ok(Taken::Dropped(Cause::Overload)),
            Ok(()) => Ok(Taken::Kept),
        }
    }

    fn over(&mut self) {
        let running = self.decoder.take();
        let sink = Arc::clone(&self.sink);
        // In this order and on one thread: the decoder's last picture is shown before the sink hears that it is over.
        elsewhere(move || {
            drop(running);
            sink.lock().unwrap_or_else(PoisonError::into_inner).over();
        });
    }
}

/// Whether a unit is left out.
fn sheds(shedding: bool, keyframe: bool, level: Level) -> bool {
    if shedding {
        return !(keyframe && level.time_us <= RESUME_TIME_US && level.bytes <= QUEUE_BYTES / 2);
    }
    (level.time_us > QUEUE_TIME_US && level.units >= OVERLOAD_UNITS) || level.bytes > QUEUE_BYTES
}

/// Runs what may wait for a picture on the runtime's threads for that, or here where there is no runtime.
fn elsewhere(work: impl FnOnce() + Send + 'static) {
    match tokio::runtime::Handle::try_current() {
        Ok(handle) => drop(handle.spawn_blocking(work)),
        Err(_) => work(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_groups_of_pictures_are_left_out() {
        let level = |units, time_us| Level { units, bytes: 0, time_us };
        let cases = [
            ("all is well", false, false, level(2, 80_000), false),
            ("a second behind", false, false, level(26, 1_040_000), true),
            ("a slow camera", false, false, level(2, 2_000_000), false),
            ("amid a group", true, false, level(0, 0), true),
            ("a keyframe, still behind", true, true, level(20, 800_000), true),
            ("a keyframe, caught up", true, true, level(3, 120_000), false),
            ("too many bytes", false, true, Level { units: 3, bytes: QUEUE_BYTES + 1, time_us: 0 }, true),
        ];
        for (case, shedding, keyframe, level, expected) in cases {
            assert_eq!(sheds(shedding, keyframe, level), expected, "{case}");
        }
    }
}
