//! The progress bar of a send: only on a terminal, from the store's counters, five times a second.

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

use domain::{ReleaseId, TenantId};
use indicatif::{ProgressBar, ProgressStyle};
use ledger::Store;
use runtime::Clock;
use tokio::task::JoinHandle;

/// How often the bar moves.
const INTERVAL: Duration = Duration::from_millis(200);

/// True when there is somebody to see a bar.
pub fn is_wanted() -> bool {
    std::io::stderr().is_terminal()
}

/// Draws until aborted; gives the bar to be cleared then.
pub fn start(
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    tenant: TenantId,
    release: ReleaseId,
) -> (ProgressBar, JoinHandle<()>) {
    let bar = ProgressBar::new(0);
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {per_sec} {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let drawn = bar.clone();
    let task = tokio::spawn(async move {
        loop {
            if let Ok(counts) = store.counters(tenant, release).await {
                drawn.set_length(counts.audience);
                drawn.set_position(counts.audience.saturating_sub(counts.pending));
                drawn.set_message(format!(
                    "accepted {} rejected {} unknown {}",
                    counts.accepted, counts.rejected, counts.unknown
                ));
            }
            clock.sleep(INTERVAL).await;
        }
    });
    (bar, task)
}
