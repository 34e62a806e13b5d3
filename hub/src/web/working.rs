//! Working incidents: people's steps, one or many at once; deadlines and severity rules; the record.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Path, State};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::AppState;
use super::access::Caller;
use super::error::{ApiError, ErrorBody};
use super::extract::{Body, Params};
use super::incident_json::{Viewer, actor, history};
use super::incident_shapes::IncidentDetail;
use super::incidents::{detail, settings};
use super::json::{rfc3339, us_from_rfc3339};
use crate::desk::{self, ActError, Conflict, SETTING, Settings};
use crate::ledger::{NewRecord, Record, hex};
use crate::registry::now_us;
use crate::share::Denial;
use crate::store::IncidentWrites;
use crate::work::severity::MAX_RULES;
use crate::work::{Refusal, Step, ladder};

/// Incidents of one request.
const MAX_ITEMS: usize = 200;
/// Records of one page.
const MAX_RECORDS: usize = 500;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(act))
        .routes(routes!(act_on_many))
        .routes(routes!(read_settings, set_settings))
        .routes(routes!(people))
        .routes(routes!(audit))
}

/// A step: `action` and its fields, beside `revision`. See the documentation of each action.
#[derive(Debug, Deserialize, ToSchema)]
#[allow(dead_code, reason = "for the description; read by hand so that each action refuses fields of others")]
struct StepWish {
    /// The revision that the caller has seen.
    revision: u64,
    /// `acknowledge`, `take`, `assign`, `dispatch`, `task`, `resolve`, `close`, `reopen`, `shelve`, `unshelve`, `comment`,
    /// `severity`, `split`, `join` or `undo`.
    action: String,
}

/// Reads a step off a body.
fn step_from(mut body: Value) -> Result<Step, ApiError> {
    let wrong = |text: String| ApiError::bad_request(text, "See /api/openapi.json for the actions and their fields.");
    if let Value::Object(map) = &mut body {
        for name in ["founders", "rest", "until_us", "seq"] {
            if map.contains_key(name) {
                return Err(wrong(format!("{name} is the hub's to say.")));
            }
        }
    }
    let mut step: Step = serde_json::from_value(body).map_err(|error| wrong(error.to_string()))?;
    if let Step::Shelve { until, until_us, .. } = &mut step {
        *until_us =
            us_from_rfc3339(until).ok_or_else(|| wrong("until is no time such as 2026-05-01T08:00:00Z".into()))?;
    }
    Ok(step)
}

fn taken(body: &mut Value, name: &str) -> Option<Value> {
    body.as_object_mut()?.remove(name)
}

/// What a refused step becomes.
fn refusal(error: ActError, viewer: &Viewer) -> ApiError {
    match error {
        ActError::Unknown => ApiError::not_found("incident"),
        ActError::Conflict(conflict) => conflicting(&conflict, viewer),
        ActError::Refused(Refusal::Forbidden(text)) => {
            ApiError::new(axum::http::StatusCode::FORBIDDEN, "forbidden", text, "Ask the operations centre.")
        }
        ActError::Refused(Refusal::NotNow(text)) => ApiError::new(
            axum::http::StatusCode::CONFLICT,
            "not_now",
            text,
            "Load the incident anew: `may` says what is possible.",
        ),
        ActError::Refused(Refusal::Wrong(text)) => ApiError::bad_request(text, "Mend the request."),
        ActError::Store(error) => error.into(),
    }
}

/// Tells the second what the first did.
fn conflicting(conflict: &Conflict, viewer: &Viewer) -> ApiError {
    let since = history(&conflict.since, viewer);
    let message = match since.last() {
        Some(last) => format!("{} was here first: {} at {}.", last.by, last.action, last.at),
        None => "Somebody was here first.".to_owned(),
    };
    ApiError::new(
        axum::http::StatusCode::CONFLICT,
        "conflict",
        message,
        "Look at what was done, then send the step again with the new revision.",
    )
    .with_conflict(json!({"revision": conflict.row.work.revision, "since": since}))
}

async fn take(
    app: &AppState,
    caller: &Caller,
    from: String,
    id: Uuid,
    revision: u64,
    step: Step,
) -> Result<(), ApiError> {
    let by = actor(caller, from).ok_or(Denial::Forbidden)?;
    let viewer = Viewer::of(caller);
    let done = app.blocking(move |app| {
        let done = app.desk.act(id, revision, step, &by, now_us(), &|row| viewer.sees(row));
        Ok(done.map(|_| ()).map_err(|error| refusal(error, &viewer)))
    });
    done.await?
}

/// Takes a step on an incident.
///
/// Actions and their fields: `acknowledge`; `take`; `assign {owner}`; `dispatch {departments, note}`; `task {department,
/// state: accepted|done|refused, answer}`; `resolve {resolution}`; `close {finding: true|false_alarm|exercise, note}`;
/// `reopen {reason}`; `shelve {until, reason}`; `unshelve`; `comment {text}`; `severity {severity, reason}`; `split {sources,
/// reason}`; `join {with, reason}`; `undo`. 409 `conflict` tells what was done since `revision`.
#[utoipa::path(post, path = "/api/v1/incidents/{id}/actions", tag = "incidents", params(("id" = String, Path)),
    request_body = StepWish,
    responses((status = 200, body = IncidentDetail), (status = 400, body = ErrorBody), (status = 403, body = ErrorBody),
        (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
async fn act(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(id): Path<String>,
    Body(mut body): Body<Value>,
) -> Result<Json<IncidentDetail>, ApiError> {
    let id = Uuid::parse_str(&id).map_err(|_| ApiError::not_found("incident"))?;
    let revision = taken(&mut body, "revision").and_then(|value| value.as_u64());
    let revision = revision.ok_or_else(|| {
        ApiError::bad_request("revision is missing.", "Send the incident's `revision` as it was shown.")
    })?;
    let step = step_from(body)?;
    let taken = take(&app, &caller, peer.ip().to_string(), id, revision, step).await;
    let now = detail(&app, &caller, id).await;
    match taken {
        Ok(()) => now.map(Json),
        Err(error) => Err(error.with_incident(now.ok().and_then(|now| serde_json::to_value(now).ok()))),
    }
}

/// One of many.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Item {
    /// Incident.
    id: String,
    /// The revision that the caller has seen.
    revision: u64,
}

/// What became of many.
#[derive(Debug, Serialize, ToSchema)]
struct Results {
    /// In the order of the request.
    #[schema(value_type = Vec<Object>)]
    results: Vec<Value>,
}

/// The same step on many incidents; each is taken or refused by itself.
#[utoipa::path(post, path = "/api/v1/incidents/actions", tag = "incidents", request_body = StepWish,
    responses((status = 200, body = Results), (status = 400, body = ErrorBody), (status = 403, body = ErrorBody)))]
async fn act_on_many(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Body(mut body): Body<Value>,
) -> Result<Json<Results>, ApiError> {
    let items: Option<Vec<Item>> = taken(&mut body, "items").and_then(|items| serde_json::from_value(items).ok());
    let items = items.filter(|items| items.len() <= MAX_ITEMS).ok_or_else(|| {
        ApiError::bad_request("items can't be read.", format!("Send up to {MAX_ITEMS} of {{id, revision}}."))
    })?;
    let step = step_from(body)?;
    let mut results = Vec::new();
    for item in items {
        let outcome = match Uuid::parse_str(&item.id) {
            Err(_) => Err(ApiError::not_found("incident")),
            Ok(id) => match take(&app, &caller, peer.ip().to_string(), id, item.revision, step.clone()).await {
                Err(error) => Err(error),
                Ok(()) => detail(&app, &caller, id).await,
            },
        };
        results.push(match outcome {
            Ok(detail) => json!({"id": item.id, "status": 200, "incident": detail.incident}),
            Err(error) => {
                let (status, mut body) = error.parts();
                body["id"] = item.id.into();
                body["status"] = status.into();
                body
            }
        });
    }
    Ok(Json(Results { results }))
}

/// Deadlines and severity rules in force.
#[utoipa::path(get, path = "/api/v1/settings/incidents", tag = "incidents",
    responses((status = 200, body = Settings), (status = 401, body = ErrorBody)))]
async fn read_settings(State(app): State<AppState>) -> Result<Json<Settings>, ApiError> {
    Ok(Json(app.blocking(|app| settings(&*app.store)).await?))
}

/// Sets them; what changes from now on is judged by them.
#[utoipa::path(put, path = "/api/v1/settings/incidents", tag = "incidents", request_body = Settings,
    responses((status = 200, body = Settings), (status = 400, body = ErrorBody), (status = 403, body = ErrorBody)))]
async fn set_settings(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Body(wish): Body<Settings>,
) -> Result<Json<Settings>, ApiError> {
    if let Some(why) = wish.severity_rules.iter().find_map(|rule| rule.wrong()) {
        return Err(ApiError::bad_request(format!("A severity rule is not right: {why}."), "Mend it."));
    }
    if wish.severity_rules.len() > MAX_RULES || !(-14 * 60..=14 * 60).contains(&wish.utc_offset_min) {
        return Err(ApiError::bad_request(format!("More than {MAX_RULES} rules, or no time zone."), "Mend it."));
    }
    if let Some(why) = ladder::wrong(&wish.escalation) {
        return Err(ApiError::bad_request(format!("The escalation is not right: {why}."), "Mend it."));
    }
    let value = serde_json::to_value(&wish).map_err(|error| ApiError::internal(&error))?;
    let kept = value.clone();
    app.blocking(move |app| app.store.set_setting(SETTING, &kept)).await?;
    note(&app, &caller, peer, "settings.incidents", SETTING, value).await?;
    Ok(Json(wish))
}

/// Puts what somebody did into the record.
pub(super) async fn note(
    app: &AppState,
    caller: &Caller,
    peer: SocketAddr,
    what: &'static str,
    about: &str,
    detail: Value,
) -> Result<(), ApiError> {
    note_why(app, caller, peer, what, about, None, detail).await.map(drop)
}

/// The same, with the reason that was given; the record as it stands. None is made for a program.
pub(super) async fn note_why(
    app: &AppState,
    caller: &Caller,
    peer: SocketAddr,
    what: &'static str,
    about: &str,
    why: Option<String>,
    detail: Value,
) -> Result<Vec<Record>, ApiError> {
    let Some(desk::By { name, department, from, .. }) = actor(caller, peer.ip().to_string()) else {
        return Ok(Vec::new());
    };
    let new = NewRecord {
        at_us: now_us(),
        by: name,
        department,
        from,
        what: what.into(),
        about: about.to_owned(),
        why,
        detail,
    };
    app.blocking(move |app| app.store.record(&[new], &mut |_| IncidentWrites::default())).await
}

/// People whom an incident can be given to.
#[derive(Debug, Serialize, ToSchema)]
struct People {
    /// By name.
    people: Vec<Person>,
}

/// A person.
#[derive(Debug, Serialize, ToSchema)]
struct Person {
    /// Name.
    name: String,
    /// Role.
    role: &'static str,
    /// Department.
    department: String,
}

/// People of departments in view.
#[utoipa::path(get, path = "/api/v1/people", tag = "incidents",
    responses((status = 200, body = People), (status = 401, body = ErrorBody)))]
async fn people(State(app): State<AppState>, Extension(caller): Extension<Caller>) -> Result<Json<People>, ApiError> {
    let users = app.blocking(|app| app.store.users()).await?;
    let seen = users.into_iter().filter(|user| caller.view.sees(&user.department));
    let person =
        |user: crate::store::User| Person { name: user.name, role: user.role.as_str(), department: user.department };
    Ok(Json(People { people: seen.map(person).collect() }))
}

/// Which records.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct RecordPage {
    /// Records with lower numbers.
    before: Option<i64>,
    /// At most this many: 1 to 500, 100 where it is left out.
    limit: Option<usize>,
}

/// A page of the record.
#[derive(Debug, Serialize, ToSchema)]
struct Records {
    /// Newest first.
    records: Vec<RecordShown>,
    /// `before` of the next page; null at the end.
    next: Option<i64>,
}

/// A record.
#[derive(Debug, Serialize, ToSchema)]
struct RecordShown {
    /// Number.
    seq: i64,
    /// When.
    at: String,
    /// Who.
    by: String,
    /// Of which department.
    department: String,
    /// From which address.
    from: String,
    /// What.
    what: String,
    /// About what.
    about: String,
    /// Why.
    why: Option<String>,
    /// In full.
    #[schema(value_type = Object)]
    detail: Value,
    /// Hash over it and the record before.
    hash: String,
}

/// The append-only record, newest first.
#[utoipa::path(get, path = "/api/v1/audit", tag = "manage", params(RecordPage),
    responses((status = 200, body = Records), (status = 400, body = ErrorBody), (status = 403, body = ErrorBody)))]
async fn audit(State(app): State<AppState>, Params(page): Params<RecordPage>) -> Result<Json<Records>, ApiError> {
    let limit = page.limit.unwrap_or(100);
    if !(1..=MAX_RECORDS).contains(&limit) {
        return Err(ApiError::bad_request("limit is a number from 1 to 500.", "Ask for fewer, then page."));
    }
    let before = page.before.unwrap_or(i64::MAX);
    let records = app.blocking(move |app| app.store.records_before(before, limit)).await?;
    let next = records.last().map(|record| record.seq).filter(|seq| *seq > 1 && records.len() == limit);
    let shown = |Record { seq, new, hash }: Record| RecordShown {
        seq,
        at: rfc3339(new.at_us),
        by: new.by,
        department: new.department,
        from: new.from,
        what: new.what,
        about: new.about,
        why: new.why,
        detail: new.detail,
        hash: hex(&hash),
    };
    Ok(Json(Records { records: records.into_iter().map(shown).collect(), next }))
}
