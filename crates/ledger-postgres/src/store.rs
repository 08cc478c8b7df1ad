//! The store as its callers hold it: a pool of connections to one schema, and a gate for each tenant.

use std::sync::Arc;

use deadpool_postgres::Pool;
use domain::{TenantId, Timestamp};
use ledger::LedgerError;
use runtime::Clock;

use crate::columns::Columns;
use crate::connection::{Connection, Work};
use crate::draft::Draft;
use crate::failure::Failure;
use crate::gate::{Gate, Gates, Heads};
use crate::options::PostgresOptions;
use crate::patience::Patience;
use crate::schema::{self, Migrated};
use crate::standby::{self, Standby};
use crate::values::{Whole, whole, wide};
use crate::{queries, server};

/// Marks of stores that wrote nothing for so long are dropped.
const MARKS_KEPT_MS: i64 = 2 * 86_400_000;

/// The books in one schema of one server. Needs a Tokio runtime around its calls.
pub struct PostgresStore {
    pool: Pool,
    gates: Gates,
    /// Tells this store's marks from those of others.
    writer: Whole,
    clock: Arc<dyn Clock>,
}

/// What a write does, to whose rows, and when.
pub(crate) struct Write {
    /// In words, for errors.
    pub operation: &'static str,
    /// Whose rows; 0 for those of no tenant.
    pub tenant: TenantId,
    /// The caller's time.
    pub at: Timestamp,
}

/// What a commit whose reply was lost would have answered, and the heads after it.
type Lost<T> = Option<(T, Heads)>;

impl PostgresStore {
    /// Opens the books, whose schema must have this version. The clock is for pauses between tries alone.
    ///
    /// # Errors
    /// [`LedgerError::Unfit`] for a server that does not keep what it was given, [`LedgerError::Foreign`] for a schema
    /// of another program, or of an older or newer version, else what the server says.
    pub async fn open(options: PostgresOptions, clock: Arc<dyn Clock>) -> Result<Self, LedgerError> {
        const OPERATION: &str = "opening the books";
        let pool = server::pool(&options)?;
        let mut patience = Patience::short(&*clock, OPERATION);
        let writer = loop {
            match open(&pool, &options.schema).await {
                Ok(writer) => break writer,
                Err(failure) => patience.after(failure).await?,
            }
        };
        Ok(Self { pool, gates: Gates::default(), writer, clock })
    }

    /// Makes the schema of the books, and brings it to this version.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn migrate(options: &PostgresOptions, clock: Arc<dyn Clock>) -> Result<Migrated, LedgerError> {
        const OPERATION: &str = "making the schema of the books";
        let pool = server::pool(options)?;
        let mut patience = Patience::short(&*clock, OPERATION);
        loop {
            match schema::migrate(&pool, &options.schema).await {
                Ok(migrated) => return Ok(migrated),
                Err(failure) => patience.after(failure).await?,
            }
        }
    }

    /// Whether a standby that takes the server's place would have every commit.
    ///
    /// # Errors
    /// When the server does not say.
    pub async fn standby(&self) -> Result<Standby, LedgerError> {
        standby::look(&self.pool).await.map_err(|failure| failure.during("asking for standbys"))
    }

    /// Closes the connections. Later calls are answered with [`LedgerError::Closed`].
    pub fn close(&self) {
        self.pool.close();
    }

    /// Runs `work` in a transaction that writes, behind the tenant's gate; returns once that is durable. It may be run
    /// again after all that it did was rolled back.
    pub(crate) async fn write<T, W>(&self, write: Write, work: W) -> Result<T, LedgerError>
    where
        T: Send,
        W: for<'a> Fn(&'a mut Draft) -> Work<'a, T> + Send + Sync,
    {
        let gate = self.gates.of(write.tenant);
        let mut gate = gate.lock().await;
        let mark = gate.next_mark();
        let mut patience = Patience::new(&*self.clock, write.operation);
        let mut lost = None;
        loop {
            match self.write_once(&write, &mut gate, mark, &work, &mut lost).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => patience.after(failure).await?,
            }
        }
    }

    async fn write_once<T, W>(
        &self,
        write: &Write,
        gate: &mut Gate,
        mark: i64,
        work: &W,
        lost: &mut Lost<T>,
    ) -> Result<T, Failure>
    where
        W: for<'a> Fn(&'a mut Draft) -> Work<'a, T> + Send + Sync,
    {
        let connection = Connection::writing(&self.pool).await?;
        let mut draft = Draft::new(connection, write.tenant, gate.lend());
        if !self.mark(&draft, write, gate.is_first(), mark).await? {
            draft.roll_back().await;
            let (answer, heads) = lost.take().ok_or_else(|| Failure::refused("a mark of another write"))?;
            gate.adopt(heads);
            return Ok(answer);
        }
        // Had an earlier try been durable, its mark would stand.
        *lost = None;
        let outcome = match work(&mut draft).await {
            Ok(answer) => draft.complete().await.map(|()| answer),
            Err(failure) => Err(failure),
        };
        match outcome {
            Ok(answer) => *lost = Some((answer, draft.heads())),
            Err(failure) => {
                draft.roll_back().await;
                return Err(failure);
            }
        }
        draft.commit().await?;
        let (answer, heads) = lost.take().ok_or(Failure::Again("the answer is gone"))?;
        gate.adopt(heads);
        Ok(answer)
    }

    /// Writes the mark; false when it stands already.
    async fn mark(&self, draft: &Draft, write: &Write, is_first: bool, mark: i64) -> Result<bool, Failure> {
        let (tenant, at) = (wide(write.tenant.0), write.at.as_millis());
        if is_first {
            let oldest = whole(at.saturating_sub(MARKS_KEPT_MS));
            draft.execute(queries::WRITE_MARK_DROP_BEFORE, &[&tenant, &self.writer, &oldest]).await?;
        }
        let values = (whole(mark), whole(at));
        Ok(draft.execute(queries::WRITE_MARK_SET, &[&tenant, &self.writer, &values.0, &values.1]).await? == 1)
    }

    /// Runs `work` over one state of the books.
    pub(crate) async fn read<T, W>(&self, operation: &'static str, work: W) -> Result<T, LedgerError>
    where
        W: for<'a> Fn(&'a Connection) -> Work<'a, T> + Send + Sync,
    {
        let mut patience = Patience::new(&*self.clock, operation);
        loop {
            match self.read_once(&work).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => patience.after(failure).await?,
            }
        }
    }

    /// A connection in a transaction that sees one state, for as long as it is held.
    pub(crate) async fn reading(&self) -> Result<Connection, Failure> {
        Connection::reading(&self.pool).await
    }

    async fn read_once<T, W>(&self, work: &W) -> Result<T, Failure>
    where
        W: for<'a> Fn(&'a Connection) -> Work<'a, T> + Send + Sync,
    {
        let connection = Connection::reading(&self.pool).await?;
        let outcome = work(&connection).await;
        connection.roll_back().await;
        outcome
    }
}

/// Looks at the schema's version; gives the number of a new writer.
async fn open(pool: &Pool, schema: &str) -> Result<Whole, Failure> {
    schema::require(pool, schema).await?;
    let client = pool.get().await?;
    let row = client.query_one(queries::WRITER_NEXT, &[]).await?;
    Columns(&row).value(0)
}

impl std::fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresStore").field("writer", &self.writer).finish_non_exhaustive()
    }
}
