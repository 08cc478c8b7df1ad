//! The traits that a store implements, by who uses them: directory, planner, delivery, readers.
//!
//! Shaped for a store shared by many nodes: every call names one tenant where it touches tenant data, carries
//! whole batches, and holds nothing over network time. `now` always comes from the caller.

use async_trait::async_trait;
use domain::{
    AudienceDigest, ChunkNo, IntentNo, IntentState, LeaseEpoch, NodeId, RelayId, ReleaseId, SenderEpoch,
    TenantId, Timestamp,
};

use crate::census::{BooksCensus, Census, CensusRequest, Hole, VerdictBucket, VerdictWindow};
use crate::chain::{Book, Head, LinkRow};
use crate::directory::{
    ContentPart, CredentialRow, InstallationRow, InstallationUse, RelayRow, ReleaseRow, ReleaseState,
    TenantRow,
};
use crate::documents::{AuditRow, Document, DocumentWrite};
use crate::error::LedgerError;
use crate::lease::{LeaseRequest, LeasedChunk, WorkAhead};
use crate::nodes::{
    Live, RelayShare, SealedRoute, SenderBeat, SenderView, ShareRequest, TakeOver, TakeOverRequest, WorkItem,
};
use crate::read::{AttemptView, CheckReport, LinkedRow, RecipientView, StatementView};
use crate::rows::{
    AudienceSeal, CommitReceipt, DeliveryCommit, IntentBatch, OpenAttempt, SenderRow, SettleReceipt,
    SettleRequest, WitnessRow,
};
use crate::stream::StreamWave;

/// A store's answer.
pub type Stored<T> = Result<T, LedgerError>;

/// Who sends what through which relay.
#[async_trait]
pub trait DirectoryStore: Send + Sync {
    /// Whose books these are; `None` before anybody used them.
    async fn installation_get(&self) -> Stored<Option<InstallationRow>>;

    /// Stores the row where there is none; gives the one that stands.
    async fn installation_ensure(&self, row: InstallationRow) -> Stored<InstallationRow>;

    /// Sets what the books are for, of an installation that stands.
    async fn installation_use(&self, use_now: InstallationUse) -> Stored<()>;

    /// Finds the tenant of this name, or stores the given row; gives the row that stands.
    async fn tenant_ensure(&self, row: TenantRow) -> Stored<TenantRow>;

    /// All tenants, by name.
    async fn tenant_list(&self) -> Stored<Vec<TenantRow>>;

    /// Finds the tenant's relay of this (host, port, security, user), or stores the given row.
    async fn relay_ensure(&self, row: RelayRow) -> Stored<RelayRow>;

    /// Finds the relay's credential of this fingerprint, or stores it under the next version (the row's own
    /// version is ignored).
    async fn credential_ensure(&self, row: CredentialRow) -> Stored<CredentialRow>;

    /// The tenant's releases, newest first, with their states.
    async fn release_list(&self, tenant: TenantId) -> Stored<Vec<(ReleaseRow, ReleaseState)>>;

    /// One release.
    async fn release_get(&self, tenant: TenantId, release: ReleaseId) -> Stored<(ReleaseRow, ReleaseState)>;

    /// Sets whether a release may be sent. `Cancelled` is never left again; a pause that ends moves the deadline by
    /// its length.
    async fn release_state_set(
        &self,
        tenant: TenantId,
        release: ReleaseId,
        state: ReleaseState,
        now: Timestamp,
    ) -> Stored<()>;

    /// Gives a release that is resumed a new deadline, retry schedule and policy. Under `hold` no unknown mail waits
    /// to be sent again any more; under `resend-once` those that were neither sent again nor refused may be, from `resend_at`.
    /// A pause counts from `now` on, for the new deadline knows of what was before.
    async fn release_reschedule(&self, row: &ReleaseRow, resend_at: Timestamp, now: Timestamp) -> Stored<()>;

    /// A release's frozen content, in part order.
    async fn content_get(&self, tenant: TenantId, release: ReleaseId) -> Stored<Vec<ContentPart>>;
}

/// Freezing an audience.
#[async_trait]
pub trait PlanStore: Send + Sync {
    /// Stores a release in state `Planning`, with its content, durably.
    async fn release_create(&self, row: ReleaseRow, content: Vec<ContentPart>) -> Stored<()>;

    /// How many intents of a wave are stored already: where an interrupted planner goes on.
    async fn intent_count(&self, tenant: TenantId, release: ReleaseId, wave: u16) -> Stored<u32>;

    /// Stores a run of intents (numbers follow what is stored already).
    async fn intent_insert_batch(&self, batch: IntentBatch) -> Stored<()>;

    /// The highest sealed wave and the highest intent number of a release; (0, 0) before the first seal.
    async fn audience_extent(&self, tenant: TenantId, release: ReleaseId) -> Stored<(u16, IntentNo)>;

    /// Compares the wave's rows with the list's own count and digest; equal: makes its chunks due, sets the
    /// counters, and a `Planning` release `Active`. Not equal: [`LedgerError::AudienceMismatch`], nothing changes.
    async fn audience_seal(&self, seal: AudienceSeal) -> Stored<AudienceDigest>;

    /// Which of these comparison keys the release's audience holds already, by position (for extensions).
    async fn audience_contains(
        &self,
        tenant: TenantId,
        release: ReleaseId,
        addresses: Vec<String>,
    ) -> Stored<Vec<bool>>;
}

/// Sending.
#[async_trait]
pub trait DeliveryStore: Send + Sync {
    /// Registers a run of a sender; gives an epoch above every earlier one.
    async fn sender_register(&self, row: SenderRow) -> Stored<SenderEpoch>;

    /// Takes over the leases of senders that are gone (bumping their lease epochs first) and gives the open attempts of
    /// those chunks. A store shared by nodes takes leases that ended by `now`, and those of earlier runs of the same
    /// node; an embedded one, whose owner holds the folder's lock, takes all of earlier senders.
    async fn lease_takeover(&self, request: TakeOverRequest) -> Stored<TakeOver>;

    /// Gives back every chunk that `sender` holds, of all tenants, at the end of its run.
    async fn lease_return_all(&self, sender: SenderEpoch, now: Timestamp) -> Stored<()>;

    /// Leases chunks that are due, oldest due first. Of each chunk: the intents that are pending and due, and the
    /// unknown ones that the retry schedule names as due.
    async fn delivery_lease(&self, request: LeaseRequest) -> Stored<Vec<LeasedChunk>>;

    /// Of a chunk that the request's sender holds already, what may be tried by now: retries need not wait for a mail
    /// of their chunk that is still on the wire. The lease stays as it is; `None` when the sender does not hold it.
    /// The caller has nothing else of the chunk in hand.
    async fn delivery_due(&self, request: LeaseRequest, chunk: ChunkNo) -> Stored<Option<LeasedChunk>>;

    /// Prolongs every lease that `sender` holds for the tenant, and gives them: one that is not among them was taken
    /// over.
    async fn lease_renew(
        &self,
        tenant: TenantId,
        sender: SenderEpoch,
        now: Timestamp,
        until: Timestamp,
    ) -> Stored<Vec<(ReleaseId, ChunkNo, LeaseEpoch)>>;

    /// One group commit of one tenant; returns when it is durable. A breach of identity (session, relay,
    /// credential, fingerprint do not belong together) is [`LedgerError::Refused`], and nothing of it is stored.
    async fn delivery_commit(
        &self,
        tenant: TenantId,
        sender: SenderEpoch,
        now: Timestamp,
        commit: DeliveryCommit,
    ) -> Stored<CommitReceipt>;

    /// What is still ahead for a release.
    async fn work_ahead(&self, tenant: TenantId, release: ReleaseId, now: Timestamp) -> Stored<WorkAhead>;

    /// Settles what is still owed in chunks that are not out on lease, and drops their retry schedule; nothing while
    /// the release's state and deadline do not call for it ([`SettleRequest::is_due`]).
    async fn delivery_settle(&self, request: SettleRequest) -> Stored<SettleReceipt>;

    /// Messages sent through a limited relay per second since `since`, oldest first.
    async fn relay_use(
        &self,
        tenant: TenantId,
        relay: RelayId,
        since: Timestamp,
    ) -> Stored<Vec<(Timestamp, u32)>>;

    /// Appends to the third book; entries whose (source, event id) stands already are ignored.
    async fn witness_append(
        &self,
        tenant: TenantId,
        sender: SenderEpoch,
        now: Timestamp,
        rows: Vec<WitnessRow>,
    ) -> Stored<()>;
}

/// Many senders over the same books.
#[async_trait]
pub trait NodeStore: Send + Sync {
    /// True when senders of several processes may work on these books at the same time.
    fn is_shared(&self) -> bool;

    /// Stores a sender's sign of life.
    async fn sender_beat(&self, beat: SenderBeat) -> Stored<()>;

    /// Senders that gave a sign of life since then, by their epochs.
    async fn sender_list(&self, since: Timestamp) -> Stored<Vec<SenderView>>;

    /// Attempts of earlier runs of this node, in chunks that others took over from them, of which nothing is known, or
    /// nothing but that their message end may have been sent: the node's own journal may know more.
    async fn lost_attempts(&self, node: NodeId, sender: SenderEpoch) -> Stored<Vec<OpenAttempt>>;

    /// Forgets what was taken over from earlier runs of this node: their journal was replayed.
    async fn lost_forget(&self, node: NodeId, sender: SenderEpoch, now: Timestamp) -> Stored<()>;

    /// Releases of all tenants of which something may be tried by now that nobody holds, that are to be settled
    /// (cancelled, or past their deadline), or whose route was given within the last minute.
    async fn work_list(&self, now: Timestamp) -> Stored<Vec<WorkItem>>;

    /// Ends when somebody says that there may be work: a release is frozen, resumed or cancelled, or its route is new. A hint
    /// alone, which saves a wait: one may be lost, and embedded books never give any. Whoever waits looks by itself too.
    async fn work_hint(&self) {
        std::future::pending().await
    }

    /// Stores how to send a release, in place of what was said before.
    async fn route_put(&self, route: SealedRoute) -> Stored<()>;

    /// How to send a release, if it was said.
    async fn route_get(&self, tenant: TenantId, release: ReleaseId) -> Stored<Option<SealedRoute>>;

    /// A share of a relay's limits, in place of the sender's share before; see [`ShareRequest::share`].
    async fn relay_share(&self, request: ShareRequest) -> Stored<RelayShare>;
}

/// Reading the books. Open attempts of `live` senders are pending, those of all others are unknown.
#[async_trait]
pub trait ReadStore: Send + Sync {
    /// The latest sender's epoch, if any ever ran.
    async fn sender_latest(&self) -> Stored<Option<SenderEpoch>>;

    /// A release's statement by one pass over the books, compared with seal and counters.
    async fn statement(&self, tenant: TenantId, release: ReleaseId, live: Live) -> Stored<StatementView>;

    /// A release's counters as they stand (fast; for progress, never for proof).
    async fn counters(&self, tenant: TenantId, release: ReleaseId) -> Stored<domain::Statement>;

    /// Recipients in one state (or all), after an intent, at most `limit`.
    async fn recipients(
        &self,
        tenant: TenantId,
        release: ReleaseId,
        state: Option<IntentState>,
        live: Live,
        after: IntentNo,
        limit: u32,
    ) -> Stored<Vec<RecipientView>>;

    /// Every attempt and settlement of the intents that name this address (compared without case).
    async fn attempts(&self, tenant: TenantId, release: ReleaseId, address: &str)
    -> Stored<Vec<AttemptView>>;

    /// Where every chain ends.
    async fn heads(&self) -> Stored<Vec<Head>>;

    /// A book's rows of a run of intents, in key order, each with the link that covers it.
    async fn book_rows(
        &self,
        tenant: TenantId,
        release: ReleaseId,
        book: Book,
        first: IntentNo,
        last: IntentNo,
    ) -> Stored<Vec<LinkedRow>>;

    /// A chain's links after a link number, in order, at most `limit`.
    async fn link_rows(
        &self,
        tenant: TenantId,
        book: Book,
        sender: SenderEpoch,
        after: u32,
        limit: u32,
    ) -> Stored<Vec<LinkRow>>;

    /// Every invariant against every row: chains recomputed, counters, chunks and the retry schedule rebuilt and
    /// compared, sealed heads held against the chains.
    async fn check(&self, sealed: Vec<Head>, live: Live, now: Timestamp) -> Stored<CheckReport>;
}

/// Finding what is not accounted for.
#[async_trait]
pub trait CensusStore: Send + Sync {
    /// Releases whose sealed count or digest is not that of what is accounted for, with the intents that no sender has in
    /// hand: by the chunks' accounts, and a walk of the chunks alone whose account is not whole.
    async fn census(&self, request: CensusRequest) -> Stored<Census>;

    /// The same by the books alone: every intent, attempt, outcome and witness, and the sealed audience; nothing that a
    /// counter or a small table says counts. Of one tenant, or of all.
    async fn books_census(&self, tenant: Option<TenantId>) -> Stored<BooksCensus>;

    /// How many outcomes came in a window of time, bucket by bucket, without those in which none did.
    async fn verdict_times(&self, window: VerdictWindow) -> Stored<Vec<VerdictBucket>>;

    /// Looks for chunks that nobody would bring up again although not all in them is accounted for. Makes them due from
    /// the books, and their account anew; gives those in which anything was open.
    async fn sweep(&self, now: Timestamp) -> Stored<Vec<Hole>>;
}

/// Mails that come one by one, with their content: see [`crate::stream`].
#[async_trait]
pub trait StreamStore: Send + Sync {
    /// Stores, seals and makes due one wave of a stream, durably, in one transaction. A stream in state `Planning` is
    /// active from then on; a paused one stays paused. [`LedgerError::AudienceMismatch`] when the rows as stored are
    /// not what was counted; nothing is stored then.
    async fn stream_append(&self, wave: StreamWave) -> Stored<()>;

    /// A release's content parts from number to number, both included, in order.
    async fn content_range(
        &self,
        tenant: TenantId,
        release: ReleaseId,
        first: u32,
        last: u32,
    ) -> Stored<Vec<ContentPart>>;
}

/// What people set, and who set it: see [`crate::documents`].
#[async_trait]
pub trait DocumentStore: Send + Sync {
    /// One document.
    async fn document_get(&self, tenant: TenantId, kind: &str, id: &str) -> Stored<Option<Document>>;

    /// A tenant's documents of a kind with ids above `after` (empty: from the first), by id, at most `limit`.
    async fn document_list(
        &self,
        tenant: TenantId,
        kind: &str,
        after: &str,
        limit: u32,
    ) -> Stored<Vec<Document>>;

    /// Makes all changes, with their entry in the audit log, or none; gives the new versions in their order (0 for what was
    /// removed). [`LedgerError::Stale`] when any document is not as expected, [`LedgerError::Refused`] beyond a limit of
    /// [`crate::documents`].
    async fn document_write(&self, write: DocumentWrite) -> Stored<Vec<u64>>;

    /// Entries of a tenant's audit log after a number, in order, at most `limit`.
    async fn audit_list(&self, tenant: TenantId, after: u64, limit: u32) -> Stored<Vec<AuditRow>>;
}

/// A whole store.
pub trait Store:
    DirectoryStore + PlanStore + StreamStore + DeliveryStore + NodeStore + ReadStore + CensusStore + DocumentStore
{
}

impl<T> Store for T where
    T: DirectoryStore
        + PlanStore
        + StreamStore
        + DeliveryStore
        + NodeStore
        + ReadStore
        + CensusStore
        + DocumentStore
{
}
