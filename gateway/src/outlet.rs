//! Where events go: into the spool, counted. What is noted of cameras' and the gateway's health becomes events here.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use uuid::Uuid;
use yiwang_wire::event::{Event, Phase};

use crate::analyse::live::Emit;
use crate::camera::{HealthNote, Notify};
use crate::health::{self, Note, Reporter};
use crate::metrics::Metrics;
use crate::spool::Spool;
use crate::{now_us, with_causes};

/// The way into the spool, shared by all cameras.
#[derive(Clone)]
pub struct Outlet {
    emit: Emit,
    reporter: Arc<Mutex<Reporter>>,
}

impl Outlet {
    /// Into this spool, under the configuration of that revision.
    pub fn new(revision: &str, spool: Spool, metrics: Metrics) -> Self {
        let emit: Emit = Arc::new(move |event: Event| {
            let camera = event.camera.as_deref().unwrap_or("");
            let phase = match event.phase {
                Phase::Begin => "begin",
                Phase::Update => "update",
                Phase::End => "end",
            };
            metrics.events.with_label_values(&[camera, &event.kind, phase]).inc();
            if let Err(error) = spool.append(&event, now_us()) {
                metrics.events_lost.inc();
                tracing::error!(camera, kind = event.kind, error = with_causes(&error), "an event was not spooled");
            }
        });
        Self { emit, reporter: Arc::new(Mutex::new(Reporter::new(revision.to_owned()))) }
    }

    /// For whoever makes events.
    pub fn emit(&self) -> Emit {
        self.emit.clone()
    }

    /// Makes a note an event, where it says something new.
    pub fn note(&self, note: Note) {
        let event = self.reporter().event(note, Uuid::now_v7());
        if let Some(event) = event {
            (self.emit)(event);
        }
    }

    /// For whoever keeps cameras going; flaws of these names are not told.
    pub fn notify(&self, off: &[String]) -> Notify {
        let (outlet, off) = (self.clone(), off.to_vec());
        Arc::new(move |camera: &str, note: HealthNote| {
            let is_off = |kind: &str| off.iter().any(|off| kind.strip_prefix("camera.") == Some(off.as_str()));
            if !matches!(&note, HealthNote::Flaw(turn, _) if is_off(turn.kind)) {
                outlet.note(health_note(camera, note));
            }
        })
    }

    /// Which configuration is in force from now on.
    pub fn set_revision(&self, revision: &str) {
        self.reporter().set_revision(revision.to_owned());
    }

    /// A camera is given up: what is open about its health ends.
    pub fn end(&self, camera: &str) {
        let notes = self.reporter().ends(camera, now_us());
        notes.into_iter().for_each(|note| self.note(note));
    }

    fn reporter(&self) -> MutexGuard<'_, Reporter> {
        // What it remembers is valid after every statement.
        self.reporter.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn health_note(camera: &str, note: HealthNote) -> Note {
    let camera = Some(camera.to_owned());
    match note {
        HealthNote::SignalLost { phase, cause, text, at_us } => {
            let attributes = vec![("cause".to_owned(), cause.code().to_owned()), ("cause_text".to_owned(), text)];
            Note { camera, kind: health::SIGNAL_LOST, phase, at_us, attributes }
        }
        HealthNote::Flaw(turn, at_us) => {
            let phase = if turn.begins { Phase::Begin } else { Phase::End };
            let attributes = vec![
                ("measured".to_owned(), format!("{:.1}", turn.value)),
                ("packets_lost".to_owned(), turn.packets_lost.to_string()),
                ("threshold".to_owned(), format!("{:.1}", turn.threshold)),
            ];
            Note { camera, kind: turn.kind, phase, at_us, attributes }
        }
        HealthNote::ClockDrift { phase, offset_ms, at_us } => {
            let attributes = vec![("offset_ms".to_owned(), offset_ms.to_string())];
            Note { camera, kind: health::CLOCK_DRIFT, phase, at_us, attributes }
        }
    }
}
