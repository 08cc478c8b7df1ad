//! Reads the audit logs, of every tenant and of the installation, for their recomputation.

use ledger::audit::{LogPass, Notes};
use rusqlite::Connection;

use super::part;
use crate::documents::audit_row;
use crate::failure::Failure;
use crate::queries;

/// Looks at every entry; one that cannot be understood is a finding.
pub(super) fn check(connection: &Connection, notes: &mut Notes) -> Result<(), Failure> {
    let mut pass = LogPass::default();
    let mut list = connection.prepare_cached(queries::AUDIT_WALK)?;
    let mut rows = list.query([])?;
    while let Some(row) = rows.next()? {
        let number: i64 = row.get(1)?;
        let outcome = audit_row(row).map(|entry| pass.add(&entry, notes)).map_err(Failure::from);
        part(notes, &format!("entry {number} of an audit log"), outcome)?;
    }
    Ok(())
}
