//! Freezes a release with its audience, or finds the frozen one.

use std::sync::Arc;
use std::time::Duration;

use domain::{AudienceDigest, IntentNo, RelayId, ReleaseId, SenderEpoch};
use engine::{Planner, WaveKey};
use ledger::{LedgerError, ReleaseRow, ReleaseState};

use super::course::{Course, Given, choose};
use super::extend::Extension;
use super::{Premises, Prepared};
use crate::access::Access;
use crate::error::AppError;
use crate::list::{OwnedRow, stream};

/// The release as it stands in the books, frozen and rescheduled, and whether it may be sent.
pub async fn freeze(
    premises: &Premises,
    access: &Access,
    prepared: &Prepared,
    sender: SenderEpoch,
    relay: RelayId,
) -> Result<(ReleaseRow, ReleaseState), AppError> {
    let releases = premises.store.release_list(access.tenant()).await?;
    let given = Given {
        name: &prepared.name,
        content: prepared.content.digest(),
        list: prepared.scan.digest,
        again: prepared.request.again,
    };
    let freezer = Freezer { premises, access, prepared, sender };
    let (row, state) = match choose(releases, given)? {
        Course::Begin => (freezer.begin(relay, given).await?, ReleaseState::Active),
        Course::GoOnFreezing(row) => (freezer.first_wave(row).await?, ReleaseState::Active),
        Course::Resume(row, state) => (row, state),
        Course::Extend(row, state) => (freezer.further_wave(row).await?, state),
    };
    let row = freezer.reschedule(row, relay).await?;
    Ok((row, state))
}

struct Freezer<'a> {
    premises: &'a Premises,
    access: &'a Access,
    prepared: &'a Prepared,
    sender: SenderEpoch,
}

impl Freezer<'_> {
    async fn begin(&self, relay: RelayId, given: Given<'_>) -> Result<ReleaseRow, AppError> {
        let request = &self.prepared.request;
        let now = self.premises.clock.now();
        let bits = self.premises.entropy.bits().map_err(AppError::Entropy)?;
        let row = ReleaseRow {
            tenant: self.access.tenant(),
            release: ReleaseId::generate(now.as_millis(), bits),
            relay,
            name: given.name.to_owned(),
            content_digest: given.content,
            list_digest: given.list,
            lane: request.lane,
            policy: request.policy,
            retry_initial_ms: millis(request.retry_initial),
            deadline_at: now + request.deadline,
            created_at: now,
        };
        let parts = self.prepared.content.to_parts(&self.prepared.list.columns);
        self.premises.store.release_create(row.clone(), parts).await?;
        self.first_wave(row).await
    }

    async fn first_wave(&self, row: ReleaseRow) -> Result<ReleaseRow, AppError> {
        self.write_wave(&row, (1, IntentNo(1)), self.prepared.scan.audience, None).await?;
        Ok(row)
    }

    /// A wave of those who are not in the audience yet; none if all are.
    async fn further_wave(&self, row: ReleaseRow) -> Result<ReleaseRow, AppError> {
        let extension = Extension::find(&*self.premises.store, &row, self.prepared).await?;
        if extension.audience.count() == 0 {
            return Ok(row);
        }
        let (wave, last) = self.premises.store.audience_extent(row.tenant, row.release).await?;
        let place = (wave + 1, IntentNo(last.0 + 1));
        self.write_wave(&row, place, extension.audience, Some(&extension)).await?;
        Ok(ReleaseRow { list_digest: self.prepared.scan.digest, ..row })
    }

    async fn write_wave(
        &self,
        row: &ReleaseRow,
        (wave, first): (u16, IntentNo),
        audience: AudienceDigest,
        extension: Option<&Extension>,
    ) -> Result<(), AppError> {
        refuse_too_many(first, audience.count())?;
        let key = WaveKey { tenant: row.tenant, release: row.release, wave, sender: self.sender, first };
        let (store, clock) = (Arc::clone(&self.premises.store), Arc::clone(&self.premises.clock));
        let mut planner = Planner::start(store, clock, key).await?;
        let mut rows = stream(Arc::clone(&self.prepared.list), Arc::clone(&self.prepared.scan));
        let mut failure = None;
        while let Some(batch) = rows.next().await {
            if let Err(error) = add_batch(&mut planner, batch, extension).await {
                failure = Some(error);
                break;
            }
        }
        // The list's own failure explains more than what followed from it, and a failed store ends the reading.
        let read = rows.finish().await;
        failure.map_or(Ok(()), Err)?;
        read?;
        planner.seal(audience, self.prepared.scan.digest, self.premises.config.chunk_intents).await?;
        Ok(())
    }

    /// Gives the release its relay, deadline, retry schedule and policy of this call.
    async fn reschedule(&self, row: ReleaseRow, relay: RelayId) -> Result<ReleaseRow, AppError> {
        let request = &self.prepared.request;
        let row = ReleaseRow {
            relay,
            lane: request.lane,
            policy: request.policy,
            retry_initial_ms: millis(request.retry_initial),
            deadline_at: self.premises.clock.now() + request.deadline,
            ..row
        };
        let now = self.premises.clock.now();
        let wait = request.retry_initial.max(self.premises.config.tcp_user_timeout);
        self.premises.store.release_reschedule(&row, now + wait, now).await?;
        Ok(row)
    }
}

async fn add_batch(
    planner: &mut Planner,
    batch: Vec<OwnedRow>,
    extension: Option<&Extension>,
) -> Result<(), LedgerError> {
    for row in batch {
        match extension {
            None => planner.add(&row.address, &row.fields, row.suppression).await?,
            Some(extension) if extension.holds(row.index) => {
                planner.add(&row.address, &extension.fields(&row.fields), row.suppression).await?;
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// Intents are numbered with 32 bits within a release.
fn refuse_too_many(first: IntentNo, count: u64) -> Result<(), AppError> {
    let fits = u64::from(first.0).checked_add(count).is_some_and(|end| end <= u64::from(u32::MAX));
    if fits {
        Ok(())
    } else {
        Err(AppError::BadInput(
            "a release can have at most 4,294,967,295 recipients; split the list".to_owned(),
        ))
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
