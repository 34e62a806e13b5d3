//! An object's stay in a zone as one event: begin after a time (at once for intrusion), updates, end. What `intrusion`
//! and `loiter` share; who is in the zone is `presence`'s business.

use super::{
    Measure, Phase, Rule, RuleEvent, Scene,
    event::{Emitter, seconds},
    geometry::Zone,
    presence::{Change, Member, Presence},
    settings::Head,
};
use crate::picture::Point;

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
}

#[derive(Debug)]
struct Open {
    member: u64,
    key: u64,
    told_us: i64,
}

impl Stay {
    /// A stay becomes an event after `after_us`, and is told again every `update_us`.
    pub(super) fn new(head: Head, zone: Zone, after_us: i64, update_us: i64) -> Self {
        let presence = Presence::new(zone, head.classes);
        Self { presence, emitter: head.emitter, after_us, update_us, open: Vec::new() }
    }

    fn begin(&mut self, member: &Member, at: Point, events: &mut Vec<RuleEvent>) {
        let (key, t_us) = (self.emitter.key(), member.entered_us + self.after_us);
        self.open.push(Open { member: member.id, key, told_us: t_us });
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
                Change::Entered { member, at } if self.after_us == 0 => self.begin(&member, at, events),
                Change::Entered { .. } => {}
                Change::Left { member, t_us, at, how } => {
                    let Some(place) = self.open.iter().position(|open| open.member == member.id) else { continue };
                    let open = self.open.remove(place);
                    // A begin is never after its end: the object may have crossed the border back and forth.
                    let t_us = t_us.max(member.entered_us + self.after_us);
                    let event = self.event(Phase::End, t_us, open.key, &member, at);
                    events.push(event.with("ended_by", how.as_str()));
                }
            }
        }
    }

    /// Those whose time is reached begin, those told long ago are told again.
    fn ripen(&mut self, t_us: i64, events: &mut Vec<RuleEvent>) {
        let seen: Vec<Member> =
            self.presence.members().iter().filter(|member| member.inside_us == t_us).cloned().collect();
        for member in seen {
            match self.open.iter_mut().find(|open| open.member == member.id) {
                Some(open) if t_us - open.told_us >= self.update_us => {
                    open.told_us = t_us;
                    let key = open.key;
                    events.push(self.event(Phase::Update, t_us, key, &member, member.point));
                }
                None if t_us - member.entered_us >= self.after_us => self.begin(&member, member.point, events),
                _ => {}
            }
        }
    }
}

impl Rule for Stay {
    fn observe(&mut self, scene: &Scene<'_>, events: &mut Vec<RuleEvent>) {
        let changes = self.presence.observe(scene);
        self.tell(changes, events);
        self.ripen(scene.t_us, events);
    }

    fn finish(&mut self, _t_us: i64, events: &mut Vec<RuleEvent>) {
        let changes = self.presence.finish();
        self.tell(changes, events);
    }

    fn pending_us(&self) -> Option<i64> {
        self.presence.pending_us()
    }
}
