//! Incidents over HTTP: what each department sees of one that several saw, the closed loop with two people at once, the
//! feed, the record, the registry and its reports.

use serde_json::{Value, json};
use yiwang_hub::merge::thread_id;
use yiwang_hub::registry::now_us;
use yiwang_hub::store::{Role, Store as _, conformance};

use crate::harness::{As, Hub, eventually};

/// The one incident of the harness's two events: police's and traffic's cameras stand in one place.
fn incident(hub: &Hub, who: &As) -> Value {
    let list = hub.get(who, "/api/v1/incidents").json();
    assert_eq!(list["total"], 1, "{list}");
    list["incidents"][0].clone()
}

fn act(hub: &Hub, who: &As, incident: &Value, body: Value) -> crate::harness::Answer {
    let mut body = body;
    body["revision"] = incident["revision"].clone();
    let id = incident["id"].as_str().unwrap();
    hub.ask("POST", who, &format!("/api/v1/incidents/{id}/actions"), Some(body))
}

#[test]
fn each_department_sees_of_an_incident_what_its_own_cameras_saw() {
    let hub = Hub::start();
    let whole = incident(&hub, &hub.cookie("root"));
    assert_eq!(whole["departments"], json!(["police", "traffic"]));
    assert_eq!((&whole["sources"], &whole["suppressed"]["duplicates"]), (&json!(2), &json!(1)));
    let own = incident(&hub, &hub.cookie("police"));
    assert_eq!(own["id"], whole["id"]);
    assert_eq!((&own["departments"], &own["cameras"]), (&json!(["police"]), &json!(["gw-police/cam-1"])));
    assert_eq!((&own["sources"], &own["hidden"], &own["last"]), (&json!(1), &json!(0), &own["begin"]));
    assert_ne!(whole["last"], own["last"], "the other's later event does not show through");
    // By any of its sources, also for who sees only the other one.
    let event = conformance::sample_event(2, "traffic", 0).event.id;
    let by_source = format!("/api/v1/incidents/{}", thread_id("gw-traffic", event));
    let detail = hub.get(&hub.cookie("traffic"), &by_source).json();
    assert_eq!(detail["id"], whole["id"]);
    assert_eq!(detail["source_list"].as_array().unwrap().len(), 1);
    assert_eq!(detail["source_list"][0]["why"], Value::Null, "the source that it was joined to is not in view");
    let full = hub.get(&hub.cookie("root"), &by_source).json();
    assert_eq!(full["source_list"][1]["role"], "duplicate");
    assert!(full["source_list"][1]["why"]["text_en"].as_str().unwrap().contains("views overlap"), "{full}");
}

#[test]
fn the_loop_is_worked_by_two_people_who_never_lose_each_others_change() {
    let hub = Hub::start();
    hub.add_user("wang", Role::Operator, "operations");
    hub.add_user("li", Role::Operator, "operations");
    let (wang, li) = (hub.cookie("wang"), hub.cookie("li"));
    let seen = incident(&hub, &wang);
    let after = act(&hub, &wang, &seen, json!({"action": "acknowledge"}));
    assert_eq!((after.status, after.json()["acknowledged_by"].as_str()), (200, Some("wang")), "{}", after.text);
    // Li still has the first revision.
    let second = act(&hub, &li, &seen, json!({"action": "take"}));
    assert_eq!((second.status, second.code().as_str()), (409, "conflict"));
    let told = second.json();
    assert!(told["error"]["message"].as_str().unwrap().contains("wang"), "{told}");
    assert_eq!(told["conflict"]["since"][0]["action"], "acknowledge");
    assert_eq!(told["conflict"]["incident"]["revision"], 1);
    let taken = act(&hub, &li, &told["conflict"]["incident"], json!({"action": "take"})).json();
    assert_eq!((taken["owner"].as_str(), taken["revision"].as_u64()), (Some("li"), Some(2)));
    let undone = act(&hub, &li, &taken, json!({"action": "undo"})).json();
    assert_eq!((undone["owner"].as_str(), undone["history"][1]["undone"].as_bool()), (None, Some(true)));
    // To a department, which works its own task and decides nothing else.
    let to_police = json!({"action": "dispatch", "departments": ["police"], "note": "请到现场"});
    assert_eq!(act(&hub, &wang, &undone, to_police).status, 200);
    let police = hub.cookie("police");
    let sent = incident(&hub, &police);
    assert_eq!((sent["state"].as_str(), sent["hidden"].as_u64()), (Some("dispatched"), Some(1)));
    assert_eq!(act(&hub, &police, &sent, json!({"action": "resolve"})).status, 403);
    let accepted = json!({"action": "task", "department": "police", "state": "done", "answer": "已处理"});
    let done = act(&hub, &police, &sent, accepted).json();
    assert_eq!(done["tasks"][0]["state"], "done");
    let resolved = act(&hub, &wang, &done, json!({"action": "resolve", "resolution": "人群散去"})).json();
    let closed = act(&hub, &wang, &resolved, json!({"action": "close", "finding": "true"})).json();
    assert_eq!((closed["state"].as_str(), closed["finding"].as_str()), (Some("closed"), Some("true")));
    assert_eq!(hub.get(&wang, "/api/v1/incidents").json()["total"], 0);
    assert_eq!(hub.get(&wang, "/api/v1/incidents?state=closed&q=散去").json()["total"], 1);
    // Everything is in the record.
    let records = hub.get(&hub.cookie("root"), "/api/v1/audit").json();
    let what: Vec<&str> = records["records"].as_array().unwrap().iter().map(|r| r["what"].as_str().unwrap()).collect();
    assert_eq!(what.first(), Some(&"incident.close"));
    assert_eq!((what.len(), records["records"][0]["from"].as_str()), (7, Some("127.0.0.1")));
}

#[test]
fn a_step_that_cannot_be_is_refused_with_a_reason() {
    let hub = Hub::start();
    let root = hub.cookie("root");
    let seen = incident(&hub, &root);
    let cases = [
        (json!({"action": "fly"}), 400, "bad_request"),
        (json!({"action": "acknowledge", "more": 1}), 400, "bad_request"),
        (json!({"action": "shelve", "until": "2020-01-01T00:00:00Z", "reason": "x"}), 400, "bad_request"),
        (json!({"action": "shelve", "until": "soon", "reason": "x"}), 400, "bad_request"),
        (json!({"action": "close", "finding": "true"}), 409, "not_now"),
        (json!({"action": "resolve", "founders": []}), 400, "bad_request"),
        (json!({"action": "dispatch", "departments": ["nowhere"]}), 404, "not_found"),
        (json!({"action": "undo"}), 409, "not_now"),
    ];
    for (body, status, code) in cases {
        let answer = act(&hub, &root, &seen, body.clone());
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{body}: {}", answer.text);
    }
    let id = seen["id"].as_str().unwrap();
    let without = hub.ask("POST", &root, &format!("/api/v1/incidents/{id}/actions"), Some(json!({"action": "take"})));
    assert_eq!(without.status, 400);
    let many = json!({"action": "acknowledge", "items": [{"id": id, "revision": 0}, {"id": id, "revision": 0}]});
    let results = hub.ask("POST", &root, "/api/v1/incidents/actions", Some(many)).json();
    let statuses: Vec<u64> =
        results["results"].as_array().unwrap().iter().map(|r| r["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [200, 409]);
}

#[test]
fn the_feed_tells_each_what_it_may_see_as_it_changes() {
    let hub = Hub::start();
    let (root, traffic) = (hub.cookie("root"), hub.cookie("traffic"));
    let feed = hub.feed_at(&traffic, "/api/v1/incidents/feed?since=0", &[]).unwrap_or_else(|a| panic!("{}", a.text));
    let next = || loop {
        let message = feed.next().expect("the feed goes on");
        if message.name != "heartbeat" {
            return message;
        }
    };
    let first = next();
    assert_eq!((first.name.as_str(), first.json()["departments"].clone()), ("incident", json!(["traffic"])));
    let seen = incident(&hub, &root);
    assert_eq!(act(&hub, &root, &seen, json!({"action": "acknowledge"})).status, 200);
    let second = next();
    assert_eq!(second.json()["state"], "acknowledged");
    assert!(second.id.parse::<i64>().unwrap() > first.id.parse::<i64>().unwrap());
    // Somebody else's incident is no frame here, and its end is none either.
    let mut other = conformance::sample_event(3, "police", 1_790_009_000_000_000);
    other.event.kind = "crowd".into();
    hub.publish(&[other]);
    eventually("root sees both", || hub.get(&root, "/api/v1/incidents").json()["total"] == 2);
    let all: Vec<Value> = hub.get(&root, "/api/v1/incidents").json()["incidents"].as_array().unwrap().clone();
    let far = all.iter().find(|one| one["kind"] == "crowd").unwrap();
    let near = all.iter().find(|one| one["kind"] == "intrusion").unwrap();
    let join = json!({"action": "join", "with": far["id"], "reason": "the same"});
    assert_eq!(act(&hub, &root, near, join).status, 200);
    let third = next();
    assert_eq!((third.name.as_str(), third.json()["id"].clone()), ("incident", near["id"].clone()));
    assert!(!third.data.contains("police"), "{}", third.data);
}

#[test]
fn administrators_keep_accounts_settings_and_the_registry_in_the_page() {
    let hub = Hub::start();
    let root = hub.cookie("root");
    assert_eq!(hub.ask("POST", &root, "/api/v1/departments", Some(json!({"id": "城管"}))).status, 201);
    assert_eq!(hub.ask("POST", &root, "/api/v1/departments", Some(json!({"id": "城管"}))).status, 409);
    let change = json!({"department": "城管", "password": ""});
    let changed = hub.ask("PUT", &root, "/api/v1/users/police", Some(change)).json();
    assert_eq!((changed["department"].as_str(), changed["role"].as_str()), (Some("城管"), Some("department")));
    assert!(changed["password"].as_str().is_some_and(|password| password.len() >= 10));
    let last = hub.ask("PUT", &root, "/api/v1/users/root", Some(json!({"role": "operator"})));
    assert_eq!(last.code(), "last_administrator");
    let settings = json!({"severity_rules": [{"kind": "intrusion", "severity": "urgent"}]});
    assert_eq!(hub.ask("PUT", &root, "/api/v1/settings/incidents", Some(settings)).status, 200);
    let seen = incident(&hub, &root);
    let judged = act(&hub, &root, &seen, json!({"action": "acknowledge"})).json();
    assert_eq!(
        (judged["severity"].as_str(), judged["severity_why"].as_str()),
        (Some("urgent"), Some("kind intrusion"))
    );
    // What is counted is of the last days.
    let now = now_us();
    hub.publish(&[
        conformance::sample_event(3, "police", now - 2_000_000),
        conformance::sample_event(4, "traffic", now - 1_000_000),
    ]);
    let entry = json!({"owner": "地铁集团", "height_m": 6.0, "tilt_deg": 25.0, "field_of_view_deg": 62.0});
    assert_eq!(hub.ask("PUT", &root, "/api/v1/registry/gw-police/cam-1", Some(entry)).status, 204);
    let registry = hub.get(&root, "/api/v1/registry").json();
    let camera = registry["cameras"].as_array().unwrap().iter().find(|c| c["id"] == "gw-police/cam-1").unwrap();
    assert_eq!((camera["owner"].as_str(), camera["steward"].as_str()), (Some("地铁集团"), Some("police")));
    assert_eq!((camera["calibrated"].as_bool(), camera["footprint"].as_array().map(Vec::len)), (Some(true), Some(5)));
    let twice = hub.get(&root, "/api/v1/reports/duplicates").json();
    assert_eq!(twice["same_device"][0]["both_reported"], 1, "{twice}");
    assert_eq!(twice["same_device"][0]["cameras"], json!(["gw-police/cam-1", "gw-traffic/cam-1"]));
    let coverage = hub.get(&root, "/api/v1/reports/coverage").json();
    assert!(coverage["seen_twice_m2"].as_f64().unwrap() > 100.0, "{coverage}");
    assert_eq!(hub.get(&hub.cookie("traffic"), "/api/v1/reports/duplicates").json()["same_device"], json!([]));
    let load = hub.get(&root, "/api/v1/alarm-load").json();
    assert_eq!((load["flood"]["on"].as_bool(), load["stale"].as_u64()), (Some(false), Some(1)));
    assert_eq!(hub.store.users().unwrap().len(), 3);
}

#[test]
fn words_times_and_areas_find_events_and_incidents_and_files_carry_them() {
    let hub = Hub::start();
    let (root, police) = (hub.cookie("root"), hub.cookie("police"));
    let count = |who: &As, query: &str| {
        let found = hub.get(who, &format!("/api/v1/search?{query}")).json();
        (found["events"].as_array().unwrap().len(), found["incidents"].as_array().unwrap().len())
    };
    // The cameras are called `cam-1's name`; the incident has the name that its event came with.
    assert_eq!(count(&root, "q=cam-1"), (2, 0));
    assert_eq!(count(&root, "q=%E4%B8%9C%E9%97%A8"), (0, 1), "东门");
    assert_eq!(count(&police, "q=cam-1"), (1, 0), "another department's events are not found");
    assert_eq!(count(&root, "kind=intrusion&from=2026-09-21T14:13:21Z"), (1, 0));
    assert_eq!(count(&root, "area=119,29;121,29;121,31;119,31"), (2, 1));
    assert_eq!(count(&root, "area=121,30;122,30;122,31"), (0, 0));
    // Rules, classes, gateways and departments too; every word has to fit.
    for (words, found) in [("tabl", 2), ("person", 2), ("traffic", 1), ("gw-police%20table", 1), ("table%20lorry", 0)] {
        assert_eq!(count(&root, &format!("q={words}")).0, found, "{words}");
    }
    assert_eq!(count(&police, "q=table").0, 1);
    assert_eq!(count(&police, "q=traffic"), (0, 0));
    assert_eq!(hub.get(&root, "/api/v1/search?q=table&limit=1").json()["complete_to"], Value::Null);
    // Page by page, and each event once.
    let first = hub.get(&root, "/api/v1/search?q=table&limit=1").json();
    let next = first["next"].as_str().expect("one more").to_owned();
    let second = hub.get(&root, &format!("/api/v1/search?q=table&limit=1&cursor={next}")).json();
    assert_ne!(first["events"][0]["id"], second["events"][0]["id"]);
    assert_eq!(second["incidents"], json!([]), "incidents are in the first answer");
    let next = second["next"].as_str().expect("a full page may have a next").to_owned();
    let third = hub.get(&root, &format!("/api/v1/search?q=table&limit=1&cursor={next}")).json();
    assert_eq!((&third["events"], &third["next"]), (&json!([]), &Value::Null));
    let severities = ["low", "medium", "high", "urgent"];
    let counts: Vec<usize> = severities.iter().map(|one| count(&root, &format!("q=table&severity={one}")).0).collect();
    assert_eq!(counts.iter().sum::<usize>(), 2, "{counts:?}");
    assert_eq!(count(&root, "q=table&severity=low,medium,high,urgent").0, 2);
    assert_eq!(hub.get(&root, "/api/v1/search?severity=low,loud").status, 400);
    assert_eq!(hub.get(&root, "/api/v1/search?cursor=x").status, 400);
    let csv = hub.get(&police, "/api/v1/export/events.csv");
    assert_eq!((csv.status, csv.text.lines().count()), (200, 2), "{}", csv.text);
    assert!(csv.text.contains("东门") && !csv.text.contains("traffic"), "{}", csv.text);
    let map = hub.get(&root, "/api/v1/export/incidents.geojson").json();
    assert_eq!(
        (map["type"].as_str(), map["features"][0]["geometry"]["type"].as_str()),
        (Some("FeatureCollection"), Some("Point"))
    );
    assert_eq!(
        hub.get(&root, "/api/v1/export/incidents.csv?state=closed").text.lines().count(),
        1,
        "the byte order mark alone"
    );
    assert_eq!(hub.get(&root, "/api/v1/export/passwords.csv").status, 404);
    assert_eq!(hub.get(&root, "/api/v1/export/events.csv?colour=red").status, 400);
}
