//! Lines of truth, of feeds and of made events: any text gives lines or an error with a place, never a panic; and what
//! was read is judged without one.
#![no_main]

use libfuzzer_sys::fuzz_target;
use yiwang_city::{score, truth, without_pixels};

fuzz_target!(|text: &str| {
    let _ = without_pixels::read_line("fuzz", 1, text);
    let told = score::read("fuzz", text, Some("camera")).unwrap_or_default();
    if let Ok(lines) = truth::read("fuzz", text) {
        let again: String = lines.iter().map(truth::Line::text).collect();
        assert_eq!(truth::read("again", &again).expect("what is written is read"), lines);
        score::judge(&score::Truth::new(lines), &told, &score::Terms::default()).table();
    }
});
