//! The service as a whole: its start, its figures, its end.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use runtime::Clock;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::budget::Budget;
use crate::config::{Listener, ListenerMode, Settings};
use crate::counters::Counters;
use crate::desk::Desk;
use crate::listener;
use crate::networks::Networks;
use crate::timer::Timer;

/// The TLS configuration in force; its sender replaces it (for a renewed certificate) without touching open sessions.
pub(crate) type TlsInForce = watch::Receiver<Arc<rustls::ServerConfig>>;

/// What all sessions share.
pub(crate) struct Shared {
    pub settings: Settings,
    pub server: Arc<smtp::server::ServerConfig>,
    pub tls: Option<TlsInForce>,
    pub desk: Arc<dyn Desk>,
    pub clock: Arc<dyn Clock>,
    pub counters: Arc<Counters>,
    pub networks: Arc<Networks>,
    pub budget: Arc<Budget>,
    pub draining: watch::Receiver<bool>,
}

/// Why a service did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// TLS is required, or a listener begins with it, and there is none.
    #[error("SMTP submission needs a certificate: configure one, or turn off require_tls for the loopback")]
    NoTls,
    /// A name that would break the greeting.
    #[error("the host name for SMTP submission is empty or has characters that no host name has")]
    Hostname,
    /// A socket is not usable.
    #[error("an SMTP listening socket cannot be used: {0}")]
    Socket(#[from] io::Error),
}

/// How a drain went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Sessions that were cut because the time was over.
    pub cut: u64,
}

/// A running service. Dropping it cuts every session; [`Self::drain`] is the orderly end.
pub struct Service {
    shared: Arc<Shared>,
    draining: watch::Sender<bool>,
    acceptors: JoinSet<()>,
    addresses: Vec<SocketAddr>,
}

impl Service {
    /// Starts accepting on all `listeners`, within the caller's tokio runtime.
    ///
    /// # Errors
    /// When the settings do not fit together, or a socket cannot be used.
    pub fn start(
        settings: Settings,
        listeners: Vec<Listener>,
        tls: Option<watch::Receiver<Arc<rustls::ServerConfig>>>,
        desk: Arc<dyn Desk>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StartError> {
        let implicit = listeners.iter().any(|listener| listener.mode == ListenerMode::ImplicitTls);
        if tls.is_none() && (settings.require_tls || implicit) {
            return Err(StartError::NoTls);
        }
        if settings.hostname.is_empty() || !settings.hostname.bytes().all(|octet| octet.is_ascii_graphic()) {
            return Err(StartError::Hostname);
        }
        let (draining, drain_seen) = watch::channel(false);
        let counters = Arc::new(Counters::default());
        let shared = Arc::new(Shared {
            server: Arc::new(settings.server_config(tls.is_some())),
            networks: Networks::new(settings.limits.clone(), Arc::clone(&counters)),
            budget: Budget::new(settings.limits.messages_memory_max),
            draining: drain_seen,
            settings,
            tls,
            desk,
            clock,
            counters,
        });
        let (mut acceptors, mut addresses) = (JoinSet::new(), Vec::new());
        for Listener { socket, mode } in listeners {
            socket.set_nonblocking(true)?;
            let socket = TcpListener::from_std(socket)?;
            addresses.push(socket.local_addr()?);
            acceptors.spawn(listener::serve(socket, mode, Arc::clone(&shared)));
        }
        Ok(Self { shared, draining, acceptors, addresses })
    }

    /// Where it listens, in the order of the listeners.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Its figures; they outlive it.
    #[must_use]
    pub fn counters(&self) -> &Arc<Counters> {
        &self.shared.counters
    }

    /// Ends in order: no new connections; sessions at rest hear 421 at once, others when their mail at hand is
    /// answered. Whoever is left after `within` is cut, without a reply.
    pub async fn drain(mut self, within: Duration) -> Drained {
        // Nobody to hear it: no session is left.
        let _ = self.draining.send(true);
        let clock = Arc::clone(&self.shared.clock);
        let deadline = clock.moment() + within;
        let all = async { while self.acceptors.join_next().await.is_some() {} };
        let ended = Timer::new(clock).within(deadline, all).await;
        let cut = match ended {
            Some(()) => 0,
            None => self.shared.counters.connections_open.load(Ordering::Relaxed),
        };
        self.acceptors.shutdown().await;
        Drained { cut }
    }
}
