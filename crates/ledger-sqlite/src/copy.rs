//! Copies of whole tables, in and out; what the rows mean is not looked at.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use ledger::LedgerError;
use ledger::copy::{CopyRow, CopyStore, Extent, Snapshot, Table, Value};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ToSql, params_from_iter};

use crate::failure::Failure;
use crate::queries;
use crate::store::SqliteStore;

const READING: &str = "reading a table for a copy";

#[async_trait]
impl CopyStore for SqliteStore {
    async fn snapshot(&self) -> Result<Box<dyn Snapshot>, LedgerError> {
        let connection = self.reader()?;
        let begun = connection.execute_batch(queries::TRANSACTION_READ).and_then(|()| {
            // A transaction begins at its first read.
            connection.query_row(queries::SCHEMA_TABLE_COUNT, [], |_| Ok(()))
        });
        begun.map_err(|error| Failure::from(error).during(READING))?;
        Ok(Box::new(SqliteSnapshot(Arc::new(Mutex::new(connection)))))
    }

    async fn copy_insert(&self, table: &'static Table, rows: Vec<CopyRow>) -> Result<(), LedgerError> {
        let text = table.fill(queries::COPY_INSERT, '?');
        self.write("writing a table of a copy", rows.len(), move |draft| {
            let mut insert = draft.prepare(&text)?;
            for row in &rows {
                insert.execute(params_from_iter(row.iter().map(Bound)))?;
            }
            Ok(())
        })
        .await
    }

    async fn extent(&self) -> Result<Extent, LedgerError> {
        let rows_written = self.rows_written().await?;
        self.read("measuring the books", move |connection| {
            let ask = |pragma: &str| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
            let octets = (ask("page_count")? * ask("page_size")?).cast_unsigned();
            Ok(Extent { octets, rows_written })
        })
        .await
    }
}

/// A connection in a transaction of its own.
struct SqliteSnapshot(Arc<Mutex<Connection>>);

#[async_trait]
impl Snapshot for SqliteSnapshot {
    async fn rows(
        &mut self,
        table: &'static Table,
        after: Option<&CopyRow>,
    ) -> Result<Vec<CopyRow>, LedgerError> {
        let text = if after.is_some() { queries::COPY_ROWS } else { queries::COPY_FIRST };
        let key = after.map(|row| row[..table.key].to_vec()).unwrap_or_default();
        self.ask(table, table.fill(text, '?'), key).await
    }

    async fn last(&mut self, table: &'static Table) -> Result<Option<CopyRow>, LedgerError> {
        Ok(self.ask(table, table.fill(queries::COPY_LAST, '?'), Vec::new()).await?.pop())
    }
}

impl SqliteSnapshot {
    async fn ask(
        &self,
        table: &'static Table,
        text: String,
        key: CopyRow,
    ) -> Result<Vec<CopyRow>, LedgerError> {
        let connection = Arc::clone(&self.0);
        let reading = tokio::task::spawn_blocking(move || {
            let connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
            read(&connection, table, &text, &key).map_err(|failure| failure.during(READING))
        });
        let broken =
            |_| Err(LedgerError::Io { operation: READING, reason: "the read was broken off".to_owned() });
        reading.await.unwrap_or_else(broken)
    }
}

fn read(connection: &Connection, table: &Table, text: &str, key: &CopyRow) -> Result<Vec<CopyRow>, Failure> {
    let mut statement = connection.prepare_cached(text)?;
    let rows = statement.query_map(params_from_iter(key.iter().map(Bound)), |row| {
        (0..table.columns.len()).map(|column| value(row, column)).collect()
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn value(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<Value> {
    let found = row.get_ref(column)?;
    Ok(match found {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Number(number),
        ValueRef::Text(_) => Value::Text(found.as_str()?.to_owned()),
        ValueRef::Blob(octets) => Value::Octets(octets.to_vec()),
        // STRICT tables of ours have no such column.
        ValueRef::Real(_) => {
            return Err(rusqlite::Error::InvalidColumnType(column, String::new(), found.data_type()));
        }
    })
}

/// A value as SQLite takes it.
struct Bound<'a>(&'a Value);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Value::Null => ValueRef::Null,
            Value::Number(number) => ValueRef::Integer(*number),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Octets(octets) => ValueRef::Blob(octets),
        }))
    }
}
