//! Signs of life, routes, shares of relays, and what was taken over: the small tables of many senders. An embedded store
//! has one sender at a time; it keeps them all the same, for its books may move to a shared one.

use std::ops::ControlFlow;

use async_trait::async_trait;
use domain::{CredentialVersion, NodeId, ReleaseId, SenderEpoch, TenantId, Timestamp};
use ledger::store::Stored;
use ledger::{
    AttemptKey, Chunk, NodeStore, OpenAttempt, OtherShare, RelayShare, SealedRoute, SenderBeat, SenderView,
    ShareRequest, WorkItem, living_shares,
};
use rusqlite::{Connection, OptionalExtension, params};

use crate::columns::{id, time, wide};
use crate::draft::Draft;
use crate::failure::Failure;
use crate::lease::{chunk_row, open_attempt};
use crate::queries;
use crate::store::SqliteStore;
use crate::walk::walk;

#[async_trait]
impl NodeStore for SqliteStore {
    fn is_shared(&self) -> bool {
        false
    }

    async fn sender_beat(&self, beat: SenderBeat) -> Stored<()> {
        self.write("storing a sign of life", 1, move |draft| {
            let left = beat.leaves.then_some(beat.now.as_millis());
            let row = params![wide(beat.sender.0), beat.host, beat.now.as_millis(), left];
            draft.prepare(queries::SENDER_PRESENCE_SET)?.execute(row)?;
            Ok(())
        })
        .await
    }

    async fn sender_list(&self, since: Timestamp) -> Stored<Vec<SenderView>> {
        self.read("listing senders", move |connection| {
            let mut list = connection.prepare_cached(queries::SENDER_PRESENCE_LIST)?;
            let rows = list.query_map([since.as_millis()], |row| {
                Ok(SenderView {
                    sender: SenderEpoch(id(row, 0)?),
                    node: NodeId(id(row, 1)?),
                    host: row.get(2)?,
                    started_at: time(row, 3)?,
                    seen_at: time(row, 4)?,
                    left_at: row.get::<_, Option<i64>>(5)?.map(Timestamp::from_millis),
                    chunks: id(row, 6)?,
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn lost_attempts(&self, node: NodeId, sender: SenderEpoch) -> Stored<Vec<OpenAttempt>> {
        self.read("reading what was taken over", move |connection| {
            let mut attempts = Vec::new();
            for lost in lost_chunks(connection, node, sender)? {
                attempts.extend(unresolved(connection, &lost)?);
            }
            Ok(attempts)
        })
        .await
    }

    async fn lost_forget(&self, node: NodeId, sender: SenderEpoch, _now: Timestamp) -> Stored<()> {
        self.write("forgetting what was taken over", 4096, move |draft| {
            for lost in lost_chunks(draft.connection(), node, sender)? {
                draft.prepare(queries::LEASE_LOST_DROP)?.execute(lost.key())?;
            }
            Ok(())
        })
        .await
    }

    async fn work_list(&self, now: Timestamp) -> Stored<Vec<WorkItem>> {
        self.read("listing work", move |connection| {
            let mut list = connection.prepare_cached(queries::WORK_LIST)?;
            let rows = list.query_map([now.as_millis()], |row| {
                Ok(WorkItem {
                    tenant: TenantId(id(row, 0)?),
                    release: ReleaseId(id(row, 1)?),
                    credential: row.get::<_, Option<_>>(2)?.map(CredentialVersion),
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn route_put(&self, route: SealedRoute) -> Stored<()> {
        self.write("storing a route", 1, move |draft| {
            let key = (wide(route.tenant.0), wide(route.release.0));
            let row = params![key.0, key.1, route.credential.0, route.sealed, route.changed_at.as_millis()];
            draft.prepare(queries::RELEASE_ROUTE_SET)?.execute(row)?;
            Ok(())
        })
        .await
    }

    async fn route_get(&self, tenant: TenantId, release: ReleaseId) -> Stored<Option<SealedRoute>> {
        self.read("reading a route", move |connection| {
            let mut get = connection.prepare_cached(queries::RELEASE_ROUTE_GET)?;
            let route = get.query_row([wide(tenant.0), wide(release.0)], |row| {
                let credential = CredentialVersion(row.get(0)?);
                Ok(SealedRoute {
                    tenant,
                    release,
                    credential,
                    sealed: row.get(1)?,
                    changed_at: time(row, 2)?,
                })
            });
            Ok(route.optional()?)
        })
        .await
    }

    async fn relay_share(&self, request: ShareRequest) -> Stored<RelayShare> {
        self.write("sharing a relay", 2, move |draft| share(draft, &request)).await
    }
}

fn share(draft: &Draft<'_>, request: &ShareRequest) -> Result<RelayShare, Failure> {
    let (tenant, relay, sender) = (wide(request.tenant.0), wide(request.relay.0), wide(request.sender.0));
    let now = request.now.as_millis();
    let mut list = draft.prepare(queries::RELAY_SHARE_LIST)?;
    let rows = list.query_map([tenant, relay, sender], |row| {
        Ok((OtherShare { sessions: row.get(0)?, wanted: row.get(1)?, messages: row.get(2)? }, time(row, 3)?))
    })?;
    let (others, gone) = living_shares(&rows.collect::<Result<Vec<_>, _>>()?, request.now);
    draft.prepare(queries::RELAY_SHARE_DROP)?.execute([tenant, relay, sender, now])?;
    if request.messages_used + gone > 0 {
        let used = params![tenant, relay, now.div_euclid(1000), request.messages_used + gone];
        draft.prepare(queries::RELAY_USE_ADD)?.execute(used)?;
    }
    let second = request.counts_since().as_millis().div_euclid(1000);
    let answered =
        draft.prepare(queries::RELAY_USE_SUM)?.query_row([tenant, relay, second], |row| row.get(0))?;
    let share = request.share(&others, answered);
    draft.prepare(queries::RELAY_SHARE_SET)?.execute(params![
        tenant,
        relay,
        sender,
        share.sessions.max(request.sessions_open),
        request.sessions_wanted,
        request.messages_held + share.messages,
        request.until.as_millis()
    ])?;
    Ok(share)
}

/// A chunk that others took over from a sender.
struct LostChunk {
    tenant: TenantId,
    release: ReleaseId,
    from: SenderEpoch,
    chunk: Chunk,
}

impl LostChunk {
    fn key(&self) -> [i64; 4] {
        [wide(self.tenant.0), wide(self.release.0), i64::from(self.chunk.no.0), wide(self.from.0)]
    }
}

fn lost_chunks(
    connection: &Connection,
    node: NodeId,
    sender: SenderEpoch,
) -> Result<Vec<LostChunk>, Failure> {
    let mut list = connection.prepare_cached(queries::LEASE_LOST_LIST)?;
    let rows = list.query_map([wide(node.0), wide(sender.0)], |row| {
        Ok(LostChunk {
            tenant: TenantId(id(row, 0)?),
            release: ReleaseId(id(row, 1)?),
            from: SenderEpoch(id(row, 2)?),
            chunk: chunk_row(row, 3)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn unresolved(connection: &Connection, lost: &LostChunk) -> Result<Vec<OpenAttempt>, Failure> {
    let mut found = Vec::new();
    walk::<()>(connection, lost.chunk.scope(lost.tenant, lost.release), |owed| {
        for attempt in owed.unresolved_of(lost.from) {
            found.push((owed.intent, attempt, owed.fold_before(attempt).unresolved_dots()));
        }
        Ok(ControlFlow::Continue(()))
    })?;
    let attempts = found.into_iter().map(|(intent, attempt, before)| {
        let key = AttemptKey { tenant: lost.tenant, release: lost.release, intent, attempt };
        open_attempt(connection, key, lost.from, before)
    });
    attempts.collect()
}
