//! A shadow run: a candidate model looks at some of the live pictures beside the model in force, within a bound of the
//! processor's use, and what the two see is counted. It makes no events. [`allowance`] (pure) decides which pictures.
//!
//! The candidate's inferences run on a thread of their own, one at a time, so that no picture waits for them. Where the
//! candidate takes another input than the model in force, preparing it is done on the camera's own thread and is part of
//! the bound; a candidate that keeps a background learns it from the pictures it is given only.

pub mod allowance;

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;

use serde_json::{Value, json};
use yiwang_inference::compare::{SeenBy, Side, compare};
use yiwang_inference::detect::{Detection, Tensor};
use yiwang_inference::model::Model;
use yiwang_inference::picture::I420;

use self::allowance::Allowance;
use crate::{now_us, time_text};

/// Prepared pictures that wait for the candidate. When full, a picture is left out and counted.
const WAITING_MAX: usize = 1;

/// How often an object of one class was seen, and by whom.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seen {
    /// By both models.
    pub both: u64,
    /// By the model in force only.
    pub current: u64,
    /// By the candidate only.
    pub candidate: u64,
}

/// What was counted so far.
#[derive(Debug, Clone, Default)]
pub struct Differences {
    /// Pictures that both have looked at.
    pub pictures: u64,
    /// Pictures that the bound left out for the candidate.
    pub left_out: u64,
    /// Pictures that the candidate failed on.
    pub failed: u64,
    /// By class.
    pub classes: BTreeMap<String, Seen>,
    /// What the candidate's inferences took.
    pub inference_s: f64,
}

/// A candidate at work. Clones share it; with the last one its thread ends.
#[derive(Debug, Clone)]
pub struct Shadow {
    inner: Arc<Inner>,
    jobs: SyncSender<Job>,
}

#[derive(Debug)]
struct Inner {
    model: Arc<Model>,
    cores_max: f64,
    since_us: i64,
    started: Instant,
    allowance: Mutex<Allowance>,
    differences: Mutex<Differences>,
}

/// A picture for the candidate, and what the model in force saw in it.
struct Job {
    tensor: Tensor,
    current: Vec<Detection>,
    of: Arc<Model>,
}

impl Shadow {
    /// Starts a candidate that may use so many cores.
    ///
    /// # Errors
    /// No thread can be had.
    pub fn start(model: Arc<Model>, cores_max: f64) -> std::io::Result<Self> {
        let inner = Arc::new(Inner {
            model,
            cores_max,
            since_us: now_us(),
            started: Instant::now(),
            allowance: Mutex::new(Allowance::new(cores_max)),
            differences: Mutex::default(),
        });
        let (jobs, waiting) = sync_channel(WAITING_MAX);
        let shared = Arc::downgrade(&inner);
        std::thread::Builder::new().name("shadow".into()).spawn(move || work(&shared, &waiting))?;
        Ok(Self { inner, jobs })
    }

    /// The candidate.
    pub fn model(&self) -> &Arc<Model> {
        &self.inner.model
    }

    /// What was counted so far.
    pub fn differences(&self) -> Differences {
        self.inner.differences().clone()
    }

    /// The same for `/status`.
    pub fn status(&self) -> Value {
        let differences = self.differences();
        let class = |(class, seen): (&String, &Seen)| {
            let counts = json!({ "both": seen.both, "current_only": seen.current, "candidate_only": seen.candidate });
            (class.clone(), counts)
        };
        #[allow(clippy::cast_precision_loss, reason = "an average for people")]
        let inference_ms = 1000.0 * differences.inference_s / (differences.pictures.max(1) as f64);
        let cores = differences.inference_s / self.inner.started.elapsed().as_secs_f64().max(1e-3);
        json!({
            "candidate": self.inner.model.info().name,
            "since": time_text(self.inner.since_us),
            "cores_max": self.inner.cores_max,
            "cores_used": (cores * 1000.0).round() / 1000.0,
            "pictures_compared": differences.pictures,
            "pictures_left_out": differences.left_out,
            "failed": differences.failed,
            "inference_ms": (inference_ms * 10.0).round() / 10.0,
            "classes": differences.classes.iter().map(class).collect::<BTreeMap<_, _>>(),
        })
    }

    fn now_s(&self) -> f64 {
        self.inner.started.elapsed().as_secs_f64()
    }
}

/// What one camera keeps for the candidate.
#[derive(Debug)]
pub struct Eye {
    shadow: Shadow,
    camera: String,
    /// Where the candidate takes another input than the model in force.
    own: Tensor,
}

impl Eye {
    /// A camera's.
    pub fn new(shadow: Shadow, camera: &str) -> Self {
        let own = shadow.model().tensor();
        Self { shadow, camera: camera.to_owned(), own }
    }

    /// The model in force has seen this picture, as it is in `tensor`: perhaps the candidate looks at it too.
    pub fn look(&mut self, view: &I420<'_>, media_us: i64, tensor: &Tensor, of: &Arc<Model>, current: &[Detection]) {
        let now_s = self.shadow.now_s();
        if !self.shadow.inner.allowance().admits(&self.camera, now_s) {
            self.shadow.inner.differences().left_out += 1;
            return;
        }
        let candidate = self.shadow.model();
        let prepared = if candidate.takes(tensor) {
            Ok(tensor.clone())
        } else {
            let prepared = candidate.prepare(view, media_us, &mut self.own).map(|()| self.own.clone());
            // What the candidate finds is known later, if at all.
            self.own.found(current);
            self.shadow.inner.allowance().spent(self.shadow.now_s() - now_s);
            prepared
        };
        let sent = prepared.is_ok_and(|tensor| {
            self.shadow.jobs.try_send(Job { tensor, current: current.to_vec(), of: of.clone() }).is_ok()
        });
        if !sent {
            self.shadow.inner.differences().left_out += 1;
        }
    }

    /// The stream is over: what was background is none any more.
    pub fn forget(&mut self) {
        self.own.forget();
    }
}

impl Inner {
    fn allowance(&self) -> MutexGuard<'_, Allowance> {
        // Counts that a panic left out cost nothing.
        self.allowance.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn differences(&self) -> MutexGuard<'_, Differences> {
        self.differences.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn compare(&self, job: &mut Job) {
        let started = Instant::now();
        let found = self.model.detect(&mut job.tensor);
        let took_s = started.elapsed().as_secs_f64();
        self.allowance().spent(took_s);
        let mut differences = self.differences();
        let found = match found {
            Ok(found) => found,
            Err(error) => {
                if differences.failed == 0 {
                    tracing::error!(%error, "the candidate could not look at a picture");
                }
                differences.failed += 1;
                return;
            }
        };
        differences.pictures += 1;
        differences.inference_s += took_s;
        let current = Side { detections: &job.current, classes: &job.of.info().classes };
        let candidate = Side { detections: &found, classes: &self.model.info().classes };
        for (class, seen_by) in compare(current, candidate) {
            let seen = differences.classes.entry(class.to_owned()).or_default();
            match seen_by {
                SeenBy::Both => seen.both += 1,
                SeenBy::Current => seen.current += 1,
                SeenBy::Candidate => seen.candidate += 1,
            }
        }
    }
}

/// The candidate's thread: ends with the last camera that could give it something.
fn work(inner: &Weak<Inner>, jobs: &Receiver<Job>) {
    while let Ok(mut job) = jobs.recv() {
        let Some(inner) = inner.upgrade() else { return };
        inner.compare(&mut job);
    }
}
