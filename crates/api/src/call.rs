//! What a handler gets: the caller and the request's parts, read.

use std::collections::BTreeMap;
use std::sync::Arc;

use app::Access;
use app::directory::relays::RelayDesk;
use app::scope::Scopes;
use axum::body::Bytes;
use axum::http::{HeaderMap, header};
use serde::de::DeserializeOwned;

use crate::body::Held;
use crate::fault::Fault;
use crate::json;
use crate::shared::Api;

/// Who calls, by a key that works. Made by the gate alone.
#[derive(Clone)]
pub(crate) struct Caller {
    pub access: Access,
    pub scopes: Scopes,
    /// The key's id.
    pub key: String,
}

/// A request of somebody known.
pub(crate) struct Call {
    pub api: Api,
    pub caller: Arc<Caller>,
    pub path: BTreeMap<String, String>,
    pub query: BTreeMap<String, String>,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// The body's memory, until the call ends.
    pub _held: Held,
}

/// A request of anybody.
pub(crate) struct OpenCall {
    pub api: Api,
    pub is_local: bool,
}

impl Call {
    pub fn desk(&self) -> &RelayDesk {
        &self.api.service.desk
    }

    pub fn access(&self) -> &Access {
        &self.caller.access
    }

    /// A parameter of the path.
    pub fn param(&self, name: &str) -> &str {
        self.path.get(name).map_or("", String::as_str)
    }

    /// The body as a type.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        json::parse(&self.body, self.api.config.limits.depth_max)
    }

    /// A number of the query, within bounds.
    pub fn number(&self, name: &str, default: u32, (least, most): (u32, u32)) -> Result<u32, Fault> {
        let Some(text) = self.query.get(name) else { return Ok(default) };
        let number = text.parse().ok().filter(|number| (least..=most).contains(number));
        number.ok_or_else(|| Fault::bad(name, format!("it is a number from {least} to {most}")))
    }

    /// The version that `If-Match` asks for (RFC 9110 section 13.1.1); `None` for any.
    pub fn if_match(&self) -> Result<Option<u64>, Fault> {
        let Some(value) = self.headers.get(header::IF_MATCH) else { return Ok(None) };
        let text = value.to_str().unwrap_or_default().trim();
        if text == "*" {
            return Ok(None);
        }
        let version = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
        let version = version.and_then(|text| text.parse().ok());
        version
            .map(Some)
            .ok_or_else(|| Fault::bad("if-match", "it is an ETag as it was given, in quotes, or *"))
    }
}

/// The query's pairs; of a name that stands twice, the last.
pub(crate) fn pairs(query: &str) -> BTreeMap<String, String> {
    let parts = query.split('&').filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            (decoded(name), decoded(value))
        })
        .collect()
}

/// `+` and percent signs decoded; what is no UTF-8 becomes U+FFFD.
fn decoded(text: &str) -> String {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes().iter();
    while let Some(octet) = rest.next() {
        let hex = |at: usize| rest.as_slice().get(at).and_then(|digit| char::from(*digit).to_digit(16));
        match (octet, hex(0), hex(1)) {
            (b'+', ..) => octets.push(b' '),
            (b'%', Some(high), Some(low)) => {
                octets.push((high * 16 + low) as u8);
                rest.nth(1);
            }
            _ => octets.push(*octet),
        }
    }
    String::from_utf8_lossy(&octets).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_decoded() {
        let check = |query: &str, expected: &[(&str, &str)]| {
            let expected = expected.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
            assert_eq!(pairs(query), expected, "{query}");
        };
        check("", &[]);
        check("a=1&b", &[("a", "1"), ("b", "")]);
        check("to=a%2Bb%40example.jp&q=x+y", &[("to", "a+b@example.jp"), ("q", "x y")]);
        check("n=%E6%A0%AA&bad=%zz%4", &[("n", "株"), ("bad", "%zz%4")]);
    }
}
