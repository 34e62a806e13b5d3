//! What holds of every mesh: closed in itself, as big as the actor is said to be, on the ground, the same each time.

use std::sync::Arc;

use super::{Detail, Mesh, actor, cache::example, prop};
use crate::world::{ActorKind, Light, Pose, Prop, PropKind};

const DAY: Light = Light { sun_azimuth_rad: 0.0, sun_elevation_rad: 0.9, cloud: 0.3, rain: 0.0, wind: 0.2 };

fn kinds() -> [(ActorKind, Pose); 9] {
    [
        (ActorKind::Pedestrian, Pose::Walk { phase: 0.3 }),
        (ActorKind::Pedestrian, Pose::Stand { phase: 0.6 }),
        (ActorKind::Pedestrian, Pose::Bend { depth: 0.9 }),
        (ActorKind::Cyclist, Pose::Ride { phase: 0.2 }),
        (ActorKind::Car, Pose::Drive { braking: false }),
        (ActorKind::Bus, Pose::Drive { braking: true }),
        (ActorKind::Truck, Pose::Rest),
        (ActorKind::Bag, Pose::Rest),
        (ActorKind::Bird, Pose::Ride { phase: 0.7 }),
    ]
}

fn check(mesh: &Mesh, what: &str) {
    assert!(!mesh.triangles.is_empty(), "{what}");
    for vertex in &mesh.vertices {
        assert!(vertex.at.is_finite(), "{what}");
        assert!((vertex.normal.length() - 1.0).abs() < 1e-3, "{what}: {}", vertex.normal);
        assert!(vertex.colour.iter().all(|part| (0.0..=1.0).contains(part)), "{what}: {:?}", vertex.colour);
        assert!(vertex.glow >= 0.0, "{what}");
    }
    let inward = mesh.triangles.iter().filter(|face| {
        let [a, b, c] = face.map(|index| mesh.vertices[index as usize]);
        let way = (b.at - a.at).cross(c.at - a.at);
        let normal = (a.normal + b.normal + c.normal).normalize_or_zero();
        way.normalize_or_zero().dot(normal) < -0.75
    });
    // In the crook of a bent elbow some do.
    let inward = inward.count();
    assert!(inward * 100 <= mesh.triangles.len(), "{what}: {inward} faces look inwards");
}

fn spread(mesh: &Mesh, axis: usize) -> (f32, f32) {
    mesh.vertices.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), vertex| {
        (low.min(vertex.at[axis]), high.max(vertex.at[axis]))
    })
}

#[test]
fn every_look_makes_a_sound_mesh_of_the_size_that_is_said() {
    for (kind, pose) in kinds() {
        for look in (0..60).map(|look: u32| look.wrapping_mul(0x9E37_79B9)) {
            let actor_of = example(kind, look, pose);
            for detail in [Detail::Near, Detail::Far] {
                let what = format!("{kind:?} {pose:?} {look:#x} {detail:?}");
                let mesh = actor(&actor_of, &DAY, detail);
                check(&mesh, &what);
                let most = if detail == Detail::Near { 3500 } else { 1000 };
                assert!(mesh.triangles.len() <= most, "{what}: {} triangles", mesh.triangles.len());
                if kind == ActorKind::Bird || matches!(pose, Pose::Bend { .. }) {
                    continue;
                }
                let (low, high) = spread(&mesh, 2);
                let said = actor_of.size_m().z;
                assert!(low.abs() < 0.06, "{what}: its lowest point is {low}");
                // A tank or a load may be lower than the highest truck of its kind.
                let spare = if kind == ActorKind::Truck { 0.3 } else { 0.1 };
                assert!((high - said).abs() < spare * said + 0.06, "{what}: {high} high, not {said}");
                if kind != ActorKind::Pedestrian && kind != ActorKind::Cyclist {
                    let (rear, front) = spread(&mesh, 0);
                    let said = actor_of.size_m().x;
                    assert!(
                        (front - rear - said).abs() < 0.05 * said + 0.25,
                        "{what}: {} long, not {said}",
                        front - rear
                    );
                }
            }
        }
    }
}

#[test]
fn who_walks_moves_both_legs_and_one_foot_is_always_down() {
    let mut lengths = Vec::new();
    for step in 0..16 {
        let phase = (step as f32 + 0.5) / 16.0;
        let mesh = actor(&example(ActorKind::Pedestrian, 7, Pose::Walk { phase }), &DAY, Detail::Near);
        let (low, _) = spread(&mesh, 2);
        assert!(low.abs() < 0.03, "phase {phase}: {low}");
        let feet: Vec<f32> = mesh.vertices.iter().filter(|v| v.at.z < 0.12).map(|v| v.at.x).collect();
        lengths.push(feet.iter().fold(f32::MIN, |a, &b| a.max(b)) - feet.iter().fold(f32::MAX, |a, &b| a.min(b)));
    }
    let longest = lengths.iter().fold(f32::MIN, |a, &b| a.max(b));
    let shortest = lengths.iter().fold(f32::MAX, |a, &b| a.min(b));
    assert!(longest > 0.7 && shortest < 0.55, "steps from {shortest} to {longest} m");
}

#[test]
fn lamps_are_lit_by_night_and_brakes_whenever() {
    let night = Light { sun_elevation_rad: -0.4, ..DAY };
    let glow = |light: &Light, braking: bool| {
        let mesh = actor(&example(ActorKind::Car, 3, Pose::Drive { braking }), light, Detail::Near);
        mesh.vertices.iter().map(|vertex| vertex.glow).fold(0.0, f32::max)
    };
    assert_eq!(glow(&DAY, false), 0.0);
    assert!(glow(&DAY, true) > 0.5);
    assert!(glow(&night, false) > 1.0);
}

#[test]
fn the_same_actor_is_not_made_twice() {
    let one = example(ActorKind::Car, 11, Pose::Drive { braking: false });
    assert!(Arc::ptr_eq(&actor(&one, &DAY, Detail::Near), &actor(&one, &DAY, Detail::Near)));
}

#[test]
fn every_prop_has_a_sound_mesh() {
    use PropKind::*;
    let all = [
        Tree,
        Bush,
        Lamp,
        Shelter,
        Bench,
        Bollard,
        Fence,
        Container,
        Heap,
        TrafficLight,
        Gate,
        Bin,
        Flag,
        Table,
        Railing,
        Cabinet,
    ];
    for kind in all {
        for look in 0..20 {
            let mesh = prop(&Prop { kind, at: glam::Vec2::ZERO, heading_rad: 0.0, scale: 1.5, look }, &DAY);
            if !matches!(kind, Tree | Bush | Heap) {
                check(&mesh, &format!("{kind:?} {look}"));
            }
            assert!(!mesh.triangles.is_empty());
        }
    }
}
