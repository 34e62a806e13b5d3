//! Who crosses a line: what `line_cross` and `count` have in common. Side a is the left of the line as drawn, b the right;
//! only the segment counts. A crossing is known when the object was seen beyond the line twice, or once well beyond.

use super::{
    Measure, Scene, Standpoint, Watched as Shown, geometry::Line, presence::first_sample, settings::ClassFilter,
};
use crate::{picture::Point, track::Track};

/// From the left of the line to its right.
pub(super) const A_TO_B: &str = "a_to_b";
/// From the right of the line to its left.
pub(super) const B_TO_A: &str = "b_to_a";
/// Samples beyond the line that make a crossing.
pub(super) const SAMPLES: u32 = 2;
/// One sample is enough so far beyond the line, in parts of what the box reaches across it: jitter stays below.
const WELL_BEYOND: f32 = 0.5;

/// The objects near one line.
#[derive(Debug)]
pub(super) struct Crossings {
    line: Line,
    classes: ClassFilter,
    watched: Vec<Watched>,
}

/// An object has crossed the line.
#[derive(Debug)]
pub(super) struct Crossing {
    /// The object.
    pub(super) track: Track,
    /// When, between the samples before and behind the line.
    pub(super) t_us: i64,
    /// Where.
    pub(super) at: Point,
    /// `a_to_b` or `b_to_a`.
    pub(super) direction: &'static str,
    /// How far beyond the line it was seen, pictures.
    pub(super) beyond: f32,
    /// In how many samples it was seen there.
    pub(super) samples: u32,
}

#[derive(Debug)]
struct Watched {
    track: Track,
    /// Distance from the line on the decided side; its sign is the side.
    side: f32,
    /// The farthest it has been on the decided side, in what its box reaches across the line.
    depth: f32,
    last_us: i64,
    last: Point,
    doubt: Option<Doubt>,
}

/// Seen beyond the line, not yet decided.
#[derive(Debug, Clone, Copy)]
struct Doubt {
    t_us: i64,
    at: Point,
    /// Whether the way led across the segment, not across its extension.
    on_segment: bool,
    samples: u32,
}

impl Crossings {
    pub(super) fn new(line: Line, classes: ClassFilter) -> Self {
        Self { line, classes, watched: Vec::new() }
    }

    /// Looks at one picture.
    pub(super) fn observe(&mut self, scene: &Scene<'_>) -> Vec<Crossing> {
        let mut crossings = Vec::new();
        for track in scene.tracks.iter().filter(|track| !track.predicted) {
            self.see(scene, track, &mut crossings);
        }
        let known = |id: u64| scene.tracks.iter().any(|track| track.id == id);
        self.part_with(|watched| !known(watched.track.id), &mut crossings);
        crossings
    }

    /// The stream is lost or over.
    pub(super) fn finish(&mut self) -> Vec<Crossing> {
        let mut crossings = Vec::new();
        self.part_with(|_| true, &mut crossings);
        crossings
    }

    /// The earliest time of a crossing that is not decided yet.
    pub(super) fn pending_us(&self) -> Option<i64> {
        self.watched.iter().filter_map(|watched| watched.doubt.map(|doubt| doubt.t_us)).min()
    }

    /// How far each object is from the line, and those that are beyond it and not decided yet.
    pub(super) fn watching(&self, scene: &Scene<'_>) -> Vec<Shown> {
        let seen = self.watched.iter().filter(|watched| watched.last_us == scene.t_us);
        let shown = |watched: &Watched| {
            let away = f64::from(self.line.side(watched.last).abs());
            let distance = Measure { name: "distance_to_line", value: away, threshold: None, unit: "pictures" };
            let beyond = |doubt: Doubt| Measure {
                name: "samples_beyond",
                value: f64::from(doubt.samples),
                threshold: Some(f64::from(SAMPLES)),
                unit: "",
            };
            let standing = match (self.classes.takes(&watched.track), watched.doubt) {
                (false, _) => Standpoint::OtherClass,
                (true, Some(_)) => Standpoint::Undecided,
                (true, None) => Standpoint::NotYet,
            };
            let measures = std::iter::once(distance).chain(watched.doubt.map(beyond)).collect();
            Shown::object(&watched.track, standing, measures)
        };
        seen.map(shown).collect()
    }

    fn see(&mut self, scene: &Scene<'_>, track: &Track, crossings: &mut Vec<Crossing>) {
        let index = self.watched.iter().position(|watched| watched.track.id == track.id).unwrap_or_else(|| {
            let (last_us, last) = first_sample(scene, track);
            let (side, track) = (self.line.side(last), track.clone());
            self.watched.push(Watched { track, side, depth: 0.0, last_us, last, doubt: None });
            self.watched.len() - 1
        });
        let watched = &mut self.watched[index];
        let now = track.bbox.bottom_centre();
        let (side, reach) = (self.line.side(now), self.line.reach(&track.bbox).max(1e-3));
        let (before_us, before) = (watched.last_us, watched.last);
        watched.track = track.clone();
        watched.last_us = scene.t_us;
        watched.last = now;
        if watched.side == 0.0 || side * watched.side >= 0.0 {
            // Where it began on the line itself, the first side it is seen on is its side.
            watched.side = if side == 0.0 { watched.side } else { side };
            watched.depth = watched.depth.max(side.abs() / reach);
            watched.doubt = None;
            return;
        }
        let doubt = watched.doubt.get_or_insert_with(|| {
            let (from, to) = (self.line.side(before), side);
            let part = (from / (from - to)).clamp(0.0, 1.0);
            Doubt {
                t_us: before_us + ((scene.t_us - before_us) as f64 * f64::from(part)).round() as i64,
                at: before.towards(now, part),
                on_segment: self.line.crossing(before, now).is_some(),
                samples: 0,
            }
        });
        doubt.samples += 1;
        if doubt.samples >= SAMPLES || side.abs() >= WELL_BEYOND * reach {
            let doubt = *doubt;
            watched.side = side;
            watched.depth = side.abs() / reach;
            watched.doubt = None;
            crossings.extend(self.crossing(track, doubt, side));
        }
    }

    fn crossing(&self, track: &Track, doubt: Doubt, side: f32) -> Option<Crossing> {
        (doubt.on_segment && self.classes.takes(track)).then(|| Crossing {
            track: track.clone(),
            t_us: doubt.t_us,
            at: doubt.at,
            direction: if side > 0.0 { A_TO_B } else { B_TO_A },
            beyond: side.abs(),
            samples: doubt.samples,
        })
    }

    /// A track that ended right after the line has crossed it if it came from well before it; else it was jitter.
    fn part_with(&mut self, gone: impl Fn(&Watched) -> bool, crossings: &mut Vec<Crossing>) {
        let (gone, kept): (Vec<Watched>, Vec<Watched>) = self.watched.drain(..).partition(gone);
        self.watched = kept;
        for watched in gone.into_iter().filter(|watched| watched.depth >= WELL_BEYOND) {
            if let Some(doubt) = watched.doubt {
                crossings.extend(self.crossing(&watched.track, doubt, self.line.side(watched.last)));
            }
        }
    }
}
