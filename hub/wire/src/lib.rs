//! The contract between gateway and hub: what travels (`event`, `pb`), how it is coded (`codec`), framed (`frame`) and
//! bounded (`limits`), how durable sequences are counted (`ranges`) and how a connection ends (`close`).

pub mod event;

/// The messages as generated from `proto/yiwang.proto`.
#[allow(missing_docs, clippy::all, clippy::pedantic, reason = "generated; the .proto carries the comments")]
pub mod pb {
    include!(concat!(env!("OUT_DIR"), "/yiwang.v1.rs"));
}
