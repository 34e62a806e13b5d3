//! Masked pixels influence nothing: whatever is behind a mask, the tensors, the detections, the events and the
//! diagnosis are the same to the bit. That the same content does influence them without a mask is asserted too.

#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use yiwang_inference::{
    analyser::Analyser,
    detect::{
        Preparation, Tensor,
        preprocess::{Fit, Order},
    },
    mask::Mask,
    picture::I420,
    quality::Examiner,
    track::TrackerConfig,
};

const SIZE_PX: (usize, usize) = (640, 360);
/// The left half, with a slanting edge; what moves in `support::street` passes through it.
const MASK: [[f32; 2]; 4] = [[0.0, 0.0], [0.45, 0.0], [0.6, 1.0], [0.0, 1.0]];
const RULE: &str = "kind='intrusion'\nzone=[[0.02,0.02],[0.98,0.02],[0.98,0.98],[0.02,0.98]]";

static COLOUR: Preparation =
    Preparation { fit: Fit::Centred, order: Order::Rgb, mean: [0.0; 3], deviation: [255.0; 3], padding: 114.0 };

/// What is behind the mask.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Behind {
    Nothing,
    /// All pixels at random, in each picture anew.
    Noise(u32),
    /// White, and black in the next picture.
    Flashes,
    /// The street itself, which goes dark in the middle.
    Street,
}

fn picture(index: usize, behind: Behind) -> Vec<u8> {
    let mut bytes = support::street(index);
    let (width, height) = SIZE_PX;
    let inside = |x: usize, y: usize| (x as f32 / width as f32) < 0.45 + 0.15 * y as f32 / height as f32;
    let random = |seed: u32, at: usize| {
        let hash = (seed ^ at as u32 ^ (index as u32) << 20).wrapping_mul(0x9E37_79B9);
        ((hash ^ hash >> 15).wrapping_mul(0x2C1B_3C6D) >> 24) as u8
    };
    let level = |at: usize, before: u8| match behind {
        Behind::Nothing => 16,
        Behind::Noise(seed) => random(seed, at),
        Behind::Flashes => [16, 235][index % 2],
        Behind::Street => before,
    };
    let planes = [(0, 1, width), (width * height, 2, width / 2), (width * height * 5 / 4, 2, width / 2)];
    for (from, repeated, columns) in planes {
        for row in 0..height / repeated {
            // A sample of chroma is covered if one of its pixels is.
            for column in (0..columns).filter(|column| inside(column * repeated, row * repeated + repeated - 1)) {
                let at = from + row * columns + column;
                bytes[at] = level(at, bytes[at]);
            }
        }
    }
    bytes
}

/// Everything that comes out of so many pictures, as one text: sums of the tensors' bits, detections, events, faults.
fn outcome(pictures: usize, behind: Behind, mut mask: Mask) -> String {
    let model = support::open_default();
    let mut colour = Tensor::new((416, 416), &COLOUR);
    let mut own = model.tensor();
    let mut examiner = Examiner::new(&[]);
    let rules = vec![toml::from_str(RULE).unwrap()];
    let mut analyser = Analyser::new(TrackerConfig::default(), rules, &model.info().classes).unwrap();
    let mut text = String::new();
    for index in 0..pictures {
        let t_us = index as i64 * 500_000;
        let bytes = picture(index, behind);
        let seen: I420<'_> = mask.cover(support::street_planes(&bytes)).unwrap();
        colour.prepare(&seen, t_us).unwrap();
        model.prepare(&seen, t_us, &mut own).unwrap();
        let bits = |tensor: &Tensor| {
            tensor.data().iter().fold(0u64, |sum, value| sum.rotate_left(5).wrapping_add(u64::from(value.to_bits())))
        };
        let detections = model.detect(&mut own).unwrap();
        let events = analyser.observe(t_us, &detections);
        let faults = examiner.observe(t_us, &seen, &detections);
        text += &format!("{index} {:x} {:x} {detections:?} {events:?} {faults:?}\n", bits(&colour), bits(&own));
    }
    text + &format!("{:?} {:?}", analyser.finish(i64::MAX / 2), examiner.finish(i64::MAX / 2))
}

#[test]
fn what_is_behind_a_mask_influences_nothing() {
    let mask = || Mask::new(&[MASK.to_vec()]).unwrap();
    let pictures = 80;
    let nothing = outcome(pictures, Behind::Nothing, mask());
    for behind in [Behind::Noise(1), Behind::Noise(2), Behind::Flashes, Behind::Street] {
        assert!(outcome(pictures, behind, mask()) == nothing, "{behind:?} behind the mask changes something");
        let open = outcome(4, behind, Mask::default());
        assert!(!nothing.starts_with(open.lines().next().unwrap()), "{behind:?} without a mask changes nothing");
    }
}
