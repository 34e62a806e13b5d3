//! The gateway: from a department's cameras to events on the hub. Modules stand in the order in which data flows; what
//! all of them use comes last.

pub mod camera;
pub mod gate;
pub mod decode;
pub mod pictures;
pub mod analyse;
pub mod spool;
pub mod uplink;

pub mod admin;
pub mod board;
mod calibration;
pub mod cli;
pub mod config;
pub mod control;
pub mod error;
pub mod fleet;
pub mod health;
pub mod metrics;
pub mod model;
pub mod outlet;
pub mod page;
pub mod run;
pub mod schedule;
pub mod shadow;
mod why;

/// Name and version of this build, as the hub shows it.
pub const SOFTWARE: &str = concat!("yiwang-gateway ", env!("CARGO_PKG_VERSION"));

pub(crate) use spool::{now_us, with_causes};

/// A moment as RFC 3339 in UTC, with milliseconds.
pub(crate) fn time_text(us: i64) -> String {
    let format =
        time::macros::format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(us) * 1000)
        .ok()
        .and_then(|t| t.format(format).ok())
        .unwrap_or_else(|| format!("{us} µs"))
}
