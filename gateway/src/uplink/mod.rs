//! The uplink: what is spooled goes to the hub over QUIC, live before back-fill, and stays in the spool until the hub's
//! disk has it.
//!
//! `join` lets the gateway in once and leaves an `identity`; `run` (in `link`) keeps a connection, `session` and
//! `marks` decide what is said on it, `dial` how one is made, `retry` when it is tried again, `renew` when the certificate is;
//! `tls` holds whom to trust, `declared` which cameras the hub has heard of, `plain_words` why it failed, `status` what others see of it.

mod declared;
mod dial;
pub mod files;
mod identity;
pub mod join;
mod link;
mod marks;
mod plain_words;
pub mod renew;
pub mod retry;
pub mod session;
mod status;
mod tls;

use std::path::{Path, PathBuf};

use yiwang_wire::event::KindDescriptor;
use yiwang_wire::pb;

pub use declared::Declared;
pub use identity::{Identity, IdentityError};
pub use link::{run, run_following};
pub use marks::Report;
pub use status::{UplinkState, UplinkStatus};

use session::SessionSettings;

use crate::pictures::Pictures;

/// A camera as the hub is told of it.
#[derive(Debug, Clone, PartialEq)]
pub struct CameraInfo {
    /// Unique within the gateway.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// WGS-84, longitude and latitude in degrees.
    pub position: Option<[f64; 2]>,
    /// Where it looks, degrees from north, clockwise.
    pub heading_deg: Option<f64>,
    /// How wide it sees, degrees.
    pub field_of_view_deg: Option<f64>,
}

impl CameraInfo {
    pub(crate) fn to_pb(&self) -> pb::Camera {
        pb::Camera {
            id: self.id.clone(),
            name: self.name.clone(),
            longitude: self.position.map(|[longitude, _]| longitude),
            latitude: self.position.map(|[_, latitude]| latitude),
            heading_deg: self.heading_deg,
            field_of_view_deg: self.field_of_view_deg,
        }
    }
}

/// How much is sent before the hub answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Congestion {
    /// Slows down with each loss; fair, and slow on a lossy link.
    Cubic,
    /// Goes by the rate that arrives: the right one for radio links, which lose without being full.
    #[default]
    Bbr,
}

/// What the uplink needs.
#[derive(Debug, Clone)]
pub struct UplinkSettings {
    /// Who this gateway is.
    pub identity: Identity,
    /// Where key and certificates lie.
    pub state_dir: PathBuf,
    /// What the sessions say and how much may be under way.
    pub session: SessionSettings,
    /// Congestion control.
    pub congestion: Congestion,
    /// What can be looked through on the hub's request; none: it is told so.
    pub pictures: Option<Pictures>,
}

impl UplinkSettings {
    /// With the defaults for the field.
    pub fn new(
        identity: Identity,
        state_dir: &Path,
        cameras: Vec<CameraInfo>,
        kinds: Vec<KindDescriptor>,
        config_revision: String,
    ) -> Self {
        Self::said(identity, state_dir, SessionSettings::new(config_revision, cameras, kinds))
    }

    /// The same where what the sessions say is known.
    pub fn said(identity: Identity, state_dir: &Path, session: SessionSettings) -> Self {
        Self { identity, state_dir: state_dir.into(), session, congestion: Congestion::default(), pictures: None }
    }
}
