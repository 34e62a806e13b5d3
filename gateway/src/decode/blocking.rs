//! Decodes a recorded clip: every unit, in order, nothing left out, the same in every run. The pictures are shown on
//! the caller's thread; reading and decoding run ahead by a few units on their own.

use gstreamer as gst;

use super::pipeline::{Decoder, Output, Unit};
use super::{DecodeError, Picture, PictureSink, Purpose};
use crate::camera::{AccessUnit, CameraError, Cause, Codec};

/// How often a wait for a picture looks whether the decoder failed.
const LOOK: gst::ClockTime = gst::ClockTime::from_mseconds(200);

/// What a run did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Access units read.
    pub units: u64,
    /// Pictures decoded.
    pub pictures: u64,
    /// Units that gave no picture.
    pub undecoded: u64,
}

/// Shows every picture of the units to the sink and tells it when they are over.
///
/// # Errors
/// The units end with an error, or they cannot be decoded. What could be decoded was shown.
pub fn run_blocking(
    mut units: impl Iterator<Item = Result<AccessUnit, CameraError>> + Send,
    sink: &mut dyn PictureSink,
) -> Result<Summary, CameraError> {
    let mut summary = Summary::default();
    let first = loop {
        match units.next() {
            Some(unit) => {
                let unit = unit?;
                summary.units += 1;
                if unit.keyframe {
                    break unit;
                }
                summary.undecoded += 1;
            }
            None => {
                return Err(CameraError::new(Cause::NoFrames, "there is no keyframe in it: nothing can be decoded"));
            }
        }
    };
    let codec = first.codec;
    let (decoder, appsink, mut output) = Decoder::pulled(codec)?;
    let fed = std::thread::scope(|scope| {
        let decoder = &decoder;
        let feeder = scope.spawn(move || feed(decoder, first, units));
        let shown = pull(decoder, &appsink, &mut output, sink);
        if shown.is_err() {
            // Wakes a feeder that waits for room.
            decoder.abandon();
        }
        let fed = feeder.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        shown.map_err(CameraError::from).and(fed)
    });
    sink.over();
    summary.units += fed?;
    summary.pictures = decoder.pictures();
    summary.undecoded = summary.units - summary.pictures.min(summary.units);
    Ok(summary)
}

/// Shows every picture of units that begin with a keyframe.
///
/// # Errors
/// The decoder failed. What could be decoded was shown.
pub fn show(codec: Codec, units: Vec<Unit>, sink: &mut dyn PictureSink) -> Result<(), DecodeError> {
    let (decoder, appsink, mut output) = Decoder::pulled(codec)?;
    std::thread::scope(|scope| {
        let decoder = &decoder;
        scope.spawn(move || {
            // An error is the pipeline's, and `pull` meets it too.
            let _ = units.into_iter().try_for_each(|unit| decoder.push(unit, Purpose::Live));
            decoder.end();
        });
        let shown = pull(decoder, &appsink, &mut output, sink);
        if shown.is_err() {
            decoder.abandon();
        }
        shown
    })
}

/// Pushes every unit; gives how many followed the first.
fn feed(
    decoder: &Decoder,
    first: AccessUnit,
    units: impl Iterator<Item = Result<AccessUnit, CameraError>>,
) -> Result<u64, CameraError> {
    let codec = first.codec;
    let mut count = 0;
    let mut result = decoder.push(first, Purpose::Live).map_err(CameraError::from);
    for unit in units {
        if result.is_err() {
            break;
        }
        result = unit.and_then(|unit| {
            count += 1;
            if unit.codec == codec {
                decoder.push(unit, Purpose::Live).map_err(CameraError::from)
            } else {
                Err(CameraError::new(Cause::UnsupportedCodec, "the codec changes amid the clip"))
            }
        });
    }
    decoder.end();
    result.map(|()| count)
}

fn pull(
    decoder: &Decoder,
    appsink: &gstreamer_app::AppSink,
    output: &mut Output,
    sink: &mut dyn PictureSink,
) -> Result<(), DecodeError> {
    loop {
        match appsink.try_pull_sample(LOOK) {
            Some(sample) => output.show(&sample, sink).map_err(|()| decoder.failure())?,
            None if decoder.has_failed() => return Err(decoder.failure()),
            None if appsink.is_eos() => return Ok(()),
            None => {}
        }
    }
}

/// Width and height of what the units hold, where a picture comes out of them.
pub fn size_of(units: Vec<AccessUnit>) -> Option<(u32, u32)> {
    let mut size = None;
    let mut look = |picture: &Picture<'_>| size = Some(picture.size_px());
    // Units that end badly may still have shown a picture, and that is all that is asked.
    let _ = run_blocking(units.into_iter().map(Ok), &mut look);
    size
}
