//! What a transaction adds to the books and changes of the counters, until its commit turns them into links and
//! totals.

use std::collections::HashMap;

use domain::{
    IntentFold, IntentNo, IntentState, ReleaseId, SenderEpoch, SuppressionReason, TenantId, Timestamp,
};

use crate::chain::{Book, LinkBuilder};
use crate::rows::{AttemptRow, OutcomeRow, WitnessRow};

/// Rows of the books and changes of counters, to be completed at the commit.
#[derive(Debug, Default)]
pub struct Entries {
    /// Rows by writer.
    pub shares: HashMap<(TenantId, SenderEpoch), Share>,
    /// Changes by release.
    pub tallies: HashMap<(TenantId, ReleaseId), Tally>,
}

/// A row of the intents book, as the chain takes it.
pub type IntentEntry = ((TenantId, ReleaseId, IntentNo), u16, Option<SuppressionReason>);

/// What one sender adds to the books of one tenant.
#[derive(Debug)]
pub struct Share {
    /// When: the latest of its rows' times.
    pub at: Timestamp,
    /// Rows of the first book.
    pub intents: Vec<IntentEntry>,
    /// Rows of the second book's first half.
    pub attempts: Vec<AttemptRow>,
    /// Rows of its second half.
    pub outcomes: Vec<OutcomeRow>,
    /// Rows of the third book.
    pub witnesses: Vec<WitnessRow>,
}

/// Changes of a release's counters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Of the audience.
    pub audience: i64,
    /// By the place in [`IntentState::ALL`], which is the order of the counter's columns.
    pub states: [i64; 7],
    /// Of acceptances beyond the first.
    pub duplicates: i64,
}

impl Entries {
    /// What a sender adds to a tenant's books.
    pub fn share(&mut self, tenant: TenantId, sender: SenderEpoch, at: Timestamp) -> &mut Share {
        let share = self.shares.entry((tenant, sender)).or_insert_with(|| Share::new(at));
        share.at = share.at.max(at);
        share
    }

    /// The counters' changes of a release.
    pub fn tally(&mut self, tenant: TenantId, release: ReleaseId) -> &mut Tally {
        self.tallies.entry((tenant, release)).or_default()
    }

    /// Adds what another call of the same transaction did.
    pub fn join(&mut self, other: Self) {
        for ((tenant, sender), mut share) in other.shares {
            let own = self.share(tenant, sender, share.at);
            own.intents.append(&mut share.intents);
            own.attempts.append(&mut share.attempts);
            own.outcomes.append(&mut share.outcomes);
            own.witnesses.append(&mut share.witnesses);
        }
        for ((tenant, release), tally) in other.tallies {
            self.tally(tenant, release).join(&tally);
        }
    }
}

impl Share {
    fn new(at: Timestamp) -> Self {
        Self { at, intents: Vec::new(), attempts: Vec::new(), outcomes: Vec::new(), witnesses: Vec::new() }
    }

    /// Hashes its rows of one book in key order.
    pub fn root_of(&mut self, book: Book) -> LinkBuilder {
        let mut builder = LinkBuilder::default();
        match book {
            Book::Intents => {
                self.intents.sort_unstable_by_key(|entry| entry.0);
                self.intents.iter().for_each(|(key, wave, why)| builder.intent(*key, *wave, *why));
            }
            Book::Attempts => {
                self.attempts.sort_unstable_by_key(|row| row.key);
                self.attempts.iter().for_each(|row| builder.attempt(row));
            }
            Book::Outcomes => {
                self.outcomes.sort_unstable_by_key(|row| (row.key, row.verdict));
                self.outcomes.iter().for_each(|row| builder.outcome(row));
            }
            Book::Witnesses => {
                self.witnesses.sort_unstable_by(|a, b| {
                    (a.key, &a.source, &a.event_id).cmp(&(b.key, &b.source, &b.event_id))
                });
                self.witnesses.iter().for_each(|row| builder.witness(row));
            }
        }
        builder
    }
}

impl Tally {
    /// One intent that was in one state before and is in another, or the same, now.
    pub fn moved(&mut self, before: &IntentFold, after: &IntentFold) {
        self.add(before.state(), -1);
        self.add(after.state(), 1);
        self.duplicates += i64::from(after.duplicates()) - i64::from(before.duplicates());
    }

    /// Some intents more in a state.
    pub fn add(&mut self, state: IntentState, intents: i64) {
        if let Some(place) = IntentState::ALL.iter().position(|other| *other == state) {
            self.states[place] += intents;
        }
    }

    /// The change of a wave's seal: so many owed, so many suppressed.
    pub fn sealed(&mut self, audience: i64, suppressed: i64) {
        self.audience += audience;
        self.add(IntentState::Suppressed, suppressed);
        self.add(IntentState::Pending, audience - suppressed);
    }

    /// True when nothing changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn join(&mut self, other: &Self) {
        self.audience += other.audience;
        self.duplicates += other.duplicates;
        self.states.iter_mut().zip(other.states).for_each(|(own, more)| *own += more);
    }
}
