//! Which intents of a leased chunk may be composed now: one domain's full line or wait must not fill the room of all.
//! What must wait goes back to the books untried, and its chunk comes up again later.
//!
//! A line may hold a share of the room that is *free*, so that however many domains are slow there is room for one more.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use domain::Moment;
use ledger::LeasedChunk;

use super::lane::{MAILS_MAX, MAILS_MIN, domain_of};
use crate::compose::ReleaseWork;
use crate::outbox::{Holding, Parking};
use crate::relay::RelayActor;

/// How long a chunk stays away at most: mails of other domains in it may have become due meanwhile.
pub const AWAY_MAX: Duration = Duration::from_secs(15);

/// A line holds at most this part of the room that is free.
const FREE_SHARE: usize = 4;

impl RelayActor {
    /// The chunk without the intents whose domain cannot take more now.
    pub(crate) fn admit(&self, work: &ReleaseWork, chunk: Arc<LeasedChunk>) -> Arc<LeasedChunk> {
        let Some(lanes) = self.lanes().filter(|_| self.lane().is_none()) else { return chunk };
        let now = self.ground.clock.moment();
        let all_wait = self.sources_wait(now);
        let mut lines: HashMap<String, Held> = HashMap::new();
        let (mut kept, mut parked) = (Vec::new(), Vec::new());
        let parts = lanes.parts();
        for (place, intent) in chunk.intents.iter().enumerate() {
            let domain = domain_of(&intent.address);
            let part = parts.get(domain.as_str());
            let line = lines.entry(domain.clone()).or_insert_with(|| Held::by(part));
            let waits = all_wait.clone().or_else(|| part?.domain_waits(now)).or_else(|| {
                let full = line.is_full(self.outbox.free_units(work.lane));
                full.then(|| Parking { until: now + AWAY_MAX, domain: domain.into() })
            });
            match waits {
                Some(parking) => parked.push((intent.intent, parking)),
                None => {
                    line.add(self.outbox.usual_units());
                    kept.push(place);
                }
            }
        }
        drop(parts);
        if parked.is_empty() {
            return chunk;
        }
        for (intent, parking) in parked {
            match work.is_held() {
                true => self.outbox.done(Holding::of(&chunk)),
                false => self.outbox.park(Holding::of(&chunk), intent, parking),
            }
        }
        let intents = kept.into_iter().map(|place| chunk.intents[place].clone()).collect();
        Arc::new(LeasedChunk { release: chunk.release, chunk: chunk.chunk, lease: chunk.lease, intents })
    }

    /// Until when a domain's mails must wait, if they must.
    pub(super) fn domain_waits(&self, now: Moment) -> Option<Parking> {
        let lane = self.lane()?;
        let until = lane.back_off().waits_until(now)?;
        Some(Parking { until: until.min(now + AWAY_MAX), domain: Arc::clone(&lane.domain) })
    }

    /// As [`Self::domain_waits`], when no source address may send today any more.
    pub(super) fn sources_wait(&self, now: Moment) -> Option<Parking> {
        let sources = self.spec.direct.as_ref()?.sources();
        let used_up = !sources.has_room(self.ground.clock.now());
        used_up.then(|| Parking { until: now + AWAY_MAX, domain: "".into() })
    }
}

/// What a domain's line holds, with what is on its way to it.
struct Held {
    mails: usize,
    units: usize,
}

impl Held {
    fn by(part: Option<&Arc<RelayActor>>) -> Self {
        let (mails, units) = part.map_or((0, 0), |part| part.outbox.held());
        Self { mails, units }
    }

    fn add(&mut self, units: usize) {
        self.mails += 1;
        self.units += units;
    }

    fn is_full(&self, free_units: usize) -> bool {
        let beyond_share = self.mails >= MAILS_MIN && self.units >= free_units / FREE_SHARE;
        self.mails >= MAILS_MAX || beyond_share
    }
}
