//! The audit log of every tenant, and of the installation.

use domain::TenantId;
use ledger::audit::{LogPass, Notes};

use crate::columns::Columns;
use crate::connection::Connection;
use crate::documents::audit_page;
use crate::failure::Failure;
use crate::queries;

/// Entries read at a time.
const PAGE: u32 = 1000;

pub(super) async fn check(connection: &Connection, notes: &mut Notes) -> Result<(), Failure> {
    let rows = connection.rows(queries::AUDIT_TENANT_LIST, &[]).await?;
    let tenants = rows.iter().map(|row| Ok(TenantId(Columns(row).id(0)?)));
    for tenant in tenants.collect::<Result<Vec<_>, Failure>>()? {
        let mut pass = LogPass::new(tenant);
        loop {
            let page = audit_page(connection, tenant, pass.last(), PAGE).await?;
            if page.is_empty() {
                break;
            }
            page.iter().for_each(|row| pass.add(row, notes));
        }
    }
    Ok(())
}
