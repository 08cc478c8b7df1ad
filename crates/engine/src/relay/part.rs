//! The parts of an actor of the direct route: what each has of its own, and what it shares with the actor.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use super::RelayActor;
use crate::direct::{DomainLane, Lanes};

impl RelayActor {
    /// The part of an actor of the direct route that serves one domain: sessions, TLS and back-off of its own; the
    /// tenant, the books, the leases, the orders and the message rate are the actor's.
    pub(crate) fn part_for(&self, lane: DomainLane) -> Arc<Self> {
        let mut spec = self.spec.clone();
        spec.host = lane.domain.to_string();
        spec.limits = lane.limits(self.spec.limits);
        Arc::new(Self {
            spec,
            ground: Arc::clone(&self.ground),
            outbox: self.outbox.branch(),
            recorder: Arc::clone(&self.recorder),
            tls: None,
            lane: Some(lane),
            lanes: self.lanes.clone(),
            share: Arc::clone(&self.share),
            breaker: Mutex::default(),
            complaints: Arc::clone(&self.complaints),
            lease_end_us: Arc::clone(&self.lease_end_us),
            refuses_behind_content: AtomicBool::new(false),
            is_late: AtomicBool::new(false),
            status: self.status.clone(),
            orders: self.orders.clone(),
        })
    }

    /// The domains of an actor of the direct route.
    pub(crate) fn lanes(&self) -> Option<&Arc<Lanes>> {
        self.lanes.as_ref()
    }

    /// The domain that this part of an actor serves, on the direct route.
    #[must_use]
    pub fn lane(&self) -> Option<&DomainLane> {
        self.lane.as_ref()
    }
}
