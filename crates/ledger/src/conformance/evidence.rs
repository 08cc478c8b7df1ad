//! What evidence makes of an intent, in whatever order it comes (invariant 2).

use domain::{Phase, ReplyCode, Statement, Verdict};

use super::Kept;
use super::bench::{Bench, refused, same};
use super::stage::{Stage, at, numbers};
use crate::rows::{DeliveryCommit, OutcomeRow, WitnessRow};

pub(super) async fn a_late_reply_resolves_an_unknown(bench: &Bench<'_>) -> Kept {
    let stage = Stage::frozen(bench, 3, 3).await?;
    let chunk = stage.lease_one(5).await?;
    stage.attempt(&chunk, &[(1, 1), (2, 1), (3, 1)]).await?;
    let next = stage.next_sender().await?;
    next.take_over(66).await?;
    let unknown =
        |intent| OutcomeRow { retry_at: Some(at(100)), ..next.outcome(intent, 1, Verdict::Unknown) };
    next.answer(vec![unknown(1), unknown(2), unknown(3)]).await?;
    next.store.lease_return_all(next.sender, at(67)).await?;
    next.states(None, Statement { audience: 3, unknown: 3, ..Statement::default() }).await?;
    stage
        .answer(vec![stage.outcome(1, 1, Verdict::Accepted), stage.outcome(2, 1, Verdict::Rejected)])
        .await?;
    let expected = Statement { audience: 3, accepted: 1, rejected: 1, unknown: 1, ..Statement::default() };
    next.states(None, expected).await?;
    same("only the third is sent once more", numbers(&next.lease_one(100).await?), vec![3])
}

pub(super) async fn a_late_deferral_brings_the_chunk_back(bench: &Bench<'_>) -> Kept {
    let stage = Stage::frozen(bench, 2, 2).await?;
    let chunk = stage.lease_one(5).await?;
    stage.attempt(&chunk, &[(1, 1), (2, 1)]).await?;
    stage.answer(vec![stage.outcome(1, 1, Verdict::Unknown)]).await?;
    stage.give_back(&chunk).await?;
    let done = stage.store.work_ahead(stage.tenant, stage.release, at(300)).await?;
    same("nothing is ahead: both may have arrived", done, crate::WorkAhead::default())?;
    stage
        .answer(vec![stage.outcome(1, 1, Verdict::Deferred), stage.outcome(2, 1, Verdict::Deferred)])
        .await?;
    let ahead = stage.store.work_ahead(stage.tenant, stage.release, at(99)).await?;
    same("the chunk comes back", ahead.next_due_at, Some(at(100)))?;
    same("with both", numbers(&stage.lease_one(100).await?), vec![1, 2])?;
    stage.states(None, Statement { audience: 2, pending: 2, ..Statement::default() }).await
}

pub(super) async fn a_second_entry_of_a_verdict_is_ignored(bench: &Bench<'_>) -> Kept {
    let stage = Stage::frozen(bench, 2, 2).await?;
    let chunk = stage.lease_one(5).await?;
    stage.attempt(&chunk, &[(1, 1)]).await?;
    let first = stage.outcome(1, 1, Verdict::Accepted);
    let second = OutcomeRow { reply_text: "other words".to_owned(), at: at(99), ..first.clone() };
    stage.answer(vec![first.clone(), second.clone()]).await?;
    let heads = stage.store.heads().await?;
    stage.answer(vec![second]).await?;
    same("the chains", stage.store.heads().await?, heads)?;
    stage.states(None, Statement { audience: 2, accepted: 1, pending: 1, ..Statement::default() }).await?;
    let views = stage.store.attempts(stage.tenant, stage.release, &stage.intent_row(1).address).await?;
    same("what stands", views[0].outcomes.clone(), vec![first])
}

pub(super) async fn a_second_acceptance_is_a_duplicate(bench: &Bench<'_>) -> Kept {
    bench.provokes(2);
    let stage = Stage::frozen(bench, 1, 1).await?;
    let chunk = stage.lease_one(5).await?;
    stage.attempt(&chunk, &[(1, 1)]).await?;
    let resend = OutcomeRow { retry_at: Some(at(100)), ..stage.outcome(1, 1, Verdict::Unknown) };
    stage.answer(vec![resend]).await?;
    stage.give_back(&chunk).await?;
    let again = stage.lease_one(100).await?;
    stage.deliver(&again, Verdict::Accepted).await?;
    stage.states(None, Statement { audience: 1, accepted: 1, ..Statement::default() }).await?;
    stage.answer(vec![stage.outcome(1, 1, Verdict::Accepted)]).await?;
    stage.states(None, Statement { audience: 1, accepted: 1, duplicates: 1, ..Statement::default() }).await
}

pub(super) async fn a_witness_is_stored_once(bench: &Bench<'_>) -> Kept {
    let stage = Stage::frozen(bench, 3, 3).await?;
    let chunk = stage.lease_one(5).await?;
    stage.deliver(&chunk, Verdict::Unknown).await?;
    let witness = |intent: u32, event: &str, accepted: bool| WitnessRow {
        key: stage.key(intent, 1),
        event_id: event.to_owned(),
        source: "relay events".to_owned(),
        accepted,
        payload_digest: [1; 32],
        at: at(60),
    };
    let append = async |rows| stage.store.witness_append(stage.tenant, stage.sender, at(61), rows).await;
    append(vec![witness(1, "a", true), witness(2, "b", false)]).await?;
    let heads = stage.store.heads().await?;
    let expected = Statement { audience: 3, accepted: 1, unknown: 2, ..Statement::default() };
    stage.states(None, expected).await?;
    // The same events again, one of them with other words, one for another mail.
    append(vec![witness(1, "a", true), witness(2, "b", true), witness(3, "a", true)]).await?;
    same("the chains", stage.store.heads().await?, heads)?;
    stage.states(None, expected).await?;
    append(vec![witness(2, "c", true), witness(1, "d", true)]).await?;
    stage.states(None, Statement { audience: 3, accepted: 2, unknown: 1, ..Statement::default() }).await?;
    stage.answer(vec![stage.outcome(1, 1, Verdict::Accepted)]).await?;
    stage.states(None, Statement { audience: 3, accepted: 2, unknown: 1, ..Statement::default() }).await?;
    refused("a witness of nothing", append(vec![witness(9, "e", true)]).await)
}

pub(super) async fn a_witness_of_another_tenant_is_refused(bench: &Bench<'_>) -> Kept {
    let stage = Stage::frozen(bench, 2, 2).await?;
    let other = Stage::of_tenant(&stage.store, 2, stage.sender).await?;
    other.freeze(2, 2).await?;
    let chunk = other.lease_one(5).await?;
    other.deliver(&chunk, Verdict::Unknown).await?;
    let foreign = WitnessRow {
        key: other.key(1, 1),
        event_id: "a".to_owned(),
        source: "relay events".to_owned(),
        accepted: true,
        payload_digest: [1; 32],
        at: at(60),
    };
    let append = stage.store.witness_append(stage.tenant, stage.sender, at(61), vec![foreign]).await;
    refused("a witness of another tenant's attempt", append)?;
    other.states(None, Statement { audience: 2, unknown: 2, ..Statement::default() }).await
}

pub(super) async fn an_acceptance_outweighs_a_settlement(bench: &Bench<'_>) -> Kept {
    let stage = Stage::frozen(bench, 2, 2).await?;
    let chunk = stage.lease_one(5).await?;
    stage.deliver(&chunk, Verdict::Deferred).await?;
    stage.settle(Verdict::Expired, 9).await?;
    stage.states(None, Statement { audience: 2, expired: 2, ..Statement::default() }).await?;
    stage.answer(vec![stage.outcome(2, 1, Verdict::Accepted)]).await?;
    stage.states(None, Statement { audience: 2, accepted: 1, expired: 1, ..Statement::default() }).await
}

pub(super) async fn evidence_is_checked_by_the_schema(bench: &Bench<'_>) -> Kept {
    let stage = Stage::frozen(bench, 2, 2).await?;
    let chunk = stage.lease_one(5).await?;
    stage.attempt(&chunk, &[(1, 1)]).await?;
    let accepted = stage.outcome(1, 1, Verdict::Accepted);
    let unknown = stage.outcome(1, 1, Verdict::Unknown);
    let expired = stage.outcome(1, 0, Verdict::Expired);
    for (what, row) in [
        ("accepted without a code", OutcomeRow { code: None, ..accepted.clone() }),
        ("accepted with a 4xx", OutcomeRow { code: ReplyCode::new(450), ..accepted.clone() }),
        ("accepted before the dot", OutcomeRow { phase: Phase::Data, ..accepted.clone() }),
        ("accepted without an attempt", OutcomeRow { key: stage.key(1, 0), ..accepted.clone() }),
        ("unknown before the dot", OutcomeRow { phase: Phase::Data, ..unknown }),
        ("deferred at the dot", OutcomeRow { phase: Phase::Dot, ..stage.outcome(1, 1, Verdict::Deferred) }),
        ("expired as an attempt", OutcomeRow { key: stage.key(1, 1), ..expired }),
    ] {
        let commit = DeliveryCommit { outcomes: vec![row], ..DeliveryCommit::default() };
        refused(what, stage.store.delivery_commit(stage.tenant, stage.sender, at(30), commit).await)?;
    }
    stage.answer(vec![accepted]).await?;
    stage.states(None, Statement { audience: 2, accepted: 1, pending: 1, ..Statement::default() }).await
}
