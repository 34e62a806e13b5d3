//! Setting up the first administrator, logging in and out.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::access::{Caller, Credential};
use super::error::{ApiError, ErrorBody};
use super::extract::Body;
use super::password::PasswordError;
use super::{AppState, basemap, guard, json, secret};
use crate::registry::now_us;
use crate::store::{self, NewUser, OPERATIONS, Role, check_name};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(setup_state, setup))
        .routes(routes!(login))
        .routes(routes!(logout))
        .routes(routes!(session))
}

/// The first administrator.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Setup {
    /// From the one-time link.
    token: String,
    /// Name.
    user: String,
    /// Password, at least 10 characters.
    password: String,
}

/// A log-in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Login {
    /// Name.
    user: String,
    /// Password.
    password: String,
}

/// Is there an administrator yet?
#[utoipa::path(get, path = "/api/v1/setup", tag = "accounts", responses((status = 200, body = json::SetupState)))]
async fn setup_state(State(app): State<AppState>) -> Result<Json<json::SetupState>, ApiError> {
    let needed = app.blocking(|app| app.store.setup_needed()).await?;
    Ok(Json(json::SetupState { needed }))
}

/// Makes the first administrator with the token of the one-time link, and logs in.
#[utoipa::path(post, path = "/api/v1/setup", tag = "accounts", request_body = Setup,
    responses((status = 204), (status = 403, body = ErrorBody), (status = 429, body = ErrorBody)))]
async fn setup(
    State(app): State<AppState>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Body(setup): Body<Setup>,
) -> Result<Response, ApiError> {
    take_try(&app, "", peer)?;
    check_name("user", &setup.user)?;
    let hash = secret::hash(setup.token.trim());
    if !app.blocking(move |app| app.store.setup_token_holds(&hash, now_us())).await? {
        return Err(setup_refused());
    }
    let password_hash = app.hasher.hash_new(setup.password).await?;
    let name = setup.user;
    let user = NewUser { name: name.clone(), password_hash, role: Role::Administrator, department: OPERATIONS.into() };
    if !app.blocking(move |app| app.store.complete_setup(&hash, &user, now_us())).await? {
        return Err(setup_refused());
    }
    app.give_back_try("", peer.ip());
    tracing::info!(user = name, "the administrator is set up");
    let cookie = open_session(&app, name).await?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response())
}

fn setup_refused() -> ApiError {
    ApiError::new(
        StatusCode::FORBIDDEN,
        "setup_refused",
        "This set-up link does not hold: it was used, it is too old, or there is an administrator already.",
        "Make a new one on the hub: yiwang-hub setup-link",
    )
}

/// Logs in.
#[utoipa::path(post, path = "/api/v1/login", tag = "accounts", request_body = Login,
    responses((status = 200, body = json::Session), (status = 401, body = ErrorBody), (status = 429, body = ErrorBody)))]
async fn login(
    State(app): State<AppState>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Body(login): Body<Login>,
) -> Result<Response, ApiError> {
    if let Err(refused) = take_try(&app, &login.user, peer) {
        app.metrics.logins.with_label_values(&["limited"]).inc();
        return Err(refused);
    }
    let name = login.user.clone();
    let known = app.blocking(move |app| app.store.user(&name)).await?;
    let hash = known.as_ref().map(|user| user.password_hash.clone());
    // The user named in the store, not the one typed, goes on from here.
    let right = app.hasher.verify(login.password, hash).await?;
    let Some(user) = known.filter(|_| right) else {
        app.metrics.logins.with_label_values(&["refused"]).inc();
        tracing::warn!(address = %peer.ip(), "a log-in was refused");
        return Err(ApiError::new(
            StatusCode::UNAUTHORIZED,
            "wrong_login",
            "The user or the password is wrong.",
            "Try again; an administrator can set a new password with `yiwang-hub user password`.",
        ));
    };
    app.give_back_try(&login.user, peer.ip());
    app.metrics.logins.with_label_values(&["ok"]).inc();
    let cookie = open_session(&app, user.name.clone()).await?;
    let session = store::Session { user: user.name, role: user.role, department: user.department, expires_us: 0 };
    let answer = describe(&app, session).await?;
    Ok(([(header::SET_COOKIE, cookie)], Json(answer)).into_response())
}

/// Ends the session.
#[utoipa::path(post, path = "/api/v1/logout", tag = "accounts",
    responses((status = 204), (status = 401, body = ErrorBody)))]
async fn logout(State(app): State<AppState>, Extension(caller): Extension<Caller>) -> Result<Response, ApiError> {
    if let Credential::Session(hash) = caller.credential {
        app.blocking(move |app| app.store.remove_session(&hash)).await?;
    }
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, set_cookie(&app, "", 0))]).into_response())
}

/// Who is logged in, and what they see.
#[utoipa::path(get, path = "/api/v1/session", tag = "accounts",
    responses((status = 200, body = json::Session), (status = 401, body = ErrorBody)))]
async fn session(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<json::Session>, ApiError> {
    let Some(session) = caller.session else { return Err(crate::share::Denial::Forbidden.into()) };
    Ok(Json(describe(&app, session).await?))
}

async fn describe(app: &AppState, session: store::Session) -> Result<json::Session, ApiError> {
    let name = app.settings.name.clone();
    app.blocking(move |app| {
        let principal = crate::share::Principal::User {
            name: session.user.clone(),
            role: session.role,
            department: session.department.clone(),
        };
        let view = app.access.policy()?.view(&principal);
        let sees: Vec<_> = app.store.departments()?.into_iter().map(|d| d.id).filter(|id| view.sees(id)).collect();
        let looks = sees.iter().filter(|id| view.looks(id)).cloned().collect();
        let map = app.settings.basemap.as_ref();
        let basemap = map.map(|map| json::Basemap { url: basemap::PATH, coordinates: map.coordinates().as_str() });
        let policy_revision = view.policy_revision();
        let hub = json::Hub { name, version: env!("CARGO_PKG_VERSION"), policy_revision, basemap };
        Ok(json::session(&session, (sees, looks), hub))
    })
    .await
}

fn take_try(app: &AppState, user: &str, peer: SocketAddr) -> Result<(), ApiError> {
    app.take_try(user, peer.ip())
        .map_err(|wait_s| ApiError::too_many("Too many tries from this address or for this user.", wait_s))
}

async fn open_session(app: &AppState, user: String) -> Result<HeaderValue, ApiError> {
    let new = secret::generate();
    let length_s = app.settings.session_s;
    let hash = new.hash;
    app.blocking(move |app| {
        let now_us = now_us();
        app.store.add_session(&hash, &user, now_us + length_s.saturating_mul(1_000_000), now_us)
    })
    .await?;
    Ok(set_cookie(app, &new.text, length_s))
}

fn set_cookie(app: &AppState, value: &str, max_age_s: i64) -> HeaderValue {
    let secure = if app.settings.secure_cookies { "; Secure" } else { "" };
    let text = format!("{}={value}; Path=/; Max-Age={max_age_s}; HttpOnly; SameSite=Strict{secure}", guard::COOKIE);
    HeaderValue::from_str(&text).expect("base64url and fixed words are a header")
}

impl From<PasswordError> for ApiError {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::TooShort | PasswordError::TooLong => {
                ApiError::new(StatusCode::BAD_REQUEST, "bad_password", sentence(&error), "Choose another password.")
            }
            PasswordError::Busy => ApiError::busy(sentence(&error)),
            PasswordError::Failed => ApiError::internal(&error),
        }
    }
}

fn sentence(error: &PasswordError) -> String {
    let text = error.to_string();
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => format!("{}{}.", first.to_uppercase(), letters.as_str()),
        None => text,
    }
}
