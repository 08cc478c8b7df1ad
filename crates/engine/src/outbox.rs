//! The mails of one relay that wait for a session, by lane, and the account of the chunks that they came from.
//!
//! Every intent that was opened leaves exactly once through [`Outbox::done`]; when the last has left, the chunk is given
//! back in the same or a later commit than its last outcome. While only late replies keep a chunk out, more of it may be
//! opened.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::{ChunkNo, Lane, LeaseEpoch, ReleaseId};
use ledger::{ChunkReturn, LeasedChunk};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use crate::compose::ReadyMail;
use crate::recorder::Recorder;

/// Octets that one unit of room stands for.
const UNIT_OCTETS: usize = 1024;

/// Room in line, held by a mail until a session takes it.
#[derive(Debug)]
pub struct Room(#[expect(dead_code, reason = "held for its drop")] OwnedSemaphorePermit);

/// Mails ready to be sent, and open chunks.
pub struct Outbox {
    state: Mutex<State>,
    room: [Arc<Semaphore>; 2],
    room_units: u32,
    recorder: Arc<Recorder>,
    any_lost: AtomicBool,
    /// Told when mails arrive: wakes idle sessions.
    pub arrived: Notify,
    /// Told when mails arrive: wakes the keeper of the sessions.
    pub demand: Notify,
}

#[derive(Default)]
struct State {
    /// A mail that was put back has no room: as many are possible as sessions hold in hand.
    lanes: [VecDeque<(ReadyMail, Option<Room>)>; 2],
    chunks: HashMap<Holding, OpenChunk>,
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
    /// Another sender took it over: nothing of it may be sent any more.
    lost: bool,
}

impl Outbox {
    /// An empty outbox with room for so many octets in each lane.
    #[must_use]
    pub fn new(recorder: Arc<Recorder>, octets_max: u32) -> Arc<Self> {
        let room_units = (octets_max / UNIT_OCTETS as u32).max(1);
        let room = || Arc::new(Semaphore::new(room_units as usize));
        Arc::new(Self {
            state: Mutex::default(),
            room: [room(), room()],
            room_units,
            recorder,
            any_lost: AtomicBool::new(false),
            arrived: Notify::new(),
            demand: Notify::new(),
        })
    }

    /// Opens the account of a leased chunk; an empty one is given back at once.
    pub fn open(&self, chunk: &LeasedChunk) {
        if chunk.intents.is_empty() {
            self.give_back(Holding::of(chunk));
            return;
        }
        let open = OpenChunk { left: chunk.intents.len(), stuck: 0, lost: false };
        self.lock().chunks.insert(Holding::of(chunk), open);
    }

    /// Every chunk that is out.
    pub fn holdings(&self) -> Vec<Holding> {
        self.lock().chunks.keys().copied().collect()
    }

    /// Another sender took these over; those that were given back meanwhile do not matter.
    pub fn lose(&self, lost: impl Iterator<Item = Holding>) {
        let mut state = self.lock();
        for holding in lost {
            if let Some(open) = state.chunks.get_mut(&holding) {
                open.lost = true;
                self.any_lost.store(true, Ordering::Release);
            }
        }
    }

    /// True when another sender took the chunk over.
    pub fn is_lost(&self, holding: Holding) -> bool {
        self.any_lost.load(Ordering::Acquire) && self.lock().chunks.get(&holding).is_none_or(|open| open.lost)
    }

    /// A mail of the chunk waits for a reply that is late.
    pub fn stuck(&self, holding: Holding) {
        if let Some(open) = self.lock().chunks.get_mut(&holding) {
            open.stuck += 1;
        }
    }

    /// The reply came, or the session ended. To be followed by [`Self::done`].
    pub fn unstuck(&self, holding: Holding) {
        if let Some(open) = self.lock().chunks.get_mut(&holding) {
            open.stuck -= 1;
        }
    }

    /// The release's chunks that only late replies keep out.
    pub fn waiting_for_late_replies(&self, release: ReleaseId) -> Vec<ChunkNo> {
        let state = self.lock();
        let own = state.chunks.iter().filter(|(held, _)| held.release == release);
        let waiting = own.filter(|(_, open)| open.left == open.stuck && !open.lost);
        waiting.map(|(held, _)| held.chunk).collect()
    }

    /// Adds intents to the account of a chunk that is out; false when it is not any more.
    pub fn reopen(&self, chunk: &LeasedChunk) -> bool {
        let mut state = self.lock();
        state.chunks.get_mut(&Holding::of(chunk)).is_some_and(|open| {
            open.left += chunk.intents.len();
            true
        })
    }

    /// Room for a mail, if there is some now. Urgent mails have room of their own.
    #[must_use]
    pub fn try_room(&self, mail: &ReadyMail) -> Option<Room> {
        let room = &self.room[lane_index(mail.work.lane)];
        Arc::clone(room).try_acquire_many_owned(self.units(mail)).ok().map(Room)
    }

    /// Waits for room for a mail, in turn.
    pub async fn room(&self, mail: &ReadyMail) -> Option<Room> {
        let room = &self.room[lane_index(mail.work.lane)];
        // `None` would mean a closed semaphore, and it is never closed.
        Arc::clone(room).acquire_many_owned(self.units(mail)).await.ok().map(Room)
    }

    /// Puts a mail in line.
    pub fn put(&self, mail: ReadyMail, room: Room) {
        self.lock().lanes[lane_index(mail.work.lane)].push_back((mail, Some(room)));
        self.arrived.notify_one();
        self.demand.notify_one();
    }

    /// Puts a mail first in line that a session had in hand.
    pub fn put_back(&self, mail: ReadyMail) {
        self.lock().lanes[lane_index(mail.work.lane)].push_front((mail, None));
        self.arrived.notify_one();
        self.demand.notify_one();
    }

    fn units(&self, mail: &ReadyMail) -> u32 {
        u32::try_from(mail.octets() / UNIT_OCTETS + 1).unwrap_or(u32::MAX).min(self.room_units)
    }

    /// The next mail, urgent ones first.
    pub fn take(&self) -> Option<ReadyMail> {
        let mut state = self.lock();
        let (mail, _room) = state.lanes.iter_mut().find_map(VecDeque::pop_front)?;
        Some(mail)
    }

    /// Mails in line.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock().lanes.iter().map(VecDeque::len).sum()
    }

    /// True when no mail waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes a release's waiting mails out of line; none was tried.
    pub fn withdraw(&self, release: ReleaseId) {
        let mut withdrawn = Vec::new();
        for lane in &mut self.lock().lanes {
            let (gone, kept) = std::mem::take(lane).into_iter().partition(|(m, _)| m.key.release == release);
            *lane = kept;
            let gone: VecDeque<(ReadyMail, Option<Room>)> = gone;
            withdrawn.extend(gone);
        }
        for (mail, _room) in withdrawn {
            self.done(mail.holding());
        }
    }

    /// Counts one intent of a chunk as dealt with (its outcome was pushed, or it was not tried).
    pub fn done(&self, holding: Holding) {
        let mut state = self.lock();
        let Some(open) = state.chunks.get_mut(&holding) else { return };
        open.left -= 1;
        if open.left > 0 {
            return;
        }
        state.chunks.remove(&holding);
        drop(state);
        self.give_back(holding);
    }

    /// True when every intent of every leased chunk was dealt with.
    #[must_use]
    pub fn is_accounted(&self) -> bool {
        self.lock().chunks.is_empty()
    }

    fn give_back(&self, Holding { release, chunk, lease }: Holding) {
        self.recorder.chunk_return(ChunkReturn { release, chunk, lease });
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn lane_index(lane: Lane) -> usize {
    usize::from(lane.code())
}
