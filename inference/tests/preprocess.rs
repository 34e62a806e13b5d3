//! The golden-image test: the fused pass against a reference that shares no code with it, which converts every pixel
//! to RGB, resizes the RGB picture bilinearly in `f64` and normalises it.
//!
//! Tolerance: 0.6 of 255 levels. Fixed-point weights of 11 bits cost up to 0.13 levels on each of Y, U and V, and the
//! matrix multiplies U by up to 2.02. Where colours are out of range (no camera makes them, random planes do) the two
//! differ by design, since the reference clamps before it interpolates; random planes are kept in range here.

use yiwang_inference::{
    detect::{
        Preparation, Tensor,
        preprocess::{Fit, Order},
    },
    picture::I420,
};

const TOLERANCE_LEVELS: f64 = 0.6;

static TOP_LEFT_BGR: Preparation =
    Preparation { fit: Fit::TopLeft, order: Order::Bgr, mean: [0.0; 3], deviation: [1.0; 3], padding: 114.0 };
static CENTRED_RGB: Preparation = Preparation {
    fit: Fit::Centred,
    order: Order::Rgb,
    mean: [123.675, 116.28, 103.53],
    deviation: [58.395, 57.12, 57.375],
    padding: 0.0,
};
static STRETCH_RGB: Preparation = Preparation {
    fit: Fit::Stretch,
    order: Order::Rgb,
    mean: [123.675, 116.28, 103.53],
    deviation: [58.395, 57.12, 57.375],
    padding: 0.0,
};

/// Planes with rows longer than the picture; what lies beyond a row is poison that would show.
struct Planes {
    width: usize,
    height: usize,
    strides: [usize; 3],
    planes: [Vec<u8>; 3],
}

impl Planes {
    fn random(width: usize, height: usize, extra: usize, seed: u64) -> Planes {
        let mut state = seed;
        let mut random = |from: u8, to: u8| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            from + ((state >> 33) % u64::from(to - from)) as u8
        };
        let chroma = (width.div_ceil(2), height.div_ceil(2));
        let mut plane = |(columns, rows): (usize, usize), stride: usize, from: u8, to: u8| {
            let mut bytes = vec![255; stride * rows];
            for row in bytes.chunks_exact_mut(stride) {
                row[..columns].iter_mut().for_each(|value| *value = random(from, to));
            }
            bytes.truncate(stride * (rows - 1) + columns);
            bytes
        };
        let strides = [width + extra, chroma.0 + extra / 2, chroma.0 + extra];
        // With Y of 80–180 and chroma within 26 of grey, every pixel is within 0–255 in all three colours.
        let planes = [
            plane((width, height), strides[0], 80, 180),
            plane(chroma, strides[1], 102, 154),
            plane(chroma, strides[2], 102, 154),
        ];
        Planes { width, height, strides, planes }
    }

    fn picture(&self) -> I420<'_> {
        I420 {
            width_px: self.width as u32,
            height_px: self.height as u32,
            y: &self.planes[0],
            y_stride: self.strides[0],
            u: &self.planes[1],
            u_stride: self.strides[1],
            v: &self.planes[2],
            v_stride: self.strides[2],
        }
    }

    /// Red, green, blue of one pixel, BT.601 limited range from its definition by Kr and Kb.
    fn rgb(&self, x: usize, y: usize) -> [f64; 3] {
        let (kr, kb) = (0.299, 0.114);
        let at = |plane: usize, x: usize, y: usize| f64::from(self.planes[plane][y * self.strides[plane] + x]);
        let luma = (at(0, x, y) - 16.0) / 219.0;
        let (pb, pr) = ((at(1, x / 2, y / 2) - 128.0) / 224.0, (at(2, x / 2, y / 2) - 128.0) / 224.0);
        let (red, blue) = (luma + 2.0 * (1.0 - kr) * pr, luma + 2.0 * (1.0 - kb) * pb);
        let green = (luma - kr * red - kb * blue) / (1.0 - kr - kb);
        [red, green, blue].map(|value| (value * 255.0).clamp(0.0, 255.0))
    }
}

/// Where the picture lies: left, top, width, height.
fn place(planes: &Planes, input: (usize, usize), fit: Fit) -> (usize, usize, usize, usize) {
    if fit == Fit::Stretch {
        return (0, 0, input.0, input.1);
    }
    let ratio = f64::min(input.0 as f64 / planes.width as f64, input.1 as f64 / planes.height as f64);
    let (width, height) =
        ((planes.width as f64 * ratio + 1e-6).floor() as usize, (planes.height as f64 * ratio + 1e-6).floor() as usize);
    match fit {
        Fit::Centred => ((input.0 - width) / 2, (input.1 - height) / 2, width, height),
        _ => (0, 0, width, height),
    }
}

fn reference(planes: &Planes, input: (usize, usize), preparation: &Preparation) -> Vec<f64> {
    let (left, top, width, height) = place(planes, input, preparation.fit);
    let order = if preparation.order == Order::Rgb { [0, 1, 2] } else { [2, 1, 0] };
    let mut out = Vec::new();
    for (plane, colour) in order.into_iter().enumerate() {
        for y in 0..input.1 {
            for x in 0..input.0 {
                let inside = (left..left + width).contains(&x) && (top..top + height).contains(&y);
                let level = if inside {
                    bilinear(planes, x - left, y - top, width, height)[colour]
                } else {
                    f64::from(preparation.padding)
                };
                out.push((level - f64::from(preparation.mean[plane])) / f64::from(preparation.deviation[plane]));
            }
        }
    }
    out
}

fn bilinear(planes: &Planes, x: usize, y: usize, width: usize, height: usize) -> [f64; 3] {
    let source = |index: usize, from: usize, to: usize| {
        ((index as f64 + 0.5) * from as f64 / to as f64 - 0.5).clamp(0.0, (from - 1) as f64)
    };
    let (sx, sy) = (source(x, planes.width, width), source(y, planes.height, height));
    let (x0, y0) = (sx.floor() as usize, sy.floor() as usize);
    let (x1, y1) = ((x0 + 1).min(planes.width - 1), (y0 + 1).min(planes.height - 1));
    let (wx, wy) = (sx - sx.floor(), sy - sy.floor());
    let corners = [planes.rgb(x0, y0), planes.rgb(x1, y0), planes.rgb(x0, y1), planes.rgb(x1, y1)];
    let weights = [(1.0 - wx) * (1.0 - wy), wx * (1.0 - wy), (1.0 - wx) * wy, wx * wy];
    [0, 1, 2].map(|colour| corners.iter().zip(weights).map(|(corner, weight)| corner[colour] * weight).sum())
}

#[test]
fn the_fused_pass_is_the_plain_one_within_the_tolerance() {
    let sizes = [(1920, 1080), (768, 432), (704, 576), (417, 233), (4, 4), (5, 7), (31, 97), (33, 32), (1080, 607)];
    for (index, (width, height)) in sizes.into_iter().enumerate() {
        for (extra, input, preparation) in [
            (0, (416, 416), &TOP_LEFT_BGR),
            (37, (320, 320), &CENTRED_RGB),
            (64, (320, 320), &STRETCH_RGB),
            (6, (96, 64), &CENTRED_RGB),
        ] {
            let planes = Planes::random(width, height, extra, index as u64 + 1);
            let mut tensor = Tensor::new((input.0 as u32, input.1 as u32), preparation);
            tensor.prepare(&planes.picture(), 0).unwrap();
            let expected = reference(&planes, input, preparation);
            assert_eq!(tensor.data().len(), expected.len());
            let plane = input.0 * input.1;
            for (at, (have, want)) in tensor.data().iter().zip(&expected).enumerate() {
                let levels = (f64::from(*have) - want).abs() * f64::from(preparation.deviation[at / plane]);
                assert!(
                    levels <= TOLERANCE_LEVELS,
                    "{width}x{height} +{extra} → {input:?} {:?}: {levels} levels at plane {}, x {}, y {}",
                    preparation.fit,
                    at / plane,
                    at % input.0,
                    at % plane / input.0
                );
            }
        }
    }
}

#[test]
fn a_tensor_that_saw_another_size_before_has_no_trace_of_it() {
    let (wide, tall) = (Planes::random(640, 360, 0, 5), Planes::random(360, 640, 0, 6));
    let mut used = Tensor::new((96, 96), &CENTRED_RGB);
    used.prepare(&wide.picture(), 0).unwrap();
    used.prepare(&tall.picture(), 0).unwrap();
    let mut fresh = Tensor::new((96, 96), &CENTRED_RGB);
    fresh.prepare(&tall.picture(), 0).unwrap();
    assert_eq!(used.data(), fresh.data());
}

#[test]
fn a_truncated_picture_is_an_error_and_not_a_crash() {
    let planes = Planes::random(64, 48, 0, 1);
    let short = I420 { y: &planes.planes[0][..100], ..planes.picture() };
    assert!(Tensor::new((96, 96), &CENTRED_RGB).prepare(&short, 0).is_err());
}

#[test]
#[ignore = "a figure for people: how long the pass takes on this machine"]
#[allow(clippy::print_stderr, reason = "the figure that the test is about")]
fn time_of_the_fused_pass() {
    for (width, height) in [(1920, 1080), (768, 432), (704, 576)] {
        let planes = Planes::random(width, height, 0, 1);
        let mut tensor = Tensor::new((416, 416), &TOP_LEFT_BGR);
        let mut times_us: Vec<u128> = (0..200)
            .map(|_| {
                let start = std::time::Instant::now();
                tensor.prepare(&planes.picture(), 0).unwrap();
                start.elapsed().as_micros()
            })
            .collect();
        times_us.sort_unstable();
        eprintln!("{width}x{height} → 416x416: median {} µs, least {} µs", times_us[100], times_us[0]);
    }
}
