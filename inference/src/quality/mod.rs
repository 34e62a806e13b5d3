//! Diagnosis of the picture itself: whether the camera still shows what it usually shows. Pictures that are analysed
//! anyway are sampled ([`sample`]), compared with what is usual ([`normal`], [`look`]), and each diagnosis, one file and
//! one line in [`DIAGNOSES`], judges by the numbers; [`hold`] makes begins and ends of the judgements. Media time only.

mod blurred;
mod colour_cast;
mod covered;
mod frozen;
mod histogram;
mod hold;
mod look;
mod moved;
mod noise;
mod normal;
mod sample;
mod stillness;
mod structure;
mod sudden;
mod tint;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod too_bright;
mod too_dark;
mod writing;

use self::{
    hold::{Hold, State, Turn},
    look::{Against, Look, Scratch, Smooth},
    normal::Normal,
    sample::{ROWS, Sampler},
    stillness::Stillness,
    structure::Structure,
    sudden::Sudden,
    tint::Tint,
};
use crate::{
    detect::Detection,
    picture::I420,
    rules::{Descriptor, Measure, Phase},
    track::TrackerConfig,
};

/// Every diagnosis. A new one is one file and one line here.
pub const DIAGNOSES: &[Diagnosis] = &[
    covered::DIAGNOSIS,
    moved::DIAGNOSIS,
    blurred::DIAGNOSIS,
    too_dark::DIAGNOSIS,
    too_bright::DIAGNOSIS,
    frozen::DIAGNOSIS,
    noise::DIAGNOSIS,
    colour_cast::DIAGNOSIS,
];

/// What all kinds begin with; the configuration names them without it.
const PREFIX: &str = "camera.";

/// Pictures are looked at about twice a second, however many are analysed.
const PERIOD_US: i64 = 380_000;
/// After a gap of media time what was pending is forgotten; what is usual is not.
const GAP_MAX_US: i64 = 10_000_000;
/// A camera that has shown another view for so long is meant to.
const NEW_VIEW_US: i64 = 600_000_000;
/// Below this agreement the usual view is not seen.
const HIDDEN_BELOW: f32 = 0.45;
/// A picture is unlike the usual one from this share of lost patches on, below this sharpness, or where it changes by
/// more than so many times the usual.
const UNLIKE_LOST: f32 = 0.04;
const UNLIKE_SHARPNESS: f32 = 0.5;
const UNLIKE_CAST: f32 = 8.0;
const UNLIKE_CHANGE: f32 = 3.0;
/// The shift of a view is looked for below this agreement.
const SEARCH_BELOW: f32 = 0.5;
/// From this agreement on it is the usual view without a doubt.
const AGREES_FROM: f32 = 0.6;

/// One kind of fault.
pub struct Diagnosis {
    /// Kind and labels.
    pub descriptor: Descriptor,
    /// The ONVIF topic that says the same, where there is one: the event carries it as `onvif_topic`.
    pub topic: Option<&'static str>,
    /// How long it is seen until it begins …
    begin_us: i64,
    /// … and not seen until it ends, media time.
    end_us: i64,
    /// Name, threshold and unit of what is measured.
    measure: (&'static str, Option<f64>, &'static str),
    judge: fn(&Look) -> Judgement,
}

impl Diagnosis {
    /// Its name in the configuration: the kind without `camera.`.
    pub fn name(&self) -> &'static str {
        self.descriptor.kind.strip_prefix(PREFIX).unwrap_or(self.descriptor.kind)
    }
}

/// A judgement and the value that led to it.
#[derive(Debug, Clone, Copy)]
struct Judgement {
    state: State,
    value: f64,
}

impl Judgement {
    fn unclear() -> Self {
        Self { state: State::Unclear, value: 0.0 }
    }

    fn present(value: f64) -> Self {
        Self { state: State::Present, value }
    }

    fn told(present: bool, value: f64) -> Self {
        Self { state: if present { State::Present } else { State::Absent }, value }
    }

    /// Present below one threshold, absent above the other.
    fn between(value: f64, present_below: f64, absent_above: f64) -> Self {
        if value < present_below {
            Self::present(value)
        } else {
            Self { state: if value > absent_above { State::Absent } else { State::Unclear }, value }
        }
    }
}

impl Look {
    fn is_dark(&self) -> bool {
        too_dark::is_dark(self)
    }

    fn is_blinded(&self) -> bool {
        f64::from(self.blown) > too_bright::BLOWN_OK || too_bright::is_washed_out(self)
    }

    /// It is not quite the usual picture, which is no fault.
    fn is_unlike(&self) -> bool {
        self.against.is_some_and(|against| {
            against.lost >= UNLIKE_LOST
                || against.cast >= UNLIKE_CAST
                || against.gone
                || against.sharpness.is_some_and(|sharpness| sharpness < UNLIKE_SHARPNESS)
                || self.change.is_some_and(|change| change > UNLIKE_CHANGE * against.usual.change)
        })
    }

    /// The usual view is not, or not wholly, to be seen.
    fn is_hidden(&self) -> bool {
        let hidden =
            |against: Against| against.agreement < HIDDEN_BELOW || f64::from(against.lost) >= covered::LOST_MIN;
        self.is_dark() || self.is_blinded() || self.against.is_some_and(hidden)
    }
}

/// A fault begins or ends.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// What it is.
    pub descriptor: &'static Descriptor,
    /// Begin or end.
    pub phase: Phase,
    /// Media time of the picture that settled it.
    pub media_time_us: i64,
    /// Why.
    pub measures: Vec<Measure>,
    /// What else is to be known, sorted by name.
    pub attributes: Vec<(String, String)>,
}

/// Diagnosis of one camera.
#[derive(Debug)]
pub struct Examiner {
    /// One for each line of [`DIAGNOSES`]; none where it is switched off.
    holds: Vec<Option<Hold>>,
    sampler: Option<Sampler>,
    normal: Normal,
    structure: Structure,
    stillness: Stillness,
    scratch: Scratch,
    /// Cells with an object in them; room to work in.
    occupied: Vec<bool>,
    smooth: Smooth,
    /// Patches of the view, and the view as a whole.
    patch: Sudden,
    view: Sudden,
    last_us: Option<i64>,
    /// Where the usual view was found in the last picture, where it was looked for.
    shift: Option<(i32, i32)>,
    moved_since_us: Option<i64>,
}

impl Examiner {
    /// All diagnoses but those of these names ([`Diagnosis::name`]).
    pub fn new(off: &[String]) -> Self {
        let hold = |diagnosis: &Diagnosis| (!off.iter().any(|name| name == diagnosis.name())).then(Hold::default);
        Self {
            holds: DIAGNOSES.iter().map(hold).collect(),
            sampler: None,
            normal: Normal::default(),
            structure: Structure::default(),
            stillness: Stillness::default(),
            scratch: Scratch::default(),
            occupied: Vec::new(),
            smooth: Smooth::default(),
            patch: Sudden::new(UNLIKE_LOST / 2.0, UNLIKE_LOST),
            view: Sudden::new(1.0 - AGREES_FROM, 1.0 - SEARCH_BELOW),
            last_us: None,
            shift: None,
            moved_since_us: None,
        }
    }

    /// Looks at the picture of that media time, if it is time to. Of the `objects` in it what they look like is not
    /// learned: cars that have stood there since the beginning are no view that is covered when they leave.
    pub fn observe(&mut self, t_us: i64, picture: &I420<'_>, objects: &[Detection]) -> Vec<Finding> {
        let step_us = self.last_us.map(|last_us| t_us.saturating_sub(last_us));
        if step_us.is_some_and(|step_us| (0..PERIOD_US).contains(&step_us)) || self.holds.iter().all(Option::is_none) {
            return Vec::new();
        }
        if step_us.is_none_or(|step_us| !(0..=GAP_MAX_US).contains(&step_us)) {
            self.restart();
        }
        self.last_us = Some(t_us);
        let Some(look) = self.look(t_us, picture, objects, step_us.unwrap_or(0)) else { return Vec::new() };
        self.judge(t_us, &look)
    }

    /// Whether a fault may be about to begin: it is told sooner where more pictures are looked at.
    pub fn is_undecided(&self) -> bool {
        let frozen = DIAGNOSES.iter().zip(&self.holds).any(|(diagnosis, hold)| {
            diagnosis.descriptor.kind == frozen::DIAGNOSIS.descriptor.kind
                && hold.as_ref().is_some_and(|hold| !hold.is_open())
        });
        self.holds.iter().flatten().any(Hold::is_pending) || (frozen && self.stillness.is_suspected())
    }

    /// The stream is over: ends what is open. What is usual stays known, for the stream that comes next.
    pub fn finish(&mut self, t_us: i64) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (diagnosis, hold) in DIAGNOSES.iter().zip(self.holds.iter_mut()) {
            if hold.as_mut().is_some_and(Hold::close) {
                findings.push(finding(diagnosis, Phase::End, t_us, Vec::new(), Some("stream_over")));
            }
        }
        self.last_us = None;
        findings
    }

    /// Takes another list of what is left out; what is open of it ends now.
    pub fn leave_out(&mut self, off: &[String], t_us: i64) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (diagnosis, hold) in DIAGNOSES.iter().zip(self.holds.iter_mut()) {
            if !off.iter().any(|name| name == diagnosis.name()) {
                hold.get_or_insert_default();
            } else if hold.take().is_some_and(|mut hold| hold.close()) {
                findings.push(finding(diagnosis, Phase::End, t_us, Vec::new(), Some("configuration_changed")));
            }
        }
        findings
    }

    fn restart(&mut self) {
        if let Some(sampler) = &mut self.sampler {
            sampler.forget();
        }
        self.stillness.restart();
        self.smooth.forget();
        self.patch.restart();
        self.view.restart();
        self.holds.iter_mut().flatten().for_each(Hold::restart);
    }

    /// Samples the picture, compares it, and learns from it unless something may be wrong. None of too small a picture.
    fn look(&mut self, t_us: i64, picture: &I420<'_>, objects: &[Detection], step_us: i64) -> Option<Look> {
        if !self.sampler.as_ref().is_some_and(|sampler| sampler.fits(picture)) {
            self.sampler = Sampler::new((picture.width_px, picture.height_px));
            self.normal = Normal::default();
            self.restart();
        }
        let sampler = self.sampler.as_mut()?;
        let columns = sampler.columns;
        let compared = sampler.take(picture);
        let cells = sampler.cells();
        let suspected = self.holds.iter().flatten().any(Hold::is_suspected);
        let written = &self.normal.written;
        let mut look = Look::of(cells, written, compared, &mut self.scratch);
        self.structure.of(&cells.level, written, columns);
        self.smooth.follow(&cells.detail, step_us);
        let tint = Tint::of(picture);
        if self.normal.known() {
            let mut against =
                Against::of(&self.smooth, &look, &self.structure, &self.normal, columns, &mut self.scratch);
            if !self.patch.observe(t_us, against.lost) {
                against.lost = 0.0;
            }
            against.gone = self.view.observe(t_us, 1.0 - against.agreement);
            against.cast = tint.cast_from(&self.normal.tint);
            let found = (against.agreement < SEARCH_BELOW).then(|| self.structure.best_shift(&self.normal.structure));
            if let (Some((shift, agreement)), Some(before)) = (found, self.shift) {
                let near = |a: i32, b: i32| (a - b).abs() <= 1;
                against.shifted = (near(shift.0, before.0) && near(shift.1, before.1)).then_some(agreement);
            }
            self.shift = found.map(|(shift, _)| shift);
            look.against = Some(against);
        }
        let seen = !look.is_hidden();
        look.still_us = self.stillness.observe(t_us, sampler.lines(), seen, seen && !suspected);
        if !suspected {
            let sure_score = TrackerConfig::default().sure_score;
            self.occupied.clear();
            self.occupied.resize(columns * ROWS, false);
            let sure = objects.iter().filter(|object| object.score >= sure_score);
            sure.for_each(|object| object.bbox.mark(&mut self.occupied, columns));
            self.normal.learn(cells, &look, &tint, &self.occupied, columns, step_us);
        }
        Some(look)
    }

    fn judge(&mut self, t_us: i64, look: &Look) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (diagnosis, hold) in DIAGNOSES.iter().zip(self.holds.iter_mut()) {
            let Some(hold) = hold else { continue };
            let judgement = (diagnosis.judge)(look);
            let Some(turn) = hold.judge(t_us, judgement.state, diagnosis.begin_us, diagnosis.end_us) else { continue };
            let (name, threshold, unit) = diagnosis.measure;
            let mut measures = vec![Measure { name, value: judgement.value, threshold, unit }];
            let phase = match turn {
                Turn::Begin { since_us } => {
                    let (value, threshold) = (seconds(t_us - since_us), Some(seconds(diagnosis.begin_us)));
                    measures.push(Measure { name: "seconds_seen", value, threshold, unit: "s" });
                    Phase::Begin
                }
                Turn::End => Phase::End,
            };
            findings.push(finding(diagnosis, phase, t_us, measures, None));
        }
        findings.extend(self.accept_new_view(t_us));
        findings
    }

    /// A view that stays is learned as the usual one.
    fn accept_new_view(&mut self, t_us: i64) -> Option<Finding> {
        let is_moved = |diagnosis: &Diagnosis| diagnosis.descriptor.kind == moved::DIAGNOSIS.descriptor.kind;
        let mut pairs = DIAGNOSES.iter().zip(self.holds.iter_mut());
        let open = pairs.find_map(|(diagnosis, hold)| {
            hold.as_mut().filter(|hold| is_moved(diagnosis) && hold.is_open()).map(|hold| (diagnosis, hold))
        });
        let Some((diagnosis, hold)) = open else {
            self.moved_since_us = None;
            return None;
        };
        if t_us - *self.moved_since_us.get_or_insert(t_us) < NEW_VIEW_US {
            return None;
        }
        hold.close();
        self.normal = Normal::default();
        self.moved_since_us = None;
        Some(finding(diagnosis, Phase::End, t_us, Vec::new(), Some("new_view")))
    }
}

fn finding(
    diagnosis: &'static Diagnosis,
    phase: Phase,
    media_time_us: i64,
    measures: Vec<Measure>,
    ended_by: Option<&str>,
) -> Finding {
    let named = [("ended_by", ended_by), ("onvif_topic", diagnosis.topic)];
    let attributes = named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned()))).collect();
    Finding { descriptor: &diagnosis.descriptor, phase, media_time_us, measures, attributes }
}

fn seconds(us: i64) -> f64 {
    us as f64 / 1e6
}
