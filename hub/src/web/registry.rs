//! The registry of cameras: whose picture it is, who keeps it running, where it stands and looks; what is registered twice,
//! what is seen twice, what is covered and up to when.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::AppState;
use super::access::Caller;
use super::error::{ApiError, ErrorBody};
use super::extract::Body;
use super::json::{self, camera_id, rfc3339};
use super::working::note;
use crate::desk::stand;
use crate::merge::spot::{Stand, moved};
use crate::registry::now_us;
use crate::registry::report::{Pair, Standing, complete, own_area_m2, pairs, seen, surest};
use crate::store::{Camera, RegistryEntry, Store, StoreResult};

/// What is looked back on, microseconds.
const DAY_US: i64 = 24 * 3_600_000_000;
const MONTH_US: i64 = 30 * DAY_US;
/// Incidents of one camera that are held against another's.
const MAX_INCIDENTS: usize = 10_000;
/// Pairs of each sort that are told.
const MAX_PAIRS: usize = 500;
/// Longest name of an owner, characters.
const MAX_NAME: usize = 100;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(registry))
        .routes(routes!(set_entry))
        .routes(routes!(duplicates))
        .routes(routes!(coverage))
}

/// Cameras in view.
#[derive(Debug, Serialize, ToSchema)]
struct Registered {
    /// By gateway and id.
    cameras: Vec<RegisteredCamera>,
}

/// A camera as it is registered.
#[derive(Debug, Serialize, ToSchema)]
struct RegisteredCamera {
    /// `<gateway>/<camera>`.
    id: String,
    /// Name.
    name: String,
    /// Department of its gateway.
    department: String,
    /// Whose picture it is (来源方).
    owner: String,
    /// Who keeps it running (管理方).
    steward: String,
    /// WGS-84 longitude and latitude.
    position: Option<[f64; 2]>,
    /// Where it looks, degrees clockwise from north.
    heading_deg: Option<f64>,
    /// Horizontal angle of view.
    field_of_view_deg: Option<f64>,
    /// Height of the lens.
    height_m: Option<f64>,
    /// How far it looks down.
    tilt_deg: Option<f64>,
    /// How far it sees usefully.
    range_m: Option<f64>,
    /// What it sees of the ground, a polygon of longitudes and latitudes.
    footprint: Option<Vec<[f64; 2]>>,
    /// True where a point of its picture is a point of the ground.
    calibrated: bool,
    /// What a person set.
    by_hand: Vec<&'static str>,
}

/// Cameras in view that their gateways name, with what people said of them.
fn standing(store: &dyn Store, caller: &Caller) -> StoreResult<Vec<(Camera, RegistryEntry)>> {
    let mut entries: HashMap<(String, String), RegistryEntry> = store.registry_entries()?.into_iter().collect();
    let cameras = store.cameras()?.into_iter().filter(|c| c.present && caller.view.sees(&c.department));
    let with = |camera: Camera| {
        let entry = entries.remove(&(camera.gateway.clone(), camera.info.id.clone())).unwrap_or_default();
        (camera, entry)
    };
    Ok(cameras.map(with).collect())
}

fn registered(camera: &Camera, entry: &RegistryEntry) -> RegisteredCamera {
    let stand = stand(camera, entry);
    let set = [
        ("owner", entry.owner.is_some()),
        ("steward", entry.steward.is_some()),
        ("position", entry.position.is_some()),
        ("heading_deg", entry.heading_deg.is_some()),
        ("field_of_view_deg", entry.field_of_view_deg.is_some()),
        ("height_m", entry.height_m.is_some()),
        ("tilt_deg", entry.tilt_deg.is_some()),
        ("range_m", entry.range_m.is_some()),
    ];
    RegisteredCamera {
        id: camera_id(&camera.gateway, &camera.info.id),
        name: camera.info.name.clone(),
        department: camera.department.clone(),
        owner: entry.owner.clone().unwrap_or_else(|| camera.department.clone()),
        steward: entry.steward.clone().unwrap_or_else(|| camera.department.clone()),
        position: stand.position.map(Into::into),
        heading_deg: stand.heading_deg,
        field_of_view_deg: stand.field_of_view_deg,
        height_m: stand.height_m,
        tilt_deg: stand.tilt_deg,
        range_m: stand.range_m,
        footprint: footprint(&stand),
        calibrated: stand.is_calibrated(),
        by_hand: set.into_iter().filter(|(_, is_set)| *is_set).map(|(name, _)| name).collect(),
    }
}

fn footprint(stand: &Stand) -> Option<Vec<[f64; 2]>> {
    let (position, corners) = stand.position.zip(stand.footprint_m())?;
    Some(corners.into_iter().map(|corner| moved(position, corner).into()).collect())
}

/// Cameras in view as they are registered.
#[utoipa::path(get, path = "/api/v1/registry", tag = "registry",
    responses((status = 200, body = Registered), (status = 401, body = ErrorBody)))]
async fn registry(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Registered>, ApiError> {
    let cameras = app.blocking(move |app| standing(&*app.store, &caller)).await?;
    Ok(Json(Registered { cameras: cameras.iter().map(|(camera, entry)| registered(camera, entry)).collect() }))
}

/// What a person says of a camera: what is left out stays, null is as the gateway says.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[allow(dead_code, reason = "for the description; read by hand, because null and left out differ")]
struct EntryWish {
    /// Whose picture it is.
    owner: Option<String>,
    /// Who keeps it running.
    steward: Option<String>,
    /// WGS-84 longitude and latitude.
    position: Option<[f64; 2]>,
    /// Where it looks, degrees clockwise from north.
    heading_deg: Option<f64>,
    /// Horizontal angle of view.
    field_of_view_deg: Option<f64>,
    /// Height of the lens above the ground.
    height_m: Option<f64>,
    /// How far it looks down, degrees below the horizon.
    tilt_deg: Option<f64>,
    /// How far it sees usefully.
    range_m: Option<f64>,
}

fn check(entry: &RegistryEntry) -> Result<(), ApiError> {
    let bounds = [
        ("heading_deg", entry.heading_deg, -360.0, 360.0),
        ("field_of_view_deg", entry.field_of_view_deg, 1.0, 360.0),
        ("height_m", entry.height_m, 0.5, 500.0),
        ("tilt_deg", entry.tilt_deg, 1.0, 90.0),
        ("range_m", entry.range_m, 1.0, 1000.0),
        ("longitude", entry.position.map(|p| p.0), -180.0, 180.0),
        ("latitude", entry.position.map(|p| p.1), -90.0, 90.0),
    ];
    for (name, value, least, most) in bounds {
        if value.is_some_and(|value| !(least..=most).contains(&value)) {
            let text = format!("{name} must lie between {least} and {most}.");
            return Err(ApiError::bad_request(text, "Mend the request."));
        }
    }
    let names = [&entry.owner, &entry.steward];
    if names.iter().any(|name| name.as_ref().is_some_and(|name| name.chars().count() > MAX_NAME)) {
        return Err(ApiError::bad_request(format!("A name is longer than {MAX_NAME} characters."), "Shorten it."));
    }
    Ok(())
}

/// An entry with what is to be other.
fn changed(known: &RegistryEntry, change: &Value) -> Result<RegistryEntry, ApiError> {
    let wrong = |text: String| ApiError::bad_request(text, "See /api/openapi.json for what this takes.");
    let mut value = serde_json::to_value(known).map_err(|error| ApiError::internal(&error))?;
    let (Some(into), Some(from)) = (value.as_object_mut(), change.as_object()) else {
        return Err(wrong("This is no object.".into()));
    };
    for (name, wanted) in from {
        match into.get_mut(name) {
            Some(known) => known.clone_from(wanted),
            None => return Err(wrong(format!("There is no {name}."))),
        }
    }
    let entry: RegistryEntry = serde_json::from_value(value).map_err(|error| wrong(error.to_string()))?;
    check(&entry).map(|()| entry)
}

/// Sets what a person says of a camera.
#[utoipa::path(put, path = "/api/v1/registry/{gateway}/{camera}", tag = "registry",
    params(("gateway" = String, Path), ("camera" = String, Path)), request_body = EntryWish,
    responses((status = 204), (status = 400, body = ErrorBody), (status = 403, body = ErrorBody),
        (status = 404, body = ErrorBody)))]
async fn set_entry(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path((gateway, camera)): Path<(String, String)>,
    Body(change): Body<Value>,
) -> Result<StatusCode, ApiError> {
    let about = camera_id(&gateway, &camera);
    let key = (gateway.clone(), camera.clone());
    let known = app.blocking(|app| app.store.registry_entries()).await?;
    let known = known.into_iter().find(|(name, _)| *name == key).map(|(_, entry)| entry).unwrap_or_default();
    let entry = changed(&known, &change)?;
    app.blocking(move |app| app.store.set_registry_entry(&gateway, &camera, &entry)).await?;
    note(&app, &caller, peer, "registry.set", &about, change).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What is collected twice.
#[derive(Debug, Serialize, ToSchema)]
struct Duplicates {
    /// Registrations that are one device, as far as position and heading say.
    same_device: Vec<DuplicatePair>,
    /// Cameras whose views have much in common.
    overlapping: Vec<DuplicatePair>,
}

/// Two cameras that see the same.
#[derive(Debug, Serialize, ToSchema)]
struct DuplicatePair {
    /// The two.
    cameras: [String; 2],
    /// Their names.
    names: [String; 2],
    /// Their departments.
    departments: [String; 2],
    /// How far apart they stand.
    distance_m: f64,
    /// How much they are turned from each other.
    heading_apart_deg: Option<f64>,
    /// The share of the smaller view that the other sees too, 0–1.
    overlap: Option<f64>,
    /// Incidents that both reported in the last 30 days.
    both_reported: usize,
    /// Incidents that each reported.
    of: [usize; 2],
    /// How sure it is that both are one device, or the share of the views that overlaps, 0–1.
    sure: f64,
}

/// Devices that are registered twice, and cameras of any department in view that mostly see the same.
#[utoipa::path(get, path = "/api/v1/reports/duplicates", tag = "registry",
    responses((status = 200, body = Duplicates), (status = 401, body = ErrorBody)))]
async fn duplicates(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Duplicates>, ApiError> {
    let found = app.blocking(move |app| {
        let cameras = standing(&*app.store, &caller)?;
        let list = stands(&cameras);
        let (same, overlapping) = surest(pairs(&list), MAX_PAIRS);
        let all = |pairs: Vec<Pair>| -> StoreResult<Vec<DuplicatePair>> {
            pairs.iter().map(|pair| told(&*app.store, pair, &cameras)).collect()
        };
        Ok(Duplicates { same_device: all(same)?, overlapping: all(overlapping)? })
    });
    found.await.map(Json)
}

fn stands(cameras: &[(Camera, RegistryEntry)]) -> Vec<Standing> {
    let standing = |(camera, entry): &(Camera, RegistryEntry)| Standing {
        id: camera_id(&camera.gateway, &camera.info.id),
        department: camera.department.clone(),
        stand: stand(camera, entry),
    };
    cameras.iter().map(standing).collect()
}

fn told(store: &dyn Store, pair: &Pair, cameras: &[(Camera, RegistryEntry)]) -> StoreResult<DuplicatePair> {
    let [a, b] = pair.of.map(|index| &cameras[index].0);
    let incidents = |camera: &Camera| -> StoreResult<HashSet<uuid::Uuid>> {
        let since_us = now_us() - MONTH_US;
        Ok(store.camera_incidents(&camera.gateway, &camera.info.id, since_us, MAX_INCIDENTS)?.into_iter().collect())
    };
    let (first, second) = (incidents(a)?, incidents(b)?);
    Ok(DuplicatePair {
        cameras: [a, b].map(|camera| camera_id(&camera.gateway, &camera.info.id)),
        names: [a, b].map(|camera| camera.info.name.clone()),
        departments: [a, b].map(|camera| camera.department.clone()),
        distance_m: (pair.distance_m * 10.0).round() / 10.0,
        heading_apart_deg: pair.heading_apart_deg.map(|apart| (apart * 10.0).round() / 10.0),
        overlap: pair.overlap.map(|share| (share * 1000.0).round() / 1000.0),
        both_reported: first.intersection(&second).count(),
        of: [first.len(), second.len()],
        sure: (pair.sure() * 100.0).round() / 100.0,
    })
}

/// What is covered, and up to when.
#[derive(Debug, Serialize, ToSchema)]
struct Coverage {
    /// Each camera in view.
    cameras: Vec<CameraCoverage>,
    /// Each department in view.
    departments: Vec<DepartmentCoverage>,
    /// Ground that at least one sees.
    area_m2: f64,
    /// Ground that at least two see.
    seen_twice_m2: f64,
}

/// A camera's.
#[derive(Debug, Serialize, ToSchema)]
struct CameraCoverage {
    /// `<gateway>/<camera>`.
    id: String,
    /// Complete up to then, gaps excepted.
    complete_to: Option<String>,
    /// Seconds behind now.
    lag_s: Option<i64>,
    /// Seconds that are not known of the last day.
    gaps_24h_s: i64,
    /// Share of the last day that is known, 0–1.
    share_24h: f64,
    /// What it sees of the ground.
    area_m2: Option<f64>,
    /// `ok`, `starting`, `down` or `no_contact`.
    state: &'static str,
}

/// A department's.
#[derive(Debug, Serialize, ToSchema)]
struct DepartmentCoverage {
    /// Which.
    department: String,
    /// How many cameras.
    cameras: usize,
    /// Ground that at least one of them sees.
    area_m2: f64,
    /// Mean share of the last day that is known.
    share_24h: f64,
}

/// How each camera is now.
fn states(app: &AppState) -> StoreResult<HashMap<String, &'static str>> {
    let (presence, now_us) = (app.presence.snapshot(), now_us());
    let gateways = app.store.gateways()?.into_iter();
    let gateways: HashMap<String, json::Gateway> =
        gateways.map(|g| (g.id.clone(), json::gateway(g.clone(), presence.get(&g.id), 0, now_us))).collect();
    let state = |camera: Camera| {
        let (gateway, here) = (gateways.get(&camera.gateway), presence.get(&camera.gateway));
        let shown = json::camera(camera, gateway, here);
        (shown.id, shown.state)
    };
    Ok(app.store.cameras()?.into_iter().map(state).collect())
}

/// What the cameras in view see, and up to when each is complete.
#[utoipa::path(get, path = "/api/v1/reports/coverage", tag = "registry",
    responses((status = 200, body = Coverage), (status = 401, body = ErrorBody)))]
async fn coverage(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Coverage>, ApiError> {
    let read = app.blocking(move |app| Ok((standing(&*app.store, &caller)?, states(app)?)));
    let (cameras, states) = read.await?;
    let (now_us, list) = (now_us(), stands(&cameras));
    let seen = seen(&list);
    let mut departments: BTreeMap<String, (usize, f64)> = BTreeMap::new();
    let mut shown = Vec::new();
    for ((camera, _), standing) in cameras.iter().zip(&list) {
        let complete = complete(camera, now_us - DAY_US, now_us);
        let of = departments.entry(camera.department.clone()).or_default();
        (of.0, of.1) = (of.0 + 1, of.1 + complete.share);
        shown.push(CameraCoverage {
            id: standing.id.clone(),
            complete_to: camera.complete_to_us.map(rfc3339),
            lag_s: complete.lag_us.map(|lag_us| lag_us / 1_000_000),
            gaps_24h_s: complete.missing_us / 1_000_000,
            share_24h: complete.share,
            area_m2: own_area_m2(&standing.stand).map(f64::round),
            state: states.get(&standing.id).copied().unwrap_or("no_contact"),
        });
    }
    let department = |(department, (count, shares)): (String, (usize, f64))| DepartmentCoverage {
        area_m2: seen.by_department.get(&department).copied().unwrap_or(0.0),
        department,
        cameras: count,
        share_24h: shares / count.max(1) as f64,
    };
    Ok(Json(Coverage {
        cameras: shown,
        departments: departments.into_iter().map(department).collect(),
        area_m2: seen.area_m2,
        seen_twice_m2: seen.twice_m2,
    }))
}
