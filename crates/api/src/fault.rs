//! What a request can fail with: status, words, place and remedy; and how each of the two interfaces says it.

use app::AppError;
use axum::http::{HeaderValue, StatusCode, header};
use ledger::LedgerError;
use serde_json::json;

use crate::answer::Answer;
use crate::routes::Family;

/// Seconds after which a client may try again when the books failed.
const RETRY_AFTER_SECS: u64 = 5;

/// A request's end without success. Texts may quote what the client sent, never what belongs to others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub status: StatusCode,
    pub message: String,
    pub field: Option<String>,
    pub help: Option<String>,
    pub retry_after_secs: Option<u64>,
}

impl Fault {
    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), field: None, help: None, retry_after_secs: None }
    }

    /// A part of the request that cannot be used.
    pub fn bad(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message).at(field)
    }

    pub fn at(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub fn retry_after(mut self, secs: u64) -> Self {
        self.retry_after_secs = Some(secs.max(1));
        self
    }

    pub fn busy() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "too much is under way just now").retry_after(1)
    }

    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not found")
    }

    pub fn defect(what: &'static str) -> Self {
        tracing::error!(what, "a request failed by a defect");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "an internal error; try again, and tell the operator")
    }

    /// As this family of routes says it.
    pub fn answer(&self, family: Family, request: &str) -> Answer {
        let mut answer = match family {
            Family::V3 => Answer::json(
                self.status,
                &json!({ "errors": [{ "message": self.message, "field": self.field, "help": self.help }] }),
            ),
            Family::V1 | Family::Plain => self.problem(request),
        };
        let mut set = |name, value: &str| {
            if let Ok(value) = HeaderValue::from_str(value) {
                answer.headers.insert(name, value);
            }
        };
        if let Some(secs) = self.retry_after_secs {
            set(header::RETRY_AFTER, &secs.to_string());
        }
        if self.status == StatusCode::UNAUTHORIZED {
            set(header::WWW_AUTHENTICATE, "Bearer realm=\"hikyaku\"");
        }
        answer
    }

    /// RFC 9457.
    fn problem(&self, request: &str) -> Answer {
        let mut problem = json!({
            "type": "about:blank",
            "title": self.status.canonical_reason().unwrap_or("error"),
            "status": self.status.as_u16(),
            "detail": self.message,
            "request": request,
        });
        for (name, value) in [("field", &self.field), ("help", &self.help)] {
            if let Some(value) = value {
                problem[name] = json!(value);
            }
        }
        let mut answer = Answer::json(self.status, &problem);
        let media_type = HeaderValue::from_static("application/problem+json");
        answer.headers.insert(header::CONTENT_TYPE, media_type);
        answer
    }
}

impl From<AppError> for Fault {
    fn from(error: AppError) -> Self {
        let text = error.to_string();
        match error {
            AppError::NotFound { .. } | AppError::Ledger(LedgerError::NotFound { .. }) => Self::not_found(),
            AppError::Forbidden { .. } | AppError::Suspended { .. } => Self::new(StatusCode::FORBIDDEN, text),
            AppError::Unverified { .. } => Self::new(
                StatusCode::FORBIDDEN,
                "The from address does not match a verified Sender Identity. Mail cannot be sent until this error is \
                 resolved.",
            )
            .at("from")
            .help("have the operator verify the address or its domain, or send from one that GET /v1/senders lists"),
            AppError::Exists { .. } => Self::new(StatusCode::CONFLICT, text),
            AppError::BadInput(text) => of_input(&text),
            AppError::RelayUrl(_) => Self::new(StatusCode::BAD_REQUEST, text),
            AppError::Busy => Self::busy(),
            AppError::Ledger(LedgerError::Stale { .. }) => Self::new(
                StatusCode::PRECONDITION_FAILED,
                "it was changed by somebody else meanwhile; get it again, then try again",
            ),
            AppError::Ledger(error) => {
                tracing::error!(%error, "the books failed a request");
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "the books cannot be reached just now")
                    .retry_after(RETRY_AFTER_SECS)
            }
            _ => {
                tracing::error!(error = %text, "a request failed");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "an internal error; try again, and tell the operator")
            }
        }
    }
}

/// Use cases write `field: what is wrong`.
fn of_input(text: &str) -> Fault {
    let is_field = |word: &str| word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_' || b == b'.');
    match text.split_once(": ") {
        Some((field, message)) if is_field(field) => Fault::bad(field, message),
        _ => Fault::new(StatusCode::BAD_REQUEST, text),
    }
}
