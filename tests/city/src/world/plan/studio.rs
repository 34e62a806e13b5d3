//! Small places for training and for tests of detectors: rooms, yards, roads and car parks, each with one camera that
//! stands where the city's do not: inside and near, or high and steep.

use glam::Vec2;

use super::{
    super::{
        actor::Actor,
        chance::{between, hash, unit},
        layout::{PropKind, Surface},
        net::{Gate, Leg, Net},
        route::{Route, Traffic},
    },
    Obstacle, Plan,
    blocks::{distance_m, parked_car, radius_m},
    sketch::Sketch,
};

/// Where the camera stands and looks, in plan coordinates.
#[derive(Debug, Clone, Copy)]
pub(in crate::world) struct Stand {
    pub(in crate::world) at: Vec2,
    pub(in crate::world) height_m: f32,
    /// Direction of its view over the ground.
    pub(in crate::world) way: Vec2,
    pub(in crate::world) tilt_deg: f32,
    pub(in crate::world) fov_deg: f32,
}

/// A place of the seed, its camera, and whether it is inside.
pub(in crate::world) fn studio(seed: u32) -> (Plan, Stand, bool) {
    let mut sketch = Sketch::new(hash(seed, 77));
    match unit(seed, 1) {
        kind if kind < 0.32 => {
            let (plan, stand) = room(&mut sketch);
            (plan, stand, true)
        }
        kind if kind < 0.6 => {
            let (plan, stand) = yard(&mut sketch);
            (plan, stand, false)
        }
        kind if kind < 0.82 => {
            let (plan, stand) = road(&mut sketch);
            (plan, stand, false)
        }
        _ => {
            let (plan, stand) = car_park(&mut sketch);
            (plan, stand, false)
        }
    }
}

fn room(sketch: &mut Sketch) -> (Plan, Stand) {
    let half = Vec2::new(sketch.between(3.2, 8.5), sketch.between(3.0, 6.5));
    let surface = sketch.one_of(&[Surface::Floor, Surface::Floor, Surface::Pavement, Surface::Plaza, Surface::Asphalt]);
    sketch.rect(surface, (-half.x, half.x), (-half.y, half.y));
    let height = sketch.between(3.0, 5.0);
    let wall = 0.3;
    let (x, y) = (half.x + wall, half.y + wall);
    sketch.building((-x, x), (half.y, y), height);
    sketch.building((-x, x), (-y, -half.y), height);
    sketch.building((half.x, x), (-half.y, half.y), height);
    sketch.building((-x, -half.x), (-half.y, half.y), height);
    let count = sketch.between(1.0, 6.0) as u32;
    scatter(sketch, &[PropKind::Table, PropKind::Table, PropKind::Cabinet, PropKind::Bin], count, half - 0.9);
    // In a corner or at a wall, looking at about the middle.
    let corner = Vec2::new(sketch.between(-1.0, 1.0), if sketch.between(0.0, 1.0) < 0.5 { -1.0 } else { 1.0 });
    let at = corner * (half - 0.35);
    let towards = Vec2::new(sketch.between(-0.35, 0.35), sketch.between(-0.35, 0.35)) * half;
    let stand = Stand {
        at,
        height_m: sketch.between(2.4, height.min(4.0)),
        way: (towards - at).normalize_or(Vec2::X),
        tilt_deg: sketch.between(12.0, 50.0),
        fov_deg: sketch.between(50.0, 95.0),
    };
    let people = sketch.between(1.0, 7.5);
    (inhabit(sketch, half - 0.6, people, Vec::new(), Vec::new()), stand)
}

fn yard(sketch: &mut Sketch) -> (Plan, Stand) {
    let half = Vec2::new(sketch.between(7.0, 16.0), sketch.between(6.0, 12.0));
    let surfaces =
        [Surface::Pavement, Surface::Plaza, Surface::Asphalt, Surface::Earth, Surface::Grass, Surface::Floor];
    let (around, inner) = (sketch.one_of(&surfaces), sketch.one_of(&surfaces));
    sketch.rect(around, (-120.0, 120.0), (-120.0, 120.0));
    sketch.rect(inner, (-half.x, half.x), (-half.y, half.y));
    let height = sketch.between(4.0, 25.0);
    let front = half.y + sketch.between(0.5, 8.0);
    sketch.row((-70.0, 70.0), (front, front + 12.0), (height, height * 1.6));
    if sketch.between(0.0, 1.0) < 0.6 {
        let side = half.x + sketch.between(1.0, 12.0);
        sketch.row((side, side + 12.0), (-50.0, front - 0.5), (height * 0.7, height));
    }
    let kinds = [PropKind::Tree, PropKind::Bush, PropKind::Bench, PropKind::Lamp, PropKind::Bin, PropKind::Bollard];
    let count = sketch.between(2.0, 12.0) as u32;
    scatter(sketch, &kinds, count, half);
    let at = Vec2::new(sketch.between(-0.7, 0.7) * half.x, -half.y - sketch.between(0.0, 2.0));
    let towards = Vec2::new(sketch.between(-0.4, 0.4), sketch.between(-0.2, 0.5)) * half;
    let stand = Stand {
        at,
        height_m: sketch.between(2.5, 6.0),
        way: (towards - at).normalize_or(Vec2::Y),
        tilt_deg: sketch.between(10.0, 45.0),
        fov_deg: sketch.between(45.0, 90.0),
    };
    let people = sketch.between(2.0, 12.0);
    (inhabit(sketch, half, people, Vec::new(), Vec::new()), stand)
}

/// A straight road along x, seen steeply.
fn road(sketch: &mut Sketch) -> (Plan, Stand) {
    let lanes = sketch.between(1.0, 3.99) as u8;
    let width = sketch.between(3.2, 3.9);
    let kerb = f32::from(lanes) * width + 0.6;
    let around = sketch.one_of(&[Surface::Pavement, Surface::Grass, Surface::Earth, Surface::Asphalt]);
    sketch.rect(around, (-150.0, 150.0), (-60.0, 60.0));
    sketch.rect(Surface::Pavement, (-150.0, 150.0), (-kerb - 4.0, kerb + 4.0));
    sketch.rect(Surface::Kerb, (-150.0, 150.0), (-kerb - 0.25, kerb + 0.25));
    sketch.rect(Surface::Asphalt, (-150.0, 150.0), (-kerb, kerb));
    sketch.stroke(Vec2::new(-150.0, 0.0), Vec2::new(150.0, 0.0), 0.15);
    let mut routes = Vec::new();
    let speed_mps = sketch.between(4.0, 15.0);
    let one_way = sketch.between(0.0, 1.0) < 0.4;
    for lane in 0..lanes {
        for side in [-1.0, 1.0f32] {
            let y = side * (f32::from(lane) + 0.5) * width;
            if lane > 0 {
                let edge = side * f32::from(lane) * width;
                sketch.dashes(Vec2::new(-150.0, edge), Vec2::new(150.0, edge), (4.0, 6.0));
            }
            // Traffic on the right: y below the middle goes east.
            let east = one_way || side < 0.0;
            let ends = if east { (-110.0, 110.0) } else { (110.0, -110.0) };
            let traffic = if lane + 1 == lanes { Traffic::All } else { Traffic::Cars };
            let per_min = sketch.between(4.0, 22.0);
            routes.push(Route::new(vec![Vec2::new(ends.0, y), Vec2::new(ends.1, y)], traffic, per_min, speed_mps));
        }
    }
    for side in [-1.0, 1.0f32] {
        let y = side * (kerb - 0.1 + 0.8);
        let ends = if side < 0.0 { (-60.0, 60.0) } else { (60.0, -60.0) };
        let per_min = sketch.between(0.0, 5.0);
        routes.push(Route::new(vec![Vec2::new(ends.0, y), Vec2::new(ends.1, y)], Traffic::Cycles, per_min, 4.4));
        let line = (Vec2::new(-40.0, side * (kerb + 4.6)), Vec2::new(40.0, side * (kerb + 4.6)));
        sketch.props(PropKind::Tree, line.0, line.1, 8.0, Vec2::X, 0.5);
        sketch.props(PropKind::Lamp, line.0, line.1, 24.0, Vec2::X, 0.7);
    }
    let stand = steep(sketch, kerb + 2.0);
    let people = sketch.between(0.0, 5.0);
    let mut plan = Plan { routes, people, ..Plan::default() };
    for side in [-1.0, 1.0f32] {
        let y = side * (kerb + 2.6);
        plan.net.line(
            &[Vec2::new(-22.0, y), Vec2::new(-7.0, y), Vec2::new(8.0, y), Vec2::new(22.0, y)],
            0.9,
            Gate::Open,
        );
    }
    // One may cross the road.
    let kerb = kerb + 2.6;
    plan.net.line(&[Vec2::new(8.0, -kerb), Vec2::new(8.0, kerb)], 0.8, Gate::Gap);
    (finish(sketch, plan), stand)
}

fn car_park(sketch: &mut Sketch) -> (Plan, Stand) {
    let ground = sketch.one_of(&[Surface::Asphalt, Surface::Asphalt, Surface::Pavement, Surface::Earth]);
    sketch.rect(ground, (-90.0, 90.0), (-60.0, 60.0));
    let (bay, deep, aisle) = (sketch.between(2.5, 2.9), 5.4, sketch.between(5.5, 8.0));
    let full = sketch.between(0.25, 0.98);
    let (mut parked, mut routes): (Vec<Actor>, Vec<Route>) = (Vec::new(), Vec::new());
    for block in -2..=2i8 {
        let y = f32::from(block) * (2.0 * deep + aisle);
        for side in [-1.0, 1.0f32] {
            let row = y + side * deep / 2.0;
            let mut x = -24.0;
            while x < 24.0 {
                sketch.stroke(Vec2::new(x, y), Vec2::new(x, y + side * deep), 0.1);
                if sketch.between(0.0, 1.0) < full {
                    let nose = if sketch.between(0.0, 1.0) < 0.6 { side } else { -side };
                    let aside = Vec2::new(sketch.between(-0.2, 0.2), sketch.between(-0.3, 0.3));
                    let look = sketch.look();
                    let heading = nose * std::f32::consts::FRAC_PI_2 + between(look, 5, -0.06, 0.06);
                    parked.push(parked_car(look, Vec2::new(x + bay / 2.0, row) + aside, heading));
                }
                x += bay;
            }
        }
        let lane = y + deep + aisle / 2.0;
        let way = if block % 2 == 0 { 1.0 } else { -1.0 };
        let ends = vec![Vec2::new(-70.0 * way, lane), Vec2::new(70.0 * way, lane)];
        let (per_min, speed_mps) = (sketch.between(2.0, 9.0), sketch.between(2.5, 5.0));
        routes.push(Route::new(ends, Traffic::Cars, per_min, speed_mps));
    }
    let stand = steep(sketch, 6.0);
    let people = sketch.between(1.0, 6.0);
    let mut plan = Plan { routes, parked, people, ..Plan::default() };
    let y = deep + aisle / 2.0 - 1.8;
    plan.net.line(&[Vec2::new(-20.0, y), Vec2::new(-6.0, y), Vec2::new(7.0, y), Vec2::new(20.0, y)], 0.5, Gate::Open);
    (finish(sketch, plan), stand)
}

/// A camera high above, so far at most from the middle of what it looks at.
fn steep(sketch: &mut Sketch, reach_m: f32) -> Stand {
    let tilt_deg = sketch.between(48.0, 84.0);
    let height_m = sketch.between(6.0, 15.0);
    let angle = sketch.between(0.0, std::f32::consts::TAU);
    let target = Vec2::new(sketch.between(-5.0, 5.0), sketch.between(-0.5, 0.5) * reach_m);
    let way = Vec2::from_angle(angle);
    let at = target - way * (height_m / tilt_deg.to_radians().tan());
    Stand { at, height_m, way, tilt_deg, fov_deg: sketch.between(48.0, 85.0) }
}

/// Furniture at random, with ways between.
fn scatter(sketch: &mut Sketch, kinds: &[PropKind], count: u32, half: Vec2) {
    for _ in 0..count * 4 {
        let at = Vec2::new(sketch.between(-1.0, 1.0), sketch.between(-1.0, 1.0)) * half;
        let free = |other: &super::super::Prop| other.at.distance(at) > 2.4;
        if sketch.layout.props.len() < count as usize && sketch.layout.props.iter().all(free) {
            let kind = sketch.one_of(kinds);
            let angle = sketch.between(0.0, std::f32::consts::TAU);
            sketch.prop(kind, at, Vec2::from_angle(angle));
        }
    }
}

/// Points all over an area, some of them at tables and benches, joined where nothing is between.
fn inhabit(sketch: &mut Sketch, half: Vec2, people: f32, routes: Vec<Route>, parked: Vec<Actor>) -> Plan {
    let mut plan = Plan { routes, parked, people, ..Plan::default() };
    let blocked = |at: Vec2, to: Vec2, sketch: &Sketch| {
        sketch.layout.props.iter().any(|prop| distance_m(prop.at, at, to) < radius_m(prop.kind) + 0.35)
    };
    let mut points: Vec<Vec2> = Vec::new();
    for index in 0..sketch.layout.props.len() {
        #[allow(clippy::approx_constant, reason = "another end makes other places of the same seeds")]
        let beside = sketch.layout.props[index].at + Vec2::from_angle(sketch.between(0.0, 6.28)) * 1.35;
        if beside.abs().cmplt(half).all() && !blocked(beside, beside, sketch) {
            points.push(beside);
        }
    }
    for _ in 0..40 {
        let at = Vec2::new(sketch.between(-1.0, 1.0), sketch.between(-1.0, 1.0)) * half;
        if points.len() < 14 && !blocked(at, at, sketch) && points.iter().all(|other| other.distance(at) > 0.8) {
            points.push(at);
        }
    }
    for (index, from) in points.iter().enumerate() {
        for to in &points[index + 1..] {
            if !blocked(*from, *to, sketch) {
                plan.net.line(&[*from, *to], 0.25, Gate::Open);
            }
        }
    }
    finish(sketch, plan)
}

fn finish(sketch: &mut Sketch, mut plan: Plan) -> Plan {
    if plan.net.nodes.is_empty() {
        plan.people = 0.0;
    }
    keep_largest(&mut plan.net);
    plan.net.finish();
    plan.layout = std::mem::take(&mut sketch.layout);
    let obstacles = plan.layout.props.iter().map(|prop| Obstacle { at: prop.at, radius_m: radius_m(prop.kind) });
    plan.obstacles = obstacles.filter(|obstacle| obstacle.radius_m > 0.0).collect();
    plan.roam = true;
    plan
}

/// Ways that hang together with the first one; who is on an island would never leave it.
fn keep_largest(net: &mut Net) {
    net.finish();
    let legs: Vec<Leg> = net.legs().collect();
    let mut kept = Net::default();
    for leg in legs {
        if net.distance_m(0, net.nearest(leg.from)).is_finite() {
            kept.line(&[leg.from, leg.to], leg.half_m, leg.gate);
        }
    }
    *net = kept;
}
