//! Measures the store by itself: freeze, delivery, statement, check and size on disk. Run it in release mode:
//! `cargo run --release -p ledger-sqlite --example measure -- [MAILS] [PAGE_OCTETS] [FOLDER]`.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use domain::{
    AttemptNo, AudienceDigest, CredentialVersion, Fingerprint, IntentNo, Lane, LinkSecurity, NodeId, Phase,
    RelayId, RelayKind, ReleaseId, ReplyCode, SenderEpoch, SessionId, TenantId, Timestamp, UnknownPolicy,
    Verdict,
};
use ledger::{
    AttemptKey, AttemptPermit, AttemptRow, AudienceSeal, ChunkReturn, CredentialRow, DeliveryCommit,
    IntentBatch, IntentRow, LeaseRequest, LeasedChunk, OutcomeRow, RelayRow, ReleaseRow, SenderRow,
    SessionRow, Store, TenantRow, recipient_hash,
};
use ledger_sqlite::{SqliteOptions, SqliteStore};
use runtime::{Clock, SystemClock};

const TENANT: TenantId = TenantId(7_530_000_000_000_000_001);
const RELAY: RelayId = RelayId(7_530_000_000_000_000_002);
const RELEASE: ReleaseId = ReleaseId(7_530_000_000_000_000_003);
const SESSION: SessionId = SessionId(7_530_000_000_000_000_004);
const FINGERPRINT: Fingerprint = Fingerprint([9; 12]);
const BATCH: u32 = 8192;
const CHUNK: u32 = 256;
const MAILS_A_COMMIT: usize = 90;
const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);

type Failable<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn main() -> Failable<()> {
    let mut arguments = std::env::args().skip(1);
    let mails: u32 = arguments.next().as_deref().unwrap_or("1000000").parse()?;
    let page_octets: u32 = arguments.next().as_deref().unwrap_or("4096").parse()?;
    let folder = arguments.next();
    let temporary = tempfile::tempdir()?;
    let folder = folder.as_deref().map_or(temporary.path(), Path::new);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(measure(folder, mails, page_octets))
}

async fn measure(folder: &Path, mails: u32, page_octets: u32) -> Failable<()> {
    let options = SqliteOptions { page_octets, ..SqliteOptions::default() };
    let concrete = Arc::new(SqliteStore::open(folder, options)?);
    let store: Arc<dyn Store> = concrete.clone();
    let sender = prepare(&*store).await?;
    let mut watch = Watch::start();

    let digest = freeze(&store, sender, mails).await?;
    watch.lap("insert intents", u64::from(mails), folder);
    let seal = AudienceSeal {
        tenant: TENANT,
        release: RELEASE,
        wave: 1,
        digest,
        list_digest: [1; 32],
        chunk_intents: CHUNK,
        due_at: NOW,
        now: NOW,
    };
    store.audience_seal(seal).await?;
    watch.lap("seal", u64::from(mails), folder);

    let commits = deliver(&*store, sender).await?;
    watch.lap(&format!("deliver in {commits} commits"), u64::from(mails), folder);
    let view = store.statement(TENANT, RELEASE, Some(sender).into()).await?;
    watch.lap(&format!("statement, {} differences", view.differences.len()), u64::from(mails), folder);
    assert_eq!(view.statement.accepted, u64::from(mails));
    let heads = store.heads().await?;
    let report = store.check(heads, Some(sender).into(), NOW).await?;
    watch.lap(&format!("check, {} findings", report.findings.len()), u64::from(mails), folder);
    concrete.close().await?;
    watch.lap("close", u64::from(mails), folder);
    Ok(())
}

async fn prepare(store: &dyn Store) -> Failable<SenderEpoch> {
    store.tenant_ensure(TenantRow { tenant: TENANT, name: "measured".to_owned(), created_at: NOW }).await?;
    let relay = RelayRow {
        tenant: TENANT,
        relay: RELAY,
        host: "relay.example.jp".to_owned(),
        port: 587,
        security: LinkSecurity::StartTls,
        user: "apikey".to_owned(),
        kind: RelayKind::Bare,
        created_at: NOW,
    };
    store.relay_ensure(relay).await?;
    let version = CredentialVersion(1);
    let credential =
        CredentialRow { tenant: TENANT, relay: RELAY, version, fingerprint: FINGERPRINT, created_at: NOW };
    store.credential_ensure(credential).await?;
    let release = ReleaseRow {
        tenant: TENANT,
        release: RELEASE,
        relay: RELAY,
        name: "release".to_owned(),
        content_digest: [2; 32],
        list_digest: [1; 32],
        lane: Lane::Bulk,
        policy: UnknownPolicy::Hold,
        retry_initial_ms: 60_000,
        deadline_at: NOW + Duration::from_secs(600),
        created_at: NOW,
    };
    store.release_create(release, Vec::new()).await?;
    let row = SenderRow { node: NodeId(1), journal: 1, boot: [3; 16], started_at: NOW };
    Ok(store.sender_register(row).await?)
}

async fn freeze(store: &Arc<dyn Store>, sender: SenderEpoch, mails: u32) -> Failable<AudienceDigest> {
    let mut digest = AudienceDigest::default();
    let mut writing: Option<tokio::task::JoinHandle<Result<(), ledger::LedgerError>>> = None;
    for first in (1..=mails).step_by(BATCH as usize) {
        let mut intents = Vec::with_capacity(BATCH as usize);
        for intent in first..=(first + BATCH - 1).min(mails) {
            let address = format!("recipient{intent:07}@example{}.co.jp", intent % 100);
            let fields = format!("株式会社サンプル\u{1f}山田 太郎\u{1f}{intent:020}");
            digest.add(&recipient_hash(&address, &fields));
            intents.push(IntentRow { intent: IntentNo(intent), address, fields, suppression: None });
        }
        let batch = IntentBatch { tenant: TENANT, release: RELEASE, wave: 1, sender, now: NOW, intents };
        if let Some(writing) = writing.take() {
            writing.await??;
        }
        let store = Arc::clone(store);
        writing = Some(tokio::spawn(async move { store.intent_insert_batch(batch).await }));
    }
    if let Some(writing) = writing.take() {
        writing.await??;
    }
    Ok(digest)
}

async fn deliver(store: &dyn Store, sender: SenderEpoch) -> Failable<u64> {
    let session = SessionRow {
        tenant: TENANT,
        session: SESSION,
        relay: RELAY,
        credential: CredentialVersion(1),
        fingerprint: FINGERPRINT,
        peer: "192.0.2.1:587".to_owned(),
        tls: "TLSv1.3".to_owned(),
        sender,
        opened_at: NOW,
    };
    let mut commit = DeliveryCommit { sessions: vec![session], ..DeliveryCommit::default() };
    let mut commits = 0;
    loop {
        let request = LeaseRequest {
            tenant: TENANT,
            release: RELEASE,
            sender,
            now: NOW,
            lease_until: NOW + Duration::from_secs(60),
            chunks_max: 4,
        };
        let chunks = store.delivery_lease(request).await?;
        if chunks.is_empty() {
            store.delivery_commit(TENANT, sender, NOW, commit).await?;
            return Ok(commits + 1);
        }
        for chunk in &chunks {
            for run in chunk.intents.chunks(MAILS_A_COMMIT) {
                commit.attempts = run.iter().map(|intent| permit(chunk, intent.intent)).collect();
                let next = commit.attempts.iter().map(|permit| outcome(permit.row.key)).collect();
                let done = std::mem::take(&mut commit);
                let receipt = store.delivery_commit(TENANT, sender, NOW, done).await?;
                assert!(receipt.fenced.is_empty());
                commit.outcomes = next;
                commits += 1;
            }
            commit.returns.push(ChunkReturn { release: RELEASE, chunk: chunk.chunk, lease: chunk.lease });
        }
    }
}

fn permit(chunk: &LeasedChunk, intent: IntentNo) -> AttemptPermit {
    let key = AttemptKey { tenant: TENANT, release: RELEASE, intent, attempt: AttemptNo(1) };
    let row = AttemptRow {
        key,
        session: SESSION,
        relay: RELAY,
        credential: CredentialVersion(1),
        fingerprint: FINGERPRINT,
        body_digest: [5; 16],
        opened_at: NOW,
    };
    AttemptPermit { row, chunk: chunk.chunk, lease: chunk.lease }
}

fn outcome(key: AttemptKey) -> OutcomeRow {
    OutcomeRow {
        key,
        verdict: Verdict::Accepted,
        phase: Phase::Reply,
        code: ReplyCode::new(250),
        enhanced: "2.0.0".parse().ok(),
        reply_digest: [6; 16],
        reply_text: format!("250 2.0.0 Ok: queued as {:010}", key.intent.0),
        at: NOW,
        retry_at: None,
    }
}

/// Wall time, processor time of the writer and of all, and the folder's size, lap by lap.
struct Watch {
    clock: SystemClock,
    at: domain::Moment,
    cpu: (f64, f64),
}

impl Watch {
    fn start() -> Self {
        let clock = SystemClock;
        Self { at: clock.moment(), clock, cpu: cpu_seconds() }
    }

    fn lap(&mut self, what: &str, rows: u64, folder: &Path) {
        let (at, cpu) = (self.clock.moment(), cpu_seconds());
        let seconds = at.since(self.at).as_secs_f64();
        let (writer, all) = (cpu.0 - self.cpu.0, cpu.1 - self.cpu.1);
        let count = rows as f64;
        println!(
            "{what:32} {seconds:7.2} s {:9.0}/s  writer {:6.2} µs, all {:6.2} µs each; folder {:5.0} octets each",
            count / seconds,
            writer / count * 1e6,
            all / count * 1e6,
            folder_octets(folder) / count
        );
        (self.at, self.cpu) = (at, cpu);
    }
}

fn folder_octets(folder: &Path) -> f64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.metadata().ok()).map(|data| data.len() as f64).sum()
}

/// Processor seconds of the writer's thread, and of every living thread.
fn cpu_seconds() -> (f64, f64) {
    let threads = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    threads.fold((0.0, 0.0), |(writer, all), thread| {
        let read = |file: &str| std::fs::read_to_string(thread.path().join(file)).unwrap_or_default();
        let ran =
            read("schedstat").split(' ').next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or(0.0) / 1e9;
        let is_writer = read("comm").trim() == "books-writer";
        (writer + if is_writer { ran } else { 0.0 }, all + ran)
    })
}
