//! What a browser sends as a draft, over any file: a file that still is a configuration or an error, never a panic. The
//! input is the file, a zero byte, the draft as JSON.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use yiwang_gateway::config::draw::{Draft, apply};
use yiwang_gateway::config::{Config, Secrets};

fuzz_target!(|input: &str| {
    let Some((file, draft)) = input.split_once('\0') else { return };
    let Ok(draft) = serde_json::from_str::<Draft>(draft) else { return };
    let path = Path::new("gateway.toml");
    let Ok(config) = Config::parse(file, path, Secrets::Skip) else { return };
    for camera in &config.cameras {
        if let Ok((text, after)) = apply(file, path, &camera.id, &draft) {
            let again = Config::parse(&text, path, Secrets::Skip).expect("what was checked is read again");
            assert_eq!((again.cameras.len(), after.cameras.len()), (config.cameras.len(), config.cameras.len()));
        }
    }
});
