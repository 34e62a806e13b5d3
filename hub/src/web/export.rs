//! Search over events and incidents, and lists as files: CSV for tables, GeoJSON for maps. The same filters and the same
//! view as the lists on the page.

use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json as value};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::access::Caller;
use super::error::{ApiError, ErrorBody};
use super::extract::Params;
use super::incident_json::Viewer;
use super::incident_shapes::Incident;
use super::incidents::{Filter, Wanted};
use super::looking::Asked;
use super::views::page_cursor_text;
use super::{AppState, json};
use crate::store::{MAX_PAGE, StoredEvent};

/// Events of one file, and how many are looked at for them.
const MAX_EVENTS: usize = 50_000;
const LOOKED_AT_FOR_FILE: usize = 2_000_000;
/// Events that a search looks at.
const LOOKED_AT: usize = 30_000;
/// Events of a search.
const FOUND: usize = 100;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(search)).routes(routes!(export))
}

/// What is looked for.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Wish {
    /// Words; each is part of the name of a camera, kind, rule, class, gateway or department. Two Chinese characters are a
    /// word.
    pub(super) q: Option<String>,
    /// Captured at or after, RFC 3339.
    pub(super) from: Option<String>,
    /// Captured before, RFC 3339.
    pub(super) to: Option<String>,
    /// Kind.
    pub(super) kind: Option<String>,
    /// Department; it must be in view.
    pub(super) department: Option<String>,
    /// `<gateway>/<camera>`.
    pub(super) camera: Option<String>,
    /// `low`, `medium`, `high`, `urgent`, parted by commas.
    pub(super) severity: Option<String>,
    /// Corners of a polygon: `lon,lat;lon,lat;…`.
    pub(super) area: Option<String>,
    /// At most this many of each: 1 to 500, 100 where it is left out.
    limit: Option<usize>,
    /// `next` of the answer before: older events; incidents are told once, in the first answer.
    pub(super) cursor: Option<String>,
}

/// What was found.
#[derive(Debug, Serialize, ToSchema)]
struct Found {
    /// Newest first.
    events: Vec<json::Event>,
    /// Newest first.
    incidents: Vec<Incident>,
    /// The `cursor` of older events; null where everything was looked at.
    next: Option<String>,
    /// Null where everything that fits was looked at, or the page is full. Else the search stopped here, going back in time.
    complete_to: Option<String>,
}

/// Events and incidents in view by words, time, kind, department, camera and area.
#[utoipa::path(get, path = "/api/v1/search", tag = "events", params(Wish),
    responses((status = 200, body = Found), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody)))]
async fn search(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
    Params(wish): Params<Wish>,
) -> Result<Json<Found>, ApiError> {
    let limit = wish.limit.unwrap_or(FOUND);
    if !(1..=MAX_PAGE).contains(&limit) {
        return Err(ApiError::bad_request("limit is a number from 1 to 500.", "Ask for fewer."));
    }
    let asked = Asked::read(&wish, &caller, limit)?;
    let first = wish.cursor.is_none();
    let filter = Filter {
        state: Some("all".into()),
        severity: wish.severity,
        kind: wish.kind,
        department: wish.department,
        camera: wish.camera,
        from: wish.from,
        to: wish.to,
        q: wish.q,
        area: wish.area,
        order: Some("newest".into()),
        limit: Some(limit),
        ..Filter::default()
    };
    let wanted = Wanted::read(filter, &caller)?;
    let viewer = Viewer::of(&caller);
    let found = app.blocking(move |app| {
        let events = asked.newest(&*app.store, limit, LOOKED_AT)?;
        let incidents = if first { wanted.some(app, &viewer, limit)? } else { Vec::new() };
        Ok((events, incidents))
    });
    let (events, incidents) = found.await?;
    let log_epoch = app.log.log_epoch();
    Ok(Json(Found {
        events: events.newest.iter().map(|stored| json::event(stored, log_epoch)).collect(),
        incidents,
        next: events.next.map(page_cursor_text),
        complete_to: events.complete_to_us.map(json::rfc3339),
    }))
}

/// A list as a file: `incidents.csv`, `incidents.geojson` with the filters of `/api/v1/incidents`, `events.csv`,
/// `events.geojson` with those of `/api/v1/search`; the newest where there are more than one file holds.
#[utoipa::path(get, path = "/api/v1/export/{file}", tag = "events", params(("file" = String, Path), Wish),
    responses((status = 200, body = String, content_type = "text/csv"), (status = 400, body = ErrorBody),
        (status = 401, body = ErrorBody), (status = 404, body = ErrorBody)))]
async fn export(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    uri: axum::http::Uri,
) -> Result<Response, ApiError> {
    let (what, csv) = match name.split_once('.') {
        Some((what @ ("incidents" | "events"), "csv")) => (what, true),
        Some((what @ ("incidents" | "events"), "geojson")) => (what, false),
        _ => return Err(ApiError::not_found("file")),
    };
    let unreadable = |error: axum::extract::rejection::QueryRejection| {
        ApiError::bad_request(error.body_text(), "See /api/openapi.json for what this takes.")
    };
    let rows = if what == "incidents" {
        let Query(filter) = Query::<Filter>::try_from_uri(&uri).map_err(unreadable)?;
        let wanted = Wanted::read(filter, &caller)?;
        let all = app.blocking(move |app| wanted.all(app, &Viewer::of(&caller))).await?;
        all.iter().map(incident_row).collect()
    } else {
        let Query(wish) = Query::<Wish>::try_from_uri(&uri).map_err(unreadable)?;
        let asked = Asked::read(&wish, &caller, MAX_PAGE)?;
        let all = app.blocking(move |app| asked.newest(&*app.store, MAX_EVENTS, LOOKED_AT_FOR_FILE)).await?;
        all.newest.iter().map(event_row).collect()
    };
    Ok(file(what, csv, rows))
}

fn incident_row(one: &Incident) -> FileRow {
    let columns = [
        ("number", one.number.to_string()),
        ("state", one.state.to_owned()),
        ("severity", one.severity.to_owned()),
        ("kinds", one.kinds.join(" ")),
        ("begin", one.begin.clone()),
        ("last", one.last.clone()),
        ("place", one.place.clone().unwrap_or_default()),
        ("longitude", one.position.map(|p| p[0].to_string()).unwrap_or_default()),
        ("latitude", one.position.map(|p| p[1].to_string()).unwrap_or_default()),
        ("departments", one.departments.join(" ")),
        ("cameras", one.cameras.join(" ")),
        ("sources", one.sources.to_string()),
        ("owner", one.owner.clone().unwrap_or_default()),
        ("finding", one.finding.unwrap_or_default().to_owned()),
        ("id", one.id.clone()),
    ];
    (one.position, columns.to_vec())
}

fn event_row(stored: &StoredEvent) -> FileRow {
    let event = &stored.event;
    let camera = event.camera.as_ref().map(|camera| json::camera_id(&stored.gateway, camera));
    let columns = [
        ("captured", json::rfc3339(event.captured_us)),
        ("kind", event.kind.clone()),
        ("phase", json::phase_text(event.phase).to_owned()),
        ("severity", json::severity_text(event.severity).to_owned()),
        ("department", stored.department.to_string()),
        ("camera", camera.unwrap_or_else(|| stored.gateway.to_string())),
        ("camera_name", stored.camera_name.as_deref().unwrap_or_default().to_owned()),
        ("rule", event.rule.clone().unwrap_or_default()),
        ("class", event.subject.as_ref().map(|subject| subject.class.clone()).unwrap_or_default()),
        ("longitude", stored.place.map(|p| p.0.to_string()).unwrap_or_default()),
        ("latitude", stored.place.map(|p| p.1.to_string()).unwrap_or_default()),
        ("id", event.id.to_string()),
    ];
    (stored.place.map(Into::into), columns.to_vec())
}

/// A row: where it is, and its columns by name.
type FileRow = (Option<[f64; 2]>, Vec<(&'static str, String)>);

fn file(name: &str, csv: bool, rows: Vec<FileRow>) -> Response {
    let (text, kind, ending) = match csv {
        true => (as_csv(&rows), "text/csv; charset=utf-8", "csv"),
        false => (as_geojson(&rows), "application/geo+json", "geojson"),
    };
    let mut response = text.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    let disposition = format!("attachment; filename=\"yiwang-{name}.{ending}\"");
    headers.extend(HeaderValue::from_str(&disposition).map(|value| (header::CONTENT_DISPOSITION, value)));
    response
}

/// RFC 4180, with a byte order mark, without which the usual spreadsheet does not read Chinese.
fn as_csv(rows: &[FileRow]) -> String {
    let mut text = String::from("\u{feff}");
    let line = |cells: Vec<String>| cells.join(",") + "\r\n";
    if let Some((_, columns)) = rows.first() {
        text += &line(columns.iter().map(|(name, _)| (*name).to_owned()).collect());
    }
    for (_, columns) in rows {
        text += &line(columns.iter().map(|(_, cell)| csv_cell(cell)).collect());
    }
    text
}

/// What a spreadsheet would run as a formula is text: names and comments come from people.
fn csv_cell(text: &str) -> String {
    let is_number = text.parse::<f64>().is_ok();
    let text = if !is_number && text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{text}")
    } else {
        text.to_owned()
    };
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

/// RFC 7946.
fn as_geojson(rows: &[FileRow]) -> String {
    let feature = |(position, columns): &FileRow| {
        let properties: serde_json::Map<String, Value> =
            columns.iter().map(|(name, cell)| ((*name).to_owned(), Value::String(cell.clone()))).collect();
        let geometry = position.map_or(Value::Null, |position| value!({"type": "Point", "coordinates": position}));
        value!({"type": "Feature", "geometry": geometry, "properties": properties})
    };
    value!({"type": "FeatureCollection", "features": rows.iter().map(feature).collect::<Vec<_>>()}).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_formulas_are_text() {
        let cases = [
            ("a,b", "\"a,b\""),
            ("say \"x\"", "\"say \"\"x\"\"\""),
            ("=1+1", "'=1+1"),
            ("-1.5", "-1.5"),
            ("@cmd", "'@cmd"),
            ("市民广场", "市民广场"),
        ];
        for (text, cell) in cases {
            assert_eq!(csv_cell(text), cell);
        }
    }
}
