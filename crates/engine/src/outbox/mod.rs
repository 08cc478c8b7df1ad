//! The mails of one relay that wait for a session, by lane, and the account of the chunks that they came from.
//!
//! Every intent that was opened leaves exactly once through [`Outbox::done`]; when the last has left, the chunk is given
//! back in the same or a later commit than its last outcome. While only late replies keep a chunk out, more of it may be
//! opened. On the direct route each domain has a *branch*: a line of its own over the same room and the same account;
//! and a chunk with mails that must wait for their domain is *parked*: dealt with, and given back later.

mod account;

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::{Lane, ReleaseId};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use crate::compose::ReadyMail;
use crate::recorder::Recorder;
use account::Account;
pub use account::{Holding, Parking};

/// Octets that one unit of room stands for.
const UNIT_OCTETS: usize = 1024;

/// Room in line, held by a mail until a session takes it.
#[derive(Debug)]
pub struct Room(OwnedSemaphorePermit);

/// Mails ready to be sent, and open chunks.
pub struct Outbox {
    line: Mutex<Line>,
    account: Arc<Account>,
    room: [Arc<Semaphore>; 2],
    room_units: u32,
    /// Told when mails arrive: wakes idle sessions.
    pub arrived: Notify,
    /// Told when mails arrive: wakes the keeper of the sessions; and when few are left.
    pub demand: Notify,
}

/// A mail that was put back has no room: as many are possible as sessions hold in hand.
#[derive(Default)]
struct Line {
    lanes: [VecDeque<(ReadyMail, Option<Room>)>; 2],
}

impl Line {
    fn len(&self) -> usize {
        self.lanes.iter().map(VecDeque::len).sum()
    }

    /// Units of room that its mails hold.
    fn units(&self) -> usize {
        let rooms = self.lanes.iter().flatten().filter_map(|(_, room)| room.as_ref());
        rooms.map(|room| room.0.num_permits()).sum()
    }
}

/// When so few are left in a branch, its keeper is told.
pub const FEW_LEFT: usize = 64;

impl Outbox {
    /// An empty outbox with room for so many octets in each lane.
    #[must_use]
    pub fn new(recorder: Arc<Recorder>, octets_max: u32) -> Arc<Self> {
        let room_units = (octets_max / UNIT_OCTETS as u32).max(1);
        let room = || Arc::new(Semaphore::new(room_units as usize));
        let account = Arc::new(Account::new(recorder));
        Self::over(account, [room(), room()], room_units)
    }

    /// An empty line of its own over the same room and account.
    #[must_use]
    pub fn branch(&self) -> Arc<Self> {
        Self::over(Arc::clone(&self.account), self.room.clone(), self.room_units)
    }

    fn over(account: Arc<Account>, room: [Arc<Semaphore>; 2], room_units: u32) -> Arc<Self> {
        let (line, arrived, demand) = (Mutex::default(), Notify::new(), Notify::new());
        Arc::new(Self { line, account, room, room_units, arrived, demand })
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
        self.account.usual_units.store(room.0.num_permits(), Ordering::Relaxed);
        self.put_with(mail, Some(room));
    }

    /// Puts a mail in line, with the room that it held in another.
    pub fn put_with(&self, mail: ReadyMail, room: Option<Room>) {
        self.line().lanes[lane_index(mail.work.lane)].push_back((mail, room));
        self.arrived.notify_one();
        self.demand.notify_one();
    }

    /// Puts a mail first in line that a session had in hand.
    pub fn put_back(&self, mail: ReadyMail) {
        self.line().lanes[lane_index(mail.work.lane)].push_front((mail, None));
        self.arrived.notify_one();
        self.demand.notify_one();
    }

    /// Mails in line, and the units of room that they hold.
    #[must_use]
    pub fn held(&self) -> (usize, usize) {
        let line = self.line();
        (line.len(), line.units())
    }

    /// Units of room that are free for mails of a lane.
    #[must_use]
    pub fn free_units(&self, lane: Lane) -> usize {
        self.room[lane_index(lane)].available_permits()
    }

    /// Units of room that a mail takes, going by the latest.
    #[must_use]
    pub fn usual_units(&self) -> usize {
        self.account.usual_units.load(Ordering::Relaxed)
    }

    fn units(&self, mail: &ReadyMail) -> u32 {
        u32::try_from(mail.octets() / UNIT_OCTETS + 1).unwrap_or(u32::MAX).min(self.room_units)
    }

    /// The next mail, urgent ones first.
    pub fn take(&self) -> Option<ReadyMail> {
        self.take_with().map(|(mail, _room)| mail)
    }

    /// The next mail with the room that it holds.
    pub fn take_with(&self) -> Option<(ReadyMail, Option<Room>)> {
        let mut line = self.line();
        let taken = line.lanes.iter_mut().find_map(VecDeque::pop_front);
        if taken.is_some() && matches!(line.len(), 0 | FEW_LEFT) {
            self.demand.notify_one();
        }
        taken
    }

    /// Takes everything out of line.
    pub fn take_all(&self) -> Vec<ReadyMail> {
        std::mem::take(&mut *self.line()).lanes.into_iter().flatten().map(|(mail, _room)| mail).collect()
    }

    /// Mails in line.
    #[must_use]
    pub fn len(&self) -> usize {
        self.line().len()
    }

    /// True when no mail waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes a release's waiting mails out of line, none of which was tried, and gives its parked chunks back.
    pub fn withdraw(&self, release: ReleaseId) {
        let mut withdrawn = Vec::new();
        for lane in &mut self.line().lanes {
            let (gone, kept) = std::mem::take(lane).into_iter().partition(|(m, _)| m.key.release == release);
            *lane = kept;
            let gone: VecDeque<(ReadyMail, Option<Room>)> = gone;
            withdrawn.extend(gone);
        }
        for (mail, _room) in withdrawn {
            self.done(mail.holding());
        }
        self.account.unpark_release(release);
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn lane_index(lane: Lane) -> usize {
    usize::from(lane.code())
}
