//! Each release: conservation, evidence, duplicates; and its counters, chunks and retry schedule, rebuilt from
//! the books and compared.

use std::ops::ControlFlow;

use domain::{AudienceDigest, IntentNo, IntentState, ReleaseId, SenderEpoch, TenantId, Timestamp, Verdict};
use ledger::{Book, LedgerError};
use rusqlite::{Connection, params};

use super::Notes;
use crate::columns::{id, wide};
use crate::failure::Failure;
use crate::lease::{Chunk, chunk_row};
use crate::plan::intent_last;
use crate::queries;
use crate::read::{Balance, audience, counters, differences, sealed};
use crate::seal::digest_part;
use crate::walk::{Owed, Scope, walk};

/// Looks at every release of every tenant.
pub(super) fn check(
    connection: &Connection,
    live: Option<SenderEpoch>,
    now: Timestamp,
    notes: &mut Notes,
) -> Result<(), Failure> {
    let mut list = connection.prepare_cached(queries::RELEASE_LIST_ALL)?;
    let rows = list.query_map([], |row| Ok((TenantId(id(row, 0)?), ReleaseId(id(row, 1)?))))?;
    for release in rows {
        let (tenant, release) = release?;
        notes.report.releases += 1;
        let mut look = Look { connection, tenant, release, live, now, notes: &mut *notes };
        let outcome = look.run();
        notes.part(&format!("release {release}"), outcome)?;
    }
    Ok(())
}

/// One look at one release.
struct Look<'a> {
    connection: &'a Connection,
    tenant: TenantId,
    release: ReleaseId,
    live: Option<SenderEpoch>,
    now: Timestamp,
    notes: &'a mut Notes,
}

impl Look<'_> {
    fn run(&mut self) -> Result<(), Failure> {
        let scope = match sealed(self.connection, self.tenant, self.release) {
            Err(Failure::Ledger(LedgerError::NotFound { .. })) => {
                self.find(None, 0, "has no state");
                return Ok(());
            }
            other => other?,
        };
        self.waves()?;
        let chunks = self.chunks(scope)?;
        let balance = self.intents(scope, &chunks)?;
        self.strays(Book::Attempts, queries::ATTEMPT_RANGE)?;
        self.strays(Book::Outcomes, queries::OUTCOME_RANGE)?;
        let counters = match counters(self.connection, self.tenant, self.release) {
            Err(Failure::Ledger(LedgerError::NotFound { .. })) => {
                self.find(None, 1, "has no counters");
                return Ok(());
            }
            other => other?,
        };
        for difference in differences(&balance, &counters, self.release) {
            let text =
                format!("{}: {} expected, {} found", difference.what, difference.expected, difference.found);
            self.find(None, 1, &text);
        }
        Ok(())
    }

    /// The sealed waves follow each other, and the recipients give their digests unless some were erased.
    fn waves(&mut self) -> Result<(), Failure> {
        let mut list = self.connection.prepare_cached(queries::AUDIENCE_WAVE_LIST)?;
        let mut rows = list.query(params![wide(self.tenant.0), wide(self.release.0)])?;
        let mut next = 1;
        while let Some(row) = rows.next()? {
            let (wave, first): (u16, u32) = (row.get(0)?, row.get(1)?);
            let (last, digest): (Option<u32>, Option<[u8; 32]>) = (row.get(2)?, row.get(3)?);
            if first != next {
                self.find(
                    Some(Book::Intents),
                    1,
                    &format!("wave {wave} starts at intent {first}, not at {next}"),
                );
            }
            let (Some(last), Some(digest)) = (last, digest) else { continue };
            next = last + 1;
            let count = u64::from(next.saturating_sub(first));
            let found = digest_part(self.connection, self.tenant, self.release, (first, last))?;
            let whole = AudienceDigest::from_parts(count, &digest);
            if found.count() > count || (found.count() == count && found != whole) {
                self.find(None, 1, &format!("the recipients of wave {wave} are not those that were counted"));
            }
        }
        Ok(())
    }

    /// The chunks, which must cover the sealed audience without gap or overlap.
    fn chunks(&mut self, scope: Scope) -> Result<Vec<Chunk>, Failure> {
        let mut list = self.connection.prepare_cached(queries::DELIVERY_CHUNK_LIST)?;
        let key = params![wide(self.tenant.0), wide(self.release.0)];
        let chunks = list.query_map(key, |row| chunk_row(row, 0))?.collect::<Result<Vec<_>, _>>()?;
        let mut next = 1;
        for chunk in &chunks {
            if chunk.first.0 != next {
                self.find(
                    None,
                    8,
                    &format!("chunk {} starts at intent {}, not at {next}", chunk.no, chunk.first),
                );
            }
            next = chunk.last.0.saturating_add(1);
        }
        if next != scope.last.0.saturating_add(1) {
            let text = format!("its chunks end at intent {}, its audience at {}", next - 1, scope.last);
            self.find(None, 8, &text);
        }
        Ok(chunks)
    }

    /// Every sealed intent with its entries.
    fn intents(&mut self, scope: Scope, chunks: &[Chunk]) -> Result<Balance, Failure> {
        let mut balance = Balance::of(audience(self.connection, self.tenant, self.release)?);
        let mut chunks = chunks.iter().peekable();
        walk::<()>(self.connection, scope, |owed| {
            balance.count(owed, self.live);
            while chunks.next_if(|chunk| chunk.last.0 < owed.intent).is_some() {}
            let chunk = chunks.peek().filter(|chunk| chunk.first.0 <= owed.intent);
            self.intent(owed, chunk.copied());
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(balance)
    }

    fn intent(&mut self, owed: &Owed, chunk: Option<&Chunk>) {
        let intent = owed.intent;
        for (no, verdict) in owed.outcomes.iter().filter(|(no, _)| no.0 > 0) {
            if !owed.attempts.iter().any(|(other, _)| other == no) {
                let invariant = if *verdict == Verdict::Accepted { 2 } else { 3 };
                let text = format!(
                    "intent {intent} has the outcome `{verdict}` of attempt {no}, which does not stand"
                );
                self.find(Some(Book::Outcomes), invariant, &text);
            }
        }
        for no in owed.witnessed.iter().filter(|no| !owed.attempts.iter().any(|(other, _)| other == *no)) {
            let text = format!("intent {intent} has a witness of attempt {no}, which does not stand");
            self.find(Some(Book::Witnesses), 2, &text);
        }
        let fold = owed.fold(None);
        if fold.duplicates() > 0 {
            let text = format!(
                "intent {intent} has {} acceptances beyond the first: a duplicate",
                fold.duplicates()
            );
            self.find(Some(Book::Outcomes), 2, &text);
        }
        if owed.suppression.is_some() && !owed.attempts.is_empty() {
            self.find(Some(Book::Attempts), 2, &format!("intent {intent} was suppressed, and tried"));
        }
        let is_final = !matches!(fold.state(), IntentState::Pending | IntentState::Unknown);
        if is_final && owed.retry_at.is_some() {
            let text = format!("intent {intent} is {} and stands in the retry schedule", fold.state());
            self.find(None, 4, &text);
        }
        if let (Some(due), Some(chunk)) = (owed.due_at(self.now), chunk) {
            self.chunk_of(intent, due, chunk);
        }
    }

    /// A chunk must come up by the time that one of its intents may be tried.
    fn chunk_of(&mut self, intent: u32, due: Timestamp, chunk: &Chunk) {
        match chunk.due_at {
            _ if chunk.holder.is_some() => {}
            None => {
                let text =
                    format!("intent {intent} is still owed, and its chunk {} is done: it is lost", chunk.no);
                self.find(None, 8, &text);
            }
            Some(at) if at > due => {
                let text = format!(
                    "intent {intent} may be tried at {due}, and its chunk {} not before {at}",
                    chunk.no
                );
                self.find(None, 9, &text);
            }
            Some(_) => {}
        }
    }

    /// Entries against intents that the book does not have.
    fn strays(&mut self, book: Book, sql: &str) -> Result<(), Failure> {
        let last = intent_last(self.connection, self.tenant, self.release)?;
        let mut list = self.connection.prepare_cached(sql)?;
        let beyond = last.saturating_add(1);
        let mut rows = list.query(params![wide(self.tenant.0), wide(self.release.0), beyond, u32::MAX])?;
        while let Some(row) = rows.next()? {
            let intent = IntentNo(row.get(0)?);
            self.find(Some(book), 1, &format!("an entry names intent {intent}, which does not stand"));
        }
        Ok(())
    }

    fn find(&mut self, book: Option<Book>, invariant: u8, text: &str) {
        self.notes.find(Some(self.tenant), book, invariant, format!("{}: {text}", self.release));
    }
}
