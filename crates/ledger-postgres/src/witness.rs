//! Appends to the third book.

use std::collections::BTreeSet;

use domain::{AttemptNo, IntentNo, ReleaseId};
use ledger::{Book, WitnessRow};
use tokio_postgres::Row;

use crate::columns::Columns;
use crate::commit::Author;
use crate::connection::Values;
use crate::draft::Draft;
use crate::failure::Failure;
use crate::schedule::{Chunks, Schedule};
use crate::values::{whole, wide};
use crate::walk::list;
use crate::{account, queries};

/// Names an entry within its tenant.
type WitnessKey = (ReleaseId, IntentNo, AttemptNo, String, String);

fn key_of(row: &WitnessRow) -> WitnessKey {
    (row.key.release, row.key.intent, row.key.attempt, row.source.clone(), row.event_id.clone())
}

/// Adds witnesses; one whose event stands already is ignored.
pub(crate) async fn append(draft: &mut Draft, author: Author, rows: &[WitnessRow]) -> Result<(), Failure> {
    if rows.iter().any(|row| row.key.tenant != author.tenant) {
        return Err(Failure::refused("a row of another tenant"));
    }
    let keys: BTreeSet<_> = rows.iter().map(|row| (row.key.release, row.key.intent)).collect();
    let keys: Vec<_> = keys.into_iter().collect();
    // Locks alone: no chunk is held against a witness.
    let chunks = Chunks::lock(draft, author.tenant, &[], &keys).await?;
    let mut owed = list(draft, author.tenant, &keys).await?;
    if keys.iter().any(|key| !owed.contains_key(key)) {
        return Err(Failure::refused("an entry against an intent that does not exist"));
    }
    let mut added = insert(draft, author, rows).await?;
    let mut schedule = Schedule::default();
    for row in rows {
        // The first of two that are the same is the one that was stored.
        if !added.remove(&key_of(row)) {
            continue;
        }
        draft.entries.share(author.tenant, author.sender, author.now).witnesses.push(row.clone());
        let key = (row.key.release, row.key.intent);
        if let Some(owed) = owed.get_mut(&key).filter(|_| row.accepted) {
            let before = owed.counted();
            owed.witnessed.push(row.key.attempt);
            draft.entries.tally(author.tenant, key.0).moved(&before, &owed.counted());
            schedule.drop(key.0, key.1);
        }
    }
    schedule.write(draft, author.tenant).await?;
    account::returned(draft, author, &chunks, keys.into_iter()).await
}

/// Gives the keys of those that did not stand yet.
async fn insert(
    draft: &mut Draft,
    author: Author,
    rows: &[WitnessRow],
) -> Result<BTreeSet<WitnessKey>, Failure> {
    let link_no = whole(draft.link_no(Book::Witnesses, author.sender).await?);
    let (tenant, sender) = (wide(author.tenant.0), wide(author.sender.0));
    let releases: Vec<_> = rows.iter().map(|row| wide(row.key.release.0)).collect();
    let intents: Vec<_> = rows.iter().map(|row| whole(row.key.intent.0)).collect();
    let attempts: Vec<_> = rows.iter().map(|row| whole(row.key.attempt.0)).collect();
    let sources: Vec<_> = rows.iter().map(|row| row.source.as_str()).collect();
    let events: Vec<_> = rows.iter().map(|row| row.event_id.as_str()).collect();
    let accepted: Vec<_> = rows.iter().map(|row| whole(u8::from(row.accepted))).collect();
    let digests: Vec<_> = rows.iter().map(|row| row.payload_digest.as_slice()).collect();
    let times: Vec<_> = rows.iter().map(|row| whole(row.at.as_millis())).collect();
    let values: Values<'_> = &[
        &tenant, &sender, &link_no, &releases, &intents, &attempts, &sources, &events, &accepted, &digests,
        &times,
    ];
    draft.rows(queries::WITNESS_INSERT, values).await?.iter().map(added_key).collect()
}

fn added_key(row: &Row) -> Result<WitnessKey, Failure> {
    let row = Columns(row);
    let (release, intent) = (ReleaseId(row.id(0)?), IntentNo(row.number(1)?));
    Ok((release, intent, AttemptNo(row.number(2)?), row.value(3)?, row.value(4)?))
}
