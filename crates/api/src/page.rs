//! Lists, page by page: `limit` entries behind `after`, and where the next page is (RFC 8288).

use axum::http::{StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;

use crate::answer::Answer;
use crate::call::Call;
use crate::fault::Fault;

/// Entries of a page unless asked else.
const LIMIT: u32 = 100;
/// Entries of a page at most.
const LIMIT_MAX: u32 = 999;

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Page<T> {
    /// The entries.
    pub items: Vec<T>,
    /// What to give as `after` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// What a caller asked for.
pub(crate) struct Wanted {
    pub after: String,
    pub limit: usize,
}

impl Wanted {
    pub fn of(call: &Call) -> Result<Self, Fault> {
        let limit = call.number("limit", LIMIT, (1, LIMIT_MAX))? as usize;
        Ok(Self { after: call.query.get("after").cloned().unwrap_or_default(), limit })
    }
}

/// The answer of a page whose entries are known with their keys; `path` is the list's own.
pub(crate) fn answer<T: Serialize>(path: &str, wanted: &Wanted, mut all: Vec<(String, T)>) -> Answer {
    let more = all.len() > wanted.limit;
    all.truncate(wanted.limit);
    let next = all.last().filter(|_| more).map(|(key, _)| key.clone());
    let link = next.as_ref().map(|next| {
        let after: String = next.bytes().map(encoded).collect();
        format!("<{path}?limit={}&after={after}>; rel=\"next\"", wanted.limit)
    });
    let page = Page { items: all.into_iter().map(|(_, item)| item).collect(), next };
    let answer = Answer::json(StatusCode::OK, &page);
    match link {
        Some(link) => answer.with(header::LINK, &link),
        None => answer,
    }
}

/// The entries behind `after` of a list that is at hand whole, sorted by key; one more than wanted, to know of more.
pub(crate) fn cut<T>(mut all: Vec<(String, T)>, wanted: &Wanted) -> Vec<(String, T)> {
    all.sort_by(|(a, _), (b, _)| a.cmp(b));
    all.retain(|(key, _)| *key > wanted.after);
    all.truncate(wanted.limit + 1);
    all
}

fn encoded(octet: u8) -> String {
    if octet.is_ascii_alphanumeric() || b"-._~".contains(&octet) {
        char::from(octet).to_string()
    } else {
        format!("%{octet:02X}")
    }
}
