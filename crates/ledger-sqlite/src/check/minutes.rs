//! Reads the verdicts by minute for the comparison with the outcomes.

use ledger::audit::{BookPass, Notes};
use rusqlite::Connection;

use crate::failure::Failure;
use crate::{minutes, queries};

/// Compares the table with the outcomes that were read.
pub(super) fn compare(connection: &Connection, outcomes: BookPass, notes: &mut Notes) -> Result<(), Failure> {
    let mut pass = outcomes.into_minutes();
    let mut walk = connection.prepare_cached(queries::VERDICT_MINUTE_WALK)?;
    for row in walk.query_map([], minutes::row)? {
        let (key, verdicts) = row?;
        pass.add(key, verdicts);
    }
    pass.finish(notes);
    Ok(())
}
