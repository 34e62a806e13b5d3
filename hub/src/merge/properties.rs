//! What the merge promises, held against many seeded worlds: the order of arrival, lateness and repetition change
//! nothing, and what is laid down by hand survives a replay.

use std::collections::BTreeMap;

use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use uuid::Uuid;

use super::engine::MAX_SOURCES;
use super::spot::{Located, Spot, Stand, moved};
use super::*;

const HERE: (f64, f64) = (120.1632, 30.2741);
const SECOND_US: i64 = 1_000_000;

#[derive(Clone, Debug)]
enum Input {
    Begin(Box<Thread>),
    More(More),
}

fn thread(number: u128, camera: &str, kind: &str, at_m: [f64; 2], begin_s: f64) -> Thread {
    let event = Uuid::from_u128(number);
    let (longitude, latitude) = moved(HERE, at_m);
    let begin_us = (begin_s * 1e6) as i64;
    Thread {
        id: thread_id(camera, event),
        event,
        gateway: format!("gw-{}", camera.len()),
        camera: Some(camera.into()),
        camera_name: None,
        department: "police".into(),
        kind: kind.into(),
        rule: Some(kind.into()),
        severity: Level::Medium,
        begin_us,
        end_us: None,
        last_us: begin_us,
        time_error_us: 50_000,
        momentary: matches!(kind, "line_cross" | "removed_object"),
        spot: Some(Spot { longitude, latitude, error_m: 1.0, by: Located::Ground }),
        stand: None,
        point: None,
        class: Some("person".into()),
        track: Some(number as u64),
        epoch: 1,
        received_us: begin_us,
        late: false,
        measures: BTreeMap::new(),
    }
}

fn end(thread: &Thread, after_s: f64) -> Input {
    let captured_us = thread.begin_us + (after_s * 1e6) as i64;
    Input::More(More { thread: thread.id, captured_us, end: true, severity: Level::Medium, measures: BTreeMap::new() })
}

/// Things that happen in a small city for ten minutes, each seen by one to three cameras, in the order of time.
fn world(seed: u64) -> Vec<(i64, Input)> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut inputs = Vec::new();
    let kinds = ["crowd", "occupancy", "intrusion", "line_cross", "loiter", "stopped_vehicle", "camera.covered"];
    for number in 0..90u128 {
        let kind = kinds[random.random_range(0..kinds.len())];
        let at = [random.random_range(-60.0..60.0), random.random_range(-60.0..60.0)];
        let begin_s = random.random_range(0.0..600.0);
        for view in 0..random.random_range(1..4u128) {
            let camera = format!("{}-{view}", "c".repeat(random.random_range(1..5)));
            let off = || -> f64 { 0.0 };
            let near = [at[0] + off() + random.random_range(-2.0..2.0), at[1] + random.random_range(-2.0..2.0)];
            let told = thread(number * 10 + view, &camera, kind, near, begin_s + random.random_range(0.0..4.0));
            let lasts_s = random.random_range(1.0..90.0);
            if !told.momentary && random.random_range(0..10) > 0 {
                inputs.push((told.begin_us + (lasts_s * 1e6) as i64, end(&told, lasts_s)));
            }
            inputs.push((told.begin_us, Input::Begin(Box::new(told))));
        }
    }
    inputs.sort_by_key(|(at_us, _)| *at_us);
    inputs
}

fn feed<'a>(engine: &mut Engine, inputs: impl IntoIterator<Item = &'a Input>, batch: usize) -> Changes {
    let mut changes = Changes::default();
    for (index, input) in inputs.into_iter().enumerate() {
        match input {
            Input::Begin(thread) => drop(engine.begin((**thread).clone(), &mut changes)),
            Input::More(more) => engine.more(more.clone(), &mut changes),
        }
        if index % batch == 0 {
            engine.settle(&mut changes);
        }
    }
    engine.settle(&mut changes);
    changes
}

/// Members by incident.
fn incidents(engine: &Engine) -> BTreeMap<Uuid, Vec<Uuid>> {
    let members = |id| engine.sources(id).iter().map(|(thread, _)| thread.id).collect();
    engine.incidents().into_iter().map(|id| (id, members(id))).collect()
}

#[test]
fn the_order_of_arrival_lateness_and_repetition_change_nothing() {
    let mut together = 0;
    for seed in 0..40 {
        let inputs: Vec<(i64, Input)> = world(seed);
        let mut whole = Engine::default();
        feed(&mut whole, inputs.iter().map(|(_, input)| input), 1);
        let expected = incidents(&whole);
        together += expected.values().filter(|members| members.len() > 1).count();
        let mut random = StdRng::seed_from_u64(seed + 1000);
        // Anyhow.
        let mut any: Vec<Input> = inputs.iter().map(|(_, input)| input.clone()).collect();
        any.extend(any.clone());
        any.shuffle(&mut random);
        let mut engine = Engine::default();
        feed(&mut engine, &any, random.random_range(1..20));
        assert_eq!(incidents(&engine), expected, "seed {seed}, shuffled and each twice");
        // One gateway was cut off and comes an hour after the others.
        let is_late = |input: &Input| match input {
            Input::Begin(thread) => thread.gateway == "gw-3",
            Input::More(more) => whole.thread(more.thread).is_some_and(|(thread, _)| thread.gateway == "gw-3"),
        };
        let (late, live): (Vec<_>, Vec<_>) = inputs.iter().map(|(_, input)| input).partition(|input| is_late(input));
        let mut engine = Engine::default();
        feed(&mut engine, live.into_iter().chain(late), 7);
        assert_eq!(incidents(&engine), expected, "seed {seed}, one gateway late");
        // The reasons are the same too.
        for id in expected.values().flatten() {
            assert_eq!(engine.thread(*id), whole.thread(*id), "seed {seed}");
        }
    }
    assert!(together > 400, "something was put together: {together}");
}

#[test]
fn every_change_is_told() {
    for seed in 0..10 {
        let inputs: Vec<Input> = world(seed).into_iter().map(|(_, input)| input).collect();
        let mut engine = Engine::default();
        let mut known: BTreeMap<Uuid, Vec<(Thread, Option<Link>)>> = BTreeMap::new();
        for input in &inputs {
            let changes = feed(&mut engine, [input], 1);
            for id in &changes.incidents {
                let sources = engine.sources(*id);
                known.remove(id);
                if !sources.is_empty() {
                    known.insert(*id, sources.into_iter().map(|(t, l)| (t.clone(), l.cloned())).collect());
                }
            }
        }
        let now: BTreeMap<Uuid, Vec<(Thread, Option<Link>)>> = engine
            .incidents()
            .into_iter()
            .map(|id| (id, engine.sources(id).into_iter().map(|(t, l)| (t.clone(), l.cloned())).collect()))
            .collect();
        assert_eq!(known, now, "seed {seed}");
    }
}

#[test]
fn what_is_laid_down_by_hand_survives_a_replay() {
    for seed in 0..20 {
        let inputs: Vec<Input> = world(seed).into_iter().map(|(_, input)| input).collect();
        let mut engine = Engine::default();
        feed(&mut engine, &inputs[..inputs.len() / 2], 3);
        let before = incidents(&engine);
        let large: Vec<&Vec<Uuid>> = before.values().filter(|members| members.len() > 1).collect();
        let Some(split) = large.first() else { continue };
        let (first, last) = (*before.keys().next().unwrap(), *before.keys().last().unwrap());
        let steps = [
            Step::Split { sources: split[1..].to_vec(), rest: split[..1].to_vec() },
            Step::Join(first, last),
            Step::Resolved(large.last().unwrap()[0], 300 * SECOND_US, i64::MAX),
        ];
        let name = |group: &[Uuid]| group.first().copied();
        let overrides = Overrides::of(&steps, name);
        let mut changes = Changes::default();
        engine.lay_down(overrides.clone(), &mut changes);
        engine.settle(&mut changes);
        assert_ne!(engine.incident_of(split[0]), engine.incident_of(split[1]), "seed {seed}");
        assert_eq!(engine.incident_of(first), engine.incident_of(last), "seed {seed}");
        feed(&mut engine, &inputs[inputs.len() / 2..], 5);
        let mut replayed = Engine::default();
        replayed.lay_down(overrides, &mut Changes::default());
        feed(&mut replayed, &inputs, 11);
        assert_eq!(incidents(&replayed), incidents(&engine), "seed {seed}");
        // Taken back, all is as if nothing had been laid down.
        let mut plain = Engine::default();
        feed(&mut plain, &inputs, 1);
        engine.lay_down(Overrides::default(), &mut Changes::default());
        engine.settle(&mut Changes::default());
        assert_eq!(incidents(&engine), incidents(&plain), "seed {seed}");
    }
}

#[test]
fn a_resolved_incident_takes_nothing_new_and_still_takes_what_comes_late() {
    let first = thread(1, "a", "crowd", [0.0, 0.0], 0.0);
    let mut engine = Engine::default();
    let begin = |thread: &Thread| Input::Begin(Box::new(thread.clone()));
    feed(&mut engine, [&begin(&first)], 1);
    let resolved = [Step::Resolved(first.id, 60 * SECOND_US, i64::MAX)];
    engine.lay_down(Overrides::of(&resolved, |group| group.first().copied()), &mut Changes::default());
    let late = thread(2, "bb", "crowd", [2.0, 0.0], 30.0);
    let new = thread(3, "ccc", "crowd", [2.0, 0.0], 70.0);
    feed(&mut engine, [&begin(&new), &begin(&late)], 1);
    assert_eq!(engine.incident_of(late.id), Some(first.id));
    assert_eq!(engine.incident_of(new.id), Some(new.id));
    let reopened = [resolved[0].clone(), Step::Reopened(first.id, 80 * SECOND_US)];
    engine.lay_down(Overrides::of(&reopened, |group| group.first().copied()), &mut Changes::default());
    let after = thread(4, "dddd", "crowd", [1.0, 0.0], 90.0);
    feed(&mut engine, [&begin(&after)], 1);
    assert_eq!(engine.incident_of(new.id), Some(new.id), "what was decided while it was resolved stays");
    assert!(engine.incident_of(after.id).is_some());
}

#[test]
fn place_time_and_kind_decide_and_the_reason_is_told() {
    let base = thread(1, "a", "crowd", [0.0, 0.0], 0.0);
    let cases = [
        ("near", thread(2, "bb", "crowd", [8.0, 0.0], 5.0), true),
        ("far", thread(2, "bb", "crowd", [30.0, 0.0], 5.0), false),
        ("another kind that goes with it", thread(2, "bb", "occupancy", [3.0, 0.0], 5.0), true),
        ("another kind that does not", thread(2, "bb", "wrong_way", [0.0, 0.0], 5.0), false),
        ("the same camera's rule again", thread(2, "a", "crowd", [30.0, 0.0], 5.0), true),
        ("after it ended", thread(2, "bb", "crowd", [0.0, 0.0], 120.0), false),
    ];
    for (what, other, joins) in cases {
        let mut engine = Engine::default();
        let inputs = [Input::Begin(Box::new(base.clone())), end(&base, 20.0), Input::Begin(Box::new(other.clone()))];
        feed(&mut engine, &inputs, 1);
        assert_eq!(engine.incident_of(other.id) == Some(base.id), joins, "{what}");
        let (_, link) = engine.thread(other.id).unwrap();
        assert_eq!(link.is_some(), joins, "{what}");
        if what == "near" {
            let text = link.unwrap().text_en(str::to_owned);
            assert_eq!(text, "crowd + crowd, 8.0 m apart (error 1.4 m), at the same time");
            assert!(link.unwrap().text_zh(|_| "聚集".into()).starts_with("聚集 + 聚集，相距 8.0 米"));
        }
    }
}

#[test]
fn where_nothing_is_calibrated_views_that_overlap_decide() {
    let stand = |at: [f64; 2], heading_deg| Stand {
        position: Some(moved(HERE, at)),
        heading_deg: Some(heading_deg),
        ..Stand::default()
    };
    let seen = |number, camera, stand: Stand| {
        let mut thread = thread(number, camera, "intrusion", [0.0, 0.0], number as f64);
        thread.spot = stand.spot(None, 1.7);
        thread.stand = Some(stand);
        thread
    };
    let first = seen(1, "a", stand([0.0, 0.0], 0.0));
    let facing = seen(2, "bb", stand([0.0, 30.0], 180.0));
    let back = seen(3, "ccc", stand([0.0, -3.0], 180.0));
    let mut engine = Engine::default();
    let inputs = [&first, &facing, &back].map(|thread| Input::Begin(Box::new(thread.clone())));
    feed(&mut engine, &inputs, 1);
    assert_eq!(engine.incident_of(facing.id), Some(first.id));
    assert_eq!(engine.incident_of(back.id), Some(back.id));
    let (_, link) = engine.thread(facing.id).unwrap();
    assert!(link.unwrap().text_en(str::to_owned).contains("views overlap by"));
}

#[test]
fn an_incident_of_ten_thousand_threads_costs_no_more_a_thread_than_one_of_a_hundred() {
    let mut engine = Engine::default();
    let mut took = Vec::new();
    for hundred in 0..100u128 {
        let begun = std::time::Instant::now();
        for number in hundred * 100..(hundred + 1) * 100 {
            let told = thread(number, "a", "crowd", [0.0, 0.0], number as f64 * 1.0);
            feed(&mut engine, [&Input::Begin(Box::new(told.clone())), &end(&told, 0.5)], 1);
        }
        took.push(begun.elapsed());
    }
    assert_eq!(engine.incidents().len(), 10_000 / MAX_SOURCES, "an incident takes so many and no more");
    // A ratio within one run, far from what a quadratic cost would give.
    let (early, late): (std::time::Duration, std::time::Duration) =
        (took[10..20].iter().sum(), took[90..].iter().sum());
    assert!(late < early * 4, "{early:?} {late:?}");
}

#[test]
fn what_is_long_over_is_forgotten_and_the_rest_is_not() {
    let inputs: Vec<Input> = world(3).into_iter().map(|(_, input)| input).collect();
    let mut engine = Engine::default();
    feed(&mut engine, &inputs, 1);
    let (all, before) = (incidents(&engine), engine.len());
    engine.forget_before(400 * SECOND_US);
    assert!(engine.len() < before && !engine.is_empty());
    for (id, members) in incidents(&engine) {
        assert_eq!(all[&id], members);
    }
    engine.forget_before(i64::MAX);
    assert!(engine.is_empty());
}

#[test]
fn a_camera_that_tells_thousands_a_second_is_borne_and_lateness_still_changes_nothing() {
    // All within the time that is looked back on: far more than are looked at.
    let told: Vec<Input> = (0..1_500u128)
        .map(|number| {
            let camera = ["a", "bb"][number as usize % 2];
            let at = [(number % 7) as f64 * 9.0, 0.0];
            Input::Begin(Box::new(thread(number, camera, "loiter", at, number as f64 * 0.02)))
        })
        .collect();
    let mut engine = Engine::default();
    feed(&mut engine, &told, 64);
    let mut random = StdRng::seed_from_u64(5);
    let mut any = told;
    any.shuffle(&mut random);
    let mut shuffled = Engine::default();
    feed(&mut shuffled, &any, 500);
    assert_eq!(incidents(&shuffled), incidents(&engine));
}

#[test]
fn two_objects_that_one_camera_tells_apart_are_two_incidents() {
    let at = |number: u128, camera: &str, kind: &str, track: u64, begin_s: f64| {
        let mut thread = thread(number, camera, kind, [0.0, 0.0], begin_s);
        thread.track = Some(track);
        thread
    };
    // First and other: begun, and whether the first has ended after 10 s; joined or not.
    let cases = [
        ("two cross at once", at(1, "a", "line_cross", 1, 0.0), at(2, "a", "line_cross", 2, 0.5), false),
        ("one crosses twice", at(1, "a", "line_cross", 1, 0.0), at(2, "a", "line_cross", 1, 0.5), true),
        ("two cars stand", at(1, "a", "stopped_vehicle", 1, 0.0), at(2, "a", "stopped_vehicle", 2, 5.0), false),
        ("lost and found", at(1, "a", "stopped_vehicle", 1, 0.0), at(2, "a", "stopped_vehicle", 2, 15.0), true),
        ("a crowd is many", at(1, "a", "crowd", 1, 0.0), at(2, "a", "crowd", 2, 5.0), true),
        ("another camera's", at(1, "a", "line_cross", 1, 0.0), at(2, "bb", "line_cross", 2, 0.5), true),
    ];
    for (what, first, other, joins) in cases {
        let mut engine = Engine::default();
        let inputs = [Input::Begin(Box::new(first.clone())), end(&first, 10.0), Input::Begin(Box::new(other.clone()))];
        feed(&mut engine, &inputs, 1);
        assert_eq!(engine.incident_of(other.id) == Some(first.id), joins, "{what}");
    }
    // Through another camera neither: what it saw joins one of them.
    let (one, two) = (at(1, "a", "line_cross", 1, 0.0), at(3, "a", "line_cross", 2, 1.0));
    let between = at(2, "bb", "line_cross", 9, 0.5);
    let mut engine = Engine::default();
    let inputs = [&one, &between, &two].map(|thread| Input::Begin(Box::new(thread.clone())));
    feed(&mut engine, &inputs, 1);
    assert_eq!(engine.incident_of(between.id), Some(one.id));
    assert_eq!(engine.incident_of(two.id), Some(two.id));
}
