//! Reads links and books in key order for the recomputation of the chains.

use domain::{ReleaseId, SenderEpoch, TenantId, Timestamp};
use ledger::audit::{BookPass, Links, Notes};
use ledger::{Book, BookRow, Head, LinkRow, LinkedRow};
use rusqlite::{Connection, Row};

use super::sessions::Sessions;
use super::{minutes, part};
use crate::chained::book_row;
use crate::columns::{id, known};
use crate::failure::Failure;
use crate::queries;

/// Recomputes every chain and holds the sealed heads against them.
pub(super) fn check(connection: &Connection, sealed: &[Head], notes: &mut Notes) -> Result<(), Failure> {
    let mut links = Links::new(sealed);
    read_links(connection, &mut links, notes)?;
    for book in Book::ALL {
        let outcome = read_book(connection, book, &mut links, notes);
        part(notes, &format!("the book of {}", book.word()), outcome)?;
    }
    links.finish(notes);
    Ok(())
}

fn read_links(connection: &Connection, links: &mut Links, notes: &mut Notes) -> Result<(), Failure> {
    let mut list = connection.prepare_cached(queries::LINK_WALK)?;
    let mut rows = list.query([])?;
    while let Some(row) = rows.next()? {
        let (link, rows_total) = link_row(row)?;
        links.add(&link, rows_total, notes);
    }
    links.read_out(notes);
    Ok(())
}

fn link_row(row: &Row<'_>) -> rusqlite::Result<(LinkRow, u64)> {
    let code: u8 = row.get(1)?;
    let link = LinkRow {
        book: known(1, i64::from(code), Book::from_code(code))?,
        tenant: TenantId(id(row, 0)?),
        sender: SenderEpoch(id(row, 2)?),
        link_no: row.get(3)?,
        rows: row.get(4)?,
        root: row.get(6)?,
        chain: row.get(7)?,
        at: Timestamp::from_millis(row.get(8)?),
    };
    Ok((link, id(row, 5)?))
}

fn read_book(
    connection: &Connection,
    book: Book,
    links: &mut Links,
    notes: &mut Notes,
) -> Result<(), Failure> {
    let sql = match book {
        Book::Intents => queries::INTENT_WALK,
        Book::Attempts => queries::ATTEMPT_WALK,
        Book::Outcomes => queries::OUTCOME_WALK,
        Book::Witnesses => queries::WITNESS_WALK,
    };
    let mut pass = BookPass::new(book);
    let mut sessions = Sessions::default();
    let mut list = connection.prepare_cached(sql)?;
    let mut rows = list.query([])?;
    let outcome: Result<(), Failure> = loop {
        match rows.next() {
            Ok(Some(row)) => read_row(connection, row, book, (&mut pass, &mut sessions), links, notes)?,
            Ok(None) => break Ok(()),
            Err(error) => break Err(error.into()),
        }
    };
    pass.finish(links, notes);
    outcome?;
    if book == Book::Outcomes { minutes::compare(connection, pass, notes) } else { Ok(()) }
}

/// Hands one row over; one that cannot be understood is a finding.
fn read_row(
    connection: &Connection,
    row: &Row<'_>,
    book: Book,
    (pass, sessions): (&mut BookPass, &mut Sessions),
    links: &mut Links,
    notes: &mut Notes,
) -> Result<(), Failure> {
    let (tenant, release) = (TenantId(id(row, 0)?), ReleaseId(id(row, 1)?));
    pass.meet(tenant, links, notes);
    let read = linked_row(row, release, book).map_err(Failure::from);
    let outcome = read.and_then(|linked| {
        pass.add(tenant, &linked, notes);
        if let BookRow::Attempt(attempt) = &linked.row {
            let identity = sessions.identity(connection, attempt)?;
            pass.identify(attempt, identity.as_ref(), notes);
        }
        Ok(())
    });
    let intent: i64 = row.get(2)?;
    part(notes, &format!("intent {intent} of {release} in the book of {}", book.word()), outcome)
}

/// Each statement names the sender's epoch and the link last.
fn linked_row(row: &Row<'_>, release: ReleaseId, book: Book) -> rusqlite::Result<LinkedRow> {
    let columns = row.as_ref().column_count();
    Ok(LinkedRow {
        sender: SenderEpoch(id(row, columns - 2)?),
        link_no: row.get(columns - 1)?,
        row: book_row(row, release, book)?,
    })
}
