//! Keeps as many sessions open as there is work for, within the relay's limits and its breaker's leave.

use std::sync::Arc;
use std::time::Duration;

use domain::breaker::SessionHealth;
use tokio::task::JoinSet;

use super::complaint::without_addresses;
use super::{BrokenReason, LEASE_PAUSE, RelayActor, RelayStatus, lock};
use crate::session::{self, SessionReport};

/// How long until rings of the journal are looked for again.
const RING_PAUSE: Duration = Duration::from_millis(200);
/// Mails in line for which one more session is opened.
pub(super) const MAILS_PER_SESSION: usize = 8;

impl RelayActor {
    /// Opens sessions while there is work, until drained and all sessions are over; renews leases meanwhile.
    pub async fn keep(self: Arc<Self>) {
        let renewal = Arc::clone(&self).renew_leases();
        let sharing = Arc::clone(&self).keep_share();
        tokio::select! {
            () = Arc::clone(&self).keep_sessions(), if self.spec.direct.is_none() => {}
            () = Arc::clone(&self).keep_lanes(), if self.spec.direct.is_some() => {}
            () = renewal => {}
            () = sharing => {}
        }
        self.give_share_back().await;
    }

    async fn keep_sessions(self: Arc<Self>) {
        let mut sessions = JoinSet::new();
        let mut orders = self.orders();
        loop {
            let draining = orders.borrow_and_update().drain;
            if draining && sessions.is_empty() {
                return;
            }
            let rings_left = draining || self.open_sessions(&mut sessions);
            let more = !draining && sessions.len() < self.share.sessions_max();
            // Without a ring, or without leases, a probe that is due could not be made: waiting for its time would be no
            // wait at all.
            let leased = self.lease_holds();
            let probes = more && rings_left && leased && !self.outbox.is_empty();
            let probe_at = self.breaker().probe_at().filter(|_| probes);
            tokio::select! {
                Some(report) = sessions.join_next(), if !sessions.is_empty() => match report {
                    Ok(report) => self.session_ended(report),
                    Err(_) => self.break_off(BrokenReason::Defect),
                },
                () = self.outbox.demand.notified(), if more => {}
                () = self.share.changed.notified() => {}
                () = self.wait_for_probe(probe_at), if probe_at.is_some() => {}
                () = self.ground.clock.sleep(RING_PAUSE), if !rings_left => {}
                () = self.ground.clock.sleep(LEASE_PAUSE), if more && !leased => {}
                _ = orders.changed() => {}
            }
        }
    }

    /// Opens what is wanted; false when the journal has no ring for one more.
    fn open_sessions(self: &Arc<Self>, sessions: &mut JoinSet<SessionReport>) -> bool {
        let now = self.ground.clock.moment();
        let waiting = self.outbox.len();
        let wanted = (sessions.len() + waiting.div_ceil(MAILS_PER_SESSION)).min(self.share.sessions_max());
        while sessions.len() < wanted && self.lease_holds() {
            // Without a ring no message end could be journaled. Other actors' sessions give theirs back.
            let Some(ring) = self.ground.journal.ring() else { return false };
            if !self.breaker().try_open(now) {
                return true;
            }
            let open = self.share.open();
            let actor = Arc::clone(self);
            sessions.spawn(async move {
                let _open = open;
                session::run(actor, ring).await
            });
        }
        true
    }

    async fn wait_for_probe(&self, at: Option<domain::Moment>) {
        if let Some(at) = at {
            self.ground.clock.sleep_until(at).await;
        }
    }

    fn session_ended(&self, report: SessionReport) {
        let now = self.ground.clock.moment();
        self.breaker().observe(report.health, now);
        let place = format!("{}:{}", self.spec.host, self.spec.port);
        match (report.health, report.reason) {
            (SessionHealth::Hopeless, reason) => {
                // Every session finds the same fault: the first one says so, the others only end.
                if !matches!(*self.status.borrow(), RelayStatus::Stopped(_) | RelayStatus::Broken(_)) {
                    let reason = reason.unwrap_or_else(|| "the relay cannot be used".to_owned());
                    let said = without_addresses(&reason);
                    tracing::error!(relay = %self.spec.relay, place, reason = said, "the relay is stopped");
                    self.status.send_replace(RelayStatus::Stopped(format!("relay {place}: {reason}")));
                }
                self.drain();
            }
            (SessionHealth::Failed, reason) => {
                let reason = reason.unwrap_or_default();
                let said = without_addresses(&reason);
                if let Some(unsaid) = lock(&self.complaints).take(&said, now) {
                    tracing::warn!(relay = %self.spec.relay, place, reason = said, unsaid, "a session failed");
                }
                if self.breaker().is_open() {
                    self.status.send_if_modified(|status| {
                        let falters = matches!(status, RelayStatus::Open | RelayStatus::Faltering(_));
                        if falters {
                            *status = RelayStatus::Faltering(format!("relay {place}: {reason}"));
                        }
                        falters
                    });
                }
            }
            (SessionHealth::Good, _) => {}
        }
    }

    /// Renews the leases three times in each lease's length, and at once after an answer that took long; a store that
    /// fails ends the sending.
    async fn renew_leases(self: Arc<Self>) {
        let ground = &self.ground;
        let mut asked = ground.clock.moment();
        loop {
            ground.clock.sleep_until(asked + ground.config.lease / 3).await;
            let now = ground.clock.now();
            asked = ground.clock.moment();
            let until = now + ground.config.lease;
            let mut lost = self.outbox.holdings();
            match ground.store.lease_renew(self.spec.tenant, ground.sender, now, until).await {
                Ok(held) => {
                    lost.retain(|one| !held.contains(&(one.release, one.chunk, one.lease)));
                    self.outbox.lose(lost.into_iter());
                    self.lease_renewed(asked);
                }
                Err(error) => {
                    self.break_off(error.into());
                    std::future::pending::<()>().await;
                }
            }
        }
    }
}
