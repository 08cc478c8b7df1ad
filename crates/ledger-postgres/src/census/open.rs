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

/// The open intents of each run, in order: of those that are given with it, or else of all.
pub(super) async fn intents(
    connection: &Connection,
    runs: Vec<(Scope, Option<Vec<IntentNo>>)>,
) -> Result<Vec<Vec<IntentNo>>, Failure> {
    let mut open = vec![Vec::new(); runs.len()];
    let scopes: Vec<Scope> = runs.iter().map(|(scope, _)| *scope).collect();
    let unlisted: Vec<usize> = (0..runs.len()).filter(|at| runs[*at].1.is_none()).collect();
    let mut places = candidates(connection, &scopes, &unlisted).await?;
    for (at, (_, listed)) in runs.into_iter().enumerate() {
        places.extend(listed.into_iter().flatten().map(|intent| (at, intent)));
    }
    for part in places.chunks(OWED_AT_ONCE) {
        for (at, owed) in owed(connection, &scopes, part).await? {
            if !is_accounted(&owed) {
                open[at].push(owed.intent);
            }
        }
    }
    Ok(open)
}

/// Of the runs at these places, the intents that no entry settles by itself.
async fn candidates(connection: &Connection, scopes: &[Scope], of: &[usize]) -> Result<Vec<Place>, Failure> {
    if of.is_empty() {
        return Ok(Vec::new());
    }
    let places: Vec<Whole> = of.iter().map(|at| number(*at)).collect();
    let tenants: Vec<_> = of.iter().map(|at| wide(scopes[*at].tenant.0)).collect();
    let releases: Vec<_> = of.iter().map(|at| wide(scopes[*at].release.0)).collect();
    let firsts: Vec<_> = of.iter().map(|at| whole(scopes[*at].first.0)).collect();
    let lasts: Vec<_> = of.iter().map(|at| whole(scopes[*at].last.0)).collect();
    let values: Values<'_> = &[&places, &tenants, &releases, &firsts, &lasts];
    let rows = connection.rows(queries::INTENT_OPEN_LIST, values).await?;
    rows.iter().map(|row| Ok((place(Columns(row), scopes)?, IntentNo(Columns(row).number(1)?)))).collect()
}

fn number(place: usize) -> Whole {
    Whole(i64::try_from(place).unwrap_or(i64::MAX))
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
    let places: Vec<_> = intents.iter().map(|(at, _)| number(*at)).collect();
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
