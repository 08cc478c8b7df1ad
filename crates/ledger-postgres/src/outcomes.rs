//! Adds outcomes to their book, and to everything that follows from them: texts, counters, retry schedule, chunks.
//!
//! The counters move by the fold of each intent's entries before and after. The rows of the chunks concerned are
//! locked by the caller, so that no other node adds to the same intents between the reading and the writing.

use std::collections::BTreeSet;

use domain::{AttemptNo, IntentNo, ReleaseId, Timestamp, Verdict};
use futures_util::future::join;
use ledger::{Book, OutcomeRow, Owed, Rescheduling};
use tokio_postgres::Row;

use crate::columns::Columns;
use crate::commit::Author;
use crate::connection::Values;
use crate::draft::Draft;
use crate::failure::Failure;
use crate::queries;
use crate::schedule::{Chunks, Schedule};
use crate::values::{whole, wide, without_nul};
use crate::walk::{OwedByKey, list};

/// Names an outcome within its tenant.
type OutcomeKey = (ReleaseId, IntentNo, AttemptNo, Verdict);

fn key_of(row: &OutcomeRow) -> OutcomeKey {
    (row.key.release, row.key.intent, row.key.attempt, row.verdict)
}

/// What is owed of the intents of some outcomes before these are added, and which of them then were.
pub(crate) struct Addition<'a> {
    owed: OwedByKey,
    rows: Vec<&'a OutcomeRow>,
}

/// Of outcomes sorted by key and verdict, one for each verdict over an attempt.
pub(crate) fn distinct(rows: &[OutcomeRow]) -> Vec<&OutcomeRow> {
    let mut rows: Vec<&OutcomeRow> = rows.iter().collect();
    rows.dedup_by_key(|row| key_of(row));
    rows
}

/// Makes ready what [`add`] asks for, which is then sent before the first of it is answered, and the link's number.
pub(crate) async fn prepare(draft: &mut Draft, author: Author) -> Result<u32, Failure> {
    draft.prepare(queries::OWED_LIST).await?;
    draft.prepare(queries::OUTCOME_INSERT).await?;
    draft.link_no(Book::Outcomes, author.sender).await
}

/// Adds distinct outcomes to their book; one whose verdict over the same attempt stands already is ignored.
pub(crate) async fn add<'a>(
    draft: &Draft,
    author: Author,
    link_no: u32,
    mut rows: Vec<&'a OutcomeRow>,
) -> Result<Addition<'a>, Failure> {
    if rows.is_empty() {
        return Ok(Addition { owed: OwedByKey::new(), rows });
    }
    let mut keys: Vec<_> = rows.iter().map(|row| (row.key.release, row.key.intent)).collect();
    keys.dedup();
    // In this order: what is owed is read before the rows that change it are added.
    let (owed, added) = join(list(draft, author.tenant, &keys), insert(draft, author, link_no, &rows)).await;
    let (owed, added) = (owed?, added?);
    rows.retain(|row| added.contains(&key_of(row)));
    Ok(Addition { owed, rows })
}

/// Everything that follows from outcomes that were added.
pub(crate) async fn follow_up(
    draft: &mut Draft,
    author: Author,
    chunks: &Chunks,
    addition: Addition<'_>,
) -> Result<(), Failure> {
    let Addition { mut owed, rows } = addition;
    insert_texts(draft, author, &rows).await?;
    let mut schedule = Schedule::default();
    for row in rows {
        follow(draft, author, (chunks, &mut owed), row, &mut schedule);
    }
    schedule.write(draft, author.tenant).await
}

/// What follows from one outcome that was added.
fn follow(
    draft: &mut Draft,
    author: Author,
    (chunks, owed): (&Chunks, &mut OwedByKey),
    row: &OutcomeRow,
    schedule: &mut Schedule,
) {
    let (release, intent) = (row.key.release, row.key.intent);
    let owed = owed.entry((release, intent)).or_insert_with(|| Owed::new(intent, None));
    let before = owed.counted();
    owed.outcomes.push((row.key.attempt, row.verdict));
    let after = owed.counted();
    draft.entries.tally(author.tenant, release).moved(&before, &after);
    let share = draft.entries.share(author.tenant, author.sender, author.now);
    share.outcomes.push(OutcomeRow { reply_text: String::new(), ..row.clone() });
    let is_latest = owed.last_attempt() <= row.key.attempt;
    match Rescheduling::of(row, after.state(), is_latest) {
        Rescheduling::Wait(until) => {
            owed.retry_at = Some(until);
            schedule.wait(release, intent, until);
            schedule.hasten(chunks, release, intent, until);
        }
        Rescheduling::AtOnce => schedule.hasten(chunks, release, intent, author.now),
        Rescheduling::Drop if owed.retry_at.take().is_some() => schedule.drop(release, intent),
        Rescheduling::Drop | Rescheduling::Leave => {}
    }
}

/// Gives the keys of those that did not stand yet.
async fn insert(
    draft: &Draft,
    author: Author,
    link_no: u32,
    rows: &[&OutcomeRow],
) -> Result<BTreeSet<OutcomeKey>, Failure> {
    let link_no = whole(link_no);
    let (tenant, sender) = (wide(author.tenant.0), wide(author.sender.0));
    let releases: Vec<_> = rows.iter().map(|row| wide(row.key.release.0)).collect();
    let intents: Vec<_> = rows.iter().map(|row| whole(row.key.intent.0)).collect();
    let attempts: Vec<_> = rows.iter().map(|row| whole(row.key.attempt.0)).collect();
    let verdicts: Vec<_> = rows.iter().map(|row| whole(row.verdict.code())).collect();
    let phases: Vec<_> = rows.iter().map(|row| whole(row.phase.code())).collect();
    let codes: Vec<_> = rows.iter().map(|row| row.code.map(|code| whole(code.get()))).collect();
    let enhanced: Vec<_> =
        rows.iter().map(|row| row.enhanced.map(|status| whole(status.to_number()))).collect();
    let digests: Vec<_> = rows
        .iter()
        .map(|row| Some(row.reply_digest.as_slice()).filter(|_| row.reply_digest != [0; 16]))
        .collect();
    let times: Vec<_> = rows.iter().map(|row| millis(row.at)).collect();
    let values: Values<'_> = &[
        &tenant, &sender, &link_no, &releases, &intents, &attempts, &verdicts, &phases, &codes, &enhanced,
        &digests, &times,
    ];
    draft.rows(queries::OUTCOME_INSERT, values).await?.iter().map(added_key).collect()
}

fn millis(time: Timestamp) -> crate::values::Whole {
    whole(time.as_millis())
}

fn added_key(row: &Row) -> Result<OutcomeKey, Failure> {
    let row = Columns(row);
    let (release, intent) = (ReleaseId(row.id(0)?), IntentNo(row.number(1)?));
    Ok((release, intent, AttemptNo(row.number(2)?), row.coded(3, Verdict::from_code)?))
}

async fn insert_texts(draft: &Draft, author: Author, rows: &[&OutcomeRow]) -> Result<(), Failure> {
    let rows: Vec<_> = rows.iter().filter(|row| !row.reply_text.is_empty()).collect();
    if rows.is_empty() {
        return Ok(());
    }
    let releases: Vec<_> = rows.iter().map(|row| wide(row.key.release.0)).collect();
    let intents: Vec<_> = rows.iter().map(|row| whole(row.key.intent.0)).collect();
    let attempts: Vec<_> = rows.iter().map(|row| whole(row.key.attempt.0)).collect();
    let verdicts: Vec<_> = rows.iter().map(|row| whole(row.verdict.code())).collect();
    let texts: Vec<_> = rows.iter().map(|row| without_nul(&row.reply_text)).collect();
    let values: Values<'_> = &[&wide(author.tenant.0), &releases, &intents, &attempts, &verdicts, &texts];
    draft.execute(queries::REPLY_TEXT_INSERT, values).await.map(drop)
}
