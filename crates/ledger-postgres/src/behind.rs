//! For tests of other rooms alone: what only raw access to the server can do behind a store's back.
//!
//! Every failure panics: it is a test's.

use ledger::copy::{CopyRow, Table, Value};
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, Config, NoTls};

use crate::options::PostgresOptions;
use crate::values::Whole;

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

    /// Lets rows in without looking at the rows that they refer to, and without waiting for the disk.
    pub async fn trust(&self) {
        self.execute("SET session_replication_role = replica; SET synchronous_commit = off").await;
    }

    /// Copies rows in as they are.
    ///
    /// # Panics
    /// When the server refuses them.
    pub async fn copy_in(&self, table: &Table, rows: &[CopyRow]) {
        let text = table.fill("SELECT {columns} FROM {table}", '$');
        let like = self.0.prepare(&text).await.expect(table.name);
        let types: Vec<Type> = like.columns().iter().map(|column| column.type_().clone()).collect();
        let text = table.fill("COPY {table} ({columns}) FROM STDIN BINARY", '$');
        let writer = BinaryCopyInWriter::new(self.0.copy_in(&text).await.expect(table.name), &types);
        let mut writer = std::pin::pin!(writer);
        for row in rows {
            let values: Vec<Given<'_>> = row.iter().map(Given).collect();
            let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| value as _).collect();
            writer.as_mut().write(&values).await.expect(table.name);
        }
        writer.finish().await.expect(table.name);
    }

    /// What the server does by itself within minutes of a large change.
    pub async fn vacuum(&self) {
        self.execute("VACUUM ANALYZE").await;
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

/// A value as a column takes it.
#[derive(Debug)]
struct Given<'a>(&'a Value);

impl ToSql for Given<'_> {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self.0 {
            Value::Null => Ok(IsNull::Yes),
            Value::Number(number) => Whole(*number).to_sql(kind, out),
            Value::Text(text) => text.to_sql(kind, out),
            Value::Octets(octets) => octets.to_sql(kind, out),
        }
    }

    fn accepts(_kind: &Type) -> bool {
        true
    }

    to_sql_checked!();
}
