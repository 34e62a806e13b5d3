//! Asks for pictures, answers and fragments of live video: never panics, and what decodes comes back the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use yiwang_wire::codec;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(ask) = codec::decode_ask(bytes) {
        assert_eq!(codec::decode_ask(&codec::encode_ask(&ask)).expect("what was encoded decodes"), ask);
    }
    if let Ok(fragment) = codec::decode_fragment(bytes) {
        assert_eq!(codec::decode_fragment(&codec::encode_fragment(&fragment)).expect("it decodes"), fragment);
    }
    if let Ok(Some(answer)) = codec::decode_answer(bytes) {
        let again = codec::decode_answer(&codec::encode_answer(answer.clone())).expect("what was encoded decodes");
        assert_eq!(again, Some(answer));
    }
});
