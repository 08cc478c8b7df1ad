//! What of a chunk is accounted for: how many of its intents have an entry that says what became of them, and an
//! order-independent digest of which ones.
//!
//! Both are set whenever the chunk's intents are walked anyway: as it is sealed, given back or settled. A chunk whose
//! account is not the whole of it holds intents of which nothing is known; so a few rows tell where to look among
//! millions, and name them where they are few. The books decide: an account can be made again from them, and a check does so.

use domain::{AudienceDigest, IntentNo, IntentState, ReleaseId, TenantId, Timestamp};

use crate::owed::{Owed, Scope};
use crate::rows::AudienceSeal;

/// What a digest sums for one intent: a mix of its name, not a secret and no proof against a forger (the chains are).
#[must_use]
pub fn intent_mark(tenant: TenantId, release: ReleaseId, intent: IntentNo) -> [u8; 32] {
    let mut mark = [0; 32];
    let mut state = mixed(mixed(tenant.0) ^ release.0) ^ u64::from(intent.0);
    for lane in mark.as_chunks_mut::<8>().0 {
        state = mixed(state);
        *lane = state.to_be_bytes();
    }
    mark
}

/// The finalizer of SplitMix64: every bit of the input moves half of the output's.
const fn mixed(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// Open intents of a chunk that are listed; where more are, it is walked.
const OPEN_MAX: usize = 64;

/// The open intents of a chunk out of a column.
#[must_use]
pub fn open_intents(first: IntentNo, column: &[u8]) -> Vec<IntentNo> {
    let places = column.as_chunks::<2>().0.iter().map(|place| u32::from(u16::from_be_bytes(*place)));
    places.map(|place| IntentNo(first.0.saturating_add(place))).collect()
}

/// A chunk's account as it stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Account {
    /// Of all its intents, as it was sealed; `None` in chunks of earlier versions that were not walked since.
    pub sealed_digest: Option<[u8; 32]>,
    /// Of those that are accounted for; `None` before the first time.
    pub accounted: Option<AudienceDigest>,
    /// Which ones are open, where they are few; see [`open_intents`].
    pub open: Option<Vec<u8>>,
}

/// A chunk as it is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealedChunk {
    /// When it may be leased; `None` where nobody in it is owed anything.
    pub due_at: Option<Timestamp>,
    /// All its intents.
    pub sealed: AudienceDigest,
    /// Those that are not owed.
    pub accounted: AudienceDigest,
}

impl AudienceSeal {
    /// A chunk of the wave, with those of its intents that are not owed.
    #[must_use]
    pub fn chunk(&self, (first, last): (u32, u32), suppressed: &[u32]) -> SealedChunk {
        let (first, last) = (IntentNo(first), IntentNo(last));
        let sealed = whole(Scope { tenant: self.tenant, release: self.release, first, last });
        let mut accounted = AudienceDigest::default();
        for intent in suppressed {
            accounted.add(&intent_mark(self.tenant, self.release, IntentNo(*intent)));
        }
        let due_at = (accounted.count() < sealed.count()).then_some(self.due_at);
        SealedChunk { due_at, sealed, accounted }
    }
}

/// All intents of a run: what its account comes to when nothing is missing.
#[must_use]
pub fn whole(scope: Scope) -> AudienceDigest {
    let mut digest = AudienceDigest::default();
    for intent in scope.first.0..=scope.last.0 {
        digest.add(&intent_mark(scope.tenant, scope.release, IntentNo(intent)));
    }
    digest
}

/// What a walk over a chunk's intents comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    scope: Scope,
    now: Timestamp,
    due_at: Option<Timestamp>,
    accounted: AudienceDigest,
    open: Vec<IntentNo>,
}

impl Standing {
    /// Before the first intent.
    #[must_use]
    pub fn of(scope: Scope, now: Timestamp) -> Self {
        Self { scope, now, due_at: None, accounted: AudienceDigest::default(), open: Vec::new() }
    }

    /// Takes the next intent.
    pub fn count(&mut self, owed: &Owed) {
        if let Some(due) = owed.due_at(self.now) {
            self.due_at = Some(self.due_at.map_or(due, |known| known.min(due)));
        }
        if is_accounted(owed) {
            self.accounted.add(&intent_mark(self.scope.tenant, self.scope.release, owed.intent));
        } else if self.open.len() <= OPEN_MAX {
            self.open.push(owed.intent);
        }
    }

    /// Which of them are open, as a column has it; `None` where none is, or too many are.
    #[must_use]
    pub fn open(&self) -> Option<Vec<u8>> {
        let few = (1..=OPEN_MAX).contains(&self.open.len());
        let place = |intent: &IntentNo| {
            intent.0.checked_sub(self.scope.first.0).and_then(|at| u16::try_from(at).ok())
        };
        let places: Option<Vec<u16>> = self.open.iter().map(place).collect();
        places.filter(|_| few).map(|places| places.into_iter().flat_map(u16::to_be_bytes).collect())
    }

    /// When the first of them may be tried; `None` when none ever by itself.
    #[must_use]
    pub fn due_at(&self) -> Option<Timestamp> {
        self.due_at
    }

    /// Those that are accounted for.
    #[must_use]
    pub fn accounted(&self) -> AudienceDigest {
        self.accounted
    }

    /// The same with nothing to be tried any more: what is left of it is not tried by itself.
    #[must_use]
    pub fn done(self) -> Self {
        Self { due_at: None, ..self }
    }

    /// All of them.
    #[must_use]
    pub fn sealed(&self) -> AudienceDigest {
        whole(self.scope)
    }
}

/// True when an entry says what became of it, or it was never owed. An attempt alone says nothing.
#[must_use]
pub fn is_accounted(owed: &Owed) -> bool {
    owed.counted().state() != IntentState::Pending
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{AttemptNo, SenderEpoch, SuppressionReason, Verdict};

    const SCOPE: Scope =
        Scope { tenant: TenantId(1), release: ReleaseId(2), first: IntentNo(1), last: IntentNo(4) };

    fn standing(owed: &[Owed]) -> Standing {
        let mut standing = Standing::of(SCOPE, Timestamp::from_millis(7));
        owed.iter().for_each(|owed| standing.count(owed));
        standing
    }

    fn with(intent: u32, verdict: Option<Verdict>) -> Owed {
        let mut owed = Owed::new(IntentNo(intent), None);
        owed.attempts.push((AttemptNo(1), SenderEpoch(1)));
        owed.outcomes.extend(verdict.map(|verdict| (AttemptNo(1), verdict)));
        owed
    }

    #[test]
    fn only_what_has_an_answer_is_accounted_for() {
        let never_owed = Owed::new(IntentNo(4), Some(SuppressionReason::Unsubscribed));
        let all = [
            with(1, Some(Verdict::Accepted)),
            with(2, Some(Verdict::Unknown)),
            with(3, Some(Verdict::Rejected)),
            never_owed.clone(),
        ];
        let found = standing(&all);
        assert_eq!((found.accounted(), found.due_at()), (found.sealed(), None));
        for open in [with(3, None), with(3, Some(Verdict::Deferred)), Owed::new(IntentNo(3), None)] {
            let found = standing(&[all[0].clone(), all[1].clone(), open, never_owed.clone()]);
            assert_eq!(found.accounted().count(), 3);
            assert_ne!(found.accounted(), found.sealed());
        }
    }

    #[test]
    fn one_twice_does_not_stand_for_another() {
        let twice = standing(&[1, 2, 3, 3].map(|intent| with(intent, Some(Verdict::Accepted))));
        assert_eq!(twice.accounted().count(), twice.sealed().count());
        assert_ne!(twice.accounted(), twice.sealed());
    }

    #[test]
    fn marks_tell_tenants_releases_and_intents_apart() {
        let mark =
            |tenant, release, intent| intent_mark(TenantId(tenant), ReleaseId(release), IntentNo(intent));
        let marks = [mark(1, 2, 3), mark(2, 1, 3), mark(1, 3, 2), mark(3, 2, 1), mark(1, 2, 4)];
        for (at, mark) in marks.iter().enumerate() {
            assert!(!marks[at + 1..].contains(mark));
        }
    }
}
