//! Who is in a zone: the part that intrusion, loitering, occupancy and crowd have in common. It decides when an object
//! has entered and left, so that a flickering box or track does not enter twice; what follows is left to the rules.
//!
//! - The point that counts is the bottom centre of the measured box. Predicted boxes neither enter nor leave.
//! - Entering takes two samples inside, leaving two samples clearly outside, or outside for `LEAVE_US`. The time that
//!   is told is that of the crossing itself, interpolated between the samples around it.
//! - An object first seen inside entered when it was first seen.
//! - A track that appears in the zone where one was just lost is the same object under a new number; how long and how far
//!   around it is looked for is the object's own business (`member.rs`).

use super::{Scene, Standpoint, Watched as Shown, geometry::Zone, member::Member, settings::ClassFilter};
use crate::{picture::Point, track::Track};

/// Outside for so long counts as left, however near to the border.
const LEAVE_US: i64 = 1_500_000;
/// Two samples farther from the border than this, in the object's own widths and heights, count as left at once.
const CLEARLY_OUTSIDE: f32 = 0.15;
/// Samples inside that make an entry.
const SAMPLES: u32 = 2;
/// So far from the border, in its own widths and heights, is well inside.
const WELL_INSIDE: f32 = 0.3;

/// The objects in one zone.
#[derive(Debug)]
pub(crate) struct Presence {
    zone: Zone,
    classes: ClassFilter,
    watched: Vec<Watched>,
    members: Vec<Member>,
    next_member: u64,
    /// Waits longer for who is lost well inside, and looks farther around.
    patient: bool,
}

/// What happened in the zone.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    /// An object came in, at this time and point.
    Entered { member: Member, at: Point },
    /// It went out.
    Left { member: Member, t_us: i64, at: Point, how: Ending },
}

/// How an object left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Seen going out.
    Left,
    /// Out of sight.
    Lost,
    /// The stream is lost or over.
    StreamEnded,
}

/// A track that is being watched.
#[derive(Debug)]
struct Watched {
    track: u64,
    last_us: i64,
    last: Point,
    member: Option<u64>,
    /// Samples on the other side than the decided one.
    doubt: Option<Doubt>,
}

#[derive(Debug, Clone, Copy)]
struct Doubt {
    since_us: i64,
    at: Point,
    samples: u32,
    clear_samples: u32,
}

impl Presence {
    pub(crate) fn new(zone: Zone, classes: ClassFilter) -> Self {
        Self { zone, classes, watched: Vec::new(), members: Vec::new(), next_member: 1, patient: false }
    }

    /// The same, for rules to which each object counts for itself: who is lost well inside is waited for longer, and may
    /// have walked on meanwhile. Where objects are counted, a crowd would last as long beyond its end.
    pub(crate) fn patient(zone: Zone, classes: ClassFilter) -> Self {
        Self { patient: true, ..Self::new(zone, classes) }
    }

    /// Those in the zone, in the order in which they came.
    pub(crate) fn members(&self) -> &[Member] {
        &self.members
    }

    /// Looks at one picture.
    pub(crate) fn observe(&mut self, scene: &Scene<'_>) -> Vec<Change> {
        let mut changes = Vec::new();
        for track in scene.tracks.iter().filter(|track| !track.predicted) {
            self.see(scene, track, &mut changes);
        }
        self.give_up(scene, &mut changes);
        let known = |id| scene.tracks.iter().any(|track| track.id == id);
        self.watched.retain(|watched| watched.member.is_some() || known(watched.track));
        changes
    }

    /// Everybody leaves: the stream is lost or over.
    pub(crate) fn finish(&mut self) -> Vec<Change> {
        self.watched.clear();
        let end = |member: Member| left(member.clone(), member.inside_us, member.point, Ending::StreamEnded);
        self.members.drain(..).map(end).collect()
    }

    /// The earliest time of a change that is not decided yet.
    pub(crate) fn pending_us(&self) -> Option<i64> {
        let doubts = self.watched.iter().filter_map(|watched| watched.doubt.map(|doubt| doubt.since_us));
        doubts.chain(self.members.iter().map(|member| member.inside_us)).min()
    }

    /// Those that are in the zone and not members: seen once, or of a class that does not count.
    pub(crate) fn beside(&self, scene: &Scene<'_>) -> Vec<Shown> {
        let here = |track: &&Track| !track.predicted && self.zone.contains(track.bbox.bottom_centre());
        let member = |track: &Track| self.members.iter().any(|member| member.track.id == track.id);
        let standing = |track: &Track| match self.classes.takes(track) {
            true => Standpoint::Undecided,
            false => Standpoint::OtherClass,
        };
        let beside = scene.tracks.iter().filter(here).filter(|track| !member(track));
        beside.map(|track| Shown::object(track, standing(track), Vec::new())).collect()
    }

    fn see(&mut self, scene: &Scene<'_>, track: &Track, changes: &mut Vec<Change>) {
        let index = match self.watched.iter().position(|watched| watched.track == track.id) {
            Some(index) => index,
            None if self.classes.takes(track) => self.meet(scene, track),
            None => return,
        };
        let watched = &mut self.watched[index];
        let (now, inside) = (track.bbox.bottom_centre(), self.zone.contains(track.bbox.bottom_centre()));
        watched.sample(&self.zone, scene.t_us, now, track);
        match watched.member {
            Some(id) => {
                let Some(place) = self.members.iter().position(|member| member.id == id) else { return };
                self.members[place].see(scene.t_us, track);
                if inside {
                    let well_inside = self.patient && self.zone.border_distance(now, &track.bbox) >= WELL_INSIDE;
                    let member = &mut self.members[place];
                    (member.inside_us, member.point, member.well_inside) = (scene.t_us, now, well_inside);
                } else if let Some(doubt) = watched.doubt.filter(|doubt| doubt.has_left(scene.t_us)) {
                    watched.member = None;
                    watched.doubt = None;
                    let member = self.members.remove(place);
                    changes.push(left(member, doubt.since_us, doubt.at, Ending::Left));
                }
            }
            None => {
                let Some(doubt) = watched.doubt.filter(|doubt| inside && doubt.samples >= SAMPLES) else { return };
                if !self.classes.takes(track) {
                    return;
                }
                let member = Member::new(self.next_member, doubt.since_us, scene.t_us, track);
                self.next_member += 1;
                watched.member = Some(member.id);
                watched.doubt = None;
                self.members.push(member.clone());
                changes.push(Change::Entered { member, at: doubt.at });
            }
        }
    }

    /// Starts watching a track. It may be one that was just lost here; else its first sighting is its first sample.
    fn meet(&mut self, scene: &Scene<'_>, track: &Track) -> usize {
        let (first_us, first) = first_sample(scene, track);
        let heir = self.zone.contains(first).then(|| self.lost_at(scene, track)).flatten();
        let mut watched = Watched { track: track.id, last_us: first_us, last: first, member: heir, doubt: None };
        if let Some(id) = heir {
            self.watched.retain(|other| other.member != Some(id));
        } else if self.zone.contains(first) && first_us < scene.t_us {
            watched.doubt = Some(Doubt { since_us: first_us, at: first, samples: 1, clear_samples: 0 });
        }
        self.watched.push(watched);
        self.watched.len() - 1
    }

    /// The member that was lost where this track appeared: not seen since the track began, and near.
    fn lost_at(&self, scene: &Scene<'_>, track: &Track) -> Option<u64> {
        let lost = self.members.iter().filter(|member| member.may_be(track, scene.t_us));
        let nearest = lost.min_by(|a, b| a.distance(track).total_cmp(&b.distance(track)));
        nearest.map(|member| member.id)
    }

    /// Members that are out of sight for too long have left.
    fn give_up(&mut self, scene: &Scene<'_>, changes: &mut Vec<Change>) {
        let mut kept = Vec::with_capacity(self.members.len());
        for member in self.members.drain(..) {
            if scene.t_us - member.track.last_seen_us < member.patience_us() {
                kept.push(member);
                continue;
            }
            let mut last = (member.inside_us, member.point, Ending::Lost);
            for watched in self.watched.iter_mut().filter(|watched| watched.member == Some(member.id)) {
                watched.member = None;
                if let Some(doubt) = watched.doubt.take() {
                    last = (doubt.since_us, doubt.at, Ending::Left);
                }
            }
            changes.push(left(member, last.0, last.1, last.2));
        }
        self.members = kept;
    }
}

impl Watched {
    /// Takes in a sample: doubt grows on the other side than the decided one, and ends on the decided one.
    fn sample(&mut self, zone: &Zone, t_us: i64, now: Point, track: &Track) {
        let inside = zone.contains(now);
        if inside == self.member.is_some() {
            self.doubt = None;
        } else {
            let clear = u32::from(zone.border_distance(now, &track.bbox) >= CLEARLY_OUTSIDE);
            let mut doubt = self.doubt.unwrap_or_else(|| {
                let part = zone.first_crossing(self.last, now).filter(|_| zone.contains(self.last) != inside);
                let part = part.unwrap_or(1.0);
                let since_us = self.last_us + ((t_us - self.last_us) as f64 * f64::from(part)).round() as i64;
                Doubt { since_us, at: self.last.towards(now, part), samples: 0, clear_samples: 0 }
            });
            doubt.samples += 1;
            doubt.clear_samples = if clear == 1 { doubt.clear_samples + 1 } else { 0 };
            self.doubt = Some(doubt);
        }
        self.last_us = t_us;
        self.last = now;
    }
}

impl Doubt {
    fn has_left(&self, t_us: i64) -> bool {
        self.clear_samples >= SAMPLES || t_us - self.since_us >= LEAVE_US
    }
}

impl Ending {
    /// The word for it in an event's attributes.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Ending::Left => "left",
            Ending::Lost => "lost",
            Ending::StreamEnded => "stream_ended",
        }
    }
}

/// When and where a track that is new to a rule was first seen. Only a fresh track has its first sighting right before
/// this one; one that was passed over until now (its class changed) begins now.
pub(crate) fn first_sample(scene: &Scene<'_>, track: &Track) -> (i64, Point) {
    if track.sightings <= 2 {
        (track.first_seen_us, track.first_bbox.bottom_centre())
    } else {
        (scene.t_us, track.bbox.bottom_centre())
    }
}

fn left(member: Member, t_us: i64, at: Point, how: Ending) -> Change {
    Change::Left { member, t_us, at, how }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::testing::{Seen, Walk, scene};

    /// Name, walk, and what is to be told of it.
    type Case<'a> = (&'a str, &'a [(i64, f32, f32)], &'a [(bool, i64)]);

    /// The zone is the lower right quarter; a walk is (t in tenths of a second, x, y) of the bottom centre.
    fn play(walk: &[(i64, f32, f32)]) -> Vec<(bool, i64)> {
        let zone = Zone::new(&[[0.5, 0.5], [1.0, 0.5], [1.0, 1.0], [0.5, 1.0]]).expect("a zone");
        let mut presence = Presence::new(zone, ClassFilter::default());
        let mut told = Vec::new();
        let mut objects = Walk::default();
        for &(tenths, x, y) in walk {
            let tracks = objects.step(tenths * 100_000, &[(1, x, y)]);
            for change in presence.observe(&scene(tenths * 100_000, &tracks)) {
                told.push(match change {
                    Change::Entered { member, .. } => (true, member.entered_us / 1000),
                    Change::Left { t_us, .. } => (false, t_us / 1000),
                });
            }
        }
        told
    }

    #[test]
    fn times_are_those_of_the_crossings_and_flicker_at_the_edge_is_one_stay() {
        let cases: &[Case<'_>] = &[
            (
                "in and out",
                &[(0, 0.3, 0.7), (2, 0.4, 0.7), (4, 0.6, 0.7), (6, 0.7, 0.7), (8, 0.4, 0.7), (10, 0.3, 0.7)],
                &[(true, 300), (false, 733)],
            ),
            ("first seen inside", &[(0, 0.7, 0.7), (2, 0.7, 0.7), (4, 0.7, 0.7)], &[(true, 0)]),
            ("one sample inside is a flicker", &[(0, 0.3, 0.7), (2, 0.6, 0.7), (4, 0.3, 0.7), (6, 0.3, 0.7)], &[]),
            (
                "one sample far outside is a flicker",
                &[(0, 0.7, 0.7), (2, 0.7, 0.7), (4, 0.1, 0.7), (6, 0.7, 0.7)],
                &[(true, 0)],
            ),
            (
                "jitter at the edge",
                &[
                    (0, 0.7, 0.7),
                    (2, 0.7, 0.7),
                    (4, 0.499, 0.7),
                    (6, 0.499, 0.7),
                    (8, 0.501, 0.7),
                    (10, 0.499, 0.7),
                    (12, 0.51, 0.7),
                ],
                &[(true, 0)],
            ),
            (
                "near the edge but outside for long",
                &[(0, 0.501, 0.7), (2, 0.501, 0.7), (4, 0.499, 0.7), (10, 0.499, 0.7), (20, 0.499, 0.7)],
                &[(true, 0), (false, 300)],
            ),
        ];
        for (name, walk, expected) in cases {
            assert_eq!(play(walk), *expected, "{name}");
        }
    }

    #[test]
    fn a_new_number_where_one_was_lost_is_the_same_object() {
        let zone = Zone::new(&[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]).expect("a zone");
        let mut presence = Presence::new(zone, ClassFilter::default());
        let mut objects = Walk::default();
        let mut changes = Vec::new();
        let shown: &[(i64, &[Seen])] = &[
            (0, &[(1, 0.5, 0.5), (2, 0.9, 0.5)]),
            (2, &[(1, 0.5, 0.5), (2, 0.9, 0.5)]),
            (10, &[(3, 0.52, 0.5)]), // 1 is back as 3; 2 is lost; 4 is somebody else
            (12, &[(3, 0.52, 0.5), (4, 0.2, 0.5)]),
            (14, &[(3, 0.52, 0.5), (4, 0.2, 0.5)]),
            (40, &[(3, 0.52, 0.5), (4, 0.2, 0.5)]),
        ];
        for (tenths, objects_now) in shown {
            let tracks = objects.step(tenths * 100_000, objects_now);
            changes.extend(presence.observe(&scene(tenths * 100_000, &tracks)));
        }
        let told: Vec<(bool, u64, u64)> = changes
            .iter()
            .map(|change| match change {
                Change::Entered { member, .. } => (true, member.id, member.track.id),
                Change::Left { member, .. } => (false, member.id, member.track.id),
            })
            .collect();
        assert_eq!(told, [(true, 1, 1), (true, 2, 2), (true, 3, 4), (false, 2, 2)]);
        assert_eq!(presence.members()[0].track.id, 3);
        assert_eq!(presence.members()[0].entered_us, 0);
    }

    #[test]
    fn who_stood_still_is_waited_for_and_who_walked_is_not() {
        let stays = |objects: &[(i64, Option<Seen>)]| -> Vec<i64> {
            let zone = Zone::new(&[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]).expect("a zone");
            let mut presence = Presence::new(zone, ClassFilter::default());
            let mut walk = Walk::default();
            let mut left = Vec::new();
            for (tenths, seen) in objects {
                let tracks = walk.step(tenths * 100_000, seen.as_slice());
                let changes = presence.observe(&scene(tenths * 100_000, &tracks));
                left.extend(changes.iter().filter_map(|change| match change {
                    Change::Left { t_us, .. } => Some(t_us / 100_000),
                    Change::Entered { .. } => None,
                }));
            }
            left
        };
        let shown = |from: i64, to: i64, id: u64, x: fn(i64) -> f32| {
            (from..to).step_by(2).map(move |tenths| (tenths, Some((id, x(tenths), 0.5))))
        };
        let gone = |from: i64, to: i64| (from..to).step_by(2).map(|tenths| (tenths, None));
        let still: Vec<_> =
            shown(0, 200, 1, |_| 0.5).chain(gone(200, 320)).chain(shown(320, 400, 2, |_| 0.51)).collect();
        assert_eq!(stays(&still), [0i64; 0], "twelve seconds out of sight, another number");
        let other: Vec<_> =
            shown(0, 200, 1, |_| 0.5).chain(gone(200, 320)).chain(shown(320, 400, 2, |_| 0.6)).collect();
        assert_eq!(stays(&other), [198], "somebody stands beside");
        let walked: Vec<_> = shown(0, 200, 1, |t| 0.1 + 0.004 * t as f32)
            .chain(gone(200, 320))
            .chain(shown(320, 400, 2, |_| 0.89))
            .collect();
        assert_eq!(stays(&walked), [198], "one who walked is not the one that comes later");
    }

    #[test]
    fn where_each_counts_who_is_lost_well_inside_is_waited_for_as_far_as_he_may_have_gone() {
        let stays = |make: fn(Zone, ClassFilter) -> Presence, from_x: f32, to_x: f32| -> usize {
            let zone = Zone::new(&[[0.1, 0.0], [1.0, 0.0], [1.0, 1.0], [0.1, 1.0]]).expect("a zone");
            let (mut presence, mut walk) = (make(zone, ClassFilter::default()), Walk::default());
            let mut entered = 0;
            for tenths in (0..200).step_by(2) {
                let step = 0.002 * tenths as f32;
                let seen: &[Seen] = match tenths {
                    0..40 => &[(1, from_x - 0.08 + step, 0.5)],
                    40..110 => &[],
                    _ => &[(2, to_x + step - 0.22, 0.5)],
                };
                let changes = presence.observe(&scene(tenths * 100_000, &walk.step(tenths * 100_000, seen)));
                entered += changes.iter().filter(|change| matches!(change, Change::Entered { .. })).count();
            }
            entered
        };
        assert_eq!(stays(Presence::patient, 0.5, 0.6), 1, "behind something for seven seconds");
        assert_eq!(stays(Presence::new, 0.5, 0.6), 2, "where objects are counted");
        assert_eq!(stays(Presence::patient, 0.5, 0.9), 2, "nobody is so fast");
        assert_eq!(stays(Presence::patient, 0.12, 0.2), 2, "at the border he may have left");
    }
}
