//! The hub's session alone, by seed: streams cut anywhere, resends, appends that take their time, connections that break.
//! Whatever happens, only what is durable is acknowledged, nothing is twice in the log, and watermarks wait.
#![allow(clippy::unwrap_used, reason = "the seeded run is a helper of a test: a panic is the test's failure")]

mod ingest_support;

use std::collections::BTreeMap;

use ingest_support::{EPOCH, batch, hello, record, records, watermarks};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use yiwang_hub::ingest::action::Action;
use yiwang_hub::ingest::session::{HELLO_WITHIN_US, IN_FLIGHT_BYTES_MAX, SILENCE_MAX_US, Session, Settings};
use yiwang_wire::close::CloseCode;
use yiwang_wire::frame::{self, Framer};
use yiwang_wire::pb::{self, down, up};
use yiwang_wire::ranges::RangeSet;
use yiwang_wire::{codec, limits};

fn session(now_us: i64) -> Session {
    let settings = Settings {
        gateway: "gw-test".into(),
        hub: "test hub".into(),
        known_cameras: ["removed".to_owned()].into(),
        renew_now: false,
    };
    Session::new(settings, now_us)
}

fn framed(message: up::Message) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame::encode(&codec::encode_up(message), &mut bytes);
    bytes
}

fn drain(session: &mut Session) -> Vec<Action> {
    std::iter::from_fn(|| session.poll()).collect()
}

/// A session after the welcome.
fn welcomed(durable: RangeSet) -> Session {
    let mut session = session(0);
    session.control(0, &framed(up::Message::Hello(hello(&["east"]))));
    let actions = drain(&mut session);
    assert!(matches!(&actions[..], [Action::Hello { epochs, .. }] if epochs == &[EPOCH]), "{actions:?}");
    session.durable(0, vec![(EPOCH, durable)]);
    assert!(matches!(drain(&mut session)[..], [Action::Send(_)]));
    session
}

fn close_of(session: &mut Session) -> Option<CloseCode> {
    drain(session).into_iter().find_map(|action| match action {
        Action::Close { code, .. } => Some(code),
        _ => None,
    })
}

/// What the hub keeps over connections.
#[derive(Default)]
struct Kept {
    durable: RangeSet,
    appended: BTreeMap<u64, usize>,
    complete_to_us: i64,
}

/// One connection that breaks after a while; returns what the gateway heard acknowledged.
fn one_connection(random: &mut StdRng, kept: &mut Kept, total: u64, to_the_end: bool) -> RangeSet {
    let mut session = welcomed(kept.durable.clone());
    let mut acknowledged = kept.durable.clone();
    let mut framer = Framer::new(limits::MAX_CONTROL_BYTES);
    let mut under_way: Vec<(u64, Vec<u64>)> = Vec::new();
    let mut stream = 0u64;
    let steps = if to_the_end { usize::MAX } else { random.random_range(1..60) };
    for step in 0..steps {
        let now_us = i64::try_from(step).unwrap();
        match random.random_range(0..4u8) {
            0 if session.wants_events() => {
                stream += 1;
                let missing = acknowledged.missing(1, total);
                let first = missing.first().map_or(1, |hole| hole.0);
                let first = if random.random_bool(0.3) { random.random_range(1..=total) } else { first };
                let last = (first + random.random_range(0..40)).min(total);
                let bytes = batch(&records("east", first..=last));
                let whole = random.random_bool(0.8);
                let bytes = if whole { &bytes[..] } else { &bytes[..bytes.len() / 2] };
                for piece in bytes.chunks(random.random_range(1..2000)) {
                    session.events(now_us, stream, piece);
                }
                session.events_ended(stream, whole);
            }
            1 if !under_way.is_empty() => {
                let (token, sequences) = under_way.remove(0);
                for sequence in sequences {
                    if kept.durable.insert(sequence) {
                        *kept.appended.entry(sequence).or_default() += 1;
                    }
                }
                // A crash between the commit and the answer is the break of the connection.
                if !to_the_end && random.random_bool(0.1) {
                    return acknowledged;
                }
                session.committed(token);
            }
            2 => {
                let after = random.random_range(1..=total);
                let to_us = i64::try_from(after).unwrap();
                session.control(to_us, &framed(watermarks("east", after, to_us, now_us)));
            }
            _ => session.tick(now_us),
        }
        for action in drain(&mut session) {
            match action {
                Action::Append { token, entries } => {
                    under_way.push((token, entries.iter().map(|entry| entry.sequence).collect()));
                }
                Action::Send(bytes) => framer.push(&bytes),
                Action::Watermarks(marks) => {
                    let mark = &marks.cameras["east"];
                    let before = u64::try_from(mark.complete_to_us).unwrap();
                    assert!(kept.durable.covers(1, before), "complete to {before} before it is durable");
                    kept.complete_to_us = kept.complete_to_us.max(mark.complete_to_us);
                    session.watermarks_stored(marks.sent_us);
                }
                other => panic!("unexpected: {other:?}"),
            }
            while let Some(payload) = framer.next().unwrap() {
                if let Some(down::Message::Ack(ack)) = codec::decode_down(&payload).unwrap() {
                    for durable in &ack.durable {
                        let (_, ranges) = codec::durable_from_pb(durable);
                        assert!(ranges.iter().all(|(a, b)| kept.durable.covers(a, b)), "acknowledged, not durable");
                        acknowledged.merge(&ranges);
                    }
                }
            }
        }
        if acknowledged.covers(1, total) && kept.complete_to_us > 0 {
            break;
        }
    }
    acknowledged
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_is_twice_whatever_breaks() {
    for seed in 0..200u64 {
        let mut random = StdRng::seed_from_u64(seed);
        let mut kept = Kept::default();
        let total = random.random_range(1..300);
        let mut acknowledged = RangeSet::new();
        for connection in 0..6 {
            acknowledged.merge(&one_connection(&mut random, &mut kept, total, connection == 5));
        }
        assert!(acknowledged.covers(1, total), "seed {seed}: not everything was acknowledged");
        assert!(acknowledged.iter().all(|(a, b)| kept.durable.covers(a, b)), "seed {seed}");
        assert!(kept.appended.values().all(|&times| times == 1), "seed {seed}: something is twice in the log");
        assert_eq!(kept.appended.len() as u64, total, "seed {seed}");
    }
}

#[test]
fn arbitrary_bytes_never_panic_and_end_with_a_code() {
    for seed in 0..500u64 {
        let mut random = StdRng::seed_from_u64(seed);
        let mut session = welcomed(RangeSet::new());
        let mut bytes = batch(&records("east", 1..=20));
        for _ in 0..random.random_range(1..20) {
            let at = random.random_range(0..bytes.len());
            bytes[at] = random.random();
        }
        if random.random() {
            session.events(1, 3, &bytes);
        } else {
            session.control(1, &bytes);
        }
        for action in drain(&mut session) {
            assert!(!matches!(action, Action::Hello { .. }), "seed {seed}");
        }
    }
}

#[test]
fn what_may_not_come_ends_the_connection_with_its_code() {
    type Case = (&'static str, fn(&mut Session), CloseCode);
    let cases: [Case; 9] = [
        ("a second hello", |s| s.control(1, &framed(up::Message::Hello(hello(&[])))), CloseCode::Protocol),
        (
            "another epoch's events",
            |s| {
                let mut other = record("east", 1);
                other.epoch = 5;
                let (payload, _) = codec::BatchEncoder::new().encode(5, false, &[other]);
                let mut bytes = Vec::new();
                frame::encode(&payload, &mut bytes);
                s.events(1, 1, &bytes);
            },
            CloseCode::Protocol,
        ),
        ("an undeclared camera", |s| s.events(1, 1, &batch(&records("south", 1..=1))), CloseCode::NotYours),
        (
            "watermarks of an undeclared camera",
            |s| s.control(1, &framed(watermarks("south", 0, 1, 1))),
            CloseCode::NotYours,
        ),
        (
            "a status of an undeclared camera",
            |s| {
                let camera = pb::CameraStatus { camera: "south".into(), state: "ok".into(), ..Default::default() };
                s.control(1, &framed(up::Message::Status(pb::Status { cameras: vec![camera], ..Default::default() })));
            },
            CloseCode::NotYours,
        ),
        ("too many streams", |s| (0..9).for_each(|stream| s.events(1, stream, &[0])), CloseCode::TooLarge),
        (
            "a cut stream",
            |s| {
                s.events(1, 1, &[9, 0, 0, 0, 1]);
                s.events_ended(1, true);
            },
            CloseCode::Protocol,
        ),
        (
            "an append that can never succeed",
            |s| {
                s.events(1, 1, &batch(&records("east", 1..=1)));
                s.append_failed(1, CloseCode::TooLarge, "too many holes");
            },
            CloseCode::TooLarge,
        ),
        ("silence", |s| s.tick(SILENCE_MAX_US), CloseCode::Silent),
    ];
    for (what, act, code) in cases {
        let mut session = welcomed(RangeSet::new());
        act(&mut session);
        assert_eq!(close_of(&mut session), Some(code), "{what}");
        session.control(2, &framed(up::Message::Status(pb::Status::default())));
        assert!(drain(&mut session).is_empty() && session.due_us().is_none(), "{what}: nothing comes after the end");
    }
}

#[test]
fn before_the_welcome_only_a_hello_of_this_version_counts() {
    let mut old = hello(&[]);
    old.version = 99;
    let mut slash = hello(&["a/b"]);
    slash.epochs_held.clear();
    let mut nil = hello(&[]);
    nil.epoch = 0;
    let cases = [
        (framed(up::Message::Status(pb::Status::default())), CloseCode::Protocol),
        (framed(up::Message::Hello(old)), CloseCode::Version),
        (framed(up::Message::Hello(slash)), CloseCode::NotYours),
        (framed(up::Message::Hello(nil)), CloseCode::Protocol),
    ];
    for (bytes, code) in cases {
        let mut session = session(0);
        session.control(0, &bytes);
        assert_eq!(close_of(&mut session), Some(code));
    }
    let mut early = session(0);
    early.events(0, 1, &batch(&records("east", 1..=1)));
    assert_eq!(close_of(&mut early), Some(CloseCode::Protocol));
    let mut late = session(0);
    assert_eq!(late.due_us(), Some(HELLO_WITHIN_US));
    late.tick(HELLO_WITHIN_US);
    assert_eq!(close_of(&mut late), Some(CloseCode::Silent));
}

#[test]
fn events_of_a_camera_that_was_removed_since_are_still_taken() {
    let mut session = welcomed(RangeSet::new());
    session.events(1, 1, &batch(&records("removed", 1..=2)));
    assert!(matches!(&drain(&mut session)[..], [Action::Append { entries, .. }] if entries.len() == 2));
}

#[test]
fn what_is_durable_already_is_acknowledged_without_the_log() {
    let mut session = welcomed([(1, 10)].into_iter().collect());
    session.events(1, 1, &batch(&records("east", 3..=5)));
    assert!(matches!(drain(&mut session)[..], [Action::Send(_)]));
    session.events(1, 2, &batch(&records("east", 9..=12)));
    let actions = drain(&mut session);
    assert!(matches!(&actions[..], [Action::Append { entries, .. }] if entries.len() == 2), "{actions:?}");
}

#[test]
fn no_more_is_wanted_while_too_much_waits_for_the_log() {
    let mut session = welcomed(RangeSet::new());
    let (mut waiting, mut sequence) = (Vec::new(), 0);
    while session.wants_events() {
        session.events(1, 1, &batch(&records("east", sequence + 1..=sequence + 500)));
        sequence += 500;
        waiting.extend(drain(&mut session));
        assert!(sequence < 1_000_000, "no bound");
    }
    let bytes: usize = waiting
        .iter()
        .map(|action| match action {
            Action::Append { entries, .. } => entries.iter().map(|entry| entry.record.len()).sum(),
            _ => 0,
        })
        .sum();
    assert!(bytes < IN_FLIGHT_BYTES_MAX + limits::MAX_FRAME_BYTES, "{bytes}");
    session.committed(1);
    assert!(session.wants_events());
}

#[test]
fn nothing_is_complete_in_the_future_and_certificates_are_not_asked_for_in_a_row() {
    let mut session = welcomed(RangeSet::new());
    session.control(50, &framed(watermarks("east", 0, 9_000_000, 1)));
    let actions = drain(&mut session);
    let [Action::Watermarks(marks)] = &actions[..] else { panic!("{actions:?}") };
    assert_eq!(marks.cameras["east"].complete_to_us, 50);
    let renew = || framed(up::Message::Renew(pb::Renew { csr_der: vec![1] }));
    session.control(60, &renew());
    assert!(matches!(drain(&mut session)[..], [Action::Sign { .. }]));
    session.control(61, &renew());
    assert!(matches!(drain(&mut session)[..], [Action::Send(_)]), "refused, not signed");
}
