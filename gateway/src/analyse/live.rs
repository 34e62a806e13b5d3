//! Analysis of a running camera: the decoder's thread shows it pictures, a tick tells it that time goes on without any.
//! Events go to the emitter; how far the camera is analysed goes to the board.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use uuid::Uuid;
use yiwang_inference::model::Model;
use yiwang_inference::rules::RuleError;
use yiwang_wire::event::Event;

use super::window::Window;
use super::{Analyst, Found, Plan};
use crate::board::{Board, Gap};
use crate::camera::Times;
use crate::decode::{Picture, PictureSink, Purpose};
use crate::gate::{Attention, Stir};
use crate::metrics::Metrics;
use crate::now_us;
use crate::schedule::{Priority, Turn};
use crate::shadow::Shadow;

/// A picture older than this is not analysed: what is late already must not make the next one later.
const LATE_US: i64 = 1_500_000;
/// Without a picture for this long what is open ends: the tracker gives an object up sooner than that.
const SILENT_US: i64 = 5_000_000;
/// Weight of the newest interval in the analysed rate.
const RATE_WEIGHT: f32 = 0.1;

/// Who takes the events. Does not block for longer than a disk needs.
pub type Emit = Arc<dyn Fn(Event) + Send + Sync>;

/// One camera's analysis, shared by the decoder's thread and the tick.
#[derive(Clone)]
pub struct Live {
    inner: Arc<Mutex<Inner>>,
    attention: Attention,
}

struct Inner {
    camera: String,
    analyst: Analyst,
    attention: Attention,
    window: Window,
    turn: Turn,
    emit: Emit,
    board: Arc<Board>,
    metrics: Metrics,
    /// Arrival of the last analysed picture.
    last_arrival_us: Option<i64>,
    last_media_us: i64,
    /// Smoothed time between analysed pictures.
    interval_s: Option<f32>,
    /// Pictures that the model was not asked about, as counted last.
    spared: u64,
    /// Since when pictures are left out because they came too late.
    late_since_us: Option<i64>,
    /// The camera is not this gateway's any more.
    ended: bool,
}

impl Live {
    /// Analysis of the camera of that id.
    pub fn new(
        camera: String,
        mut analyst: Analyst,
        window: Window,
        turn: Turn,
        emit: Emit,
        board: Arc<Board>,
        metrics: Metrics,
    ) -> Self {
        let attention = Attention::default();
        analyst.set_window(window.clone());
        let inner = Inner {
            camera,
            analyst,
            attention: attention.clone(),
            window,
            turn,
            emit,
            board,
            metrics,
            last_arrival_us: None,
            last_media_us: 0,
            interval_s: None,
            spared: 0,
            late_since_us: None,
            ended: false,
        };
        Self { inner: Arc::new(Mutex::new(inner)), attention }
    }

    /// What it says of the camera, for whoever decides what is decoded of it.
    pub fn attention(&self) -> Attention {
        self.attention.clone()
    }

    /// Called every second or so: ends what is open where no picture came for long.
    pub fn tick(&self, now_us: i64) {
        self.with(|inner| {
            if inner.last_arrival_us.is_some_and(|at| now_us - at > SILENT_US) {
                inner.finish();
            }
        });
    }

    /// Takes another plan, another model, or both, between two pictures; waits for the one that is looked at.
    ///
    /// # Errors
    /// A rule is wrong; nothing is changed then.
    pub fn retune(&self, plan: Plan, model: Arc<Model>, priority: Priority) -> Result<(), RuleError> {
        self.with(|inner| {
            let found = inner.analyst.replan(plan, model, &mut Uuid::now_v7)?;
            inner.turn.set_priority(priority);
            inner.send(found);
            Ok(())
        })
    }

    /// A candidate looks too from now on, or none.
    pub fn set_shadow(&self, shadow: Option<Shadow>) {
        self.with(|inner| inner.analyst.set_shadow(shadow));
    }

    /// Which configuration the events from now on are made under.
    pub fn set_revision(&self, revision: &str) {
        self.with(|inner| inner.analyst.set_revision(revision));
    }

    /// The camera is given up: what is open ends, and no picture is looked at any more.
    pub fn end(&self) {
        self.with(|inner| {
            inner.finish();
            inner.ended = true;
        });
    }

    fn with<T>(&self, act: impl FnOnce(&mut Inner) -> T) -> T {
        // A panic in the middle of a picture may have left this camera's tracks odd; they mend with the next pictures.
        act(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl PictureSink for Live {
    fn wants(&mut self, times: &Times, purpose: Purpose) -> bool {
        self.with(|inner| inner.wants(times, purpose))
    }

    fn picture(&mut self, picture: &Picture<'_>) {
        self.with(|inner| match picture.purpose() {
            _ if inner.ended => {}
            Purpose::Glance => inner.glance(picture),
            Purpose::Live | Purpose::Replay => inner.picture(picture),
        });
    }
}

impl Inner {
    fn wants(&mut self, times: &Times, purpose: Purpose) -> bool {
        if self.ended {
            return false;
        }
        self.metrics.pictures_decoded.with_label_values(&[&self.camera]).inc();
        match purpose {
            Purpose::Glance => return true,
            // What was analysed before the camera went idle is decoded again only for what comes after it.
            Purpose::Replay => {
                return times.media_us > self.last_media_us && self.analyst.due(times.media_us) && self.admits();
            }
            Purpose::Live => {}
        }
        if !self.analyst.due(times.media_us) {
            return false;
        }
        let late = now_us() - times.arrival_us > LATE_US;
        if late {
            self.metrics.pictures_skipped.with_label_values(&[self.camera.as_str(), "late"]).inc();
            self.late_since_us.get_or_insert(times.capture_us);
        } else if let Some(from_us) = self.late_since_us.take() {
            self.board.gap(&self.camera, Gap { from_us, to_us: times.capture_us, reason: "overload".into() });
        }
        self.turn.waited(now_us() - times.arrival_us);
        !late && self.admits()
    }

    /// Whether there is room for a picture that is due. A thinner rate is no gap: what happens is still seen.
    fn admits(&mut self) -> bool {
        let admits = self.turn.admits();
        if !admits {
            self.metrics.pictures_skipped.with_label_values(&[self.camera.as_str(), "budget"]).inc();
        }
        admits
    }

    fn picture(&mut self, picture: &Picture<'_>) {
        let times = *picture.times();
        let started = Instant::now();
        let found = match self.analyst.picture(picture, &mut Uuid::now_v7) {
            Ok(found) => found,
            Err(error) => {
                self.metrics.pictures_skipped.with_label_values(&[self.camera.as_str(), "model"]).inc();
                tracing::error!(camera = self.camera, %error, "the model could not look at a picture");
                return;
            }
        };
        self.metrics.inference_seconds.observe(started.elapsed().as_secs_f64());
        self.count_spared();
        self.count_rate(times.media_us);
        self.observed(&times, found);
    }

    /// A keyframe of an idle camera.
    fn glance(&mut self, picture: &Picture<'_>) {
        let times = *picture.times();
        let glanced = self.analyst.glance(picture, &mut Uuid::now_v7).unwrap_or_else(|error| {
            self.metrics.pictures_skipped.with_label_values(&[self.camera.as_str(), "model"]).inc();
            tracing::error!(camera = self.camera, %error, "the model could not look at a keyframe");
            None
        });
        self.count_spared();
        // Where a fault of the picture may be about to begin, nothing has moved and yet there is more to look at.
        let undecided = glanced.is_some() && self.analyst.stir() == Stir::Moving;
        // Who looks on site sees the camera awake.
        let awake = undecided || self.window.is_watched();
        self.attention.glanced(times.media_us, glanced.is_none() || awake);
        if let Some(found) = glanced {
            self.last_media_us = times.media_us;
            self.observed(&times, found);
        }
    }

    fn observed(&mut self, times: &Times, found: Vec<Found>) {
        self.metrics.pictures_analysed.with_label_values(&[&self.camera]).inc();
        self.last_arrival_us = Some(times.arrival_us);
        self.send(found);
        let stir = if self.window.is_watched() { Stir::Moving } else { self.analyst.stir() };
        self.attention.observed(times.media_us, stir);
        if let Some(to_us) = self.analyst.settled_capture_us() {
            self.board.complete(&self.camera, to_us);
        }
    }

    /// The model was not asked about a picture in which nothing had changed.
    fn count_spared(&mut self) {
        let spared = self.analyst.spared();
        let new = spared - std::mem::replace(&mut self.spared, spared);
        self.metrics.pictures_unchanged.with_label_values(&[&self.camera]).inc_by(new);
    }

    fn finish(&mut self) {
        self.last_arrival_us = None;
        self.attention.forget();
        let found = self.analyst.finish(&mut Uuid::now_v7);
        self.send(found);
    }

    fn send(&mut self, found: Vec<Found>) {
        for Found { event, .. } in found {
            #[allow(clippy::cast_precision_loss, reason = "a delay of hours fits in 53 bits of microseconds")]
            self.metrics.capture_to_spool_seconds.observe((now_us() - event.captured_us).max(0) as f64 / 1e6);
            (self.emit)(event);
        }
    }

    #[allow(clippy::cast_precision_loss, reason = "a smoothed rate for people")]
    fn count_rate(&mut self, media_us: i64) {
        let interval_us = media_us - std::mem::replace(&mut self.last_media_us, media_us);
        if (1..SILENT_US).contains(&interval_us) {
            let interval_s = interval_us as f32 / 1e6;
            let before_s = self.interval_s.unwrap_or(interval_s);
            let smoothed_s = before_s + RATE_WEIGHT * (interval_s - before_s);
            self.interval_s = Some(smoothed_s);
            self.board.update(&self.camera, |line| line.analysed_fps = 1.0 / smoothed_s);
        }
    }
}
