//! A bad network between two processes, in user space: a UDP proxy that loses, delays, doubles, reorders, narrows and
//! cuts. `impair` decides by seed and is pure, `relay` moves the datagrams.

mod impair;
mod relay;

pub use impair::{Impair, Impairment};
pub use relay::Proxy;
