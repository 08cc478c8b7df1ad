//! Every row of the books as it stands, for a copy from one store into another.
//!
//! What a row means is not looked at: columns are numbers, texts or octets, and a copy is the same to the octet, chains
//! included. Rows are read from one state of the books in the order of their keys, page by page, so that a copy that was
//! broken off goes on behind the last key that it has. Two stores agree when the digests of their tables do.

use async_trait::async_trait;
use aws_lc_rs::digest::{Context, SHA256};

use crate::error::LedgerError;

/// What a column holds; any may also hold nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A whole number of up to 64 bits.
    Number,
    /// UTF-8.
    Text,
    /// Octets.
    Octets,
}

/// One value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Nothing.
    Null,
    /// A whole number.
    Number(i64),
    /// A text.
    Text(String),
    /// Octets.
    Octets(Vec<u8>),
}

/// A row, in the order of [`Table::columns`].
pub type CopyRow = Vec<Value>;

/// A table that is part of every copy.
#[derive(Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name, the same in every store.
    pub name: &'static str,
    /// Its columns; those of its key lead.
    pub columns: &'static [(&'static str, Kind)],
    /// How many columns its key has.
    pub key: usize,
    /// Rows read and written at a time.
    pub page: u32,
}

/// Rows of a page; some have an address, some fields of a list.
const PAGE: u32 = 2000;
/// Parts of content can be as large as an attachment may.
const PAGE_OF_CONTENT: u32 = 2;

/// Documents can be large, and there are few.
const PAGE_OF_DOCUMENTS: u32 = 50;
/// Entries of the audit log have a text that may be long.
const PAGE_OF_LOG: u32 = 200;

macro_rules! tables {
    ($($name:ident by $key:literal, $page:ident: $($column:ident $kind:ident),+;)*) => {
        /// All tables, each behind those that its rows refer to.
        pub const TABLES: &[Table] = &[$(Table {
            name: stringify!($name),
            columns: &[$((stringify!($column), Kind::$kind)),+],
            key: $key,
            page: $page,
        }),*];
    };
}

tables! {
    tenant by 1, PAGE: tenant_id Number, name Text, created_at Number;
    relay by 2, PAGE: tenant_id Number, relay_id Number, host Text, port Number, security Text, user_name Text,
        kind Text, created_at Number;
    credential by 3, PAGE: tenant_id Number, relay_id Number, credential_version Number, fingerprint Octets,
        created_at Number;
    release by 2, PAGE: tenant_id Number, release_id Number, relay_id Number, name Text, content_digest Octets,
        lane Number, created_at Number;
    release_state by 2, PAGE: tenant_id Number, release_id Number, state Number, changed_at Number,
        list_digest Octets, policy Text, retry_initial_ms Number, deadline_at Number;
    content_part by 3, PAGE_OF_CONTENT: tenant_id Number, release_id Number, part_no Number, name Text, bytes Octets;
    sender by 1, PAGE: sender_epoch Number, node_id Number, journal Number, boot Octets, started_at Number;
    session by 2, PAGE: tenant_id Number, session_id Number, relay_id Number, credential_version Number,
        fingerprint Octets, peer Text, tls Text, sender_epoch Number, opened_at Number;
    intent by 3, PAGE: tenant_id Number, release_id Number, intent_no Number, wave Number, suppression Number,
        sender_epoch Number, link_no Number;
    attempt by 4, PAGE: tenant_id Number, release_id Number, intent_no Number, attempt_no Number, session_id Number,
        relay_id Number, credential_version Number, fingerprint Octets, body_digest Octets, opened_at Number,
        sender_epoch Number, link_no Number;
    outcome by 5, PAGE: tenant_id Number, release_id Number, intent_no Number, attempt_no Number, verdict Number,
        phase Number, code Number, enhanced Number, reply_digest Octets, at Number, sender_epoch Number,
        link_no Number;
    witness by 6, PAGE: tenant_id Number, release_id Number, intent_no Number, attempt_no Number, source Text,
        event_id Text, accepted Number, payload_digest Octets, at Number, sender_epoch Number, link_no Number;
    link by 4, PAGE: tenant_id Number, book Number, sender_epoch Number, link_no Number, row_count Number,
        rows_total Number, root Octets, chain Octets, at Number;
    audience_wave by 3, PAGE: tenant_id Number, release_id Number, wave Number, first_intent Number,
        last_intent Number, digest Octets, sealed_at Number;
    recipient by 3, PAGE: tenant_id Number, release_id Number, intent_no Number, address Text, fields Text;
    reply_text by 5, PAGE: tenant_id Number, release_id Number, intent_no Number, attempt_no Number, verdict Number,
        text Text;
    delivery_chunk by 3, PAGE: tenant_id Number, release_id Number, chunk_no Number, first_intent Number,
        last_intent Number, due_at Number, lease_sender Number, lease_epoch Number, lease_until Number,
        sealed_digest Octets, accounted Number, accounted_digest Octets, open_intents Octets;
    retry_due by 3, PAGE: tenant_id Number, release_id Number, intent_no Number, due_at Number;
    counter by 2, PAGE: tenant_id Number, release_id Number, audience Number, accepted Number, rejected Number,
        suppressed Number, cancelled Number, expired Number, unknown Number, pending Number, duplicates Number;
    verdict_minute by 3, PAGE: tenant_id Number, minute Number, release_id Number, accepted Number, deferred Number,
        rejected Number, unknown Number, cancelled Number, expired Number;
    lease_lost by 4, PAGE: tenant_id Number, release_id Number, chunk_no Number, sender_epoch Number;
    release_route by 2, PAGE: tenant_id Number, release_id Number, credential_version Number, sealed Octets,
        changed_at Number;
    document by 3, PAGE_OF_DOCUMENTS: tenant_id Number, kind Text, document_id Text, version Number, body Text,
        changed_at Number;
    audit by 2, PAGE_OF_LOG: tenant_id Number, audit_no Number, at Number, actor Text, action Text, object Text, detail Text,
        chain Octets;
    relay_use by 3, PAGE: tenant_id Number, relay_id Number, second Number, messages Number;
}

/// How much books take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Extent {
    /// Octets of tables and indexes on the disk.
    pub octets: u64,
    /// Rows that were inserted, changed or deleted: by this store since it was opened, where one process owns the books;
    /// else by all since they were made, as far as the server counted by now.
    pub rows_written: u64,
}

/// A store that can be copied from and into.
#[async_trait]
pub trait CopyStore: Send + Sync {
    /// One state of the books, held until the value is dropped; senders go on beside it.
    async fn snapshot(&self) -> Result<Box<dyn Snapshot>, LedgerError>;

    /// Adds rows as they are, durably; those whose key stands already are passed over.
    async fn copy_insert(&self, table: &'static Table, rows: Vec<CopyRow>) -> Result<(), LedgerError>;

    /// How much its books take.
    async fn extent(&self) -> Result<Extent, LedgerError>;
}

/// One state of the books.
#[async_trait]
pub trait Snapshot: Send {
    /// A table's rows behind a row (its key alone counts) or from the first, by their keys, a page of them.
    async fn rows(
        &mut self,
        table: &'static Table,
        after: Option<&CopyRow>,
    ) -> Result<Vec<CopyRow>, LedgerError>;

    /// The row of the highest key.
    async fn last(&mut self, table: &'static Table) -> Result<Option<CopyRow>, LedgerError>;
}

impl Table {
    /// True when its rows belong to tenants, whose id leads.
    #[must_use]
    pub fn is_of_tenants(&self) -> bool {
        self.columns[0].0 == "tenant_id"
    }

    /// A store's text of a statement for this table: `{table}`, `{columns}`, `{key}`, `{backwards}`, and `{after}`,
    /// `{values}` and `{limit}` with the store's own marks of parameters (`?1` or `$1`).
    #[must_use]
    pub fn fill(&self, text: &str, mark: char) -> String {
        let names = |count: usize, ending: &str| {
            let names = self.columns[..count].iter().map(|(name, _)| format!("{name}{ending}"));
            names.collect::<Vec<_>>().join(", ")
        };
        let marks =
            |count: usize| (1..=count).map(|number| format!("{mark}{number}")).collect::<Vec<_>>().join(", ");
        text.replace("{table}", self.name)
            .replace("{columns}", &names(self.columns.len(), ""))
            .replace("{key}", &names(self.key, ""))
            .replace("{backwards}", &names(self.key, " DESC"))
            .replace("{after}", &marks(self.key))
            .replace("{values}", &marks(self.columns.len()))
            .replace("{limit}", &self.page.to_string())
    }
}

/// Digest over rows in the order of their keys.
pub struct RowDigest(Context);

impl Default for RowDigest {
    fn default() -> Self {
        Self(Context::new(&SHA256))
    }
}

impl RowDigest {
    /// Adds a row. Neither values nor rows run together.
    pub fn add(&mut self, row: &CopyRow) {
        for value in row {
            let (kind, octets) = match value {
                Value::Null => (0_u8, &[][..]),
                Value::Number(number) => (1, &number.to_be_bytes()[..]),
                Value::Text(text) => (2, text.as_bytes()),
                Value::Octets(octets) => (3, octets.as_slice()),
            };
            self.0.update(&[kind]);
            self.0.update(&(octets.len() as u64).to_be_bytes());
            self.0.update(octets);
        }
    }

    /// The digest.
    #[must_use]
    pub fn finish(self) -> [u8; 32] {
        let mut out = [0; 32];
        out.copy_from_slice(self.0.finish().as_ref());
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_do_not_run_together() {
        let digest = |row: &[Value]| {
            let mut digest = RowDigest::default();
            digest.add(&row.to_vec());
            digest.finish()
        };
        let text = |text: &str| Value::Text(text.to_owned());
        assert_ne!(digest(&[text("a"), text("bc")]), digest(&[text("ab"), text("c")]));
        assert_ne!(digest(&[text("")]), digest(&[Value::Null]));
        assert_ne!(digest(&[text("a")]), digest(&[Value::Octets(b"a".to_vec())]));
    }

    #[test]
    fn a_statement_is_filled_for_its_table() {
        let use_of_relays = TABLES.iter().find(|table| table.name == "relay_use").expect("it");
        let text = "{columns} of {table} behind ({key}) > ({after}), {backwards}, {values}, {limit}";
        assert_eq!(
            use_of_relays.fill(text, '?'),
            "tenant_id, relay_id, second, messages of relay_use behind (tenant_id, relay_id, second) > (?1, ?2, ?3), \
             tenant_id DESC, relay_id DESC, second DESC, ?1, ?2, ?3, ?4, 2000"
        );
    }
}
