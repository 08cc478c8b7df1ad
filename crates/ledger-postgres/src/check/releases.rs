//! Reads each release for the comparison of its books with its small tables.

use std::ops::ControlFlow;

use domain::{IntentNo, ReleaseId, TenantId, Timestamp};
use ledger::audit::{Notes, ReleaseLook};
use ledger::{Account, Book, LedgerError, Live};

use super::part;
use crate::columns::{self, Columns};
use crate::connection::{Connection, Values};
use crate::failure::Failure;
use crate::plan::intent_last;
use crate::queries;
use crate::read::{audience, counters, sealed};
use crate::seal::digest_of;
use crate::values::{whole, wide};
use crate::walk::walk;

/// Looks at every release of every tenant.
pub(super) async fn check(
    connection: &Connection,
    live: &Live,
    now: Timestamp,
    notes: &mut Notes,
) -> Result<(), Failure> {
    for row in &connection.rows(queries::RELEASE_LIST_ALL, &[]).await? {
        let release = (TenantId(Columns(row).id(0)?), ReleaseId(Columns(row).id(1)?));
        notes.report.releases += 1;
        let outcome = look(connection, release, (live.clone(), now), notes).await;
        part(notes, &format!("release {}", release.1), outcome)?;
    }
    for row in &connection.rows(queries::RELEASE_LIST_LOST, &[]).await? {
        let (tenant, release) = (TenantId(Columns(row).id(0)?), ReleaseId(Columns(row).id(1)?));
        notes.find(Some(tenant), None, 0, format!("{release}: has books, and does not stand"));
    }
    Ok(())
}

async fn look(
    connection: &Connection,
    (tenant, release): (TenantId, ReleaseId),
    when: (Live, Timestamp),
    notes: &mut Notes,
) -> Result<(), Failure> {
    let audience = audience(connection, tenant, release).await?;
    let mut look = ReleaseLook::new((tenant, release), when, audience, notes);
    let Some(scope) = standing(sealed(connection, tenant, release).await)? else {
        look.no_state();
        return Ok(());
    };
    waves(connection, (tenant, release), &mut look).await?;
    let key: Values<'_> = &[&wide(tenant.0), &wide(release.0)];
    let rows = connection.rows(queries::DELIVERY_CHUNK_ACCOUNT_LIST, key).await?;
    let chunk = |row| {
        let account = Account {
            sealed_digest: Columns(row).octets_or_null(6)?,
            accounted: columns::accounted(Columns(row), 7)?,
            open: Columns(row).value(9)?,
        };
        Ok((columns::chunk(Columns(row), 0)?, account))
    };
    look.chunks(scope, rows.iter().map(chunk).collect::<Result<_, Failure>>()?);
    walk::<()>(connection, scope, |owed| {
        look.intent(owed);
        ControlFlow::Continue(())
    })
    .await?;
    look.intents_end();
    for (book, sql) in [
        (Book::Attempts, queries::ATTEMPT_BOOK_RANGE),
        (Book::Outcomes, queries::OUTCOME_BOOK_RANGE),
        (Book::Witnesses, queries::WITNESS_BOOK_RANGE),
    ] {
        strays(connection, (tenant, release), (book, sql), &mut look).await?;
    }
    let counters = standing(counters(connection, tenant, release).await)?;
    look.counters(counters.as_ref());
    Ok(())
}

/// `None` for what does not exist.
fn standing<T>(answer: Result<T, Failure>) -> Result<Option<T>, Failure> {
    match answer {
        Err(Failure::Ledger(LedgerError::NotFound { .. })) => Ok(None),
        other => other.map(Some),
    }
}

async fn waves(
    connection: &Connection,
    (tenant, release): (TenantId, ReleaseId),
    look: &mut ReleaseLook<'_>,
) -> Result<(), Failure> {
    for row in &connection.rows(queries::AUDIENCE_WAVE_LIST, &[&wide(tenant.0), &wide(release.0)]).await? {
        let row = Columns(row);
        let (wave, first) = (row.number(0)?, row.number(1)?);
        let sealed = match (row.number_or_null(2)?, row.octets_or_null(3)?) {
            (Some(last), Some(digest)) => {
                Some((last, digest, digest_of(connection, tenant, release, (first, last)).await?))
            }
            _ => None,
        };
        look.wave(wave, first, sealed);
    }
    Ok(())
}

/// Entries against intents that the book does not have.
async fn strays(
    connection: &Connection,
    (tenant, release): (TenantId, ReleaseId),
    (book, sql): (Book, &str),
    look: &mut ReleaseLook<'_>,
) -> Result<(), Failure> {
    let beyond = intent_last(connection, tenant, release).await?.saturating_add(1);
    let values: Values<'_> = &[&wide(tenant.0), &wide(release.0), &whole(beyond), &whole(u32::MAX)];
    for row in &connection.rows(sql, values).await? {
        look.stray(book, IntentNo(Columns(row).number(2)?));
    }
    Ok(())
}
