//! What belongs together by the city's truth, and how a merge is scored against it: over pairs of events, how many that
//! were put together belong together, and how many that belong together were put together.

use std::collections::HashMap;

use yiwang_city::truth::TrueEvent;
use yiwang_city::world::{Incident, IncidentKind};

/// A rule tells of something this long before it began by the truth, at most, and this long after it ended: it waits,
/// and people walk in and out.
const BEFORE_US: i64 = 15_000_000;
const AFTER_US: i64 = 30_000_000;
/// Somebody who takes part in no incident and is told of again within this time is still at the same thing.
const SAME_DOING_US: i64 = 60_000_000;

/// What kinds of events tell of an incident.
fn tells_of(kind: &str) -> Option<IncidentKind> {
    Some(match kind {
        "intrusion" => IncidentKind::Intrusion,
        "line_cross" => IncidentKind::LineCross,
        "loiter" => IncidentKind::Loiter,
        "crowd" => IncidentKind::Crowd,
        "occupancy" => IncidentKind::Occupancy,
        "wrong_way" => IncidentKind::WrongWay,
        "stopped_vehicle" => IncidentKind::StoppedVehicle,
        "abandoned_object" => IncidentKind::AbandonedObject,
        "removed_object" => IncidentKind::RemovedObject,
        "speed_over" => IncidentKind::Speeding,
        _ => return None,
    })
}

/// What an event is about by the truth: two events with the same answer belong together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum About {
    /// This incident.
    Incident(u32),
    /// What somebody does who takes part in none.
    Doing(String, u32, i64),
    /// Nothing else tells of it.
    Alone(usize),
}

/// What each begin is about.
pub(super) fn about(begins: &[&TrueEvent], incidents: &[Incident]) -> Vec<About> {
    let mut doings: HashMap<(String, u32), (i64, i64)> = HashMap::new();
    let mut order: Vec<usize> = (0..begins.len()).collect();
    order.sort_by_key(|index| begins[*index].t_us);
    let mut all: Vec<About> = (0..begins.len()).map(About::Alone).collect();
    for index in order {
        let event = begins[index];
        let kind = tells_of(&event.kind);
        let holds = |incident: &&Incident| {
            let to_us = incident.to_us.unwrap_or(i64::MAX - AFTER_US);
            Some(incident.kind) == kind
                && event.actor.is_none_or(|actor| incident.actors.contains(&actor))
                && (incident.from_us - BEFORE_US..=to_us + AFTER_US).contains(&event.t_us)
        };
        let middle = |incident: &&Incident| (incident.from_us - event.t_us).abs();
        if let Some(incident) = incidents.iter().filter(holds).min_by_key(middle) {
            all[index] = About::Incident(incident.id);
        } else if let Some(actor) = event.actor {
            let doing = doings.entry((event.kind.clone(), actor)).or_insert((event.t_us, event.t_us));
            if event.t_us - doing.1 > SAME_DOING_US {
                doing.0 = event.t_us;
            }
            doing.1 = event.t_us;
            all[index] = About::Doing(event.kind.clone(), actor, doing.0);
        }
    }
    all
}

/// Pairs of events, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Pairs {
    /// Put together and belonging together.
    pub(super) right: u64,
    /// Put together.
    pub(super) found: u64,
    /// Belonging together.
    pub(super) true_ones: u64,
}

impl Pairs {
    /// Counts; both lists name a group for each event.
    pub(super) fn count<T: PartialEq, F: PartialEq>(truth: &[T], found: &[F]) -> Pairs {
        let mut pairs = Pairs::default();
        for a in 0..truth.len() {
            for b in a + 1..truth.len() {
                let (belong, together) = (truth[a] == truth[b], found[a] == found[b]);
                pairs.true_ones += u64::from(belong);
                pairs.found += u64::from(together);
                pairs.right += u64::from(belong && together);
            }
        }
        pairs
    }

    /// Adds another count.
    pub(super) fn add(&mut self, other: Pairs) {
        self.right += other.right;
        self.found += other.found;
        self.true_ones += other.true_ones;
    }

    /// Share of what was put together that belongs together.
    #[allow(clippy::cast_precision_loss, reason = "counts of one run")]
    pub(super) fn precision(&self) -> f64 {
        if self.found == 0 { 1.0 } else { self.right as f64 / self.found as f64 }
    }

    /// Share of what belongs together that was put together.
    #[allow(clippy::cast_precision_loss, reason = "counts of one run")]
    pub(super) fn recall(&self) -> f64 {
        if self.true_ones == 0 { 1.0 } else { self.right as f64 / self.true_ones as f64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_counted_both_ways() {
        let pairs = Pairs::count(&[1, 1, 1, 2, 3], &['a', 'a', 'b', 'b', 'c']);
        assert_eq!(pairs, Pairs { right: 1, found: 2, true_ones: 3 });
        assert!((pairs.precision() - 0.5).abs() < 1e-9 && (pairs.recall() - 1.0 / 3.0).abs() < 1e-9);
    }
}
