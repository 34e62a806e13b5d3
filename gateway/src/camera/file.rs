//! A recorded clip as a camera: `analyze` takes its access units as fast as it can, a camera with a `file:///…` url
//! plays it in real time. At the end it has `ended`; a camera is then opened again by its supervisor, so it loops.

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;
use tokio::time::Instant;
use yiwang_wire::event::TimeSource;

use super::{AccessUnit, CameraError, Cause, ClockView, Codec, Now, Scheme, Session, Source, Times, UnitStream, probe};

/// The protocol's line in the table.
pub const SCHEME: Scheme = Scheme { names: &["file"], open: open_boxed, probe: |source| probe::file(source).boxed() };

/// Units read ahead of whoever takes them. When full, reading waits.
const AHEAD_MAX: usize = 16;

/// The access units of a clip, in decoding order. Blocks while it reads; ends after the last unit.
pub struct FileUnits {
    pipeline: gst::Pipeline,
    sink: gst_app::AppSink,
    path: PathBuf,
    start_us: i64,
    session: Session,
    codec: Option<Codec>,
    done: bool,
}

impl FileUnits {
    /// Opens a clip whose first picture is said to be taken at `start_us` (microseconds since 1970 UTC; 0 makes
    /// capture times count from 1970, the same in every run).
    ///
    /// # Errors
    /// [`Cause::NotFound`], or [`Cause::Decode`] where GStreamer or a plug-in is missing.
    pub fn open(path: &Path, start_us: i64) -> Result<Self, CameraError> {
        if let Err(error) = std::fs::metadata(path) {
            let text = format!("cannot read the clip {}: {error}", path.display());
            return Err(CameraError::new(Cause::NotFound, text));
        }
        let (pipeline, sink) = build(path)?;
        let units =
            Self { pipeline, sink, path: path.into(), start_us, session: Session::default(), codec: None, done: false };
        if units.pipeline.set_state(gst::State::Playing).is_err() {
            return Err(units.failure());
        }
        Ok(units)
    }

    /// What went wrong, from the pipeline's own words.
    fn failure(&self) -> CameraError {
        let said = self.pipeline.bus().and_then(|bus| bus.pop_filtered(&[gst::MessageType::Error]));
        let said = said.as_ref().and_then(|message| match message.view() {
            gst::MessageView::Error(error) => Some(error.error().to_string()),
            _ => None,
        });
        let said = said.unwrap_or_else(|| "it holds no H.264 or H.265 video".into());
        let text = format!("cannot read the clip {}: {said}", self.path.display());
        CameraError::new(if self.codec.is_some() { Cause::Decode } else { Cause::UnsupportedCodec }, text)
    }

    fn unit(&mut self, sample: &gst::Sample) -> Option<AccessUnit> {
        let codec = match self.codec {
            Some(codec) => codec,
            None => *self.codec.insert(match sample.caps()?.structure(0)?.name().as_str() {
                "video/x-h265" => Codec::H265,
                _ => Codec::H264,
            }),
        };
        let buffer = sample.buffer()?;
        let time = buffer.pts().or(buffer.dts())?;
        // Stream time is what a player would show; edit lists shift it against the timestamps.
        let stream_time = sample.segment().and_then(|segment| {
            segment.downcast_ref::<gst::ClockTime>().and_then(|segment| segment.to_stream_time(time))
        });
        let media_us = i64::try_from(stream_time.unwrap_or(time).useconds()).ok()?;
        let data = buffer.map_readable().ok()?.as_slice().to_vec();
        Some(AccessUnit {
            codec,
            data,
            keyframe: !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT),
            times: Times {
                media_us: self.session.media_floor_us + media_us,
                capture_us: self.start_us + media_us,
                time_source: TimeSource::File,
                time_error_ms: 0,
                arrival_us: self.start_us + media_us,
                session: self.session.number,
            },
            lost_before: 0,
            clock: ClockView::default(),
        })
    }
}

impl Iterator for FileUnits {
    type Item = Result<AccessUnit, CameraError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.done {
            match self.sink.pull_sample() {
                Ok(sample) => {
                    if let Some(unit) = self.unit(&sample) {
                        return Some(Ok(unit));
                    }
                }
                Err(_) => {
                    self.done = true;
                    let failed = self.pipeline.bus().is_some_and(|bus| {
                        let error = bus.peek();
                        error.is_some_and(|message| message.type_() == gst::MessageType::Error)
                    });
                    if failed || self.codec.is_none() {
                        return Some(Err(self.failure()));
                    }
                }
            }
        }
        None
    }
}

impl Drop for FileUnits {
    fn drop(&mut self) {
        // Nothing can be done about a pipeline that does not stop, and the process goes on.
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

/// `filesrc ! parsebin`, and behind its first video pad `h26xparse ! appsink`; other pads end in a `fakesink`, because
/// a demultiplexer stops where a pad is not linked.
fn build(path: &Path) -> Result<(gst::Pipeline, gst_app::AppSink), CameraError> {
    crate::decode::init().map_err(|error| CameraError::new(Cause::Decode, error.to_string()))?;
    let make = |name: &'static str| {
        crate::decode::element(name).map_err(|error| CameraError::new(Cause::Decode, error.to_string()))
    };
    let source = make("filesrc")?;
    source.set_property("location", path.to_string_lossy().as_ref());
    let bin = make("parsebin")?;
    let caps =
        gst::Caps::builder_full().structure(stream_caps("video/x-h264")).structure(stream_caps("video/x-h265")).build();
    let sink = gst_app::AppSink::builder().caps(&caps).sync(false).max_buffers(AHEAD_MAX as u32).build();
    let pipeline = gst::Pipeline::new();
    let linked = pipeline.add_many([&source, &bin, sink.upcast_ref()]).and_then(|()| source.link(&bin));
    if let Err(error) = linked {
        return Err(CameraError::new(Cause::Decode, format!("cannot build the pipeline of a clip: {error}")));
    }
    let weak = pipeline.downgrade();
    let target = sink.clone();
    bin.connect_pad_added(move |_, pad| {
        if let Some(pipeline) = weak.upgrade()
            && let Err(error) = link(&pipeline, pad, &target)
        {
            tracing::warn!(%error, "a stream of the clip cannot be read");
        }
    });
    Ok((pipeline, sink))
}

fn stream_caps(name: &str) -> gst::Structure {
    gst::Structure::builder(name).field("stream-format", "byte-stream").field("alignment", "au").build()
}

fn link(pipeline: &gst::Pipeline, pad: &gst::Pad, sink: &gst_app::AppSink) -> Result<(), gst::glib::BoolError> {
    let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
    let name = caps.structure(0).map(|structure| structure.name().as_str());
    let parser = match name {
        Some("video/x-h264") => "h264parse",
        Some("video/x-h265") => "h265parse",
        _ => "",
    };
    let taken = sink.static_pad("sink").is_none_or(|pad| pad.is_linked());
    let first = if parser.is_empty() || taken {
        let rest = gst::ElementFactory::make("fakesink").property("sync", false).property("async", false).build()?;
        pipeline.add(&rest)?;
        rest
    } else {
        // -1: parameter sets in front of each keyframe, so that decoding can start at any.
        let parse = gst::ElementFactory::make(parser).property("config-interval", -1_i32).build()?;
        pipeline.add(&parse)?;
        parse.link(sink)?;
        parse
    };
    first.sync_state_with_parent()?;
    let Some(target) = first.static_pad("sink") else {
        return Ok(());
    };
    pad.link(&target).map_err(|error| gst::glib::bool_error!("{error}"))?;
    Ok(())
}

fn open_boxed(source: Source, session: Session) -> BoxFuture<'static, Result<UnitStream, CameraError>> {
    open(source, session).boxed()
}

/// The clip in real time: each unit is given when its media time has come.
async fn open(source: Source, session: Session) -> Result<UnitStream, CameraError> {
    let path = source.url().to_file_path().map_err(|()| {
        CameraError::new(Cause::NotFound, "a file url looks like file:///srv/clips/gate.mp4, with three strokes")
    })?;
    // Bound: AHEAD_MAX units; when full the reading thread waits.
    let (sender, receiver) = tokio::sync::mpsc::channel(AHEAD_MAX);
    let start_us = Now::read().wall_us;
    let shown = path.display().to_string();
    let units = tokio::task::spawn_blocking(move || FileUnits::open(&path, start_us))
        .await
        .map_err(|_| CameraError::new(Cause::Decode, "reading the clip was broken off"))??;
    tokio::task::spawn_blocking(move || {
        let mut units = units;
        units.session = session;
        for unit in units {
            if sender.blocking_send(unit).is_err() {
                return;
            }
        }
        let ended = CameraError::new(Cause::Ended, format!("the clip {shown} is over"));
        // The reader may be gone; then nobody wants to know.
        let _ = sender.blocking_send(Err(ended));
    });
    let start = Instant::now();
    Ok(Box::pin(futures_util::stream::unfold(receiver, move |mut receiver| async move {
        let item: Result<AccessUnit, CameraError> = receiver.recv().await?;
        if let Ok(unit) = &item {
            let due_us = u64::try_from(unit.times.capture_us - start_us).unwrap_or(0);
            tokio::time::sleep_until(start + Duration::from_micros(due_us)).await;
        }
        Some((item, receiver))
    })))
}
