//! The page out of the binary: what the build left in `gateway/ui/dist`. Nothing of anybody is in it, so it is shown
//! before the log-in too; nothing of it comes from elsewhere.

use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use rust_embed::RustEmbed;

use super::error::PageError;

#[derive(RustEmbed)]
#[folder = "ui/dist"]
#[allow_missing = true]
struct Dist;

/// What stands there while the page is not built.
const NOT_BUILT: &str = "<!doctype html><html lang=en><meta charset=utf-8><title>Yiwang</title>\
<p>This gateway was built without its page. Build it with <code>deploy/setup</code>, then build the gateway again.";

/// Answers what no route of the API answers.
pub(super) async fn serve(method: Method, uri: Uri) -> Response {
    let path = uri.path().trim_start_matches('/');
    if path.starts_with("api/") || !matches!(method, Method::GET | Method::HEAD) {
        return PageError::not_found("address").into_response();
    }
    let path = if path.is_empty() { "gateway.html" } else { path };
    match Dist::get(path) {
        Some(file) => asset(path, file.data),
        None if path == "gateway.html" => Html(NOT_BUILT).into_response(),
        None => (StatusCode::NOT_FOUND, "There is nothing at this address.\n").into_response(),
    }
}

fn asset(path: &str, data: std::borrow::Cow<'static, [u8]>) -> Response {
    let mut response = data.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type(path)));
    // The build names assets after their content; the page itself must be asked for each time.
    let cache = if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    response
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}
