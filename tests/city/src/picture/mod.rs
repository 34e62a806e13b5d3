//! What a camera shows: meshes, light and shadow, weather, the sensor, the clock in the corner, faults.

mod mesh;

pub use mesh::{Mesh, Vertex};
