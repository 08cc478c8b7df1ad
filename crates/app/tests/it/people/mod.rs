//! People, over a real store and a clock that tests turn by hand.

mod joining;
mod login;
mod members;
mod operators;
mod second;
mod sessions;
mod tenants;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use app::directory::relays::RelayDesk;
use app::directory::tenants::create;
use app::people::hashing::Cost;
use app::people::{
    Client, Language, LoggedIn, Newcomer, Notice, People, PeopleError, Post, Session, Settings,
};
use app::{Access, AppError, DataFolder, Right};
use domain::{Moment, TenantId, Timestamp};
use ledger::{AuditRow, DocumentStore};
use ledger_sqlite::{SqliteOptions, SqliteStore};
use runtime::{Clock, Pending, SystemEntropy};
use smtp::Secret;
use tempfile::TempDir;
use tokio::sync::mpsc;

pub const PASSWORD: &str = "春はあけぼの やうやう白くなりゆく";
pub const SAKURA: &str = "株式会社さくら";
pub const CHEAP: Cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };

/// A clock that stands until it is turned.
pub struct HandClock(AtomicI64);

impl HandClock {
    pub fn turn(&self, span: Duration) {
        self.0.fetch_add(i64::try_from(span.as_millis()).unwrap(), Ordering::Relaxed);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Relaxed))
    }

    fn moment(&self) -> Moment {
        Moment::from_micros(u64::try_from(self.0.load(Ordering::Relaxed)).unwrap() * 1000)
    }

    fn sleep_until(&self, _moment: Moment) -> Pending<'static, ()> {
        Box::pin(std::future::pending())
    }
}

/// An installation and its people.
pub struct Scene {
    pub clock: Arc<HandClock>,
    pub store: Arc<SqliteStore>,
    pub desk: RelayDesk,
    pub people: People,
    pub told: mpsc::Receiver<Notice>,
    notices: mpsc::Sender<Notice>,
    _folder: TempDir,
    _data: DataFolder,
}

impl Scene {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(HandClock(AtomicI64::new(1_800_000_000_000)));
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
        let (notices, told) = mpsc::channel(100);
        let people = People::new(&desk, settings(CHEAP, &notices));
        Self { clock, store, desk, people, told, notices, _folder: folder, _data: data }
    }

    /// Another process over the same books, whose hashes cost this much.
    pub fn another(&self, cost: Cost) -> People {
        People::new(&self.desk, settings(cost, &self.notices))
    }

    pub fn turn(&self, seconds: u64) {
        self.clock.turn(Duration::from_secs(seconds));
    }

    pub async fn tenant(&self, name: &str) -> TenantId {
        let operator = Access::to_installation("root");
        let made = create(&*self.store, &*self.clock, &SystemEntropy, &operator, name).await;
        made.unwrap().row.tenant
    }

    /// What an operator at the command line may do to a tenant.
    pub async fn over(&self, tenant: &str) -> Access {
        Access::admit(&*self.store, tenant, "operator root", Right::Operate).await.unwrap()
    }

    /// Somebody who was invited and has joined.
    pub async fn person(&self, access: &Access, address: &str, post: Post) -> Session {
        let invited = self.people.invite(access, address, post, Language::Ja).await.unwrap();
        let begun = self.people.join(&invited.token, newcomer("髙橋 花子"), &home()).await.unwrap();
        self.session(&begun.token).await
    }

    pub async fn session(&self, token: &Secret) -> Session {
        self.people.admit(token).await.unwrap().expect("a session")
    }

    pub async fn log_in(&self, address: &str, password: &str, client: &Client) -> Result<LoggedIn, AppError> {
        self.people.log_in(address, &Secret::from(password.to_owned()), client).await
    }

    /// A log-in that ends in a session.
    pub async fn enter(&self, address: &str, password: &str) -> Secret {
        match self.log_in(address, password, &home()).await.unwrap() {
            LoggedIn::Done(session) => session.token,
            LoggedIn::NeedsCode(_) => panic!("a code is asked for"),
        }
    }

    pub async fn log_of(&self, tenant: TenantId) -> Vec<AuditRow> {
        self.store.audit_list(tenant, 0, 1000).await.unwrap()
    }
}

fn settings(cost: Cost, notices: &mpsc::Sender<Notice>) -> Settings {
    Settings { cost, notices: Some(Arc::new(notices.clone())), ..Settings::default() }
}

pub fn secret(text: &str) -> Secret {
    Secret::from(text.to_owned())
}

pub fn newcomer(name: &str) -> Newcomer {
    Newcomer { address: None, name: name.to_owned(), language: Language::Ja, password: secret(PASSWORD) }
}

pub fn client(address: &str) -> Client {
    let address: IpAddr = address.parse().unwrap();
    Client { address, agent: "Firefox\n🦊".to_owned(), device: None }
}

pub fn home() -> Client {
    client("192.0.2.10")
}

pub fn stranger(number: u8) -> Client {
    client(&format!("203.0.{number}.7"))
}

/// The error that was expected, or a panic that shows the other.
pub fn people_error<T>(result: Result<T, AppError>) -> PeopleError {
    match result {
        Err(AppError::People(error)) => error,
        Err(other) => panic!("another error: {other}"),
        Ok(_) => panic!("no error"),
    }
}
