//! The sink's thread: accepts connections, runs each as a task, and obeys its handle.

use std::sync::Arc;

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::handle::Shared;
use super::session;

/// What a handle asks of the thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// End every connection now.
    CutConnections,
    /// End the sink.
    Stop,
}

/// Serves until told to stop, or until every handle is gone.
pub(super) async fn serve(
    socket: std::net::TcpListener,
    shared: Arc<Shared>,
    mut orders: mpsc::UnboundedReceiver<Order>,
) {
    let Ok(listener) = TcpListener::from_std(socket) else { return };
    let mut sessions = JoinSet::new();
    loop {
        tokio::select! {
            order = orders.recv() => match order {
                Some(Order::CutConnections) => sessions.abort_all(),
                Some(Order::Stop) | None => return,
            },
            accepted = listener.accept() => {
                if let Ok((link, _)) = accepted {
                    admit(link, &shared, &mut sessions).await;
                }
            }
            Some(_) = sessions.join_next(), if !sessions.is_empty() => {}
        }
    }
}

async fn admit(mut link: TcpStream, shared: &Arc<Shared>, sessions: &mut JoinSet<()>) {
    if sessions.len() >= shared.config.limits.connections_max {
        let _ = link.write_all(b"421 4.3.2 too many connections\r\n").await;
        return;
    }
    let _ = link.set_nodelay(true);
    sessions.spawn(session::run(link, Arc::clone(shared)));
}
