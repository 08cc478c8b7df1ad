//! Reads the audit logs, of every tenant and of the installation, for their recomputation.

use futures_util::TryStreamExt as _;
use ledger::audit::{LogPass, Notes};

use super::part;
use crate::columns::Columns;
use crate::connection::Connection;
use crate::documents::audit_row;
use crate::failure::Failure;
use crate::queries;

/// Looks at every entry; one that cannot be understood is a finding.
pub(super) async fn check(connection: &Connection, notes: &mut Notes) -> Result<(), Failure> {
    let mut pass = LogPass::default();
    let mut rows = connection.stream(queries::AUDIT_WALK, &[]).await?;
    while let Some(row) = rows.try_next().await? {
        let row = Columns(&row);
        let number: i64 = row.number(1)?;
        let outcome = audit_row(row).map(|entry| pass.add(&entry, notes));
        part(notes, &format!("entry {number} of an audit log"), outcome)?;
    }
    Ok(())
}
