//! Keeps the parts of an actor of the direct route: hands each domain its mails, and each part as many sessions as
//! the domain takes. A domain that is slow or dead holds nothing but its own line and the sessions it has open.

use std::sync::Arc;
use std::time::Duration;

use domain::Moment;
use domain::breaker::SessionHealth;
use domain::direct::Trouble;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinSet;

use super::lane::{DomainLane, Lanes, domain_of};
use super::opening;
use crate::outbox::FEW_LEFT;
use crate::relay::{BrokenReason, LEASE_PAUSE, RelayActor, lock, without_addresses};

/// How long until rings of the journal are looked for again.
const RING_PAUSE: Duration = Duration::from_millis(200);
/// Mails in line for which one more session is opened.
const MAILS_PER_SESSION: usize = 8;
/// Chunks that come back when a domain has room again.
const CHUNKS_BACK: usize = 4;

type Sessions = JoinSet<opening::Visit>;

impl RelayActor {
    /// The keeper of an actor of the direct route: until drained and all parts are over.
    pub(crate) async fn keep_lanes(self: Arc<Self>) {
        let Some(lanes) = self.lanes().cloned() else { return };
        let mut keepers = JoinSet::new();
        let mut orders = self.orders();
        loop {
            let draining = orders.borrow_and_update().drain;
            if draining && keepers.is_empty() {
                return;
            }
            if !draining {
                self.distribute(&lanes, &mut keepers);
            }
            let next = self.outbox.unpark_due(self.ground.clock.moment());
            tokio::select! {
                Some(ended) = keepers.join_next(), if !keepers.is_empty() => {
                    if ended.is_err() {
                        self.break_off(BrokenReason::Defect);
                    }
                }
                () = self.outbox.demand.notified(), if !draining => {}
                () = self.outbox.parked() => {}
                () = self.share.changed.notified() => {
                    lanes.parts().values().for_each(|part| part.outbox.demand.notify_one());
                }
                () = self.wait_for(next), if next.is_some() => {}
                _ = orders.changed() => {}
            }
        }
    }

    /// Moves what waits in the actor's line to the lines of the domains.
    fn distribute(self: &Arc<Self>, lanes: &Arc<Lanes>, keepers: &mut JoinSet<()>) {
        let Some(route) = &self.spec.direct else { return };
        let mut parts = lanes.parts();
        while let Some((mail, room)) = self.outbox.take_with() {
            let domain = domain_of(&mail.address);
            let part = parts.entry(domain.as_str().into()).or_insert_with(|| {
                let part = self.part_for(DomainLane::new(&domain, Arc::clone(route)));
                keepers.spawn(Arc::clone(&part).keep_domain(Arc::clone(lanes)));
                part
            });
            part.outbox.put_with(mail, room);
        }
    }

    /// The keeper of one domain: until it has nothing to do and nothing to remember.
    async fn keep_domain(self: Arc<Self>, lanes: Arc<Lanes>) {
        let mut sessions = Sessions::new();
        let mut orders = self.orders();
        let mut ring_at = Moment::ZERO;
        loop {
            let draining = orders.borrow_and_update().drain;
            let now = self.ground.clock.moment();
            self.call_back_what_waits(now);
            if sessions.is_empty() && (draining || self.retire(&lanes, now)) {
                return;
            }
            self.park_what_must_wait(now);
            let wants = !draining && now >= ring_at && self.wants_session(sessions.len(), now);
            let wake = self.wakes_at(now, ring_at);
            tokio::select! {
                Some(visit) = sessions.join_next(), if !sessions.is_empty() => match visit {
                    Ok(visit) => self.visit_over(visit).await,
                    Err(_) => self.break_off(BrokenReason::Defect),
                },
                Ok(slot) = Arc::clone(&lanes.slots).acquire_owned(), if wants => {
                    if !self.open_session(slot, &mut sessions) {
                        ring_at = self.ground.clock.moment() + RING_PAUSE;
                    }
                }
                () = self.outbox.demand.notified(), if !draining => {}
                () = self.wait_for(wake), if wake.is_some() => {}
                _ = orders.changed() => {}
            }
        }
    }

    /// Ends the part if nothing waits and nothing is to be remembered; mails that come later open a new one.
    fn retire(&self, lanes: &Lanes, now: Moment) -> bool {
        let Some(lane) = self.lane() else { return true };
        let remembers = lane.back_off().matters_until().is_some_and(|until| now < until);
        let mut parts = lanes.parts();
        let retires = !remembers && self.outbox.is_empty();
        if retires {
            parts.remove(&lane.domain);
        }
        retires
    }

    /// Mails whose domain is left alone, or that have no address to leave from, go back to the books untried.
    fn park_what_must_wait(&self, now: Moment) {
        let Some(parking) = self.domain_waits(now).or_else(|| self.sources_wait(now)) else { return };
        for mail in self.outbox.take_all() {
            match mail.work.is_held() {
                true => self.outbox.done(mail.holding()),
                false => {
                    self.outbox.park(mail.holding(), mail.key.intent, parking.clone());
                }
            }
        }
    }

    /// Few are left in line: what waits in the books for room comes up again.
    fn call_back_what_waits(&self, now: Moment) {
        let Some(lane) = self.lane().filter(|_| self.outbox.len() <= FEW_LEFT) else { return };
        if lane.back_off().waits_until(now).is_none() {
            self.outbox.unpark_some(&lane.domain, CHUNKS_BACK);
        }
    }

    fn wants_session(&self, open: usize, now: Moment) -> bool {
        let Some(lane) = self.lane() else { return false };
        let max = lane.sessions_max().min(self.spec.limits.sessions_max as usize);
        let waiting = self.outbox.len();
        waiting > 0
            && self.lease_holds()
            && open < max.min(open + waiting.div_ceil(MAILS_PER_SESSION))
            && lane.back_off().waits_until(now).is_none()
            && self.share.has_room()
    }

    /// Opens a session; false when the journal has no ring for it.
    fn open_session(self: &Arc<Self>, slot: OwnedSemaphorePermit, sessions: &mut Sessions) -> bool {
        let Some(lane) = self.lane() else { return true };
        let Some(ring) = self.ground.journal.ring() else { return false };
        if lane.back_off().try_open(self.ground.clock.moment()) {
            let (part, open) = (Arc::clone(self), self.share.open());
            sessions.spawn(async move {
                let _open = open;
                let visit = opening::visit(part, ring).await;
                drop(slot);
                visit
            });
        }
        true
    }

    fn wakes_at(&self, now: Moment, ring_at: Moment) -> Option<Moment> {
        let back_off = self.lane()?.back_off();
        let waits =
            back_off.waits_until(now).or_else(|| back_off.matters_until().filter(|until| now < *until));
        let ring = Some(ring_at).filter(|at| now < *at);
        let lease = Some(now + LEASE_PAUSE).filter(|_| !self.lease_holds());
        [waits, ring, lease].into_iter().flatten().min()
    }

    async fn wait_for(&self, at: Option<Moment>) {
        if let Some(at) = at {
            self.ground.clock.sleep_until(at).await;
        }
    }

    /// A session is over, or could not be opened to any host.
    async fn visit_over(&self, visit: opening::Visit) {
        let Some(lane) = self.lane() else { return };
        let now = self.ground.clock.moment();
        match visit {
            opening::Visit::Opened(report) => {
                lane.session_over();
                if report.health != SessionHealth::Good {
                    self.complain(report.reason.as_deref().unwrap_or_default(), now);
                    lane.back_off().trouble(Trouble::Domain, now);
                }
                lane.back_off().probe_over();
            }
            opening::Visit::CalledOff => lane.back_off().probe_over(),
            opening::Visit::Nowhere(reason) => {
                lane.back_off().probe_over();
                self.reject_line(reason);
            }
            opening::Visit::Unreached(unreached) if lane.is_reached() => {
                lane.narrow();
                self.complain(&unreached.text, now);
            }
            opening::Visit::Unreached(unreached) => {
                self.complain(&unreached.text, now);
                lane.back_off().trouble(Trouble::Domain, now);
                if let Err(error) = self.defer_line(unreached).await {
                    self.break_off(error.into());
                }
            }
        }
    }

    fn complain(&self, reason: &str, now: Moment) {
        let said = without_addresses(reason);
        if let Some(unsaid) = lock(&self.complaints).take(&said, now) {
            tracing::warn!(relay = %self.spec.relay, domain = self.spec.host, reason = said, unsaid, "a domain is in trouble");
        }
    }
}
