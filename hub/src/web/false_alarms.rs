//! What false alarms teach: cameras and rules by how often they were wrong, with a threshold that would have helped, and any
//! threshold tried on the stored past. Nothing here changes a gateway: a person sets the line that is named.

use axum::extract::State;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::access::Caller;
use super::error::{ApiError, ErrorBody};
use super::extract::Params;
use super::incident_json::finding_text;
use super::{AppState, json};
use crate::registry::now_us;
use crate::share::View;
use crate::store::{Store, StoreResult};
use crate::work::findings::{
    Case, Judged, Preview, Proposal, RuleCases, RuleName, by_rule, count, key_of, preview, propose,
};

const DAY_US: i64 = 24 * 3_600_000_000;
/// Where the request names no number.
const DAYS: i64 = 30;
const DAYS_MAX: i64 = 365;
/// Rules that are ranked.
const MAX_RANKED: usize = 100;
/// Sources that are looked at: of all that was closed, and of one camera.
const MAX_SOURCES: usize = 100_000;
const MAX_OF_CAMERA: usize = 10_000;
/// Incidents that a preview names.
const MAX_NAMED: usize = 100;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(ranking)).routes(routes!(previewed))
}

/// How far back.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Back {
    /// Days: 1 to 365, 30 where it is left out.
    days: Option<i64>,
}

/// Cameras' rules by how often they were wrong.
#[derive(Debug, Serialize, ToSchema)]
struct FalseAlarms {
    /// Days that were looked at.
    days: i64,
    /// Since then.
    from: String,
    /// Most false alarms first.
    ranking: Vec<Ranked>,
}

/// A camera's rule.
#[derive(Debug, Serialize, ToSchema)]
struct Ranked {
    /// `<gateway>/<camera>`.
    camera: String,
    /// The camera's name.
    camera_name: Option<String>,
    /// Whose camera.
    department: String,
    /// Rule.
    rule: String,
    /// Kind.
    kind: String,
    /// Incidents that it took part in.
    incidents: usize,
    /// Of these closed with a finding.
    closed: usize,
    /// Of these: it happened.
    #[serde(rename = "true")]
    true_ones: usize,
    /// Of these: it did not.
    false_alarms: usize,
    /// Of these: exercises.
    exercises: usize,
    /// False alarms of what was true or false.
    share: f64,
    /// What can be tried.
    measures: Vec<MeasureShown>,
    /// What would have helped; null where nothing would without losing what was true, or too little is judged.
    proposal: Option<Tried>,
}

/// What a rule measures.
#[derive(Debug, Serialize, ToSchema)]
struct MeasureShown {
    /// Name.
    name: String,
    /// Unit.
    unit: String,
    /// Threshold in force.
    threshold: f64,
    /// Key of the rule in `gateway.toml`; null where none sets it.
    key: Option<&'static str>,
}

/// A threshold, tried on the stored past.
#[derive(Debug, Serialize, ToSchema)]
struct Tried {
    /// What is measured.
    measure: String,
    /// Unit.
    unit: String,
    /// In force.
    threshold: f64,
    /// Tried.
    to: f64,
    would_drop_false: usize,
    would_keep_false: usize,
    would_drop_true: usize,
    would_keep_true: usize,
    would_drop_unjudged: usize,
    would_keep_unjudged: usize,
    /// What a person sets at the gateway; null where no key does it.
    set: Option<Setting>,
}

/// The line to be set.
#[derive(Debug, Serialize, ToSchema)]
struct Setting {
    /// `gateway.toml`.
    file: &'static str,
    /// At which gateway.
    gateway: String,
    /// Camera.
    camera: String,
    /// Rule.
    rule: String,
    /// Key.
    key: &'static str,
    /// Value.
    value: f64,
    /// The line as it is written.
    line: String,
    /// Where, in Chinese.
    where_zh: String,
    /// Where, in English.
    where_en: String,
}

fn since_us(days: Option<i64>) -> Result<(i64, i64), ApiError> {
    let days = days.unwrap_or(DAYS);
    if !(1..=DAYS_MAX).contains(&days) {
        return Err(ApiError::bad_request("days is a number from 1 to 365.", "Ask for a year at most."));
    }
    Ok((days, now_us() - days * DAY_US))
}

/// Cameras' rules in view by how often what they told of was closed as a false alarm, each with a threshold that would have
/// kept false alarms away and nothing true, where there is one.
#[utoipa::path(get, path = "/api/v1/reports/false-alarms", tag = "reports", params(Back),
    responses((status = 200, body = FalseAlarms), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody)))]
async fn ranking(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
    Params(back): Params<Back>,
) -> Result<Json<FalseAlarms>, ApiError> {
    let (days, from_us) = since_us(back.days)?;
    let ranked = app.blocking(move |app| rank(&*app.store, &caller.view, from_us)).await?;
    Ok(Json(FalseAlarms { days, from: json::rfc3339(from_us), ranking: ranked }))
}

fn rank(store: &dyn Store, view: &View, from_us: i64) -> StoreResult<Vec<Ranked>> {
    let closed = in_view(store.judged(None, from_us, MAX_SOURCES)?, view);
    let mut wrong: Vec<(usize, RuleName)> = by_rule(closed)
        .into_iter()
        .map(|(name, rule)| (count(rule.cases.iter()).false_alarms, name))
        .filter(|(false_alarms, _)| *false_alarms > 0)
        .collect();
    wrong.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    wrong.truncate(MAX_RANKED);
    let mut ranked = Vec::new();
    for (_, name) in wrong {
        // Again with what nobody has judged.
        if let Some(rule) = cases_of(store, view, &name, from_us)? {
            ranked.push(shown(&name, &rule));
        }
    }
    Ok(ranked)
}

fn in_view(sources: Vec<Judged>, view: &View) -> Vec<Judged> {
    sources.into_iter().filter(|source| view.sees(&source.thread.department)).collect()
}

fn cases_of(store: &dyn Store, view: &View, name: &RuleName, from_us: i64) -> StoreResult<Option<RuleCases>> {
    let sources = store.judged(Some((&name.gateway, &name.camera)), from_us, MAX_OF_CAMERA)?;
    let of_rule =
        in_view(sources, view).into_iter().filter(|source| RuleName::of(&source.thread).as_ref() == Some(name));
    Ok(by_rule(of_rule.collect()).remove(name))
}

fn shown(name: &RuleName, rule: &RuleCases) -> Ranked {
    let counts = count(rule.cases.iter());
    let measure = |(name, (threshold, unit)): (&String, &(f64, String))| MeasureShown {
        name: name.clone(),
        unit: unit.clone(),
        threshold: *threshold,
        key: key_of(&rule.kind, name).map(|row| row.key),
    };
    Ranked {
        camera: json::camera_id(&name.gateway, &name.camera),
        camera_name: rule.camera_name.clone(),
        department: rule.department.clone(),
        rule: name.rule.clone(),
        kind: rule.kind.clone(),
        incidents: rule.cases.len(),
        closed: rule.cases.len() - counts.unjudged,
        true_ones: counts.true_ones,
        false_alarms: counts.false_alarms,
        exercises: counts.exercises,
        share: counts.false_alarms as f64 / (counts.false_alarms + counts.true_ones).max(1) as f64,
        measures: rule.thresholds.iter().map(measure).collect(),
        proposal: propose(rule).map(|Proposal { measure, to, .. }| {
            let tried_on = preview(&rule.cases, &measure, to);
            tried(name, rule, &measure, to, &tried_on)
        }),
    }
}

fn tried(name: &RuleName, rule: &RuleCases, measure: &str, to: f64, preview: &Preview<'_>) -> Tried {
    let (threshold, unit) = rule.thresholds.get(measure).cloned().unwrap_or_default();
    let (gateway, camera, id) = (name.gateway.clone(), name.camera.clone(), name.rule.clone());
    // Numbers as TOML and people write them; names quoted as TOML quotes them.
    let set = key_of(&rule.kind, measure).map(|row| Setting {
        file: "gateway.toml",
        key: row.key,
        value: to,
        line: format!("{} = {to}", row.key),
        where_zh: format!("在 [[camera]] id = {camera:?} 的 [[camera.rule]] id = {id:?} 中"),
        where_en: format!("in [[camera.rule]] id = {id:?} of [[camera]] id = {camera:?}"),
        gateway,
        camera,
        rule: id,
    });
    Tried {
        measure: measure.to_owned(),
        unit,
        threshold,
        to,
        would_drop_false: preview.lost.false_alarms,
        would_keep_false: preview.kept.false_alarms,
        would_drop_true: preview.lost.true_ones,
        would_keep_true: preview.kept.true_ones,
        would_drop_unjudged: preview.lost.unjudged,
        would_keep_unjudged: preview.kept.unjudged,
        set,
    }
}

/// What is tried on what.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Wish {
    /// `<gateway>/<camera>`.
    camera: String,
    /// Rule.
    rule: String,
    /// One of the rule's `measures`.
    measure: String,
    /// The threshold that is tried.
    to: f64,
    /// Days: 1 to 365, 30 where it is left out.
    days: Option<i64>,
}

/// A threshold, tried, with what it would have dropped.
#[derive(Debug, Serialize, ToSchema)]
struct PreviewShown {
    #[serde(flatten)]
    tried: Tried,
    /// What would not have come, newest first.
    dropped: Vec<Dropped>,
    /// Incidents that do not say what was measured; they count as kept.
    without: usize,
}

/// An incident that would not have come by this rule.
#[derive(Debug, Serialize, ToSchema)]
struct Dropped {
    /// Incident.
    id: String,
    /// Its number.
    number: i64,
    /// When the rule first told of it.
    begin: String,
    /// What it was; null while nobody has said.
    finding: Option<&'static str>,
    /// The most that was measured.
    value: Option<f64>,
}

/// What another threshold would have kept and dropped of the stored past.
#[utoipa::path(get, path = "/api/v1/reports/false-alarms/preview", tag = "reports", params(Wish),
    responses((status = 200, body = PreviewShown), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 404, body = ErrorBody)))]
async fn previewed(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
    Params(wish): Params<Wish>,
) -> Result<Json<PreviewShown>, ApiError> {
    let (_, from_us) = since_us(wish.days)?;
    let (gateway, camera) = wish
        .camera
        .split_once('/')
        .ok_or_else(|| ApiError::bad_request("camera can't be read.", "Give <gateway>/<camera>."))?;
    let name = RuleName { gateway: gateway.to_owned(), camera: camera.to_owned(), rule: wish.rule };
    let asked = name.clone();
    let found = app.blocking(move |app| cases_of(&*app.store, &caller.view, &asked, from_us)).await?;
    let rule = found.ok_or_else(|| ApiError::not_found("rule that told of something in this time"))?;
    if !wish.to.is_finite() || !rule.thresholds.contains_key(&wish.measure) {
        let known: Vec<&str> = rule.thresholds.keys().map(String::as_str).collect();
        let next = format!("Give a number, and one of: {}.", known.join(", "));
        return Err(ApiError::bad_request("The rule has no such measure with a threshold.", next));
    }
    let preview = preview(&rule.cases, &wish.measure, wish.to);
    let dropped = |case: &&Case| Dropped {
        id: case.incident.to_string(),
        number: case.number,
        begin: json::rfc3339(case.begin_us),
        finding: case.finding.map(finding_text),
        value: case.values.get(&wish.measure).copied(),
    };
    Ok(Json(PreviewShown {
        tried: tried(&name, &rule, &wish.measure, wish.to, &preview),
        dropped: preview.dropped.iter().take(MAX_NAMED).map(dropped).collect(),
        without: preview.without,
    }))
}
