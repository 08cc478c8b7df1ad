//! What one write has done inside its open transaction: the connection, and the book rows and counter changes that
//! the commit turns into links and totals.

use std::ops::Deref;

use domain::{SenderEpoch, TenantId};
use futures_util::future::{try_join_all, try_join3};
use ledger::{Book, Entries, Head, LinkRow, Share, Tally};

use crate::columns::Columns;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::gate::Known;
use crate::values::{whole, wide};
use crate::{minutes, queries};

/// The open transaction of a write to one tenant's rows.
pub(crate) struct Draft {
    connection: Connection,
    tenant: TenantId,
    /// What earlier writes read of the tenant's rows.
    pub known: Known,
    /// What the write adds to the books.
    pub entries: Entries,
}

impl Deref for Draft {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

impl Draft {
    /// A draft with nothing in it.
    pub fn new(connection: Connection, tenant: TenantId, known: Known) -> Self {
        Self { connection, tenant, known, entries: Entries::default() }
    }

    /// The number of the link that this transaction will add to a chain.
    pub async fn link_no(&mut self, book: Book, sender: SenderEpoch) -> Result<u32, Failure> {
        Ok(self.head(book, sender).await?.link_no + 1)
    }

    async fn head(&mut self, book: Book, sender: SenderEpoch) -> Result<Head, Failure> {
        if let Some(head) = self.known.heads.get(&(book, sender)) {
            return Ok(*head);
        }
        let genesis = Head::genesis(book, self.tenant, sender);
        let key = (wide(self.tenant.0), whole(book.code()), wide(sender.0));
        let head = match self.row(queries::LINK_LAST, &[&key.0, &key.1, &key.2]).await? {
            Some(row) => {
                let row = Columns(&row);
                Head { link_no: row.number(0)?, rows: row.id(1)?, chain: row.octets(2)?, ..genesis }
            }
            None => genesis,
        };
        self.known.heads.insert((book, sender), head);
        Ok(head)
    }

    /// Writes the links and counters of the draft's entries, sent all at once.
    pub async fn complete(&mut self) -> Result<(), Failure> {
        let entries = std::mem::take(&mut self.entries);
        let minutes = entries.minutes();
        let mut links = Vec::new();
        for ((_, sender), share) in entries.shares {
            self.link_share(sender, share, &mut links).await?;
        }
        let mut tallies: Vec<_> =
            entries.tallies.into_iter().filter(|(_, tally)| !tally.is_empty()).collect();
        tallies.sort_unstable_by_key(|(key, _)| *key);
        let linked = try_join_all(links.iter().map(|(link, rows)| self.link(link, *rows)));
        let counted = try_join_all(tallies.iter().map(|((_, release), tally)| self.count(*release, tally)));
        try_join3(linked, counted, minutes::add(self, minutes)).await.map(drop)
    }

    /// The links of what a sender added, each with the rows of its chain up to it.
    async fn link_share(
        &mut self,
        sender: SenderEpoch,
        mut share: Share,
        links: &mut Vec<(LinkRow, u64)>,
    ) -> Result<(), Failure> {
        for book in Book::ALL {
            let builder = share.root_of(book);
            if builder.rows() == 0 {
                continue;
            }
            let head = self.head(book, sender).await?;
            let (link, head) = head.extend(builder.rows(), builder.root(), share.at);
            links.push((link, head.rows));
            self.known.heads.insert((book, sender), head);
        }
        Ok(())
    }

    async fn link(&self, link: &LinkRow, rows_total: u64) -> Result<(), Failure> {
        let numbers = (whole(link.book.code()), whole(link.link_no), whole(link.rows));
        let ids = (wide(link.tenant.0), wide(link.sender.0), wide(rows_total));
        let (root, chain, at) = (link.root.as_slice(), link.chain.as_slice(), whole(link.at.as_millis()));
        let values: [&(dyn tokio_postgres::types::ToSql + Sync); 9] =
            [&ids.0, &numbers.0, &ids.1, &numbers.1, &numbers.2, &ids.2, &root, &chain, &at];
        self.execute(queries::LINK_INSERT, &values).await.map(drop)
    }

    async fn count(&self, release: domain::ReleaseId, tally: &Tally) -> Result<(), Failure> {
        let [accepted, rejected, suppressed, cancelled, expired, unknown, pending] = tally.states.map(whole);
        let (tenant, release) = (wide(self.tenant.0), wide(release.0));
        let (audience, duplicates) = (whole(tally.audience), whole(tally.duplicates));
        self.execute(
            queries::COUNTER_ADD,
            &[
                &tenant,
                &release,
                &audience,
                &accepted,
                &rejected,
                &suppressed,
                &cancelled,
                &expired,
                &unknown,
                &pending,
                &duplicates,
            ],
        )
        .await
        .map(drop)
    }

    /// What is known once it is committed.
    pub fn take_known(&mut self) -> Known {
        std::mem::take(&mut self.known)
    }

    /// Commits.
    pub async fn commit(self) -> Result<(), Failure> {
        self.connection.commit().await
    }

    /// Leaves no trace.
    pub async fn roll_back(self) {
        self.connection.roll_back().await;
    }
}
