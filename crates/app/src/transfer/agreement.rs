//! Whether two stores hold the same: rows and digest of each table and tenant, read from both.

use domain::TenantId;
use ledger::Snapshot;
use ledger::copy::{RowDigest, TABLES, Table, Value};

use super::{Side, TransferError, each_row};
use crate::error::AppError;

/// How much of a table was compared, over all tenants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableCount {
    /// Its name.
    pub table: &'static str,
    /// Tenants with rows in it; 0 for a table that is nobody's.
    pub tenants: u64,
    /// Its rows.
    pub rows: u64,
}

/// Rows and digest of one tenant's part of a table.
type Part = (Option<TenantId>, u64, [u8; 32]);

/// Compares every table; all equal: how much it was.
///
/// # Errors
/// [`TransferError::Differs`] at the first that is not, or when a store fails.
pub(super) async fn compare(
    (source, snapshot): (&Side, &mut dyn Snapshot),
    target: &Side,
) -> Result<Vec<TableCount>, AppError> {
    let mut there = target.rows.snapshot().await?;
    let mut counts = Vec::with_capacity(TABLES.len());
    for table in TABLES {
        let (here, there) = (parts(snapshot, table).await?, parts(&mut *there, table).await?);
        if here != there {
            let places = (source.place.clone(), target.place.clone());
            let tenant = first_difference(&here, &there);
            let (from, to) = places;
            return Err(TransferError::Differs { table: table.name, tenant, from, to }.into());
        }
        let tenants = here.iter().filter(|part| part.0.is_some()).count() as u64;
        let rows = here.iter().map(|part| part.1).sum();
        counts.push(TableCount { table: table.name, tenants, rows });
    }
    Ok(counts)
}

fn first_difference(here: &[Part], there: &[Part]) -> Option<TenantId> {
    let found =
        here.iter().find(|part| !there.contains(part)).or(there.iter().find(|part| !here.contains(part)));
    found.and_then(|part| part.0)
}

/// A table's parts in the order of their tenants.
async fn parts(snapshot: &mut dyn Snapshot, table: &'static Table) -> Result<Vec<Part>, AppError> {
    let mut parts: Vec<Part> = Vec::new();
    let mut open: Option<(Option<TenantId>, u64, RowDigest)> = None;
    each_row(snapshot, table, |row| {
        let tenant = match (&row[0], table.is_of_tenants()) {
            (Value::Number(id), true) => Some(TenantId(id.cast_unsigned())),
            _ => None,
        };
        if open.as_ref().is_none_or(|(whose, ..)| *whose != tenant) {
            parts.extend(open.take().map(closed));
            open = Some((tenant, 0, RowDigest::default()));
        }
        if let Some((_, rows, digest)) = &mut open {
            *rows += 1;
            digest.add(row);
        }
    })
    .await?;
    parts.extend(open.take().map(closed));
    Ok(parts)
}

fn closed((tenant, rows, digest): (Option<TenantId>, u64, RowDigest)) -> Part {
    (tenant, rows, digest.finish())
}
