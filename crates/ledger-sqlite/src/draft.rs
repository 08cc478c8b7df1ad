//! What one call has done inside the writer's open transaction: its connection, and the book rows and counter
//! changes that the commit turns into links and totals.

use domain::{SenderEpoch, TenantId};
use ledger::{Book, Entries};
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
