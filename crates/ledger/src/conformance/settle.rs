//! Settling what is still owed: cancelled by a person, or expired.

use domain::{Statement, Verdict};

use super::Kept;
use super::bench::{Bench, holds, refused, same};
use super::stage::{Stage, at};
use crate::directory::ReleaseState;
use crate::rows::{OutcomeRow, SettleReceipt, SettleRequest};

pub(super) async fn what_is_owed_is_settled(bench: &Bench<'_>) -> Kept {
    let stage = Stage::frozen(bench, 7, 2).await?;
    let chunk = stage.lease_one(5).await?;
    stage.attempt(&chunk, &[(1, 1), (2, 1)]).await?;
    stage
        .answer(vec![stage.outcome(1, 1, Verdict::Accepted), stage.outcome(2, 1, Verdict::Deferred)])
        .await?;
    stage.give_back(&chunk).await?;
    let wrong = SettleRequest {
        tenant: stage.tenant,
        release: stage.release,
        verdict: Verdict::Accepted,
        sender: stage.sender,
        now: at(50),
        chunks_max: 1,
    };
    refused("a settlement as accepted", stage.store.delivery_settle(wrong).await)?;
    for early in [SettleRequest { verdict: Verdict::Cancelled, ..wrong }, expiry(&stage, 599)] {
        let receipt = stage.store.delivery_settle(early).await?;
        same("settled without cause", (receipt.settled, receipt.chunks_left), (0, 4))?;
    }
    stage.store.release_state_set(stage.tenant, stage.release, ReleaseState::Cancelled, at(40)).await?;
    let first = stage.settle(Verdict::Cancelled, 3).await?;
    let second = stage.settle(Verdict::Cancelled, 3).await?;
    same("chunks left at first", (first.chunks_left, first.chunks_leased), (1, 0))?;
    same("then", (second.chunks_left, second.chunks_leased), (0, 0))?;
    same("settled in all", first.settled + second.settled, 6)?;
    same("a third time", stage.settle(Verdict::Cancelled, 3).await?, SettleReceipt::default())?;
    stage.states(None, Statement { audience: 7, accepted: 1, cancelled: 6, ..Statement::default() }).await?;
    let ahead = stage.store.work_ahead(stage.tenant, stage.release, at(300)).await?;
    same("nothing is ahead", ahead, crate::WorkAhead::default())
}

/// Settles as expired at this second; the deadline is 600.
fn expiry(stage: &Stage, second: i64) -> SettleRequest {
    SettleRequest {
        tenant: stage.tenant,
        release: stage.release,
        verdict: Verdict::Expired,
        sender: stage.sender,
        now: at(second),
        chunks_max: 9,
    }
}

pub(super) async fn a_held_release_never_expires(bench: &Bench<'_>) -> Kept {
    let stage = Stage::frozen(bench, 3, 3).await?;
    let set =
        async |state, now| stage.store.release_state_set(stage.tenant, stage.release, state, at(now)).await;
    set(ReleaseState::Paused, 500).await?;
    same("while paused", stage.store.delivery_settle(expiry(&stage, 5000)).await?.settled, 0)?;
    set(ReleaseState::Active, 1000).await?;
    same("before the moved deadline", stage.store.delivery_settle(expiry(&stage, 1099)).await?.settled, 0)?;
    same("after it", stage.store.delivery_settle(expiry(&stage, 1100)).await?.settled, 3)?;
    stage.states(None, Statement { audience: 3, expired: 3, ..Statement::default() }).await
}

pub(super) async fn a_leased_chunk_is_settled_after_its_return(bench: &Bench<'_>) -> Kept {
    let stage = Stage::frozen(bench, 4, 2).await?;
    let chunk = stage.lease_one(5).await?;
    stage.attempt(&chunk, &[(1, 1)]).await?;
    let receipt = stage.settle(Verdict::Expired, 9).await?;
    same("the first settlement", receipt, SettleReceipt { settled: 2, chunks_left: 0, chunks_leased: 1 })?;
    stage.answer(vec![stage.outcome(1, 1, Verdict::Accepted)]).await?;
    stage.give_back(&chunk).await?;
    let receipt = stage.settle(Verdict::Expired, 9).await?;
    same("the second settlement", receipt, SettleReceipt { settled: 1, ..SettleReceipt::default() })?;
    stage.states(None, Statement { audience: 4, accepted: 1, expired: 3, ..Statement::default() }).await
}

pub(super) async fn an_unknown_mail_is_never_settled(bench: &Bench<'_>) -> Kept {
    let stage = Stage::frozen(bench, 3, 3).await?;
    let chunk = stage.lease_one(5).await?;
    stage.attempt(&chunk, &[(1, 1), (2, 1)]).await?;
    let resend = OutcomeRow { retry_at: Some(at(100)), ..stage.outcome(1, 1, Verdict::Unknown) };
    stage.answer(vec![resend]).await?;
    stage.give_back(&chunk).await?;
    same("settled", stage.settle(Verdict::Expired, 9).await?.settled, 1)?;
    holds("the resend is dropped too", stage.lease(1_000_000, 9).await?.is_empty())?;
    stage.states(None, Statement { audience: 3, unknown: 2, expired: 1, ..Statement::default() }).await
}
