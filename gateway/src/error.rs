//! What can keep the gateway from running. Each names the thing and the next step; the parts' own errors say the rest.

use crate::decode::DecodeError;
use crate::model::OpenError;
use crate::spool::SpoolError;
use crate::uplink::IdentityError;

/// The gateway cannot run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// GStreamer or a plug-in is not there.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The model cannot be had.
    #[error("{0}")]
    Model(#[from] OpenError),
    /// A rule is wrong.
    #[error("camera {camera:?}: {source}")]
    Rule {
        /// Whose.
        camera: String,
        /// What.
        source: Box<yiwang_inference::rules::RuleError>,
    },
    /// The spool cannot be opened.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// The identity in the state folder is damaged.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The status page's address.
    #[error("{0}")]
    Admin(String),
    /// The page's address or certificate.
    #[error("{0}")]
    Page(String),
    /// Metrics of one name twice: a fault of the program.
    #[error("the metrics cannot be registered")]
    Metrics(#[from] prometheus::Error),
}
