//! Feeds one release to its relay's outbox until every intent of it is terminal: lease, compose, wait, settle.
//!
//! Composing goes on over the border of chunks and leases: while the last pieces of one lease are composed, the next
//! lease is asked for. Holds (pause, cancel, deadline) are obeyed before anything new is leased; what is on the wire
//! ends first.
//! *Finished* is asked of the books, never concluded from what was fed.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::{Phase, Timestamp, Verdict};
use ledger::{LeaseRequest, LeasedChunk, LedgerError, OutcomeRow, ReleaseState, SettleRequest};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::compose::{Composer, Piece, ReadyMail, ReleaseWork, compose_piece};
use crate::outbox::{Outbox, Room};
use crate::relay::{BrokenReason, Orders, RelayActor, RelayStatus};

/// The longest nap before looking at the store again.
const NAP_MAX: Duration = Duration::from_secs(1);
/// The nap when the store has work that it did not give out.
const SHORT_NAP: Duration = Duration::from_millis(20);
/// Chunks settled in one transaction.
const SETTLE_CHUNKS: u32 = 64;

/// How a release's run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReleaseEnd {
    /// Nothing is owed any more, or nothing that may be sent by itself.
    Settled,
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
    /// When owed mails expire, as the books had it when they were last looked at.
    deadline_at: Timestamp,
    /// Pieces being composed; each is put in line, or given back, by this run.
    composing: JoinSet<(Arc<LeasedChunk>, Piece)>,
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
    /// A run of the release through its relay; a nudge says that people changed the release's state in the books.
    #[must_use]
    pub fn new(
        work: Arc<ReleaseWork>,
        composer: Arc<dyn Composer>,
        actor: Arc<RelayActor>,
        nudges: watch::Receiver<u64>,
    ) -> Self {
        let signals = Signals { nudges, status: actor.status(), orders: actor.orders() };
        let outbox = Arc::clone(&actor.outbox);
        let deadline_at = Timestamp::EPOCH;
        Self { work, composer, outbox, actor, signals, deadline_at, composing: JoinSet::new() }
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

    /// Leases and feeds once, up to the last pieces, which go on being composed; waits when nothing is due. `Some`
    /// once nothing is ahead.
    async fn feed(&mut self) -> Result<Option<ReleaseEnd>, LedgerError> {
        self.work.held.store(false, Ordering::Release);
        let ground = &self.actor.ground;
        let now = self.now();
        let request = LeaseRequest {
            tenant: self.work.tenant,
            release: self.work.release,
            sender: ground.sender,
            now,
            lease_until: now + ground.config.lease,
            chunks_max: ground.config.chunks_per_lease,
        };
        let recorder = Arc::clone(&self.actor.recorder);
        let returned = recorder.returned.notified();
        tokio::pin!(returned);
        returned.as_mut().enable();
        let chunks = ground.store.delivery_lease(request).await?;
        if chunks.is_empty() {
            self.put_composed_in_line(0).await;
            return self.wait_for_due(returned).await;
        }
        for chunk in chunks {
            self.feed_chunk(Arc::new(chunk)).await;
        }
        Ok(None)
    }

    /// Nothing is due: ends when nothing is ahead, else waits for a return, a due time, an order or the deadline.
    async fn wait_for_due(
        &self,
        returned: impl Future<Output = ()>,
    ) -> Result<Option<ReleaseEnd>, LedgerError> {
        let store = &self.actor.ground.store;
        let ahead = store.work_ahead(self.work.tenant, self.work.release, self.now()).await?;
        if ahead.chunks_due > 0 {
            // Became due in between, or the store holds the release while its order is still on its way here.
            let mut signals = self.signals.clone();
            tokio::select! {
                () = signals.changed() => {}
                () = self.actor.ground.clock.sleep(SHORT_NAP) => {}
            }
            return Ok(None);
        }
        if ahead.chunks_leased == 0 && ahead.next_due_at.is_none() {
            return Ok(Some(ReleaseEnd::Settled));
        }
        tokio::select! {
            () = returned => {}
            () = self.wait_until(ahead.next_due_at) => {}
        }
        Ok(None)
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

    /// Composes a chunk in pieces, some at a time, and puts mails in line as room appears.
    async fn feed_chunk(&mut self, chunk: Arc<LeasedChunk>) {
        self.outbox.open(&chunk);
        let config = self.actor.ground.config;
        for run in runs(chunk.intents.len(), config.piece_mails) {
            self.put_composed_in_line(config.composers.max(1) - 1).await;
            if self.is_interrupted() {
                run.for_each(|_| self.outbox.done(chunk.release, chunk.chunk));
                continue;
            }
            let (work, composer) = (Arc::clone(&self.work), Arc::clone(&self.composer));
            let chunk = Arc::clone(&chunk);
            self.composing.spawn_blocking(move || {
                let piece = compose_piece(&*composer, &work, &chunk, run);
                (chunk, piece)
            });
        }
    }

    /// Puts composed mails in line until at most so many pieces are still being composed.
    async fn put_composed_in_line(&mut self, left: usize) {
        while self.composing.len() > left {
            match self.composing.join_next().await {
                None => return,
                Some(Ok((chunk, piece))) => self.put_in_line(piece, &chunk).await,
                // A defect in composing is caught mail by mail; what is left here would never be accounted for.
                Some(Err(_)) => self.actor.break_off(BrokenReason::Defect),
            }
        }
    }

    async fn put_in_line(&self, piece: Piece, chunk: &LeasedChunk) {
        for (key, error) in piece.refused {
            let row = OutcomeRow {
                key: ledger::AttemptKey { attempt: domain::AttemptNo(0), ..key },
                verdict: Verdict::Rejected,
                phase: Phase::Permit,
                code: None,
                enhanced: None,
                reply_digest: [0; 16],
                reply_text: error.to_string(),
                at: self.now(),
                retry_at: None,
            };
            self.actor.recorder.outcome(row, None);
            self.outbox.done(chunk.release, chunk.chunk);
        }
        let mut interrupted = false;
        for mail in piece.mails {
            interrupted = interrupted || self.is_interrupted();
            if !interrupted && let Some(room) = self.room_for(&mail).await {
                self.outbox.put(mail, room);
            } else {
                interrupted = true;
                self.outbox.done(chunk.release, chunk.chunk);
            }
        }
    }

    /// Room in line; `None` when something else is to be done first.
    async fn room_for(&self, mail: &ReadyMail) -> Option<Room> {
        if let Some(room) = self.outbox.try_room(mail) {
            return Some(room);
        }
        let mut signals = self.signals.clone();
        tokio::select! {
            room = self.outbox.room(mail) => room,
            () = signals.changed() => None,
            () = self.actor.ground.clock.sleep(self.deadline_at.since(self.now())) => None,
        }
    }

    /// True when nothing more of the release should be put in line.
    fn is_interrupted(&self) -> bool {
        let changed = |signal: Result<bool, _>| signal.unwrap_or(true);
        self.work.is_held()
            || self.signals.nudges.has_changed().unwrap_or(false)
            || changed(self.signals.status.has_changed())
            || changed(self.signals.orders.has_changed())
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
            self.outbox.withdraw(self.work.release);
            self.actor.holds_changed();
        }
        self.put_composed_in_line(0).await;
    }

    fn now(&self) -> Timestamp {
        self.actor.ground.clock.now()
    }
}

/// The ranges of `count` things in runs of at most `length`.
fn runs(count: usize, length: usize) -> impl Iterator<Item = Range<usize>> {
    let length = length.max(1);
    (0..count).step_by(length).map(move |start| start..count.min(start + length))
}
