//! What a camera shows: meshes, light and shadow, weather, the sensor, the clock in the corner, faults.

mod backdrop;
mod beam;
mod body;
mod boxes;
mod cast;
mod contact;
mod facade;
mod frame;
mod glare;
mod ground;
mod illumination;
pub mod mesh;
mod noise;
mod raster;
mod scene;
mod shadow;
mod silhouette;
mod sky;
mod statics;
mod surface;
mod tone;

pub use backdrop::Backdrop;
pub use frame::Frame;
pub use mesh::{Mesh, Vertex};
pub use scene::Painter;
