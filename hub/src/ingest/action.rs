//! What a session asks of its driver.

use std::sync::Arc;

use yiwang_wire::close::CloseCode;
use yiwang_wire::event::KindDescriptor;
use yiwang_wire::pb;

use super::held::Marks;
use crate::log::LogEntry;
use crate::store::Hello;

/// What the driver is to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Keep what it says of itself; then answer with [`Session::durable`](super::session::Session::durable) for these
    /// epochs.
    Hello {
        /// For the registry.
        hello: Hello,
        /// Kinds that it may report.
        kinds: Vec<KindDescriptor>,
        /// Its clock less the hub's, without the way's delay.
        clock_offset_us: i64,
        /// Epochs that the welcome speaks of.
        epochs: Vec<u64>,
        /// What pictures it can send (`yiwang_wire::picture`).
        pictures: u32,
    },
    /// Send these bytes on the control stream.
    Send(Vec<u8>),
    /// Append to the log, in this order; then answer with [`Session::committed`](super::session::Session::committed).
    Append {
        /// Names this append in the answer.
        token: u64,
        /// What to append. Never empty.
        entries: Arc<Vec<LogEntry>>,
    },
    /// Note how it and its cameras are.
    Status(pb::Status),
    /// Its cameras are complete up to these times: everything before is durable. Store them, then answer with
    /// [`Session::watermarks_stored`](super::session::Session::watermarks_stored).
    Watermarks(Marks),
    /// Sign its next certificate; then answer with [`Session::signed`](super::session::Session::signed).
    Sign {
        /// The request.
        csr_der: Vec<u8>,
    },
    /// Close the connection. The last action.
    Close {
        /// Why.
        code: CloseCode,
        /// What exactly, for both sides' logs. Never repeats content.
        reason: String,
    },
}
