//! For tests of other rooms alone: what only raw access to the server can do behind a store's back.
//!
//! Every failure panics: it is a test's.

use tokio_postgres::{Client, Config, NoTls};

use crate::options::PostgresOptions;

/// A connection to the books' schema, past every rule of the store.
pub struct Behind(Client);

impl Behind {
    /// Connects without TLS.
    ///
    /// # Panics
    /// When it cannot.
    pub async fn connect(options: &PostgresOptions) -> Self {
        let mut config: Config = options.config.clone();
        config.ssl_mode(tokio_postgres::config::SslMode::Disable);
        let (client, connection) = config.connect(NoTls).await.expect("a connection");
        tokio::spawn(connection);
        let behind = Self(client);
        behind.execute(&format!("SET search_path = \"{}\"", options.schema)).await;
        behind
    }

    /// Makes a database.
    pub async fn database_create(&self, name: &str) {
        self.execute(&format!("CREATE DATABASE {name}")).await;
    }

    /// Counts the rows of a table.
    ///
    /// # Panics
    /// When there is no such table.
    pub async fn rows(&self, table: &str) -> i64 {
        let row = self.0.query_one(&format!("SELECT count(*) FROM {table}"), &[]).await;
        row.expect(table).get(0)
    }

    /// How many different values a column has.
    ///
    /// # Panics
    /// When there is no such column.
    pub async fn distinct(&self, table: &str, column: &str) -> i64 {
        let row = self.0.query_one(&format!("SELECT count(DISTINCT {column}) FROM {table}"), &[]).await;
        row.expect(table).get(0)
    }

    /// The octets of a table's first row.
    ///
    /// # Panics
    /// When there is no such column, or no row.
    pub async fn octets(&self, table: &str, column: &str) -> Vec<u8> {
        self.0.query_one(&format!("SELECT {column} FROM {table} LIMIT 1"), &[]).await.expect(table).get(0)
    }

    /// Lets the schema look as if no migration above this had been made.
    pub async fn version_lower(&self, last: u32) {
        self.execute("CREATE TABLE kept AS TABLE refinery_schema_history").await;
        self.execute(&format!("DELETE FROM refinery_schema_history WHERE version > {last}")).await;
    }

    /// Lets the schema look as if a newer program had migrated it.
    pub async fn version_raise(&self) {
        let newer = "INSERT INTO refinery_schema_history
            SELECT 99, 'later', applied_on, checksum FROM refinery_schema_history LIMIT 1";
        self.execute(newer).await;
    }

    /// Undoes [`Self::version_lower`] and [`Self::version_raise`].
    pub async fn version_mend(&self) {
        self.execute("DELETE FROM refinery_schema_history").await;
        self.execute("INSERT INTO refinery_schema_history TABLE kept; DROP TABLE kept").await;
    }

    /// Cuts off every chain of the outcomes.
    pub async fn outcome_links_delete(&self) {
        self.execute("DELETE FROM link WHERE book = 3").await;
    }

    async fn execute(&self, sql: &str) {
        self.0.batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }
}
