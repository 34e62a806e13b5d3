//! The city live: one thread lets the world go on by the clock, paints what is due and hands it to the encoders; each
//! of these sends what it made to its outlet of the RTSP server. Main stream `NAME`, sub-stream `NAME-sub` of half the
//! size, where NAME is the device's.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::half::{half, half_px};
use super::record::Record;
use super::{Coded, Coding, Device, EncodeError, Encoder, Shot, StreamError, Studio};
use crate::picture::Frame;
use crate::rtsp::{Codec, LiveSpec, Outlet, Server};

/// A picture that is late by more is left out, so that a slow machine shows fewer pictures and none of the past.
const LATE_MAX_US: i64 = 400_000;

/// The world begins so long after its time was set: until then the encoders are made.
const BEGIN_IN_US: i64 = 700_000;

/// What is sent, and where the truth goes.
#[derive(Debug, Clone)]
pub struct LiveSettings {
    /// Where the streams are; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Of all streams.
    pub codec: Codec,
    /// Whether there are sub-streams.
    pub sub: bool,
    /// The folder of the truth, if it is to be written.
    pub truth: Option<PathBuf>,
}

/// A city whose cameras can be watched.
pub struct Live {
    studio: Studio,
    server: Server,
    streams: Vec<Stream>,
    record: Option<Record>,
    skipped: u64,
}

/// The streams of one device.
struct Stream {
    main: Coder,
    sub: Option<(Coder, Frame)>,
}

/// An encoder and where its pictures go.
struct Coder {
    encoder: Encoder,
    outlet: Outlet,
}

impl Live {
    /// Opens the streams of a studio whose world begins now.
    ///
    /// # Errors
    /// The port is taken, GStreamer is not as `deploy/setup` leaves it, or the truth cannot be written.
    pub fn open(mut studio: Studio, settings: &LiveSettings) -> Result<Live, StreamError> {
        let suffixes: &[&str] = if settings.sub { &["", "-sub"] } else { &[""] };
        let name = |device: &Device, suffix: &&str| format!("{}{suffix}", device.name);
        let names = studio.devices().iter().flat_map(|device| suffixes.iter().map(move |suffix| name(device, suffix)));
        let specs: Vec<LiveSpec> = names.map(|name| LiveSpec { name, codec: settings.codec }).collect();
        let server = Server::live(settings.listen, &specs)?;
        studio.begin_at(now_us() + BEGIN_IN_US);
        let open = |device: &Device| Stream::open(device, studio.epoch_us(), &server, settings);
        let streams = studio.devices().iter().map(open).collect::<Result<_, StreamError>>()?;
        let record = settings.truth.as_ref().map(|path| Record::create(path, &studio)).transpose()?;
        Ok(Live { studio, server, streams, record, skipped: 0 })
    }

    /// The addresses of a camera's main stream and sub-stream, by its place among the studio's cameras.
    pub fn urls(&self, camera: usize) -> (String, Option<String>) {
        let devices = self.studio.devices();
        let index = devices.iter().position(|device| device.cameras.contains(&camera)).expect("each is a device");
        let sub = self.streams[index].sub.as_ref().map(|_| self.server.url(&format!("{}-sub", devices[index].name)));
        (self.server.url(&devices[index].name), sub)
    }

    /// Where the streams are.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Its cameras and its world.
    pub fn studio(&self) -> &Studio {
        &self.studio
    }

    /// Goes on until the world stands at `until_us`.
    ///
    /// # Errors
    /// An encoder or the truth's files failed.
    pub fn run(&mut self, until_us: i64) -> Result<(), StreamError> {
        while self.studio.due_us() < until_us {
            let left_us = self.studio.epoch_us() + self.studio.due_us() - now_us();
            if left_us > 0 {
                std::thread::sleep(Duration::from_micros(u64::try_from(left_us).unwrap_or_default()));
            }
            if left_us < -LATE_MAX_US {
                self.studio.skip();
                self.skipped += 1;
                if self.skipped.is_power_of_two() {
                    eprintln!("yiwang-city: this machine is too slow: {} moments left out so far", self.skipped);
                }
                continue;
            }
            self.moment()?;
        }
        self.record.as_mut().map_or(Ok(()), |record| record.finish(&self.studio))
    }

    /// The pictures of one moment.
    fn moment(&mut self) -> Result<(), StreamError> {
        let mut done = Ok(());
        let (streams, record) = (&mut self.streams, &mut self.record);
        self.studio.shoot(|shot| {
            let sent = streams[shot.device].send(&shot).map_err(StreamError::from);
            let noted = record.as_mut().map_or(Ok(()), |record| record.shot(&shot));
            if done.is_ok() {
                done = sent.and(noted);
            }
        });
        done?;
        self.record.as_mut().map_or(Ok(()), |record| record.moment(&self.studio))
    }
}

impl Stream {
    fn open(device: &Device, epoch_us: i64, server: &Server, settings: &LiveSettings) -> Result<Stream, StreamError> {
        let coder = |name: &str, size_px| {
            let coding = Coding::usual(settings.codec, size_px, device.fps());
            Coder::open(name, &coding, epoch_us, server)
        };
        let small_px = half_px(device.size_px());
        let sub = settings.sub.then(|| coder(&format!("{}-sub", device.name), small_px)).transpose()?;
        let sub = sub.map(|coder| (coder, Frame::new(small_px.0, small_px.1)));
        Ok(Stream { main: coder(&device.name, device.size_px())?, sub })
    }

    fn send(&mut self, shot: &Shot<'_>) -> Result<(), EncodeError> {
        self.main.send(shot.frame, shot)?;
        let Some((coder, small)) = &mut self.sub else { return Ok(()) };
        if let Some(frame) = shot.frame {
            half(frame, small);
        }
        coder.send(shot.frame.is_some().then_some(small), shot)
    }
}

impl Coder {
    fn open(name: &str, coding: &Coding, epoch_us: i64, server: &Server) -> Result<Coder, StreamError> {
        let outlet = server.outlet(name)?.clone();
        let way = outlet.clone();
        let deliver = move |coded: Coded| way.send(&coded.data, coded.keyframe, epoch_us + coded.t_us);
        Ok(Coder { encoder: Encoder::live(name, coding, deliver)?, outlet })
    }

    /// Nothing is sent without a frame: the connections stay and fall silent.
    fn send(&self, frame: Option<&Frame>, shot: &Shot<'_>) -> Result<(), EncodeError> {
        self.outlet.hold(frame.is_none());
        self.outlet.set_clock_ahead(shot.ahead_us);
        self.outlet.set_lossy(shot.lossy);
        match frame {
            Some(frame) => self.encoder.push(frame, shot.t_us, self.outlet.wants_keyframe()),
            None => Ok(()),
        }
    }
}

/// The time of day, microseconds since 1970.
fn now_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
