//! Feeds a recorded clip through the gate and the live decoder, each unit only once what was decoded before it has been
//! looked at: what a gateway would have done that is never behind, the same in every run.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Feeder, PictureSink};
use crate::camera::{AccessUnit, CameraError, UnitSink};
use crate::gate::{Attention, Tally};

/// A decoder that has not given a picture for so long gives none: damaged data.
const PATIENCE: Duration = Duration::from_millis(500);

/// Shows the sink what the gate lets through, and tells it when the clip is over. Gives what became of the units.
///
/// # Errors
/// The units end with an error, or they cannot be decoded.
pub fn run_gated(
    units: impl Iterator<Item = Result<AccessUnit, CameraError>>,
    sink: impl PictureSink + 'static,
    attention: Attention,
) -> Result<Arc<Tally>, CameraError> {
    let mut feeder = Feeder::gated(sink, attention);
    let tally = feeder.tally();
    for unit in units {
        feeder.take(unit?)?;
        let given = Instant::now();
        while !feeder.is_drained() && given.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_micros(50));
        }
    }
    feeder.end();
    Ok(tally)
}
