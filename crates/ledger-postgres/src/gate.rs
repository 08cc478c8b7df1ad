//! One gate for each tenant: its writes go through one after the other, so that each chain grows by one hand.
//!
//! Leases have gates of their own: they add nothing to a chain, and need not wait for every commit before them.
//!
//! Each write bears a number of its own, the mark, which stands in the same transaction. When the reply to a commit is
//! lost, the next try writes the same mark: should it stand already, the lost commit is durable, and its answer is
//! given; should the lost transaction still be open on the server, the try waits for it. A write that its caller gave
//! up is no danger to the next, which bears a higher mark and waits in the same way.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use domain::{SenderEpoch, TenantId};
use ledger::{Book, Head};

use crate::places::Places;
use crate::values::Whole;

/// Where the chains of one tenant end, as this store wrote them.
pub(crate) type Heads = HashMap<(Book, SenderEpoch), Head>;

/// What the writes of one tenant remember of its rows: only what this store itself read or wrote, and none else changes.
#[derive(Default)]
pub(crate) struct Known {
    /// Where its chains end.
    pub heads: Heads,
    /// Where its chunks begin and end.
    pub places: Places,
}

/// What the writes of one tenant share.
#[derive(Default)]
pub(crate) struct Gate {
    known: Known,
    mark: i64,
}

impl Gate {
    /// The mark of the next write.
    pub fn next_mark(&mut self) -> i64 {
        self.mark += 1;
        self.mark
    }

    /// True for the first write of this store.
    pub fn is_first(&self) -> bool {
        self.mark == 1
    }

    /// What is known, for one write; it is back once that write is known to be durable.
    pub fn lend(&mut self) -> Known {
        std::mem::take(&mut self.known)
    }

    /// What is known after a write that is durable.
    pub fn adopt(&mut self, known: Known) {
        self.known = known;
    }
}

/// Every tenant's gate for one kind of writes.
pub(crate) struct Gates {
    /// Tells these writes' marks from those of other gates and stores.
    pub writer: Whole,
    gates: Mutex<HashMap<TenantId, Arc<tokio::sync::Mutex<Gate>>>>,
}

impl Gates {
    /// Gates whose writes bear this number beside their mark.
    pub fn new(writer: Whole) -> Self {
        Self { writer, gates: Mutex::default() }
    }

    /// The gate of a tenant.
    pub fn of(&self, tenant: TenantId) -> Arc<tokio::sync::Mutex<Gate>> {
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(gates.entry(tenant).or_default())
    }
}
