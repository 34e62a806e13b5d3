//! Tests that what happens is what a fair detector would tell: each rule fires again and again, and only for incidents.

use super::{IncidentKind, Options, World};
use crate::truth::{EventTruth, Sight, TrueEvent};

/// What a rule's event is explained by.
fn kind(rule: &str) -> Option<IncidentKind> {
    Some(match rule {
        "intrusion" => IncidentKind::Intrusion,
        "line_cross" => IncidentKind::LineCross,
        "loiter" => IncidentKind::Loiter,
        "crowd" => IncidentKind::Crowd,
        "occupancy" => IncidentKind::Occupancy,
        "wrong_way" => IncidentKind::WrongWay,
        "stopped_vehicle" => IncidentKind::StoppedVehicle,
        "abandoned_object" => IncidentKind::AbandonedObject,
        "removed_object" => IncidentKind::RemovedObject,
        "speed_over" => IncidentKind::Speeding,
        _ => return None,
    })
}

/// All begins of events of all cameras in so many minutes.
fn begins(world: &mut World, minutes: i64) -> Vec<TrueEvent> {
    let cameras = world.cameras().to_vec();
    let mut truths: Vec<EventTruth> = cameras.iter().map(|camera| EventTruth::new(camera).expect("rules")).collect();
    let sights: Vec<Sight> = cameras.iter().map(|camera| Sight::new(world.layout(), &camera.view())).collect();
    let mut events = Vec::new();
    for tick in 1..minutes * 300 {
        let t_us = tick * 200_000;
        world.advance(t_us);
        for ((truth, sight), camera) in truths.iter_mut().zip(&sights).zip(&cameras) {
            events.extend(truth.picture(t_us, &sight.look(world.actors()), camera.size_px.1));
        }
    }
    truths.iter_mut().for_each(|truth| events.extend(truth.finish()));
    events.retain(|event| event.phase == "begin");
    events
}

#[test]
fn each_rule_fires_again_and_again_and_only_for_incidents() {
    for seed in [3, 4] {
        let mut world = World::new(Options { seed, ..Options::default() });
        let events = begins(&mut world, 7);
        for camera in world.cameras() {
            for rule in &camera.rules {
                let id = rule["id"].as_str().expect("an id");
                let mine = || events.iter().filter(|event| event.camera == camera.id && event.rule == id);
                let optional = mine().filter(|event| event.optional).count();
                println!("{seed} {} {id}: {} of which optional {optional}", camera.id, mine().count());
                let quiet = id == "bus_stop";
                assert!(quiet == (mine().count() < 2), "seed {seed}, {} {id}: {}", camera.id, mine().count());
            }
        }
        for event in events.iter().filter(|event| !event.optional) {
            let Some(kind) = kind(&event.kind) else { continue };
            let explains = |incident: &&super::Incident| {
                let to_us = incident.to_us.unwrap_or(i64::MAX - 20_000_000);
                incident.kind == kind && (incident.from_us - 10_000_000..to_us + 10_000_000).contains(&event.t_us)
            };
            assert!(world.incidents().iter().any(|i| explains(&i)), "seed {seed}: nothing explains {event:?}");
        }
    }
}
