//! Every route that the OpenAPI document names, tried by everybody: nobody known, another department's user and feed token,
//! an administrator. What is not allowed is refused, and nothing of another department is ever in an answer.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use yiwang_hub::store::{Role, Store as _, conformance};
use yiwang_hub::web;
use yiwang_hub::web::guard::ACCESS;

use crate::harness::{As, Hub};

/// Method, path as documented.
fn documented() -> Vec<(String, String)> {
    let document: Value = serde_json::from_str(&web::openapi().to_json().unwrap()).unwrap();
    let mut routes = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            routes.push((method.to_uppercase(), path.clone()));
        }
    }
    assert!(routes.len() >= 20, "{routes:?}");
    routes
}

/// Routes that show nothing of anybody: to be extended only on purpose.
const OPEN: &[(&str, &str)] = &[
    ("GET", "/api/v1/setup"),
    ("POST", "/api/v1/setup"),
    ("POST", "/api/v1/login"),
    ("GET", "/healthz"),
    ("GET", "/metrics"), // on this machine
    ("GET", "/api/openapi.json"),
];

/// Routes for feed tokens.
const FOR_TOKENS: &[(&str, &str)] = &[
    ("GET", "/api/v1/departments"),
    ("GET", "/api/v1/gateways"),
    ("GET", "/api/v1/cameras"),
    ("GET", "/api/v1/kinds"),
    ("GET", "/api/v1/events"),
    ("GET", "/api/v1/events/{id}"),
    ("GET", "/api/v1/feed"),
    ("POST", "/api/v1/feed/ticket"),
    ("GET", "/api/v1/incidents"),
    ("GET", "/api/v1/incidents/{id}"),
    ("GET", "/api/v1/incidents/{id}/events"),
    ("GET", "/api/v1/incidents/feed"),
    ("GET", "/api/v1/reports/unusual"),
    ("GET", "/api/v1/baselines"),
    ("GET", "/api/v1/search"),
    ("GET", "/api/v1/export/{file}"),
    ("GET", "/api/v1/registry"),
    ("GET", "/api/v1/reports/duplicates"),
    ("GET", "/api/v1/reports/coverage"),
];

/// Routes for every person beside those.
const FOR_PEOPLE: &[(&str, &str)] = &[
    ("POST", "/api/v1/logout"),
    ("GET", "/api/v1/session"),
    ("GET", "/api/v1/alarm-load"),
    ("GET", "/api/v1/reports/false-alarms"),
    ("GET", "/api/v1/reports/false-alarms/preview"),
    ("GET", "/api/v1/handovers"),
    ("POST", "/api/v1/handovers"),
    ("GET", "/api/v1/handovers/draft"),
    ("GET", "/api/v1/handovers/{id}"),
    ("POST", "/api/v1/handovers/{id}/sign"),
    ("POST", "/api/v1/incidents/{id}/actions"),
    ("POST", "/api/v1/incidents/actions"),
    ("GET", "/api/v1/people"),
    ("POST", "/api/v1/cameras/{gateway}/{camera}/still"),
    ("POST", "/api/v1/cameras/{gateway}/{camera}/live"),
    ("POST", "/api/v1/cameras/{gateway}/{camera}/clip"),
    ("GET", "/api/v1/settings/incidents"),
    ("GET", "/api/v1/basemap"),
];

fn named(routes: &[(&str, &str)], method: &str, path: &str) -> bool {
    routes.iter().any(|(m, p)| *m == method && *p == path)
}

/// The addresses to try for a route: plain, and asking for traffic's things by every name that it takes.
fn addresses(hub: &Hub, method: &str, path: &str) -> Vec<String> {
    let event = conformance::sample_event(2, "traffic", 0).event.id;
    let (token, _) = hub.token("traffic");
    let plain = match path {
        "/api/v1/events/{id}" => path.replace("{id}", &event.to_string()),
        "/api/v1/incidents/{id}" | "/api/v1/incidents/{id}/actions" | "/api/v1/incidents/{id}/events" => {
            path.replace("{id}", &yiwang_hub::merge::thread_id("gw-traffic", event).to_string())
        }
        "/api/v1/export/{file}" => "/api/v1/export/events.csv".to_owned(),
        "/api/v1/cameras/{gateway}/{camera}/still" => "/api/v1/cameras/gw-traffic/cam-1/still".to_owned(),
        "/api/v1/cameras/{gateway}/{camera}/live" => "/api/v1/cameras/gw-traffic/cam-1/live".to_owned(),
        "/api/v1/cameras/{gateway}/{camera}/clip" => "/api/v1/cameras/gw-traffic/cam-1/clip".to_owned(),
        "/api/v1/registry/{gateway}/{camera}" => "/api/v1/registry/gw-traffic/cam-1".to_owned(),
        "/api/v1/handovers/{id}" | "/api/v1/handovers/{id}/sign" => path.replace("{id}", "1"),
        "/api/v1/feed-tokens/{id}" => path.replace("{id}", &token),
        "/api/v1/users/{name}" => path.replace("{name}", "traffic"),
        other => other.to_owned(),
    };
    let queries: &[&str] = match (method, path) {
        ("GET", "/api/v1/events") => &[
            "",
            "?department=traffic",
            "?gateway=gw-traffic",
            "?camera=gw-traffic/cam-1",
            "?kind=intrusion&limit=500",
            "?cursor=9000000000000000.9",
            "?department=traffic&department=police",
        ],
        ("GET", "/api/v1/feed") => {
            &["?since=oldest", "?since=oldest&department=traffic", "?since=oldest&kind=intrusion"]
        }
        ("GET", "/api/v1/incidents") => &[
            "",
            "?department=traffic",
            "?camera=gw-traffic/cam-1&state=all",
            "?q=intrusion&order=newest",
            "?bbox=100,20,130,40",
        ],
        ("GET", "/api/v1/search") => &["?q=cam", "?kind=intrusion", "?camera=gw-traffic/cam-1"],
        ("GET", "/api/v1/baselines") => &["?camera=gw-traffic/cam-1"],
        ("GET", "/api/v1/reports/false-alarms/preview") => {
            &["?camera=gw-traffic/cam-1&rule=table&measure=objects&to=3"]
        }
        ("GET", "/api/v1/incidents/feed") => &["?since=0", ""],
        _ => &[""],
    };
    queries.iter().map(|query| format!("{plain}{query}")).collect()
}

fn body(method: &str, path: &str) -> Option<Value> {
    match (method, path) {
        ("POST", "/api/v1/setup") => Some(json!({"token": "x", "user": "x", "password": "a long password"})),
        ("POST", "/api/v1/login") => Some(json!({"user": "police", "password": "wrong"})),
        ("POST", "/api/v1/feed-tokens") => Some(json!({"department": "traffic", "note": ""})),
        ("POST", "/api/v1/users") => {
            Some(json!({"name": "mallory", "role": "administrator", "password": "a long password"}))
        }
        ("POST", "/api/v1/incidents/{id}/actions") => {
            Some(json!({"revision": 0, "action": "dispatch", "departments": ["police"]}))
        }
        ("POST", "/api/v1/cameras/{gateway}/{camera}/still" | "/api/v1/cameras/{gateway}/{camera}/live") => {
            Some(json!({"reason": "an alarm"}))
        }
        ("POST", "/api/v1/cameras/{gateway}/{camera}/clip") => {
            Some(json!({"reason": "an alarm", "from": "2026-09-22T08:00:00Z", "to": "2026-09-22T08:00:05Z"}))
        }
        ("POST", "/api/v1/join-tokens") => Some(json!({"department": "traffic"})),
        ("POST", "/api/v1/handovers" | "/api/v1/handovers/{id}/sign") => Some(json!({})),
        ("POST", "/api/v1/incidents/actions") => Some(json!({"items": [], "action": "acknowledge"})),
        ("PUT", "/api/v1/registry/{gateway}/{camera}") => Some(json!({"owner": "mallory"})),
        ("PUT", "/api/v1/grants") => Some(json!({"grants": [{"department": "police", "sees": "all"}]})),
        _ => None,
    }
}

/// Status and text, for the feed what comes until it is quiet.
fn ask(hub: &Hub, who: &As, method: &str, path: &str, address: &str) -> (u16, String) {
    if path.ends_with("/feed") {
        return match hub.feed_at(who, address, &[]) {
            Ok(feed) => (200, feed.until_quiet().into_iter().map(|message| message.data).collect()),
            Err(answer) => (answer.status, answer.text),
        };
    }
    let answer = hub.ask(method, who, address, body(method, path));
    (answer.status, answer.text)
}

#[test]
fn every_documented_route_has_a_rule_and_every_rule_a_route() {
    let documented: BTreeSet<_> = documented().into_iter().collect();
    let ruled: BTreeSet<_> = ACCESS.iter().map(|(m, p, _)| (m.to_string(), (*p).to_owned())).collect();
    assert_eq!(documented, ruled);
}

#[test]
fn every_route_refuses_who_may_not_and_shows_nothing_of_another_department() {
    let hub = Hub::start();
    let (_, police_token) = hub.token("police");
    for (method, path) in documented() {
        for address in addresses(&hub, &method, &path) {
            let open = named(OPEN, &method, &path);
            let for_token = open || named(FOR_TOKENS, &method, &path);
            let for_person = for_token || named(FOR_PEOPLE, &method, &path);
            let cases = [
                ("nobody", As::Nobody, open, 401),
                ("an unknown token", As::Bearer("ywf_0123456789ab_x".into()), open, 401),
                ("an unknown cookie", As::Cookie("x".into()), open, 401),
                ("police's token", police_token.clone(), for_token, 403),
                ("police's user", hub.cookie("police"), for_person, 403),
            ];
            for (name, who, allowed, refusal) in cases {
                let (status, text) = ask(&hub, &who, &method, &path, &address);
                let context = format!("{name}: {method} {address}: {status} {text}");
                if !allowed {
                    assert_eq!(status, refusal, "{context}");
                }
                // The one thing that may repeat the word is what the caller itself asked for; nothing does.
                assert!(!text.contains("traffic"), "{context}");
                // This hub has no base map, and says so: nobody is refused one.
                let brought = path != "/api/v1/basemap";
                if allowed && brought && !open && !address.contains("traffic") && !path.contains('{') {
                    assert!((200..300).contains(&status), "{context}");
                }
            }
        }
    }
    let users: Vec<String> = hub.store.users().unwrap().into_iter().map(|u| u.name).collect();
    assert_eq!(users, ["police", "root", "traffic"], "nothing was changed by who may not");
    assert_eq!(hub.store.policy_revision().unwrap(), 1);
}

#[test]
fn an_administrator_reaches_every_route() {
    let hub = Hub::start();
    for (method, path) in documented() {
        for address in addresses(&hub, &method, &path) {
            let (status, text) = ask(&hub, &hub.cookie("root"), &method, &path, &address);
            let login = path == "/api/v1/setup" || path == "/api/v1/login";
            if ["/still", "/live", "/clip"].iter().any(|looking| path.ends_with(looking)) {
                // Looking is not managing: it takes a grant of pictures, which an administrator may make, on the record.
                assert!(text.contains("pictures_not_granted"), "{text}");
                continue;
            }
            let refused = matches!(status, 401 | 403 | 405 | 500..);
            assert!(login || !refused, "{method} {address}: {status} {text}");
        }
    }
}

#[test]
fn a_grant_opens_exactly_what_it_names_and_its_end_closes_it() {
    let hub = Hub::start();
    conformance::add_sample_department(&*hub.store, "city-management").unwrap();
    let seen = |who: &As| {
        let list = hub.get(who, "/api/v1/departments").json();
        let ids = list["departments"].as_array().unwrap().iter().map(|d| d["id"].as_str().unwrap().to_owned());
        ids.collect::<Vec<_>>()
    };
    let (root, police) = (hub.cookie("root"), hub.cookie("police"));
    hub.add_user("op", Role::Operator, "operations");
    assert_eq!(seen(&hub.cookie("op")), ["city-management", "operations", "police", "traffic"]);
    assert_eq!(seen(&police), ["police"]);
    let grants = json!({"grants": [{"department": "police", "sees": "traffic"}]});
    let answer = hub.ask("PUT", &root, "/api/v1/grants", Some(grants));
    assert_eq!((answer.status, &answer.json()["policy_revision"]), (200, &json!(2)));
    assert_eq!(seen(&police), ["police", "traffic"]);
    assert_eq!(hub.get(&police, "/api/v1/events?department=traffic").json()["events"].as_array().unwrap().len(), 1);
    assert_eq!(seen(&hub.cookie("op")), ["operations"], "operators see what their centre is granted");
    assert_eq!(hub.ask("PUT", &root, "/api/v1/grants", Some(json!({"grants": []}))).status, 200);
    assert_eq!(seen(&police), ["police"]);
    let nowhere = json!({"grants": [{"department": "police", "sees": "nowhere"}]});
    assert_eq!(hub.ask("PUT", &root, "/api/v1/grants", Some(nowhere)).status, 404);
}

#[test]
fn every_answer_carries_the_headers_and_unknown_addresses_are_plain_404s() {
    let hub = Hub::start();
    for path in ["/", "/api/v1/session", "/api/v1/nothing", "/nothing", "/healthz", "/assets/../Cargo.toml"] {
        let answer = hub.get(&As::Nobody, path);
        let header = |name: &str| answer.headers.get(name).map(|v| v.to_str().unwrap().to_owned()).unwrap_or_default();
        assert!(header("content-security-policy").contains("default-src 'self'"), "{path}");
        assert!(header("content-security-policy").contains("frame-ancestors 'none'"), "{path}");
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header("referrer-policy"), "no-referrer", "{path}");
        if path.starts_with("/api") {
            assert_eq!(header("cache-control"), "no-store", "{path}");
        }
    }
    assert_eq!(hub.get(&As::Nobody, "/").status, 200);
    assert_eq!(hub.get(&As::Nobody, "/nothing").status, 404);
    assert_eq!(hub.get(&As::Nobody, "/api/v1/nothing").code(), "not_found");
    let without_a_rule = hub.ask("DELETE", &hub.cookie("root"), "/api/v1/events", None);
    assert_eq!(without_a_rule.status, 403, "what no line of ACCESS names is refused, whoever asks");
}

#[test]
fn probes_say_little_to_strangers_and_metrics_are_for_this_machine_or_administrators() {
    let hub = Hub::start();
    let health = hub.get(&As::Nobody, "/healthz");
    assert_eq!((health.status, health.json()["log"].clone()), (200, json!("writable")));
    assert!(hub.get(&As::Nobody, "/metrics").text.contains("yiwang_hub_"));
    // Behind a proxy on this machine the caller is not this machine.
    let forwarded = [("x-forwarded-for", "192.0.2.9")];
    assert_eq!(hub.ask_with("GET", &As::Nobody, "/metrics", None, &forwarded).status, 401);
    assert_eq!(hub.ask_with("GET", &hub.cookie("police"), "/metrics", None, &forwarded).status, 403);
    assert_eq!(hub.ask_with("GET", &hub.cookie("root"), "/metrics", None, &forwarded).status, 200);
}
