//! Segments: never panics, sequences grow, and a good record behind anything is found.
#![no_main]

use libfuzzer_sys::fuzz_target;
use yiwang_gateway::spool::segment::{self, Header, Stored};
use yiwang_wire::event::Severity;

fuzz_target!(|bytes: &[u8]| {
    let _ = Header::decode(bytes);
    let mut last = 0;
    for record in segment::records(bytes, 0, 0) {
        assert!(record.sequence > last && record.end() <= bytes.len());
        last = record.sequence;
    }
    let Some(sequence) = last.checked_add(1) else { return };
    let (captured_us, spooled_us, severity) = (1, 2, Severity::Low);
    let mut longer = bytes.to_vec();
    segment::encode(&Stored { offset: 0, sequence, captured_us, spooled_us, severity, payload: b"x" }, &mut longer);
    assert_eq!(segment::records(&longer, bytes.len(), last).last().map(|record| record.sequence), Some(sequence));
});
