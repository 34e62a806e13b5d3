//! One patch that rests: whether it is still there, and whether it is a thing that somebody left.

use std::collections::VecDeque;

use super::resting::{FramePx, Patch};
use crate::{
    background::PARTS,
    picture::{ASPECT, Rect},
};

/// A patch is judged after it has rested so long and was seen so often.
const JUDGED_US: i64 = 1_800_000;
const JUDGED_LOOKS: u32 = 3;
/// What has not become a thing by then is usual.
const UNDECIDED_US: i64 = 300_000_000;
/// A thing that has stood for so long is part of the place: daylight has changed what was behind it.
const THING_US: i64 = 1_800_000_000;
/// Its place was bare for so long, and so often: it is gone.
const BARE_US: i64 = 300_000;
const BARE_LOOKS: u32 = 2;
/// Hidden for so long is forgotten.
const HIDDEN_US: i64 = 90_000_000;

/// Share of what it was by which a patch is still there …
const THERE: (f32, f32) = (0.5, 1.7);
/// … or below which its place is bare …
const BARE: f32 = 0.35;
/// … if what differs otherwise is not more than this share; else something else is there.
const OTHERWISE: f32 = 0.5;

/// What lies so near a patch is kept with it.
const MARGIN_PX: usize = 3;

/// Edges must be sharper than those of the other picture by this.
const SHARPER: f32 = 1.15;
/// A patch fills this part of its box.
const FILLS: f32 = 0.35;
/// Heights of a thing, in heights of the person who left it.
const HEIGHTS: (f32, f32) = (0.07, 0.6);
const WIDTH_MAX: f32 = 0.7;
/// Who leaves a thing is so near to it, in heights of himself, when it comes to rest, …
const NEAR: f32 = 1.2;
/// … so long before or after.
const BEFORE_US: i64 = 6_000_000;
const AFTER_US: i64 = 1_500_000;

/// What becomes of a patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is watched on.
    Stays,
    /// It is part of the place from now on.
    Usual,
    /// It is not there any more.
    Gone,
}

enum Sight {
    There,
    Bare,
    Hidden,
}

#[derive(Debug, Clone)]
pub(super) struct Spot {
    pixels: Vec<u32>,
    pub(super) frame_px: FramePx,
    /// By how much each pixel differed from the background when it was found.
    change: Vec<i16>,
    since_us: i64,
    looks: u32,
    seen_us: i64,
    bare_us: Option<i64>,
    bare_looks: u32,
    /// Who was about when it came to rest.
    people: Vec<Rect>,
    thing: bool,
    seen: bool,
}

impl Spot {
    pub(super) fn new(patch: Patch, change: &[i16], t_us: i64, people: &VecDeque<(i64, Rect)>) -> Self {
        let then_us = patch.since_us - BEFORE_US..=patch.since_us + AFTER_US;
        let people = people.iter().filter(|(t_us, _)| then_us.contains(t_us)).map(|(_, person)| *person);
        let mut spot = Self {
            pixels: Vec::new(),
            frame_px: patch.frame_px,
            change: Vec::new(),
            since_us: patch.since_us,
            looks: 0,
            seen_us: t_us,
            bare_us: None,
            bare_looks: 0,
            people: people.collect(),
            thing: false,
            seen: false,
        };
        spot.take(patch, change);
        spot
    }

    /// Whether somebody left it.
    pub(super) fn is_thing(&self) -> bool {
        self.thing
    }

    /// Whether it is one and the last picture shows it.
    pub(super) fn is_seen_thing(&self) -> bool {
        self.thing && self.seen
    }

    /// Since when it rests, media time.
    pub(super) fn since_us(&self) -> i64 {
        self.since_us
    }

    /// Who was about when it came to rest.
    pub(super) fn people(&self) -> impl Iterator<Item = &Rect> {
        self.people.iter()
    }

    /// Whether a patch is this one, seen anew.
    pub(super) fn is_of(&self, patch: &Patch) -> bool {
        let area = |[left, top, right, bottom]: FramePx| (right - left) * (bottom - top);
        self.shares(patch.frame_px) * 3 > area(self.frame_px).min(area(patch.frame_px))
    }

    /// Whether it has a pixel in a frame.
    pub(super) fn meets(&self, frame_px: FramePx) -> bool {
        self.shares(frame_px) > 0
    }

    /// How many pixels its frame has in common with another.
    fn shares(&self, [other_left, other_top, other_right, other_bottom]: FramePx) -> usize {
        let [left, top, right, bottom] = self.frame_px;
        let width = right.min(other_right).saturating_sub(left.max(other_left));
        let height = bottom.min(other_bottom).saturating_sub(top.max(other_top));
        width * height
    }

    /// Is as the patch shows it from now on: who hid a part of it has gone.
    pub(super) fn take(&mut self, patch: Patch, change: &[i16]) {
        self.since_us = self.since_us.min(patch.since_us);
        self.change = patch.pixels.iter().map(|&at| change[at as usize]).collect();
        (self.pixels, self.frame_px) = (patch.pixels, patch.frame_px);
    }

    /// Where it is, fractions of the picture.
    pub(super) fn bbox(&self, (width, height): (usize, usize)) -> Rect {
        let [left, top, right, bottom] = self.frame_px.map(|edge| edge as f32);
        let (width, height) = (width as f32, height as f32);
        Rect::new(left / width, top / height, right / width, bottom / height)
    }

    /// Its box and what is right beside it: an edge is wider than the pixels that have changed enough.
    pub(super) fn surroundings(&self, (width, height): (usize, usize)) -> Vec<u32> {
        let [left, top, right, bottom] = self.frame_px;
        let columns = left.saturating_sub(MARGIN_PX)..(right + MARGIN_PX).min(width);
        let rows = top.saturating_sub(MARGIN_PX)..(bottom + MARGIN_PX).min(height);
        rows.flat_map(|row| columns.clone().map(move |column| (row * width + column) as u32)).collect()
    }

    /// Looks at it in a picture. `hidden` tells whether something larger may stand before it.
    pub(super) fn look(
        &mut self,
        size_px: (usize, usize),
        luma: &[i16],
        change: &[i16],
        t_us: i64,
        hidden: bool,
    ) -> Fate {
        let sight = self.sight(change);
        self.seen = matches!(sight, Sight::There);
        match sight {
            Sight::There => {
                (self.seen_us, self.bare_us, self.bare_looks) = (t_us, None, 0);
                self.looks += 1;
            }
            Sight::Bare => {
                let bare_us = *self.bare_us.get_or_insert(t_us);
                self.bare_looks += 1;
                let gone = t_us - bare_us >= BARE_US && self.bare_looks >= BARE_LOOKS;
                return if gone || !self.thing { Fate::Gone } else { Fate::Stays };
            }
            Sight::Hidden if t_us - self.seen_us > HIDDEN_US => return Fate::Gone,
            Sight::Hidden => {}
        }
        let age_us = t_us - self.since_us;
        if age_us > if self.thing { THING_US } else { UNDECIDED_US } {
            return Fate::Usual;
        }
        let ripe = self.seen && !self.thing && age_us >= JUDGED_US && self.looks >= JUDGED_LOOKS;
        if !ripe || hidden {
            return Fate::Stays;
        }
        let (now, before) = self.edges(size_px, luma, change);
        if before > SHARPER * now {
            return Fate::Usual;
        }
        self.thing = now > SHARPER * before && self.was_left(size_px);
        Fate::Stays
    }

    /// How much of the change that it was is there: the least-squares share, and what is left of the change beside it.
    fn sight(&self, change: &[i16]) -> Sight {
        let (mut both, mut then_2, mut now_2) = (0.0f32, 0.0f32, 0.0f32);
        for (&at, &then) in self.pixels.iter().zip(&self.change) {
            let level = |parts: i16| f32::from(parts) / f32::from(PARTS);
            let (now, then) = (level(change[at as usize]), level(then));
            both += now * then;
            then_2 += then * then;
            now_2 += now * now;
        }
        let share = both / then_2.max(1.0);
        let otherwise = now_2 / then_2.max(1.0) - share * share;
        if otherwise > OTHERWISE {
            Sight::Hidden
        } else if (THERE.0..=THERE.1).contains(&share) {
            Sight::There
        } else if share.abs() < BARE {
            Sight::Bare
        } else {
            Sight::Hidden
        }
    }

    /// How sharply it is bounded in the picture, and in what was there before.
    fn edges(&self, (width, height): (usize, usize), luma: &[i16], change: &[i16]) -> (f32, f32) {
        let [left, top, right, bottom] = self.frame_px;
        let columns = right - left;
        let mut within = vec![false; columns * (bottom - top)];
        for &at in &self.pixels {
            within[(at as usize / width - top) * columns + at as usize % width - left] = true;
        }
        let is_within = |x: usize, y: usize| {
            (left..right).contains(&x) && (top..bottom).contains(&y) && within[(y - top) * columns + x - left]
        };
        let usual = |at: usize| i32::from(luma[at]) - i32::from(change[at]);
        let (mut now, mut before) = (0.0, 0.0);
        for &at in &self.pixels {
            let at = at as usize;
            let (x, y) = (at % width, at / width);
            // Two pixels away, because an edge is as wide as that.
            for (dx, dy) in [(2isize, 0isize), (-2, 0), (0, 2), (0, -2)] {
                let (Some(x), Some(y)) = (x.checked_add_signed(dx), y.checked_add_signed(dy)) else { continue };
                if x >= width || y >= height || is_within(x, y) {
                    continue;
                }
                let other = y * width + x;
                now += (i32::from(luma[at]) - i32::from(luma[other])).abs() as f32;
                before += (usual(at) - usual(other)).abs() as f32;
            }
        }
        (now, before)
    }

    /// Whether it has the size of what is carried, and somebody was by it when it came to rest.
    fn was_left(&self, size_px: (usize, usize)) -> bool {
        let bbox = self.bbox(size_px);
        let [left, top, right, bottom] = self.frame_px;
        if (self.pixels.len() as f32) < FILLS * ((right - left) * (bottom - top)) as f32 {
            return false;
        }
        self.was_carried(&bbox, size_px)
    }

    /// Whether something with this box has the size of what one of those who were about carries, and he was by it.
    pub(super) fn was_carried(&self, bbox: &Rect, size_px: (usize, usize)) -> bool {
        let aspect = size_px.0 as f32 / size_px.1 as f32;
        self.people.iter().any(|person| {
            let height = person.height().max(1e-3);
            let tall = bbox.height() / height;
            let wide = bbox.width() * aspect / height;
            let (thing, feet) = (bbox.bottom_centre(), person.bottom_centre());
            // As `rules/attendance.rs` measures it: what lies away from the camera looks shorter by half.
            let away = ((thing.x - feet.x) * ASPECT / height).hypot((thing.y - feet.y) * 2.0 / height);
            (HEIGHTS.0..=HEIGHTS.1).contains(&tall) && wide <= WIDTH_MAX && away <= NEAR
        })
    }
}
