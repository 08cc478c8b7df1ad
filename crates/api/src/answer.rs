//! A request's answer before it is written.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use serde::Serialize;

/// Status, fields, octets.
pub(crate) struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Content,
}

/// What follows the head.
pub(crate) enum Content {
    /// Known octets.
    Octets(Vec<u8>),
    /// What comes bit by bit.
    Stream(Body),
}

impl Answer {
    /// A head without body.
    pub fn empty(status: StatusCode) -> Self {
        Self { status, headers: HeaderMap::new(), body: Content::Octets(Vec::new()) }
    }

    /// JSON.
    pub fn json(status: StatusCode, value: &impl Serialize) -> Self {
        // Values of ours have text keys alone, so that nothing can fail.
        let octets = serde_json::to_vec(value).unwrap_or_default();
        Self::octets(status, "application/json", octets)
    }

    /// Octets of a media type.
    pub fn octets(status: StatusCode, media_type: &'static str, octets: Vec<u8>) -> Self {
        let mut answer = Self::empty(status);
        answer.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        answer.body = Content::Octets(octets);
        answer
    }

    /// With a field more; one that cannot be written is left out.
    pub fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }

    /// With the version of what it shows (RFC 9110 section 8.8.3).
    pub fn tagged(self, version: u64) -> Self {
        self.with(header::ETAG, &format!("\"{version}\""))
    }

    pub fn into_response(self) -> Response<Body> {
        let body = match self.body {
            Content::Octets(octets) => Body::from(octets),
            Content::Stream(body) => body,
        };
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}
