//! Rows of the books with the links that cover them, and the links: what a copy for others is made of.

use domain::{IntentNo, ReleaseId, SenderEpoch, TenantId};
use ledger::{Book, BookRow, LinkRow, LinkedRow};
use rusqlite::{Connection, Row, params};

use crate::columns::{self, id, time, wide};
use crate::failure::Failure;
use crate::queries;
use crate::walk::suppression;

/// A book's rows of a run of intents, in key order.
pub(crate) fn book_rows(
    connection: &Connection,
    (tenant, release, book): (TenantId, ReleaseId, Book),
    first: IntentNo,
    last: IntentNo,
) -> Result<Vec<LinkedRow>, Failure> {
    let text = match book {
        Book::Intents => queries::INTENT_BOOK_RANGE,
        Book::Attempts => queries::ATTEMPT_BOOK_RANGE,
        Book::Outcomes => queries::OUTCOME_BOOK_RANGE,
        Book::Witnesses => queries::WITNESS_BOOK_RANGE,
    };
    let mut range = connection.prepare_cached(text)?;
    // Each statement names the sender's epoch and the link last.
    let (sender, link) = (range.column_count() - 2, range.column_count() - 1);
    let rows = range.query_map(params![wide(tenant.0), wide(release.0), first.0, last.0], |row| {
        Ok(LinkedRow {
            sender: SenderEpoch(id(row, sender)?),
            link_no: row.get(link)?,
            row: book_row(row, release, book)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// A row of a book out of its columns.
pub(crate) fn book_row(row: &Row<'_>, release: ReleaseId, book: Book) -> rusqlite::Result<BookRow> {
    Ok(match book {
        Book::Intents => BookRow::Intent {
            release,
            intent: IntentNo(row.get(2)?),
            wave: row.get(3)?,
            suppression: suppression(row.get(4)?)?,
        },
        Book::Attempts => BookRow::Attempt(columns::attempt(row)?.0),
        Book::Outcomes => BookRow::Outcome(columns::outcome(row)?),
        Book::Witnesses => BookRow::Witness(columns::witness(row)?),
    })
}

/// A chain's links after a link number, in order.
pub(crate) fn link_rows(
    connection: &Connection,
    (tenant, book, sender): (TenantId, Book, SenderEpoch),
    after: u32,
    limit: u32,
) -> Result<Vec<LinkRow>, Failure> {
    let mut list = connection.prepare_cached(queries::LINK_LIST_AFTER)?;
    let rows = list.query_map(params![wide(tenant.0), book.code(), wide(sender.0), after, limit], |row| {
        Ok(LinkRow {
            book,
            tenant,
            sender,
            link_no: row.get(0)?,
            rows: row.get(1)?,
            root: row.get(2)?,
            chain: row.get(3)?,
            at: time(row, 4)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
