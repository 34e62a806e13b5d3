//! Coded pictures as a camera may send them: never panics, and what is made of them is no larger than they were.
#![no_main]

use libfuzzer_sys::fuzz_target;
use yiwang_gateway::camera::{Codec, TimeSource, Times};
use yiwang_gateway::decode::pipeline::Unit;
use yiwang_gateway::pictures::clip;
use yiwang_gateway::pictures::fmp4::{self, Fragments};
use yiwang_gateway::pictures::h264::Parameters;

fuzz_target!(|bytes: &[u8]| {
    if let Some(parameters) = Parameters::of(bytes) {
        assert!(fmp4::head(&parameters).len() < bytes.len() + 1024);
        let _ = parameters.codec();
    }
    let at = |media_us| Times {
        media_us,
        capture_us: media_us,
        time_source: TimeSource::Arrival,
        time_error_ms: 0,
        arrival_us: media_us,
        session: 0,
    };
    let unit = |n: i64| Unit { data: bytes.to_vec().into(), keyframe: n == 0, times: at(40_000 * n) };
    if let Ok(clip) = clip::make(Codec::H264, &[unit(0), unit(1)]) {
        assert!(clip.file.len() < 4 * bytes.len() + 2048);
        assert_eq!(clip.pictures, 2);
    }
    if let Some(fragment) = Fragments::default().fragment(bytes, true, 0) {
        // A unit costs three bytes of start code at least, and four of length here.
        assert!(fragment.len() <= 2 * bytes.len() + 128);
    }
});
