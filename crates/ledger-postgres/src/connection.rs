//! One connection of the pool, in one transaction. It goes back to the pool only after that transaction ended in a
//! way that is known; else it is closed, and the server rolls back what is open.

use std::pin::Pin;

use deadpool_postgres::{Object, Pool};
use futures_util::future::join;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Row, RowStream};

use crate::failure::Failure;
use crate::queries;

/// What a piece of work gives, over a connection or draft that it borrows.
pub(crate) type Work<'a, T> = Pin<Box<dyn Future<Output = Result<T, Failure>> + Send + 'a>>;

/// Values for the parameters of a statement, in order.
pub(crate) type Values<'a> = &'a [&'a (dyn ToSql + Sync)];

/// A connection with an open transaction.
pub(crate) struct Connection {
    object: Option<Object>,
}

impl Connection {
    /// Opens a transaction that writes, with its first statement sent right behind; gives how many rows that changed.
    pub async fn writing(pool: &Pool, sql: &str, values: Values<'_>) -> Result<(Self, u64), Failure> {
        let connection = Self { object: Some(pool.get().await?) };
        let client = connection.client()?;
        // Both are sent in this order before the first is answered: `join` asks the first first.
        let (begun, changed) =
            join(client.batch_execute(queries::TRANSACTION_WRITE), connection.execute(sql, values)).await;
        begun?;
        let changed = changed?;
        Ok((connection, changed))
    }

    /// Opens a transaction that sees one state of the books throughout, and writes nothing.
    pub async fn reading(pool: &Pool) -> Result<Self, Failure> {
        Self::open(pool, queries::TRANSACTION_READ).await
    }

    async fn open(pool: &Pool, begin: &str) -> Result<Self, Failure> {
        let connection = Self { object: Some(pool.get().await?) };
        connection.client()?.batch_execute(begin).await?;
        Ok(connection)
    }

    fn client(&self) -> Result<&Object, Failure> {
        self.object.as_ref().ok_or(Failure::Again("the transaction has ended"))
    }

    /// Prepares a statement: those that were are sent in the order in which they are asked for, before answers come.
    pub async fn prepare(&self, sql: &str) -> Result<(), Failure> {
        Ok(self.client()?.prepare_cached(sql).await.map(drop)?)
    }

    /// All rows of a statement.
    pub async fn rows(&self, sql: &str, values: Values<'_>) -> Result<Vec<Row>, Failure> {
        let client = self.client()?;
        Ok(client.query(&client.prepare_cached(sql).await?, values).await?)
    }

    /// The first row of a statement, if there is one.
    pub async fn row(&self, sql: &str, values: Values<'_>) -> Result<Option<Row>, Failure> {
        let client = self.client()?;
        Ok(client.query_opt(&client.prepare_cached(sql).await?, values).await?)
    }

    /// The row of a statement that always has one.
    pub async fn one(&self, sql: &str, values: Values<'_>) -> Result<Row, Failure> {
        let client = self.client()?;
        Ok(client.query_one(&client.prepare_cached(sql).await?, values).await?)
    }

    /// A statement's rows as they come.
    pub async fn stream(&self, sql: &str, values: Values<'_>) -> Result<Pin<Box<RowStream>>, Failure> {
        let client = self.client()?;
        let statement = client.prepare_cached(sql).await?;
        Ok(Box::pin(client.query_raw(&statement, values.iter().copied()).await?))
    }

    /// Runs a statement; gives how many rows it changed.
    pub async fn execute(&self, sql: &str, values: Values<'_>) -> Result<u64, Failure> {
        let client = self.client()?;
        Ok(client.execute(&client.prepare_cached(sql).await?, values).await?)
    }

    /// Ends the transaction durably.
    pub async fn commit(self) -> Result<(), Failure> {
        self.end(queries::TRANSACTION_COMMIT).await
    }

    /// Ends the transaction without a trace. Should this fail, the connection is closed, which does the same.
    pub async fn roll_back(self) {
        let _ = self.end(queries::TRANSACTION_ROLLBACK).await;
    }

    async fn end(mut self, end: &str) -> Result<(), Failure> {
        self.client()?.batch_execute(end).await?;
        // Back to the pool.
        drop(self.object.take());
        Ok(())
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(object) = self.object.take() {
            drop(Object::take(object));
        }
    }
}
