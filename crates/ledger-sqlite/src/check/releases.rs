//! Reads each release for the comparison of its books with its small tables.

use std::ops::ControlFlow;

use domain::{AudienceDigest, IntentNo, ReleaseId, TenantId, Timestamp};
use ledger::audit::{Notes, ReleaseLook};
use ledger::{Account, Book, LedgerError, Live};
use rusqlite::{Connection, params};

use super::part;
use crate::columns::{id, wide};
use crate::failure::Failure;
use crate::lease::{accounted, chunk_row};
use crate::plan::intent_last;
use crate::queries;
use crate::read::{audience, counters, sealed};
use crate::seal::digest_part;
use crate::walk::walk;

/// Looks at every release of every tenant.
pub(super) fn check(
    connection: &Connection,
    live: &Live,
    now: Timestamp,
    notes: &mut Notes,
) -> Result<(), Failure> {
    let mut list = connection.prepare_cached(queries::RELEASE_LIST_ALL)?;
    let rows = list.query_map([], |row| Ok((TenantId(id(row, 0)?), ReleaseId(id(row, 1)?))))?;
    for release in rows {
        let release = release?;
        notes.report.releases += 1;
        let outcome = look(connection, release, (live.clone(), now), notes);
        part(notes, &format!("release {}", release.1), outcome)?;
    }
    Ok(())
}

fn look(
    connection: &Connection,
    (tenant, release): (TenantId, ReleaseId),
    when: (Live, Timestamp),
    notes: &mut Notes,
) -> Result<(), Failure> {
    let audience = audience(connection, tenant, release)?;
    let mut look = ReleaseLook::new((tenant, release), when, audience, notes);
    let Some(scope) = standing(sealed(connection, tenant, release))? else {
        look.no_state();
        return Ok(());
    };
    waves(connection, (tenant, release), &mut look)?;
    let mut list = connection.prepare_cached(queries::DELIVERY_CHUNK_ACCOUNT_LIST)?;
    let chunks = list.query_map(params![wide(tenant.0), wide(release.0)], |row| {
        let account =
            Account { sealed_digest: row.get(6)?, accounted: accounted(row, 7)?, open: row.get(9)? };
        Ok((chunk_row(row, 0)?, account))
    })?;
    look.chunks(scope, chunks.collect::<Result<_, _>>()?);
    walk::<()>(connection, scope, |owed| {
        look.intent(owed);
        Ok(ControlFlow::Continue(()))
    })?;
    look.intents_end();
    strays(connection, (tenant, release), (Book::Attempts, queries::ATTEMPT_RANGE), &mut look)?;
    strays(connection, (tenant, release), (Book::Outcomes, queries::OUTCOME_RANGE), &mut look)?;
    let counters = standing(counters(connection, tenant, release))?;
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

fn waves(
    connection: &Connection,
    (tenant, release): (TenantId, ReleaseId),
    look: &mut ReleaseLook<'_>,
) -> Result<(), Failure> {
    let mut list = connection.prepare_cached(queries::AUDIENCE_WAVE_LIST)?;
    let mut rows = list.query(params![wide(tenant.0), wide(release.0)])?;
    while let Some(row) = rows.next()? {
        let (wave, first): (u16, u32) = (row.get(0)?, row.get(1)?);
        let stands: (Option<u32>, Option<[u8; 32]>) = (row.get(2)?, row.get(3)?);
        let sealed: Option<(u32, [u8; 32], AudienceDigest)> = match stands {
            (Some(last), Some(digest)) => {
                Some((last, digest, digest_part(connection, tenant, release, (first, last))?))
            }
            _ => None,
        };
        look.wave(wave, first, sealed);
    }
    Ok(())
}

/// Entries against intents that the book does not have.
fn strays(
    connection: &Connection,
    (tenant, release): (TenantId, ReleaseId),
    (book, sql): (Book, &str),
    look: &mut ReleaseLook<'_>,
) -> Result<(), Failure> {
    let beyond = intent_last(connection, tenant, release)?.saturating_add(1);
    let mut list = connection.prepare_cached(sql)?;
    let mut rows = list.query(params![wide(tenant.0), wide(release.0), beyond, u32::MAX])?;
    while let Some(row) = rows.next()? {
        look.stray(book, IntentNo(row.get(0)?));
    }
    Ok(())
}
