//! What people set, and the audit log: see `ledger::documents`.

use async_trait::async_trait;
use domain::TenantId;
use ledger::documents::{AuditNote, DOCUMENTS_PAGE_MAX, check_write};
use ledger::store::Stored;
use ledger::{AuditRow, Document, DocumentChange, DocumentStore, DocumentWrite};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::columns::{id, time, wide};
use crate::draft::Draft;
use crate::failure::Failure;
use crate::queries;
use crate::store::SqliteStore;

#[async_trait]
impl DocumentStore for SqliteStore {
    async fn document_get(&self, tenant: TenantId, kind: &str, document: &str) -> Stored<Option<Document>> {
        let (kind, document) = (kind.to_owned(), document.to_owned());
        self.read("reading a document", move |connection| get(connection, tenant, &kind, &document)).await
    }

    async fn document_list(
        &self,
        tenant: TenantId,
        kind: &str,
        after: &str,
        limit: u32,
    ) -> Stored<Vec<Document>> {
        let (kind, after, limit) = (kind.to_owned(), after.to_owned(), limit.min(DOCUMENTS_PAGE_MAX));
        self.read("listing documents", move |connection| {
            let mut list = connection.prepare_cached(queries::DOCUMENT_LIST)?;
            let rows =
                list.query_map(params![wide(tenant.0), kind, after, limit], |row| document(&kind, row))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn document_write(&self, write: DocumentWrite) -> Stored<Vec<u64>> {
        const OPERATION: &str = "storing documents";
        check_write(OPERATION, &write)?;
        let rows = 1 + write.changes.len();
        self.write(OPERATION, rows, move |draft| write_all(draft, &write)).await
    }

    async fn audit_list(&self, tenant: TenantId, after: u64, limit: u32) -> Stored<Vec<AuditRow>> {
        let limit = limit.min(DOCUMENTS_PAGE_MAX);
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        self.read("reading the audit log", move |connection| {
            let mut list = connection.prepare_cached(queries::AUDIT_LIST)?;
            let rows = list.query_map(params![wide(tenant.0), after, limit], audit_row)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }
}

fn get(
    connection: &Connection,
    tenant: TenantId,
    kind: &str,
    name: &str,
) -> Result<Option<Document>, Failure> {
    let mut get = connection.prepare_cached(queries::DOCUMENT_GET)?;
    let found = get.query_row(params![wide(tenant.0), kind, name], |row| document(kind, row));
    Ok(found.optional()?)
}

fn document(kind: &str, row: &Row<'_>) -> rusqlite::Result<Document> {
    Ok(Document {
        kind: kind.to_owned(),
        id: row.get(0)?,
        version: id(row, 1)?,
        text: row.get(2)?,
        changed_at: time(row, 3)?,
    })
}

fn write_all(draft: &Draft<'_>, write: &DocumentWrite) -> Result<Vec<u64>, Failure> {
    let versions = write.changes.iter().map(|change| write_one(draft, write, change));
    let versions = versions.collect::<Result<Vec<_>, Failure>>()?;
    if let Some(note) = &write.note {
        log(draft, write, note)?;
    }
    Ok(versions)
}

fn write_one(draft: &Draft<'_>, write: &DocumentWrite, change: &DocumentChange) -> Result<u64, Failure> {
    let DocumentChange { kind, id: name, text, .. } = change;
    let tenant = wide(write.tenant.0);
    let mut standing = draft.prepare(queries::DOCUMENT_VERSION)?;
    let standing = standing.query_row(params![tenant, kind, name], |row| id(row, 0)).optional()?;
    let version = change.version_after(standing)?;
    let now = write.now.as_millis();
    match (standing, text) {
        (None, None) => 0,
        (Some(standing), None) => {
            draft.prepare(queries::DOCUMENT_DROP)?.execute(params![tenant, kind, name, wide(standing)])?
        }
        (None, Some(text)) => {
            draft.prepare(queries::DOCUMENT_INSERT)?.execute(params![tenant, kind, name, text, now])?
        }
        (Some(standing), Some(text)) => {
            let values = params![tenant, kind, name, wide(standing), text, now];
            draft.prepare(queries::DOCUMENT_SET)?.execute(values)?
        }
    };
    Ok(version)
}

/// Adds the entry behind the last one of the tenant's log.
fn log(draft: &Draft<'_>, write: &DocumentWrite, note: &AuditNote) -> Result<(), Failure> {
    let tenant = wide(write.tenant.0);
    let mut last = draft.prepare(queries::AUDIT_LAST)?;
    let last = last.query_row([tenant], |row| Ok((id(row, 0)?, row.get(1)?))).optional()?;
    let row = AuditRow::after(last, write, note);
    let AuditNote { actor, action, object, detail } = &row.note;
    let values =
        params![tenant, wide(row.number), row.at.as_millis(), actor, action, object, detail, row.chain];
    draft.prepare(queries::AUDIT_INSERT)?.execute(values)?;
    Ok(())
}

/// An entry of a log out of its columns.
pub(crate) fn audit_row(row: &Row<'_>) -> rusqlite::Result<AuditRow> {
    let note =
        AuditNote { actor: row.get(3)?, action: row.get(4)?, object: row.get(5)?, detail: row.get(6)? };
    let (tenant, number) = (TenantId(id(row, 0)?), id(row, 1)?);
    Ok(AuditRow { tenant, number, at: time(row, 2)?, note, chain: row.get(7)? })
}
