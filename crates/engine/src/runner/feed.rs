//! Feeding: leases chunks, composes their mails in pieces on blocking threads, and puts them in line as room appears.
//!
//! Composing goes on over the border of chunks and leases: while the last pieces of one lease are composed, the next
//! lease is asked for.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use domain::{ChunkNo, Phase, Verdict};
use ledger::{LeaseRequest, LeasedChunk, LedgerError, OutcomeRow};

use super::{ReleaseEnd, Runner};
use crate::compose::{Piece, ReadyMail, compose_piece};
use crate::outbox::{Holding, Room};
use crate::relay::BrokenReason;

impl Runner {
    /// Leases and feeds once, up to the last pieces, which go on being composed; waits when nothing is due. `Some`
    /// once nothing is ahead.
    pub(super) async fn feed(&mut self) -> Result<Option<ReleaseEnd>, LedgerError> {
        self.work.held.store(false, Ordering::Release);
        let ground = &self.actor.ground;
        let request = self.lease_request();
        let recorder = Arc::clone(&self.actor.recorder);
        let returned = recorder.returned.notified();
        tokio::pin!(returned);
        returned.as_mut().enable();
        let chunks = match self.actor.may_lease() {
            true => ground.store.delivery_lease(request).await?,
            false => Vec::new(),
        };
        if chunks.is_empty() {
            self.put_composed_in_line(0).await;
            return self.wait_for_due(returned).await;
        }
        for chunk in chunks {
            self.outbox.open(&chunk);
            self.feed_chunk(Arc::new(chunk)).await?;
        }
        Ok(None)
    }

    /// Feeds what is due of chunks that only late replies keep out; true when there was any.
    pub(super) async fn feed_behind_late_replies(&mut self) -> Result<bool, LedgerError> {
        let mut fed = false;
        for chunk in self.outbox.waiting_for_late_replies(self.work.release) {
            let due = self.due_of(chunk).await?;
            let due = due.filter(|due| !due.intents.is_empty());
            if let Some(due) = due.filter(|due| self.outbox.reopen(due)) {
                fed = true;
                self.feed_chunk(Arc::new(due)).await?;
            }
        }
        fed |= self.feed_what_waited().await?;
        self.put_composed_in_line(0).await;
        Ok(fed)
    }

    /// Feeds what waited for its domain, of chunks that other mails keep out; true when there was any.
    async fn feed_what_waited(&mut self) -> Result<bool, LedgerError> {
        let mut fed = false;
        let now = self.actor.ground.clock.moment();
        for (chunk, waited) in self.outbox.waited_long_enough(self.work.release, now) {
            let due = self.due_of(chunk).await?;
            let Some(mut due) = due else { continue };
            // The rest of it is in line or on the wire.
            due.intents.retain(|intent| waited.contains(&intent.intent));
            if !due.intents.is_empty() && self.outbox.reopen(&due) {
                fed = true;
                self.feed_chunk(Arc::new(due)).await?;
            }
        }
        Ok(fed)
    }

    /// What may be tried of a chunk that is out. A permit that is still on its way to the books would look like a mail that
    /// nobody has in hand, however long a commit takes.
    async fn due_of(&self, chunk: ChunkNo) -> Result<Option<LeasedChunk>, LedgerError> {
        self.actor.recorder.caught_up().await?;
        self.actor.ground.store.delivery_due(self.lease_request(), chunk).await
    }

    fn lease_request(&self) -> LeaseRequest {
        let (config, now) = (&self.actor.ground.config, self.now());
        LeaseRequest {
            tenant: self.work.tenant,
            release: self.work.release,
            sender: self.actor.ground.sender,
            now,
            lease_until: now + config.lease,
            chunks_max: config.chunks_per_lease,
        }
    }

    /// Composes a chunk in pieces, some at a time, and puts mails in line as room appears.
    async fn feed_chunk(&mut self, chunk: Arc<LeasedChunk>) -> Result<(), LedgerError> {
        let chunk = self.actor.admit(&self.work, chunk);
        let fetched = self.composer.fetch(&chunk.intents).await?;
        let composer = fetched.unwrap_or_else(|| Arc::clone(&self.composer));
        let config = self.actor.ground.config;
        for run in runs(chunk.intents.len(), config.piece_mails) {
            self.put_composed_in_line(config.composers.max(1) - 1).await;
            if self.is_interrupted() {
                run.for_each(|_| self.outbox.done(Holding::of(&chunk)));
                continue;
            }
            let (work, composer) = (Arc::clone(&self.work), Arc::clone(&composer));
            let chunk = Arc::clone(&chunk);
            let compose = move || {
                let piece = compose_piece(&*composer, &work, &chunk, run);
                (chunk, piece)
            };
            match config.composers {
                0 => self.composing.spawn(async move { compose() }),
                _ => self.composing.spawn_blocking(compose),
            };
        }
        Ok(())
    }

    /// Puts composed mails in line until at most so many pieces are still being composed.
    pub(super) async fn put_composed_in_line(&mut self, left: usize) {
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
            self.outbox.done(Holding::of(chunk));
        }
        let mut interrupted = false;
        for mail in piece.mails {
            interrupted = interrupted || self.is_interrupted();
            if !interrupted && let Some(room) = self.room_for(&mail).await {
                self.outbox.put(mail, room);
            } else {
                interrupted = true;
                self.outbox.done(Holding::of(chunk));
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
}

/// The ranges of `count` things in runs of at most `length`.
fn runs(count: usize, length: usize) -> impl Iterator<Item = Range<usize>> {
    let length = length.max(1);
    (0..count).step_by(length).map(move |start| start..count.min(start + length))
}
