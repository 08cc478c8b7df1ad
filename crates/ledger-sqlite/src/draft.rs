//! What one call has done inside the writer's open transaction: its connection, and the book rows and counter
//! changes that the commit turns into links and totals.

use std::collections::HashMap;

use domain::{
    IntentFold, IntentNo, IntentState, ReleaseId, SenderEpoch, SuppressionReason, TenantId, Timestamp,
};
use ledger::{AttemptRow, Book, OutcomeRow, WitnessRow};
use rusqlite::{CachedStatement, Connection};

use crate::chains::Chains;
use crate::failure::Failure;

/// The open transaction, as a call sees it.
pub(crate) struct Draft<'a> {
    connection: &'a Connection,
    chains: &'a mut Chains,
    /// What the call adds to the books.
    pub entries: Entries,
}

/// Rows of the books and changes of counters, to be completed at the commit.
#[derive(Default)]
pub(crate) struct Entries {
    pub shares: HashMap<(TenantId, SenderEpoch), Share>,
    pub tallies: HashMap<(TenantId, ReleaseId), Tally>,
}

/// A row of the intents book, as the chain takes it.
pub(crate) type IntentEntry = ((TenantId, ReleaseId, IntentNo), u16, Option<SuppressionReason>);

/// What one sender adds to the books of one tenant.
pub(crate) struct Share {
    pub at: Timestamp,
    pub intents: Vec<IntentEntry>,
    pub attempts: Vec<AttemptRow>,
    pub outcomes: Vec<OutcomeRow>,
    pub witnesses: Vec<WitnessRow>,
}

/// Changes of a release's counters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub audience: i64,
    /// By the place in [`IntentState::ALL`], which is the order of the counter's columns.
    pub states: [i64; 7],
    pub duplicates: i64,
}

impl<'a> Draft<'a> {
    /// A draft with nothing in it.
    pub fn new(connection: &'a Connection, chains: &'a mut Chains) -> Self {
        Self { connection, chains, entries: Entries::default() }
    }

    /// The connection inside its transaction.
    pub fn connection(&self) -> &'a Connection {
        self.connection
    }

    /// A statement, prepared once per connection.
    pub fn prepare(&self, sql: &str) -> Result<CachedStatement<'a>, Failure> {
        Ok(self.connection.prepare_cached(sql)?)
    }

    /// The number of the link that this transaction will add to a chain.
    pub fn link_no(&mut self, book: Book, tenant: TenantId, sender: SenderEpoch) -> Result<u32, Failure> {
        Ok(self.chains.head(self.connection, book, tenant, sender)?.link_no + 1)
    }

    /// False while no witness has ever been stored: then no fold needs to look for one.
    pub fn has_witnesses(&mut self) -> Result<bool, Failure> {
        self.chains.has_witnesses(self.connection)
    }

    /// From now on folds must look for witnesses, also in this transaction.
    pub fn note_witness(&mut self) {
        self.chains.note_witness();
    }
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

    fn join(&mut self, other: &Self) {
        self.audience += other.audience;
        self.duplicates += other.duplicates;
        self.states.iter_mut().zip(other.states).for_each(|(own, more)| *own += more);
    }
}
