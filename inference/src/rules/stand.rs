//! An object's standing somewhere as one event: begin after a time, updates, end. What `stopped_vehicle` and
//! `abandoned_object` share; who stands where is `standing`'s business.

use super::{
    Measure, Phase, RuleEvent, Scene, Standpoint, Watched,
    event::{Emitter, seconds},
    geometry::Zone,
    settings::Head,
    standing::{Gone, Place, Standing, same_place},
    watching::lasted,
};
use crate::picture::Rect;

/// Default of `update_seconds` where an object may stand for hours.
pub(super) fn update_seconds() -> f64 {
    300.0
}

/// When events come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    /// A place becomes an event so long after its time began to count.
    pub(super) after_us: i64,
    /// It is told again so often.
    pub(super) update_us: i64,
    /// What that time is called.
    pub(super) measure: &'static str,
}

/// A rule about standing objects.
#[derive(Debug)]
pub(super) struct Stand {
    standing: Standing,
    emitter: Emitter,
    times: Times,
    open: Vec<Open>,
}

#[derive(Debug)]
struct Open {
    place: u64,
    key: u64,
    told_us: i64,
}

impl Stand {
    pub(super) fn new(head: Head, zone: Zone, times: Times) -> Self {
        Self { standing: Standing::new(zone, head.classes), emitter: head.emitter, times, open: Vec::new() }
    }

    /// Sees who stands where; who does not any more ends.
    pub(super) fn look(&mut self, scene: &Scene<'_>, events: &mut Vec<RuleEvent>) {
        let gone = self.standing.observe(scene);
        self.end(gone, events);
    }

    /// The places, for what the rule knows of them beside their standing.
    pub(super) fn places(&mut self) -> &mut [Place] {
        self.standing.places()
    }

    /// Those whose time is reached begin, those told long ago are told again. What stands where another was told of is a
    /// part of it, or the whole.
    pub(super) fn ripen(&mut self, t_us: i64, events: &mut Vec<RuleEvent>) {
        let Times { after_us, update_us, .. } = self.times;
        let mut open: Vec<Rect> = self.standing.iter().filter(|place| self.is_open(place)).map(|p| p.bbox).collect();
        for place in self.standing.places().iter_mut().filter(|place| place.seen_us == t_us) {
            let due_us = place.counts_from_us + after_us;
            if let Some(open) = self.open.iter_mut().find(|open| open.place == place.id) {
                if t_us - open.told_us >= update_us {
                    open.told_us = t_us;
                    events.push(event(&self.emitter, self.times, Phase::Update, t_us, open.key, place));
                }
            } else if !place.told && t_us >= due_us {
                place.told = true;
                if open.iter().any(|other| same_place(other, &place.bbox) || same_place(&place.bbox, other)) {
                    continue;
                }
                open.push(place.bbox);
                let key = self.emitter.key();
                self.open.push(Open { place: place.id, key, told_us: due_us });
                events.push(event(&self.emitter, self.times, Phase::Begin, due_us, key, place));
            }
        }
    }

    /// The stream is lost or over.
    pub(super) fn finish(&mut self, events: &mut Vec<RuleEvent>) {
        let gone = self.standing.finish();
        self.end(gone, events);
    }

    /// The earliest time of an event that is not decided yet: an open one may end where its object was last seen,
    /// another begins when its time is reached, and not before.
    pub(super) fn pending_us(&self) -> Option<i64> {
        let pending = |place: &Place| {
            let begin_us = (!place.told).then_some(place.counts_from_us + self.times.after_us);
            if self.is_open(place) { Some(place.seen_us) } else { begin_us }
        };
        self.standing.iter().filter_map(pending).min()
    }

    /// Who stands there, and for how long so far.
    pub(super) fn watching(&self, scene: &Scene<'_>) -> Vec<Watched> {
        let watched = |place: &Place| {
            let open = self.is_open(place);
            let standing = if place.told && !open { Standpoint::Known } else { Watched::told_or_not(open) };
            let stood = lasted(self.times.measure, scene.t_us - place.counts_from_us, Some(self.times.after_us));
            Watched::object(&place.track, standing, vec![stood])
        };
        self.standing.iter().map(watched).chain(self.standing.beside(scene)).collect()
    }

    fn is_open(&self, place: &Place) -> bool {
        self.open.iter().any(|open| open.place == place.id)
    }

    fn end(&mut self, gone: Vec<Gone>, events: &mut Vec<RuleEvent>) {
        for Gone { place, t_us, how } in gone {
            let Some(index) = self.open.iter().position(|open| open.place == place.id) else { continue };
            // Its event goes on with what stands in the same place.
            let heir = |other: &&Place| other.told && !self.is_open(other) && same_place(&other.bbox, &place.bbox);
            if let Some(heir) = self.standing.iter().find(heir).map(|other| other.id) {
                self.open[index].place = heir;
                continue;
            }
            let open = self.open.remove(index);
            let t_us = t_us.max(open.told_us);
            let end = event(&self.emitter, self.times, Phase::End, t_us, open.key, &place);
            events.push(end.with("ended_by", how.as_str()));
        }
    }
}

fn event(emitter: &Emitter, times: Times, phase: Phase, t_us: i64, key: u64, place: &Place) -> RuleEvent {
    let stood = Measure {
        name: times.measure,
        value: seconds(t_us - place.counts_from_us),
        threshold: Some(seconds(times.after_us)),
        unit: "s",
    };
    emitter.about(phase, t_us, key, &place.track, place.point()).because(stood)
}
