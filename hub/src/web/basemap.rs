//! The base map's file, by ranges as the page's PMTiles reader asks for them. A request without a range is refused: nobody
//! loads a city's map in one answer.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::AppState;
use super::error::{ApiError, ErrorBody};
use crate::basemap::MAX_RANGE_BYTES;

/// Where it is.
pub(super) const PATH: &str = "/api/v1/basemap";
/// The browser keeps what it has; another file has another `ETag`, and the page's reader notices.
const CACHE: HeaderValue = HeaderValue::from_static("private, max-age=3600");

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(basemap))
}

/// The base map, a PMTiles file of version 3; only ranges of it, of 4 MiB at most.
#[utoipa::path(get, path = "/api/v1/basemap", tag = "hub",
    params(("range" = String, Header, description = "`bytes=FIRST-LAST`")),
    responses((status = 206, description = "The range", content_type = "application/vnd.pmtiles"),
        (status = 404, body = ErrorBody), (status = 416, body = ErrorBody), (status = 401, body = ErrorBody)))]
async fn basemap(State(app): State<AppState>, headers: HeaderMap) -> Result<Response, ApiError> {
    let Some(map) = app.settings.basemap.clone() else {
        return Err(ApiError::new(
            StatusCode::NOT_FOUND,
            "not_found",
            "This hub has no base map.",
            "Name a PMTiles file as `basemap` in hub.toml.",
        ));
    };
    let bytes = map.bytes();
    let asked = headers.get(header::RANGE).and_then(|value| value.to_str().ok());
    let Some((first, last)) = asked.and_then(|text| range(text, bytes)) else {
        return Err(ApiError::new(
            StatusCode::RANGE_NOT_SATISFIABLE,
            "range_needed",
            format!("The base map has {bytes} bytes and is given by single ranges of {MAX_RANGE_BYTES} at most."),
            "Send `Range: bytes=FIRST-LAST` within the file.",
        ));
    };
    let etag = HeaderValue::from_str(map.etag()).map_err(|error| ApiError::internal(&error))?;
    let data = app.blocking(move |_| Ok(map.read(first..=last))).await?.map_err(|error| ApiError::internal(&error))?;
    let content_range = HeaderValue::from_str(&format!("bytes {first}-{last}/{bytes}"));
    let mut response = (StatusCode::PARTIAL_CONTENT, data).into_response();
    let said = response.headers_mut();
    said.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/vnd.pmtiles"));
    said.insert(header::CONTENT_RANGE, content_range.map_err(|error| ApiError::internal(&error))?);
    said.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    said.insert(header::ETAG, etag);
    said.insert(header::CACHE_CONTROL, CACHE);
    Ok(response)
}

/// First and last byte of a single range (RFC 9110, 14.1.2), cut to the file and to what one answer may have: a server may
/// give less than was asked for (15.3.7), and says what it gave. None for what it does not give.
fn range(text: &str, bytes: u64) -> Option<(u64, u64)> {
    let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
    let first: u64 = first.trim().parse().ok()?;
    let last = match last.trim() {
        "" => u64::MAX,
        last => last.parse().ok()?,
    };
    let last = last.min(bytes.checked_sub(1)?).min(first.saturating_add(MAX_RANGE_BYTES - 1));
    (first <= last).then_some((first, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_cut_to_the_file_and_to_the_bound() {
        for (text, expected) in [
            ("bytes=0-9", Some((0, 9))),
            ("bytes=90-", Some((90, 99))),
            ("bytes=90-200", Some((90, 99))),
            ("bytes=100-200", None),
            ("bytes=9-3", None),
            ("bytes=-5", None),
            ("bytes=0-1,4-5", None),
            ("lines=0-1", None),
            ("bytes=18446744073709551616-", None),
        ] {
            assert_eq!(range(text, 100), expected, "{text}");
        }
        assert_eq!(range("bytes=0-", u64::MAX), Some((0, MAX_RANGE_BYTES - 1)));
        assert_eq!(range("bytes=18446744073709551615-", u64::MAX), None);
        assert_eq!(range("bytes=0-0", 0), None);
    }
}
