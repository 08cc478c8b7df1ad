//! Brings one release to its end, until every intent of it is terminal: feed, wait, settle.
//!
//! Holds (pause, cancel, deadline) are obeyed before anything new is leased; what is on the wire ends first.
//! *Finished* is asked of the books, never concluded from what was fed.

mod feed;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::{Timestamp, Verdict};
use ledger::{LeasedChunk, LedgerError, ReleaseState, SettleRequest};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use crate::compose::{Composer, Piece, ReleaseWork};
use crate::outbox::Outbox;
use crate::relay::{Counted, Orders, RelayActor, RelayStatus};

/// The longest nap before looking at the store again.
const NAP_MAX: Duration = Duration::from_secs(1);
/// The nap when the store has work that it did not give out.
const SHORT_NAP: Duration = Duration::from_millis(20);
/// The nap while other senders have all of the relay's sessions.
const SHARE_NAP: Duration = Duration::from_millis(200);
/// Chunks settled in one transaction.
const SETTLE_CHUNKS: u32 = 64;

/// How a release's run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReleaseEnd {
    /// Nothing is owed any more, or nothing that may be sent by itself.
    Settled,
    /// Something is owed, and nothing of it is due for longer than the run waits.
    Waiting,
    /// The engine drains; what is owed stays owed.
    Drained,
    /// The relay cannot work as configured; what is owed stays owed.
    RelayStopped(String),
    /// The books failed or an identity did not fit; the process must end.
    Broken(String),
}

/// The run of one release.
pub struct Runner {
    work: Arc<ReleaseWork>,
    composer: Arc<dyn Composer>,
    actor: Arc<RelayActor>,
    outbox: Arc<Outbox>,
    signals: Signals,
    /// Told when something became due.
    more: Arc<Notify>,
    /// When owed mails expire, as the books had it when they were last looked at.
    deadline_at: Timestamp,
    /// Pieces being composed; each is put in line, or given back, by this run.
    composing: JoinSet<(Arc<LeasedChunk>, Piece)>,
    /// The relay is in use.
    _counted: Counted,
}

/// Everything that may change what a run does next.
#[derive(Clone)]
struct Signals {
    nudges: watch::Receiver<u64>,
    status: watch::Receiver<RelayStatus>,
    orders: watch::Receiver<Orders>,
}

impl Signals {
    /// Ends when any of them changes after it was last looked at.
    async fn changed(&mut self) {
        tokio::select! {
            Ok(()) = self.nudges.changed() => {}
            _ = self.status.changed() => {}
            _ = self.orders.changed() => {}
        }
    }
}

/// What to do next.
enum Step {
    Feed,
    WaitForOrders,
    Settle(Verdict),
    End(ReleaseEnd),
}

impl Runner {
    /// A run of the release through its relay; a nudge says that people changed the release's state in the books, and the
    /// other that more of it is due.
    #[must_use]
    pub fn new(
        work: Arc<ReleaseWork>,
        composer: Arc<dyn Composer>,
        actor: Arc<RelayActor>,
        (nudges, more): (watch::Receiver<u64>, Arc<Notify>),
    ) -> Self {
        let signals = Signals { nudges, status: actor.status(), orders: actor.orders() };
        let (outbox, counted) = (Arc::clone(&actor.outbox), actor.run_begins());
        let (deadline_at, composing) = (Timestamp::EPOCH, JoinSet::new());
        Self { work, composer, outbox, actor, signals, more, deadline_at, composing, _counted: counted }
    }

    /// Runs the release to its end.
    pub async fn run(mut self) -> ReleaseEnd {
        loop {
            match self.step().await {
                Ok(None) => {}
                Ok(Some(end)) => return end,
                Err(error) => {
                    self.hold().await;
                    self.actor.break_off(error.clone().into());
                    return ReleaseEnd::Broken(error.to_string());
                }
            }
        }
    }

    /// One step; `Some` ends the run.
    async fn step(&mut self) -> Result<Option<ReleaseEnd>, LedgerError> {
        match self.next_step().await? {
            Step::Feed => self.feed().await,
            Step::WaitForOrders if self.work.patience.is_some() => {
                self.hold().await;
                Ok(Some(ReleaseEnd::Waiting))
            }
            Step::WaitForOrders => {
                self.hold().await;
                self.wait_until(None).await;
                Ok(None)
            }
            Step::Settle(verdict) => self.settle(verdict).await,
            Step::End(end) => {
                self.hold().await;
                Ok(Some(end))
            }
        }
    }

    async fn next_step(&mut self) -> Result<Step, LedgerError> {
        match &*self.signals.status.borrow_and_update() {
            RelayStatus::Stopped(reason) => return Ok(Step::End(ReleaseEnd::RelayStopped(reason.clone()))),
            RelayStatus::Broken(reason) => return Ok(Step::End(ReleaseEnd::Broken(reason.to_string()))),
            RelayStatus::Open | RelayStatus::Faltering(_) => {}
        }
        if self.signals.orders.borrow_and_update().drain {
            return Ok(Step::End(ReleaseEnd::Drained));
        }
        self.signals.nudges.borrow_and_update();
        // Always by the books, never by what was told: an order that was stored is obeyed even if its nudge was lost.
        let (row, state) = self.actor.ground.store.release_get(self.work.tenant, self.work.release).await?;
        self.deadline_at = row.deadline_at;
        Ok(match state {
            ReleaseState::Cancelled => Step::Settle(Verdict::Cancelled),
            ReleaseState::Paused | ReleaseState::Planning => Step::WaitForOrders,
            ReleaseState::Active if self.now() >= self.deadline_at => Step::Settle(Verdict::Expired),
            ReleaseState::Active => Step::Feed,
        })
    }

    /// Nothing is due: ends when nothing is ahead, else waits for a return, a due time, an order or the deadline.
    async fn wait_for_due(
        &mut self,
        returned: impl Future<Output = ()>,
    ) -> Result<Option<ReleaseEnd>, LedgerError> {
        let store = &self.actor.ground.store;
        let ahead = store.work_ahead(self.work.tenant, self.work.release, self.now()).await?;
        if ahead.chunks_due > 0 {
            // Became due in between, or the store holds the release while its order is still on its way here.
            let mut signals = self.signals.clone();
            tokio::select! {
                () = signals.changed() => {}
                () = self.actor.ground.clock.sleep(self.nap_before_lease()) => {}
            }
            return Ok(None);
        }
        if self.feed_behind_late_replies().await? {
            return Ok(None);
        }
        if ahead.chunks_leased == 0 && ahead.next_due_at.is_none() {
            return Ok(Some(ReleaseEnd::Settled));
        }
        if self.may_leave(ahead.next_due_at) {
            return Ok(Some(ReleaseEnd::Waiting));
        }
        tokio::select! {
            () = returned => {}
            () = self.more.notified() => {}
            () = self.wait_until(ahead.next_due_at) => {}
        }
        Ok(None)
    }

    /// True when the run holds nothing of the release, and nothing is due within its patience.
    fn may_leave(&self, next: Option<Timestamp>) -> bool {
        let Some(patience) = self.work.patience else { return false };
        let soon = |at: Timestamp| at <= self.now() + patience;
        !next.is_some_and(soon) && !soon(self.deadline_at) && !self.outbox.holds_any(self.work.release)
    }

    fn nap_before_lease(&self) -> Duration {
        if self.actor.may_lease() { SHORT_NAP } else { SHARE_NAP }
    }

    /// Until a signal, `due`, the deadline, or a nap's length: whichever is first.
    async fn wait_until(&self, due: Option<Timestamp>) {
        let now = self.now();
        let next = due.map_or(self.deadline_at, |due| due.min(self.deadline_at));
        let nap = if next > now { next.since(now).min(NAP_MAX) } else { NAP_MAX };
        let mut signals = self.signals.clone();
        tokio::select! {
            () = signals.changed() => {}
            () = self.actor.ground.clock.sleep(nap) => {}
        }
    }

    /// Settles what is owed with one verdict, then ends once no chunk is out.
    async fn settle(&mut self, verdict: Verdict) -> Result<Option<ReleaseEnd>, LedgerError> {
        self.hold().await;
        let ground = &self.actor.ground;
        let request = SettleRequest {
            tenant: self.work.tenant,
            release: self.work.release,
            verdict,
            sender: ground.sender,
            now: self.now(),
            chunks_max: SETTLE_CHUNKS,
        };
        let recorder = Arc::clone(&self.actor.recorder);
        let returned = recorder.returned.notified();
        tokio::pin!(returned);
        returned.as_mut().enable();
        let receipt = ground.store.delivery_settle(request).await?;
        if receipt.chunks_left > 0 {
            return Ok(None);
        }
        if receipt.chunks_leased == 0 {
            return Ok(Some(ReleaseEnd::Settled));
        }
        tokio::select! {
            () = returned => {}
            () = ground.clock.sleep(NAP_MAX) => {}
        }
        Ok(None)
    }

    /// Nothing new of the release goes out from here on; waiting mails are given back, composed or not.
    async fn hold(&mut self) {
        if !self.work.held.swap(true, Ordering::AcqRel) {
            self.actor.withdraw(self.work.release);
            self.actor.holds_changed();
        }
        self.put_composed_in_line(0).await;
    }

    fn now(&self) -> Timestamp {
        self.actor.ground.clock.now()
    }
}
