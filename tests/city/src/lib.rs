//! A simulated city with exact truth. The modules follow the way of the data: the world and what happens in it, the
//! cameras that look at it, what they show, and what is true of that.
//!
//! Everything is in metres on a plane: x to the east, y to the north, z up. Angles of movement are radians
//! counter-clockwise from east; what people configure (a camera's heading) is degrees clockwise from north. Times are
//! microseconds since the world began.

pub mod camera;
pub mod dataset;
pub mod picture;
pub mod place;
pub mod rtsp;
pub mod still;
pub mod stream;
pub mod streets;
pub mod truth;
pub mod score;
pub mod without_pixels;
pub mod world;
