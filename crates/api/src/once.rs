//! `Idempotency-Key`: a POST of /v1 that is sent twice is carried out once.
//!
//! Left to others: what is kept, and how (`app::idempotency`). Invariants: an answer is kept before it is given; one that failed
//! without anything done is forgotten, so that the same order can be given again.

use std::future::Future;

use app::idempotency::{self, Kept, Known, NAME_MAX};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};

use crate::answer::{Answer, Content};
use crate::call::Call;
use crate::fault::Fault;
use crate::routes::{Family, RouteInfo};

const FIELD: &str = "idempotency-key";

/// Runs a handler, or gives the answer that it gave before.
pub(crate) async fn once<F, R>(info: RouteInfo, call: Call, handler: F) -> Result<Answer, Fault>
where
    F: Fn(Call) -> R,
    R: Future<Output = Result<Answer, Fault>>,
{
    let applies = info.method == Method::POST && Family::of(info.path) == Family::V1;
    let Some(key) = call.headers.get(FIELD).filter(|_| applies) else { return handler(call).await };
    if !(1..=NAME_MAX).contains(&key.len()) {
        return Err(Fault::bad(FIELD, format!("it has 1 to {NAME_MAX} characters")));
    }
    let mut name = call.caller.key.clone().into_bytes();
    name.push(0);
    name.extend_from_slice(key.as_bytes());
    let digest = digest(&info, &call);
    let (desk, caller) = (call.desk().clone(), std::sync::Arc::clone(&call.caller));
    match idempotency::begin(&desk, &caller.access, &name, &digest).await? {
        Known::New if call.api.is_time_to_sweep() => idempotency::sweep(&desk, &caller.access).await?,
        Known::New => {}
        Known::Done(kept) => return Ok(again(kept)),
        Known::UnderWay => {
            return Err(Fault::new(
                StatusCode::CONFLICT,
                "a request with this key is under way, or ended unseen",
            )
            .at(FIELD)
            .help("look whether it was done; for another try, use another key"));
        }
        Known::Other => {
            return Err(Fault::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "this key was used for another request",
            )
            .at(FIELD)
            .help("use a new key for each order"));
        }
    }
    let done = handler(call).await;
    match &done {
        Ok(answer) => {
            if let Some(kept) = kept(answer) {
                idempotency::finish(&desk, &caller.access, &name, &digest, &kept).await?;
            }
        }
        // Nothing was done.
        Err(fault) if fault.status.is_client_error() => {
            idempotency::forget(&desk, &caller.access, &name).await?;
        }
        // Nobody knows what was done: the order stays under way.
        Err(_) => {}
    }
    done
}

/// Over everything that is ordered.
fn digest(info: &RouteInfo, call: &Call) -> [u8; 32] {
    let mut text = format!("{} {}\n", info.method, info.path).into_bytes();
    for (name, value) in call.path.iter().chain(&call.query) {
        text.extend_from_slice(format!("{} {name}{} {value}", name.len(), value.len()).as_bytes());
    }
    text.push(b'\n');
    text.extend_from_slice(&call.body);
    ledger::sha256(&text)
}

fn kept(answer: &Answer) -> Option<Kept> {
    let Content::Octets(octets) = &answer.body else { return None };
    let headers = answer
        .headers
        .iter()
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())));
    Some(Kept {
        status: answer.status.as_u16(),
        headers: headers.collect(),
        body: String::from_utf8(octets.clone()).ok()?,
    })
}

fn again(kept: Kept) -> Answer {
    let mut answer = Answer::empty(StatusCode::from_u16(kept.status).unwrap_or(StatusCode::OK));
    for (name, value) in kept.headers {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(&value)) {
            answer.headers.insert(name, value);
        }
    }
    answer.body = Content::Octets(kept.body.into_bytes());
    answer.with(HeaderName::from_static("idempotent-replayed"), "true")
}
