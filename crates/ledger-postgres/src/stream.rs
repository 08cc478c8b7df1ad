//! Streams: see `ledger::stream`. One wave is stored, sealed and due in one transaction.

use std::sync::Arc;

use async_trait::async_trait;
use domain::{ReleaseId, TenantId};
use ledger::store::Stored;
use ledger::{AudienceSeal, ContentPart, IntentBatch, LedgerError, ReleaseState, StreamStore, StreamWave};

use crate::columns::Columns;
use crate::connection::Values;
use crate::directory::{content_part, no_release};
use crate::draft::Draft;
use crate::failure::Failure;
use crate::lease::release_state;
use crate::plan::intent_insert_batch;
use crate::queries;
use crate::seal::{digest_of, release_begins, seal_rows};
use crate::store::{PostgresStore, Write};
use crate::values::{whole, wide};

#[async_trait]
impl StreamStore for PostgresStore {
    async fn stream_append(&self, wave: StreamWave) -> Stored<()> {
        const OPERATION: &str = "storing a wave of a stream";
        wave.check(OPERATION)?;
        let write = Write { operation: OPERATION, tenant: wave.tenant, at: wave.now };
        let wave = Arc::new(wave.split());
        self.write(write, move |draft| {
            let wave = Arc::clone(&wave);
            Box::pin(async move { append(draft, &wave.0, &wave.1, wave.2).await })
        })
        .await
    }

    async fn content_range(
        &self,
        tenant: TenantId,
        release: ReleaseId,
        first: u32,
        last: u32,
    ) -> Stored<Vec<ContentPart>> {
        self.read("reading content", move |connection| {
            Box::pin(async move {
                let values: Values<'_> = &[&wide(tenant.0), &wide(release.0), &whole(first), &whole(last)];
                let rows = connection.rows(queries::CONTENT_PART_RANGE, values).await?;
                rows.iter().map(|row| content_part(Columns(row))).collect()
            })
        })
        .await
    }
}

async fn append(
    draft: &mut Draft,
    parts: &[ContentPart],
    batch: &IntentBatch,
    seal: AudienceSeal,
) -> Result<(), Failure> {
    let (tenant, release) = (batch.tenant, batch.release);
    let state = release_state(draft, tenant, release).await?.ok_or_else(no_release)?;
    if state == ReleaseState::Cancelled {
        return Err(Failure::refused("the stream is cancelled"));
    }
    insert_parts(draft, batch, parts).await?;
    intent_insert_batch(draft, batch).await?;
    let (Some(first), Some(last)) = (batch.intents.first(), batch.intents.last()) else { return Ok(()) };
    let range = (first.intent.0, last.intent.0);
    let stored = digest_of(draft, tenant, release, range).await?;
    if stored != seal.digest {
        return Err(LedgerError::AudienceMismatch { release, counted: seal.digest, stored }.into());
    }
    seal_rows(draft, &seal, range).await?;
    if state == ReleaseState::Planning {
        release_begins(draft, &seal).await?;
    }
    draft.execute(queries::WORK_NOTIFY, &[]).await.map(drop)
}

async fn insert_parts(draft: &Draft, batch: &IntentBatch, parts: &[ContentPart]) -> Result<(), Failure> {
    let numbers: Vec<_> = parts.iter().map(|part| whole(part.part_no)).collect();
    let names: Vec<_> = parts.iter().map(|part| part.name.as_str()).collect();
    let octets: Vec<_> = parts.iter().map(|part| part.bytes.as_slice()).collect();
    let values: Values<'_> = &[&wide(batch.tenant.0), &wide(batch.release.0), &numbers, &names, &octets];
    draft.execute(queries::CONTENT_PART_INSERT_ALL, values).await.map(drop)
}
