//! Who is near a thing that stands: what the rules about left and taken things have in common. Without a calibrated
//! camera, a person's own height is the measure of distance on the ground around it.

use super::{
    Scene,
    settings::{ClassFilter, Head},
    standing::Place,
};
use crate::{picture::ASPECT, track::Track};

/// Distances away from the camera look shorter by about this: cameras on poles look down by 20–35°.
const FORESHORTENED: f32 = 2.0;
/// Who stays near for so long attends the thing; who is there for less passes by: at 1.2 m/s right past it the usual
/// `near` to both sides takes 4.3 s.
const ATTENDS_US: i64 = 6_000_000;
/// Who is near so soon after the thing was put down has put it down.
const OWNER_US: i64 = 2_000_000;
/// A person who was near so long ago is still taken for one who is there: people hide one another.
const HIDDEN_US: i64 = 2_500_000;
/// Who was near is remembered for so long: longer than a thing that is out of sight is waited for.
const KEPT_US: i64 = 60_000_000;

/// Default of `near`.
pub(super) fn default_near() -> f32 {
    1.5
}

/// The people near the things of one rule.
#[derive(Debug)]
pub(super) struct Attendance {
    people: ClassFilter,
    near: f32,
    company: Vec<Company>,
}

/// A person near a thing.
#[derive(Debug)]
struct Company {
    place: u64,
    person: u64,
    since_us: i64,
    last_us: i64,
}

impl Attendance {
    /// `near` is in heights of the person.
    pub(super) fn new(head: &Head, near: f32) -> Result<Self, super::RuleError> {
        if !(0.2..=20.0).contains(&near) {
            let problem = format!("{near} is not a distance that can be used");
            return Err(head.invalid("near", (problem, "use 0.2–20, in heights of a person".to_owned())));
        }
        let people = ClassFilter::of(&["person"], &head.known);
        Ok(Self { people: people.map_err(|problem| head.invalid("kind", problem))?, near, company: Vec::new() })
    }

    /// Looks at one picture.
    pub(super) fn observe<'a>(&mut self, scene: &Scene<'_>, places: impl Iterator<Item = &'a Place>) {
        for place in places {
            for person in scene.tracks.iter().filter(|track| self.people.takes(track)) {
                if distance(place, person) > self.near {
                    continue;
                }
                let known = |company: &&mut Company| company.place == place.id && company.person == person.id;
                // Where he would be now is a guess: who is out of sight may as well have gone.
                match self.company.iter_mut().find(known) {
                    Some(company) => company.come(person.last_seen_us),
                    None => self.company.push(Company {
                        place: place.id,
                        person: person.id,
                        since_us: person.last_seen_us,
                        last_us: person.last_seen_us,
                    }),
                }
            }
        }
        self.company.retain(|company| scene.t_us - company.last_us <= KEPT_US);
    }

    /// The stream is lost or over.
    pub(super) fn forget(&mut self) {
        self.company.clear();
    }

    /// When somebody last attended the thing at a place; none if nobody lately.
    pub(super) fn attended_us(&self, place: &Place) -> Option<i64> {
        let put_down = |company: &Company| company.since_us <= place.since_us + OWNER_US;
        let stayed = |company: &&Company| company.last_us - company.since_us >= ATTENDS_US || put_down(company);
        self.at(place).filter(stayed).map(|company| company.last_us).max()
    }

    /// When somebody was last near, if only in passing.
    pub(super) fn near_us(&self, place: &Place) -> Option<i64> {
        self.at(place).map(|company| company.last_us).max()
    }

    fn at(&self, place: &Place) -> impl Iterator<Item = &Company> {
        let id = place.id;
        self.company.iter().filter(move |company| company.place == id)
    }
}

/// How far a person is from a thing, in heights of the person.
fn distance(place: &Place, person: &Track) -> f32 {
    let (thing, feet) = (place.point(), person.bbox.bottom_centre());
    let height = person.bbox.height().max(1e-3);
    let (dx, dy) = ((thing.x - feet.x) * ASPECT / height, (thing.y - feet.y) * FORESHORTENED / height);
    dx.hypot(dy)
}

impl Company {
    fn come(&mut self, t_us: i64) {
        if t_us - self.last_us > HIDDEN_US {
            self.since_us = t_us;
        }
        self.last_us = t_us;
    }
}
