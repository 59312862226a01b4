//! What can go wrong in an API call, and the only place that knows status codes of failures.
//!
//! Answers follow RFC 9457: `application/problem+json` with a stable `type`, and `errors[]` with
//! all bad fields at once.

use axum::body::Body;
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header;
use axum::response::IntoResponse;
use axum::response::Response;
use serde_json::Value;
use serde_json::json;
use store::error::StoreError;

/// One bad field of an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FieldError {
    /// Path of the field: `terms[0].bp`.
    pub(crate) field: String,
    /// What is wrong, for people.
    pub(crate) detail: String,
}

impl FieldError {
    pub(crate) fn new(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { field: field.into(), detail: detail.into() }
    }
}

/// Why a call has no good answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
    /// The path leads nowhere, or to a row that the caller may not see.
    #[error("not found")]
    NotFound,
    /// The path exists, with other methods.
    #[error("method is not allowed")]
    Method,
    /// No credential, or not a good one. One answer for all reasons.
    #[error("credential is missing or not good")]
    Unauthorized,
    /// The caller's role may not do this.
    #[error("role is not allowed to do this")]
    Forbidden,
    /// Fields are bad.
    #[error("input is not good")]
    Invalid(Vec<FieldError>),
    /// The body is not JSON.
    #[error("body is not JSON: {0}")]
    Malformed(String),
    /// The media type or encoding is not ours.
    #[error("media type is not supported")]
    MediaType,
    /// The body is too long.
    #[error("body is too long")]
    TooLarge,
    /// It collides with what is there.
    #[error("conflict: {}", .0.detail)]
    Conflict(FieldError),
    /// Too many calls.
    #[error("too many calls")]
    TooMany {
        /// When to try again.
        retry_after_seconds: u64,
    },
    /// The database is busy; nothing was changed.
    #[error("busy")]
    Busy,
    /// Our fault.
    #[error("internal error")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// When to come back to a busy database.
const BUSY_RETRY_SECONDS: u64 = 1;

impl Problem {
    /// One bad field.
    pub(crate) fn field(field: &str, detail: &str) -> Self {
        Self::Invalid(vec![FieldError::new(field, detail)])
    }

    /// A value that is taken.
    pub(crate) fn taken(field: &str) -> Self {
        Self::Conflict(FieldError::new(field, "is taken already"))
    }

    /// Word of the `type`, status and title.
    const fn kind(&self) -> (&'static str, StatusCode, &'static str) {
        match self {
            Self::NotFound => ("not_found", StatusCode::NOT_FOUND, "Not found"),
            Self::Method => {
                ("method_not_allowed", StatusCode::METHOD_NOT_ALLOWED, "Method not allowed")
            }
            Self::Unauthorized => ("unauthorized", StatusCode::UNAUTHORIZED, "Not authenticated"),
            Self::Forbidden => ("forbidden", StatusCode::FORBIDDEN, "Not allowed"),
            Self::Invalid(_) => ("invalid", StatusCode::UNPROCESSABLE_ENTITY, "Bad fields"),
            Self::Malformed(_) => ("malformed", StatusCode::BAD_REQUEST, "Malformed body"),
            Self::MediaType => (
                "unsupported_media_type",
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "Unsupported media type",
            ),
            Self::TooLarge => ("too_large", StatusCode::PAYLOAD_TOO_LARGE, "Body too long"),
            Self::Conflict(_) => ("conflict", StatusCode::CONFLICT, "Conflict"),
            Self::TooMany { .. } => {
                ("too_many_requests", StatusCode::TOO_MANY_REQUESTS, "Too many requests")
            }
            Self::Busy => ("unavailable", StatusCode::SERVICE_UNAVAILABLE, "Busy"),
            Self::Internal(_) => ("internal", StatusCode::INTERNAL_SERVER_ERROR, "Internal error"),
        }
    }

    fn detail(&self) -> String {
        match self {
            Self::NotFound => "there is no such thing here".to_owned(),
            Self::Method => "this path has other methods".to_owned(),
            Self::Unauthorized => {
                "send `Authorization: Bearer gm_live_…` or `X-API-KEY`".to_owned()
            }
            Self::Forbidden => "the role of this credential may not do this".to_owned(),
            Self::Invalid(errors) => {
                let fields: Vec<&str> = errors.iter().map(|error| error.field.as_str()).collect();
                format!("bad fields: {}", fields.join(", "))
            }
            Self::Malformed(place) => place.clone(),
            Self::MediaType => "bodies are `application/json` without encoding".to_owned(),
            Self::TooLarge => {
                format!("a body has at most {} bytes", crate::api::limits::BODY_BYTES_MAX)
            }
            Self::Conflict(error) => format!("{}: {}", error.field, error.detail),
            Self::TooMany { .. } => "try again later".to_owned(),
            Self::Busy => "nothing was changed, try again".to_owned(),
            Self::Internal(_) => "the failure is in the program's log".to_owned(),
        }
    }

    fn errors(&self) -> Option<Value> {
        let view = |error: &FieldError| json!({"field": error.field, "detail": error.detail});
        match self {
            Self::Invalid(errors) => Some(errors.iter().map(view).collect()),
            Self::Conflict(error) => Some(Value::Array(vec![view(error)])),
            _ => None,
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            // Handlers check what they refer to before; this is a race that the schema decided.
            StoreError::Unique(columns) => {
                let field = columns.rsplit('.').next().unwrap_or_default();
                Self::taken(field)
            }
            StoreError::Busy => Self::Busy,
            other => Self::Internal(Box::new(other)),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (word, status, title) = self.kind();
        if let Self::Internal(error) = &self {
            tracing::error!(error = error.as_ref(), "an API call failed");
        }
        let mut body = json!({
            "type": format!("urn:gamma:problem:{word}"),
            "title": title,
            "status": status.as_u16(),
            "detail": self.detail(),
        });
        if let Some(errors) = self.errors() {
            body["errors"] = errors;
        }
        let mut response = Response::new(Body::from(body.to_string()));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        let media = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, media);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        match self {
            Self::TooMany { retry_after_seconds } => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from(retry_after_seconds));
            }
            Self::Busy => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from(BUSY_RETRY_SECONDS));
            }
            Self::Unauthorized => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            _ => {}
        }
        response
    }
}
