//! The store as its callers hold it: a pool of connections to one schema, and a gate for each tenant.

use std::sync::{Arc, Mutex, PoisonError};

use deadpool_postgres::Pool;
use domain::{TenantId, Timestamp};
use ledger::LedgerError;
use runtime::Clock;
use tokio::sync::Notify;

use crate::columns::Columns;
use crate::connection::{Connection, Values, Work};
use crate::draft::Draft;
use crate::failure::{Failure, Remedy};
use crate::gate::{Gate, Gates, Known};
use crate::home::Home;
use crate::options::PostgresOptions;
use crate::patience::Patience;
use crate::schema::{self, Migrated};
use crate::standby::{self, Standby};
use crate::values::{Whole, whole, wide};
use crate::{hint, queries, server};

/// Marks of stores that wrote nothing for so long are dropped.
const MARKS_KEPT_MS: i64 = 2 * 86_400_000;

/// The books in one schema of one server.
pub struct PostgresStore {
    inner: Arc<Inner>,
    home: Home,
    /// Where to listen, until somebody does.
    listener: Mutex<Option<PostgresOptions>>,
    heard: Arc<Notify>,
}

/// What works on the store's own thread.
struct Inner {
    pool: Pool,
    books: Gates,
    leases: Gates,
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

/// What a commit whose reply was lost would have answered, and what is known after it.
type Lost<T> = Option<(T, Known)>;

impl PostgresStore {
    /// Opens the books, whose schema must have this version. The clock is for pauses between tries alone.
    ///
    /// # Errors
    /// [`LedgerError::Unfit`] for a server that does not keep what it was given, [`LedgerError::Foreign`] for a schema
    /// of another program, or of an older or newer version, else what the server says.
    pub async fn open(options: PostgresOptions, clock: Arc<dyn Clock>) -> Result<Self, LedgerError> {
        const OPERATION: &str = "opening the books";
        let home = Home::new()
            .map_err(|error| LedgerError::Io { operation: OPERATION, reason: error.to_string() })?;
        let listener = Mutex::new(Some(options.clone()));
        let opening = async move {
            let pool = server::pool(&options)?;
            let mut patience = Patience::short(&*clock, OPERATION);
            let writers = loop {
                match open(&pool, &options.schema).await {
                    Ok(writers) => break writers,
                    Err(failure) => patience.after(failure).await?,
                }
            };
            let [books, leases] = writers.map(Gates::new);
            Ok(Inner { pool, books, leases, clock })
        };
        let inner = home.run(opening).await.ok_or(LedgerError::Closed)??;
        Ok(Self { inner: Arc::new(inner), home, listener, heard: Arc::default() })
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
        self.at_home(|inner| async move {
            let mut patience = Patience::new(&*inner.clock, "asking for standbys");
            loop {
                match standby::look(&inner.pool).await {
                    Ok(standby) => return Ok(standby),
                    Err(failure) => inner.wait(&mut patience, failure).await?,
                }
            }
        })
        .await?
    }

    /// Closes the connections. Later calls are answered with [`LedgerError::Closed`].
    pub fn close(&self) {
        self.inner.pool.close();
    }

    /// Runs `work` in a transaction that writes, behind the tenant's gate; returns once that is durable. It may be run
    /// again after all that it did was rolled back, and goes on to its end when its caller is gone.
    pub(crate) async fn write<T, W>(&self, write: Write, work: W) -> Result<T, LedgerError>
    where
        T: Send + 'static,
        W: for<'a> Fn(&'a mut Draft) -> Work<'a, T> + Send + Sync + 'static,
    {
        self.at_home(|inner| async move { inner.write(&inner.books, write, work).await }).await?
    }

    /// As [`Self::write`], beside the writes to the books: `work` adds no entry to them.
    pub(crate) async fn write_lease<T, W>(&self, write: Write, work: W) -> Result<T, LedgerError>
    where
        T: Send + 'static,
        W: for<'a> Fn(&'a mut Draft) -> Work<'a, T> + Send + Sync + 'static,
    {
        self.at_home(|inner| async move { inner.write(&inner.leases, write, work).await }).await?
    }

    /// Runs `work` over one state of the books.
    pub(crate) async fn read<T, W>(&self, operation: &'static str, work: W) -> Result<T, LedgerError>
    where
        T: Send + 'static,
        W: for<'a> Fn(&'a Connection) -> Work<'a, T> + Send + Sync + 'static,
    {
        self.at_home(move |inner| async move { inner.read(operation, work).await }).await?
    }

    /// A connection in a transaction that sees one state, for as long as it is held.
    pub(crate) async fn reading(&self) -> Result<Connection, Failure> {
        self.at_home(|inner| async move { Connection::reading(&inner.pool).await }).await?
    }

    /// Ends with the next hint that there may be work; the first call begins to listen.
    pub(crate) async fn hint(&self) {
        let listener = self.listener.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(options) = listener {
            self.home.keep(hint::listen(options, Arc::clone(&self.inner.clock), Arc::clone(&self.heard)));
        }
        self.heard.notified().await;
    }

    async fn at_home<T, F>(&self, work: impl FnOnce(Arc<Inner>) -> F) -> Result<T, LedgerError>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        self.home.run(work(Arc::clone(&self.inner))).await.ok_or(LedgerError::Closed)
    }
}

impl Inner {
    async fn write<T, W>(&self, gates: &Gates, write: Write, work: W) -> Result<T, LedgerError>
    where
        T: Send,
        W: for<'a> Fn(&'a mut Draft) -> Work<'a, T> + Send + Sync,
    {
        let gate = gates.of(write.tenant);
        let mut gate = gate.lock().await;
        let mark = (gates.writer, gate.next_mark());
        let mut patience = Patience::new(&*self.clock, write.operation);
        let mut lost = None;
        loop {
            match self.write_once(&write, &mut gate, mark, &work, &mut lost).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => self.wait(&mut patience, failure).await?,
            }
        }
    }

    async fn write_once<T, W>(
        &self,
        write: &Write,
        gate: &mut Gate,
        mark: (Whole, i64),
        work: &W,
        lost: &mut Lost<T>,
    ) -> Result<T, Failure>
    where
        W: for<'a> Fn(&'a mut Draft) -> Work<'a, T> + Send + Sync,
    {
        let (connection, is_new) = self.begin(write, mark).await?;
        let mut draft = Draft::new(connection, write.tenant, gate.lend());
        if is_new && gate.is_first() {
            drop_old_marks(&draft, write, mark.0).await?;
        }
        if !is_new {
            draft.roll_back().await;
            let (answer, known) = lost.take().ok_or_else(|| Failure::refused("a mark of another write"))?;
            gate.adopt(known);
            return Ok(answer);
        }
        // Had an earlier try been durable, its mark would stand.
        *lost = None;
        let outcome = match work(&mut draft).await {
            Ok(answer) => draft.complete().await.map(|()| answer),
            Err(failure) => Err(failure),
        };
        match outcome {
            Ok(answer) => *lost = Some((answer, draft.take_known())),
            Err(failure) => {
                draft.roll_back().await;
                return Err(failure);
            }
        }
        draft.commit().await?;
        let (answer, known) = lost.take().ok_or(Failure::Again("the answer is gone"))?;
        gate.adopt(known);
        Ok(answer)
    }

    /// Opens the transaction and writes the mark; false when it stands already.
    async fn begin(
        &self,
        write: &Write,
        (writer, mark): (Whole, i64),
    ) -> Result<(Connection, bool), Failure> {
        let (tenant, mark, at) = (wide(write.tenant.0), whole(mark), whole(write.at.as_millis()));
        let values: Values<'_> = &[&tenant, &writer, &mark, &at];
        let (connection, marks) = Connection::writing(&self.pool, queries::WRITE_MARK_SET, values).await?;
        Ok((connection, marks == 1))
    }

    async fn read<T, W>(&self, operation: &'static str, work: W) -> Result<T, LedgerError>
    where
        W: for<'a> Fn(&'a Connection) -> Work<'a, T> + Send + Sync,
    {
        let mut patience = Patience::new(&*self.clock, operation);
        loop {
            match self.read_once(&work).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => self.wait(&mut patience, failure).await?,
            }
        }
    }

    /// Where there is no way to the server, idle connections lead nowhere either: each would cost a try of its own.
    async fn wait(&self, patience: &mut Patience<'_>, failure: Failure) -> Result<(), LedgerError> {
        if failure.remedy() == Remedy::Later {
            self.pool.retain(|_, _| false);
        }
        patience.after(failure).await
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

/// Forgets the marks of stores that are long gone; this writer's own was just written.
async fn drop_old_marks(draft: &Draft, write: &Write, writer: Whole) -> Result<(), Failure> {
    let oldest = whole(write.at.as_millis().saturating_sub(MARKS_KEPT_MS));
    let tenant = wide(write.tenant.0);
    draft.execute(queries::WRITE_MARK_DROP_BEFORE, &[&tenant, &writer, &oldest]).await.map(drop)
}

/// Looks at the schema's version; gives the numbers of two new writers.
async fn open(pool: &Pool, schema: &str) -> Result<[Whole; 2], Failure> {
    schema::require(pool, schema).await?;
    let client = pool.get().await?;
    let (books, leases) = (
        client.query_one(queries::WRITER_NEXT, &[]).await?,
        client.query_one(queries::WRITER_NEXT, &[]).await?,
    );
    Ok([Columns(&books).value(0)?, Columns(&leases).value(0)?])
}

impl std::fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresStore").field("writer", &self.inner.books.writer).finish_non_exhaustive()
    }
}
