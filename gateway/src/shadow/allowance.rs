//! Which pictures a candidate looks at: as many as its bound of the processor's use pays for, the cameras in turn. Pure.

use std::collections::VecDeque;

/// What was not used is kept for so long: a burst is no longer than this.
const KEPT_S: f64 = 2.0;
/// A camera whose turn it is and that does not come is passed over after this.
const TURN_S: f64 = 1.0;

/// An account of seconds of one core.
#[derive(Debug, Clone)]
pub struct Allowance {
    cores_max: f64,
    credit_s: f64,
    at_s: f64,
    /// Cameras in the order of their turns, and since when the first has its. Bound: the gateway's cameras.
    turns: VecDeque<String>,
    first_since_s: f64,
}

impl Allowance {
    /// So many cores.
    pub fn new(cores_max: f64) -> Self {
        Self { cores_max, credit_s: 0.0, at_s: 0.0, turns: VecDeque::new(), first_since_s: 0.0 }
    }

    /// Whether the candidate may look at a picture of this camera now.
    pub fn admits(&mut self, camera: &str, now_s: f64) -> bool {
        let earned_s = (now_s - self.at_s).max(0.0) * self.cores_max;
        self.at_s = now_s;
        self.credit_s = (self.credit_s + earned_s).min(KEPT_S * self.cores_max);
        if !self.turns.iter().any(|known| known == camera) {
            self.turns.push_back(camera.to_owned());
        }
        if self.credit_s <= 0.0 {
            // Nobody's time runs while there is nothing to give.
            self.first_since_s = now_s;
            return false;
        }
        if self.turns.front().is_some_and(|first| first != camera) {
            if now_s - self.first_since_s < TURN_S {
                return false;
            }
            // It is idle or gone: it queues up again when it comes.
            self.turns.pop_front();
            self.first_since_s = now_s;
            return false;
        }
        self.turns.rotate_left(1);
        self.first_since_s = now_s;
        true
    }

    /// So much was used.
    pub fn spent(&mut self, s: f64) {
        self.credit_s -= s.max(0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_holds_and_every_camera_has_its_turn() {
        let mut allowance = Allowance::new(0.1);
        let cameras = ["a", "b", "c"];
        let mut looked = [0_u32; 3];
        for step in 0..5 * 600 {
            for (camera, looked) in cameras.iter().zip(&mut looked) {
                // `c` goes idle half way.
                let idle = *camera == "c" && step > 5 * 300;
                if !idle && allowance.admits(camera, f64::from(step) * 0.2) {
                    allowance.spent(0.05);
                    *looked += 1;
                }
            }
        }
        let used_s = f64::from(looked.iter().sum::<u32>()) * 0.05;
        assert!((55.0..=61.0).contains(&used_s), "{used_s} s of 60");
        assert!(looked.iter().all(|count| *count > 150), "{looked:?}");
        assert!(looked[0].abs_diff(looked[1]) < 60, "{looked:?}");
    }
}
