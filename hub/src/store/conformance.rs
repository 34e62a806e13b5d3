//! The suite that every backend of the store passes, and the sample data that other tests share. Each check gets a fresh,
//! empty store.

use std::sync::Arc;

use uuid::Uuid;
use yiwang_wire::event::{Event, KindDescriptor, Measure, Phase, Rect, Severity, Subject, TimeSource};

use super::*;

/// An event of the gateway `gw-<department>` at a position.
pub fn sample_event(position: u64, department: &str, captured_us: i64) -> StoredEvent {
    let event = Event {
        id: Uuid::from_u128(u128::from(position) | (7 << 76)),
        cause: None,
        camera: Some("cam-1".into()),
        kind: "intrusion".into(),
        phase: Phase::Begin,
        severity: Severity::Medium,
        rule: Some("table".into()),
        config_revision: "0123456789ab".into(),
        captured_us,
        time_source: TimeSource::SenderReport,
        time_error_ms: 20,
        direction: None,
        subject: Some(Subject {
            track: 4,
            class: "person".into(),
            confidence: 0.5,
            bbox: Rect { x0: 0.0, y0: 0.0, x1: 1.0, y1: 1.0 },
            predicted: false,
        }),
        point: Some([1.0, 0.0]),
        frame_px: Some((1920, 1080)),
        measures: vec![Measure { name: "objects".into(), value: 2.0, threshold: Some(1.0), unit: String::new() }],
        model: None,
        attributes: vec![("cause".into(), "none".into())],
    };
    StoredEvent {
        position,
        gateway: format!("gw-{department}").into(),
        department: department.into(),
        camera_name: Some("东门".into()),
        place: Some((120.5, 30.25)),
        received_us: captured_us + 1_000,
        backfilled: false,
        epoch: 1,
        sequence: position,
        event,
    }
}

/// A department `id` with the gateway `gw-<id>` and its camera `cam-1`.
pub fn add_sample_department(store: &dyn Store, id: &str) -> StoreResult<()> {
    store.ensure_department(id, 1)?;
    let gateway = format!("gw-{id}");
    store.add_gateway(
        &NewGateway {
            id: gateway.clone(),
            name: format!("{id}'s"),
            department: id.into(),
            certificate_ends_us: 2_000_000_000_000_000,
        },
        2,
    )?;
    store.set_hello(&gateway, &sample_hello(&["cam-1"]), 3)
}

/// A hello that names these cameras.
pub fn sample_hello(cameras: &[&str]) -> Hello {
    let camera = |id: &&str| CameraInfo {
        id: (*id).into(),
        name: format!("{id}'s name"),
        place: Some((120.0, 30.0)),
        heading_deg: Some(90.0),
        field_of_view_deg: None,
    };
    Hello {
        software: "yiwang-gateway 0.1.0".into(),
        config_revision: "0123456789ab".into(),
        epoch: 5,
        cameras: cameras.iter().map(camera).collect(),
    }
}

/// A query that asks for everything in a scope.
pub fn query_all(scope: Scope) -> EventQuery {
    EventQuery {
        scope,
        from_us: None,
        to_us: None,
        gateway: None,
        camera: None,
        kind: None,
        severity: None,
        phase: None,
        limit: MAX_PAGE,
        after: None,
    }
}

/// Runs every check. `fresh` makes an empty store.
///
/// # Panics
/// Where the backend does not conform.
pub fn run(fresh: &dyn Fn() -> Arc<dyn Store>) {
    for (name, check) in CHECKS {
        let store = fresh();
        if let Err(error) = check(&*store) {
            panic!("{name}: {error}");
        }
    }
}

type Check = fn(&dyn Store) -> StoreResult<()>;

const CHECKS: &[(&str, Check)] = &[
    ("a new store has the operations centre and its grant", new_store),
    ("a join token is taken once", join_tokens),
    ("gateways are registered, revoked for ever and heard", gateways),
    ("a hello brings the cameras up", cameras),
    ("watermarks never go back and gaps never vanish", watermarks),
    ("kinds are replaced by name", kinds),
    ("indexing again changes nothing", index_is_idempotent),
    ("pages hold every event once, filtered", pages),
    ("retention takes the oldest and says so", retention),
    ("an index is made again behind a log's lost beginning", forgetting),
    ("one administrator is set up with one token", setup),
    ("the last administrator stays", last_administrator),
    ("sessions end", sessions),
    ("feed tokens are revoked", feed_tokens),
    ("grants move the policy revision", grants),
    ("only what people change moves the revision", revision),
];

fn new_store(store: &dyn Store) -> StoreResult<()> {
    let ids: Vec<String> = store.departments()?.into_iter().map(|d| d.id).collect();
    assert_eq!(ids, [OPERATIONS]);
    assert_eq!(store.grants()?, [Grant { department: OPERATIONS.into(), sees: Sees::All }]);
    assert!(store.ensure_department("公安", 5)?);
    assert!(!store.ensure_department("公安", 6)?);
    assert!(matches!(store.ensure_department("all", 6), Err(StoreError::BadName { .. })));
    Ok(())
}

fn join_tokens(store: &dyn Store) -> StoreResult<()> {
    store.ensure_department("police", 1)?;
    let token = |first: u8, expires_us| NewJoinToken { hash: [first; 32], department: "police".into(), expires_us };
    store.add_join_token(&token(1, 100), 10)?;
    store.add_join_token(&token(2, 100), 11)?;
    let nowhere = NewJoinToken { department: "nowhere".into(), ..token(3, 100) };
    assert!(matches!(store.add_join_token(&nowhere, 10), Err(StoreError::Unknown { .. })));
    assert_eq!(store.take_join_token(&[9; 32], "g", 50)?, TakenToken::Unknown);
    assert_eq!(store.take_join_token(&[1; 32], "g", 100)?, TakenToken::Expired);
    // Whoever asks at the same moment: one gets it.
    let taken: Vec<TakenToken> = std::thread::scope(|scope| {
        let ask = |i: usize| scope.spawn(move || store.take_join_token(&[2; 32], &format!("g{i}"), 50));
        let asked: Vec<_> = (0..8).map(ask).collect();
        asked.into_iter().map(|t| t.join().expect("no panic")).collect::<StoreResult<_>>()
    })?;
    assert_eq!(taken.iter().filter(|t| **t == TakenToken::Department("police".into())).count(), 1);
    assert_eq!(taken.iter().filter(|t| **t == TakenToken::Used).count(), 7);
    let listed = store.join_tokens()?;
    assert_eq!(
        listed.iter().map(|t| (t.short.as_str(), t.used_by.is_some())).collect::<Vec<_>>(),
        [("02020202", true), ("01010101", false)]
    );
    Ok(())
}

fn gateways(store: &dyn Store) -> StoreResult<()> {
    add_sample_department(store, "police")?;
    let again =
        NewGateway { id: "gw-police".into(), name: String::new(), department: "police".into(), certificate_ends_us: 1 };
    assert!(matches!(store.add_gateway(&again, 1), Err(StoreError::Exists { .. })));
    store.set_last_contact(&[("gw-police".into(), 500), ("nobody".into(), 500)])?;
    store.set_last_contact(&[("gw-police".into(), 400)])?;
    store.set_certificate_end("gw-police", 77)?;
    let gateway = store.gateway("gw-police")?.expect("it is there");
    assert_eq!((gateway.last_contact_us, gateway.certificate_ends_us, gateway.revoked_us), (Some(500), 77, None));
    assert!(store.revoke_gateway("gw-police", 600)?);
    assert!(!store.revoke_gateway("gw-police", 700)?);
    assert_eq!(store.gateways()?[0].revoked_us, Some(600));
    assert!(matches!(store.revoke_gateway("nobody", 1), Err(StoreError::Unknown { .. })));
    assert_eq!(store.gateway("nobody")?, None);
    Ok(())
}

fn cameras(store: &dyn Store) -> StoreResult<()> {
    add_sample_department(store, "police")?;
    add_sample_department(store, "traffic")?;
    store.set_hello("gw-police", &sample_hello(&["cam-2", "cam-3"]), 9)?;
    let present: Vec<(String, String, bool)> =
        store.cameras()?.into_iter().map(|c| (c.department, c.info.id, c.present)).collect();
    let expected =
        [("police", "cam-1", false), ("police", "cam-2", true), ("police", "cam-3", true), ("traffic", "cam-1", true)];
    assert_eq!(present, expected.map(|(d, c, p)| (d.to_owned(), c.to_owned(), p)));
    let counts = [("gw-police", 2), ("gw-traffic", 1)].map(|(gateway, count)| (gateway.to_owned(), count));
    assert_eq!(store.camera_counts()?, counts.into());
    assert_eq!(store.gateway("gw-police")?.map(|g| (g.epoch, g.last_contact_us)), Some((5, Some(9))));
    Ok(())
}

fn watermarks(store: &dyn Store) -> StoreResult<()> {
    add_sample_department(store, "police")?;
    let gap = |from_us, to_us| Gap { from_us, to_us, reason: "stalled".into() };
    let mark = |camera: &str, complete_to_us, gaps: &[Gap]| CameraWatermark {
        camera: camera.into(),
        complete_to_us,
        gaps: gaps.to_vec(),
        complete_from_us: None,
    };
    store.set_watermarks("gw-police", &[mark("cam-1", 100, &[gap(10, 20)]), mark("ghost", 5, &[gap(1, 2)])])?;
    store.set_watermarks("gw-police", &[mark("cam-1", 90, &[gap(15, 30), gap(50, 60)])])?;
    store.set_watermarks("gw-police", &[mark("cam-1", 90, &[gap(15, 30), gap(50, 60)])])?;
    let cameras = store.cameras()?;
    assert_eq!(cameras.len(), 1, "a watermark makes no camera");
    assert_eq!(cameras[0].complete_to_us, Some(100));
    assert_eq!(cameras[0].gaps, [gap(10, 30), gap(50, 60)]);
    // The gateway was restarted: nobody analysed the time between its two runs.
    for complete_to_us in [150, 160] {
        let again = CameraWatermark { complete_from_us: Some(140), ..mark("cam-1", complete_to_us, &[]) };
        store.set_watermarks("gw-police", &[again])?;
    }
    let between = Gap { from_us: 100, to_us: 140, reason: NOT_RUNNING.into() };
    let cameras = store.cameras()?;
    assert_eq!(cameras[0].complete_to_us, Some(160));
    assert_eq!(cameras[0].gaps, [gap(10, 30), gap(50, 60), between]);
    Ok(())
}

fn kinds(store: &dyn Store) -> StoreResult<()> {
    let kind = |kind: &str, label_en: &str| KindDescriptor {
        kind: kind.into(),
        label_zh: "闯入".into(),
        label_en: label_en.into(),
        severity: Severity::High,
        merge_family: "presence".into(),
        momentary: false,
    };
    store.upsert_kinds(&[kind("b", "B"), kind("a", "A")])?;
    store.upsert_kinds(&[kind("b", "B2")])?;
    assert_eq!(store.kinds()?, [kind("a", "A"), kind("b", "B2")]);
    let many: Vec<_> = (0..2 * MAX_KINDS_KEPT).map(|i| kind(&format!("k{i}"), "K")).collect();
    store.upsert_kinds(&many)?;
    assert_eq!(store.kinds()?.len(), MAX_KINDS_KEPT);
    Ok(())
}

fn index_is_idempotent(store: &dyn Store) -> StoreResult<()> {
    add_sample_department(store, "police")?;
    let events: Vec<_> = (1..=5).map(|p| Arc::new(sample_event(p, "police", p as i64 * 100))).collect();
    assert_eq!(store.applied_position()?, 0);
    for _ in 0..2 {
        store.index(&events, 6)?;
    }
    store.index(&[], 4)?;
    assert_eq!(store.applied_position()?, 6, "it never goes back");
    let read = store.events_after(2, 2)?;
    assert_eq!(read, [(*events[2]).clone(), (*events[3]).clone()], "what comes out is what went in");
    assert_eq!(store.event(events[4].event.id)?.as_ref(), Some(&*events[4]));
    assert_eq!(store.event(Uuid::from_u128(1))?, None);
    assert_eq!(store.cameras()?[0].last_event_us, Some(500));
    // An id that was used already hides nothing and is not hidden.
    let mut copy = sample_event(7, "police", 700);
    copy.event.id = events[0].event.id;
    store.index(&[Arc::new(copy)], 7)?;
    assert_eq!(store.event(events[0].event.id)?.map(|e| e.position), Some(1));
    Ok(())
}

/// 60 events of three departments; several share a capture time, so that a page can end between them.
fn sixty(store: &dyn Store) -> StoreResult<Vec<Arc<StoredEvent>>> {
    let mut events = Vec::new();
    for position in 1..=60 {
        let department = ["police", "traffic", "city"][position as usize % 3];
        let mut stored = sample_event(position, department, 1_000 + (position as i64 * 7) % 20);
        stored.event.camera = Some(format!("cam-{}", position % 2));
        stored.event.kind = ["intrusion", "loiter"][position as usize % 2].into();
        stored.event.severity = [Severity::Low, Severity::High, Severity::Urgent][position as usize % 3];
        stored.event.phase = [Phase::Begin, Phase::End][position as usize % 2];
        events.push(Arc::new(stored));
    }
    store.index(&events, 60)?;
    Ok(events)
}

fn pages(store: &dyn Store) -> StoreResult<()> {
    let mut events = sixty(store)?;
    events.sort_by_key(|e| std::cmp::Reverse((e.event.captured_us, e.position)));
    let two = Scope::Departments(vec!["police".into(), "city".into()]);
    let many = Scope::Departments((0..40).map(|i| format!("d{i}")).chain(["traffic".into()]).collect());
    for scope in [Scope::All, two, many, Scope::Departments(vec!["police".into()]), Scope::Departments(vec![])] {
        let all = query_all(scope);
        let filters = [
            all.clone(),
            EventQuery { from_us: Some(1_003), to_us: Some(1_015), ..all.clone() },
            EventQuery { gateway: Some("gw-police".into()), ..all.clone() },
            EventQuery { camera: Some(("gw-city".into(), "cam-1".into())), ..all.clone() },
            EventQuery { kind: Some("loiter".into()), ..all.clone() },
            EventQuery { severity: Some(Severity::Urgent), ..all.clone() },
            EventQuery { severity: Some(Severity::Low), phase: Some(Phase::End), ..all.clone() },
        ];
        for query in filters {
            let expected: Vec<u64> = events.iter().filter(|e| matches(&query, e)).map(|e| e.position).collect();
            for limit in [1, 7, MAX_PAGE] {
                let mut query = EventQuery { limit, ..query.clone() };
                let mut found = Vec::new();
                loop {
                    let page = store.events(&query)?;
                    assert!(page.events.len() <= limit);
                    found.extend(page.events.iter().map(|e| e.position));
                    query.after = page.next;
                    if page.next.is_none() {
                        break;
                    }
                }
                assert_eq!(found, expected, "{query:?}");
            }
        }
    }
    Ok(())
}

fn matches(query: &EventQuery, stored: &StoredEvent) -> bool {
    let event = &stored.event;
    let in_scope = match &query.scope {
        Scope::All => true,
        Scope::Departments(ids) => ids.iter().any(|id| **id == *stored.department),
    };
    in_scope
        && query.from_us.is_none_or(|from| event.captured_us >= from)
        && query.to_us.is_none_or(|to| event.captured_us < to)
        && query.gateway.as_deref().is_none_or(|g| *g == *stored.gateway)
        && query.camera.as_ref().is_none_or(|(g, c)| **g == *stored.gateway && event.camera.as_ref() == Some(c))
        && query.kind.as_ref().is_none_or(|k| *k == event.kind)
        && query.severity.is_none_or(|s| s == event.severity)
        && query.phase.is_none_or(|p| p == event.phase)
}

fn retention(store: &dyn Store) -> StoreResult<()> {
    let events: Vec<_> = (1..=9).map(|p| Arc::new(sample_event(p, "police", p as i64 * 10_000))).collect();
    store.index(&events, 9)?;
    assert_eq!(store.retain(0)?, 0);
    assert_eq!(store.forgotten_through()?, 0);
    assert_eq!(store.retain(events[3].received_us)?, 3);
    assert_eq!(store.forgotten_through()?, 3);
    assert_eq!(store.events_after(0, 10)?.len(), 6);
    store.index(&events, 9)?;
    assert_eq!(store.events_after(0, 10)?.len(), 6, "what was removed does not come back");
    Ok(())
}

fn forgetting(store: &dyn Store) -> StoreResult<()> {
    store.index(&[Arc::new(sample_event(1, "police", 1))], 1)?;
    store.forget_through(50)?;
    assert_eq!((store.applied_position()?, store.forgotten_through()?), (50, 50));
    assert!(store.events_after(0, 10)?.is_empty());
    store.forget_through(20)?;
    assert_eq!((store.applied_position()?, store.forgotten_through()?), (50, 50));
    Ok(())
}

fn new_user(name: &str, role: Role) -> NewUser {
    NewUser { name: name.into(), password_hash: "$argon2id$x".into(), role, department: OPERATIONS.into() }
}

fn setup(store: &dyn Store) -> StoreResult<()> {
    assert!(store.setup_needed()?);
    store.set_setup_token(&[1; 32], 100)?;
    store.set_setup_token(&[2; 32], 100)?;
    let user = new_user("root", Role::Department);
    for (hash, now_us) in [([1; 32], 50), ([9; 32], 50), ([2; 32], 100)] {
        assert!(!store.setup_token_holds(&hash, now_us)?);
        assert!(!store.complete_setup(&hash, &user, now_us)?);
    }
    assert!(store.setup_token_holds(&[2; 32], 50)?);
    assert!(store.complete_setup(&[2; 32], &user, 50)?);
    assert_eq!(store.user("root")?.map(|u| u.role), Some(Role::Administrator));
    assert!(!store.setup_needed()?);
    assert!(!store.complete_setup(&[2; 32], &new_user("other", Role::Administrator), 50)?);
    // A token that is made later does not make a second way in.
    store.set_setup_token(&[3; 32], 100)?;
    assert!(!store.complete_setup(&[3; 32], &new_user("other", Role::Administrator), 50)?);
    Ok(())
}

fn last_administrator(store: &dyn Store) -> StoreResult<()> {
    store.add_user(&new_user("a", Role::Administrator), 1)?;
    store.add_user(&new_user("o", Role::Operator), 1)?;
    assert!(matches!(store.add_user(&new_user("a", Role::Operator), 1), Err(StoreError::Exists { .. })));
    assert!(matches!(store.remove_user("a"), Err(StoreError::LastAdministrator { .. })));
    store.add_user(&new_user("b", Role::Administrator), 1)?;
    store.remove_user("a")?;
    assert!(matches!(store.remove_user("a"), Err(StoreError::Unknown { .. })));
    let names: Vec<String> = store.users()?.into_iter().map(|u| u.name).collect();
    assert_eq!(names, ["b", "o"]);
    Ok(())
}

fn sessions(store: &dyn Store) -> StoreResult<()> {
    store.add_user(&new_user("a", Role::Administrator), 1)?;
    store.add_user(&new_user("o", Role::Operator), 1)?;
    let hash = |i: usize| {
        let mut hash = [0; 32];
        hash[..8].copy_from_slice(&i.to_be_bytes());
        hash
    };
    store.add_session(&hash(0), "o", 100, 10)?;
    assert_eq!(store.session(&hash(0), 99)?.map(|s| (s.user, s.role)), Some(("o".into(), Role::Operator)));
    assert_eq!(store.session(&hash(0), 100)?, None, "it expires");
    store.remove_session(&hash(0))?;
    assert_eq!(store.session(&hash(0), 20)?, None, "it is ended");
    for i in 1..=MAX_SESSIONS_PER_USER + 1 {
        store.add_session(&hash(i), "o", 10_000, 10 + i as i64)?;
    }
    assert_eq!(store.session(&hash(1), 20)?, None, "the oldest made room");
    assert!(store.session(&hash(2), 20)?.is_some());
    store.set_password("o", "$argon2id$y")?;
    assert_eq!(store.session(&hash(2), 20)?, None, "a new password ends sessions");
    store.add_session(&hash(50), "o", 10_000, 60)?;
    store.remove_user("o")?;
    assert_eq!(store.session(&hash(50), 61)?, None, "a removed user's sessions end");
    Ok(())
}

fn feed_tokens(store: &dyn Store) -> StoreResult<()> {
    let token = NewFeedToken {
        id: "0a".into(),
        hash: [4; 32],
        department: OPERATIONS.into(),
        note: "wall".into(),
        created_by: "a".into(),
    };
    store.add_feed_token(&token, 5)?;
    let nowhere = NewFeedToken { id: "0b".into(), department: "nowhere".into(), ..token };
    assert!(matches!(store.add_feed_token(&nowhere, 5), Err(StoreError::Unknown { .. })));
    store.touch_feed_token("0a", 30)?;
    let kept = store.feed_token("0a")?.expect("it is there");
    assert_eq!((kept.hash, kept.revoked_us, kept.last_used_us), ([4; 32], None, Some(30)));
    assert!(store.revoke_feed_token("0a", 6)?);
    assert!(!store.revoke_feed_token("0a", 7)?);
    assert_eq!(store.feed_tokens()?[0].revoked_us, Some(6));
    assert!(matches!(store.revoke_feed_token("zz", 7), Err(StoreError::Unknown { .. })));
    Ok(())
}

fn grants(store: &dyn Store) -> StoreResult<()> {
    for id in ["police", "traffic"] {
        store.ensure_department(id, 1)?;
    }
    let start = store.policy_revision()?;
    let grant = Grant { department: "police".into(), sees: Sees::Department("traffic".into()) };
    assert!(store.add_grant(&grant)?);
    assert!(!store.add_grant(&grant)?);
    assert_eq!(store.policy_revision()?, start + 1);
    let nowhere = Grant { department: "police".into(), sees: Sees::Department("nowhere".into()) };
    assert!(matches!(store.add_grant(&nowhere), Err(StoreError::Unknown { .. })));
    assert!(matches!(store.set_grants(&[grant.clone(), nowhere]), Err(StoreError::Unknown { .. })));
    assert_eq!(store.grants()?.len(), 2, "what failed changed nothing");
    store.set_grants(std::slice::from_ref(&grant))?;
    store.set_grants(std::slice::from_ref(&grant))?;
    assert_eq!(store.policy_revision()?, start + 2);
    assert!(store.remove_grant(&grant)?);
    assert!(!store.remove_grant(&grant)?);
    assert_eq!((store.policy_revision()?, store.grants()?), (start + 3, vec![]));
    Ok(())
}

fn revision(store: &dyn Store) -> StoreResult<()> {
    let start = store.revision()?;
    add_sample_department(store, "police")?;
    let registered = store.revision()?;
    assert!(registered > start);
    store.index(&[Arc::new(sample_event(1, "police", 1))], 1)?;
    store.set_last_contact(&[("gw-police".into(), 500)])?;
    let mark = CameraWatermark { camera: "cam-1".into(), complete_to_us: 5, gaps: vec![], complete_from_us: None };
    store.set_watermarks("gw-police", &[mark])?;
    assert_eq!(store.revision()?, registered, "events, contacts and watermarks do not move it");
    store.revoke_gateway("gw-police", 1)?;
    assert!(store.revision()? > registered);
    Ok(())
}
