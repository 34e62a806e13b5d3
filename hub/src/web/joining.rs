//! Tokens with which gateways join, made by administrators: shown once, taken once.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode, header, uri::Authority};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use yiwang_wire::token::JoinToken;

use super::AppState;
use super::access::Caller;
use super::error::{ApiError, ErrorBody};
use super::extract::Body;
use super::json::rfc3339;
use super::working::note;
use crate::ledger::hex;
use crate::registry::now_us;
use crate::store::NewJoinToken;

const HOUR_US: i64 = 3_600_000_000;
/// Where the request names no number.
const HOURS: i64 = 24;
const HOURS_MAX: i64 = 168;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(join_tokens, make_join_token))
}

/// How gateways come to this hub.
#[derive(Debug, Clone)]
pub struct Joining {
    /// SHA-256 of the hub's own authority: a gateway knows the hub by it.
    pub ca_sha256: [u8; 32],
    /// UDP port for gateways.
    pub quic_port: u16,
    /// Name or address for gateways where the site has set one; else the name that the page was asked under is guessed.
    pub host: Option<String>,
}

/// A token to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Wish {
    /// Department that the gateway will belong to.
    department: String,
    /// It holds so long: 1 to 168, 24 where it is left out.
    hours: Option<i64>,
}

/// A token that was made.
#[derive(Serialize, ToSchema)]
struct Made {
    /// Shown this once.
    token: String,
    /// To tell it apart in the list.
    short: String,
    /// Department.
    department: String,
    /// It holds until then.
    expires: String,
    /// What to run at the gateway; its address may have to be another one there.
    command: String,
}

/// Tokens that were made.
#[derive(Serialize, ToSchema)]
struct JoinTokens {
    /// Newest first.
    join_tokens: Vec<JoinTokenShown>,
}

/// A token as listed.
#[derive(Serialize, ToSchema)]
struct JoinTokenShown {
    /// First digits of its hash.
    short: String,
    /// Department.
    department: String,
    /// When it was made.
    created: String,
    /// It holds until then.
    expires: String,
    /// `open`, `used` or `expired`.
    state: &'static str,
    /// The gateway that took it.
    used_by: Option<String>,
}

/// Tokens with which gateways join.
#[utoipa::path(get, path = "/api/v1/join-tokens", tag = "manage",
    responses((status = 200, body = JoinTokens), (status = 403, body = ErrorBody)))]
async fn join_tokens(State(app): State<AppState>) -> Result<Json<JoinTokens>, ApiError> {
    let (tokens, now_us) = (app.blocking(|app| app.store.join_tokens()).await?, now_us());
    let shown = |token: crate::store::JoinToken| JoinTokenShown {
        state: match &token.used_by {
            Some(_) => "used",
            None if token.expires_us <= now_us => "expired",
            None => "open",
        },
        short: token.short,
        department: token.department,
        created: rfc3339(token.created_us),
        expires: rfc3339(token.expires_us),
        used_by: token.used_by,
    };
    Ok(Json(JoinTokens { join_tokens: tokens.into_iter().map(shown).collect() }))
}

/// Makes a token with which one gateway joins; its text is shown this once.
#[utoipa::path(post, path = "/api/v1/join-tokens", tag = "manage", request_body = Wish,
    responses((status = 201, body = Made), (status = 400, body = ErrorBody), (status = 403, body = ErrorBody),
        (status = 404, body = ErrorBody)))]
async fn make_join_token(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Body(wish): Body<Wish>,
) -> Result<(StatusCode, Json<Made>), ApiError> {
    let hours = wish.hours.unwrap_or(HOURS);
    if !(1..=HOURS_MAX).contains(&hours) {
        return Err(ApiError::bad_request("hours is a number from 1 to 168.", "Make it when the gateway is at hand."));
    }
    let joining = app.settings.joining.clone().ok_or_else(|| ApiError::not_found("way for gateways into this hub"))?;
    let token = JoinToken { secret: rand::random(), ca_sha256: joining.ca_sha256 };
    let hash = Sha256::digest(token.secret).into();
    let expires_us = now_us() + hours * HOUR_US;
    let new = NewJoinToken { hash, department: wish.department.clone(), expires_us };
    app.blocking(move |app| app.store.add_join_token(&new, now_us())).await?;
    let (text, short) = (token.encode(), hex(&hash[..4]));
    let detail = json!({"department": wish.department, "expires": rfc3339(expires_us)});
    note(&app, &caller, peer, "join_token.create", &short, detail).await?;
    let host = joining.host.or_else(|| asked_under(&headers)).unwrap_or_else(|| "HUB".into());
    let command = format!("yiwang-gateway join {host}:{} {text}", joining.quic_port);
    let made = Made { token: text, short, department: wish.department, expires: rfc3339(expires_us), command };
    Ok((StatusCode::CREATED, Json(made)))
}

/// The name under which the page was asked for.
fn asked_under(headers: &HeaderMap) -> Option<String> {
    let authority: Authority = headers.get(header::HOST)?.to_str().ok()?.parse().ok()?;
    Some(authority.host().to_owned())
}
