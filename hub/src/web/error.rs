//! How a refusal or a failure reaches a client: one shape, plain words, and what to do next. The one place where errors
//! become HTTP codes.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::share::Denial;
use crate::store::StoreError;

/// The shape.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorBody {
    error: ErrorDetail,
    /// With 410 of the feed: the oldest cursor that can be resumed.
    #[serde(skip_serializing_if = "Option::is_none")]
    oldest: Option<String>,
    /// With 409 of a step on an incident: how it stands now and what was done since.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    conflict: Option<Value>,
}

/// What went wrong.
#[derive(Debug, Serialize, ToSchema)]
struct ErrorDetail {
    /// For programs.
    code: &'static str,
    /// For people.
    message: String,
    /// What to do.
    next: String,
}

/// An answer that is not a success.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
    next: String,
    oldest: Option<String>,
    /// Boxed: errors are passed about, and few have it.
    conflict: Option<Box<Value>>,
    retry_after_s: Option<u64>,
}

impl ApiError {
    /// Any.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>, next: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            next: next.into(),
            oldest: None,
            conflict: None,
            retry_after_s: None,
        }
    }

    /// With what was done meanwhile.
    pub(super) fn with_conflict(mut self, conflict: Value) -> Self {
        self.conflict = Some(Box::new(conflict));
        self
    }

    /// A conflict also shows how the incident stands now.
    pub(super) fn with_incident(mut self, incident: Option<Value>) -> Self {
        if let (Some(conflict), Some(incident)) = (&mut self.conflict, incident) {
            conflict["incident"] = incident;
        }
        self
    }

    /// Its code and its body, for answers that hold several.
    pub(super) fn parts(self) -> (u16, Value) {
        let status = self.status.as_u16();
        (status, serde_json::to_value(self.body()).unwrap_or_default())
    }

    fn body(self) -> ErrorBody {
        let error = ErrorDetail { code: self.code, message: self.message, next: self.next };
        ErrorBody { error, oldest: self.oldest, conflict: self.conflict.map(|conflict| *conflict) }
    }

    /// The request can't be understood.
    pub fn bad_request(message: impl Into<String>, next: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", message, next)
    }

    /// Not there, or not for the caller: the two look the same.
    pub fn not_found(what: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not_found",
            format!("There is no such {what}, or your department may not see it."),
            "Check the address, or ask an administrator for a grant.",
        )
    }

    /// The caller's department does not see that one. The same whether or not it exists.
    pub fn out_of_view() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "out_of_view",
            "Your department may not see that department's data.",
            "Ask an administrator for a grant.",
        )
    }

    /// Too many tries.
    pub fn too_many(message: impl Into<String>, retry_after_s: u64) -> Self {
        let next = format!("Wait {retry_after_s} s and try again.");
        let mut error = Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_tries", message, next);
        error.retry_after_s = Some(retry_after_s);
        error
    }

    /// The hub has no room for this now.
    pub fn busy(message: impl Into<String>) -> Self {
        let mut error = Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", message, "Try again in a few seconds.");
        error.retry_after_s = Some(5);
        error
    }

    /// A cursor that can't be resumed, with the oldest that can.
    pub fn gone(message: impl Into<String>, oldest: String) -> Self {
        let next = "Load the events anew through /api/v1/events, or resume at `oldest`.";
        Self { oldest: Some(oldest), ..Self::new(StatusCode::GONE, "gone", message, next) }
    }

    /// Our own fault. The cause goes to the log, not to the client.
    pub fn internal(error: &dyn std::error::Error) -> Self {
        let mut causes = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            causes.push_str(&format!(": {cause}"));
            source = cause.source();
        }
        tracing::error!(error = causes, "a request failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "The hub could not do this.",
            "Try again; if it stays, see the hub's log.",
        )
    }
}

impl From<Denial> for ApiError {
    fn from(denial: Denial) -> Self {
        match denial {
            Denial::Unknown => Self::new(
                StatusCode::UNAUTHORIZED,
                "unknown_caller",
                "This needs a session or a token that holds.",
                "Log in, or send `Authorization: Bearer` with a feed token.",
            ),
            Denial::Forbidden => {
                Self::new(StatusCode::FORBIDDEN, "forbidden", "Your account may not do this.", "Ask an administrator.")
            }
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let known = |status, code, next: &str| Self::new(status, code, error.to_string(), next);
        match &error {
            StoreError::Unknown { .. } => known(StatusCode::NOT_FOUND, "not_found", "Check the name."),
            StoreError::Exists { .. } => known(StatusCode::CONFLICT, "exists", "Choose another name."),
            StoreError::BadName { .. } => known(StatusCode::BAD_REQUEST, "bad_name", "Choose another name."),
            StoreError::LastAdministrator { .. } => {
                known(StatusCode::CONFLICT, "last_administrator", "Make another administrator first.")
            }
            StoreError::Corrupt { .. } | StoreError::Newer { .. } | StoreError::Storage { .. } => {
                Self::internal(&error)
            }
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, retry_after_s) = (self.status, self.retry_after_s);
        let mut response = (status, Json(self.body())).into_response();
        if let Some(seconds) = retry_after_s {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
