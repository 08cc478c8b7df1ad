//! Freezing an audience: intents with their recipients in runs, then the seal that compares them with the list.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use domain::{AudienceDigest, IntentNo, ReleaseId, TenantId};
use futures_util::TryStreamExt as _;
use futures_util::future::try_join;
use ledger::rows::comparison_key;
use ledger::store::Stored;
use ledger::{AudienceSeal, Book, ContentPart, IntentBatch, PlanStore, ReleaseRow, ReleaseState};

use crate::columns::Columns;
use crate::connection::{Connection, Values};
use crate::directory::no_release;
use crate::draft::Draft;
use crate::failure::Failure;
use crate::lease::release_state;
use crate::store::{PostgresStore, Write};
use crate::values::{whole, wide};
use crate::{queries, seal};

#[async_trait]
impl PlanStore for PostgresStore {
    async fn release_create(&self, row: ReleaseRow, content: Vec<ContentPart>) -> Stored<()> {
        let write = Write { operation: "storing a release", tenant: row.tenant, at: row.created_at };
        let whole = Arc::new((row, content));
        self.write(write, move |draft| {
            let whole = Arc::clone(&whole);
            Box::pin(async move { release_create(draft, &whole.0, &whole.1).await })
        })
        .await
    }

    async fn intent_count(&self, tenant: TenantId, release: ReleaseId, wave: u16) -> Stored<u32> {
        self.read("counting intents", move |connection| {
            Box::pin(intent_count(connection, tenant, release, wave))
        })
        .await
    }

    async fn intent_insert_batch(&self, batch: IntentBatch) -> Stored<()> {
        let write = Write { operation: "storing intents", tenant: batch.tenant, at: batch.now };
        let batch = Arc::new(batch);
        self.write(write, move |draft| {
            let batch = Arc::clone(&batch);
            Box::pin(async move { intent_insert_batch(draft, &batch).await })
        })
        .await
    }

    async fn audience_extent(&self, tenant: TenantId, release: ReleaseId) -> Stored<(u16, IntentNo)> {
        self.read("reading the audience's extent", move |connection| {
            Box::pin(extent(connection, tenant, release))
        })
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
        let addresses = Arc::new(addresses);
        self.read("looking addresses up", move |connection| {
            let addresses = Arc::clone(&addresses);
            Box::pin(async move { contains(connection, tenant, release, &addresses).await })
        })
        .await
    }
}

async fn release_create(draft: &Draft, row: &ReleaseRow, content: &[ContentPart]) -> Result<(), Failure> {
    let (tenant, release, relay) = (wide(row.tenant.0), wide(row.release.0), wide(row.relay.0));
    let created_at = whole(row.created_at.as_millis());
    let (content_digest, list_digest) = (row.content_digest.as_slice(), row.list_digest.as_slice());
    let values: Values<'_> =
        &[&tenant, &release, &relay, &row.name, &content_digest, &whole(row.lane.code()), &created_at];
    draft.execute(queries::RELEASE_INSERT, values).await?;
    let values: Values<'_> = &[
        &tenant,
        &release,
        &whole(ReleaseState::Planning.code()),
        &created_at,
        &list_digest,
        &row.policy.word(),
        &wide(row.retry_initial_ms),
        &whole(row.deadline_at.as_millis()),
    ];
    draft.execute(queries::RELEASE_STATE_INSERT, values).await?;
    draft.execute(queries::COUNTER_INSERT, &[&tenant, &release]).await?;
    insert_content(draft, (row.tenant, row.release), content).await
}

/// One wave's place in a release; `last` is known once it is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wave {
    pub first: u32,
    pub last: Option<u32>,
}

pub(crate) async fn wave_get(
    connection: &Connection,
    tenant: TenantId,
    release: ReleaseId,
    wave: u16,
) -> Result<Option<Wave>, Failure> {
    let key = (wide(tenant.0), wide(release.0), whole(wave));
    let row = connection.row(queries::AUDIENCE_WAVE_GET, &[&key.0, &key.1, &key.2]).await?;
    row.as_ref()
        .map(|row| Ok(Wave { first: Columns(row).number(0)?, last: Columns(row).number_or_null(1)? }))
        .transpose()
}

/// The highest intent number stored, sealed or not.
pub(crate) async fn intent_last(
    connection: &Connection,
    tenant: TenantId,
    release: ReleaseId,
) -> Result<u32, Failure> {
    let row = connection.one(queries::INTENT_LAST, &[&wide(tenant.0), &wide(release.0)]).await?;
    Columns(&row).number(0)
}

async fn intent_count(
    connection: &Connection,
    tenant: TenantId,
    release: ReleaseId,
    wave: u16,
) -> Result<u32, Failure> {
    let Some(place) = wave_get(connection, tenant, release, wave).await? else { return Ok(0) };
    let last = match place.last {
        Some(last) => last,
        None => intent_last(connection, tenant, release).await?,
    };
    Ok(last + 1 - place.first)
}

/// The highest sealed wave and the last intent of it.
pub(crate) async fn extent(
    connection: &Connection,
    tenant: TenantId,
    release: ReleaseId,
) -> Result<(u16, IntentNo), Failure> {
    let row = connection.one(queries::AUDIENCE_EXTENT, &[&wide(tenant.0), &wide(release.0)]).await?;
    Ok((Columns(&row).number(0)?, IntentNo(Columns(&row).number(1)?)))
}

async fn intent_insert_batch(draft: &mut Draft, batch: &IntentBatch) -> Result<(), Failure> {
    if batch.intents.is_empty() {
        return Ok(());
    }
    release_state(draft, batch.tenant, batch.release).await?.ok_or_else(no_release)?;
    let last = intent_last(draft, batch.tenant, batch.release).await?;
    batch.follows(last).map_err(Failure::refused)?;
    open_wave(draft, batch).await?;
    let link_no = draft.link_no(Book::Intents, batch.sender).await?;
    insert_rows(draft, batch, link_no).await?;
    enter(draft, batch);
    Ok(())
}

/// Notes where the wave starts, with its first run of intents; a sealed wave takes none any more.
async fn open_wave(draft: &Draft, batch: &IntentBatch) -> Result<(), Failure> {
    match wave_get(draft, batch.tenant, batch.release, batch.wave).await? {
        Some(Wave { last: Some(_), .. }) => Err(Failure::refused("the wave is sealed")),
        Some(_) => Ok(()),
        None => {
            let (sealed, last) = extent(draft, batch.tenant, batch.release).await?;
            wave_insert(draft, batch, batch.starts_behind(sealed, last).map_err(Failure::refused)?).await
        }
    }
}

pub(crate) async fn wave_insert(draft: &Draft, batch: &IntentBatch, first: IntentNo) -> Result<(), Failure> {
    let ids = (wide(batch.tenant.0), wide(batch.release.0));
    let values = (whole(batch.wave), whole(first.0));
    draft.execute(queries::AUDIENCE_WAVE_INSERT, &[&ids.0, &ids.1, &values.0, &values.1]).await.map(drop)
}

/// Sends the batch's intents and recipients, whose statements should be prepared.
pub(crate) async fn insert_rows(draft: &Draft, batch: &IntentBatch, link_no: u32) -> Result<(), Failure> {
    try_join(insert_intents(draft, batch, link_no), insert_recipients(draft, batch)).await.map(drop)
}

/// The batch's intents are rows of the book: the commit links them.
pub(crate) fn enter(draft: &mut Draft, batch: &IntentBatch) {
    let share = draft.entries.share(batch.tenant, batch.sender, batch.now);
    let entry =
        |row: &ledger::IntentRow| ((batch.tenant, batch.release, row.intent), batch.wave, row.suppression);
    share.intents.extend(batch.intents.iter().map(entry));
}

/// All parts in one statement.
pub(crate) async fn insert_content(
    draft: &Draft,
    (tenant, release): (TenantId, ReleaseId),
    content: &[ContentPart],
) -> Result<(), Failure> {
    let numbers: Vec<_> = content.iter().map(|part| whole(part.part_no)).collect();
    let names: Vec<_> = content.iter().map(|part| part.name.as_str()).collect();
    let octets: Vec<_> = content.iter().map(|part| part.bytes.as_slice()).collect();
    let values: Values<'_> = &[&wide(tenant.0), &wide(release.0), &numbers, &names, &octets];
    draft.execute(queries::CONTENT_PART_INSERT, values).await.map(drop)
}

async fn insert_intents(draft: &Draft, batch: &IntentBatch, link_no: u32) -> Result<(), Failure> {
    let link_no = whole(link_no);
    let ids = (wide(batch.tenant.0), wide(batch.release.0), wide(batch.sender.0));
    let intents: Vec<_> = batch.intents.iter().map(|row| whole(row.intent.0)).collect();
    let why = batch.intents.iter().map(|row| row.suppression.map_or(0, domain::SuppressionReason::code));
    let why: Vec<_> = why.map(whole).collect();
    let values: Values<'_> = &[&ids.0, &ids.1, &whole(batch.wave), &ids.2, &link_no, &intents, &why];
    let stored = draft.execute(queries::INTENT_INSERT, values).await?;
    if stored == batch.intents.len() as u64 { Ok(()) } else { Err(no_release()) }
}

async fn insert_recipients(draft: &Draft, batch: &IntentBatch) -> Result<(), Failure> {
    let intents: Vec<_> = batch.intents.iter().map(|row| whole(row.intent.0)).collect();
    let addresses: Vec<_> = batch.intents.iter().map(|row| row.address.as_str()).collect();
    let fields: Vec<_> = batch.intents.iter().map(|row| row.fields.as_str()).collect();
    let values: Values<'_> = &[&wide(batch.tenant.0), &wide(batch.release.0), &intents, &addresses, &fields];
    draft.execute(queries::RECIPIENT_INSERT, values).await.map(drop)
}

async fn contains(
    connection: &Connection,
    tenant: TenantId,
    release: ReleaseId,
    addresses: &[String],
) -> Result<Vec<bool>, Failure> {
    let mut asked: HashMap<&str, bool> = addresses.iter().map(|address| (address.as_str(), false)).collect();
    // A wave that is still being written is no audience yet: an interrupted extension must find it new again.
    let (_, last) = extent(connection, tenant, release).await?;
    let values: Values<'_> = &[&wide(tenant.0), &wide(release.0), &whole(0), &whole(last.0)];
    let mut rows = connection.stream(queries::RECIPIENT_RANGE, values).await?;
    while let Some(row) = rows.try_next().await? {
        let key = comparison_key(Columns(&row).value(1)?);
        if let Some(found) = asked.get_mut(key.as_str()) {
            *found = true;
        }
    }
    Ok(addresses.iter().map(|address| asked.get(address.as_str()).copied().unwrap_or(false)).collect())
}
