//! Settles what is still owed of a release: one entry without attempt for each pending intent, chunk by chunk.
//!
//! Only a cancelled release is settled as cancelled, and only one that may be sent as expired, after its deadline.
//! Chunks out on lease are left alone: what is on the wire ends first. An intent whose message end may have
//! arrived stays unknown; only its place in the retry schedule is dropped.

use domain::{IntentState, Timestamp};
use ledger::{Chunk, Live, SettleReceipt, SettleRequest};

use crate::commit::Author;
use crate::connection::Values;
use crate::directory::release_get;
use crate::draft::Draft;
use crate::failure::Failure;
use crate::schedule::{Chunks, give_back};
use crate::values::{whole, wide};
use crate::{lease, outcomes, queries, walk};

/// Settles at most `chunks_max` chunks.
pub(crate) async fn settle(draft: &mut Draft, request: &SettleRequest) -> Result<SettleReceipt, Failure> {
    if !request.verdict.is_settlement() {
        return Err(Failure::refused("a settlement is `cancelled` or `expired`"));
    }
    let (tenant, release) = (wide(request.tenant.0), wide(request.release.0));
    let values: Values<'_> = &[&tenant, &release, &whole(i64::MAX), &whole(request.chunks_max)];
    let chunks = Chunks::of(&draft.rows(queries::DELIVERY_CHUNK_LOCK_DUE, values).await?)?;
    // An order of people may have come between the caller's look at the books and this.
    let (row, state) = release_get(draft, request.tenant, request.release).await?;
    let chunks = if request.is_due(state, row.deadline_at) { chunks } else { Chunks::default() };
    let mut settled = 0;
    for (_, chunk) in chunks.iter() {
        settled += settle_chunk(draft, request, &chunks, chunk).await?;
    }
    let end_of_time = Timestamp::from_millis(i64::MAX);
    let ahead = lease::work_ahead(draft, request.tenant, request.release, end_of_time).await?;
    Ok(SettleReceipt { settled, chunks_left: ahead.chunks_due, chunks_leased: ahead.chunks_leased })
}

async fn settle_chunk(
    draft: &mut Draft,
    request: &SettleRequest,
    chunks: &Chunks,
    chunk: &Chunk,
) -> Result<u64, Failure> {
    let owed = walk::page(draft, chunk.scope(request.tenant, request.release)).await?;
    let pending = owed.iter().filter(|owed| owed.fold(Live::NOBODY).state() == IntentState::Pending);
    let rows: Vec<_> = pending.map(|owed| request.entry(owed.intent)).collect();
    let author = Author { tenant: request.tenant, sender: request.sender, now: request.now };
    let link_no = outcomes::prepare(draft, author).await?;
    let addition = outcomes::add(draft, author, link_no, outcomes::distinct(&rows)).await?;
    outcomes::follow_up(draft, author, chunks, addition).await?;
    let range = (whole(chunk.first.0), whole(chunk.last.0));
    let values: Values<'_> = &[&wide(request.tenant.0), &wide(request.release.0), &range.0, &range.1];
    draft.execute(queries::RETRY_DUE_DROP_RANGE, values).await?;
    let standing = walk::standing(draft, chunk.scope(request.tenant, request.release), request.now).await?;
    give_back(draft, request.tenant, vec![((request.release, chunk.no), standing.done())]).await?;
    Ok(rows.len() as u64)
}
