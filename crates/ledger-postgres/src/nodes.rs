//! Signs of life, routes, shares of relays, and what was taken over: the small tables of many senders.

use async_trait::async_trait;
use domain::{CredentialVersion, NodeId, ReleaseId, SenderEpoch, TenantId, Timestamp};
use ledger::store::Stored;
use ledger::{
    AttemptKey, Chunk, NodeStore, OpenAttempt, OtherShare, RelayShare, SealedRoute, SenderBeat, SenderView,
    ShareRequest, WorkItem, living_shares,
};
use std::sync::Arc;

use crate::columns::{self, Columns};
use crate::commit::RELAY_USE_KEPT_S;
use crate::connection::{Connection, Values};
use crate::draft::Draft;
use crate::failure::Failure;
use crate::lease::open_attempt;
use crate::store::{PostgresStore, Write};
use crate::values::{whole, wide};
use crate::{queries, walk};

#[async_trait]
impl NodeStore for PostgresStore {
    fn is_shared(&self) -> bool {
        true
    }

    async fn sender_beat(&self, beat: SenderBeat) -> Stored<()> {
        let write = Write { operation: "storing a sign of life", tenant: TenantId(0), at: beat.now };
        let beat = Arc::new(beat);
        self.write(write, move |draft| {
            let beat = Arc::clone(&beat);
            Box::pin(async move {
                let (sender, now) = (wide(beat.sender.0), whole(beat.now.as_millis()));
                let left = beat.leaves.then_some(now);
                let values: Values<'_> = &[&sender, &beat.host, &now, &left];
                draft.execute(queries::SENDER_PRESENCE_SET, values).await.map(drop)
            })
        })
        .await
    }

    async fn sender_list(&self, since: Timestamp) -> Stored<Vec<SenderView>> {
        self.read("listing senders", move |connection| {
            Box::pin(async move {
                let since = whole(since.as_millis());
                let rows = connection.rows(queries::SENDER_PRESENCE_LIST, &[&since]).await?;
                rows.iter().map(|row| sender(Columns(row))).collect()
            })
        })
        .await
    }

    async fn lost_attempts(&self, node: NodeId, sender: SenderEpoch) -> Stored<Vec<OpenAttempt>> {
        self.read("reading what was taken over", move |connection| {
            Box::pin(async move {
                let mut attempts = Vec::new();
                for lost in lost_chunks(connection, node, sender).await? {
                    unresolved(connection, &lost, &mut attempts).await?;
                }
                Ok(attempts)
            })
        })
        .await
    }

    async fn lost_forget(&self, node: NodeId, sender: SenderEpoch, now: Timestamp) -> Stored<()> {
        const OPERATION: &str = "forgetting what was taken over";
        let lost =
            self.read(OPERATION, move |connection| Box::pin(lost_chunks(connection, node, sender))).await?;
        for one in lost {
            let write = Write { operation: OPERATION, tenant: one.tenant, at: now };
            self.write(write, move |draft| {
                Box::pin(async move {
                    let ids = (wide(one.tenant.0), wide(one.release.0), wide(one.from.0));
                    let values: Values<'_> = &[&ids.0, &ids.1, &whole(one.chunk.no.0), &ids.2];
                    draft.execute(queries::LEASE_LOST_DROP, values).await.map(drop)
                })
            })
            .await?;
        }
        Ok(())
    }

    async fn work_list(&self, now: Timestamp) -> Stored<Vec<WorkItem>> {
        self.read("listing work", move |connection| {
            Box::pin(async move {
                let rows = connection.rows(queries::WORK_LIST, &[&whole(now.as_millis())]).await?;
                rows.iter().map(|row| work(Columns(row))).collect()
            })
        })
        .await
    }

    async fn work_hint(&self) {
        self.hint().await;
    }

    async fn route_put(&self, route: SealedRoute) -> Stored<()> {
        let write = Write { operation: "storing a route", tenant: route.tenant, at: route.changed_at };
        let route = Arc::new(route);
        self.write(write, move |draft| {
            let route = Arc::clone(&route);
            Box::pin(async move {
                let ids = (wide(route.tenant.0), wide(route.release.0));
                let (version, at) = (whole(route.credential.0), whole(route.changed_at.as_millis()));
                let values: Values<'_> = &[&ids.0, &ids.1, &version, &route.sealed, &at];
                draft.execute(queries::RELEASE_ROUTE_SET, values).await?;
                draft.execute(queries::WORK_NOTIFY, &[]).await.map(drop)
            })
        })
        .await
    }

    async fn route_get(&self, tenant: TenantId, release: ReleaseId) -> Stored<Option<SealedRoute>> {
        self.read("reading a route", move |connection| {
            Box::pin(async move {
                let row =
                    connection.row(queries::RELEASE_ROUTE_GET, &[&wide(tenant.0), &wide(release.0)]).await?;
                let Some(row) = row else { return Ok(None) };
                let row = Columns(&row);
                let credential = CredentialVersion(row.number(0)?);
                let (sealed, changed_at) = (row.value(1)?, row.time(2)?);
                Ok(Some(SealedRoute { tenant, release, credential, sealed, changed_at }))
            })
        })
        .await
    }

    async fn relay_share(&self, request: ShareRequest) -> Stored<RelayShare> {
        let write = Write { operation: "sharing a relay", tenant: request.tenant, at: request.now };
        self.write(write, move |draft| Box::pin(async move { share(draft, &request).await })).await
    }
}

fn sender(row: Columns<'_>) -> Result<SenderView, Failure> {
    Ok(SenderView {
        sender: SenderEpoch(row.id(0)?),
        node: NodeId(row.id(1)?),
        host: row.value(2)?,
        started_at: row.time(3)?,
        seen_at: row.time(4)?,
        left_at: row.number_or_null(5)?.map(Timestamp::from_millis),
        chunks: row.id(6)?,
    })
}

fn work(row: Columns<'_>) -> Result<WorkItem, Failure> {
    Ok(WorkItem {
        tenant: TenantId(row.id(0)?),
        release: ReleaseId(row.id(1)?),
        credential: row.number_or_null(2)?.map(CredentialVersion),
    })
}

/// The row of no sender is the lock: senders share a relay one after the other.
async fn share(draft: &Draft, request: &ShareRequest) -> Result<RelayShare, Failure> {
    let (tenant, relay, sender) = (wide(request.tenant.0), wide(request.relay.0), wide(request.sender.0));
    let (now, second) = (request.now.as_millis(), whole(request.now.as_millis().div_euclid(1000)));
    draft.execute(queries::RELAY_SHARE_LOCK, &[&tenant, &relay]).await?;
    let rows = draft.rows(queries::RELAY_SHARE_LIST, &[&tenant, &relay, &sender]).await?;
    let rows = rows.iter().map(Columns).map(other_share).collect::<Result<Vec<_>, _>>()?;
    let (others, gone) = living_shares(&rows, request.now);
    draft.execute(queries::RELAY_SHARE_DROP, &[&tenant, &relay, &sender, &whole(now)]).await?;
    if request.messages_used + gone > 0 {
        let used = whole(request.messages_used + gone);
        draft.execute(queries::RELAY_USE_ADD, &[&tenant, &relay, &second, &used]).await?;
    }
    // As outcomes do where a sender has a relay to itself.
    let oldest = whole(request.now.as_millis().div_euclid(1000) - RELAY_USE_KEPT_S);
    draft.execute(queries::RELAY_USE_DROP_BEFORE, &[&tenant, &relay, &oldest]).await?;
    let since = whole(request.counts_since().as_millis().div_euclid(1000));
    let row = draft.one(queries::RELAY_USE_SUM, &[&tenant, &relay, &since]).await?;
    let share = request.share(&others, Columns(&row).number(0)?);
    let sessions = (whole(share.sessions.max(request.sessions_open)), whole(request.sessions_wanted));
    let (messages, until) = (whole(request.messages_held + share.messages), whole(request.until.as_millis()));
    let values: Values<'_> = &[&tenant, &relay, &sender, &sessions.0, &sessions.1, &messages, &until];
    draft.execute(queries::RELAY_SHARE_SET, values).await?;
    Ok(share)
}

fn other_share(row: Columns<'_>) -> Result<(OtherShare, Timestamp), Failure> {
    let share = OtherShare { sessions: row.number(0)?, wanted: row.number(1)?, messages: row.number(2)? };
    Ok((share, row.time(3)?))
}

/// A chunk that others took over from a sender.
#[derive(Clone, Copy)]
struct LostChunk {
    tenant: TenantId,
    release: ReleaseId,
    from: SenderEpoch,
    chunk: Chunk,
}

async fn lost_chunks(
    connection: &Connection,
    node: NodeId,
    sender: SenderEpoch,
) -> Result<Vec<LostChunk>, Failure> {
    let rows = connection.rows(queries::LEASE_LOST_LIST, &[&wide(node.0), &wide(sender.0)]).await?;
    let lost = rows.iter().map(Columns).map(|row| {
        let (tenant, release) = (TenantId(row.id(0)?), ReleaseId(row.id(1)?));
        Ok(LostChunk { tenant, release, from: SenderEpoch(row.id(2)?), chunk: columns::chunk(row, 3)? })
    });
    lost.collect()
}

async fn unresolved(
    connection: &Connection,
    lost: &LostChunk,
    attempts: &mut Vec<OpenAttempt>,
) -> Result<(), Failure> {
    for owed in walk::page(connection, lost.chunk.scope(lost.tenant, lost.release)).await? {
        for attempt in owed.unresolved_of(lost.from) {
            let key = AttemptKey { tenant: lost.tenant, release: lost.release, intent: owed.intent, attempt };
            let before = owed.fold_before(attempt).unresolved_dots();
            attempts.push(open_attempt(connection, key, lost.from, before).await?);
        }
    }
    Ok(())
}
