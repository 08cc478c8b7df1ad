//! Reads links and books in key order for the recomputation of the chains.

use domain::{CredentialVersion, Fingerprint, RelayId, SenderEpoch, TenantId};
use futures_util::TryStreamExt as _;
use ledger::audit::{BookPass, Identity, Links, Notes};
use ledger::{Book, BookRow, Head, LinkRow};

use super::{minutes, part};
use crate::chained::linked_row;
use crate::columns::Columns;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::queries;

/// Recomputes every chain and holds the sealed heads against them.
pub(super) async fn check(
    connection: &Connection,
    sealed: &[Head],
    notes: &mut Notes,
) -> Result<(), Failure> {
    let mut links = Links::new(sealed);
    let mut rows = connection.stream(queries::LINK_WALK, &[]).await?;
    while let Some(row) = rows.try_next().await? {
        let (link, rows_total) = link_row(Columns(&row))?;
        links.add(&link, rows_total, notes);
    }
    links.read_out(notes);
    for book in Book::ALL {
        let outcome = read_book(connection, book, &mut links, notes).await;
        part(notes, &format!("the book of {}", book.word()), outcome)?;
    }
    links.finish(notes);
    Ok(())
}

fn link_row(row: Columns<'_>) -> Result<(LinkRow, u64), Failure> {
    let (tenant, book, sender) =
        (TenantId(row.id(0)?), row.coded(1, Book::from_code)?, SenderEpoch(row.id(2)?));
    let (link_no, rows, at) = (row.number(3)?, row.number(4)?, row.time(8)?);
    let (root, chain) = (row.octets(6)?, row.octets(7)?);
    Ok((LinkRow { book, tenant, sender, link_no, rows, root, chain, at }, row.id(5)?))
}

async fn read_book(
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
    let mut rows = connection.stream(sql, &[]).await?;
    let outcome: Result<(), Failure> = loop {
        match rows.try_next().await {
            Ok(Some(row)) => read_row(Columns(&row), book, &mut pass, links, notes)?,
            Ok(None) => break Ok(()),
            Err(error) => break Err(error.into()),
        }
    };
    pass.finish(links, notes);
    outcome?;
    if book == Book::Outcomes { minutes::compare(connection, pass, notes).await } else { Ok(()) }
}

/// Hands one row over; one that cannot be understood is a finding.
fn read_row(
    row: Columns<'_>,
    book: Book,
    pass: &mut BookPass,
    links: &mut Links,
    notes: &mut Notes,
) -> Result<(), Failure> {
    let tenant = TenantId(row.id(0)?);
    pass.meet(tenant, links, notes);
    let outcome = linked_row(row, book).and_then(|linked| {
        pass.add(tenant, &linked, notes);
        if let BookRow::Attempt(attempt) = &linked.row {
            pass.identify(attempt, identity(row)?.as_ref(), notes);
        }
        Ok(())
    });
    let (release, intent) = (domain::ReleaseId(row.id(1)?), row.number::<i64>(2)?);
    part(notes, &format!("intent {intent} of {release} in the book of {}", book.word()), outcome)
}

/// With what the attempt's session authenticated, as the statement joins it.
fn identity(row: Columns<'_>) -> Result<Option<Identity>, Failure> {
    let relay: Option<i64> = row.number_or_null(12)?;
    let Some(relay) = relay else { return Ok(None) };
    Ok(Some(Identity {
        relay: RelayId(relay.cast_unsigned()),
        credential: CredentialVersion(row.number(13)?),
        fingerprint: Fingerprint(row.octets(14)?),
        in_directory: row.value(15)?,
    }))
}
