//! Insects before a camera that sees by its own infrared light: lamps a hand's breadth from the lens make each of them
//! a bright blur as large as a person. Moths fly through, now and then a spider lets itself down before the lens and
//! hangs there. Nobody is to be told of them. Where they are follows from the device and the time alone.

use super::{
    Frame,
    sensor::{hash, unit},
};

/// Each so often one may come, and it does in this part of the cases.
#[derive(Clone, Copy)]
struct Often {
    every_us: i64,
    part: f32,
}

const MOTHS: Often = Often { every_us: 8_000_000, part: 0.4 };
const SPIDERS: Often = Often { every_us: 140_000_000, part: 0.7 };
/// Of a summer night by the water, for whoever is to learn what they look like.
const MANY_MOTHS: Often = Often { every_us: 3_000_000, part: 0.4 };
const MANY_SPIDERS: Often = Often { every_us: 26_000_000, part: 0.7 };
/// A night exposure, and in how many steps what moves in it is drawn.
const EXPOSURE_US: i64 = 40_000;
const STEPS: i64 = 6;

/// The insects before one camera.
pub(super) struct Insects {
    seed: u64,
    moths: Often,
    spiders: Often,
}

impl Insects {
    pub(super) fn new(seed: u64) -> Insects {
        Insects { seed: seed ^ 0x0B5E_55ED, moths: MOTHS, spiders: SPIDERS }
    }

    /// Several times as many.
    pub(super) fn swarm(&mut self) {
        (self.moths, self.spiders) = (MANY_MOTHS, MANY_SPIDERS);
    }

    /// Draws those that are there.
    pub(super) fn show(&self, frame: &mut Frame, t_us: i64) {
        for step in 0..STEPS {
            let at_us = t_us - EXPOSURE_US * step / STEPS;
            self.moth(frame, at_us);
        }
        self.spider(frame, t_us);
    }

    /// What is drawn for one of so many: its own chances, and how far its time has come, 0–1.
    fn part_of(&self, Often { every_us, part }: Often, lasts_s: (f32, f32), t_us: i64) -> Option<(u64, f32, f32)> {
        let slot = t_us.div_euclid(every_us);
        let seed = self.seed ^ (slot as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ every_us as u64;
        if unit(seed, 0) >= part {
            return None;
        }
        let lasts_s = lasts_s.0 + (lasts_s.1 - lasts_s.0) * unit(seed, 1);
        let from_s = unit(seed, 2) * (every_us as f32 / 1e6 - lasts_s);
        let passed_s = (t_us - slot * every_us) as f32 / 1e6 - from_s;
        (0.0..lasts_s).contains(&passed_s).then(|| (seed, passed_s / lasts_s, passed_s))
    }

    /// From edge to edge in a bow, wavering.
    fn moth(&self, frame: &mut Frame, t_us: i64) {
        let Some((seed, part, passed_s)) = self.part_of(self.moths, (0.5, 2.2), t_us) else { return };
        let aspect = frame.width_px as f32 / frame.height_px as f32;
        let edge = |what: u32, right: bool| [if right { aspect + 0.1 } else { -0.1 }, unit(seed, what)];
        let from_right = hash(seed, 3) & 1 == 0;
        let (from, to) = (edge(4, from_right), edge(5, !from_right));
        let over = [aspect * unit(seed, 6), unit(seed, 7)];
        let waver = 0.02 * (passed_s * (20.0 + 20.0 * unit(seed, 8))).sin();
        let bow = |axis: usize| {
            let free = 1.0 - part;
            from[axis] * free * free + 2.0 * over[axis] * free * part + to[axis] * part * part
        };
        let beat = 0.7 + 0.3 * (passed_s * 70.0).sin();
        let radius = 0.018 + 0.05 * unit(seed, 9) * unit(seed, 9);
        let size = [radius * (1.0 + 0.8 * beat), radius];
        glow(frame, [bow(0), bow(1) + waver], size, (90.0 + 120.0 * unit(seed, 10)) / STEPS as f32 * 1.6);
    }

    /// On its thread, down and up again, legs around it.
    fn spider(&self, frame: &mut Frame, t_us: i64) {
        let Some((seed, part, passed_s)) = self.part_of(self.spiders, (12.0, 22.0), t_us) else {
            return;
        };
        let aspect = frame.width_px as f32 / frame.height_px as f32;
        // Down in the first fifth of its time, up in the last.
        let depth = (part.min(1.0 - part) * 5.0).min(1.0) * (0.2 + 0.3 * unit(seed, 4));
        let sway = 0.012 * (passed_s * 1.7).sin();
        let at = [aspect * (0.15 + 0.7 * unit(seed, 5)) + sway, depth - 0.05];
        let radius = 0.022 + 0.02 * unit(seed, 6);
        for step in 0..24u16 {
            let along = f32::from(step) / 24.0;
            glow(frame, [at[0] - sway * (1.0 - along), at[1] * along], [0.006, 0.02], 14.0);
        }
        glow(frame, at, [radius * 0.8, radius * 1.3], 170.0);
        for leg in 0..8u16 {
            let turn = f32::from(leg) * std::f32::consts::FRAC_PI_4 + 0.25 * (passed_s * 3.0 + f32::from(leg)).sin();
            for step in 1..5u16 {
                let out = radius * (0.8 + 0.55 * f32::from(step));
                glow(frame, [at[0] + out * turn.cos(), at[1] + out * turn.sin()], [0.009, 0.009], 45.0);
            }
        }
    }
}

/// Adds a soft patch of light; place and half axes in heights of the picture.
fn glow(frame: &mut Frame, at: [f32; 2], size: [f32; 2], by: f32) {
    let (width, height) = (frame.width_px as i32, frame.height_px as i32);
    let scale = height as f32;
    let (x, y) = (at[0] * scale, at[1] * scale);
    let (rx, ry) = ((size[0] * scale).max(1.0), (size[1] * scale).max(1.0));
    for row in ((y - ry) as i32).max(0)..((y + ry) as i32 + 1).min(height) {
        for column in ((x - rx) as i32).max(0)..((x + rx) as i32 + 1).min(width) {
            let (dx, dy) = ((column as f32 - x) / rx, (row as f32 - y) / ry);
            let inner = (1.0 - dx * dx - dy * dy).max(0.0);
            let value = &mut frame.y[(row * width + column) as usize];
            *value = (f32::from(*value) + by * inner * (2.0 - inner)).min(235.0) as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::sensor::tests::scene;

    fn brighter(before: &Frame, t_us: i64) -> usize {
        brighter_by(&Insects::new(7), before, t_us)
    }

    fn brighter_by(insects: &Insects, before: &Frame, t_us: i64) -> usize {
        let mut frame = before.clone();
        insects.show(&mut frame, t_us);
        frame.y.iter().zip(&before.y).filter(|(now, before)| **now > **before + 20).count()
    }

    #[test]
    fn they_come_and_go_and_are_as_large_as_people() {
        let before = scene();
        let seen: Vec<usize> = (0..280_000_000).step_by(700_000).map(|t_us| brighter(&before, t_us)).collect();
        let there = seen.iter().filter(|count| **count > 60).count() as f32 / seen.len() as f32;
        assert!((0.03..0.4).contains(&there), "{there} of the time");
        let largest = seen.iter().max().expect("pictures");
        assert!((300..20_000).contains(largest), "{largest} pixels");
        assert_eq!(brighter(&before, 3_000_000), brighter(&before, 3_000_000));
    }

    #[test]
    fn a_swarm_is_there_more_of_the_time() {
        let before = scene();
        let there = |insects: &Insects| {
            let times = (0..280_000_000).step_by(700_000);
            times.filter(|t_us| brighter_by(insects, &before, *t_us) > 60).count()
        };
        let (few, mut many) = (Insects::new(7), Insects::new(7));
        many.swarm();
        assert!(there(&many) > 2 * there(&few), "{} and {}", there(&many), there(&few));
    }
}
