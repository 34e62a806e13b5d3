//! What is usual and what is not: looked for in the background, shown cut to the caller's view.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::access::Caller;
use super::error::{ApiError, ErrorBody};
use super::extract::Params;
use super::incidents::settings;
use super::{AppState, json};
use crate::registry::now_us;
use crate::store::{Store, StoreResult};
use crate::work::baseline::{self, AllUnusual, Unusual, Usual, WEEK_H, WEEKS, hour_of, unusual_in};

const HOUR_US: i64 = 3_600_000_000;
/// Hours that are looked at again each time: the one that runs, and the one before, into which late events come.
const AGAIN_H: i64 = 2;
/// Earlier hours that are looked at in one go after a start.
const AT_ONCE: usize = 24;
/// Lines of one answer.
const MAX_SHOWN: usize = 500;
/// What is looked back at where the request names no number.
const HOURS: i64 = 24;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(unusual)).routes(routes!(baselines))
}

/// Looks for what is unusual until stopped.
pub(super) async fn follow(
    store: Arc<dyn Store>,
    period_ms: u64,
    found: watch::Sender<Arc<AllUnusual>>,
    stop: CancellationToken,
) {
    let mut look = tokio::time::interval(Duration::from_millis(period_ms.max(1)));
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut looked_at = BTreeSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = look.tick() => {}
        }
        let (store, known, mut hours) = (store.clone(), found.borrow().clone(), std::mem::take(&mut looked_at));
        let looked = tokio::task::spawn_blocking(move || {
            let all = look_again(&*store, (*known).clone(), &mut hours, now_us());
            (all, hours)
        });
        match looked.await {
            Ok((Ok(all), hours)) => {
                looked_at = hours;
                found.send_replace(Arc::new(all));
            }
            Ok((Err(error), hours)) => {
                looked_at = hours;
                tracing::warn!(error = %crate::error::chain(&error), "what is unusual is not looked for, it is tried again");
            }
            Err(_) => return,
        }
    }
}

/// The newest hours, and some that were not looked at yet.
fn look_again(
    store: &dyn Store,
    mut all: AllUnusual,
    looked_at: &mut BTreeSet<i64>,
    now_us: i64,
) -> StoreResult<AllUnusual> {
    let now = hour_of(now_us);
    let (firsts, offset_min) = (store.hourly_firsts()?, settings(store)?.utc_offset_min);
    let newest = (0..AGAIN_H).map(|back| now - back);
    let earlier = (AGAIN_H..WEEK_H).map(|back| now - back).filter(|hour| !looked_at.contains(hour));
    for hour in newest.chain(earlier.take(AT_ONCE)).collect::<Vec<_>>() {
        let hours: Vec<i64> = std::iter::once(hour).chain(baseline::hours_before(hour)).collect();
        all.set(hour, unusual_in(hour, hour < now, &store.hourly(&hours)?, &firsts, offset_min));
        looked_at.insert(hour);
    }
    looked_at.retain(|hour| *hour > now - WEEK_H);
    all.forget_before(now - WEEK_H);
    Ok(all)
}

/// How far back.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Back {
    /// Hours: 1 to 168, 24 where it is left out.
    hours: Option<i64>,
}

/// Hours that were not as usual.
#[derive(Debug, Serialize, ToSchema)]
struct AllShown {
    /// Newest first.
    unusual: Vec<UnusualShown>,
}

/// An hour that was not as usual.
#[derive(Debug, Serialize, ToSchema)]
struct UnusualShown {
    /// `<gateway>/<camera>`.
    camera: String,
    /// The camera's name.
    camera_name: String,
    /// Whose camera.
    department: String,
    /// Kind.
    kind: String,
    /// Its begin.
    hour: String,
    /// How many began in it.
    count: u32,
    /// Median of earlier weeks.
    usual: f64,
    /// Least that is usual.
    low: u32,
    /// Most that is usual.
    high: u32,
    /// From so many weeks.
    weeks: usize,
    /// True where there were too many, false where too few.
    many: bool,
    /// The reason in English.
    text_en: String,
    /// The reason in Chinese.
    text_zh: String,
}

/// Hours in which a camera in view told of a kind more or less often than in the same hour of the weeks before.
#[utoipa::path(get, path = "/api/v1/reports/unusual", tag = "reports", params(Back),
    responses((status = 200, body = AllShown), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody)))]
async fn unusual(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
    Params(back): Params<Back>,
) -> Result<Json<AllShown>, ApiError> {
    let hours = back.hours.unwrap_or(HOURS);
    if !(1..=WEEK_H).contains(&hours) {
        return Err(ApiError::bad_request("hours is a number from 1 to 168.", "Ask for a week at most."));
    }
    let cameras = app.blocking(|app| app.store.cameras()).await?;
    let seen: HashMap<_, _> = cameras
        .into_iter()
        .filter(|camera| caller.view.sees(&camera.department))
        .map(|camera| ((camera.gateway, camera.info.id), (camera.info.name, camera.department)))
        .collect();
    let all = app.unusual.borrow().clone();
    let shown = all.since(hour_of(now_us()) - hours + 1).into_iter().filter_map(|one| {
        let (name, department) = seen.get(&one.camera)?;
        Some(shown(one, name, department))
    });
    Ok(Json(AllShown { unusual: shown.take(MAX_SHOWN).collect() }))
}

fn shown(one: &Unusual, name: &str, department: &str) -> UnusualShown {
    UnusualShown {
        camera: json::camera_id(&one.camera.0, &one.camera.1),
        camera_name: name.to_owned(),
        department: department.to_owned(),
        kind: one.kind.clone(),
        hour: json::rfc3339(one.hour * HOUR_US),
        count: one.count,
        usual: one.usual.usual,
        low: one.usual.low,
        high: one.usual.high,
        weeks: one.usual.weeks,
        many: one.is_many(),
        text_en: one.text_en(),
        text_zh: one.text_zh(),
    }
}

/// Which baselines.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Of {
    /// `<gateway>/<camera>`.
    camera: String,
    /// Kind; all where it is left out.
    kind: Option<String>,
}

/// What is usual before a camera.
#[derive(Debug, Serialize, ToSchema)]
struct Baselines {
    /// `<gateway>/<camera>`.
    camera: String,
    /// Minutes that the site's clock is ahead of UTC.
    utc_offset_min: i64,
    /// By kind.
    baselines: Vec<Baseline>,
}

/// What is usual of a kind.
#[derive(Debug, Serialize, ToSchema)]
struct Baseline {
    /// Kind.
    kind: String,
    /// From so many weeks, at most.
    weeks: usize,
    /// Hours of the week that are known; 0 is Monday 00:00 by the site's clock.
    hours: Vec<UsualShown>,
}

/// What is usual in an hour of the week.
#[derive(Debug, Serialize, ToSchema)]
struct UsualShown {
    /// Hour of the week.
    hour: usize,
    /// Median.
    usual: f64,
    /// Least that is usual.
    low: u32,
    /// Most that is usual.
    high: u32,
}

/// What is usual before a camera, by kind and hour of the week, from the twelve weeks before.
#[utoipa::path(get, path = "/api/v1/baselines", tag = "reports", params(Of),
    responses((status = 200, body = Baselines), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 404, body = ErrorBody)))]
async fn baselines(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
    Params(of): Params<Of>,
) -> Result<Json<Baselines>, ApiError> {
    let (gateway, camera) = of
        .camera
        .split_once('/')
        .map(|(gateway, camera)| (gateway.to_owned(), camera.to_owned()))
        .ok_or_else(|| ApiError::bad_request("camera can't be read.", "Give <gateway>/<camera>."))?;
    let now = hour_of(now_us());
    let key = (gateway, camera);
    let read = app.blocking(move |app| {
        let cameras = app.store.cameras()?;
        let is_it = |one: &&crate::store::Camera| one.gateway == key.0 && one.info.id == key.1;
        let seen = cameras.iter().find(is_it).is_some_and(|one| caller.view.sees(&one.department));
        if !seen {
            return Ok(None);
        }
        let counts = app.store.hourly_of(&key.0, &key.1, now - WEEKS * WEEK_H)?;
        let first = app.store.hourly_firsts()?.get(&key).copied();
        Ok(Some((counts, first, settings(&*app.store)?.utc_offset_min)))
    });
    let (counts, first, utc_offset_min) = read.await?.ok_or_else(|| ApiError::not_found("camera"))?;
    let mut kinds: std::collections::BTreeMap<String, HashMap<i64, u32>> = Default::default();
    for one in counts.into_iter().filter(|one| of.kind.as_ref().is_none_or(|kind| *kind == one.kind)) {
        kinds.entry(one.kind).or_default().insert(one.hour, one.count);
    }
    let of_kind = |(kind, counts): (String, HashMap<i64, u32>)| {
        let week = baseline::week(&counts, first.unwrap_or(now), now, utc_offset_min);
        let known = |(hour, usual): (usize, &Option<Usual>)| usual.map(|usual| (hour, usual));
        let known: Vec<(usize, Usual)> = week.iter().enumerate().filter_map(known).collect();
        Baseline {
            kind,
            weeks: known.iter().map(|(_, usual)| usual.weeks).max().unwrap_or(0),
            hours: known
                .into_iter()
                .map(|(hour, Usual { usual, low, high, .. })| UsualShown { hour, usual, low, high })
                .collect(),
        }
    };
    Ok(Json(Baselines { camera: of.camera, utc_offset_min, baselines: kinds.into_iter().map(of_kind).collect() }))
}
