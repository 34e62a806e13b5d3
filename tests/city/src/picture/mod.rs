//! What a camera shows: meshes, light and shadow, weather, the sensor, the clock in the corner, faults.

mod backdrop;
mod beam;
mod body;
mod boxes;
mod cast;
mod clock;
mod contact;
mod facade;
pub mod fault;
mod frame;
mod glare;
mod ground;
mod illumination;
mod insect;
pub mod mesh;
mod noise;
mod raster;
mod scene;
mod sensor;
mod shadow;
mod silhouette;
mod sky;
mod statics;
mod surface;
mod sway;
mod tiles;
mod tone;
mod weather;

pub use backdrop::Backdrop;
pub use frame::Frame;
pub use mesh::{Mesh, Vertex};
pub use scene::Painter;
pub use sensor::Sensor;
