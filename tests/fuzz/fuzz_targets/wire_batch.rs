//! Batches: never panics, and what decodes encodes to something that decodes to the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use yiwang_wire::codec::{BatchDecoder, BatchEncoder};

fuzz_target!(|bytes: &[u8]| {
    let Ok(batch) = BatchDecoder::new().decode(bytes) else { return };
    let (mut encoder, mut decoder) = (BatchEncoder::new(), BatchDecoder::new());
    let mut rest = batch.records.as_slice();
    while !rest.is_empty() {
        let (bytes, taken) = encoder.encode(batch.epoch, batch.backfill, rest);
        let again = decoder.decode(&bytes).expect("what was encoded decodes");
        assert_eq!(again.records, rest[..taken]);
        rest = &rest[taken..];
    }
});
