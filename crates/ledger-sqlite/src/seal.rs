//! The seal of a wave: its rows, read again and digested, against what the list's reader counted.
//!
//! Equal: the wave gets its chunks, the counters, and the release becomes active. Not equal: nothing changes.

use domain::{AudienceDigest, ReleaseId, TenantId, Timestamp};
use ledger::{AudienceSeal, LedgerError, recipient_hash};
use rusqlite::{Connection, params};

use crate::columns::wide;
use crate::directory::no_release;
use crate::draft::Draft;
use crate::failure::Failure;
use crate::lease::release_state;
use crate::plan::{intent_last, wave_get};
use crate::queries;
use crate::store::SqliteStore;

const OPERATION: &str = "sealing an audience";
/// Rows of a part that is digested by itself.
const PART_ROWS: u32 = 131_072;
/// Intents in a chunk, whatever is asked for.
const CHUNK_INTENTS_MAX: u32 = 65_536;

/// Compares and, if all is well, seals. A wave that is sealed with the same digest already is left as it is.
pub(crate) async fn seal(store: &SqliteStore, seal: AudienceSeal) -> Result<AudienceDigest, LedgerError> {
    let place = store.read(OPERATION, move |connection| wave_range(connection, &seal)).await?;
    let stored = digest_of(store, &seal, place).await?;
    if stored != seal.digest {
        return Err(LedgerError::AudienceMismatch { release: seal.release, counted: seal.digest, stored });
    }
    store.write(OPERATION, 4096, move |draft| write_seal(draft, &seal, place)).await?;
    Ok(stored)
}

/// First and last intent of the wave; last below first when it has none.
fn wave_range(connection: &Connection, seal: &AudienceSeal) -> Result<(u32, u32), Failure> {
    release_state(connection, seal.tenant, seal.release)?.ok_or_else(no_release)?;
    match wave_get(connection, seal.tenant, seal.release, seal.wave)? {
        None => Ok((1, 0)),
        Some(wave) => Ok((
            wave.first,
            wave.last.map_or_else(|| intent_last(connection, seal.tenant, seal.release), Ok)?,
        )),
    }
}

/// The digest over the wave's rows, in parts that are read side by side.
async fn digest_of(
    store: &SqliteStore,
    seal: &AudienceSeal,
    (first, last): (u32, u32),
) -> Result<AudienceDigest, LedgerError> {
    let (tenant, release) = (seal.tenant, seal.release);
    let mut whole = AudienceDigest::default();
    let mut start = first;
    while start <= last {
        let middle = start.saturating_add(PART_ROWS - 1).min(last);
        let end = middle.saturating_add(PART_ROWS).min(last);
        let early = store
            .read(OPERATION, move |connection| digest_part(connection, tenant, release, (start, middle)));
        let late = store
            .read(OPERATION, move |connection| digest_part(connection, tenant, release, (middle + 1, end)));
        let (early, late) = tokio::join!(early, late);
        whole.join(&early?);
        whole.join(&late?);
        start = end + 1;
    }
    Ok(whole)
}

/// The digest over a run of recipients that must each have their intent.
pub(crate) fn digest_part(
    connection: &Connection,
    tenant: TenantId,
    release: ReleaseId,
    (first, last): (u32, u32),
) -> Result<AudienceDigest, Failure> {
    let mut digest = AudienceDigest::default();
    let mut recipients = connection.prepare_cached(queries::RECIPIENT_RANGE)?;
    let mut rows = recipients.query(params![wide(tenant.0), wide(release.0), first, last])?;
    while let Some(row) = rows.next()? {
        let text = |column| -> Result<&str, Failure> {
            Ok(row.get_ref(column)?.as_str().map_err(rusqlite::Error::from)?)
        };
        digest.add(&recipient_hash(text(1)?, text(2)?));
    }
    Ok(digest)
}

fn write_seal(draft: &mut Draft<'_>, seal: &AudienceSeal, (first, last): (u32, u32)) -> Result<(), Failure> {
    let Some(wave) = wave_get(draft.connection(), seal.tenant, seal.release, seal.wave)? else {
        return Err(Failure::refused("an audience without recipients"));
    };
    if wave.last.is_some() {
        return Ok(());
    }
    if intent_last(draft.connection(), seal.tenant, seal.release)? != last {
        return Err(Failure::refused("intents were added while the audience was sealed"));
    }
    let suppressed = suppressed(draft, seal, (first, last))?;
    seal_rows(draft, seal, (first, last), &suppressed)?;
    let (tenant, release) = (wide(seal.tenant.0), wide(seal.release.0));
    let state = params![tenant, release, seal.list_digest, seal.now.as_millis()];
    draft.prepare(queries::RELEASE_STATE_SEAL)?.execute(state)?;
    Ok(())
}

/// Chunks and totals of a wave whose rows were compared, with those of its intents that are not owed.
pub(crate) fn seal_rows(
    draft: &mut Draft<'_>,
    seal: &AudienceSeal,
    (first, last): (u32, u32),
    suppressed: &[u32],
) -> Result<(), Failure> {
    let (tenant, release) = (wide(seal.tenant.0), wide(seal.release.0));
    insert_chunks(draft, seal, (first, last), suppressed)?;
    let sealed = params![tenant, release, seal.wave, last, seal.digest.to_bytes(), seal.now.as_millis()];
    draft.prepare(queries::AUDIENCE_WAVE_SEAL)?.execute(sealed)?;
    let tally = draft.entries.tally(seal.tenant, seal.release);
    tally.sealed(i64::from(last - first + 1), i64::try_from(suppressed.len()).unwrap_or(i64::MAX));
    Ok(())
}

/// The wave's intents that are not owed, in order.
fn suppressed(
    draft: &Draft<'_>,
    seal: &AudienceSeal,
    (first, last): (u32, u32),
) -> Result<Vec<u32>, Failure> {
    let mut list = draft.prepare(queries::INTENT_SUPPRESSED_RANGE)?;
    let range = params![wide(seal.tenant.0), wide(seal.release.0), first, last];
    Ok(list.query_map(range, |row| row.get(0))?.collect::<Result<_, _>>()?)
}

/// Cuts the wave into chunks that are due now; a chunk in which nobody is owed anything is done.
fn insert_chunks(
    draft: &Draft<'_>,
    seal: &AudienceSeal,
    (first, last): (u32, u32),
    suppressed: &[u32],
) -> Result<(), Failure> {
    let (tenant, release) = (wide(seal.tenant.0), wide(seal.release.0));
    let length = seal.chunk_intents.clamp(1, CHUNK_INTENTS_MAX);
    let mut no: u32 = draft
        .prepare(queries::DELIVERY_CHUNK_NEXT_NO)?
        .query_row(params![tenant, release], |row| row.get(0))?;
    let mut insert = draft.prepare(queries::DELIVERY_CHUNK_INSERT)?;
    let mut start = first;
    let mut suppressed = suppressed;
    while start <= last {
        let end = start.saturating_add(length - 1).min(last);
        let (within, behind) = suppressed.split_at(suppressed.partition_point(|intent| *intent <= end));
        suppressed = behind;
        let chunk = seal.chunk((start, end), within);
        insert.execute(params![
            tenant,
            release,
            no,
            start,
            end,
            chunk.due_at.map(Timestamp::as_millis),
            chunk.sealed.to_bytes(),
            wide(chunk.accounted.count()),
            chunk.accounted.to_bytes()
        ])?;
        no += 1;
        start = end + 1;
    }
    Ok(())
}
