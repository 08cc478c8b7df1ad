//! What people set, as typed documents: each kind is one struct here, stored as JSON under its id with a version.
//!
//! Every change goes through [`Directory::write`], which takes who made it and what the audit log says of it. Left to
//! others: what the store does with the texts (`ledger::documents`), which changes are allowed (the use cases).

pub mod batches;
pub mod keys;
pub mod relay_request;
pub mod relays;
pub mod senders;
pub mod templates;
pub mod tenants;

use domain::{TenantId, Timestamp};
use ledger::{AuditNote, Document, DocumentChange, DocumentWrite, Expected, LedgerError, Store};
use runtime::Clock;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::access::Access;
use crate::error::AppError;

/// Documents read at a time.
const PAGE: u32 = 500;

/// Every kind of a tenant's documents but its own (`tenant`): what goes when the tenant does. A new kind belongs here.
pub const TENANT_KINDS: &[&str] = &[
    keys::ApiKey::KIND,
    relays::Relay::KIND,
    senders::Sender::KIND,
    templates::Template::KIND,
    templates::TemplateVersion::KIND,
    batches::Batch::KIND,
    batches::Member::KIND,
    crate::idempotency::Ordered::KIND,
];

/// One kind of document.
pub trait Kind: Serialize + DeserializeOwned + Send + Sync {
    /// Its word in the books.
    const KIND: &'static str;
}

/// A document as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry<T> {
    /// Its id.
    pub id: String,
    /// Its version.
    pub version: u64,
    /// What it says.
    pub value: T,
    /// When it last changed.
    pub changed_at: Timestamp,
}

/// The documents of one tenant.
#[derive(Clone, Copy)]
pub struct Directory<'a> {
    store: &'a dyn Store,
    clock: &'a dyn Clock,
    tenant: TenantId,
}

impl<'a> Directory<'a> {
    /// Those of the tenant that the caller has access to.
    #[must_use]
    pub fn of(store: &'a dyn Store, clock: &'a dyn Clock, access: &Access) -> Self {
        Self { store, clock, tenant: access.tenant() }
    }

    /// Those of any tenant: for what is looked up before anybody has access, such as a key.
    #[must_use]
    pub(crate) fn of_tenant(store: &'a dyn Store, clock: &'a dyn Clock, tenant: TenantId) -> Self {
        Self { store, clock, tenant }
    }

    /// One document.
    ///
    /// # Errors
    /// When the store fails, or holds what this version cannot read.
    pub async fn get<T: Kind>(&self, id: &str) -> Result<Option<Entry<T>>, AppError> {
        self.store.document_get(self.tenant, T::KIND, id).await?.map(read).transpose()
    }

    /// All documents of a kind, by id.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn list<T: Kind>(&self) -> Result<Vec<Entry<T>>, AppError> {
        let mut all: Vec<Entry<T>> = Vec::new();
        loop {
            let after = all.last().map_or("", |entry| entry.id.as_str()).to_owned();
            let page = self.page(&after, PAGE).await?;
            let is_last = page.len() < PAGE as usize;
            all.extend(page);
            if is_last {
                return Ok(all);
            }
        }
    }

    /// Documents of a kind behind an id, at most `limit`.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn page<T: Kind>(&self, after: &str, limit: u32) -> Result<Vec<Entry<T>>, AppError> {
        let found = self.store.document_list(self.tenant, T::KIND, after, limit).await?;
        found.into_iter().map(read).collect()
    }

    /// Makes changes together, told of in the audit log; gives the new versions.
    ///
    /// # Errors
    /// [`LedgerError::Stale`] when a document is not as expected any more, else when the store fails.
    pub async fn write(&self, changes: Vec<DocumentChange>, note: AuditNote) -> Result<Vec<u64>, AppError> {
        self.store_changes(changes, Some(note)).await
    }

    /// Makes changes together that are nobody's, such as the end of a session whose time is over.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub(crate) async fn write_quietly(&self, changes: Vec<DocumentChange>) -> Result<Vec<u64>, AppError> {
        self.store_changes(changes, None).await
    }

    /// Makes a change that is nobody's, such as when a key was last used.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub async fn note_down<T: Kind>(&self, id: &str, value: &T) -> Result<(), AppError> {
        self.store_changes(vec![change(id, Expected::Any, value)?], None).await.map(drop)
    }

    /// Makes changes that are nobody's together: what programs make by the thousand, such as batch ids.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub async fn note_all_down(&self, changes: Vec<DocumentChange>) -> Result<(), AppError> {
        self.store_changes(changes, None).await.map(drop)
    }

    async fn store_changes(
        &self,
        changes: Vec<DocumentChange>,
        note: Option<AuditNote>,
    ) -> Result<Vec<u64>, AppError> {
        let write = DocumentWrite { tenant: self.tenant, changes, note, now: self.clock.now() };
        Ok(self.store.document_write(write).await?)
    }
}

/// A change that sets a document.
///
/// # Errors
/// When the value cannot be written as JSON: a defect.
pub fn change<T: Kind>(id: &str, expected: Expected, value: &T) -> Result<DocumentChange, AppError> {
    let text = serde_json::to_string(value).map_err(|_| AppError::Defect("writing a document"))?;
    Ok(DocumentChange { kind: T::KIND.to_owned(), id: id.to_owned(), expected, text: Some(text) })
}

/// A change that removes a document.
#[must_use]
pub fn removal<T: Kind>(id: &str, expected: Expected) -> DocumentChange {
    DocumentChange { kind: T::KIND.to_owned(), id: id.to_owned(), expected, text: None }
}

/// What the audit log says of a change by this caller.
#[must_use]
pub fn note(access: &Access, action: &str, object: &str, detail: &impl Serialize) -> AuditNote {
    AuditNote {
        actor: access.user().to_owned(),
        action: action.to_owned(),
        object: object.to_owned(),
        detail: serde_json::to_string(detail).unwrap_or_default(),
    }
}

fn read<T: Kind>(document: Document) -> Result<Entry<T>, AppError> {
    let Document { kind, id, version, text, changed_at } = document;
    let value = serde_json::from_str(&text).map_err(|error| {
        let reason = format!("the document {kind} `{id}` cannot be read: {error}");
        AppError::Ledger(LedgerError::Damaged { reason })
    })?;
    Ok(Entry { id, version, value, changed_at })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::TENANT_KINDS;

    /// Kinds of the installation's own documents, and what stays of a tenant that was removed.
    const OTHERS: [&str; 5] = ["invitation", "roster", "session", "tenant", "user"];

    fn kinds_in(folder: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path())
        {
            if entry.is_dir() {
                kinds_in(&entry, found);
            } else {
                let text = std::fs::read_to_string(&entry).expect("a source file");
                let kinds =
                    text.lines().filter_map(|line| line.trim().strip_prefix("const KIND: &'static str = \""));
                found.extend(kinds.filter_map(|rest| rest.split('"').next()).map(str::to_owned));
            }
        }
    }

    #[test]
    fn every_kind_is_a_tenants_or_the_installations() {
        let mut found = Vec::new();
        kinds_in(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")), &mut found);
        found.sort();
        let mut known: Vec<&str> = TENANT_KINDS.iter().chain(&OTHERS).copied().collect();
        known.sort_unstable();
        assert_eq!(found, known, "a kind that is not listed stays behind when its tenant leaves");
    }
}
