//! Boxes without pixels: the outline of a body as a handful of points through the camera, hidden by what stands nearer.
//! Some hundred times as fast as a picture, and right to a pixel or two; for months of events and for tests.

use glam::{Vec2, Vec3};
use yiwang_inference::picture::Rect;

use super::Seen;
use crate::camera::View;
use crate::world::{Actor, ActorKind, Layout, Pose, PropKind};

/// What is lower than this in the picture is not looked at, pixels.
const HEIGHT_MIN_PX: f32 = 5.0;
/// A point is hidden by a body that is so much nearer, metres.
const NEARER_M: f32 = 0.4;

/// One camera without a picture.
#[derive(Debug, Clone)]
pub struct Sight {
    view: View,
    walls: Vec<Wall>,
}

/// An upright box that hides what is behind it.
#[derive(Debug, Clone, Copy)]
struct Wall {
    at: Vec2,
    /// Unit vector along its length.
    along: Vec2,
    half_m: Vec2,
    height_m: f32,
}

/// A body in the picture.
struct Body {
    id: u32,
    class: &'static str,
    depth_m: f32,
    /// Pixels: left, top, right, bottom, not clipped.
    box_px: [f32; 4],
    samples: Vec<Vec3>,
}

impl Sight {
    /// Looks at a layout.
    pub fn new(layout: &Layout, view: &View) -> Sight {
        let buildings = layout
            .buildings
            .iter()
            .map(|building| Wall::new(building.at, building.heading_rad, building.size_m / 2.0, building.height_m));
        let props = layout.props.iter().filter_map(|prop| {
            let (half_m, height_m) = match prop.kind {
                PropKind::Fence => (Vec2::new(0.05, 1.0), 2.0),
                PropKind::Container => (Vec2::new(1.2, 3.0), 2.6),
                PropKind::Cabinet => (Vec2::new(0.3, 0.5), 1.4),
                _ => return None,
            };
            Some(Wall::new(prop.at, prop.heading_rad, half_m * prop.scale, height_m * prop.scale))
        });
        let walls = buildings.chain(props).filter(|wall| wall.may_hide(view)).collect();
        Sight { view: *view, walls }
    }

    /// What is in the picture.
    pub fn look(&self, actors: &[Actor]) -> Vec<Seen> {
        let bodies: Vec<Body> = actors.iter().filter_map(|actor| self.body(actor)).collect();
        let seen = bodies.iter().map(|body| Seen {
            id: body.id,
            class: body.class,
            bbox: self.fractions(body.box_px).clipped(),
            visible: self.visible(body, &bodies),
        });
        seen.filter(|seen| seen.visible > 0.0).collect()
    }

    fn body(&self, actor: &Actor) -> Option<Body> {
        let class = actor.class()?;
        let foot = actor.at.extend(actor.base_m);
        let middle = self.view.project(foot + Vec3::Z * (actor.size_m().z / 2.0))?;
        if actor.size_m().z * self.view.focal_px / middle.z < HEIGHT_MIN_PX {
            return None;
        }
        let heading = Vec2::from_angle(actor.heading_rad);
        let outline = outline(actor);
        let place = |point: &Vec3| foot + heading.rotate(point.truncate()).extend(point.z);
        let points_px: Vec<Vec3> = outline.iter().filter_map(|point| self.view.project(place(point))).collect();
        if points_px.len() < outline.len() {
            return None; // partly behind the lens
        }
        let least = points_px.iter().copied().reduce(Vec3::min)?;
        let most = points_px.iter().copied().reduce(Vec3::max)?;
        let (width, height) = (self.view.size_px.0 as f32, self.view.size_px.1 as f32);
        if most.x <= 0.0 || most.y <= 0.0 || least.x >= width || least.y >= height {
            return None;
        }
        // Points of the outline drawn in by a third stand for the parts of the body.
        let heart = Vec3::Z * (actor.size_m().z / 2.0);
        let samples = outline.iter().map(|point| place(&(heart + (*point - heart) * 0.66))).collect();
        let box_px = [least.x, least.y, most.x, most.y];
        Some(Body { id: actor.id, class, depth_m: middle.z, box_px, samples })
    }

    /// Part of the body that is in the picture and not hidden.
    fn visible(&self, body: &Body, all: &[Body]) -> f32 {
        let (width, height) = (self.view.size_px.0 as f32, self.view.size_px.1 as f32);
        let nearer: Vec<&Body> = all
            .iter()
            .filter(|other| {
                other.id != body.id && other.depth_m < body.depth_m - NEARER_M && touch(other.box_px, body.box_px)
            })
            .collect();
        let walls: Vec<&Wall> = self.walls.iter().filter(|wall| wall.is_near_way(self.view.eye, body)).collect();
        let free = body.samples.iter().filter(|sample| {
            let Some(px) = self.view.project(**sample) else { return false };
            let inside = (0.0..width).contains(&px.x) && (0.0..height).contains(&px.y);
            inside
                && !nearer.iter().any(|other| other.covers(px.truncate()))
                && !walls.iter().any(|wall| wall.hides(self.view.eye, **sample))
        });
        free.count() as f32 / body.samples.len() as f32
    }

    fn fractions(&self, [x0, y0, x1, y1]: [f32; 4]) -> Rect {
        let (width, height) = (self.view.size_px.0 as f32, self.view.size_px.1 as f32);
        Rect::new(x0 / width, y0 / height, x1 / width, y1 / height)
    }
}

impl Body {
    /// A body fills its box but for the sides.
    fn covers(&self, px: Vec2) -> bool {
        let [x0, y0, x1, y1] = self.box_px;
        let side = (x1 - x0) * 0.15;
        (x0 + side..x1 - side).contains(&px.x) && (y0..y1).contains(&px.y)
    }
}

impl Wall {
    fn new(at: Vec2, heading_rad: f32, half_m: Vec2, height_m: f32) -> Wall {
        Wall { at, along: Vec2::from_angle(heading_rad), half_m, height_m }
    }

    /// Not behind the camera and not far away.
    fn may_hide(&self, view: &View) -> bool {
        let offset = self.at - view.eye.truncate();
        let reach = self.half_m.length();
        offset.length() - reach < 90.0 && offset.dot(view.forward.truncate()) > -reach
    }

    /// False where no straight line from the lens to the body can touch it.
    fn is_near_way(&self, eye: Vec3, body: &Body) -> bool {
        let Some(first) = body.samples.first() else { return false };
        let way = first.truncate() - eye.truncate();
        let (length, level) = (way.length(), way.normalize_or_zero());
        let far = |sample: &Vec3| sample.truncate().distance(first.truncate());
        let reach = body.samples.iter().map(far).fold(0.0, f32::max) + self.half_m.length() + 0.01;
        let offset = self.at - eye.truncate();
        level.perp_dot(offset).abs() <= reach && (-reach..=length + reach).contains(&level.dot(offset))
    }

    /// Whether it stands between two points (slabs: Kay and Kajiya, 1986).
    fn hides(&self, from: Vec3, to: Vec3) -> bool {
        let local = |point: Vec3| {
            let offset = point.truncate() - self.at;
            Vec3::new(offset.dot(self.along), offset.dot(self.along.perp()), point.z)
        };
        let (from, to) = (local(from), local(to));
        let way = to - from;
        let (low, high) = (Vec3::new(-self.half_m.x, -self.half_m.y, 0.0), self.half_m.extend(self.height_m));
        let (mut enter, mut leave) = (0.0f32, 1.0f32);
        for axis in 0..3 {
            if way[axis].abs() < 1e-6 {
                if from[axis] < low[axis] || from[axis] > high[axis] {
                    return false;
                }
                continue;
            }
            let (a, b) = ((low[axis] - from[axis]) / way[axis], (high[axis] - from[axis]) / way[axis]);
            enter = enter.max(a.min(b));
            leave = leave.min(a.max(b));
        }
        // What ends inside leans against it.
        enter < leave && enter > 1e-3 && enter < 0.995
    }
}

fn touch(a: [f32; 4], b: [f32; 4]) -> bool {
    a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3]
}

/// Points around a body: ahead, left, up, metres from the middle of its footprint.
fn outline(actor: &Actor) -> Vec<Vec3> {
    let size = actor.size_m();
    let (l, w, h) = (size.x / 2.0, size.y / 2.0, size.z);
    // Both signs of length and width.
    let corners = |l: f32, w: f32, z: f32| [(l, w), (l, -w), (-l, w), (-l, -w)].map(|(x, y)| Vec3::new(x, y, z));
    match actor.kind {
        ActorKind::Pedestrian => {
            let stride = match actor.pose {
                Pose::Walk { phase } => 0.12 + 0.22 * (phase * std::f32::consts::TAU).sin().abs(),
                _ => 0.12,
            };
            let (top, ahead) = match actor.pose {
                Pose::Bend { depth } => (h * (1.0 - 0.4 * depth), 0.5 * depth),
                _ => (h, 0.0),
            };
            let head = corners(0.09, 0.08, top).map(|point| point + Vec3::X * ahead);
            let shoulders = corners(0.12, w * 0.9, top * 0.78).map(|point| point + Vec3::X * (ahead * 0.7));
            [corners(stride, 0.1, 0.02), corners(0.14, w * 0.9, h * 0.45), shoulders, head].concat()
        }
        ActorKind::Cyclist => {
            let wheels = [Vec3::new(l, 0.0, 0.33), Vec3::new(-l, 0.0, 0.33)];
            let ground = [Vec3::new(l - 0.33, 0.0, 0.0), Vec3::new(0.33 - l, 0.0, 0.0)];
            let rider = [corners(0.2, 0.22, h * 0.82), corners(0.12, 0.08, h), corners(0.3, w * 0.8, h * 0.6)].concat();
            [wheels.to_vec(), ground.to_vec(), rider].concat()
        }
        ActorKind::Car => {
            let roof = corners(l * 0.45, w * 0.78, h).map(|point| point - Vec3::X * (l * 0.1));
            [corners(l * 0.7, w * 0.95, 0.0), corners(l * 0.97, w * 0.9, h * 0.5), corners(l, w * 0.8, 0.35), roof]
                .concat()
        }
        ActorKind::Bus | ActorKind::Truck => {
            [corners(l * 0.8, w * 0.95, 0.0), corners(l, w, h * 0.5), corners(l * 0.98, w * 0.97, h)].concat()
        }
        ActorKind::Bag | ActorKind::Bird => [corners(l, w, 0.0), corners(l * 0.9, w * 0.9, h)].concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::Building;

    fn view() -> View {
        View::new(Vec3::new(0.0, 0.0, 5.5), 0.0, 20.0, 62.0, (640, 360))
    }

    fn person(id: u32, x: f32, y: f32) -> Actor {
        Actor {
            id,
            kind: ActorKind::Pedestrian,
            look: 3,
            at: Vec2::new(x, y),
            base_m: 0.0,
            heading_rad: 0.0,
            velocity_mps: Vec2::ZERO,
            pose: Pose::Stand { phase: 0.0 },
            carried_by: None,
        }
    }

    #[test]
    fn a_person_stands_where_the_ground_is_and_is_as_high_as_the_projection_says() {
        let seen = Sight::new(&Layout::default(), &view()).look(&[person(1, 0.0, 15.0), person(2, 0.0, -5.0)]);
        assert_eq!(seen.len(), 1, "the other one is behind the camera");
        let (foot, head) = (view().project(Vec3::new(0.0, 15.0, 0.0)).unwrap(), person(1, 0.0, 15.0).size_m().z);
        let top = view().project(Vec3::new(0.0, 15.0, head)).unwrap();
        let bbox = seen[0].bbox;
        assert!(
            (bbox.y1 * 360.0 - foot.y).abs() < 2.5 && (bbox.y0 * 360.0 - top.y).abs() < 2.5,
            "{bbox:?} {foot} {top}"
        );
        assert!((bbox.bottom_centre().x - 0.5).abs() < 0.01 && seen[0].visible > 0.99);
    }

    #[test]
    fn walls_and_those_in_front_hide() {
        let building = Building {
            at: Vec2::new(0.0, 20.0),
            size_m: Vec2::new(10.0, 2.0),
            heading_rad: 0.0,
            height_m: 8.0,
            look: 0,
        };
        let layout = Layout { buildings: vec![building], ..Layout::default() };
        let sight = Sight::new(&layout, &view());
        let behind = sight.look(&[person(1, 0.0, 25.0)]);
        assert_eq!(behind, []);
        let half = sight.look(&[person(1, 6.6, 25.0)]);
        assert!(half.len() == 1 && half[0].visible > 0.1 && half[0].visible < 0.9, "{half:?}");
        let front = sight.look(&[person(1, 0.0, 15.0), person(2, 0.12, 16.0)]);
        assert!(front[0].visible > 0.99 && front[1].visible < 0.7, "{front:?}");
    }

    #[test]
    fn what_leaves_the_picture_is_less_and_less_visible() {
        let sight = Sight::new(&Layout::default(), &view());
        let edge = (0..60).map(|step| 5.0 + 0.1 * step as f32).map(|x| sight.look(&[person(1, x, 12.0)]));
        let visible: Vec<f32> = edge.map(|seen| seen.first().map_or(0.0, |seen| seen.visible)).collect();
        assert!(visible.is_sorted_by(|a, b| a >= b), "{visible:?}");
        assert!(visible[0] > 0.99 && visible[59] == 0.0);
    }
}
