//! How a refusal reaches the page: a code that it has words for in both languages, the gateway's own words, and what to
//! do next. The one place where errors become HTTP codes.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// An answer that is not a success.
#[derive(Debug)]
pub(super) struct PageError {
    status: StatusCode,
    code: &'static str,
    message: String,
    next: String,
}

impl PageError {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>, next: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), next: next.into() }
    }

    /// Nobody is logged in.
    pub(super) fn login_needed() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "login_needed", "Nobody is logged in.", "Log in.")
    }

    /// There is no password yet.
    pub(super) fn no_password() -> Self {
        let next = "Run `yiwang-gateway page password` on the gateway.";
        Self::new(StatusCode::FORBIDDEN, "no_password", "No log-in has been made yet.", next)
    }

    /// The wrong one.
    pub(super) fn wrong_password() -> Self {
        let next = "`yiwang-gateway page password` on the gateway makes a new one.";
        Self::new(StatusCode::UNAUTHORIZED, "wrong_password", "This is not the password.", next)
    }

    /// Tried too often.
    pub(super) fn too_many_tries(wait_s: i64) -> Self {
        let next = format!("Wait {wait_s} s.");
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_tries", "A wrong password was given too often.", next)
    }

    /// Called under a name that is not its own, or from another site's page.
    pub(super) fn stranger(what: &str) -> Self {
        let next = "Call the gateway by its address, or add the name to [page] names in gateway.toml.";
        Self::new(StatusCode::FORBIDDEN, "stranger", format!("This request came through {what}."), next)
    }

    /// Nothing is there.
    pub(super) fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", format!("There is no such {what}."), "Load the page again.")
    }

    /// What was drawn cannot be.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", message, "Nothing was changed.")
    }

    /// The file is another one than that which was drawn over.
    pub(super) fn changed() -> Self {
        let next = "Load it again; if somebody edits the file, let yiwang-gateway reload bring it into force first.";
        Self::new(StatusCode::CONFLICT, "changed", "The file has changed since it was loaded.", next)
    }

    /// Nothing to take back.
    pub(super) fn nothing_to_undo() -> Self {
        let next = "Draw it back and save, or edit the file.";
        Self::new(StatusCode::CONFLICT, "nothing_to_undo", "The last save cannot be taken back any more.", next)
    }

    /// It could not be written.
    pub(super) fn unwritable(path: &std::path::Path, error: &std::io::Error) -> Self {
        let next = "Let the gateway's user write the file and its folder, or copy the text into the file and reload.";
        let message = format!("Cannot write {}: {error}.", path.display());
        Self::new(StatusCode::FORBIDDEN, "unwritable", message, next)
    }

    /// Something of the gateway's own does not work.
    pub(super) fn failed(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "failed", message, "The gateway's log says more.")
    }

    /// More than can be served.
    pub(super) fn busy() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "Too many ask at this moment.", "Try again.")
    }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let Self { status, code, message, next } = self;
        (status, Json(json!({ "error": { "code": code, "message": message, "next": next } }))).into_response()
    }
}
