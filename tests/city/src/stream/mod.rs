//! The city's cameras as streams and as files: pictures are painted by the clock, coded, and handed out.

mod encode;

pub use encode::{Coded, Coding, EncodeError, Encoder};
