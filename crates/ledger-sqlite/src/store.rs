//! The store as its callers hold it: the writer and the readers of one data folder.

use std::path::Path;
use std::sync::Arc;

use ledger::LedgerError;
use rusqlite::Connection;

use crate::connection::open_writer;
use crate::draft::Draft;
use crate::failure::Failure;
use crate::options::SqliteOptions;
use crate::readers::Readers;
use crate::writer::Writer;

/// The books of one data folder. Needs a Tokio runtime around its calls; reads run on its blocking threads.
pub struct SqliteStore {
    writer: Option<Writer>,
    readers: Arc<Readers>,
}

impl SqliteStore {
    /// Opens the folder's books for reading and writing; creates them when there are none.
    ///
    /// The caller must hold the folder's lock: two owners at a time would not see each other's chains.
    ///
    /// # Errors
    /// [`LedgerError::Foreign`] for a file of another program or a newer version, else what SQLite says.
    pub fn open(folder: &Path, options: SqliteOptions) -> Result<Self, LedgerError> {
        let connection = open_writer(folder, &options)?;
        let readers = Readers::open(folder.to_owned(), options.clone())?;
        let writer = Writer::start(connection, &options)?;
        Ok(Self { writer: Some(writer), readers })
    }

    /// Opens existing books for reading, beside an owner or without one. Calls that write are refused.
    ///
    /// # Errors
    /// As [`Self::open`]; and [`LedgerError::Io`] when there are no books.
    pub fn open_read_only(folder: &Path, options: SqliteOptions) -> Result<Self, LedgerError> {
        Ok(Self { writer: None, readers: Readers::open(folder.to_owned(), options)? })
    }

    /// Finishes what is queued, copies the write-ahead log into the file, and closes it. Later calls are answered
    /// with [`LedgerError::Closed`].
    ///
    /// # Errors
    /// The error that stopped the writer earlier, or that of this last copy.
    pub async fn close(&self) -> Result<(), LedgerError> {
        self.readers.close();
        match &self.writer {
            Some(writer) => writer.close().await,
            None => Ok(()),
        }
    }

    /// The level of `synchronous` in force on the connection that writes, by its own word (see
    /// [`crate::Synchronous::level`]).
    ///
    /// # Errors
    /// As every call.
    pub async fn synchronous_level(&self) -> Result<i64, LedgerError> {
        self.write("asking for the level of durability", 1, |draft| {
            Ok(draft.connection().pragma_query_value(None, "synchronous", |row| row.get(0))?)
        })
        .await
    }

    /// Rows that the writer changed since it was opened; 0 for books that were opened for reading.
    pub(crate) async fn rows_written(&self) -> Result<u64, LedgerError> {
        match &self.writer {
            None => Ok(0),
            Some(_) => {
                self.write("measuring the books", 1, |draft| Ok(draft.connection().total_changes())).await
            }
        }
    }

    pub(crate) async fn write<T, W>(
        &self,
        operation: &'static str,
        rows: usize,
        work: W,
    ) -> Result<T, LedgerError>
    where
        T: Send + 'static,
        W: FnMut(&mut Draft<'_>) -> Result<T, Failure> + Send + 'static,
    {
        match &self.writer {
            Some(writer) => writer.call(operation, rows, work).await,
            None => Err(LedgerError::Refused {
                operation,
                reason: "the books were opened for reading".to_owned(),
            }),
        }
    }

    /// A connection of its own that can only read.
    pub(crate) fn reader(&self) -> Result<Connection, LedgerError> {
        self.readers.another()
    }

    pub(crate) async fn read<T, W>(&self, operation: &'static str, work: W) -> Result<T, LedgerError>
    where
        T: Send + 'static,
        W: FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    {
        self.readers.read(operation, work).await
    }
}

impl std::fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteStore").field("writes", &self.writer.is_some()).finish_non_exhaustive()
    }
}
