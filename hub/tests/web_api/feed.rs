//! The feed: every event once and in order, whoever is slow, whatever the cursor; and nothing after access has ended.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;
use yiwang_hub::registry::now_us;
use yiwang_hub::store::{Grant, Sees, Store as _, StoredEvent, conformance};

use crate::harness::{As, DEADLINE, Feed, Hub, Options, eventually};

fn police(positions: std::ops::RangeInclusive<u64>) -> Vec<StoredEvent> {
    positions.map(|p| conformance::sample_event(p, "police", 1_790_000_000_000_000 + p as i64)).collect()
}

fn positions(feed: &Feed, count: usize) -> Vec<u64> {
    (0..count).map(|_| feed.event().position()).collect()
}

fn open(hub: &Hub, who: &As, query: &str) -> Feed {
    hub.feed(who, query, &[]).unwrap_or_else(|answer| panic!("{} {}", answer.status, answer.text))
}

#[test]
fn a_feed_opens_with_a_heartbeat_and_brings_cloud_events() {
    let hub = Hub::start();
    let (_, token) = hub.token("police");
    let feed = open(&hub, &token, "?since=oldest");
    let first = feed.next().unwrap();
    assert_eq!(first.name, "heartbeat");
    let newest = first.json()["newest"].as_str().unwrap().to_owned();
    assert!(newest.ends_with("-2"), "{newest}");
    let message = feed.event();
    let event = message.json();
    assert_eq!(event["specversion"], "1.0");
    assert_eq!(event["type"], "cn.yiwang.intrusion.begin");
    assert_eq!(event["policyrevision"], 1);
    assert_eq!(event["data"]["position"], message.id.as_str());
    assert_eq!(event["data"], hub.get(&token, "/api/v1/events").json()["events"][0], "the same event as in REST");
    assert!(feed.until_quiet().is_empty(), "traffic's event is not for police");
}

#[test]
fn a_subscriber_that_comes_back_misses_nothing_and_gets_nothing_twice() {
    // A small ring: the way back leads through the store and then through the ring.
    let hub = Hub::start_with(Options { ring_events: 50, ..Options::default() });
    let (_, token) = hub.token("police");
    let feed = open(&hub, &token, "?since=oldest");
    hub.publish(&police(3..=700));
    assert_eq!(positions(&feed, 3), [1, 3, 4]);
    let last = feed.event().id;
    drop(feed);
    hub.publish(&police(701..=720));
    // The header of a browser that reconnects goes before the first address.
    let feed = hub.feed(&token, "?since=oldest", &[("last-event-id", &last)]).ok().unwrap();
    assert_eq!(positions(&feed, 715), (6..=720).collect::<Vec<_>>());
    hub.publish(&police(721..=725));
    assert_eq!(positions(&feed, 5), (721..=725).collect::<Vec<_>>());
    let now = open(&hub, &token, "");
    assert_eq!(now.next().unwrap().name, "heartbeat");
    hub.publish(&police(726..=726));
    assert_eq!(now.event().position(), 726, "`now` begins with what comes");
}

#[test]
fn filters_cut_a_feed_and_heartbeats_carry_the_cursor_on() {
    let hub = Hub::start();
    let root = hub.cookie("root");
    let feed = open(&hub, &root, "?since=oldest&department=traffic");
    assert_eq!(feed.event().position(), 2);
    let mut loiter = conformance::sample_event(4, "police", 1_790_000_000_000_000);
    loiter.event.kind = "loiter".into();
    hub.publish(&[conformance::sample_event(3, "police", 1), loiter]);
    let by_kind = open(&hub, &root, "?since=oldest&kind=loiter");
    assert_eq!(by_kind.event().position(), 4);
    eventually("a heartbeat after what was not for this subscriber", || {
        let message = feed.next().unwrap();
        assert_eq!(message.name, "heartbeat");
        message.position() == 4
    });
}

#[test]
fn a_cursor_that_cannot_be_resumed_is_gone_and_never_skipped() {
    let hub = Hub::start();
    let (_, token) = hub.token("police");
    hub.publish(&police(3..=20));
    let id = open(&hub, &token, "?since=oldest").event().id;
    let epoch = id.rsplit_once('-').unwrap().0.to_owned();
    hub.store.forget_through(10).unwrap();
    let gone = [format!("{epoch}-9"), "otherlog-15".into(), format!("{epoch}-999")];
    for cursor in gone {
        let answer = hub.feed(&token, &format!("?since={cursor}"), &[]).err().expect("refused");
        assert_eq!((answer.status, answer.code()), (410, "gone".into()), "{cursor}");
        assert_eq!(answer.json()["oldest"], json!(format!("{epoch}-10")));
    }
    let resumed = open(&hub, &token, &format!("?since={epoch}-10"));
    assert_eq!(resumed.event().position(), 11);
    for bad in ["?since=yesterday", "?since=", "?nonsense=1"] {
        assert_eq!(hub.feed(&token, bad, &[]).err().expect("refused").status, 400, "{bad}");
    }
}

#[test]
fn a_subscriber_that_does_not_read_slows_nobody_and_still_gets_everything() {
    let hub = Hub::start_with(Options { ring_events: 100, ..Options::default() });
    let (_, token) = hub.token("police");
    let As::Bearer(text) = &token else { unreachable!() };
    let mut stuck = TcpStream::connect(hub.base.trim_start_matches("http://")).unwrap();
    stuck.set_read_timeout(Some(DEADLINE)).unwrap();
    let request =
        format!("GET /api/v1/feed?since=oldest HTTP/1.1\r\nhost: hub\r\nauthorization: Bearer {text}\r\n\r\n");
    stuck.write_all(request.as_bytes()).unwrap();
    let feed = open(&hub, &token, "?since=oldest");
    // 20 MB: far more than sockets hold.
    let last = 20_000;
    for first in (3..=last).step_by(500) {
        hub.publish(&police(first..=(first + 499).min(last)));
    }
    let expected: Vec<u64> = [1].into_iter().chain(3..=last).collect();
    assert_eq!(positions(&feed, expected.len()), expected);
    // Now it reads.
    let mut read = Vec::new();
    for line in BufReader::new(stuck).lines() {
        let line = line.unwrap();
        if let Some(id) = line.strip_prefix("id: ") {
            read.push(id.rsplit_once('-').unwrap().1.parse::<u64>().unwrap());
            if read.last() == Some(&last) {
                break;
            }
        }
    }
    read.dedup();
    read.retain(|position| *position > 0);
    let missing: Vec<_> = expected.iter().filter(|p| !read.contains(p)).take(3).collect();
    assert!(missing.is_empty(), "missing {missing:?}");
    assert!(read.is_sorted());
}

/// Everything up to the end of a stream that the hub ends, and how long that took.
fn until_end(feed: &Feed) -> (String, Duration) {
    let from = Instant::now();
    let mut reason = String::new();
    while let Some(message) = feed.next() {
        match message.name.as_str() {
            "end" => reason = message.json()["reason"].as_str().unwrap().to_owned(),
            "event" => panic!("an event after the access had ended: {}", message.data),
            _ => {}
        }
    }
    (reason, from.elapsed())
}

#[test]
fn ended_access_ends_live_feeds() {
    let hub = Hub::start();
    let (id, token) = hub.token("police");
    let session = hub.cookie("traffic");
    let (by_token, by_session) = (open(&hub, &token, ""), open(&hub, &session, ""));
    assert_eq!(by_token.next().unwrap().name, "heartbeat");
    assert_eq!(by_session.next().unwrap().name, "heartbeat");
    // As the command line does it: straight in the store, beside the running hub.
    hub.store.revoke_feed_token(&id, now_us()).unwrap();
    let (reason, _) = until_end(&by_token);
    assert_eq!(reason, "access_ended");
    assert_eq!(hub.feed(&token, "", &[]).err().expect("refused").status, 401);
    assert_eq!(hub.ask("POST", &session, "/api/v1/logout", None).status, 204);
    let (reason, _) = until_end(&by_session);
    assert_eq!(reason, "access_ended");
}

#[test]
fn a_changed_grant_changes_live_feeds() {
    let hub = Hub::start();
    let (_, token) = hub.token("police");
    let feed = open(&hub, &token, "?since=now");
    assert_eq!(feed.next().unwrap().name, "heartbeat");
    let mut position = 3;
    let mut publish = || {
        hub.publish(&[
            conformance::sample_event(position, "traffic", 1_790_000_000_000_000),
            conformance::sample_event(position + 1, "police", 1_790_000_000_000_000),
        ]);
        position += 2;
    };
    publish();
    assert_eq!(feed.event().json()["data"]["department"], "police");
    let grant = Grant { department: "police".into(), sees: Sees::Department("traffic".into()) };
    hub.store.add_grant(&grant).unwrap();
    eventually("traffic's events come, under the new revision", || {
        publish();
        let event = feed.event().json();
        event["data"]["department"] == "traffic" && event["policyrevision"] == 2
    });
    feed.until_quiet();
    hub.store.remove_grant(&grant).unwrap();
    eventually("the revision of the feed has moved on", || {
        publish();
        let events = feed.until_quiet();
        events.iter().all(|e| e.json()["policyrevision"] == 3)
    });
    publish();
    let departments: Vec<_> = feed.until_quiet().iter().map(|e| e.json()["data"]["department"].clone()).collect();
    assert_eq!(departments, [json!("police")]);
}

#[test]
fn a_ticket_opens_a_feed_with_its_makers_view_and_nothing_else() {
    let hub = Hub::start();
    let (id, token) = hub.token("police");
    let made = hub.ask("POST", &token, "/api/v1/feed/ticket", None);
    assert_eq!(made.status, 200, "{}", made.text);
    let ticket = made.json()["ticket"].as_str().unwrap().to_owned();
    let feed = open(&hub, &As::Nobody, &format!("?since=oldest&ticket={ticket}"));
    let departments: Vec<_> = feed.until_quiet().iter().map(|e| e.json()["data"]["department"].clone()).collect();
    assert_eq!(departments, [json!("police")]);
    assert_eq!(hub.get(&As::Nobody, &format!("/api/v1/events?ticket={ticket}")).status, 401);
    assert_eq!(hub.feed(&As::Nobody, "?ticket=guess", &[]).err().expect("refused").status, 401);
    hub.store.revoke_feed_token(&id, now_us()).unwrap();
    assert_eq!(hub.feed(&As::Nobody, &format!("?ticket={ticket}"), &[]).err().expect("refused").status, 401);
}

#[test]
fn one_feed_too_many_is_told_so_and_a_place_that_is_left_is_free_again() {
    let mut options = Options::default();
    options.settings.max_subscribers = 2;
    let hub = Hub::start_with(options);
    let (_, token) = hub.token("police");
    let first = open(&hub, &token, "");
    let _second = open(&hub, &token, "");
    let refused = hub.feed(&token, "", &[]).err().expect("refused");
    assert_eq!((refused.status, refused.code()), (503, "busy".into()));
    assert!(refused.headers.contains_key("retry-after"));
    drop(first);
    eventually("the place is free", || hub.feed(&token, "", &[]).is_ok());
}

#[test]
fn a_hub_that_stops_ends_its_feeds() {
    let hub = Hub::start();
    let (_, token) = hub.token("police");
    let feed = open(&hub, &token, "");
    assert_eq!(feed.next().unwrap().name, "heartbeat");
    hub.stop();
    assert_eq!(until_end(&feed).0, "shutting_down");
}
