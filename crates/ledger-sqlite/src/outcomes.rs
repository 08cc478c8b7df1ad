//! Adds one outcome to its book, and to everything that follows from it: text, counters, retry schedule, chunk.
//!
//! The counters move by the fold of the intent's entries before and after. Most outcomes are the first entry of
//! their intent, for which one look into the book is enough.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use domain::{
    AttemptNo, ChunkNo, Entry, IntentFold, IntentState, ReleaseId, SenderEpoch, TenantId, Timestamp, Verdict,
};
use ledger::{AttemptKey, Book, Chunk, OutcomeRow, Rescheduling, Scope};
use rusqlite::{CachedStatement, OptionalExtension, params};

use crate::columns::wide;
use crate::draft::Draft;
use crate::failure::Failure;
use crate::lease::{chunk_get, chunk_row};
use crate::queries;
use crate::walk::{attempt_no, standing, suppression, verdict, walk};

/// Writes outcomes of one sender; its statements are prepared once for all of them.
pub(crate) struct OutcomeWriter<'c> {
    sender: SenderEpoch,
    now: Timestamp,
    earlier: CachedStatement<'c>,
    insert: CachedStatement<'c>,
    text: CachedStatement<'c>,
    link: Option<(domain::TenantId, u32)>,
    /// The chunk looked at last, if it is out on lease: release, first and last intent.
    leased: Option<(domain::ReleaseId, u32, u32)>,
    /// Chunks of outcomes that are not: given back before these came.
    returned: BTreeSet<(ReleaseId, ChunkNo)>,
    has_witnesses: bool,
}

impl<'c> OutcomeWriter<'c> {
    /// A writer inside the draft's transaction.
    pub fn new(draft: &mut Draft<'c>, sender: SenderEpoch, now: Timestamp) -> Result<Self, Failure> {
        Ok(Self {
            sender,
            now,
            earlier: draft.prepare(queries::OUTCOME_BRIEF)?,
            insert: draft.prepare(queries::OUTCOME_INSERT)?,
            text: draft.prepare(queries::REPLY_TEXT_INSERT)?,
            link: None,
            leased: None,
            returned: BTreeSet::new(),
            has_witnesses: draft.has_witnesses()?,
        })
    }

    /// Adds an outcome; false when the same verdict over the same attempt stands already.
    pub fn add(&mut self, draft: &mut Draft<'c>, row: &OutcomeRow) -> Result<bool, Failure> {
        let before = self.fold_before(draft, row.key)?;
        if !self.insert(draft, row)? {
            return Ok(false);
        }
        let mut after = before.fold.clone();
        after.add(Entry::Outcome(row.key.attempt, row.verdict));
        let share = draft.entries.share(row.key.tenant, self.sender, self.now);
        share.outcomes.push(OutcomeRow { reply_text: String::new(), ..*row });
        draft.entries.tally(row.key.tenant, row.key.release).moved(&before.fold, &after);
        let returned = self.returned_chunk(draft, row.key)?;
        self.schedule(draft, row, &before, (after.state(), returned))?;
        Ok(true)
    }

    /// Makes the accounts of chunks anew that had been given back before outcomes of theirs came.
    pub fn account(self, draft: &Draft<'_>, tenant: TenantId) -> Result<(), Failure> {
        account(draft, tenant, self.returned, self.now)
    }

    fn fold_before(&mut self, draft: &Draft<'c>, key: AttemptKey) -> Result<Before, Failure> {
        let at = params![wide(key.tenant.0), wide(key.release.0), key.intent.0];
        let mut entries: Vec<(AttemptNo, Verdict)> = Vec::new();
        let mut rows = self.earlier.query(at)?;
        while let Some(row) = rows.next()? {
            entries.push((attempt_no(row.get(0)?)?, verdict(row.get(1)?)?));
        }
        if entries.is_empty() && key.attempt == AttemptNo(1) && !self.has_witnesses {
            return Ok(Before { fold: IntentFold::default(), first: true });
        }
        let mut fold = IntentFold::new(suppression(
            draft.prepare(queries::INTENT_GET)?.query_row(at, |row| row.get(0)).optional()?.unwrap_or(0),
        )?);
        entries.iter().for_each(|(no, verdict)| fold.add(Entry::Outcome(*no, *verdict)));
        if self.has_witnesses {
            add_witnesses(draft, key, &mut fold)?;
        }
        Ok(Before { fold, first: false })
    }

    fn insert(&mut self, draft: &mut Draft<'c>, row: &OutcomeRow) -> Result<bool, Failure> {
        let key = row.key;
        let link_no = self.link_no(draft, key.tenant)?;
        let digest = (row.reply_digest != [0; 16]).then_some(row.reply_digest);
        let (tenant, release) = (wide(key.tenant.0), wide(key.release.0));
        let added = self.insert.execute(params![
            tenant,
            release,
            key.intent.0,
            key.attempt.0,
            row.verdict.code(),
            row.phase.code(),
            row.code.map(domain::ReplyCode::get),
            row.enhanced.map(domain::EnhancedStatus::to_number),
            digest,
            row.at.as_millis(),
            wide(self.sender.0),
            link_no
        ])?;
        if added == 0 {
            return Ok(false);
        }
        if !row.reply_text.is_empty() {
            let verdict = row.verdict.code();
            self.text.execute(params![
                tenant,
                release,
                key.intent.0,
                key.attempt.0,
                verdict,
                row.reply_text
            ])?;
        }
        Ok(true)
    }

    fn link_no(&mut self, draft: &mut Draft<'c>, tenant: domain::TenantId) -> Result<u32, Failure> {
        match self.link {
            Some((known, link_no)) if known == tenant => Ok(link_no),
            _ => {
                let link_no = draft.link_no(Book::Outcomes, tenant, self.sender)?;
                self.link = Some((tenant, link_no));
                Ok(link_no)
            }
        }
    }

    /// Brings the retry schedule in line, and makes a chunk due again that was given back before this came.
    fn schedule(
        &mut self,
        draft: &Draft<'c>,
        row: &OutcomeRow,
        before: &Before,
        (state, returned): (IntentState, Option<ChunkNo>),
    ) -> Result<(), Failure> {
        let key = row.key;
        let at = params![wide(key.tenant.0), wide(key.release.0), key.intent.0];
        let may_be_tried = matches!(state, IntentState::Pending | IntentState::Unknown);
        if !may_be_tried {
            if !before.first {
                draft.prepare(queries::RETRY_DUE_DROP)?.execute(at)?;
            }
            return Ok(());
        }
        let latest = before.first
            || draft.prepare(queries::ATTEMPT_LAST)?.query_row(at, |r| r.get::<_, u16>(0))? <= key.attempt.0;
        match Rescheduling::of(row, state, latest) {
            Rescheduling::Wait(due) => {
                let set = params![wide(key.tenant.0), wide(key.release.0), key.intent.0, due.as_millis()];
                draft.prepare(queries::RETRY_DUE_SET)?.execute(set)?;
                hasten(draft, key, returned, due)
            }
            Rescheduling::AtOnce => hasten(draft, key, returned, self.now),
            Rescheduling::Drop => {
                draft.prepare(queries::RETRY_DUE_DROP)?.execute(at)?;
                Ok(())
            }
            Rescheduling::Leave => Ok(()),
        }
    }

    /// The chunk of the intent, unless it is out on lease.
    fn returned_chunk(&mut self, draft: &Draft<'c>, key: AttemptKey) -> Result<Option<ChunkNo>, Failure> {
        let within =
            |(release, first, last)| release == key.release && (first..=last).contains(&key.intent.0);
        if self.leased.is_some_and(within) {
            return Ok(None);
        }
        let Some(chunk) = chunk_of(draft, key)? else { return Ok(None) };
        if chunk.holder.is_some() {
            self.leased = Some((key.release, chunk.first.0, chunk.last.0));
            return Ok(None);
        }
        self.returned.insert((key.release, chunk.no));
        Ok(Some(chunk.no))
    }
}

/// The chunk that holds an intent.
pub(crate) fn chunk_of(draft: &Draft<'_>, key: AttemptKey) -> Result<Option<Chunk>, Failure> {
    let at = params![wide(key.tenant.0), wide(key.release.0), key.intent.0];
    let mut get = draft.prepare(queries::DELIVERY_CHUNK_GET_BY_INTENT)?;
    Ok(get.query_row(at, |row| chunk_row(row, 0)).optional()?)
}

/// The chunk must be due by then.
fn hasten(
    draft: &Draft<'_>,
    key: AttemptKey,
    returned: Option<ChunkNo>,
    due: Timestamp,
) -> Result<(), Failure> {
    let Some(chunk) = returned else { return Ok(()) };
    let set = params![wide(key.tenant.0), wide(key.release.0), chunk.0, due.as_millis()];
    draft.prepare(queries::DELIVERY_CHUNK_HASTEN)?.execute(set)?;
    Ok(())
}

/// Makes the accounts of chunks anew that are not out on lease.
pub(crate) fn account(
    draft: &Draft<'_>,
    tenant: TenantId,
    chunks: BTreeSet<(ReleaseId, ChunkNo)>,
    now: Timestamp,
) -> Result<(), Failure> {
    for (release, no) in chunks {
        let Some(chunk) = chunk_get(draft.connection(), tenant, release, no)? else { continue };
        let standing = standing(draft.connection(), chunk.scope(tenant, release), now)?;
        let (sealed, accounted) = (standing.sealed(), standing.accounted());
        draft.prepare(queries::DELIVERY_CHUNK_ACCOUNT)?.execute(params![
            wide(tenant.0),
            wide(release.0),
            no.0,
            sealed.to_bytes(),
            wide(accounted.count()),
            accounted.to_bytes(),
            standing.open()
        ])?;
    }
    Ok(())
}

/// What stood against an intent before.
struct Before {
    fold: IntentFold,
    /// Nothing at all, and this is about its first attempt.
    first: bool,
}

fn add_witnesses(draft: &Draft<'_>, key: AttemptKey, fold: &mut IntentFold) -> Result<(), Failure> {
    let range = params![wide(key.tenant.0), wide(key.release.0), key.intent.0, key.intent.0];
    let mut statement = draft.prepare(queries::WITNESS_RANGE)?;
    let mut rows = statement.query(range)?;
    while let Some(row) = rows.next()? {
        fold.add(Entry::WitnessAccepted(attempt_no(row.get(1)?)?));
    }
    Ok(())
}

/// The fold that counters follow, by the books as they stand in the draft's transaction.
pub(crate) fn counted_fold(draft: &Draft<'_>, key: AttemptKey) -> Result<IntentFold, Failure> {
    let (tenant, release) = (key.tenant, key.release);
    let scope = Scope { tenant, release, first: key.intent, last: key.intent };
    let found = walk(draft.connection(), scope, |owed| Ok(ControlFlow::Break(owed.counted())))?;
    found.ok_or_else(|| Failure::refused("an entry against an intent that does not exist"))
}
