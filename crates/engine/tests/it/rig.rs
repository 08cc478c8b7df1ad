//! A whole sender over a real SQLite store, against a real sink: what every test of this binary stands on.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use domain::ids::wide_id;
use domain::{
    AudienceDigest, CredentialVersion, Fingerprint, IntentNo, IntentState, Lane, LinkSecurity, NodeId,
    RelayId, RelayKind, RelayLimits, ReleaseId, RetrySchedule, Statement, TenantId, UnknownPolicy,
};
use engine::{
    ComposeError, Composed, Composer, Engine, EngineConfig, EngineParts, Login, Planner, Recovered,
    RelayActor, RelaySpec, ReleaseEnd, ReleaseRun, ReleaseWork, TlsTrust, WaveKey,
};
use ledger::{
    CredentialRow, DirectoryStore, InstallationKey, LeasedIntent, PlanStore, ReadStore, RelayRow, ReleaseRow,
    Store, TenantRow, recipient_hash, sha256,
};
use ledger_sqlite::{SqliteOptions, SqliteStore};
use runtime::{Clock, Entropy, SystemClock, SystemEntropy, SystemNetwork};
use smtp::Secret;
use tempfile::TempDir;

/// The most that any wait of a test takes.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A data folder with a store, and perhaps an engine at work on it.
pub struct Rig {
    pub folder: TempDir,
    pub store: Arc<SqliteStore>,
    pub engine: Option<Engine>,
    pub recovered: Recovered,
    pub config: EngineConfig,
}

/// A tenant with one relay.
#[derive(Clone)]
pub struct Client {
    pub tenant: TenantId,
    pub spec: RelaySpec,
}

/// How a test's release is to be sent.
#[derive(Clone)]
pub struct Order {
    pub name: &'static str,
    pub addresses: Vec<String>,
    pub policy: UnknownPolicy,
    pub lane: Lane,
    pub retry_initial: Duration,
    pub deadline: Duration,
}

impl Order {
    pub fn to(addresses: Vec<String>) -> Self {
        Self {
            name: "release",
            addresses,
            policy: UnknownPolicy::Hold,
            lane: Lane::Bulk,
            retry_initial: Duration::from_millis(50),
            deadline: PATIENCE,
        }
    }
}

/// `count` addresses whose local part starts with `prefix`.
pub fn addresses(prefix: &str, count: usize) -> Vec<String> {
    (1..=count).map(|no| format!("{prefix}{no}@example.jp")).collect()
}

/// Makes small mails whose `X-Tenant` and `X-Intent` say whose they are.
struct TestComposer {
    tenant: TenantId,
    release: ReleaseId,
}

impl Composer for TestComposer {
    fn compose(&self, intent: &LeasedIntent) -> Result<Composed, ComposeError> {
        if intent.fields == "uncomposable" {
            return Err(ComposeError("a field is missing".to_owned()));
        }
        let head = format!(
            "From: pr@example.jp\r\nTo: {to}\r\nSubject: test\r\nMessage-ID: <{no}.{release}@example.jp>\r\n\
             X-Tenant: {tenant}\r\n\r\nHello {to}\r\n.leading dot\r\n",
            tenant = self.tenant,
            release = self.release,
            to = intent.address,
            no = intent.intent,
        );
        let digest = sha256(head.as_bytes());
        let mut short = [0; 16];
        short.copy_from_slice(&digest[..16]);
        Ok(Composed {
            head: head.into_bytes(),
            tail: None,
            eight_bit: false,
            smtputf8: false,
            digest: short,
            reverse_path: None,
        })
    }
}

impl Rig {
    pub async fn new(config: EngineConfig) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self::on(folder, config).await
    }

    /// An engine over what stands in the folder, as after a restart.
    pub async fn on(folder: TempDir, config: EngineConfig) -> Self {
        let store = Arc::new(SqliteStore::open(folder.path(), SqliteOptions::default()).unwrap());
        let parts = EngineParts {
            store: Arc::clone(&store) as Arc<dyn Store>,
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            network: Arc::new(SystemNetwork),
            key: InstallationKey::new(&[7; 32]),
            node: NodeId(1),
            host: "here".to_owned(),
            boot: runtime::boot_id().unwrap(),
            journal_folder: folder.path().to_path_buf(),
            config,
        };
        let (engine, recovered) = Engine::start(parts).await.unwrap();
        Self { folder, store, engine: Some(engine), recovered, config }
    }

    pub fn engine(&self) -> &Engine {
        self.engine.as_ref().unwrap()
    }

    /// A tenant whose relay is `addr`, user `apikey`, with this secret.
    pub async fn client(&self, name: &str, addr: SocketAddr, secret: &str) -> Client {
        let now = SystemClock.now();
        let tenant = TenantRow { tenant: TenantId(fresh()), name: name.to_owned(), created_at: now };
        let tenant = self.store.tenant_ensure(tenant).await.unwrap().tenant;
        let relay = self
            .store
            .relay_ensure(RelayRow {
                tenant,
                relay: RelayId(fresh()),
                host: addr.ip().to_string(),
                port: addr.port(),
                security: LinkSecurity::None,
                user: "apikey".to_owned(),
                kind: RelayKind::Bare,
                created_at: now,
            })
            .await
            .unwrap();
        let spec = RelaySpec {
            tenant,
            relay: relay.relay,
            credential: CredentialVersion(0),
            fingerprint: Fingerprint([0; 12]),
            host: addr.ip().to_string(),
            port: addr.port(),
            security: LinkSecurity::None,
            login: None,
            limits: RelayLimits {
                sessions_max: 10,
                messages_per_connection_max: None,
                messages_per_minute_max: None,
            },
            ehlo_name: "sender.test".to_owned(),
            trust: TlsTrust::System,
            use_chunking: false,
            direct: None,
        };
        self.rotated(&Client { tenant, spec }, secret).await
    }

    /// The same tenant and relay with another secret.
    pub async fn rotated(&self, client: &Client, secret: &str) -> Client {
        let mut client = client.clone();
        let key = InstallationKey::new(&[7; 32]);
        let fingerprint = key.fingerprint(client.tenant, client.spec.relay, secret.as_bytes());
        let row = CredentialRow {
            tenant: client.tenant,
            relay: client.spec.relay,
            version: CredentialVersion(0),
            fingerprint,
            created_at: SystemClock.now(),
        };
        let row = self.store.credential_ensure(row).await.unwrap();
        client.spec.credential = row.version;
        client.spec.fingerprint = fingerprint;
        client.spec.login = Some(Login {
            user: "apikey".to_owned(),
            secret: Secret::from(secret.to_owned()),
            mechanism: None,
        });
        client
    }

    /// Begins a release; nobody is in its audience yet.
    pub async fn release(&self, client: &Client, order: &Order) -> ReleaseRow {
        let now = SystemClock.now();
        let row = ReleaseRow {
            tenant: client.tenant,
            release: ReleaseId(fresh()),
            relay: client.spec.relay,
            name: order.name.to_owned(),
            content_digest: [1; 32],
            list_digest: [0; 32],
            lane: order.lane,
            policy: order.policy,
            retry_initial_ms: u64::try_from(order.retry_initial.as_millis()).unwrap(),
            deadline_at: now + order.deadline,
            created_at: now,
        };
        self.store.release_create(row.clone(), Vec::new()).await.unwrap();
        row
    }

    /// Freezes the order's audience.
    pub async fn plan(&self, client: &Client, order: &Order) -> ReleaseRow {
        let row = self.release(client, order).await;
        let key = WaveKey {
            tenant: client.tenant,
            release: row.release,
            wave: 1,
            sender: self.engine().sender(),
            first: IntentNo(1),
        };
        let store = Arc::clone(&self.store) as Arc<dyn Store>;
        let mut planner = Planner::start(store, Arc::new(SystemClock), key).await.unwrap();
        let mut digest = AudienceDigest::default();
        for address in &order.addresses {
            let fields = if address.starts_with("uncomposable") { "uncomposable" } else { "" };
            digest.add(&recipient_hash(address, fields));
            planner.add(address, fields, None).await.unwrap();
        }
        planner.seal(digest, [2; 32], self.config.chunk_intents).await.unwrap();
        row
    }

    /// Starts to send a planned release.
    pub async fn start(&self, client: &Client, row: &ReleaseRow) -> ReleaseRun {
        self.start_through(row, self.engine().relay(client.spec.clone()).await.unwrap())
    }

    /// Starts to send a planned release through this actor, whosever it is.
    pub fn start_through(&self, row: &ReleaseRow, actor: Arc<RelayActor>) -> ReleaseRun {
        let work = ReleaseWork {
            tenant: row.tenant,
            release: row.release,
            relay: row.relay,
            reverse_path: format!("pr@t{}.example", row.tenant.0),
            lane: row.lane,
            policy: row.policy,
            retry: RetrySchedule::starting_at(Duration::from_millis(row.retry_initial_ms)),
            patience: None,
            held: AtomicBool::new(false),
        };
        let composer = Arc::new(TestComposer { tenant: row.tenant, release: row.release });
        self.engine().send(work, composer, actor)
    }

    /// Plans, sends and waits; the end, and the statement by the books.
    pub async fn send(&self, client: &Client, order: &Order) -> (ReleaseRow, ReleaseEnd, Statement) {
        let row = self.plan(client, order).await;
        let run = self.start(client, &row).await;
        let end = within(run.ended()).await;
        let statement = self.statement(&row).await;
        (row, end, statement)
    }

    /// The statement; differences are a failure.
    pub async fn statement(&self, row: &ReleaseRow) -> Statement {
        let live = self.engine.as_ref().map(Engine::sender);
        let view = self.store.statement(row.tenant, row.release, live.into()).await.unwrap();
        assert_eq!(view.differences, Vec::new());
        assert_eq!(view.statement.difference(), 0);
        view.statement
    }

    /// The recipients in one state.
    pub async fn recipients(&self, row: &ReleaseRow, state: IntentState) -> Vec<ledger::RecipientView> {
        let live = self.engine.as_ref().map(Engine::sender);
        let after = IntentNo(0);
        self.store
            .recipients(row.tenant, row.release, Some(state), live.into(), after, 100_000)
            .await
            .unwrap()
    }

    /// Drains the engine; every invariant must hold over what it wrote.
    pub async fn close(mut self) -> TempDir {
        let live = ledger::Live::default();
        let whole = within(self.engine.take().unwrap().drain()).await.unwrap();
        assert!(whole, "the drain ended in time");
        let report = self.store.check(Vec::new(), live, SystemClock.now()).await.unwrap();
        assert_eq!(report.findings, Vec::new());
        self.folder
    }

    /// Lets the engine fall without a drain: nothing is asserted of what it leaves.
    pub async fn kill(mut self) -> TempDir {
        drop(self.engine.take());
        self.folder
    }

    /// As a kill of the process: a copy of the data folder as it stands at this instant.
    pub async fn kill_hard(self) -> TempDir {
        let copy = tempfile::tempdir().unwrap();
        for entry in std::fs::read_dir(self.folder.path()).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
        }
        copy
    }
}

/// The future's value; a panic after [`PATIENCE`].
pub async fn within<T>(future: impl Future<Output = T>) -> T {
    let limit = SystemClock.moment() + PATIENCE;
    tokio::select! {
        value = future => value,
        () = SystemClock.sleep_until(limit) => panic!("nothing happened for {PATIENCE:?}"),
    }
}

/// A number that nothing else has.
pub fn fresh() -> u64 {
    wide_id(SystemClock.now().as_millis(), SystemEntropy.bits().unwrap())
}
