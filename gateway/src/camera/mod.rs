//! Cameras: a protocol yields a stream of access units or says in plain words why it cannot. What is decoded, sampled
//! or analysed is not known here.
//!
//! - [`source`] what a camera is and the secrets that go with it; [`cause`] why one fails.
//! - [`rtsp`], [`file`](mod@file): one file a protocol, one line in [`SCHEMES`].
//! - [`clock`] (pure) what time it was when a picture was taken; [`retry`] (pure) when to try again; [`probe`] the cheap
//!   question whether it is back.
//! - [`flow`] (pure) what is wrong with a stream as it comes: one line in [`FLAWS`](flow::FLAWS) a kind.
//! - [`supervise`] the thin loop that keeps one camera going; [`trial`] one attempt for `check --live`.

use std::pin::Pin;

use futures_util::Stream;
use futures_util::future::BoxFuture;
pub use yiwang_wire::event::TimeSource;

pub mod cause;
pub mod clock;
pub mod file;
pub mod flow;
pub mod probe;
pub mod retry;
pub mod rtsp;
pub mod source;
pub mod supervise;
pub mod trial;

pub use cause::{CameraError, Cause};
pub use clock::{ClockView, Now};
pub use probe::Reach;
pub use source::{Credentials, Secret, Source, SourceError, Transport};
pub use supervise::{CameraTask, Counters, HealthNote, Notify, Taken, UnitSink};
pub use trial::{TryReport, try_once};

/// Every protocol: the URL schemes it answers to and how it is opened. A new one is one file and one line here.
pub const SCHEMES: &[Scheme] = &[rtsp::SCHEME, file::SCHEME];

/// One protocol.
#[derive(Clone, Copy)]
pub struct Scheme {
    /// The URL schemes, the usual one first.
    pub names: &'static [&'static str],
    /// Opens a session; returns once the camera has agreed to send, not once it sends.
    pub open: fn(Source, Session) -> BoxFuture<'static, Result<UnitStream, CameraError>>,
    /// Asks cheaply whether the camera could be opened: no credentials, well below a second.
    pub probe: fn(Source) -> BoxFuture<'static, Reach>,
}

impl Scheme {
    /// The protocol of a URL scheme.
    pub fn named(name: &str) -> Option<&'static Scheme> {
        SCHEMES.iter().find(|scheme| scheme.names.contains(&name))
    }
}

/// What an open camera yields: access units in decoding order, then one error that says why it is over. Nothing is
/// buffered in it: the network's own buffers are the bound, and whoever does not poll loses the session.
pub type UnitStream = Pin<Box<dyn Stream<Item = Result<AccessUnit, CameraError>> + Send>>;

/// What a protocol must know of the sessions before this one, so that media time goes on through a reconnection.
#[derive(Debug, Clone, Copy, Default)]
pub struct Session {
    /// Number of this session of the camera, from 0.
    pub number: u32,
    /// The media time of this session starts above this.
    pub media_floor_us: i64,
}

/// The codecs that can be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    /// AVC.
    H264,
    /// HEVC.
    H265,
}

impl Codec {
    /// Its name as people write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Codec::H264 => "H.264",
            Codec::H265 => "H.265",
        }
    }
}

/// When a picture was taken, by every clock that knows of it. Travels with the picture through the decoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// Presentation time on the camera's media clock. Differences are durations. It starts anywhere, goes on through
    /// reconnections and never goes back in the order of presentation (access units come in decoding order).
    pub media_us: i64,
    /// Capture time, microseconds since 1970 UTC, on the gateway's clock (see [`clock`]).
    pub capture_us: i64,
    /// Where `capture_us` comes from.
    pub time_source: TimeSource,
    /// How far `capture_us` may be off.
    pub time_error_ms: u32,
    /// When the gateway received the first byte of the access unit, microseconds since 1970 UTC.
    pub arrival_us: i64,
    /// Which session of the camera it belongs to: it changes with every reconnection.
    pub session: u32,
}

/// One coded picture.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessUnit {
    /// How it is coded.
    pub codec: Codec,
    /// Annex B; parameter sets stand in front of each keyframe. Moved, never copied, down to the decoder.
    pub data: Vec<u8>,
    /// Can be decoded without any other.
    pub keyframe: bool,
    /// When it was taken.
    pub times: Times,
    /// Packets lost between the unit before and this one.
    pub lost_before: u16,
    /// What is known of the camera's clock.
    pub clock: ClockView,
}

impl std::fmt::Debug for AccessUnit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccessUnit")
            .field("codec", &self.codec)
            .field("bytes", &self.data.len())
            .field("keyframe", &self.keyframe)
            .field("times", &self.times)
            .field("lost_before", &self.lost_before)
            .finish_non_exhaustive()
    }
}

/// Opens a session of a camera.
///
/// # Errors
/// Why it cannot be had, with the cause as people need it.
pub async fn open(source: &Source, session: Session) -> Result<UnitStream, CameraError> {
    (source.scheme().open)(source.clone(), session).await
}
