//! `removed_object`: a thing that has stood in a zone for long is taken away: it is seen moving, or is not seen any more
//! though nothing hides it, and somebody was near. A thing that only the detector loses has nobody near.

use schemars::{JsonSchema, schema_for};
use serde::Deserialize;

use super::{
    BAGS, Descriptor, Measure, Phase, Rule, RuleError, RuleEvent, RuleKind, Scene, Severity, Watched,
    attendance::{Attendance, default_near},
    event::{Emitter, seconds},
    geometry::Zone,
    settings::Head,
    standing::{Departure, Place, Standing},
    watching::lasted,
};
use crate::picture::Rect;

/// The line in the table of rules.
pub(super) const KIND: RuleKind = RuleKind {
    descriptor: DESCRIPTOR,
    about: "A thing that stood in a zone for `seconds` or longer is taken away.",
    classes: BAGS,
    parse,
    schema: || schema_for!(Settings),
};

const DESCRIPTOR: Descriptor = Descriptor {
    kind: "removed_object",
    label_zh: "物品移走",
    label_en: "Removed object",
    severity: Severity::High,
    merge_family: "object",
    momentary: true,
};

/// Bounds of how long a thing must be missing from its place with nothing before it. Between them it is twice the
/// longest time for which the detector lost it before.
const MISSING_MIN_US: i64 = 2_000_000;
const MISSING_MAX_US: i64 = 20_000_000;
/// Somebody was near if it was so long before the thing was last seen, or later.
const NEAR_US: i64 = 2_000_000;
/// A place is hidden if another object's box has this part of it.
const HIDDEN_PART: f32 = 0.2;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// Corners of the zone in the order of a walk around it, fractions of the picture from its top left.
    zone: Vec<[f32; 2]>,
    /// How long the thing must have stood there.
    #[serde(default = "default_seconds")]
    seconds: f64,
    /// Who is nearer than this may have taken it; in heights of the person, about.
    #[serde(default = "default_near")]
    near: f32,
}

fn default_seconds() -> f64 {
    60.0
}

fn parse(head: Head, table: toml::Table) -> Result<Box<dyn Rule>, RuleError> {
    let settings: Settings = head.settings(table)?;
    let zone = Zone::new(&settings.zone).map_err(|problem| head.invalid("zone", problem))?;
    let after_us = head.duration_us("seconds", settings.seconds)?;
    let attendance = Attendance::new(&head, settings.near)?;
    Ok(Box::new(RemovedObject {
        standing: Standing::new(zone, head.classes),
        attendance,
        emitter: head.emitter,
        after_us,
        missing: Vec::new(),
    }))
}

#[derive(Debug)]
struct RemovedObject {
    standing: Standing,
    attendance: Attendance,
    emitter: Emitter,
    after_us: i64,
    missing: Vec<Missing>,
}

/// A thing that is not seen in its place.
#[derive(Debug)]
struct Missing {
    place: u64,
    /// Since when nothing hides the place.
    bare_us: i64,
}

impl RemovedObject {
    fn tell(&mut self, place: &Place, t_us: i64, how: &str, events: &mut Vec<RuleEvent>) {
        let near = self.attendance.near_us(place).is_some_and(|near_us| near_us >= place.seen_us - NEAR_US);
        if !near || place.told || place.seen_us - place.since_us < self.after_us {
            return;
        }
        let stood = Measure {
            name: "seconds_standing",
            value: seconds(place.seen_us - place.since_us),
            threshold: Some(seconds(self.after_us)),
            unit: "s",
        };
        let key = self.emitter.key();
        let event = self.emitter.about(Phase::Begin, t_us, key, &place.track, place.point());
        events.push(event.because(stood).with("removed_by", how));
    }

    /// Things that are missing for long enough though nothing hides their place.
    fn miss(&mut self, scene: &Scene<'_>, events: &mut Vec<RuleEvent>) {
        let unseen: Vec<Place> =
            self.standing.iter().filter(|place| place.seen_us < scene.t_us && !place.is_away()).cloned().collect();
        self.missing.retain(|missing| unseen.iter().any(|place| place.id == missing.place));
        for place in unseen {
            let index = self.missing.iter().position(|missing| missing.place == place.id).unwrap_or_else(|| {
                self.missing.push(Missing { place: place.id, bare_us: place.seen_us });
                self.missing.len() - 1
            });
            if is_hidden(scene, &place) {
                self.missing[index].bare_us = scene.t_us;
            }
            let enough_us = (2 * place.gap_us).clamp(MISSING_MIN_US, MISSING_MAX_US);
            if scene.t_us - self.missing[index].bare_us >= enough_us && !place.told {
                self.tell(&place, place.seen_us, "vanished", events);
                // Whether it was taken or only lost: it is not asked again until it is seen again.
                for known in self.standing.places().iter_mut().filter(|known| known.id == place.id) {
                    known.told = true;
                }
            }
        }
    }
}

/// Whether the box of something else lies over the place. A predicted box counts: what it stands for is hidden itself.
fn is_hidden(scene: &Scene<'_>, place: &Place) -> bool {
    let covers = |bbox: &Rect| bbox.shared(&place.bbox) >= HIDDEN_PART * place.bbox.area();
    scene.tracks.iter().any(|track| track.id != place.track.id && covers(&track.bbox))
}

impl Rule for RemovedObject {
    fn observe(&mut self, scene: &Scene<'_>, events: &mut Vec<RuleEvent>) {
        let gone = self.standing.observe(scene);
        self.attendance.observe(scene, self.standing.iter());
        for gone in gone.iter().filter(|gone| gone.how == Departure::Moved) {
            self.tell(&gone.place, gone.t_us, "moved", events);
        }
        for place in self.standing.places().iter_mut().filter(|place| place.seen_us == scene.t_us) {
            place.told = false;
        }
        self.miss(scene, events);
    }

    fn finish(&mut self, _t_us: i64, _events: &mut Vec<RuleEvent>) {
        // Nobody knows what becomes of them.
        self.standing.finish();
        self.attendance.forget();
        self.missing.clear();
    }

    fn pending_us(&self) -> Option<i64> {
        let ripe = |place: &&Place| !place.told && place.seen_us - place.since_us >= self.after_us;
        self.standing.iter().filter(ripe).map(|place| place.seen_us).min()
    }

    fn watching(&self, scene: &Scene<'_>) -> Vec<Watched> {
        let watched = |place: &Place| {
            let stood = lasted("seconds_standing", place.seen_us - place.since_us, Some(self.after_us));
            Watched::object(&place.track, Watched::told_or_not(place.told), vec![stood])
        };
        self.standing.iter().map(watched).chain(self.standing.beside(scene)).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        picture::Rect,
        rules::testing::{Detector, FLICKERING, Script, standing_at, times, told, watch},
    };

    const RULE: &str = "kind='removed_object'\nseconds=20\nzone=[[0.1,0.3],[0.9,0.3],[0.9,1],[0.1,1]]";

    fn check(name: &str, seconds: i64, scene: Script<'_>, expected: &[(&str, f64)]) {
        for seed in 1..=20 {
            for (fps, missing) in [(2, 0.0), (5, 0.125), (12, 0.25)] {
                let events = watch(RULE, Detector { seed, fps, missing, ..FLICKERING }, seconds, scene);
                assert!(told(&events, expected, 1.5), "{name}, {fps} fps, seed {seed}: {:?}", times(&events));
            }
        }
    }

    fn person(x: f32) -> (&'static str, Rect) {
        ("person", standing_at(x, 0.6, 0.05, 0.22))
    }

    fn bag(x: f32) -> (&'static str, Rect) {
        ("suitcase", standing_at(x, 0.6, 0.04, 0.06))
    }

    /// Somebody comes from the left and is in the middle at 30 s, goes on at 32 s.
    fn comes(t: f32) -> f32 {
        0.5 - 0.05 * (30.0 - t).max(0.0) + 0.05 * (t - 32.0).max(0.0)
    }

    #[test]
    fn what_somebody_takes_away_is_told() {
        let carried: Script<'_> = &|t| vec![person(comes(t)), bag(if t < 31.0 { 0.5 } else { comes(t) })];
        check("seen being carried off", 50, carried, &[("begin", 32.3)]);
        let put_away: Script<'_> =
            &|t| if t < 31.0 { vec![person(comes(t)), bag(0.5)] } else { vec![person(comes(t))] };
        check("not seen any more", 50, put_away, &[("begin", 31.0)]);
    }

    #[test]
    fn what_is_hidden_or_lost_or_has_not_stood_for_long_is_not() {
        let passed: Script<'_> = &|t| {
            let hidden = (29.5..32.5).contains(&t);
            let bag = (!hidden).then(|| bag(0.5));
            [person(comes(t))].into_iter().chain(bag).collect()
        };
        check("somebody stands before it", 50, passed, &[]);
        let lost: Script<'_> = &|t| if (25.0..40.0).contains(&t) { vec![] } else { vec![bag(0.5)] };
        check("the detector loses it", 50, lost, &[]);
        let short: Script<'_> = &|t| {
            let bag = (15.0..31.0).contains(&t).then(|| bag(0.5));
            [person(comes(t))].into_iter().chain(bag).collect()
        };
        check("it stood for a short while", 50, short, &[]);
    }
}
