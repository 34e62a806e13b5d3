//! What must hold in every city: the same seed gives the same, nobody walks through walls, vehicles keep apart, cameras
//! see what they watch.

use super::*;

fn world(seed: u64) -> World {
    World::new(Options { seed, ..Options::default() })
}

#[test]
fn the_same_seed_gives_the_same_city_and_another_seed_another() {
    let (mut a, mut b, c) = (world(5), world(5), world(6));
    assert_eq!(a.layout(), b.layout());
    assert_eq!(a.cameras(), b.cameras());
    a.advance(30_000_000);
    for step in 1..=30 {
        b.advance(step * 1_000_000);
    }
    assert_eq!(a.actors(), b.actors());
    assert_ne!(a.layout(), c.layout());
}

#[test]
fn nobody_walks_or_drives_through_a_building() {
    for seed in 1..4 {
        let mut world = world(seed);
        for second in 1..180 {
            world.advance(second * 1_000_000);
            for actor in world.actors().iter().filter(|actor| actor.kind != ActorKind::Bird) {
                let inside = world.layout().buildings.iter().find(|building| building.covers(actor.at, 0.1));
                assert_eq!(inside, None, "seed {seed}, {second} s: {actor:?}");
            }
        }
    }
}

#[test]
fn vehicles_keep_apart_and_get_on() {
    for seed in 1..4 {
        let mut world = world(seed);
        let mut moved = 0;
        for tenth in 1..1800 {
            world.advance(tenth * 100_000);
            let vehicles: Vec<&Actor> =
                world.actors().iter().filter(|a| matches!(a.pose, Pose::Drive { .. })).collect();
            moved += vehicles.iter().filter(|vehicle| vehicle.velocity_mps.length() > 5.0).count();
            for (index, a) in vehicles.iter().enumerate() {
                for b in &vehicles[index + 1..] {
                    assert!(!overlap(a, b), "seed {seed}, {tenth}: {a:?} and {b:?}");
                }
            }
        }
        assert!(moved / 1800 >= 8, "seed {seed}: {} vehicles drive", moved / 1800);
    }
}

/// Whether the middle line of one, drawn in by its half width, touches the other.
fn overlap(a: &Actor, b: &Actor) -> bool {
    let line = |actor: &Actor| {
        let (size, way) = (actor.size_m(), Vec2::from_angle(actor.heading_rad));
        [-1.0, -0.5, 0.0, 0.5, 1.0].map(|part| actor.at + way * part * (size.x / 2.0 - 0.2))
    };
    let inside = |actor: &Actor, point: Vec2| {
        let local = Vec2::from_angle(-actor.heading_rad).rotate(point - actor.at).abs();
        let size = actor.size_m();
        local.x < size.x / 2.0 - 0.1 && local.y < size.y / 2.0 - 0.1
    };
    a.at.distance(b.at) < 14.0 && (line(a).iter().any(|p| inside(b, *p)) || line(b).iter().any(|p| inside(a, *p)))
}

#[test]
fn every_camera_sees_people_or_vehicles() {
    let mut world = world(2);
    let cameras = world.cameras().to_vec();
    let mut seen = vec![0usize; cameras.len()];
    for second in 1..240 {
        world.advance(second * 1_000_000);
        for (camera, seen) in cameras.iter().zip(&mut seen) {
            let view = camera.view();
            *seen += world.actors().iter().filter(|actor| in_picture(&view, actor)).count();
        }
    }
    for (camera, seen) in cameras.iter().zip(&seen) {
        // Nobody is to be inside the site.
        assert!(*seen > 30 || camera.id == "cty-site", "{}: {seen}", camera.id);
    }
}

fn in_picture(view: &crate::camera::View, actor: &Actor) -> bool {
    let (width, height) = (view.size_px.0 as f32, view.size_px.1 as f32);
    actor.class().is_some()
        && actor.velocity_mps != Vec2::ZERO
        && view
            .project(actor.at.extend(0.9))
            .is_some_and(|point| (0.0..width).contains(&point.x) && (0.0..height).contains(&point.y) && point.z < 40.0)
}

#[test]
fn every_kind_of_incident_happens_within_five_minutes() {
    for seed in 1..4 {
        let mut world = world(seed);
        world.advance(300_000_000);
        let mut kinds: Vec<IncidentKind> = world.incidents().iter().map(|incident| incident.kind).collect();
        kinds.sort();
        kinds.dedup();
        assert_eq!(kinds.len(), 10, "seed {seed}: {kinds:?}");
    }
}

#[test]
fn a_gateway_takes_every_cameras_rules() {
    let classes = ["person", "two_wheeler", "car", "large_vehicle", "bag"].map(str::to_owned);
    for seed in 0..4 {
        for camera in world(seed).cameras() {
            let rules = yiwang_inference::rules::RuleSet::calibrated(
                camera.rules.clone(),
                &classes,
                0.5,
                Some(camera.calibration()),
            );
            assert!(rules.is_ok(), "seed {seed}, {}: {:?} {:?}", camera.id, rules.err(), camera.rules);
            assert!(!camera.rules.is_empty(), "{}", camera.id);
        }
    }
}
