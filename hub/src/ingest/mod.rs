//! What gateways send. `session` is the hub's side of one connection as a pure state machine, `action` what it asks for,
//! `held` the watermarks that must wait; `listener` is the QUIC shell around it, `connection` one connection's task,
//! `join` lets new gateways in, `tls` says who may shake hands, `live` knows the open connections.

pub mod action;
mod connection;
pub mod held;
pub mod join;
mod listener;
mod live;
pub mod session;
pub mod tls;

pub use listener::{Hub, Listener, ListenerError, ListenerSettings};
pub use live::Live;
