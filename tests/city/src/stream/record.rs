//! The truth of a studio's pictures, written as they are taken.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::{Shot, StreamError, Studio};
use crate::truth::{Folder, Line, Recorder, Start};

/// Whoever reads beside us sees a line after so long at most.
const FLUSH_EVERY: Duration = Duration::from_millis(500);

/// A folder of truth that is being written.
pub(super) struct Record {
    path: PathBuf,
    recorder: Recorder,
    folder: Folder,
    /// The cameras of each device.
    cameras: Vec<Vec<usize>>,
    flushed: Instant,
}

impl Record {
    /// Begins with what is known before the first picture.
    pub(super) fn create(path: &Path, studio: &Studio) -> Result<Record, StreamError> {
        let start = Start { seed: studio.seed(), epoch_us: studio.epoch_us() };
        let (recorder, lines) = Recorder::new(start, studio.cameras(), 0)?;
        let folder = Folder::create(path).map_err(|source| StreamError::Truth { path: path.to_owned(), source })?;
        let cameras = studio.devices().iter().map(|device| device.cameras.clone()).collect();
        let mut record = Record { path: path.to_owned(), recorder, folder, cameras, flushed: Instant::now() };
        record.write(&lines)?;
        record.flush()?;
        Ok(record)
    }

    /// A picture.
    pub(super) fn shot(&mut self, shot: &Shot<'_>) -> Result<(), StreamError> {
        let mut lines = Vec::new();
        for camera in &self.cameras[shot.device] {
            lines.append(&mut self.recorder.picture(*camera, shot.t_us, shot.seen));
        }
        self.write(&lines)
    }

    /// After the pictures of a moment.
    pub(super) fn moment(&mut self, studio: &Studio) -> Result<(), StreamError> {
        let lines = self.recorder.world(studio.world().incidents(), studio.world().now_us());
        self.write(&lines)?;
        if self.flushed.elapsed() >= FLUSH_EVERY {
            self.flush()?;
        }
        Ok(())
    }

    /// After the last picture.
    pub(super) fn finish(&mut self, studio: &Studio) -> Result<(), StreamError> {
        let lines = self.recorder.finish(studio.world().incidents(), studio.world().now_us());
        self.write(&lines)?;
        self.flush()
    }

    fn write(&mut self, lines: &[Line]) -> Result<(), StreamError> {
        let done = self.folder.write(lines);
        self.told(done)
    }

    fn flush(&mut self) -> Result<(), StreamError> {
        self.flushed = Instant::now();
        let done = self.folder.flush();
        self.told(done)
    }

    fn told(&self, done: io::Result<()>) -> Result<(), StreamError> {
        done.map_err(|source| StreamError::Truth { path: self.path.clone(), source })
    }
}
