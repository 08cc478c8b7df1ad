//! One connection between the sender and a relay: what the kernels hold of it, and how it is to end.

use std::collections::VecDeque;
use std::io;
use std::task::Waker;

use crate::dice::Dice;
use crate::relay::conversation::Conversation;

/// What travels.
#[derive(Debug, Clone)]
pub enum Parcel {
    /// Octets; `late` when they were written without a lease that held.
    Octets {
        /// The octets.
        octets: Vec<u8>,
        /// Written after the lease's end.
        late: bool,
    },
    /// An orderly end of the direction.
    End,
    /// The connection is reset.
    Reset,
}

/// How a connection will fail, by octets that arrived; `None` does not.
#[derive(Debug, Clone, Copy, Default)]
pub struct Fate {
    /// Cut once so many octets reached the relay.
    pub cut_up: Option<u64>,
    /// Cut once so many octets reached the sender.
    pub cut_down: Option<u64>,
    /// Both directions fall silent once so many octets reached the relay.
    pub silent_up: Option<u64>,
}

impl Fate {
    /// Draws a fate: about one link in eight fails.
    pub fn draw(dice: &mut Dice) -> Self {
        let mut fate = Self::default();
        match dice.below(24) {
            0 => fate.cut_up = Some(dice.magnitude(1, 8000)),
            1 => fate.cut_down = Some(dice.magnitude(1, 2500)),
            2 => fate.silent_up = Some(dice.magnitude(1, 8000)),
            _ => {}
        }
        fate
    }
}

/// The sender's kernel and the relay's, and the wire between them.
pub struct Link {
    /// Which relay.
    pub relay: usize,
    /// The relay's side of the dialogue.
    pub conversation: Conversation,
    /// How it will fail.
    pub fate: Fate,
    /// Octets that the sender's kernel holds unacknowledged at most.
    pub window: u64,
    /// Travel time to the relay, in µs.
    pub up_us: u64,
    /// Travel time back, in µs.
    pub down_us: u64,
    /// How long the kernel waits for an acknowledgement, in µs.
    pub user_timeout_us: u64,
    /// Octets that the sender's kernel took.
    pub taken: u64,
    /// Octets of them that reached the relay.
    pub arrived: u64,
    /// Octets beyond this never leave: the sender's side was reset.
    pub up_end: Option<u64>,
    /// Octets that reached the sender.
    pub returned: u64,
    /// When the last parcel arrives: none overtakes another.
    pub up_busy_us: u64,
    /// As above, on the way back.
    pub down_busy_us: u64,
    /// Nothing passes any more, and nobody is told.
    pub silent: bool,
    /// Cut: both sides are told.
    pub broken: bool,
    /// The sender let go of it.
    pub dropped: bool,
    /// What the sender has not read yet.
    pub inbox: VecDeque<u8>,
    /// What follows after the inbox: an end, or a failure.
    pub inbox_end: Option<Option<io::ErrorKind>>,
    /// Who waits for octets.
    pub reader: Option<Waker>,
    /// Who waits for room.
    pub writer: Option<Waker>,
}

impl Link {
    /// Room in the sender's kernel.
    #[must_use]
    pub fn room(&self) -> u64 {
        self.window.saturating_sub(self.taken - self.arrived)
    }

    /// The sender's side learns that the connection failed.
    pub fn fail(&mut self, kind: io::ErrorKind) {
        self.inbox_end.get_or_insert(Some(kind));
        self.wake();
    }

    /// Whoever waits looks again.
    pub fn wake(&mut self) {
        self.reader.take().into_iter().chain(self.writer.take()).for_each(Waker::wake);
    }
}
