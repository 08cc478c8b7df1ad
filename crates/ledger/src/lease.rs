//! Work that is given out: chunks on lease, and what of them may be tried.

use domain::{AttemptNo, ChunkNo, IntentNo, LeaseEpoch, ReleaseId, SenderEpoch, TenantId, Timestamp};

/// Asks for work of one release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseRequest {
    /// Whose.
    pub tenant: TenantId,
    /// Of which release.
    pub release: ReleaseId,
    /// Who asks.
    pub sender: SenderEpoch,
    /// Now: chunks due by then are given.
    pub now: Timestamp,
    /// Until when the lease holds unless renewed.
    pub lease_until: Timestamp,
    /// How many chunks at most.
    pub chunks_max: u32,
}

/// A chunk given out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeasedChunk {
    /// Of which release.
    pub release: ReleaseId,
    /// Which chunk.
    pub chunk: ChunkNo,
    /// The lease to show with each attempt.
    pub lease: LeaseEpoch,
    /// What may be tried now, in order. May be empty.
    pub intents: Vec<LeasedIntent>,
}

impl LeasedChunk {
    /// True when some of it was tried before.
    #[must_use]
    pub fn is_tried(&self) -> bool {
        self.intents.iter().any(|intent| intent.tries > 0)
    }

    /// So many attempts of an intent ended with no more than their permit: they count as no tries.
    pub fn leave_out(&mut self, intent: IntentNo, unused: u16) {
        if let Ok(place) = self.intents.binary_search_by_key(&intent, |leased| leased.intent) {
            let leased = &mut self.intents[place];
            leased.tries = leased.tries.saturating_sub(unused);
        }
    }
}

/// An intent that may be tried now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeasedIntent {
    /// Which intent.
    pub intent: IntentNo,
    /// The number that the next attempt must bear.
    pub attempt: AttemptNo,
    /// Earlier attempts that came further than their permit: the retry schedule goes by these alone.
    pub tries: u16,
    /// Unresolved message ends so far: above 0 this is a resend under `resend-once`.
    pub unresolved_dots: u32,
    /// The address.
    pub address: String,
    /// The record snapshot.
    pub fields: String,
}

/// What is still ahead for a release, by the small tables.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WorkAhead {
    /// Chunks that could be leased now.
    pub chunks_due: u64,
    /// Chunks out on lease.
    pub chunks_leased: u64,
    /// When the next chunk becomes due, if one waits.
    pub next_due_at: Option<Timestamp>,
}
