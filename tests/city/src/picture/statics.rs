//! Everything that never moves as triangles in the world: walls and roofs, furniture with the light that falls on it.

use glam::{Vec2, Vec3};

use super::boxes::solid;
use super::illumination::{Illumination, Lamp};
use super::mesh::{self, Mesh};
use super::raster::before_lens;
use crate::camera::View;
use crate::world::{Layout, Light};

/// What a sample shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    /// Sky, or ground that no polygon covers.
    Nothing,
    /// A polygon of ground.
    Ground(u32),
    /// A building.
    Building(u32),
    /// Furniture; its light comes with the sample.
    Prop,
}

/// A triangle of the world. Furniture has, at each corner, its light without the sun and what the sun adds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Face {
    /// Corners.
    pub(crate) at: [Vec3; 3],
    /// Light per corner: red, green, blue without the sun, then with it.
    pub(crate) light: [[f32; 6]; 3],
    /// What it belongs to.
    pub(crate) what: What,
}

/// What stands on the ground, for the dark around its foot.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Foot {
    /// Middle, metres.
    pub(crate) at: Vec2,
    /// Direction of its length.
    pub(crate) heading_rad: f32,
    /// Length and width.
    pub(crate) size_m: Vec2,
    /// How far its darkness reaches.
    pub(crate) reach_m: f32,
}

/// Farther away nothing is drawn.
const REACH_M: f32 = 260.0;

/// All triangles before the lens, and all that may throw a shadow into the picture, and feet.
pub(crate) fn collect(
    layout: &Layout,
    view: &View,
    light: &Light,
    illumination: &Illumination,
    lamps: &[Lamp],
) -> (Vec<Face>, Vec<Foot>) {
    let (mut faces, mut feet) = (Vec::new(), Vec::new());
    let near = |at: Vec2| at.distance(view.eye.truncate()) < REACH_M;
    for (index, building) in layout.buildings.iter().enumerate().filter(|(_, building)| near(building.at)) {
        let mesh = solid(building.size_m.extend(building.height_m), [0.0; 3]);
        let turn = Vec2::from_angle(building.heading_rad);
        let place = |at: Vec3| (building.at + turn.rotate(at.truncate())).extend(at.z);
        for triangle in &mesh.triangles {
            let at = triangle.map(|corner| place(mesh.vertices[corner as usize].at));
            faces.push(Face { at, light: [[0.0; 6]; 3], what: What::Building(index as u32) });
        }
        let (at, heading_rad, size_m) = (building.at, building.heading_rad, building.size_m);
        feet.push(Foot { at, heading_rad, size_m, reach_m: 1.6 });
    }
    for prop in layout.props.iter().filter(|prop| near(prop.at)) {
        let mesh = mesh::prop(prop, light);
        let turn = Vec2::from_angle(prop.heading_rad);
        let origin = prop.at;
        // Behind the lens it still may throw a shadow, so it stays; but its light need not be known.
        let seen = before_lens(view, origin.extend(2.0)).z > -6.0;
        let close: Vec<&Lamp> = lamps.iter().filter(|lamp| lamp.reaches(origin)).collect();
        let lit: Vec<(Vec3, [f32; 6])> = mesh
            .vertices
            .iter()
            .map(|vertex| {
                let at = (origin + turn.rotate(vertex.at.truncate())).extend(vertex.at.z);
                if !seen {
                    return (at, [0.0; 6]);
                }
                let normal = turn.rotate(vertex.normal.truncate()).extend(vertex.normal.z);
                let colour = Vec3::from_array(vertex.colour);
                let foot = 0.55 + 0.45 * (at.z / 0.5).clamp(0.0, 1.0);
                let mut still = colour * illumination.ambient(normal.z) * foot + colour * vertex.glow;
                for (onto, from) in close.iter().filter_map(|lamp| lamp.onto(at)) {
                    still += colour * onto * normal.dot(from).max(0.0);
                }
                let sun = colour * illumination.sun * normal.dot(illumination.to_sun).max(0.0);
                (at, [still.x, still.y, still.z, sun.x, sun.y, sun.z])
            })
            .collect();
        for triangle in &mesh.triangles {
            let corners = triangle.map(|corner| lit[corner as usize]);
            faces.push(Face { at: corners.map(|c| c.0), light: corners.map(|c| c.1), what: What::Prop });
        }
        feet.extend(foot(&mesh, origin, prop.heading_rad));
    }
    (faces, feet)
}

/// The rectangle that a mesh stands on.
fn foot(mesh: &Mesh, at: Vec2, heading_rad: f32) -> Option<Foot> {
    let low = mesh.vertices.iter().filter(|vertex| vertex.at.z < 0.3).map(|vertex| vertex.at.truncate());
    let (from, to) = low.fold((Vec2::MAX, Vec2::MIN), |(from, to), at| (from.min(at), to.max(at)));
    (from.x <= to.x).then(|| {
        let middle = at + Vec2::from_angle(heading_rad).rotate((from + to) * 0.5);
        let size_m = to - from;
        Foot { at: middle, heading_rad, size_m, reach_m: (0.2 + 0.3 * size_m.min_element()).min(0.8) }
    })
}
