//! What is learnt and left to the next shift, over HTTP: false alarms and thresholds, hand-overs that both sign, what is
//! unusual; and joining tokens and an incident's events.

use serde_json::{Value, json};
use yiwang_hub::registry::now_us;
use yiwang_hub::store::{Role, StoredEvent, conformance};
use yiwang_hub::web::{Joining, WebSettings};
use yiwang_wire::event::Phase;
use yiwang_wire::token::JoinToken;

use crate::harness::{As, Hub, Options, eventually};

const HOUR_US: i64 = 3_600_000_000;

fn hub() -> Hub {
    let joining = Joining { ca_sha256: [7; 32], quic_port: 7443, host: None };
    let settings = WebSettings {
        secure_cookies: false,
        heartbeat_ms: 200,
        unusual_ms: 50,
        joining: Some(joining),
        ..WebSettings::default()
    };
    Hub::start_with(Options { settings, ..Options::default() })
}

/// The next event of police's camera: an incident of its own, far from the others in time.
fn event(number: u64, captured_us: i64) -> StoredEvent {
    conformance::sample_event(number, "police", captured_us)
}

fn act(hub: &Hub, who: &As, id: &Value, body: Value) -> Value {
    let path = format!("/api/v1/incidents/{}", id.as_str().unwrap());
    let mut body = body;
    body["revision"] = hub.get(who, &path).json()["revision"].clone();
    let answer = hub.ask("POST", who, &format!("{path}/actions"), Some(body));
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()
}

fn incidents(hub: &Hub, who: &As, query: &str) -> Vec<Value> {
    hub.get(who, &format!("/api/v1/incidents{query}")).json()["incidents"].as_array().unwrap().clone()
}

#[test]
fn a_joining_token_is_made_once_by_administrators_and_is_in_the_record() {
    let hub = hub();
    let root = hub.cookie("root");
    let made = hub.ask("POST", &root, "/api/v1/join-tokens", Some(json!({"department": "police"})));
    assert_eq!(made.status, 201, "{}", made.text);
    let made = made.json();
    let token = JoinToken::decode(made["token"].as_str().unwrap()).expect("a token that gateways read");
    assert_eq!(token.ca_sha256, [7; 32]);
    let command = made["command"].as_str().unwrap();
    assert!(command.starts_with("yiwang-gateway join 127.0.0.1:7443 yw1."), "{command}");
    let list = hub.get(&root, "/api/v1/join-tokens");
    assert_eq!(list.json()["join_tokens"][0]["short"], made["short"]);
    assert_eq!(list.json()["join_tokens"][0]["state"], "open");
    assert!(!list.text.contains("yw1."), "shown once");
    let record = hub.get(&root, "/api/v1/audit");
    assert_eq!(record.json()["records"][0]["what"], "join_token.create");
    assert!(!record.text.contains("yw1."), "no secret in the record");
    let nowhere = hub.ask("POST", &root, "/api/v1/join-tokens", Some(json!({"department": "nowhere"})));
    assert_eq!(nowhere.status, 404);
    let long = json!({"department": "police", "hours": 1000});
    assert_eq!(hub.ask("POST", &root, "/api/v1/join-tokens", Some(long)).status, 400);
}

#[test]
fn an_incident_tells_the_events_of_its_sources_in_view() {
    let hub = hub();
    let root = hub.cookie("root");
    let begin = conformance::sample_event(1, "police", 1_790_000_000_000_000).event.id;
    let mut end = event(3, 1_790_000_009_000_000);
    (end.event.phase, end.event.cause) = (Phase::End, Some(begin));
    hub.publish(&[end]);
    let id = incidents(&hub, &root, "")[0]["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/incidents/{id}/events");
    let all = hub.get(&root, &path).json();
    let phases: Vec<&str> =
        all["events"].as_array().unwrap().iter().map(|event| event["phase"].as_str().unwrap()).collect();
    assert_eq!(phases, ["end", "begin", "begin"], "{all}");
    let own = hub.get(&hub.cookie("traffic"), &path);
    assert_eq!(own.json()["events"].as_array().unwrap().len(), 1);
    assert!(!own.text.contains("police"), "{}", own.text);
    let page = hub.get(&root, &format!("{path}?limit=2")).json();
    assert_eq!(page["next"], "2");
    assert_eq!(hub.get(&root, &format!("{path}?limit=2&cursor=2")).json()["events"].as_array().unwrap().len(), 1);
}

#[test]
fn false_alarms_propose_a_threshold_that_was_tried_on_the_stored_past() {
    let hub = hub();
    let root = hub.cookie("root");
    let seconds = [(10.5, "false_alarm"), (11.0, "false_alarm"), (12.5, "false_alarm"), (30.0, "true"), (44.0, "true")];
    for (number, (value, _)) in (10..).zip(seconds) {
        let mut event = event(number, now_us() - (number as i64) * 2 * HOUR_US);
        (event.event.kind, event.event.rule) = ("loiter".into(), Some("gate".into()));
        let measure = &mut event.event.measures[0];
        (measure.name, measure.value, measure.threshold) = ("seconds_in_zone".into(), value, Some(10.0));
        measure.unit = "s".into();
        hub.publish(&[event]);
    }
    let mut all = incidents(&hub, &root, "?kind=loiter&order=newest");
    all.sort_by_key(|one| std::cmp::Reverse(one["begin"].as_str().unwrap().to_owned()));
    for (one, (_, finding)) in all.iter().zip(seconds) {
        act(&hub, &root, &one["id"], json!({"action": "resolve"}));
        act(&hub, &root, &one["id"], json!({"action": "close", "finding": finding}));
    }
    let report = hub.get(&root, "/api/v1/reports/false-alarms").json();
    let worst = &report["ranking"][0];
    assert_eq!((worst["camera"].as_str(), worst["rule"].as_str()), (Some("gw-police/cam-1"), Some("gate")), "{report}");
    assert_eq!((&worst["false_alarms"], &worst["true"], &worst["share"]), (&json!(3), &json!(2), &json!(0.6)));
    let proposal = &worst["proposal"];
    assert_eq!(
        (&proposal["to"], &proposal["would_drop_false"], &proposal["would_drop_true"]),
        (&json!(13.0), &json!(3), &json!(0))
    );
    assert_eq!(proposal["set"]["line"], "seconds = 13");
    let path = "/api/v1/reports/false-alarms/preview?camera=gw-police/cam-1&rule=gate&measure=seconds_in_zone&to=40";
    let tried = hub.get(&root, path).json();
    assert_eq!((&tried["would_drop_false"], &tried["would_drop_true"]), (&json!(3), &json!(1)), "{tried}");
    assert_eq!(tried["dropped"].as_array().unwrap().len(), 4);
    assert_eq!(hub.get(&root, &path.replace("seconds_in_zone", "kmh")).status, 400);
    // Whose camera it is not sees nothing of it.
    let traffic = hub.cookie("traffic");
    assert_eq!(hub.get(&traffic, "/api/v1/reports/false-alarms").json()["ranking"], json!([]));
    assert_eq!(hub.get(&traffic, path).status, 404);
}

#[test]
fn both_sign_a_hand_over_and_open_items_return_until_they_are_closed() {
    let hub = hub();
    for name in ["wang", "li"] {
        hub.add_user(name, Role::Operator, "operations");
    }
    let (wang, li, police) = (hub.cookie("wang"), hub.cookie("li"), hub.cookie("police"));
    let id = incidents(&hub, &wang, "")[0]["id"].clone();
    act(&hub, &wang, &id, json!({"action": "comment", "text": "等待回复"}));
    let draft = hub.get(&wang, "/api/v1/handovers/draft").json();
    assert_eq!((&draft["id"], &draft["pack"]["counts"]["open"]), (&Value::Null, &json!(1)), "{draft}");
    let wish = json!({"to_person": "li", "note": "注意广场"});
    let made = hub.ask("POST", &wang, "/api/v1/handovers", Some(wish));
    assert_eq!(made.status, 201, "{}", made.text);
    let made = made.json();
    assert_eq!((made["outgoing"]["by"].as_str(), made["incoming"].is_null()), (Some("wang"), true));
    assert_eq!(made["pack"]["comments"][0]["text"], "等待回复");
    let silent: Vec<&str> =
        made["pack"]["silent_cameras"].as_array().unwrap().iter().map(|c| c["why"].as_str().unwrap()).collect();
    assert_eq!(silent, ["gateway_away", "gateway_away"]);
    let sign = format!("/api/v1/handovers/{}/sign", made["id"]);
    assert_eq!(hub.ask("POST", &wang, &sign, Some(json!({}))).status, 403, "nobody hands over to themselves");
    assert_eq!(hub.ask("POST", &police, &sign, Some(json!({}))).status, 404, "another department's is not there");
    let signed = hub.ask("POST", &li, &sign, Some(json!({"note": "收到"})));
    assert_eq!((signed.status, signed.json()["incoming"]["by"].as_str()), (200, Some("li")), "{}", signed.text);
    assert_eq!(hub.ask("POST", &li, &sign, Some(json!({}))).status, 409);
    // What is open comes again, with how often; what is closed does not.
    let again = hub.ask("POST", &li, "/api/v1/handovers", Some(json!({}))).json();
    let item = &again["pack"]["open"][0];
    assert_eq!((&item["handed_over"], &item["first_handover"]), (&json!(1), &made["id"]), "{again}");
    act(&hub, &li, &id, json!({"action": "close", "finding": "false_alarm"}));
    let after = hub.get(&wang, "/api/v1/handovers/draft").json();
    assert_eq!((&after["pack"]["open"], after["pack"]["false_alarms"].as_array().unwrap().len()), (&json!([]), 1));
    let list = hub.get(&wang, "/api/v1/handovers").json();
    assert_eq!((list["handovers"].as_array().unwrap().len(), &list["handovers"][0]["still_open"]), (2, &json!(0)));
    // Both are in the record, with the hash of what was handed over.
    let records = hub.get(&hub.cookie("root"), "/api/v1/audit").json();
    let signed: Vec<(&str, &Value)> = records["records"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|record| record["what"].as_str().unwrap().starts_with("handover."))
        .map(|record| (record["what"].as_str().unwrap(), &record["detail"]["sha256"]))
        .collect();
    assert_eq!(signed[1..], [("handover.sign", &made["sha256"]), ("handover.create", &made["sha256"])]);
}

#[test]
fn what_is_unusual_is_marked_with_its_reason_for_whose_camera_it_is() {
    let hub = hub();
    let police = hub.cookie("police");
    let hour_us = now_us() / HOUR_US * HOUR_US;
    let mut number = 100;
    let mut at = |captured_us: i64| {
        number += 1;
        event(number, captured_us)
    };
    let mut events: Vec<StoredEvent> = (0..=4).map(|week| at(hour_us - week * 168 * HOUR_US - HOUR_US)).collect();
    events.extend((0..9).map(|index| at(hour_us + index * 1_000)));
    events.sort_by_key(|event| event.position);
    hub.publish(&events);
    eventually("it is found", || {
        let unusual = hub.get(&police, "/api/v1/reports/unusual").json();
        unusual["unusual"].as_array().unwrap().iter().any(|one| one["count"] == 9 && one["many"] == true)
    });
    let unusual = hub.get(&police, "/api/v1/reports/unusual").json();
    let text = unusual["unusual"][0]["text_zh"].as_str().unwrap();
    assert!(text.starts_with("本小时 9 次"), "{text}");
    let marked = incidents(&hub, &police, "?state=all&order=newest");
    assert!(marked[0]["unusual"].as_str().unwrap().starts_with("9 in this hour; usual 0"), "{}", marked[0]);
    let baselines = hub.get(&police, "/api/v1/baselines?camera=gw-police/cam-1").json();
    assert_eq!(baselines["baselines"][0]["kind"], "intrusion", "{baselines}");
    assert_eq!(hub.get(&hub.cookie("traffic"), "/api/v1/reports/unusual").json()["unusual"], json!([]));
    assert_eq!(hub.get(&hub.cookie("traffic"), "/api/v1/baselines?camera=gw-police/cam-1").status, 404);
}
