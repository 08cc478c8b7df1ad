//! The server of all scenes, stores in schemas of it, and a way behind their backs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use ledger::{LedgerError, Store};
use ledger_postgres::{PostgresOptions, PostgresStore};
use runtime::{Clock as _, SystemClock};
use testkit::peers::RunningPostgres;
use tokio_postgres::{Client, NoTls};

/// How long a condition is waited for.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// The server, and how many schemas were made in it.
pub struct House {
    pub server: RunningPostgres,
    schemas: AtomicU32,
}

impl House {
    pub fn new(server: RunningPostgres) -> Self {
        Self { server, schemas: AtomicU32::new(0) }
    }

    pub fn log_end(&self) -> String {
        self.server.log_end()
    }

    /// The name of a schema that nobody has used.
    pub fn schema(&self) -> String {
        format!("books_{}", self.schemas.fetch_add(1, Ordering::Relaxed))
    }

    /// Options for a schema; its connections are known by its name.
    pub fn options(&self, schema: &str) -> PostgresOptions {
        let text = format!("{} application_name={schema} sslmode=disable", self.server.by_socket());
        let mut options = PostgresOptions::parse(&text).expect("options");
        schema.clone_into(&mut options.schema);
        options
    }

    /// The same for a login that has but one role, which is made where it is missing.
    pub async fn options_as(&self, schema: &str, login: &str, role: &str) -> PostgresOptions {
        let raw = self.raw("public").await;
        let made = format!("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = '{login}')");
        if !raw.query_one(&made, &[]).await.expect("an answer").get::<_, bool>(0) {
            execute(&raw, &format!("CREATE ROLE {login} LOGIN PASSWORD 'login-secret'")).await;
        }
        if !role.is_empty() {
            execute(&raw, &format!("GRANT {role} TO {login}")).await;
        }
        let text = self.server.by_socket().replace("user=hikyaku", &format!("user={login}"));
        let mut options = PostgresOptions::parse(&format!("{text} sslmode=disable")).expect("options");
        options.set_password("login-secret");
        schema.clone_into(&mut options.schema);
        options
    }

    /// A connection behind the stores' backs as such a login.
    pub async fn raw_as(&self, schema: &str, login: &str) -> Client {
        let text = self.server.by_socket().replace("user=hikyaku", &format!("user={login}"));
        let mut config: tokio_postgres::Config = text.parse().expect("a connection string");
        config.password("login-secret");
        let (client, connection) = config.connect(NoTls).await.expect("a connection");
        tokio::spawn(connection);
        execute(&client, &format!("SET search_path = {schema}")).await;
        client
    }

    /// A node's store in a schema.
    pub async fn open(&self, schema: &str) -> Arc<dyn Store> {
        Arc::new(self.books(schema).await)
    }

    /// The same as itself.
    pub async fn books(&self, schema: &str) -> PostgresStore {
        migrated(self.options(schema)).await.expect("a store")
    }

    /// A connection behind the stores' backs, to a schema.
    pub async fn raw(&self, schema: &str) -> Client {
        let (client, connection) =
            tokio_postgres::connect(&self.server.by_socket(), NoTls).await.expect("a connection");
        tokio::spawn(connection);
        execute(&client, &format!("SET search_path = {schema}; SET application_name = 'raw'")).await;
        client
    }

    /// Waits until a question is answered with true.
    pub async fn until(&self, client: &Client, question: &str) {
        let clock = SystemClock;
        let deadline = clock.moment() + WAIT_MAX;
        while !client.query_one(question, &[]).await.expect(question).get::<_, bool>(0) {
            assert!(!deadline.since(clock.moment()).is_zero(), "it never came true: {question}");
            tokio::task::yield_now().await;
        }
    }

    /// Waits until a connection of the schema's stores waits for a lock.
    pub async fn until_locked(&self, client: &Client, schema: &str) {
        let question = format!(
            "SELECT count(*) > 0 FROM pg_stat_activity
            WHERE application_name = '{schema}' AND wait_event_type = 'Lock'"
        );
        self.until(client, &question).await;
    }
}

/// The books, after their schema was made where it is missing.
pub async fn migrated(options: PostgresOptions) -> Result<PostgresStore, LedgerError> {
    PostgresStore::migrate(&options, Arc::new(SystemClock)).await?;
    PostgresStore::open(options, Arc::new(SystemClock)).await
}

pub async fn execute(client: &Client, sql: &str) {
    client.batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
}

pub async fn number(client: &Client, sql: &str) -> i64 {
    client.query_one(sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error:?}")).get(0)
}
