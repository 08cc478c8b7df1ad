//! One sender among many: it gives signs of life, and takes over what others left.
//!
//! Only over books that are shared. What is decided here is about who works on what; the fence is the lease's epoch.

use std::sync::Arc;

use ledger::{LedgerError, SenderBeat};
use tokio::sync::watch;

use crate::recover::{RecoverError, RecoverOptions, Recovered, recover};
use crate::relay::{BrokenReason, Ground};

/// Beats and takes over until told to stop, between two steps; a store that fails ends the sending.
pub async fn keep(ground: Arc<Ground>, mut stop: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => return,
            () = ground.clock.sleep(ground.config.beat) => {}
        }
        match step(&ground).await {
            Ok(recovered) if recovered == Recovered::default() => {}
            Ok(recovered) => tracing::warn!(
                unsent = recovered.unsent,
                answered = recovered.answered,
                unknown = recovered.unknown,
                "took over what another sender left"
            ),
            Err(RecoverError::Store(error)) => {
                ground.broken.send_replace(Some(error.into()));
                return;
            }
            Err(RecoverError::Journal(error)) => {
                let reason = LedgerError::Io { operation: "reading a journal", reason: error.to_string() };
                ground.broken.send_replace(Some(BrokenReason::Store(reason)));
                return;
            }
        }
    }
}

async fn step(ground: &Ground) -> Result<Recovered, RecoverError> {
    beat(ground, false).await?;
    recover(&*ground.store, options(ground)).await
}

/// One sign of life; the last one says that the sender leaves.
pub async fn beat(ground: &Ground, leaves: bool) -> Result<(), LedgerError> {
    let (sender, host, now) = (ground.sender, ground.host.clone(), ground.clock.now());
    ground.store.sender_beat(SenderBeat { sender, host, now, leaves }).await
}

/// A recovery by this sender, now.
pub fn options(ground: &Ground) -> RecoverOptions<'_> {
    let config = &ground.config;
    RecoverOptions {
        sender: ground.sender,
        node: ground.node,
        folder: &ground.journal_folder,
        boot: ground.boot,
        now: ground.clock.now(),
        lease: config.lease,
        // Over books of one's own the last owner is proven dead by the folder's lock; its kernel may still send for
        // this long. Another node may, besides, have been frozen within its lease.
        resend_wait: match ground.store.is_shared() {
            true => config.lease + config.tcp_user_timeout,
            false => config.tcp_user_timeout,
        },
    }
}
