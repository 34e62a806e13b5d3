//! The picture into the tensor in one pass: bilinear resize, BT.601 limited range to RGB, normalisation, letterbox.
//!
//! Bilinear interpolation and the colour matrix are both linear, so interpolating Y, U and V and converting once gives
//! what converting every pixel and interpolating RGB gives, at a fraction of the work; only where a full-size pixel
//! would have been clamped do the two differ. Chroma counts as repeated (each sample stands for its 2×2 pixels).
//! Without antialiasing, as the models were trained (OpenCV's INTER_LINEAR). Tables are made once a picture size;
//! nothing is allocated for a picture. The golden-image test is `tests/preprocess.rs`.

use crate::picture::{I420, Point, Rect};

/// Where the picture goes in the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// Aspect kept, picture at the top left, the rest padded.
    TopLeft,
    /// Aspect kept, picture in the middle, the rest padded.
    Centred,
    /// The whole input, aspect not kept.
    Stretch,
}

/// Order of the tensor's colour planes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Red first.
    Rgb,
    /// Blue first.
    Bgr,
}

/// How a family wants its pictures. Colour values are 0–255 in the order of the tensor's planes.
#[derive(Debug, Clone, PartialEq)]
pub struct Preparation {
    /// Where the picture goes.
    pub fit: Fit,
    /// Order of the planes.
    pub order: Order,
    /// Subtracted from each plane.
    pub mean: [f32; 3],
    /// Each plane is divided by it.
    pub deviation: [f32; 3],
    /// Colour value of the padding, before normalisation.
    pub padding: f32,
}

/// Where the picture lies in the input, pixels: what leads a box back.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mapping {
    /// Left edge of the picture.
    pub left_px: u32,
    /// Top edge of the picture.
    pub top_px: u32,
    /// Width of the picture.
    pub width_px: u32,
    /// Height of the picture.
    pub height_px: u32,
}

impl Mapping {
    /// Where a picture of a size lies in an input of a size.
    pub fn new(picture_px: (u32, u32), input_px: (u32, u32), fit: Fit) -> Mapping {
        if fit == Fit::Stretch {
            return Mapping { left_px: 0, top_px: 0, width_px: input_px.0, height_px: input_px.1 };
        }
        let ratio =
            f64::min(f64::from(input_px.0) / f64::from(picture_px.0), f64::from(input_px.1) / f64::from(picture_px.1));
        // Truncated as YOLOX does; never empty, however flat the picture.
        let side = |pixels: u32, limit: u32| ((f64::from(pixels) * ratio + 1e-6) as u32).clamp(1, limit);
        let (width_px, height_px) = (side(picture_px.0, input_px.0), side(picture_px.1, input_px.1));
        let (left_px, top_px) = match fit {
            Fit::Centred => ((input_px.0 - width_px) / 2, (input_px.1 - height_px) / 2),
            Fit::TopLeft | Fit::Stretch => (0, 0),
        };
        Mapping { left_px, top_px, width_px, height_px }
    }

    /// A box in pixels of the input as a box in fractions of the picture.
    pub fn to_picture(&self, bbox: Rect) -> Rect {
        let point = |x: f32, y: f32| {
            Point::new(
                (x - self.left_px as f32) / self.width_px as f32,
                (y - self.top_px as f32) / self.height_px as f32,
            )
        };
        let (from, to) = (point(bbox.x0, bbox.y0), point(bbox.x1, bbox.y1));
        Rect::new(from.x, from.y, to.x, to.y)
    }
}

/// Weights are fixed-point with this many bits, as in OpenCV: 2 × 11 + 8 bits of a pixel fit 32.
const WEIGHT_BITS: u32 = 11;
const WEIGHT_ONE: i32 = 1 << WEIGHT_BITS;

/// A source position and the weight of the one after it; the position has the rest of `WEIGHT_ONE`.
#[derive(Debug, Clone, Copy)]
struct Tap {
    at: u32,
    weight: i32,
}

/// Tables for one picture size.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) picture_px: (u32, u32),
    pub(super) mapping: Mapping,
    columns: Vec<Tap>,
    /// Of the chroma planes: a sample stands for two columns.
    chroma_columns: Vec<Tap>,
    rows: Vec<Tap>,
    /// One interpolated row of Y, U and V.
    scratch: [Vec<i32>; 3],
}

impl Plan {
    /// For pictures of a size in an input of a size; writes the padding into `data`.
    pub(super) fn new(
        picture_px: (u32, u32),
        input_px: (u32, u32),
        preparation: &Preparation,
        data: &mut [f32],
    ) -> Plan {
        let plane = data.len() / 3;
        for (values, (mean, deviation)) in
            data.chunks_exact_mut(plane).zip(preparation.mean.iter().zip(&preparation.deviation))
        {
            values.fill((preparation.padding - mean) / deviation);
        }
        let mapping = Mapping::new(picture_px, input_px, preparation.fit);
        let columns = taps(picture_px.0, mapping.width_px);
        let row = vec![0; mapping.width_px as usize];
        Plan {
            picture_px,
            mapping,
            columns: columns.clone(),
            chroma_columns: columns.iter().map(|tap| halved(*tap, picture_px.0.div_ceil(2))).collect(),
            rows: taps(picture_px.1, mapping.height_px),
            scratch: [row.clone(), row.clone(), row],
        }
    }

    /// Writes a picture, which is of this size and was checked.
    pub(super) fn write(
        &mut self,
        picture: &I420<'_>,
        preparation: &Preparation,
        size_px: (u32, u32),
        data: &mut [f32],
    ) {
        let (width, plane) = (size_px.0 as usize, data.len() / 3);
        let (left, columns) = (self.mapping.left_px as usize, self.columns.len());
        let (luma_px, chroma_px) = (self.picture_px.0 as usize, (self.picture_px.0 as usize).div_ceil(2));
        let sources = [
            (picture.y, picture.y_stride, luma_px, 1, &self.columns),
            (picture.u, picture.u_stride, chroma_px, 2, &self.chroma_columns),
            (picture.v, picture.v_stride, chroma_px, 2, &self.chroma_columns),
        ];
        let colours = colours(preparation.order);
        for (row, tap) in self.rows.iter().enumerate() {
            let at = tap.at as usize;
            for ((bytes, stride, pixels, repeated, columns), out) in sources.iter().zip(&mut self.scratch) {
                let line = |row: usize| &bytes[row / repeated * stride..][..*pixels];
                blend(line(at), line(at + 1), columns, tap.weight, out);
            }
            let from = (self.mapping.top_px as usize + row) * width + left;
            for (index, matrix) in colours.iter().enumerate() {
                let out = &mut data[index * plane + from..][..columns];
                convert(&self.scratch, matrix, preparation.mean[index], preparation.deviation[index], out);
            }
        }
    }
}

/// Pixel centres are aligned (`(i + 0.5) · source / target − 0.5`) and the border repeats, as in OpenCV. The last
/// position is said as the one before it with the full weight on the next, so that a next one always exists.
fn taps(source: u32, target: u32) -> Vec<Tap> {
    let last = source - 1;
    let scale = f64::from(source) / f64::from(target);
    (0..target)
        .map(|index| {
            let position = ((f64::from(index) + 0.5) * scale - 0.5).clamp(0.0, f64::from(last));
            let at = (position as u32).min(last - 1);
            Tap { at, weight: ((position - f64::from(at)) * f64::from(WEIGHT_ONE)).round() as i32 }
        })
        .collect()
}

/// The same tap in a plane of half as many samples, each repeated.
fn halved(tap: Tap, samples: u32) -> Tap {
    let (first, second) = (tap.at / 2, tap.at.div_ceil(2));
    let at = first.min(samples - 2);
    let weight = if first != second { tap.weight } else { 0 };
    Tap { at, weight: if first == at { weight } else { WEIGHT_ONE } }
}

/// One row of one plane, interpolated from two, with `2 · WEIGHT_BITS` bits of fraction. Wrapping arithmetic, because
/// the profile checks the other kind, which takes time; nothing wraps: differences have 9 and 20 bits, products 20 and
/// 31, all with their sign.
fn blend(top: &[u8], bottom: &[u8], columns: &[Tap], weight: i32, out: &mut [i32]) {
    // One length for both rows lets the compiler check a position once for the two.
    let length = top.len().min(bottom.len());
    let (top, bottom) = (&top[..length], &bottom[..length]);
    let along = |left: u8, right: u8, weight: i32| {
        let (left, right) = (i32::from(left), i32::from(right));
        (left << WEIGHT_BITS).wrapping_add(right.wrapping_sub(left).wrapping_mul(weight))
    };
    for (value, tap) in out.iter_mut().zip(columns) {
        let at = tap.at as usize;
        let next = at.wrapping_add(1);
        let above = along(top[at], top[next], tap.weight);
        let below = along(bottom[at], bottom[next], tap.weight);
        *value = (above << WEIGHT_BITS).wrapping_add(below.wrapping_sub(above).wrapping_mul(weight));
    }
}

/// BT.601 limited range to 0–255 (ITU-R BT.601-7, 2.5): what Y, U and V give to red, green and blue.
const MATRIX: [[f32; 3]; 3] =
    [[255.0 / 219.0, 0.0, 1.596_027], [255.0 / 219.0, -0.391_762, -0.812_968], [255.0 / 219.0, 2.017_232, 0.0]];

/// Which rows of the matrix the tensor's planes are.
fn colours(order: Order) -> [&'static [f32; 3]; 3] {
    let [red, green, blue] = &MATRIX;
    if order == Order::Rgb { [red, green, blue] } else { [blue, green, red] }
}

/// One row of one colour, normalised. Plane by plane and not pixel by pixel, so that it becomes vector instructions.
fn convert(levels: &[Vec<i32>; 3], matrix: &[f32; 3], mean: f32, deviation: f32, out: &mut [f32]) {
    const LEVEL: f32 = 1.0 / (WEIGHT_ONE * WEIGHT_ONE) as f32;
    let [luma, blue, red] = levels;
    let [by_luma, by_blue, by_red] = matrix.map(|factor| factor * LEVEL);
    let zero = -(16.0 * matrix[0] + 128.0 * (matrix[1] + matrix[2]));
    let scale = 1.0 / deviation;
    for (value, ((&y, &u), &v)) in out.iter_mut().zip(luma.iter().zip(blue).zip(red)) {
        let level = y as f32 * by_luma + (u as f32 * by_blue + v as f32 * by_red) + zero;
        *value = (level.clamp(0.0, 255.0) - mean) * scale;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_finds_its_way_back_from_every_fit() {
        for fit in [Fit::TopLeft, Fit::Centred, Fit::Stretch] {
            for picture_px in [(768, 432), (1080, 1920), (33, 17)] {
                let mapping = Mapping::new(picture_px, (416, 416), fit);
                let (left, top) = (mapping.left_px as f32, mapping.top_px as f32);
                let (width, height) = (mapping.width_px as f32, mapping.height_px as f32);
                let there = Rect::new(left, top + height / 2.0, left + width / 4.0, top + height);
                assert_eq!(mapping.to_picture(there), Rect::new(0.0, 0.5, 0.25, 1.0));
                assert!(mapping.left_px + mapping.width_px <= 416 && mapping.top_px + mapping.height_px <= 416);
            }
        }
        let flat = Mapping::new((16_384, 1), (416, 416), Fit::TopLeft);
        assert_eq!((flat.width_px, flat.height_px), (416, 1));
    }
}
