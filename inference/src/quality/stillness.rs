//! How long a camera has sent the same picture. A coder makes something else of a still picture in each picture of a
//! group, but it repeats itself from group to group; a live sensor never does. So a picture is compared with those of the
//! last seconds, and the nearest of them with how near they usually are. What moves is left out of the comparison: a
//! street is as lively when it is empty, and the camera's own clock may tick in a frozen picture.

use std::collections::VecDeque;

/// About so many pixels are compared.
const PIXELS: usize = 4096;
/// A pixel that differs by more levels than this is movement.
const MOVED_MIN: u8 = 7;
/// Pictures of so long are kept …
const KEEP_US: i64 = 9_000_000;
/// … and a repetition is looked for among those that are at least so old: a group of pictures or more.
const REPEAT_MIN_US: i64 = 1_900_000;
/// Pictures this young tell whether anything changes at all: a short clip that is played over and over repeats itself too.
const RECENT_US: i64 = 3_000_000;
/// The longest time between repetitions, a group of pictures and a little.
const LAPSE_US: i64 = 3_200_000;

/// A repetition is nearer than this part of the usual distance …
const NEAR_PART: f32 = 0.4;
/// … and the recent pictures are nearer than this part of it.
const RECENT_PART: f32 = 0.9;
/// Where the pictures are usually nearer than this, levels, repetition proves little …
const LIVELY_MIN: f32 = 0.3;
/// … and it takes a picture that is next to the same …
const SAME_MAX: f32 = 0.02;
/// … and so many times as long.
const DULL_TIMES: i64 = 8;

/// Time constant of learning what is usual.
const FOLLOW_US: f32 = 60_000_000.0;
/// It is what is near for this camera rather than the middle: nearer ones count so many times.
const DOWN: f32 = 4.0;
/// A picture that is further away than so many times the usual is a busy one and counts as this.
const UP_MAX: f32 = 1.25;
/// Pictures until something is usual.
const LEARN_PICTURES: u32 = 20;

/// The last seconds of one camera.
#[derive(Debug, Clone, Default)]
pub(super) struct Stillness {
    past: VecDeque<(i64, Vec<u8>)>,
    /// Usual distance to the nearest of the past, levels.
    usual: f32,
    pictures: u32,
    since_us: Option<i64>,
    repeated_us: i64,
    seen_us: Option<i64>,
}

impl Stillness {
    /// Takes in the lines of a picture; `seen` where it shows the usual view, `learn` where nothing is wrong with it
    /// either. How long it has been still, made
    /// shorter where stillness proves little, microseconds.
    pub(super) fn observe(&mut self, t_us: i64, lines: &[u8], seen: bool, learn: bool) -> i64 {
        // An idle camera shows a picture each few seconds: the one before is recent whatever its age.
        let step_us = self.seen_us.replace(t_us).map_or(0, |seen_us| t_us.saturating_sub(seen_us));
        let recent_us = RECENT_US.max(step_us);
        let keep_us = KEEP_US.max(step_us.saturating_mul(2));
        let lapse_us = LAPSE_US.max(step_us.saturating_add(step_us / 4));
        let picture: Vec<u8> = lines.iter().copied().step_by((lines.len() / PIXELS).max(1)).collect();
        let (mut nearest, mut recent, mut count) = (f32::INFINITY, 0.0, 0.0);
        for (past_us, past) in &self.past {
            let distance = distance(&picture, past);
            if t_us - past_us >= REPEAT_MIN_US {
                nearest = nearest.min(distance);
            }
            if t_us - past_us <= recent_us {
                recent += distance;
                count += 1.0;
            }
        }
        let lively = self.usual >= LIVELY_MIN;
        let near_max = if lively { NEAR_PART * self.usual } else { SAME_MAX };
        let recent_max = if lively { RECENT_PART * self.usual } else { SAME_MAX };
        let calm = self.pictures >= LEARN_PICTURES && count > 0.0 && recent / count <= recent_max;
        if !seen {
            self.since_us = None;
        } else if calm && nearest <= near_max {
            self.since_us.get_or_insert(t_us);
            self.repeated_us = t_us;
        } else if t_us - self.repeated_us > lapse_us {
            self.since_us = None;
        }
        if learn && self.since_us.is_none() && nearest.is_finite() {
            self.learn(nearest, t_us);
        }
        self.keep(t_us, keep_us, picture);
        let still_us = self.since_us.map_or(0, |since_us| t_us - since_us);
        if lively { still_us } else { still_us / DULL_TIMES }
    }

    /// Whether a lively camera has begun to repeat itself.
    pub(super) fn is_suspected(&self) -> bool {
        self.usual >= LIVELY_MIN && self.since_us.is_some()
    }

    /// Time has jumped: the past is another one, what is usual is not.
    pub(super) fn restart(&mut self) {
        self.past.clear();
        self.since_us = None;
        self.seen_us = None;
    }

    fn learn(&mut self, nearest: f32, t_us: i64) {
        self.pictures = self.pictures.saturating_add(1);
        let step_us = self.past.back().map_or(0, |(past_us, _)| t_us - past_us);
        let weight = (1.0 / self.pictures as f32).max(step_us as f32 / FOLLOW_US);
        let weight = if nearest < self.usual { (DOWN * weight).min(1.0) } else { weight };
        let most = if self.pictures == 1 { f32::INFINITY } else { UP_MAX * self.usual };
        self.usual += weight * (nearest.min(most) - self.usual);
    }

    fn keep(&mut self, t_us: i64, keep_us: i64, picture: Vec<u8>) {
        while self.past.front().is_some_and(|(past_us, _)| t_us - past_us > keep_us) {
            self.past.pop_front();
        }
        self.past.push_back((t_us, picture));
    }
}

/// Mean difference of the pixels that have not moved, levels; infinite where less than half has not: those are other
/// pictures, however alike the letters on them are, and their distance tells nothing of what is usual. Wrapping, because
/// checked sums are not vector work; a few thousand bytes do not wrap.
fn distance(a: &[u8], b: &[u8]) -> f32 {
    let (mut sum, mut count) = (0u32, 0u32);
    for (&a, &b) in a.iter().zip(b) {
        let difference = a.abs_diff(b);
        let still = difference < MOVED_MIN;
        sum = sum.wrapping_add(if still { u32::from(difference) } else { 0 });
        count = count.wrapping_add(u32::from(still));
    }
    if 2 * count as usize <= a.len() { f32::INFINITY } else { sum as f32 / count as f32 }
}
