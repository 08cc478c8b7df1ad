//! The books of a run of intents, in key order: each intent with every entry against it, one page at a time.
//!
//! Entries without an intent are passed over here; the check looks for them.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use domain::{AttemptNo, IntentNo, ReleaseId, SenderEpoch, TenantId, Timestamp, Verdict};
use ledger::{Owed, Scope, Standing};
use tokio_postgres::Row;

use crate::columns::{Columns, known, suppression};
use crate::connection::Connection;
use crate::failure::Failure;
use crate::queries;
use crate::values::{Whole, whole, wide};

/// Intents read at a time.
const PAGE_INTENTS: u32 = 8192;

/// Intents of one tenant, by release and number.
pub(crate) type OwedByKey = BTreeMap<(ReleaseId, IntentNo), Owed>;

/// Calls `each` for every intent of the scope, until it breaks off.
pub(crate) async fn walk<B>(
    connection: &Connection,
    scope: Scope,
    mut each: impl FnMut(&Owed) -> ControlFlow<B>,
) -> Result<Option<B>, Failure> {
    let mut next = scope.first.0.max(1);
    // No intent beyond the last one that stands, however far the scope reaches.
    let end = scope.last.0.min(crate::plan::intent_last(connection, scope.tenant, scope.release).await?);
    while next <= end {
        let last = next.saturating_add(PAGE_INTENTS - 1).min(end);
        for owed in &page(connection, Scope { first: IntentNo(next), last: IntentNo(last), ..scope }).await? {
            if let ControlFlow::Break(value) = each(owed) {
                return Ok(Some(value));
            }
        }
        let Some(after) = last.checked_add(1) else { break };
        next = after;
    }
    Ok(None)
}

/// All intents of a scope that is known to be small: a chunk or a page.
pub(crate) async fn page(connection: &Connection, scope: Scope) -> Result<Vec<Owed>, Failure> {
    let range = (whole(scope.first.0), whole(scope.last.0));
    let (tenant, release) = (wide(scope.tenant.0), wide(scope.release.0));
    let rows = connection.rows(queries::OWED_RANGE, &[&tenant, &release, &range.0, &range.1]).await?;
    let mut found: Vec<Owed> = Vec::new();
    for row in &rows {
        let columns = Columns(row);
        let intent = IntentNo(columns.number(1)?);
        if columns.number::<i64>(2)? == 0 {
            found.push(Owed::new(intent, suppression(columns.number(3)?)?));
        } else if let Some(owed) = found.last_mut().filter(|owed| owed.intent == intent) {
            entry(row, owed)?;
        }
    }
    Ok(found)
}

/// The intents of these keys.
pub(crate) async fn list(
    connection: &Connection,
    tenant: TenantId,
    keys: &[(ReleaseId, IntentNo)],
) -> Result<OwedByKey, Failure> {
    let mut found = OwedByKey::new();
    if keys.is_empty() {
        return Ok(found);
    }
    let (releases, intents) = columns_of(keys);
    for row in &connection.rows(queries::OWED_LIST, &[&wide(tenant.0), &releases, &intents]).await? {
        let columns = Columns(row);
        let key = (ReleaseId(columns.id(0)?), IntentNo(columns.number(1)?));
        if columns.number::<i64>(2)? == 0 {
            found.insert(key, Owed::new(key.1, suppression(columns.number(3)?)?));
        } else if let Some(owed) = found.get_mut(&key) {
            entry(row, owed)?;
        }
    }
    Ok(found)
}

/// Keys as two arrays for `unnest`.
pub(crate) fn columns_of(keys: &[(ReleaseId, IntentNo)]) -> (Vec<Whole>, Vec<Whole>) {
    keys.iter().map(|(release, intent)| (wide(release.0), whole(intent.0))).unzip()
}

/// Adds what one row says against its intent.
pub(crate) fn entry(row: &Row, owed: &mut Owed) -> Result<(), Failure> {
    let row = Columns(row);
    let attempt = |number: i64| known(number, u16::try_from(number).ok()).map(AttemptNo);
    let (kind, first, second): (i64, i64, i64) = (row.number(2)?, row.number(3)?, row.number(4)?);
    match kind {
        1 => owed.attempts.push((attempt(first)?, SenderEpoch(second.cast_unsigned()))),
        2 => {
            let verdict = known(second, u8::try_from(second).ok().and_then(Verdict::from_code))?;
            owed.outcomes.push((attempt(first)?, verdict));
        }
        3 => owed.witnessed.push(attempt(first)?),
        _ => owed.retry_at = Some(Timestamp::from_millis(first)),
    }
    Ok(())
}

/// When the first intent of a chunk may be tried, and which of them are accounted for.
pub(crate) async fn standing(
    connection: &Connection,
    scope: Scope,
    now: Timestamp,
) -> Result<Standing, Failure> {
    let mut standing = Standing::of(scope, now);
    page(connection, scope).await?.iter().for_each(|owed| standing.count(owed));
    Ok(standing)
}
