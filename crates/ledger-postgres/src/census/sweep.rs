//! Makes chunks due again that nobody would have brought up, tenant by tenant, from the books.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::{ChunkNo, ReleaseId, TenantId, Timestamp};
use ledger::{Hole, LedgerError};

use crate::columns::Columns;
use crate::connection::Connection;
use crate::draft::Draft;
use crate::failure::Failure;
use crate::queries;
use crate::schedule::{Chunks, give_back};
use crate::store::{PostgresStore, Write};
use crate::values::whole;
use crate::walk::standing;

const OPERATION: &str = "sweeping for forgotten chunks";
/// Chunks that one sweep looks at.
const CHUNKS_MAX: u32 = 1024;

type ByTenant = BTreeMap<TenantId, Vec<(ReleaseId, ChunkNo)>>;

/// Nearly always one look at an index in which nothing stands.
pub(super) async fn sweep(store: &PostgresStore, now: Timestamp) -> Result<Vec<Hole>, LedgerError> {
    let holes = store.read(OPERATION, |connection| Box::pin(holes(connection))).await?;
    let mut found = Vec::new();
    for (tenant, chunks) in holes {
        let chunks = Arc::new(chunks);
        let write = Write { operation: OPERATION, tenant, at: now };
        let mended = store.write(write, move |draft| {
            let chunks = Arc::clone(&chunks);
            Box::pin(async move { mend(draft, tenant, &chunks, now).await })
        });
        found.append(&mut mended.await?);
    }
    Ok(found)
}

async fn holes(connection: &Connection) -> Result<ByTenant, Failure> {
    let mut holes = ByTenant::new();
    for row in &connection.rows(queries::DELIVERY_CHUNK_HOLE_LIST, &[&whole(CHUNKS_MAX)]).await? {
        let row = Columns(row);
        let chunk = (ReleaseId(row.id(1)?), ChunkNo(row.number(2)?));
        holes.entry(TenantId(row.id(0)?)).or_default().push(chunk);
    }
    Ok(holes)
}

/// Looks again under the chunks' locks: another node may have been here meanwhile.
async fn mend(
    draft: &Draft,
    tenant: TenantId,
    chunks: &[(ReleaseId, ChunkNo)],
    now: Timestamp,
) -> Result<Vec<Hole>, Failure> {
    let locked = Chunks::lock(draft, tenant, chunks, &[]).await?;
    let (mut found, mut standings) = (Vec::new(), Vec::new());
    for (release, chunk) in locked.iter().filter(|(_, chunk)| chunk.due_at.is_none()) {
        let standing = standing(draft, chunk.scope(tenant, release), now).await?;
        let open = standing.sealed().count() - standing.accounted().count();
        if open > 0 {
            found.push(Hole { tenant, release, chunk: *chunk, open, due_again_at: standing.due_at() });
        }
        standings.push(((release, chunk.no), standing));
    }
    give_back(draft, tenant, standings).await?;
    Ok(found)
}
