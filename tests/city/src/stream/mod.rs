//! The city's cameras as streams and as files. A `studio` lets the world go on and takes the pictures; they are coded
//! (`encode`) and sent as they are made (`live`) or written as fast as can be (`files`), the truth beside them
//! (`record`); `gateway` is what a gateway is told of a camera.

mod encode;
mod error;
mod files;
mod gateway;
mod half;
mod live;
mod record;
mod studio;

pub use encode::{Coded, Coding, EncodeError, Encoder};
pub use error::StreamError;
pub use files::render;
pub use gateway::gateway_table;
pub use live::{Live, LiveSettings};
pub use studio::{Device, Shot, Studio, UnknownCamera, wanted};
