//! From access units to pictures: `appsrc ! avdec_h264|avdec_h265 max-threads=1 ! appsink`, one thread a camera, no
//! copy of a whole picture. What is seen in them is `analyse`'s business.
//!
//! - [`pipeline`] one decoder; [`feed`] keeps a camera's decoder alive and spares it what the [`gate`](crate::gate) and
//!   a full queue leave out;
//!   [`blocking`] decodes everything in order, for recorded clips, [`lockstep`] what the gate lets through of them; [`sample`] (pure) which pictures are analysed; `jpeg` one of them for people.
//!
//! No parser stands in front: the cameras' protocols give whole access units in Annex B with parameter sets, which is
//! what the decoders want.

use gstreamer as gst;
use gstreamer_video as gst_video;
use gstreamer_video::prelude::*;
use yiwang_inference::picture::I420;

use crate::camera::{CameraError, Cause, Codec, Times};

pub mod blocking;
pub mod feed;
pub(crate) mod jpeg;
pub mod lockstep;
pub mod pipeline;
pub mod sample;

pub use blocking::{Summary, run_blocking, show, size_of};
pub use feed::Feeder;
pub use lockstep::run_gated;
pub use pipeline::Decoder;
pub use sample::Sampler;

/// What a picture was decoded for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Purpose {
    /// To be analysed as it comes.
    #[default]
    Live,
    /// A keyframe of an idle camera: has anything changed?
    Glance,
    /// It was kept while the camera was idle, and is late for that reason only.
    Replay,
}

/// Who looks at pictures. Called on the decoder's thread: while it looks, the camera's units wait in a bounded queue.
pub trait PictureSink: Send {
    /// Whether the picture of these times will be looked at: asked of each, in the order of presentation, before
    /// anything is mapped. Where a camera wakes, what was glanced at comes once more as a replay.
    fn wants(&mut self, times: &Times, purpose: Purpose) -> bool {
        let _ = (times, purpose);
        true
    }

    /// Looks at a picture.
    fn picture(&mut self, picture: &Picture<'_>);

    /// The session is over: no more pictures of it come.
    fn over(&mut self) {}
}

impl<F: FnMut(&Picture<'_>) + Send> PictureSink for F {
    fn picture(&mut self, picture: &Picture<'_>) {
        self(picture);
    }
}

/// A decoded picture, borrowed from the decoder.
pub struct Picture<'a> {
    frame: gst_video::VideoFrameRef<&'a gst::BufferRef>,
    times: Times,
    purpose: Purpose,
}

impl<'a> Picture<'a> {
    /// Maps a buffer that holds I420.
    pub(crate) fn map(
        buffer: &'a gst::BufferRef,
        info: &gst_video::VideoInfo,
        times: Times,
        purpose: Purpose,
    ) -> Option<Self> {
        let frame = gst_video::VideoFrameRef::from_buffer_ref_readable(buffer, info).ok()?;
        (frame.format() == gst_video::VideoFormat::I420 && frame.n_planes() == 3).then_some(Self {
            frame,
            times,
            purpose,
        })
    }

    /// The planes, where the decoder wrote them.
    pub fn i420(&self) -> I420<'_> {
        let plane = |n: u32| self.frame.plane_data(n).expect("an I420 frame has three planes, as checked when mapped");
        let strides = self.frame.plane_stride();
        let stride = |n: usize| usize::try_from(strides[n]).expect("the stride of a decoded plane is not negative");
        I420 {
            width_px: self.frame.width(),
            height_px: self.frame.height(),
            y: plane(0),
            y_stride: stride(0),
            u: plane(1),
            u_stride: stride(1),
            v: plane(2),
            v_stride: stride(2),
        }
    }

    /// Width and height.
    pub fn size_px(&self) -> (u32, u32) {
        (self.frame.width(), self.frame.height())
    }

    /// When it was taken.
    pub fn times(&self) -> &Times {
        &self.times
    }

    /// What it was decoded for.
    pub fn purpose(&self) -> Purpose {
        self.purpose
    }
}

/// Decoding is not possible.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DecodeError {
    /// GStreamer itself.
    #[error("start GStreamer: is it installed whole? `deploy/setup` does it")]
    Start(#[source] gst::glib::Error),
    /// A plug-in is not installed.
    #[error(
        "the GStreamer element `{element}` is missing: install the Debian package {package} (`deploy/setup` does it)"
    )]
    Missing {
        /// Element.
        element: &'static str,
        /// What brings it.
        package: &'static str,
    },
    /// Elements that do not fit together.
    #[error("build the decoder")]
    Build(#[source] gst::glib::BoolError),
    /// The pictures are not 8-bit 4:2:0.
    #[error("the camera sends pictures as {format}: set it to 8 bit 4:2:0 (profile Main or High)")]
    Format {
        /// GStreamer's name of it.
        format: String,
    },
    /// It broke off.
    #[error("the decoder failed: {reason}")]
    Failed {
        /// Its own words.
        reason: String,
    },
}

impl From<DecodeError> for CameraError {
    fn from(error: DecodeError) -> Self {
        let cause = if matches!(error, DecodeError::Format { .. }) { Cause::UnsupportedCodec } else { Cause::Decode };
        CameraError::new(cause, error.to_string())
    }
}

/// Starts GStreamer; does nothing after the first time.
///
/// # Errors
/// GStreamer does not start.
pub fn init() -> Result<(), DecodeError> {
    gst::init().map_err(DecodeError::Start)
}

/// What must be installed, and the Debian package of each.
const ELEMENTS: &[(&str, &str)] = &[
    ("appsrc", "gstreamer1.0-plugins-base"),
    ("appsink", "gstreamer1.0-plugins-base"),
    ("filesrc", "libgstreamer1.0-0"),
    ("fakesink", "libgstreamer1.0-0"),
    ("parsebin", "gstreamer1.0-plugins-base"),
    ("qtdemux", "gstreamer1.0-plugins-good"),
    ("h264parse", "gstreamer1.0-plugins-bad"),
    ("h265parse", "gstreamer1.0-plugins-bad"),
    ("avdec_h264", "gstreamer1.0-libav"),
    ("avdec_h265", "gstreamer1.0-libav"),
    ("videoscale", "gstreamer1.0-plugins-base"),
    ("jpegenc", "gstreamer1.0-plugins-good"),
];

/// Checks that everything that decoding needs is installed.
///
/// # Errors
/// The first element that is missing, and its package.
pub fn check_installed() -> Result<(), DecodeError> {
    init()?;
    ELEMENTS.iter().try_for_each(|(name, _)| find(name).map(|_| ()))
}

fn find(element: &'static str) -> Result<gst::ElementFactory, DecodeError> {
    gst::ElementFactory::find(element).ok_or_else(|| {
        let package = ELEMENTS.iter().find(|(name, _)| *name == element).map_or("gstreamer1.0-plugins-base", |e| e.1);
        DecodeError::Missing { element, package }
    })
}

/// Makes an element.
///
/// # Errors
/// It is missing; the text names its package.
pub(crate) fn element(name: &'static str) -> Result<gst::Element, DecodeError> {
    find(name)?.create().build().map_err(DecodeError::Build)
}

/// The decoder of a codec.
pub(crate) fn decoder_of(codec: Codec) -> &'static str {
    match codec {
        Codec::H264 => "avdec_h264",
        Codec::H265 => "avdec_h265",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_element_is_named_with_its_package() {
        init().unwrap();
        check_installed().unwrap();
        let text = DecodeError::Missing { element: "avdec_h264", package: "gstreamer1.0-libav" }.to_string();
        assert!(text.contains("avdec_h264") && text.contains("gstreamer1.0-libav"), "{text}");
        assert!(element("no_such_element").is_err());
    }
}
