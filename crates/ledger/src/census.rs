//! What is not accounted for, over all tenants or one: releases, the intents within them, and how long it was so.
//!
//! A census reads the small tables first and walks only the chunks whose account is not whole; a books' census reads
//! every row of the books and no small table, so that each can be held against the other. Stores read; what a chunk's
//! place says, and what is bounded, is decided here.

mod books;

use std::collections::BTreeMap;
use std::time::Duration;

use domain::{AudienceDigest, IntentNo, ReleaseId, TenantId, Timestamp};

use crate::account::{intent_mark, open_intents, whole};
use crate::directory::ReleaseState;
use crate::minutes::{Verdicts, minute_of};
use crate::owed::Chunk;

pub use self::books::{BooksCensus, BooksGap};

/// How long something that is due, or whose lease ended, may lie before it counts as overdue (invariant 9).
pub const OVERDUE_AFTER: Duration = Duration::from_secs(60);

/// Asks for a census.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CensusRequest {
    /// Whose; all tenants' without.
    pub tenant: Option<TenantId>,
    /// Now.
    pub now: Timestamp,
    /// How many intents are named at most; the rest is counted.
    pub ids_max: u32,
}

domain::worded! {
    /// Where a chunk stands of which not all is accounted for.
    pub enum Place {
        /// Nobody would bring it up again.
        Missing => "missing",
        /// It should have been taken up a while ago.
        Overdue => "overdue",
        /// Out on lease.
        InFlight => "in flight",
        /// Due later, due just now, or held by people.
        Waiting => "waiting",
    }
}

/// A chunk whose account is not the whole of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenChunk {
    /// Whose.
    pub tenant: TenantId,
    /// Of which release.
    pub release: ReleaseId,
    /// When that was frozen.
    pub created_at: Timestamp,
    /// Whether it may be sent.
    pub state: ReleaseState,
    /// The chunk.
    pub chunk: Chunk,
    /// Until when it is leased.
    pub lease_until: Option<Timestamp>,
    /// Its account; `None` before the first.
    pub accounted: Option<AudienceDigest>,
    /// Which intents it says are open, where they are few.
    pub listed: Option<Vec<u8>>,
}

impl OpenChunk {
    /// Where it stands at this time.
    #[must_use]
    pub fn place(&self, now: Timestamp) -> Place {
        let late = |at: Timestamp| at + OVERDUE_AFTER <= now;
        match (self.chunk.due_at, self.lease_until) {
            (_, Some(until)) if late(until) => Place::Overdue,
            (_, Some(_)) => Place::InFlight,
            (None, None) => Place::Missing,
            (Some(due), None) if self.state == ReleaseState::Active && late(due) => Place::Overdue,
            (Some(_), None) => Place::Waiting,
        }
    }

    /// The open intents that it lists, if these and those that are accounted for make the whole: only they need to be
    /// looked up in the books. Else the chunk is walked.
    #[must_use]
    pub fn candidates(&self) -> Option<Vec<IntentNo>> {
        let ids = open_intents(self.chunk.first, self.listed.as_deref()?);
        let mut all = self.accounted?;
        ids.iter().for_each(|intent| all.add(&intent_mark(self.tenant, self.release, *intent)));
        (all == whole(self.chunk.scope(self.tenant, self.release))).then_some(ids)
    }

    /// How many of its intents are not accounted for, by its account.
    #[must_use]
    pub fn open(&self) -> u64 {
        let all = u64::from(self.chunk.last.0.saturating_sub(self.chunk.first.0)) + 1;
        all.saturating_sub(self.accounted.map_or(0, |accounted| accounted.count()))
    }
}

/// A release of which not all is accounted for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseGap {
    /// Whose.
    pub tenant: TenantId,
    /// Which release.
    pub release: ReleaseId,
    /// When it was frozen.
    pub created_at: Timestamp,
    /// Whether it may be sent.
    pub state: ReleaseState,
    /// Intents by the place of their chunk, in the order of [`Place::ALL`].
    pub places: [u64; 4],
    /// Those that are missing or overdue, in order, as far as they are named.
    pub ids: Vec<IntentNo>,
}

impl ReleaseGap {
    /// How many intents stand there.
    #[must_use]
    pub fn at(&self, place: Place) -> u64 {
        Place::ALL.iter().position(|other| *other == place).map_or(0, |at| self.places[at])
    }

    /// Missing and overdue ones: those that no sender has in hand.
    #[must_use]
    pub fn unsent(&self) -> u64 {
        self.at(Place::Missing) + self.at(Place::Overdue)
    }
}

/// What is not accounted for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Census {
    /// Releases with anything open, by tenant and id.
    pub releases: Vec<ReleaseGap>,
    /// Chunks whose account is not the books', though nothing of them is open: written by an earlier version, or by hand.
    pub uncounted: u64,
    named: u32,
}

impl Census {
    /// Whether a chunk must be walked: its intents are to be named, or its account was never made.
    #[must_use]
    pub fn wants(&self, request: &CensusRequest, open: &OpenChunk) -> bool {
        match open.place(request.now) {
            Place::Missing | Place::Overdue => self.named < request.ids_max || open.accounted.is_none(),
            Place::InFlight | Place::Waiting => false,
        }
    }

    /// Takes the next chunk, in the order of keys, with its open intents where it was walked.
    pub fn add(&mut self, request: &CensusRequest, open: &OpenChunk, walked: Option<Vec<IntentNo>>) {
        let count = walked.as_ref().map_or_else(|| open.open(), |ids| ids.len() as u64);
        if count == 0 {
            self.uncounted += 1;
            return;
        }
        let room = request.ids_max.saturating_sub(self.named) as usize;
        let place = open.place(request.now);
        let gap = self.gap(open);
        if let Some(at) = Place::ALL.iter().position(|other| *other == place) {
            gap.places[at] += count;
        }
        let before = gap.ids.len();
        gap.ids.extend(walked.into_iter().flatten().take(room));
        let added = gap.ids.len() - before;
        self.named = self.named.saturating_add(u32::try_from(added).unwrap_or(u32::MAX));
    }

    fn gap(&mut self, open: &OpenChunk) -> &mut ReleaseGap {
        let key = (open.tenant, open.release);
        let at = match self.releases.last() {
            Some(last) if (last.tenant, last.release) == key => self.releases.len() - 1,
            _ => {
                self.releases.push(ReleaseGap {
                    tenant: open.tenant,
                    release: open.release,
                    created_at: open.created_at,
                    state: open.state,
                    places: [0; 4],
                    ids: Vec::new(),
                });
                self.releases.len() - 1
            }
        };
        &mut self.releases[at]
    }
}

/// Asks for verdicts by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerdictWindow {
    /// Whose; all tenants' without.
    pub tenant: Option<TenantId>,
    /// From the minute of this time.
    pub from: Timestamp,
    /// To the minute before this time's, or this time's where it is not at its beginning.
    pub to: Timestamp,
    /// How many minutes make a bucket; at least 1.
    pub bucket_minutes: u32,
}

impl VerdictWindow {
    /// The minute behind the last one.
    #[must_use]
    pub fn minutes_end(&self) -> i64 {
        minute_of(self.to + Duration::from_millis(59_999))
    }
}

/// Outcomes of a span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerdictBucket {
    /// When it begins.
    pub at: Timestamp,
    /// Outcomes by the order of [`domain::Verdict::ALL`].
    pub verdicts: Verdicts,
}

/// The upper ends of the bands in which releases are counted by how many of their mails were not sent; the last has none.
pub const BANDS: [u64; 5] = [5, 10, 25, 50, 75];

/// How many releases have so many unsent mails, band by band.
#[must_use]
pub fn bands(unsent: impl IntoIterator<Item = u64>) -> [u64; 6] {
    let mut bands = [0; 6];
    for count in unsent.into_iter().filter(|count| *count > 0) {
        bands[BANDS.partition_point(|end| *end < count)] += 1;
    }
    bands
}

/// A chunk that nobody would have brought up again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hole {
    /// Whose.
    pub tenant: TenantId,
    /// Of which release.
    pub release: ReleaseId,
    /// The chunk.
    pub chunk: Chunk,
    /// Its intents without an answer.
    pub open: u64,
    /// When it is due from now on; `None`: attempts of it are open that nobody works on, so it cannot be tried by itself.
    pub due_again_at: Option<Timestamp>,
}

/// Open intents by release, for comparing one census with the other.
#[must_use]
pub fn open_by_release(gaps: &[ReleaseGap]) -> BTreeMap<(TenantId, ReleaseId), u64> {
    gaps.iter().map(|gap| ((gap.tenant, gap.release), gap.places.iter().sum())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{ChunkNo, LeaseEpoch, SenderEpoch};

    fn open(due: Option<i64>, lease_until: Option<i64>, state: ReleaseState) -> OpenChunk {
        let at = |second: i64| Timestamp::from_millis(1000 * second);
        let chunk = Chunk {
            no: ChunkNo(0),
            first: IntentNo(1),
            last: IntentNo(4),
            due_at: due.map(at),
            holder: lease_until.map(|_| SenderEpoch(1)),
            lease: LeaseEpoch(1),
        };
        let accounted = Some(AudienceDigest::from_parts(1, &[0; 32]));
        OpenChunk {
            tenant: TenantId(1),
            release: ReleaseId(1),
            created_at: at(0),
            state,
            chunk,
            lease_until: lease_until.map(at),
            accounted,
            listed: None,
        }
    }

    #[test]
    fn places_by_table() {
        use ReleaseState::{Active, Paused};
        let check = |due, lease, state, place| {
            assert_eq!(open(due, lease, state).place(Timestamp::from_millis(1_000_000)), place);
        };
        check(None, None, Active, Place::Missing);
        check(None, None, Paused, Place::Missing);
        check(Some(900), None, Active, Place::Overdue);
        check(Some(900), None, Paused, Place::Waiting);
        check(Some(941), None, Active, Place::Waiting);
        check(Some(2000), None, Active, Place::Waiting);
        check(Some(1), Some(1010), Active, Place::InFlight);
        check(Some(1), Some(941), Active, Place::InFlight);
        check(Some(1), Some(940), Paused, Place::Overdue);
    }

    #[test]
    fn intents_beyond_the_limit_are_counted() {
        let request = CensusRequest { tenant: None, now: Timestamp::from_millis(1_000_000), ids_max: 4 };
        let mut census = Census::default();
        let missing = open(None, None, ReleaseState::Active);
        let ids = || Some(vec![IntentNo(2), IntentNo(3), IntentNo(4)]);
        for _ in 0..2 {
            assert!(census.wants(&request, &missing));
            census.add(&request, &missing, ids());
        }
        assert!(!census.wants(&request, &missing));
        census.add(&request, &missing, None);
        let gap = &census.releases[0];
        assert_eq!((census.releases.len(), gap.unsent(), gap.ids.len()), (1, 9, 4));
    }

    #[test]
    fn releases_are_counted_in_bands() {
        assert_eq!(bands([0, 1, 5, 6, 10, 11, 25, 26, 50, 51, 75, 76, 163]), [2, 2, 2, 2, 2, 2]);
    }
}
