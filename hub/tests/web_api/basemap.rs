//! The base map over HTTP: by ranges, for people, and none where none was brought. What cameras have from a shifted map.

use std::sync::Arc;

use serde_json::json;
use yiwang_hub::basemap::{Basemap, Coordinates};
use yiwang_hub::web::WebSettings;

use crate::harness::{As, Hub, Options};

/// The least that is a PMTiles file: its header, and text behind it.
fn map() -> Vec<u8> {
    let mut file = vec![0; 127];
    file[..8].copy_from_slice(b"PMTiles\x03");
    file[99] = 1;
    file.extend(b"streets");
    file
}

#[test]
fn the_base_map_is_given_by_ranges_to_people_and_told_with_the_session() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("city.pmtiles");
    std::fs::write(&path, map()).unwrap();
    let basemap = Some(Arc::new(Basemap::open(&path, Coordinates::Gcj02).unwrap()));
    let settings = WebSettings { secure_cookies: false, basemap, ..WebSettings::default() };
    let hub = Hub::start_with(Options { settings, ..Options::default() });
    let police = hub.cookie("police");
    let session = hub.get(&police, "/api/v1/session").json();
    assert_eq!(session["hub"]["basemap"], json!({"url": "/api/v1/basemap", "coordinates": "gcj02"}));

    let range = |who: &As, range: &str| hub.ask_with("GET", who, "/api/v1/basemap", None, &[("range", range)]);
    let answer = range(&police, "bytes=127-200");
    assert_eq!((answer.status, answer.text.as_str()), (206, "streets"));
    assert_eq!(answer.headers["content-range"], "bytes 127-133/134");
    assert_eq!(answer.headers["cache-control"], "private, max-age=3600");
    assert!(answer.headers.contains_key("etag"));
    assert_eq!(range(&police, "bytes=134-").status, 416);
    assert_eq!(hub.get(&police, "/api/v1/basemap").status, 416, "the whole file is not given");
    assert_eq!(range(&As::Nobody, "bytes=0-9").status, 401);
}

#[test]
fn a_hub_without_a_base_map_says_so() {
    let hub = Hub::start();
    let police = hub.cookie("police");
    assert_eq!(hub.get(&police, "/api/v1/session").json()["hub"].get("basemap"), None);
    let answer = hub.get(&police, "/api/v1/basemap");
    assert_eq!(answer.status, 404);
    assert!(answer.text.contains("basemap"), "{}", answer.text);
}
