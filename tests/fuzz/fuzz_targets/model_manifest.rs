//! `models.toml`: any text gives a manifest or an error, never a panic, and what parses is written and parses again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use yiwang_inference::model::Manifest;

fuzz_target!(|text: &str| {
    if let Ok(manifest) = Manifest::parse(text) {
        assert_eq!(Manifest::parse(&manifest.to_text()).ok(), Some(manifest));
    }
});
