//! SIGTERM and SIGINT: the first asks for a drain, the second ends the process at once.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::exit::Exit;

/// Becomes true at the first signal.
pub fn drain() -> anyhow::Result<watch::Receiver<bool>> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let (sender, receiver) = watch::channel(false);
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if sender.send_replace(true) {
                // What is on the wire is found in the journal by the next run.
                std::process::exit(i32::from(Exit::Unsettled.code()));
            }
            eprintln!("hikyaku: finishing the mails on the wire; once more to end at once");
        }
    });
    Ok(receiver)
}
