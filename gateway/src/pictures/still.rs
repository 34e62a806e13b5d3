//! One picture for somebody who asked: the newest group is decoded, what is masked painted black, the last picture made a
//! JPEG. Nothing is kept of it here.

use yiwang_inference::mask::Mask;
use yiwang_inference::picture::I420;

use crate::camera::{Codec, Times};
use crate::decode::jpeg::Jpegs;
use crate::decode::pipeline::Unit;
use crate::decode::{self, DecodeError, Picture, PictureSink, Purpose};

/// Pictures before the newest that are kept while decoding, should the newest be damaged.
const LAST_US: i64 = 500_000;
/// A still is never wider than this.
const WIDTH_PX_MAX: u32 = 1920;
/// Most bytes: half of what the hub lets be under way on a connection, so that events never wait for a picture. A JPEG
/// that comes out larger is made again at half the width.
const BYTES_MAX: usize = 1 << 20;

/// A still.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Still {
    /// The picture.
    pub jpeg: Vec<u8>,
    /// Its size.
    pub size_px: (u32, u32),
    /// When it was taken.
    pub captured_us: i64,
}

/// The newest picture that the units show. Takes as long as decoding them: not for async threads.
///
/// # Errors
/// None of them can be decoded.
pub fn newest(codec: Codec, units: &[Unit], mask: Mask, width_px_max: u32) -> Result<Still, DecodeError> {
    let newest_us = units.iter().map(|unit| unit.times.media_us).max().unwrap_or(i64::MIN);
    let mut last = Last { mask, from_us: newest_us - LAST_US, seen: None };
    decode::show(codec, units.to_vec(), &mut last)?;
    if last.seen.is_none() {
        last.from_us = i64::MIN;
        decode::show(codec, units.to_vec(), &mut last)?;
    }
    let seen = last.seen.ok_or_else(|| DecodeError::Failed { reason: "no picture came out of it".into() })?;
    let mut width_px = if width_px_max == 0 { WIDTH_PX_MAX } else { width_px_max.clamp(64, WIDTH_PX_MAX) };
    loop {
        let jpegs = Jpegs::new(seen.size_px, width_px)?;
        let jpeg = jpegs.encode(&seen.i420())?;
        if jpeg.len() <= BYTES_MAX || width_px <= 64 {
            return Ok(Still { jpeg, size_px: jpegs.size_px(), captured_us: seen.times.capture_us });
        }
        width_px /= 2;
    }
}

/// Keeps the last picture, covered.
struct Last {
    mask: Mask,
    from_us: i64,
    seen: Option<Seen>,
}

struct Seen {
    planes: [Vec<u8>; 3],
    strides: [usize; 3],
    size_px: (u32, u32),
    times: Times,
}

impl Seen {
    fn i420(&self) -> I420<'_> {
        let [y, u, v] = &self.planes;
        let [y_stride, u_stride, v_stride] = self.strides;
        I420 { width_px: self.size_px.0, height_px: self.size_px.1, y, y_stride, u, u_stride, v, v_stride }
    }
}

impl PictureSink for Last {
    fn wants(&mut self, times: &Times, _: Purpose) -> bool {
        times.media_us >= self.from_us
    }

    fn picture(&mut self, picture: &Picture<'_>) {
        let times = *picture.times();
        // A picture that cannot be covered is none: it never leaves as it is.
        let Ok(covered) = self.mask.cover(picture.i420()) else { return };
        let planes = [covered.y.to_vec(), covered.u.to_vec(), covered.v.to_vec()];
        let strides = [covered.y_stride, covered.u_stride, covered.v_stride];
        self.seen = Some(Seen { planes, strides, size_px: picture.size_px(), times });
    }
}
