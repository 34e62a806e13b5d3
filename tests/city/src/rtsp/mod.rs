//! Cameras as others see them: a real RTSP server. It plays recorded clips in a loop, in real time and without encoding
//! them again, and writes down when each loop began, so that every true event of a clip has a known time of day; or it
//! sends what the city's own cameras show as it is made.
//!
//! A camera runs by the clock from the start of the server, watched or not, as real ones do. Its sender reports say
//! the time of day at which the first picture of a loop was "captured" (`clock_offset_s` makes a camera whose clock is
//! wrong). `clip` reads files, `feeder` paces them, `outlet` is the way to the watchers, `media` sets the clocks right;
//! what is watched in the pictures is not known here.

mod clip;
mod door;
mod feeder;
mod media;
mod outlet;
mod schedule;
mod server;
mod spec;

pub use clip::{Clip, ClipError, Unit};
pub use outlet::Outlet;
pub use schedule::Loop;
pub use server::{LiveSpec, Server, ServerError, ServerSettings};
pub use spec::{CameraSpec, Codec, SpecError};
