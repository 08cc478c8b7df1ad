//! Sending: each trait call as one piece of work for the writer, or for a reader.

use std::collections::BTreeSet;

use async_trait::async_trait;
use domain::{ChunkNo, Entry, LeaseEpoch, RelayId, ReleaseId, SenderEpoch, TenantId, Timestamp};
use ledger::store::Stored;
use ledger::{
    Book, CommitReceipt, DeliveryCommit, DeliveryStore, LeaseRequest, LeasedChunk, SenderRow, SettleReceipt,
    SettleRequest, TakeOver, TakeOverRequest, WitnessRow, WorkAhead,
};
use rusqlite::params;

use crate::columns::{id, wide};
use crate::commit::{self, Author};
use crate::draft::Draft;
use crate::failure::Failure;
use crate::store::SqliteStore;
use crate::{lease, outcomes, queries, settle};

/// How long the use of limited relays is remembered: longer than any limit's period.
const RELAY_USE_KEPT_S: i64 = 2 * 86_400;

#[async_trait]
impl DeliveryStore for SqliteStore {
    async fn sender_register(&self, row: SenderRow) -> Stored<SenderEpoch> {
        self.write("registering a sender", 1, move |draft| sender_register(draft, &row)).await
    }

    async fn lease_takeover(&self, request: TakeOverRequest) -> Stored<TakeOver> {
        self.write("taking leases over", 4096, move |draft| lease::take_over(draft, &request)).await
    }

    async fn lease_return_all(&self, sender: SenderEpoch, now: Timestamp) -> Stored<()> {
        self.write("returning leases", 4096, move |draft| lease::return_all(draft, sender, now)).await
    }

    async fn delivery_lease(&self, request: LeaseRequest) -> Stored<Vec<LeasedChunk>> {
        let rows = request.chunks_max as usize;
        let chunks = self.write("leasing chunks", rows, move |draft| lease::lease(draft, &request)).await?;
        if chunks.is_empty() {
            return Ok(Vec::new());
        }
        self.read("reading leased chunks", move |connection| lease::load(connection, &request, &chunks)).await
    }

    async fn delivery_due(&self, request: LeaseRequest, chunk: ChunkNo) -> Stored<Option<LeasedChunk>> {
        self.read("reading what a held chunk owes", move |connection| lease::due(connection, &request, chunk))
            .await
    }

    async fn lease_renew(
        &self,
        tenant: TenantId,
        sender: SenderEpoch,
        _now: Timestamp,
        until: Timestamp,
    ) -> Stored<Vec<(ReleaseId, ChunkNo, LeaseEpoch)>> {
        self.write("renewing leases", 1, move |draft| {
            let mut renew = draft.prepare(queries::DELIVERY_CHUNK_RENEW)?;
            let renewed = renew.query_map([wide(tenant.0), wide(sender.0), until.as_millis()], |row| {
                Ok((ReleaseId(id(row, 0)?), ChunkNo(row.get(1)?), LeaseEpoch(row.get(2)?)))
            })?;
            let mut renewed = renewed.collect::<Result<Vec<_>, _>>()?;
            renewed.sort_unstable();
            Ok(renewed)
        })
        .await
    }

    async fn delivery_commit(
        &self,
        tenant: TenantId,
        sender: SenderEpoch,
        now: Timestamp,
        mut commit: DeliveryCommit,
    ) -> Stored<CommitReceipt> {
        commit::sort(&mut commit);
        let author = Author { tenant, sender, now };
        self.write("committing deliveries", commit::rows(&commit), move |draft| {
            commit::store(draft, author, &commit)
        })
        .await
    }

    async fn work_ahead(&self, tenant: TenantId, release: ReleaseId, now: Timestamp) -> Stored<WorkAhead> {
        self.read("looking ahead", move |connection| lease::work_ahead(connection, tenant, release, now))
            .await
    }

    async fn delivery_settle(&self, request: SettleRequest) -> Stored<SettleReceipt> {
        let rows = 256 * request.chunks_max as usize;
        self.write("settling a release", rows, move |draft| settle::settle(draft, &request)).await
    }

    async fn relay_use(
        &self,
        tenant: TenantId,
        relay: RelayId,
        since: Timestamp,
    ) -> Stored<Vec<(Timestamp, u32)>> {
        self.read("reading the use of a relay", move |connection| {
            let mut list = connection.prepare_cached(queries::RELAY_USE_LIST)?;
            let second = since.as_millis().div_euclid(1000);
            let rows = list.query_map(params![wide(tenant.0), wide(relay.0), second], |row| {
                Ok((Timestamp::from_millis(row.get::<_, i64>(0)? * 1000), row.get(1)?))
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn witness_append(
        &self,
        tenant: TenantId,
        sender: SenderEpoch,
        now: Timestamp,
        rows: Vec<WitnessRow>,
    ) -> Stored<()> {
        let author = Author { tenant, sender, now };
        self.write("storing witnesses", rows.len(), move |draft| witness_append(draft, author, &rows)).await
    }
}

fn sender_register(draft: &Draft<'_>, row: &SenderRow) -> Result<SenderEpoch, Failure> {
    let latest: Option<i64> = draft.prepare(queries::SENDER_LATEST)?.query_row([], |row| row.get(0))?;
    let epoch = latest.unwrap_or(0) + 1;
    draft.prepare(queries::SENDER_INSERT)?.execute(params![
        epoch,
        wide(row.node.0),
        wide(row.journal),
        row.boot,
        row.started_at.as_millis()
    ])?;
    let oldest = row.started_at.as_millis().div_euclid(1000) - RELAY_USE_KEPT_S;
    draft.prepare(queries::RELAY_USE_DROP_BEFORE)?.execute([oldest])?;
    Ok(SenderEpoch(epoch.cast_unsigned()))
}

fn witness_append(draft: &mut Draft<'_>, author: Author, rows: &[WitnessRow]) -> Result<(), Failure> {
    if rows.iter().any(|row| row.key.tenant != author.tenant) {
        return Err(Failure::refused("a row of another tenant"));
    }
    let link_no = draft.link_no(Book::Witnesses, author.tenant, author.sender)?;
    let mut insert = draft.prepare(queries::WITNESS_INSERT)?;
    let mut returned = BTreeSet::new();
    for row in rows {
        let before = outcomes::counted_fold(draft, row.key)?;
        let added = insert.execute(params![
            wide(row.key.tenant.0),
            wide(row.key.release.0),
            row.key.intent.0,
            row.key.attempt.0,
            row.source,
            row.event_id,
            row.accepted,
            row.payload_digest,
            row.at.as_millis(),
            wide(author.sender.0),
            link_no
        ])?;
        if added == 0 {
            continue;
        }
        draft.note_witness();
        draft.entries.share(author.tenant, author.sender, author.now).witnesses.push(row.clone());
        if row.accepted {
            let mut after = before.clone();
            after.add(Entry::WitnessAccepted(row.key.attempt));
            let intent = params![wide(row.key.tenant.0), wide(row.key.release.0), row.key.intent.0];
            draft.prepare(queries::RETRY_DUE_DROP)?.execute(intent)?;
            draft.entries.tally(row.key.tenant, row.key.release).moved(&before, &after);
            let chunk = outcomes::chunk_of(draft, row.key)?.filter(|chunk| chunk.holder.is_none());
            returned.extend(chunk.map(|chunk| (row.key.release, chunk.no)));
        }
    }
    outcomes::account(draft, author.tenant, returned, author.now)
}
