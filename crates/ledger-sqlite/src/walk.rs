//! One merge pass over the books of a run of intents, in key order: each intent with every entry against it.
//!
//! No row is looked up by itself, so a million intents take well under a second. Entries without an intent are
//! passed over here; the check looks for them.

use std::ops::ControlFlow;

use domain::{AttemptNo, IntentNo, SenderEpoch, SuppressionReason, Timestamp, Verdict};
use ledger::{Owed, Scope, Standing};
use rusqlite::{Connection, Rows, params};

use crate::columns::{known, wide};
use crate::failure::Failure;
use crate::queries;

/// Calls `each` for every intent of the scope, until it breaks off.
pub(crate) fn walk<B>(
    connection: &Connection,
    scope: Scope,
    mut each: impl FnMut(&Owed) -> Result<ControlFlow<B>, Failure>,
) -> Result<Option<B>, Failure> {
    let range = params![wide(scope.tenant.0), wide(scope.release.0), scope.first.0, scope.last.0];
    let mut intents = connection.prepare_cached(queries::INTENT_RANGE)?;
    let mut attempts = connection.prepare_cached(queries::ATTEMPT_RANGE)?;
    let mut outcomes = connection.prepare_cached(queries::OUTCOME_RANGE)?;
    let mut witnesses = connection.prepare_cached(queries::WITNESS_RANGE)?;
    let mut retries = connection.prepare_cached(queries::RETRY_DUE_RANGE)?;
    let mut rows = intents.query(range)?;
    let mut attempts = Cursor::over(attempts.query(range)?, true)?;
    let mut outcomes = Cursor::over(outcomes.query(range)?, true)?;
    let mut witnesses = Cursor::over(witnesses.query(range)?, false)?;
    let mut retries = Cursor::over(retries.query(range)?, false)?;
    let mut owed = Owed::new(IntentNo(0), None);
    while let Some(row) = rows.next()? {
        let intent = row.get(0)?;
        owed.reset(IntentNo(intent), suppression(row.get(1)?)?);
        while let Some((no, epoch)) = attempts.take(intent)? {
            owed.attempts.push((attempt_no(no)?, SenderEpoch(epoch.cast_unsigned())));
        }
        while let Some((no, code)) = outcomes.take(intent)? {
            owed.outcomes.push((attempt_no(no)?, verdict(code)?));
        }
        while let Some((no, _)) = witnesses.take(intent)? {
            owed.witnessed.push(attempt_no(no)?);
        }
        while let Some((due_at, _)) = retries.take(intent)? {
            owed.retry_at = Some(Timestamp::from_millis(due_at));
        }
        if let ControlFlow::Break(value) = each(&owed)? {
            return Ok(Some(value));
        }
    }
    Ok(None)
}

/// When the first intent of the scope may be tried, and which of them are accounted for.
pub(crate) fn standing(connection: &Connection, scope: Scope, now: Timestamp) -> Result<Standing, Failure> {
    let mut standing = Standing::of(scope, now);
    walk::<()>(connection, scope, |owed| {
        standing.count(owed);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(standing)
}

/// The reason that a column stands for; 0 is owed.
pub(crate) fn suppression(code: u8) -> rusqlite::Result<Option<SuppressionReason>> {
    if code == 0 {
        return Ok(None);
    }
    known(0, i64::from(code), SuppressionReason::from_code(code)).map(Some)
}

pub(crate) fn attempt_no(number: i64) -> rusqlite::Result<AttemptNo> {
    known(0, number, u16::try_from(number).ok()).map(AttemptNo)
}

pub(crate) fn verdict(code: i64) -> rusqlite::Result<Verdict> {
    known(0, code, u8::try_from(code).ok().and_then(Verdict::from_code))
}

/// Rows of (intent, number[, number]) in the intents' order, one ahead.
struct Cursor<'s> {
    rows: Rows<'s>,
    wide: bool,
    next: Option<(u32, i64, i64)>,
}

impl<'s> Cursor<'s> {
    fn over(rows: Rows<'s>, wide: bool) -> Result<Self, Failure> {
        let mut cursor = Self { rows, wide, next: None };
        cursor.advance()?;
        Ok(cursor)
    }

    /// The next row of `intent`; rows of intents before it are passed over.
    fn take(&mut self, intent: u32) -> Result<Option<(i64, i64)>, Failure> {
        while let Some((of, first, second)) = self.next {
            if of > intent {
                return Ok(None);
            }
            self.advance()?;
            if of == intent {
                return Ok(Some((first, second)));
            }
        }
        Ok(None)
    }

    fn advance(&mut self) -> Result<(), Failure> {
        self.next = match self.rows.next()? {
            Some(row) => Some((row.get(0)?, row.get(1)?, if self.wide { row.get(2)? } else { 0 })),
            None => None,
        };
        Ok(())
    }
}
