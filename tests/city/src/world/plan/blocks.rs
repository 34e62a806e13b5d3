//! The city's plan put together: what fills the blocks between the streets, and the furniture.

use glam::Vec2;

use super::{
    super::{
        actor::{Actor, ActorKind, Pose},
        chance::{hash, unit},
        layout::PropKind,
        net::Gate,
    },
    Obstacle, Plan, Zone, lanes, places,
    sketch::Sketch,
    streets, walks,
};

/// The plan of the city. `watched` are eyes of cameras with what they watch: nothing tall is put between.
pub(in crate::world) fn city(seed: u32, watched: &[(Vec2, Zone)]) -> Plan {
    let mut sketch = Sketch::new(seed);
    streets::draw(&mut sketch);
    buildings(&mut sketch);
    square(&mut sketch);
    site_and_school(&mut sketch);
    river(&mut sketch);
    street_furniture(&mut sketch);
    let parked = parked(&mut sketch);
    let mut layout = sketch.layout;
    layout.props.retain(|prop| !tall(prop.kind) || !watched.iter().any(|(eye, zone)| between(prop.at, *eye, zone)));
    let mut net = walks::net();
    net.line(&[Vec2::new(-57.0, -12.0), Vec2::new(-57.0, -30.0)], 1.0, Gate::Open);
    net.finish();
    // What is in a corridor's middle would be walked into all day.
    layout.props.retain(|prop| {
        let blocks = |leg: super::super::net::Leg| distance_m(prop.at, leg.from, leg.to) < radius_m(prop.kind) + 0.5;
        radius_m(prop.kind) == 0.0 || !net.legs().any(blocks)
    });
    let obstacles = layout.props.iter().map(|prop| Obstacle { at: prop.at, radius_m: radius_m(prop.kind) });
    let obstacles = obstacles.filter(|obstacle| obstacle.radius_m > 0.0).collect();
    let spots = walks::spots(&net);
    Plan { layout, net, hidden: Vec::new(), spots, routes: lanes::routes(), parked, obstacles, people: 90.0 }
}

/// How far around its foot nobody can walk; 0 for what stands in a row that no way crosses.
pub(super) fn radius_m(kind: PropKind) -> f32 {
    match kind {
        PropKind::Tree => 0.25,
        PropKind::Lamp | PropKind::TrafficLight | PropKind::Flag | PropKind::Bollard => 0.15,
        PropKind::Bin => 0.35,
        PropKind::Bench | PropKind::Cabinet | PropKind::Bush | PropKind::Table => 0.8,
        PropKind::Heap | PropKind::Container => 2.5,
        PropKind::Shelter | PropKind::Gate | PropKind::Fence | PropKind::Railing => 0.0,
    }
}

fn tall(kind: PropKind) -> bool {
    use PropKind::{Bush, Cabinet, Container, Flag, Heap, Lamp, Shelter, TrafficLight, Tree};
    matches!(kind, Tree | Bush | Lamp | Flag | Cabinet | Container | Heap | TrafficLight | Shelter)
}

/// Whether something there would hide a part of the zone: it is in the zone, or in the triangle from the eye to it.
fn between(at: Vec2, eye: Vec2, zone: &Zone) -> bool {
    let margin = 2.6;
    let grown = Zone { from: zone.from - margin, to: zone.to + margin };
    grown.contains(at) || {
        let towards = |t: f32| zone.corners().map(|corner| eye.lerp(corner, t));
        (1..=40u8).any(|step| {
            let ring = towards(f32::from(step) / 40.0);
            let (low, high) = ring.iter().fold((ring[0], ring[0]), |(low, high), p| (low.min(*p), high.max(*p)));
            Zone { from: low - margin * 0.6, to: high + margin * 0.6 }.contains(at)
        })
    }
}

/// Distance of a point from a segment.
pub(in crate::world) fn distance_m(point: Vec2, from: Vec2, to: Vec2) -> f32 {
    let way = to - from;
    let part = ((point - from).dot(way) / way.length_squared().max(1e-6)).clamp(0.0, 1.0);
    point.distance(from + way * part)
}

fn buildings(sketch: &mut Sketch) {
    let (low, high) = ((9.0, 22.0), (18.0, 48.0));
    // Along the east-west street, from west to east; gaps are alleys.
    let north = [(-200.0, -104.5), (-86.5, -80.0), (-76.0, -40.0), (68.0, 200.0)];
    north.into_iter().for_each(|x| sketch.row(x, (15.5, 33.0), high));
    let south = [(-200.0, -82.0), (15.5, 36.0), (88.0, 200.0)];
    south.into_iter().for_each(|x| sketch.row(x, (-33.0, -15.5), low));
    sketch.row((-36.0, -15.5), (15.5, 36.0), high);
    sketch.row((-36.0, -15.5), (-33.0, -15.5), high);
    // Along the north-south street.
    for (x, y) in [
        ((-33.0, -15.5), (40.0, 200.0)),
        ((15.5, 33.0), (80.0, 200.0)),
        ((-33.0, -15.5), (-48.0, -33.0)),
        ((-33.0, -15.5), (-97.0, -52.0)),
        ((15.5, 33.0), (-48.0, -33.0)),
        ((15.5, 33.0), (-97.0, -52.0)),
    ] {
        sketch.row(x, y, high);
    }
    // Around the square, the side street, the car park; the school; the front to the river.
    for (x, y) in [
        ((15.5, 38.0), (60.0, 78.0)),
        ((42.0, 84.0), (60.0, 78.0)),
        ((68.0, 84.0), (34.0, 59.0)),
        ((-124.0, -104.5), (33.0, 70.0)),
        ((-124.0, -104.5), (74.0, 200.0)),
        ((-86.5, -80.0), (34.0, 78.0)),
        ((-86.5, -36.0), (80.0, 110.0)),
        ((-74.0, -44.0), (-50.0, -35.0)),
        ((-200.0, -76.0), (-97.0, -84.0)),
        ((-72.0, -38.0), (-97.0, -84.0)),
        ((36.0, 200.0), (-97.0, -84.0)),
    ] {
        sketch.row(x, y, low);
    }
}

fn square(sketch: &mut Sketch) {
    let south = -Vec2::Y;
    for (at, facing) in [
        (Vec2::new(32.6, 20.9), Vec2::Y),
        (Vec2::new(30.8, 25.0), Vec2::X),
        (Vec2::new(45.6, 21.2), Vec2::NEG_X),
        (Vec2::new(62.0, 21.6), Vec2::NEG_X),
        (Vec2::new(24.5, 52.6), south),
        (Vec2::new(61.5, 53.6), Vec2::NEG_X),
    ] {
        sketch.prop(PropKind::Bench, at, facing);
    }
    sketch.props(PropKind::Tree, Vec2::new(15.6, 42.0), Vec2::new(15.6, 58.0), 5.0, Vec2::X, 0.9);
    sketch.props(PropKind::Tree, Vec2::new(16.0, 57.5), Vec2::new(37.0, 57.5), 6.0, south, 0.9);
    sketch.props(PropKind::Tree, Vec2::new(43.0, 57.5), Vec2::new(63.0, 57.5), 6.0, south, 0.9);
    sketch.props(PropKind::Tree, Vec2::new(62.6, 24.0), Vec2::new(62.6, 47.0), 6.0, Vec2::X, 0.9);
    sketch.props(PropKind::Bush, Vec2::new(60.6, 25.0), Vec2::new(60.6, 46.0), 2.5, Vec2::X, 0.6);
    sketch.props(PropKind::Bush, Vec2::new(17.0, 46.0), Vec2::new(21.5, 46.0), 1.6, Vec2::X, 0.8);
    sketch.props(PropKind::Flag, Vec2::new(44.0, 55.0), Vec2::new(60.0, 55.0), 5.0, south, 1.0);
    sketch.props(PropKind::Bollard, Vec2::new(24.0, 14.6), Vec2::new(36.0, 14.6), 2.0, south, 1.0);
    for at in [Vec2::new(34.0, 16.2), Vec2::new(63.0, 15.2), Vec2::new(28.0, 56.0)] {
        sketch.prop(PropKind::Bin, at, south);
    }
    sketch.prop(PropKind::Cabinet, Vec2::new(54.0, 15.6), south);
}

fn site_and_school(sketch: &mut Sketch) {
    let v = Vec2::new;
    let (gap, front) = (places::SITE_GAP.x, places::SITE_GAP.y);
    for (from, to) in [
        (v(40.0, front), v(gap - 3.0, front)),
        (v(gap + 3.0, front), v(85.0, front)),
        (v(40.0, front), v(40.0, -58.0)),
        (v(84.4, front), v(84.4, -58.0)),
        (v(40.0, -58.0), v(84.0, -58.0)),
    ] {
        sketch.panels(PropKind::Fence, from, to);
    }
    for (at, facing) in [(v(78.0, -26.0), Vec2::X), (v(78.0, -34.0), Vec2::X), (v(46.0, -44.0), Vec2::Y)] {
        sketch.prop(PropKind::Container, at, facing);
    }
    for at in [v(54.0, -40.0), v(61.0, -43.0), v(70.0, -39.0), v(45.0, -33.0), v(66.0, -50.0)] {
        sketch.prop(PropKind::Heap, at, Vec2::X);
    }
    let gate = places::SCHOOL_GATE;
    sketch.prop(PropKind::Gate, gate, Vec2::Y);
    sketch.panels(PropKind::Fence, v(-78.0, gate.y), v(gate.x - 3.4, gate.y));
    sketch.panels(PropKind::Fence, v(gate.x + 3.4, gate.y), v(-40.0, gate.y));
    sketch.props(PropKind::Tree, v(-76.0, -20.0), v(-64.0, -20.0), 5.0, Vec2::Y, 1.0);
    sketch.props(PropKind::Bush, v(-76.0, -17.4), v(-63.0, -17.4), 2.2, Vec2::Y, 0.8);
    sketch.prop(PropKind::Flag, v(-50.0, -26.0), Vec2::Y);
}

fn river(sketch: &mut Sketch) {
    let (from, to) = places::RAILING_GAP;
    let row = |x: f32| Vec2::new(x, -112.0);
    sketch.panels(PropKind::Railing, row(-150.0), row(from));
    sketch.panels(PropKind::Railing, row(to), row(-14.4));
    sketch.panels(PropKind::Railing, row(14.4), row(150.0));
    for side in [-14.1, 14.1] {
        sketch.panels(PropKind::Railing, Vec2::new(side, -200.0), Vec2::new(side, -112.0));
    }
    for (from, to) in [(-150.0, -20.0), (20.0, 150.0)] {
        sketch.props(PropKind::Tree, Vec2::new(from, -101.5), Vec2::new(to, -101.5), 8.0, Vec2::Y, 0.8);
        sketch.props(PropKind::Lamp, Vec2::new(from, -104.2), Vec2::new(to, -104.2), 24.0, -Vec2::Y, 1.0);
        sketch.props(PropKind::Bush, Vec2::new(from, -114.0), Vec2::new(to, -114.0), 6.0, Vec2::Y, 0.3);
    }
    sketch.prop(PropKind::Bench, Vec2::new(-41.0, -103.9), -Vec2::Y);
    sketch.prop(PropKind::Bench, Vec2::new(-30.0, -103.9), -Vec2::Y);
}

fn street_furniture(sketch: &mut Sketch) {
    let kerb = streets::KERB_M + 0.75;
    for (from, to) in [(-160.0, -24.0), (24.0, 160.0)] {
        for side in [-kerb, kerb] {
            // The side street's mouth is no place for trees.
            let pieces = if from < 0.0 && side > 0.0 { vec![(from, -105.0), (-85.0, to)] } else { vec![(from, to)] };
            for (from, to) in pieces {
                let line = |y: f32| (Vec2::new(from, y), Vec2::new(to, y));
                sketch.props(PropKind::Tree, line(side).0, line(side).1, 9.0, -side * Vec2::Y, 0.75);
                sketch.props(PropKind::Lamp, line(side).0, line(side).1, 25.0, -side * Vec2::Y, 1.0);
            }
            let end = if from < 0.0 { -100.0 } else { to };
            let line = |x: f32| {
                if from < 0.0 { (Vec2::new(x, end), Vec2::new(x, to)) } else { (Vec2::new(x, from), Vec2::new(x, end)) }
            };
            sketch.props(PropKind::Tree, line(side).0, line(side).1, 9.0, -side * Vec2::X, 0.75);
            sketch.props(PropKind::Lamp, line(side).0, line(side).1, 25.0, -side * Vec2::X, 1.0);
        }
    }
    for arm in 0..4u8 {
        let turn = Vec2::from_angle(f32::from(arm) * std::f32::consts::FRAC_PI_2);
        sketch.prop(PropKind::TrafficLight, turn.rotate(Vec2::new(9.7, 14.6)), turn.rotate(Vec2::X));
        sketch.prop(PropKind::TrafficLight, turn.rotate(Vec2::new(-9.7, 14.6)), turn.rotate(Vec2::X));
        for (along, aside) in [(9.5, 9.9), (9.9, 9.5)] {
            sketch.prop(PropKind::Bollard, turn.rotate(Vec2::new(along, aside)), Vec2::X);
        }
    }
    sketch.props(PropKind::Lamp, Vec2::new(-99.6, 24.0), Vec2::new(-99.6, 150.0), 24.0, Vec2::X, 1.0);
    sketch.prop(PropKind::Shelter, Vec2::new(-52.0, 14.4), -Vec2::Y);
    sketch.prop(PropKind::Bin, Vec2::new(-58.6, 13.9), -Vec2::Y);
    for at in [Vec2::new(28.0, -14.6), Vec2::new(-70.0, 14.6), Vec2::new(-14.7, 62.0), Vec2::new(100.0, 14.6)] {
        sketch.prop(PropKind::Cabinet, at, Vec2::X);
    }
}

/// Cars in the side street's bays and in the car park.
fn parked(sketch: &mut Sketch) -> Vec<Actor> {
    let mut places: Vec<(Vec2, f32)> = Vec::new();
    for bay in 0..19u8 {
        places.push((Vec2::new(-92.35, 27.0 + 6.0 * f32::from(bay)), std::f32::consts::FRAC_PI_2));
    }
    for row in [42.0, 52.0, 62.0, 70.0] {
        for bay in 0..12u8 {
            places.push((Vec2::new(-75.0 + 2.9 * f32::from(bay), row), std::f32::consts::FRAC_PI_2));
        }
    }
    let seed = sketch.look();
    let chosen = (0u32..).zip(places).filter(|(n, _)| unit(seed, *n) < 0.75);
    chosen
        .map(|(n, (at, heading))| {
            let way = if unit(seed, n + 1000) < 0.8 { heading } else { heading + std::f32::consts::PI };
            parked_car(hash(seed, n + 2000), at, way)
        })
        .collect()
}

/// A car that stands; its id is given later.
pub(super) fn parked_car(look: u32, at: Vec2, heading_rad: f32) -> Actor {
    Actor {
        id: 0,
        kind: ActorKind::Car,
        look,
        at,
        base_m: 0.0,
        heading_rad,
        velocity_mps: Vec2::ZERO,
        pose: Pose::Rest,
        carried_by: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_ways_are_connected_and_keep_off_the_buildings() {
        let plan = city(3, &[]);
        for node in 0..plan.net.nodes.len() {
            assert!(plan.net.distance_m(0, node).is_finite(), "{}", plan.net.nodes[node]);
        }
        for leg in plan.net.legs() {
            for step in 0..=50u8 {
                let at = leg.from.lerp(leg.to, f32::from(step) / 50.0);
                let wall = plan.layout.buildings.iter().find(|building| building.covers(at, leg.half_m + 0.2));
                assert_eq!(wall, None, "{leg:?}");
            }
        }
    }
}
