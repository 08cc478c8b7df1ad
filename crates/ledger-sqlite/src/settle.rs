//! Settles what is still owed of a release: one entry without attempt for each pending intent, chunk by chunk.
//!
//! Only a cancelled release is settled as cancelled, and only one that may be sent as expired, after its deadline.
//! Chunks out on lease are left alone: what is on the wire ends first. An intent whose message end may have
//! arrived stays unknown; only its place in the retry schedule is dropped.

use std::ops::ControlFlow;

use domain::IntentState;
use ledger::{Chunk, Live, SettleReceipt, SettleRequest};
use rusqlite::params;

use crate::columns::wide;
use crate::directory;
use crate::draft::Draft;
use crate::failure::Failure;
use crate::lease::{self, chunk_row};
use crate::outcomes::OutcomeWriter;
use crate::queries;
use crate::walk::{standing, walk};

/// Settles at most `chunks_max` chunks.
pub(crate) fn settle(draft: &mut Draft<'_>, request: &SettleRequest) -> Result<SettleReceipt, Failure> {
    if !request.verdict.is_settlement() {
        return Err(Failure::refused("a settlement is `cancelled` or `expired`"));
    }
    let mut settled = 0;
    for chunk in &chunks_due(draft, request)? {
        settled += settle_chunk(draft, request, chunk)?;
    }
    let end_of_time = domain::Timestamp::from_millis(i64::MAX);
    let ahead = lease::work_ahead(draft.connection(), request.tenant, request.release, end_of_time)?;
    Ok(SettleReceipt { settled, chunks_left: ahead.chunks_due, chunks_leased: ahead.chunks_leased })
}

/// The chunks to be settled: none while the release is in another state than the verdict says. An order of people may
/// have come between the caller's look at the books and this.
fn chunks_due(draft: &Draft<'_>, request: &SettleRequest) -> Result<Vec<Chunk>, Failure> {
    let (row, state) = directory::release_get(draft.connection(), request.tenant, request.release)?;
    if !request.is_due(state, row.deadline_at) {
        return Ok(Vec::new());
    }
    let key = params![wide(request.tenant.0), wide(request.release.0), i64::MAX, request.chunks_max];
    let mut list = draft.prepare(queries::DELIVERY_CHUNK_LIST_DUE)?;
    let chunks = list.query_map(key, |row| chunk_row(row, 0))?.collect::<Result<_, _>>()?;
    Ok(chunks)
}

fn settle_chunk(draft: &mut Draft<'_>, request: &SettleRequest, chunk: &Chunk) -> Result<u64, Failure> {
    let scope = chunk.scope(request.tenant, request.release);
    let mut pending = Vec::new();
    walk::<()>(draft.connection(), scope, |owed| {
        if owed.fold(Live::NOBODY).state() == IntentState::Pending {
            pending.push(owed.intent);
        }
        Ok(ControlFlow::Continue(()))
    })?;
    let mut writer = OutcomeWriter::new(draft, request.sender, request.now)?;
    for intent in &pending {
        writer.add(draft, &request.entry(*intent))?;
    }
    let (tenant, release) = (wide(request.tenant.0), wide(request.release.0));
    draft.prepare(queries::RETRY_DUE_DROP_RANGE)?.execute(params![
        tenant,
        release,
        chunk.first.0,
        chunk.last.0
    ])?;
    let standing = standing(draft.connection(), scope, request.now)?.done();
    lease::set_standing(draft, (request.tenant, request.release, chunk.no), &standing)?;
    Ok(pending.len() as u64)
}
