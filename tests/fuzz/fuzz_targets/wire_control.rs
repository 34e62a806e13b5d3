//! Control and joining messages: never panics, and what decodes comes back the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use yiwang_wire::codec;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(Some(message)) = codec::decode_up(bytes) {
        codec::decode_up(&codec::encode_up(message)).expect("what was encoded decodes");
    }
    if let Ok(Some(message)) = codec::decode_down(bytes) {
        codec::decode_down(&codec::encode_down(message)).expect("what was encoded decodes");
    }
    if let Ok(join) = codec::decode_join(bytes) {
        assert_eq!(codec::decode_join(&codec::encode_join(&join)).expect("what was encoded decodes"), join);
    }
    if let Ok(joined) = codec::decode_joined(bytes) {
        assert_eq!(codec::decode_joined(&codec::encode_joined(&joined)).expect("what was encoded decodes"), joined);
    }
});
