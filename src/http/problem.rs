//! Errors as RFC 9457 problem documents: one type for every fault that a client is told about.
//!
//! `code` is the stable word for programs, `detail` is for people, `errors` points at the fields. Owned by `http`.

use crate::switch::action::Refusal;
use axum::http::HeaderName;
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header;
use axum::response::IntoResponse;
use axum::response::Response;
use serde::Serialize;
use std::time::Duration;
use utoipa::ToSchema;

/// What went wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Fault {
    /// The field as a JSON pointer into the body (`/queues/0`), or `/name` of a query parameter; empty is the whole body.
    pub(crate) pointer: String,
    /// What is wrong and what would be right.
    pub(crate) message: String,
}

/// A problem document (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody {
    /// Always `about:blank`: `code` tells problems apart.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The status in words.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// A stable word for programs.
    code: &'static str,
    /// What happened, for people.
    detail: String,
    /// The fields at fault; empty when no field is.
    errors: Vec<Fault>,
}

/// A fault on its way to the client.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) detail: String,
    pub(crate) errors: Vec<Fault>,
    /// The header that goes with the status; boxed, because most problems have none.
    header: Option<Box<(HeaderName, HeaderValue)>>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Self { status, code, detail, errors: Vec::new(), header: None }
    }

    /// 404: there is no such thing, or the key may not see it.
    pub(crate) fn not_found(what: &str, id: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", format!("there is no {what} `{}`", shown(id)))
    }

    /// 401. `challenge` is the value of WWW-Authenticate (RFC 6750 section 3).
    pub(crate) fn unauthorized(challenge: &'static str, detail: &str) -> Self {
        let problem = Self::new(StatusCode::UNAUTHORIZED, "unauthorized", detail);
        problem.with(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge))
    }

    /// 403.
    pub(crate) fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", detail)
    }

    /// 422 with the fields at fault.
    pub(crate) fn invalid(errors: Vec<Fault>) -> Self {
        let problem =
            Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "a field's value is not acceptable");
        Self { errors, ..problem }
    }

    /// 422 for one field.
    pub(crate) fn field(pointer: &str, message: impl Into<String>) -> Self {
        Self::invalid(vec![Fault { pointer: pointer.to_string(), message: message.into() }])
    }

    /// 405 with the methods that the path has.
    pub(crate) fn method_not_allowed(allow: String) -> Self {
        let detail = format!("this path knows {allow}");
        let problem = Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail);
        let allow = HeaderValue::from_str(&allow).unwrap_or_else(|_| HeaderValue::from_static(""));
        problem.with(header::ALLOW, allow)
    }

    /// 501: in the contract, not in this version.
    pub(crate) fn not_built(what: &str) -> Self {
        let detail = format!("not built yet: {what}");
        Self::new(StatusCode::NOT_IMPLEMENTED, "not_built", detail)
    }

    /// 503 with Retry-After.
    pub(crate) fn busy(code: &'static str, detail: &str) -> Self {
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail);
        problem.retry_after(Duration::from_secs(1))
    }

    /// 429 with Retry-After.
    pub(crate) fn too_many(wait: Duration) -> Self {
        let problem =
            Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", "too many requests with this key");
        problem.retry_after(wait)
    }

    fn with(self, name: HeaderName, value: HeaderValue) -> Self {
        Self { header: Some(Box::new((name, value))), ..self }
    }

    /// RFC 9110 section 10.2.3: whole seconds; rounded up, so that the retry does not come too early.
    fn retry_after(self, wait: Duration) -> Self {
        let seconds = u64::try_from(wait.as_millis().div_ceil(1000).max(1)).unwrap_or(u64::MAX);
        self.with(header::RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// 500: our own fault; the detail names no internals.
    pub(crate) fn internal(what: &str) -> Self {
        tracing::error!(what, "the API could not answer");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "the switch could not answer; its log tells why",
        )
    }
}

/// What somebody sent, short enough to be sent back.
pub(crate) fn shown(text: &str) -> String {
    const CHARS_MAX: usize = 64;
    let mut short: String = text.chars().take(CHARS_MAX).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let detail = refusal.to_string();
        match refusal {
            Refusal::NotFound { what, id } => Self::not_found(what, &id),
            Refusal::Conflict { code, detail } => Self::new(StatusCode::CONFLICT, code, detail),
            Refusal::Invalid { field, detail } => {
                Self::field(&format!("/{}", field.replace('.', "/")), detail)
            }
            Refusal::Denied { detail } => Self::forbidden(detail),
            Refusal::Busy => Self::busy("busy", &detail),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = ProblemBody {
            kind: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            code: self.code,
            detail: self.detail,
            errors: self.errors,
        };
        let text = serde_json::to_vec(&body).unwrap_or_default();
        let mut response = (self.status, text).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(header) = self.header {
            let (name, value) = *header;
            headers.insert(name, value);
        }
        response
    }
}
