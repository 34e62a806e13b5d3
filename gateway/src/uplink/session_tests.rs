//! The session alone: what it says, what it wants, what it releases.

use super::*;
use crate::board::{Board, Gap, State};
use crate::spool::{DropReason, Dropped, EpochHeld, SpoolStats};
use yiwang_wire::codec::BatchDecoder;
use yiwang_wire::event::{Event, Phase as EventPhase, Severity, TimeSource};

const NOW_US: i64 = 1_800_000_000_000_000;
const EPOCH: u64 = 50;

fn record(epoch: u64, sequence: u64, severity: Severity) -> Record {
    let event = Event {
        id: uuid::Uuid::from_u128(u128::from(sequence)),
        cause: None,
        camera: Some("east".into()),
        kind: "intrusion".into(),
        phase: EventPhase::Begin,
        severity,
        rule: None,
        config_revision: "0123456789ab".into(),
        captured_us: NOW_US,
        time_source: TimeSource::Arrival,
        time_error_ms: 0,
        direction: None,
        subject: None,
        point: None,
        frame_px: None,
        measures: vec![],
        model: None,
        attributes: vec![],
    };
    Record { epoch, sequence, event }
}

fn view(held: &[(u64, u64, u64)]) -> SpoolView {
    let held = held.iter().map(|&(epoch, first, last)| EpochHeld { epoch, first, last }).collect();
    SpoolView { epoch: EPOCH, held, lost: vec![] }
}

fn settings() -> SessionSettings {
    let camera = CameraInfo {
        id: "east".into(),
        name: "东门".into(),
        position: None,
        heading_deg: None,
        field_of_view_deg: None,
    };
    SessionSettings::new("0123456789ab".into(), vec![camera], vec![])
}

fn durable(epoch: u64, ranges: &[(u64, u64)]) -> pb::Durable {
    codec::durable_to_pb(epoch, &ranges.iter().copied().collect())
}

fn welcome(durable: Vec<pb::Durable>) -> Vec<u8> {
    let hub = "yiwang-hub 0.1.0".to_owned();
    codec::encode_down(down::Message::Welcome(pb::Welcome {
        version: VERSION,
        hub,
        clock_us: NOW_US,
        durable,
        renew_now: false,
    }))
}

fn ack(durable: Vec<pb::Durable>, watermarks_us: i64) -> Vec<u8> {
    codec::encode_down(down::Message::Ack(pb::Ack { durable, watermarks_us }))
}

/// A welcomed session over this spool.
fn live(held: &[(u64, u64, u64)], known: Vec<pb::Durable>) -> (Session, Vec<Action>) {
    let mut session = Session::new(Arc::new(settings()), &view(held));
    session.start(NOW_US);
    let actions = session.receive(&welcome(known), NOW_US);
    (session, actions)
}

/// Gives a lane what it wants out of a spool that holds everything; returns the sequences as they are sent.
fn pump(session: &mut Session, lane: Lane, decoder: &mut BatchDecoder) -> Vec<(u64, u64)> {
    let mut sent = Vec::new();
    while let Some(want) = session.want(lane) {
        let last = want.from + want.events_max as u64 - 1;
        let records =
            (want.from..=last.min(1000)).map(|sequence| record(want.epoch, sequence, Severity::Low)).collect();
        for payload in session.offer(&want, records) {
            let batch = decoder.decode(&payload).unwrap();
            assert_eq!(batch.backfill, lane == Lane::Backfill);
            sent.extend(batch.records.iter().map(|record| (record.epoch, record.sequence)));
        }
    }
    sent
}

fn up(action: &Action) -> up::Message {
    let Action::Control(payload) = action else { panic!("{action:?}") };
    codec::decode_up(payload).unwrap().unwrap()
}

fn stats() -> SpoolStats {
    SpoolStats {
        epoch: EPOCH,
        last_sequence: 0,
        durable_sequence: 0,
        events: 0,
        queued: 0,
        bytes: 0,
        segments: 0,
        oldest_us: None,
        dropped_events: 0,
        damages: 0,
        torn_bytes: 0,
        fault: None,
    }
}

fn tick(session: &mut Session, board: &Board, last_sequence: u64, dropped: &[Dropped], now_us: i64) -> Vec<Action> {
    let (board, stats) = (board.snapshot(), stats());
    session.tick(&Report { board: &board, last_sequence, stats: &stats, dropped }, now_us)
}

fn marks(actions: &[Action]) -> Vec<pb::Watermarks> {
    let marks = actions.iter().filter(|action| matches!(action, Action::Control(_))).map(up);
    marks.filter_map(|m| if let up::Message::Watermarks(marks) = m { Some(marks) } else { None }).collect()
}

#[test]
fn the_hello_names_cameras_and_epochs_and_nothing_is_sent_before_the_welcome() {
    let mut session = Session::new(Arc::new(settings()), &view(&[(40, 1, 3), (EPOCH, 1, 0)]));
    let actions = session.start(NOW_US);
    let up::Message::Hello(hello) = up(&actions[0]) else { panic!("{actions:?}") };
    assert_eq!((hello.version, hello.epoch, hello.epochs_held), (VERSION, EPOCH, vec![40, EPOCH]));
    assert_eq!(hello.cameras[0].id, "east");
    assert_eq!((session.want(Lane::Live), session.want(Lane::Backfill)), (None, None));
    assert!(!session.is_live());
}

#[test]
fn exactly_what_is_not_durable_is_sent_again() {
    let known = vec![durable(40, &[(1, 3), (5, 5)]), durable(EPOCH, &[(2, 4)])];
    let (mut session, actions) = live(&[(40, 3, 8), (EPOCH, 1, 6)], known);
    let release = |epoch, ranges: &[(u64, u64)]| Action::Release { epoch, durable: ranges.iter().copied().collect() };
    assert!(matches!(actions[0], Action::Welcomed { .. }));
    assert_eq!(actions[1..], [release(40, &[(1, 3), (5, 5)]), release(EPOCH, &[(2, 4)])]);
    let sent = pump(&mut session, Lane::Backfill, &mut BatchDecoder::new());
    assert_eq!(sent, [(40, 4), (40, 6), (40, 7), (40, 8), (EPOCH, 1), (EPOCH, 5), (EPOCH, 6)]);
    assert_eq!(session.in_flight_events(), 7);
    let actions = session.receive(&ack(vec![durable(40, &[(4, 8)]), durable(EPOCH, &[(1, 6)])], 0), NOW_US);
    assert_eq!(actions, [release(40, &[(4, 8)]), release(EPOCH, &[(1, 6)])]);
    assert_eq!((session.in_flight_events(), session.acknowledged_events(), session.is_settled()), (0, 7, true));
}

#[test]
fn live_goes_before_backfill_and_the_most_urgent_first() {
    let (mut session, _) = live(&[(EPOCH, 1, 10)], vec![]);
    assert_eq!(session.want(Lane::Backfill).unwrap().from, 1);
    session.spool_changed(&view(&[(EPOCH, 1, 13)]));
    assert_eq!(session.want(Lane::Backfill), None, "something live waits");
    let want = session.want(Lane::Live).unwrap();
    assert_eq!((want.epoch, want.from), (EPOCH, 11));
    let severities = [Severity::Low, Severity::Urgent, Severity::Medium];
    let records = (11..).zip(severities).map(|(sequence, severity)| record(EPOCH, sequence, severity)).collect();
    let payloads = session.offer(&want, records);
    let batch = BatchDecoder::new().decode(&payloads[0]).unwrap();
    assert_eq!(batch.records.iter().map(|record| record.sequence).collect::<Vec<_>>(), [12, 13, 11]);
    assert_eq!(pump(&mut session, Lane::Backfill, &mut BatchDecoder::new()).len(), 10);
}

#[test]
fn the_window_bounds_what_is_under_way_and_backfill_leaves_room_for_live() {
    let mut small = settings();
    small.window_events = 40;
    let mut session = Session::new(Arc::new(small), &view(&[(EPOCH, 1, 100)]));
    session.start(NOW_US);
    session.receive(&welcome(vec![]), NOW_US);
    let mut decoder = BatchDecoder::new();
    assert_eq!(pump(&mut session, Lane::Backfill, &mut decoder).len(), 30);
    session.spool_changed(&view(&[(EPOCH, 1, 200)]));
    assert_eq!(pump(&mut session, Lane::Live, &mut BatchDecoder::new()).len(), 10);
    assert_eq!(session.want(Lane::Live), None);
    session.receive(&ack(vec![durable(EPOCH, &[(1, 30)])], 0), NOW_US);
    assert_eq!(session.want(Lane::Live).unwrap().events_max, 30);
}

#[test]
fn what_the_spool_lost_is_not_waited_for_and_is_named_with_its_time() {
    let (mut session, _) = live(&[(EPOCH, 1, 5)], vec![]);
    let mut after = view(&[(EPOCH, 1, 5)]);
    after.lost = vec![(EPOCH, RangeSet::from_iter([(2, 4)]))];
    session.spool_changed(&after);
    assert_eq!(pump(&mut session, Lane::Backfill, &mut BatchDecoder::new()), [(EPOCH, 1), (EPOCH, 5)]);
    let board = Board::new(["east".to_owned()], NOW_US);
    board.complete("east", NOW_US);
    let dropped = Dropped { number: 3, reason: DropReason::Size, events: 3, from_us: 10, to_us: 20 };
    let sent = marks(&tick(&mut session, &board, 5, &[dropped], NOW_US));
    assert_eq!(sent[0].lost, [durable(EPOCH, &[(2, 4)])]);
    let gap = pb::Gap { from_us: 10, to_us: 20, reason: "spool_size".into() };
    assert_eq!((&sent[0].cameras[0].gaps, sent[0].after_sequence), (&vec![gap], 5));
    let actions = session.receive(&ack(vec![], sent[0].sent_us), NOW_US);
    assert_eq!(actions, [Action::ForgetDropped(3)]);
}

#[test]
fn gaps_are_told_until_the_hub_has_them_and_only_those_are_forgotten() {
    let (mut session, _) = live(&[(EPOCH, 1, 0)], vec![]);
    let board = Board::new(["east".to_owned()], NOW_US);
    board.complete("east", NOW_US);
    board.gap("east", Gap { from_us: 1, to_us: 2, reason: "stalled".into() });
    let first = marks(&tick(&mut session, &board, 0, &[], NOW_US));
    assert_eq!(first[0].cameras[0].gaps.len(), 1);
    let second = marks(&tick(&mut session, &board, 0, &[], NOW_US + 1_000_000));
    assert!(second[0].cameras[0].gaps.is_empty(), "told a moment ago");
    let again = marks(&tick(&mut session, &board, 0, &[], NOW_US + 31_000_000));
    assert_eq!(again[0].cameras[0].gaps.len(), 1, "not acknowledged: told again");
    assert!(session.receive(&ack(vec![], first[0].sent_us - 1), NOW_US).is_empty());
    let forget = Action::ForgetGaps { camera: "east".into(), to_us: 2 };
    assert_eq!(session.receive(&ack(vec![], again[0].sent_us), NOW_US), [forget]);
}

#[test]
fn nothing_is_called_complete_while_an_earlier_epoch_has_events_to_come() {
    let (mut session, _) = live(&[(40, 1, 2), (EPOCH, 1, 0)], vec![]);
    let board = Board::new(["east".to_owned()], NOW_US);
    board.complete("east", NOW_US);
    assert!(marks(&tick(&mut session, &board, 0, &[], NOW_US)).is_empty());
    pump(&mut session, Lane::Backfill, &mut BatchDecoder::new());
    assert!(marks(&tick(&mut session, &board, 0, &[], NOW_US + 2_000_000)).is_empty(), "sent is not durable");
    session.receive(&ack(vec![durable(40, &[(1, 2)])], 0), NOW_US);
    assert_eq!(marks(&tick(&mut session, &board, 7, &[], NOW_US + 4_000_000))[0].after_sequence, 7);
}

#[test]
fn the_heartbeat_comes_every_two_seconds_and_at_once_on_a_change() {
    let (mut session, _) = live(&[(EPOCH, 1, 0)], vec![]);
    let board = Board::new(["east".to_owned()], NOW_US);
    let status = |actions: &[Action]| actions.iter().filter(|a| matches!(up(a), up::Message::Status(_))).count();
    assert_eq!(status(&tick(&mut session, &board, 0, &[], NOW_US)), 1);
    assert_eq!(status(&tick(&mut session, &board, 0, &[], NOW_US + 1_900_000)), 0);
    board.set_state("east", State::Down, "refused", "the camera refuses", NOW_US);
    assert_eq!(status(&tick(&mut session, &board, 0, &[], NOW_US + 1_900_001)), 1);
    assert_eq!(status(&tick(&mut session, &board, 0, &[], NOW_US + 3_900_001)), 1);
    assert_eq!(status(&tick(&mut session, &board, 0, &[], NOW_US)), 1, "a clock set back does not silence it");
    assert!(session.next_tick_us(NOW_US) > NOW_US);
}

#[test]
fn a_hub_that_breaks_the_contract_ends_the_session_with_its_code() {
    let closes = |actions: Vec<Action>| match actions.as_slice() {
        [Action::Close { code, .. }] => Some(*code),
        _ => None,
    };
    let (mut session, _) = live(&[(EPOCH, 1, 0)], vec![]);
    assert_eq!(closes(session.receive(&welcome(vec![]), NOW_US)), Some(CloseCode::Protocol));
    assert!(session.receive(&ack(vec![], 0), NOW_US).is_empty(), "over");
    let (mut session, _) = live(&[(EPOCH, 1, 0)], vec![]);
    assert_eq!(closes(session.receive(&[0xff; 9], NOW_US)), Some(CloseCode::Protocol));
    let mut session = Session::new(Arc::new(settings()), &view(&[(EPOCH, 1, 0)]));
    session.start(NOW_US);
    let board = Board::default();
    assert_eq!(closes(tick(&mut session, &board, 0, &[], NOW_US + WELCOME_WITHIN_US)), None);
    assert_eq!(closes(tick(&mut session, &board, 0, &[], NOW_US + WELCOME_WITHIN_US + 1)), Some(CloseCode::Silent));
}

#[test]
fn a_hub_that_claims_what_was_never_sent_swallows_nothing() {
    let (mut session, _) = live(&[(EPOCH, 1, 0)], vec![durable(EPOCH, &[(1, 900)])]);
    session.spool_changed(&view(&[(EPOCH, 1, 2)]));
    let want = session.want(Lane::Live).expect("the two are still to be sent");
    assert_eq!(want.from, 1);
}

#[test]
fn more_epochs_than_a_hello_can_name_follow_in_a_new_session() {
    let held: Vec<_> = (1000..1070).map(|epoch| (epoch, 1, 1)).collect();
    let mut current = view(&held);
    current.epoch = 2000;
    current.held.push(EpochHeld { epoch: 2000, first: 1, last: 0 });
    let mut session = Session::new(Arc::new(settings()), &current);
    let actions = session.start(NOW_US);
    let up::Message::Hello(hello) = up(&actions[0]) else { panic!("{actions:?}") };
    assert_eq!(hello.epochs_held.len(), limits::MAX_EPOCHS);
    let all = hello.epochs_held.iter().map(|&epoch| durable(epoch, &[(1, 1)])).collect();
    session.receive(&welcome(all), NOW_US);
    let actions = tick(&mut session, &Board::default(), 0, &[], NOW_US);
    assert!(matches!(actions[0], Action::Close { code: CloseCode::Done, .. }), "{actions:?}");
}
