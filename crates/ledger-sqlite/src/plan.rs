//! Freezing an audience: intents with their recipients in runs, then the seal that compares them with the list.
//!
//! The seal reads every row again on reading connections, some ranges at a time: rows of the books never change,
//! so nothing that it read can be stale when the writer acts on it.

use async_trait::async_trait;
use domain::{AudienceDigest, IntentNo, ReleaseId, TenantId};
use ledger::rows::comparison_key;
use ledger::store::Stored;
use ledger::{AudienceSeal, Book, ContentPart, IntentBatch, PlanStore, ReleaseRow, ReleaseState};
use rusqlite::{Connection, OptionalExtension, params};

use crate::columns::wide;
use crate::directory::no_release;
use crate::draft::Draft;
use crate::failure::Failure;
use crate::lease::release_state;
use crate::queries;
use crate::seal;
use crate::store::SqliteStore;

#[async_trait]
impl PlanStore for SqliteStore {
    async fn release_create(&self, row: ReleaseRow, content: Vec<ContentPart>) -> Stored<()> {
        self.write("storing a release", 1, move |draft| release_create(draft, &row, &content)).await
    }

    async fn intent_count(&self, tenant: TenantId, release: ReleaseId, wave: u16) -> Stored<u32> {
        self.read("counting intents", move |connection| intent_count(connection, tenant, release, wave)).await
    }

    async fn intent_insert_batch(&self, batch: IntentBatch) -> Stored<()> {
        let rows = 2 * batch.intents.len();
        self.write("storing intents", rows, move |draft| intent_insert_batch(draft, &batch)).await
    }

    async fn audience_extent(&self, tenant: TenantId, release: ReleaseId) -> Stored<(u16, IntentNo)> {
        self.read("reading the audience's extent", move |connection| extent(connection, tenant, release))
            .await
    }

    async fn audience_seal(&self, seal: AudienceSeal) -> Stored<AudienceDigest> {
        seal::seal(self, seal).await
    }

    async fn audience_contains(
        &self,
        tenant: TenantId,
        release: ReleaseId,
        addresses: Vec<String>,
    ) -> Stored<Vec<bool>> {
        self.read("looking addresses up", move |connection| contains(connection, tenant, release, &addresses))
            .await
    }
}

fn release_create(draft: &Draft<'_>, row: &ReleaseRow, content: &[ContentPart]) -> Result<(), Failure> {
    let (tenant, release) = (wide(row.tenant.0), wide(row.release.0));
    draft.prepare(queries::RELEASE_INSERT)?.execute(params![
        tenant,
        release,
        wide(row.relay.0),
        row.name,
        row.content_digest,
        row.lane.code(),
        row.created_at.as_millis()
    ])?;
    draft.prepare(queries::RELEASE_STATE_INSERT)?.execute(params![
        tenant,
        release,
        ReleaseState::Planning.code(),
        row.created_at.as_millis(),
        row.list_digest,
        row.policy.word(),
        wide(row.retry_initial_ms),
        row.deadline_at.as_millis()
    ])?;
    draft.prepare(queries::COUNTER_INSERT)?.execute(params![tenant, release])?;
    insert_content(draft, (row.tenant, row.release), content)
}

pub(crate) fn insert_content(
    draft: &Draft<'_>,
    (tenant, release): (TenantId, ReleaseId),
    content: &[ContentPart],
) -> Result<(), Failure> {
    let (tenant, release) = (wide(tenant.0), wide(release.0));
    let mut insert = draft.prepare(queries::CONTENT_PART_INSERT)?;
    for part in content {
        insert.execute(params![tenant, release, part.part_no, part.name, part.bytes])?;
    }
    Ok(())
}

/// One wave's place in a release; `last` is known once it is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wave {
    pub first: u32,
    pub last: Option<u32>,
    pub digest: Option<[u8; 32]>,
}

pub(crate) fn wave_get(
    connection: &Connection,
    tenant: TenantId,
    release: ReleaseId,
    wave: u16,
) -> Result<Option<Wave>, Failure> {
    let mut get = connection.prepare_cached(queries::AUDIENCE_WAVE_GET)?;
    let row = get.query_row(params![wide(tenant.0), wide(release.0), wave], |row| {
        Ok(Wave { first: row.get(0)?, last: row.get(1)?, digest: row.get(2)? })
    });
    Ok(row.optional()?)
}

/// The highest intent number stored, sealed or not.
pub(crate) fn intent_last(
    connection: &Connection,
    tenant: TenantId,
    release: ReleaseId,
) -> Result<u32, Failure> {
    let mut last = connection.prepare_cached(queries::INTENT_LAST)?;
    Ok(last.query_row(params![wide(tenant.0), wide(release.0)], |row| row.get(0))?)
}

fn intent_count(
    connection: &Connection,
    tenant: TenantId,
    release: ReleaseId,
    wave: u16,
) -> Result<u32, Failure> {
    let Some(place) = wave_get(connection, tenant, release, wave)? else { return Ok(0) };
    let last = match place.last {
        Some(last) => last,
        None => intent_last(connection, tenant, release)?,
    };
    Ok(last + 1 - place.first)
}

fn extent(connection: &Connection, tenant: TenantId, release: ReleaseId) -> Result<(u16, IntentNo), Failure> {
    let mut extent = connection.prepare_cached(queries::AUDIENCE_EXTENT)?;
    let key = params![wide(tenant.0), wide(release.0)];
    Ok(extent.query_row(key, |row| Ok((row.get(0)?, IntentNo(row.get(1)?))))?)
}

fn intent_insert_batch(draft: &mut Draft<'_>, batch: &IntentBatch) -> Result<(), Failure> {
    if batch.intents.is_empty() {
        return Ok(());
    }
    release_state(draft.connection(), batch.tenant, batch.release)?.ok_or_else(no_release)?;
    match wave_get(draft.connection(), batch.tenant, batch.release, batch.wave)? {
        Some(Wave { last: Some(_), .. }) => return Err(Failure::refused("the wave is sealed")),
        Some(_) => {}
        None => start_wave(draft, batch)?,
    }
    insert_rows(draft, batch)
}

/// Notes where a wave starts: behind the sealed one before it.
pub(crate) fn start_wave(draft: &Draft<'_>, batch: &IntentBatch) -> Result<(), Failure> {
    let (sealed, last) = extent(draft.connection(), batch.tenant, batch.release)?;
    let first = batch.starts_behind(sealed, last).map_err(Failure::refused)?;
    let values = params![wide(batch.tenant.0), wide(batch.release.0), batch.wave, first.0];
    draft.prepare(queries::AUDIENCE_WAVE_INSERT)?.execute(values)?;
    Ok(())
}

/// Adds the batch's intents and recipients behind those that stand.
pub(crate) fn insert_rows(draft: &mut Draft<'_>, batch: &IntentBatch) -> Result<(), Failure> {
    let last = intent_last(draft.connection(), batch.tenant, batch.release)?;
    batch.follows(last).map_err(Failure::refused)?;
    insert_intents(draft, batch)?;
    insert_recipients(draft, batch)?;
    let share = draft.entries.share(batch.tenant, batch.sender, batch.now);
    share.intents.extend(
        batch
            .intents
            .iter()
            .map(|row| ((batch.tenant, batch.release, row.intent), batch.wave, row.suppression)),
    );
    Ok(())
}

fn insert_intents(draft: &mut Draft<'_>, batch: &IntentBatch) -> Result<(), Failure> {
    let link_no = draft.link_no(Book::Intents, batch.tenant, batch.sender)?;
    let (tenant, release, sender) = (wide(batch.tenant.0), wide(batch.release.0), wide(batch.sender.0));
    let mut insert = draft.prepare(queries::INTENT_INSERT)?;
    for row in &batch.intents {
        let why = row.suppression.map_or(0, domain::SuppressionReason::code);
        insert.execute(params![tenant, release, row.intent.0, batch.wave, why, sender, link_no])?;
    }
    Ok(())
}

fn insert_recipients(draft: &Draft<'_>, batch: &IntentBatch) -> Result<(), Failure> {
    let (tenant, release) = (wide(batch.tenant.0), wide(batch.release.0));
    let mut insert = draft.prepare(queries::RECIPIENT_INSERT)?;
    for row in &batch.intents {
        insert.execute(params![tenant, release, row.intent.0, row.address, row.fields])?;
    }
    Ok(())
}

fn contains(
    connection: &Connection,
    tenant: TenantId,
    release: ReleaseId,
    addresses: &[String],
) -> Result<Vec<bool>, Failure> {
    let mut asked: std::collections::HashMap<&str, bool> =
        addresses.iter().map(|address| (address.as_str(), false)).collect();
    // A wave that is still being written is no audience yet: an interrupted extension must find it new again.
    let (_, last) = extent(connection, tenant, release)?;
    let mut recipients = connection.prepare_cached(queries::RECIPIENT_RANGE)?;
    let mut rows = recipients.query(params![wide(tenant.0), wide(release.0), 0, last.0])?;
    while let Some(row) = rows.next()? {
        let key = comparison_key(row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?);
        if let Some(found) = asked.get_mut(key.as_str()) {
            *found = true;
        }
    }
    Ok(addresses.iter().map(|address| asked.get(address.as_str()).copied().unwrap_or(false)).collect())
}
