//! Keeps one camera's decoder alive, and spares it what the [`gate`](crate::gate) leaves out while nothing moves and what
//! it cannot keep up with.
//!
//! The queue in front of the decoder is bounded here: beyond a second of pictures (or 16 MiB) whole groups of pictures
//! are left out, from where the bound was met to the next keyframe that finds the queue nearly empty. A picture left
//! out in between would damage every one after it; a second is what a person at a screen forgives. What the gate gives to
//! be decoded late, all at once, comes on top until it is worked off; the ring that it comes out of has its own bound.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::pipeline::{Decoder, Level, SharedSink, Unit};
use super::{DecodeError, PictureSink, Purpose};
use crate::camera::{AccessUnit, CameraError, Cause, Codec, Taken, UnitSink};
use crate::gate::{self, Attention, Coded, Gate, Reason, Ring, Tally, Verdict};
use crate::pictures::Sight;

/// Bound of the queue in front of the decoder; overflow: groups of pictures are left out and counted.
pub const QUEUE_TIME_US: u64 = 1_000_000;
/// The same in bytes.
pub const QUEUE_BYTES: u64 = 16 << 20;
/// Below this the queue counts as empty and a keyframe starts again.
const RESUME_TIME_US: u64 = 250_000;
/// What the gate may give at once: two groups of pictures, and the time of the one in between.
const RING_TIME_US: u64 = 2 * gate::ring::GROUP_US_MAX as u64 + 1_000_000;
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
    gated: Option<Gated>,
    tally: Arc<Tally>,
    sight: Option<Arc<Sight>>,
}

/// What stands in front of the decoder.
struct Gated {
    gate: Gate,
    ring: Ring<Unit>,
    attention: Attention,
}

struct Running {
    codec: Codec,
    decoder: Decoder,
    pictures: u64,
    /// Media time of the unit after which a picture last came out.
    alive_us: i64,
    /// What was kept is being decoded: the queue may be longer by as much.
    catching_up: bool,
}

impl Feeder {
    /// A feeder that decodes everything; its pictures go to the sink. No thread and no memory of a decoder is used
    /// before the first keyframe.
    pub fn new(sink: impl PictureSink + 'static) -> Self {
        let tally = Arc::<Tally>::default();
        tally.set_reason(Reason::Configured);
        Self {
            sink: Arc::new(Mutex::new(sink)),
            decoder: None,
            shedding: false,
            failures: 0,
            pictures: Arc::default(),
            gated: None,
            tally,
            sight: None,
        }
    }

    /// A feeder that decodes keyframes only while, as the sink says in `attention`, nothing moves.
    pub fn gated(sink: impl PictureSink + 'static, attention: Attention) -> Self {
        let gated = Gated { gate: Gate::default(), ring: Ring::default(), attention };
        Self { gated: Some(gated), tally: Arc::default(), ..Self::new(sink) }
    }

    /// What comes is kept there too, for people who ask for a picture, whatever of it is decoded.
    #[must_use]
    pub fn seen_by(self, sight: Arc<Sight>) -> Self {
        Self { sight: Some(sight), ..self }
    }

    /// Ends the decoder and tells the sink that it is over, before it returns; for those who may wait.
    pub fn end(mut self) {
        drop(self.decoder.take());
        self.sink.lock().unwrap_or_else(PoisonError::into_inner).over();
    }

    /// What becomes of the units.
    pub fn tally(&self) -> Arc<Tally> {
        Arc::clone(&self.tally)
    }

    /// Whether everything that was given to the decoder has been seen.
    pub fn is_drained(&self) -> bool {
        self.decoder.as_ref().is_none_or(|running| running.decoder.is_drained())
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
    fn prepare(&mut self, unit: &AccessUnit) -> Result<(), DecodeError> {
        if self.decoder.as_ref().is_some_and(|running| running.codec != unit.codec) {
            self.retire();
        }
        if self.decoder.is_none() && unit.keyframe {
            let decoder = Decoder::new(unit.codec, Arc::clone(&self.sink))?;
            let alive_us = unit.times.media_us;
            self.decoder = Some(Running { codec: unit.codec, decoder, pictures: 0, alive_us, catching_up: false });
            self.shedding = false;
        }
        Ok(())
    }

    /// Ends the decoder without waiting for the picture it is at.
    fn retire(&mut self) {
        let Some(running) = self.decoder.take() else {
            return;
        };
        if let Some(gated) = &mut self.gated {
            gated.restart();
        }
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
        self.prepare(&unit)?;
        let Self { decoder: Some(running), gated, tally, sight, .. } = self else {
            return Ok(Taken::Waiting);
        };
        let level = running.decoder.level();
        let (keyframe, media_us, lost) = (unit.keyframe, unit.times.media_us, unit.lost_before > 0);
        let unit = Unit::from(unit);
        if let Some(sight) = sight {
            sight.push(running.codec, &unit);
        }
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
        running.catching_up &= level.time_us > RESUME_TIME_US;
        let shed = sheds(shedding, keyframe, running.catching_up, level);
        if shed && let Some(gated) = gated {
            gated.restart();
        }
        let pushed = if shed {
            Ok(())
        } else {
            let batch = match gated {
                Some(gated) => gated.pass(unit, lost, tally),
                None => Batch::plain(unit),
            };
            running.catching_up |= batch.late > 0;
            batch.behind(running.catching_up).push(&running.decoder, tally)
        };
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
        if let Some(gated) = &mut self.gated {
            gated.restart();
            self.tally.set_reason(Reason::Starting);
        }
        let sink = Arc::clone(&self.sink);
        // In this order and on one thread: the decoder's last picture is shown before the sink hears that it is over.
        elsewhere(move || {
            drop(running);
            sink.lock().unwrap_or_else(PoisonError::into_inner).over();
        });
    }
}

/// What of the units goes into the decoder now.
struct Batch {
    units: Vec<Unit>,
    purpose: Purpose,
    /// How many of them were kept until now.
    late: usize,
}

impl Batch {
    fn plain(unit: Unit) -> Self {
        Self { units: vec![unit], purpose: Purpose::Live, late: 0 }
    }

    /// What comes while older pictures are still being decoded is late for a good reason and is looked at all the same.
    fn behind(self, catching_up: bool) -> Self {
        match self.purpose {
            Purpose::Live if catching_up => Self { purpose: Purpose::Replay, ..self },
            _ => self,
        }
    }

    fn push(self, decoder: &Decoder, tally: &Tally) -> Result<(), DecodeError> {
        Tally::add(&tally.decoded, self.units.len());
        Tally::add(&tally.replayed, self.late);
        self.units.into_iter().try_for_each(|unit| decoder.push(unit, self.purpose))
    }
}

impl Gated {
    /// Keeps a unit and gives what is to be decoded now.
    fn pass(&mut self, unit: Unit, lost: bool, tally: &Tally) -> Batch {
        let coded =
            Coded { bytes: unit.data.as_ref().len(), keyframe: unit.keyframe, media_us: unit.times.media_us, lost };
        let fits = self.ring.fits(coded.bytes, coded.keyframe, coded.media_us);
        let verdict = self.gate.decide(&coded, &self.attention.view(), fits);
        let (mut units, purpose) = match verdict {
            Verdict::Hold => (Vec::new(), Purpose::Live),
            Verdict::Decode => (Vec::new(), Purpose::Live),
            Verdict::Glance => (Vec::new(), Purpose::Glance),
            Verdict::Newest(count) => (self.ring.newest(count), Purpose::Replay),
            Verdict::Rewind => (self.ring.all(), Purpose::Replay),
        };
        let late = units.len();
        if verdict != Verdict::Hold {
            units.push(unit.clone());
        }
        self.ring.push(unit, coded.bytes, coded.keyframe, coded.media_us);
        self.count(verdict, tally);
        Batch { units, purpose, late }
    }

    fn count(&self, verdict: Verdict, tally: &Tally) {
        match verdict {
            Verdict::Hold => Tally::add(&tally.held, 1),
            Verdict::Glance => Tally::add(&tally.glances, 1),
            Verdict::Decode => {}
            Verdict::Newest(_) | Verdict::Rewind => match self.gate.reason() {
                Reason::Sizes => Tally::add(&tally.woken_by_sizes, 1),
                Reason::Keyframe => Tally::add(&tally.woken_by_keyframes, 1),
                _ => {}
            },
        }
        tally.set_reason(self.gate.reason());
    }

    /// The decoder is another, or what it is given has a gap: it starts live, at a keyframe.
    fn restart(&mut self) {
        self.gate.restart();
        self.ring.clear();
        self.attention.forget();
    }
}

/// Whether a unit is left out.
fn sheds(shedding: bool, keyframe: bool, catching_up: bool, level: Level) -> bool {
    if shedding {
        return !(keyframe && level.time_us <= RESUME_TIME_US && level.bytes <= QUEUE_BYTES / 2);
    }
    let time_us_max = if catching_up { QUEUE_TIME_US + RING_TIME_US } else { QUEUE_TIME_US };
    (level.time_us > time_us_max && level.units >= OVERLOAD_UNITS) || level.bytes > QUEUE_BYTES
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
            assert_eq!(sheds(shedding, keyframe, false, level), expected, "{case}");
        }
        assert!(!sheds(false, false, true, level(100, 4_000_000)), "what was kept is being decoded");
        assert!(sheds(false, false, true, level(300, 12_000_000)), "and has a bound too");
    }
}
