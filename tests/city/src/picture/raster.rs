//! Triangles into samples: clipping before the lens, rows of samples inside a triangle, values across it. What is
//! done with a sample is the caller's.

use glam::{Vec2, Vec3};

use super::noise::floor;
use crate::camera::View;

/// Nearer to the lens nothing is drawn.
pub(crate) const NEAR_M: f32 = 0.15;

/// A half-open range of samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Area {
    /// First column.
    pub(crate) x0: i32,
    /// First row.
    pub(crate) y0: i32,
    /// Column after the last.
    pub(crate) x1: i32,
    /// Row after the last.
    pub(crate) y1: i32,
}

impl Default for Area {
    fn default() -> Area {
        Area::NONE
    }
}

impl Area {
    /// No sample.
    pub(crate) const NONE: Area = Area { x0: i32::MAX, y0: i32::MAX, x1: i32::MIN, y1: i32::MIN };

    /// Everything from 0.
    pub(crate) fn of_size(width: i32, height: i32) -> Area {
        Area { x0: 0, y0: 0, x1: width, y1: height }
    }

    /// Whether it has no sample.
    pub(crate) fn is_empty(&self) -> bool {
        self.x0 >= self.x1 || self.y0 >= self.y1
    }

    /// Samples common to both.
    pub(crate) fn cut(&self, other: &Area) -> Area {
        Area {
            x0: self.x0.max(other.x0),
            y0: self.y0.max(other.y0),
            x1: self.x1.min(other.x1),
            y1: self.y1.min(other.y1),
        }
    }

    fn hull(&self, other: &Area) -> Area {
        Area {
            x0: self.x0.min(other.x0),
            y0: self.y0.min(other.y0),
            x1: self.x1.max(other.x1),
            y1: self.y1.max(other.y1),
        }
    }

    /// Grown by a point.
    pub(crate) fn with(&self, at: Vec2) -> Area {
        let (x, y) = (at.x.clamp(-1e6, 1e6), at.y.clamp(-1e6, 1e6));
        self.hull(&Area { x0: floor(x), y0: floor(y), x1: ceiling(x), y1: ceiling(y) })
    }

    /// Grown by a margin and then to even borders, so that it holds whole samples of colour.
    pub(crate) fn even(&self, margin: i32) -> Area {
        if self.is_empty() {
            return *self;
        }
        Area {
            x0: (self.x0 - margin) & !1,
            y0: (self.y0 - margin) & !1,
            x1: (self.x1 + margin + 1) & !1,
            y1: (self.y1 + margin + 1) & !1,
        }
    }

    /// Columns.
    pub(crate) fn width(&self) -> usize {
        if self.is_empty() { 0 } else { (self.x1 - self.x0) as usize }
    }

    /// Rows.
    pub(crate) fn height(&self) -> usize {
        if self.is_empty() { 0 } else { (self.y1 - self.y0) as usize }
    }
}

/// A corner before the lens: right, down, ahead in metres, with values that are spread over the triangle.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Corner<const N: usize> {
    /// Right, down, ahead.
    pub(crate) at: Vec3,
    /// Values.
    pub(crate) values: [f32; N],
}

/// A corner on the picture: pixels and one over the depth, which is linear over the picture.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dot<const N: usize> {
    /// Pixels from the top left.
    pub(crate) at: Vec2,
    /// One over the depth, 1/m.
    pub(crate) near: f32,
    /// Values.
    pub(crate) values: [f32; N],
}

/// From metres before the lens to the picture; the depth must be positive.
pub(crate) fn to_picture<const N: usize>(view: &View, corner: &Corner<N>) -> Dot<N> {
    let near = 1.0 / corner.at.z;
    let middle = Vec2::new(view.size_px.0 as f32, view.size_px.1 as f32) * 0.5;
    Dot { at: middle + corner.at.truncate() * (view.focal_px * near), near, values: corner.values }
}

/// A point of the world as right, down, ahead of the lens.
pub(crate) fn before_lens(view: &View, point: Vec3) -> Vec3 {
    let offset = point - view.eye;
    Vec3::new(offset.dot(view.right), offset.dot(view.down), offset.dot(view.forward))
}

/// Gives the parts of a triangle that are before the near plane to `draw`, as picture triangles: none, one or two.
pub(crate) fn clip<const N: usize>(view: &View, corners: [Corner<N>; 3], mut draw: impl FnMut([Dot<N>; 3])) {
    if corners.iter().all(|corner| corner.at.z >= NEAR_M) {
        draw(corners.map(|corner| to_picture(view, &corner)));
        return;
    }
    let mut kept: [Option<Corner<N>>; 4] = [None; 4];
    let mut count = 0;
    for index in 0..3 {
        let (a, b) = (corners[index], corners[(index + 1) % 3]);
        if a.at.z >= NEAR_M {
            kept[count] = Some(a);
            count += 1;
        }
        if (a.at.z >= NEAR_M) != (b.at.z >= NEAR_M) {
            let t = (NEAR_M - a.at.z) / (b.at.z - a.at.z);
            let mut cut = a;
            cut.at = a.at + (b.at - a.at) * t;
            cut.at.z = NEAR_M;
            for (value, (from, to)) in cut.values.iter_mut().zip(a.values.iter().zip(b.values)) {
                *value = from + (to - from) * t;
            }
            kept[count] = Some(cut);
            count += 1;
        }
    }
    let dot = |index: usize| kept[index].map(|corner| to_picture(view, &corner));
    if let (Some(a), Some(b), Some(c)) = (dot(0), dot(1), dot(2)) {
        draw([a, b, c]);
        if let Some(d) = dot(3) {
            draw([a, c, d]);
        }
    }
}

/// Twice the signed area; positive where the corners run counter-clockwise as one sees the picture (its y is down),
/// which is how the outside of a mesh looks.
pub(crate) fn turn(a: Vec2, b: Vec2, c: Vec2) -> f32 {
    (c - a).perp_dot(b - a)
}

/// Rows of samples inside a triangle; samples are at whole numbers. A sample on an edge that two triangles share
/// belongs to exactly one of them.
pub(crate) fn rows(corners: [Vec2; 3], area: &Area, mut row: impl FnMut(i32, i32, i32)) {
    let [mut a, mut b, mut c] = corners;
    if b.y < a.y {
        std::mem::swap(&mut a, &mut b);
    }
    if c.y < b.y {
        std::mem::swap(&mut b, &mut c);
        if b.y < a.y {
            std::mem::swap(&mut a, &mut b);
        }
    }
    let (first, last) = (ceiling(a.y).max(area.y0), ceiling(c.y).min(area.y1));
    if first >= last {
        return;
    }
    let long = (c.x - a.x) / (c.y - a.y);
    let upper = if b.y > a.y { (b.x - a.x) / (b.y - a.y) } else { 0.0 };
    let lower = if c.y > b.y { (c.x - b.x) / (c.y - b.y) } else { 0.0 };
    for y in first..last {
        let height = y as f32;
        let one = a.x + (height - a.y) * long;
        let other = if height < b.y { a.x + (height - a.y) * upper } else { b.x + (height - b.y) * lower };
        let (from, to) = if one < other { (one, other) } else { (other, one) };
        let (from, to) = (ceiling(from).max(area.x0), ceiling(to).min(area.x1));
        if from < to {
            row(y, from, to);
        }
    }
}

/// Whether some sample lies within the rectangle around a triangle: tiny ones often lie between samples.
pub(crate) fn may_cover(corners: [Vec2; 3]) -> bool {
    let [a, b, c] = corners;
    let (low, high) = (a.min(b).min(c), a.max(b).max(c));
    ceiling(low.y) as f32 <= high.y && ceiling(low.x) as f32 <= high.x
}

/// The whole number not below; calls nothing (see [`super::noise::floor`]).
fn ceiling(x: f32) -> i32 {
    let whole = x as i32;
    whole.saturating_add(i32::from(x > whole as f32))
}

/// Values that are linear over the picture.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slope<const N: usize> {
    origin: Vec2,
    at_origin: [f32; N],
    /// Change from one column to the next.
    pub(crate) across: [f32; N],
    down: [f32; N],
}

impl<const N: usize> Slope<N> {
    /// Through three corners that are not on one line.
    pub(crate) fn new(corners: [Vec2; 3], values: [[f32; N]; 3]) -> Slope<N> {
        let (p, q) = (corners[1] - corners[0], corners[2] - corners[0]);
        let scale = 1.0 / p.perp_dot(q);
        let (mut across, mut down) = ([0.0; N], [0.0; N]);
        for index in 0..N {
            let (dp, dq) = (values[1][index] - values[0][index], values[2][index] - values[0][index]);
            across[index] = (dp * q.y - dq * p.y) * scale;
            down[index] = (dq * p.x - dp * q.x) * scale;
        }
        Slope { origin: corners[0], at_origin: values[0], across, down }
    }

    /// At a sample.
    pub(crate) fn at(&self, x: i32, y: i32) -> [f32; N] {
        let (dx, dy) = (x as f32 - self.origin.x, y as f32 - self.origin.y);
        let mut values = self.at_origin;
        for (value, (across, down)) in values.iter_mut().zip(self.across.iter().zip(self.down)) {
            *value += across * dx + down * dy;
        }
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_triangles_fill_a_square_without_gap_or_overlap() {
        let corners = [Vec2::new(1.3, 2.0), Vec2::new(21.7, 2.5), Vec2::new(20.1, 19.0), Vec2::new(0.4, 17.2)];
        let mut hits = vec![0; 30 * 30];
        for triangle in [[0, 1, 2], [0, 2, 3]] {
            rows(triangle.map(|index| corners[index]), &Area::of_size(30, 30), |y, from, to| {
                (from..to).for_each(|x| hits[(y * 30 + x) as usize] += 1);
            });
        }
        let area = -0.5 * (turn(corners[0], corners[1], corners[2]) + turn(corners[0], corners[2], corners[3]));
        assert!(hits.iter().all(|&count| count <= 1));
        let sum = hits.iter().sum::<i32>() as f32;
        assert!((sum - area).abs() < 0.03 * area, "{sum} samples for an area of {area}");
    }

    #[test]
    fn a_slope_goes_through_its_corners() {
        let corners = [Vec2::new(1.0, 2.0), Vec2::new(9.0, 3.0), Vec2::new(4.0, 8.0)];
        let slope = Slope::new(corners, [[1.0], [5.0], [-3.0]]);
        assert!((slope.at(9, 3)[0] - 5.0).abs() < 1e-4 && (slope.at(4, 8)[0] + 3.0).abs() < 1e-4);
    }

    #[test]
    fn a_triangle_through_the_lens_is_cut_before_it() {
        let view = View::new(Vec3::ZERO, 0.0, 0.0, 90.0, (100, 100));
        let corner = |x: f32, z: f32| Corner { at: Vec3::new(x, 1.0, z), values: [z] };
        let mut drawn = 0;
        clip(&view, [corner(0.0, -1.0), corner(1.0, 2.0), corner(-1.0, 2.0)], |dots| {
            drawn += 1;
            assert!(dots.iter().all(|dot| dot.near > 0.0 && dot.values[0] > 0.14));
        });
        assert_eq!(drawn, 2);
        clip(&view, [corner(0.0, -1.0), corner(1.0, -2.0), corner(-1.0, -2.0)], |_| panic!("all behind"));
    }

    #[test]
    fn an_area_with_a_margin_has_even_borders() {
        let area = Area { x0: 3, y0: 0, x1: 7, y1: 10 };
        assert_eq!(area.even(1), Area { x0: 2, y0: -2, x1: 8, y1: 12 });
    }
}
