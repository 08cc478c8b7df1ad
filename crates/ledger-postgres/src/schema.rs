//! The schema of the books: made and brought to this version when asked to, and only looked at by everybody else.
//!
//! A store is never opened over an older or a newer schema: nodes of two versions would write different books.

use deadpool_postgres::Pool;
use ledger::LedgerError;
use tokio_postgres::Client;

use crate::access::{self, Access};
use crate::columns::Columns;
use crate::failure::Failure;
use crate::queries;

mod embedded {
    refinery::embed_migrations!("migrations");
}

/// What a migration did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migrated {
    /// The schema's version before; 0: there was none.
    pub from: u32,
    /// Its version now.
    pub to: u32,
    /// The names of the migrations that were carried out, in order.
    pub applied: Vec<String>,
    /// Whether roles and row-level security are in force.
    pub access: Access,
}

/// The number of the last migration.
fn newest() -> u32 {
    let runner = embedded::migrations::runner();
    let versions = runner.get_migrations().iter().map(|migration| i64::from(migration.version()));
    versions.max().and_then(|version| u32::try_from(version).ok()).unwrap_or(0)
}

/// Makes the schema, and brings it to this version; one node at a time.
pub(crate) async fn migrate(pool: &Pool, schema: &str) -> Result<Migrated, Failure> {
    let mut client = pool.get().await?;
    client.query(queries::SCHEMA_LOCK, &[]).await?;
    let outcome = migrate_locked(&mut client, schema).await;
    if outcome.is_err() || client.query(queries::SCHEMA_UNLOCK, &[]).await.is_err() {
        // The lock ends with the connection.
        drop(deadpool_postgres::Object::take(client));
    }
    outcome
}

/// Refuses a schema of another version, or none.
pub(crate) async fn require(pool: &Pool, schema: &str) -> Result<(), Failure> {
    let client = pool.get().await?;
    let remedy = "`hikyaku migrate --database-url …`";
    match version(&client, schema).await? {
        0 => Err(foreign(format!("schema {schema} of this database holds no books; {remedy} makes them"))),
        older if older < newest() => Err(foreign(format!(
            "its books have version {older}; {remedy} brings them to version {}",
            newest()
        ))),
        _ => Ok(()),
    }
}

async fn migrate_locked(client: &mut Client, schema: &str) -> Result<Migrated, Failure> {
    let exists: bool = client.query_one(queries::SCHEMA_EXISTS, &[&schema]).await?.try_get(0)?;
    if !exists {
        client.batch_execute(&format!("CREATE SCHEMA \"{schema}\"")).await?;
    }
    let from = version(client, schema).await?;
    // Grouped: else a migration and the note that it was made are two transactions.
    let report = embedded::migrations::runner().set_grouped(true).run_async(client).await;
    let to = newest();
    let report = report
        .map_err(|error| foreign(format!("its books could not be brought to version {to}: {error}")))?;
    let applied = report.applied_migrations().iter().map(|migration| migration.name().to_owned()).collect();
    let access = access::ensure(client, schema).await?;
    Ok(Migrated { from, to, applied, access })
}

/// The schema's version; 0 where there are no books. Refuses that of a newer Hikyaku or of another program.
async fn version(client: &Client, schema: &str) -> Result<u32, Failure> {
    let row = client.query_one(queries::SCHEMA_VERSION, &[]).await?;
    let (ours, tables): (bool, u64) = (Columns(&row).value(0)?, Columns(&row).number(1)?);
    match (ours, tables) {
        (false, 0) => return Ok(0),
        (false, _) => return Err(foreign(format!("the schema {schema} was made by another program"))),
        (true, _) => {}
    }
    let row = client.query_one(queries::SCHEMA_VERSION_LAST, &[]).await?;
    let version: u32 = Columns(&row).number(0)?;
    if version > newest() {
        let reason =
            format!("its books have version {version}, which is newer than {}; update Hikyaku", newest());
        return Err(foreign(reason));
    }
    Ok(version)
}

fn foreign(reason: String) -> Failure {
    Failure::from(LedgerError::Foreign { reason })
}
