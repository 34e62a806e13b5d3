//! One mover of one picture: its mesh before the lens, lit, as triangles of the picture, and its shadow's.

use glam::{Vec2, Vec3};

use super::backdrop::Backdrop;
use super::beam::Beam;
use super::mesh::{self, Detail, MATTE_BELOW, Mesh, Vertex};
use super::raster::{Area, Corner, Dot, NEAR_M, clip, to_picture, turn};
use crate::camera::View;
use crate::world::{Actor, ActorKind, Light};

/// Fewer pixels high, a mover is drawn from its plain mesh.
const NEAR_DETAIL_PX: f32 = 60.0;
/// So many lamps light one mover.
const LIGHTS: usize = 4;
/// Lower than this nobody would see it.
const SMALLEST_PX: f32 = 1.5;

/// A mover on the picture. Values of a dot are Y, Cb, Cr.
pub(crate) struct Body {
    /// Its place in the list of actors.
    pub(crate) index: usize,
    /// Its triangles that face the lens.
    pub(crate) faces: Triangles<3>,
    /// Its shadow on the ground.
    pub(crate) shadow: Triangles<0>,
    /// Part of the sun's light that it keeps off.
    pub(crate) shade: f32,
    /// How far it moves on the picture while the shutter is open, pixels.
    pub(crate) motion_px: Vec2,
}

/// Triangles of the picture that share their corners.
#[derive(Default)]
pub(crate) struct Triangles<const N: usize> {
    dots: Vec<Dot<N>>,
    corners: Vec<[u32; 3]>,
    /// Pixels that they may touch, also beyond the picture.
    pub(crate) area: Area,
}

impl<const N: usize> Triangles<N> {
    /// Those of a mesh that turn their outside to the lens, from its corners before the lens. Values are asked for
    /// only at corners that are drawn: half of a mesh is turned away.
    fn new(view: &View, mesh: &Mesh, points: &[Vec3], mut values: impl FnMut(usize) -> [f32; N]) -> Triangles<N> {
        let in_front = points.iter().all(|at| at.z >= NEAR_M);
        let mut made = Triangles { dots: Vec::new(), corners: Vec::new(), area: Area::NONE };
        made.corners.reserve(mesh.triangles.len() * 2 / 3);
        if in_front {
            let dot = |at: &Vec3| to_picture(view, &Corner { at: *at, values: [0.0; N] });
            made.dots.extend(points.iter().map(dot));
            let mut known = vec![N == 0; points.len()];
            for &triangle in &mesh.triangles {
                let [a, b, c] = triangle.map(|corner| made.dots[corner as usize].at);
                if turn(a, b, c) > 0.0 {
                    made.corners.push(triangle);
                    for corner in triangle.map(|corner| corner as usize) {
                        if !known[corner] {
                            known[corner] = true;
                            made.dots[corner].values = values(corner);
                        }
                    }
                }
            }
        } else {
            for triangle in &mesh.triangles {
                let corner = |corner: u32| Corner { at: points[corner as usize], values: values(corner as usize) };
                clip(view, triangle.map(corner), |dots| {
                    if turn(dots[0].at, dots[1].at, dots[2].at) > 0.0 {
                        let first = made.dots.len() as u32;
                        made.dots.extend(dots);
                        made.corners.push([first, first + 1, first + 2]);
                    }
                });
            }
        }
        made.area = made.dots.iter().fold(Area::NONE, |area, dot| area.with(dot.at));
        made
    }

    /// One after the other.
    pub(crate) fn iter(&self) -> impl Iterator<Item = [Dot<N>; 3]> + '_ {
        self.corners.iter().map(|corners| corners.map(|corner| self.dots[corner as usize]))
    }
}

/// Places a mesh: from the mesh's own directions to right, down, ahead of the lens.
struct Placed {
    right: Vec3,
    down: Vec3,
    forward: Vec3,
    origin: Vec3,
    /// What a metre of height moves a shadow, right, down and ahead.
    shadow: Vec3,
    base_m: f32,
}

impl Placed {
    fn new(view: &View, actor: &Actor, to_sun: Vec3) -> Placed {
        let back = Vec2::from_angle(-actor.heading_rad);
        let own = |axis: Vec3| back.rotate(axis.truncate()).extend(axis.z);
        let axes = |v: Vec3| Vec3::new(v.dot(view.right), v.dot(view.down), v.dot(view.forward));
        let origin = axes(actor.at.extend(actor.base_m) - view.eye);
        let shadow = axes(to_sun) / to_sun.z.max(0.05);
        Placed {
            right: own(view.right),
            down: own(view.down),
            forward: own(view.forward),
            origin,
            shadow,
            base_m: actor.base_m,
        }
    }

    fn before_lens(&self, at: Vec3) -> Vec3 {
        self.origin + Vec3::new(at.dot(self.right), at.dot(self.down), at.dot(self.forward))
    }

    fn shadow_of(&self, at: Vec3, before_lens: Vec3) -> Vec3 {
        before_lens - self.shadow * (at.z + self.base_m)
    }
}

/// Light of a lamp or a sky, from one direction in the mesh's own directions.
struct From {
    direction: Vec3,
    light: Vec3,
}

/// What bodies of one picture have in common.
pub(crate) struct Shot<'a> {
    /// The camera.
    pub(crate) view: &'a View,
    /// What is behind them, and its light.
    pub(crate) backdrop: &'a Backdrop,
    /// The light of the world, for lamps and umbrellas.
    pub(crate) light: &'a Light,
    /// Everybody's headlights.
    pub(crate) beams: &'a [Beam],
    /// How long the shutter is open.
    pub(crate) shutter_s: f32,
}

impl Body {
    /// The mover as the camera sees it; none if neither it nor its shadow is in sight.
    pub(crate) fn new(shot: &Shot, index: usize, actor: &Actor) -> Option<Body> {
        let size = actor.size_m();
        let middle = actor.at.extend(actor.base_m + size.z * 0.5);
        let depth_m = (middle - shot.view.eye).dot(shot.view.forward).max(0.5);
        let illumination = &shot.backdrop.illumination;
        // A low sun's shadow may be in the picture when its body is not.
        let reach = if illumination.sun.y > 0.01 { size.z / illumination.to_sun.z.max(0.05) } else { 0.0 };
        let scale = shot.view.focal_px / depth_m;
        if !in_sight(shot.view, middle, radius(size) + reach) || size.max_element() * scale < SMALLEST_PX {
            return None;
        }
        let detail = if size.z * scale > NEAR_DETAIL_PX { Detail::Near } else { Detail::Far };
        let plain = mesh::actor(actor, shot.light, Detail::Far);
        match detail {
            Detail::Near => Some(Body::of(shot, index, actor, &mesh::actor(actor, shot.light, detail), &plain)),
            Detail::Far => Some(Body::of(shot, index, actor, &plain, &plain)),
        }
    }

    /// The mover with meshes of its own, one to be seen and one for its shadow.
    pub(crate) fn of(shot: &Shot, index: usize, actor: &Actor, mesh: &Mesh, plain: &Mesh) -> Body {
        let size = actor.size_m();
        let middle = actor.at.extend(actor.base_m + size.z * 0.5);
        let (view, illumination) = (shot.view, &shot.backdrop.illumination);
        let placed = Placed::new(view, actor, illumination.to_sun);
        let shade = if illumination.sun.y > 1e-3 && actor.base_m < 3.0 {
            shot.backdrop.shades.lit(actor.at.extend(actor.base_m + 0.3), illumination.to_sun).max(0.15)
        } else {
            0.0
        };
        let mut body = Body {
            index,
            faces: Triangles::default(),
            shadow: Triangles::default(),
            shade,
            motion_px: motion(view, middle, actor.velocity_mps, shot.shutter_s),
        };
        if in_sight(view, middle, radius(size)) {
            let paint = Paint::new(shot, actor);
            let points: Vec<Vec3> = mesh.vertices.iter().map(|vertex| placed.before_lens(vertex.at)).collect();
            body.faces = Triangles::new(view, mesh, &points, |corner| paint.at(&mesh.vertices[corner]));
        }
        if shade > 0.0 {
            // Of a closed mesh the side that the ground sees throws the same shadow as the other.
            let cast = |vertex: &Vertex| placed.shadow_of(vertex.at, placed.before_lens(vertex.at));
            let points: Vec<Vec3> = plain.vertices.iter().map(cast).collect();
            body.shadow = Triangles::new(view, plain, &points, |_| []);
        }
        body
    }
}

/// Of a ball around the middle of something of that size; meshes reach a little beyond.
fn radius(size: Vec3) -> f32 {
    size.length() * 0.6 + 0.4
}

/// Whether a ball may be in the picture.
fn in_sight(view: &View, middle: Vec3, radius: f32) -> bool {
    let offset = middle - view.eye;
    let depth = offset.dot(view.forward);
    if depth < -radius {
        return false;
    }
    let beside = |along: f32, size_px: u32| {
        let slope = size_px as f32 * 0.5 / view.focal_px;
        along.abs() <= depth.max(0.0) * slope + radius * (1.0 + slope * slope).sqrt()
    };
    beside(offset.dot(view.right), view.size_px.0) && beside(offset.dot(view.down), view.size_px.1)
}

/// Pixels that a point moves in a time.
fn motion(view: &View, at: Vec3, velocity_mps: Vec2, time_s: f32) -> Vec2 {
    let moved = at + (velocity_mps * time_s).extend(0.0);
    match (view.project(at), view.project(moved)) {
        (Some(from), Some(to)) if from.z > 0.5 => (to - from).truncate().clamp_length_max(24.0),
        _ => Vec2::ZERO,
    }
}

/// The light that falls on one mover, in its mesh's own directions.
struct Paint<'a> {
    backdrop: &'a Backdrop,
    height_m: f32,
    base_m: f32,
    /// The strongest lamps and headlights.
    lights: Vec<From>,
    to_sun: Vec3,
    /// The sun's part that reaches its foot and its head.
    sun: Option<(f32, f32)>,
    eye_side: Vec3,
    gloss: f32,
    /// What is left of its light on the way to the lens, and what the air adds.
    left: Vec3,
    air: Vec3,
}

impl<'a> Paint<'a> {
    fn new(shot: &Shot<'a>, actor: &Actor) -> Paint<'a> {
        let (backdrop, eye) = (shot.backdrop, shot.view.eye);
        let light = &backdrop.illumination;
        let back = Vec2::from_angle(-actor.heading_rad);
        let own = |axis: Vec3| back.rotate(axis.truncate()).extend(axis.z);
        let size = actor.size_m();
        let at = |height: f32| actor.at.extend(actor.base_m + height);
        let mut lights = Vec::new();
        for (onto, from) in backdrop.lamps.iter().filter_map(|lamp| lamp.onto(at(size.z * 0.6))) {
            if onto.y > 2e-5 {
                lights.push(From { direction: own(from), light: onto });
            }
        }
        for beam in shot.beams.iter().filter(|beam| beam.of != actor.id) {
            if let Some((onto, from)) = beam.onto(at(size.z * 0.4)) {
                lights.push(From { direction: own(from), light: onto });
            }
        }
        // The strongest lights are enough.
        lights.sort_by(|a: &From, b: &From| b.light.y.total_cmp(&a.light.y));
        lights.truncate(LIGHTS);
        let lit = |height: f32| backdrop.shades.lit(at(height), light.to_sun);
        let distance_m = (at(size.z * 0.5) - eye).length();
        let air = light.through_haze(Vec3::ZERO, distance_m);
        Paint {
            backdrop,
            height_m: size.z,
            base_m: actor.base_m,
            lights,
            to_sun: own(light.to_sun),
            sun: (light.sun.y > 1e-3).then(|| (lit(0.2), lit(size.z * 0.9))),
            eye_side: own((eye - at(size.z * 0.5)).normalize_or(Vec3::Z)),
            gloss: gloss(actor.kind),
            left: light.through_haze(Vec3::ONE, distance_m) - air,
            air,
        }
    }

    /// Y, Cb, Cr of a corner.
    fn at(&self, vertex: &Vertex) -> [f32; 3] {
        let light = &self.backdrop.illumination;
        let colour = Vec3::from_array(vertex.colour);
        let normal = vertex.normal;
        let part = (vertex.at.z / self.height_m).clamp(0.0, 1.0);
        // The ground keeps light from what is close to it.
        let open = 0.5 + 0.5 * (vertex.at.z + self.base_m).clamp(0.0, 0.9) / 0.9;
        let mut onto = light.ambient(normal.z) * open;
        if let Some((low, high)) = self.sun {
            onto += light.sun * (normal.dot(self.to_sun).max(0.0) * (low + (high - low) * part));
        }
        for from in &self.lights {
            // What the lit street sends back reaches the side that is turned away.
            onto += from.light * (normal.dot(from.direction) * 0.7 + 0.3).max(0.12);
        }
        let mut sent = colour * onto + colour * vertex.glow;
        if self.gloss > 0.0 && vertex.colour[2] >= MATTE_BELOW {
            let facing = normal.dot(self.eye_side).clamp(0.0, 1.0);
            let mirror = self.gloss * (0.05 + 0.95 * (1.0 - facing).powi(4));
            let mirrored_up = 2.0 * facing * normal.z - self.eye_side.z;
            sent += light.ambient(mirrored_up.clamp(-1.0, 1.0)) * mirror;
            if let Some((low, _)) = self.sun {
                let half = (self.eye_side + self.to_sun).normalize_or(Vec3::Z);
                sent += light.sun * (2.5 * self.gloss * low * normal.dot(half).max(0.0).powi(60));
            }
        }
        self.backdrop.tone.map(sent * self.left + self.air)
    }
}

/// How much of a mirror paint and glass are.
fn gloss(kind: ActorKind) -> f32 {
    match kind {
        ActorKind::Car => 0.75,
        ActorKind::Bus | ActorKind::Truck => 0.5,
        _ => 0.0,
    }
}
