//! What the model found before a camera in the last minutes: boxes and times, never a picture. A rule that is being
//! drawn is played over it, to show what it would have told.

use std::collections::VecDeque;

use yiwang_inference::detect::Detection;
use yiwang_inference::picture::Rect;

/// So far back, by capture time.
const BACK_US: i64 = 10 * 60 * 1_000_000;
/// Most pictures: ten minutes at 25 a second.
const LOOKS_MAX: usize = 15_000;
/// Most boxes in all of them, twelve bytes each: 1.2 MB a camera, and a queue grows by doubling.
const BOXES_MAX: usize = 100_000;

/// What one picture showed.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    /// Media time of its session.
    pub media_us: i64,
    /// When it was taken.
    pub capture_us: i64,
    /// Width and height of the picture.
    pub frame_px: (u32, u32),
    /// What was found, weak boxes too.
    pub boxes: Vec<Detection>,
    /// The stream was lost or over after it.
    pub last: bool,
}

/// The last minutes of one camera.
///
/// Bound: ten minutes, [`LOOKS_MAX`] pictures and [`BOXES_MAX`] boxes; the oldest pictures go first. The boxes of all pictures
/// lie in one queue: thousands of small pieces that live for ten minutes would keep the allocator from giving back what
/// lay between them.
#[derive(Debug, Default)]
pub struct Memory {
    looks: VecDeque<Kept>,
    boxes: VecDeque<Small>,
}

/// A picture without its boxes.
#[derive(Debug)]
struct Kept {
    media_us: i64,
    capture_us: i64,
    frame_px: (u32, u32),
    boxes: usize,
    last: bool,
}

/// A box in half of its bytes: of a street with many boxes a picture, ten minutes are the largest thing that a camera keeps.
#[derive(Debug, Clone, Copy)]
struct Small {
    class: u16,
    score: u16,
    sides: [u16; 4],
}

/// Sides are kept from this to one more than one, pictures, so that what lies beyond an edge keeps its place: a step is a
/// fiftieth of a pixel of a picture 640 wide.
const SIDE_MIN: f32 = -0.5;
const SIDE_SPAN: f32 = 2.0;

impl Small {
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "held to the range, and not a number is 0"
    )]
    fn new(one: &Detection) -> Self {
        let part = |value: f32| (value.clamp(0.0, 1.0) * f32::from(u16::MAX)).round() as u16;
        let side = |value: f32| part((value - SIDE_MIN) / SIDE_SPAN);
        let Rect { x0, y0, x1, y1 } = one.bbox;
        Self { class: one.class, score: part(one.score), sides: [x0, y0, x1, y1].map(side) }
    }

    fn whole(self) -> Detection {
        let part = |value: u16| f32::from(value) / f32::from(u16::MAX);
        let [x0, y0, x1, y1] = self.sides.map(|value| part(value) * SIDE_SPAN + SIDE_MIN);
        Detection { bbox: Rect::new(x0, y0, x1, y1), class: self.class, score: part(self.score) }
    }
}

impl Memory {
    /// Takes in a picture.
    pub fn push(&mut self, look: Look) {
        let Look { media_us, capture_us, frame_px, boxes, last } = look;
        self.looks.push_back(Kept { media_us, capture_us, frame_px, boxes: boxes.len(), last });
        self.boxes.extend(boxes.iter().map(Small::new));
        let too_old = |kept: &Kept| capture_us - kept.capture_us > BACK_US;
        while self.looks.front().is_some_and(too_old) || self.looks.len() > LOOKS_MAX || self.boxes.len() > BOXES_MAX {
            let Some(gone) = self.looks.pop_front() else { break };
            self.boxes.drain(..gone.boxes);
        }
    }

    /// The stream is over: what comes next is another session.
    pub fn part(&mut self) {
        if let Some(look) = self.looks.back_mut() {
            look.last = true;
        }
    }

    /// Forgets everything: what the boxes mean has changed.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// A copy, oldest first.
    pub fn looks(&self) -> Vec<Look> {
        let mut boxes = self.boxes.iter().map(|one| one.whole());
        let whole = |kept: &Kept| Look {
            media_us: kept.media_us,
            capture_us: kept.capture_us,
            frame_px: kept.frame_px,
            boxes: boxes.by_ref().take(kept.boxes).collect(),
            last: kept.last,
        };
        self.looks.iter().map(whole).collect()
    }
}

#[cfg(test)]
mod tests {
    use yiwang_inference::picture::{Point, Rect};

    use super::*;

    fn look(t_s: i64, boxes: usize) -> Look {
        let one = Detection { bbox: Rect::around(Point::new(0.5, 0.5), 0.1, 0.1), class: 0, score: 0.5 };
        let t_us = t_s * 1_000_000;
        Look { media_us: t_us, capture_us: t_us, frame_px: (16, 9), boxes: vec![one; boxes], last: false }
    }

    #[test]
    fn a_box_comes_back_as_it_was_to_a_fiftieth_of_a_pixel() {
        for (x0, y0, x1, y1) in [(0.1234, 0.5, 0.4321, 0.99), (-0.2, -0.01, 0.3, 1.2), (0.0, 0.0, 1.0, 1.0)] {
            let one = Detection { bbox: Rect::new(x0, y0, x1, y1), class: 4, score: 0.437 };
            let back = Small::new(&one).whole();
            assert!(back.class == 4 && (back.score - one.score).abs() < 1e-4, "{back:?}");
            let sides = |of: &Rect| [of.x0, of.y0, of.x1, of.y1];
            let off =
                sides(&one.bbox).into_iter().zip(sides(&back.bbox)).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(off < 2e-5, "{back:?}");
        }
        assert_eq!(size_of::<Small>(), 12);
    }

    #[test]
    fn what_is_older_than_ten_minutes_or_too_much_goes() {
        let mut memory = Memory::default();
        (0..=700).for_each(|t_s| memory.push(look(t_s, 1)));
        memory.part();
        let looks = memory.looks();
        assert_eq!((looks[0].capture_us, looks.len()), (100_000_000, 601));
        assert!(looks[600].last && !looks[599].last);
        assert!(looks.iter().all(|look| look.boxes.len() == 1));
        memory.push(look(701, BOXES_MAX));
        assert_eq!(memory.looks().len(), 1);
        memory.push(look(702, 1));
        assert_eq!(memory.looks().len(), 1, "one picture of that many boxes is given up too");
        memory.clear();
        assert!(memory.looks().is_empty());
    }
}
