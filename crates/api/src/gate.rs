//! The one way in: who calls, whether it may, how often, and the body; then the handler, in a task of its own.
//!
//! Invariants: a handler runs only behind all of it; what a handler began goes on when its client goes away, so that no
//! change is cut in half; every answer has its request's id and the caller's rate.

use std::future::Future;
use std::sync::Arc;

use app::directory::keys;
use axum::body::Body;
use axum::extract::{FromRequestParts, RawPathParams, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, Response, StatusCode, header};
use smtp::Secret;

use crate::answer::Answer;
use crate::body::{self, Held};
use crate::bucket::Level;
use crate::call::{Call, Caller, OpenCall, pairs};
use crate::fault::Fault;
use crate::network::{ClientNetwork, Peer, client};
use crate::once;
use crate::routes::{Family, Need, RouteInfo};
use crate::shared::Api;

/// Octets of an `Authorization` field.
const AUTHORIZATION_OCTETS_MAX: usize = 512;

/// A request under way.
struct Visit {
    api: Api,
    family: Family,
    id: String,
    network: ClientNetwork,
    is_local: bool,
    begun: domain::Moment,
    level: Option<Level>,
}

/// A route for callers with a key.
pub(crate) async fn enter<F, R>(api: Api, info: RouteInfo, request: Request, handler: F) -> Response<Body>
where
    F: Fn(Call) -> R + Send + 'static,
    R: Future<Output = Result<Answer, Fault>> + Send + 'static,
{
    let (mut parts, body) = request.into_parts();
    let mut visit = Visit::new(&api, &parts);
    let done = visit.admit(&info, &mut parts, body).await;
    let done = match done {
        Ok(call) => visit.run(once::once(info.clone(), call, handler)).await,
        Err(fault) => Err(fault),
    };
    visit.end(info.path, done)
}

/// A route for anybody.
pub(crate) async fn enter_open<F, R>(
    api: Api,
    info: RouteInfo,
    request: Request,
    handler: F,
) -> Response<Body>
where
    F: Fn(OpenCall) -> R + Send + 'static,
    R: Future<Output = Result<Answer, Fault>> + Send + 'static,
{
    let (parts, _) = request.into_parts();
    let visit = Visit::new(&api, &parts);
    let call = OpenCall { api, is_local: visit.is_local };
    let done = visit.run(handler(call)).await;
    visit.end(info.path, done)
}

/// No such route, or not by this method.
pub(crate) fn refuse(api: Api, request: Request, status: StatusCode) -> Response<Body> {
    let (parts, _) = request.into_parts();
    let visit = Visit::new(&api, &parts);
    let fault = match status {
        StatusCode::METHOD_NOT_ALLOWED => Fault::new(status, "method not allowed"),
        _ => Fault::new(status, "not found"),
    };
    visit.end("(none)", Err(fault))
}

impl Visit {
    fn new(api: &Api, parts: &Parts) -> Self {
        // Whoever serves says who the peer is; without, nobody is local.
        let peer = parts.extensions.get::<Peer>().map(|peer| peer.0);
        let address = peer.map(|peer| client(peer, &parts.headers, &api.config.proxies));
        // A proxy on this machine that nobody named: what it brings comes from anywhere.
        let is_named = peer.is_some_and(|peer| api.config.proxies.contains(&peer.to_canonical()));
        let is_by_stranger = parts.headers.contains_key("x-forwarded-for") && !is_named;
        let unknown = std::net::IpAddr::from([0, 0, 0, 0]);
        Self {
            family: Family::of(parts.uri.path()),
            id: api.request_id(),
            network: address.unwrap_or(unknown).into(),
            is_local: address.is_some_and(|address| address.is_loopback()) && !is_by_stranger,
            begun: api.clock().moment(),
            level: None,
            api: api.clone(),
        }
    }

    async fn admit(&mut self, info: &RouteInfo, parts: &mut Parts, body: Body) -> Result<Call, Fault> {
        let caller = self.caller(&parts.headers).await?;
        let may = match info.need {
            Need::Scope(scope) => caller.scopes.has(scope),
            Need::AnyKey => true,
            Need::Nobody => false,
        };
        self.count(&caller, info)?;
        if !may {
            let fault = Fault::new(StatusCode::FORBIDDEN, "access forbidden");
            return Err(match info.need {
                Need::Scope(scope) => {
                    fault.help(format!("this needs a key with the scope `{}`", scope.word()))
                }
                _ => fault,
            });
        }
        let path = RawPathParams::from_request_parts(parts, &())
            .await
            .map_err(|_| Fault::bad("path", "it is not UTF-8"))?;
        let path = path.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let (body, held) = self.body(parts, body).await?;
        Ok(Call {
            api: self.api.clone(),
            caller: Arc::new(caller),
            path,
            query: pairs(parts.uri.query().unwrap_or_default()),
            headers: std::mem::take(&mut parts.headers),
            body,
            _held: held,
        })
    }

    /// Who calls, by `Authorization: Bearer`.
    async fn caller(&mut self, headers: &HeaderMap) -> Result<Caller, Fault> {
        let (api, now) = (&self.api, self.api.clock().moment());
        let rate = api.failure_rate();
        let level = api.failures.look(&self.network, rate, now);
        self.level = Some(level);
        if level.remaining == 0 {
            return Err(Fault::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too many requests with keys that do not work",
            )
            .help("wait, and use a key that works")
            .retry_after(level.next_in.as_secs() + 1));
        }
        let Some(given) = headers.get(header::AUTHORIZATION) else {
            return Err(self.failed("authorization required", "send `Authorization: Bearer SG.…`"));
        };
        let text = given.to_str().unwrap_or_default();
        let key = text.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        let key = key.map(|(_, key)| key.trim()).filter(|_| text.len() <= AUTHORIZATION_OCTETS_MAX);
        let Some(key) = key else {
            return Err(self.failed("authorization required", "send `Authorization: Bearer SG.…`"));
        };
        let desk = &api.service.desk;
        let secret = Secret::from(key.to_owned());
        let admitted = keys::admit(&*desk.store, &*desk.clock, &secret).await?;
        api.meter.look_up(api.clock().moment().since(now));
        let id = key.split('.').nth(1).unwrap_or_default().to_owned();
        match admitted {
            Some((access, scopes)) => Ok(Caller { access, scopes, key: id }),
            None => Err(self.failed(
                "The provided authorization grant is invalid, expired, or revoked",
                "make a key with `hikyaku key create`, or by POST /v3/api_keys",
            )),
        }
    }

    fn failed(&mut self, message: &str, help: &str) -> Fault {
        let (rate, now) = (self.api.failure_rate(), self.api.clock().moment());
        let level = self.api.failures.take(self.network, rate, now);
        self.level = Some(level.unwrap_or_else(|level| level));
        Fault::new(StatusCode::UNAUTHORIZED, message).help(help)
    }

    /// Counts the call against its key's rate.
    fn count(&mut self, caller: &Caller, info: &RouteInfo) -> Result<(), Fault> {
        let (rate, now) = (self.api.rate(info.sends), self.api.clock().moment());
        let taken = self.api.calls.take((caller.key.clone(), info.sends), rate, now);
        self.level = Some(taken.unwrap_or_else(|level| level));
        match taken {
            Ok(_) => Ok(()),
            Err(level) => Err(Fault::new(StatusCode::TOO_MANY_REQUESTS, "too many requests")
                .help("wait for the time that Retry-After gives; it is the key's own limit")
                .retry_after(level.next_in.as_secs() + 1)),
        }
    }

    async fn body(&self, parts: &Parts, body: Body) -> Result<(axum::body::Bytes, Held), Fault> {
        let limits = &self.api.config.limits;
        let read = body::read(&parts.headers, body, limits, &self.api.memory);
        let (octets, held) = tokio::select! {
            read = read => read?,
            () = self.api.clock().sleep(limits.body_time_max) => {
                return Err(Fault::new(StatusCode::REQUEST_TIMEOUT, "the body did not come in time"));
            }
        };
        let is_written = [Method::POST, Method::PUT, Method::PATCH].contains(&parts.method);
        if is_written && !octets.is_empty() && !is_json(&parts.headers) {
            return Err(Fault::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "the body must be application/json")
                .at("content-type")
                .help("send `Content-Type: application/json`"));
        }
        Ok((octets, held))
    }

    /// Runs a handler to its end, even if nobody waits for it.
    async fn run<R>(&self, handling: R) -> Result<Answer, Fault>
    where
        R: Future<Output = Result<Answer, Fault>> + Send + 'static,
    {
        let Ok(place) = Arc::clone(&self.api.work).try_acquire_owned() else { return Err(Fault::busy()) };
        let task = tokio::spawn(async move {
            let done = handling.await;
            drop(place);
            done
        });
        tokio::select! {
            done = task => done.unwrap_or_else(|_| Err(Fault::defect("a handler panicked"))),
            () = self.api.clock().sleep(self.api.config.limits.answer_time_max) => {
                Err(Fault::new(StatusCode::SERVICE_UNAVAILABLE, "there is no answer yet; it may still be done")
                    .retry_after(5))
            }
        }
    }

    fn end(self, route: &'static str, done: Result<Answer, Fault>) -> Response<Body> {
        let answer = done.unwrap_or_else(|fault| fault.answer(self.family, &self.id));
        let took = self.api.clock().moment().since(self.begun);
        self.api.meter.answered(route, answer.status, took);
        let answer = answer.with(header::HeaderName::from_static("x-request-id"), &self.id);
        let answer = match self.family {
            Family::Plain => answer,
            family => self.rated(answer, family),
        };
        let mut response = answer.into_response();
        let fixed = [(header::CACHE_CONTROL, "no-store"), (header::X_CONTENT_TYPE_OPTIONS, "nosniff")];
        for (name, value) in fixed {
            response.headers_mut().entry(name).or_insert(header::HeaderValue::from_static(value));
        }
        response
    }

    /// The caller's rate; without a caller, that of its network's failures.
    fn rated(&self, answer: Answer, family: Family) -> Answer {
        let now = self.api.clock().moment();
        let look = || self.api.failures.look(&self.network, self.api.failure_rate(), now);
        let level = self.level.unwrap_or_else(look);
        let name = header::HeaderName::from_static;
        let full_secs = level.full_in.as_millis().div_ceil(1000);
        if family == Family::V3 {
            let reset = self.api.clock().now().as_millis().div_euclid(1000) + full_secs as i64;
            return answer
                .with(name("x-ratelimit-limit"), &level.limit.to_string())
                .with(name("x-ratelimit-remaining"), &level.remaining.to_string())
                .with(name("x-ratelimit-reset"), &reset.to_string());
        }
        answer
            .with(name("ratelimit-policy"), &format!("\"key\";q={}", level.limit))
            .with(name("ratelimit"), &format!("\"key\";r={};t={full_secs}", level.remaining))
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
        || (essence.len() > 5 && essence.to_ascii_lowercase().ends_with("+json"))
}
