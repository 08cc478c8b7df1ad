//! What is not accounted for: by the chunks' accounts and a walk of those alone that are not whole; by the books alone;
//! and the sweep that makes forgotten chunks due again.

use std::ops::ControlFlow;

use async_trait::async_trait;
use domain::{AudienceDigest, IntentNo, ReleaseId, TenantId, Timestamp};
use ledger::account::is_accounted;
use ledger::store::Stored;
use ledger::{
    BooksCensus, BooksGap, Census, CensusRequest, CensusStore, Hole, OpenChunk, Owed, ReleaseState, Scope,
    VerdictBucket, VerdictWindow,
};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::columns::{id, known, time, wide};
use crate::draft::Draft;
use crate::failure::Failure;
use crate::lease::{self, accounted, chunk_row};
use crate::read::sealed;
use crate::seal::digest_part;
use crate::store::SqliteStore;
use crate::walk::{attempt_no, standing, suppression, verdict, walk};
use crate::{minutes, queries};

/// Chunks that one sweep looks at.
const SWEEP_CHUNKS_MAX: u32 = 1024;

#[async_trait]
impl CensusStore for SqliteStore {
    async fn census(&self, request: CensusRequest) -> Stored<Census> {
        self.read("taking a census", move |connection| census(connection, &request)).await
    }

    async fn books_census(&self, tenant: Option<TenantId>) -> Stored<BooksCensus> {
        const OPERATION: &str = "taking a census of the books";
        let releases = self.read(OPERATION, move |connection| releases(connection, tenant)).await?;
        // Two halves side by side: rows of the books never change.
        let (early, late) = releases.split_at(releases.len() / 2);
        let (early, late) = (early.to_vec(), late.to_vec());
        let early = self.read(OPERATION, move |connection| books_census(connection, &early));
        let late = self.read(OPERATION, move |connection| books_census(connection, &late));
        let (early, late) = tokio::join!(early, late);
        let mut whole = early?;
        whole.join(late?);
        Ok(whole)
    }

    async fn verdict_times(&self, window: VerdictWindow) -> Stored<Vec<VerdictBucket>> {
        self.read("counting verdicts by time", move |connection| minutes::window(connection, &window)).await
    }

    async fn sweep(&self, now: Timestamp) -> Stored<Vec<Hole>> {
        const OPERATION: &str = "sweeping for forgotten chunks";
        if self.read(OPERATION, holes).await?.is_empty() {
            return Ok(Vec::new());
        }
        self.write(OPERATION, 4096, move |draft| sweep(draft, now)).await
    }
}

fn census(connection: &Connection, request: &CensusRequest) -> Result<Census, Failure> {
    let mut census = Census::default();
    for open in unaccounted(connection, request.tenant)? {
        let walked = if census.wants(request, &open) { Some(open_of(connection, &open)?) } else { None };
        census.add(request, &open, walked);
    }
    Ok(census)
}

fn unaccounted(connection: &Connection, tenant: Option<TenantId>) -> Result<Vec<OpenChunk>, Failure> {
    let chunks = match tenant {
        Some(tenant) => {
            let mut list = connection.prepare_cached(queries::DELIVERY_CHUNK_UNACCOUNTED_OF)?;
            list.query_map([wide(tenant.0)], open_chunk)?.collect::<Result<_, _>>()
        }
        None => {
            let mut list = connection.prepare_cached(queries::DELIVERY_CHUNK_UNACCOUNTED)?;
            list.query_map([], open_chunk)?.collect()
        }
    };
    Ok(chunks?)
}

fn open_chunk(row: &Row<'_>) -> rusqlite::Result<OpenChunk> {
    let state: u8 = row.get(11)?;
    Ok(OpenChunk {
        tenant: TenantId(id(row, 0)?),
        release: ReleaseId(id(row, 1)?),
        created_at: time(row, 12)?,
        state: known(11, i64::from(state), ReleaseState::from_code(state))?,
        chunk: chunk_row(row, 2)?,
        lease_until: row.get::<_, Option<i64>>(8)?.map(Timestamp::from_millis),
        accounted: accounted(row, 9)?,
        listed: row.get(13)?,
    })
}

/// The open intents of a chunk: those that it lists, each looked up in the books, or all that a walk finds.
fn open_of(connection: &Connection, open: &OpenChunk) -> Result<Vec<IntentNo>, Failure> {
    let scope = open.chunk.scope(open.tenant, open.release);
    let Some(candidates) = open.candidates() else { return open_intents(connection, scope) };
    let mut found = Vec::new();
    for intent in candidates {
        if is_open(connection, scope, intent)? {
            found.push(intent);
        }
    }
    Ok(found)
}

/// Whether nothing is known of an intent, by the entries that say what became of it. Each may lie on another page of a
/// cold disk, so attempts, which say nothing, are not read.
fn is_open(connection: &Connection, scope: Scope, intent: IntentNo) -> Result<bool, Failure> {
    let key = params![wide(scope.tenant.0), wide(scope.release.0), intent.0];
    let mut get = connection.prepare_cached(queries::INTENT_GET)?;
    let Some(why) = get.query_row(key, |row| row.get(0)).optional()? else { return Ok(false) };
    let mut owed = Owed::new(intent, suppression(why)?);
    let mut outcomes = connection.prepare_cached(queries::OUTCOME_BRIEF)?;
    let mut rows = outcomes.query(key)?;
    while let Some(row) = rows.next()? {
        owed.outcomes.push((attempt_no(row.get(0)?)?, verdict(row.get(1)?)?));
    }
    let mut witnesses = connection.prepare_cached(queries::WITNESS_RANGE)?;
    let mut rows =
        witnesses.query(params![wide(scope.tenant.0), wide(scope.release.0), intent.0, intent.0])?;
    while let Some(row) = rows.next()? {
        owed.witnessed.push(attempt_no(row.get(1)?)?);
    }
    Ok(!is_accounted(&owed))
}

fn open_intents(connection: &Connection, scope: Scope) -> Result<Vec<IntentNo>, Failure> {
    let mut open = Vec::new();
    walk::<()>(connection, scope, |owed| {
        if !is_accounted(owed) {
            open.push(owed.intent);
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(open)
}

fn releases(
    connection: &Connection,
    tenant: Option<TenantId>,
) -> Result<Vec<(TenantId, ReleaseId)>, Failure> {
    let mut list = connection.prepare_cached(queries::RELEASE_LIST_ALL)?;
    let rows = list.query_map([], |row| Ok((TenantId(id(row, 0)?), ReleaseId(id(row, 1)?))))?;
    let all: Vec<_> = rows.collect::<Result<_, _>>()?;
    Ok(all.into_iter().filter(|(of, _)| tenant.is_none_or(|tenant| tenant == *of)).collect())
}

fn books_census(connection: &Connection, releases: &[(TenantId, ReleaseId)]) -> Result<BooksCensus, Failure> {
    let mut census = BooksCensus::default();
    for (tenant, release) in releases {
        census.add(books_gap(connection, sealed(connection, *tenant, *release)?)?);
    }
    Ok(census)
}

fn books_gap(connection: &Connection, scope: Scope) -> Result<BooksGap, Failure> {
    let mut gap = BooksGap::new(scope.tenant, scope.release, u64::from(scope.last.0));
    walk::<()>(connection, scope, |owed| {
        gap.intent(owed);
        Ok(ControlFlow::Continue(()))
    })?;
    let mut list = connection.prepare_cached(queries::AUDIENCE_WAVE_LIST)?;
    let mut rows = list.query(params![wide(scope.tenant.0), wide(scope.release.0)])?;
    while let Some(row) = rows.next()? {
        let (first, last, digest): (u32, Option<u32>, Option<[u8; 32]>) =
            (row.get(1)?, row.get(2)?, row.get(3)?);
        let (Some(last), Some(digest)) = (last, digest) else { continue };
        let found = digest_part(connection, scope.tenant, scope.release, (first, last))?;
        let count = (u64::from(last) + 1).saturating_sub(u64::from(first));
        gap.wave(&AudienceDigest::from_parts(count, &digest), &found);
    }
    Ok(gap)
}

/// Chunks that are done, and whose account is not whole.
fn holes(connection: &Connection) -> Result<Vec<(TenantId, ReleaseId, ledger::Chunk)>, Failure> {
    let mut list = connection.prepare_cached(queries::DELIVERY_CHUNK_HOLE_LIST)?;
    let rows = list.query_map([SWEEP_CHUNKS_MAX], |row| {
        Ok((TenantId(id(row, 0)?), ReleaseId(id(row, 1)?), chunk_row(row, 2)?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn sweep(draft: &Draft<'_>, now: Timestamp) -> Result<Vec<Hole>, Failure> {
    let mut found = Vec::new();
    for (tenant, release, chunk) in holes(draft.connection())? {
        let standing = standing(draft.connection(), chunk.scope(tenant, release), now)?;
        lease::set_standing(draft, (tenant, release, chunk.no), &standing)?;
        let open = standing.sealed().count() - standing.accounted().count();
        if open > 0 {
            found.push(Hole { tenant, release, chunk, open, due_again_at: standing.due_at() });
        }
    }
    Ok(found)
}
