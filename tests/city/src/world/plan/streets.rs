//! The ground: streets with their paint, pavements, the square, the site, the river.

use glam::Vec2;

use super::{
    super::layout::{Name, NameKind, Surface},
    places,
    sketch::Sketch,
};

/// How far streets and ground go on from the middle; people and vehicles use less of it.
pub(super) const REACH_M: f32 = 210.0;
/// From a street's middle to its kerb.
pub(super) const KERB_M: f32 = 9.0;
/// Where stop lines are, from the middle of the crossing.
pub(super) const STOP_M: f32 = 16.5;
/// The side street's kerbs.
pub(super) const SIDE_X: (f32, f32) = (-99.0, -91.0);

pub(super) fn draw(sketch: &mut Sketch) {
    let all = (-REACH_M, REACH_M);
    sketch.rect(Surface::Pavement, all, (-112.0, REACH_M));
    areas(sketch);
    for kerb in [0.0, -0.25] {
        let (surface, half) = if kerb == 0.0 { (Surface::Kerb, KERB_M + 0.25) } else { (Surface::Asphalt, KERB_M) };
        sketch.rect(surface, all, (-half, half));
        sketch.rect(surface, (-half, half), all);
        let grow = half - KERB_M;
        sketch.rect(surface, (SIDE_X.0 - grow, SIDE_X.1 + grow), (KERB_M - 1.0, REACH_M));
    }
    lanes(sketch);
    crossings(sketch);
    side_street(sketch);
    sketch.layout.names = names();
}

/// As the cameras' names have them.
fn names() -> Vec<Name> {
    let name = |kind, (zh, en), line: &[(f32, f32)]| Name {
        kind,
        zh,
        en,
        line: line.iter().map(|(x, y)| Vec2::new(*x, *y)).collect(),
    };
    let side = (SIDE_X.0 + SIDE_X.1) / 2.0;
    vec![
        name(NameKind::Street, ("解放路", "Jiefang Road"), &[(-REACH_M, 0.0), (REACH_M, 0.0)]),
        name(NameKind::Street, ("人民路", "Renmin Road"), &[(0.0, -REACH_M), (0.0, REACH_M)]),
        name(NameKind::Street, ("书院巷", "Shuyuan Lane"), &[(side, KERB_M), (side, REACH_M)]),
        name(NameKind::River, ("清江", "Qing River"), &[(-REACH_M, -165.0), (REACH_M, -165.0)]),
        name(NameKind::Place, ("市民广场", "Citizens' Square"), &[(40.0, 38.0)]),
        name(NameKind::Place, ("实验小学", "Primary School"), &[(-57.0, -26.0)]),
        name(NameKind::Place, ("地铁工地", "Metro Construction Site"), &[(62.0, -38.0)]),
        name(NameKind::Place, ("滨江步道", "Riverside Promenade"), &[(-70.0, -108.0)]),
    ]
}

fn areas(sketch: &mut Sketch) {
    sketch.rect(Surface::Plaza, (14.0, 64.0), (14.0, 58.0));
    // A stage of boards, and lawns beside the ways.
    let stage = places::STAGE;
    sketch.rect(Surface::Kerb, (stage.from.x - 0.2, stage.to.x + 0.2), (stage.from.y - 0.2, stage.to.y + 0.2));
    sketch.rect(Surface::Floor, (stage.from.x, stage.to.x), (stage.from.y, stage.to.y));
    sketch.rect(Surface::Grass, (16.5, 22.0), (42.5, 47.0));
    sketch.rect(Surface::Grass, (59.5, 63.5), (24.0, 46.0));
    sketch.rect(Surface::Earth, (40.0, 84.0), (-58.0, -15.3));
    sketch.rect(Surface::Grass, (-78.0, -62.5), (-33.0, -16.0));
    sketch.rect(Surface::Plaza, (-62.5, -40.0), (-33.0, -15.5));
    sketch.rect(Surface::CycleLane, (-78.0, -40.0), (-76.0, -52.0));
    sketch.rect(Surface::Asphalt, (-78.0, -40.0), (36.0, 76.0));
    // The river: promenade, bank, water.
    let all = (-REACH_M, REACH_M);
    sketch.rect(Surface::Grass, all, (-104.0, -99.0));
    sketch.rect(Surface::Plaza, all, (-112.0, -104.0));
    sketch.rect(Surface::Grass, all, (-120.0, -112.0));
    sketch.rect(Surface::Kerb, places::RAILING_GAP, (-118.0, -112.0));
    sketch.rect(Surface::Pavement, places::RAILING_GAP, (-117.6, -112.4));
    sketch.rect(Surface::Water, all, (-REACH_M - 60.0, -120.0));
    // The bridge carries the street's pavements over it.
    sketch.rect(Surface::Pavement, (-14.0, 14.0), (-REACH_M, -104.0));
}

/// Paint and cycle lanes of the main streets: both are the same, one turned.
fn lanes(sketch: &mut Sketch) {
    let ends = [(-REACH_M, -STOP_M), (STOP_M, REACH_M)];
    for (from, to) in ends {
        for side in [-1.0, 1.0f32] {
            let cycle = (7.0 * side, KERB_M * side);
            let cycle = (cycle.0.min(cycle.1), cycle.0.max(cycle.1));
            sketch.rect(Surface::CycleLane, (from, to), cycle);
            sketch.rect(Surface::CycleLane, cycle, (from, to));
            for (x, dashed) in [(0.14, false), (3.5, true), (7.0, false)] {
                let x = x * side;
                for turned in [false, true] {
                    let point = |s: f32| if turned { Vec2::new(x, s) } else { Vec2::new(s, x) };
                    // From the crossing outwards, so that dashes begin there.
                    let (near, far) = if from < 0.0 { (to, from) } else { (from, to) };
                    if dashed {
                        sketch.dashes(point(near), point(far), (4.0, 6.0));
                    } else {
                        sketch.stroke(point(near), point(far), 0.14);
                    }
                }
            }
        }
    }
}

/// Zebra bars and stop lines of the four arms.
fn crossings(sketch: &mut Sketch) {
    for arm in 0..4u8 {
        let turn = Vec2::from_angle(f32::from(arm) * std::f32::consts::FRAC_PI_2);
        let mut across = -8.5f32;
        while across < 8.6 {
            sketch.stroke(turn.rotate(Vec2::new(10.2, across)), turn.rotate(Vec2::new(13.8, across)), 0.45);
            across += 1.0;
        }
        // Traffic on the right: on this arm it comes towards the middle on the north side, turned with the arm.
        let (from, to) = (Vec2::new(STOP_M - 0.6, 0.3), Vec2::new(STOP_M - 0.6, 8.8));
        sketch.stroke(turn.rotate(from), turn.rotate(to), 0.35);
    }
}

fn side_street(sketch: &mut Sketch) {
    // Parking bays on its east side, arrows on its lane.
    sketch.stroke(Vec2::new(-93.6, 24.0), Vec2::new(-93.6, 140.0), 0.12);
    let mut y = 24.0;
    while y < 141.0 {
        sketch.stroke(Vec2::new(-93.6, y), Vec2::new(-91.1, y), 0.12);
        y += 6.0;
    }
    for y in [30.0, 55.0, 85.0, 115.0] {
        sketch.stroke(Vec2::new(-96.5, y), Vec2::new(-96.5, y + 2.4), 0.15);
        let (left, right, tip) = (Vec2::new(-96.9, y + 2.2), Vec2::new(-96.1, y + 2.2), Vec2::new(-96.5, y + 3.6));
        sketch.polygon(Surface::Paint, vec![left, right, tip]);
    }
    // A crossing at its mouth.
    let mut x = SIDE_X.0 + 0.6;
    while x < SIDE_X.1 {
        sketch.stroke(Vec2::new(x, 10.6), Vec2::new(x, 13.4), 0.45);
        x += 1.0;
    }
}
