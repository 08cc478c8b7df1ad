//! What people set, and the audit log: see `ledger::documents`.
//!
//! Another node may write the same tenant's documents at the same time. It waits for the log's lock, so that each entry
//! follows the last; and for the row of a document that stands. A document that both make is found by trying again.

use std::sync::Arc;

use async_trait::async_trait;
use domain::TenantId;
use ledger::documents::{AuditNote, DOCUMENTS_PAGE_MAX, check_write};
use ledger::store::Stored;
use ledger::{AuditRow, Document, DocumentChange, DocumentStore, DocumentWrite};

use crate::columns::Columns;
use crate::connection::{Connection, Values};
use crate::draft::Draft;
use crate::failure::Failure;
use crate::queries;
use crate::store::{PostgresStore, Write};
use crate::values::{whole, wide};

#[async_trait]
impl DocumentStore for PostgresStore {
    async fn document_get(&self, tenant: TenantId, kind: &str, id: &str) -> Stored<Option<Document>> {
        let key = Arc::new((kind.to_owned(), id.to_owned()));
        self.read("reading a document", move |connection| {
            let key = Arc::clone(&key);
            Box::pin(async move { get(connection, tenant, &key.0, &key.1).await })
        })
        .await
    }

    async fn document_list(
        &self,
        tenant: TenantId,
        kind: &str,
        after: &str,
        limit: u32,
    ) -> Stored<Vec<Document>> {
        let key = Arc::new((kind.to_owned(), after.to_owned()));
        let limit = limit.min(DOCUMENTS_PAGE_MAX);
        self.read("listing documents", move |connection| {
            let key = Arc::clone(&key);
            Box::pin(async move {
                let values: Values<'_> = &[&wide(tenant.0), &key.0, &key.1, &whole(limit)];
                let rows = connection.rows(queries::DOCUMENT_LIST, values).await?;
                rows.iter().map(|row| document(&key.0, Columns(row))).collect()
            })
        })
        .await
    }

    async fn document_write(&self, write: DocumentWrite) -> Stored<Vec<u64>> {
        const OPERATION: &str = "storing documents";
        check_write(OPERATION, &write)?;
        let all = Arc::new(write);
        self.write(Write { operation: OPERATION, tenant: all.tenant, at: all.now }, move |draft| {
            let all = Arc::clone(&all);
            Box::pin(async move { write_all(draft, &all).await })
        })
        .await
    }

    async fn audit_list(&self, tenant: TenantId, after: u64, limit: u32) -> Stored<Vec<AuditRow>> {
        let limit = limit.min(DOCUMENTS_PAGE_MAX);
        let after = whole(i64::try_from(after).unwrap_or(i64::MAX));
        self.read("reading the audit log", move |connection| {
            Box::pin(async move {
                let values: Values<'_> = &[&wide(tenant.0), &after, &whole(limit)];
                let rows = connection.rows(queries::AUDIT_LIST, values).await?;
                rows.iter().map(|row| audit_row(Columns(row))).collect()
            })
        })
        .await
    }
}

async fn get(
    connection: &Connection,
    tenant: TenantId,
    kind: &str,
    id: &str,
) -> Result<Option<Document>, Failure> {
    let row = connection.row(queries::DOCUMENT_GET, &[&wide(tenant.0), &kind, &id]).await?;
    row.map(|row| document(kind, Columns(&row))).transpose()
}

fn document(kind: &str, row: Columns<'_>) -> Result<Document, Failure> {
    Ok(Document {
        kind: kind.to_owned(),
        id: row.value(0)?,
        version: row.id(1)?,
        text: row.value(2)?,
        changed_at: row.time(3)?,
    })
}

async fn write_all(draft: &Draft, write: &DocumentWrite) -> Result<Vec<u64>, Failure> {
    // The log's lock before any document's: no two writers wait in a circle.
    if write.note.is_some() {
        draft.execute(queries::AUDIT_LOCK, &[&wide(write.tenant.0)]).await?;
    }
    let mut versions = Vec::with_capacity(write.changes.len());
    for change in &write.changes {
        versions.push(write_one(draft, write, change).await?);
    }
    if let Some(note) = &write.note {
        log(draft, write, note).await?;
    }
    Ok(versions)
}

async fn write_one(draft: &Draft, write: &DocumentWrite, change: &DocumentChange) -> Result<u64, Failure> {
    let DocumentChange { kind, id, text, .. } = change;
    let (tenant, now) = (wide(write.tenant.0), whole(write.now.as_millis()));
    let standing = draft.row(queries::DOCUMENT_LOCK, &[&tenant, kind, id]).await?;
    let standing = standing.map(|row| Columns(&row).id(0)).transpose()?;
    let version = change.version_after(standing)?;
    let changed = match (standing, text) {
        (None, None) => 1,
        (Some(standing), None) => {
            draft.execute(queries::DOCUMENT_DROP, &[&tenant, kind, id, &wide(standing)]).await?
        }
        (None, Some(text)) => {
            draft.execute(queries::DOCUMENT_INSERT, &[&tenant, kind, id, text, &now]).await?
        }
        (Some(standing), Some(text)) => {
            let values: Values<'_> = &[&tenant, kind, id, &wide(standing), text, &now];
            draft.execute(queries::DOCUMENT_SET, values).await?
        }
    };
    if changed == 1 { Ok(version) } else { Err(Failure::Again("another node made the document meanwhile")) }
}

/// Adds the entry behind the last one of the tenant's log.
async fn log(draft: &Draft, write: &DocumentWrite, note: &AuditNote) -> Result<(), Failure> {
    let tenant = wide(write.tenant.0);
    let last = draft.row(queries::AUDIT_LAST, &[&tenant]).await?;
    let last =
        last.map(|row| Ok::<_, Failure>((Columns(&row).id(0)?, Columns(&row).octets(1)?))).transpose()?;
    let row = AuditRow::after(last, write, note);
    let AuditNote { actor, action, object, detail } = &row.note;
    let (number, at, chain) = (wide(row.number), whole(row.at.as_millis()), row.chain.as_slice());
    let values: Values<'_> = &[&tenant, &number, &at, actor, action, object, detail, &chain];
    draft.execute(queries::AUDIT_INSERT, values).await.map(drop)
}

/// An entry of a log out of its columns.
pub(crate) fn audit_row(row: Columns<'_>) -> Result<AuditRow, Failure> {
    let (actor, action) = (row.value(3)?, row.value(4)?);
    let note = AuditNote { actor, action, object: row.value(5)?, detail: row.value(6)? };
    let (tenant, number) = (TenantId(row.id(0)?), row.id(1)?);
    Ok(AuditRow { tenant, number, at: row.time(2)?, note, chain: row.octets(7)? })
}
