//! The hash chain: per book, tenant and sender's epoch, one link a commit over the root of the commit's rows.
//!
//! A row's hash covers every column of the book. Within a commit rows are hashed in key order, so that a reader
//! who walks a book in key order can recompute all roots in one pass. Deleting or changing any row breaks its
//! link's root or count; deleting whole links at the end shows against the sealed heads, which are kept outside
//! the database.

use aws_lc_rs::digest::{Context, SHA256};
use domain::{IntentNo, ReleaseId, SenderEpoch, SuppressionReason, TenantId, Timestamp};

use crate::digest::sha256;
use crate::rows::{AttemptRow, OutcomeRow, WitnessRow};

domain::coded! {
    /// The three books.
    pub enum Book {
        /// What is owed.
        Intents = 1 => "intents",
        /// What was tried.
        Attempts = 2 => "attempts",
        /// What came of it.
        Outcomes = 3 => "outcomes",
        /// What others saw.
        Witnesses = 4 => "witnesses",
    }
}

/// One link: a commit of one sender to one book of one tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkRow {
    /// Which book.
    pub book: Book,
    /// Whose.
    pub tenant: TenantId,
    /// Which run of a sender.
    pub sender: SenderEpoch,
    /// Counted from 1 within (book, tenant, sender).
    pub link_no: u32,
    /// Rows in the commit.
    pub rows: u32,
    /// SHA-256 over the rows' encodings in key order.
    pub root: [u8; 32],
    /// SHA-256 over the previous link's chain value and this link.
    pub chain: [u8; 32],
    /// When it was committed.
    pub at: Timestamp,
}

/// Where a chain ends: what is sealed outside the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Which book.
    pub book: Book,
    /// Whose.
    pub tenant: TenantId,
    /// Which run of a sender.
    pub sender: SenderEpoch,
    /// The last link.
    pub link_no: u32,
    /// Rows in all links up to it.
    pub rows: u64,
    /// The last link's chain value.
    pub chain: [u8; 32],
}

impl Head {
    /// The head of a chain without links.
    #[must_use]
    pub fn genesis(book: Book, tenant: TenantId, sender: SenderEpoch) -> Self {
        let mut bytes = b"hikyaku chain 1".to_vec();
        bytes.push(book.code());
        bytes.extend(tenant.0.to_be_bytes());
        bytes.extend(sender.0.to_be_bytes());
        Self { book, tenant, sender, link_no: 0, rows: 0, chain: sha256(&bytes) }
    }

    /// The link that follows, and the head after it.
    #[must_use]
    pub fn extend(&self, rows: u32, root: [u8; 32], at: Timestamp) -> (LinkRow, Self) {
        let link_no = self.link_no + 1;
        let mut bytes = Vec::with_capacity(80);
        bytes.extend(self.chain);
        bytes.extend(link_no.to_be_bytes());
        bytes.extend(rows.to_be_bytes());
        bytes.extend(root);
        bytes.extend(at.as_millis().to_be_bytes());
        let chain = sha256(&bytes);
        let link = LinkRow {
            book: self.book,
            tenant: self.tenant,
            sender: self.sender,
            link_no,
            rows,
            root,
            chain,
            at,
        };
        (link, Self { link_no, rows: self.rows + u64::from(rows), chain, ..*self })
    }
}

/// Collects the rows of one commit to one book, in key order, into a root.
#[derive(Clone)]
pub struct LinkBuilder {
    context: Context,
    rows: u32,
    scratch: Vec<u8>,
}

impl Default for LinkBuilder {
    fn default() -> Self {
        Self { context: Context::new(&SHA256), rows: 0, scratch: Vec::with_capacity(160) }
    }
}

impl LinkBuilder {
    /// Adds a row of the intents book.
    pub fn intent(
        &mut self,
        key: (TenantId, ReleaseId, IntentNo),
        wave: u16,
        why: Option<SuppressionReason>,
    ) {
        self.begin(key.0, key.1, key.2);
        self.scratch.extend(wave.to_be_bytes());
        self.scratch.push(why.map_or(0, SuppressionReason::code));
        self.end();
    }

    /// Adds a row of the attempts book.
    pub fn attempt(&mut self, row: &AttemptRow) {
        self.begin(row.key.tenant, row.key.release, row.key.intent);
        self.scratch.extend(row.key.attempt.0.to_be_bytes());
        self.scratch.extend(row.session.0.to_be_bytes());
        self.scratch.extend(row.relay.0.to_be_bytes());
        self.scratch.extend(row.credential.0.to_be_bytes());
        self.scratch.extend(row.fingerprint.0);
        self.scratch.extend(row.body_digest);
        self.scratch.extend(row.opened_at.as_millis().to_be_bytes());
        self.end();
    }

    /// Adds a row of the outcomes book (without the reply's text and the retry time, which it does not hold).
    pub fn outcome(&mut self, row: &OutcomeRow) {
        self.begin(row.key.tenant, row.key.release, row.key.intent);
        self.scratch.extend(row.key.attempt.0.to_be_bytes());
        self.scratch.extend([row.verdict.code(), row.phase.code()]);
        self.scratch.extend(row.code.map_or(0, domain::ReplyCode::get).to_be_bytes());
        self.scratch.extend(row.enhanced.map_or(0, domain::EnhancedStatus::to_number).to_be_bytes());
        self.scratch.extend(row.reply_digest);
        self.scratch.extend(row.at.as_millis().to_be_bytes());
        self.end();
    }

    /// Adds a row of the witnesses book.
    pub fn witness(&mut self, row: &WitnessRow) {
        self.begin(row.key.tenant, row.key.release, row.key.intent);
        self.scratch.extend(row.key.attempt.0.to_be_bytes());
        self.scratch.push(u8::from(row.accepted));
        for text in [&row.event_id, &row.source] {
            self.scratch.extend(u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
            self.scratch.extend(text.as_bytes());
        }
        self.scratch.extend(row.payload_digest);
        self.scratch.extend(row.at.as_millis().to_be_bytes());
        self.end();
    }

    /// Rows so far.
    #[must_use]
    pub fn rows(&self) -> u32 {
        self.rows
    }

    /// The root over all rows added.
    #[must_use]
    pub fn root(self) -> [u8; 32] {
        let mut out = [0; 32];
        out.copy_from_slice(self.context.finish().as_ref());
        out
    }

    fn begin(&mut self, tenant: TenantId, release: ReleaseId, intent: IntentNo) {
        self.scratch.clear();
        self.scratch.extend(tenant.0.to_be_bytes());
        self.scratch.extend(release.0.to_be_bytes());
        self.scratch.extend(intent.0.to_be_bytes());
    }

    fn end(&mut self) {
        let length = u32::try_from(self.scratch.len()).unwrap_or(u32::MAX);
        self.context.update(&length.to_be_bytes());
        self.context.update(&self.scratch);
        self.rows += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(intents: &[u32]) -> [u8; 32] {
        let mut builder = LinkBuilder::default();
        intents.iter().for_each(|no| builder.intent((TenantId(1), ReleaseId(2), IntentNo(*no)), 1, None));
        builder.root()
    }

    #[test]
    fn any_change_of_rows_changes_the_root() {
        let base = root(&[1, 2, 3]);
        for changed in [&[1, 2][..], &[1, 2, 4], &[2, 1, 3], &[1, 2, 3, 3]] {
            assert_ne!(root(changed), base, "{changed:?}");
        }
    }

    #[test]
    fn any_change_of_a_link_changes_the_chain() {
        let genesis = Head::genesis(Book::Intents, TenantId(1), SenderEpoch(1));
        let (_, head) = genesis.extend(3, root(&[1, 2, 3]), Timestamp::from_millis(5));
        let chains = [
            genesis.extend(2, root(&[1, 2, 3]), Timestamp::from_millis(5)).1.chain,
            genesis.extend(3, root(&[1, 2]), Timestamp::from_millis(5)).1.chain,
            genesis.extend(3, root(&[1, 2, 3]), Timestamp::from_millis(6)).1.chain,
            Head::genesis(Book::Attempts, TenantId(1), SenderEpoch(1))
                .extend(3, root(&[1, 2, 3]), Timestamp::from_millis(5))
                .1
                .chain,
        ];
        assert!(chains.iter().all(|chain| *chain != head.chain));
        assert_eq!((head.link_no, head.rows), (1, 3));
    }
}
