//! `tests/bench uplink`: the product's spool and uplink over a bad network, against a plain QUIC client with the
//! library's default congestion control that sends the same events over the same network.

use super::Report;
use crate::link::LinkError;

/// Runs it for each share of loss.
pub async fn run(_report: &mut Report, _losses_percent: &[u32], _seconds: u64) -> Result<(), LinkError> {
    Err("not yet".into())
}
