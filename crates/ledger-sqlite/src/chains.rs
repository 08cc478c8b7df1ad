//! The chains as the writer extends them: one link per book, tenant and sender's epoch in each transaction.
//!
//! Heads are kept in memory and read from the last link when a chain is met first. New heads are adopted only
//! after the transaction is durable.

use std::collections::HashMap;

use domain::{SenderEpoch, TenantId, Timestamp};
use ledger::{Book, Entries, Head, LinkBuilder, LinkRow, Share};
use rusqlite::{Connection, OptionalExtension, params};

use crate::columns::wide;
use crate::failure::Failure;
use crate::minutes;
use crate::queries;

/// Names one chain.
type ChainKey = (Book, TenantId, SenderEpoch);

/// Where every chain that was written to ends.
#[derive(Default)]
pub(crate) struct Chains {
    heads: HashMap<ChainKey, Head>,
    witnesses: Option<bool>,
}

impl Chains {
    /// Where a chain ends.
    pub fn head(
        &mut self,
        connection: &Connection,
        book: Book,
        tenant: TenantId,
        sender: SenderEpoch,
    ) -> Result<Head, Failure> {
        if let Some(head) = self.heads.get(&(book, tenant, sender)) {
            return Ok(*head);
        }
        let head = stored_head(connection, book, tenant, sender)?;
        self.heads.insert((book, tenant, sender), head);
        Ok(head)
    }

    /// True once any witness stands.
    pub fn has_witnesses(&mut self, connection: &Connection) -> Result<bool, Failure> {
        if let Some(known) = self.witnesses {
            return Ok(known);
        }
        let known = connection.prepare_cached(queries::WITNESS_EXISTS)?.query_row([], |row| row.get(0))?;
        self.witnesses = Some(known);
        Ok(known)
    }

    /// A witness was stored; should it be rolled back, looking for it in vain does no harm.
    pub fn note_witness(&mut self) {
        self.witnesses = Some(true);
    }

    /// Writes the links and counters of a transaction's entries; gives the heads to adopt after the commit.
    pub fn complete(&mut self, connection: &Connection, entries: Entries) -> Result<Vec<Head>, Failure> {
        let mut adopted = Vec::new();
        minutes::add(connection, &entries)?;
        for ((tenant, sender), share) in entries.shares {
            self.link_share(connection, (tenant, sender), share, &mut adopted)?;
        }
        let mut add = connection.prepare_cached(queries::COUNTER_ADD)?;
        for ((tenant, release), tally) in entries.tallies {
            if tally.is_empty() {
                continue;
            }
            let [accepted, rejected, suppressed, cancelled, expired, unknown, pending] = tally.states;
            let (tenant, release) = (wide(tenant.0), wide(release.0));
            add.execute(params![
                tenant,
                release,
                tally.audience,
                accepted,
                rejected,
                suppressed,
                cancelled,
                expired,
                unknown,
                pending,
                tally.duplicates
            ])?;
        }
        Ok(adopted)
    }

    /// Takes over the heads of a transaction that is durable.
    pub fn adopt(&mut self, heads: Vec<Head>) {
        for head in heads {
            self.heads.insert((head.book, head.tenant, head.sender), head);
        }
    }

    /// Forgets what may have come from a transaction that was rolled back.
    pub fn forget(&mut self) {
        self.heads.clear();
        self.witnesses = None;
    }

    fn link_share(
        &mut self,
        connection: &Connection,
        (tenant, sender): (TenantId, SenderEpoch),
        mut share: Share,
        adopted: &mut Vec<Head>,
    ) -> Result<(), Failure> {
        for book in Book::ALL {
            let builder = share.root_of(book);
            if builder.rows() == 0 {
                continue;
            }
            let head = self.head(connection, book, tenant, sender)?;
            adopted.push(append_link(connection, head, builder, share.at)?);
        }
        Ok(())
    }
}

fn append_link(
    connection: &Connection,
    head: Head,
    rows: LinkBuilder,
    at: Timestamp,
) -> Result<Head, Failure> {
    let (link, head): (LinkRow, Head) = head.extend(rows.rows(), rows.root(), at);
    connection.prepare_cached(queries::LINK_INSERT)?.execute(params![
        wide(link.tenant.0),
        link.book.code(),
        wide(link.sender.0),
        link.link_no,
        link.rows,
        wide(head.rows),
        link.root,
        link.chain,
        link.at.as_millis()
    ])?;
    Ok(head)
}

/// The end of a chain by its last link.
pub(crate) fn stored_head(
    connection: &Connection,
    book: Book,
    tenant: TenantId,
    sender: SenderEpoch,
) -> Result<Head, Failure> {
    let genesis = Head::genesis(book, tenant, sender);
    let last = connection
        .prepare_cached(queries::LINK_LAST)?
        .query_row(params![wide(tenant.0), book.code(), wide(sender.0)], |row| {
            Ok(Head {
                link_no: row.get(0)?,
                rows: row.get::<_, i64>(1)?.cast_unsigned(),
                chain: row.get(2)?,
                ..genesis
            })
        })
        .optional()?;
    Ok(last.unwrap_or(genesis))
}
