//! A release under way, as whoever began it holds it: what it is told, and how it ended.

use std::sync::Arc;

use tokio::sync::{Notify, watch};

use crate::runner::ReleaseEnd;

/// A release under way.
pub struct ReleaseRun {
    orders: watch::Sender<u64>,
    more: Arc<Notify>,
    end: watch::Receiver<Option<ReleaseEnd>>,
}

impl ReleaseRun {
    pub(crate) fn new(
        orders: watch::Sender<u64>,
        more: Arc<Notify>,
        end: watch::Receiver<Option<ReleaseEnd>>,
    ) -> Self {
        Self { orders, more, end }
    }

    /// Has the run look at the release's state in the books at once: it was changed there. A run that is not told
    /// finds out by itself, later.
    pub fn recheck(&self) {
        self.orders.send_modify(|count| *count += 1);
    }

    /// Something of the release became due that the run did not know of: it need not wait for it. Nothing that is under
    /// way is disturbed.
    pub fn more_is_due(&self) {
        self.more.notify_one();
    }

    /// True once it has ended.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.end.borrow().is_some()
    }

    /// Ends when the release's run does.
    pub async fn ended(&self) -> ReleaseEnd {
        let mut end = self.end.clone();
        let ended = end.wait_for(Option::is_some).await.ok().and_then(|end| end.clone());
        ended.unwrap_or_else(|| ReleaseEnd::Broken("the release's task ended by a defect".to_owned()))
    }
}
