//! What is tried again, and when (invariant 4).

use domain::{AttemptNo, Phase, Statement, Verdict};

use super::Kept;
use super::bench::{Bench, holds, same};
use super::stage::{Stage, at, numbers};
use crate::rows::{DeliveryCommit, OutcomeRow};

pub(super) async fn a_deferred_mail_waits_for_its_time(bench: &Bench<'_>) -> Kept {
    let stage = Stage::frozen(bench, 3, 3).await?;
    let chunk = stage.lease_one(5).await?;
    stage.attempt(&chunk, &[(1, 1), (2, 1), (3, 1)]).await?;
    let later = OutcomeRow { retry_at: Some(at(200)), ..stage.outcome(2, 1, Verdict::Deferred) };
    stage
        .answer(vec![stage.outcome(1, 1, Verdict::Deferred), later, stage.outcome(3, 1, Verdict::Accepted)])
        .await?;
    stage.give_back(&chunk).await?;
    holds("nothing is due early", stage.lease(99, 9).await?.is_empty())?;
    let second = stage.lease_one(100).await?;
    same("due at its time", numbers(&second), vec![1])?;
    same("the attempt's number", second.intents[0].attempt, AttemptNo(2))?;
    stage.attempt(&second, &[(1, 2)]).await?;
    let third = OutcomeRow { retry_at: Some(at(150)), ..stage.outcome(1, 2, Verdict::Deferred) };
    stage.answer(vec![third]).await?;
    stage.give_back(&second).await?;
    holds("each deferral sets its own time", stage.lease(149, 9).await?.is_empty())?;
    let third = stage.lease_one(250).await?;
    let due: Vec<_> = third.intents.iter().map(|leased| (leased.intent.0, leased.attempt.0)).collect();
    same("both are due by now", due, vec![(1, 3), (2, 2)])?;
    stage.deliver(&third, Verdict::Accepted).await?;
    holds("nothing is owed any more", stage.lease(9000, 9).await?.is_empty())?;
    let ahead = stage.store.work_ahead(stage.tenant, stage.release, at(300)).await?;
    same("nothing is ahead", ahead, crate::WorkAhead::default())?;
    stage.states(None, Statement { audience: 3, accepted: 3, ..Statement::default() }).await
}

pub(super) async fn a_permit_that_was_not_used_is_no_try(bench: &Bench<'_>) -> Kept {
    let stage = Stage::frozen(bench, 3, 3).await?;
    let unused = |intent, attempt| OutcomeRow {
        phase: Phase::Permit,
        code: None,
        reply_digest: [0; 16],
        retry_at: Some(at(30)),
        ..stage.outcome(intent, attempt, Verdict::Deferred)
    };
    for attempt in 1..=3 {
        let chunk = stage.lease_one(100 * i64::from(attempt)).await?;
        stage.attempt(&chunk, &[(1, attempt), (2, attempt), (3, attempt)]).await?;
        let second = if attempt == 2 { unused(2, 2) } else { stage.outcome(2, attempt, Verdict::Deferred) };
        let third = stage.outcome(3, attempt, Verdict::Deferred);
        stage.answer(vec![unused(1, attempt), second, third]).await?;
        stage.give_back(&chunk).await?;
    }
    let chunk = stage.lease_one(400).await?;
    let counts: Vec<_> = chunk.intents.iter().map(|leased| (leased.attempt.0, leased.tries)).collect();
    same("the next number, and the tries", counts, vec![(4, 0), (4, 2), (4, 3)])
}

pub(super) async fn an_unknown_mail_is_held(bench: &Bench<'_>) -> Kept {
    let stage = Stage::frozen(bench, 2, 2).await?;
    let chunk = stage.lease_one(5).await?;
    stage.deliver(&chunk, Verdict::Unknown).await?;
    holds("it is never due by itself", stage.lease(1_000_000, 9).await?.is_empty())?;
    let ahead = stage.store.work_ahead(stage.tenant, stage.release, at(300)).await?;
    same("nothing is ahead", ahead, crate::WorkAhead::default())?;
    stage.states(None, Statement { audience: 2, unknown: 2, ..Statement::default() }).await
}

pub(super) async fn an_unknown_mail_is_sent_once_more(bench: &Bench<'_>) -> Kept {
    let stage = Stage::frozen(bench, 2, 2).await?;
    let chunk = stage.lease_one(5).await?;
    stage.attempt(&chunk, &[(1, 1), (2, 1)]).await?;
    let resend = OutcomeRow { retry_at: Some(at(100)), ..stage.outcome(1, 1, Verdict::Unknown) };
    stage.answer(vec![resend, stage.outcome(2, 1, Verdict::Accepted)]).await?;
    stage.give_back(&chunk).await?;
    stage.states(None, Statement { audience: 2, accepted: 1, unknown: 1, ..Statement::default() }).await?;
    holds("not before its time", stage.lease(99, 9).await?.is_empty())?;
    let again = stage.lease_one(100).await?;
    same("the resend", numbers(&again), vec![1])?;
    same("its number", again.intents[0].attempt, AttemptNo(2))?;
    same("message ends without answer", again.intents[0].unresolved_dots, 1)?;
    stage.deliver(&again, Verdict::Unknown).await?;
    holds("never a third time", stage.lease(1_000_000, 9).await?.is_empty())?;
    // A late answer to the first try says nothing of the second, which may have arrived.
    stage.answer(vec![stage.outcome(1, 1, Verdict::Deferred)]).await?;
    holds("nor after a late deferral of the first", stage.lease(1_000_000, 9).await?.is_empty())?;
    stage.states(None, Statement { audience: 2, accepted: 1, unknown: 1, ..Statement::default() }).await
}

pub(super) async fn an_open_attempt_is_not_tried_again(bench: &Bench<'_>) -> Kept {
    let stage = Stage::frozen(bench, 3, 3).await?;
    let chunk = stage.lease_one(5).await?;
    stage.attempt(&chunk, &[(1, 1), (2, 1), (3, 1)]).await?;
    let resend = OutcomeRow { retry_at: Some(at(100)), ..stage.outcome(3, 1, Verdict::Unknown) };
    stage.answer(vec![stage.outcome(1, 1, Verdict::Deferred), resend]).await?;
    stage.give_back(&chunk).await?;
    let again = stage.lease_one(100).await?;
    same("only those with an answer", numbers(&again), vec![1, 3])?;
    stage.attempt(&again, &[(1, 2), (3, 2)]).await?;
    // The answer to the first try comes a second time in other words while the second is on the wire.
    let late = OutcomeRow { retry_at: Some(at(110)), ..stage.outcome(1, 1, Verdict::Rejected) };
    stage.answer(vec![late]).await?;
    stage.give_back(&again).await?;
    holds("an attempt on the wire bars the next", stage.lease(1_000_000, 9).await?.is_empty())?;
    stage.states(None, Statement { audience: 3, unknown: 3, ..Statement::default() }).await
}

pub(super) async fn a_retry_with_another_body_is_found(bench: &Bench<'_>) -> Kept {
    bench.provokes(4);
    let stage = Stage::frozen(bench, 2, 2).await?;
    let chunk = stage.lease_one(5).await?;
    stage.deliver(&chunk, Verdict::Deferred).await?;
    let again = stage.lease_one(100).await?;
    let mut attempts = vec![stage.permit(&again, 1, 2), stage.permit(&again, 2, 2)];
    attempts[0].row.body_digest = [4; 16];
    stage.commit(DeliveryCommit { attempts, ..DeliveryCommit::default() }).await?;
    let accepted = [1, 2].map(|intent| stage.outcome(intent, 2, Verdict::Accepted));
    stage.answer(accepted.to_vec()).await?;
    stage.give_back(&again).await?;
    stage.states(None, Statement { audience: 2, accepted: 2, ..Statement::default() }).await
}
