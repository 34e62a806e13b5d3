//! Frames: the same frames come out however the bytes are cut.
#![no_main]

use libfuzzer_sys::fuzz_target;
use yiwang_wire::frame::Framer;

const MAX_BYTES: usize = 1024;

fn cut(bytes: &[u8], chunk: usize) -> Vec<Vec<u8>> {
    let mut framer = Framer::new(MAX_BYTES);
    let mut frames = Vec::new();
    for piece in bytes.chunks(chunk) {
        framer.push(piece);
        loop {
            match framer.next() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(_) => return frames,
            }
        }
    }
    frames
}

fuzz_target!(|bytes: &[u8]| {
    let Some((&chunk, bytes)) = bytes.split_first() else { return };
    assert_eq!(cut(bytes, usize::from(chunk).max(1)), cut(bytes, bytes.len().max(1)));
});
