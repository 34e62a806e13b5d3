//! A decoded picture as it is borrowed from the decoder, and points and boxes in fractions of it (origin top left).
//! Getting pictures is the gateway's business; turning them into a tensor is `detect`'s.

use thiserror::Error;

/// Least width or height that is accepted, pixels: less is no picture, and interpolation wants a neighbour in chroma.
pub const MIN_SIDE_PX: u32 = 4;
/// Largest width or height that is accepted, pixels: beyond every camera, below every overflow.
pub const MAX_SIDE_PX: u32 = 16_384;
/// Width of a picture in its heights, for angles and distances on it. Most cameras are 16:9; on a 4:3 one an angle is
/// off by 8° at most.
pub(crate) const ASPECT: f32 = 16.0 / 9.0;

/// Three planes of one picture, 4:2:0, BT.601 limited range. The chroma planes have half the size, rounded up.
#[derive(Debug, Clone, Copy)]
pub struct I420<'a> {
    /// Width, pixels.
    pub width_px: u32,
    /// Height, pixels.
    pub height_px: u32,
    /// Luma plane.
    pub y: &'a [u8],
    /// Bytes from one luma row to the next.
    pub y_stride: usize,
    /// Blue-difference plane.
    pub u: &'a [u8],
    /// Bytes from one row of `u` to the next.
    pub u_stride: usize,
    /// Red-difference plane.
    pub v: &'a [u8],
    /// Bytes from one row of `v` to the next.
    pub v_stride: usize,
}

/// A picture whose planes do not hold what its size promises.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PictureError {
    /// Width or height is next to nothing or absurd.
    #[error(
        "read picture: {width_px}x{height_px} px is outside {MIN_SIDE_PX}–{MAX_SIDE_PX}; the stream is damaged or not video"
    )]
    Size {
        /// Width, pixels.
        width_px: u32,
        /// Height, pixels.
        height_px: u32,
    },
    /// A plane is too short, or its rows overlap.
    #[error(
        "read picture: plane {plane} has {len_bytes} bytes at stride {stride_bytes}, {need_bytes} are needed; the decoder's output is not I420"
    )]
    Plane {
        /// `y`, `u` or `v`.
        plane: char,
        /// Its length.
        len_bytes: usize,
        /// Its stride.
        stride_bytes: usize,
        /// The least length for this size and stride.
        need_bytes: usize,
    },
}

impl I420<'_> {
    /// Checks that every row of every plane lies within its slice.
    pub fn check(&self) -> Result<(), PictureError> {
        let (width_px, height_px) = (self.width_px, self.height_px);
        if !(MIN_SIDE_PX..=MAX_SIDE_PX).contains(&width_px) || !(MIN_SIDE_PX..=MAX_SIDE_PX).contains(&height_px) {
            return Err(PictureError::Size { width_px, height_px });
        }
        let (width, height) = (width_px as usize, height_px as usize);
        let chroma = (width.div_ceil(2), height.div_ceil(2));
        let planes = [
            ('y', self.y, self.y_stride, (width, height)),
            ('u', self.u, self.u_stride, chroma),
            ('v', self.v, self.v_stride, chroma),
        ];
        for (plane, bytes, stride_bytes, (columns, rows)) in planes {
            let need_bytes = stride_bytes.max(columns).saturating_mul(rows - 1).saturating_add(columns);
            if stride_bytes < columns || bytes.len() < need_bytes {
                return Err(PictureError::Plane { plane, len_bytes: bytes.len(), stride_bytes, need_bytes });
            }
        }
        Ok(())
    }
}

/// A point, fractions of the picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// From the left, 0–1.
    pub x: f32,
    /// From the top, 0–1.
    pub y: f32,
}

impl Point {
    /// The point at (x, y).
    pub const fn new(x: f32, y: f32) -> Self {
        Self { x, y }
    }

    /// The point at `part` (0–1) of the way to `to`.
    pub fn towards(self, to: Point, part: f32) -> Point {
        Point::new(self.x + (to.x - self.x) * part, self.y + (to.y - self.y) * part)
    }
}

/// A box, fractions of the picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rect {
    /// Left edge.
    pub x0: f32,
    /// Top edge.
    pub y0: f32,
    /// Right edge.
    pub x1: f32,
    /// Bottom edge.
    pub y1: f32,
}

impl Rect {
    /// The box with these edges.
    pub const fn new(x0: f32, y0: f32, x1: f32, y1: f32) -> Self {
        Self { x0, y0, x1, y1 }
    }

    /// The box of a size around a centre.
    pub fn around(centre: Point, width: f32, height: f32) -> Self {
        let (half_width, half_height) = (width / 2.0, height / 2.0);
        Self::new(centre.x - half_width, centre.y - half_height, centre.x + half_width, centre.y + half_height)
    }

    /// Width.
    pub fn width(&self) -> f32 {
        self.x1 - self.x0
    }

    /// Height.
    pub fn height(&self) -> f32 {
        self.y1 - self.y0
    }

    /// Area; 0 for an empty box.
    pub fn area(&self) -> f32 {
        self.width().max(0.0) * self.height().max(0.0)
    }

    /// Its middle.
    pub fn centre(&self) -> Point {
        Point::new((self.x0 + self.x1) / 2.0, (self.y0 + self.y1) / 2.0)
    }

    /// The middle of its lower edge: where the object stands, and what rules look at.
    pub fn bottom_centre(&self) -> Point {
        Point::new((self.x0 + self.x1) / 2.0, self.y1)
    }

    /// The part of it that lies in the picture.
    pub fn clipped(&self) -> Rect {
        let unit = |value: f32| value.clamp(0.0, 1.0);
        Rect::new(unit(self.x0), unit(self.y0), unit(self.x1), unit(self.y1))
    }

    /// Grown by `part` of its own size on every side.
    pub fn grown(&self, part: f32) -> Rect {
        let (dx, dy) = (self.width() * part, self.height() * part);
        Rect::new(self.x0 - dx, self.y0 - dy, self.x1 + dx, self.y1 + dy)
    }

    /// The smallest that holds both.
    pub fn hull(&self, other: &Rect) -> Rect {
        Rect::new(self.x0.min(other.x0), self.y0.min(other.y0), self.x1.max(other.x1), self.y1.max(other.y1))
    }

    /// Marks the cells that it reaches into, of a grid over the picture with so many columns, row by row.
    pub(crate) fn mark(&self, cells: &mut [bool], columns: usize) {
        let cell = |part: f32, count: usize| ((part.max(0.0) * count as f32) as usize).min(count - 1);
        let rows = cells.len() / columns;
        for row in cell(self.y0, rows)..=cell(self.y1, rows) {
            cells[row * columns + cell(self.x0, columns)..=row * columns + cell(self.x1, columns)].fill(true);
        }
    }

    /// Area that it has in common with another.
    pub fn shared(&self, other: &Rect) -> f32 {
        let width = self.x1.min(other.x1) - self.x0.max(other.x0);
        let height = self.y1.min(other.y1) - self.y0.max(other.y0);
        width.max(0.0) * height.max(0.0)
    }

    /// Intersection over union, 0–1.
    pub fn iou(&self, other: &Rect) -> f32 {
        let both = self.shared(other);
        if both > 0.0 { both / (self.area() + other.area() - both) } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_that_are_too_short_or_overlap_are_named() {
        let (y, c) = ([0u8; 20], [0u8; 6]);
        let picture = I420 { width_px: 5, height_px: 4, y: &y, y_stride: 5, u: &c, u_stride: 3, v: &c, v_stride: 3 };
        assert_eq!(picture.check(), Ok(()));
        let short = I420 { v: &c[..5], ..picture };
        assert!(matches!(short.check(), Err(PictureError::Plane { plane: 'v', need_bytes: 6, .. })));
        let overlapping = I420 { y_stride: 4, ..picture };
        assert!(matches!(overlapping.check(), Err(PictureError::Plane { plane: 'y', .. })));
        let empty = I420 { width_px: 0, ..picture };
        assert!(matches!(empty.check(), Err(PictureError::Size { .. })));
    }

    #[test]
    fn overlap_is_the_shared_part_of_the_union() {
        let a = Rect::new(0.0, 0.0, 0.2, 0.2);
        assert_eq!(a.iou(&a), 1.0);
        assert_eq!(a.iou(&Rect::new(0.2, 0.0, 0.4, 0.2)), 0.0);
        assert!((a.iou(&Rect::new(0.1, 0.0, 0.3, 0.2)) - 1.0 / 3.0).abs() < 1e-6);
    }
}
