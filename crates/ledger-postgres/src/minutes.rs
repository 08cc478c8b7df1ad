//! The table of verdicts by minute: what a transaction adds to it, and what a window of time holds.

use std::collections::BTreeMap;

use domain::{ReleaseId, TenantId};
use futures_util::future::try_join_all;
use ledger::minutes::{MinuteKey, Verdicts, minute_of, minute_start};
use ledger::{VerdictBucket, VerdictWindow};

use crate::columns::Columns;
use crate::connection::{Connection, Values};
use crate::failure::Failure;
use crate::queries;
use crate::values::{whole, wide};

/// Adds to the table, in the order of its key, so that no two nodes wait in a circle; sent all at once.
pub(crate) async fn add(
    connection: &Connection,
    minutes: BTreeMap<MinuteKey, Verdicts>,
) -> Result<(), Failure> {
    if minutes.len() > 1 {
        // Sent in this order only once it is prepared.
        connection.prepare(queries::VERDICT_MINUTE_ADD).await?;
    }
    let adds = minutes.into_iter().map(|((tenant, minute, release), verdicts)| async move {
        let (tenant, minute, release) = (wide(tenant.0), whole(minute), wide(release.0));
        let [accepted, deferred, rejected, unknown, cancelled, expired] = verdicts.map(wide);
        let values: Values<'_> =
            &[&tenant, &minute, &release, &accepted, &deferred, &rejected, &unknown, &cancelled, &expired];
        connection.execute(queries::VERDICT_MINUTE_ADD, values).await
    });
    try_join_all(adds).await.map(drop)
}

/// A row of the table.
pub(crate) fn row(row: Columns<'_>) -> Result<(MinuteKey, Verdicts), Failure> {
    Ok(((TenantId(row.id(0)?), row.number(1)?, ReleaseId(row.id(2)?)), verdicts(row, 3)?))
}

fn verdicts(row: Columns<'_>, from: usize) -> Result<Verdicts, Failure> {
    let mut verdicts = Verdicts::default();
    for (at, count) in verdicts.iter_mut().enumerate() {
        *count = row.id(from + at)?;
    }
    Ok(verdicts)
}

/// The buckets of a window.
pub(crate) async fn window(
    connection: &Connection,
    window: VerdictWindow,
) -> Result<Vec<VerdictBucket>, Failure> {
    let (from, to) = (whole(minute_of(window.from)), whole(window.minutes_end()));
    let width = whole(window.bucket_minutes.max(1));
    let rows = match window.tenant {
        Some(tenant) => {
            connection.rows(queries::VERDICT_MINUTE_WINDOW_OF, &[&wide(tenant.0), &from, &to, &width]).await?
        }
        None => connection.rows(queries::VERDICT_MINUTE_WINDOW, &[&from, &to, &width]).await?,
    };
    let bucket = |row| {
        let row = Columns(row);
        Ok(VerdictBucket { at: minute_start(row.number(0)?), verdicts: verdicts(row, 1)? })
    };
    rows.iter().map(bucket).collect()
}
