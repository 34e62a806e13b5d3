//! Between plain data and bytes, by hand. `batch` codes events, `control` the messages of the control and the joining
//! stream, `pictures` those of asks for pictures, `check` holds the rules that both directions obey. Decoders take what a stranger may have sent: every count,
//! length and number is checked, counts before anything is allocated for them. Nothing here reads a socket or a clock.

mod batch;
mod check;
mod control;
mod pictures;

pub use batch::{Batch, BatchDecoder, BatchEncoder, decode_record, encode_record};
pub use check::check;
pub use control::{
    decode_down, decode_join, decode_joined, decode_up, descriptor_from_pb, descriptor_to_pb, durable_from_pb,
    durable_to_pb, encode_down, encode_join, encode_joined, encode_up,
};
pub use pictures::{
    decode_answer, decode_ask, decode_fragment, decode_group, encode_answer, encode_ask, encode_fragment, encode_group,
    no_picture,
};

/// Why bytes are no message, or an event does not fit into one.
#[derive(Debug, Clone, thiserror::Error)]
pub enum WireError {
    /// Not protobuf.
    #[error("the message cannot be read")]
    Malformed(#[source] prost::DecodeError),
    /// More than the contract allows.
    #[error("{what}: {got} is above the limit of {limit}")]
    Limit {
        /// Of what.
        what: &'static str,
        /// How much it was.
        got: usize,
        /// How much it may be.
        limit: usize,
    },
    /// A value that cannot be.
    #[error("{what}: {why}")]
    Invalid {
        /// Which field.
        what: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
}

impl WireError {
    /// How a connection ends that brought such a message.
    pub fn close_code(&self) -> crate::close::CloseCode {
        match self {
            WireError::Limit { .. } => crate::close::CloseCode::TooLarge,
            WireError::Malformed(_) | WireError::Invalid { .. } => crate::close::CloseCode::Protocol,
        }
    }
}

impl PartialEq for WireError {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}
