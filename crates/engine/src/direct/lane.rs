//! What an actor's part for one domain knows of it: how much it is given, and whether it is to be left alone.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use domain::direct::{DomainBackOff, ReceiverLimits, Trouble};
use domain::{Moment, RelayLimits, ReleaseId};
use smtp::client::{DeferCause, DeliveryResult, EndCause};
use tokio::sync::Semaphore;

use super::DirectRoute;
use crate::relay::{RelayActor, lock};

/// Mails that wait in one domain's line; what is more waits in the books.
pub const MAILS_MAX: usize = 512;
/// Mails that a line may hold whatever the room.
pub const MAILS_MIN: usize = 8;

/// One domain.
pub struct DomainLane {
    /// Its name.
    pub domain: Arc<str>,
    /// The route that its mails take.
    pub route: Arc<DirectRoute>,
    receiver: ReceiverLimits,
    back_off: Mutex<DomainBackOff>,
    /// Sessions that are ready to send.
    ready: AtomicU32,
    /// Sessions that the domain let be opened at the same time, as far as is known.
    sessions_max: AtomicU32,
}

/// The domains of an actor.
pub struct Lanes {
    /// Sessions that may be opened over all domains.
    pub slots: Arc<Semaphore>,
    parts: Mutex<HashMap<Arc<str>, Arc<RelayActor>>>,
}

impl Lanes {
    /// No domain yet.
    #[must_use]
    pub fn new(sessions_max: u32) -> Arc<Self> {
        let slots = Arc::new(Semaphore::new(sessions_max.max(1) as usize));
        Arc::new(Self { slots, parts: Mutex::default() })
    }

    /// The actor's parts by domain.
    pub fn parts(&self) -> MutexGuard<'_, HashMap<Arc<str>, Arc<RelayActor>>> {
        lock(&self.parts)
    }
}

impl DomainLane {
    /// A domain of which nothing is known.
    #[must_use]
    pub fn new(domain: &str, route: Arc<DirectRoute>) -> Self {
        let receiver = ReceiverLimits::of(domain);
        let schedule = route.options.back_off.unwrap_or(receiver.back_off);
        Self {
            domain: domain.into(),
            route,
            receiver,
            back_off: Mutex::new(DomainBackOff::new(schedule)),
            ready: AtomicU32::new(0),
            sessions_max: AtomicU32::new(receiver.sessions_max),
        }
    }

    /// The domain's limits within those of the whole actor.
    #[must_use]
    pub fn limits(&self, all: RelayLimits) -> RelayLimits {
        let own = self.receiver.messages_per_connection_max;
        let per_connection = all.messages_per_connection_max.map_or(own, |max| max.min(own));
        RelayLimits {
            sessions_max: self.receiver.sessions_max.min(all.sessions_max),
            messages_per_connection_max: Some(per_connection),
            ..all
        }
    }

    /// Sessions that may be open now: one until one is ready, and one while the domain is in trouble.
    #[must_use]
    pub fn sessions_max(&self) -> usize {
        match self.ready.load(Ordering::Acquire) {
            0 => 1,
            _ if self.back_off().is_troubled() => 1,
            _ => self.sessions_max.load(Ordering::Acquire) as usize,
        }
    }

    /// A session is ready.
    pub fn session_ready(&self) {
        self.ready.fetch_add(1, Ordering::AcqRel);
    }

    /// A session that was ready is over.
    pub fn session_over(&self) {
        self.ready.fetch_sub(1, Ordering::AcqRel);
    }

    /// True when a session is ready: the domain can be reached.
    #[must_use]
    pub fn is_reached(&self) -> bool {
        self.ready.load(Ordering::Acquire) > 0
    }

    /// The domain refused one session more than those that are ready: it is not asked for as many again.
    pub fn narrow(&self) {
        let ready = self.ready.load(Ordering::Acquire).max(1);
        self.sessions_max.fetch_min(ready, Ordering::AcqRel);
    }

    /// Takes in what became of a mail; true when the domain is to be left alone from now on. `carried`: its session had
    /// carried mails before, so that a 421 may only mean that these are enough for one connection.
    pub fn observe(&self, result: &DeliveryResult, carried: bool, now: Moment) -> bool {
        take_in(&mut self.back_off(), result, carried, now)
    }

    /// The domain's state of trouble.
    pub fn back_off(&self) -> MutexGuard<'_, DomainBackOff> {
        lock(&self.back_off)
    }
}

/// What became of a mail, as [`DomainLane::observe`] says it to the domain's state of trouble.
fn take_in(back_off: &mut DomainBackOff, result: &DeliveryResult, carried: bool, now: Moment) -> bool {
    match result {
        DeliveryResult::Accepted(_) => {
            back_off.accepted();
            false
        }
        DeliveryResult::Deferred { cause: DeferCause::Reply(reply), .. }
        | DeliveryResult::Deferred { cause: DeferCause::SessionEnded(EndCause::Refused(reply)), .. } => {
            let trouble = match Trouble::of(reply) {
                Trouble::Domain if carried => Trouble::Mail,
                other => other,
            };
            back_off.trouble(trouble, now)
        }
        _ => false,
    }
}

impl RelayActor {
    /// Takes a release's waiting mails out of every line.
    pub fn withdraw(&self, release: ReleaseId) {
        let Some(lanes) = self.lanes() else { return self.outbox.withdraw(release) };
        // Under the lock no mail is on its way from the actor's line to that of a domain.
        let parts = lanes.parts();
        parts.values().for_each(|part| part.outbox.withdraw(release));
        self.outbox.withdraw(release);
    }

    /// Mails in all lines.
    #[must_use]
    pub fn waiting(&self) -> usize {
        let parts =
            self.lanes().map_or(0, |lanes| lanes.parts().values().map(|part| part.outbox.len()).sum());
        self.outbox.len() + parts
    }

    /// True while a domain is to be left alone.
    #[must_use]
    pub fn is_left_alone(&self) -> bool {
        let now = self.ground.clock.moment();
        self.lane().is_some_and(|lane| lane.back_off().waits_until(now).is_some())
    }
}

/// The domain of an address that was checked before it was stored.
#[must_use]
pub fn domain_of(address: &str) -> String {
    address.rsplit_once('@').map_or("", |(_, domain)| domain).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use domain::{Phase, Reply, ReplyCode};

    use super::*;

    fn reply(code: u16) -> Reply {
        Reply {
            code: ReplyCode::new(code).expect("a code"),
            enhanced: None,
            text: "ただいま混み合っています".to_owned(),
        }
    }

    #[test]
    fn a_domain_that_accepts_a_mail_is_out_of_trouble() {
        let mut back_off = DomainBackOff::new(ReceiverLimits::of("example.jp").back_off);
        let busy = DeliveryResult::Deferred { phase: Phase::Connect, cause: DeferCause::Reply(reply(421)) };
        assert!(take_in(&mut back_off, &busy, false, Moment::ZERO));
        assert!(back_off.is_troubled());
        assert!(!take_in(&mut back_off, &DeliveryResult::Accepted(reply(250)), false, Moment::ZERO));
        assert!(!back_off.is_troubled());
    }

    #[test]
    fn a_session_that_carried_enough_mails_is_no_trouble_of_its_domain() {
        let mut back_off = DomainBackOff::new(ReceiverLimits::of("example.jp").back_off);
        let enough = DeliveryResult::Deferred { phase: Phase::Connect, cause: DeferCause::Reply(reply(421)) };
        assert!(!take_in(&mut back_off, &enough, true, Moment::ZERO));
        assert!(!back_off.is_troubled());
    }
}
