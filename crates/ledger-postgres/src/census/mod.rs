//! What is not accounted for: by the chunks' accounts and a walk of those alone that are not whole; by the books alone;
//! and the sweep that makes forgotten chunks due again.

mod books;
mod open;
mod sweep;

use std::sync::Arc;

use async_trait::async_trait;
use domain::{TenantId, Timestamp};
use ledger::store::Stored;
use ledger::{
    BooksCensus, Census, CensusRequest, CensusStore, Hole, OpenChunk, ReleaseState, VerdictBucket,
    VerdictWindow,
};

use crate::columns::{self, Columns};
use crate::connection::Connection;
use crate::failure::Failure;
use crate::store::PostgresStore;
use crate::values::wide;
use crate::{minutes, queries};

/// Chunks whose open intents are asked for at a time.
const CHUNKS_AT_ONCE: usize = 1024;

#[async_trait]
impl CensusStore for PostgresStore {
    async fn census(&self, request: CensusRequest) -> Stored<Census> {
        self.read("taking a census", move |connection| Box::pin(census(connection, request))).await
    }

    async fn books_census(&self, tenant: Option<TenantId>) -> Stored<BooksCensus> {
        const OPERATION: &str = "taking a census of the books";
        let releases =
            self.read(OPERATION, move |connection| Box::pin(books::releases(connection, tenant))).await?;
        // Two halves side by side: rows of the books never change.
        let releases = Arc::new(releases);
        let middle = releases.len() / 2;
        let half = |range: std::ops::Range<usize>| {
            let releases = Arc::clone(&releases);
            self.read(OPERATION, move |connection| {
                let (releases, range) = (Arc::clone(&releases), range.clone());
                Box::pin(async move { books::census(connection, &releases[range]).await })
            })
        };
        let (early, late) = tokio::join!(half(0..middle), half(middle..releases.len()));
        let mut whole = early?;
        whole.join(late?);
        Ok(whole)
    }

    async fn verdict_times(&self, window: VerdictWindow) -> Stored<Vec<VerdictBucket>> {
        self.read("counting verdicts by time", move |connection| {
            Box::pin(minutes::window(connection, window))
        })
        .await
    }

    async fn sweep(&self, now: Timestamp) -> Stored<Vec<Hole>> {
        sweep::sweep(self, now).await
    }
}

async fn census(connection: &Connection, request: CensusRequest) -> Result<Census, Failure> {
    let rows = match request.tenant {
        Some(tenant) => connection.rows(queries::DELIVERY_CHUNK_UNACCOUNTED_OF, &[&wide(tenant.0)]).await?,
        None => connection.rows(queries::DELIVERY_CHUNK_UNACCOUNTED, &[]).await?,
    };
    let chunks = rows.iter().map(|row| open_chunk(Columns(row))).collect::<Result<Vec<_>, _>>()?;
    let mut census = Census::default();
    for part in chunks.chunks(CHUNKS_AT_ONCE) {
        let wanted: Vec<bool> = part.iter().map(|open| census.wants(&request, open)).collect();
        let walked = part.iter().zip(&wanted).filter(|(_, wanted)| **wanted);
        let runs: Vec<_> = walked
            .map(|(open, _)| (open.chunk.scope(open.tenant, open.release), open.candidates()))
            .collect();
        let mut found = open::intents(connection, runs).await?.into_iter();
        for (open, wanted) in part.iter().zip(wanted) {
            let ids = if wanted { found.next() } else { None };
            census.add(&request, open, ids);
        }
    }
    Ok(census)
}

fn open_chunk(row: Columns<'_>) -> Result<OpenChunk, Failure> {
    Ok(OpenChunk {
        tenant: TenantId(row.id(0)?),
        release: domain::ReleaseId(row.id(1)?),
        chunk: columns::chunk(row, 2)?,
        lease_until: row.number_or_null(8)?.map(Timestamp::from_millis),
        accounted: columns::accounted(row, 9)?,
        listed: row.value(13)?,
        state: row.coded(11, ReleaseState::from_code)?,
        created_at: row.time(12)?,
    })
}
