//! Coded pictures as a camera may send them: never panics, and what is made of them is no larger than they were.
#![no_main]

use libfuzzer_sys::fuzz_target;
use yiwang_gateway::pictures::fmp4::{self, Fragments};
use yiwang_gateway::pictures::h264::Parameters;

fuzz_target!(|bytes: &[u8]| {
    if let Some(parameters) = Parameters::of(bytes) {
        assert!(fmp4::head(&parameters).len() < bytes.len() + 1024);
        let _ = parameters.codec();
    }
    if let Some(fragment) = Fragments::default().fragment(bytes, true, 0) {
        // A unit costs three bytes of start code at least, and four of length here.
        assert!(fragment.len() <= 2 * bytes.len() + 128);
    }
});
