//! The account of the chunks that are out, of an outbox and all its branches: what is left of each, what waits for late
//! replies, what is parked until its domain may have it.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::{ChunkNo, IntentNo, LeaseEpoch, Moment, ReleaseId};
use ledger::{ChunkReturn, LeasedChunk};
use tokio::sync::Notify;

use super::Outbox;
use crate::recorder::Recorder;

/// The chunks that are out, of an outbox and all its branches.
pub(super) struct Account {
    state: Mutex<State>,
    recorder: Arc<Recorder>,
    /// Told when a chunk is parked.
    parked: Notify,
    any_lost: AtomicBool,
    /// The room that the latest mail took.
    pub(super) usual_units: AtomicUsize,
}

#[derive(Default)]
struct State {
    chunks: HashMap<Holding, OpenChunk>,
    parked: Vec<ParkedChunk>,
}

/// A chunk under the lease with which it came. Under another lease it is another's, or came anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Holding {
    /// Of which release.
    pub release: ReleaseId,
    /// Which chunk.
    pub chunk: ChunkNo,
    /// Under which lease.
    pub lease: LeaseEpoch,
}

impl Holding {
    /// What a leased chunk is held as.
    #[must_use]
    pub const fn of(chunk: &LeasedChunk) -> Self {
        Self { release: chunk.release, chunk: chunk.chunk, lease: chunk.lease }
    }
}

struct OpenChunk {
    left: usize,
    /// How many of those are on the wire of sessions whose relay owes a reply for long.
    stuck: usize,
    /// Some of it was given back because its domain must wait.
    parked: Option<ChunkParking>,
    /// Another sender took it over: nothing of it may be sent any more.
    lost: bool,
}

/// Until when a mail is kept back, and for whose sake.
#[derive(Debug, Clone)]
pub struct Parking {
    /// Until when, unless there is room before.
    pub until: Moment,
    /// The domain that must wait.
    pub domain: Arc<str>,
}

/// Mails of a chunk that are kept back: until the earliest may go, or there is room for one of their domains.
struct ChunkParking {
    until: Moment,
    domains: Vec<Arc<str>>,
    intents: HashSet<IntentNo>,
}

impl ChunkParking {
    fn new(until: Moment) -> Self {
        Self { until, domains: Vec::new(), intents: HashSet::new() }
    }

    fn add(&mut self, intent: IntentNo, parking: Parking) {
        self.intents.insert(intent);
        self.until = self.until.min(parking.until);
        if !self.domains.contains(&parking.domain) {
            self.domains.push(parking.domain);
        }
    }
}

struct ParkedChunk {
    holding: Holding,
    parking: ChunkParking,
}

impl Outbox {
    /// Opens the account of a leased chunk; an empty one is given back at once.
    pub fn open(&self, chunk: &LeasedChunk) {
        if chunk.intents.is_empty() {
            self.account.give_back(Holding::of(chunk));
            return;
        }
        let open = OpenChunk { left: chunk.intents.len(), stuck: 0, parked: None, lost: false };
        self.account.lock().chunks.insert(Holding::of(chunk), open);
    }

    /// Every chunk that is out.
    pub fn holdings(&self) -> Vec<Holding> {
        self.account.lock().chunks.keys().copied().collect()
    }

    /// True while a chunk of the release is out.
    pub fn holds_any(&self, release: ReleaseId) -> bool {
        self.account.lock().chunks.keys().any(|held| held.release == release)
    }

    /// Another sender took these over; those that were given back meanwhile do not matter.
    pub fn lose(&self, lost: impl Iterator<Item = Holding>) {
        let mut state = self.account.lock();
        for holding in lost {
            if let Some(open) = state.chunks.get_mut(&holding) {
                open.lost = true;
                self.account.any_lost.store(true, Ordering::Release);
            }
        }
    }

    /// True when another sender took the chunk over.
    pub fn is_lost(&self, holding: Holding) -> bool {
        self.account.any_lost.load(Ordering::Acquire)
            && self.account.lock().chunks.get(&holding).is_none_or(|open| open.lost)
    }

    /// A mail of the chunk waits for a reply that is late.
    pub fn stuck(&self, holding: Holding) {
        if let Some(open) = self.account.lock().chunks.get_mut(&holding) {
            open.stuck += 1;
        }
    }

    /// The reply came, or the session ended. To be followed by [`Self::done`].
    pub fn unstuck(&self, holding: Holding) {
        if let Some(open) = self.account.lock().chunks.get_mut(&holding) {
            open.stuck -= 1;
        }
    }

    /// The release's chunks that only late replies keep out; not those of which something must wait besides.
    pub fn waiting_for_late_replies(&self, release: ReleaseId) -> Vec<ChunkNo> {
        let state = self.account.lock();
        let only_late = |open: &OpenChunk| open.left == open.stuck && open.parked.is_none() && !open.lost;
        let own = state.chunks.iter().filter(|(held, open)| held.release == release && only_late(open));
        own.map(|(held, _)| held.chunk).collect()
    }

    /// Adds intents to the account of a chunk that is out; false when it is not any more.
    pub fn reopen(&self, chunk: &LeasedChunk) -> bool {
        let mut state = self.account.lock();
        state.chunks.get_mut(&Holding::of(chunk)).is_some_and(|open| {
            open.left += chunk.intents.len();
            true
        })
    }

    /// Counts one intent of a chunk as dealt with (its outcome was pushed, or it was not tried).
    pub fn done(&self, holding: Holding) {
        self.account.done(holding);
    }

    /// As [`Self::done`], of an intent that was not tried because its domain must wait: the chunk is not given back before.
    pub fn park(&self, holding: Holding, intent: IntentNo, parking: Parking) {
        if let Some(open) = self.account.lock().chunks.get_mut(&holding) {
            let parked = open.parked.get_or_insert_with(|| ChunkParking::new(parking.until));
            parked.add(intent, parking);
        }
        self.done(holding);
    }

    /// Gives back what was parked until now; says when the next is due.
    pub fn unpark_due(&self, now: Moment) -> Option<Moment> {
        self.account.unpark(|parked| parked.parking.until <= now, usize::MAX);
        self.account.lock().parked.iter().map(|parked| parked.parking.until).min()
    }

    /// The release's chunks that are still out, some of which waited and may be tried by now: those intents wait no more.
    pub fn waited_long_enough(&self, release: ReleaseId, now: Moment) -> Vec<(ChunkNo, HashSet<IntentNo>)> {
        let mut state = self.account.lock();
        let own = state.chunks.iter_mut().filter(|(held, open)| held.release == release && !open.lost);
        let waited = own.filter_map(|(held, open)| {
            let parked = open.parked.take_if(|parked| parked.until <= now)?;
            Some((held.chunk, parked.intents))
        });
        waited.collect()
    }

    /// Calls back some of what waits for a domain: it has room again.
    pub fn unpark_some(&self, domain: &str, chunks_max: usize) {
        self.account.call_back(domain, chunks_max);
    }

    /// Ends when a chunk is parked.
    pub async fn parked(&self) {
        self.account.parked.notified().await;
    }

    /// True when every intent of every leased chunk was dealt with.
    #[must_use]
    pub fn is_accounted(&self) -> bool {
        let state = self.account.lock();
        state.chunks.is_empty() && state.parked.is_empty()
    }
}

impl Account {
    pub(super) fn new(recorder: Arc<Recorder>) -> Self {
        Self {
            state: Mutex::default(),
            recorder,
            parked: Notify::new(),
            any_lost: AtomicBool::new(false),
            usual_units: AtomicUsize::new(1),
        }
    }

    /// Nothing of a release waits any more: it is held.
    pub(super) fn unpark_release(&self, release: ReleaseId) {
        for (held, open) in &mut self.lock().chunks {
            if held.release == release {
                open.parked = None;
            }
        }
        self.unpark(|parked| parked.holding.release == release, usize::MAX);
    }

    fn done(&self, holding: Holding) {
        let mut state = self.lock();
        let Some(open) = state.chunks.get_mut(&holding) else { return };
        open.left -= 1;
        if open.left > 0 {
            return;
        }
        let parked = open.parked.take();
        state.chunks.remove(&holding);
        if let Some(parking) = parked {
            state.parked.push(ParkedChunk { holding, parking });
            self.parked.notify_one();
            return;
        }
        drop(state);
        self.give_back(holding);
    }

    fn give_back(&self, Holding { release, chunk, lease }: Holding) {
        self.recorder.chunk_return(ChunkReturn { release, chunk, lease });
    }

    /// Chunks that wait for a domain: those that are still out may be looked at again, the others are given back.
    fn call_back(&self, domain: &str, chunks_max: usize) {
        let waits_for = |parking: &ChunkParking| parking.domains.iter().any(|known| &**known == domain);
        let mut state = self.lock();
        let open = state.chunks.values_mut().filter_map(|open| open.parked.as_mut());
        let mut called = 0;
        for parking in open.filter(|parking| waits_for(parking)).take(chunks_max) {
            parking.until = Moment::ZERO;
            called += 1;
        }
        drop(state);
        if called > 0 {
            self.recorder.returned.notify_waiters();
        }
        self.unpark(|parked| waits_for(&parked.parking), chunks_max);
    }

    /// Gives back the first of the parked chunks that fit.
    fn unpark(&self, fits: impl Fn(&ParkedChunk) -> bool, chunks_max: usize) {
        let mut state = self.lock();
        let mut left = chunks_max;
        let mut goes = |parked: &ParkedChunk| {
            let goes = left > 0 && fits(parked);
            left -= usize::from(goes);
            goes
        };
        let (gone, kept) = std::mem::take(&mut state.parked).into_iter().partition(|parked| goes(parked));
        state.parked = kept;
        drop(state);
        let gone: Vec<ParkedChunk> = gone;
        gone.into_iter().for_each(|parked| self.give_back(parked.holding));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
