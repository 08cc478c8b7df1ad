//! `GET /v1/releases/{release}/events`: a release's counters as they change, as server-sent events.
//!
//! Invariants: a stream ends with a drain, and after its longest time; so many are open at once.

use std::sync::Arc;
use std::time::Duration;

use app::scope::Scope;
use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Method, StatusCode, header};
use domain::{Moment, Statement};
use ledger::ReleaseRow;
use tokio::sync::OwnedSemaphorePermit;

use super::releases::{balance, named};
use crate::answer::{Answer, Content};
use crate::call::Call;
use crate::fault::Fault;
use crate::routes::{Need, RouteInfo, Routes};
use crate::shared::Api;

/// How often the counters are read.
const EVERY: Duration = Duration::from_secs(1);
/// How long one stream lasts; a client comes again by itself.
const LONGEST: Duration = Duration::from_secs(600);
/// Ticks without a change after which a comment keeps the link alive.
const QUIET_TICKS: u32 = 15;

pub(crate) fn routes(routes: Routes) -> Routes {
    let need = Need::Scope(Scope::ReleasesRead);
    let text = "Its counters as they change (text/event-stream).";
    routes.add(RouteInfo::new(Method::GET, "/v1/releases/{release}/events", need, text), follow)
}

struct Followed {
    api: Api,
    row: ReleaseRow,
    last: Option<Statement>,
    quiet: u32,
    until: Moment,
    _place: OwnedSemaphorePermit,
}

async fn follow(call: Call) -> Result<Answer, Fault> {
    let (row, _) = named(&call).await?;
    let place = Arc::clone(&call.api.followers).try_acquire_owned().map_err(|_| Fault::busy())?;
    let until = call.api.clock().moment() + LONGEST;
    let followed = Followed { api: call.api.clone(), row, last: None, quiet: 0, until, _place: place };
    let events = futures_util::stream::unfold(followed, |followed| followed.next());
    let mut answer = Answer::empty(StatusCode::OK);
    answer.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    answer.body = Content::Stream(Body::from_stream(events));
    Ok(answer)
}

impl Followed {
    async fn next(mut self) -> Option<(Result<Bytes, std::io::Error>, Self)> {
        let mut draining = self.api.draining.clone();
        loop {
            if *draining.borrow() || self.api.clock().moment() >= self.until {
                return None;
            }
            let store = Arc::clone(&self.api.service.desk.store);
            let counts = store.counters(self.row.tenant, self.row.release).await.ok()?;
            if self.last != Some(counts) {
                (self.last, self.quiet) = (Some(counts), 0);
                let view = balance(&self.row, &counts, Vec::new());
                let data = serde_json::to_string(&view).unwrap_or_default();
                return Some((Ok(Bytes::from(format!("event: counters\ndata: {data}\n\n"))), self));
            }
            self.quiet += 1;
            if self.quiet >= QUIET_TICKS {
                self.quiet = 0;
                return Some((Ok(Bytes::from_static(b": quiet\n\n")), self));
            }
            let ended = async { draining.wait_for(|draining| *draining).await.is_ok() };
            tokio::select! {
                _ = ended => return None,
                () = self.api.clock().sleep(EVERY) => {}
            }
        }
    }
}
