//! Leases of chunks: given out, renewed, given back, taken over.
//!
//! A lease epoch grows each time a chunk changes hands, so that whoever held it before cannot store an attempt.

use std::ops::ControlFlow;
use std::time::Duration;

use domain::{
    AttemptNo, AudienceDigest, ChunkNo, IntentNo, LeaseEpoch, NodeId, Phase, RelayId, ReleaseId, SenderEpoch,
    SessionId, TenantId, Timestamp, Verdict,
};
use ledger::{
    AttemptKey, Chunk, LeaseRequest, LeasedChunk, LeasedIntent, LedgerError, Live, OpenAttempt, ReleaseState,
    Scope, Standing, TakeOver, TakeOverRequest, TakenChunk, WorkAhead,
};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::columns::{id, known, release as release_row, time, wide};
use crate::draft::Draft;
use crate::failure::Failure;
use crate::queries;
use crate::walk::{standing, walk};

/// A chunk out of the six columns that start at `from`.
pub(crate) fn chunk_row(row: &Row<'_>, from: usize) -> rusqlite::Result<Chunk> {
    Ok(Chunk {
        no: ChunkNo(row.get(from)?),
        first: IntentNo(row.get(from + 1)?),
        last: IntentNo(row.get(from + 2)?),
        due_at: row.get::<_, Option<i64>>(from + 3)?.map(Timestamp::from_millis),
        holder: row.get::<_, Option<i64>>(from + 4)?.map(|epoch| SenderEpoch(epoch.cast_unsigned())),
        lease: LeaseEpoch(row.get(from + 5)?),
    })
}

/// What a chunk accounts for, out of two columns.
pub(crate) fn accounted(row: &Row<'_>, from: usize) -> rusqlite::Result<Option<AudienceDigest>> {
    let (count, digest): (Option<i64>, Option<[u8; 32]>) = (row.get(from)?, row.get(from + 1)?);
    let of = |(count, digest): (i64, [u8; 32])| AudienceDigest::from_parts(count.cast_unsigned(), &digest);
    Ok(count.zip(digest).map(of))
}

pub(crate) fn chunk_get(
    connection: &Connection,
    tenant: TenantId,
    release: ReleaseId,
    no: ChunkNo,
) -> Result<Option<Chunk>, Failure> {
    let mut get = connection.prepare_cached(queries::DELIVERY_CHUNK_GET)?;
    let key = params![wide(tenant.0), wide(release.0), no.0];
    Ok(get.query_row(key, |row| chunk_row(row, 0)).optional()?)
}

pub(crate) fn release_state(
    connection: &Connection,
    tenant: TenantId,
    release: ReleaseId,
) -> Result<Option<ReleaseState>, Failure> {
    let mut get = connection.prepare_cached(queries::RELEASE_STATE_GET)?;
    let code: Option<u8> =
        get.query_row(params![wide(tenant.0), wide(release.0)], |row| row.get(0)).optional()?;
    Ok(code.map(|code| known(0, i64::from(code), ReleaseState::from_code(code))).transpose()?)
}

/// Leases the chunks that are due; gives none of a release that may not be sent.
pub(crate) fn lease(draft: &Draft<'_>, request: &LeaseRequest) -> Result<Vec<Chunk>, Failure> {
    let (tenant, release) = (wide(request.tenant.0), wide(request.release.0));
    if release_state(draft.connection(), request.tenant, request.release)? != Some(ReleaseState::Active) {
        return Ok(Vec::new());
    }
    let due = params![tenant, release, request.now.as_millis(), request.chunks_max];
    let mut list = draft.prepare(queries::DELIVERY_CHUNK_LIST_DUE)?;
    let mut chunks = list.query_map(due, |row| chunk_row(row, 0))?.collect::<Result<Vec<_>, _>>()?;
    let mut take = draft.prepare(queries::DELIVERY_CHUNK_LEASE)?;
    for chunk in &mut chunks {
        let until = request.lease_until.as_millis();
        take.execute(params![tenant, release, chunk.no.0, wide(request.sender.0), until])?;
        chunk.lease.0 += 1;
    }
    Ok(chunks)
}

/// Of each leased chunk, the intents that may be tried by `now`.
pub(crate) fn load(
    connection: &Connection,
    request: &LeaseRequest,
    chunks: &[Chunk],
) -> Result<Vec<LeasedChunk>, Failure> {
    chunks.iter().map(|chunk| load_chunk(connection, request, chunk)).collect()
}

/// The same of a chunk that the sender holds already.
pub(crate) fn due(
    connection: &Connection,
    request: &LeaseRequest,
    chunk: ChunkNo,
) -> Result<Option<LeasedChunk>, Failure> {
    let found = chunk_get(connection, request.tenant, request.release, chunk)?;
    let held = found.filter(|chunk| chunk.holder == Some(request.sender));
    held.map(|chunk| load_chunk(connection, request, &chunk)).transpose()
}

fn load_chunk(
    connection: &Connection,
    request: &LeaseRequest,
    chunk: &Chunk,
) -> Result<LeasedChunk, Failure> {
    let scope = chunk.scope(request.tenant, request.release);
    let mut due = Vec::new();
    walk::<()>(connection, scope, |owed| {
        if owed.due_at(request.now).is_some_and(|at| at <= request.now) {
            due.push((owed.intent.0, owed.next_attempt(), owed.fold(Live::NOBODY).unresolved_dots()));
        }
        Ok(ControlFlow::Continue(()))
    })?;
    let intents = with_recipients(connection, scope, &due)?;
    let mut leased = LeasedChunk { release: request.release, chunk: chunk.no, lease: chunk.lease, intents };
    if leased.is_tried() {
        leave_out_unused(connection, scope, &mut leased)?;
    }
    Ok(leased)
}

/// Adds address and fields to what is due; both come in the intents' order.
fn with_recipients(
    connection: &Connection,
    scope: Scope,
    due: &[(u32, AttemptNo, u32)],
) -> Result<Vec<LeasedIntent>, Failure> {
    let mut recipients = connection.prepare_cached(queries::RECIPIENT_RANGE)?;
    let range = params![wide(scope.tenant.0), wide(scope.release.0), scope.first.0, scope.last.0];
    let mut rows = recipients.query(range)?;
    let mut intents = Vec::with_capacity(due.len());
    for (intent, attempt, unresolved_dots) in due {
        let (address, fields) = loop {
            match rows.next()? {
                Some(row) if row.get::<_, u32>(0)? < *intent => {}
                Some(row) if row.get::<_, u32>(0)? == *intent => break (row.get(1)?, row.get(2)?),
                _ => {
                    return Err(Failure::refused(format!(
                        "intent {intent} of {} has no recipient",
                        scope.release
                    )));
                }
            }
        };
        let intent = IntentNo(*intent);
        intents.push(LeasedIntent {
            intent,
            attempt: *attempt,
            tries: attempt.0.saturating_sub(1),
            unresolved_dots: *unresolved_dots,
            address,
            fields,
        });
    }
    Ok(intents)
}

/// Attempts that had a permit and never used it are no tries.
fn leave_out_unused(connection: &Connection, scope: Scope, leased: &mut LeasedChunk) -> Result<(), Failure> {
    let mut unused = connection.prepare_cached(queries::OUTCOME_COUNT_OF)?;
    let (verdict, phase) = (Verdict::Deferred.code(), Phase::Permit.code());
    let range =
        params![wide(scope.tenant.0), wide(scope.release.0), scope.first.0, scope.last.0, verdict, phase];
    let mut rows = unused.query(range)?;
    while let Some(row) = rows.next()? {
        leased.leave_out(IntentNo(row.get(0)?), row.get(1)?);
    }
    Ok(())
}

/// Ends a lease: the chunk becomes due when the first of its intents may be tried, or is done.
pub(crate) fn give_back(
    draft: &Draft<'_>,
    tenant: TenantId,
    release: ReleaseId,
    chunk: &Chunk,
    now: Timestamp,
) -> Result<(), Failure> {
    let standing = standing(draft.connection(), chunk.scope(tenant, release), now)?;
    set_standing(draft, (tenant, release, chunk.no), &standing)
}

/// Ends a lease, if there is one: when the chunk is due, and what of it is accounted for, as a walk found it.
pub(crate) fn set_standing(
    draft: &Draft<'_>,
    (tenant, release, no): (TenantId, ReleaseId, ChunkNo),
    standing: &Standing,
) -> Result<(), Failure> {
    let (sealed, accounted) = (standing.sealed(), standing.accounted());
    draft.prepare(queries::DELIVERY_CHUNK_RETURN)?.execute(params![
        wide(tenant.0),
        wide(release.0),
        no.0,
        standing.due_at().map(Timestamp::as_millis),
        sealed.to_bytes(),
        wide(accounted.count()),
        accounted.to_bytes(),
        standing.open()
    ])?;
    Ok(())
}

/// Every chunk out on lease, of all tenants.
fn leased(connection: &Connection) -> Result<Vec<(TenantId, ReleaseId, Chunk)>, Failure> {
    let mut list = connection.prepare_cached(queries::DELIVERY_CHUNK_LIST_LEASED)?;
    let rows = list.query_map([], |row| {
        let (tenant, release) = (row.get::<_, i64>(0)?, row.get::<_, i64>(1)?);
        Ok((TenantId(tenant.cast_unsigned()), ReleaseId(release.cast_unsigned()), chunk_row(row, 2)?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Gives back all that `sender` holds.
pub(crate) fn return_all(draft: &Draft<'_>, sender: SenderEpoch, now: Timestamp) -> Result<(), Failure> {
    for (tenant, release, chunk) in leased(draft.connection())? {
        if chunk.holder == Some(sender) {
            give_back(draft, tenant, release, &chunk, now)?;
        }
    }
    Ok(())
}

/// Takes every lease of an earlier sender, and gives the attempts in it that have no outcome.
///
/// The owner of the data folder holds its lock, so no earlier sender lives: leases are taken before their end too.
pub(crate) fn take_over(draft: &Draft<'_>, request: &TakeOverRequest) -> Result<TakeOver, Failure> {
    let mut taken = TakeOver::default();
    let mut take = draft.prepare(queries::DELIVERY_CHUNK_LEASE)?;
    for (tenant, release, chunk) in leased(draft.connection())? {
        let Some(holder) = chunk.holder.filter(|holder| *holder < request.sender) else { continue };
        let ids = (wide(tenant.0), wide(release.0), wide(request.sender.0));
        take.execute(params![ids.0, ids.1, chunk.no.0, ids.2, request.until.as_millis()])?;
        if sender_get(draft.connection(), holder)?.is_some_and(|(.., node)| node != request.node) {
            draft.prepare(queries::LEASE_LOST_INSERT)?.execute(params![
                ids.0,
                ids.1,
                chunk.no.0,
                wide(holder.0)
            ])?;
        }
        let lease = LeaseEpoch(chunk.lease.0 + 1);
        taken.chunks.push(TakenChunk { tenant, release, chunk: chunk.no, lease });
        open_attempts(draft.connection(), chunk.scope(tenant, release), request.sender, &mut taken.open)?;
    }
    Ok(taken)
}

fn open_attempts(
    connection: &Connection,
    scope: Scope,
    sender: SenderEpoch,
    open: &mut Vec<OpenAttempt>,
) -> Result<(), Failure> {
    let mut found = Vec::new();
    walk::<()>(connection, scope, |owed| {
        for (attempt, epoch) in owed.open().filter(|(_, epoch)| *epoch != sender) {
            let before = owed.fold_before(attempt).unresolved_dots();
            found.push((owed.intent, attempt, epoch, before));
        }
        Ok(ControlFlow::Continue(()))
    })?;
    for (intent, attempt, epoch, unresolved_dots) in found {
        let key = AttemptKey { tenant: scope.tenant, release: scope.release, intent, attempt };
        open.push(open_attempt(connection, key, epoch, unresolved_dots)?);
    }
    Ok(())
}

/// An attempt as whoever takes it over needs it.
pub(crate) fn open_attempt(
    connection: &Connection,
    key: AttemptKey,
    epoch: SenderEpoch,
    unresolved_dots: u32,
) -> Result<OpenAttempt, Failure> {
    let (release, _) = connection
        .prepare_cached(queries::RELEASE_GET)?
        .query_row(params![wide(key.tenant.0), wide(key.release.0)], release_row)?;
    let of = params![wide(key.tenant.0), wide(key.release.0), key.intent.0, key.attempt.0];
    let (session, opened_at, relay) = connection
        .prepare_cached(queries::ATTEMPT_GET)?
        .query_row(of, |row| Ok((id(row, 0)?, time(row, 1)?, id(row, 2)?)))?;
    // Of a sender that was never registered: a journal that does not exist.
    let (journal, boot) =
        sender_get(connection, epoch)?.map_or_else(Default::default, |(journal, boot, _)| (journal, boot));
    let (policy, retry_initial) = (release.policy, Duration::from_millis(release.retry_initial_ms));
    let (session, relay) = (SessionId(session), RelayId(relay));
    Ok(OpenAttempt { key, session, relay, journal, boot, unresolved_dots, policy, retry_initial, opened_at })
}

/// The journal, boot and node of a sender that was registered.
fn sender_get(
    connection: &Connection,
    epoch: SenderEpoch,
) -> Result<Option<(u64, [u8; 16], NodeId)>, Failure> {
    let mut get = connection.prepare_cached(queries::SENDER_GET)?;
    let row = get.query_row([wide(epoch.0)], |row| Ok((id(row, 0)?, row.get(1)?, NodeId(id(row, 2)?))));
    Ok(row.optional()?)
}

/// What is still ahead, by the small tables.
pub(crate) fn work_ahead(
    connection: &Connection,
    tenant: TenantId,
    release: ReleaseId,
    now: Timestamp,
) -> Result<WorkAhead, Failure> {
    if release_state(connection, tenant, release)?.is_none() {
        return Err(LedgerError::NotFound { what: "the release" }.into());
    }
    let mut count = connection.prepare_cached(queries::DELIVERY_CHUNK_COUNT)?;
    let ahead = count.query_row(params![wide(tenant.0), wide(release.0), now.as_millis()], |row| {
        Ok(WorkAhead {
            chunks_due: row.get::<_, i64>(0)?.cast_unsigned(),
            chunks_leased: row.get::<_, i64>(1)?.cast_unsigned(),
            next_due_at: row.get::<_, Option<i64>>(2)?.map(Timestamp::from_millis),
        })
    })?;
    Ok(ahead)
}
