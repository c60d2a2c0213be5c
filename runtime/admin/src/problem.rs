//! Errors as `application/problem+json`, each with a stable code.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER};
use serde_json::{Value, json};

use crate::view::ViewError;

/// Why a request was not answered as asked.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) detail: String,
    /// A member beyond the usual four.
    pub(crate) more: Option<(&'static str, Value)>,
    /// The methods there are, for 405.
    pub(crate) allow: Option<String>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), more: None, allow: None }
    }

    pub(crate) fn bad(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    pub(crate) fn forbidden(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, detail)
    }

    pub(crate) fn not_found(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, detail)
    }

    pub(crate) fn with(mut self, name: &'static str, value: Value) -> Self {
        self.more = Some((name, value));
        self
    }

    pub(crate) fn respond(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        response.insert_header((CONTENT_TYPE, "application/problem+json"));
        if matches!(self.status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
            response.insert_header((RETRY_AFTER, "1"));
        }
        if let Some(allow) = &self.allow {
            response.insert_header((ALLOW, allow.as_str()));
        }
        let mut body = json!({
            "title": self.status.canonical_reason().unwrap_or("error"),
            "status": self.status.as_u16(),
            "code": self.code,
            "detail": self.detail,
        });
        if let Some((name, value)) = &self.more {
            body[*name] = value.clone();
        }
        response.body(body.to_string())
    }
}

impl From<ViewError> for Problem {
    fn from(error: ViewError) -> Self {
        let (status, code) = match &error {
            ViewError::NotSupported(_) => (StatusCode::NOT_IMPLEMENTED, "not-supported"),
            ViewError::NotFound(_) => (StatusCode::NOT_FOUND, "not-found"),
            ViewError::Invalid(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid"),
            ViewError::Conflict(_) => (StatusCode::CONFLICT, "conflict"),
            ViewError::Overloaded(_) => (StatusCode::TOO_MANY_REQUESTS, "overloaded"),
            ViewError::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
            ViewError::Failed(_) => (StatusCode::INTERNAL_SERVER_ERROR, "failed"),
        };
        Self::new(status, code, error.to_string())
    }
}
