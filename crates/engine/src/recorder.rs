//! The group commit of one relay actor: permits, outcomes and returns of all its sessions go to the books
//! together, one commit under way while the next gathers.
//!
//! A ticket is the number of the commit that an entry went into; it is durable once [`Recorder::durable`] has
//! reached it. When a commit fails, nothing is ever durable again and every waiter is told: no dot may follow.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard};

use domain::{SenderEpoch, TenantId};
use ledger::{
    AttemptKey, AttemptPermit, ChunkReturn, DeliveryCommit, LedgerError, OutcomeRow, RelayUse, SessionRow,
    Store,
};
use runtime::Clock;
use tokio::sync::{Notify, watch};

/// The number of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(u64);

/// How far the commits are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// Every ticket up to this one is durable.
    Durable(u64),
    /// The store failed; nothing more becomes durable.
    Failed(LedgerError),
}

/// Gathers entries and commits them.
pub struct Recorder {
    tenant: TenantId,
    sender: SenderEpoch,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    gathering: Mutex<Gathering>,
    wake: Notify,
    progress: watch::Sender<Progress>,
    /// Told when chunks given back are durable: wakes the releases' runners.
    pub returned: Notify,
}

struct Gathering {
    commit: DeliveryCommit,
    number: u64,
    fenced: HashSet<AttemptKey>,
    closing: bool,
}

impl Recorder {
    /// A recorder for one tenant; run [`Self::run`] beside it.
    #[must_use]
    pub fn new(
        tenant: TenantId,
        sender: SenderEpoch,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
    ) -> Arc<Self> {
        let gathering = Gathering {
            commit: DeliveryCommit::default(),
            number: 1,
            fenced: HashSet::new(),
            closing: false,
        };
        Arc::new(Self {
            tenant,
            sender,
            store,
            clock,
            gathering: Mutex::new(gathering),
            wake: Notify::new(),
            progress: watch::Sender::new(Progress::Durable(0)),
            returned: Notify::new(),
        })
    }

    /// Records a session; it is durable before any attempt pushed after it.
    pub fn session(&self, row: SessionRow) -> Ticket {
        self.push(|commit| commit.sessions.push(row))
    }

    /// Asks for a permit: the message end may follow once the ticket is durable and the attempt not fenced.
    pub fn permit(&self, permit: AttemptPermit) -> Ticket {
        self.push(|commit| commit.attempts.push(permit))
    }

    /// Records a verdict, and a use of a limited relay with it.
    pub fn outcome(&self, row: OutcomeRow, used: Option<RelayUse>) -> Ticket {
        self.push(|commit| {
            commit.outcomes.push(row);
            if let Some(used) = used {
                commit.count_use(used);
            }
        })
    }

    /// Gives a chunk back, after every outcome pushed before.
    pub fn chunk_return(&self, row: ChunkReturn) -> Ticket {
        self.push(|commit| commit.returns.push(row))
    }

    /// True when the store refused the attempt: it must not be sent.
    #[must_use]
    pub fn is_fenced(&self, key: AttemptKey) -> bool {
        let gathering = self.lock();
        !gathering.fenced.is_empty() && gathering.fenced.contains(&key)
    }

    /// As [`Self::is_fenced`], and forgets it: the attempt was never stored, so it gets no outcome.
    pub fn take_fenced(&self, key: AttemptKey) -> bool {
        let mut gathering = self.lock();
        !gathering.fenced.is_empty() && gathering.fenced.remove(&key)
    }

    /// A watch over the commits' progress.
    #[must_use]
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    /// True once the ticket's entries are durable.
    #[must_use]
    pub fn is_durable(&self, ticket: Ticket) -> bool {
        matches!(*self.progress.borrow(), Progress::Durable(number) if number >= ticket.0)
    }

    /// Ends when the ticket is durable.
    ///
    /// # Errors
    /// The store's failure, which is final.
    pub async fn durable(&self, ticket: Ticket) -> Result<(), LedgerError> {
        let mut progress = self.progress.subscribe();
        let reached = progress
            .wait_for(|now| !matches!(now, Progress::Durable(number) if *number < ticket.0))
            .await
            .map(|now| now.clone());
        match reached {
            Ok(Progress::Durable(_)) => Ok(()),
            Ok(Progress::Failed(error)) => Err(error),
            Err(_) => Err(LedgerError::Closed),
        }
    }

    /// Ends when everything that was pushed until now is durable: only then do the books show what is in hand.
    ///
    /// # Errors
    /// As [`Self::durable`].
    pub async fn caught_up(&self) -> Result<(), LedgerError> {
        let last = {
            let gathering = self.lock();
            gathering.number - u64::from(gathering.commit.is_empty())
        };
        self.durable(Ticket(last)).await
    }

    /// Commits until [`Self::close`] and everything is durable, or the store fails.
    pub async fn run(self: Arc<Self>) {
        loop {
            let Some((number, commit)) = self.take() else {
                if self.lock().closing {
                    return;
                }
                self.wake.notified().await;
                continue;
            };
            let now = self.clock.now();
            let gives_back = !commit.returns.is_empty();
            match self.store.delivery_commit(self.tenant, self.sender, now, commit).await {
                Ok(receipt) => {
                    self.lock().fenced.extend(receipt.fenced);
                    self.progress.send_replace(Progress::Durable(number));
                    if gives_back {
                        self.returned.notify_waiters();
                    }
                }
                Err(error) => {
                    self.progress.send_replace(Progress::Failed(error));
                    return;
                }
            }
        }
    }

    /// Lets [`Self::run`] end once nothing is left to commit.
    pub fn close(&self) {
        self.lock().closing = true;
        self.wake.notify_one();
    }

    fn push(&self, add: impl FnOnce(&mut DeliveryCommit)) -> Ticket {
        let mut gathering = self.lock();
        let first = gathering.commit.is_empty();
        add(&mut gathering.commit);
        let ticket = Ticket(gathering.number);
        drop(gathering);
        if first {
            self.wake.notify_one();
        }
        ticket
    }

    fn take(&self) -> Option<(u64, DeliveryCommit)> {
        let mut gathering = self.lock();
        if gathering.commit.is_empty() {
            return None;
        }
        let number = gathering.number;
        gathering.number += 1;
        Some((number, std::mem::take(&mut gathering.commit)))
    }

    fn lock(&self) -> MutexGuard<'_, Gathering> {
        self.gathering.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use domain::{ChunkNo, LeaseEpoch, ReleaseId};
    use ledger_sqlite::{SqliteOptions, SqliteStore};
    use runtime::SystemClock;

    use super::*;

    #[tokio::test]
    async fn whoever_catches_up_waits_for_what_was_pushed_and_for_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(SqliteStore::open(folder.path(), SqliteOptions::default()).unwrap());
        let recorder = Recorder::new(TenantId(1), SenderEpoch(1), store, Arc::new(SystemClock));
        recorder.caught_up().await.unwrap();
        let returned = ChunkReturn { release: ReleaseId(1), chunk: ChunkNo(0), lease: LeaseEpoch(1) };
        let first = recorder.chunk_return(returned);
        let mut catching_up = pin!(recorder.caught_up());
        tokio::select! {
            biased;
            _ = &mut catching_up => panic!("nothing commits yet"),
            () = std::future::ready(()) => {}
        }
        let running = tokio::spawn(Arc::clone(&recorder).run());
        catching_up.await.unwrap();
        assert!(recorder.is_durable(first));
        recorder.caught_up().await.unwrap();
        recorder.close();
        running.await.unwrap();
    }
}
