//! Reads a clip once into its access units (Annex B) with their times. Media time 0 is the first picture shown, as the
//! truth files count it.

use std::path::{Path, PathBuf};

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;

use super::spec::Codec;

/// One coded picture.
#[derive(Debug, Clone)]
pub struct Unit {
    /// The bytes, with parameter sets in front of keyframes where the file has them there.
    pub data: gst::Buffer,
    /// When it is shown, in media time.
    pub shown_us: i64,
    /// When a camera could have sent it at the earliest: never before any picture that it needs was captured.
    pub sent_us: i64,
    /// True where decoding can begin here.
    pub keyframe: bool,
}

/// A clip in memory, in decoding order.
#[derive(Debug)]
pub struct Clip {
    /// What the units are.
    pub codec: Codec,
    /// The coded pictures.
    pub units: Vec<Unit>,
    /// Length of one loop: from the first picture shown to the end of the last.
    pub duration_us: i64,
}

/// Why a clip could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ClipError {
    /// The reading pipeline could not be made.
    #[error("could not make the pipeline that reads {path}: is every GStreamer package installed (deploy/setup)?")]
    Pipeline {
        /// The clip.
        path: PathBuf,
        /// GStreamer's own words.
        #[source]
        source: gst::glib::Error,
    },
    /// The file is not there, or is no H.264 in MP4.
    #[error("could not read {path}: {text}; give an MP4 file with H.264")]
    Read {
        /// The clip.
        path: PathBuf,
        /// GStreamer's own words.
        text: String,
    },
}

impl Clip {
    /// Reads `path`; for H.265 it is encoded anew, with the same picture times.
    pub fn read(path: &Path, codec: Codec) -> Result<Self, ClipError> {
        let fail = |text: String| ClipError::Read { path: path.to_owned(), text };
        let pipeline = pipeline(codec).map_err(|source| ClipError::Pipeline { path: path.to_owned(), source })?;
        let element = |name| pipeline.by_name(name).expect("the launch line names it");
        element("file").set_property("location", path.display().to_string());
        let sink = element("sink").downcast::<gst_app::AppSink>().expect("it is an appsink");
        let units = pull(&pipeline, &sink);
        let _ = pipeline.set_state(gst::State::Null);
        let units = units.map_err(fail)?;
        timed(codec, units).ok_or_else(|| fail("it has no picture with a time".into()))
    }
}

fn pipeline(codec: Codec) -> Result<gst::Pipeline, gst::glib::Error> {
    let coded = match codec {
        Codec::H264 => "video/x-h264,stream-format=byte-stream,alignment=au",
        // A keyframe each 25 pictures and no B-pictures, as cameras are usually set.
        Codec::H265 => {
            "avdec_h264 ! x265enc speed-preset=ultrafast tune=zerolatency key-int-max=25 bitrate=1500 ! h265parse config-interval=-1 \
             ! video/x-h265,stream-format=byte-stream,alignment=au"
        }
    };
    let line = format!(
        "filesrc name=file ! qtdemux ! h264parse config-interval=-1 ! {coded} ! appsink name=sink sync=false max-buffers=64"
    );
    gst::parse::launch(&line).map(|element| element.downcast().expect("a line with several elements is a pipeline"))
}

fn pull(pipeline: &gst::Pipeline, sink: &gst_app::AppSink) -> Result<Vec<gst::Buffer>, String> {
    let failure = |pipeline: &gst::Pipeline| {
        let bus = pipeline.bus().expect("a pipeline has a bus");
        match bus.pop_filtered(&[gst::MessageType::Error]) {
            Some(message) => match message.view() {
                gst::MessageView::Error(error) => error.error().to_string(),
                _ => "it ended early".into(),
            },
            None => "it ended early".into(),
        }
    };
    pipeline.set_state(gst::State::Playing).map_err(|_| failure(pipeline))?;
    let mut units = Vec::new();
    loop {
        match sink.try_pull_sample(gst::ClockTime::from_seconds(30)) {
            Some(sample) => units.extend(sample.buffer_owned()),
            None if sink.is_eos() && !units.is_empty() => return Ok(units),
            None => return Err(failure(pipeline)),
        }
    }
}

fn timed(codec: Codec, buffers: Vec<gst::Buffer>) -> Option<Clip> {
    let micros = |time: gst::ClockTime| i64::try_from(time.useconds()).unwrap_or(i64::MAX);
    let first_us = buffers.iter().filter_map(|buffer| buffer.pts()).map(micros).min()?;
    let mut units: Vec<Unit> = buffers
        .into_iter()
        .filter_map(|buffer| {
            let shown_us = micros(buffer.pts()?) - first_us;
            let sent_us = buffer.dts().map_or(shown_us, micros);
            let keyframe = !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
            Some(Unit { data: endless(buffer), shown_us, sent_us, keyframe })
        })
        .collect();
    let early_us = units.iter().map(|unit| unit.shown_us - unit.sent_us).max()?;
    for unit in &mut units {
        unit.sent_us += early_us;
    }
    let last = units.iter().max_by_key(|unit| unit.shown_us)?;
    let spacing_us = last.data.duration().map_or(last.shown_us / (i64::try_from(units.len()).ok()? - 1).max(1), micros);
    let duration_us = last.shown_us + spacing_us;
    Some(Clip { codec, units, duration_us })
}

/// The unit without the "end of sequence" that files have behind their last picture: the next loop goes on, and a
/// payloader that sees it stamps the next picture with the time of this one.
fn endless(unit: gst::Buffer) -> gst::Buffer {
    const END_OF_SEQUENCE: [u8; 4] = [0, 0, 1, 10];
    let kept = match unit.map_readable() {
        Ok(bytes) => bytes.strip_suffix(&END_OF_SEQUENCE).map(|rest| rest.strip_suffix(&[0]).unwrap_or(rest).len()),
        Err(_) => None,
    };
    let cut = kept.and_then(|bytes| unit.copy_region(gst::BufferCopyFlags::all(), ..bytes).ok());
    cut.unwrap_or(unit)
}
