//! The contract between gateway and hub: what travels (`event`, `pb`), how it is coded (`codec`), framed (`frame`) and
//! bounded (`limits`), how durable sequences are counted (`ranges`), how a connection ends (`close`), why there is no picture
//! (`picture`) and how a gateway is let in (`token`). Bytes and plain data only: no socket, no clock, no file.

pub mod close;
pub mod codec;
pub mod event;
pub mod frame;
pub mod limits;
pub mod picture;
pub mod ranges;
pub mod token;

#[cfg(test)]
mod golden;
#[cfg(test)]
mod samples;

/// ALPN of the connection that carries events.
pub const ALPN: &[u8] = b"yiwang/1";
/// ALPN of the connection over which a gateway joins.
pub const ALPN_JOIN: &[u8] = b"yiwang-join/1";
/// Version of this contract.
pub const VERSION: u32 = 1;
/// The name in the hub's certificate. Gateways ask for it whatever address they dial, so the hub may move.
pub const HUB_NAME: &str = "yiwang-hub";

/// The messages as generated from `proto/yiwang.proto`.
#[allow(missing_docs, clippy::all, clippy::pedantic, reason = "generated; the .proto carries the comments")]
pub mod pb {
    include!(concat!(env!("OUT_DIR"), "/yiwang.v1.rs"));
}
