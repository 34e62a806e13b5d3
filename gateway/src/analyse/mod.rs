//! One camera's analysis: of the decoder's pictures those that are due go through the model, the tracker and the rules,
//! and come out as events. Scheduling and durations follow media time only, so a recorded clip gives the same events
//! every time; capture times are carried along for the people. [`live`] is the same on a running camera.

pub mod live;
pub mod memory;
mod still;
mod unchanged;
pub mod window;
mod words;

use std::collections::BTreeMap;
use std::sync::Arc;

use uuid::Uuid;
use yiwang_inference::analyser::Analyser;
use yiwang_inference::detect::{Detection, Tensor};
use yiwang_inference::ground::{Calibration, Place};
use yiwang_inference::left::LeftThings;
use yiwang_inference::mask::Mask;
use yiwang_inference::model::{Model, ModelError};
use yiwang_inference::picture::{I420, PictureError};
use yiwang_inference::quality::{self, Examiner, Finding};
use yiwang_inference::rules::{self, RuleError, RuleEvent};
use yiwang_inference::track::{Track, TrackerConfig};
use yiwang_wire::event::{Event, Model as ModelName, Rect, Subject, TimeSource};

use crate::config::Camera;
use crate::decode::{Picture, Sampler};
use crate::gate::Stir;
use crate::shadow::{Eye, Shadow};
use window::Window;
pub use words::descriptors;
use words::{is_momentary, measure, phase, severity};

/// What analysis needs to know of a camera.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Camera id.
    pub camera: String,
    /// Rule tables, as configured.
    pub rules: Vec<toml::Table>,
    /// WGS-84 longitude, latitude of the camera.
    pub position: Option<[f64; 2]>,
    /// How its picture is tied to the ground, from below its position.
    pub calibration: Option<Calibration>,
    /// What nothing may look at.
    pub mask: Mask,
    /// Names of the picture diagnoses that are switched off.
    pub diagnosis_off: Vec<String>,
    /// Pictures analysed a second.
    pub analysed_fps: f64,
    /// Which configuration the events are made under.
    pub config_revision: String,
}

impl Plan {
    /// For a camera as it is configured.
    pub fn of(camera: &Camera, config_revision: &str) -> Self {
        Self {
            camera: camera.id.clone(),
            rules: camera.rules.clone(),
            position: camera.position,
            calibration: camera.calibration.clone(),
            mask: camera.mask.clone(),
            diagnosis_off: camera.diagnosis_off.clone(),
            analysed_fps: camera.analysed_fps,
            config_revision: config_revision.to_owned(),
        }
    }
}

/// An event with the media time at which it happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Media time of the session, microseconds.
    pub media_us: i64,
    /// The event.
    pub event: Event,
}

/// What a picture was, in time.
#[derive(Debug, Clone, Copy)]
struct Moment {
    media_us: i64,
    capture_us: i64,
    source: TimeSource,
    error_ms: u32,
    frame_px: (u32, u32),
}

/// The analysis of one camera.
#[derive(Debug)]
pub struct Analyst {
    plan: Plan,
    model: Arc<Model>,
    model_name: ModelName,
    tensor: Tensor,
    /// Only where a rule asks for what was left or taken.
    left: Option<LeftThings>,
    sampler: Sampler,
    analyser: Analyser,
    last: Option<Moment>,
    begun: BTreeMap<u64, Uuid>,
    still: still::Still,
    unchanged: unchanged::Unchanged,
    /// How often the model was not asked, because nothing had changed.
    spared: u64,
    stir: Stir,
    examiner: Examiner,
    /// Kinds of faults of the picture that are open.
    faults: BTreeMap<&'static str, Uuid>,
    /// A candidate that looks too.
    eye: Option<Eye>,
    /// For people on site.
    window: Option<Window>,
}

impl Analyst {
    /// Fails where a rule's table is wrong.
    pub fn new(plan: Plan, model: Arc<Model>) -> Result<Self, RuleError> {
        let analyser = analyser(&plan, &model)?;
        Ok(Self {
            tensor: model.tensor(),
            left: left_things(&plan, &model),
            sampler: Sampler::new(plan.analysed_fps),
            analyser,
            model_name: name_of(&model),
            model,
            examiner: Examiner::new(&plan.diagnosis_off),
            plan,
            last: None,
            begun: BTreeMap::new(),
            still: still::Still::default(),
            unchanged: unchanged::Unchanged::default(),
            spared: 0,
            stir: Stir::Moving,
            faults: BTreeMap::new(),
            eye: None,
            window: None,
        })
    }

    /// Takes another plan, another model, or both, between two pictures. The objects stay known, and so do the rules that
    /// stay as they are; what the others have open ends. An error changes nothing.
    pub fn replan(
        &mut self,
        plan: Plan,
        model: Arc<Model>,
        id: &mut dyn FnMut() -> Uuid,
    ) -> Result<Vec<Found>, RuleError> {
        let classes = &model.info().classes;
        let mut found = Vec::new();
        if plan.rules != self.plan.rules
            || plan.calibration != self.plan.calibration
            || *classes != self.model.info().classes
        {
            let made = self.analyser.replace_rules(plan.rules.clone(), classes, plan.calibration.clone())?;
            found.extend(self.found(made, id));
        }
        let masked_otherwise = !plan.mask.covers_as(&self.plan.mask);
        let last_us = self.last.map_or(0, |last| last.media_us);
        let all: Vec<String> = quality::DIAGNOSES.iter().map(|diagnosis| diagnosis.name().to_owned()).collect();
        let off = if masked_otherwise { &all } else { &plan.diagnosis_off };
        let findings = self.examiner.leave_out(off, last_us);
        found.extend(self.faults(findings, id));
        if masked_otherwise {
            // What is usual was learned from pictures that look otherwise now.
            self.examiner = Examiner::new(&plan.diagnosis_off);
            self.tensor.forget();
            self.hide();
        }
        let other_things = rules::about_things(&plan.rules) != self.left.is_some();
        if masked_otherwise || other_things || *classes != self.model.info().classes {
            self.left = left_things(&plan, &model);
        }
        if !model.takes(&self.tensor) {
            self.tensor = model.tensor();
        }
        if plan.analysed_fps.to_bits() != self.plan.analysed_fps.to_bits() {
            self.sampler = Sampler::new(plan.analysed_fps);
        }
        (self.model_name, self.model, self.plan) = (name_of(&model), model, plan);
        Ok(found)
    }

    /// A candidate looks too from now on, or none.
    pub fn set_shadow(&mut self, shadow: Option<Shadow>) {
        self.eye = shadow.map(|shadow| Eye::new(shadow, &self.plan.camera));
    }

    /// Which configuration the events from now on are made under.
    pub fn set_revision(&mut self, revision: &str) {
        revision.clone_into(&mut self.plan.config_revision);
    }

    /// Whether a picture of that media time is to be analysed; asks once per picture.
    pub fn due(&mut self, media_us: i64) -> bool {
        self.sampler.due(media_us)
    }

    /// Analyses one picture; `id` makes the ids of new events.
    pub fn picture(&mut self, picture: &Picture<'_>, id: &mut dyn FnMut() -> Uuid) -> Result<Vec<Found>, ModelError> {
        let times = picture.times();
        let view = covered(&mut self.plan.mask, picture, &self.model_name)?;
        self.model.prepare(&view, times.media_us, &mut self.tensor)?;
        let nobody = is_nobody_there(&self.analyser);
        let (asks, mut detections) =
            detect_if_changed(&self.model, &mut self.unchanged, nobody, &mut self.tensor, times.media_us)?;
        self.spared += u64::from(!asks);
        if let Some(eye) = self.eye.as_mut().filter(|_| asks) {
            eye.look(&view, times.media_us, &self.tensor, &self.model, &detections);
        }
        if let Some(left) = &mut self.left {
            left.observe(&view, times.media_us, &mut detections).map_err(unreadable(&self.model_name))?;
        }
        let findings = self.examiner.observe(times.media_us, &view, &detections);
        let planes = window::copy(self.window.as_ref(), &view);
        let found = self.observe(picture, &detections, findings, id);
        self.show(picture, planes, detections, &found);
        Ok(found)
    }

    /// Looks at a keyframe of an idle camera. None where it shows anything but what was there before; nothing is
    /// changed by it then, and it is to be analysed in its turn.
    pub fn glance(
        &mut self,
        picture: &Picture<'_>,
        id: &mut dyn FnMut() -> Uuid,
    ) -> Result<Option<Vec<Found>>, ModelError> {
        // What is kept between pictures (the background) must not learn from one that comes again before it.
        let (before, mut left, mut unchanged) = (self.tensor.before(), self.left.clone(), self.unchanged);
        let media_us = picture.times().media_us;
        let view = covered(&mut self.plan.mask, picture, &self.model_name)?;
        let nobody = is_nobody_there(&self.analyser);
        let (model, tensor) = (&self.model, &mut self.tensor);
        let found = model
            .prepare(&view, media_us, tensor)
            .and_then(|()| detect_if_changed(model, &mut unchanged, nobody, tensor, media_us))
            .and_then(|(asks, mut detections)| {
                let looked = left.as_mut().map_or(Ok(()), |left| left.observe(&view, media_us, &mut detections));
                looked.map(|()| (asks, detections)).map_err(unreadable(&self.model_name))
            });
        let as_before = |found: &[Detection]| self.still.is_unchanged(self.analyser.tracks(), found);
        let is_as_before = found.as_ref().is_ok_and(|(_, detections)| as_before(detections));
        if !is_as_before {
            tensor.take_back(before);
        }
        let (asks, detections) = found?;
        self.spared += u64::from(!asks);
        if !is_as_before {
            return Ok(None);
        }
        (self.left, self.unchanged) = (left, unchanged);
        let findings = self.examiner.observe(media_us, &view, &detections);
        let planes = window::copy(self.window.as_ref(), &view);
        let found = self.observe(picture, &detections, findings, id);
        self.show(picture, planes, detections, &found);
        Ok(Some(found))
    }

    /// How much goes on, by the picture that was analysed last.
    pub fn stir(&self) -> Stir {
        self.stir
    }

    fn observe(
        &mut self,
        picture: &Picture<'_>,
        detections: &[Detection],
        findings: Vec<Finding>,
        id: &mut dyn FnMut() -> Uuid,
    ) -> Vec<Found> {
        let times = picture.times();
        self.last = Some(Moment {
            media_us: times.media_us,
            capture_us: times.capture_us,
            source: times.time_source,
            error_ms: times.time_error_ms,
            frame_px: picture.size_px(),
        });
        self.analyser.set_picture_px(picture.size_px());
        let made = self.analyser.observe(times.media_us, detections);
        let (tracks, undecided) = (self.analyser.tracks(), self.analyser.undecided());
        let stir = self.still.observe(times.media_us, tracks, detections, undecided);
        self.stir = if self.examiner.is_undecided() { Stir::Moving } else { stir };
        let mut found = self.found(made, id);
        found.extend(self.faults(findings, id));
        found
    }

    /// The stream is over: ends what is open and forgets the tracks. The next picture starts a new session.
    pub fn finish(&mut self, id: &mut dyn FnMut() -> Uuid) -> Vec<Found> {
        let Some(last) = self.last else { return Vec::new() };
        let made = self.analyser.finish(last.media_us);
        let findings = self.examiner.finish(last.media_us);
        let mut found = self.found(made, id);
        found.extend(self.faults(findings, id));
        self.begun.clear();
        self.part(&found);
        self.faults.clear();
        self.tensor.forget();
        if let Some(left) = &mut self.left {
            left.forget();
        }
        if let Some(eye) = &mut self.eye {
            eye.forget();
        }
        self.still.forget();
        self.unchanged.forget();
        self.stir = Stir::Moving;
        self.last = None;
        self.sampler = Sampler::new(self.plan.analysed_fps);
        found
    }

    /// The objects of the last picture.
    pub fn tracks(&self) -> &[Track] {
        self.analyser.tracks()
    }

    /// How many pictures the model was not asked about, because nothing in them had changed.
    pub fn spared(&self) -> u64 {
        self.spared
    }

    /// What the model calls a class.
    pub fn class_name(&self, class: u16) -> &str {
        self.model.info().classes.get(usize::from(class)).map_or("", String::as_str)
    }

    /// Everything captured before this moment has come out as events: what is still being thought about (an object out
    /// of sight that may come back) and what the clock may be wrong by are taken off.
    pub fn settled_capture_us(&self) -> Option<i64> {
        let last = self.last?;
        let settled_us = self.analyser.settled_us()?.min(last.media_us);
        Some(last.capture_us - (last.media_us - settled_us) - i64::from(last.error_ms) * 1000)
    }

    fn found(&mut self, made: Vec<RuleEvent>, id: &mut dyn FnMut() -> Uuid) -> Vec<Found> {
        let Some(moment) = self.last else { return Vec::new() };
        made.into_iter().map(|rule_event| self.event(rule_event, moment, id())).collect()
    }

    fn event(&mut self, made: RuleEvent, moment: Moment, id: Uuid) -> Found {
        let phase = phase(made.phase);
        let cause = match made.phase {
            // Nothing ever ends a momentary event: remembering it would grow without bound.
            rules::Phase::Begin if is_momentary(made.kind) => None,
            rules::Phase::Begin => {
                self.begun.insert(made.open_key, id);
                None
            }
            rules::Phase::Update => self.begun.get(&made.open_key).copied(),
            rules::Phase::End => self.begun.remove(&made.open_key),
        };
        let event = Event {
            id,
            cause,
            camera: Some(self.plan.camera.clone()),
            kind: made.kind.into(),
            phase,
            severity: severity(made.severity),
            rule: Some(made.rule),
            config_revision: self.plan.config_revision.clone(),
            // The moment of a crossing lies between two pictures: media time carries it over to capture time.
            captured_us: moment.capture_us - (moment.media_us - made.media_time_us),
            time_source: moment.source,
            time_error_ms: moment.error_ms,
            direction: made.direction.map(Into::into),
            subject: made.track.map(|track| self.subject(&track)),
            point: made.point,
            frame_px: Some(moment.frame_px),
            measures: made.measures.into_iter().map(measure).collect(),
            model: Some(self.model_name.clone()),
            attributes: self.attributes(made.attributes, made.place),
        };
        Found { media_us: made.media_time_us, event }
    }

    /// The rule's own, and where it happened on the ground: the hub knows no more than attributes of that.
    fn attributes(&self, mut attributes: Vec<(String, String)>, place: Option<Place>) -> Vec<(String, String)> {
        if let Some((place, position)) = place.zip(self.plan.position) {
            let [longitude, latitude] = place.wgs84(position);
            // Seven digits are a centimetre.
            attributes.push(("longitude".to_owned(), format!("{longitude:.7}")));
            attributes.push(("latitude".to_owned(), format!("{latitude:.7}")));
            attributes.push(("position_error_m".to_owned(), format!("{:.1}", place.error_m)));
            attributes.sort();
        }
        attributes
    }

    fn faults(&mut self, findings: Vec<Finding>, id: &mut dyn FnMut() -> Uuid) -> Vec<Found> {
        let Some(moment) = self.last else { return Vec::new() };
        findings.into_iter().map(|finding| self.fault(finding, moment, id())).collect()
    }

    /// The event of a fault of the picture: about the camera, so without rule, object and model.
    fn fault(&mut self, finding: Finding, moment: Moment, id: Uuid) -> Found {
        let kind = finding.descriptor.kind;
        let cause = match finding.phase {
            rules::Phase::Begin => {
                self.faults.insert(kind, id);
                None
            }
            rules::Phase::Update => self.faults.get(kind).copied(),
            rules::Phase::End => self.faults.remove(kind),
        };
        let event = Event {
            id,
            cause,
            camera: Some(self.plan.camera.clone()),
            kind: kind.into(),
            phase: phase(finding.phase),
            severity: severity(finding.descriptor.severity),
            rule: None,
            config_revision: self.plan.config_revision.clone(),
            captured_us: moment.capture_us - (moment.media_us - finding.media_time_us),
            time_source: moment.source,
            time_error_ms: moment.error_ms,
            direction: None,
            subject: None,
            point: None,
            frame_px: Some(moment.frame_px),
            measures: finding.measures.into_iter().map(measure).collect(),
            model: None,
            attributes: finding.attributes,
        };
        Found { media_us: finding.media_time_us, event }
    }

    fn subject(&self, track: &Track) -> Subject {
        Subject {
            track: track.id,
            class: self.class_name(track.class).to_owned(),
            confidence: track.score,
            bbox: Rect { x0: track.bbox.x0, y0: track.bbox.y0, x1: track.bbox.x1, y1: track.bbox.y1 },
            predicted: track.predicted,
        }
    }
}

/// Whether no object is known, nor one that may become one.
fn is_nobody_there(analyser: &Analyser) -> bool {
    analyser.tracks().is_empty() && analyser.undecided().next().is_none()
}

/// Whether the model was asked about a prepared picture, and what it found.
fn detect_if_changed(
    model: &Model,
    unchanged: &mut unchanged::Unchanged,
    nobody: bool,
    tensor: &mut Tensor,
    media_us: i64,
) -> Result<(bool, Vec<Detection>), ModelError> {
    // Where somebody is it is asked anyway.
    let most_changed_levels = if nobody { tensor.most_changed_levels() } else { None };
    if !unchanged.needs_model(media_us, nobody, most_changed_levels) {
        return Ok((false, Vec::new()));
    }
    let found = model.detect(tensor)?;
    if nobody && found.iter().all(|detection| detection.score < unchanged::NOTHING_SCORE_MAX) {
        tensor.found_nothing();
    }
    Ok((true, found))
}

fn name_of(model: &Model) -> ModelName {
    let info = model.info();
    ModelName { name: info.name.clone(), sha256: info.sha256.clone(), input_px: info.input_px }
}

/// The planes without what is masked: nothing looks at any others.
fn covered<'a>(mask: &'a mut Mask, picture: &'a Picture<'_>, model: &ModelName) -> Result<I420<'a>, ModelError> {
    mask.cover(picture.i420()).map_err(unreadable(model))
}

fn unreadable(model: &ModelName) -> impl Fn(PictureError) -> ModelError {
    |source| ModelError::Picture { model: model.name.clone(), source }
}

fn left_things(plan: &Plan, model: &Model) -> Option<LeftThings> {
    rules::about_things(&plan.rules).then(|| LeftThings::new(&model.info().classes))?
}

fn analyser(plan: &Plan, model: &Model) -> Result<Analyser, RuleError> {
    let classes = &model.info().classes;
    Analyser::calibrated(TrackerConfig::default(), plan.rules.clone(), classes, plan.calibration.clone())
}
