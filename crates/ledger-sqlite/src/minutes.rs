//! The table of verdicts by minute: what a transaction adds to it, and what a window of time holds.

use domain::{ReleaseId, TenantId};
use ledger::minutes::{MinuteKey, Verdicts, minute_of, minute_start};
use ledger::{Entries, VerdictBucket, VerdictWindow};
use rusqlite::{Connection, Row, params};

use crate::columns::{id, wide};
use crate::failure::Failure;
use crate::queries;

/// Adds the transaction's outcomes.
pub(crate) fn add(connection: &Connection, entries: &Entries) -> Result<(), Failure> {
    let mut add = connection.prepare_cached(queries::VERDICT_MINUTE_ADD)?;
    for ((tenant, minute, release), verdicts) in entries.minutes() {
        let [accepted, deferred, rejected, unknown, cancelled, expired] = verdicts.map(wide);
        let (tenant, release) = (wide(tenant.0), wide(release.0));
        let values =
            params![tenant, minute, release, accepted, deferred, rejected, unknown, cancelled, expired];
        add.execute(values)?;
    }
    Ok(())
}

/// A row of the table.
pub(crate) fn row(row: &Row<'_>) -> rusqlite::Result<(MinuteKey, Verdicts)> {
    Ok(((TenantId(id(row, 0)?), row.get(1)?, ReleaseId(id(row, 2)?)), verdicts(row, 3)?))
}

fn verdicts(row: &Row<'_>, from: usize) -> rusqlite::Result<Verdicts> {
    let mut verdicts = Verdicts::default();
    for (at, count) in verdicts.iter_mut().enumerate() {
        *count = id(row, from + at)?;
    }
    Ok(verdicts)
}

/// The buckets of a window.
pub(crate) fn window(connection: &Connection, window: &VerdictWindow) -> Result<Vec<VerdictBucket>, Failure> {
    let (from, to) = (minute_of(window.from), window.minutes_end());
    let width = window.bucket_minutes.max(1);
    let bucket =
        |row: &Row<'_>| Ok(VerdictBucket { at: minute_start(row.get(0)?), verdicts: verdicts(row, 1)? });
    let buckets: rusqlite::Result<Vec<_>> = match window.tenant {
        Some(tenant) => {
            let mut list = connection.prepare_cached(queries::VERDICT_MINUTE_WINDOW_OF)?;
            list.query_map(params![wide(tenant.0), from, to, width], bucket)?.collect()
        }
        None => {
            let mut list = connection.prepare_cached(queries::VERDICT_MINUTE_WINDOW)?;
            list.query_map(params![from, to, width], bucket)?.collect()
        }
    };
    Ok(buckets?)
}
