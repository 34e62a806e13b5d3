//! When was a picture taken? Pure: it is given the camera's timestamps and the gateway's clocks and answers with times.
//!
//! Three clocks are at work: the camera's media clock (RTP timestamps: orders frames, counts durations), the camera's
//! wall clock (the NTP half of RTCP sender reports: often right, often hours off) and the gateway's clock (wall and
//! monotonic). What happens, in this order:
//!
//! 1. **Media time** is the RTP time made continuous: a timestamp that jumps more than 10 s ahead of the time that
//!    really passed, or more than 1 s back, is a break, and media time goes on from there by the gateway's monotonic
//!    clock. Steps back below 1 s are B-frames, unless they last.
//! 2. **Smoothed arrival**: a picture arrives at `capture + delay + jitter`, and jitter only ever adds. So the least
//!    `arrival - media time` over the last 30 s, added to the media time, is the arrival without jitter. It runs on
//!    the monotonic clock: a gateway clock that is set does not touch it.
//! 3. **Sender reports** say what the camera's clock showed at a media time. `d = smoothed arrival - camera time` is
//!    the camera's own delay minus the offset of its clock; one equation, two unknowns. What is known is that the delay
//!    of a camera and a network lies in `0..=DELAY_MAX` (exposure, encoding and sending take 30–250 ms). So capture is
//!    taken as `smoothed arrival - clamp(d, 0, DELAY_MAX)`: where the camera's clock is plausible (it is synchronised,
//!    as is the gateway's) that *is* the camera's time, exact to the millisecond and comparable between cameras; where
//!    it is off, it is corrected by what is certainly offset and not delay. No threshold switches between the two.
//!    The error stated is the farther end of the interval in which capture must lie: `max(c, DELAY_MAX - c)`.
//! 4. An offset beyond ±2 s is **not believed**: smoothed arrival is used, with `DELAY_MAX` and the jitter as its error,
//!    as it is before the first report. Two reports in a row beyond 2 s raise the drift flag, two within 1.5 s take it
//!    back.
//!
//! Where the estimate changes (first report, a better minimum), capture is slewed: it never goes back in the order of
//! presentation unless it is wrong by more than 2 s, and what is still missing is added to the error.

use std::collections::VecDeque;
use std::sync::OnceLock;
use std::time::{Instant, SystemTime};

use yiwang_wire::event::TimeSource;

use super::{Session, Times};

/// The longest delay between a picture and its arrival that passes for a camera at work.
pub const DELAY_MAX_US: i64 = 250_000;
/// Beyond this the camera's clock is not believed.
pub const OFFSET_BELIEVED_US: i64 = 2_000_000;
/// Below this it is believed again.
pub const OFFSET_GOOD_US: i64 = 1_500_000;

const JUMP_AHEAD_US: i64 = 10_000_000;
const JUMP_BACK_US: i64 = 1_000_000;
/// No encoder reorders farther than 16 pictures: a run of older ones that is longer is a break.
const BEHIND_MAX: u32 = 16;
/// A sender report farther from the pictures than this speaks of another time line.
const REPORT_FAR_US: i64 = 60_000_000;
const BUCKET_US: i64 = 3_000_000;
/// Ten buckets of 3 s: long enough to see a picture without jitter, short enough to follow clocks that drift apart.
const BUCKETS_MAX: usize = 10;
/// A least delay that rose by this for two whole buckets will not come back: the camera's media clock was set, or the
/// way to it changed.
const RISE_US: i64 = 150_000;
const SLEW_MAX_US: i64 = 2_000_000;

/// The gateway's two clocks at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Monotonic, from any start: for durations.
    pub mono_us: i64,
    /// Microseconds since 1970 UTC: may be set by somebody at any time.
    pub wall_us: i64,
}

impl Now {
    /// Reads both clocks. For the shells only: logic is given its `Now`.
    pub fn read() -> Self {
        Self::at(Instant::now())
    }

    /// The two clocks as they stood at an instant of the recent past.
    pub fn at(instant: Instant) -> Self {
        static START: OnceLock<Instant> = OnceLock::new();
        // An hour ahead of the first reading, so that an instant before it is not negative.
        let start = *START.get_or_init(Instant::now);
        let mono = |instant: Instant| match instant.checked_duration_since(start) {
            Some(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
            None => -i64::try_from(start.duration_since(instant).as_micros()).unwrap_or(i64::MAX),
        };
        let wall_us = match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
            Err(_) => 0,
        };
        let mono_us = mono(instant);
        Self { mono_us: mono_us + 3_600_000_000, wall_us: wall_us - (mono(Instant::now()) - mono_us) }
    }
}

/// What is known of a camera's clock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ClockView {
    /// Sender reports came.
    pub sender_reports: bool,
    /// The camera's clock minus the gateway's, as far as it cannot be delay.
    pub offset_ms: Option<i64>,
    /// The camera's clock is too far off to be believed; `None` until two reports were seen.
    pub drift: Option<bool>,
}

/// The clock of one session.
#[derive(Debug)]
pub struct MediaClock {
    session: Session,
    /// Media time minus RTP time of the present time line.
    shift_us: Option<i64>,
    /// Newest picture in the order of presentation.
    newest: Option<Newest>,
    behind: u32,
    least: Least,
    /// Smoothed distance from the least delay, the jitter.
    jitter_us: i64,
    /// Camera time minus RTP time by the latest sender report.
    report_us: Option<i64>,
    drift: Drift,
    offset_us: Option<i64>,
}

#[derive(Debug, Clone, Copy)]
struct Newest {
    media_us: i64,
    capture_mono_us: i64,
    arrival_mono_us: i64,
    source: TimeSource,
    error_us: i64,
    /// Media and capture time of the newest picture before this one.
    before: Option<(i64, i64)>,
}

impl Newest {
    /// Capture time of a B-frame: between its neighbours as it is by media time, so that the order of presentation
    /// stays the order of capture while capture is slewed.
    fn capture_at(&self, media_us: i64) -> i64 {
        let behind_us = self.media_us - media_us;
        match self.before {
            Some((before_media_us, before_capture_us)) if before_media_us < media_us => {
                let capture_us = i128::from(self.capture_mono_us - before_capture_us);
                let share_us = capture_us * i128::from(behind_us) / i128::from(self.media_us - before_media_us);
                self.capture_mono_us - i64::try_from(share_us).unwrap_or(behind_us)
            }
            _ => self.capture_mono_us - behind_us,
        }
    }
}

impl MediaClock {
    /// A clock for a session that is about to start.
    pub fn new(session: Session) -> Self {
        Self {
            session,
            shift_us: None,
            newest: None,
            behind: 0,
            least: Least::default(),
            jitter_us: 0,
            report_us: None,
            drift: Drift::default(),
            offset_us: None,
        }
    }

    /// Takes a sender report: at `rtp_us` on the media clock the camera's clock showed `camera_us` (since 1970 UTC).
    pub fn sender_report(&mut self, camera_us: i64, rtp_us: i64, now: Now) {
        let media_us = self.shift_us.map(|shift| rtp_us.saturating_add(shift));
        if let (Some(media_us), Some(newest)) = (media_us, self.newest)
            && (media_us - newest.media_us).abs() > REPORT_FAR_US
        {
            return;
        }
        self.report_us = Some(camera_us.saturating_sub(rtp_us));
        if let Some(offset_us) = self.measure(now).map(|measure| measure.offset_us) {
            self.offset_us = Some(offset_us);
            self.drift.report(offset_us);
        }
    }

    /// Says when the access unit with RTP time `rtp_us` was taken, that began to arrive at `now`.
    pub fn unit(&mut self, rtp_us: i64, now: Now) -> Times {
        let media_us = self.media_time(rtp_us, now);
        let delay_us = now.mono_us - media_us;
        self.least.add(now.mono_us, delay_us);
        let above_us = delay_us - self.least.get().unwrap_or(delay_us);
        self.jitter_us += (above_us - self.jitter_us) / 16;

        let (capture_mono_us, source, error_us) = match self.newest {
            Some(newest) if media_us <= newest.media_us => {
                (newest.capture_at(media_us), newest.source, newest.error_us)
            }
            _ => self.advance(media_us, now),
        };
        Times {
            media_us,
            capture_us: capture_mono_us + (now.wall_us - now.mono_us),
            time_source: source,
            time_error_ms: u32::try_from((error_us + 999) / 1000).unwrap_or(u32::MAX),
            arrival_us: now.wall_us,
            session: self.session.number,
        }
    }

    /// What is known of the camera's clock.
    pub fn view(&self) -> ClockView {
        ClockView {
            sender_reports: self.report_us.is_some(),
            offset_ms: self.offset_us.map(|offset| offset / 1000),
            drift: self.drift.state,
        }
    }

    /// RTP time to continuous media time.
    fn media_time(&mut self, rtp_us: i64, now: Now) -> i64 {
        let Some(newest) = self.newest else {
            let media_us = now.mono_us.max(self.session.media_floor_us + 1);
            self.shift_us = Some(media_us.saturating_sub(rtp_us));
            return media_us;
        };
        let media_us = rtp_us.saturating_add(self.shift_us.unwrap_or(0));
        let step_us = media_us.saturating_sub(newest.media_us);
        let waited_us = (now.mono_us - newest.arrival_mono_us).max(0);
        self.behind = if step_us <= 0 { self.behind + 1 } else { 0 };
        let broken =
            step_us > waited_us.saturating_add(JUMP_AHEAD_US) || step_us < -JUMP_BACK_US || self.behind > BEHIND_MAX;
        if !broken {
            return media_us;
        }
        let media_us = newest.media_us + waited_us.max(1_000);
        self.shift_us = Some(media_us.saturating_sub(rtp_us));
        // What was measured and reported speaks of the old time line.
        self.least = Least::default();
        self.report_us = None;
        self.behind = 0;
        media_us
    }

    /// Capture (monotonic), its source and its error for a picture newer than every other.
    fn advance(&mut self, media_us: i64, now: Now) -> (i64, TimeSource, i64) {
        let smoothed_us = media_us + self.least.get().unwrap_or(now.mono_us - media_us);
        let measured = self
            .measure(now)
            .filter(|measure| self.drift.state != Some(true) && measure.offset_us.abs() <= OFFSET_BELIEVED_US);
        let (wanted_us, source, mut error_us) = match measured {
            Some(Measured { delay_us, .. }) => {
                let error_us = delay_us.max(DELAY_MAX_US - delay_us);
                (smoothed_us - delay_us, TimeSource::SenderReport, error_us)
            }
            None => (smoothed_us, TimeSource::Arrival, DELAY_MAX_US + 2 * self.jitter_us),
        };
        let mut capture_mono_us = wanted_us;
        if let Some(newest) = self.newest {
            // Half speed while it is ahead: never back, and caught up soon.
            let slowest_us = newest.capture_mono_us + ((media_us - newest.media_us) / 2).max(1);
            if (1..=SLEW_MAX_US).contains(&(slowest_us - wanted_us)) {
                capture_mono_us = slowest_us;
                error_us += slowest_us - wanted_us;
            }
        }
        let before = self.newest.map(|newest| (newest.media_us, newest.capture_mono_us));
        let arrival_mono_us = now.mono_us;
        self.newest = Some(Newest { media_us, capture_mono_us, arrival_mono_us, source, error_us, before });
        (capture_mono_us, source, error_us)
    }

    /// The camera's clock against the smoothed arrival, on the gateway's wall clock as it stands now.
    fn measure(&self, now: Now) -> Option<Measured> {
        let camera_minus_media_us = self.report_us?.saturating_sub(self.shift_us?);
        let arrival_minus_media_us = self.least.get()? + (now.wall_us - now.mono_us);
        let late_us = arrival_minus_media_us.saturating_sub(camera_minus_media_us);
        let delay_us = late_us.clamp(0, DELAY_MAX_US);
        Some(Measured { delay_us, offset_us: delay_us.saturating_sub(late_us) })
    }
}

/// The delay taken for the camera's own, and the offset of its clock beyond that.
struct Measured {
    delay_us: i64,
    offset_us: i64,
}

/// Least value over a moving window. Bound: [`BUCKETS_MAX`] buckets; the oldest is forgotten.
#[derive(Debug, Default)]
struct Least {
    buckets: VecDeque<(i64, i64)>,
}

impl Least {
    fn add(&mut self, at_us: i64, value: i64) {
        match self.buckets.back_mut() {
            Some((start_us, least)) if at_us - *start_us < BUCKET_US => *least = value.min(*least),
            _ => {
                self.forget_if_risen();
                self.buckets.push_back((at_us, value));
            }
        }
        let oldest_us = at_us - BUCKET_US * BUCKETS_MAX as i64;
        let old = |&(start_us, _): &(i64, i64)| start_us < oldest_us;
        while self.buckets.len() > BUCKETS_MAX || self.buckets.front().is_some_and(old) {
            self.buckets.pop_front();
        }
    }

    fn forget_if_risen(&mut self) {
        let before = self.buckets.len().saturating_sub(2);
        let recent = self.buckets.iter().skip(before).map(|&(_, least)| least).min();
        if let (Some(recent), Some(least)) = (recent, self.get())
            && recent - least > RISE_US
        {
            self.buckets.drain(..before);
        }
    }

    fn get(&self) -> Option<i64> {
        self.buckets.iter().map(|&(_, least)| least).min()
    }
}

/// Two reports in a row change its mind, so that one wrong report does nothing.
#[derive(Debug, Default)]
struct Drift {
    state: Option<bool>,
    against: u32,
    seen: u32,
}

impl Drift {
    fn report(&mut self, offset_us: i64) {
        self.seen = self.seen.saturating_add(1);
        let drifted = self.state == Some(true);
        let limit_us = if drifted { OFFSET_GOOD_US } else { OFFSET_BELIEVED_US };
        let over = offset_us.saturating_abs() > limit_us;
        self.against = if over == drifted { 0 } else { self.against + 1 };
        if self.against >= 2 {
            self.state = Some(over);
            self.against = 0;
        } else if self.state.is_none() && self.seen >= 2 && !over {
            self.state = Some(false);
        }
    }
}

/// An NTP timestamp (32.32 bits since 1900, or since 2036 where the top bit is clear) as microseconds since 1970 UTC.
/// `None` for zero, which says that the sender knows no time.
pub fn ntp_to_unix_us(ntp: u64) -> Option<i64> {
    if ntp == 0 {
        return None;
    }
    let era_s = if ntp >> 63 == 0 { 1_i64 << 32 } else { 0 };
    let seconds = i64::try_from(ntp >> 32).ok()? + era_s - 2_208_988_800;
    let fraction_us = i64::try_from(((ntp & 0xFFFF_FFFF) * 1_000_000) >> 32).ok()?;
    Some(seconds * 1_000_000 + fraction_us)
}

#[cfg(test)]
#[path = "clock_tests.rs"]
mod tests;
