//! What arrived is decoded by other programs than those that made it.

use gstreamer::prelude::*;

use crate::site::Record;

/// Plays the records as a browser would, from one file: how many pictures decode, and the time that they span.
pub(crate) fn played(records: &[Record]) -> (usize, u64) {
    let mut file = Vec::new();
    for record in records {
        match record.kind {
            b'i' => file.extend_from_slice(&record.body[1 + usize::from(record.body[0])..]),
            b'm' => file.extend_from_slice(&record.body[13..]),
            _ => {}
        }
    }
    decoded(file)
}

/// Decodes a file of MP4: how many pictures come out, and the time that they span, milliseconds.
pub(crate) fn decoded(file: Vec<u8>) -> (usize, u64) {
    gstreamer::init().unwrap();
    let text = "appsrc name=in ! qtdemux ! avdec_h264 ! appsink name=out sync=false";
    let pipeline = gstreamer::parse::launch(text).unwrap().downcast::<gstreamer::Pipeline>().unwrap();
    let source = pipeline.by_name("in").unwrap().downcast::<gstreamer_app::AppSrc>().unwrap();
    let sink = pipeline.by_name("out").unwrap().downcast::<gstreamer_app::AppSink>().unwrap();
    pipeline.set_state(gstreamer::State::Playing).unwrap();
    source.push_buffer(gstreamer::Buffer::from_slice(file)).unwrap();
    source.end_of_stream().unwrap();
    let mut times = Vec::new();
    while let Some(sample) = sink.try_pull_sample(gstreamer::ClockTime::from_seconds(5)) {
        times.extend(sample.buffer().and_then(|buffer| buffer.pts()).map(|pts| pts.mseconds()));
    }
    pipeline.set_state(gstreamer::State::Null).unwrap();
    (times.len(), times.iter().max().unwrap_or(&0) - times.iter().min().unwrap_or(&0))
}

/// Luma of a picture.
pub(crate) struct Luma {
    width: usize,
    height: usize,
    levels: Vec<u8>,
}

/// Decodes a JPEG by another decoder than what made it.
pub(crate) fn decode(jpeg: &[u8]) -> Luma {
    gstreamer::init().unwrap();
    let text = "appsrc name=in ! jpegdec ! videoconvert ! video/x-raw,format=GRAY8 ! appsink name=out sync=false";
    let pipeline = gstreamer::parse::launch(text).unwrap().downcast::<gstreamer::Pipeline>().unwrap();
    let source = pipeline.by_name("in").unwrap().downcast::<gstreamer_app::AppSrc>().unwrap();
    let sink = pipeline.by_name("out").unwrap().downcast::<gstreamer_app::AppSink>().unwrap();
    source.set_caps(Some(&gstreamer::Caps::builder("image/jpeg").build()));
    pipeline.set_state(gstreamer::State::Playing).unwrap();
    source.push_buffer(gstreamer::Buffer::from_slice(jpeg.to_vec())).unwrap();
    source.end_of_stream().unwrap();
    let sample = sink.pull_sample().expect("what arrived is a JPEG that decodes");
    let caps = sample.caps().unwrap().structure(0).unwrap();
    let side = |name: &str| usize::try_from(caps.get::<i32>(name).unwrap()).unwrap();
    let (width, height) = (side("width"), side("height"));
    let map = sample.buffer().unwrap().map_readable().unwrap();
    // Rows begin at multiples of four bytes.
    let stride = width.next_multiple_of(4);
    let levels = map.chunks(stride).take(height).flat_map(|row| row[..width].to_vec()).collect();
    drop(map);
    pipeline.set_state(gstreamer::State::Null).unwrap();
    Luma { width, height, levels }
}

/// Levels well under the mask: a JPEG's blocks carry a little across its edge.
pub(crate) fn inside(picture: &Luma) -> Vec<u8> {
    let (columns, rows) = (picture.width / 3 - 24, picture.height / 2 - 24);
    (0..rows).flat_map(|row| picture.levels[row * picture.width..][..columns].iter().copied()).collect()
}

pub(crate) fn spread(picture: &Luma) -> u8 {
    picture.levels.iter().max().unwrap() - picture.levels.iter().min().unwrap()
}
