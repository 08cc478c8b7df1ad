//! Opening the file: its pragmas, whose it is, and its migrations.
//!
//! Left to others: the lock of the data folder (one owner at a time is `app`'s matter). A file that another
//! program, or a newer version, wrote is refused before anything in it is touched.

use std::path::Path;
use std::time::Duration;

use ledger::LedgerError;
use rusqlite::{Connection, OpenFlags};

use crate::failure::Failure;
use crate::options::SqliteOptions;

/// The database's name in a data folder.
pub const DATABASE_FILE: &str = "books.db";

/// `HKYK`: stands in the header of every file of ours.
const APPLICATION_ID: i64 = 1_212_897_611;
/// Older versions can lose commits when the write-ahead log is reset.
const SQLITE_VERSION_MIN: i32 = 3_051_003;
/// How long another connection's lock is waited for.
const BUSY_WAIT: Duration = Duration::from_secs(10);
/// The write-ahead log is cut to this many octets once it was copied.
const LOG_OCTETS_KEPT: i64 = 64 << 20;
/// The page caches, in KiB as the pragma wants them. Books are read and written in the order of their keys, so
/// that larger ones gain nothing, and several readers may be at work.
const WRITER_CACHE: i64 = -16_384;
const READER_CACHE: i64 = -4096;
/// Statements kept prepared on a connection.
const STATEMENTS_KEPT: usize = 128;

mod embedded {
    refinery::embed_migrations!("migrations");
}

/// The number of the last migration.
fn schema_version() -> i64 {
    let runner = embedded::migrations::runner();
    runner.get_migrations().iter().map(|migration| i64::from(migration.version())).max().unwrap_or(0)
}

/// Opens the one connection that writes; creates and migrates the file.
pub(crate) fn open_writer(folder: &Path, options: &SqliteOptions) -> Result<Connection, LedgerError> {
    refuse_old_sqlite(rusqlite::version_number())?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let mut connection =
        open(folder, options, flags).map_err(|failure| failure.during("opening the books"))?;
    refuse_foreign(&connection)?;
    prepare(&connection, options).map_err(|error| Failure::from(error).during("opening the books"))?;
    migrate(&mut connection)?;
    empty_log(&connection).map_err(|error| Failure::from(error).during("opening the books"))?;
    Ok(connection)
}

/// Copies the log that an earlier process left into the file, and begins it anew. After a sync that failed, Linux
/// takes pages for written that are not on the disk: frames of theirs can be read until the power goes, and would then
/// be a gap before everything that was written behind them. What is copied is written, and synced, once more.
///
/// While another process reads the log it is copied but cannot be begun anew; the next open does that.
fn empty_log(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma(None, "wal_checkpoint", "TRUNCATE", |_| Ok(()))
}

/// Opens a connection that can only read.
pub(crate) fn open_reader(folder: &Path, options: &SqliteOptions) -> Result<Connection, LedgerError> {
    refuse_old_sqlite(rusqlite::version_number())?;
    let opened = open(folder, options, OpenFlags::SQLITE_OPEN_READ_ONLY);
    let connection = opened.map_err(|failure| failure.during("opening the books for reading"))?;
    let version = refuse_foreign(&connection)?;
    if version != schema_version() {
        let reason = format!(
            "its books have version {version}, and version {} is needed; `hikyaku send` brings them there",
            schema_version()
        );
        return Err(LedgerError::Foreign { reason });
    }
    Ok(connection)
}

/// Copies the books of one folder into another as they stand at one moment, also beside their owner. The copy is not
/// synced.
///
/// # Errors
/// As opening them for reading; and when the copy cannot be written, or one stands there already.
pub fn copy_books(from: &Path, to: &Path) -> Result<(), LedgerError> {
    let connection = open_reader(from, &SqliteOptions::default())?;
    let target = to.join(DATABASE_FILE);
    let name = target.to_str().ok_or_else(|| LedgerError::Refused {
        operation: "copying the books",
        reason: format!("{} is not UTF-8", target.display()),
    })?;
    let copied = connection.execute(crate::queries::BOOKS_COPY, [name]).map_err(Failure::from);
    copied.map(|_| ()).map_err(|failure| failure.during("copying the books"))
}

fn open(folder: &Path, options: &SqliteOptions, flags: OpenFlags) -> Result<Connection, Failure> {
    let path = folder.join(DATABASE_FILE);
    let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = match &options.vfs {
        Some(vfs) => Connection::open_with_flags_and_vfs(&path, flags, vfs.as_str())?,
        None => Connection::open_with_flags(&path, flags)?,
    };
    connection.busy_timeout(BUSY_WAIT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "mmap_size", 0)?;
    let reads_only = flags.contains(OpenFlags::SQLITE_OPEN_READ_ONLY);
    connection.pragma_update(None, "cache_size", if reads_only { READER_CACHE } else { WRITER_CACHE })?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(connection)
}

fn prepare(connection: &Connection, options: &SqliteOptions) -> rusqlite::Result<()> {
    connection.pragma_update(None, "page_size", options.page_octets)?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get::<_, String>(0))?;
    connection.pragma_update(None, "synchronous", options.synchronous.level())?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update_and_check(None, "journal_size_limit", LOG_OCTETS_KEPT, |_| Ok(()))?;
    connection.pragma_update_and_check(None, "wal_autocheckpoint", options.checkpoint_pages, |_| Ok(()))
}

fn refuse_old_sqlite(version: i32) -> Result<(), LedgerError> {
    if version >= SQLITE_VERSION_MIN {
        return Ok(());
    }
    Err(LedgerError::Foreign {
        reason: format!("SQLite {version} can lose commits; 3.51.3 or newer is needed"),
    })
}

/// Gives the version of the file's schema; 0 when it is new.
fn refuse_foreign(connection: &Connection) -> Result<i64, LedgerError> {
    let ask = |pragma: &str| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    let read = || -> Result<(i64, i64, i64), Failure> {
        let tables = connection.query_row(crate::queries::SCHEMA_TABLE_COUNT, [], |row| row.get(0))?;
        Ok((ask("application_id")?, ask("user_version")?, tables))
    };
    let (application, version, tables) = read().map_err(|failure| failure.during("opening the books"))?;
    let newest = schema_version();
    let reason = match (application, version, tables) {
        (0, 0, 0) => return Ok(version),
        (APPLICATION_ID, ..) if (0..=newest).contains(&version) => return Ok(version),
        (APPLICATION_ID, ..) => {
            format!("its books have version {version}, which is newer than {newest}; update Hikyaku")
        }
        _ => format!("{DATABASE_FILE} was written by another program"),
    };
    Err(LedgerError::Foreign { reason })
}

fn migrate(connection: &mut Connection) -> Result<(), LedgerError> {
    let failed = |error: refinery::Error| LedgerError::Foreign {
        reason: format!("its books could not be brought to version {}: {error}", schema_version()),
    };
    // Grouped: else a migration and the note that it was made are two transactions, and a kill between them ends all.
    embedded::migrations::runner().set_grouped(true).run(connection).map(|_| ()).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sqlite_that_loses_commits_is_refused() {
        assert!(refuse_old_sqlite(3_051_002).is_err());
        assert!(refuse_old_sqlite(3_051_003).is_ok());
        assert!(refuse_old_sqlite(rusqlite::version_number()).is_ok());
    }
}
