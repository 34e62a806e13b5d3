//! Where a box will be: a constant-velocity Kalman filter in the style of SORT (Bewley et al., 2016, arXiv:1602.00763)
//! and ByteTrack, with two changes. Time is in seconds, since samples come at a changing rate. Centre and size are
//! filtered apart: their noise is independent in those papers too, so the 8×8 filter falls into four of 2×2, exactly.

use crate::picture::{Point, Rect};

/// DeepSORT's measurement noise, part of the box's size.
const MEASURED_DEVIATION: f32 = 1.0 / 20.0;
/// DeepSORT's process noise of 1/20 and 1/160 of the size a frame, at 25 frames a second, as densities over time.
const POSITION_NOISE: f32 = 25.0 / (20.0 * 20.0);
const VELOCITY_NOISE: f32 = 25.0 * (25.0 / 160.0) * (25.0 / 160.0);
/// DeepSORT's first guess of the velocity's deviation, sizes a second.
const FIRST_VELOCITY_DEVIATION: f32 = 10.0 * 25.0 / 160.0;
/// A weak box whose sides differ by more than this factor from what was there shows a part of it, mostly of somebody who
/// is going behind something, and its middle is not the middle …
const SAME_SIZE: f32 = 1.3;
/// … so it deviates by so many times as much. Taken in as any other, the head and shoulders of who stood half hidden made
/// him rise through the picture while he was out of sight (32 simulated cities, four models: intrusions told twice 6
/// instead of 11, line crossings missed 36 instead of 41 of 260).
const PART_DEVIATION: f32 = 4.0;
/// A side is never less than this part of the picture, so that noise never becomes zero.
const SIDE_MIN: f32 = 1e-3;

/// The filter of one box.
#[derive(Debug, Clone)]
pub(super) struct BoxFilter {
    x: Axis,
    y: Axis,
    width: Axis,
    height: Axis,
}

impl BoxFilter {
    /// Starts at a measured box, at rest.
    pub(super) fn new(bbox: &Rect) -> Self {
        let (width, height) = (bbox.width().max(SIDE_MIN), bbox.height().max(SIDE_MIN));
        let centre = bbox.centre();
        Self {
            x: Axis::new(centre.x, width),
            y: Axis::new(centre.y, height),
            width: Axis::new(width, width),
            height: Axis::new(height, height),
        }
    }

    /// Moves on by `dt_s` seconds. An object that was not seen keeps its size, as in ByteTrack.
    pub(super) fn predict(&mut self, dt_s: f32, seen: bool) {
        if !seen {
            self.width.velocity = 0.0;
            self.height.velocity = 0.0;
        }
        let (width, height) = self.size();
        self.x.predict(dt_s, width);
        self.y.predict(dt_s, height);
        self.width.predict(dt_s, width);
        self.height.predict(dt_s, height);
    }

    /// Takes in a measured box, of which the model was sure or not.
    pub(super) fn correct(&mut self, bbox: &Rect, surely: bool) {
        let (mut width, mut height) = self.size();
        let differs = |side: f32, before: f32| side.max(before) > SAME_SIZE * side.min(before);
        if !surely && (differs(bbox.width(), width) || differs(bbox.height(), height)) {
            (width, height) = (PART_DEVIATION * width, PART_DEVIATION * height);
        }
        let centre = bbox.centre();
        self.x.correct(centre.x, width);
        self.y.correct(centre.y, height);
        self.width.correct(bbox.width(), width);
        self.height.correct(bbox.height(), height);
    }

    /// Where it is now.
    pub(super) fn bbox(&self) -> Rect {
        let (width, height) = self.size();
        Rect::around(Point::new(self.x.value, self.y.value), width, height)
    }

    /// Velocity of the centre, pictures a second.
    pub(super) fn velocity(&self) -> [f32; 2] {
        [self.x.velocity, self.y.velocity]
    }

    fn size(&self) -> (f32, f32) {
        (self.width.value.clamp(SIDE_MIN, 2.0), self.height.value.clamp(SIDE_MIN, 2.0))
    }
}

/// One coordinate and its velocity, with their covariance.
#[derive(Debug, Clone)]
struct Axis {
    value: f32,
    velocity: f32,
    variance: f32,
    covariance: f32,
    velocity_variance: f32,
}

impl Axis {
    fn new(value: f32, size: f32) -> Self {
        let square = |value: f32| value * value;
        Self {
            value,
            velocity: 0.0,
            variance: square(2.0 * MEASURED_DEVIATION * size),
            covariance: 0.0,
            velocity_variance: square(FIRST_VELOCITY_DEVIATION * size),
        }
    }

    /// x' = x + v·dt, with white noise on position and velocity.
    fn predict(&mut self, dt: f32, size: f32) {
        let noise = size * size * dt;
        self.value += self.velocity * dt;
        self.variance += dt * (2.0 * self.covariance + dt * self.velocity_variance)
            + noise * (POSITION_NOISE + VELOCITY_NOISE * dt * dt / 3.0);
        self.covariance += dt * self.velocity_variance + noise * VELOCITY_NOISE * dt / 2.0;
        self.velocity_variance += noise * VELOCITY_NOISE;
    }

    fn correct(&mut self, measured: f32, size: f32) {
        let deviation = MEASURED_DEVIATION * size;
        let total = self.variance + deviation * deviation;
        let (gain, velocity_gain) = (self.variance / total, self.covariance / total);
        let surprise = measured - self.value;
        self.value += gain * surprise;
        self.velocity += velocity_gain * surprise;
        self.velocity_variance -= velocity_gain * self.covariance;
        self.covariance *= 1.0 - gain;
        self.variance *= 1.0 - gain;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_learns_a_steady_motion_at_any_rate_and_goes_on_with_it() {
        for dt_s in [0.04, 0.2, 0.5] {
            let at = |t: f32| Rect::around(Point::new(0.1 + 0.1 * t, 0.5), 0.1, 0.2);
            let mut filter = BoxFilter::new(&at(0.0));
            let mut t = 0.0;
            while t < 3.0 {
                t += dt_s;
                filter.predict(dt_s, true);
                filter.correct(&at(t), true);
            }
            assert!((filter.velocity()[0] - 0.1).abs() < 0.02, "dt {dt_s}: {:?}", filter.velocity());
            filter.predict(1.0, false);
            assert!(filter.bbox().iou(&at(t + 1.0)) > 0.7, "dt {dt_s}: {:?}", filter.bbox());
        }
    }

    #[test]
    fn two_short_steps_are_one_long_step() {
        let mut once = BoxFilter::new(&Rect::new(0.1, 0.1, 0.2, 0.3));
        once.predict(0.2, true);
        once.correct(&Rect::new(0.12, 0.1, 0.22, 0.3), true);
        let mut twice = once.clone();
        once.x.predict(0.4, 0.1);
        twice.x.predict(0.2, 0.1);
        twice.x.predict(0.2, 0.1);
        assert!((once.x.value - twice.x.value).abs() < 1e-6);
        assert!((once.x.variance / twice.x.variance - 1.0).abs() < 1e-3);
        assert!((once.x.velocity_variance / twice.x.velocity_variance - 1.0).abs() < 1e-5);
    }
}
