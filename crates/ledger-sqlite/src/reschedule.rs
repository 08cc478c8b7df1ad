//! A release that is gone on with under another deadline, retry schedule or policy.
//!
//! Under `hold` nothing unknown may be waiting to be sent again; under `resend-once` each unknown mail that was
//! neither sent again nor refused is put into the retry schedule.

use std::ops::ControlFlow;

use domain::{IntentState, Timestamp, UnknownPolicy};
use ledger::{Live, ReleaseRow, Scope};
use rusqlite::{OptionalExtension, params};

use crate::columns::wide;
use crate::draft::Draft;
use crate::failure::Failure;
use crate::queries;
use crate::walk::walk;

/// Changes the release, and the schedule of its unknown mails with it; false when there is no such release.
pub(crate) fn reschedule(
    draft: &Draft<'_>,
    row: &ReleaseRow,
    resend_at: Timestamp,
    now: Timestamp,
) -> Result<bool, Failure> {
    let changed = draft.prepare(queries::RELEASE_STATE_RESCHEDULE)?.execute(params![
        wide(row.tenant.0),
        wide(row.release.0),
        row.policy.word(),
        wide(row.retry_initial_ms),
        row.deadline_at.as_millis(),
        now.as_millis()
    ])?;
    for Unknown { intent, waits, may_be_resent } in unknown(draft, row)? {
        match row.policy {
            UnknownPolicy::Hold if waits => {
                let at = params![wide(row.tenant.0), wide(row.release.0), intent];
                draft.prepare(queries::RETRY_DUE_DROP)?.execute(at)?;
            }
            UnknownPolicy::ResendOnce if !waits && may_be_resent => resend(draft, row, intent, resend_at)?,
            UnknownPolicy::Hold | UnknownPolicy::ResendOnce => {}
        }
    }
    Ok(changed > 0)
}

/// An unknown intent that nobody works on.
struct Unknown {
    intent: u32,
    /// The retry schedule names it.
    waits: bool,
    /// It was neither sent again nor refused since.
    may_be_resent: bool,
}

fn unknown(draft: &Draft<'_>, row: &ReleaseRow) -> Result<Vec<Unknown>, Failure> {
    let scope = Scope::whole(row.tenant, row.release);
    let mut found = Vec::new();
    walk::<()>(draft.connection(), scope, |owed| {
        let fold = owed.fold(Live::NOBODY);
        if fold.state() == IntentState::Unknown && owed.open().next().is_none() {
            let may_be_resent = fold.unresolved_dots() == 1 && !fold.was_refused();
            found.push(Unknown { intent: owed.intent.0, waits: owed.retry_at.is_some(), may_be_resent });
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(found)
}

fn resend(draft: &Draft<'_>, row: &ReleaseRow, intent: u32, at: Timestamp) -> Result<(), Failure> {
    let (tenant, release) = (wide(row.tenant.0), wide(row.release.0));
    draft.prepare(queries::RETRY_DUE_SET)?.execute(params![tenant, release, intent, at.as_millis()])?;
    let chunk: Option<u32> = draft
        .prepare(queries::DELIVERY_CHUNK_GET_BY_INTENT)?
        .query_row(params![tenant, release, intent], |chunk| chunk.get(0))
        .optional()?;
    if let Some(chunk) = chunk {
        let hasten = params![tenant, release, chunk, at.as_millis()];
        draft.prepare(queries::DELIVERY_CHUNK_HASTEN)?.execute(hasten)?;
    }
    Ok(())
}
