//! How the hub is, for probes and Prometheus, and the API's own description.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::{ApiError, ErrorBody};
use super::guard::Local;
use super::{AppState, json};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(healthz)).routes(routes!(metrics)).routes(routes!(openapi))
}

/// Is the log writable, and is what it holds shown? 503 where not.
#[utoipa::path(get, path = "/healthz", tag = "hub",
    responses((status = 200, body = json::Health), (status = 503, body = json::Health)))]
async fn healthz(State(app): State<AppState>, Extension(Local(local)): Extension<Local>) -> Response {
    let trouble = app.log.trouble();
    let applied = app.blocking(|app| app.store.applied_position()).await;
    let failing = trouble.is_some() || applied.is_err();
    let behind = app.log.newest_position().saturating_sub(*applied.as_ref().unwrap_or(&0));
    let health = json::Health {
        status: if failing { "failing" } else { "ok" },
        log: if trouble.is_some() { "stuck" } else { "writable" },
        behind,
        // An error text names paths: for this machine's own people.
        error: trouble.or_else(|| applied.is_err().then(|| "the store can't be read".into())).filter(|_| local),
    };
    let status = if failing { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    (status, Json(health)).into_response()
}

/// Prometheus metrics; for callers on this machine, or administrators.
#[utoipa::path(get, path = "/metrics", tag = "hub",
    responses((status = 200, body = String, content_type = "text/plain"), (status = 401, body = ErrorBody)))]
async fn metrics(State(app): State<AppState>) -> Result<Response, ApiError> {
    let text = app.metrics.render();
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response())
}

/// This description.
#[utoipa::path(get, path = "/api/openapi.json", tag = "hub",
    responses((status = 200, description = "OpenAPI 3.1", content_type = "application/json")))]
async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], super::openapi_json()).into_response()
}
