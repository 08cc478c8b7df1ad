//! How much of a relay's limits is this sender's: all of it over books of its own, a share over books that others use
//! too. A share is asked for again and again; what is open or on the wire stays counted until it is over.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::purse::Purse;
use domain::throttle::Throttle;
use domain::{Moment, RelayId, RelayLimits, SessionId};
use ledger::{LedgerError, RelayUse, ShareRequest};
use tokio::sync::Notify;

use super::keeper::MAILS_PER_SESSION;
use super::{RelayActor, lock};

/// How often a share is asked for while there is work.
const ASK_EVERY: Duration = Duration::from_millis(500);
/// How soon it is asked for again when work appeared for more sessions than were asked for.
const ASK_SOON: Duration = Duration::from_millis(20);
/// How long a share holds: longer than any wait for the store but the last.
const SHARE_HOLDS: Duration = Duration::from_secs(10);
/// How soon a session looks again whether a message may start.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// The part of a minute's messages that one sender holds ahead.
const AHEAD: u32 = 12;

/// This sender's part of a relay's limits.
pub(crate) struct Share {
    meter: Meter,
    sessions_limit: u32,
    sessions_max: AtomicU32,
    /// Sessions that were asked for last.
    sessions_wanted: AtomicU32,
    sessions_open: Arc<AtomicU32>,
    /// Sessions that are to end, for the share became smaller.
    to_close: AtomicU32,
    /// Sessions that were told to end, and have something on the wire still.
    closing: Arc<AtomicU32>,
    /// The store was told that this sender has and wants nothing.
    said_nothing: AtomicBool,
    runs: Arc<AtomicU32>,
    /// Told when there is work again, and when the share changed.
    asked: Arc<Notify>,
    pub changed: Notify,
}

/// What counts messages.
enum Meter {
    Whole(Mutex<Throttle>),
    Shared { purse: Mutex<Purse>, per_minute: Option<u32>, hungry: Mutex<BTreeSet<SessionId>> },
}

/// Counts one up for as long as it lives.
pub(crate) struct Counted(Arc<AtomicU32>, Arc<Notify>);

impl Counted {
    fn up(count: &Arc<AtomicU32>, told: &Arc<Notify>) -> Self {
        count.fetch_add(1, Ordering::AcqRel);
        told.notify_one();
        Self(Arc::clone(count), Arc::clone(told))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
        self.1.notify_one();
    }
}

impl Share {
    /// All of the limits: nobody else sends through the relay.
    pub fn whole(limits: &RelayLimits, throttle: Throttle) -> Self {
        Self::new(limits, Meter::Whole(Mutex::new(throttle)), limits.sessions_max)
    }

    /// Nothing yet: others may send through the relay too.
    pub fn of_many(limits: &RelayLimits) -> Self {
        let per_minute = limits.messages_per_minute_max;
        let meter = Meter::Shared { purse: Mutex::default(), per_minute, hungry: Mutex::default() };
        Self::new(limits, meter, 0)
    }

    fn new(limits: &RelayLimits, meter: Meter, sessions_max: u32) -> Self {
        Self {
            meter,
            sessions_limit: limits.sessions_max,
            sessions_max: AtomicU32::new(sessions_max),
            sessions_wanted: AtomicU32::new(0),
            sessions_open: Arc::default(),
            to_close: AtomicU32::new(0),
            closing: Arc::default(),
            said_nothing: AtomicBool::new(true),
            runs: Arc::default(),
            asked: Arc::default(),
            changed: Notify::new(),
        }
    }

    /// Sessions that may be open.
    pub fn sessions_max(&self) -> usize {
        self.sessions_max.load(Ordering::Acquire) as usize
    }

    /// True when one more session may be opened.
    pub fn has_room(&self) -> bool {
        (self.sessions_open.load(Ordering::Acquire) as usize) < self.sessions_max()
    }

    /// True when no release is being sent, and no session is open.
    pub fn is_idle(&self) -> bool {
        self.runs.load(Ordering::Acquire) == 0 && self.sessions_open.load(Ordering::Acquire) == 0
    }

    /// Counts a session until it is over.
    pub fn open(&self) -> Counted {
        Counted::up(&self.sessions_open, &self.asked)
    }

    /// Asks to start a message.
    pub fn try_start(&self, now: Moment, session: SessionId) -> bool {
        match &self.meter {
            Meter::Whole(throttle) => lock(throttle).try_start(now),
            Meter::Shared { per_minute: None, .. } => true,
            Meter::Shared { purse, hungry, .. } => {
                let may = lock(purse).try_start();
                if !may {
                    lock(hungry).insert(session);
                }
                may
            }
        }
    }

    /// When to ask again, if not after an answer.
    pub fn room_at(&self, now: Moment) -> Option<Moment> {
        match &self.meter {
            Meter::Whole(throttle) => lock(throttle).room_at(),
            Meter::Shared { per_minute: None, .. } => None,
            Meter::Shared { .. } => Some(now + LOOK_AGAIN),
        }
    }

    /// Ends a message of a relay with a limit of messages; gives what to record of it, where the share does not.
    pub fn finish(&self, relay: RelayId, counted: bool, now: Moment) -> Option<RelayUse> {
        match &self.meter {
            Meter::Whole(throttle) => {
                lock(throttle).finish(counted, now);
                counted.then_some(RelayUse { relay, messages: 1 })
            }
            Meter::Shared { purse, .. } => {
                lock(purse).finish(counted);
                None
            }
        }
    }

    /// Sessions that have work while so many mails are in line, within the relay's limit.
    fn useful(&self, waiting: usize) -> u32 {
        let more = u32::try_from(waiting.div_ceil(MAILS_PER_SESSION)).unwrap_or(u32::MAX);
        self.sessions_open.load(Ordering::Acquire).saturating_add(more).min(self.sessions_limit.max(1))
    }

    /// True when there is work for more sessions than were asked for, and for more than there may be.
    fn wants_more(&self, waiting: usize) -> bool {
        let asked = self.sessions_wanted.load(Ordering::Acquire);
        self.useful(waiting) > asked.max(self.sessions_max.load(Ordering::Acquire))
    }

    /// What to ask for; `None` when all of the limits are this sender's, or when there is nothing to do and nothing to
    /// account for. `waiting` mails are in line.
    fn ask(&self, waiting: usize, ends: bool) -> Option<(u32, u32, Messages)> {
        let Meter::Shared { purse, per_minute, hungry } = &self.meter else { return None };
        let open = self.sessions_open.load(Ordering::Acquire);
        let works = !ends && (self.runs.load(Ordering::Acquire) > 0 || waiting > 0);
        let wanted = if works { self.useful(waiting).max(1) } else { 0 };
        self.sessions_wanted.store(wanted, Ordering::Release);
        // No session is opened beyond what is asked for while the answer is on its way: it would have to close again.
        let before = self.sessions_max.fetch_min(wanted, Ordering::AcqRel);
        let may_open = before.min(wanted).max(open);
        let mut purse = lock(purse);
        if !works && open == 0 {
            purse.give_back();
        }
        let hungry = std::mem::take(&mut *lock(hungry)).len();
        let ahead = per_minute.map_or(0, |max| (max / AHEAD).max(1));
        let wish = u32::try_from(waiting + hungry).unwrap_or(u32::MAX).min(ahead);
        let held = purse.held();
        let messages =
            Messages { used: purse.answered(), held, wanted: wish.saturating_sub(held), max: *per_minute };
        let is_nothing = !works && open == 0 && messages.used == 0 && held == 0;
        let said = self.said_nothing.swap(is_nothing, Ordering::AcqRel);
        (!(is_nothing && said)).then_some((may_open, wanted, messages))
    }

    fn take(&self, share: ledger::RelayShare, told: u32) {
        if let Meter::Shared { purse, .. } = &self.meter {
            let mut purse = lock(purse);
            purse.deposit(share.messages);
            purse.told(told);
        }
        self.sessions_max.store(share.sessions, Ordering::Release);
        let staying =
            self.sessions_open.load(Ordering::Acquire).saturating_sub(self.closing.load(Ordering::Acquire));
        self.to_close.store(staying.saturating_sub(share.sessions), Ordering::Release);
        self.changed.notify_one();
    }

    /// Given when more sessions are open than the share has room for: the one that asks is to end, and counts as closing
    /// for as long as the value lives.
    pub fn must_close(&self) -> Option<Counted> {
        let one_less = |count: u32| count.checked_sub(1);
        (self.to_close.load(Ordering::Acquire) > 0
            && self.to_close.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_less).is_ok())
        .then(|| Counted::up(&self.closing, &self.asked))
    }
}

struct Messages {
    used: u32,
    held: u32,
    wanted: u32,
    max: Option<u32>,
}

impl RelayActor {
    /// A release is being sent through the relay for as long as the value lives.
    pub(crate) fn run_begins(&self) -> Counted {
        Counted::up(&self.share.runs, &self.share.asked)
    }

    /// Asks for a share again and again; a store that fails ends the sending. Never ends by itself.
    pub(super) async fn keep_share(self: Arc<Self>) {
        if matches!(self.share.meter, Meter::Whole(_)) {
            std::future::pending::<()>().await;
        }
        loop {
            if let Err(error) = self.ask_for_share(false).await {
                self.break_off(error.into());
                std::future::pending::<()>().await;
            }
            match self.may_have_sessions() {
                true => self.wait_to_ask().await,
                false => tokio::select! {
                    biased;
                    () = self.share.asked.notified() => {}
                    () = self.ground.clock.sleep(ASK_EVERY) => {}
                },
            }
        }
    }

    async fn wait_to_ask(&self) {
        for _ in 0..ASK_EVERY.as_millis() / ASK_SOON.as_millis() {
            self.ground.clock.sleep(ASK_SOON).await;
            if self.share.wants_more(self.waiting()) {
                return;
            }
        }
    }

    /// The last word of an actor: others need not wait until its share ends.
    pub(super) async fn give_share_back(&self) {
        if let Err(error) = self.ask_for_share(true).await {
            self.break_off(error.into());
        }
    }

    async fn ask_for_share(&self, ends: bool) -> Result<(), LedgerError> {
        let asked = self.share.ask(self.waiting(), ends);
        let Some((sessions_open, sessions_wanted, messages)) = asked else { return Ok(()) };
        let (ground, now) = (&self.ground, self.ground.clock.now());
        let request = ShareRequest {
            tenant: self.spec.tenant,
            relay: self.spec.relay,
            sender: ground.sender,
            now,
            until: now + SHARE_HOLDS,
            sessions_max: self.spec.limits.sessions_max,
            sessions_open,
            sessions_wanted,
            messages_per_minute_max: messages.max,
            messages_used: messages.used,
            messages_held: messages.held,
            messages_wanted: messages.wanted,
        };
        self.share.take(ground.store.relay_share(request).await?, messages.used);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_for_more_sessions_is_asked_for_at_once_but_once() {
        let limits = RelayLimits {
            sessions_max: 20,
            messages_per_connection_max: None,
            messages_per_minute_max: None,
        };
        let share = Share::of_many(&limits);
        let _run = Counted::up(&share.runs, &share.asked);
        let wanted = |waiting| share.ask(waiting, false).map(|(_, wanted, _)| wanted);
        assert_eq!(wanted(0), Some(1), "a release begins, and nothing of it is in line yet");
        assert!(!share.wants_more(MAILS_PER_SESSION));
        assert!(share.wants_more(MAILS_PER_SESSION + 1));
        assert_eq!(wanted(5 * MAILS_PER_SESSION), Some(5));
        assert!(!share.wants_more(5 * MAILS_PER_SESSION));
        assert_eq!(wanted(1000 * MAILS_PER_SESSION), Some(20));
        assert!(!share.wants_more(usize::MAX), "the relay's limit");
    }
}
