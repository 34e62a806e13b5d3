//! Places that no city camera shows: rooms and yards with people close by, and roads and car parks, many of them seen
//! steeply from above. They exist for training only, so their world is paths with pauses and nothing more.

use glam::Vec2;
use rand::rngs::StdRng;
use rand::{Rng, RngExt};
use std::f32::consts::{FRAC_PI_2, PI, TAU};

use crate::camera::Camera;
use crate::world::{Actor, ActorKind, Building, Ground, Layout, Light, Pose, Prop, PropKind, Surface};

/// One place with one camera.
pub(super) struct Studio {
    pub(super) layout: Layout,
    pub(super) camera: Camera,
    pub(super) light: Light,
    movers: Vec<Mover>,
}

/// Goes along its points at its speed, stands at one of them for a while, and comes again after a period.
pub(super) struct Mover {
    kind: ActorKind,
    look: u32,
    points: Vec<Vec2>,
    speed_mps: f32,
    /// Index of the point to stand at, and for how long; the last point for one that stays.
    pause: (usize, f32),
    first_s: f32,
    period_s: f32,
    /// A bag in the hand, which stays behind at the pause where `leaves` is set.
    bag: Option<u32>,
    leaves: bool,
}

impl Studio {
    /// A random place.
    pub(super) fn new(rng: &mut StdRng) -> Studio {
        if rng.random_bool(0.55) { room(rng, false) } else { road(rng) }
    }

    /// A room whose camera looks at people from a few steps away, so that they fill its picture.
    pub(super) fn close(rng: &mut StdRng) -> Studio {
        room(rng, true)
    }

    /// Who is there at a time.
    pub(super) fn actors(&self, t_s: f32) -> Vec<Actor> {
        let mut actors = Vec::new();
        for (index, mover) in (0u32..).zip(&self.movers) {
            mover.show(index * 2 + 1, t_s, &mut actors);
        }
        actors
    }
}

impl Mover {
    /// The same, who set out some part of a period before that time.
    pub(super) fn on_the_way(mut self, rng: &mut StdRng, t_s: f32) -> Self {
        self.first_s = t_s - rng.random_range(0.0..self.period_s);
        self
    }

    /// Adds who is there at a time, and what he carries or has left, under this identity and the next.
    pub(super) fn show(&self, id: u32, t_s: f32, actors: &mut Vec<Actor>) {
        let since = t_s - self.first_s;
        if since < 0.0 {
            return;
        }
        let Some(step) = self.at(since % self.period_s) else { return };
        let velocity = step.heading * if step.stands { 0.0 } else { self.speed_mps };
        let moves = Actor {
            id,
            kind: self.kind,
            look: self.look,
            at: step.at,
            base_m: 0.0,
            heading_rad: step.heading.to_angle(),
            velocity_mps: velocity,
            pose: self.pose(since, step.stands),
            carried_by: None,
        };
        if let Some(look) = self.bag {
            let left = self.leaves && step.after_pause;
            let (at, base_m) = if left {
                (self.points[self.pause.0] + Vec2::new(0.5, 0.2), 0.0)
            } else {
                (step.at + step.heading.perp() * 0.36, 0.35)
            };
            actors.push(Actor {
                id: id + 1,
                kind: ActorKind::Bag,
                look,
                at,
                base_m,
                velocity_mps: if left { Vec2::ZERO } else { velocity },
                pose: Pose::Rest,
                carried_by: (!left).then_some(id),
                heading_rad: moves.heading_rad,
            });
        }
        actors.push(moves);
    }

    fn pose(&self, since: f32, stands: bool) -> Pose {
        let cycles = |metres: f32| (since * self.speed_mps / metres).fract();
        match self.kind {
            ActorKind::Pedestrian if stands => Pose::Stand { phase: (since * 0.2).fract() },
            ActorKind::Pedestrian => Pose::Walk { phase: cycles(1.4) },
            ActorKind::Cyclist => Pose::Ride { phase: cycles(4.0) },
            _ => Pose::Drive { braking: stands },
        }
    }

    fn at(&self, mut since: f32) -> Option<Step> {
        for (index, pair) in self.points.windows(2).enumerate() {
            let (way, heading) = (pair[1] - pair[0], (pair[1] - pair[0]).normalize_or(Vec2::X));
            if self.pause.0 == index {
                if since < self.pause.1 {
                    let after_pause = since > self.pause.1 * 0.6;
                    return Some(Step { at: pair[0], heading, stands: true, after_pause });
                }
                since -= self.pause.1;
            }
            let takes = way.length() / self.speed_mps;
            if since < takes {
                let at = pair[0] + way * (since / takes);
                return Some(Step { at, heading, stands: false, after_pause: index >= self.pause.0 });
            }
            since -= takes;
        }
        None
    }
}

struct Step {
    at: Vec2,
    heading: Vec2,
    stands: bool,
    after_pause: bool,
}

fn light(rng: &mut StdRng, hours: std::ops::Range<f32>) -> Light {
    let wet = rng.random_bool(0.1);
    let rain = if wet { rng.random_range(0.1..0.8) } else { 0.0 };
    Light::at_hour(rng.random_range(hours), rng.random_range(0.0..1.0), rain, rng.random_range(0.0..1.0))
}

fn camera(height_m: f32, tilt_deg: f32, fov_deg: f32) -> Camera {
    Camera {
        id: "studio".into(),
        name_zh: "训练".into(),
        name_en: "studio".into(),
        department: "training".into(),
        physical: "studio".into(),
        at: Vec2::ZERO,
        height_m,
        heading_deg: 0.0,
        tilt_deg,
        fov_deg,
        size_px: (640, 360),
        fps: 12.5,
        rules: Vec::new(),
        faults: Vec::new(),
    }
}

fn square(at: Vec2, half: Vec2, angle_rad: f32) -> Vec<Vec2> {
    let turn = Vec2::from_angle(angle_rad);
    [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)]
        .map(|(x, y)| at + turn.rotate(Vec2::new(x * half.x, y * half.y)))
        .to_vec()
}

pub(super) fn one_of<T: Copy>(rng: &mut StdRng, all: &[T]) -> T {
    all[rng.random_range(0..all.len())]
}

/// People close to a camera in a corner: a floor, a wall or two, some furniture.
fn room(rng: &mut StdRng, close: bool) -> Studio {
    let tilt_deg = if close { rng.random_range(8.0..36.0) } else { rng.random_range(12.0..58.0) };
    let height_m = if close { rng.random_range(1.4..3.2) } else { rng.random_range(2.3..5.0) };
    let camera =
        camera(height_m, tilt_deg, if close { rng.random_range(42.0..70.0) } else { rng.random_range(45.0..100.0) });
    // Where the middle of the picture meets the floor, at most so many metres away.
    let middle = (camera.height_m / tilt_deg.to_radians().tan()).min(if close { 5.0 } else { 12.0 });
    let floors = [Surface::Floor, Surface::Floor, Surface::Plaza, Surface::Pavement, Surface::Asphalt, Surface::Earth];
    let mut layout = Layout::default();
    let floor = one_of(rng, &floors);
    let angle = rng.random_range(0.0..TAU);
    layout.ground.push(Ground {
        surface: floor,
        outline: square(Vec2::new(0.0, middle), Vec2::splat(40.0), angle),
        look: rng.next_u32(),
    });
    let wall_m = middle * rng.random_range(1.1..2.2) + 0.6;
    if rng.random_bool(0.75) {
        layout.buildings.push(Building {
            at: Vec2::new(0.0, wall_m + 3.0),
            size_m: Vec2::new(60.0, 6.0),
            heading_rad: rng.random_range(-0.25..0.25),
            height_m: rng.random_range(2.5..9.0),
            look: rng.next_u32(),
        });
    }
    let kinds = [
        PropKind::Table,
        PropKind::Table,
        PropKind::Bench,
        PropKind::Cabinet,
        PropKind::Bin,
        PropKind::Bollard,
        PropKind::Bush,
    ];
    for _ in 0..rng.random_range(0..14) {
        layout.props.push(Prop {
            kind: one_of(rng, &kinds),
            at: Vec2::new(rng.random_range(-6.0..6.0), middle * rng.random_range(0.6..2.0)),
            heading_rad: rng.random_range(0.0..TAU),
            scale: rng.random_range(0.7..1.4),
            look: rng.next_u32(),
        });
    }
    let near = |rng: &mut StdRng| Vec2::new(rng.random_range(-0.9..0.9) * middle, middle * rng.random_range(0.45..1.5));
    // In half of the close ones people come one after the other, and the room is empty between them.
    let alone = close && rng.random_bool(0.5);
    let people = if alone { rng.random_range(1..3) } else { rng.random_range(1..8) };
    let movers = (0..people)
        .map(|_| {
            let side = |rng: &mut StdRng| match rng.random_range(0..4) {
                0 => Vec2::new(rng.random_range(-2.0..2.0), 0.1),
                1 => Vec2::new(-2.2 * middle - 2.0, middle),
                2 => Vec2::new(2.2 * middle + 2.0, middle),
                _ => Vec2::new(rng.random_range(-3.0..3.0), wall_m - 0.8),
            };
            let (from, to) = (side(rng), side(rng));
            let mut points = vec![from, near(rng), near(rng), to];
            if rng.random_bool(0.3) {
                points.insert(1, near(rng));
            }
            let cycles = rng.random_bool(0.15);
            mover(rng, if cycles { ActorKind::Cyclist } else { ActorKind::Pedestrian }, points)
        })
        .collect();
    Studio { layout, camera, light: light(rng, 6.0..19.0), movers }
}

/// Cars and who else is on a road, from a bridge or a mast.
fn road(rng: &mut StdRng) -> Studio {
    // Steeply, or as masts mostly look: then whole buses and lorries are in the picture, which the city has few of.
    let tilt_deg: f32 = if rng.random_bool(0.5) { rng.random_range(13.0..35.0) } else { rng.random_range(35.0..88.0) };
    let camera = camera(rng.random_range(4.0..16.0), tilt_deg, rng.random_range(40.0..85.0));
    let middle = Vec2::new(0.0, (camera.height_m / tilt_deg.to_radians().tan()).min(28.0));
    let any = rng.random_range(0.0..PI);
    let angle = one_of(rng, &[0.0, FRAC_PI_2, FRAC_PI_2, any]);
    let (along, across) = (Vec2::from_angle(angle), Vec2::from_angle(angle).perp());
    let mut layout = Layout::default();
    let around = one_of(rng, &[Surface::Asphalt, Surface::Grass, Surface::Pavement, Surface::Earth]);
    layout.ground.push(Ground {
        surface: around,
        outline: square(middle, Vec2::splat(60.0), angle),
        look: rng.next_u32(),
    });
    let half_m = rng.random_range(3.5..9.0);
    layout.ground.push(Ground {
        surface: Surface::Asphalt,
        outline: square(middle, Vec2::new(60.0, half_m), angle),
        look: rng.next_u32(),
    });
    for mark in -8..8 {
        if rng.random_bool(0.8) {
            let at = middle + along * (mark as f32 * 6.0);
            layout.ground.push(Ground {
                surface: Surface::Paint,
                outline: square(at, Vec2::new(1.5, 0.08), angle),
                look: rng.next_u32(),
            });
        }
    }
    let mut movers = Vec::new();
    for _ in 0..rng.random_range(2..9) {
        let kind = one_of(
            rng,
            &[
                ActorKind::Car,
                ActorKind::Car,
                ActorKind::Car,
                ActorKind::Truck,
                ActorKind::Truck,
                ActorKind::Bus,
                ActorKind::Cyclist,
                ActorKind::Cyclist,
                ActorKind::Cyclist,
                ActorKind::Pedestrian,
                ActorKind::Pedestrian,
                ActorKind::Pedestrian,
            ],
        );
        let lane = rng.random_range(0.25..0.8) * half_m;
        let (offset, direction) = if rng.random_bool(0.5) { (lane, -1.0) } else { (-lane, 1.0) };
        let at = middle + across * offset;
        let far = along * (direction * 34.0);
        let points = if kind == ActorKind::Pedestrian {
            let side = across * (half_m * 1.6);
            let shift = along * rng.random_range(-8.0..8.0);
            vec![middle + shift - side * 2.0, middle + shift, middle + shift + side * 2.0]
        } else {
            vec![at - far, at + along * rng.random_range(-6.0..6.0), at + far]
        };
        movers.push(mover(rng, kind, points));
    }
    // Parked at the edge from the beginning: found by its looks alone.
    for _ in 0..rng.random_range(0..4) {
        let at = middle + along * rng.random_range(-12.0..12.0) + across * (half_m + 1.5) * one_of(rng, &[-1.0, 1.0]);
        let mut parked = mover(rng, ActorKind::Car, vec![at, at + along * 0.1]);
        (parked.first_s, parked.pause, parked.period_s) = (-0.001, (0, 1e6), 1e7);
        movers.push(parked);
    }
    let hours = if rng.random_bool(0.7) { 6.0..19.0 } else { 0.0..24.0 };
    Studio { layout, camera, light: light(rng, hours), movers }
}

/// Somebody or something that takes this way, the rest by chance.
pub(super) fn mover(rng: &mut StdRng, kind: ActorKind, points: Vec<Vec2>) -> Mover {
    let person = kind == ActorKind::Pedestrian;
    let speed_mps = match kind {
        ActorKind::Pedestrian => rng.random_range(0.6..1.9),
        ActorKind::Cyclist => rng.random_range(2.0..6.0),
        _ => rng.random_range(2.5..13.0),
    };
    // Some stand until they have become background, and leave it empty where they were.
    let longest_s = if person && rng.random_bool(0.4) { 40.0 } else { 16.0 };
    let pause_s = if rng.random_bool(if person { 0.7 } else { 0.25 }) { rng.random_range(1.0..longest_s) } else { 0.0 };
    let carries = person && rng.random_bool(0.4);
    Mover {
        kind,
        look: rng.next_u32(),
        pause: (if points.len() > 2 { rng.random_range(1..points.len() - 1) } else { 0 }, pause_s),
        points,
        speed_mps,
        first_s: rng.random_range(0.0..20.0),
        period_s: rng.random_range(25.0..60.0) + pause_s,
        bag: carries.then(|| rng.next_u32()),
        leaves: carries && rng.random_bool(0.75),
    }
}
