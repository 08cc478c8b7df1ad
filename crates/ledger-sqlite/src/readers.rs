//! A small pool of connections that only read, used on blocking threads.
//!
//! Each read is one transaction, so that it sees one state of the books throughout.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use ledger::LedgerError;
use rusqlite::Connection;
use tokio::sync::Semaphore;

use crate::connection::open_reader;
use crate::failure::Failure;
use crate::options::{Place, SqliteOptions};

/// The pool.
pub(crate) struct Readers {
    folder: PathBuf,
    options: SqliteOptions,
    idle: Mutex<Vec<Connection>>,
    permits: Arc<Semaphore>,
}

impl Readers {
    /// A pool over the folder; opens one connection at once to see that it can.
    pub fn open(folder: PathBuf, options: SqliteOptions) -> Result<Arc<Self>, LedgerError> {
        let first = open_reader(&folder, &options)?;
        let permits = Arc::new(Semaphore::new(options.readers.max(1)));
        Ok(Arc::new(Self { folder, options, idle: Mutex::new(vec![first]), permits }))
    }

    /// Runs `work` in one read transaction.
    pub async fn read<T, W>(self: &Arc<Self>, operation: &'static str, work: W) -> Result<T, LedgerError>
    where
        T: Send + 'static,
        W: FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| LedgerError::Closed)?;
        if self.options.place == Place::CallersThread {
            return self.read_here(operation, work);
        }
        let readers = Arc::clone(self);
        let reading = tokio::task::spawn_blocking(move || {
            let answer = readers.read_here(operation, work);
            drop(permit);
            answer
        });
        reading.await.unwrap_or_else(|_| {
            Err(LedgerError::Io { operation, reason: "the read was broken off".to_owned() })
        })
    }

    /// A connection beside the pool, for a read that is held.
    pub fn another(&self) -> Result<Connection, LedgerError> {
        open_reader(&self.folder, &self.options)
    }

    /// Closes the pool: idle connections now, busy ones when they are done.
    pub fn close(&self) {
        self.permits.close();
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn read_here<T>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&Connection) -> Result<T, Failure>,
    ) -> Result<T, LedgerError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => open_reader(&self.folder, &self.options)?,
        };
        let answer = in_one_transaction(&connection, work).map_err(|failure| failure.during(operation));
        if !self.permits.is_closed() && connection.is_autocommit() {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        }
        answer
    }
}

fn in_one_transaction<T>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let transaction = connection.unchecked_transaction()?;
    let answer = work(&transaction)?;
    transaction.finish()?;
    Ok(answer)
}
