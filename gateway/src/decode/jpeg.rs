//! Pictures as JPEG, small enough for whoever looks at them, by GStreamer's own encoder.

use std::time::Duration;

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;
use gstreamer_video as gst_video;
use gstreamer_video::prelude::*;
use yiwang_inference::picture::I420;

use super::{self as decode, DecodeError};

const QUALITY: i32 = 78;
/// A picture takes milliseconds; after so long the encoder is stuck.
const WAIT: Duration = Duration::from_secs(10);

/// An encoder for pictures of one size.
pub(crate) struct Jpegs {
    pipeline: gst::Pipeline,
    source: gst_app::AppSrc,
    sink: gst_app::AppSink,
    info: gst_video::VideoInfo,
    size_px: (u32, u32),
}

impl Jpegs {
    /// For pictures of a size; wider ones are shrunk.
    pub(crate) fn new(size_px: (u32, u32), width_px_max: u32) -> Result<Self, DecodeError> {
        decode::init()?;
        let info = gst_video::VideoInfo::builder(gst_video::VideoFormat::I420, size_px.0, size_px.1)
            .fps(gst::Fraction::new(25, 1))
            .build()
            .map_err(DecodeError::Build)?;
        let source = gst_app::AppSrc::builder()
            .caps(&info.to_caps().map_err(DecodeError::Build)?)
            .format(gst::Format::Time)
            .build();
        let part = f64::from(width_px_max.min(size_px.0)) / f64::from(size_px.0);
        let even = |px: u32| ((f64::from(px) * part / 2.0).round() as i32 * 2).max(2);
        let (width, height) = (even(size_px.0), even(size_px.1));
        let small = gst::Caps::builder("video/x-raw").field("width", width).field("height", height);
        let filter = decode::element("capsfilter")?;
        filter.set_property("caps", small.field("pixel-aspect-ratio", gst::Fraction::new(1, 1)).build());
        let encode = decode::element("jpegenc")?;
        encode.set_property("quality", QUALITY);
        let sink = gst_app::AppSink::builder().sync(false).build();
        let scale = decode::element("videoscale")?;
        let pipeline = gst::Pipeline::new();
        let chain = [source.upcast_ref(), &scale, &filter, &encode, sink.upcast_ref()];
        pipeline.add_many(chain).map_err(DecodeError::Build)?;
        gst::Element::link_many(chain).map_err(DecodeError::Build)?;
        pipeline.set_state(gst::State::Playing).map_err(|e| DecodeError::Failed { reason: e.to_string() })?;
        Ok(Self { pipeline, source, sink, info, size_px: (width.unsigned_abs(), height.unsigned_abs()) })
    }

    /// How large what comes out is.
    pub(crate) fn size_px(&self) -> (u32, u32) {
        self.size_px
    }

    /// Whether pictures of this size go in.
    pub(crate) fn fits(&self, picture: &I420<'_>) -> bool {
        (self.info.width(), self.info.height()) == (picture.width_px, picture.height_px)
    }

    /// The picture as JPEG.
    pub(crate) fn encode(&self, picture: &I420<'_>) -> Result<Vec<u8>, DecodeError> {
        let failed = |reason: &str| DecodeError::Failed { reason: format!("JPEG: {reason}") };
        let buffer = self.buffer(picture).map_err(DecodeError::Build)?;
        self.source.push_buffer(buffer).map_err(|e| failed(&e.to_string()))?;
        let wait = gst::ClockTime::from_mseconds(WAIT.as_millis() as u64);
        let sample = self.sink.try_pull_sample(wait).ok_or_else(|| failed("no picture came out"))?;
        let map = sample.buffer().and_then(|buffer| buffer.map_readable().ok());
        Ok(map.ok_or_else(|| failed("an empty picture came out"))?.as_slice().to_vec())
    }

    fn buffer(&self, picture: &I420<'_>) -> Result<gst::Buffer, gst::glib::BoolError> {
        let mut buffer = gst::Buffer::with_size(self.info.size())?;
        let own = buffer.get_mut().expect("a new buffer has one owner");
        let mut frame = gst_video::VideoFrameRef::from_buffer_ref_writable(own, &self.info)
            .map_err(|_| gst::glib::bool_error!("a new buffer cannot be written"))?;
        let (width, height) = (picture.width_px as usize, picture.height_px as usize);
        let chroma = (width.div_ceil(2), height.div_ceil(2));
        let planes = [
            (picture.y, picture.y_stride, (width, height)),
            (picture.u, picture.u_stride, chroma),
            (picture.v, picture.v_stride, chroma),
        ];
        for (number, (from, from_stride, (columns, rows))) in (0u32..).zip(planes) {
            let stride = frame.plane_stride()[number as usize].unsigned_abs() as usize;
            let to = frame.plane_data_mut(number).map_err(|_| gst::glib::bool_error!("I420 has three planes"))?;
            for (row, out) in from.chunks(from_stride).zip(to.chunks_mut(stride)).take(rows) {
                out[..columns].copy_from_slice(&row[..columns]);
            }
        }
        drop(frame);
        Ok(buffer)
    }
}

impl Drop for Jpegs {
    fn drop(&mut self) {
        // Nothing is left to be done where the pipeline does not even stop.
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_becomes_a_jpeg_whatever_its_strides() {
        let (y, c) = (vec![90u8; 70 * 36], vec![128u8; 40 * 18]);
        let picture =
            I420 { width_px: 64, height_px: 36, y: &y, y_stride: 70, u: &c, u_stride: 40, v: &c, v_stride: 40 };
        let jpegs = Jpegs::new((64, 36), 64).unwrap();
        assert!(jpegs.fits(&picture));
        for _ in 0..3 {
            let jpeg = jpegs.encode(&picture).unwrap();
            assert!(jpeg.starts_with(&[0xFF, 0xD8]) && jpeg.ends_with(&[0xFF, 0xD9]), "{} bytes", jpeg.len());
        }
    }
}
