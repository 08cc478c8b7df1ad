//! The directory's documents: what people set (keys, relays' settings, verified senders, users …), one JSON text each,
//! and the audit log of every change.
//!
//! A store knows nothing of what is in a document; the rooms above give kinds and shapes. What must be found fast or
//! joined by the engine is a table of its own, never a document. Secrets stand in documents only encrypted or hashed.
//!
//! Invariants: a document changes only from the version that its writer saw; each change has its audit entry in the
//! same transaction; the audit log of a tenant is a hash chain that only grows.

use aws_lc_rs::digest::{Context, SHA256};
use domain::{TenantId, Timestamp};

use crate::error::LedgerError;

/// Octets of a document's text.
pub const DOCUMENT_OCTETS_MAX: usize = 2 << 20;
/// Characters of a document's kind.
pub const KIND_MAX: usize = 32;
/// Octets of a document's id.
pub const DOCUMENT_ID_OCTETS_MAX: usize = 400;
/// Octets of each text of an entry of the audit log.
pub const NOTE_OCTETS_MAX: usize = 64 << 10;
/// Documents changed at a time.
pub const CHANGES_MAX: usize = 1000;
/// Octets of all texts changed at a time.
pub const CHANGES_OCTETS_MAX: usize = 64 << 20;
/// Documents, and entries of the audit log, given at a time.
pub const DOCUMENTS_PAGE_MAX: u32 = 1000;

/// A document as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// What it is: a short word such as `api-key`.
    pub kind: String,
    /// Unique among the tenant's documents of the kind; compared octet by octet.
    pub id: String,
    /// 1 when it was made, one more at each change. A document that is made again after its removal begins anew: who gives
    /// ids must not give one twice where a version that was seen before the removal could still be written against.
    pub version: u64,
    /// JSON.
    pub text: String,
    /// When it last changed.
    pub changed_at: Timestamp,
}

/// What must stand for a change to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// Whatever stands.
    Any,
    /// No document.
    Nothing,
    /// This version.
    Version(u64),
}

/// One document's change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentChange {
    /// Its kind.
    pub kind: String,
    /// Its id.
    pub id: String,
    /// What must stand.
    pub expected: Expected,
    /// The new text; `None` removes it.
    pub text: Option<String>,
}

/// Who did what; stored with the change that it tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditNote {
    /// Who: a user, a key's name, `command line`.
    pub actor: String,
    /// What was done: noun and verb, such as `key.create`.
    pub action: String,
    /// To what.
    pub object: String,
    /// More of it, as JSON, or empty; never a secret.
    pub detail: String,
}

/// An entry of a tenant's audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    /// Whose log.
    pub tenant: TenantId,
    /// 1, 2, 3 …
    pub number: u64,
    /// When.
    pub at: Timestamp,
    /// Who did what.
    pub note: AuditNote,
    /// [`audit_chain`] over the chain of the entry before and this one.
    pub chain: [u8; 32],
}

/// Changes of one tenant's documents that are made together or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentWrite {
    /// Whose.
    pub tenant: TenantId,
    /// In this order.
    pub changes: Vec<DocumentChange>,
    /// What the log says of it; `None` for what is no change of anybody's making (such as when a key was last used).
    pub note: Option<AuditNote>,
    /// Now.
    pub now: Timestamp,
}

impl DocumentChange {
    /// The version that this change leads to from the one that stands, if one does; 0 for a removal.
    ///
    /// # Errors
    /// [`LedgerError::Stale`] when what stands is not what was expected.
    pub fn version_after(&self, standing: Option<u64>) -> Result<u64, LedgerError> {
        let fits = match self.expected {
            Expected::Any => true,
            Expected::Nothing => standing.is_none(),
            Expected::Version(version) => standing == Some(version),
        };
        if !fits {
            return Err(LedgerError::Stale { what: format!("{} `{}`", self.kind, self.id) });
        }
        Ok(if self.text.is_some() { standing.unwrap_or(0) + 1 } else { 0 })
    }

    /// Why no store takes it, if so.
    fn objection(&self) -> Option<String> {
        let Self { kind, id, text, .. } = self;
        if kind.is_empty() || kind.chars().count() > KIND_MAX || kind.contains('\0') {
            return Some(format!("a document's kind has 1 to {KIND_MAX} characters, none of them zero"));
        }
        if id.is_empty() || id.len() > DOCUMENT_ID_OCTETS_MAX || id.contains('\0') {
            return Some(format!(
                "the id of a document of kind {kind} has 1 to {DOCUMENT_ID_OCTETS_MAX} octets, none of them zero"
            ));
        }
        let text = text.as_deref().unwrap_or_default();
        if text.len() > DOCUMENT_OCTETS_MAX {
            let octets = text.len();
            return Some(format!(
                "{kind} `{id}` has {octets} octets; at most {DOCUMENT_OCTETS_MAX} are kept"
            ));
        }
        text.contains('\0').then(|| format!("{kind} `{id}` has an octet zero, which no JSON has"))
    }
}

impl AuditRow {
    /// The entry that follows the last one of a tenant's log, whose number and chain are given.
    #[must_use]
    pub fn after(last: Option<(u64, [u8; 32])>, write: &DocumentWrite, note: &AuditNote) -> Self {
        let (number, before) = last.unwrap_or((0, [0; 32]));
        let (tenant, at, note) = (write.tenant, write.now, note.clone());
        let mut row = Self { tenant, number: number + 1, at, note, chain: [0; 32] };
        row.chain = audit_chain(&before, &row);
        row
    }
}

/// Refuses what no store takes.
///
/// # Errors
/// [`LedgerError::Refused`] for what is beyond a limit.
pub fn check_write(operation: &'static str, write: &DocumentWrite) -> Result<(), LedgerError> {
    let refuse = |reason: String| Err(LedgerError::Refused { operation, reason });
    let octets: usize = write.changes.iter().filter_map(|change| change.text.as_ref()).map(String::len).sum();
    if write.changes.len() > CHANGES_MAX || octets > CHANGES_OCTETS_MAX {
        return refuse(format!(
            "at most {CHANGES_MAX} documents of {CHANGES_OCTETS_MAX} octets in all are changed at a time"
        ));
    }
    if let Some(reason) = write.changes.iter().find_map(DocumentChange::objection) {
        return refuse(reason);
    }
    if let Some(AuditNote { actor, action, object, detail }) = &write.note
        && [actor, action, object, detail]
            .iter()
            .any(|text| text.contains('\0') || text.len() > NOTE_OCTETS_MAX)
    {
        return refuse(format!(
            "a text of the audit log has at most {NOTE_OCTETS_MAX} octets, none of them zero"
        ));
    }
    Ok(())
}

/// The chain's value behind an entry; `before` is that of the entry before, zeros for the first.
#[must_use]
pub fn audit_chain(before: &[u8; 32], row: &AuditRow) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    context.update(b"hikyaku audit 1");
    context.update(before);
    context.update(&row.tenant.0.to_be_bytes());
    context.update(&row.number.to_be_bytes());
    context.update(&row.at.as_millis().to_be_bytes());
    let AuditNote { actor, action, object, detail } = &row.note;
    for text in [actor, action, object, detail] {
        context.update(&(text.len() as u64).to_be_bytes());
        context.update(text.as_bytes());
    }
    let mut chain = [0; 32];
    chain.copy_from_slice(context.finish().as_ref());
    chain
}
