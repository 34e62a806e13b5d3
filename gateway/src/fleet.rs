//! The cameras at work: each is started, changed and stopped on its own, whatever becomes of the others. What is to be
//! done follows from two configurations ([`Changes`]); here it is done.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use yiwang_inference::analyser::Analyser;
use yiwang_inference::model::Model;
use yiwang_inference::track::TrackerConfig;

use crate::analyse::live::Live;
use crate::analyse::window::Windows;
use crate::analyse::{Analyst, Plan};
use crate::board::Board;
use crate::camera::{self, CameraTask, Counters};
use crate::config::change::{CameraChange, Changes};
use crate::config::{Camera, Config, Decoding};
use crate::decode::Feeder;
use crate::error::RunError;
use crate::gate::Tally;
use crate::metrics::Metrics;
use crate::now_us;
use crate::outlet::Outlet;
use crate::pictures::{Pictures, hashing};
use crate::schedule::{Priority, Share, Turn};
use crate::shadow::Shadow;

/// How often silence is looked at.
const TICK: Duration = Duration::from_secs(1);
/// How long one camera may take to say good-bye before it is cut off.
const STOP_WAIT: Duration = Duration::from_secs(3);

/// What became of each camera's coded pictures, by camera.
#[derive(Debug, Clone, Default)]
pub struct Tallies(Arc<Mutex<BTreeMap<String, Arc<Tally>>>>);

impl Tallies {
    /// A copy.
    pub fn snapshot(&self) -> BTreeMap<String, Arc<Tally>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, camera: &str, tally: Option<Arc<Tally>>) {
        let mut tallies = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match tally {
            Some(tally) => tallies.insert(camera.to_owned(), tally),
            None => tallies.remove(camera),
        };
    }
}

/// The models at work: the one in force, and a candidate beside it. Read by the status page.
#[derive(Debug, Clone)]
pub struct Models(Arc<Mutex<(Arc<Model>, Option<Shadow>)>>);

impl Models {
    /// The one in force, and no candidate.
    pub fn new(model: Arc<Model>) -> Self {
        Self(Arc::new(Mutex::new((model, None))))
    }

    /// Both.
    pub fn get(&self) -> (Arc<Model>, Option<Shadow>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, change: impl FnOnce(&mut (Arc<Model>, Option<Shadow>))) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// What all cameras share.
#[derive(Clone)]
pub struct Parts {
    /// Where their states stand.
    pub board: Arc<Board>,
    /// Where their events go.
    pub outlet: Outlet,
    /// What is counted.
    pub metrics: Metrics,
    /// How much of what is due is analysed.
    pub share: Share,
    /// What is decoded.
    pub tallies: Tallies,
    /// What looks at their pictures.
    pub models: Models,
    /// Who may look at them.
    pub pictures: Pictures,
    /// What people on site see of their analysis.
    pub windows: Windows,
}

/// The cameras.
pub struct Fleet {
    parts: Parts,
    running: BTreeMap<String, Running>,
    shutdown: CancellationToken,
}

struct Running {
    live: Live,
    stop: CancellationToken,
    tasks: [JoinHandle<()>; 2],
}

impl Fleet {
    /// No camera yet. All of them end with `shutdown`.
    pub fn new(parts: Parts, shutdown: CancellationToken) -> Self {
        Self { parts, running: BTreeMap::new(), shutdown }
    }

    /// A candidate looks at their pictures too from now on, or none.
    pub fn set_shadow(&mut self, shadow: Option<Shadow>) {
        tokio::task::block_in_place(|| {
            self.running.values().for_each(|running| running.live.set_shadow(shadow.clone()));
        });
        self.parts.models.set(|models| models.1 = shadow);
    }

    /// Starts a camera. `unwatched_since_us`: when its stream was closed under other settings.
    ///
    /// # Errors
    /// One of its rules is wrong.
    pub fn start(&mut self, camera: &Camera, revision: &str, unwatched_since_us: Option<i64>) -> Result<(), RunError> {
        let parts = self.parts.clone();
        let (model, shadow) = parts.models.get();
        let mut analyst = Analyst::new(Plan::of(camera, revision), model)
            .map_err(|source| RunError::Rule { camera: camera.id.clone(), source: Box::new(source) })?;
        analyst.set_shadow(shadow);
        let turn = Turn::new(parts.share, Priority::of(&camera.rules));
        let sight = parts.pictures.add(camera);
        let emit = hashing(parts.outlet.emit(), &sight);
        let window = parts.windows.open(&camera.id);
        let live = Live::new(camera.id.clone(), analyst, window, turn, emit, parts.board.clone(), parts.metrics);
        let feeder = match camera.decode {
            Decoding::Auto => Feeder::gated(live.clone(), live.attention()),
            Decoding::Always => Feeder::new(live.clone()),
        };
        let feeder = feeder.seen_by(sight);
        parts.board.add(&camera.id, now_us());
        parts.tallies.set(&camera.id, Some(feeder.tally()));
        let task = CameraTask {
            source: camera.source.clone(),
            board: parts.board,
            notify: parts.outlet.notify(&camera.diagnosis_off),
            sink: Box::new(feeder),
            counters: Arc::new(Counters::default()),
            seed: rand::random(),
            unwatched_since_us,
        };
        let stop = self.shutdown.child_token();
        let tasks =
            [tokio::spawn(camera::supervise::run(task, stop.clone())), tokio::spawn(tick(live.clone(), stop.clone()))];
        self.running.insert(camera.id.clone(), Running { live, stop, tasks });
        Ok(())
    }

    /// Brings the cameras to another configuration, one that [`check`] has found right for the model. Cameras that did
    /// not change hear of the revision, nothing else. Give `model` where it is to be another.
    ///
    /// # Errors
    /// A rule is wrong, which `check` would have said; the cameras before that one are changed already.
    pub async fn change(
        &mut self,
        changes: &Changes,
        config: &Config,
        model: Option<Arc<Model>>,
    ) -> Result<(), RunError> {
        let swapped = model.is_some();
        if let Some(model) = model {
            self.parts.models.set(|models| models.0 = model);
        }
        self.parts.outlet.set_revision(&config.revision);
        let change_of = |id: &str| changes.cameras.iter().find(|(camera, _)| camera == id).map(|(_, change)| change);
        for camera in &config.cameras {
            let changed = match change_of(&camera.id) {
                Some(CameraChange::Added) => self.start(camera, &config.revision, None),
                Some(CameraChange::Reopened(_)) => {
                    let complete_to_us = self.parts.board.snapshot().get(&camera.id).and_then(|l| l.complete_to_us);
                    let since_us = complete_to_us.unwrap_or_else(now_us);
                    self.stop(&camera.id).await;
                    self.start(camera, &config.revision, Some(since_us))
                }
                Some(CameraChange::Changed(_)) => self.retune(camera, &config.revision),
                _ if swapped => self.retune(camera, &config.revision),
                Some(CameraChange::Removed) | None => {
                    if let Some(running) = self.running.get(&camera.id) {
                        running.live.set_revision(&config.revision);
                    }
                    Ok(())
                }
            };
            changed?;
        }
        Ok(())
    }

    /// Stops the cameras that are not there any more, and forgets them.
    pub async fn remove(&mut self, changes: &Changes) {
        for (camera, _) in changes.cameras.iter().filter(|(_, change)| *change == CameraChange::Removed) {
            self.stop(camera).await;
            self.parts.outlet.end(camera);
            self.parts.board.remove(camera);
            self.parts.tallies.set(camera, None);
            self.parts.pictures.remove(camera);
            self.parts.windows.remove(camera);
            self.parts.metrics.forget(camera);
        }
    }

    /// All end: `shutdown` was called.
    pub async fn ended(self) {
        for running in self.running.into_values() {
            for task in running.tasks {
                let _ = task.await;
            }
        }
    }

    /// Another plan for a camera whose stream goes on.
    fn retune(&self, camera: &Camera, revision: &str) -> Result<(), RunError> {
        let Some(running) = self.running.get(&camera.id) else { return Ok(()) };
        self.parts.pictures.retune(camera);
        let (plan, (model, _)) = (Plan::of(camera, revision), self.parts.models.get());
        // It waits for the picture that is looked at, on a thread that may.
        tokio::task::block_in_place(|| running.live.retune(plan, model, Priority::of(&camera.rules)))
            .map_err(|source| RunError::Rule { camera: camera.id.clone(), source: Box::new(source) })
    }

    /// Ends a camera's stream and what is open about its pictures.
    async fn stop(&mut self, camera: &str) {
        let Some(running) = self.running.remove(camera) else { return };
        running.stop.cancel();
        for mut task in running.tasks {
            if tokio::time::timeout(STOP_WAIT, &mut task).await.is_err() {
                task.abort();
            }
        }
        tokio::task::block_in_place(|| running.live.end());
    }
}

/// Whether every rule of every camera is right for a model of these classes.
///
/// # Errors
/// The first that is not, and its camera.
pub fn check(config: &Config, classes: &[String]) -> Result<(), RunError> {
    for camera in &config.cameras {
        Analyser::calibrated(TrackerConfig::default(), camera.rules.clone(), classes, camera.calibration.clone())
            .map_err(|source| RunError::Rule { camera: camera.id.clone(), source: Box::new(source) })?;
    }
    Ok(())
}

async fn tick(live: Live, stop: CancellationToken) {
    while tokio::time::timeout(TICK, stop.cancelled()).await.is_err() {
        live.tick(now_us());
    }
}
