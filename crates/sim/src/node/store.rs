//! The real store, a little slower: each call takes its time before and after, is written into the history, and tells
//! the world of leases.

use std::sync::Arc;

use async_trait::async_trait;
use domain::{
    AudienceDigest, ChunkNo, IntentNo, IntentState, LeaseEpoch, NodeId, RelayId, ReleaseId, SenderEpoch,
    Statement, TenantId, Timestamp,
};
use ledger::store::Stored;
use ledger::{
    AttemptView, AudienceSeal, AuditRow, Book, BooksCensus, Census, CensusRequest, CensusStore, CheckReport,
    CommitReceipt, ContentPart, CredentialRow, DeliveryCommit, DeliveryStore, DirectoryStore, Document,
    DocumentStore, DocumentWrite, Head, Hole, InstallationRow, InstallationUse, IntentBatch, LeaseRequest,
    LeasedChunk, LinkRow, LinkedRow, Live, NodeStore, OpenAttempt, PlanStore, ReadStore, RecipientView,
    RelayRow, RelayShare, ReleaseRow, ReleaseState, SealedRoute, SenderBeat, SenderRow, SenderView,
    SettleReceipt, SettleRequest, ShareRequest, StatementView, StreamStore, StreamWave, TakeOver,
    TakeOverRequest, TenantRow, VerdictBucket, VerdictWindow, WitnessRow, WorkAhead, WorkItem,
};
use ledger_sqlite::SqliteStore;

use crate::scenario::SECOND;
use crate::world::Shared;
use crate::world::clock::Wait;

/// The store as the engine gets it.
pub struct ObservedStore {
    store: Arc<SqliteStore>,
    world: Shared,
    us_max: u64,
    /// How long leases hold, in µs.
    lease_us: u64,
}

impl ObservedStore {
    /// Over a store, with calls that take at most so long before and after.
    pub fn new(store: Arc<SqliteStore>, world: Shared, us_max: u64, lease_s: u64) -> Self {
        Self { store, world, us_max, lease_us: lease_s * SECOND }
    }

    async fn pause(&self) {
        let span = {
            let mut world = self.world.lock();
            let slow = world.dice.chance(20);
            let limit = if slow && !world.calm { 40 * self.us_max } else { self.us_max };
            world.dice.below(limit + 1)
        };
        Wait::of(&self.world, span).await;
    }

    async fn around<T>(&self, name: &'static str, call: impl Future<Output = Stored<T>>) -> Stored<T> {
        self.pause().await;
        let answer = call.await;
        let said = match &answer {
            Ok(_) => format!("store {name}"),
            Err(error) => format!("store {name} failed: {error}"),
        };
        self.world.lock().note(said);
        self.pause().await;
        answer
    }

    /// Leases of the tenant hold until their length after `asked_us`.
    fn leased(&self, tenant: TenantId, asked_us: u64) {
        let mut world = self.world.lock();
        let end = world.leases.entry(tenant).or_default();
        *end = (*end).max(asked_us + self.lease_us);
    }

    fn now_us(&self) -> u64 {
        self.world.lock().now_us()
    }
}

/// Passes calls on to the store, in the same words.
macro_rules! observed {
    ($trait:ident { $(fn $name:ident($($argument:ident: $type:ty),*) -> $answer:ty;)* }) => {
        #[async_trait]
        impl $trait for ObservedStore {
            $(async fn $name(&self, $($argument: $type),*) -> Stored<$answer> {
                self.around(stringify!($name), self.store.$name($($argument),*)).await
            })*
        }
    };
}

observed!(DirectoryStore {
    fn tenant_ensure(row: TenantRow) -> TenantRow;
    fn tenant_list() -> Vec<TenantRow>;
    fn relay_ensure(row: RelayRow) -> RelayRow;
    fn credential_ensure(row: CredentialRow) -> CredentialRow;
    fn release_list(tenant: TenantId) -> Vec<(ReleaseRow, ReleaseState)>;
    fn release_get(tenant: TenantId, release: ReleaseId) -> (ReleaseRow, ReleaseState);
    fn release_state_set(tenant: TenantId, release: ReleaseId, state: ReleaseState, now: Timestamp) -> ();
    fn release_reschedule(row: &ReleaseRow, resend_at: Timestamp, now: Timestamp) -> ();
    fn content_get(tenant: TenantId, release: ReleaseId) -> Vec<ContentPart>;
    fn installation_get() -> Option<InstallationRow>;
    fn installation_ensure(row: InstallationRow) -> InstallationRow;
    fn installation_use(use_now: InstallationUse) -> ();
});

observed!(StreamStore {
    fn stream_append(wave: StreamWave) -> ();
    fn content_range(tenant: TenantId, release: ReleaseId, first: u32, last: u32) -> Vec<ContentPart>;
});

observed!(DocumentStore {
    fn document_get(tenant: TenantId, kind: &str, id: &str) -> Option<Document>;
    fn document_list(tenant: TenantId, kind: &str, after: &str, limit: u32) -> Vec<Document>;
    fn document_write(write: DocumentWrite) -> Vec<u64>;
    fn audit_list(tenant: TenantId, after: u64, limit: u32) -> Vec<AuditRow>;
});

observed!(PlanStore {
    fn release_create(row: ReleaseRow, content: Vec<ContentPart>) -> ();
    fn intent_count(tenant: TenantId, release: ReleaseId, wave: u16) -> u32;
    fn intent_insert_batch(batch: IntentBatch) -> ();
    fn audience_extent(tenant: TenantId, release: ReleaseId) -> (u16, IntentNo);
    fn audience_seal(seal: AudienceSeal) -> AudienceDigest;
    fn audience_contains(tenant: TenantId, release: ReleaseId, addresses: Vec<String>) -> Vec<bool>;
});

#[async_trait]
impl DeliveryStore for ObservedStore {
    async fn sender_register(&self, row: SenderRow) -> Stored<SenderEpoch> {
        self.around("sender_register", self.store.sender_register(row)).await
    }

    async fn lease_takeover(&self, request: TakeOverRequest) -> Stored<TakeOver> {
        self.around("lease_takeover", self.store.lease_takeover(request)).await
    }

    async fn lease_return_all(&self, sender: SenderEpoch, now: Timestamp) -> Stored<()> {
        self.around("lease_return_all", self.store.lease_return_all(sender, now)).await
    }

    async fn delivery_lease(&self, request: LeaseRequest) -> Stored<Vec<LeasedChunk>> {
        let asked = self.now_us();
        let leased = self.around("delivery_lease", self.store.delivery_lease(request)).await?;
        self.leased(request.tenant, asked);
        Ok(leased)
    }

    async fn delivery_due(&self, request: LeaseRequest, chunk: ChunkNo) -> Stored<Option<LeasedChunk>> {
        self.around("delivery_due", self.store.delivery_due(request, chunk)).await
    }

    async fn lease_renew(
        &self,
        tenant: TenantId,
        sender: SenderEpoch,
        now: Timestamp,
        until: Timestamp,
    ) -> Stored<Vec<(ReleaseId, ChunkNo, LeaseEpoch)>> {
        let asked = self.now_us();
        let held = self.around("lease_renew", self.store.lease_renew(tenant, sender, now, until)).await?;
        self.leased(tenant, asked);
        Ok(held)
    }

    async fn delivery_commit(
        &self,
        tenant: TenantId,
        sender: SenderEpoch,
        now: Timestamp,
        commit: DeliveryCommit,
    ) -> Stored<CommitReceipt> {
        let (attempts, outcomes) = (commit.attempts.len(), commit.outcomes.len());
        let receipt =
            self.around("delivery_commit", self.store.delivery_commit(tenant, sender, now, commit)).await?;
        let fenced = receipt.fenced.len();
        self.world.lock().note(format!("commit: {attempts} attempts, {outcomes} outcomes, {fenced} fenced"));
        Ok(receipt)
    }

    async fn work_ahead(&self, tenant: TenantId, release: ReleaseId, now: Timestamp) -> Stored<WorkAhead> {
        self.around("work_ahead", self.store.work_ahead(tenant, release, now)).await
    }

    async fn delivery_settle(&self, request: SettleRequest) -> Stored<SettleReceipt> {
        self.around("delivery_settle", self.store.delivery_settle(request)).await
    }

    async fn relay_use(
        &self,
        tenant: TenantId,
        relay: RelayId,
        since: Timestamp,
    ) -> Stored<Vec<(Timestamp, u32)>> {
        self.around("relay_use", self.store.relay_use(tenant, relay, since)).await
    }

    async fn witness_append(
        &self,
        tenant: TenantId,
        sender: SenderEpoch,
        now: Timestamp,
        rows: Vec<WitnessRow>,
    ) -> Stored<()> {
        self.around("witness_append", self.store.witness_append(tenant, sender, now, rows)).await
    }
}

#[async_trait]
impl NodeStore for ObservedStore {
    fn is_shared(&self) -> bool {
        self.store.is_shared()
    }

    async fn sender_beat(&self, beat: SenderBeat) -> Stored<()> {
        self.around("sender_beat", self.store.sender_beat(beat)).await
    }

    async fn sender_list(&self, since: Timestamp) -> Stored<Vec<SenderView>> {
        self.around("sender_list", self.store.sender_list(since)).await
    }

    async fn lost_attempts(&self, node: NodeId, sender: SenderEpoch) -> Stored<Vec<OpenAttempt>> {
        self.around("lost_attempts", self.store.lost_attempts(node, sender)).await
    }

    async fn lost_forget(&self, node: NodeId, sender: SenderEpoch, now: Timestamp) -> Stored<()> {
        self.around("lost_forget", self.store.lost_forget(node, sender, now)).await
    }

    async fn work_list(&self, now: Timestamp) -> Stored<Vec<WorkItem>> {
        self.around("work_list", self.store.work_list(now)).await
    }

    async fn route_put(&self, route: SealedRoute) -> Stored<()> {
        self.around("route_put", self.store.route_put(route)).await
    }

    async fn route_get(&self, tenant: TenantId, release: ReleaseId) -> Stored<Option<SealedRoute>> {
        self.around("route_get", self.store.route_get(tenant, release)).await
    }

    async fn relay_share(&self, request: ShareRequest) -> Stored<RelayShare> {
        self.around("relay_share", self.store.relay_share(request)).await
    }
}

observed!(ReadStore {
    fn sender_latest() -> Option<SenderEpoch>;
    fn statement(tenant: TenantId, release: ReleaseId, live: Live) -> StatementView;
    fn counters(tenant: TenantId, release: ReleaseId) -> Statement;
    fn recipients(
        tenant: TenantId,
        release: ReleaseId,
        state: Option<IntentState>,
        live: Live,
        after: IntentNo,
        limit: u32
    ) -> Vec<RecipientView>;
    fn attempts(tenant: TenantId, release: ReleaseId, address: &str) -> Vec<AttemptView>;
    fn heads() -> Vec<Head>;
    fn book_rows(
        tenant: TenantId,
        release: ReleaseId,
        book: Book,
        first: IntentNo,
        last: IntentNo
    ) -> Vec<LinkedRow>;
    fn link_rows(tenant: TenantId, book: Book, sender: SenderEpoch, after: u32, limit: u32) -> Vec<LinkRow>;
    fn check(sealed: Vec<Head>, live: Live, now: Timestamp) -> CheckReport;
});

#[async_trait]
impl CensusStore for ObservedStore {
    async fn census(&self, request: CensusRequest) -> Stored<Census> {
        self.around("census", self.store.census(request)).await
    }

    async fn books_census(&self, tenant: Option<TenantId>) -> Stored<BooksCensus> {
        self.around("books_census", self.store.books_census(tenant)).await
    }

    async fn verdict_times(&self, window: VerdictWindow) -> Stored<Vec<VerdictBucket>> {
        self.around("verdict_times", self.store.verdict_times(window)).await
    }

    /// What a sweep mends is a mistake of whoever let it come to that.
    async fn sweep(&self, now: Timestamp) -> Stored<Vec<Hole>> {
        let holes = self.around("sweep", self.store.sweep(now)).await?;
        for hole in &holes {
            let text = format!("a sweep found chunk {} of {} forgotten", hole.chunk.no, hole.release);
            self.world.lock().breach(format!("9 liveness: {text}"));
        }
        Ok(holes)
    }
}
