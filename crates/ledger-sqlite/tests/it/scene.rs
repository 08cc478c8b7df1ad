//! A folder with finished books, and copies of it to be damaged.

use std::path::Path;
use std::time::Duration;

use domain::{
    AttemptNo, AudienceDigest, CredentialVersion, Fingerprint, IntentNo, Lane, LinkSecurity, NodeId, Phase,
    RelayId, RelayKind, ReleaseId, ReplyCode, SenderEpoch, SessionId, TenantId, Timestamp, UnknownPolicy,
    Verdict,
};
use ledger::{
    AttemptKey, AttemptPermit, AttemptRow, AudienceSeal, AuditNote, CheckReport, ChunkReturn, CredentialRow,
    DeliveryCommit, DeliveryStore, DirectoryStore, DocumentChange, DocumentStore, DocumentWrite, Expected,
    Head, IntentBatch, IntentRow, LeaseRequest, LeasedChunk, OutcomeRow, PlanStore, ReadStore, RelayRow,
    ReleaseRow, SenderRow, SessionRow, TenantRow, WitnessRow, recipient_hash,
};
use ledger_sqlite::{DATABASE_FILE, SqliteOptions, SqliteStore};
use rusqlite::Connection;
use tempfile::TempDir;

pub const TENANT: TenantId = TenantId(11);
pub const RELEASE: ReleaseId = ReleaseId(900);
const SESSION: SessionId = SessionId(500);
const FINGERPRINT: Fingerprint = Fingerprint([7; 12]);
const INTENTS: u32 = 12;

pub fn at(second: i64) -> Timestamp {
    Timestamp::from_millis(1_795_000_000_000 + 1000 * second)
}

/// Closed books of one tenant: 12 intents in chunks of 4; accepted, deferred, unknown, and untouched ones.
pub struct Books {
    folder: TempDir,
    /// Where the chains ended when the books were closed.
    pub sealed: Vec<Head>,
}

impl Books {
    pub async fn write() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = SqliteStore::open(folder.path(), SqliteOptions::default()).expect("books");
        let sender = prepare(&store).await;
        freeze(&store, sender).await;
        deliver(&store, sender).await;
        set_documents(&store).await;
        let sealed = store.heads().await.expect("heads");
        store.close().await.expect("closed");
        Self { folder, sealed }
    }

    /// Where they lie.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What a check finds in a copy that was damaged by `harm`.
    pub async fn check(&self, sealed: &[Head], harm: impl FnOnce(&Connection)) -> CheckReport {
        let copy = tempfile::tempdir().expect("a folder");
        std::fs::copy(self.folder.path().join(DATABASE_FILE), copy.path().join(DATABASE_FILE))
            .expect("a copy");
        let connection = raw(copy.path());
        harm(&connection);
        connection.close().expect("closed");
        let store = SqliteStore::open_read_only(copy.path(), SqliteOptions::default()).expect("books");
        let report = store.check(sealed.to_vec(), ledger::Live::default(), at(40)).await.expect("a report");
        store.close().await.expect("closed");
        report
    }
}

/// The file as nobody should open it: without keys and checks.
pub fn raw(folder: &Path) -> Connection {
    let connection = Connection::open(folder.join(DATABASE_FILE)).expect("the file");
    connection.pragma_update(None, "foreign_keys", false).expect("a pragma");
    connection.pragma_update(None, "ignore_check_constraints", true).expect("a pragma");
    connection
}

pub async fn prepare(store: &SqliteStore) -> SenderEpoch {
    let created_at = at(0);
    let tenant = TenantRow { tenant: TENANT, name: "tenant".to_owned(), created_at };
    store.tenant_ensure(tenant).await.expect("a tenant");
    let relay = RelayRow {
        tenant: TENANT,
        relay: RelayId(100),
        host: "relay.example.jp".to_owned(),
        port: 587,
        security: LinkSecurity::StartTls,
        user: "apikey".to_owned(),
        kind: RelayKind::Bare,
        created_at,
    };
    store.relay_ensure(relay).await.expect("a relay");
    let version = CredentialVersion(1);
    let credential =
        CredentialRow { tenant: TENANT, relay: RelayId(100), version, fingerprint: FINGERPRINT, created_at };
    store.credential_ensure(credential).await.expect("a credential");
    let release = ReleaseRow {
        tenant: TENANT,
        release: RELEASE,
        relay: RelayId(100),
        name: "spring".to_owned(),
        content_digest: [2; 32],
        list_digest: [3; 32],
        lane: Lane::Bulk,
        policy: UnknownPolicy::Hold,
        retry_initial_ms: 60_000,
        deadline_at: at(600),
        created_at,
    };
    store.release_create(release, Vec::new()).await.expect("a release");
    let sender = SenderRow { node: NodeId(1), journal: 71, boot: [8; 16], started_at: at(0) };
    store.sender_register(sender).await.expect("a sender")
}

async fn freeze(store: &SqliteStore, sender: SenderEpoch) {
    let mut digest = AudienceDigest::default();
    let rows = (1..=INTENTS).map(|intent| {
        let (address, fields) = (format!("reader{intent}@example.jp"), format!("山田\u{1f}{intent}"));
        digest.add(&recipient_hash(&address, &fields));
        IntentRow { intent: IntentNo(intent), address, fields, suppression: None }
    });
    let intents = rows.collect();
    let batch = IntentBatch { tenant: TENANT, release: RELEASE, wave: 1, sender, now: at(1), intents };
    store.intent_insert_batch(batch).await.expect("intents");
    let seal = AudienceSeal {
        tenant: TENANT,
        release: RELEASE,
        wave: 1,
        digest,
        list_digest: [4; 32],
        chunk_intents: 4,
        due_at: at(2),
        now: at(2),
    };
    store.audience_seal(seal).await.expect("a seal");
}

async fn deliver(store: &SqliteStore, sender: SenderEpoch) {
    let session = SessionRow {
        tenant: TENANT,
        session: SESSION,
        relay: RelayId(100),
        credential: CredentialVersion(1),
        fingerprint: FINGERPRINT,
        peer: "192.0.2.1:587".to_owned(),
        tls: String::new(),
        sender,
        opened_at: at(0),
    };
    let commit = async |commit| {
        let receipt = store.delivery_commit(TENANT, sender, at(30), commit).await.expect("a commit");
        assert!(receipt.fenced.is_empty());
    };
    commit(DeliveryCommit { sessions: vec![session], ..DeliveryCommit::default() }).await;
    let request = LeaseRequest {
        tenant: TENANT,
        release: RELEASE,
        sender,
        now: at(5),
        lease_until: at(65),
        chunks_max: 2,
    };
    let chunks = store.delivery_lease(request).await.expect("chunks");
    let verdicts = [Verdict::Accepted, Verdict::Accepted, Verdict::Deferred, Verdict::Unknown];
    for chunk in &chunks {
        let attempts = chunk.intents.iter().map(|leased| permit(chunk, leased.intent)).collect();
        commit(DeliveryCommit { attempts, ..DeliveryCommit::default() }).await;
        let answered = chunk.intents.iter().zip(verdicts);
        let outcomes = answered.map(|(leased, verdict)| outcome(leased.intent, verdict)).collect();
        let returns = vec![ChunkReturn { release: RELEASE, chunk: chunk.chunk, lease: chunk.lease }];
        commit(DeliveryCommit { outcomes, returns, ..DeliveryCommit::default() }).await;
    }
    let witnesses = [1, 2].map(|intent| WitnessRow {
        key: key(IntentNo(intent)),
        event_id: format!("event {intent}"),
        source: "relay events".to_owned(),
        accepted: true,
        payload_digest: [1; 32],
        at: at(33),
    });
    store.witness_append(TENANT, sender, at(34), witnesses.to_vec()).await.expect("witnesses");
}

/// Four changes with their entries in the log, the last of them the installation's.
async fn set_documents(store: &SqliteStore) {
    for (second, tenant) in [(1, TENANT), (2, TENANT), (3, TENANT), (4, TenantId(0))] {
        let (kind, id, text) = ("relay".to_owned(), "㈱".to_owned(), Some(format!("{second}")));
        let changes = vec![DocumentChange { kind, id, expected: Expected::Any, text }];
        let note = AuditNote {
            actor: "髙橋".to_owned(),
            action: "relay.set".to_owned(),
            object: "㈱".to_owned(),
            detail: "{}".to_owned(),
        };
        let write = DocumentWrite { tenant, changes, note: Some(note), now: at(second) };
        store.document_write(write).await.expect("a document");
    }
}

fn key(intent: IntentNo) -> AttemptKey {
    AttemptKey { tenant: TENANT, release: RELEASE, intent, attempt: AttemptNo(1) }
}

fn permit(chunk: &LeasedChunk, intent: IntentNo) -> AttemptPermit {
    let row = AttemptRow {
        key: key(intent),
        session: SESSION,
        relay: RelayId(100),
        credential: CredentialVersion(1),
        fingerprint: FINGERPRINT,
        body_digest: [u8::try_from(intent.0).unwrap_or(0); 16],
        opened_at: at(10),
    };
    AttemptPermit { row, chunk: chunk.chunk, lease: chunk.lease }
}

fn outcome(intent: IntentNo, verdict: Verdict) -> OutcomeRow {
    let (phase, code) = match verdict {
        Verdict::Accepted => (Phase::Reply, 250),
        Verdict::Deferred => (Phase::Rcpt, 450),
        _ => (Phase::Dot, 0),
    };
    OutcomeRow {
        key: key(intent),
        verdict,
        phase,
        code: ReplyCode::new(code),
        enhanced: "4.7.1".parse().ok(),
        reply_digest: [u8::try_from(intent.0).unwrap_or(0); 16],
        reply_text: "words".to_owned(),
        at: at(20),
        retry_at: (verdict == Verdict::Deferred).then(|| at(20) + Duration::from_secs(80)),
    }
}
