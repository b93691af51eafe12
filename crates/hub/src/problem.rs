//! Error answers: `application/problem+json`, with words that say what to do.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use groundlink_protocol::api::{Problem, problem};

use crate::live::SubmitError;

/// An error answer.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    status: StatusCode,
    /// Its `type`, where programs may want to tell it from others of the same status.
    kind: Option<&'static str>,
    detail: Option<String>,
    header: Option<(HeaderName, HeaderValue)>,
}

impl Failure {
    /// An answer with a status and an explanation.
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, kind: None, detail: Some(detail.into()), header: None }
    }

    /// The answer for everything that is not there. It must not tell why.
    pub(crate) fn not_found() -> Self {
        Self { status: StatusCode::NOT_FOUND, kind: None, detail: None, header: None }
    }

    /// The store does not work; the client may try again.
    pub(crate) fn store(error: &sqlx::Error) -> Self {
        tracing::error!(%error, "the hub's database");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "the hub cannot read or write its database now; try again")
            .with_header(header::RETRY_AFTER, "1")
    }

    pub(crate) fn with_kind(mut self, kind: &'static str) -> Self {
        self.kind = Some(kind);
        self
    }

    pub(crate) fn with_header(mut self, name: HeaderName, value: &'static str) -> Self {
        self.header = Some((name, HeaderValue::from_static(value)));
        self
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let problem = Problem {
            kind: self.kind.unwrap_or("about:blank").to_owned(),
            title: self.status.canonical_reason().unwrap_or("Error").to_owned(),
            status: self.status.as_u16(),
            detail: self.detail,
        };
        let body = serde_json::to_string(&problem).unwrap_or_default();
        let mut response = (self.status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response();
        if let Some((name, value)) = self.header {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::store(&error)
    }
}

impl From<SubmitError> for Failure {
    fn from(error: SubmitError) -> Self {
        let (status, kind) = match &error {
            SubmitError::Store(source) => return Self::store(source),
            SubmitError::NoSuchCommand => return Self::not_found(),
            SubmitError::DoesNotFit(_) => return Self::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string()),
            SubmitError::NotPending => (StatusCode::CONFLICT, problem::NOT_PENDING),
            SubmitError::WrongKind(_) => (StatusCode::CONFLICT, problem::WRONG_KIND),
            SubmitError::DigestMismatch => (StatusCode::CONFLICT, problem::DIGEST_MISMATCH),
            SubmitError::AlreadyAnswering => (StatusCode::CONFLICT, problem::ALREADY_ANSWERING),
            SubmitError::NotSteerable => (StatusCode::CONFLICT, problem::NOT_STEERABLE),
            SubmitError::NotSupported(_) => (StatusCode::CONFLICT, problem::NOT_SUPPORTED),
            SubmitError::NotQueued(_) => (StatusCode::CONFLICT, problem::NOT_QUEUED),
            SubmitError::Ended => (StatusCode::CONFLICT, problem::ENDED),
            SubmitError::TooMany => (StatusCode::TOO_MANY_REQUESTS, problem::TOO_MANY_COMMANDS),
        };
        let failure = Self::new(status, error.to_string()).with_kind(kind);
        match error {
            SubmitError::TooMany => failure.with_header(header::RETRY_AFTER, "5"),
            _ => failure,
        }
    }
}
