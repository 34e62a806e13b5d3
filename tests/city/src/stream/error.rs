//! Why there are no streams or no clips.

use std::path::PathBuf;

use yiwang_inference::rules::RuleError;

use super::EncodeError;
use crate::rtsp::ServerError;

/// Why there are no streams or no clips.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// The streams' server.
    #[error(transparent)]
    Serve(#[from] ServerError),
    /// An encoder.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// A camera's rules.
    #[error("a camera of the city has a rule that no gateway takes")]
    Rule(#[from] RuleError),
    /// The truth's folder.
    #[error("could not write the truth to {path}")]
    Truth {
        /// The folder.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
}
