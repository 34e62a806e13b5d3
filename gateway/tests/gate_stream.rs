//! The gate before a real decoder: coded pictures of a noisy scene through which something passes. What is looked at with
//! the gate is what is looked at without it, to the pixel, for as long as anything moves, and much less is decoded.

#![allow(clippy::unwrap_used, reason = "what fails in a helper of a test fails the test")]

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use yiwang_gateway::camera::{AccessUnit, ClockView, Codec, TimeSource, Times, UnitSink};
use yiwang_gateway::decode::{Feeder, Picture, PictureSink, Purpose};
use yiwang_gateway::gate::{Attention, Reason, Stir};

const WIDTH: usize = 320;
const HEIGHT: usize = 192;
const PICTURES: usize = 1_000;
const GROUP: usize = 50;
const PERIOD_US: i64 = 40_000;
/// Something bright passes in these pictures.
const MOVES: [Range<usize>; 2] = [430..500, 760..830];

/// What was looked at: a sum over the picture and whether something bright was in it, by media time.
type Seen = BTreeMap<i64, (u64, bool)>;

struct Look {
    seen: Arc<Mutex<Seen>>,
    attention: Attention,
    newest_us: i64,
    bright_us: Option<i64>,
}

impl PictureSink for Look {
    fn wants(&mut self, times: &Times, purpose: Purpose) -> bool {
        purpose != Purpose::Replay || times.media_us > self.newest_us
    }

    fn picture(&mut self, picture: &Picture<'_>) {
        let planes = picture.i420();
        let rows = planes.y.chunks(planes.y_stride).take(HEIGHT).map(|row| &row[..WIDTH]);
        let (mut sum, mut bright) = (0_u64, 0);
        for (at, &luma) in rows.flatten().enumerate() {
            sum = sum.wrapping_mul(31).wrapping_add(u64::from(luma) + at as u64);
            bright += u32::from(luma > 200);
        }
        let (media_us, bright) = (picture.times().media_us, bright > 100);
        if picture.purpose() == Purpose::Glance {
            self.attention.glanced(media_us, bright);
            if bright {
                return;
            }
        }
        assert!(media_us > self.newest_us, "{media_us} after {}", self.newest_us);
        self.newest_us = media_us;
        if bright {
            self.bright_us = Some(media_us);
        }
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(media_us, (sum, bright));
        let moves = self.bright_us.is_some_and(|bright_us| media_us - bright_us < 1_000_000);
        self.attention.observed(media_us, if moves { Stir::Moving } else { Stir::Empty });
    }
}

/// A picture of noise, with a bright block where something passes.
fn picture(number: usize, random: &mut StdRng) -> Vec<u8> {
    let mut bytes = vec![128_u8; WIDTH * HEIGHT * 3 / 2];
    for (at, luma) in bytes[..WIDTH * HEIGHT].iter_mut().enumerate() {
        *luma = 60 + (at % WIDTH / 16 * 3) as u8 + random.random_range(0..6_u8);
    }
    if let Some(range) = MOVES.iter().find(|range| range.contains(&number)) {
        let left = (number - range.start) * 4;
        for row in 60..110 {
            // Of a texture that changes, as leaves or a crowd do: it costs an encoder bits.
            for luma in &mut bytes[row * WIDTH + left.min(WIDTH - 40)..][..40] {
                *luma = random.random_range(190..=250);
            }
        }
    }
    bytes
}

/// The scene, coded as `encoder` does it.
fn coded(encoder: &str) -> Vec<AccessUnit> {
    gst::init().unwrap();
    let line = format!(
        "appsrc name=source format=time block=true caps=video/x-raw,format=I420,width={WIDTH},height={HEIGHT},\
         framerate=25/1 ! x264enc speed-preset=ultrafast tune=zerolatency threads=1 key-int-max={GROUP} \
         option-string=scenecut=0 {encoder} ! h264parse config-interval=-1 \
         ! video/x-h264,stream-format=byte-stream,alignment=au ! appsink name=sink sync=false"
    );
    let pipeline = gst::parse::launch(&line).unwrap().downcast::<gst::Pipeline>().unwrap();
    let source = pipeline.by_name("source").unwrap().downcast::<gst_app::AppSrc>().unwrap();
    let sink = pipeline.by_name("sink").unwrap().downcast::<gst_app::AppSink>().unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let feeder = std::thread::spawn(move || {
        let mut random = StdRng::seed_from_u64(7);
        for number in 0..PICTURES {
            let mut buffer = gst::Buffer::from_mut_slice(picture(number, &mut random));
            buffer.get_mut().unwrap().set_pts(gst::ClockTime::from_mseconds(number as u64 * 40));
            source.push_buffer(buffer).unwrap();
        }
        source.end_of_stream().unwrap();
    });
    let mut units = Vec::new();
    while let Ok(sample) = sink.pull_sample() {
        let buffer = sample.buffer().unwrap();
        let media_us = 1 + units.len() as i64 * PERIOD_US;
        units.push(AccessUnit {
            codec: Codec::H264,
            data: buffer.map_readable().unwrap().as_slice().to_vec(),
            keyframe: !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT),
            times: Times {
                media_us,
                capture_us: media_us,
                time_source: TimeSource::File,
                time_error_ms: 0,
                arrival_us: media_us,
                session: 0,
            },
            lost_before: 0,
            clock: ClockView::default(),
        });
    }
    feeder.join().unwrap();
    pipeline.set_state(gst::State::Null).unwrap();
    assert_eq!(units.len(), PICTURES);
    units
}

/// Everything that was looked at, how many pictures were decoded for it, and why each unit was treated as it was.
fn watch(units: &[AccessUnit], gated: bool) -> (Seen, u64, Vec<Reason>) {
    let (seen, attention) = (Arc::<Mutex<Seen>>::default(), Attention::default());
    let look = Look { seen: Arc::clone(&seen), attention: attention.clone(), newest_us: 0, bright_us: None };
    let mut feeder = if gated { Feeder::gated(look, attention) } else { Feeder::new(look) };
    let tally = feeder.tally();
    let mut reasons = Vec::new();
    for unit in units {
        feeder.take(unit.clone()).unwrap();
        let deadline = Instant::now() + Duration::from_secs(30);
        while !feeder.is_drained() {
            assert!(Instant::now() < deadline, "a picture did not come out");
            std::thread::yield_now();
        }
        reasons.push(tally.reason());
    }
    let decoded = tally.decoded.load(std::sync::atomic::Ordering::Relaxed);
    feeder.end();
    let seen = std::mem::take(&mut *seen.lock().unwrap_or_else(PoisonError::into_inner));
    (seen, decoded, reasons)
}

fn check(encoder: &str, woken_by: Reason) {
    let units = coded(encoder);
    let (whole, all, _) = watch(&units, false);
    let (seen, decoded, reasons) = watch(&units, true);
    assert_eq!((whole.len(), all), (PICTURES, PICTURES as u64));
    let bright = |seen: &Seen| seen.iter().filter(|(_, (_, bright))| *bright).map(|(us, _)| *us).collect::<Vec<_>>();
    assert_eq!(bright(&seen), bright(&whole), "everything that moves is seen, from its first picture to its last");
    assert!(bright(&whole).len() >= 130);
    for (media_us, picture) in &seen {
        assert_eq!(whole.get(media_us), Some(picture), "the picture at {media_us} is not the one that was coded");
    }
    assert!(decoded < 620, "{decoded} of {PICTURES} pictures decoded");
    assert!(reasons.contains(&woken_by), "not woken by {woken_by:?}");
}

#[test]
fn the_sizes_wake_the_decoder_and_nothing_that_moves_is_missed() {
    check("pass=quant quantizer=28", Reason::Sizes);
}

#[test]
fn at_a_constant_rate_keyframes_wake_it_and_the_beginning_is_decoded_afterwards() {
    check("pass=cbr bitrate=400 vbv-buf-capacity=40", Reason::Keyframe);
}
