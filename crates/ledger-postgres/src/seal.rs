//! The seal of a wave: its rows, read again and digested, against what the list's reader counted.
//!
//! Equal: the wave gets its chunks, the counters, and the release becomes active. Not equal: nothing changes. Rows of
//! the books never change, so nothing that was read can be stale when it is acted on.

use domain::{AudienceDigest, ReleaseId, TenantId};
use futures_util::TryStreamExt as _;
use futures_util::future::try_join;
use ledger::{AudienceSeal, LedgerError, recipient_hash};

use crate::columns::Columns;
use crate::connection::{Connection, Values};
use crate::directory::no_release;
use crate::draft::Draft;
use crate::failure::Failure;
use crate::lease::release_state;
use crate::plan::{intent_last, wave_get};
use crate::queries;
use crate::store::{PostgresStore, Write};
use crate::values::{Whole, whole, wide};

const OPERATION: &str = "sealing an audience";
/// Intents in a chunk, whatever is asked for.
const CHUNK_INTENTS_MAX: u32 = 65_536;

/// Compares and, if all is well, seals. A wave that is sealed with the same digest already is left as it is.
pub(crate) async fn seal(store: &PostgresStore, seal: AudienceSeal) -> Result<AudienceDigest, LedgerError> {
    let (stored, place) = store.read(OPERATION, move |connection| Box::pin(look(connection, seal))).await?;
    if stored != seal.digest {
        return Err(LedgerError::AudienceMismatch { release: seal.release, counted: seal.digest, stored });
    }
    let write = Write { operation: OPERATION, tenant: seal.tenant, at: seal.now };
    store.write(write, move |draft| Box::pin(write_seal(draft, seal, place))).await?;
    Ok(stored)
}

/// The digest over the wave's rows, and its first and last intent; last below first when it has none.
async fn look(connection: &Connection, seal: AudienceSeal) -> Result<(AudienceDigest, (u32, u32)), Failure> {
    release_state(connection, seal.tenant, seal.release).await?.ok_or_else(no_release)?;
    let place = match wave_get(connection, seal.tenant, seal.release, seal.wave).await? {
        None => (1, 0),
        Some(wave) => match wave.last {
            Some(last) => (wave.first, last),
            None => (wave.first, intent_last(connection, seal.tenant, seal.release).await?),
        },
    };
    Ok((digest_of(connection, seal.tenant, seal.release, place).await?, place))
}

/// The digest over a run of recipients.
pub(crate) async fn digest_of(
    connection: &Connection,
    tenant: TenantId,
    release: ReleaseId,
    (first, last): (u32, u32),
) -> Result<AudienceDigest, Failure> {
    let mut digest = AudienceDigest::default();
    let values: Values<'_> = &[&wide(tenant.0), &wide(release.0), &whole(first), &whole(last)];
    let mut rows = connection.stream(queries::RECIPIENT_RANGE, values).await?;
    while let Some(row) = rows.try_next().await? {
        digest.add(&recipient_hash(Columns(&row).value(1)?, Columns(&row).value(2)?));
    }
    Ok(digest)
}

async fn write_seal(draft: &mut Draft, seal: AudienceSeal, (first, last): (u32, u32)) -> Result<(), Failure> {
    let Some(wave) = wave_get(draft, seal.tenant, seal.release, seal.wave).await? else {
        return Err(Failure::refused("an audience without recipients"));
    };
    if wave.last.is_some() {
        return Ok(());
    }
    if intent_last(draft, seal.tenant, seal.release).await? != last {
        return Err(Failure::refused("intents were added while the audience was sealed"));
    }
    let suppressed = suppressed(draft, &seal, (first, last)).await?;
    let next = next_chunk(draft, seal.tenant, seal.release).await?;
    seal_rows(draft, &seal, (first, last), &suppressed, next).await?;
    let (tenant, release, now) = (wide(seal.tenant.0), wide(seal.release.0), whole(seal.now.as_millis()));
    let list = seal.list_digest.as_slice();
    draft.execute(queries::RELEASE_STATE_SEAL, &[&tenant, &release, &list, &now]).await?;
    count(draft, &seal, (first, last), &suppressed);
    Ok(())
}

/// The number of the release's next chunk.
pub(crate) async fn next_chunk(draft: &Draft, tenant: TenantId, release: ReleaseId) -> Result<u32, Failure> {
    let row = draft.one(queries::DELIVERY_CHUNK_NEXT_NO, &[&wide(tenant.0), &wide(release.0)]).await?;
    Columns(&row).number(0)
}

/// Sends the chunks and the seal of a wave; those of its intents that are not owed are given.
pub(crate) async fn seal_rows(
    draft: &Draft,
    seal: &AudienceSeal,
    (first, last): (u32, u32),
    suppressed: &[u32],
    next: u32,
) -> Result<(), Failure> {
    let (tenant, release, now) = (wide(seal.tenant.0), wide(seal.release.0), whole(seal.now.as_millis()));
    let digest = seal.digest.to_bytes();
    let (wave, end, digest) = (whole(seal.wave), whole(last), digest.as_slice());
    let values: Values<'_> = &[&tenant, &release, &wave, &end, &digest, &now];
    let sealed = draft.execute(queries::AUDIENCE_WAVE_SEAL, values);
    try_join(insert_chunks(draft, seal, (first, last), suppressed, next), sealed).await.map(drop)
}

/// The totals that the commit will add.
pub(crate) fn count(draft: &mut Draft, seal: &AudienceSeal, (first, last): (u32, u32), suppressed: &[u32]) {
    let tally = draft.entries.tally(seal.tenant, seal.release);
    tally.sealed(i64::from(last - first + 1), i64::try_from(suppressed.len()).unwrap_or(i64::MAX));
}

/// The wave's intents that are not owed, in order.
async fn suppressed(
    draft: &Draft,
    seal: &AudienceSeal,
    (first, last): (u32, u32),
) -> Result<Vec<u32>, Failure> {
    let values: Values<'_> = &[&wide(seal.tenant.0), &wide(seal.release.0), &whole(first), &whole(last)];
    let rows = draft.rows(queries::INTENT_SUPPRESSED_RANGE, values).await?;
    rows.iter().map(|row| Columns(row).number(0)).collect()
}

/// Cuts the wave into chunks that are due now; a chunk in which nobody is owed anything is done.
async fn insert_chunks(
    draft: &Draft,
    seal: &AudienceSeal,
    (first, last): (u32, u32),
    suppressed: &[u32],
    next: u32,
) -> Result<(), Failure> {
    let (tenant, release) = (wide(seal.tenant.0), wide(seal.release.0));
    let length = seal.chunk_intents.clamp(1, CHUNK_INTENTS_MAX);
    let mut no = next;
    let (mut numbers, mut firsts, mut lasts) = (Vec::new(), Vec::new(), Vec::new());
    let mut due: Vec<Option<Whole>> = Vec::new();
    let (mut sealed, mut counts, mut accounted) = (Vec::new(), Vec::new(), Vec::new());
    let (mut start, mut suppressed) = (first, suppressed);
    while start <= last {
        let end = start.saturating_add(length - 1).min(last);
        let (within, behind) = suppressed.split_at(suppressed.partition_point(|intent| *intent <= end));
        suppressed = behind;
        let chunk = seal.chunk((start, end), within);
        numbers.push(whole(no));
        firsts.push(whole(start));
        lasts.push(whole(end));
        due.push(chunk.due_at.map(|at| whole(at.as_millis())));
        sealed.push(chunk.sealed.to_bytes().to_vec());
        counts.push(wide(chunk.accounted.count()));
        accounted.push(chunk.accounted.to_bytes().to_vec());
        no += 1;
        start = end + 1;
    }
    let values: Values<'_> =
        &[&tenant, &release, &numbers, &firsts, &lasts, &due, &sealed, &counts, &accounted];
    draft.execute(queries::DELIVERY_CHUNK_INSERT, values).await.map(drop)
}
