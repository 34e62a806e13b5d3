//! Encodes pictures as cameras do, in pipelines of GStreamer: x264 or x265, no B-pictures, parameter sets before every
//! keyframe. The coded pictures go to whoever asked for them, or into an MP4 file.

use std::path::{Path, PathBuf};

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;

use crate::picture::Frame;
use crate::rtsp::Codec;

/// Frames that may wait for an encoder. Live, the newest of a full queue is left out; for a file the painter waits.
const QUEUE_MAX: u64 = 4;

/// How pictures are coded.
#[derive(Debug, Clone, PartialEq)]
pub struct Coding {
    /// H.264 or H.265.
    pub codec: Codec,
    /// Width and height, pixels; both even.
    pub size_px: (u32, u32),
    /// Pictures a second.
    pub fps: f32,
    /// A keyframe at least this often, seconds.
    pub keyframe_s: f32,
    /// Most kilobits a second.
    pub kbps: u32,
}

impl Coding {
    /// What surveillance cameras are usually set to: a keyframe each 2 s, about 0.35 bits a pixel.
    pub fn usual(codec: Codec, size_px: (u32, u32), fps: f32) -> Coding {
        let kbps = (size_px.0 * size_px.1) as f32 * fps * 0.35 / 1000.0;
        Coding { codec, size_px, fps, keyframe_s: 2.0, kbps: (kbps as u32).max(64) }
    }
}

/// One coded picture.
#[derive(Debug, Clone)]
pub struct Coded {
    /// Annex B, parameter sets in front of keyframes.
    pub data: gst::Buffer,
    /// The time it was given with, microseconds.
    pub t_us: i64,
    /// True where decoding can begin here.
    pub keyframe: bool,
}

/// Why pictures could not be coded.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// GStreamer or one of its elements is not there.
    #[error("could not make the encoder: is every GStreamer package installed (deploy/setup)?")]
    Pipeline(#[source] gst::glib::Error),
    /// It was made and does not run.
    #[error("the encoder of {what} failed: {text}")]
    Run {
        /// Whose pictures, or which file.
        what: String,
        /// GStreamer's own words.
        text: String,
    },
}

/// A running encoder; without a file it ends when dropped.
pub struct Encoder {
    pipeline: gst::Pipeline,
    source: gst_app::AppSrc,
    size_px: (u32, u32),
    what: String,
    leaves_out: bool,
}

impl Encoder {
    /// Hands each coded picture to `deliver`, on a thread of its own.
    ///
    /// # Errors
    /// GStreamer is not as `deploy/setup` leaves it.
    pub fn live(
        what: &str,
        coding: &Coding,
        mut deliver: impl FnMut(Coded) + Send + 'static,
    ) -> Result<Encoder, EncodeError> {
        let mut encoder = Self::build(what, coding, "appsink name=sink sync=false max-buffers=8")?;
        encoder.source.set_property_from_str("leaky-type", "upstream");
        encoder.leaves_out = true;
        let sink = encoder.pipeline.by_name("sink").and_then(|sink| sink.downcast::<gst_app::AppSink>().ok());
        let callbacks = gst_app::AppSinkCallbacks::builder().new_sample(move |sink| {
            let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
            if let Some(coded) = coded(&sample) {
                deliver(coded);
            }
            Ok(gst::FlowSuccess::Ok)
        });
        sink.expect("the launch line has it").set_callbacks(callbacks.build());
        encoder.play()
    }

    /// Writes an MP4 file; [`Encoder::finish`] completes it.
    ///
    /// # Errors
    /// GStreamer is not as `deploy/setup` leaves it, or the file cannot be written.
    pub fn to_file(path: &Path, coding: &Coding) -> Result<Encoder, EncodeError> {
        let encoder = Self::build(&path.display().to_string(), coding, "mp4mux faststart=true ! filesink name=file")?;
        encoder.source.set_block(true);
        let file = encoder.pipeline.by_name("file").expect("the launch line has it");
        file.set_property("location", PathBuf::from(path).display().to_string());
        encoder.play()
    }

    /// Takes a picture that was captured at `t_us`, at least 0 and later than the one before. `keyframe` makes it one
    /// at which decoding can begin.
    ///
    /// # Errors
    /// The pipeline has ended, with GStreamer's words.
    pub fn push(&self, frame: &Frame, t_us: i64, keyframe: bool) -> Result<(), EncodeError> {
        assert_eq!((frame.width_px, frame.height_px), self.size_px, "a camera's pictures have one size");
        let mut buffer = gst::Buffer::from_mut_slice(planes(frame));
        let time = gst::ClockTime::from_useconds(u64::try_from(t_us).unwrap_or_default());
        buffer.get_mut().expect("just made").set_pts(time);
        if keyframe {
            // GstForceKeyUnit as gst-plugins-base's video library writes it.
            let wanted = gst::Structure::builder("GstForceKeyUnit").field("all-headers", true).build();
            self.source.send_event(gst::event::CustomDownstream::new(wanted));
        }
        match self.source.push_buffer(buffer) {
            Ok(_) => Ok(()),
            // What a full queue that may leave out says of the picture that it leaves out.
            Err(gst::FlowError::Eos) if self.leaves_out => Ok(()),
            Err(_) => Err(self.failure()),
        }
    }

    /// Codes what is still waiting and closes the file.
    ///
    /// # Errors
    /// What was written is not whole, with GStreamer's words.
    pub fn finish(self) -> Result<(), EncodeError> {
        let _ = self.source.end_of_stream();
        let bus = self.pipeline.bus().expect("a pipeline has a bus");
        let last =
            bus.timed_pop_filtered(gst::ClockTime::from_seconds(60), &[gst::MessageType::Eos, gst::MessageType::Error]);
        match last.as_ref().map(|message| message.view()) {
            Some(gst::MessageView::Eos(_)) => Ok(()),
            Some(gst::MessageView::Error(error)) => {
                Err(EncodeError::Run { what: self.what.clone(), text: error.error().to_string() })
            }
            _ => Err(EncodeError::Run { what: self.what.clone(), text: "it did not end".into() }),
        }
    }

    fn build(what: &str, coding: &Coding, end: &str) -> Result<Encoder, EncodeError> {
        gst::init().map_err(EncodeError::Pipeline)?;
        let line = launch_line(coding, end);
        let pipeline = gst::parse::launch(&line).map_err(EncodeError::Pipeline)?;
        let pipeline = pipeline.downcast::<gst::Pipeline>().expect("a line with several elements is a pipeline");
        let source = pipeline.by_name("source").and_then(|source| source.downcast::<gst_app::AppSrc>().ok());
        let source = source.expect("the launch line has it");
        source.set_property("max-buffers", QUEUE_MAX);
        Ok(Encoder { pipeline, source, size_px: coding.size_px, what: what.to_owned(), leaves_out: false })
    }

    fn play(self) -> Result<Encoder, EncodeError> {
        match self.pipeline.set_state(gst::State::Playing) {
            Ok(_) => Ok(self),
            Err(_) => Err(self.failure()),
        }
    }

    fn failure(&self) -> EncodeError {
        let error = self.pipeline.bus().and_then(|bus| bus.pop_filtered(&[gst::MessageType::Error]));
        let text = error.as_ref().and_then(|message| match message.view() {
            gst::MessageView::Error(error) => Some(error.error().to_string()),
            _ => None,
        });
        EncodeError::Run { what: self.what.clone(), text: text.unwrap_or_else(|| "it ended early".into()) }
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

fn launch_line(coding: &Coding, end: &str) -> String {
    let Coding { codec, size_px: (width_px, height_px), fps, keyframe_s, kbps } = coding;
    let pictures = (fps * keyframe_s).round().max(1.0);
    // Thousandths keep 12.5 exact.
    let rate = (fps * 1000.0).round();
    // One thread each: there is a camera a pipeline, and the copies of a second thread cost more than they save here.
    let encoder = match codec {
        Codec::H264 => format!(
            "x264enc speed-preset=ultrafast tune=zerolatency threads=1 sliced-threads=false key-int-max={pictures} \
             bitrate={kbps} option-string=scenecut=0 ! video/x-h264,profile=constrained-baseline \
             ! h264parse config-interval=-1"
        ),
        Codec::H265 => format!(
            "x265enc speed-preset=ultrafast tune=zerolatency key-int-max={pictures} bitrate={kbps} \
             option-string=pools=none:frame-threads=1:scenecut=0:log-level=none ! h265parse config-interval=-1"
        ),
    };
    let stream = match (codec, end.starts_with("appsink")) {
        (Codec::H264, true) => " ! video/x-h264,stream-format=byte-stream,alignment=au",
        (Codec::H265, true) => " ! video/x-h265,stream-format=byte-stream,alignment=au",
        (_, false) => "",
    };
    format!(
        "appsrc name=source format=time caps=video/x-raw,format=I420,width={width_px},height={height_px},\
         framerate={rate}/1000,colorimetry=bt601 ! {encoder}{stream} ! {end}"
    )
}

/// The planes as GStreamer lays I420 out: rows begin at multiples of four bytes.
fn planes(frame: &Frame) -> Vec<u8> {
    let (width, half) = (frame.width_px as usize, frame.width_px as usize / 2);
    let mut bytes = Vec::with_capacity(frame.y.len() * 3 / 2);
    for (plane, row_bytes) in [(&frame.y, width), (&frame.u, half), (&frame.v, half)] {
        if row_bytes % 4 == 0 {
            bytes.extend_from_slice(plane);
            continue;
        }
        for row in plane.chunks(row_bytes) {
            bytes.extend_from_slice(row);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        }
    }
    bytes
}

fn coded(sample: &gst::Sample) -> Option<Coded> {
    let data = sample.buffer_owned()?;
    // x264enc moves its timestamps by 1000 h and tells so in the segment.
    let segment = sample.segment()?.downcast_ref::<gst::ClockTime>()?;
    let time = segment.to_running_time(data.pts()?)?;
    let keyframe = !data.flags().contains(gst::BufferFlags::DELTA_UNIT);
    Some(Coded { t_us: i64::try_from(time.useconds()).ok()?, data, keyframe })
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;
    use crate::rtsp::Clip;

    fn pattern(size_px: (u32, u32), number: u32) -> Frame {
        let mut frame = Frame::new(size_px.0, size_px.1);
        for (index, luma) in frame.y.iter_mut().enumerate() {
            let (x, y) = (index as u32 % size_px.0, index as u32 / size_px.0);
            *luma = 32 + ((x / 8 + y / 8 + number) % 20 * 9) as u8;
        }
        frame
    }

    #[test]
    fn every_picture_comes_out_at_its_time_and_keyframes_when_due_or_asked_for() {
        // A width whose rows of colour are padded.
        let size_px = (324, 180);
        for codec in [Codec::H264, Codec::H265] {
            let (sender, coded) = mpsc::channel();
            let coding = Coding { keyframe_s: 1.6, ..Coding::usual(codec, size_px, 12.5) };
            let encoder =
                Encoder::live("a pattern", &coding, move |one| sender.send(one).expect("awaited")).expect("runs");
            let mut keyframes = Vec::new();
            for number in 0..50 {
                let t_us = i64::from(number) * 80_000;
                encoder.push(&pattern(size_px, number), t_us, number == 30).expect("taken");
                let one = coded.recv_timeout(Duration::from_secs(20)).expect("coded at once, without a look ahead");
                assert_eq!(one.t_us, t_us, "{codec:?}");
                assert!(one.data.size() > 20);
                keyframes.extend(one.keyframe.then_some(number));
            }
            // Each 20 pictures, and the count begins anew at the one that was asked for.
            assert_eq!(keyframes, [0, 20, 30], "{codec:?}");
        }
    }

    #[test]
    fn a_file_holds_every_picture() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("pattern.mp4");
        let encoder = Encoder::to_file(&path, &Coding::usual(Codec::H264, (320, 180), 12.5)).expect("runs");
        for number in 0..40 {
            encoder.push(&pattern((320, 180), number), i64::from(number) * 80_000, false).expect("taken");
        }
        encoder.finish().expect("whole");
        let clip = Clip::read(&path, Codec::H264).expect("a clip");
        let shown_us: Vec<i64> = clip.units.iter().map(|unit| unit.shown_us).collect();
        assert_eq!(shown_us, (0..40).map(|number| number * 80_000).collect::<Vec<_>>());
        assert_eq!(clip.duration_us, 3_200_000);
    }

    #[test]
    fn a_file_that_cannot_be_written_is_named() {
        let error = Encoder::to_file(Path::new("/nowhere/x.mp4"), &Coding::usual(Codec::H264, (320, 180), 12.5));
        assert!(error.err().expect("no such folder").to_string().contains("/nowhere/x.mp4"));
    }
}
