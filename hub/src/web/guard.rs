//! The one gate of the API. Every route has a line in [`ACCESS`] or is refused; every request passes [`guard`], which finds
//! the caller, lets `share::authorise` decide and hands the caller with its view to the handler.

use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::access::{Caller, Credential};
use super::error::ApiError;
use super::{AppState, secret};
use crate::registry::now_us;
use crate::share::{Need, authorise};

/// Name of the session cookie.
pub const COOKIE: &str = "yw_session";
/// Header that other sites' forms can't send: changes by cookie need it.
pub const CSRF_HEADER: &str = "x-yiwang";
/// Where the feed is: feeds take tickets and have no time limit.
pub const FEED: &str = "/api/v1/feed";
/// Where incidents' changes are: likewise.
pub const INCIDENT_FEED: &str = "/api/v1/incidents/feed";
/// How long an answer may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// The route of clips.
const CLIP: &str = "/api/v1/cameras/{gateway}/{camera}/clip";

/// What each route needs. A route that is not here is refused.
pub const ACCESS: &[(Method, &str, Need)] = &[
    (Method::GET, "/api/v1/setup", Need::Nothing),
    (Method::POST, "/api/v1/setup", Need::Nothing),
    (Method::POST, "/api/v1/login", Need::Nothing),
    (Method::POST, "/api/v1/logout", Need::Person),
    (Method::GET, "/api/v1/session", Need::Person),
    (Method::GET, "/api/v1/departments", Need::Viewer),
    (Method::GET, "/api/v1/gateways", Need::Viewer),
    (Method::GET, "/api/v1/cameras", Need::Viewer),
    // Whose pictures a person may look at, and whether a reason is needed, is decided with the camera at hand.
    (Method::POST, "/api/v1/cameras/{gateway}/{camera}/still", Need::Person),
    (Method::POST, "/api/v1/cameras/{gateway}/{camera}/live", Need::Person),
    (Method::POST, CLIP, Need::Person),
    (Method::GET, "/api/v1/kinds", Need::Viewer),
    (Method::GET, "/api/v1/events", Need::Viewer),
    (Method::GET, "/api/v1/events/{id}", Need::Viewer),
    (Method::GET, FEED, Need::Viewer),
    (Method::POST, "/api/v1/feed/ticket", Need::Viewer),
    (Method::GET, "/api/v1/incidents", Need::Viewer),
    (Method::GET, "/api/v1/incidents/{id}", Need::Viewer),
    (Method::GET, "/api/v1/incidents/{id}/events", Need::Viewer),
    (Method::GET, INCIDENT_FEED, Need::Viewer),
    (Method::GET, "/api/v1/alarm-load", Need::Person),
    // Which step on which incident a person may take is decided with the incident at hand.
    (Method::POST, "/api/v1/incidents/{id}/actions", Need::Person),
    (Method::POST, "/api/v1/incidents/actions", Need::Person),
    (Method::GET, "/api/v1/people", Need::Person),
    (Method::GET, "/api/v1/settings/incidents", Need::Person),
    (Method::PUT, "/api/v1/settings/incidents", Need::Administrator),
    (Method::GET, "/api/v1/audit", Need::Administrator),
    (Method::GET, "/api/v1/registry", Need::Viewer),
    (Method::PUT, "/api/v1/registry/{gateway}/{camera}", Need::Administrator),
    (Method::GET, "/api/v1/reports/duplicates", Need::Viewer),
    (Method::GET, "/api/v1/reports/coverage", Need::Viewer),
    (Method::GET, "/api/v1/reports/false-alarms", Need::Person),
    (Method::GET, "/api/v1/reports/false-alarms/preview", Need::Person),
    (Method::GET, "/api/v1/reports/unusual", Need::Viewer),
    (Method::GET, "/api/v1/baselines", Need::Viewer),
    // Each department has its own: which hand-over a person may read and sign is decided with it at hand.
    (Method::GET, "/api/v1/handovers", Need::Person),
    (Method::POST, "/api/v1/handovers", Need::Person),
    (Method::GET, "/api/v1/handovers/draft", Need::Person),
    (Method::GET, "/api/v1/handovers/{id}", Need::Person),
    (Method::POST, "/api/v1/handovers/{id}/sign", Need::Person),
    (Method::GET, "/api/v1/search", Need::Viewer),
    (Method::GET, "/api/v1/export/{file}", Need::Viewer),
    (Method::GET, "/api/v1/basemap", Need::Person),
    (Method::POST, "/api/v1/departments", Need::Administrator),
    (Method::PUT, "/api/v1/users/{name}", Need::Administrator),
    (Method::GET, "/api/v1/join-tokens", Need::Administrator),
    (Method::POST, "/api/v1/join-tokens", Need::Administrator),
    (Method::GET, "/api/v1/feed-tokens", Need::Administrator),
    (Method::POST, "/api/v1/feed-tokens", Need::Administrator),
    (Method::DELETE, "/api/v1/feed-tokens/{id}", Need::Administrator),
    (Method::GET, "/api/v1/users", Need::Administrator),
    (Method::POST, "/api/v1/users", Need::Administrator),
    (Method::DELETE, "/api/v1/users/{name}", Need::Administrator),
    (Method::GET, "/api/v1/grants", Need::Administrator),
    (Method::PUT, "/api/v1/grants", Need::Administrator),
    (Method::GET, "/healthz", Need::Nothing),
    (Method::GET, "/metrics", Need::LocalOrAdministrator),
    (Method::GET, "/api/openapi.json", Need::Nothing),
];

/// True where the caller is on this very machine and not behind a proxy that is.
#[derive(Debug, Clone, Copy)]
pub struct Local(pub bool);

/// Lets a request through with its [`Caller`] (where one is known) and [`Local`] as extensions, or answers it.
pub async fn guard(State(app): State<AppState>, mut request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned()).unwrap_or_default();
    let admitted = match look(&app, &path, &request) {
        Ok(asked) => admit(&app, asked).await,
        Err(error) => Err(error),
    };
    let response = match admitted {
        Err(error) => error.into_response(),
        Ok((caller, local)) => {
            request.extensions_mut().insert(local);
            if let Some(caller) = caller {
                request.extensions_mut().insert(caller);
            }
            if is_feed(&path) || path == CLIP {
                // A clip has its own limits: it is let take its time on a thin line.
                next.run(request).await
            } else {
                tokio::time::timeout(ANSWER_WITHIN, next.run(request))
                    .await
                    .unwrap_or_else(|_| ApiError::busy("The hub did not find the answer in time.").into_response())
            }
        }
    };
    app.count_answer(response.status());
    response
}

fn is_feed(path: &str) -> bool {
    path == FEED || path == INCIDENT_FEED
}

/// What of a request decides.
struct Asked {
    need: Need,
    local: bool,
    credential: Option<Credential>,
}

fn look(app: &AppState, path: &str, request: &Request) -> Result<Asked, ApiError> {
    let need = need_of(request.method(), path).ok_or(crate::share::Denial::Forbidden)?;
    let mutates = !matches!(*request.method(), Method::GET | Method::HEAD);
    let credential = credential(app, path, request).filter(|_| need != Need::Nothing);
    let by_cookie = matches!(credential, Some(Credential::Session(_)));
    if by_cookie && mutates && !request.headers().contains_key(CSRF_HEADER) {
        return Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "header_missing",
            format!("A change by cookie needs the header {CSRF_HEADER}."),
            format!("Send `{CSRF_HEADER}: 1`."),
        ));
    }
    Ok(Asked { need, local: is_local(request), credential })
}

async fn admit(app: &AppState, asked: Asked) -> Result<(Option<Caller>, Local), ApiError> {
    let Asked { need, local, credential } = asked;
    let caller = match credential {
        Some(credential) => app.blocking(move |app| app.access.resolve(&credential, now_us())).await?,
        None => None,
    };
    authorise(need, caller.as_ref().map(|caller| &caller.principal), local)?;
    Ok((caller, Local(local)))
}

fn need_of(method: &Method, path: &str) -> Option<Need> {
    // HEAD is answered by GET's handler, so it needs what GET needs.
    let method = if *method == Method::HEAD { &Method::GET } else { method };
    ACCESS.iter().find(|(m, p, _)| m == method && *p == path).map(|(_, _, need)| *need)
}

/// A bearer token is taken where one is sent: it never mixes with a cookie.
fn credential(app: &AppState, path: &str, request: &Request) -> Option<Credential> {
    let headers = request.headers();
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let text = value.to_str().ok()?;
        let (scheme, token) = text.split_once(' ')?;
        let token = token.trim();
        let id = secret::feed_token_id(token).filter(|_| scheme.eq_ignore_ascii_case("bearer"))?;
        return Some(Credential::Token { id: id.to_owned(), hash: secret::hash(token) });
    }
    if is_feed(path)
        && let Some(ticket) = ticket(request.uri().query().unwrap_or_default())
    {
        return app.access.redeem(ticket, now_us());
    }
    cookie(headers).map(|value| Credential::Session(secret::hash(value)))
}

/// Tickets are base64url: nothing in them is escaped.
fn ticket(query: &str) -> Option<&str> {
    query.split('&').find_map(|pair| pair.strip_prefix("ticket="))
}

/// The session cookie's value.
pub(super) fn cookie(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(';'))
        .find_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='))
}

fn is_local(request: &Request) -> bool {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let forwarded = ["forwarded", "x-forwarded-for"].iter().any(|name| request.headers().contains_key(*name));
    !forwarded && peer.is_some_and(|ConnectInfo(address)| address.ip().to_canonical().is_loopback())
}
