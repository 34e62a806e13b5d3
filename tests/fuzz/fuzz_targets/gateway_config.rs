//! `gateway.toml` and its rule tables: any text gives a configuration or an error with a place, never a panic.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use yiwang_gateway::config::{Config, Secrets};

fuzz_target!(|text: &str| {
    let Ok(config) = Config::parse(text, Path::new("gateway.toml"), Secrets::Skip) else { return };
    for table in config.cameras.into_iter().flat_map(|camera| camera.rules) {
        let _ = yiwang_inference::rules::parse(table, &yiwang_inference::model::coco80(), true);
    }
});
