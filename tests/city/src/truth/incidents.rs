//! Incidents across cameras: who takes part, and which cameras had one of them in sight.

use super::{Seen, TrueIncident};
use crate::world::Incident;

/// What is in sight: at least this part, and so high in a picture 360 high.
const VISIBLE_MIN: f32 = 0.3;
const HEIGHT_MIN_PX: f32 = 20.0;
/// Of bags.
const BAG_HEIGHT_MIN_PX: f32 = 10.0;

/// The incidents that have begun and which cameras saw them.
#[derive(Debug, Default)]
pub(super) struct Sightings {
    open: Vec<TrueIncident>,
    /// How many of the world's incidents are known.
    known: usize,
}

impl Sightings {
    /// A camera's picture shows these.
    pub(super) fn see(&mut self, camera: &str, seen: &[Seen]) {
        for incident in &mut self.open {
            let fair = |seen: &&Seen| {
                let least = if seen.class == "bag" { BAG_HEIGHT_MIN_PX } else { HEIGHT_MIN_PX };
                incident.actors.contains(&seen.id) && seen.visible >= VISIBLE_MIN && seen.bbox.height() * 360.0 >= least
            };
            if !incident.seen_by.iter().any(|known| known == camera) && seen.iter().any(|seen| fair(&seen)) {
                incident.seen_by.push(camera.to_owned());
            }
        }
    }

    /// Holds the world's incidents, in the order in which they began, against those known: gives what began or ended.
    pub(super) fn update(&mut self, incidents: &[Incident]) -> Vec<TrueIncident> {
        let mut told = Vec::new();
        self.open.retain_mut(|open| {
            let Some(now) = incidents.iter().find(|incident| incident.id == open.id) else { return true };
            open.actors.clone_from(&now.actors);
            open.to_us = now.to_us;
            if now.to_us.is_some() {
                told.push(open.clone());
            }
            now.to_us.is_none()
        });
        for incident in incidents.iter().skip(self.known) {
            let begun = TrueIncident {
                id: incident.id,
                kind: incident.kind,
                place_zh: incident.place_zh.to_owned(),
                place_en: incident.place_en.to_owned(),
                at: incident.at.to_array(),
                from_us: incident.from_us,
                to_us: incident.to_us,
                actors: incident.actors.clone(),
                seen_by: Vec::new(),
            };
            told.push(begun.clone());
            if incident.to_us.is_none() {
                self.open.push(begun);
            }
        }
        self.known = incidents.len();
        told
    }

    /// What still lasts when nobody looks any more.
    pub(super) fn finish(&mut self) -> Vec<TrueIncident> {
        std::mem::take(&mut self.open)
    }
}
