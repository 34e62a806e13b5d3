//! Privacy masks: parts of a camera's picture that nothing may look at. They are painted black in a copy of the planes,
//! before anything else sees the picture, so that what is behind a mask can influence nothing; a camera without masks
//! is looked at where the decoder wrote it.

use thiserror::Error;

use crate::{
    picture::{I420, PictureError},
    rules::geometry::Zone,
};

/// Most masks of one camera.
const MASKS_MAX: usize = 32;
/// Black, BT.601 limited range.
const BLACK: u8 = 16;
const GREY: u8 = 128;
/// So many pixels around a mask are covered too: decoders and coders carry content a little beyond an edge.
const MARGIN_PX: f32 = 1.0;
/// Where a row of pixels is cut with a mask's border; a pixel that is touched at one of them is covered.
const CUTS: [f32; 5] = [-MARGIN_PX, 0.0, 0.5, 1.0, 1.0 + MARGIN_PX];

/// A mask that can't be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("mask {number}: {problem}; {next}")]
pub struct MaskError {
    /// Which one, from 1.
    pub number: usize,
    /// What is wrong.
    pub problem: String,
    /// What to do.
    pub next: String,
}

/// The masks of one camera, with room for one covered picture once there was one.
#[derive(Debug, Clone, Default)]
pub struct Mask {
    zones: Vec<Zone>,
    size_px: (u32, u32),
    /// What is covered of each row of luma, and of each row of chroma: from, to.
    luma: Vec<Vec<(usize, usize)>>,
    chroma: Vec<Vec<(usize, usize)>>,
    planes: [Vec<u8>; 3],
}

impl Mask {
    /// Reads polygons, in fractions of the picture from its top left.
    ///
    /// # Errors
    /// One of them crosses itself, has no area or lies outside; or there are too many.
    pub fn new(polygons: &[Vec<[f32; 2]>]) -> Result<Mask, MaskError> {
        if polygons.len() > MASKS_MAX {
            let problem = format!("there are {} masks", polygons.len());
            return Err(MaskError { number: MASKS_MAX + 1, problem, next: format!("keep to {MASKS_MAX}") });
        }
        let zone = |(index, corners): (usize, &Vec<[f32; 2]>)| {
            Zone::new(corners).map_err(|(problem, next)| MaskError { number: index + 1, problem, next })
        };
        let zones = polygons.iter().enumerate().map(zone).collect::<Result<_, _>>()?;
        Ok(Mask { zones, ..Mask::default() })
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.zones.is_empty()
    }

    /// Whether another covers the same.
    pub fn covers_as(&self, other: &Mask) -> bool {
        self.zones == other.zones
    }

    /// The picture with all masks black: a copy, or the picture itself where there are none.
    ///
    /// # Errors
    /// The planes do not hold what the size promises.
    pub fn cover<'a>(&'a mut self, picture: I420<'a>) -> Result<I420<'a>, PictureError> {
        if self.zones.is_empty() {
            return Ok(picture);
        }
        picture.check()?;
        let size_px = (picture.width_px, picture.height_px);
        if self.size_px != size_px {
            self.fit(size_px);
        }
        let (width, height) = (size_px.0 as usize, size_px.1 as usize);
        let chroma_px = (width.div_ceil(2), height.div_ceil(2));
        let [y, u, v] = &mut self.planes;
        copy(picture.y, picture.y_stride, (width, height), &self.luma, BLACK, y);
        copy(picture.u, picture.u_stride, chroma_px, &self.chroma, GREY, u);
        copy(picture.v, picture.v_stride, chroma_px, &self.chroma, GREY, v);
        let (y, u, v) = (self.planes[0].as_slice(), self.planes[1].as_slice(), self.planes[2].as_slice());
        Ok(I420 { y, y_stride: width, u, u_stride: chroma_px.0, v, v_stride: chroma_px.0, ..picture })
    }

    /// What is covered of pictures of a size.
    fn fit(&mut self, size_px: (u32, u32)) {
        let (width, height) = (size_px.0 as f32, size_px.1 as f32);
        self.size_px = size_px;
        let zones = &self.zones;
        let spans_of = |row: u32| {
            let cuts =
                CUTS.iter().flat_map(|cut| zones.iter().flat_map(move |zone| zone.spans((row as f32 + cut) / height)));
            let pixels = cuts.map(|(from, to)| {
                let (from, to) = (from * width - MARGIN_PX, to * width + MARGIN_PX);
                (from.floor().clamp(0.0, width) as usize, to.ceil().clamp(0.0, width) as usize)
            });
            joined(pixels.collect())
        };
        self.luma = (0..size_px.1).map(spans_of).collect();
        // A sample of chroma stands for two rows and columns: it is covered if one of its pixels is.
        self.chroma = self
            .luma
            .chunks(2)
            .map(|rows| joined(rows.iter().flatten().map(|&(from, to)| (from / 2, to.div_ceil(2))).collect()))
            .collect();
    }
}

/// Overlapping spans become one.
fn joined(mut spans: Vec<(usize, usize)>) -> Vec<(usize, usize)> {
    spans.sort_unstable();
    let mut all: Vec<(usize, usize)> = Vec::new();
    for (from, to) in spans {
        match all.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => all.push((from, to)),
        }
    }
    all
}

fn copy(
    from: &[u8],
    stride: usize,
    (width, height): (usize, usize),
    covered: &[Vec<(usize, usize)>],
    level: u8,
    to: &mut Vec<u8>,
) {
    to.resize(width * height, 0);
    for ((row, out), spans) in from.chunks(stride).zip(to.chunks_exact_mut(width)).zip(covered) {
        out.copy_from_slice(&row[..width]);
        for &(from, to) in spans {
            out[from..to].fill(level);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planes(size_px: (u32, u32), level: u8) -> [Vec<u8>; 3] {
        let chroma = size_px.0.div_ceil(2) as usize * size_px.1.div_ceil(2) as usize;
        [vec![level; size_px.0 as usize * size_px.1 as usize], vec![level; chroma], vec![level; chroma]]
    }

    fn picture(size_px: (u32, u32), planes: &[Vec<u8>; 3]) -> I420<'_> {
        let (y_stride, chroma) = (size_px.0 as usize, size_px.0.div_ceil(2) as usize);
        let [y, u, v] = planes;
        I420 { width_px: size_px.0, height_px: size_px.1, y, y_stride, u, u_stride: chroma, v, v_stride: chroma }
    }

    #[test]
    fn what_is_in_a_mask_is_black_and_what_is_well_outside_is_as_it_was() {
        let triangle = vec![[0.2, 0.2], [0.8, 0.25], [0.5, 0.9]];
        for size_px in [(64, 36), (65, 37), (640, 360), (5, 7)] {
            let zone = Zone::new(&triangle).expect("a zone");
            let mut mask = Mask::new(std::slice::from_ref(&triangle)).expect("a mask");
            let own = planes(size_px, 200);
            let covered = mask.cover(picture(size_px, &own)).expect("covered");
            let mut seen = 0;
            for row in 0..size_px.1 {
                for column in 0..size_px.0 {
                    let at = |dx: f32, dy: f32| {
                        let (x, y) = (column as f32 + dx, row as f32 + dy);
                        zone.contains(crate::picture::Point::new(x / size_px.0 as f32, y / size_px.1 as f32))
                    };
                    let luma = covered.y[row as usize * covered.y_stride + column as usize];
                    let chroma = row as usize / 2 * covered.u_stride + column as usize / 2;
                    let values = (luma, covered.u[chroma], covered.v[chroma]);
                    if [(0.0, 0.0), (0.5, 0.5), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)].iter().any(|&(x, y)| at(x, y)) {
                        assert_eq!(values, (BLACK, GREY, GREY), "{size_px:?} at {column}, {row}");
                    } else if luma != BLACK {
                        seen += 1;
                        assert_eq!(luma, 200);
                    }
                }
            }
            let share = f64::from(seen) / f64::from(size_px.0 * size_px.1);
            assert!(size_px.0 < 60 || share > 0.6, "{size_px:?}: {share} is left");
        }
    }

    #[test]
    fn without_masks_nothing_is_copied_and_a_wrong_one_is_named() {
        let own = planes((64, 36), 90);
        let mut none = Mask::new(&[]).expect("none");
        assert!(none.is_empty());
        let covered = none.cover(picture((64, 36), &own)).expect("covered");
        assert!(std::ptr::eq(covered.y, own[0].as_slice()));
        let square = vec![[0.1, 0.1], [0.5, 0.1], [0.5, 0.5], [0.1, 0.5]];
        let error = Mask::new(&[square.clone(), vec![[0.0, 0.0], [1.0, 1.0]]]).expect_err("two corners").to_string();
        assert!(error.contains("mask 2") && error.contains("2 corners"), "{error}");
        assert!(Mask::new(&vec![square; 33]).expect_err("too many").to_string().contains("33 masks"));
    }
}
