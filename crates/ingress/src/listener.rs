//! One listening socket: lets clients in, or turns them away, and runs each as a task.
//!
//! Leaves the rules to [`crate::networks`]. Invariant: sessions end with the task that runs this.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinError, JoinSet};

use crate::config::ListenerMode;
use crate::counters::{Rule, add};
use crate::service::Shared;
use crate::session::Session;

/// Rest after a failed accept: the usual reason, no file descriptors, does not go away at once.
const FAILED_ACCEPT_REST: Duration = Duration::from_millis(100);

/// Accepts until the service drains, then waits for the sessions.
pub(crate) async fn serve(listener: TcpListener, mode: ListenerMode, shared: Arc<Shared>) {
    let mut sessions = JoinSet::new();
    let mut draining = shared.draining.clone();
    loop {
        tokio::select! {
            _ = draining.wait_for(|draining| *draining) => break,
            accepted = accept(&listener, &shared) => {
                if let Some((link, peer)) = accepted {
                    admit(link, peer, mode, &shared, &mut sessions);
                }
            }
            Some(ended) = sessions.join_next() => note_end(&ended, &shared),
        }
    }
    drop(listener);
    while let Some(ended) = sessions.join_next().await {
        note_end(&ended, &shared);
    }
}

async fn accept(listener: &TcpListener, shared: &Shared) -> Option<(TcpStream, IpAddr)> {
    match listener.accept().await {
        Ok((link, peer)) => Some((link, peer.ip())),
        Err(error) => {
            add(&shared.counters.accepts_failed, 1);
            tracing::debug!(%error, "an SMTP connection could not be accepted");
            shared.clock.sleep(FAILED_ACCEPT_REST).await;
            None
        }
    }
}

fn admit(
    link: TcpStream,
    peer: IpAddr,
    mode: ListenerMode,
    shared: &Arc<Shared>,
    sessions: &mut JoinSet<()>,
) {
    match shared.networks.admit(peer, shared.clock.moment()) {
        Ok(place) => {
            // Where the kernel refuses, replies are slower; nothing else depends on it.
            let _ = link.set_nodelay(true);
            sessions.spawn(Session::new(link, mode, peer, place, Arc::clone(shared)).run());
        }
        Err(rule) => turn_away(&link, mode, rule),
    }
}

/// Says why without waiting: what does not fit into an empty socket's buffer at once is not said.
fn turn_away(link: &TcpStream, mode: ListenerMode, rule: Rule) {
    let text: &[u8] = match rule {
        Rule::Connections => b"421 4.7.0 Too many connections; try again later\r\n",
        Rule::NetworkArrivals => {
            b"421 4.7.0 Too many new connections from your network; try again in a minute\r\n"
        }
        _ => b"421 4.7.0 Too many connections from your network; close some\r\n",
    };
    if mode == ListenerMode::StartTls {
        let _ = socket2::SockRef::from(link).send(text);
    }
}

fn note_end(ended: &Result<(), JoinError>, shared: &Shared) {
    if ended.as_ref().is_err_and(JoinError::is_panic) {
        add(&shared.counters.sessions_failed, 1);
        tracing::error!("an SMTP session ended by a panic");
    }
}
