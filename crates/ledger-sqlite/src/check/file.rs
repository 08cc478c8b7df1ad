//! SQLite's own view: pages, indexes, types and foreign keys.
//!
//! Not its CHECK constraints: SQLite leaves them out on a connection that can only read. What they promise of
//! outcomes is looked at by [`ledger::audit`].

use ledger::audit::Notes;
use rusqlite::Connection;

use crate::failure::Failure;

/// Lines of SQLite's report that are taken.
const LINES_MAX: u32 = 100;

/// Notes everything that SQLite itself objects to.
pub(super) fn check(connection: &Connection, notes: &mut Notes) -> Result<(), Failure> {
    let mut lines: Vec<String> = Vec::new();
    connection.pragma(None, "integrity_check", LINES_MAX, |row| {
        lines.push(row.get(0)?);
        Ok(())
    })?;
    for line in lines.iter().filter(|line| *line != "ok") {
        notes.find(None, None, 0, format!("the file: {line}"));
    }
    let mut broken: std::collections::BTreeMap<(String, String), u64> = std::collections::BTreeMap::new();
    connection.pragma_query(None, "foreign_key_check", |row| {
        *broken.entry((row.get(0)?, row.get(2)?)).or_default() += 1;
        Ok(())
    })?;
    for ((table, parent), rows) in broken {
        notes.find(None, None, 6, format!("{rows} rows of `{table}` name no row of `{parent}`"));
    }
    Ok(())
}
