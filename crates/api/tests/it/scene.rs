//! An installation with two tenants, their keys, and the interface over it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use api::{ApiConfig, RouteInfo};
use app::directory::keys::{self, KeyRequest};
use app::directory::relay_request::RelayRequest;
use app::directory::relays::RelayDesk;
use app::directory::senders::{self, SenderName};
use app::directory::tenants;
use app::office::Office;
use app::relay::RelayUrl;
use app::scope::{Scope, Scopes};
use app::service::Service;
use app::stream::Streams;
use app::{Access, DataFolder, Right};
use domain::{Moment, SenderEpoch, TenantId, Timestamp};
use ledger::{DeliveryStore, DirectoryStore, LeaseRequest, LeasedChunk, SenderRow};
use ledger_sqlite::{SqliteOptions, SqliteStore};
use runtime::{Clock, Pending, SystemClock, SystemEntropy};
use serde_json::{Value, json};
use smtp::ExposeSecret;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};

use crate::client::{Answer, Ask};

pub const SAKURA: &str = "株式会社さくら";
pub const FROM: &str = "pr@sakura.example";

/// The machine's clock, put forward by tests.
#[derive(Default)]
pub struct AheadClock(AtomicU64);

impl AheadClock {
    pub fn put_forward(&self, span: Duration) {
        self.0.fetch_add(u64::try_from(span.as_millis()).unwrap(), Ordering::Relaxed);
    }

    fn ahead(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::Relaxed))
    }
}

impl Clock for AheadClock {
    fn now(&self) -> Timestamp {
        SystemClock.now() + self.ahead()
    }

    fn moment(&self) -> Moment {
        SystemClock.moment() + self.ahead()
    }

    fn sleep_until(&self, moment: Moment) -> Pending<'static, ()> {
        SystemClock.sleep_until(SystemClock.moment() + moment.since(self.moment()))
    }
}

/// See the module.
pub struct Scene {
    pub clock: Arc<AheadClock>,
    pub store: Arc<SqliteStore>,
    pub desk: RelayDesk,
    pub sender: SenderEpoch,
    pub address: SocketAddr,
    pub routes: Vec<RouteInfo>,
    /// A key with all scopes.
    pub key: String,
    /// One of the other tenant.
    pub foreign: String,
    pub tenant: TenantId,
    pub drain: watch::Sender<bool>,
    pub served: tokio::task::JoinHandle<std::io::Result<()>>,
    _folder: TempDir,
    _data: DataFolder,
}

impl Scene {
    pub async fn new() -> Self {
        Self::with(ApiConfig::default()).await
    }

    pub async fn with(config: ApiConfig) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(AheadClock::default());
        let data = DataFolder::open(&folder.path().join("data"), &*clock, &SystemEntropy).unwrap();
        let store = Arc::new(SqliteStore::open(data.dir(), SqliteOptions::default()).unwrap());
        let keys = data.keys().clone();
        let desk = RelayDesk {
            store: store.clone(),
            clock: clock.clone(),
            entropy: Arc::new(SystemEntropy),
            vault: keys.vault.clone(),
            keys,
        };
        let now = clock.now();
        app::installation::admit(&*store, &data).await.unwrap();
        let row = SenderRow { node: data.node(), journal: 1, boot: [0; 16], started_at: now };
        let sender = store.sender_register(row).await.unwrap();
        let (key, tenant) = tenant(&desk, SAKURA, FROM, 2525).await;
        let (foreign, _) = tenant_of(&desk).await;
        let (drain, draining) = watch::channel(false);
        let streams = Arc::new(Streams::new(desk.clone(), sender, Arc::new(Notify::new())));
        let service = Service { desk: desk.clone(), streams, office: Office::new(desk.clone()), sender };
        let router = api::router(service, config, draining.clone());
        let routes = router.routes().to_vec();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let served = tokio::spawn(api::serve(listener, router, draining));
        Self {
            clock,
            store,
            desk,
            sender,
            address,
            routes,
            key,
            foreign,
            tenant,
            drain,
            served,
            _folder: folder,
            _data: data,
        }
    }

    /// A request with the tenant's key.
    pub fn ask(&self, method: &str, path: &str) -> Ask {
        Ask::new(self.address, method, path).key(&self.key)
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path).send().await
    }

    pub async fn post(&self, path: &str, value: &Value) -> Answer {
        self.ask("POST", path).json(value).send().await
    }

    /// A key of the tenant with these scopes.
    pub async fn key_with(&self, scopes: &[Scope]) -> String {
        let access = Access::admit(&*self.store, SAKURA, "test", Right::Operate).await.unwrap();
        make_key(&self.desk, &access, scopes.iter().copied().collect(), None).await
    }

    pub async fn key_until(&self, end: Timestamp) -> String {
        let access = Access::admit(&*self.store, SAKURA, "test", Right::Operate).await.unwrap();
        make_key(&self.desk, &access, Scopes::all(), Some(end)).await
    }

    /// What a sender could send now.
    pub async fn due(&self) -> Vec<LeasedChunk> {
        let mut all = Vec::new();
        for (row, _) in self.store.release_list(self.tenant).await.unwrap() {
            let request = LeaseRequest {
                tenant: self.tenant,
                release: row.release,
                sender: self.sender,
                now: self.clock.now(),
                lease_until: self.clock.now() + Duration::from_millis(1),
                chunks_max: 10,
            };
            all.extend(self.store.delivery_lease(request).await.unwrap());
        }
        all
    }
}

async fn tenant_of(desk: &RelayDesk) -> (String, TenantId) {
    tenant(desk, "よその会社", "pr@other.example", 2525).await
}

/// A tenant that may send from this address, through a relay at this port; and a key with all scopes.
pub async fn tenant(desk: &RelayDesk, name: &str, from: &str, port: u16) -> (String, TenantId) {
    let operator = Access::to_installation("test");
    let made = tenants::create(&*desk.store, &*desk.clock, &*desk.entropy, &operator, name).await.unwrap();
    let access = Access::admit(&*desk.store, name, "test", Right::Operate).await.unwrap();
    let sender = SenderName::address(from).unwrap();
    senders::verify(&*desk.store, &*desk.clock, &access, &sender).await.unwrap();
    desk.add(&access, relay("main", port)).await.unwrap();
    (make_key(desk, &access, Scopes::all(), None).await, made.row.tenant)
}

async fn make_key(desk: &RelayDesk, access: &Access, scopes: Scopes, end: Option<Timestamp>) -> String {
    let request = KeyRequest { name: "鍵".to_owned(), scopes, expires_at: end };
    let made = keys::create(&*desk.store, &*desk.clock, &*desk.entropy, access, request).await.unwrap();
    made.text.expose_secret().to_owned()
}

fn relay(name: &str, port: u16) -> RelayRequest {
    let url = RelayUrl::parse(&format!("smtp://127.0.0.1:{port}?tls=none")).unwrap();
    let kind = domain::RelayKind::Bare;
    let ehlo_name = "hikyaku.example".to_owned();
    let limits = kind.limits();
    RelayRequest {
        name: name.to_owned(),
        url,
        kind,
        limits,
        ehlo_name,
        authorities: None,
        use_chunking: false,
    }
}

/// A mail that is accepted.
pub fn mail() -> Value {
    json!({
        "personalizations": [{ "to": [{ "email": "taro@example.jp", "name": "山田 太郎" }] }],
        "from": { "email": FROM, "name": "株式会社さくら ㈱ﾃｽﾄ 🌸" },
        "subject": "新製品のお知らせ①",
        "content": [{ "type": "text/plain", "value": "こんにちは" }],
    })
}
