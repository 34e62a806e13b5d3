//! One attempt at a camera for `check --live`: what it offers and whether that can be decoded.

use std::time::Duration;

use futures_util::StreamExt;
use tokio::time::{Instant, timeout_at};

use super::{AccessUnit, CameraError, Cause, Codec, Session, Source};

/// Units looked at once a keyframe has come. Bound of what a trial keeps; more are looked at and not kept.
const KEPT_MAX: usize = 64;
/// How long the pictures are watched for their rate and a sender report.
const WATCH: Duration = Duration::from_secs(3);

/// What one attempt found.
#[derive(Debug, Clone, PartialEq)]
pub struct TryReport {
    /// The codec.
    pub codec: Codec,
    /// Width and height, where the first pictures could be decoded.
    pub frame_px: Option<(u32, u32)>,
    /// Pictures a second by the media clock.
    pub fps: Option<f64>,
    /// From the first request to the first keyframe.
    pub first_keyframe_ms: u64,
    /// The camera says what time it is.
    pub sender_reports: bool,
    /// Its clock minus the gateway's, where it says so.
    pub clock_offset_ms: Option<i64>,
    /// Packets lost meanwhile.
    pub packets_lost: u64,
}

/// Opens the camera once, looks at it for some seconds and lets go.
///
/// # Errors
/// Why there is no picture within `at_most`.
pub async fn try_once(source: &Source, at_most: Duration) -> Result<TryReport, CameraError> {
    let started = Instant::now();
    let deadline = started + at_most;
    let late = |what: &str| {
        let text = format!("the camera at {} {what} within {} s", source.shown_host(), at_most.as_secs());
        CameraError::new(Cause::NoFrames, text)
    };
    let opened = timeout_at(deadline, super::open(source, Session::default())).await;
    let mut stream = opened.map_err(|_| late("could not be opened"))??;

    let mut seen = Seen::default();
    let mut until = deadline;
    let mut first_keyframe_ms = None;
    while let Ok(item) = timeout_at(until, stream.next()).await {
        let unit = match item {
            Some(Ok(unit)) => unit,
            // A short clip ends: what was seen of it counts.
            Some(Err(error)) if first_keyframe_ms.is_none() || error.cause != Cause::Ended => {
                return Err(error);
            }
            Some(Err(_)) | None => break,
        };
        if first_keyframe_ms.is_none() && unit.keyframe {
            first_keyframe_ms = Some(u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX));
            until = deadline.min(Instant::now() + WATCH);
        }
        if first_keyframe_ms.is_some() {
            seen.add(unit);
            if seen.enough() {
                break;
            }
        }
    }
    drop(stream);
    let first_keyframe_ms = first_keyframe_ms.ok_or_else(|| late("sent no keyframe"))?;
    super::rtsp::settle(source, Duration::from_millis(500)).await;
    seen.report(first_keyframe_ms).await.ok_or_else(|| late("sent no keyframe"))
}

#[derive(Default)]
struct Seen {
    kept: Vec<AccessUnit>,
    units: u32,
    media_us: Option<(i64, i64)>,
    sender_reports: bool,
    clock_offset_ms: Option<i64>,
    packets_lost: u64,
}

impl Seen {
    fn add(&mut self, unit: AccessUnit) {
        let media_us = unit.times.media_us;
        self.units += 1;
        self.media_us = Some(match self.media_us {
            Some((first, last)) => (first.min(media_us), last.max(media_us)),
            None => (media_us, media_us),
        });
        self.sender_reports |= unit.clock.sender_reports;
        self.clock_offset_ms = unit.clock.offset_ms.or(self.clock_offset_ms);
        self.packets_lost += u64::from(unit.lost_before);
        if self.kept.len() < KEPT_MAX {
            self.kept.push(unit);
        }
    }

    fn enough(&self) -> bool {
        self.sender_reports && self.units >= 25
    }

    async fn report(self, first_keyframe_ms: u64) -> Option<TryReport> {
        let codec = self.kept.first()?.codec;
        let (first_us, last_us) = self.media_us?;
        let fps = (self.units > 1 && last_us > first_us)
            .then(|| f64::from(self.units - 1) * 1e6 / (last_us - first_us) as f64);
        let kept = self.kept;
        let frame_px = tokio::task::spawn_blocking(move || crate::decode::size_of(kept)).await.ok().flatten();
        Some(TryReport {
            codec,
            frame_px,
            fps,
            first_keyframe_ms,
            sender_reports: self.sender_reports,
            clock_offset_ms: self.clock_offset_ms,
            packets_lost: self.packets_lost,
        })
    }
}
