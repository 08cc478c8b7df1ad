//! What every drill plays on: one data folder, the real engine, tenants with one relay each, and small releases
//! whose mails say whose they are.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use app::DataFolder;
use domain::{
    AudienceDigest, CredentialVersion, IntentNo, Lane, LinkSecurity, RelayId, RelayKind, RelayLimits,
    ReleaseId, RetrySchedule, TenantId, UnknownPolicy,
};
use engine::{
    ComposeError, Composed, Composer, Engine, EngineConfig, EngineParts, Login, Planner, RelayActor,
    RelaySpec, ReleaseRun, ReleaseWork, WaveKey,
};
use ledger::{
    ContentPart, CredentialRow, InstallationKey, LeasedIntent, RelayRow, ReleaseRow, ReleaseState, Store,
    TenantRow, recipient_hash, sha256,
};
use ledger_sqlite::{SqliteOptions, SqliteStore};
use runtime::{Clock, Entropy, SystemClock, SystemEntropy, SystemNetwork};

use super::OutsideSink;

/// The user name that every tenant has at its relay.
const USER: &str = "apikey";
/// How long a release's mails may be tried.
const DEADLINE: Duration = Duration::from_secs(600);
/// The wait after a first failure.
const RETRY_INITIAL: Duration = Duration::from_millis(20);
/// Intents of a chunk.
const CHUNK_INTENTS: u32 = 256;

/// The engine with its books.
pub struct Stage {
    /// The engine that sends for all.
    pub engine: Engine,
    /// The books.
    pub store: Arc<dyn Store>,
    books: Arc<SqliteStore>,
    key: InstallationKey,
    _folder: DataFolder,
}

/// One tenant with its relay.
#[derive(Debug, Clone)]
pub struct Account {
    /// Its name: the account at the relay, and part of every address that it sends from.
    pub name: String,
    /// Its id.
    pub tenant: TenantId,
    /// Its relay.
    pub relay: RelayId,
}

/// The secret of an account, and how many sessions it may open.
#[derive(Debug, Clone)]
pub struct Key {
    /// What the books take it for.
    pub secret: String,
    /// What is really said to the relay; the same, unless a fault is planted.
    pub said: String,
    /// Connections at the same time.
    pub sessions: u32,
}

impl Stage {
    /// A new data folder with an engine.
    pub async fn open(dir: &Path) -> anyhow::Result<Self> {
        let folder = DataFolder::open(dir, &SystemClock, &SystemEntropy)?;
        let books = Arc::new(SqliteStore::open(dir, SqliteOptions::default())?);
        let store = Arc::clone(&books) as Arc<dyn Store>;
        let key = folder.keys().installation.clone();
        let parts = EngineParts {
            store: Arc::clone(&store),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            network: Arc::new(SystemNetwork),
            key: key.clone(),
            node: folder.node(),
            host: runtime::host_name(),
            boot: runtime::boot_id()?,
            journal_folder: dir.to_owned(),
            config: EngineConfig {
                tcp_user_timeout: Duration::from_secs(5),
                drain_timeout: Duration::from_secs(5),
                ..EngineConfig::default()
            },
        };
        let (engine, _) = Engine::start(parts).await?;
        Ok(Self { engine, store, books, key, _folder: folder })
    }

    /// Enters a tenant with its relay into the directory.
    pub async fn enter(&self, name: String, sink: &OutsideSink) -> anyhow::Result<Account> {
        let now = SystemClock.now();
        let tenant = TenantId::generate(now.as_millis(), SystemEntropy.bits()?);
        let row = TenantRow { tenant, name: name.clone(), created_at: now };
        let tenant = self.store.tenant_ensure(row).await?.tenant;
        let row = RelayRow {
            tenant,
            relay: RelayId::generate(now.as_millis(), SystemEntropy.bits()?),
            host: host(sink),
            port: sink.place.port(),
            security: sink.security,
            user: USER.to_owned(),
            kind: RelayKind::Bare,
            created_at: now,
        };
        let relay = self.store.relay_ensure(row).await?.relay;
        Ok(Account { name, tenant, relay })
    }

    /// The actor of an account with this secret, entered into the directory if it is new.
    pub async fn relay(
        &self,
        account: &Account,
        key: Key,
        sink: &OutsideSink,
    ) -> anyhow::Result<Arc<RelayActor>> {
        let Account { tenant, relay, .. } = *account;
        let fingerprint = self.key.fingerprint(tenant, relay, key.secret.as_bytes());
        let version = CredentialVersion(1);
        let row = CredentialRow { tenant, relay, version, fingerprint, created_at: SystemClock.now() };
        let credential = self.store.credential_ensure(row).await?.version;
        let mechanism = Some(smtp::Mechanism::Plain);
        let spec = RelaySpec {
            tenant,
            relay,
            credential,
            fingerprint,
            host: host(sink),
            port: sink.place.port(),
            security: sink.security,
            login: Some(Login { user: USER.to_owned(), secret: key.said.into(), mechanism }),
            limits: RelayLimits {
                sessions_max: key.sessions,
                messages_per_connection_max: None,
                messages_per_minute_max: None,
            },
            ehlo_name: "drill.example".to_owned(),
            trust: sink.trust.clone(),
            use_chunking: false,
            direct: None,
        };
        Ok(self.engine.relay(spec).await?)
    }

    /// Freezes a release to these addresses.
    pub async fn freeze(
        &self,
        account: &Account,
        name: String,
        lane: Lane,
        addresses: impl Iterator<Item = String>,
    ) -> anyhow::Result<ReleaseRow> {
        let now = SystemClock.now();
        let row = ReleaseRow {
            tenant: account.tenant,
            release: ReleaseId::generate(now.as_millis(), SystemEntropy.bits()?),
            relay: account.relay,
            content_digest: sha256(name.as_bytes()),
            list_digest: sha256(name.as_bytes()),
            name,
            lane,
            policy: UnknownPolicy::Hold,
            retry_initial_ms: u64::try_from(RETRY_INITIAL.as_millis()).unwrap_or(0),
            deadline_at: now + DEADLINE,
            created_at: now,
        };
        let part = ContentPart { part_no: 0, name: "drill".to_owned(), bytes: Vec::new() };
        self.store.release_create(row.clone(), vec![part]).await?;
        let (tenant, release, sender) = (row.tenant, row.release, self.engine.sender());
        let key = WaveKey { tenant, release, wave: 1, sender, first: IntentNo(1) };
        let mut planner = Planner::start(Arc::clone(&self.store), Arc::new(SystemClock), key).await?;
        let mut digest = AudienceDigest::default();
        for address in addresses {
            digest.add(&recipient_hash(&address, ""));
            planner.add(&address, "", None).await?;
        }
        planner.seal(digest, row.list_digest, CHUNK_INTENTS).await?;
        Ok(row)
    }

    /// Lets a frozen release go.
    pub fn send(&self, account: &Account, row: &ReleaseRow, actor: Arc<RelayActor>) -> ReleaseRun {
        let composer = DrillComposer { tenant: account.name.clone(), release: row.release };
        let work = ReleaseWork {
            tenant: row.tenant,
            release: row.release,
            relay: row.relay,
            reverse_path: format!("news@{}.example", account.name),
            lane: row.lane,
            policy: row.policy,
            retry: RetrySchedule::starting_at(RETRY_INITIAL),
            patience: None,
            held: false.into(),
        };
        self.engine.send(work, Arc::new(composer), actor)
    }

    /// Ends a release before all is sent.
    pub async fn cancel(&self, row: &ReleaseRow, run: &ReleaseRun) -> anyhow::Result<()> {
        let (tenant, release) = (row.tenant, row.release);
        self.store.release_state_set(tenant, release, ReleaseState::Cancelled, SystemClock.now()).await?;
        run.recheck();
        run.ended().await;
        Ok(())
    }

    /// Ends the engine and closes the books.
    pub async fn close(self) -> anyhow::Result<()> {
        self.engine.drain().await?;
        self.books.close().await?;
        Ok(())
    }
}

/// Certificates name hosts: over TLS the loopback is called by its name.
fn host(sink: &OutsideSink) -> String {
    if sink.security != LinkSecurity::None && sink.place.ip().is_loopback() {
        "localhost".to_owned()
    } else {
        sink.place.ip().to_string()
    }
}

/// Small mails that say whose they are.
struct DrillComposer {
    tenant: String,
    release: ReleaseId,
}

impl Composer for DrillComposer {
    fn compose(&self, intent: &LeasedIntent) -> Result<Composed, ComposeError> {
        let Self { tenant, release } = self;
        let head = format!(
            "From: news@{tenant}.example\r\nTo: {}\r\nSubject: drill\r\nMessage-ID: <{}.{release}@{tenant}.example>\r\n\
             X-Tenant: {tenant}\r\n\r\nThis mail belongs to {tenant}.\r\n",
            intent.address, intent.intent
        );
        let mut digest = [0; 16];
        digest.copy_from_slice(&sha256(head.as_bytes())[..16]);
        Ok(Composed {
            head: head.into_bytes(),
            tail: None,
            eight_bit: false,
            smtputf8: false,
            digest,
            reverse_path: None,
        })
    }
}

/// A folder that is removed at the end.
pub struct TemporaryFolder(pub PathBuf);

impl TemporaryFolder {
    /// A new folder under the system's folder for such.
    pub fn make() -> anyhow::Result<Self> {
        let mut octets = [0; 8];
        SystemEntropy.fill(&mut octets)?;
        let path = std::env::temp_dir().join(format!("hikyaku-drill-{}", app::error::hex(&octets)));
        std::fs::create_dir(&path)?;
        Ok(Self(path))
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        // What cannot be removed is the temporary folder's own business.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
