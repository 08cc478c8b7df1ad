//! Leases of chunks: given out, given back, taken over.
//!
//! A lease epoch grows each time a chunk changes hands, so that whoever held it before cannot store an attempt.

use std::time::Duration;

use domain::{
    AttemptNo, ChunkNo, IntentNo, LeaseEpoch, Phase, RelayId, ReleaseId, SenderEpoch, SessionId, TenantId,
    Timestamp, Verdict,
};
use futures_util::future::try_join_all;
use ledger::{
    AttemptKey, Chunk, LeaseRequest, LeasedChunk, LeasedIntent, LedgerError, Live, OpenAttempt, ReleaseState,
    Scope, TakeOver, TakeOverRequest, TakenChunk, WorkAhead,
};

use crate::columns::{self, Columns};
use crate::connection::{Connection, Values};
use crate::directory::release_get;
use crate::draft::Draft;
use crate::failure::Failure;
use crate::schedule::{Chunks, give_back};
use crate::values::{whole, wide};
use crate::{queries, walk};

/// Whether a release may be sent, if there is one.
pub(crate) async fn release_state(
    connection: &Connection,
    tenant: TenantId,
    release: ReleaseId,
) -> Result<Option<ReleaseState>, Failure> {
    let row = connection.row(queries::RELEASE_STATE_GET, &[&wide(tenant.0), &wide(release.0)]).await?;
    row.map(|row| Columns(&row).coded(0, ReleaseState::from_code)).transpose()
}

/// Leases the chunks that are due, passing over those that another node leases just now; gives none of a release that
/// may not be sent.
pub(crate) async fn lease(draft: &Draft, request: &LeaseRequest) -> Result<Vec<LeasedChunk>, Failure> {
    if release_state(draft, request.tenant, request.release).await? != Some(ReleaseState::Active) {
        return Ok(Vec::new());
    }
    let ids = (wide(request.tenant.0), wide(request.release.0), wide(request.sender.0));
    let (now, until) = (whole(request.now.as_millis()), whole(request.lease_until.as_millis()));
    let values: Values<'_> = &[&ids.0, &ids.1, &now, &ids.2, &until, &whole(request.chunks_max)];
    let rows = draft.rows(queries::DELIVERY_CHUNK_LEASE_DUE, values).await?;
    let mut chunks = rows.iter().map(|row| columns::chunk(Columns(row), 1)).collect::<Result<Vec<_>, _>>()?;
    chunks.sort_unstable_by_key(|chunk| (chunk.due_at, chunk.no));
    try_join_all(chunks.iter().map(|chunk| load(draft, request, chunk))).await
}

/// What may be tried by now of a chunk that the sender holds already.
pub(crate) async fn due(
    connection: &Connection,
    request: &LeaseRequest,
    chunk: ChunkNo,
) -> Result<Option<LeasedChunk>, Failure> {
    let values: Values<'_> = &[&wide(request.tenant.0), &wide(request.release.0), &whole(chunk.0)];
    let row = connection.row(queries::DELIVERY_CHUNK_GET, values).await?;
    let found = row.map(|row| columns::chunk(Columns(&row), 0)).transpose()?;
    match found.filter(|chunk| chunk.holder == Some(request.sender)) {
        Some(chunk) => Ok(Some(load(connection, request, &chunk).await?)),
        None => Ok(None),
    }
}

/// Of a leased chunk, the intents that may be tried by `now`.
async fn load(
    connection: &Connection,
    request: &LeaseRequest,
    chunk: &Chunk,
) -> Result<LeasedChunk, Failure> {
    let scope = chunk.scope(request.tenant, request.release);
    let owed = walk::page(connection, scope).await?;
    let is_due = |owed: &&ledger::Owed| owed.due_at(request.now).is_some_and(|at| at <= request.now);
    let due = owed.iter().filter(is_due);
    let due: Vec<_> = due
        .map(|owed| (owed.intent, owed.next_attempt(), owed.fold(Live::NOBODY).unresolved_dots()))
        .collect();
    let intents = with_recipients(connection, scope, &due).await?;
    let mut leased = LeasedChunk { release: request.release, chunk: chunk.no, lease: chunk.lease, intents };
    if leased.is_tried() {
        leave_out_unused(connection, scope, &mut leased).await?;
    }
    Ok(leased)
}

/// Attempts that had a permit and never used it are no tries.
async fn leave_out_unused(
    connection: &Connection,
    scope: Scope,
    leased: &mut LeasedChunk,
) -> Result<(), Failure> {
    let ids = (wide(scope.tenant.0), wide(scope.release.0), whole(scope.first.0), whole(scope.last.0));
    let (verdict, phase) = (whole(Verdict::Deferred.code()), whole(Phase::Permit.code()));
    let values: Values<'_> = &[&ids.0, &ids.1, &ids.2, &ids.3, &verdict, &phase];
    for row in &connection.rows(queries::OUTCOME_COUNT_OF, values).await? {
        leased.leave_out(IntentNo(Columns(row).number(0)?), Columns(row).number(1)?);
    }
    Ok(())
}

/// Adds address and fields to what is due; both come in the intents' order.
async fn with_recipients(
    connection: &Connection,
    scope: Scope,
    due: &[(IntentNo, AttemptNo, u32)],
) -> Result<Vec<LeasedIntent>, Failure> {
    if due.is_empty() {
        return Ok(Vec::new());
    }
    let range = (whole(scope.first.0), whole(scope.last.0));
    let values: Values<'_> = &[&wide(scope.tenant.0), &wide(scope.release.0), &range.0, &range.1];
    let rows = connection.rows(queries::RECIPIENT_RANGE, values).await?;
    let mut rows = rows.iter().map(Columns);
    let mut intents = Vec::with_capacity(due.len());
    for (intent, attempt, unresolved_dots) in due {
        let row = rows.find(|row| row.number::<u32>(0).is_ok_and(|number| number >= intent.0));
        let Some(row) = row.filter(|row| row.number::<u32>(0).is_ok_and(|number| number == intent.0)) else {
            return Err(Failure::refused(format!("intent {intent} of {} has no recipient", scope.release)));
        };
        let (address, fields) = (row.value(1)?, row.value(2)?);
        let (attempt, unresolved_dots) = (*attempt, *unresolved_dots);
        let tries = attempt.0.saturating_sub(1);
        intents.push(LeasedIntent { intent: *intent, attempt, tries, unresolved_dots, address, fields });
    }
    Ok(intents)
}

/// Gives back all that `sender` holds of the tenant.
pub(crate) async fn return_held(
    draft: &Draft,
    tenant: TenantId,
    sender: SenderEpoch,
    now: Timestamp,
) -> Result<(), Failure> {
    let rows = draft.rows(queries::DELIVERY_CHUNK_LOCK_HELD, &[&wide(tenant.0), &wide(sender.0)]).await?;
    let mut standings = Vec::new();
    for (release, chunk) in Chunks::of(&rows)?.iter() {
        let standing = walk::standing(draft, chunk.scope(tenant, release), now).await?;
        standings.push(((release, chunk.no), standing));
    }
    give_back(draft, tenant, standings).await
}

/// Prolongs the tenant's leases that `sender` holds, and gives them.
pub(crate) async fn renew(
    draft: &Draft,
    tenant: TenantId,
    sender: SenderEpoch,
    until: Timestamp,
) -> Result<Vec<(ReleaseId, ChunkNo, LeaseEpoch)>, Failure> {
    let values: Values<'_> = &[&wide(tenant.0), &wide(sender.0), &whole(until.as_millis())];
    let rows = draft.rows(queries::DELIVERY_CHUNK_RENEW, values).await?;
    let held = rows
        .iter()
        .map(Columns)
        .map(|row| Ok((ReleaseId(row.id(0)?), ChunkNo(row.number(1)?), LeaseEpoch(row.number(2)?))));
    let mut held = held.collect::<Result<Vec<_>, Failure>>()?;
    held.sort_unstable();
    Ok(held)
}

/// Tenants with leases that `sender` holds.
pub(crate) async fn tenants_of(
    connection: &Connection,
    sender: SenderEpoch,
) -> Result<Vec<TenantId>, Failure> {
    let rows = connection.rows(queries::DELIVERY_CHUNK_TENANTS_HELD, &[&wide(sender.0)]).await?;
    rows.iter().map(|row| Ok(TenantId(Columns(row).id(0)?))).collect()
}

/// Tenants with leases that would be taken over.
pub(crate) async fn tenants_with_gone_senders(
    connection: &Connection,
    request: TakeOverRequest,
) -> Result<Vec<TenantId>, Failure> {
    let (sender, now, node) = (wide(request.sender.0), whole(request.now.as_millis()), wide(request.node.0));
    let rows = connection.rows(queries::DELIVERY_CHUNK_TENANTS_ENDED, &[&sender, &now, &node]).await?;
    rows.iter().map(|row| Ok(TenantId(Columns(row).id(0)?))).collect()
}

/// Takes the tenant's leases of senders that are gone, and gives the attempts in them that have no outcome.
pub(crate) async fn take_over(
    draft: &Draft,
    tenant: TenantId,
    request: TakeOverRequest,
) -> Result<TakeOver, Failure> {
    let ids = (wide(tenant.0), wide(request.sender.0), wide(request.node.0));
    let (now, until) = (whole(request.now.as_millis()), whole(request.until.as_millis()));
    let values: Values<'_> = &[&ids.0, &ids.1, &now, &until, &ids.2];
    let rows = draft.rows(queries::DELIVERY_CHUNK_TAKE_OVER, values).await?;
    let mut taken = TakeOver::default();
    for row in &rows {
        let (release, chunk) = (ReleaseId(Columns(row).id(0)?), columns::chunk(Columns(row), 1)?);
        note_lost(draft, tenant, request, (release, chunk.no), SenderEpoch(Columns(row).id(7)?)).await?;
        taken.chunks.push(TakenChunk { tenant, release, chunk: chunk.no, lease: chunk.lease });
        open_attempts(draft, chunk.scope(tenant, release), request.sender, &mut taken.open).await?;
    }
    Ok(taken)
}

/// Another node's journal may know more of its attempts than whoever takes them over.
async fn note_lost(
    draft: &Draft,
    tenant: TenantId,
    request: TakeOverRequest,
    (release, chunk): (ReleaseId, ChunkNo),
    from: SenderEpoch,
) -> Result<(), Failure> {
    let row = draft.row(queries::SENDER_GET, &[&wide(from.0)]).await?;
    if row.map(|row| Columns(&row).id(2)).transpose()?.is_some_and(|node| node != request.node.0) {
        let values: Values<'_> = &[&wide(tenant.0), &wide(release.0), &whole(chunk.0), &wide(from.0)];
        draft.execute(queries::LEASE_LOST_INSERT, values).await?;
    }
    Ok(())
}

async fn open_attempts(
    connection: &Connection,
    scope: Scope,
    sender: SenderEpoch,
    open: &mut Vec<OpenAttempt>,
) -> Result<(), Failure> {
    for owed in walk::page(connection, scope).await? {
        for (attempt, epoch) in owed.open().filter(|(_, epoch)| *epoch != sender) {
            let key =
                AttemptKey { tenant: scope.tenant, release: scope.release, intent: owed.intent, attempt };
            let dots = owed.fold_before(attempt).unresolved_dots();
            open.push(open_attempt(connection, key, epoch, dots).await?);
        }
    }
    Ok(())
}

/// An attempt as whoever takes it over needs it.
pub(crate) async fn open_attempt(
    connection: &Connection,
    key: AttemptKey,
    epoch: SenderEpoch,
    unresolved_dots: u32,
) -> Result<OpenAttempt, Failure> {
    let (release, _) = release_get(connection, key.tenant, key.release).await?;
    let of = (wide(key.tenant.0), wide(key.release.0), whole(key.intent.0), whole(key.attempt.0));
    let row = connection.one(queries::ATTEMPT_GET, &[&of.0, &of.1, &of.2, &of.3]).await?;
    let (session, opened_at) = (SessionId(Columns(&row).id(0)?), Columns(&row).time(1)?);
    let relay = RelayId(Columns(&row).id(2)?);
    // Of a sender that was never registered: a journal that does not exist.
    let (journal, boot) = match connection.row(queries::SENDER_GET, &[&wide(epoch.0)]).await? {
        Some(row) => (Columns(&row).id(0)?, Columns(&row).octets(1)?),
        None => Default::default(),
    };
    let (policy, retry_initial) = (release.policy, Duration::from_millis(release.retry_initial_ms));
    Ok(OpenAttempt { key, session, relay, journal, boot, unresolved_dots, policy, retry_initial, opened_at })
}

/// What is still ahead, by the small tables.
pub(crate) async fn work_ahead(
    connection: &Connection,
    tenant: TenantId,
    release: ReleaseId,
    now: Timestamp,
) -> Result<WorkAhead, Failure> {
    if release_state(connection, tenant, release).await?.is_none() {
        return Err(LedgerError::NotFound { what: "the release" }.into());
    }
    let values: Values<'_> = &[&wide(tenant.0), &wide(release.0), &whole(now.as_millis())];
    let row = connection.one(queries::DELIVERY_CHUNK_COUNT, values).await?;
    let row = Columns(&row);
    Ok(WorkAhead {
        chunks_due: row.number(0)?,
        chunks_leased: row.number(1)?,
        next_due_at: row.number_or_null(2)?.map(Timestamp::from_millis),
    })
}
