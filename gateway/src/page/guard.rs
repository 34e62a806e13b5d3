//! The one gate of the page: under which names it may be called, who is logged in, and what browsers are told to keep to.
//!
//! - A page of another site that lets its own name point here (DNS rebinding) calls under that name: only addresses,
//!   `localhost`, this machine's name and those in `[page] names` are served.
//! - A change needs a header that another site's form cannot send, and where the browser tells the origin, this one. The
//!   cookie is sent to no other site's requests either.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use axum::Json;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::door::Hash;
use super::error::PageError;
use super::{Page, password};
use crate::now_us;

/// Name of the session cookie: not the hub's, which may be on the same machine.
const COOKIE: &str = "yw_page";
/// Header that other sites' forms cannot send.
const CSRF_HEADER: &str = "x-yiwang";
/// Needs nobody: the page itself, logging in, and asking whether one is.
const OPEN: &[&str] = &["/api/session", "/api/login"];
/// How long an answer may take, a body that comes slowly included.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);
/// Everything comes from here alone; pictures are made of what was fetched.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self' blob: data:; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// Lets a request through, or answers it.
pub(super) async fn guard(State(page): State<Page>, request: Request, next: Next) -> Response {
    let mut response = match admit(&page, &request) {
        Err(error) => error.into_response(),
        Ok(()) => match page.0.requests.try_acquire() {
            Ok(_permit) => match tokio::time::timeout(ANSWER_WITHIN, next.run(request)).await {
                Ok(response) => response,
                Err(_) => PageError::busy().into_response(),
            },
            Err(_) => PageError::busy().into_response(),
        },
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
    headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

fn admit(page: &Page, request: &Request) -> Result<(), PageError> {
    // HTTP/2 has the host in the address.
    let named = request.uri().authority().map(|authority| authority.as_str().to_owned());
    let headers = request.headers();
    let told = || headers.get(header::HOST).and_then(|host| host.to_str().ok()).map(str::to_owned);
    let host = named.or_else(told).unwrap_or_default();
    if !is_own(&host, &page.0.names) {
        return Err(PageError::stranger("a name that is not the gateway's"));
    }
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD);
    let scheme = if page.0.tls { "https" } else { "http" };
    if changes && !is_same_origin(headers, &format!("{scheme}://{host}")) {
        return Err(PageError::stranger("another site's page"));
    }
    let path = request.uri().path();
    if !path.starts_with("/api/") || OPEN.contains(&path) || page.is_logged_in(headers) {
        Ok(())
    } else {
        Err(PageError::login_needed())
    }
}

/// Whether a request's host is an address, this machine or one of its names.
fn is_own(host: &str, names: &[String]) -> bool {
    let name = match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.parse::<IpAddr>().is_ok() || names.iter().any(|own| own.eq_ignore_ascii_case(name))
}

fn is_same_origin(headers: &HeaderMap, own: &str) -> bool {
    let origin = headers.get(header::ORIGIN).map(|origin| origin.to_str().unwrap_or_default());
    headers.contains_key(CSRF_HEADER) && origin.is_none_or(|origin| origin.eq_ignore_ascii_case(own))
}

impl Page {
    fn is_logged_in(&self, headers: &HeaderMap) -> bool {
        let Some(secret) = cookie(headers).map(hash) else { return false };
        let kept = password::kept(&self.config().state_dir).ok().flatten();
        kept.is_some_and(|kept| self.door().holds(&secret, &password::mark(&kept), now_us()))
    }
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let texts = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    texts.flat_map(|text| text.split(';')).find_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='))
}

fn hash(text: &str) -> Hash {
    Sha256::digest(text.as_bytes()).into()
}

/// `GET /api/session`: whether one is logged in, and what this gateway is.
pub(super) async fn session(State(page): State<Page>, headers: HeaderMap) -> Json<Value> {
    let config = page.config();
    let logged_in = page.is_logged_in(&headers);
    Json(json!({
        "logged_in": logged_in,
        "password_made": password::kept(&config.state_dir).is_ok_and(|kept| kept.is_some()),
        "gateway": page.0.shown.gateway.as_ref().filter(|_| logged_in),
        "software": crate::SOFTWARE,
    }))
}

/// What is typed.
#[derive(Deserialize)]
pub(super) struct Login {
    password: String,
}

/// `POST /api/login`.
pub(super) async fn login(
    State(page): State<Page>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Json(Login { password }): Json<Login>,
) -> Result<Response, PageError> {
    let state_dir = page.config().state_dir.clone();
    let kept = password::kept(&state_dir).map_err(|error| PageError::failed(error.to_string()))?;
    let kept = kept.ok_or_else(PageError::no_password)?;
    page.door().try_from(peer.ip(), now_us()).map_err(PageError::too_many_tries)?;
    // One at a time: each takes 19 MiB and a core for a moment.
    let turn = page.0.hashing.clone().acquire_owned().await.map_err(|_| PageError::busy())?;
    let checked = tokio::task::spawn_blocking(move || {
        let right = password::is_right(&password, &kept);
        drop(turn);
        right.then(|| password::mark(&kept))
    });
    let Some(mark) = checked.await.map_err(|_| PageError::failed("Checking the password broke off."))? else {
        tracing::warn!(from = %peer.ip(), "a wrong password was given at the page");
        return Err(PageError::wrong_password());
    };
    let secret = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>());
    page.door().open(peer.ip(), hash(&secret), mark, now_us());
    tracing::info!(from = %peer.ip(), "somebody has logged in at the page");
    let secure = if page.0.tls { "; Secure" } else { "" };
    let cookie = format!("{COOKIE}={secret}; Path=/; HttpOnly; SameSite=Strict; Max-Age=43200{secure}");
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response())
}

/// `POST /api/logout`.
pub(super) async fn logout(State(page): State<Page>, headers: HeaderMap) -> Response {
    if let Some(secret) = cookie(&headers).map(hash) {
        page.door().close(&secret);
    }
    let cookie = format!("{COOKIE}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0");
    (StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_own_names_are_served() {
        let names = ["localhost".to_owned(), "gateway.site".to_owned()];
        for host in ["127.0.0.1:9181", "192.0.2.7", "[::1]:9181", "localhost:9181", "LOCALHOST", "gateway.site:9181"] {
            assert!(is_own(host, &names), "{host}");
        }
        for host in ["", "evil.example", "evil.example:9181", "localhost.evil.example", "127.0.0.1.evil.example:9181"] {
            assert!(!is_own(host, &names), "{host}");
        }
    }

    #[test]
    fn a_change_needs_its_header_and_its_own_origin() {
        let mut headers = HeaderMap::new();
        assert!(!is_same_origin(&headers, "http://127.0.0.1:1"));
        headers.insert(CSRF_HEADER, HeaderValue::from_static("1"));
        assert!(is_same_origin(&headers, "http://127.0.0.1:1"), "no browser");
        headers.insert(header::ORIGIN, HeaderValue::from_static("http://127.0.0.1:1"));
        assert!(is_same_origin(&headers, "http://127.0.0.1:1"));
        for other in ["http://127.0.0.1:2", "https://127.0.0.1:1", "null", "http://evil.example"] {
            headers.insert(header::ORIGIN, HeaderValue::from_static(other));
            assert!(!is_same_origin(&headers, "http://127.0.0.1:1"), "{other}");
        }
    }
}
