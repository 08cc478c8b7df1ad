//! What all requests share, and the router over it.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use app::service::Service;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use runtime::Clock;
use tokio::sync::{Semaphore, watch};

use crate::body::Memory;
use crate::bucket::{Buckets, Rate};
use crate::config::ApiConfig;
use crate::meter::Meter;
use crate::network::ClientNetwork;
use crate::routes::{RouteInfo, Routes};
use crate::{gate, health, openapi, v1, v3};

/// Streams of events that are open at the same time.
const FOLLOWERS_MAX: usize = 500;

/// Orders between two looks for answers that were kept long enough.
const SWEEP_EVERY: u64 = 100;

/// The room's own state.
pub(crate) struct Shared {
    pub service: Service,
    pub config: ApiConfig,
    pub meter: Meter,
    pub calls: Buckets<(String, bool)>,
    pub failures: Buckets<ClientNetwork>,
    pub memory: Memory,
    pub work: Arc<Semaphore>,
    pub followers: Arc<Semaphore>,
    pub draining: watch::Receiver<bool>,
    pub document: String,
    run: u64,
    requests: AtomicU64,
    orders: AtomicU64,
}

/// A handle on it.
#[derive(Clone)]
pub(crate) struct Api(Arc<Shared>);

impl Deref for Api {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl Shared {
    pub fn clock(&self) -> &dyn Clock {
        &*self.service.desk.clock
    }

    /// Names a request, for people who ask what became of it.
    pub fn request_id(&self) -> String {
        format!("{:016x}-{:x}", self.run, self.requests.fetch_add(1, Ordering::Relaxed))
    }

    /// Once in so many orders, what is kept too long of the tenant's is removed.
    pub fn is_time_to_sweep(&self) -> bool {
        self.orders.fetch_add(1, Ordering::Relaxed).is_multiple_of(SWEEP_EVERY)
    }

    pub fn failure_rate(&self) -> Rate {
        Rate { count: self.config.rates.failures_per_minute, span: Duration::from_secs(60) }
    }

    pub fn rate(&self, sends: bool) -> Rate {
        let rates = &self.config.rates;
        match sends {
            true => Rate { count: rates.sending_per_second, span: Duration::from_secs(1) },
            false => Rate { count: rates.managing_per_minute, span: Duration::from_secs(60) },
        }
    }
}

/// A router with its table.
#[derive(Clone)]
pub struct ApiRouter {
    pub(crate) router: Router,
    pub(crate) api: Api,
    routes: Arc<Vec<RouteInfo>>,
}

impl ApiRouter {
    /// All routes that there are.
    #[must_use]
    pub fn routes(&self) -> &[RouteInfo] {
        &self.routes
    }

    /// The router by itself. Whoever serves it says who the peer is; [`crate::serve`] does.
    pub fn into_router(self) -> Router {
        self.router
    }
}

/// All routes over a service. Answers that come bit by bit end when `draining` becomes true.
pub fn router(service: Service, config: ApiConfig, draining: watch::Receiver<bool>) -> ApiRouter {
    let routes = v1::routes(v3::routes(health::routes(Routes::new())));
    let document = openapi::document(&routes.table);
    let run = service.desk.entropy.bits().unwrap_or_default();
    let shared = Shared {
        meter: Meter::default(),
        calls: Buckets::default(),
        failures: Buckets::default(),
        memory: Memory::new(config.limits.bodies_memory_max),
        work: Arc::new(Semaphore::new(config.limits.requests_max.clamp(1, Semaphore::MAX_PERMITS))),
        followers: Arc::new(Semaphore::new(FOLLOWERS_MAX)),
        draining,
        document,
        run,
        requests: AtomicU64::new(1),
        orders: AtomicU64::new(1),
        service,
        config,
    };
    let api = Api(Arc::new(shared));
    let refused = |status| {
        move |State(api): State<Api>, request: Request| async move { gate::refuse(api, request, status) }
    };
    let router = routes
        .router
        .fallback(refused(StatusCode::NOT_FOUND))
        .method_not_allowed_fallback(refused(StatusCode::METHOD_NOT_ALLOWED))
        .with_state(api.clone());
    ApiRouter { router, api, routes: Arc::new(routes.table) }
}
