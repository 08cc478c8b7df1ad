//! The audit log of every tenant, and of the installation.

use domain::TenantId;
use ledger::audit::{LogPass, Notes};
use rusqlite::Connection;

use crate::columns::id;
use crate::documents::audit_page;
use crate::failure::Failure;
use crate::queries;

/// Entries read at a time.
const PAGE: u32 = 1000;

pub(super) fn check(connection: &Connection, notes: &mut Notes) -> Result<(), Failure> {
    let mut list = connection.prepare_cached(queries::AUDIT_TENANT_LIST)?;
    let tenants = list.query_map([], |row| Ok(TenantId(id(row, 0)?)))?.collect::<Result<Vec<_>, _>>()?;
    for tenant in tenants {
        let mut pass = LogPass::new(tenant);
        loop {
            let page = audit_page(connection, tenant, pass.last(), PAGE)?;
            if page.is_empty() {
                break;
            }
            page.iter().for_each(|row| pass.add(row, notes));
        }
    }
    Ok(())
}
