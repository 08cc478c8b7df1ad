//! One gate for each tenant: its writes go through one after the other, so that each chain grows by one hand.
//!
//! Each write bears a number of its own, the mark, which stands in the same transaction. When the reply to a commit is
//! lost, the next try writes the same mark: should it stand already, the lost commit is durable, and its answer is
//! given; should the lost transaction still be open on the server, the try waits for it. A write that its caller gave
//! up is no danger to the next, which bears a higher mark and waits in the same way.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use domain::{SenderEpoch, TenantId};
use ledger::{Book, Head};

/// Where the chains of one tenant end, as this store wrote them.
pub(crate) type Heads = HashMap<(Book, SenderEpoch), Head>;

/// What the writes of one tenant share.
#[derive(Default)]
pub(crate) struct Gate {
    heads: Heads,
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

    /// The heads, for one write; they are back once that write is known to be durable.
    pub fn lend(&mut self) -> Heads {
        std::mem::take(&mut self.heads)
    }

    /// The heads after a write that is durable.
    pub fn adopt(&mut self, heads: Heads) {
        self.heads = heads;
    }
}

/// Every tenant's gate.
#[derive(Default)]
pub(crate) struct Gates {
    gates: Mutex<HashMap<TenantId, Arc<tokio::sync::Mutex<Gate>>>>,
}

impl Gates {
    /// The gate of a tenant.
    pub fn of(&self, tenant: TenantId) -> Arc<tokio::sync::Mutex<Gate>> {
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(gates.entry(tenant).or_default())
    }
}
