//! Luma and change against a reference that shares no code with them: each pixel of the input is the mean, in `f64`,
//! of the source area under it.
//!
//! Tolerance: 1.2 of 219 levels on noise of a hundred levels, the worst that a picture can be; weights of 7 and 8 bits
//! cost that much there, and nothing on an even area.

#![allow(clippy::unwrap_used, reason = "tests")]

use yiwang_inference::{
    detect::{Detection, Input, Tensor},
    picture::{I420, Rect},
};

const TOLERANCE_LEVELS: f64 = 1.2;
const INPUT: (usize, usize) = (384, 224);

/// A picture of luma with rows longer than it; what lies beyond a row is poison that would show.
struct Luma {
    width: usize,
    height: usize,
    stride: usize,
    y: Vec<u8>,
    chroma: Vec<u8>,
}

impl Luma {
    fn of(width: usize, height: usize, extra: usize, level: impl Fn(usize, usize) -> u8) -> Luma {
        let stride = width + extra;
        let y = (0..stride * height).map(|at| if at % stride < width { level(at % stride, at / stride) } else { 255 });
        Luma { width, height, stride, y: y.collect(), chroma: vec![128; width.div_ceil(2) * height.div_ceil(2)] }
    }

    fn noise(width: usize, height: usize, extra: usize, seed: u32) -> Luma {
        Luma::of(width, height, extra, |x, y| 80 + (hash(seed, x, y) % 100) as u8)
    }

    fn picture(&self) -> I420<'_> {
        I420 {
            width_px: self.width as u32,
            height_px: self.height as u32,
            y: &self.y,
            y_stride: self.stride,
            u: &self.chroma,
            u_stride: self.width.div_ceil(2),
            v: &self.chroma,
            v_stride: self.width.div_ceil(2),
        }
    }

    /// Mean of the source area under a pixel of a picture shrunk to `width`×`height`.
    fn mean(&self, x: usize, y: usize, width: usize, height: usize) -> f64 {
        let span = |index: usize, from: usize, to: usize| {
            let scale = from as f64 / to as f64;
            (index as f64 * scale, (index + 1) as f64 * scale)
        };
        let ((x0, x1), (y0, y1)) = (span(x, self.width, width), span(y, self.height, height));
        let (mut sum, mut area) = (0.0, 0.0);
        for row in y0 as usize..(y1.ceil() as usize).min(self.height) {
            for column in x0 as usize..(x1.ceil() as usize).min(self.width) {
                let part = |at: usize, from: f64, to: f64| ((at + 1) as f64).min(to) - (at as f64).max(from);
                let share = (part(row, y0, y1) * part(column, x0, x1)).max(0.0);
                sum += share * f64::from(self.y[row * self.stride + column]);
                area += share;
            }
        }
        sum / area
    }
}

fn hash(seed: u32, x: usize, y: usize) -> u32 {
    let mixed =
        (x as u32).wrapping_mul(0x9E37_79B1) ^ (y as u32).wrapping_mul(0x85EB_CA77) ^ seed.wrapping_mul(0xC2B2_AE3D);
    (mixed ^ (mixed >> 15)).wrapping_mul(0x2C1B_3C6D) >> 12
}

fn prepared(luma: &Luma) -> Tensor {
    let mut tensor = Tensor::new_luma_and_change((INPUT.0 as u32, INPUT.1 as u32));
    tensor.prepare(&luma.picture(), 0).unwrap();
    tensor
}

#[test]
fn luma_is_the_mean_of_the_area_at_every_usual_size() {
    for (width, height, extra) in [
        (1920, 1080, 0),
        (640, 360, 32),
        (768, 432, 0),
        (704, 576, 3),
        (1280, 720, 16),
        (333, 187, 1),
        (320, 180, 0),
        (576, 1024, 0),
        (3840, 2160, 0),
    ] {
        let luma = Luma::noise(width, height, extra, 7);
        let tensor = prepared(&luma);
        let mapping = tensor.mapping().unwrap();
        let (wide, tall) = (mapping.width_px as usize, mapping.height_px as usize);
        assert!(mapping.left_px == 0 && mapping.top_px == 0 && (wide == INPUT.0 || tall == INPUT.1));
        let data = tensor.data();
        let (have, change) = data.split_at(INPUT.0 * INPUT.1);
        assert_eq!(change.len(), have.len());
        assert!(change.iter().all(|&change| change == 0.0), "the first picture is the background");
        for (at, &have) in have.iter().enumerate() {
            let (x, y) = (at % INPUT.0, at / INPUT.0);
            let inside = x < wide && y < tall;
            let want = if inside { (luma.mean(x, y, wide, tall) - 16.0) / 219.0 } else { 0.5 };
            let levels = (f64::from(have) - want).abs() * 219.0;
            assert!(levels <= TOLERANCE_LEVELS, "{width}x{height} +{extra}: {levels} levels at {x}, {y}");
        }
    }
}

#[test]
fn an_even_picture_is_even_and_black_and_white_are_the_ends() {
    for (level, want) in [(0u8, 0.0), (16, 0.0), (126, 110.0 / 219.0), (235, 1.0), (255, 1.0)] {
        let tensor = prepared(&Luma::of(1366, 768, 0, |_, _| level));
        let (inside, data) = (384 * 215, tensor.data());
        assert!(data[..inside].iter().all(|&luma| luma == data[0]), "{level}");
        assert!((data[0] - want).abs() < 1e-6, "{level}: {}", data[0]);
    }
}

#[test]
fn what_moves_is_in_the_second_plane_and_nothing_else() {
    let scene = |object: bool| {
        Luma::of(640, 360, 0, move |x, y| {
            let inside = (100..150).contains(&x) && (200..300).contains(&y);
            if object && inside { 200 } else { 60 + (x / 8 % 20) as u8 }
        })
    };
    let (empty, full) = (scene(false), scene(true));
    let mut tensor = prepared(&empty);
    tensor.prepare(&full.picture(), 200_000).unwrap();
    let change = tensor.data()[384 * 224..].to_vec();
    for (at, &change) in change.iter().enumerate() {
        let (x, y) = (at % 384, at / 384);
        // The object's edges lie at 60 and 90, 120 and 180 of the input.
        let (well_inside, outside) =
            ((60..90).contains(&x) && (120..180).contains(&y), !(59..91).contains(&x) || !(119..181).contains(&y));
        assert!(!well_inside || (change - 0.6).abs() < 0.1, "{change} at {x}, {y}");
        assert!(!outside || change == 0.0, "{change} at {x}, {y}");
    }
    tensor.forget();
    tensor.prepare(&full.picture(), 400_000).unwrap();
    assert!(tensor.data()[384 * 224..].iter().all(|&change| change == 0.0), "another stream has another background");
}

/// Somebody comes after ten seconds, stands for so long, and goes; the model finds him with that score. Told is the change in
/// his middle while he last stands there, and in the first picture without him.
fn stood_for(seconds: i64, score: f32) -> (f32, f32) {
    let scene = |there: bool| {
        Luma::of(640, 360, 0, move |x, y| {
            if there && (100..150).contains(&x) && (200..300).contains(&y) { 200 } else { 60 + (x / 8 % 20) as u8 }
        })
    };
    let (empty, full) = (scene(false), scene(true));
    let bbox = Rect::new(100.0 / 640.0, 200.0 / 360.0, 150.0 / 640.0, 300.0 / 360.0);
    let mut tensor = prepared(&empty);
    let middle = |tensor: &Tensor| tensor.data()[384 * 224 + 150 * 384 + 75];
    let mut last = 0.0;
    for step in 1..=(10 + seconds) * 5 {
        let there = step > 50;
        tensor.prepare(&if there { &full } else { &empty }.picture(), step * 200_000).unwrap();
        last = middle(&tensor);
        tensor.found(&if there { vec![Detection { bbox, class: 0, score }] } else { vec![] });
    }
    tensor.prepare(&empty.picture(), (10 + seconds) * 1_000_000 + 200_000).unwrap();
    (last, middle(&tensor))
}

#[test]
fn whom_the_model_is_sure_of_is_not_taken_for_background_for_a_minute() {
    let (there, gone) = stood_for(50, 0.8);
    assert!((there - 0.6).abs() < 0.1 && gone == 0.0, "he does not fade, and leaves nothing behind: {there}, {gone}");
    let (there, gone) = stood_for(50, 0.3);
    assert!(there < 0.45 && gone < -0.15, "of whom it is not sure he does: {there}, {gone}");
    let (there, gone) = stood_for(150, 0.8);
    assert!(there < 0.3 && gone < -0.3, "nor is he kept for ever: {there}, {gone}");
}

#[test]
fn a_picture_that_is_taken_back_has_taught_nothing() {
    let (street, passer, other) =
        (Luma::noise(640, 360, 0, 5), Luma::noise(640, 360, 0, 6), Luma::noise(640, 360, 0, 7));
    let mut tensor = prepared(&street);
    let before = tensor.before();
    tensor.prepare(&passer.picture(), 2_000_000).unwrap();
    tensor.take_back(before);
    tensor.prepare(&other.picture(), 1_000_000).unwrap();
    let mut expected = prepared(&street);
    expected.prepare(&other.picture(), 1_000_000).unwrap();
    assert_eq!(tensor.data(), expected.data());
    assert_ne!(tensor.data(), prepared(&other).data(), "it knows its background");
    let mut first = Tensor::new_luma_and_change((INPUT.0 as u32, INPUT.1 as u32));
    let before = first.before();
    first.prepare(&passer.picture(), 0).unwrap();
    first.take_back(before);
    assert!(first.mapping().is_none());
}

#[test]
fn a_tensor_that_saw_another_size_before_has_no_trace_of_it() {
    let (wide, tall) = (Luma::noise(640, 360, 0, 5), Luma::noise(360, 640, 0, 6));
    let mut used = prepared(&wide);
    used.prepare(&tall.picture(), 100_000).unwrap();
    assert_eq!(used.data(), prepared(&tall).data());
    assert_eq!(used.input(), Input::LumaAndChange);
}

#[test]
fn a_truncated_picture_is_an_error_and_not_a_crash() {
    let luma = Luma::noise(64, 48, 0, 1);
    let mut tensor = prepared(&luma);
    assert!(tensor.prepare(&I420 { y: &luma.y[..100], ..luma.picture() }, 1).is_err());
    for (width, height) in [(4, 4), (4, 2048), (2048, 4), (5, 7)] {
        prepared(&Luma::noise(width, height, 0, 2));
    }
}

#[test]
#[ignore = "a figure for people: how long the preparation takes on this machine"]
#[allow(clippy::print_stderr, reason = "the figure that the test is about")]
fn time_of_the_preparation() {
    for (width, height) in [(1920, 1080), (640, 360), (768, 432), (704, 576)] {
        let pictures = [Luma::noise(width, height, 0, 1), Luma::noise(width, height, 0, 2)];
        let mut tensor = prepared(&pictures[0]);
        let mut times_us: Vec<u128> = (1..400)
            .map(|i| {
                let start = std::time::Instant::now();
                tensor.prepare(&pictures[i % 2].picture(), i as i64 * 200_000).unwrap();
                start.elapsed().as_micros()
            })
            .collect();
        times_us.sort_unstable();
        eprintln!("{width}x{height} → 384x224: median {} µs, least {} µs", times_us[200], times_us[0]);
    }
}
