//! `crowd`: at least so many objects are in a zone for so many seconds. It begins when that time is reached and ends
//! when there are fewer, a short dip aside.

use schemars::{JsonSchema, schema_for};
use serde::Deserialize;

use super::{
    Descriptor, Measure, Phase, Rule, RuleError, RuleEvent, RuleKind, Scene, Severity, Watched,
    event::{Emitter, seconds},
    geometry::Zone,
    presence::{Change, Presence},
    settings::Head,
    stay::update_seconds,
    watching::lasted,
};

/// The line in the table of rules.
pub(super) const KIND: RuleKind = RuleKind {
    descriptor: DESCRIPTOR,
    about: "At least `count` objects are in a zone for `seconds` or longer.",
    classes: &[],
    parse,
    schema: || schema_for!(Settings),
};

const DESCRIPTOR: Descriptor = Descriptor {
    kind: "crowd",
    label_zh: "人员聚集",
    label_en: "Crowd",
    severity: Severity::High,
    merge_family: "density",
    momentary: false,
};

/// Fewer for less than this is a dip: somebody hidden by somebody else, which in a crowd is the rule.
const DIP_US: i64 = 2_000_000;
/// Comings and goings are kept for so long: longer than anybody is waited for who is out of sight, of whom it is known
/// late that he went before others did.
const MOVES_US: i64 = 20_000_000;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// Corners of the zone in the order of a walk around it, fractions of the picture from its top left.
    zone: Vec<[f32; 2]>,
    /// How many objects make a crowd.
    #[schemars(range(min = 1, max = 1000))]
    count: u32,
    /// For how long.
    seconds: f64,
    /// While it lasts, an update is sent each time that so many seconds have passed, and when there are more than ever.
    #[serde(default = "update_seconds")]
    update_seconds: f64,
}

fn parse(head: Head, table: toml::Table) -> Result<Box<dyn Rule>, RuleError> {
    let settings: Settings = head.settings(table)?;
    let zone = Zone::new(&settings.zone).map_err(|problem| head.invalid("zone", problem))?;
    if !(1..=1000).contains(&settings.count) {
        let problem = format!("{} is not a number of objects that can be counted", settings.count);
        return Err(head.invalid("count", (problem, "use 1–1000".to_owned())));
    }
    let after_us = head.duration_us("seconds", settings.seconds)?;
    let update_us = head.duration_us("update_seconds", settings.update_seconds)?;
    Ok(Box::new(Crowd {
        presence: Presence::new(zone, head.classes),
        emitter: head.emitter,
        enough: settings.count as usize,
        after_us,
        update_us,
        gathering: None,
        moves: Vec::new(),
    }))
}

#[derive(Debug)]
struct Crowd {
    presence: Presence,
    emitter: Emitter,
    enough: usize,
    after_us: i64,
    update_us: i64,
    gathering: Option<Gathering>,
    /// When somebody came (true) or went, of late; in no order.
    moves: Vec<(i64, bool)>,
}

/// Enough objects since a time; an event once it has a key.
#[derive(Debug)]
struct Gathering {
    since_us: i64,
    key: Option<u64>,
    fewer_since_us: Option<i64>,
    most: usize,
    told_us: i64,
    told_most: usize,
}

impl Gathering {
    /// Whether, not told yet, it was shorter than the dip after it, which is over now: somebody was seen twice.
    fn was_a_moment(&self, over_us: i64) -> bool {
        let fewer_us = self.fewer_since_us.filter(|_| self.key.is_none());
        fewer_us.is_some_and(|fewer_us| over_us - fewer_us > fewer_us - self.since_us)
    }
}

impl Crowd {
    /// Counts, and ends a gathering that has been too small for too long.
    fn count(&mut self, t_us: i64, changes: &[Change], over: bool, events: &mut Vec<RuleEvent>) {
        let count = self.presence.members().len();
        self.moves.retain(|(moved_us, _)| t_us - moved_us <= MOVES_US);
        self.moves.extend(changes.iter().map(|change| match change {
            Change::Entered { member, .. } => (member.entered_us, true),
            Change::Left { t_us, .. } => (*t_us, false),
        }));
        if count >= self.enough {
            let since_us = self.turned_us(count).unwrap_or(t_us);
            self.gathering.take_if(|past| past.was_a_moment(since_us));
            let gathering = self.gathering.get_or_insert(Gathering {
                since_us,
                key: None,
                fewer_since_us: None,
                most: count,
                told_us: since_us,
                told_most: count,
            });
            gathering.fewer_since_us = None;
            gathering.most = gathering.most.max(count);
            return;
        }
        let Some(mut gathering) = self.gathering.take() else { return };
        // Never before the crowd was one.
        let turned_us = self.turned_us(count).unwrap_or(t_us).max(gathering.since_us);
        let fewer_us = *gathering.fewer_since_us.get_or_insert(turned_us);
        if t_us - fewer_us < DIP_US && !over {
            self.gathering = Some(gathering);
        } else if let Some(key) = gathering.key {
            let at_us = fewer_us.max(gathering.since_us + self.after_us);
            events.push(self.event(Phase::End, at_us, key, count, &gathering));
        }
    }

    /// Since when there have been enough, or too few, as there are now: back from now through comings and goings.
    fn turned_us(&mut self, count: usize) -> Option<i64> {
        self.moves.sort_unstable_by_key(|(moved_us, _)| std::cmp::Reverse(*moved_us));
        let (is_enough, mut then) = (count >= self.enough, count);
        for &(moved_us, came) in &self.moves {
            then = if came { then.saturating_sub(1) } else { then + 1 };
            if (then >= self.enough) != is_enough {
                return Some(moved_us);
            }
        }
        None
    }

    /// Begins when the time is reached, and tells again what has changed or was told long ago.
    fn ripen(&mut self, t_us: i64, events: &mut Vec<RuleEvent>) {
        let Some(mut gathering) = self.gathering.take() else { return };
        let count = self.presence.members().len();
        let due_us = gathering.since_us + self.after_us;
        match gathering.key {
            None if gathering.fewer_since_us.is_none() && t_us >= due_us => {
                let key = self.emitter.key();
                gathering.key = Some(key);
                gathering.told_us = due_us;
                gathering.told_most = gathering.most;
                events.push(self.event(Phase::Begin, due_us, key, count, &gathering));
            }
            Some(key) if gathering.most > gathering.told_most || t_us - gathering.told_us >= self.update_us => {
                gathering.told_us = t_us;
                gathering.told_most = gathering.most;
                events.push(self.event(Phase::Update, t_us, key, count, &gathering));
            }
            _ => {}
        }
        self.gathering = Some(gathering);
    }

    fn event(&self, phase: Phase, t_us: i64, key: u64, count: usize, gathering: &Gathering) -> RuleEvent {
        let objects = |name, value: usize, threshold| Measure { name, value: value as f64, threshold, unit: "objects" };
        let lasted = Measure {
            name: "seconds_gathered",
            value: seconds(t_us - gathering.since_us),
            threshold: Some(seconds(self.after_us)),
            unit: "s",
        };
        self.emitter
            .event(phase, t_us, key)
            .because(objects("objects", count, Some(self.enough as f64)))
            .because(objects("objects_max", gathering.most, None))
            .because(lasted)
    }
}

impl Rule for Crowd {
    fn observe(&mut self, scene: &Scene<'_>, events: &mut Vec<RuleEvent>) {
        let changes = self.presence.observe(scene);
        self.count(scene.t_us, &changes, false, events);
        self.ripen(scene.t_us, events);
    }

    fn finish(&mut self, t_us: i64, events: &mut Vec<RuleEvent>) {
        let changes = self.presence.finish();
        self.count(t_us, &changes, true, events);
        self.moves.clear();
    }

    fn pending_us(&self) -> Option<i64> {
        // A dip that is forgiven lets the event begin in the past, at its due time; one that is not ends it there.
        let gathering = self.gathering.as_ref();
        let dip = gathering.and_then(|gathering| gathering.fewer_since_us);
        dip.into_iter().chain(self.presence.pending_us()).min()
    }

    fn watching(&self, scene: &Scene<'_>) -> Vec<Watched> {
        let count = self.presence.members().len();
        let enough = Some(self.enough as f64);
        let mut measures = vec![Measure { name: "objects", value: count as f64, threshold: enough, unit: "objects" }];
        let since_us = self.gathering.as_ref().map_or(scene.t_us, |gathering| gathering.since_us);
        measures.push(lasted("seconds_gathered", scene.t_us - since_us, Some(self.after_us)));
        let told = self.gathering.as_ref().is_some_and(|gathering| gathering.key.is_some());
        let all = Watched { track: None, standing: Watched::told_or_not(told), measures };
        std::iter::once(all).chain(self.presence.beside(scene)).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{Seen, Shot, measure, phases, play};

    const RULE: &str = "kind='crowd'\ncount=2\nseconds=1\nzone=[[0.5,0],[1,0],[1,1],[0.5,1]]";
    const ONE: &[Seen] = &[(1, 0.7, 0.5), (2, 0.2, 0.9), (3, 0.2, 0.2)];
    const TWO: &[Seen] = &[(1, 0.7, 0.5), (2, 0.8, 0.9)];
    const THREE: &[Seen] = &[(1, 0.7, 0.5), (2, 0.8, 0.9), (3, 0.9, 0.2)];

    fn shots(film: &[(i64, &[Seen])]) -> Vec<Shot> {
        film.iter().map(|(t, seen)| (*t, seen.to_vec())).collect()
    }

    #[test]
    fn it_begins_when_enough_were_there_for_long_enough() {
        let film =
            [(0, TWO), (2, TWO), (8, TWO), (14, TWO), (16, THREE), (18, THREE), (20, THREE), (22, ONE), (24, ONE)];
        let film: Vec<(i64, &[Seen])> = film.into_iter().chain([(40, ONE), (45, ONE), (60, ONE)]).collect();
        let events = play(RULE, &shots(&film));
        assert_eq!(phases(&events), [("begin", 10), ("update", 18), ("end", 21)]);
        assert_eq!(measure(&events[1], "objects_max"), 3.0);
        assert_eq!(events[0].measures[0].threshold, Some(2.0));
    }

    #[test]
    fn it_ends_when_there_were_too_few_and_not_when_the_first_went_out_of_sight() {
        // Three of which two are enough. The third is not seen any more from 10 s on, behind the others, and has stood
        // still: he is waited for. The second is seen going out at 16 s; that is when there were fewer.
        let film: Vec<Shot> = (0..150)
            .map(|n| {
                let t_s = n as f32 / 5.0;
                let second = if t_s < 16.0 { 0.8 } else { (0.8 - 0.2 * (t_s - 16.0)).max(0.1) };
                let all = [(1, 0.7, 0.5), (2, second, 0.9), (3, 0.9, 0.2)];
                (2 * n, all.into_iter().filter(|(id, ..)| *id != 3 || t_s < 13.0).collect())
            })
            .collect();
        let events = play(RULE, &film);
        let ends: Vec<f64> =
            events.iter().filter(|e| e.phase.as_str() == "end").map(|e| e.media_time_us as f64 / 1e6).collect();
        assert_eq!(ends.len(), 1, "{ends:?}");
        assert!((17.0..18.2).contains(&ends[0]), "{ends:?}");
    }

    #[test]
    fn a_short_dip_neither_ends_it_nor_starts_the_time_anew() {
        let film = [(0, TWO), (2, TWO), (4, TWO), (6, ONE), (8, ONE), (10, TWO), (12, TWO), (14, TWO)];
        assert_eq!(phases(&play(RULE, &shots(&film))), [("begin", 10), ("end", 14)]);
        let short = [(0, TWO), (2, TWO), (4, ONE), (6, ONE), (30, ONE), (32, ONE)];
        assert_eq!(play(RULE, &shots(&short)), []);
    }

    #[test]
    fn somebody_seen_twice_for_a_moment_is_not_its_beginning() {
        // Two for 0.3 s, one for 1.2 s, then two, who came between two pictures: due a second after that.
        let moment = [(0, TWO), (2, TWO), (4, ONE), (6, ONE), (8, ONE), (10, ONE), (12, ONE), (14, ONE)];
        let film: Vec<(i64, &[Seen])> = moment.into_iter().chain((16..40).step_by(2).map(|t| (t, TWO))).collect();
        let events = play(RULE, &shots(&film));
        assert_eq!(phases(&events)[0], ("begin", 25));
    }
}
