//! Triangles with colours: what bodies, vehicles and furniture are made of. `actor` and `prop` make them from a look;
//! placing, lighting and drawing them is the rasteriser's.

mod bag;
mod bird;
mod bus;
mod cache;
mod car;
mod clothes;
mod coach;
mod cyclist;
mod figure;
mod furniture;
mod gait;
mod head;
mod look;
mod person;
mod prop;
mod shape;
mod tree;
mod truck;

pub use cache::{Detail, actor};
pub use prop::prop;

use glam::Vec3;

/// A corner.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Vertex {
    /// Where, metres; of an actor x is ahead, y to its left, z up, from the middle of its footprint.
    pub at: Vec3,
    /// Outward normal, length 1.
    pub normal: Vec3,
    /// Reflected part of red, green and blue, 0–1, linear.
    pub colour: [f32; 3],
    /// Light that it gives off itself (lamps at night), same unit as a white surface in full sun.
    pub glow: f32,
}

/// What is darker in blue than this is rubber or rough plastic, which mirrors nothing; glass and paint are lighter.
pub const MATTE_BELOW: f32 = 0.0215;

/// Triangles, counter-clockwise seen from outside.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Mesh {
    /// Corners.
    pub vertices: Vec<Vertex>,
    /// Three indices into `vertices` each.
    pub triangles: Vec<[u32; 3]>,
}

#[cfg(test)]
mod tests;
