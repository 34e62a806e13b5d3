//! Things that somebody left, whatever they are: a detector knows the bags that it was shown, and a small one in a large
//! picture hardly those. A fixed camera knows what its view looked like before, so a thing that was put down is a patch
//! that has changed and rests. Patches are many (who stands still, a parked car, where one was, light); a **thing** is
//!
//! - of the size of something that a person carries, and near whom a person was when it came to rest;
//! - more sharply bounded in the picture than in what was there before: where the edges are in the background, something
//!   was taken away;
//! - not within the larger box of something that the model knows and that may stand there itself.
//!
//! As long as a patch rests its place in the background is kept, so that it is known when it goes. What comes of it are
//! detections of the model's class for bags; tracker and rules know no difference. Pure: no clock, no picture is kept.
//!
//! The principle (objects that have come to rest against a background that does not take them in) is that of Porikli,
//! Ivanov & Haga, 2008, "Robust Abandoned Object Detection Using Dual Foregrounds".

mod resting;
mod spot;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use self::{
    resting::{Resting, TOGETHER_US},
    spot::{Fate, Spot},
};
use crate::{
    background::Background,
    classes,
    detect::{
        Detection,
        preprocess::{Fit, Mapping},
    },
    picture::{I420, PictureError, Rect},
    shrink::Shrink,
    track::TrackerConfig,
};

/// The picture is looked at in this width or height at most.
const SIZE_PX: (u32, u32) = (384, 384);
/// Most patches at once; more is a new light or a new view.
const SPOTS_MAX: usize = 64;
const TIME_MAX_US: i64 = i64::MAX / 4;
/// Where people were is remembered for so long.
const PEOPLE_US: i64 = 15_000_000;
const PEOPLE_MAX: usize = 1024;
/// What a detection of a thing says of its sureness: it may start a track.
const SCORE: f32 = 0.6;
/// A box that overlaps a thing by this and is not much taller is the thing itself.
const SAME: f32 = 0.3;
/// A box that overlaps where it was by this has not moved.
const RESTS: f32 = 0.6;
/// Patches so near one another, in parts of their own size, that came to rest together are parts of one thing, of which the
/// rest looks like what is behind it.
const BESIDE: f32 = 0.7;
/// It must cover this part of it to hide it.
const COVERS: f32 = 0.3;
/// A box taller than the patch by this is of something else, which may hide it.
const TALLER: f32 = 1.6;

/// For so long after a thing has gone, what the model takes for a bag in its place, and is not sure of, is what is left of
/// it, and not the thing: it was seen to be gone.
const TAKEN_US: i64 = 3_000_000;

/// What one camera knows of things that were left before it.
#[derive(Debug, Clone)]
pub struct LeftThings {
    person: Vec<u16>,
    bags: Vec<u16>,
    plan: Option<Plan>,
    background: Background,
    resting: Resting,
    spots: Vec<Spot>,
    people: VecDeque<(i64, Rect)>,
    /// Places of things that have gone, and when.
    taken: Vec<(i64, Rect)>,
}

#[derive(Debug, Clone)]
struct Plan {
    picture_px: (u32, u32),
    size_px: (usize, usize),
    shrink: Shrink,
    luma: Vec<i16>,
}

impl LeftThings {
    /// For a model with these classes; none where it tells no people or no bags.
    pub fn new(known: &[String]) -> Option<Self> {
        let (person, bags) = (classes::named("person", known).ok()?, classes::named("bag", known).ok()?);
        Some(Self {
            person,
            bags,
            plan: None,
            background: Background::default(),
            resting: Resting::default(),
            spots: Vec::new(),
            people: VecDeque::new(),
            taken: Vec::new(),
        })
    }

    /// Looks at a picture in which the model has found `detections`, and puts what was left there in their stead or
    /// beside them. A picture that is earlier than the last starts afresh.
    pub fn observe(
        &mut self,
        picture: &I420<'_>,
        t_us: i64,
        detections: &mut Vec<Detection>,
    ) -> Result<(), PictureError> {
        picture.check()?;
        // No stream is so long, and no difference of two times overflows.
        let t_us = t_us.clamp(-TIME_MAX_US, TIME_MAX_US);
        let picture_px = (picture.width_px, picture.height_px);
        let known = self.plan.take().filter(|plan| plan.picture_px == picture_px);
        let plan = self.plan.insert(known.unwrap_or_else(|| Plan::new(picture_px)));
        plan.shrink.write(picture, &mut plan.luma);
        self.background.observe(&plan.luma, t_us);
        if self.background.is_new() {
            self.spots.clear();
            self.people.clear();
            self.taken.clear();
            self.resting.clear(plan.luma.len());
        }
        let sure_score = TrackerConfig::default().sure_score;
        let people = detections.iter().filter(|found| self.person.contains(&found.class) && found.score >= sure_score);
        self.people.extend(people.map(|person| (t_us, person.bbox)));
        while self.people.len() > PEOPLE_MAX
            || self.people.front().is_some_and(|(then_us, _)| t_us - then_us > PEOPLE_US)
        {
            self.people.pop_front();
        }
        self.resting.observe(self.background.change(), t_us);
        self.find(t_us);
        self.judge(t_us, detections);
        self.taken.retain(|(then_us, _)| t_us - then_us <= TAKEN_US);
        self.tell(detections);
        Ok(())
    }

    /// The next picture is another stream's, or the same one's after it was lost.
    pub fn forget(&mut self) {
        self.background.forget();
    }

    /// Patches that rest become spots, or are those that are known and not decided yet.
    fn find(&mut self, t_us: i64) {
        let Some(plan) = &self.plan else { return };
        let change = self.background.change();
        let decided: Vec<_> = self.spots.iter().filter(|spot| spot.is_thing()).map(|spot| spot.frame_px).collect();
        for patch in self.resting.patches(plan.size_px, t_us, &decided) {
            if let Some(spot) = self.spots.iter_mut().find(|spot| !spot.is_thing() && spot.is_of(&patch)) {
                spot.take(patch, change);
            } else if self.spots.len() < SPOTS_MAX {
                self.spots.push(Spot::new(patch, change, t_us, &self.people));
            }
        }
    }

    /// Looks where each patch is: whether it is still there, and what it is.
    fn judge(&mut self, t_us: i64, detections: &[Detection]) {
        let Some(plan) = &self.plan else { return };
        let (background, taken) = (&mut self.background, &mut self.taken);
        self.spots.retain_mut(|spot| {
            let bbox = spot.bbox(plan.size_px);
            // Who has come since stands before what rests, at most; who rests as long may be what rests.
            let rests = |found: &Rect| spot.people().any(|person| person.iou(found) > RESTS);
            let hides = |found: &Detection| {
                found.bbox.height() > TALLER * bbox.height()
                    && found.bbox.shared(&bbox) > COVERS * bbox.area()
                    && rests(&found.bbox)
            };
            let hidden = detections.iter().any(hides);
            let fate = spot.look(plan.size_px, &plan.luma, background.change(), t_us, hidden);
            match fate {
                Fate::Stays => background.unlearn(&plan.luma, &spot.surroundings(plan.size_px)),
                Fate::Usual => background.learn(&plan.luma, &spot.surroundings(plan.size_px)),
                Fate::Gone => {}
            }
            if fate == Fate::Gone && spot.is_thing() {
                taken.push((t_us, bbox));
            }
            fate == Fate::Stays
        });
        // What is left of patches where a thing is now was a part of it, seen beside who hid the rest.
        let things: Vec<_> = self.spots.iter().filter(|spot| spot.is_thing()).map(|spot| spot.frame_px).collect();
        self.spots.retain(|spot| spot.is_thing() || !things.iter().any(|thing| spot.meets(*thing)));
    }

    fn tell(&self, detections: &mut Vec<Detection>) {
        let Some(plan) = &self.plan else { return };
        let sure_score = TrackerConfig::default().sure_score;
        detections.retain(|found| {
            let taken = || self.taken.iter().any(|(_, place)| place.iou(&found.bbox) > 0.0);
            !(self.bags.contains(&found.class) && found.score < sure_score && taken())
        });
        for bbox in self.things(plan.size_px) {
            let mut best: Option<Detection> = None;
            detections.retain(|found| {
                let is_bag = self.bags.contains(&found.class);
                let same = (is_bag || self.person.contains(&found.class))
                    && found.bbox.iou(&bbox) > SAME
                    && found.bbox.height() <= TALLER * bbox.height();
                if same && is_bag && best.is_none_or(|best| best.score < found.score) {
                    best = Some(*found);
                }
                !same
            });
            let (class, score) = best.map_or((self.bags[0], SCORE), |best| (best.class, best.score.max(SCORE)));
            detections.push(Detection { bbox, class, score });
        }
    }

    /// Where the things are that the last picture shows, each with all its parts. What is too large with them for somebody
    /// to have carried it is none: light, or a shadow that has gone.
    fn things(&self, size_px: (usize, usize)) -> Vec<Rect> {
        let mut things: Vec<Thing> = Vec::new();
        for spot in self.spots.iter().filter(|spot| spot.is_thing()) {
            let mut thing = Thing { since_us: spot.since_us(), bbox: spot.bbox(size_px), parts: vec![spot] };
            while let Some(index) = things.iter().position(|other| other.is_beside(&thing)) {
                thing.join(things.swap_remove(index));
            }
            things.push(thing);
        }
        let is_seen = |thing: &&Thing| thing.parts.iter().any(|part| part.is_seen_thing());
        let carried = |thing: &&Thing| {
            thing.parts.len() == 1 || thing.parts.iter().any(|part| part.was_carried(&thing.bbox, size_px))
        };
        things.iter().filter(is_seen).filter(carried).map(|thing| thing.bbox).collect()
    }
}

/// Patches that are parts of one thing.
struct Thing<'a> {
    since_us: i64,
    bbox: Rect,
    parts: Vec<&'a Spot>,
}

impl Thing<'_> {
    fn is_beside(&self, other: &Thing<'_>) -> bool {
        (self.since_us - other.since_us).abs() <= TOGETHER_US
            && self.bbox.grown(BESIDE).shared(&other.bbox.grown(BESIDE)) > 0.0
    }

    fn join(&mut self, other: Self) {
        self.since_us = self.since_us.min(other.since_us);
        self.bbox = self.bbox.hull(&other.bbox);
        self.parts.extend(other.parts);
    }
}

impl Plan {
    fn new(picture_px: (u32, u32)) -> Self {
        let mapping = Mapping::new(picture_px, SIZE_PX, Fit::TopLeft);
        let (width, height) = (mapping.width_px, mapping.height_px);
        Self {
            picture_px,
            size_px: (width as usize, height as usize),
            shrink: Shrink::new(picture_px, (width, height)),
            luma: vec![0; width as usize * height as usize],
        }
    }
}
