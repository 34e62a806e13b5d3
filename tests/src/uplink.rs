//! The product's own uplink without cameras, for tests that make their own events.

use std::path::Path;
use std::sync::Arc;

use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use yiwang_gateway::board::Board;
use yiwang_gateway::spool::Spool;
use yiwang_gateway::uplink::{self, CameraInfo, Identity, UplinkSettings, UplinkStatus};

use crate::events;
use crate::link::LinkError;

/// Settings of a gateway that has joined, with these cameras.
pub fn settings(state: &Path, cameras: &[String]) -> Result<UplinkSettings, LinkError> {
    let identity = Identity::load(state)?.ok_or("this gateway has not joined")?;
    let camera = |id: &String| CameraInfo {
        id: id.clone(),
        name: id.clone(),
        position: None,
        heading_deg: None,
        field_of_view_deg: None,
    };
    let cameras = cameras.iter().map(camera).collect();
    Ok(UplinkSettings::new(identity, state, cameras, events::kinds(), "0123456789ab".into()))
}

/// Runs it until `shutdown`.
pub fn spawn(
    runtime: &Runtime,
    settings: UplinkSettings,
    spool: Spool,
    board: Arc<Board>,
    shutdown: CancellationToken,
) -> JoinHandle<()> {
    let status = Arc::new(UplinkStatus::default());
    runtime.spawn(async move {
        let _ = uplink::run(settings, spool, board, status, shutdown).await;
    })
}
