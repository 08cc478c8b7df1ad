//! Serves a router over a socket: HTTP/1.1, one task a connection, limits on heads, connections and time.
//!
//! Left to others: TLS (the composition root, or a proxy). Invariants: time comes from the service's clock; a drain ends
//! connections behind the answer that they wait for, and waits for what was begun.

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use hyper::Request;
use hyper::body::Incoming;
use hyper::rt::{Sleep, Timer};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use runtime::{Clock, Pending};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tower::ServiceExt as _;

use crate::network::Peer;
use crate::shared::ApiRouter;

/// Rest after a failed accept: the usual reason, no file descriptors, does not go away at once.
const FAILED_ACCEPT_REST: Duration = Duration::from_millis(100);
/// Fields of a head.
const HEADERS_MAX: usize = 100;

/// Serves until `drain` becomes true, then ends what is under way.
///
/// # Errors
/// When the socket cannot be used at all.
pub async fn serve(listener: TcpListener, api: ApiRouter, drain: watch::Receiver<bool>) -> io::Result<()> {
    listener.local_addr()?;
    let clock = Arc::clone(&api.api.service.desk.clock);
    let limits = api.api.config.limits.clone();
    let places = Arc::new(Semaphore::new(limits.connections_max.clamp(1, Semaphore::MAX_PERMITS)));
    let mut connections = JoinSet::new();
    let mut draining = drain.clone();
    loop {
        let accepted = tokio::select! {
            _ = draining.wait_for(|drain| *drain) => break,
            Some(_) = connections.join_next() => continue,
            accepted = accept(&listener, &places) => accepted,
        };
        match accepted {
            Ok((link, peer, place)) => {
                let router = api.router.clone();
                let (http, peer) = (http(&clock, &limits), Peer(peer.ip()));
                connections.spawn(converse(http, link, peer, router, drain.clone(), place));
            }
            Err(error) => {
                tracing::warn!(%error, "an HTTP connection could not be accepted");
                clock.sleep(FAILED_ACCEPT_REST).await;
            }
        }
    }
    drop(listener);
    let work_max = u32::try_from(limits.requests_max).unwrap_or(u32::MAX);
    let ended = async {
        while connections.join_next().await.is_some() {}
        // Handlers whose clients went away.
        let _ = api.api.work.acquire_many(work_max).await;
    };
    tokio::select! {
        () = ended => {}
        () = clock.sleep(limits.drain_time_max) => tracing::warn!("requests were cut off by the end of a drain"),
    }
    Ok(())
}

/// The next client that there is a place for: further ones wait in the socket's backlog.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, std::net::SocketAddr, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
    let (link, peer) = listener.accept().await?;
    Ok((link, peer, place))
}

fn http(clock: &Arc<dyn Clock>, limits: &crate::config::Limits) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(ClockTimer(Arc::clone(clock)))
        .header_read_timeout(limits.head_time_max)
        .max_buf_size(limits.head_octets_max.max(8192))
        .max_headers(HEADERS_MAX);
    http
}

async fn converse(
    http: http1::Builder,
    link: TcpStream,
    peer: Peer,
    router: Router,
    mut drain: watch::Receiver<bool>,
    _place: OwnedSemaphorePermit,
) {
    // Where the kernel refuses, answers are slower; nothing else depends on it.
    let _ = link.set_nodelay(true);
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(peer);
        router.clone().oneshot(request)
    });
    let mut connection = pin!(http.serve_connection(TokioIo::new(link), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = begun(&mut drain) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        // A client that went away, or spoke no HTTP. The error holds none of its words.
        tracing::debug!(%error, "an HTTP connection ended early");
    }
}

async fn begun(drain: &mut watch::Receiver<bool>) {
    // Whoever could begin a drain is gone: that is the end too.
    let _ = drain.wait_for(|drain| *drain).await;
}

/// hyper's time by the service's clock.
struct ClockTimer(Arc<dyn Clock>);

impl Timer for ClockTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        Box::pin(ClockSleep(Mutex::new(self.0.sleep(duration))))
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        // hyper reckons deadlines from the `now` of this trait.
        self.sleep(deadline.saturating_duration_since(self.now()))
    }
}

/// The lock makes it `Sync`, which hyper asks for; nobody ever waits for it.
struct ClockSleep(Mutex<Pending<'static, ()>>);

impl Future for ClockSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner).as_mut().poll(context)
    }
}

impl Sleep for ClockSleep {}
