//! Joining tokens: never panics, and what decodes encodes to the same text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use yiwang_wire::token::JoinToken;

fuzz_target!(|text: &str| {
    if let Ok(token) = JoinToken::decode(text) {
        assert_eq!(token.encode(), text.trim());
    }
});
