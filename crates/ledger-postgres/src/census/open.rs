//! The intents of some runs of which nothing is known.
//!
//! The server passes over those that one entry settles by itself; of the others every entry is read, and the fold decides.

use domain::IntentNo;
use ledger::account::is_accounted;
use ledger::{Owed, Scope};

use crate::columns::{Columns, suppression};
use crate::connection::{Connection, Values};
use crate::failure::Failure;
use crate::queries;
use crate::values::{Whole, whole, wide};
use crate::walk::entry;

/// Intents whose entries are read at a time.
const OWED_AT_ONCE: usize = 8192;

/// Names a run by its place, and an intent in it.
type Place = (usize, IntentNo);

/// The open intents of each run, in order.
pub(super) async fn intents(
    connection: &Connection,
    scopes: &[Scope],
) -> Result<Vec<Vec<IntentNo>>, Failure> {
    let mut open = vec![Vec::new(); scopes.len()];
    if scopes.is_empty() {
        return Ok(open);
    }
    for part in candidates(connection, scopes).await?.chunks(OWED_AT_ONCE) {
        for (at, owed) in owed(connection, scopes, part).await? {
            if !is_accounted(&owed) {
                open[at].push(owed.intent);
            }
        }
    }
    Ok(open)
}

async fn candidates(connection: &Connection, scopes: &[Scope]) -> Result<Vec<Place>, Failure> {
    let places: Vec<Whole> = (0_i64..).take(scopes.len()).map(Whole).collect();
    let tenants: Vec<_> = scopes.iter().map(|scope| wide(scope.tenant.0)).collect();
    let releases: Vec<_> = scopes.iter().map(|scope| wide(scope.release.0)).collect();
    let firsts: Vec<_> = scopes.iter().map(|scope| whole(scope.first.0)).collect();
    let lasts: Vec<_> = scopes.iter().map(|scope| whole(scope.last.0)).collect();
    let values: Values<'_> = &[&places, &tenants, &releases, &firsts, &lasts];
    let rows = connection.rows(queries::INTENT_OPEN_LIST, values).await?;
    rows.iter().map(|row| Ok((place(Columns(row), scopes)?, IntentNo(Columns(row).number(1)?)))).collect()
}

/// A run's place, as the server gives it back.
fn place(row: Columns<'_>, scopes: &[Scope]) -> Result<usize, Failure> {
    let at: usize = row.number(0)?;
    if at < scopes.len() { Ok(at) } else { Err(Failure::damaged(at)) }
}

async fn owed(
    connection: &Connection,
    scopes: &[Scope],
    intents: &[Place],
) -> Result<Vec<(usize, Owed)>, Failure> {
    let of = |at: usize| scopes[at];
    let places: Vec<_> =
        intents.iter().map(|(at, _)| Whole(i64::try_from(*at).unwrap_or(i64::MAX))).collect();
    let tenants: Vec<_> = intents.iter().map(|(at, _)| wide(of(*at).tenant.0)).collect();
    let releases: Vec<_> = intents.iter().map(|(at, _)| wide(of(*at).release.0)).collect();
    let numbers: Vec<_> = intents.iter().map(|(_, intent)| whole(intent.0)).collect();
    let values: Values<'_> = &[&places, &tenants, &releases, &numbers];
    let mut found: Vec<(usize, Owed)> = Vec::new();
    for row in &connection.rows(queries::OWED_LIST_ANY, values).await? {
        let columns = Columns(row);
        let (at, intent) = (place(columns, scopes)?, IntentNo(columns.number(1)?));
        if columns.number::<i64>(2)? == 0 {
            found.push((at, Owed::new(intent, suppression(columns.number(3)?)?)));
        } else if let Some((_, owed)) =
            found.last_mut().filter(|(of, owed)| (*of, owed.intent) == (at, intent))
        {
            entry(row, owed)?;
        }
    }
    Ok(found)
}
