//! From events to threads: where they happened, by what the registry knows of the camera.

use std::collections::{BTreeMap, HashMap};

use yiwang_wire::event::{Event, Phase};

use crate::merge::spot::{Located, Spot, Stand};
use crate::merge::{MAX_MEASURES, Measured, More, Thread, thread_id};
use crate::store::{Camera, RegistryEntry, Store, StoreResult, StoredEvent};

/// Kinds whose begin is all, where no gateway has described them.
const MOMENTARY: [&str; 3] = ["line_cross", "removed_object", "count"];
/// Width by height of a picture of unknown size.
const USUAL_ASPECT: f64 = 16.0 / 9.0;
/// Attributes by which a calibrated gateway says itself where on the ground it was.
const GROUND: [&str; 3] = ["longitude", "latitude", "position_error_m"];

/// What the registry knows of cameras and kinds.
#[derive(Debug, Default)]
pub(super) struct Registry {
    stands: HashMap<(String, String), Stand>,
    momentary: HashMap<String, bool>,
}

impl Registry {
    /// Reads it.
    pub(super) fn load(store: &dyn Store) -> StoreResult<Self> {
        let by_hand: HashMap<(String, String), RegistryEntry> = store.registry_entries()?.into_iter().collect();
        let stand = |camera: Camera| {
            let key = (camera.gateway.clone(), camera.info.id.clone());
            let entry = by_hand.get(&key).cloned().unwrap_or_default();
            (key, stand(&camera, &entry))
        };
        Ok(Registry {
            stands: store.cameras()?.into_iter().map(stand).collect(),
            momentary: store.kinds()?.into_iter().map(|kind| (kind.kind, kind.momentary)).collect(),
        })
    }

    /// Where an event happened and how its camera stands.
    fn place(&self, stored: &StoredEvent) -> (Option<Spot>, Option<Stand>) {
        let event = &stored.event;
        let camera = event.camera.clone().unwrap_or_default();
        let known = self.stands.get(&(stored.gateway.to_string(), camera)).copied();
        let stand = known.or_else(|| stored.place.map(|place| Stand { position: Some(place), ..Stand::default() }));
        let aspect = event.frame_px.filter(|(_, height)| *height > 0);
        let aspect = aspect.map_or(USUAL_ASPECT, |(width, height)| f64::from(width) / f64::from(height));
        let told = told(&event.attributes);
        (told.or_else(|| stand.and_then(|stand| stand.spot(event.point, aspect))), stand)
    }

    /// The thread that an event begins.
    pub(super) fn thread(&self, stored: &StoredEvent) -> Thread {
        let event = &stored.event;
        let (spot, stand) = self.place(stored);
        let momentary = self.momentary.get(&event.kind).copied();
        Thread {
            id: thread_id(&stored.gateway, event.id),
            event: event.id,
            gateway: stored.gateway.to_string(),
            camera: event.camera.clone(),
            camera_name: stored.camera_name.as_ref().map(|name| name.to_string()),
            department: stored.department.to_string(),
            kind: event.kind.clone(),
            rule: event.rule.clone(),
            severity: event.severity.into(),
            begin_us: event.captured_us,
            end_us: None,
            last_us: event.captured_us,
            time_error_us: i64::from(event.time_error_ms) * 1000,
            momentary: momentary.unwrap_or_else(|| MOMENTARY.contains(&event.kind.as_str())),
            spot,
            stand,
            point: event.point,
            class: event.subject.as_ref().map(|subject| subject.class.clone()),
            track: event.subject.as_ref().map(|subject| subject.track),
            epoch: stored.epoch,
            received_us: stored.received_us,
            late: stored.backfilled,
            measures: measures(event),
        }
    }
}

/// How a camera stands: what a person said goes before what its gateway says.
pub(crate) fn stand(camera: &Camera, entry: &RegistryEntry) -> Stand {
    Stand {
        position: entry.position.or(camera.info.place),
        heading_deg: entry.heading_deg.or(camera.info.heading_deg),
        field_of_view_deg: entry.field_of_view_deg.or(camera.info.field_of_view_deg),
        height_m: entry.height_m,
        tilt_deg: entry.tilt_deg,
        range_m: entry.range_m,
    }
}

/// What a calibrated gateway says of the place itself.
fn told(attributes: &[(String, String)]) -> Option<Spot> {
    let value = |name: &str| -> Option<f64> {
        let text = &attributes.iter().find(|(known, _)| known == name)?.1;
        text.parse().ok().filter(|value: &f64| value.is_finite())
    };
    let [longitude, latitude, error_m] = GROUND.map(value);
    let (longitude, latitude) = longitude.zip(latitude)?;
    let right = (-180.0..=180.0).contains(&longitude) && (-90.0..=90.0).contains(&latitude);
    right.then_some(Spot { longitude, latitude, error_m: error_m?.clamp(0.1, 1000.0), by: Located::Ground })
}

/// What the rule measured; what is no number is left out.
fn measures(event: &Event) -> BTreeMap<String, Measured> {
    let told = event.measures.iter().filter(|measure| measure.value.is_finite());
    let kept = told.take(MAX_MEASURES).map(|measure| {
        let measured = Measured { most: measure.value, threshold: measure.threshold, unit: measure.unit.clone() };
        (measure.name.clone(), measured)
    });
    kept.collect()
}

/// What an update or an end adds; none of a begin, and none where it does not say to what it belongs.
pub(super) fn more(stored: &StoredEvent) -> Option<More> {
    let event = &stored.event;
    let cause = event.cause.filter(|_| event.phase != Phase::Begin)?;
    Some(More {
        thread: thread_id(&stored.gateway, cause),
        captured_us: event.captured_us,
        end: event.phase == Phase::End,
        severity: event.severity.into(),
        measures: measures(event),
    })
}
