//! The picture into the tensor in one pass: bilinear resize, BT.601 limited range to RGB, normalisation, letterbox.
//!
//! Bilinear interpolation and the colour matrix are both linear, so interpolating Y, U and V and converting once gives
//! what converting every pixel and interpolating RGB gives, at a fraction of the work; only where a full-size pixel
//! would have been clamped do the two differ. Chroma counts as repeated (each sample stands for its 2×2 pixels).
//! Without antialiasing, as the models were trained (OpenCV's INTER_LINEAR). Tables are made once a picture size;
//! nothing is allocated for a picture. The golden-image test is `tests/preprocess.rs`.

use crate::picture::{I420, PictureError, Point, Rect};

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

/// The input of a model, planes of `f32`, with the tables for the picture size that it saw last.
#[derive(Debug, Clone)]
pub struct Tensor {
    size_px: (u32, u32),
    preparation: &'static Preparation,
    data: Vec<f32>,
    plan: Option<Plan>,
}

impl Tensor {
    /// An empty tensor of an input's width and height.
    pub fn new(size_px: (u32, u32), preparation: &'static Preparation) -> Tensor {
        let values = 3 * size_px.0 as usize * size_px.1 as usize;
        Tensor { size_px, preparation, data: vec![0.0; values], plan: None }
    }

    /// Width and height, pixels.
    pub fn size_px(&self) -> (u32, u32) {
        self.size_px
    }

    /// Three planes, row-major.
    pub fn data(&self) -> &[f32] {
        &self.data
    }

    /// Where the last picture lies; none before the first.
    pub fn mapping(&self) -> Option<Mapping> {
        self.plan.as_ref().map(|plan| plan.mapping)
    }

    /// Writes a picture.
    pub fn prepare(&mut self, picture: &I420<'_>) -> Result<(), PictureError> {
        picture.check()?;
        let picture_px = (picture.width_px, picture.height_px);
        if self.plan.as_ref().is_none_or(|plan| plan.picture_px != picture_px) {
            self.pad();
            self.plan = Some(Plan::new(picture_px, self.size_px, self.preparation.fit));
        }
        let plan = self.plan.as_mut().expect("made above");
        plan.write(picture, self.preparation, self.size_px, &mut self.data);
        Ok(())
    }

    /// The padding stays from picture to picture: only a new size writes it.
    fn pad(&mut self) {
        let plane = self.data.len() / 3;
        for (values, (mean, deviation)) in
            self.data.chunks_exact_mut(plane).zip(self.preparation.mean.iter().zip(&self.preparation.deviation))
        {
            values.fill((self.preparation.padding - mean) / deviation);
        }
    }
}

/// Weights are fixed-point with this many bits, as in OpenCV: 2 × 11 + 8 bits of a pixel fit 32.
const WEIGHT_BITS: u32 = 11;
const WEIGHT_ONE: u32 = 1 << WEIGHT_BITS;

/// Which two source positions make one target position.
#[derive(Debug, Clone, Copy)]
struct Tap {
    first: u32,
    second: u32,
    /// Of the second; the first has the rest of `WEIGHT_ONE`.
    weight: u32,
}

#[derive(Debug, Clone)]
struct Plan {
    picture_px: (u32, u32),
    mapping: Mapping,
    columns: Vec<Tap>,
    rows: Vec<Tap>,
    /// One interpolated row of Y, U and V.
    scratch: [Vec<f32>; 3],
}

impl Plan {
    fn new(picture_px: (u32, u32), input_px: (u32, u32), fit: Fit) -> Plan {
        let mapping = Mapping::new(picture_px, input_px, fit);
        let row = vec![0.0; mapping.width_px as usize];
        Plan {
            picture_px,
            mapping,
            columns: taps(picture_px.0, mapping.width_px),
            rows: taps(picture_px.1, mapping.height_px),
            scratch: [row.clone(), row.clone(), row],
        }
    }

    fn write(&mut self, picture: &I420<'_>, preparation: &Preparation, size_px: (u32, u32), data: &mut [f32]) {
        let (width, plane) = (size_px.0 as usize, data.len() / 3);
        let (left, columns) = (self.mapping.left_px as usize, self.columns.len());
        let (luma_px, chroma_px) = (self.picture_px.0 as usize, (self.picture_px.0 as usize).div_ceil(2));
        let [luma, blue, red] = &mut self.scratch;
        let (planes_0, rest) = data.split_at_mut(plane);
        let (planes_1, planes_2) = rest.split_at_mut(plane);
        let colours = Colours::new(preparation);
        for (row, tap) in self.rows.iter().enumerate() {
            let (first, second) = (tap.first as usize, tap.second as usize);
            let line = |plane, stride, row, pixels| -> &[u8] { &row_of(plane, stride, row)[..pixels] };
            blend::<0>(
                line(picture.y, picture.y_stride, first, luma_px),
                line(picture.y, picture.y_stride, second, luma_px),
                &self.columns,
                tap.weight,
                luma,
            );
            for (bytes, stride, out) in
                [(picture.u, picture.u_stride, &mut *blue), (picture.v, picture.v_stride, &mut *red)]
            {
                blend::<1>(
                    line(bytes, stride, first / 2, chroma_px),
                    line(bytes, stride, second / 2, chroma_px),
                    &self.columns,
                    tap.weight,
                    out,
                );
            }
            let from = (self.mapping.top_px as usize + row) * width + left;
            let span = from..from + columns;
            let out = [&mut planes_0[span.clone()], &mut planes_1[span.clone()], &mut planes_2[span]];
            colours.convert(luma, blue, red, preparation.order, out);
        }
    }
}

fn row_of(plane: &[u8], stride: usize, row: usize) -> &[u8] {
    &plane[row * stride..]
}

/// Pixel centres are aligned (`(i + 0.5) · source / target − 0.5`) and the border repeats, as in OpenCV.
fn taps(source: u32, target: u32) -> Vec<Tap> {
    let last = source - 1;
    let scale = f64::from(source) / f64::from(target);
    (0..target)
        .map(|index| {
            let position = ((f64::from(index) + 0.5) * scale - 0.5).clamp(0.0, f64::from(last));
            let first = position as u32;
            let weight = ((position - f64::from(first)) * f64::from(WEIGHT_ONE)).round() as u32;
            Tap { first, second: (first + 1).min(last), weight }
        })
        .collect()
}

/// One row of one plane, interpolated from two. `HALVED` is 1 for chroma, whose columns are half as many.
fn blend<const HALVED: u32>(top: &[u8], bottom: &[u8], columns: &[Tap], weight: u32, out: &mut [f32]) {
    const SCALE: f32 = 1.0 / (WEIGHT_ONE * WEIGHT_ONE) as f32;
    // One length for both rows lets the compiler check a position once for the two.
    let length = top.len().min(bottom.len());
    let (top, bottom) = (&top[..length], &bottom[..length]);
    let (upper, lower) = (WEIGHT_ONE - weight, weight);
    for (value, tap) in out.iter_mut().zip(columns) {
        let (first, second) = ((tap.first >> HALVED) as usize, (tap.second >> HALVED) as usize);
        let (left, right) = (WEIGHT_ONE - tap.weight, tap.weight);
        let above = u32::from(top[first]) * left + u32::from(top[second]) * right;
        let below = u32::from(bottom[first]) * left + u32::from(bottom[second]) * right;
        // At most 255 · 2²², so it fits an i32 too, from which the conversion to f32 is one instruction.
        *value = (above * upper + below * lower).cast_signed() as f32 * SCALE;
    }
}

/// BT.601 limited range to 0–255 (ITU-R BT.601-7, 2.5), then normalisation, as factors and offsets a plane.
struct Colours {
    scale: [f32; 3],
    offset: [f32; 3],
}

impl Colours {
    fn new(preparation: &Preparation) -> Colours {
        let mut colours = Colours { scale: [0.0; 3], offset: [0.0; 3] };
        for plane in 0..3 {
            colours.scale[plane] = 1.0 / preparation.deviation[plane];
            colours.offset[plane] = -preparation.mean[plane] / preparation.deviation[plane];
        }
        colours
    }

    fn convert(&self, luma: &[f32], blue: &[f32], red: &[f32], order: Order, out: [&mut [f32]; 3]) {
        let [first, middle, last] = out;
        let (red_out, blue_out, r, b) = match order {
            Order::Rgb => (first, last, 0, 2),
            Order::Bgr => (last, first, 2, 0),
        };
        let levels = luma.iter().zip(blue).zip(red);
        let planes = red_out.iter_mut().zip(middle.iter_mut()).zip(blue_out.iter_mut());
        for (((&y, &u), &v), ((red, green), blue)) in levels.zip(planes) {
            let (y, u, v) = ((y - 16.0) * (255.0 / 219.0), u - 128.0, v - 128.0);
            *red = (y + 1.596_027 * v).clamp(0.0, 255.0) * self.scale[r] + self.offset[r];
            *green = (y - 0.391_762 * u - 0.812_968 * v).clamp(0.0, 255.0) * self.scale[1] + self.offset[1];
            *blue = (y + 2.017_232 * u).clamp(0.0, 255.0) * self.scale[b] + self.offset[b];
        }
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
