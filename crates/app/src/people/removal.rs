//! Off-boarding: what people set of a tenant is removed, and what was removed can be proven.
//!
//! Before anything goes, the installation's audit log says, for each kind, how many documents there are and a digest over their
//! ids, versions and texts; afterwards, that they are gone. Whoever has a copy can show that it is what was removed, and
//! nobody can read it back from the digest. Left to others: the tenant's books, which prove its mails for as long as they are kept.
//! A removal that was interrupted goes on when it is asked for again.

use aws_lc_rs::digest::{Context, SHA256};
use domain::TenantId;
use ledger::{Document, DocumentChange, DocumentWrite, Expected};
use serde::Serialize;
use serde_json::json;

use super::People;
use super::invitation::Invitation;
use super::login::again;
use super::roster::{Roster, Seat};
use super::user::User;
use crate::access::{Access, INSTALLATION, Right};
use crate::directory::tenants::{self, Tenant, TenantState};
use crate::directory::{Directory, TENANT_KINDS, change, note, removal};
use crate::error::{AppError, hex};

/// Documents read, and removed, at a time.
const PAGE: u32 = 200;

/// What was removed of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RemovedKind {
    /// The kind.
    pub kind: String,
    /// How many documents.
    pub documents: u64,
    /// SHA-256 over the id, version and text of each, by id; hexadecimal.
    pub digest: String,
}

/// What was removed of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Removed {
    /// Its documents.
    pub kinds: Vec<RemovedKind>,
    /// People who belonged to it.
    pub people: usize,
}

impl People {
    /// Removes all documents of the operator's tenant, and its people's posts; accounts without any other post go too.
    ///
    /// # Errors
    /// [`AppError::Forbidden`]; [`AppError::BadInput`] for a tenant that still sends, or another name than its own; when the
    /// store fails.
    pub async fn remove_tenant(&self, operator: &Access, name: &str) -> Result<Removed, AppError> {
        let tenant = operator.require(Right::Operate)?;
        self.require_removable(operator, name).await?;
        let mut kinds = Vec::new();
        for kind in TENANT_KINDS {
            kinds.push(self.counted(tenant, kind).await?);
        }
        let (roster, _) = self.roster(Seat::Tenant(tenant)).await?;
        let removed = Removed { kinds, people: roster.ids().count() };
        let said = |action| {
            note(operator, action, &tenant.to_string(), &json!({ "name": name, "removed": removed }))
        };
        // A tenant without a document would be an active one: its own becomes its tombstone first.
        let tombstone = Tenant { state: TenantState::Removed, reason: None };
        let directory = Directory::of_tenant(&*self.store, &*self.clock, tenant);
        directory.write(vec![change(tenants::ID, Expected::Any, &tombstone)?], said("tenant.remove")).await?;
        self.told(said("tenant.remove.begin")).await?;
        for kind in TENANT_KINDS {
            self.remove_kind(tenant, kind).await?;
        }
        self.remove_people(tenant, &roster).await?;
        self.told(said("tenant.remove.end")).await?;
        Ok(removed)
    }

    async fn require_removable(&self, operator: &Access, name: &str) -> Result<(), AppError> {
        if name != operator.tenant_name() {
            return Err(AppError::BadInput("name: write the tenant's own name to remove it".to_owned()));
        }
        match tenants::state(&*self.store, &*self.clock, operator).await? {
            TenantState::Suspended | TenantState::Rejected | TenantState::Removed => Ok(()),
            state @ (TenantState::Active | TenantState::Pending) => Err(AppError::BadInput(format!(
                "the tenant is {}; suspend or reject it first, and export what it needs",
                state.word()
            ))),
        }
    }

    async fn counted(&self, tenant: TenantId, kind: &str) -> Result<RemovedKind, AppError> {
        let mut digest = Digest::new(kind);
        let mut after = String::new();
        loop {
            let page = self.store.document_list(tenant, kind, &after, PAGE).await?;
            page.iter().for_each(|document| digest.add(document));
            match page.last() {
                Some(last) if page.len() == PAGE as usize => after.clone_from(&last.id),
                _ => return Ok(digest.finish(kind)),
            }
        }
    }

    async fn remove_kind(&self, tenant: TenantId, kind: &str) -> Result<(), AppError> {
        loop {
            let page = self.store.document_list(tenant, kind, "", PAGE).await?;
            if page.is_empty() {
                return Ok(());
            }
            let changes = page.into_iter().map(|document| DocumentChange {
                kind: kind.to_owned(),
                id: document.id,
                // What changed since it was counted must not go uncounted.
                expected: Expected::Version(document.version),
                text: None,
            });
            let write =
                DocumentWrite { tenant, changes: changes.collect(), note: None, now: self.clock.now() };
            self.store.document_write(write).await?;
        }
    }

    async fn remove_people(&self, tenant: TenantId, roster: &Roster) -> Result<(), AppError> {
        for id in roster.ids() {
            let Some(mut user) = self.user(id).await? else { continue };
            user.value.memberships.remove(&tenant.to_string());
            let mut changes = self.end_sessions(id, &mut user.value, None).await?;
            let expected = Expected::Version(user.version);
            let is_nobody = user.value.memberships.is_empty() && user.value.operator.is_none();
            changes.push(if is_nobody {
                removal::<User>(id, expected)
            } else {
                change(id, expected, &user.value)?
            });
            self.directory().write_quietly(changes).await.map_err(again)?;
        }
        let of_tenant = |link: &Invitation| link.is_of(tenant);
        let links = self.directory().list::<Invitation>().await?;
        let links = links.into_iter().filter(|entry| of_tenant(&entry.value));
        let mut gone: Vec<_> = links.map(|entry| removal::<Invitation>(&entry.id, Expected::Any)).collect();
        gone.push(removal::<Roster>(&Seat::Tenant(tenant).id(), Expected::Any));
        self.directory().write_quietly(gone).await.map(drop)
    }

    async fn told(&self, note: ledger::AuditNote) -> Result<(), AppError> {
        self.tell_tenant(INSTALLATION, note).await
    }
}

struct Digest {
    context: Context,
    documents: u64,
}

impl Digest {
    fn new(kind: &str) -> Self {
        let mut context = Context::new(&SHA256);
        context.update(b"hikyaku removed documents 1\0");
        context.update(kind.as_bytes());
        Self { context, documents: 0 }
    }

    fn add(&mut self, document: &Document) {
        self.documents += 1;
        self.context.update(&document.version.to_be_bytes());
        for text in [&document.id, &document.text] {
            self.context.update(&(text.len() as u64).to_be_bytes());
            self.context.update(text.as_bytes());
        }
    }

    fn finish(self, kind: &str) -> RemovedKind {
        let digest = hex(self.context.finish().as_ref());
        RemovedKind { kind: kind.to_owned(), documents: self.documents, digest }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::Kind;
    use domain::Timestamp;

    fn document(id: &str, version: u64, text: &str) -> Document {
        let (kind, changed_at) = ("sender".to_owned(), Timestamp::EPOCH);
        Document { kind, id: id.to_owned(), version, text: text.to_owned(), changed_at }
    }

    fn digest(documents: &[Document]) -> RemovedKind {
        let mut digest = Digest::new("sender");
        documents.iter().for_each(|document| digest.add(document));
        digest.finish("sender")
    }

    #[test]
    fn every_octet_of_what_goes_is_in_the_digest() {
        let of = |id, version, text| digest(&[document(id, version, text)]).digest;
        let first = of("a", 1, "{}");
        for other in
            [of("b", 1, "{}"), of("a", 2, "{}"), of("a", 1, "{ }"), of("a{", 1, "}"), digest(&[]).digest]
        {
            assert_ne!(first, other);
        }
        assert_eq!(digest(&[document("a", 1, ""), document("b", 1, "")]).documents, 2);
        assert!(!TENANT_KINDS.contains(&Tenant::KIND), "the tombstone stays");
    }
}
