//! The audit log of a tenant, recomputed: no number is missing, no entry was changed, each follows the one before.

use domain::TenantId;

use super::Notes;
use crate::documents::{AuditRow, audit_chain};

/// A tenant's log, entry by entry in the order of numbers.
pub struct LogPass {
    tenant: TenantId,
    number: u64,
    chain: [u8; 32],
}

impl LogPass {
    /// The log before its first entry.
    #[must_use]
    pub fn new(tenant: TenantId) -> Self {
        Self { tenant, number: 0, chain: [0; 32] }
    }

    /// The number of the entry that was taken last.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.number
    }

    /// Takes the next entry.
    pub fn add(&mut self, row: &AuditRow, notes: &mut Notes) {
        let mut find = |text: String| notes.find(Some(self.tenant), None, 0, text);
        if row.number != self.number + 1 {
            find(format!("entries {} to {} of the audit log are missing", self.number + 1, row.number - 1));
        }
        if audit_chain(&self.chain, row) != row.chain {
            find(format!(
                "entry {} of the audit log was changed, or does not follow the one before",
                row.number
            ));
        }
        (self.number, self.chain) = (row.number, row.chain);
    }
}
