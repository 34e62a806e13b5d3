//! What a camera shows: meshes, light and shadow, weather, the sensor, the clock in the corner, faults.

mod frame;
pub mod mesh;

pub use frame::Frame;
pub use mesh::{Mesh, Vertex};
