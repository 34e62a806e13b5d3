//! An object's stay in a zone as one event: begin after a time (at once for intrusion), updates, end. What `intrusion`
//! and `loiter` share; who is in the zone is `presence`'s business. Who stood still, was told of, went out of sight and
//! is found standing there again is no event until he moves.

use super::{
    Measure, Phase, Rule, RuleEvent, Scene, Standpoint, Watched,
    event::{Emitter, seconds},
    geometry::Zone,
    member::Member,
    presence::{Change, Ending, Presence},
    remembered::Remembered,
    settings::Head,
    standing::same_place,
    watching::lasted,
};
use crate::picture::{Point, Rect};

/// Default of `update_seconds`.
pub(super) fn update_seconds() -> f64 {
    30.0
}

/// A rule about stays.
#[derive(Debug)]
pub(super) struct Stay {
    presence: Presence,
    emitter: Emitter,
    after_us: i64,
    update_us: i64,
    open: Vec<Open>,
    remembered: Remembered,
    /// Members that were told of before and stand where they stood then.
    known: Vec<(u64, Rect)>,
}

#[derive(Debug)]
struct Open {
    member: u64,
    key: u64,
    told_us: i64,
    /// When it began.
    begun_us: i64,
}

impl Stay {
    /// A stay becomes an event after `after_us`, and is told again every `update_us`.
    pub(super) fn new(head: Head, zone: Zone, after_us: i64, update_us: i64) -> Self {
        let presence = Presence::patient(zone, head.classes);
        Self {
            presence,
            emitter: head.emitter,
            after_us,
            update_us,
            open: Vec::new(),
            remembered: Remembered::default(),
            known: Vec::new(),
        }
    }

    fn begin(&mut self, t_us: i64, member: &Member, at: Point, events: &mut Vec<RuleEvent>) {
        let key = self.emitter.key();
        self.open.push(Open { member: member.id, key, told_us: t_us, begun_us: t_us });
        events.push(self.event(Phase::Begin, t_us, key, member, at));
    }

    fn event(&self, phase: Phase, t_us: i64, key: u64, member: &Member, at: Point) -> RuleEvent {
        let stayed = Measure {
            name: "seconds_in_zone",
            value: seconds(t_us - member.entered_us),
            threshold: (self.after_us > 0).then(|| seconds(self.after_us)),
            unit: "s",
        };
        self.emitter.about(phase, t_us, key, &member.track, at).because(stayed)
    }

    fn tell(&mut self, changes: Vec<Change>, events: &mut Vec<RuleEvent>) {
        for change in changes {
            match change {
                Change::Entered { member, at } => match self.remembered.take(&member.track) {
                    Some(place) => self.known.push((member.id, place)),
                    None if self.after_us == 0 => self.begin(member.entered_us, &member, at, events),
                    None => {}
                },
                Change::Left { member, t_us, at, how } => {
                    self.remember(&member, how);
                    let Some(place) = self.open.iter().position(|open| open.member == member.id) else { continue };
                    let open = self.open.remove(place);
                    // A begin is never after its end: the object may have crossed the border back and forth.
                    let t_us = t_us.max(member.entered_us + self.after_us).max(open.begun_us);
                    let event = self.event(Phase::End, t_us, open.key, &member, at);
                    events.push(event.with("ended_by", how.as_str()));
                }
            }
        }
    }

    /// Whoever was told of and went out of sight while he stood is known when he is found there again.
    fn remember(&mut self, member: &Member, how: Ending) {
        let known = self.known.iter().position(|(id, _)| *id == member.id).map(|index| self.known.remove(index).1);
        let told = self.open.iter().any(|open| open.member == member.id);
        let place = known.or_else(|| member.stood().filter(|_| told));
        if let Some(place) = place.filter(|_| how != Ending::Left) {
            self.remembered.keep(place, member.inside_us);
        }
    }

    /// Those whose time is reached begin, those told long ago are told again.
    fn ripen(&mut self, t_us: i64, events: &mut Vec<RuleEvent>) {
        let seen: Vec<Member> =
            self.presence.members().iter().filter(|member| member.inside_us == t_us).cloned().collect();
        for member in seen {
            if let Some(index) = self.known.iter().position(|(id, _)| *id == member.id) {
                if same_place(&self.known[index].1, &member.track.bbox) {
                    continue;
                }
                self.known.remove(index);
                if t_us - member.entered_us >= self.after_us {
                    // It is his moving that is told.
                    self.begin(t_us, &member, member.point, events);
                }
                continue;
            }
            match self.open.iter_mut().find(|open| open.member == member.id) {
                Some(open) if t_us - open.told_us >= self.update_us => {
                    open.told_us = t_us;
                    let key = open.key;
                    events.push(self.event(Phase::Update, t_us, key, &member, member.point));
                }
                None if t_us - member.entered_us >= self.after_us => {
                    self.begin(member.entered_us + self.after_us, &member, member.point, events);
                }
                _ => {}
            }
        }
    }
}

impl Rule for Stay {
    fn observe(&mut self, scene: &Scene<'_>, events: &mut Vec<RuleEvent>) {
        self.remembered.pass(scene.t_us);
        let changes = self.presence.observe(scene);
        self.tell(changes, events);
        self.ripen(scene.t_us, events);
    }

    fn finish(&mut self, _t_us: i64, events: &mut Vec<RuleEvent>) {
        let changes = self.presence.finish();
        self.tell(changes, events);
        self.remembered.lose_time();
    }

    fn pending_us(&self) -> Option<i64> {
        self.presence.pending_us()
    }

    fn watching(&self, scene: &Scene<'_>) -> Vec<Watched> {
        let watched = |member: &Member| {
            let open = self.open.iter().any(|open| open.member == member.id);
            let known = self.known.iter().any(|(id, _)| *id == member.id);
            let standing = if known { Standpoint::Known } else { Watched::told_or_not(open) };
            let asked_us = (self.after_us > 0).then_some(self.after_us);
            let stayed = lasted("seconds_in_zone", scene.t_us - member.entered_us, asked_us);
            Watched::object(&member.track, standing, vec![stayed])
        };
        self.presence.members().iter().map(watched).chain(self.presence.beside(scene)).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{Shot, phases, play};

    const ZONE: &str = "classes=['person']\nzone=[[0.5,0],[1,0],[1,1],[0.5,1]]\nupdate_seconds=9999";

    /// From and to, and who is seen where.
    type Part = (i64, i64, Option<(u64, f32)>);

    /// Tenths of a second, who is seen and where; nobody where there is none.
    fn shown(parts: &[Part]) -> Vec<Shot> {
        let part = |&(from, to, seen): &Part| {
            (from..to).step_by(2).map(move |t| (t, seen.map(|(id, x)| (id, x, 0.5)).into_iter().collect()))
        };
        parts.iter().flat_map(part).collect()
    }

    #[test]
    fn who_stands_is_told_of_once_however_often_the_detector_loses_him_until_he_moves() {
        let stands = [
            (0, 600, Some((1, 0.7))),
            (600, 1000, None),
            (1000, 1200, Some((2, 0.71))),
            (1200, 3000, None),
            (3000, 3200, Some((3, 0.7))),
        ];
        let moves = [(3200, 3210, Some((3, 0.9)))];
        let elsewhere = [(3200, 3600, None), (3600, 3610, Some((4, 0.9)))];
        let late = [(3200, 9800, None), (9800, 9810, Some((5, 0.7)))];
        let too_late = [(3200, 28_000, None), (28_000, 28_010, Some((5, 0.7)))];
        let events = |rest: &[Part]| {
            let film = shown(&stands).into_iter().chain(shown(rest)).collect::<Vec<_>>();
            phases(&play(&format!("kind='intrusion'\n{ZONE}"), &film))
        };
        assert_eq!(events(&[]), [("begin", 0), ("end", 598)]);
        assert_eq!(events(&moves), [("begin", 0), ("end", 598), ("begin", 3200), ("end", 3208)]);
        assert_eq!(events(&elsewhere), [("begin", 0), ("end", 598), ("begin", 3600), ("end", 3608)], "another place");
        assert_eq!(events(&late), [("begin", 0), ("end", 598)], "found again twice, he may be overlooked for longer");
        assert_eq!(
            events(&too_late),
            [("begin", 0), ("end", 598), ("begin", 28_000), ("end", 28_008)],
            "forgotten after four times ten minutes"
        );
        let loiters = shown(&stands);
        assert_eq!(
            phases(&play(&format!("kind='loiter'\nseconds=8\n{ZONE}"), &loiters)),
            [("begin", 80), ("end", 598)]
        );
    }

    #[test]
    fn who_only_passed_is_told_of_again() {
        let film = shown(&[(0, 60, Some((1, 0.7))), (60, 400, None), (400, 460, Some((2, 0.7)))]);
        let events = play(&format!("kind='intrusion'\n{ZONE}"), &film);
        assert_eq!(phases(&events), [("begin", 0), ("end", 58), ("begin", 400), ("end", 458)]);
    }
}
