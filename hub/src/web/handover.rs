//! One shift hands over to the next: a pack made of what is open, signed by both. What a stored pack holds are names and how
//! things stood; a reader is shown what of it is in its view now.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::access::Caller;
use super::error::{ApiError, ErrorBody};
use super::extract::{Body, Params};
use super::incident_json::{self, Around, Viewer, actor};
use super::incident_shapes::Incident;
use super::incidents::{Filter, Wanted, around, hidden_from};
use super::json::{self, rfc3339, us_from_rfc3339};
use super::{AppState, handover_pack};
use crate::desk::{self, NewHandover, TakeOverError, count_handovers, handover};
use crate::registry::now_us;
use crate::share::Denial;
use crate::store::{StoreError, StoreResult};
use crate::work::State as WorkState;
use crate::work::handover::{Handover, Item, NotTaken, Pack, Signature, Silent, Totals};

const HOUR_US: i64 = 3_600_000_000;
/// A shift where nothing else is known.
const SHIFT_US: i64 = 12 * HOUR_US;
/// A hand-over that is older says nothing about when this shift began.
const LAST_US: i64 = 24 * HOUR_US;
/// No shift is longer.
const SHIFT_MAX_US: i64 = 7 * 24 * HOUR_US;
/// Hand-overs of a page.
const PAGE: usize = 20;
const PAGE_MAX: usize = 100;
const MAX_NOTE_CHARACTERS: usize = 2_000;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list, make)).routes(routes!(draft)).routes(routes!(one)).routes(routes!(sign))
}

/// Hand-overs.
#[derive(Debug, Serialize, ToSchema)]
struct Handovers {
    /// Newest first, without their packs.
    handovers: Vec<HandoverShown>,
    /// `before` of the next page; null at the end.
    next: Option<i64>,
}

/// A hand-over.
#[derive(Debug, Serialize, ToSchema)]
struct HandoverShown {
    /// Number in the record; null of a draft.
    id: Option<i64>,
    /// Whose shift.
    department: String,
    /// The shift began.
    from: String,
    /// It ended.
    to: String,
    /// Who takes over, where it is said.
    to_person: Option<String>,
    /// SHA-256 of the pack, as the record has it.
    sha256: String,
    /// Who made it.
    outgoing: Option<SignatureShown>,
    /// Who took over.
    incoming: Option<SignatureShown>,
    /// Open when it was made.
    open_items: usize,
    /// Of these in view: open still.
    still_open: usize,
    /// What is handed over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pack: Option<PackShown>,
}

/// A signature.
#[derive(Debug, Serialize, ToSchema)]
struct SignatureShown {
    /// Who.
    by: String,
    /// When.
    at: String,
    /// In words.
    note: String,
}

/// What is handed over.
#[derive(Debug, Serialize, ToSchema)]
struct PackShown {
    /// In numbers.
    #[schema(value_type = Object)]
    counts: Totals,
    /// Open and in the queue.
    open: Vec<ItemShown>,
    /// Open and out of the queue for a while.
    shelved: Vec<ItemShown>,
    /// Cameras from which nothing is heard.
    silent_cameras: Vec<SilentShown>,
    /// Closed as false alarms in the shift.
    false_alarms: Vec<ItemShown>,
    /// What was said in the shift, newest first.
    comments: Vec<handover_pack::Comment>,
    /// What of it is not in view.
    hidden: usize,
}

/// An incident that is handed over.
#[derive(Debug, Serialize, ToSchema)]
struct ItemShown {
    /// As it is now.
    incident: Incident,
    /// As it was then.
    then: Then,
    /// How many earlier hand-overs held it open.
    handed_over: u32,
    /// The first of them.
    first_handover: Option<i64>,
    /// True where it is closed now.
    done: bool,
}

/// How an incident stood.
#[derive(Debug, Serialize, ToSchema)]
struct Then {
    /// State.
    state: String,
    /// How it was shown.
    shown_as: String,
    /// How urgent.
    severity: String,
    /// Who had it.
    owner: Option<String>,
}

/// A camera from which nothing is heard.
#[derive(Debug, Serialize, ToSchema)]
struct SilentShown {
    /// `<gateway>/<camera>`.
    camera: String,
    /// Name.
    name: String,
    /// Whose.
    department: String,
    /// When its gateway was last heard.
    last_contact: Option<String>,
    /// Complete up to here.
    complete_to: Option<String>,
    /// `gateway_away` or `signal_lost`.
    why: String,
}

/// Which shift.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Since {
    /// The shift began then; where it is left out, with the last hand-over within a day, or 12 hours ago.
    from: Option<String>,
}

/// A hand-over to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Wish {
    /// As in the draft.
    from: Option<String>,
    /// Who is to take over; whoever comes where it is left out.
    to_person: Option<String>,
    /// In words.
    #[serde(default)]
    note: String,
}

/// A signature to be set.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SignWish {
    /// In words.
    #[serde(default)]
    note: String,
}

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Page {
    /// Hand-overs with lower numbers.
    before: Option<i64>,
    /// At most this many: 1 to 100, 20 where it is left out.
    limit: Option<usize>,
}

/// The caller's department's hand-overs.
#[utoipa::path(get, path = "/api/v1/handovers", tag = "incidents", params(Page),
    responses((status = 200, body = Handovers), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody)))]
async fn list(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
    Params(page): Params<Page>,
) -> Result<Json<Handovers>, ApiError> {
    let limit = page.limit.unwrap_or(PAGE);
    if !(1..=PAGE_MAX).contains(&limit) {
        return Err(ApiError::bad_request("limit is a number from 1 to 100.", "Ask for fewer, then page."));
    }
    let shown = app.blocking(move |app| {
        let (viewer, around) = (Viewer::of(&caller), around(app)?);
        let found = app.store.handovers(&viewer.department, page.before.unwrap_or(i64::MAX), limit)?;
        found.iter().map(|one| shown(app, one, &viewer, &around, false)).collect::<StoreResult<Vec<_>>>()
    });
    let handovers = shown.await?;
    let next = handovers.last().and_then(|one| one.id).filter(|_| handovers.len() == limit);
    Ok(Json(Handovers { handovers, next }))
}

/// One hand-over of the caller's department, with its pack.
#[utoipa::path(get, path = "/api/v1/handovers/{id}", tag = "incidents", params(("id" = i64, Path)),
    responses((status = 200, body = HandoverShown), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody)))]
async fn one(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Json<HandoverShown>, ApiError> {
    let id = number(&id)?;
    let viewer = Viewer::of(&caller);
    let found = app.blocking(move |app| {
        let found = handover(&*app.store, &viewer.department, id)?;
        let around = around(app)?;
        found.map(|one| shown(app, &one, &viewer, &around, true)).transpose()
    });
    found.await?.map(Json).ok_or_else(|| ApiError::not_found("hand-over"))
}

fn number(id: &str) -> Result<i64, ApiError> {
    id.parse().map_err(|_| ApiError::not_found("hand-over"))
}

/// What would be handed over now.
#[utoipa::path(get, path = "/api/v1/handovers/draft", tag = "incidents", params(Since),
    responses((status = 200, body = HandoverShown), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody)))]
async fn draft(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
    Params(since): Params<Since>,
) -> Result<Json<HandoverShown>, ApiError> {
    let now_us = now_us();
    let (from_us, pack) = pack(&app, &caller, since.from, now_us).await?;
    let viewer = Viewer::of(&caller);
    let draft = Handover {
        id: 0,
        department: viewer.department.clone(),
        from_us,
        to_us: now_us,
        to_person: None,
        outgoing: Signature { by: String::new(), at_us: now_us, note: String::new() },
        incoming: None,
        pack,
    };
    Ok(Json(app.blocking(move |app| shown(app, &draft, &viewer, &around(app)?, true)).await?))
}

/// Makes a hand-over; whoever makes it has signed as the outgoing side.
#[utoipa::path(post, path = "/api/v1/handovers", tag = "incidents", request_body = Wish,
    responses((status = 201, body = HandoverShown), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 404, body = ErrorBody)))]
async fn make(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Body(wish): Body<Wish>,
) -> Result<(StatusCode, Json<HandoverShown>), ApiError> {
    let by = signer(&caller, peer, &wish.note)?;
    if let Some(person) = wish.to_person.clone() {
        let department = by.department.clone();
        let user = app.blocking(move |app| app.store.user(&person)).await?;
        let known = user.filter(|user| user.department == department && user.name != by.name);
        known.ok_or_else(|| ApiError::not_found("other person of your department"))?;
    }
    let now_us = now_us();
    let (from_us, pack) = pack(&app, &caller, wish.from, now_us).await?;
    let new = NewHandover { from_us, to_person: wish.to_person, note: wish.note, pack };
    let viewer = Viewer::of(&caller);
    let made = app.blocking(move |app| {
        let made = app.desk.hand_over(new, &by, now_us)?;
        shown(app, &made, &viewer, &around(app)?, true)
    });
    Ok((StatusCode::CREATED, Json(made.await?)))
}

/// Signs a hand-over as who takes over.
#[utoipa::path(post, path = "/api/v1/handovers/{id}/sign", tag = "incidents", params(("id" = i64, Path)),
    request_body = SignWish,
    responses((status = 200, body = HandoverShown), (status = 400, body = ErrorBody), (status = 403, body = ErrorBody),
        (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
async fn sign(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(id): Path<String>,
    Body(wish): Body<SignWish>,
) -> Result<Json<HandoverShown>, ApiError> {
    let (id, by, viewer) = (number(&id)?, signer(&caller, peer, &wish.note)?, Viewer::of(&caller));
    let signed = app.blocking(move |app| match app.desk.take_over(id, &wish.note, &by, now_us()) {
        Ok(signed) => Ok(Ok(shown(app, &signed, &viewer, &around(app)?, true)?)),
        Err(TakeOverError::Not(why)) => Ok(Err(why)),
        Err(TakeOverError::Store(error)) => Err::<_, StoreError>(error),
    });
    signed.await?.map(Json).map_err(refusal)
}

fn signer(caller: &Caller, peer: SocketAddr, note: &str) -> Result<desk::By, ApiError> {
    if note.chars().count() > MAX_NOTE_CHARACTERS {
        return Err(ApiError::bad_request("The note is longer than 2000 characters.", "Shorten it."));
    }
    Ok(actor(caller, peer.ip().to_string()).ok_or(Denial::Forbidden)?)
}

fn refusal(why: NotTaken) -> ApiError {
    let forbidden = |text, next| ApiError::new(StatusCode::FORBIDDEN, "forbidden", text, next);
    match why {
        NotTaken::Unknown => ApiError::not_found("hand-over"),
        NotTaken::Signed => {
            ApiError::new(StatusCode::CONFLICT, "not_now", "It is signed by both.", "Load the hand-over anew.")
        }
        NotTaken::Oneself => forbidden("Nobody hands over to themselves.", "Let the person who takes over sign."),
        NotTaken::Somebody => forbidden("It is handed over to somebody else.", "Let that person sign."),
    }
}

/// What there is to hand over, and since when.
async fn pack(app: &AppState, caller: &Caller, from: Option<String>, now_us: i64) -> Result<(i64, Pack), ApiError> {
    let given = from.map(|text| us_from_rfc3339(&text).ok_or(())).transpose();
    let given =
        given.map_err(|()| ApiError::bad_request("from can't be read.", "Give such as 2026-05-01T08:00:00Z."))?;
    if given.is_some_and(|from_us| from_us > now_us || from_us < now_us - SHIFT_MAX_US) {
        return Err(ApiError::bad_request("A shift begins before now, at most 7 days ago.", "Give another `from`."));
    }
    let open = Wanted::read(Filter { limit: Some(1), ..Filter::default() }, caller)?;
    // However long ago it began: closed in the shift is what counts.
    let closed = Filter { state: Some("closed".into()), limit: Some(1), ..Filter::default() };
    let closed = Wanted::read(closed, caller)?;
    let viewer = Viewer::of(caller);
    app.blocking(move |app| {
        let last = app.store.handovers(&viewer.department, i64::MAX, 1)?;
        let last_us = last.first().map(|one| one.to_us).filter(|to_us| *to_us > now_us - LAST_US);
        let from_us = given.or(last_us).unwrap_or(now_us - SHIFT_US);
        let (open, closed) = (open.all(app, &viewer)?, closed.all(app, &viewer)?);
        let mut pack = handover_pack::of(&open, &closed, from_us, now_us);
        pack.silent_cameras = handover_pack::silent(app, &viewer, now_us)?;
        count_handovers(&*app.store, &viewer.department, &mut pack)?;
        Ok((from_us, pack))
    })
    .await
}

/// A hand-over as a reader sees it now.
fn shown(
    app: &AppState,
    one: &Handover,
    viewer: &Viewer,
    around: &Around,
    with_pack: bool,
) -> StoreResult<HandoverShown> {
    let mut hidden = 0;
    let mut items = |items: &[Item]| -> StoreResult<Vec<ItemShown>> {
        let found: Vec<Option<ItemShown>> =
            items.iter().map(|one| item(app, one, viewer, around)).collect::<StoreResult<_>>()?;
        hidden += found.iter().filter(|found| found.is_none()).count();
        Ok(found.into_iter().flatten().collect())
    };
    let (open, shelved) = (items(&one.pack.open)?, items(&one.pack.shelved)?);
    let still_open = open.iter().chain(&shelved).filter(|item| !item.done).count();
    let pack = if with_pack {
        let false_alarms = items(&one.pack.false_alarms)?;
        let (seen, away): (Vec<&Silent>, Vec<&Silent>) =
            one.pack.silent_cameras.iter().partition(|camera| viewer.view.sees(&camera.department));
        Some(PackShown {
            counts: one.pack.counts,
            open,
            shelved,
            silent_cameras: seen.into_iter().map(silent).collect(),
            false_alarms,
            comments: handover_pack::comments(&*app.store, viewer, one.from_us, one.to_us)?,
            hidden: hidden + away.len(),
        })
    } else {
        None
    };
    let is_draft = one.id == 0;
    Ok(HandoverShown {
        id: (!is_draft).then_some(one.id),
        department: one.department.clone(),
        from: rfc3339(one.from_us),
        to: rfc3339(one.to_us),
        to_person: one.to_person.clone(),
        sha256: one.pack.sha256(),
        outgoing: (!is_draft).then(|| signature(&one.outgoing)),
        incoming: one.incoming.as_ref().map(signature),
        open_items: one.pack.all_open().count(),
        still_open,
        pack,
    })
}

fn signature(signature: &Signature) -> SignatureShown {
    SignatureShown { by: signature.by.clone(), at: rfc3339(signature.at_us), note: signature.note.clone() }
}

fn silent(camera: &Silent) -> SilentShown {
    SilentShown {
        camera: camera.camera.clone(),
        name: camera.name.clone(),
        department: camera.department.clone(),
        last_contact: camera.last_contact_us.map(json::rfc3339),
        complete_to: camera.complete_to_us.map(json::rfc3339),
        why: camera.why.clone(),
    }
}

/// An incident of a pack; none where it is not in view any more, or too old to be kept.
fn item(app: &AppState, item: &Item, viewer: &Viewer, around: &Around) -> StoreResult<Option<ItemShown>> {
    let id: Uuid = item.incident;
    let Some(row) = app.store.incident(id)?.filter(|row| viewer.sees(row)) else { return Ok(None) };
    let sources = hidden_from(&*app.store, &row, viewer)?;
    Ok(Some(ItemShown {
        incident: incident_json::incident(&row, &sources, viewer, around, now_us()),
        then: Then {
            state: item.state.clone(),
            shown_as: item.shown_as.clone(),
            severity: item.severity.clone(),
            owner: item.owner.clone(),
        },
        handed_over: item.handed_over,
        first_handover: item.first_handover,
        done: row.work.state == WorkState::Closed,
    }))
}
