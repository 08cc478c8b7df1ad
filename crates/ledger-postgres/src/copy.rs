//! Copies of whole tables, in and out; what the rows mean is not looked at.

use std::sync::Arc;

use async_trait::async_trait;
use domain::{TenantId, Timestamp};
use ledger::LedgerError;
use ledger::copy::{CopyRow, CopyStore, Extent, Kind, Snapshot, Table, Value};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::columns::Columns;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::queries;
use crate::store::{PostgresStore, Write};
use crate::values::Whole;

const READING: &str = "reading a table for a copy";

#[async_trait]
impl CopyStore for PostgresStore {
    async fn snapshot(&self) -> Result<Box<dyn Snapshot>, LedgerError> {
        let connection = self.reading().await.map_err(|failure| failure.during(READING))?;
        // The state that a transaction sees is fixed by its first statement.
        let first = connection.one(queries::SENDER_LATEST, &[]).await;
        first.map_err(|failure| failure.during(READING))?;
        Ok(Box::new(PostgresSnapshot(connection)))
    }

    async fn copy_insert(&self, table: &'static Table, rows: Vec<CopyRow>) -> Result<(), LedgerError> {
        let write =
            Write { operation: "writing a table of a copy", tenant: TenantId(0), at: Timestamp::EPOCH };
        let text = Arc::new(table.fill(queries::COPY_INSERT, '$').replace("{arrays}", &arrays(table)));
        let rows = Arc::new(rows);
        self.write(write, move |draft| {
            let (text, rows) = (Arc::clone(&text), Arc::clone(&rows));
            Box::pin(async move {
                let columns = columns(table, &rows);
                let values: Vec<&(dyn ToSql + Sync)> = columns.iter().map(|column| &**column as _).collect();
                draft.execute(&text, &values).await.map(drop)
            })
        })
        .await
    }

    async fn extent(&self) -> Result<Extent, LedgerError> {
        self.read("measuring the books", |connection| {
            Box::pin(async move {
                let row = connection.one(queries::BOOKS_EXTENT, &[]).await?;
                let row = Columns(&row);
                Ok(Extent { octets: row.id(0)?, rows_written: row.id(1)? })
            })
        })
        .await
    }
}

/// The types of the arrays that a page is given as.
fn arrays(table: &Table) -> String {
    let types = table.columns.iter().enumerate().map(|(at, (_, kind))| {
        let name = match kind {
            Kind::Number => "bigint",
            Kind::Text => "text",
            Kind::Octets => "bytea",
        };
        format!("${}::{name}[]", at + 1)
    });
    types.collect::<Vec<_>>().join(", ")
}

/// A page's rows by columns.
fn columns<'a>(table: &Table, rows: &'a [CopyRow]) -> Vec<Box<dyn ToSql + Sync + Send + 'a>> {
    let each = table.columns.iter().enumerate();
    each.map(|(at, (_, kind))| -> Box<dyn ToSql + Sync + Send + 'a> {
        let values = rows.iter().map(|row| &row[at]);
        match kind {
            Kind::Number => {
                let number =
                    |value: &Value| if let Value::Number(number) = value { Some(*number) } else { None };
                Box::new(values.map(number).collect::<Vec<_>>())
            }
            Kind::Text => {
                let text =
                    |value: &'a Value| if let Value::Text(text) = value { Some(text.as_str()) } else { None };
                Box::new(values.map(text).collect::<Vec<_>>())
            }
            Kind::Octets => {
                let octets = |value: &'a Value| {
                    if let Value::Octets(octets) = value { Some(octets.as_slice()) } else { None }
                };
                Box::new(values.map(octets).collect::<Vec<_>>())
            }
        }
    })
    .collect()
}

/// A connection in a transaction that sees one state.
struct PostgresSnapshot(Connection);

#[async_trait]
impl Snapshot for PostgresSnapshot {
    async fn rows(
        &mut self,
        table: &'static Table,
        after: Option<&CopyRow>,
    ) -> Result<Vec<CopyRow>, LedgerError> {
        let text = if after.is_some() { queries::COPY_ROWS } else { queries::COPY_FIRST };
        let key = after.map(|row| row[..table.key].to_vec()).unwrap_or_default();
        self.ask(table, text, &key).await.map_err(|failure| failure.during(READING))
    }

    async fn last(&mut self, table: &'static Table) -> Result<Option<CopyRow>, LedgerError> {
        let found = self.ask(table, queries::COPY_LAST, &Vec::new()).await;
        Ok(found.map_err(|failure| failure.during(READING))?.pop())
    }
}

impl PostgresSnapshot {
    async fn ask(&self, table: &'static Table, text: &str, key: &CopyRow) -> Result<Vec<CopyRow>, Failure> {
        let key: Vec<Box<dyn ToSql + Sync + Send>> = key
            .iter()
            .map(|value| -> Box<dyn ToSql + Sync + Send> {
                match value {
                    Value::Number(number) => Box::new(Whole(*number)),
                    Value::Text(text) => Box::new(text.clone()),
                    Value::Octets(octets) => Box::new(octets.clone()),
                    Value::Null => Box::new(None::<i64>),
                }
            })
            .collect();
        let values: Vec<&(dyn ToSql + Sync)> = key.iter().map(|value| &**value as _).collect();
        let rows = self.0.rows(&table.fill(text, '$'), &values).await?;
        rows.iter().map(|row| copied(table, row)).collect()
    }
}

fn copied(table: &Table, row: &Row) -> Result<CopyRow, Failure> {
    let each = table.columns.iter().enumerate();
    each.map(|(at, (_, kind))| {
        let found = match kind {
            Kind::Number => Columns(row).number_or_null(at)?.map(Value::Number),
            Kind::Text => Columns(row).value::<Option<String>>(at)?.map(Value::Text),
            Kind::Octets => Columns(row).value::<Option<Vec<u8>>>(at)?.map(Value::Octets),
        };
        Ok(found.unwrap_or(Value::Null))
    })
    .collect()
}
