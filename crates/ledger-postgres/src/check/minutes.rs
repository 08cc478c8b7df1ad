//! Reads the verdicts by minute for the comparison with the outcomes.

use futures_util::TryStreamExt as _;
use ledger::audit::{BookPass, Notes};

use crate::columns::Columns;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::{minutes, queries};

/// Compares the table with the outcomes that were read.
pub(super) async fn compare(
    connection: &Connection,
    outcomes: BookPass,
    notes: &mut Notes,
) -> Result<(), Failure> {
    let mut pass = outcomes.into_minutes();
    let mut rows = connection.stream(queries::VERDICT_MINUTE_WALK, &[]).await?;
    while let Some(row) = rows.try_next().await? {
        let (key, verdicts) = minutes::row(Columns(&row))?;
        pass.add(key, verdicts);
    }
    pass.finish(notes);
    Ok(())
}
