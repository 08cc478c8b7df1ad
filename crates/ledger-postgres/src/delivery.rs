//! Sending: each trait call as one transaction of one tenant; those over all tenants as one for each that is concerned.

use std::sync::Arc;

use async_trait::async_trait;
use domain::{ChunkNo, LeaseEpoch, RelayId, ReleaseId, SenderEpoch, TenantId, Timestamp};
use ledger::store::Stored;
use ledger::{
    CommitReceipt, DeliveryCommit, DeliveryStore, LeaseRequest, LeasedChunk, SenderRow, SettleReceipt,
    SettleRequest, TakeOver, TakeOverRequest, WitnessRow, WorkAhead,
};

use crate::columns::Columns;
use crate::commit::{self, Author};
use crate::draft::Draft;
use crate::failure::Failure;
use crate::store::{PostgresStore, Write};
use crate::values::{whole, wide};
use crate::{lease, queries, settle, witness};

/// How often an epoch is asked for when other nodes take each one first.
const REGISTRATIONS_MAX: u32 = 64;

#[async_trait]
impl DeliveryStore for PostgresStore {
    async fn sender_register(&self, row: SenderRow) -> Stored<SenderEpoch> {
        let write = Write { operation: "registering a sender", tenant: TenantId(0), at: row.started_at };
        self.write(write, move |draft| Box::pin(sender_register(draft, row))).await
    }

    async fn lease_takeover(&self, request: TakeOverRequest) -> Stored<TakeOver> {
        const OPERATION: &str = "taking leases over";
        let tenants = self
            .read(OPERATION, move |connection| {
                Box::pin(lease::tenants_with_gone_senders(connection, request))
            })
            .await?;
        let mut taken = TakeOver::default();
        for tenant in tenants {
            let write = Write { operation: OPERATION, tenant, at: request.now };
            let of_tenant =
                self.write(write, move |draft| Box::pin(lease::take_over(draft, tenant, request))).await?;
            taken.chunks.extend(of_tenant.chunks);
            taken.open.extend(of_tenant.open);
        }
        Ok(taken)
    }

    async fn lease_return_all(&self, sender: SenderEpoch, now: Timestamp) -> Stored<()> {
        const OPERATION: &str = "returning leases";
        let tenants =
            self.read(OPERATION, move |connection| Box::pin(lease::tenants_of(connection, sender))).await?;
        for tenant in tenants {
            let write = Write { operation: OPERATION, tenant, at: now };
            self.write(write, move |draft| Box::pin(lease::return_held(draft, tenant, sender, now))).await?;
        }
        Ok(())
    }

    async fn delivery_lease(&self, request: LeaseRequest) -> Stored<Vec<LeasedChunk>> {
        let write = Write { operation: "leasing chunks", tenant: request.tenant, at: request.now };
        self.write_lease(write, move |draft| Box::pin(async move { lease::lease(draft, &request).await }))
            .await
    }

    async fn delivery_due(&self, request: LeaseRequest, chunk: ChunkNo) -> Stored<Option<LeasedChunk>> {
        let write =
            Write { operation: "reading what a held chunk owes", tenant: request.tenant, at: request.now };
        self.write_lease(write, move |draft| {
            Box::pin(async move { lease::due(draft, &request, chunk).await })
        })
        .await
    }

    async fn lease_renew(
        &self,
        tenant: TenantId,
        sender: SenderEpoch,
        now: Timestamp,
        until: Timestamp,
    ) -> Stored<Vec<(ReleaseId, ChunkNo, LeaseEpoch)>> {
        let write = Write { operation: "renewing leases", tenant, at: now };
        self.write_lease(write, move |draft| Box::pin(lease::renew(draft, tenant, sender, until))).await
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
        let commit = Arc::new(commit);
        self.write(Write { operation: "committing deliveries", tenant, at: now }, move |draft| {
            let commit = Arc::clone(&commit);
            Box::pin(async move { commit::store(draft, author, &commit).await })
        })
        .await
    }

    async fn work_ahead(&self, tenant: TenantId, release: ReleaseId, now: Timestamp) -> Stored<WorkAhead> {
        self.read("looking ahead", move |connection| {
            Box::pin(lease::work_ahead(connection, tenant, release, now))
        })
        .await
    }

    async fn delivery_settle(&self, request: SettleRequest) -> Stored<SettleReceipt> {
        let write = Write { operation: "settling a release", tenant: request.tenant, at: request.now };
        self.write(write, move |draft| Box::pin(async move { settle::settle(draft, &request).await })).await
    }

    async fn relay_use(
        &self,
        tenant: TenantId,
        relay: RelayId,
        since: Timestamp,
    ) -> Stored<Vec<(Timestamp, u32)>> {
        self.read("reading the use of a relay", move |connection| {
            Box::pin(async move {
                let values = (wide(tenant.0), wide(relay.0), whole(since.as_millis().div_euclid(1000)));
                let rows =
                    connection.rows(queries::RELAY_USE_LIST, &[&values.0, &values.1, &values.2]).await?;
                rows.iter().map(|row| used(Columns(row))).collect()
            })
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
        let rows = Arc::new(rows);
        self.write(Write { operation: "storing witnesses", tenant, at: now }, move |draft| {
            let rows = Arc::clone(&rows);
            Box::pin(async move { witness::append(draft, author, &rows).await })
        })
        .await
    }
}

fn used(row: Columns<'_>) -> Result<(Timestamp, u32), Failure> {
    let second: i64 = row.number(0)?;
    Ok((Timestamp::from_millis(second * 1000), row.number(1)?))
}

async fn sender_register(draft: &Draft, row: SenderRow) -> Result<SenderEpoch, Failure> {
    let (node, journal, started_at) =
        (wide(row.node.0), wide(row.journal), whole(row.started_at.as_millis()));
    let boot = row.boot.as_slice();
    for _ in 0..REGISTRATIONS_MAX {
        let epoch = draft.row(queries::SENDER_INSERT, &[&node, &journal, &boot, &started_at]).await?;
        if let Some(epoch) = epoch {
            return Ok(SenderEpoch(Columns(&epoch).id(0)?));
        }
    }
    Err(Failure::Again("other nodes register all the time"))
}
