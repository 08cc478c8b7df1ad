//! The table of routes: each is registered with what its caller needs, or it does not exist.
//!
//! Router, documentation and the tests' matrix are made from this one table.

use std::future::Future;

use app::scope::Scope;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::routing::{MethodFilter, on};
use utoipa::ToSchema;

use crate::answer::Answer;
use crate::call::{Call, OpenCall};
use crate::fault::Fault;
use crate::gate;
use crate::openapi::{Described, described, page_of};
use crate::shared::Api;

/// What a route's caller needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Nothing: nobody is asked who they are.
    Nobody,
    /// A key that works, whatever it may do.
    AnyKey,
    /// A key with this scope.
    Scope(Scope),
}

/// How a family of routes speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    /// As SendGrid.
    V3,
    /// As the house: problem+json, ETags.
    V1,
    /// Probes and figures.
    Plain,
}

impl Family {
    pub fn of(path: &str) -> Self {
        let under =
            |prefix: &str| path.strip_prefix(prefix).is_some_and(|r| r.is_empty() || r.starts_with('/'));
        if under("/v3") {
            Self::V3
        } else if under("/v1") {
            Self::V1
        } else {
            Self::Plain
        }
    }
}

/// One route, for documentation and tests.
#[derive(Debug, Clone)]
pub struct RouteInfo {
    /// Its method.
    pub method: Method,
    /// Its path, parameters in braces.
    pub path: &'static str,
    /// What its caller needs.
    pub need: Need,
    /// What it does, in a few words.
    pub summary: &'static str,
    /// What it takes and gives.
    pub(crate) takes: Option<Described>,
    pub(crate) gives: Option<Described>,
    /// The status of success.
    pub(crate) success: StatusCode,
    /// It counts against the rate of mail/send.
    pub(crate) sends: bool,
}

impl RouteInfo {
    pub(crate) fn new(method: Method, path: &'static str, need: Need, summary: &'static str) -> Self {
        Self { method, path, need, summary, takes: None, gives: None, success: StatusCode::OK, sends: false }
    }

    pub(crate) fn takes<T: ToSchema>(mut self) -> Self {
        self.takes = Some(described::<T>());
        self
    }

    pub(crate) fn gives<T: ToSchema>(mut self) -> Self {
        self.gives = Some(described::<T>());
        self
    }

    /// A page of these.
    pub(crate) fn gives_page<T: ToSchema>(mut self) -> Self {
        self.gives = Some(page_of::<T>());
        self
    }

    pub(crate) fn success(mut self, status: StatusCode) -> Self {
        self.success = status;
        self
    }

    pub(crate) fn sends(mut self) -> Self {
        self.sends = true;
        self
    }
}

/// Routes as they are gathered.
pub(crate) struct Routes {
    pub router: Router<Api>,
    pub table: Vec<RouteInfo>,
}

impl Routes {
    pub fn new() -> Self {
        Self { router: Router::new(), table: Vec::new() }
    }

    /// A route for callers with a key: the handler gets the caller, and only the gate makes callers.
    pub fn add<F, R>(self, info: RouteInfo, handler: F) -> Self
    where
        F: Fn(Call) -> R + Clone + Send + Sync + 'static,
        R: Future<Output = Result<Answer, Fault>> + Send + 'static,
    {
        let gated = info.clone();
        self.on(info, move |State(api): State<Api>, request: Request| {
            gate::enter(api, gated.clone(), request, handler.clone())
        })
    }

    /// A route for anybody.
    pub fn add_open<F, R>(self, info: RouteInfo, handler: F) -> Self
    where
        F: Fn(OpenCall) -> R + Clone + Send + Sync + 'static,
        R: Future<Output = Result<Answer, Fault>> + Send + 'static,
    {
        let gated = info.clone();
        self.on(info, move |State(api): State<Api>, request: Request| {
            gate::enter_open(api, gated.clone(), request, handler.clone())
        })
    }

    fn on<H, T>(mut self, info: RouteInfo, handler: H) -> Self
    where
        H: axum::handler::Handler<T, Api>,
        T: 'static,
    {
        // All methods of the table have a filter; another would answer to none, and its route's tests fail.
        if let Ok(filter) = MethodFilter::try_from(info.method.clone()) {
            self.router = self.router.route(info.path, on(filter, handler));
        }
        self.table.push(info);
        self
    }
}
