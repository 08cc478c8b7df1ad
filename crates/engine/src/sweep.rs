//! Looks now and then for chunks that nobody would bring up again although something in them is owed (invariant 9).
//!
//! There should be none: each one is a finding about whoever let it come to that, said aloud in the log, however soon it
//! is mended. The store makes such a chunk due again from the books; whoever leases next sends what it owes.

use std::sync::Arc;

use ledger::Hole;
use tokio::sync::watch;

use crate::relay::Ground;

/// Sweeps until told to stop, between two sweeps; a store that fails ends the sending.
pub async fn keep(ground: Arc<Ground>, mut stop: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => return,
            () = ground.clock.sleep(ground.config.sweep) => {}
        }
        match ground.store.sweep(ground.clock.now()).await {
            Ok(holes) => holes.iter().for_each(say),
            Err(error) => {
                ground.broken.send_replace(Some(error.into()));
                return;
            }
        }
    }
}

fn say(hole: &Hole) {
    let (tenant, release, chunk, intents) = (hole.tenant, hole.release, hole.chunk.no, hole.open);
    match hole.due_again_at {
        Some(at) => tracing::warn!(
            %tenant, %release, %chunk, intents, due_at = %at,
            "finding (invariant 9): mails were owed that nobody would have sent; their chunk is due again"
        ),
        None => tracing::warn!(
            %tenant, %release, %chunk, intents,
            "finding (invariant 9): attempts are without outcome that nobody works on; they are not tried again by themselves"
        ),
    }
}
