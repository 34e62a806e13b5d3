//! The tracker itself: which rounds of association there are, when a track begins, coasts and ends.

use super::{assign::assign, kalman::BoxFilter};
use crate::{
    detect::{
        Detection,
        suppression::{class_groups, group},
    },
    picture::{ASPECT, Rect},
};

/// Thresholds and times. The defaults hold for the models in the manifest at 2–25 samples a second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrackerConfig {
    /// Boxes of at least this score take part in the first round.
    pub sure_score: f32,
    /// Boxes of at least this score may start a track.
    pub new_score: f32,
    /// A track that was not seen for longer is over, microseconds of media time.
    pub lost_us: i64,
    /// A second sighting must come within this time, or the first was a flicker, microseconds of media time.
    pub confirm_us: i64,
}

impl Default for TrackerConfig {
    fn default() -> Self {
        Self { sure_score: 0.4, new_score: 0.5, lost_us: 2_500_000, confirm_us: 1_000_000 }
    }
}

/// Least overlap of predicted and found box in the first round.
const SURE_OVERLAP_MIN: f32 = 0.2;
/// In the second round, with weak boxes: more, since the box itself says less.
const WEAK_OVERLAP_MIN: f32 = 0.4;
/// Weak boxes alone keep a track for so long, unless it stands: around whoever is seen badly there are always some, and a
/// track that nobody is behind any more drifted from one to the next for as long as it liked. Who stands in a crowd may be
/// half hidden for minutes (31 simulated cities: 33 begins not true or missed instead of 37; where who stands was not
/// spared, F1 of ends was 0.91 instead of 0.95).
const WEAK_ALONE_US: i64 = 1_000_000;
/// In the last round boxes are grown by this part of their size on every side, and need this overlap then.
const GROWN_PART: f32 = 0.5;
const GROWN_OVERLAP_MIN: f32 = 0.2;
/// What has stood in one place for so long …
const STANDS_US: i64 = 2_000_000;
/// … which is the same where its boxes overlap by this, keeps that place: a box there is nobody else's. Where one of a row
/// of parked cars is missed for a moment, its neighbours would move up one by one.
const SAME_PLACE_OVERLAP: f32 = 0.6;
/// A box that overlaps a track seen in the same picture by more than this is its double and starts nothing …
const DOUBLE_OVERLAP: f32 = 0.6;
/// … and one that is upright, as people are and vehicles in a queue are not, by more than this: two people seen at once
/// overlap so for a moment only, two boxes of one person often (16 simulated cities: crowds told rightly 12 of 13 instead
/// of 9, others as well, the same from 0.1 to 0.3; vehicles so hidden by one another were counted as one).
const UPRIGHT_DOUBLE_OVERLAP: f32 = 0.25;
/// A box of which this part lies in surer ones that are seen in the same picture starts nothing: an upright one in one of
/// them is a part of somebody's body, and any in two is what a detector makes of two neighbours (one vehicle before another
/// is seen by a third of it). Nor does a box that holds this part of a surer one (31 simulated cities: vehicles counted
/// rightly 30 times of 31 instead of 27).
const INSIDE: f32 = 0.7;
/// A neighbour has at least this part of what is between two.
const A_NEIGHBOUR: f32 = 0.2;
/// Whose predicted box is in the picture with less than this part of it has left.
const LEFT_PART: f32 = 0.5;
/// Most tracks at once; a new one beyond that is not started (a picture full of noise must not eat the machine).
const MAX_TRACKS: usize = 400;

/// An object in the picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Track {
    /// Its number, counted from 1 within one tracker.
    pub id: u64,
    /// The class it was seen as most, weighted by score.
    pub class: u16,
    /// Score of the last box, 0–1.
    pub score: f32,
    /// Where it is: the measured box, or the predicted one.
    pub bbox: Rect,
    /// True where it was not seen in this picture and the box is a prediction.
    pub predicted: bool,
    /// True where it was not seen and is, by the prediction, for the most part beyond the picture's edge.
    pub left_picture: bool,
    /// Velocity of the centre, pictures a second.
    pub velocity: [f32; 2],
    /// When it was first seen, media time.
    pub first_seen_us: i64,
    /// Where it was first seen.
    pub first_bbox: Rect,
    /// When it was last seen, media time.
    pub last_seen_us: i64,
    /// In how many pictures it was seen.
    pub sightings: u32,
}

/// Tracks the objects of one camera.
#[derive(Debug, Clone)]
pub struct Tracker {
    config: TrackerConfig,
    groups: Vec<u16>,
    now_us: Option<i64>,
    next_id: u64,
    bodies: Vec<Body>,
    shown: Vec<Track>,
}

/// A track with what is behind it. `track.id` is 0 until a second sighting confirms it.
#[derive(Debug, Clone)]
struct Body {
    track: Track,
    filter: BoxFilter,
    group: u16,
    /// Where it has been, and since when.
    place: (Rect, i64),
    /// When it was last seen surely, media time.
    sure_us: i64,
    /// Summed score for each class it was seen as.
    votes: Vec<(u16, f32)>,
}

impl Tracker {
    /// A tracker to which every class is its own kind.
    pub fn new(config: TrackerConfig) -> Self {
        Self { config, groups: Vec::new(), now_us: None, next_id: 1, bodies: Vec::new(), shown: Vec::new() }
    }

    /// A tracker that knows which of these classes a model mistakes for one another (car and truck), and lets an
    /// object keep its number when that happens.
    pub fn for_classes(config: TrackerConfig, classes: &[String]) -> Self {
        Self { groups: class_groups(classes), ..Self::new(config) }
    }

    /// Takes in what one picture showed. A picture that is not later than the last one is ignored.
    pub fn update(&mut self, t_us: i64, detections: &[Detection]) {
        if self.now_us.is_some_and(|now_us| t_us <= now_us) {
            return;
        }
        let dt_s = self.now_us.map_or(0.0, |now_us| (t_us - now_us) as f32 / 1e6);
        self.now_us = Some(t_us);
        self.bodies.retain(|body| t_us - body.track.last_seen_us <= body.patience_us(&self.config));
        for body in &mut self.bodies {
            body.filter.predict(dt_s, !body.track.predicted);
            body.track.predicted = true;
        }
        let mut free = vec![true; detections.len()];
        let sure = |detection: &Detection| detection.score >= self.config.sure_score;
        let weak = |detection: &Detection| detection.score < self.config.sure_score;
        let known = |body: &Body| body.track.id != 0;
        let fresh = |body: &Body| body.track.id == 0;
        let any = |_: &Body| true;
        let plain = |body: &Body, bbox: &Rect| body.filter.bbox().iou(bbox);
        let vouched = |body: &Body, bbox: &Rect| {
            let may = t_us - body.sure_us <= WEAK_ALONE_US || body.is_in_place(t_us, bbox);
            if may { plain(body, bbox) } else { 0.0 }
        };
        let grown = |body: &Body, bbox: &Rect| body.filter.bbox().grown(GROWN_PART).iou(&bbox.grown(GROWN_PART));
        let kept = self.kept_places(t_us, detections);
        let mut round = Round {
            bodies: &mut self.bodies,
            groups: &self.groups,
            t_us,
            sure_score: self.config.sure_score,
            detections,
            kept: &kept,
            free: &mut free,
        };
        round.run(known, sure, plain, SURE_OVERLAP_MIN);
        round.run(known, weak, vouched, WEAK_OVERLAP_MIN);
        round.run(fresh, sure, plain, SURE_OVERLAP_MIN);
        round.run(any, sure, grown, GROWN_OVERLAP_MIN);
        self.start(t_us, detections, &free);
        self.show();
    }

    /// Forgets all objects and the time; numbers go on, so that none is used twice.
    pub fn forget(&mut self) {
        self.now_us = None;
        self.bodies.clear();
        self.shown.clear();
    }

    /// From now on classes mean something else: forgets all objects.
    pub fn rename(&mut self, classes: &[String]) {
        self.groups = class_groups(classes);
        self.forget();
    }

    /// The confirmed tracks, in the order of their numbers: seen in the last picture, or predicted and not yet given up.
    pub fn tracks(&self) -> &[Track] {
        &self.shown
    }

    /// The media time before which nothing can change any more: an object that is out of sight may come back and a
    /// first sighting may be confirmed, and both speak of the time since then.
    pub fn settled_us(&self) -> Option<i64> {
        let open = self.bodies.iter().filter(|body| body.track.id == 0 || body.track.predicted);
        open.map(|body| body.track.last_seen_us).chain(self.now_us).min()
    }

    /// Where the next pictures are needed to tell if an object is there: one that was seen once, or one that was lost
    /// within the picture and may come back this moment. Who has gone beyond its edge is not waited for by that.
    pub fn undecided(&self) -> impl Iterator<Item = &Rect> {
        let open = |body: &&Body| body.track.id == 0 || (body.track.predicted && !body.track.left_picture);
        self.bodies.iter().filter(open).map(|body| &body.track.bbox)
    }

    /// For each box the number of the track that stands there; none where nothing does.
    fn kept_places(&self, t_us: i64, detections: &[Detection]) -> Vec<Option<u64>> {
        let standing: Vec<&Body> = self.bodies.iter().filter(|body| body.track.id != 0 && body.stands(t_us)).collect();
        let keeper = |detection: &Detection| {
            let kind = group(&self.groups, detection.class);
            let kin = standing.iter().filter(|body| body.group == kind);
            let overlaps = kin.map(|body| (body.place.0.iou(&detection.bbox), body.track.id));
            let nearest = overlaps.max_by(|a, b| a.0.total_cmp(&b.0));
            nearest.filter(|(overlap, _)| *overlap >= SAME_PLACE_OVERLAP).map(|(_, id)| id)
        };
        detections.iter().map(keeper).collect()
    }

    /// Boxes that belong to nothing yet start tracks.
    fn start(&mut self, t_us: i64, detections: &[Detection], free: &[bool]) {
        for (detection, _) in detections.iter().zip(free).filter(|(_, free)| **free) {
            let kind = group(&self.groups, detection.class);
            let starts = detection.score >= self.config.new_score && self.bodies.len() < MAX_TRACKS;
            if starts && !self.is_double(t_us, detection, kind) {
                self.bodies.push(Body::new(t_us, detection, kind));
            }
        }
    }

    /// Whether a box shows again what is seen in the same picture: the same object, a part of it, or it and more.
    fn is_double(&self, t_us: i64, detection: &Detection, kind: u16) -> bool {
        let bbox = &detection.bbox;
        let is_upright = bbox.height() > bbox.width() * ASPECT;
        let overlap_max = if is_upright { UPRIGHT_DOUBLE_OVERLAP } else { DOUBLE_OVERLAP };
        let (mut surer, mut covered) = (0, 0.0);
        for body in self.bodies.iter().filter(|body| body.track.last_seen_us == t_us && body.group == kind) {
            let seen = &body.track.bbox;
            if seen.iou(bbox) > overlap_max {
                return true;
            }
            let shared = seen.shared(bbox);
            if body.track.score > detection.score && shared > 0.0 {
                if shared > INSIDE * seen.area() {
                    return true;
                }
                surer += u32::from(shared > A_NEIGHBOUR * bbox.area());
                covered += shared;
            }
        }
        covered > INSIDE * bbox.area() && (is_upright || surer > 1)
    }

    /// Numbers what was confirmed, refreshes what is shown.
    fn show(&mut self) {
        self.shown.clear();
        for body in &mut self.bodies {
            if body.track.id == 0 && body.track.sightings >= 2 {
                body.track.id = self.next_id;
                self.next_id += 1;
            }
            body.track.left_picture = false;
            if body.track.predicted {
                let whole = body.filter.bbox();
                body.track.bbox = whole.clipped();
                body.track.left_picture = body.track.bbox.area() < LEFT_PART * whole.area();
            }
            body.track.velocity = body.filter.velocity();
            if body.track.id != 0 {
                self.shown.push(body.track.clone());
            }
        }
        self.shown.sort_by_key(|track| track.id);
    }
}

impl Body {
    fn new(t_us: i64, detection: &Detection, kind: u16) -> Self {
        let track = Track {
            id: 0,
            class: detection.class,
            score: detection.score,
            bbox: detection.bbox,
            predicted: false,
            left_picture: false,
            velocity: [0.0; 2],
            first_seen_us: t_us,
            first_bbox: detection.bbox,
            last_seen_us: t_us,
            sightings: 1,
        };
        let votes = vec![(detection.class, detection.score)];
        Self {
            track,
            filter: BoxFilter::new(&detection.bbox),
            group: kind,
            place: (detection.bbox, t_us),
            sure_us: t_us,
            votes,
        }
    }

    /// Whether it has been in one place for long, and seen nowhere else since.
    fn stands(&self, t_us: i64) -> bool {
        t_us - self.place.1 >= STANDS_US
    }

    /// Whether a box is in the place where it stands.
    fn is_in_place(&self, t_us: i64, bbox: &Rect) -> bool {
        self.stands(t_us) && self.place.0.iou(bbox) >= SAME_PLACE_OVERLAP
    }

    fn patience_us(&self, config: &TrackerConfig) -> i64 {
        if self.track.id == 0 { config.confirm_us } else { config.lost_us }
    }

    fn see(&mut self, t_us: i64, detection: &Detection, surely: bool) {
        self.filter.correct(&detection.bbox, surely);
        if surely {
            self.sure_us = t_us;
        }
        if self.place.0.iou(&detection.bbox) < SAME_PLACE_OVERLAP {
            self.place = (detection.bbox, t_us);
        }
        match self.votes.iter_mut().find(|(class, _)| *class == detection.class) {
            Some((_, votes)) => *votes += detection.score,
            None => self.votes.push((detection.class, detection.score)),
        }
        let leading =
            self.votes.iter().fold((self.track.class, 0.0), |best, vote| if vote.1 > best.1 { *vote } else { best });
        let track = &mut self.track;
        track.class = leading.0;
        track.score = detection.score;
        track.bbox = detection.bbox;
        track.predicted = false;
        track.last_seen_us = t_us;
        track.sightings += 1;
    }
}

/// One round of association: among tracks not yet seen in this picture and boxes not yet taken.
struct Round<'a> {
    bodies: &'a mut [Body],
    groups: &'a [u16],
    t_us: i64,
    sure_score: f32,
    detections: &'a [Detection],
    kept: &'a [Option<u64>],
    free: &'a mut [bool],
}

impl Round<'_> {
    fn run(
        &mut self,
        of_bodies: impl Fn(&Body) -> bool,
        of_boxes: impl Fn(&Detection) -> bool,
        similarity: impl Fn(&Body, &Rect) -> f32,
        least: f32,
    ) {
        let rows: Vec<usize> = (0..self.bodies.len())
            .filter(|&row| self.bodies[row].track.predicted && of_bodies(&self.bodies[row]))
            .collect();
        let columns: Vec<usize> = (0..self.detections.len())
            .filter(|&column| self.free[column] && of_boxes(&self.detections[column]))
            .collect();
        let mut matrix = Vec::with_capacity(rows.len() * columns.len());
        for &row in &rows {
            for &column in &columns {
                let (body, detection) = (&self.bodies[row], &self.detections[column]);
                let may = self.kept[column].is_none_or(|keeper| keeper == body.track.id);
                let kin = may && body.group == group(self.groups, detection.class);
                let value = if kin { similarity(body, &detection.bbox) } else { 0.0 };
                matrix.push(if value >= least { value } else { 0.0 });
            }
        }
        for (row, column) in rows.iter().zip(assign(&matrix, rows.len(), columns.len())) {
            if let Some(column) = column.map(|column| columns[column]) {
                let detection = &self.detections[column];
                self.bodies[*row].see(self.t_us, detection, detection.score >= self.sure_score);
                self.free[column] = false;
            }
        }
    }
}
