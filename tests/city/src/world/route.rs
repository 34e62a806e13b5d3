//! The way of a vehicle: a line of points, measured along.

use glam::Vec2;

use super::signal::Axis;

/// Who may use it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Traffic {
    /// Cars only.
    Cars,
    /// Cars, buses and trucks.
    All,
    /// Bicycles and scooters.
    Cycles,
    /// Nobody of his own accord; incidents use it.
    None,
}

/// A way through the city.
#[derive(Debug, Clone)]
pub(super) struct Route {
    points: Vec<Vec2>,
    /// Distance of each point from the first.
    marks_m: Vec<f32>,
    /// Direction of each piece.
    ways: Vec<Vec2>,
    /// The way of each piece for a metre of it.
    steps: Vec<Vec2>,
    /// Who uses it.
    pub(super) traffic: Traffic,
    /// Vehicles a minute at usual density.
    pub(super) per_min: f32,
    /// Where a vehicle's front waits at red, and for which axis.
    pub(super) stop: Option<(f32, Axis)>,
    /// The lane beside it, same lengths, and how far to the left it lies.
    pub(super) beside: Option<(usize, f32)>,
    /// Usual speed.
    pub(super) speed_mps: f32,
    /// Where it joins another route and lets its traffic pass: the distance at which a front waits, and the route.
    pub(super) give_way: Option<(f32, usize)>,
    /// Where buses halt, as the distance of the bus's middle.
    pub(super) bus_stop_m: Option<f32>,
}

impl Route {
    pub(super) fn new(points: Vec<Vec2>, traffic: Traffic, per_min: f32, speed_mps: f32) -> Route {
        let mut marks_m = vec![0.0];
        for pair in points.windows(2) {
            marks_m.push(marks_m[marks_m.len() - 1] + pair[0].distance(pair[1]));
        }
        let ways = points.windows(2).map(|pair| (pair[1] - pair[0]).normalize_or_zero()).collect();
        let lengths_m = marks_m.windows(2).map(|marks| (marks[1] - marks[0]).max(1e-3));
        let steps = points.windows(2).zip(lengths_m).map(|(pair, length_m)| (pair[1] - pair[0]) / length_m).collect();
        Route {
            points,
            marks_m,
            ways,
            steps,
            traffic,
            per_min,
            stop: None,
            beside: None,
            speed_mps,
            give_way: None,
            bus_stop_m: None,
        }
    }

    pub(super) fn length_m(&self) -> f32 {
        self.marks_m.last().copied().unwrap_or(0.0)
    }

    /// The point at a distance, and the direction there; goes straight on before the start and after the end.
    pub(super) fn at(&self, s_m: f32) -> (Vec2, Vec2) {
        let last = self.points.len().saturating_sub(2);
        let index = self.marks_m.partition_point(|mark| *mark <= s_m).saturating_sub(1).min(last);
        let direction = self.ways[index];
        (self.points[index] + direction * (s_m - self.marks_m[index]), direction)
    }

    /// Where a point lies along and to the left of the way, on the part between two distances; none where that part
    /// does not pass it.
    pub(super) fn locate(&self, point: Vec2, from_m: f32, to_m: f32) -> Option<(f32, f32)> {
        let mut best: Option<(f32, f32)> = None;
        let first = self.marks_m.partition_point(|mark| *mark < from_m).saturating_sub(1);
        for (index, &direction) in self.steps.iter().enumerate().skip(first) {
            let (start, end) = (self.marks_m[index], self.marks_m[index + 1]);
            if start > to_m {
                break;
            }
            let from = self.points[index];
            let along = (point - from).dot(direction);
            if along < -0.01 || along > end - start + 0.01 {
                continue;
            }
            let left = direction.perp_dot(point - from);
            let s = start + along;
            if (from_m..=to_m).contains(&s) && best.is_none_or(|(_, other): (f32, f32)| left.abs() < other.abs()) {
                best = Some((s, left));
            }
        }
        best
    }
}

/// Points of a quarter turn from one direction into another, including both ends.
pub(super) fn bend(from: Vec2, corner: Vec2, to: Vec2) -> Vec<Vec2> {
    // A quadratic Bézier curve; its ends follow the straight parts.
    (0..=8u8)
        .map(|step| {
            let t = f32::from(step) / 8.0;
            from * (1.0 - t) * (1.0 - t) + corner * 2.0 * t * (1.0 - t) + to * t * t
        })
        .collect()
}
