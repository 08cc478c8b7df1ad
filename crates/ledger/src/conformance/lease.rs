//! Leases of chunks.

use domain::{Statement, Verdict};

use super::Kept;
use super::bench::{Bench, Breach, holds, same};
use super::stage::{Stage, at, numbers, seconds};
use crate::directory::ReleaseState;
use crate::lease::{LeaseRequest, LeasedChunk, LeasedIntent, WorkAhead};

pub(super) async fn a_chunk_is_leased_once(bench: &Bench<'_>) -> Kept {
    let stage = Stage::frozen(bench, 7, 2).await?;
    holds("nothing is due before the seal's time", stage.lease(1, 9).await?.is_empty())?;
    let first = stage.lease(5, 3).await?;
    let second = stage.lease(5, 3).await?;
    same("the first chunks", first.iter().map(numbers).collect(), vec![vec![1, 2], vec![3, 4], vec![5, 6]])?;
    same("the rest", second.iter().map(numbers).collect(), vec![vec![7]])?;
    holds("nothing is left", stage.lease(5, 9).await?.is_empty())?;
    holds("the end of a lease alone frees nothing", stage.lease(5000, 9).await?.is_empty())?;
    let row = stage.intent_row(7);
    let expected = LeasedIntent {
        intent: row.intent,
        attempt: domain::AttemptNo(1),
        tries: 0,
        unresolved_dots: 0,
        address: row.address,
        fields: row.fields,
    };
    same("an intent as it is given out", second[0].intents[0].clone(), expected)?;
    let ahead = stage.store.work_ahead(stage.tenant, stage.release, at(5)).await?;
    same("what is ahead", ahead, WorkAhead { chunks_leased: 4, ..WorkAhead::default() })
}

pub(super) async fn retries_of_a_held_chunk_are_given_out(bench: &Bench<'_>) -> Kept {
    let stage = Stage::frozen(bench, 4, 4).await?;
    let chunk = stage.lease_one(5).await?;
    let due = async |sender, second| {
        let request = LeaseRequest { sender, ..stage.request(second, 1) };
        stage.store.delivery_due(request, chunk.chunk).await
    };
    stage.attempt(&chunk, &[(1, 1), (2, 1), (3, 1), (4, 1)]).await?;
    stage
        .answer(vec![
            stage.outcome(2, 1, Verdict::Deferred),
            stage.outcome(3, 1, Verdict::Accepted),
            stage.outcome(4, 1, Verdict::Rejected),
        ])
        .await?;
    let early = due(stage.sender, 99).await?;
    same("before the retry's time", early.map(|chunk| numbers(&chunk)), Some(vec![]))?;
    let found = due(stage.sender, 100).await?.ok_or_else(|| Breach::new("the chunk is held"))?;
    same("at its time; not the one on the wire", numbers(&found), vec![2])?;
    same(
        "under the same lease",
        (found.lease, found.intents[0].attempt),
        (chunk.lease, domain::AttemptNo(2)),
    )?;
    stage.attempt(&found, &[(2, 2)]).await?;
    stage
        .answer(vec![stage.outcome(2, 2, Verdict::Accepted), stage.outcome(1, 1, Verdict::Accepted)])
        .await?;
    let other = stage.next_sender().await?;
    same("to nobody else", due(other.sender, 100).await?, None)?;
    stage.give_back(&chunk).await?;
    same("nor once it is back", due(stage.sender, 100).await?, None)?;
    stage.states(None, Statement { audience: 4, accepted: 3, rejected: 1, ..Statement::default() }).await
}

pub(super) async fn a_returned_chunk_is_due_or_done(bench: &Bench<'_>) -> Kept {
    let stage = Stage::frozen(bench, 6, 2).await?;
    let chunks = stage.lease(5, 3).await?;
    stage.deliver(&chunks[0], Verdict::Accepted).await?;
    stage.deliver(&chunks[1], Verdict::Deferred).await?;
    stage.give_back(&chunks[2]).await?;
    let ahead = async |second| stage.store.work_ahead(stage.tenant, stage.release, at(second)).await;
    let expected = WorkAhead { chunks_due: 1, chunks_leased: 0, next_due_at: Some(at(100)) };
    same("ahead: one untouched, one deferred", ahead(40).await?, expected)?;
    same("ahead when both are due", ahead(100).await?.chunks_due, 2)?;
    let again = stage.lease(40, 9).await?;
    same("the untouched chunk", again.iter().map(numbers).collect(), vec![vec![5, 6]])?;
    holds("its lease is a new one", again[0].lease > chunks[2].lease)?;
    let later = stage.lease(100, 9).await?;
    same("the deferred chunk", later.iter().map(numbers).collect(), vec![vec![3, 4]])?;
    stage.states(None, Statement { audience: 6, accepted: 2, pending: 4, ..Statement::default() }).await
}

pub(super) async fn a_return_under_another_lease_is_ignored(bench: &Bench<'_>) -> Kept {
    let stage = Stage::frozen(bench, 2, 2).await?;
    let chunk = stage.lease_one(5).await?;
    let stale = LeasedChunk { lease: domain::LeaseEpoch(chunk.lease.0 + 1), ..chunk.clone() };
    stage.give_back(&stale).await?;
    holds("the chunk is still out", stage.lease(6, 9).await?.is_empty())?;
    let other = stage.next_sender().await?;
    other.give_back(&chunk).await?;
    holds("another sender cannot return it", stage.lease(6, 9).await?.is_empty())?;
    stage.give_back(&chunk).await?;
    same("its holder can", stage.lease(40, 9).await?.len(), 1)
}

pub(super) async fn a_renewed_lease_lets_attempts_pass(bench: &Bench<'_>) -> Kept {
    let stage = Stage::frozen(bench, 2, 2).await?;
    let chunk = stage.lease_one(5).await?;
    let renewed = stage.store.lease_renew(stage.tenant, stage.sender, at(50), at(50) + seconds(60)).await?;
    same("the leases", renewed, vec![(stage.release, chunk.chunk, chunk.lease)])?;
    stage.attempt(&chunk, &[(1, 1)]).await?;
    stage.answer(vec![stage.outcome(1, 1, Verdict::Accepted)]).await?;
    stage.states(None, Statement { audience: 2, accepted: 1, pending: 1, ..Statement::default() }).await
}

pub(super) async fn everything_a_sender_holds_is_returned(bench: &Bench<'_>) -> Kept {
    let stage = Stage::frozen(bench, 6, 2).await?;
    let held = stage.lease(5, 2).await?;
    stage.attempt(&held[0], &[(1, 1), (2, 1)]).await?;
    stage
        .answer(vec![stage.outcome(1, 1, Verdict::Accepted), stage.outcome(2, 1, Verdict::Rejected)])
        .await?;
    let next = stage.next_sender().await?;
    let theirs = next.lease(5, 9).await?;
    stage.store.lease_return_all(stage.sender, at(40)).await?;
    let ahead = stage.store.work_ahead(stage.tenant, stage.release, at(40)).await?;
    same("ahead", ahead, WorkAhead { chunks_due: 1, chunks_leased: theirs.len() as u64, next_due_at: None })?;
    same("what is left of it", numbers(&next.lease_one(40).await?), vec![3, 4])
}

pub(super) async fn a_release_that_is_not_active_is_not_leased(bench: &Bench<'_>) -> Kept {
    let stage = Stage::frozen(bench, 2, 2).await?;
    let set = async |state| stage.store.release_state_set(stage.tenant, stage.release, state, at(3)).await;
    set(ReleaseState::Paused).await?;
    holds("nothing of a paused release", stage.lease(9, 9).await?.is_empty())?;
    set(ReleaseState::Active).await?;
    let chunk = stage.lease_one(9).await?;
    stage.give_back(&chunk).await?;
    set(ReleaseState::Cancelled).await?;
    holds("nothing of a cancelled release", stage.lease(90, 9).await?.is_empty())
}
