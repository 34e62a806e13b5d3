//! Who stands still in a zone, and where: what the rules about stopped vehicles and left objects have in common. A place
//! remembers its object, so that a parked car is one stay however often its box flickers or its track is made anew.
//!
//! - An object stands where its boxes stay within `SAME_PLACE` of one another, or within the box of the place (half
//!   hidden). Its time runs from the first of these boxes.
//! - It has moved when it was seen elsewhere for `MOVED_US`, unless another track is found in its place: then the
//!   tracker had confused two objects, and the place keeps its object.
//! - Out of sight it is waited for as long as it has stood, at least `PATIENCE_MIN_US`, at most `PATIENCE_MAX_US`.
//! - A place that was told of is remembered for `REMEMBERED_US` after that, and when the stream is lost: a track that
//!   begins there is the same stay. One that is seen coming from elsewhere is another.

use super::{Scene, Standpoint, Watched, geometry::Zone, presence::first_sample, settings::ClassFilter};
use crate::{
    picture::{Point, Rect},
    track::Track,
};

/// A box is in a place if it is not off by more than this part of its width and height.
const SAME_PLACE: f32 = 0.3;
/// A box is in a place, too, if this part of it lies within the place's box.
const HIDDEN_PART: f32 = 0.85;
/// Seen elsewhere for so long has moved.
const MOVED_US: i64 = 1_000_000;
/// Bounds of the wait for an object that is out of sight.
const PATIENCE_MIN_US: i64 = 3_000_000;
const PATIENCE_MAX_US: i64 = 30_000_000;
/// Who has come from elsewhere and stood for so long in a place is there for good.
const SETTLED_US: i64 = 2_000_000;
/// Who came there so soon after its object was last seen is that object: two do not stand in one place.
const TAKEN_US: i64 = 3_000_000;
/// A place that was told of is remembered for so long.
const REMEMBERED_US: i64 = 600_000_000;
/// Most places that are remembered; the longest unseen goes first.
const REMEMBERED_MAX: usize = 256;
/// Instead of a time in a place that was seen in another session of the camera.
const OTHER_SESSION: i64 = i64::MIN;
/// The box of a place follows its object's boxes with this time constant: slow enough that creeping is movement.
const FOLLOWS_US: f32 = 10e6;

/// The objects that stand in one zone.
#[derive(Debug)]
pub(crate) struct Standing {
    zone: Zone,
    classes: ClassFilter,
    places: Vec<Place>,
    /// Told of and lost; their times are those of the moment of losing them.
    remembered: Vec<Place>,
    next_place: u64,
}

/// Where an object stands.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// Its number.
    pub(crate) id: u64,
    /// Since when it stands, media time.
    pub(crate) since_us: i64,
    /// From when its time counts for the rule, which may move it on.
    pub(crate) counts_from_us: i64,
    /// When it was last seen there.
    pub(crate) seen_us: i64,
    /// The longest time between two sightings there.
    pub(crate) gap_us: i64,
    /// The object as last seen there.
    pub(crate) track: Track,
    /// The place itself.
    pub(crate) bbox: Rect,
    /// Whether the rule has told of it.
    pub(crate) told: bool,
    /// Its object as it is seen elsewhere.
    away: Option<Away>,
}

/// An object that is seen outside its place.
#[derive(Debug, Clone)]
struct Away {
    since_us: i64,
    /// Where it is, and since when it stands there: the next place.
    track: Track,
    bbox: Rect,
    stands_us: i64,
    seen_us: i64,
}

/// An object does not stand there any more.
#[derive(Debug, Clone)]
pub(crate) struct Gone {
    /// The place as it was.
    pub(crate) place: Place,
    /// Since when.
    pub(crate) t_us: i64,
    /// How.
    pub(crate) how: Departure,
}

/// How an object left its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Departure {
    /// Seen moving.
    Moved,
    /// Out of sight for too long.
    Lost,
    /// The stream is lost or over.
    StreamEnded,
}

impl Departure {
    /// The word for it in an event's attributes.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Departure::Moved => "moved",
            Departure::Lost => "lost",
            Departure::StreamEnded => "stream_ended",
        }
    }
}

impl Standing {
    pub(crate) fn new(zone: Zone, classes: ClassFilter) -> Self {
        Self { zone, classes, places: Vec::new(), remembered: Vec::new(), next_place: 1 }
    }

    /// Those that stand, in the order in which they came. The rule sets `told`.
    pub(crate) fn places(&mut self) -> &mut [Place] {
        &mut self.places
    }

    /// Looks at one picture.
    pub(crate) fn observe(&mut self, scene: &Scene<'_>) -> Vec<Gone> {
        let mut free: Vec<&Track> =
            scene.tracks.iter().filter(|track| !track.predicted && self.classes.takes(track)).collect();
        for place in &mut self.places {
            let Some(own) = free.iter().position(|track| track.id == place.track.id) else { continue };
            if same_place(&place.bbox, &free[own].bbox) {
                place.see(scene.t_us, free.remove(own));
            } else {
                place.miss(scene.t_us, free[own]);
            }
        }
        self.adopt(scene, &mut free);
        self.settle(scene, &free);
        let mut gone = Vec::new();
        self.succeed(scene, &mut gone);
        self.part(scene, &mut gone);
        gone
    }

    /// All go: the stream is lost or over. What was told of is remembered from the next picture on, whose time may
    /// have nothing to do with this one's.
    pub(crate) fn finish(&mut self) -> Vec<Gone> {
        let how = Departure::StreamEnded;
        let gone: Vec<Gone> = self.places.drain(..).map(|place| Gone { t_us: place.seen_us, how, place }).collect();
        self.remembered.extend(gone.iter().map(|gone| gone.place.clone()).filter(|place| place.told));
        for place in &mut self.remembered {
            place.seen_us = OTHER_SESSION;
        }
        self.bound();
        gone
    }

    /// Those that stand, for looking at them only.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Place> {
        self.places.iter()
    }

    /// Those that are in the zone and of a class that does not count.
    pub(crate) fn beside(&self, scene: &Scene<'_>) -> Vec<Watched> {
        let here = |track: &&Track| !track.predicted && self.zone.contains(track.bbox.bottom_centre());
        let other = scene.tracks.iter().filter(here).filter(|track| !self.classes.takes(track));
        other.map(|track| Watched::object(track, Standpoint::OtherClass, Vec::new())).collect()
    }

    /// Places whose object is out of sight or elsewhere, and remembered ones, take the tracks that began in them.
    fn adopt(&mut self, scene: &Scene<'_>, free: &mut Vec<&Track>) {
        let mut heir = |place: &Rect| {
            let began_here = |track: &&Track| same_place(place, &track.bbox) && same_place(place, &track.first_bbox);
            free.iter().position(began_here).map(|index| free.remove(index))
        };
        for place in self.places.iter_mut().filter(|place| place.seen_us < scene.t_us) {
            if let Some(track) = heir(&place.bbox) {
                place.see(scene.t_us, track);
            }
        }
        for mut place in std::mem::take(&mut self.remembered) {
            place.seen_us = if place.seen_us == OTHER_SESSION { scene.t_us } else { place.seen_us };
            if let Some(track) = heir(&place.bbox) {
                place.since_us = place.since_us.min(scene.t_us);
                place.see(scene.t_us, track);
                self.places.push(place);
            } else if scene.t_us - place.seen_us <= REMEMBERED_US {
                self.remembered.push(place);
            }
        }
    }

    /// Tracks without a place get one where they are.
    fn settle(&mut self, scene: &Scene<'_>, free: &[&Track]) {
        for track in free {
            let homeless = self.places.iter().all(|place| place.track.id != track.id);
            if !homeless || !self.zone.contains(track.bbox.bottom_centre()) {
                continue;
            }
            let stood = same_place(&track.first_bbox, &track.bbox);
            let since_us = if stood { first_sample(scene, track).0 } else { scene.t_us };
            self.add(since_us, scene.t_us, (*track).clone(), track.bbox);
        }
    }

    fn add(&mut self, since_us: i64, seen_us: i64, track: Track, bbox: Rect) {
        let (id, counts_from_us) = (self.next_place, since_us);
        let place = Place { id, since_us, counts_from_us, seen_us, gap_us: 0, track, bbox, told: false, away: None };
        self.next_place += 1;
        self.places.push(place);
    }

    /// Another track has come to stand where an object is out of sight. Right after it, it is the same object under a
    /// number that it took from one passing by; later, the place has another object.
    fn succeed(&mut self, scene: &Scene<'_>, gone: &mut Vec<Gone>) {
        let settled = |new: &Place, old: &Place| {
            let stood = scene.t_us - new.since_us >= SETTLED_US || old.has_moved(scene.t_us);
            new.seen_us == scene.t_us && new.since_us >= old.seen_us && stood && same_place(&old.bbox, &new.bbox)
        };
        let places = &mut self.places;
        self.remembered.retain(|old| !places.iter().any(|new| settled(new, old)));
        let mut index = 0;
        while index < places.len() {
            let unseen = places[index].seen_us < scene.t_us;
            let successor = places.iter().position(|new| unseen && settled(new, &places[index]));
            let Some(successor) = successor else {
                index += 1;
                continue;
            };
            let new = places[successor].clone();
            if new.since_us - places[index].seen_us <= TAKEN_US {
                places[index].see(scene.t_us, &new.track);
                places.remove(successor);
                index = 0;
            } else {
                let place = places.remove(index);
                gone.push(Gone { t_us: place.seen_us, how: Departure::Lost, place });
            }
        }
    }

    /// Who was seen elsewhere or not at all for too long does not stand any more.
    fn part(&mut self, scene: &Scene<'_>, gone: &mut Vec<Gone>) {
        for mut place in std::mem::take(&mut self.places) {
            if let Some(away) = place.away.take_if(|away| scene.t_us - away.since_us >= MOVED_US) {
                gone.push(Gone { place, t_us: away.since_us, how: Departure::Moved });
                if self.zone.contains(away.track.bbox.bottom_centre()) {
                    self.add(away.stands_us, away.seen_us, away.track, away.bbox);
                }
            } else if scene.t_us - place.seen_us >= place.patience_us() {
                self.remembered.extend(place.told.then(|| place.clone()));
                gone.push(Gone { t_us: place.seen_us, how: Departure::Lost, place });
            } else {
                self.places.push(place);
            }
        }
        self.bound();
    }

    fn bound(&mut self) {
        let surplus = self.remembered.len().saturating_sub(REMEMBERED_MAX);
        self.remembered.drain(..surplus);
    }
}

impl Place {
    /// Where the object touches the ground.
    pub(crate) fn point(&self) -> Point {
        self.bbox.bottom_centre()
    }

    /// Whether its object is seen elsewhere.
    pub(crate) fn is_away(&self) -> bool {
        self.away.is_some()
    }

    fn see(&mut self, t_us: i64, track: &Track) {
        let dt_us = t_us - self.seen_us;
        self.gap_us = self.gap_us.max(dt_us);
        self.seen_us = t_us;
        self.away = None;
        self.track = track.clone();
        let part = (dt_us as f32 / FOLLOWS_US).clamp(0.0, 1.0);
        let towards = |from: f32, to: f32| from + (to - from) * part;
        let (own, new) = (&self.bbox, &track.bbox);
        if !within(own, new) {
            self.bbox = Rect::new(
                towards(own.x0, new.x0),
                towards(own.y0, new.y0),
                towards(own.x1, new.x1),
                towards(own.y1, new.y1),
            );
        }
    }

    /// Its object was seen elsewhere.
    fn miss(&mut self, t_us: i64, track: &Track) {
        let new = || Away { since_us: t_us, track: track.clone(), bbox: track.bbox, stands_us: t_us, seen_us: t_us };
        let away = self.away.get_or_insert_with(new);
        if !same_place(&away.bbox, &track.bbox) {
            away.bbox = track.bbox;
            away.stands_us = t_us;
        }
        away.track = track.clone();
        away.seen_us = t_us;
    }

    fn has_moved(&self, t_us: i64) -> bool {
        self.away.as_ref().is_some_and(|away| t_us - away.since_us >= MOVED_US)
    }

    fn patience_us(&self) -> i64 {
        (self.seen_us - self.since_us).clamp(PATIENCE_MIN_US, PATIENCE_MAX_US)
    }
}

/// Whether a box may be that of an object which stands at a place.
pub(crate) fn same_place(place: &Rect, bbox: &Rect) -> bool {
    let (a, b) = (place.bottom_centre(), bbox.bottom_centre());
    let (width, height) = (place.width().max(bbox.width()), place.height().max(bbox.height()));
    let near = (a.x - b.x).abs() <= SAME_PLACE * width && (a.y - b.y).abs() <= SAME_PLACE * height;
    near || within(place, bbox)
}

/// Whether a box lies within that of a place: what is seen of an object that is half hidden.
fn within(place: &Rect, bbox: &Rect) -> bool {
    bbox.area() < 0.7 * place.area() && place.shared(bbox) >= HIDDEN_PART * bbox.area()
}
