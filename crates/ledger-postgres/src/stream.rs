//! Streams: see `ledger::stream`. One wave is stored, sealed and due in one transaction.

use std::sync::Arc;

use async_trait::async_trait;
use domain::{IntentNo, ReleaseId, TenantId};
use futures_util::future::{try_join3, try_join4};
use ledger::store::Stored;
use ledger::{
    AudienceSeal, Book, ContentPart, IntentBatch, LedgerError, ReleaseState, StreamStore, StreamWave,
};

use crate::columns::Columns;
use crate::connection::Values;
use crate::directory::{content_part, no_release};
use crate::draft::Draft;
use crate::failure::Failure;
use crate::plan::{enter, extent, insert_content, insert_rows, intent_last, wave_insert};
use crate::queries;
use crate::seal::{count, digest_of, next_chunk, seal_rows};
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

/// Where a stream stands.
struct Place {
    state: ReleaseState,
    /// The highest sealed wave, and its last intent.
    sealed: (u16, IntentNo),
    /// The highest intent of all.
    last: u32,
    /// The number of its next chunk.
    next: u32,
}

/// What is looked at, all sent at once; the state does not change before the commit.
async fn look(draft: &Draft, tenant: TenantId, release: ReleaseId) -> Result<Place, Failure> {
    let state = async {
        let row = draft.row(queries::RELEASE_STATE_SHARE, &[&wide(tenant.0), &wide(release.0)]).await?;
        Columns(&row.ok_or_else(no_release)?).coded(0, ReleaseState::from_code)
    };
    let (state, sealed, last, next) = try_join4(
        state,
        extent(draft, tenant, release),
        intent_last(draft, tenant, release),
        next_chunk(draft, tenant, release),
    )
    .await?;
    Ok(Place { state, sealed, last, next })
}

async fn append(
    draft: &mut Draft,
    parts: &[ContentPart],
    batch: &IntentBatch,
    seal: AudienceSeal,
) -> Result<(), Failure> {
    let release = batch.release;
    prepare(draft).await?;
    let place = look(draft, batch.tenant, release).await?;
    if place.state == ReleaseState::Cancelled {
        return Err(Failure::refused("the stream is cancelled"));
    }
    let first = batch.starts_behind(place.sealed.0, place.sealed.1).map_err(Failure::refused)?;
    batch.follows(place.last).map_err(Failure::refused)?;
    let link_no = draft.link_no(Book::Intents, batch.sender).await?;
    let (range, suppressed) = (batch.range(), batch.suppressed());
    // All is sent in this order, before the first is answered: what is read is what was just stored.
    let rows = try_join3(
        insert_content(draft, (batch.tenant, release), parts),
        wave_insert(draft, batch, first),
        insert_rows(draft, batch, link_no),
    );
    let (_, stored, ()) = try_join3(
        rows,
        digest_of(draft, batch.tenant, release, range),
        end(draft, &seal, place, range, &suppressed),
    )
    .await?;
    if stored != seal.digest {
        return Err(LedgerError::AudienceMismatch { release, counted: seal.digest, stored }.into());
    }
    enter(draft, batch);
    count(draft, &seal, range, &suppressed);
    Ok(())
}

/// Chunk and seal, the beginning of a stream that was planned, and the hint to who sends.
async fn end(
    draft: &Draft,
    seal: &AudienceSeal,
    place: Place,
    range: (u32, u32),
    suppressed: &[u32],
) -> Result<(), Failure> {
    let begin = async {
        if place.state != ReleaseState::Planning {
            return Ok(0);
        }
        let values: Values<'_> = &[&wide(seal.tenant.0), &wide(seal.release.0), &whole(seal.now.as_millis())];
        draft.execute(queries::RELEASE_STATE_BEGIN, values).await
    };
    let sealed = seal_rows(draft, seal, range, suppressed, place.next);
    try_join3(sealed, begin, draft.execute(queries::WORK_NOTIFY, &[])).await.map(drop)
}

/// Statements that are prepared are sent in the order in which they are asked for.
async fn prepare(draft: &Draft) -> Result<(), Failure> {
    for sql in [
        queries::RELEASE_STATE_SHARE,
        queries::AUDIENCE_EXTENT,
        queries::INTENT_LAST,
        queries::DELIVERY_CHUNK_NEXT_NO,
        queries::CONTENT_PART_INSERT,
        queries::AUDIENCE_WAVE_INSERT,
        queries::INTENT_INSERT,
        queries::RECIPIENT_INSERT,
        queries::RECIPIENT_RANGE,
        queries::DELIVERY_CHUNK_INSERT,
        queries::AUDIENCE_WAVE_SEAL,
        queries::RELEASE_STATE_BEGIN,
        queries::WORK_NOTIFY,
    ] {
        draft.prepare(sql).await?;
    }
    Ok(())
}
