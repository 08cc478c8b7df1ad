//! Rows of the books with the links that cover them, and the links: what a copy for others is made of.

use domain::{IntentNo, ReleaseId, SenderEpoch, TenantId};
use ledger::{Book, BookRow, Head, LinkRow, LinkedRow};

use crate::columns::{self, Columns, suppression};
use crate::connection::{Connection, Values};
use crate::failure::Failure;
use crate::queries;
use crate::values::{whole, wide};

/// A book's rows of a run of intents, in key order.
pub(crate) async fn book_rows(
    connection: &Connection,
    (tenant, release, book): (TenantId, ReleaseId, Book),
    first: IntentNo,
    last: IntentNo,
) -> Result<Vec<LinkedRow>, Failure> {
    let sql = match book {
        Book::Intents => queries::INTENT_BOOK_RANGE,
        Book::Attempts => queries::ATTEMPT_BOOK_RANGE,
        Book::Outcomes => queries::OUTCOME_BOOK_RANGE,
        Book::Witnesses => queries::WITNESS_BOOK_RANGE,
    };
    let values: Values<'_> = &[&wide(tenant.0), &wide(release.0), &whole(first.0), &whole(last.0)];
    connection.rows(sql, values).await?.iter().map(|row| linked_row(Columns(row), book)).collect()
}

/// A row with its link out of the columns of a book.
pub(crate) fn linked_row(row: Columns<'_>, book: Book) -> Result<LinkedRow, Failure> {
    let (sender, linked) = match book {
        Book::Intents => {
            let (release, intent) = (ReleaseId(row.id(1)?), IntentNo(row.number(2)?));
            let (wave, suppression) = (row.number(3)?, suppression(row.number(4)?)?);
            (5, BookRow::Intent { release, intent, wave, suppression })
        }
        Book::Attempts => (10, BookRow::Attempt(columns::attempt(row)?.0)),
        Book::Outcomes => (10, BookRow::Outcome(columns::outcome(row)?)),
        Book::Witnesses => (9, BookRow::Witness(columns::witness(row)?)),
    };
    Ok(LinkedRow { sender: SenderEpoch(row.id(sender)?), link_no: row.number(sender + 1)?, row: linked })
}

/// A chain's links after a link number, in order.
pub(crate) async fn link_rows(
    connection: &Connection,
    (tenant, book, sender): (TenantId, Book, SenderEpoch),
    after: u32,
    limit: u32,
) -> Result<Vec<LinkRow>, Failure> {
    let values: Values<'_> =
        &[&wide(tenant.0), &whole(book.code()), &wide(sender.0), &whole(after), &whole(limit)];
    let rows = connection.rows(queries::LINK_LIST_AFTER, values).await?;
    let link = |row: Columns<'_>| {
        let (link_no, rows) = (row.number(0)?, row.number(1)?);
        let (root, chain, at) = (row.octets(2)?, row.octets(3)?, row.time(4)?);
        Ok(LinkRow { book, tenant, sender, link_no, rows, root, chain, at })
    };
    rows.iter().map(|row| link(Columns(row))).collect()
}

/// Where every chain ends.
pub(crate) async fn heads(connection: &Connection) -> Result<Vec<Head>, Failure> {
    let head = |row: Columns<'_>| {
        let (tenant, book) = (TenantId(row.id(0)?), row.coded(1, Book::from_code)?);
        let (sender, link_no) = (SenderEpoch(row.id(2)?), row.number(3)?);
        Ok(Head { tenant, book, sender, link_no, rows: row.id(4)?, chain: row.octets(5)? })
    };
    connection.rows(queries::LINK_HEAD_LIST, &[]).await?.iter().map(|row| head(Columns(row))).collect()
}
