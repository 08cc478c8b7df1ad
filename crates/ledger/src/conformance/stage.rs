//! The people and things of the cases: a tenant with a relay, a secret, a session and a release.

use std::sync::Arc;
use std::time::Duration;

use domain::{
    AttemptNo, AudienceDigest, CredentialVersion, Fingerprint, IntentNo, Lane, LinkSecurity, NodeId, Phase,
    RelayId, RelayKind, ReleaseId, ReplyCode, SenderEpoch, SessionId, Statement, SuppressionReason, TenantId,
    Timestamp, UnknownPolicy, Verdict,
};

use super::Kept;
use super::bench::{Bench, Breach, same};
use crate::digest::recipient_hash;
use crate::directory::{ContentPart, CredentialRow, RelayRow, ReleaseRow, TenantRow};
use crate::lease::{LeaseRequest, LeasedChunk};
use crate::nodes::{TakeOver, TakeOverRequest};
use crate::rows::{
    AttemptKey, AttemptPermit, AttemptRow, AudienceSeal, ChunkReturn, CommitReceipt, DeliveryCommit,
    IntentBatch, IntentRow, OutcomeRow, SenderRow, SessionRow, SettleReceipt, SettleRequest,
};
use crate::store::Store;

/// A moment of a case, in seconds from its start.
pub fn at(second: i64) -> Timestamp {
    Timestamp::from_millis(1_795_000_000_000 + 1000 * second)
}

/// One tenant with all that it needs to send.
#[derive(Clone)]
pub struct Stage {
    /// Where.
    pub store: Arc<dyn Store>,
    /// Whose.
    pub tenant: TenantId,
    /// Its release.
    pub release: ReleaseId,
    /// Who sends.
    pub sender: SenderEpoch,
    /// Over which session.
    pub session: SessionRow,
}

impl Stage {
    /// The first tenant on a new store, with a registered sender and a release without audience.
    pub(super) async fn set(bench: &Bench<'_>) -> Result<Self, Breach> {
        Self::on(&bench.store().await?).await
    }

    /// The first tenant on a store of the caller's, which must be empty.
    pub async fn on(store: &Arc<dyn Store>) -> Result<Self, Breach> {
        let sender = store.sender_register(sender_row(1)).await?;
        Self::of_tenant(store, 1, sender).await
    }

    /// As [`Self::set`], with a sealed audience in chunks.
    pub(super) async fn frozen(bench: &Bench<'_>, intents: u32, chunk_intents: u32) -> Result<Self, Breach> {
        let stage = Self::set(bench).await?;
        stage.freeze(intents, chunk_intents).await?;
        Ok(stage)
    }

    /// A tenant by number. All tenants have the same ids of relays, sessions and releases.
    pub async fn of_tenant(store: &Arc<dyn Store>, number: u64, sender: SenderEpoch) -> Result<Self, Breach> {
        let tenant = TenantId(number);
        let name = format!("tenant {number}");
        store.tenant_ensure(TenantRow { tenant, name, created_at: at(0) }).await?;
        store.relay_ensure(relay_row(tenant)).await?;
        store.credential_ensure(credential_row(tenant, number)).await?;
        let session = SessionRow {
            tenant,
            session: SessionId(500),
            relay: RelayId(100),
            credential: CredentialVersion(1),
            fingerprint: fingerprint(number),
            peer: "192.0.2.1:587".to_owned(),
            tls: String::new(),
            sender,
            opened_at: at(0),
        };
        let stage = Self { store: Arc::clone(store), tenant, release: ReleaseId(900), sender, session };
        stage.store.release_create(stage.release_row(), content()).await?;
        let sessions = vec![stage.session.clone()];
        stage.commit(DeliveryCommit { sessions, ..DeliveryCommit::default() }).await?;
        Ok(stage)
    }

    /// The same tenant and release in the hands of a sender that starts now, with a session of its own.
    pub async fn next_sender(&self) -> Result<Self, Breach> {
        let sender = self.store.sender_register(sender_row(self.sender.0 + 1)).await?;
        let session = SessionRow { session: SessionId(500 + sender.0), sender, ..self.session.clone() };
        let next = Self { sender, session: session.clone(), ..self.clone() };
        next.commit(DeliveryCommit { sessions: vec![session], ..DeliveryCommit::default() }).await?;
        Ok(next)
    }

    /// The release as it is created.
    pub fn release_row(&self) -> ReleaseRow {
        ReleaseRow {
            tenant: self.tenant,
            release: self.release,
            relay: RelayId(100),
            name: "spring".to_owned(),
            content_digest: [2; 32],
            list_digest: [3; 32],
            lane: Lane::Bulk,
            policy: UnknownPolicy::ResendOnce,
            retry_initial_ms: 60_000,
            deadline_at: at(600),
            created_at: at(0),
        }
    }

    /// Intents of a wave, by their numbers; every tenth thousandth address differs in case and script.
    pub fn batch(&self, wave: u16, numbers: std::ops::RangeInclusive<u32>) -> IntentBatch {
        let intents = numbers.map(|number| self.intent_row(number)).collect();
        IntentBatch {
            tenant: self.tenant,
            release: self.release,
            wave,
            sender: self.sender,
            now: at(1),
            intents,
        }
    }

    /// An intent by its number.
    pub fn intent_row(&self, number: u32) -> IntentRow {
        let address = format!("Reader{number}@tenant{}.example.jp", self.tenant.0);
        IntentRow {
            intent: IntentNo(number),
            address,
            fields: format!("山田\u{1f}{number}"),
            suppression: None,
        }
    }

    /// What the list's reader counted over these rows.
    pub fn seal_of(&self, batch: &IntentBatch, chunk_intents: u32) -> AudienceSeal {
        let mut digest = AudienceDigest::default();
        batch.intents.iter().for_each(|row| digest.add(&recipient_hash(&row.address, &row.fields)));
        AudienceSeal {
            tenant: self.tenant,
            release: self.release,
            wave: batch.wave,
            digest,
            list_digest: [4; 32],
            chunk_intents,
            due_at: at(2),
            now: at(2),
        }
    }

    /// Freezes the first wave.
    pub async fn freeze(&self, intents: u32, chunk_intents: u32) -> Kept {
        self.freeze_batch(self.batch(1, 1..=intents), chunk_intents).await
    }

    /// Freezes these rows as their wave.
    pub async fn freeze_batch(&self, batch: IntentBatch, chunk_intents: u32) -> Kept {
        let seal = self.seal_of(&batch, chunk_intents);
        self.store.intent_insert_batch(batch).await?;
        same("the sealed digest", self.store.audience_seal(seal).await?, seal.digest)
    }

    /// Leases what is due at a second.
    pub async fn lease(&self, second: i64, chunks_max: u32) -> Result<Vec<LeasedChunk>, Breach> {
        Ok(self.store.delivery_lease(self.request(second, chunks_max)).await?)
    }

    /// Asks for work at a second, for a minute.
    pub fn request(&self, second: i64, chunks_max: u32) -> LeaseRequest {
        LeaseRequest {
            tenant: self.tenant,
            release: self.release,
            sender: self.sender,
            now: at(second),
            lease_until: at(second + 60),
            chunks_max,
        }
    }

    /// Leases the one chunk that is due at a second.
    pub async fn lease_one(&self, second: i64) -> Result<LeasedChunk, Breach> {
        let mut chunks = self.lease(second, 1).await?;
        chunks.pop().ok_or_else(|| Breach::new(format!("nothing is due at second {second}")))
    }

    /// Names an attempt.
    pub fn key(&self, intent: u32, attempt: u16) -> AttemptKey {
        AttemptKey {
            tenant: self.tenant,
            release: self.release,
            intent: IntentNo(intent),
            attempt: AttemptNo(attempt),
        }
    }

    /// An attempt as the sender asks for it.
    pub fn permit(&self, chunk: &LeasedChunk, intent: u32, attempt: u16) -> AttemptPermit {
        let row = AttemptRow {
            key: self.key(intent, attempt),
            session: self.session.session,
            relay: self.session.relay,
            credential: self.session.credential,
            fingerprint: self.session.fingerprint,
            body_digest: [5; 16],
            opened_at: at(10),
        };
        AttemptPermit { row, chunk: chunk.chunk, lease: chunk.lease }
    }

    /// An entry as the sender would write it; tried again, if ever, 100 seconds from the start.
    pub fn outcome(&self, intent: u32, attempt: u16, verdict: Verdict) -> OutcomeRow {
        let (phase, code) = match verdict {
            Verdict::Accepted => (Phase::Reply, ReplyCode::new(250)),
            Verdict::Deferred => (Phase::Rcpt, ReplyCode::new(450)),
            Verdict::Rejected if attempt > 0 => (Phase::Rcpt, ReplyCode::new(550)),
            Verdict::Unknown => (Phase::Dot, None),
            Verdict::Rejected | Verdict::Cancelled | Verdict::Expired => (Phase::Permit, None),
        };
        OutcomeRow {
            key: self.key(intent, attempt),
            verdict,
            phase,
            code,
            enhanced: None,
            reply_digest: if code.is_some() { [6; 16] } else { [0; 16] },
            reply_text: format!("{verdict} {intent}"),
            at: at(20 + i64::from(attempt)),
            retry_at: (verdict == Verdict::Deferred).then(|| at(100)),
        }
    }

    /// Stores a commit 30 seconds from the start.
    pub async fn commit(&self, commit: DeliveryCommit) -> Result<CommitReceipt, Breach> {
        Ok(self.store.delivery_commit(self.tenant, self.sender, at(30), commit).await?)
    }

    /// Stores attempts, none of which may be fenced.
    pub async fn attempt(&self, chunk: &LeasedChunk, attempts: &[(u32, u16)]) -> Kept {
        let attempts =
            attempts.iter().map(|(intent, attempt)| self.permit(chunk, *intent, *attempt)).collect();
        let receipt = self.commit(DeliveryCommit { attempts, ..DeliveryCommit::default() }).await?;
        same("fenced attempts", receipt.fenced, Vec::new())
    }

    /// Stores outcomes.
    pub async fn answer(&self, outcomes: Vec<OutcomeRow>) -> Kept {
        self.commit(DeliveryCommit { outcomes, ..DeliveryCommit::default() }).await.map(|_| ())
    }

    /// Gives a chunk back.
    pub async fn give_back(&self, chunk: &LeasedChunk) -> Kept {
        let returns = vec![ChunkReturn { release: self.release, chunk: chunk.chunk, lease: chunk.lease }];
        self.commit(DeliveryCommit { returns, ..DeliveryCommit::default() }).await.map(|_| ())
    }

    /// Tries intents once each, with one verdict for all, and gives the chunk back.
    pub async fn deliver(&self, chunk: &LeasedChunk, verdict: Verdict) -> Kept {
        let tried: Vec<_> = chunk.intents.iter().map(|leased| (leased.intent.0, leased.attempt.0)).collect();
        self.attempt(chunk, &tried).await?;
        self.answer(tried.iter().map(|(intent, attempt)| self.outcome(*intent, *attempt, verdict)).collect())
            .await?;
        self.give_back(chunk).await
    }

    /// Takes over what senders that are gone held, as another node than theirs.
    pub async fn take_over(&self, second: i64) -> Result<TakeOver, Breach> {
        self.take_over_as(NodeId(9), second).await
    }

    /// The same as this node.
    pub async fn take_over_as(&self, node: NodeId, second: i64) -> Result<TakeOver, Breach> {
        let now = at(second);
        let request = TakeOverRequest { sender: self.sender, node, now, until: now + seconds(1) };
        Ok(self.store.lease_takeover(request).await?)
    }

    /// Settles 50 seconds from the start.
    pub async fn settle(&self, verdict: Verdict, chunks_max: u32) -> Result<SettleReceipt, Breach> {
        let request = SettleRequest {
            tenant: self.tenant,
            release: self.release,
            verdict,
            sender: self.sender,
            now: at(if verdict == Verdict::Expired { 600 } else { 50 }),
            chunks_max,
        };
        Ok(self.store.delivery_settle(request).await?)
    }

    /// The statement is this, without difference, and the counters agree unless an attempt is open.
    pub async fn states(&self, live: Option<SenderEpoch>, expected: Statement) -> Kept {
        let view = self.store.statement(self.tenant, self.release, live.into()).await?;
        same("the statement", view.statement, expected)?;
        same("its differences", view.differences, Vec::new())
    }
}

/// The intents of a lease by number.
pub(super) fn numbers(chunk: &LeasedChunk) -> Vec<u32> {
    chunk.intents.iter().map(|leased| leased.intent.0).collect()
}

pub(super) fn sender_row(number: u64) -> SenderRow {
    SenderRow { node: NodeId(number), journal: 70 + number, boot: [8; 16], started_at: at(0) }
}

pub(super) fn relay_row(tenant: TenantId) -> RelayRow {
    RelayRow {
        tenant,
        relay: RelayId(100),
        host: "relay.example.jp".to_owned(),
        port: 587,
        security: LinkSecurity::StartTls,
        user: "apikey".to_owned(),
        kind: RelayKind::Bare,
        created_at: at(0),
    }
}

/// Each tenant has a secret of its own.
pub(super) fn fingerprint(number: u64) -> Fingerprint {
    let mut octets = [7; 12];
    octets[..8].copy_from_slice(&number.to_be_bytes());
    Fingerprint(octets)
}

pub(super) fn credential_row(tenant: TenantId, secret: u64) -> CredentialRow {
    let fingerprint = fingerprint(secret);
    CredentialRow {
        tenant,
        relay: RelayId(100),
        version: CredentialVersion(0),
        fingerprint,
        created_at: at(0),
    }
}

pub(super) fn content() -> Vec<ContentPart> {
    let part = |part_no: u32, name: &str, bytes: &[u8]| ContentPart {
        part_no,
        name: name.to_owned(),
        bytes: bytes.to_vec(),
    };
    vec![part(0, "spring.md", b"# Spring"), part(1, "photo.jpg", &[0, 255, 10, 13])]
}

/// A row that is not owed.
pub(super) fn suppressed(row: IntentRow) -> IntentRow {
    IntentRow { suppression: Some(SuppressionReason::Unsubscribed), ..row }
}

/// A span of seconds.
pub(super) fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}
