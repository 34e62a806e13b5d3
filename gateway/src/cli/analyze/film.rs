//! What `analyze` keeps of a clip for its page: where each object was, and a bounded number of pictures: those in which
//! something was told, and some in even steps between them. Masks are on the pictures as they are on the analysis.

use std::collections::BTreeMap;

use base64::Engine;
use yiwang_inference::mask::Mask;
use yiwang_wire::event::Phase;

use crate::analyse::{Analyst, Found};
use crate::decode::jpeg::Jpegs;
use crate::decode::{DecodeError, Picture};
use crate::why::Path;

/// Wider pictures are shrunk to this width.
const WIDTH_PX_MAX: u32 = 960;
/// Most pictures of events, and of even steps.
const EVENT_STILLS_MAX: usize = 36;
const STEP_STILLS_MAX: usize = 12;
/// The first step; it doubles whenever there are too many pictures.
const STEP_US: i64 = 1_000_000;
/// Most objects and points of a path; a clip with more is told by its first ones.
const PATHS_MAX: usize = 4000;
const POINTS_MAX: usize = 20_000;

/// What was kept.
pub(super) struct Film {
    mask: Mask,
    jpegs: Option<Jpegs>,
    step_us: i64,
    /// In the order of time.
    pub(super) stills: Vec<Still>,
    /// By the track's number.
    pub(super) paths: BTreeMap<u64, Path>,
    /// All events, with the still in which they were told, where there is one.
    pub(super) found: Vec<(Found, Option<usize>)>,
    pub(super) size_px: (u32, u32),
}

/// One picture.
pub(super) struct Still {
    pub(super) media_us: i64,
    /// JPEG, Base64.
    pub(super) jpeg: String,
    pub(super) objects: Vec<Object>,
    /// Whether something was told in it.
    pub(super) told: bool,
}

/// An object as a picture shows it.
pub(super) struct Object {
    pub(super) track: u64,
    pub(super) class: String,
    pub(super) score: f32,
    pub(super) bbox: [f32; 4],
    pub(super) predicted: bool,
}

impl Film {
    pub(super) fn new(mask: Mask) -> Self {
        Self {
            mask,
            jpegs: None,
            step_us: STEP_US,
            stills: Vec::new(),
            paths: BTreeMap::new(),
            found: Vec::new(),
            size_px: (16, 9),
        }
    }

    /// Takes in a picture that was analysed, and what was told in it.
    pub(super) fn see(&mut self, picture: &Picture<'_>, analyst: &Analyst, found: &[Found]) -> Result<(), DecodeError> {
        let media_us = picture.times().media_us;
        self.size_px = picture.size_px();
        let objects = objects(analyst);
        for object in &objects {
            self.follow(media_us, object);
        }
        let told = found.iter().any(|one| one.event.phase != Phase::Update)
            && self.stills.iter().filter(|still| still.told).count() < EVENT_STILLS_MAX;
        let last_us = self.stills.iter().rev().find(|still| !still.told).map(|still| still.media_us);
        let still = if told || last_us.is_none_or(|last_us| media_us - last_us >= self.step_us) {
            self.keep(picture, Still { media_us, jpeg: String::new(), objects, told })?;
            Some(self.stills.len() - 1)
        } else {
            None
        };
        self.found.extend(found.iter().map(|one| (one.clone(), still.filter(|_| told))));
        Ok(())
    }

    /// What was told at the end.
    pub(super) fn end(&mut self, found: &[Found]) {
        self.found.extend(found.iter().map(|one| (one.clone(), None)));
    }

    fn keep(&mut self, picture: &Picture<'_>, mut still: Still) -> Result<(), DecodeError> {
        let view = picture.i420();
        if !self.jpegs.as_ref().is_some_and(|jpegs| jpegs.fits(&view)) {
            self.jpegs = Some(Jpegs::new((view.width_px, view.height_px), WIDTH_PX_MAX)?);
        }
        let covered = self.mask.cover(view).map_err(|e| DecodeError::Failed { reason: e.to_string() })?;
        if let Some(jpegs) = &self.jpegs {
            still.jpeg = base64::engine::general_purpose::STANDARD.encode(jpegs.encode(&covered)?);
        }
        self.stills.push(still);
        self.thin_out();
        Ok(())
    }

    /// Every second picture of the even steps goes, and the step doubles.
    fn thin_out(&mut self) {
        let steps: Vec<usize> = (0..self.stills.len()).filter(|&index| !self.stills[index].told).collect();
        if steps.len() <= STEP_STILLS_MAX {
            return;
        }
        self.step_us = self.step_us.saturating_mul(2);
        for &index in steps.iter().skip(1).step_by(2).rev() {
            self.stills.remove(index);
            for (_, still) in &mut self.found {
                *still = still.map(|still| if still > index { still - 1 } else { still });
            }
        }
    }

    fn follow(&mut self, media_us: i64, object: &Object) {
        if object.predicted || (self.paths.len() >= PATHS_MAX && !self.paths.contains_key(&object.track)) {
            return;
        }
        let path = self.paths.entry(object.track).or_default();
        if object.score >= path.score {
            path.class.clone_from(&object.class);
            path.score = object.score;
        }
        if path.points.len() < POINTS_MAX {
            let [x0, _, x1, y1] = object.bbox;
            path.points.push((media_us, [(x0 + x1) / 2.0, y1]));
        }
    }
}

fn objects(analyst: &Analyst) -> Vec<Object> {
    let object = |track: &yiwang_inference::track::Track| Object {
        track: track.id,
        class: analyst.class_name(track.class).to_owned(),
        score: track.score,
        bbox: [track.bbox.x0, track.bbox.y0, track.bbox.x1, track.bbox.y1],
        predicted: track.predicted,
    };
    analyst.tracks().iter().map(object).collect()
}
