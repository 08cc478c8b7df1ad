//! The tenants of the drill with their secrets, and the one engine that sends for all of them.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use app::DataFolder;
use domain::{CredentialVersion, Fingerprint, LinkSecurity, RelayId, RelayKind, RelayLimits, TenantId};
use engine::{Engine, EngineConfig, EngineParts, Login, RelaySpec};
use ledger::{CredentialRow, InstallationKey, RelayRow, Store, TenantRow};
use ledger_sqlite::{SqliteOptions, SqliteStore};
use runtime::{Clock, Entropy, SystemClock, SystemEntropy, SystemNetwork};

use super::{OutsideSink, TENANTS};

/// The user name that every tenant has.
const USER: &str = "apikey";
/// Sessions of one tenant.
const SESSIONS: u32 = 2;

/// One tenant.
#[derive(Debug, Clone)]
pub struct Member {
    /// Its place, counted from 0.
    pub number: u32,
    /// Its id.
    pub tenant: TenantId,
    /// Its relay.
    pub relay: RelayId,
    /// How often its secret was changed, plus one.
    pub version: u32,
}

/// All tenants and the engine.
pub struct Fleet {
    /// The tenants.
    pub members: Vec<Member>,
    /// The engine that sends for all.
    pub engine: Engine,
    /// The books.
    pub store: Arc<dyn Store>,
    books: Arc<SqliteStore>,
    key: InstallationKey,
    sink: OutsideSink,
    plant_borrowing: bool,
    _folder: DataFolder,
}

/// A tenant's name, which is also its account at the relay.
pub fn name(number: u32) -> String {
    format!("tenant{number:02}")
}

/// A tenant's secret in one version.
pub fn secret(number: u32, version: u32) -> String {
    format!("SG.{}.{version}", name(number))
}

impl Fleet {
    /// Enters all tenants into a new data folder and starts the engine.
    pub async fn assemble(dir: &Path, sink: OutsideSink, plant_borrowing: bool) -> anyhow::Result<Self> {
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
            boot: runtime::boot_id()?,
            journal_folder: dir.to_owned(),
            config: EngineConfig { tcp_user_timeout: Duration::from_secs(5), ..EngineConfig::default() },
        };
        let (engine, _) = Engine::start(parts).await?;
        let mut fleet =
            Self { members: Vec::new(), engine, store, books, key, sink, plant_borrowing, _folder: folder };
        for number in 0..TENANTS {
            let member = fleet.enter(number).await?;
            fleet.members.push(member);
        }
        Ok(fleet)
    }

    async fn enter(&self, number: u32) -> anyhow::Result<Member> {
        let now = SystemClock.now();
        let tenant = TenantId::generate(now.as_millis(), SystemEntropy.bits()?);
        let row = TenantRow { tenant, name: name(number), created_at: now };
        let tenant = self.store.tenant_ensure(row).await?.tenant;
        let row = RelayRow {
            tenant,
            relay: RelayId::generate(now.as_millis(), SystemEntropy.bits()?),
            host: self.sink.place.ip().to_string(),
            port: self.sink.place.port(),
            security: self.sink.security,
            user: USER.to_owned(),
            kind: RelayKind::Bare,
            created_at: now,
        };
        let relay = self.store.relay_ensure(row).await?.relay;
        Ok(Member { number, tenant, relay, version: 1 })
    }

    /// Changes a tenant's secret: a new version, hence a new actor.
    pub fn rotate(&mut self, number: u32) {
        for member in self.members.iter_mut().filter(|member| member.number == number) {
            member.version += 1;
        }
    }

    /// Changes of secrets so far.
    pub fn rotations(&self) -> u64 {
        self.members.iter().map(|member| u64::from(member.version - 1)).sum()
    }

    /// The relay of a tenant with its present secret.
    pub async fn spec(&self, member: &Member) -> anyhow::Result<RelaySpec> {
        let (tenant, relay) = (member.tenant, member.relay);
        let own = secret(member.number, member.version);
        let fingerprint = self.key.fingerprint(tenant, relay, own.as_bytes());
        let version = self.enter_credential(tenant, relay, fingerprint).await?;
        let used = if self.plant_borrowing { secret(0, 1) } else { own };
        Ok(RelaySpec {
            tenant,
            relay,
            credential: version,
            fingerprint,
            host: self.host(),
            port: self.sink.place.port(),
            security: self.sink.security,
            login: Some(Login {
                user: USER.to_owned(),
                secret: used.into(),
                mechanism: Some(smtp::Mechanism::Plain),
            }),
            limits: RelayLimits {
                sessions_max: SESSIONS,
                messages_per_connection_max: None,
                messages_per_minute_max: None,
            },
            ehlo_name: "drill.example".to_owned(),
            trust: self.sink.trust.clone(),
            use_chunking: false,
        })
    }

    /// Certificates name hosts: over TLS the loopback is called by its name.
    fn host(&self) -> String {
        if self.sink.security != LinkSecurity::None && self.sink.place.ip().is_loopback() {
            "localhost".to_owned()
        } else {
            self.sink.place.ip().to_string()
        }
    }

    async fn enter_credential(
        &self,
        tenant: TenantId,
        relay: RelayId,
        fingerprint: Fingerprint,
    ) -> anyhow::Result<CredentialVersion> {
        let version = CredentialVersion(1);
        let row = CredentialRow { tenant, relay, version, fingerprint, created_at: SystemClock.now() };
        Ok(self.store.credential_ensure(row).await?.version)
    }

    /// Ends the engine and closes the books.
    pub async fn disband(self) -> anyhow::Result<()> {
        self.engine.drain().await?;
        self.books.close().await?;
        Ok(())
    }
}
