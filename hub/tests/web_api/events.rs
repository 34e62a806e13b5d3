//! Lists and pages: filters, the shape of an event, how a camera that nobody hears looks.

use serde_json::json;
use yiwang_hub::registry::now_us;
use yiwang_hub::store::{CameraWatermark, Gap, Store as _, StoredEvent, conformance};
use yiwang_wire::event::Severity;
use yiwang_wire::pb;

use crate::harness::Hub;

fn many(hub: &Hub) {
    let events: Vec<StoredEvent> = (3..=50)
        .map(|position| {
            let mut stored = conformance::sample_event(position, "police", 1_790_000_100_000_000 + position as i64);
            stored.event.kind = ["intrusion", "loiter"][position as usize % 2].into();
            stored.event.severity = [Severity::Low, Severity::Urgent][position as usize % 2];
            stored
        })
        .collect();
    hub.publish(&events);
}

#[test]
fn pages_follow_one_another_without_gap_or_double() {
    let hub = Hub::start();
    many(&hub);
    let police = hub.cookie("police");
    let mut positions = Vec::new();
    let mut address = "/api/v1/events?limit=7".to_owned();
    loop {
        let page = hub.get(&police, &address).json();
        for event in page["events"].as_array().unwrap() {
            let position = event["position"].as_str().unwrap().rsplit_once('-').unwrap().1;
            positions.push(position.parse::<u64>().unwrap());
        }
        let Some(next) = page["next"].as_str() else { break };
        address = format!("/api/v1/events?limit=7&cursor={next}");
    }
    let expected: Vec<u64> = (3..=50).rev().chain([1]).collect();
    assert_eq!(positions, expected);
}

#[test]
fn filters_take_what_they_name_and_refuse_what_they_cannot_read() {
    let hub = Hub::start();
    many(&hub);
    let police = hub.cookie("police");
    let cases = [
        ("kind=loiter", 24),
        ("severity=urgent", 24),
        ("kind=loiter&severity=low", 0),
        ("phase=end", 0),
        ("gateway=gw-police", 49),
        ("camera=gw-police/cam-1", 49),
        ("camera=gw-police/cam-2", 0),
        ("camera=gw-traffic/cam-1", 0),
        ("department=police", 49),
        ("to=2026-09-21T14:13:20.001Z", 1),
        ("from=2026-09-21T22:15:00%2B08:00", 48),
        ("from=2026-09-21T22:15:00+08:00", 48),
    ];
    for (query, expected) in cases {
        let answer = hub.get(&police, &format!("/api/v1/events?limit=500&{query}"));
        assert_eq!(answer.status, 200, "{query}: {}", answer.text);
        assert_eq!(answer.json()["events"].as_array().unwrap().len(), expected, "{query}");
    }
    let refused = ["limit=0", "limit=501", "from=x", "to=1", "severity=bad", "phase=x", "camera=x", "cursor=x", "x=1"];
    for query in refused {
        let answer = hub.get(&police, &format!("/api/v1/events?{query}"));
        assert_eq!((answer.status, answer.code()), (400, "bad_request".into()), "{query}");
    }
    let other = hub.get(&police, "/api/v1/events?department=traffic");
    let none = hub.get(&police, "/api/v1/events?department=nowhere");
    assert_eq!((other.status, &other.text), (403, &none.text), "what is there and what is not look the same");
}

#[test]
fn an_event_says_what_the_contract_says() {
    let hub = Hub::start();
    let police = hub.cookie("police");
    let listed = hub.get(&police, "/api/v1/events").json()["events"][0].clone();
    let id = listed["id"].as_str().unwrap();
    let event = hub.get(&police, &format!("/api/v1/events/{id}")).json();
    assert_eq!(event, listed);
    let expected = json!({
        "cause": null, "gateway": "gw-police", "camera": "gw-police/cam-1", "camera_name": "东门", "department": "police",
        "kind": "intrusion", "phase": "begin", "severity": "medium", "rule": "table", "config_revision": "0123456789ab",
        "captured": "2026-09-21T14:13:20.000Z", "time_source": "sender_report", "time_error_ms": 20,
        "received": "2026-09-21T14:13:20.001Z", "backfilled": false, "direction": null,
        "subject": {"track": 4, "class": "person", "confidence": 0.5, "bbox": [0.0, 0.0, 1.0, 1.0], "predicted": false},
        "point": [1.0, 0.0], "frame_px": [1920, 1080],
        "measures": [{"name": "objects", "value": 2.0, "threshold": 1.0, "unit": ""}],
        "model": null, "attributes": {"cause": "none"}, "position_wgs84": [120.5, 30.25], "epoch": 1, "sequence": 1,
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&event[name], value, "{name}");
    }
    assert_eq!(event.as_object().unwrap().len(), expected.as_object().unwrap().len() + 2, "and id and position");
    for id in ["x", "00000000-0000-7000-8000-000000000000"] {
        assert_eq!(hub.get(&police, &format!("/api/v1/events/{id}")).status, 404);
    }
}

#[test]
fn a_camera_whose_gateway_is_not_heard_is_never_ok() {
    let hub = Hub::start();
    let police = hub.cookie("police");
    let gap = Gap { from_us: 1_000_000, to_us: 2_000_000, reason: "stalled".into() };
    let mark =
        CameraWatermark { camera: "cam-1".into(), complete_to_us: 5_000_000, gaps: vec![gap], complete_from_us: None };
    hub.store.set_watermarks("gw-police", &[mark]).unwrap();
    let state = || {
        let gateway = hub.get(&police, "/api/v1/gateways").json()["gateways"][0].clone();
        (
            gateway["state"].as_str().unwrap().to_owned(),
            hub.get(&police, "/api/v1/cameras").json()["cameras"][0].clone(),
        )
    };
    let (gateway, camera) = state();
    assert_eq!((gateway.as_str(), &camera["state"]), ("no_contact", &json!("no_contact")));
    assert_eq!(camera["complete_to"], json!("1970-01-01T00:00:05.000Z"));
    assert_eq!(camera["gaps"][0]["reason"], json!("stalled"));
    assert_eq!(camera["last_event"], json!("2026-09-21T14:13:20.000Z"));

    let address = "192.0.2.1:1000".parse().unwrap();
    hub.presence.connected("gw-police", 1, address, now_us());
    assert_eq!(state().1["state"], json!("starting"), "connected, and nothing said yet");
    let said = |state: &str, cause: &str| pb::Status {
        clock_us: now_us(),
        cameras: vec![pb::CameraStatus {
            camera: "cam-1".into(),
            state: state.into(),
            cause: cause.into(),
            cause_text: cause.into(),
            since_us: 9_000_000,
            analysed_fps: 5.0,
            ..Default::default()
        }],
        ..Default::default()
    };
    hub.presence.status("gw-police", 1, &said("ok", ""), now_us());
    let (gateway, camera) = state();
    assert_eq!((gateway.as_str(), &camera["state"], &camera["cause"]), ("connected", &json!("ok"), &json!(null)));
    assert_eq!((&camera["analysed_fps"], &camera["since"]), (&json!(5.0), &json!("1970-01-01T00:00:09.000Z")));
    hub.presence.status("gw-police", 1, &said("down", "wrong_password"), now_us());
    let (_, camera) = state();
    assert_eq!((&camera["state"], &camera["cause"]), (&json!("down"), &json!("wrong_password")));
    hub.presence.status("gw-police", 1, &said("ok", ""), now_us());
    hub.presence.disconnected("gw-police", 1);
    let (gateway, camera) = state();
    assert_eq!((gateway.as_str(), &camera["state"]), ("no_contact", &json!("no_contact")));
    assert_eq!(camera["analysed_fps"], json!(null));
    hub.store.revoke_gateway("gw-police", now_us()).unwrap();
    hub.presence.connected("gw-police", 2, address, now_us());
    let (gateway, camera) = state();
    assert_eq!((gateway.as_str(), &camera["state"]), ("revoked", &json!("no_contact")));
}

#[test]
fn lists_are_packed_for_who_takes_that_and_nothing_else_is() {
    let hub = Hub::start();
    let root = hub.cookie("root");
    let encoding = |path: &str, takes: &[(&str, &str)]| {
        let answer = hub.ask_with("GET", &root, path, None, takes);
        answer.headers.get("content-encoding").map(|value| value.to_str().unwrap().to_owned())
    };
    let takes = [("accept-encoding", "gzip, br")];
    for path in ["/api/v1/cameras", "/api/v1/incidents", "/api/v1/registry", "/api/v1/export/events.csv"] {
        assert_eq!(encoding(path, &takes).as_deref(), Some("gzip"), "{path}");
        assert_eq!(encoding(path, &[]), None, "{path}");
    }
    assert_eq!(encoding("/api/v1/session", &takes), None);
    // A feed that was packed would be held back, and no line of it could be read.
    assert!(hub.feed(&root, "?since=now", &takes).is_ok());
}
