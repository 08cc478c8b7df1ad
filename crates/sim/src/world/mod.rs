//! The simulated world: one clock, one agenda of what happens next, one history.
//!
//! The engine lives in it through the traits of `runtime`; relays and links are parts of it. Nothing moves by itself:
//! the next entry of the agenda is when time goes on. Invariant: nothing here depends on anything but the seed.

pub mod clock;
pub mod history;
pub mod link;
pub mod net;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use domain::TenantId;

use crate::dice::Dice;
use crate::known::Known;
use crate::relay::Relay;
use crate::scenario::Fault;
use history::History;
use link::{Link, Parcel};

/// The wall clock's reading at the beginning, in ms.
const WALL_START_MS: i64 = 1_795_392_000_000;

/// The world as its parts hold it.
#[derive(Clone)]
pub struct Shared(Arc<Mutex<World>>);

impl Shared {
    /// A world to be shared.
    #[must_use]
    pub fn new(world: World) -> Self {
        Self(Arc::new(Mutex::new(world)))
    }

    /// The world. Never held while a future is polled or a task is dropped.
    pub fn lock(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Something that happens at its time.
#[derive(Debug)]
pub enum Event {
    /// Somebody's wait is over.
    Timer(u64),
    /// Octets, or an end, reach the relay.
    ToRelay(u64, Parcel),
    /// Octets, or an end, reach the sender.
    ToSender(u64, Parcel),
    /// The kernel gives up what nobody acknowledged.
    UserTimeout(u64),
    /// A relay says what it was slow to say.
    Answer(u64),
    /// A fault of the plan.
    Fault(Fault),
    /// The sender's process starts.
    Start,
    /// The process goes on after a freeze.
    Thaw,
}

/// More waits than any task begins while time stands still.
const RESTLESS_MAX: u64 = 100_000;

/// A wait.
#[derive(Debug, Default)]
struct Timer {
    over: bool,
    waker: Option<Waker>,
}

/// All there is but the sender.
pub struct World {
    now_us: u64,
    wall_offset_ms: i64,
    agenda: BTreeMap<(u64, u64), Event>,
    entries: u64,
    timers: BTreeMap<u64, Timer>,
    timers_made: u64,
    /// Waits begun since time last went on.
    restless: u64,
    /// Draws of the sender's entropy.
    pub entropy: Dice,
    /// Draws of network and relays.
    pub dice: Dice,
    /// What happened.
    pub history: History,
    /// The relays.
    pub relays: Vec<Relay>,
    /// Open connections.
    pub links: BTreeMap<u64, Link>,
    /// How many there ever were.
    pub links_made: u64,
    /// Parcels that reached relays.
    pub parcels: u64,
    /// True once no fault happens any more.
    pub calm: bool,
    /// Until when leases hold by the boot clock, in µs, per tenant, as the store gave them.
    pub leases: BTreeMap<TenantId, u64>,
    /// What the books call what the plan names.
    pub known: Known,
    /// Messages whose end a relay saw and that were not yet held against the books.
    pub seen: Vec<crate::relay::log::Entry>,
    /// Told at the sender's next write: it dies there.
    pub trap: Option<Box<dyn FnOnce() + Send>>,
    /// The process is dead, though its tasks have not been dropped yet, and nothing that it does counts: how many links
    /// it had.
    pub dead: Option<u64>,
    /// What must not be.
    pub breaches: Vec<String>,
}

impl World {
    /// A world at its beginning.
    #[must_use]
    pub fn new(seed: &mut Dice, relays: Vec<Relay>) -> Self {
        Self {
            now_us: 1_000_000,
            wall_offset_ms: 0,
            agenda: BTreeMap::new(),
            entries: 0,
            timers: BTreeMap::new(),
            timers_made: 0,
            restless: 0,
            entropy: seed.fork(),
            dice: seed.fork(),
            history: History::default(),
            relays,
            links: BTreeMap::new(),
            links_made: 0,
            parcels: 0,
            calm: false,
            leases: BTreeMap::new(),
            known: Known::default(),
            seen: Vec::new(),
            trap: None,
            dead: None,
            breaches: Vec::new(),
        }
    }

    /// The boot clock, in µs.
    #[must_use]
    pub fn now_us(&self) -> u64 {
        self.now_us
    }

    /// The wall clock, in ms.
    #[must_use]
    pub fn wall_ms(&self) -> i64 {
        WALL_START_MS + i64::try_from(self.now_us / 1000).unwrap_or(i64::MAX) + self.wall_offset_ms
    }

    /// The wall clock jumps.
    pub fn jump_wall(&mut self, by_ms: i64) {
        self.wall_offset_ms += by_ms;
        self.known.wall_jumped = true;
    }

    /// Writes a line of history.
    pub fn note(&mut self, what: impl AsRef<str>) {
        self.history.note(self.now_us, what.as_ref());
    }

    /// An invariant does not hold.
    pub fn breach(&mut self, what: impl Into<String>) {
        let what = what.into();
        self.note(format!("BREACH {what}"));
        self.breaches.push(what);
    }

    /// Enters an event, `in_us` from now.
    pub fn enter(&mut self, in_us: u64, event: Event) {
        self.enter_at(self.now_us + in_us, event);
    }

    /// Enters an event.
    pub fn enter_at(&mut self, at_us: u64, event: Event) {
        self.entries += 1;
        self.agenda.insert((at_us.max(self.now_us), self.entries), event);
    }

    /// Goes on to the next event; `None` when nothing will ever happen again.
    pub fn next_event(&mut self) -> Option<Event> {
        loop {
            let ((at, _), event) = self.agenda.pop_first()?;
            // Nobody waits for it any more.
            if matches!(event, Event::Timer(timer) if !self.timers.contains_key(&timer)) {
                continue;
            }
            self.now_us = at;
            self.restless = 0;
            return Some(event);
        }
    }

    /// Begins a wait. A task that begins them without end would keep time from ever going on.
    fn begin_wait(&mut self, at_us: u64) -> u64 {
        self.restless += 1;
        if self.restless == RESTLESS_MAX {
            self.breach("9 liveness: a task spins while time stands still");
        }
        assert!(self.restless <= RESTLESS_MAX, "a task spins while time stands still");
        let over = at_us <= self.now_us;
        self.timers_made += 1;
        let timer = self.timers_made;
        self.timers.insert(timer, Timer { over, waker: None });
        if !over {
            self.enter_at(at_us, Event::Timer(timer));
        }
        timer
    }

    /// Ends a wait.
    pub fn ring(&mut self, timer: u64) {
        if let Some(timer) = self.timers.get_mut(&timer) {
            timer.over = true;
            if let Some(waker) = timer.waker.take() {
                waker.wake();
            }
        }
    }
}
