//! What the books alone say of a release: its intents against the sealed audience, its entries against each other, and
//! every intent of which nothing is known.

use domain::{AttemptNo, AudienceDigest, IntentNo, ReleaseId, TenantId};

use crate::account::is_accounted;
use crate::owed::Owed;

/// A release as its books alone have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BooksGap {
    /// Whose.
    pub tenant: TenantId,
    /// Which release.
    pub release: ReleaseId,
    /// How many its sealed audience counts.
    pub audience: u64,
    /// How many intents stand.
    pub intents: u64,
    /// Sealed waves whose recipients, none of them erased, do not give the sealed digest.
    pub waves_differ: u32,
    /// Outcomes of attempts that do not stand.
    pub without_attempt: u64,
    /// Intents of which nothing is known.
    pub open: u64,
    /// They, in order, as far as they are named.
    pub ids: Vec<IntentNo>,
}

impl BooksGap {
    /// A release with nothing counted yet.
    #[must_use]
    pub fn new(tenant: TenantId, release: ReleaseId, audience: u64) -> Self {
        let ids = Vec::new();
        Self { tenant, release, audience, intents: 0, waves_differ: 0, without_attempt: 0, open: 0, ids }
    }

    /// True when its books agree and every intent is accounted for.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.open == 0 && self.is_sound()
    }

    /// True when its books agree, whatever is still open.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.audience == self.intents && self.waves_differ == 0 && self.without_attempt == 0
    }

    /// Takes the next intent.
    pub fn intent(&mut self, owed: &Owed) {
        self.intents += 1;
        let stands = |no: &AttemptNo| owed.attempts.iter().any(|(other, _)| other == no);
        let stray = owed.outcomes.iter().filter(|(no, _)| no.0 > 0 && !stands(no)).count();
        self.without_attempt += stray as u64;
        if !is_accounted(owed) {
            self.find_open(owed.intent);
        }
    }

    /// An intent of which nothing is known.
    pub fn find_open(&mut self, intent: IntentNo) {
        self.open += 1;
        if self.ids.len() < BOOKS_IDS_MAX {
            self.ids.push(intent);
        }
    }

    /// Holds a sealed wave against its recipients: where none was erased they must give the digest.
    pub fn wave(&mut self, sealed: &AudienceDigest, found: &AudienceDigest) {
        let differ = found.count() > sealed.count() || (found.count() == sealed.count() && found != sealed);
        self.waves_differ += u32::from(differ);
    }
}

/// Open intents of one release that a books' census names.
const BOOKS_IDS_MAX: usize = 1000;

/// What the books alone say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BooksCensus {
    /// Releases read.
    pub releases: u64,
    /// Intents read.
    pub intents: u64,
    /// Releases that are not whole, by tenant and id.
    pub gaps: Vec<BooksGap>,
}

impl BooksCensus {
    /// Takes a release.
    pub fn add(&mut self, gap: BooksGap) {
        self.releases += 1;
        self.intents += gap.intents;
        if !gap.is_whole() {
            self.gaps.push(gap);
        }
    }

    /// Adds what was read of other releases.
    pub fn join(&mut self, mut other: Self) {
        self.releases += other.releases;
        self.intents += other.intents;
        self.gaps.append(&mut other.gaps);
        self.gaps.sort_unstable_by_key(|gap| (gap.tenant, gap.release));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(members: &[u8]) -> AudienceDigest {
        let mut digest = AudienceDigest::default();
        members.iter().for_each(|member| digest.add(&[*member; 32]));
        digest
    }

    #[test]
    fn a_wave_differs_by_another_recipient_or_one_too_many_and_not_by_one_that_was_erased() {
        let sealed = digest(&[1, 2, 3]);
        for (found, differ) in [(&[1, 2, 3][..], 0), (&[1, 2], 0), (&[1, 2, 4], 1), (&[1, 2, 3, 4], 1)] {
            let mut gap = BooksGap::new(TenantId(1), ReleaseId(1), 0);
            gap.wave(&sealed, &digest(found));
            assert_eq!((gap.waves_differ, gap.is_sound()), (differ, differ == 0), "{found:?}");
        }
    }
}
