//! Streams: see `ledger::stream`. One wave is stored, sealed and due in one transaction.

use async_trait::async_trait;
use domain::{ReleaseId, TenantId};
use ledger::store::Stored;
use ledger::{AudienceSeal, ContentPart, IntentBatch, LedgerError, ReleaseState, StreamStore, StreamWave};
use rusqlite::params;

use crate::columns::wide;
use crate::directory::no_release;
use crate::draft::Draft;
use crate::failure::Failure;
use crate::lease::release_state;
use crate::plan::{insert_content, insert_rows, start_wave};
use crate::queries;
use crate::seal::{digest_part, seal_rows};
use crate::store::SqliteStore;

#[async_trait]
impl StreamStore for SqliteStore {
    async fn stream_append(&self, wave: StreamWave) -> Stored<()> {
        const OPERATION: &str = "storing a wave of a stream";
        wave.check(OPERATION)?;
        let (parts, batch, seal) = wave.split();
        let rows = 2 * batch.intents.len() + parts.len() + 2;
        self.write(OPERATION, rows, move |draft| append(draft, &parts, &batch, &seal)).await
    }

    async fn content_range(
        &self,
        tenant: TenantId,
        release: ReleaseId,
        first: u32,
        last: u32,
    ) -> Stored<Vec<ContentPart>> {
        self.read("reading content", move |connection| {
            let mut list = connection.prepare_cached(queries::CONTENT_PART_RANGE)?;
            let parts = list.query_map(params![wide(tenant.0), wide(release.0), first, last], |row| {
                Ok(ContentPart { part_no: row.get(0)?, name: row.get(1)?, bytes: row.get(2)? })
            })?;
            Ok(parts.collect::<Result<_, _>>()?)
        })
        .await
    }
}

fn append(
    draft: &mut Draft<'_>,
    parts: &[ContentPart],
    batch: &IntentBatch,
    seal: &AudienceSeal,
) -> Result<(), Failure> {
    let (tenant, release) = (batch.tenant, batch.release);
    let state = release_state(draft.connection(), tenant, release)?.ok_or_else(no_release)?;
    if state == ReleaseState::Cancelled {
        return Err(Failure::refused("the stream is cancelled"));
    }
    start_wave(draft, batch)?;
    insert_rows(draft, batch)?;
    insert_content(draft, (tenant, release), parts)?;
    let range = batch.range();
    let stored = digest_part(draft.connection(), tenant, release, range)?;
    if stored != seal.digest {
        return Err(LedgerError::AudienceMismatch { release, counted: seal.digest, stored }.into());
    }
    seal_rows(draft, seal, range, &batch.suppressed())?;
    if state == ReleaseState::Planning {
        let values = params![wide(tenant.0), wide(release.0), seal.now.as_millis()];
        draft.prepare(queries::RELEASE_STATE_BEGIN)?.execute(values)?;
    }
    Ok(())
}
