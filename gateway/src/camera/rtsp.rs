//! RTSP cameras through `retina`: H.264 and H.265 over TCP or UDP, digest and basic authentication, RTCP sender
//! reports, keep-alives. There is no jitter buffer: pictures are decoded as they come, and jitter is taken out of
//! their *times* by [`clock`](super::clock), which costs no delay.
//!
//! Stale sessions: a session that is dropped is torn down in the background, over TCP with one try on its own
//! connection. Over UDP the camera would go on sending, so it is tried until the session expires; as a camera that is
//! off could collect such tries, a new session is only torn down so while at most one older is still being. A new
//! session is never held back for an old one: pictures within 2 s of a camera's return are worth more.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt};
use retina::client::{
    Demuxed, Described, PlayOptions, SessionGroup, SessionOptions, SetupOptions, TcpTransportOptions, TeardownPolicy,
    UdpTransportOptions,
};
use retina::codec::{CodecItem, FrameFormat, VideoFrame};
use tokio::time::timeout;

use super::clock::{MediaClock, Now, ntp_to_unix_us};
use super::{AccessUnit, CameraError, Cause, Codec, Scheme, Session, Source, Transport, UnitStream, probe};

/// The protocol's line in the table.
pub const SCHEME: Scheme = Scheme { names: &["rtsp"], open: open_boxed, probe: |source| probe::rtsp(source).boxed() };

/// The port where the URL names none.
pub const PORT: u16 = 554;

/// The longest a camera may take to answer one request before it counts as stalled.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(3);

/// Packets without sense that a session survives between two pictures; beyond that it is not a stream.
const BAD_PACKETS_MAX: u32 = 64;

/// Sessions that are being torn down, a group for each camera: one group for all would make one camera's stale
/// sessions the business of another. It grows with the cameras of the configuration and no further.
static STALE: LazyLock<std::sync::Mutex<std::collections::BTreeMap<String, Arc<SessionGroup>>>> =
    LazyLock::new(Default::default);

fn open_boxed(source: Source, session: Session) -> BoxFuture<'static, Result<UnitStream, CameraError>> {
    open(source, session).boxed()
}

/// `retina` checks what it reads, but arithmetic that overflows on a hostile answer is a panic in this build: it costs
/// the session like any other nonsense.
fn nonsense(source: &Source) -> CameraError {
    let text = format!("the camera at {} sends what makes its reader fail", source.shown_host());
    CameraError::new(Cause::Protocol, text)
}

async fn open(source: Source, session: Session) -> Result<UnitStream, CameraError> {
    resolve(&source).await?;
    let opened = AssertUnwindSafe(negotiate(&source)).catch_unwind().await;
    let (playing, codec) = opened.unwrap_or_else(|_| Err(nonsense(&source)))?;
    let units = Units {
        demuxed: Some(playing),
        clock: MediaClock::new(session),
        codec,
        source,
        bad_packets: 0,
        lost: 0,
        last_bad: None,
    };
    Ok(Box::pin(futures_util::stream::unfold(units, |mut units| async move {
        let item = match AssertUnwindSafe(units.next()).catch_unwind().await {
            Ok(item) => item?,
            Err(_) => {
                units.demuxed = None;
                Err(nonsense(&units.source))
            }
        };
        Some((item, units))
    })))
}

async fn negotiate(source: &Source) -> Result<(Demuxed, Codec), CameraError> {
    let described = describe(source).await?;
    let (index, codec) = choose(source, &described)?;
    Ok((play(source, described, index).await?, codec))
}

/// Looks the name up first, so that an unknown host is told from one that does not answer.
async fn resolve(source: &Source) -> Result<(), CameraError> {
    let Some(url::Host::Domain(name)) = source.url().host() else {
        return Ok(());
    };
    let unknown = |reason: &str| {
        let text = format!("the host name `{name}` is not known ({reason}): check the url and the name server");
        CameraError::new(Cause::UnknownHost, text)
    };
    match timeout(ANSWER_TIMEOUT, tokio::net::lookup_host((name, source.url().port().unwrap_or(PORT)))).await {
        Ok(Ok(mut addresses)) => addresses.next().map(|_| ()).ok_or_else(|| unknown("it has no address")),
        Ok(Err(_)) => Err(unknown("the look-up failed")),
        Err(_) => Err(unknown("the name server does not answer")),
    }
}

async fn describe(source: &Source) -> Result<retina::client::Session<Described>, CameraError> {
    let credentials = source.credentials().map(|credentials| retina::client::Credentials {
        username: credentials.user.reveal().to_owned(),
        password: credentials.password.reveal().to_owned(),
    });
    let group = stale_group(source);
    let teardown = match source.transport() {
        Transport::Tcp => TeardownPolicy::Auto,
        Transport::Udp if group.stale_sessions().num_sessions > 1 => TeardownPolicy::Never,
        Transport::Udp => TeardownPolicy::Always,
    };
    let options = SessionOptions::default()
        .creds(credentials)
        .user_agent("yiwang-gateway".into())
        .session_group(group)
        .teardown(teardown);
    match timeout(ANSWER_TIMEOUT, retina::client::Session::describe(source.url().clone(), options)).await {
        Ok(Ok(described)) => Ok(described),
        Ok(Err(error)) => Err(explain(source, &error)),
        // Nothing came at all: one probe tells a frozen camera from an address where nobody is.
        Err(_) => Err(match probe::rtsp(source.clone()).await {
            probe::Reach::Closed => unreachable(source, "no answer to the connection"),
            _ => unanswered(source, "the question what it offers"),
        }),
    }
}

fn stale_group(source: &Source) -> Arc<SessionGroup> {
    let mut groups = STALE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    Arc::clone(groups.entry(source.id().to_owned()).or_default())
}

/// The first video stream that can be decoded.
fn choose(source: &Source, described: &retina::client::Session<Described>) -> Result<(usize, Codec), CameraError> {
    let streams = described.streams();
    for (index, stream) in streams.iter().enumerate().filter(|(_, stream)| stream.media() == "video") {
        match stream.encoding_name() {
            "h264" => return Ok((index, Codec::H264)),
            "h265" => return Ok((index, Codec::H265)),
            _ => {}
        }
    }
    let offered: Vec<_> = streams
        .iter()
        .take(8)
        .map(|stream| format!("{} {}", stream.media(), stream.encoding_name()).chars().take(40).collect::<String>())
        .collect();
    let offered = if offered.is_empty() { "nothing".to_owned() } else { offered.join(", ") };
    let text = format!("the camera at {} offers {offered}: set its stream to H.264 or H.265", source.shown_host());
    Err(CameraError::new(Cause::UnsupportedCodec, source.redact(&text)))
}

async fn play(
    source: &Source,
    mut described: retina::client::Session<Described>,
    index: usize,
) -> Result<Demuxed, CameraError> {
    let transport = match source.transport() {
        Transport::Tcp => retina::client::Transport::Tcp(TcpTransportOptions::default()),
        Transport::Udp => retina::client::Transport::Udp(UdpTransportOptions::default()),
    };
    let options = SetupOptions::default().transport(transport).frame_format(FrameFormat::SIMPLE);
    match timeout(ANSWER_TIMEOUT, described.setup(index, options)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => return Err(explain(source, &error)),
        Err(_) => return Err(unanswered(source, "the request to set the stream up")),
    }
    match timeout(ANSWER_TIMEOUT, described.play(PlayOptions::default())).await {
        Ok(Ok(playing)) => playing.demuxed().map_err(|error| explain(source, &error)),
        Ok(Err(error)) => Err(explain(source, &error)),
        Err(_) => Err(unanswered(source, "the request to play")),
    }
}

struct Units {
    /// Gone once the stream is over.
    demuxed: Option<Demuxed>,
    clock: MediaClock,
    codec: Codec,
    source: Source,
    bad_packets: u32,
    lost: u16,
    last_bad: Option<CameraError>,
}

impl Units {
    /// The next unit, or the error that ends the stream, or `None` after that.
    async fn next(&mut self) -> Option<Result<AccessUnit, CameraError>> {
        loop {
            match self.demuxed.as_mut()?.next().await {
                Some(Ok(CodecItem::VideoFrame(frame))) => return Some(Ok(self.unit(frame))),
                Some(Ok(CodecItem::Rtcp(packet))) => self.report(&packet),
                Some(Ok(_)) => {}
                Some(Err(error)) => {
                    let explained = explain(&self.source, &error);
                    self.bad_packets += 1;
                    if !is_packet_error(&error) || self.bad_packets > BAD_PACKETS_MAX {
                        self.demuxed = None;
                        return Some(Err(explained));
                    }
                    self.lost = self.lost.saturating_add(1);
                    self.last_bad = Some(explained);
                }
                None => {
                    self.demuxed = None;
                    let ended = || {
                        let text = format!("the camera at {} ended the stream", self.source.shown_host());
                        CameraError::new(Cause::Ended, text)
                    };
                    return Some(Err(self.last_bad.take().unwrap_or_else(ended)));
                }
            }
        }
    }

    fn unit(&mut self, frame: VideoFrame) -> AccessUnit {
        self.bad_packets = 0;
        self.last_bad = None;
        let rtp_us = rtp_us(frame.timestamp());
        let times = self.clock.unit(rtp_us, Now::at(frame.start_ctx().received()));
        let lost_before = frame.loss().saturating_add(std::mem::take(&mut self.lost));
        AccessUnit {
            codec: self.codec,
            keyframe: frame.is_random_access_point(),
            times,
            lost_before,
            clock: self.clock.view(),
            data: frame.into_data(),
        }
    }

    fn report(&mut self, packet: &retina::rtcp::ReceivedCompoundPacket) {
        let Some(rtp) = packet.rtp_timestamp() else {
            return;
        };
        let report = packet.pkts().next().and_then(|first| first.as_sender_report().ok().flatten());
        if let Some(camera_us) = report.and_then(|report| ntp_to_unix_us(report.ntp_timestamp().0)) {
            self.clock.sender_report(camera_us, rtp_us(rtp), Now::at(packet.ctx().received()));
        }
    }
}

/// Microseconds on the camera's media clock. Absolute ticks, not those since the start, so that reports before the
/// first picture fit too.
fn rtp_us(timestamp: retina::Timestamp) -> i64 {
    let us = i128::from(timestamp.timestamp()) * 1_000_000 / i128::from(timestamp.clock_rate().get());
    i64::try_from(us).unwrap_or(i64::MAX)
}

/// Whether one packet was wrong rather than the session. `retina` keeps its error kinds to itself; the text of a
/// packet's error names the packet's stream, and no other error does but those of a socket.
fn is_packet_error(error: &retina::Error) -> bool {
    let text = error.to_string();
    text.contains("\npkt: ") && text.contains("\nstream: ")
}

fn unreachable(source: &Source, reason: &str) -> CameraError {
    let text = format!(
        "nothing answers at {} ({reason}): check the address, the cable, the camera's power and the firewall",
        source.shown_host()
    );
    CameraError::new(Cause::Unreachable, text)
}

fn unanswered(source: &Source, request: &str) -> CameraError {
    let seconds = ANSWER_TIMEOUT.as_secs();
    CameraError::silent(format!(
        "the camera at {} took the connection and did not answer {request} within {seconds} s",
        source.shown_host()
    ))
}

/// The one place where an error of the library becomes a cause and a sentence.
fn explain(source: &Source, error: &retina::Error) -> CameraError {
    let host = source.shown_host();
    if let Some(status) = error.status_code() {
        return explain_status(source, status, error);
    }
    let text = error.to_string();
    let os_error = text.split("(os error ").nth(1).and_then(|rest| rest.split(')').next()?.parse::<i32>().ok());
    if text.starts_with("Unable to connect") {
        return match os_error {
            Some(libc::ECONNREFUSED) => CameraError::new(
                Cause::Refused,
                format!("{host} refuses the connection: the camera is starting, or its RTSP service has another port"),
            ),
            Some(libc::EHOSTUNREACH | libc::ENETUNREACH) => unreachable(source, "no route to it"),
            _ => unreachable(source, "no answer to the connection"),
        };
    }
    if text.starts_with("Error reading from RTSP peer") || text.starts_with("Error writing to RTSP peer") {
        return CameraError::new(Cause::Ended, format!("the camera at {host} closed the connection"));
    }
    let first: String = text.lines().next().unwrap_or_default().chars().take(200).collect();
    let text = format!("the camera at {host} sends what makes no sense: {}", source.redact(&first));
    CameraError::new(Cause::Protocol, text)
}

fn explain_status(source: &Source, status: u16, error: &retina::Error) -> CameraError {
    let host = source.shown_host();
    let (cause, text) = match status {
        401 | 403 if source.credentials().is_none() => (
            Cause::WrongPassword,
            format!(
                "the camera at {host} wants a user and a password and none are configured: put them into the camera's \
                 secret file or the environment"
            ),
        ),
        401 | 403 => (
            Cause::WrongPassword,
            format!("the camera at {host} does not accept the user or the password ({status}): correct them"),
        ),
        404 | 410 | 451 | 454 | 460 => (
            Cause::NoSuchPath,
            format!("the camera at {host} does not know the path of {} ({status}): check the url", source.shown()),
        ),
        461 => (
            Cause::Protocol,
            format!("the camera at {host} does not offer this transport ({status}): try the other of tcp and udp"),
        ),
        453 | 503 => (
            Cause::Protocol,
            format!("the camera at {host} is busy ({status}): it may allow fewer viewers than it has"),
        ),
        200..300 => {
            let first: String = error.to_string().lines().next().unwrap_or_default().chars().take(200).collect();
            (Cause::Protocol, format!("the answer of the camera at {host} makes no sense: {}", source.redact(&first)))
        }
        _ => (Cause::Protocol, format!("the camera at {host} answers with RTSP status {status}")),
    };
    CameraError::new(cause, text)
}

/// Waits a little for sessions of this camera to be torn down; for the end of the process.
pub async fn settle(source: &Source, at_most: Duration) {
    let group = stale_group(source);
    // Best effort: what is not torn down by then expires at the camera.
    let _ = timeout(at_most, group.await_teardown()).await;
}
