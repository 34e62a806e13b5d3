//! Zones and lines in fractions of the picture: checking what was configured, which side a point is on, where a path
//! crosses.

use super::settings::Problem;
use crate::picture::{Point, Rect};

/// Most corners of a zone.
const CORNERS_MAX: usize = 64;
/// A zone must have this part of the picture.
const AREA_MIN: f64 = 1e-6;

/// A simple polygon.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Zone(Vec<Point>);

/// A segment with a direction: its left side is a, its right side is b.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line {
    from: Point,
    to: Point,
}

impl Zone {
    /// Checks the corners.
    pub(crate) fn new(corners: &[[f32; 2]]) -> Result<Zone, Problem> {
        let walk = "list the corners in the order in which you would walk around the zone, fractions of the picture from its top left";
        let wrong = |problem: String| Err((problem, walk.to_owned()));
        if !(3..=CORNERS_MAX).contains(&corners.len()) {
            return wrong(format!("it has {} corners, not 3–{CORNERS_MAX}", corners.len()));
        }
        let points = points(corners)?;
        let sides = sides(&points);
        if let Some(index) = sides.iter().position(|(from, to)| from == to) {
            return wrong(format!("corner {} is there twice in a row", index + 1));
        }
        for (first, a) in sides.iter().enumerate() {
            for (second, b) in sides.iter().enumerate().skip(first + 1) {
                let neighbours = second == first + 1 || (first == 0 && second == sides.len() - 1);
                let meet = if neighbours { folded(a, b) } else { touch(a, b) };
                if meet {
                    return wrong(format!("the zone crosses itself at its sides {} and {}", first + 1, second + 1));
                }
            }
        }
        let doubled: f64 = sides.iter().map(|(a, b)| cross(Point::new(0.0, 0.0), *a, *b)).sum();
        if doubled.abs() / 2.0 < AREA_MIN {
            return wrong("the zone has no area".to_owned());
        }
        Ok(Zone(points))
    }

    /// Whether the point is inside (even-odd rule).
    pub(crate) fn contains(&self, point: Point) -> bool {
        let (x, y) = (f64::from(point.x), f64::from(point.y));
        let mut inside = false;
        for (a, b) in self.sides() {
            let (ax, ay, bx, by) = (f64::from(a.x), f64::from(a.y), f64::from(b.x), f64::from(b.y));
            if (ay > y) != (by > y) && x < ax + (y - ay) / (by - ay) * (bx - ax) {
                inside = !inside;
            }
        }
        inside
    }

    /// The part (0–1) of the way from one point to another at which the border is crossed first.
    pub(crate) fn first_crossing(&self, from: Point, to: Point) -> Option<f32> {
        self.sides()
            .filter_map(|(a, b)| meeting((from, to), (a, b)))
            .filter(|(_, along)| (0.0..=1.0).contains(along))
            .map(|(part, _)| part)
            .filter(|part| (0.0..=1.0).contains(part))
            .min_by(f64::total_cmp)
            .map(|part| part as f32)
    }

    /// Distance of a point from the border, in widths and heights of a box: what jitter of a box is measured in.
    pub(crate) fn border_distance(&self, point: Point, bbox: &Rect) -> f32 {
        let (width, height) = (bbox.width().max(1e-3), bbox.height().max(1e-3));
        let scaled = |p: Point| ((p.x - point.x) / width, (p.y - point.y) / height);
        let distance = |(a, b): (Point, Point)| {
            let ((ax, ay), (bx, by)) = (scaled(a), scaled(b));
            let (dx, dy) = (bx - ax, by - ay);
            let part = (-(ax * dx + ay * dy) / (dx * dx + dy * dy).max(1e-12)).clamp(0.0, 1.0);
            (ax + part * dx).hypot(ay + part * dy)
        };
        self.sides().map(distance).fold(f32::INFINITY, f32::min)
    }

    /// What lies inside at a height of the picture: from, to.
    pub(crate) fn spans(&self, y: f32) -> Vec<(f32, f32)> {
        let cut =
            |(a, b): (Point, Point)| ((a.y > y) != (b.y > y)).then(|| a.x + (y - a.y) / (b.y - a.y) * (b.x - a.x));
        let mut cuts: Vec<f32> = self.sides().filter_map(cut).collect();
        cuts.sort_by(f32::total_cmp);
        cuts.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect()
    }

    fn sides(&self) -> impl Iterator<Item = (Point, Point)> + '_ {
        let next = self.0.iter().cycle().skip(1);
        self.0.iter().copied().zip(next.copied())
    }
}

impl Line {
    /// Checks the two points.
    pub(crate) fn new(ends: [[f32; 2]; 2]) -> Result<Line, Problem> {
        let points = points(&ends)?;
        let (from, to) = (points[0], points[1]);
        if (to.x - from.x).hypot(to.y - from.y) < 1e-3 {
            return Err(("the line has no length".to_owned(), "give two points that lie apart".to_owned()));
        }
        Ok(Line { from, to })
    }

    /// Distance from the endless line in pictures: negative on side a (left), positive on side b (right).
    pub(crate) fn side(&self, point: Point) -> f32 {
        let length = f64::from((self.to.x - self.from.x).hypot(self.to.y - self.from.y));
        (cross(self.from, self.to, point) / length) as f32
    }

    /// The part (0–1) of the way from one point to another at which the segment itself is crossed.
    pub(crate) fn crossing(&self, from: Point, to: Point) -> Option<f32> {
        let (part, along) = meeting((from, to), (self.from, self.to))?;
        ((0.0..=1.0).contains(&part) && (0.0..=1.0).contains(&along)).then_some(part as f32)
    }

    /// How far a box reaches across the line when it stands on it, pictures: the measure of its jitter.
    pub(crate) fn reach(&self, bbox: &Rect) -> f32 {
        let (dx, dy) = (self.to.x - self.from.x, self.to.y - self.from.y);
        let length = dx.hypot(dy);
        (bbox.width() * dy / length).abs() + (bbox.height() * dx / length).abs()
    }
}

fn points(corners: &[[f32; 2]]) -> Result<Vec<Point>, Problem> {
    let outside = corners.iter().find(|corner| !corner.iter().all(|value| (0.0..=1.0).contains(value)));
    if let Some([x, y]) = outside {
        let next = "use fractions of the picture from its top left, not pixels".to_owned();
        return Err((format!("[{x}, {y}] is outside 0–1"), next));
    }
    Ok(corners.iter().map(|[x, y]| Point::new(*x, *y)).collect())
}

fn sides(points: &[Point]) -> Vec<(Point, Point)> {
    (0..points.len()).map(|index| (points[index], points[(index + 1) % points.len()])).collect()
}

/// Twice the area of the triangle; its sign tells on which side of a→b the point c is (y points down: > 0 is right).
fn cross(a: Point, b: Point, c: Point) -> f64 {
    let (ax, ay) = (f64::from(a.x), f64::from(a.y));
    (f64::from(b.x) - ax) * (f64::from(c.y) - ay) - (f64::from(b.y) - ay) * (f64::from(c.x) - ax)
}

/// Where two endless lines meet, as parts of each; none where they are parallel.
fn meeting(one: (Point, Point), other: (Point, Point)) -> Option<(f64, f64)> {
    let (from, to) = (cross(other.0, other.1, one.0), cross(other.0, other.1, one.1));
    let (start, end) = (cross(one.0, one.1, other.0), cross(one.0, one.1, other.1));
    ((from - to).abs() > 1e-12 && (start - end).abs() > 1e-12).then(|| (from / (from - to), start / (start - end)))
}

fn touch(a: &(Point, Point), b: &(Point, Point)) -> bool {
    let within = |part: f64| (-1e-9..=1.0 + 1e-9).contains(&part);
    match meeting(*a, *b) {
        Some((along, other)) => within(along) && within(other),
        None => on(b, a.0) || on(b, a.1) || on(a, b.0) || on(a, b.1),
    }
}

/// Two sides with a common corner cross where the second runs back along the first.
fn folded(a: &(Point, Point), b: &(Point, Point)) -> bool {
    let (corner, one, other) = if a.1 == b.0 { (a.1, a.0, b.1) } else { (a.0, a.1, b.0) };
    let along = (one.x - corner.x) * (other.x - corner.x) + (one.y - corner.y) * (other.y - corner.y);
    cross(corner, one, other).abs() < 1e-9 && along > 0.0
}

fn on(side: &(Point, Point), point: Point) -> bool {
    let between = |a: f32, b: f32, value: f32| (a.min(b)..=a.max(b)).contains(&value);
    cross(side.0, side.1, point).abs() < 1e-9
        && between(side.0.x, side.1.x, point.x)
        && between(side.0.y, side.1.y, point.y)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_left_side_is_a_whichever_way_the_line_runs() {
        let cases = [
            ([[0.0, 0.5], [1.0, 0.5]], Point::new(0.5, 0.2)), // to the right: above is left
            ([[1.0, 0.5], [0.0, 0.5]], Point::new(0.5, 0.8)), // to the left: below is left
            ([[0.5, 1.0], [0.5, 0.0]], Point::new(0.2, 0.5)), // upwards: left is left
            ([[0.2, 0.2], [0.8, 0.8]], Point::new(0.8, 0.2)),
        ];
        for (ends, left) in cases {
            let line = Line::new(ends).expect("a line");
            assert!(line.side(left) < 0.0, "{ends:?}");
        }
    }

    #[test]
    fn only_the_segment_is_crossed() {
        let line = Line::new([[0.2, 0.5], [0.4, 0.5]]).expect("a line");
        let down = |x: f32| line.crossing(Point::new(x, 0.4), Point::new(x, 0.8));
        assert!(down(0.3).is_some_and(|part| (part - 0.25).abs() < 1e-6));
        assert_eq!(down(0.5), None);
        assert_eq!(line.crossing(Point::new(0.3, 0.1), Point::new(0.3, 0.4)), None);
        assert_eq!(line.crossing(Point::new(0.0, 0.5), Point::new(1.0, 0.5)), None);
    }

    #[test]
    fn a_zone_knows_inside_and_where_its_border_is_crossed() {
        // An L: its notch is outside.
        let corners = [[0.0, 0.0], [0.4, 0.0], [0.4, 0.4], [0.8, 0.4], [0.8, 0.8], [0.0, 0.8]];
        let zone = Zone::new(&corners).expect("a zone");
        for (point, inside) in [((0.2, 0.2), true), ((0.6, 0.2), false), ((0.6, 0.6), true), ((0.9, 0.6), false)] {
            assert_eq!(zone.contains(Point::new(point.0, point.1)), inside, "{point:?}");
        }
        let part = zone.first_crossing(Point::new(1.0, 0.6), Point::new(0.6, 0.6)).expect("it crosses");
        assert!((part - 0.5).abs() < 1e-6);
        assert_eq!(zone.first_crossing(Point::new(0.1, 0.1), Point::new(0.2, 0.2)), None);
        let unit = Rect::new(0.0, 0.0, 0.1, 0.2);
        assert!((zone.border_distance(Point::new(0.9, 0.6), &unit) - 1.0).abs() < 1e-5);
        assert!((zone.border_distance(Point::new(0.6, 0.9), &unit) - 0.5).abs() < 1e-5);
    }

    #[test]
    fn what_is_not_a_zone_is_refused() {
        let cases: &[(&[[f32; 2]], &str)] = &[
            (&[[0.0, 0.0], [1.0, 1.0]], "corners"),
            (&[[0.0, 0.0], [0.0, 0.0], [1.0, 1.0], [1.0, 0.0]], "twice"),
            (&[[0.0, 0.0], [1.0, 1.0], [1.0, 0.0], [0.0, 1.0]], "crosses itself"),
            (&[[0.0, 0.0], [0.5, 0.0], [1.0, 0.0]], "crosses itself"),
            (&[[0.0, 0.0], [1.0, 0.0], [0.5, 0.0], [0.5, 1.0]], "crosses itself"),
            (&[[0.0, 0.0], [f32::NAN, 0.0], [0.5, 1.0]], "0–1"),
            (&[[0.0, 0.0], [1.2, 0.0], [0.5, 1.0]], "0–1"),
        ];
        for (corners, part) in cases {
            let (problem, _) = Zone::new(corners).expect_err(part);
            assert!(problem.contains(part), "{corners:?}: {problem}");
        }
    }
}
