//! What a fixed camera sees when nothing moves, and by how much a picture differs from it: sigma-delta estimation
//! (Manzanera & Richefeu, 2007, "A new motion detection algorithm based on Σ-Δ background estimation"), where the level
//! of each pixel follows the picture by a bounded step and so comes to rest at its temporal median. The step is bounded
//! for each second of media time and not for each picture, so that the analysed rate makes no difference.

/// Levels of luma are counted in parts of this many, so that the slowest movement at 25 pictures a second is several
/// steps, and 255 levels still fit an `i16`.
pub const PARTS: i16 = 128;

/// Fastest movement of the background, levels of luma a second: a parked car is background after a minute or two, a
/// person who stands for ten seconds is not.
const RATE: i64 = 1;
/// The same just after the start: what moved in the first picture must not stay as a ghost.
const START_RATE: i64 = 10;
/// How long "just after the start" is.
const START_US: i64 = 5_000_000;
/// Longest time that is caught up with in one picture: a pause of the stream must not take a passer-by over.
const STEP_MAX_US: i64 = 2_000_000;
/// After a longer gap of media time nothing is known any more.
const GAP_MAX_US: i64 = 30_000_000;

/// A change of the picture's median by more levels than this is a new scene (night mode, a covered lens); a smaller
/// one is light, which the background takes over at once.
const LIGHT_MAX: i32 = 24;
/// A pixel that differs by more levels than this, light aside, has changed …
const CHANGED_MIN: i32 = 12;
/// … and if more of them than this share have, it is a new scene (the camera was turned, a clip began anew).
const CHANGED_MAX_PERCENT: usize = 60;

/// About so many pixels are looked at to tell light and scene; more would tell the same.
const SAMPLES: usize = 4096;

/// The background of one camera.
#[derive(Debug, Clone, Default)]
pub struct Background {
    levels: Vec<i16>,
    change: Vec<i16>,
    started_us: i64,
    last_us: Option<i64>,
    /// What the last step was short of a whole part, millionths of a part.
    rest: i64,
}

/// What a background was before a picture; see [`Background::recall`].
#[derive(Debug)]
pub(crate) struct Remembered {
    levels: Vec<i16>,
    started_us: i64,
    last_us: Option<i64>,
    rest: i64,
}

impl Background {
    /// Takes in the picture at `t_us`, luma in parts of a level (0 to 255·[`PARTS`]), and returns by how much each pixel
    /// differed from the background before. The first picture of a size, of a scene or after a jump of time is the
    /// background itself.
    pub fn observe(&mut self, luma: &[i16], t_us: i64) -> &[i16] {
        let step_us = self.last_us.map(|last_us| t_us.saturating_sub(last_us));
        let known = step_us.is_some_and(|us| (0..=GAP_MAX_US).contains(&us)) && self.levels.len() == luma.len();
        match known.then(|| self.compare(luma)).flatten() {
            Some(light) => self.follow(luma, light, t_us, step_us.unwrap_or(0)),
            None => self.start(luma, t_us),
        }
        self.last_us = Some(t_us);
        &self.change
    }

    /// The next picture is the first one: another stream, or the same after it was lost.
    pub fn forget(&mut self) {
        self.last_us = None;
    }

    /// What it is now, but for what the last picture differed by, which the next one says anew.
    pub(crate) fn remembered(&self) -> Remembered {
        let Self { levels, started_us, last_us, rest, .. } = self;
        Remembered { levels: levels.clone(), started_us: *started_us, last_us: *last_us, rest: *rest }
    }

    /// Takes back the pictures since then.
    pub(crate) fn recall(&mut self, remembered: Remembered) {
        let Remembered { levels, started_us, last_us, rest } = remembered;
        (self.levels, self.started_us, self.last_us, self.rest) = (levels, started_us, last_us, rest);
    }

    /// Whether the last picture was the first one, by which nothing can have changed.
    pub(crate) fn is_new(&self) -> bool {
        self.last_us == Some(self.started_us)
    }

    /// When the last picture was; none while it still follows fast, so that what stood in the first one leaves no ghost.
    pub(crate) fn settled_us(&self) -> Option<i64> {
        self.last_us.filter(|last_us| last_us.saturating_sub(self.started_us) >= START_US)
    }

    /// By how much each pixel of the last picture differed.
    pub(crate) fn change(&self) -> &[i16] {
        &self.change
    }

    /// Takes back what the last picture, whose luma this is, has taught about some pixels, but for the light.
    pub(crate) fn unlearn(&mut self, luma: &[i16], pixels: &[u32]) {
        for &at in pixels {
            self.levels[at as usize] = luma[at as usize] - self.change[at as usize];
        }
    }

    /// Takes some pixels of the last picture for what is usual.
    pub(crate) fn learn(&mut self, luma: &[i16], pixels: &[u32]) {
        for &at in pixels {
            self.levels[at as usize] = luma[at as usize];
        }
    }

    fn start(&mut self, luma: &[i16], t_us: i64) {
        self.levels.clear();
        self.levels.extend_from_slice(luma);
        self.change.clear();
        self.change.resize(luma.len(), 0);
        (self.started_us, self.rest) = (t_us, 0);
    }

    /// By how many levels the light has changed; none where the scene has.
    fn compare(&self, luma: &[i16]) -> Option<i32> {
        // Differences of whole levels lie in −255 … 255.
        let mut histogram = [0u32; 512];
        let stride = sample_stride(luma.len());
        let mut samples = 0;
        for (&now, &before) in luma.iter().zip(&self.levels).step_by(stride) {
            histogram[bin(now, before)] += 1;
            samples += 1;
        }
        let mut below = 0;
        let median = histogram.iter().position(|&count| {
            below += count as usize;
            2 * below >= samples
        })?;
        let (from, to) = (median.saturating_sub(CHANGED_MIN as usize), (median + CHANGED_MIN as usize).min(511));
        let same: usize = histogram[from..=to].iter().map(|&count| count as usize).sum();
        let light = median as i32 - 256;
        let new = light.abs() > LIGHT_MAX || (samples - same) * 100 > samples * CHANGED_MAX_PERCENT;
        (!new).then_some(light)
    }

    /// Compares, then moves. Wrapping arithmetic, because the profile checks the other kind, which keeps this from
    /// becoming vector instructions; levels lie in 0–32640, and no difference of two leaves an `i16`.
    fn follow(&mut self, luma: &[i16], light: i32, t_us: i64, step_us: i64) {
        let rate = if t_us.saturating_sub(self.started_us) < START_US { START_RATE } else { RATE };
        let millionths = step_us.min(STEP_MAX_US) * rate * i64::from(PARTS) + self.rest;
        self.rest = millionths % 1_000_000;
        let step = (millionths / 1_000_000) as i16;
        let (light, brightest) = (light as i16 * PARTS, 255 * PARTS);
        for ((level, change), &now) in self.levels.iter_mut().zip(&mut self.change).zip(luma) {
            let lit = level.saturating_add(light).clamp(0, brightest);
            *change = now.wrapping_sub(lit);
            *level = lit.wrapping_add((*change).clamp(-step, step));
        }
    }
}

/// Every so many pixels are looked at: an odd step, which wanders through the columns of every usual width.
fn sample_stride(pixels: usize) -> usize {
    (pixels / SAMPLES) | 1
}

fn bin(now: i16, before: i16) -> usize {
    let difference = i32::from(now).wrapping_sub(i32::from(before)).wrapping_add(i32::from(PARTS) / 2);
    ((difference >> PARTS.trailing_zeros()) + 256).clamp(0, 511) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIXELS: usize = 96 * 54;
    const S: i64 = 1_000_000;

    /// A street of many levels with something of 40 levels more on a tenth of it.
    fn picture(object: bool, light: i16) -> Vec<i16> {
        (0..PIXELS)
            .map(|at| {
                let level = 60 + (at * 37 % 101) as i16 + light + if object && at < PIXELS / 10 { 40 } else { 0 };
                level * PARTS
            })
            .collect()
    }

    fn levels(change: &[i16], at: usize) -> f32 {
        f32::from(change[at]) / f32::from(PARTS)
    }

    #[test]
    fn the_first_picture_is_the_background_and_what_comes_then_differs_from_it() {
        let mut background = Background::default();
        assert!(background.observe(&picture(false, 0), 7 * S).iter().all(|&change| change == 0));
        let change = background.observe(&picture(true, 0), 7 * S + 200_000);
        assert_eq!((levels(change, 0), levels(change, PIXELS - 1)), (40.0, 0.0));
    }

    #[test]
    fn what_stays_is_taken_over_at_a_level_a_second_whatever_the_rate_of_pictures() {
        for per_s in [1i64, 2, 5, 12, 25] {
            let mut background = Background::default();
            let mut last = 0.0;
            for i in 0..=(30 * per_s) {
                let t_us = i * S / per_s;
                // It comes after the fast start.
                let change = background.observe(&picture(t_us >= 10 * S, 0), t_us);
                last = levels(change, 0);
            }
            // 20 s at a level a second; the picture is compared before the background moves.
            let expected = 40.0 - 20.0;
            assert!((last - expected).abs() <= 1.1, "{per_s} pictures a second: {last} levels are left");
        }
    }

    #[test]
    fn a_ghost_of_the_first_picture_is_gone_in_seconds() {
        let mut background = Background::default();
        for i in 0..=25i64 {
            let left = levels(background.observe(&picture(i == 0, 0), i * S / 5), 0);
            assert!(i != 1 || left == -40.0, "{left}");
            assert!(i < 22 || left == 0.0, "{left} after {} s", i as f32 / 5.0);
        }
    }

    #[test]
    fn light_is_no_movement_and_does_not_hide_any() {
        let mut background = Background::default();
        background.observe(&picture(false, 0), 0);
        for (i, light) in (1i64..).zip([10, -8, 14, 0]) {
            let change = background.observe(&picture(true, light), i * 40_000);
            assert_eq!(change[PIXELS - 1], 0, "light {light}");
            assert!((levels(change, 0) - 40.0).abs() < 2.0, "light {light}: {}", levels(change, 0));
        }
    }

    #[test]
    fn a_new_scene_a_new_stream_and_a_jump_of_time_start_afresh() {
        let turned: Vec<i16> = picture(false, 0).into_iter().rev().collect();
        let cases: [(&str, Vec<i16>, i64); 5] = [
            ("the camera was turned", turned, S),
            ("night mode", picture(true, -50), S),
            ("another size", picture(true, 0)[..PIXELS / 2].to_vec(), S),
            ("time went back", picture(true, 0), -S),
            ("a long gap", picture(true, 0), 31 * S),
        ];
        for (name, next, t_us) in cases {
            let mut background = Background::default();
            background.observe(&picture(false, 0), 0);
            let change = background.observe(&next, t_us);
            assert!(change.len() == next.len() && change.iter().all(|&change| change == 0), "{name}");
        }
        let mut background = Background::default();
        background.observe(&picture(false, 0), 0);
        background.forget();
        assert!(background.observe(&picture(true, 0), S).iter().all(|&change| change == 0));
    }

    #[test]
    fn an_empty_picture_and_any_level_and_time_do_no_harm() {
        let mut background = Background::default();
        for (luma, t_us) in [(0, 0), (32640, 1), (0, i64::MAX), (32640, i64::MIN), (0, 0)] {
            background.observe(&[luma; 3], t_us);
            background.observe(&[], t_us);
            background.observe(&[i16::MAX, i16::MIN, 0], t_us);
        }
    }
}
