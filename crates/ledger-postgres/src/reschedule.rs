//! A release that is gone on with under another deadline, retry schedule or policy.
//!
//! Under `hold` nothing unknown may be waiting to be sent again; under `resend-once` each unknown mail that was
//! neither sent again nor refused is put into the retry schedule.

use std::ops::ControlFlow;

use domain::{IntentState, Timestamp, UnknownPolicy};
use ledger::{Live, ReleaseRow, Scope};

use crate::connection::Values;
use crate::draft::Draft;
use crate::failure::Failure;
use crate::queries;
use crate::schedule::{Chunks, Schedule};
use crate::values::{whole, wide};
use crate::walk::walk;

/// Changes the release, and the schedule of its unknown mails with it; false when there is no such release.
pub(crate) async fn reschedule(
    draft: &Draft,
    row: &ReleaseRow,
    resend_at: Timestamp,
    now: Timestamp,
) -> Result<bool, Failure> {
    let (tenant, release) = (wide(row.tenant.0), wide(row.release.0));
    let rows = draft.rows(queries::DELIVERY_CHUNK_LOCK_RELEASE, &[&tenant, &release]).await?;
    let chunks = Chunks::of(&rows)?;
    let values: Values<'_> = &[
        &tenant,
        &release,
        &row.policy.word(),
        &wide(row.retry_initial_ms),
        &whole(row.deadline_at.as_millis()),
        &whole(now.as_millis()),
    ];
    let changed = draft.execute(queries::RELEASE_STATE_RESCHEDULE, values).await?;
    let mut schedule = Schedule::default();
    walk::<()>(draft, Scope::whole(row.tenant, row.release), |owed| {
        let fold = owed.fold(Live::NOBODY);
        let nobody_works_on_it = owed.open().next().is_none();
        if fold.state() == IntentState::Unknown && nobody_works_on_it {
            match row.policy {
                UnknownPolicy::Hold if owed.retry_at.is_some() => schedule.drop(row.release, owed.intent),
                UnknownPolicy::ResendOnce
                    if owed.retry_at.is_none() && fold.unresolved_dots() == 1 && !fold.was_refused() =>
                {
                    schedule.wait(row.release, owed.intent, resend_at);
                    schedule.hasten(&chunks, row.release, owed.intent, resend_at);
                }
                UnknownPolicy::Hold | UnknownPolicy::ResendOnce => {}
            }
        }
        ControlFlow::Continue(())
    })
    .await?;
    schedule.write(draft, row.tenant).await?;
    Ok(changed > 0)
}
