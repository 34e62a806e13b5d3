//! What administrators manage: users, feed tokens, grants.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use serde_json::json as value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::access::Caller;
use super::error::{ApiError, ErrorBody};
use super::extract::Body;
use super::working::note;
use super::{AppState, json, password, secret};
use crate::registry::now_us;
use crate::share::Principal;
use crate::store::{NewFeedToken, NewUser, OPERATIONS, Role, check_name};

/// Characters of a feed token's note.
const MAX_NOTE_CHARACTERS: usize = 200;
/// Grants in one request.
const MAX_GRANTS: usize = 1_000;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(feed_tokens, make_feed_token))
        .routes(routes!(revoke_feed_token))
        .routes(routes!(users, make_user))
        .routes(routes!(remove_user, change_user))
        .routes(routes!(make_department))
        .routes(routes!(grants, set_grants))
}

/// A feed token to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct FeedTokenWish {
    /// Department whose view it gets.
    department: String,
    /// What it is for.
    #[serde(default)]
    note: String,
}

/// Feed tokens that hold.
#[utoipa::path(get, path = "/api/v1/feed-tokens", tag = "manage",
    responses((status = 200, body = json::FeedTokens), (status = 403, body = ErrorBody)))]
async fn feed_tokens(State(app): State<AppState>) -> Result<Json<json::FeedTokens>, ApiError> {
    let tokens = app.blocking(|app| app.store.feed_tokens()).await?;
    let holding = tokens.into_iter().filter(|token| token.revoked_us.is_none());
    Ok(Json(json::FeedTokens { feed_tokens: holding.map(json::feed_token).collect() }))
}

/// Makes a feed token; its text is shown this once.
#[utoipa::path(post, path = "/api/v1/feed-tokens", tag = "manage", request_body = FeedTokenWish,
    responses((status = 201, body = json::NewFeedToken), (status = 403, body = ErrorBody),
        (status = 404, body = ErrorBody)))]
async fn make_feed_token(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Body(wish): Body<FeedTokenWish>,
) -> Result<(StatusCode, Json<json::NewFeedToken>), ApiError> {
    if wish.note.chars().count() > MAX_NOTE_CHARACTERS {
        return Err(ApiError::bad_request(
            format!("The note is longer than {MAX_NOTE_CHARACTERS} characters."),
            "Shorten it.",
        ));
    }
    let (id, secret) = secret::generate_feed_token();
    let created_by = name_of(&caller);
    let new =
        NewFeedToken { id: id.clone(), hash: secret.hash, department: wish.department, note: wish.note, created_by };
    tracing::info!(by = new.created_by, department = new.department, id, "a feed token is made");
    let detail = value!({"department": new.department, "note": new.note});
    app.blocking(move |app| app.store.add_feed_token(&new, now_us())).await?;
    note(&app, &caller, peer, "feed_token.create", &id, detail).await?;
    Ok((StatusCode::CREATED, Json(json::NewFeedToken { id, token: secret.text })))
}

/// Revokes a feed token; feeds that it opened end within 2 s.
#[utoipa::path(delete, path = "/api/v1/feed-tokens/{id}", tag = "manage", params(("id" = String, Path)),
    responses((status = 204), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody)))]
async fn revoke_feed_token(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    tracing::info!(by = name_of(&caller), id, "a feed token is revoked");
    let about = id.clone();
    app.blocking(move |app| app.store.revoke_feed_token(&id, now_us())).await?;
    note(&app, &caller, peer, "feed_token.revoke", &about, value!({})).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A user to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct UserWish {
    /// Name to log in with.
    name: String,
    /// Password, at least 10 characters; where it is left out one is made and shown once.
    password: Option<String>,
    /// `administrator`, `operator` or `department`.
    role: String,
    /// Department; operators belong to the operations centre where it is left out.
    department: Option<String>,
}

/// A user that was made now.
#[derive(Serialize, ToSchema)]
struct NewUserMade {
    /// Name.
    name: String,
    /// Role.
    role: &'static str,
    /// Department.
    department: String,
    /// The password that was made; null where the request gave one.
    password: Option<String>,
}

/// All users.
#[utoipa::path(get, path = "/api/v1/users", tag = "manage",
    responses((status = 200, body = json::Users), (status = 403, body = ErrorBody)))]
async fn users(State(app): State<AppState>) -> Result<Json<json::Users>, ApiError> {
    let users = app.blocking(|app| app.store.users()).await?;
    Ok(Json(json::Users { users: users.into_iter().map(json::user).collect() }))
}

/// Makes a user.
#[utoipa::path(post, path = "/api/v1/users", tag = "manage", request_body = UserWish,
    responses((status = 201, body = NewUserMade), (status = 400, body = ErrorBody), (status = 403, body = ErrorBody),
        (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
async fn make_user(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Body(wish): Body<UserWish>,
) -> Result<(StatusCode, Json<NewUserMade>), ApiError> {
    check_name("user", &wish.name)?;
    let role = Role::parse(&wish.role).ok_or_else(|| {
        ApiError::bad_request("There is no such role.", "Give administrator, operator or department.")
    })?;
    let department = match wish.department {
        Some(department) => department,
        None if role != Role::Department => OPERATIONS.into(),
        None => return Err(ApiError::bad_request("A department's user needs a department.", "Name it.")),
    };
    let made = wish.password.is_none().then(password::generate);
    let password = wish.password.or_else(|| made.clone()).unwrap_or_default();
    let password_hash = app.hasher.hash_new(password).await?;
    let user = NewUser { name: wish.name.clone(), password_hash, role, department: department.clone() };
    app.blocking(move |app| app.store.add_user(&user, now_us())).await?;
    tracing::info!(by = name_of(&caller), user = wish.name, role = role.as_str(), "a user is made");
    let detail = value!({"role": role.as_str(), "department": department});
    note(&app, &caller, peer, "user.create", &wish.name, detail).await?;
    Ok((StatusCode::CREATED, Json(NewUserMade { name: wish.name, role: role.as_str(), department, password: made })))
}

/// What is to be other about a user; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct UserChange {
    /// `administrator`, `operator` or `department`.
    role: Option<String>,
    /// Department.
    department: Option<String>,
    /// Another password; where it is empty one is made and shown once.
    password: Option<String>,
}

/// Changes a user and ends its sessions.
#[utoipa::path(put, path = "/api/v1/users/{name}", tag = "manage", params(("name" = String, Path)),
    request_body = UserChange,
    responses((status = 200, body = NewUserMade), (status = 400, body = ErrorBody), (status = 403, body = ErrorBody),
        (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
async fn change_user(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(name): Path<String>,
    Body(wish): Body<UserChange>,
) -> Result<Json<NewUserMade>, ApiError> {
    let asked = name.clone();
    let known = app.blocking(move |app| app.store.user(&asked)).await?;
    let known = known.ok_or_else(|| ApiError::not_found("user"))?;
    let role = match &wish.role {
        None => known.role,
        Some(text) => Role::parse(text).ok_or_else(|| {
            ApiError::bad_request("There is no such role.", "Give administrator, operator or department.")
        })?,
    };
    let department = wish.department.unwrap_or_else(|| known.department.clone());
    let made = wish.password.as_ref().filter(|text| text.is_empty()).map(|_| password::generate());
    let with_password = wish.password.is_some();
    let password = made.clone().or(wish.password);
    let hash = match password {
        Some(password) => Some(app.hasher.hash_new(password).await?),
        None => None,
    };
    let (user, to) = (name.clone(), department.clone());
    app.blocking(move |app| {
        app.store.set_user(&user, role, &to)?;
        hash.map_or(Ok(()), |hash| app.store.set_password(&user, &hash))
    })
    .await?;
    let detail = value!({"role": role.as_str(), "department": department, "password": with_password});
    note(&app, &caller, peer, "user.change", &name, detail).await?;
    Ok(Json(NewUserMade { name, role: role.as_str(), department, password: made }))
}

/// A department to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct DepartmentWish {
    /// Its id and name.
    id: String,
}

/// Makes a department.
#[utoipa::path(post, path = "/api/v1/departments", tag = "manage", request_body = DepartmentWish,
    responses((status = 201, body = json::Department), (status = 400, body = ErrorBody), (status = 403, body = ErrorBody),
        (status = 409, body = ErrorBody)))]
async fn make_department(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Body(wish): Body<DepartmentWish>,
) -> Result<(StatusCode, Json<json::Department>), ApiError> {
    let id = wish.id.clone();
    let new = app.blocking(move |app| app.store.ensure_department(&id, now_us())).await?;
    if !new {
        return Err(crate::store::StoreError::Exists { what: "department", name: wish.id }.into());
    }
    note(&app, &caller, peer, "department.create", &wish.id, value!({})).await?;
    Ok((StatusCode::CREATED, Json(json::Department { name: wish.id.clone(), id: wish.id })))
}

/// Removes a user and ends its sessions.
#[utoipa::path(delete, path = "/api/v1/users/{name}", tag = "manage", params(("name" = String, Path)),
    responses((status = 204), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody)))]
async fn remove_user(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(name): Path<String>,
) -> Result<StatusCode, ApiError> {
    tracing::info!(by = name_of(&caller), user = name, "a user is to be removed");
    let about = name.clone();
    app.blocking(move |app| app.store.remove_user(&name)).await?;
    note(&app, &caller, peer, "user.remove", &about, value!({})).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The grants that are to hold.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct GrantsWish {
    /// All of them: what is left out ends.
    grants: Vec<json::Grant>,
}

/// The grants in force.
#[utoipa::path(get, path = "/api/v1/grants", tag = "manage",
    responses((status = 200, body = json::Grants), (status = 403, body = ErrorBody)))]
async fn grants(State(app): State<AppState>) -> Result<Json<json::Grants>, ApiError> {
    read_grants(&app).await
}

/// Makes these the grants; live feeds follow within 2 s.
#[utoipa::path(put, path = "/api/v1/grants", tag = "manage", request_body = GrantsWish,
    responses((status = 200, body = json::Grants), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody)))]
async fn set_grants(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Body(wish): Body<GrantsWish>,
) -> Result<Json<json::Grants>, ApiError> {
    if wish.grants.len() > MAX_GRANTS {
        return Err(ApiError::bad_request(format!("More than {MAX_GRANTS} grants."), "Grant `all` where it is meant."));
    }
    let grants: Vec<_> = wish.grants.into_iter().map(json::grant_from).collect();
    tracing::info!(by = name_of(&caller), count = grants.len(), "the grants are set");
    let list: Vec<_> = grants.iter().cloned().map(json::grant).collect();
    app.blocking(move |app| app.store.set_grants(&grants)).await?;
    note(&app, &caller, peer, "grants.set", "grants", value!({"grants": list})).await?;
    read_grants(&app).await
}

async fn read_grants(app: &AppState) -> Result<Json<json::Grants>, ApiError> {
    let read = app.blocking(|app| Ok((app.store.policy_revision()?, app.store.grants()?)));
    let (policy_revision, grants) = read.await?;
    Ok(Json(json::Grants { grants: grants.into_iter().map(json::grant).collect(), policy_revision }))
}

fn name_of(caller: &Caller) -> String {
    match &caller.principal {
        Principal::User { name, .. } => name.clone(),
        Principal::Token { id, .. } => format!("feed token {id}"),
    }
}
