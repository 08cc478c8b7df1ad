//! Fencing and identity (invariants 6 and 7): which attempts are never stored.

use std::time::Duration;

use domain::{
    ChunkNo, CredentialVersion, LeaseEpoch, RelayId, SessionId, Statement, TenantId, UnknownPolicy, Verdict,
};

use super::Kept;
use super::bench::{Bench, holds, refused, same};
use super::stage::{Stage, at, credential_row, fingerprint};
use crate::directory::ReleaseState;
use crate::nodes::{Live, TakeOver};
use crate::rows::{AttemptPermit, AttemptRow, DeliveryCommit, OpenAttempt};

fn permits(attempts: Vec<AttemptPermit>) -> DeliveryCommit {
    DeliveryCommit { attempts, ..DeliveryCommit::default() }
}

pub(super) async fn an_attempt_needs_its_lease(bench: &Bench<'_>) -> Kept {
    let stage = Stage::frozen(bench, 6, 2).await?;
    let chunk = stage.lease_one(5).await?;
    let fine = stage.permit(&chunk, 1, 1);
    let at_two = stage.permit(&chunk, 2, 1);
    let older = LeaseEpoch(chunk.lease.0 - 1);
    let newer = LeaseEpoch(chunk.lease.0 + 1);
    for (what, permit) in [
        ("an older lease", AttemptPermit { lease: older, ..at_two }),
        ("a lease that was never given", AttemptPermit { lease: newer, ..at_two }),
        (
            "a chunk that is not leased",
            AttemptPermit { chunk: ChunkNo(1), lease: older, ..stage.permit(&chunk, 3, 1) },
        ),
        ("a chunk that does not exist", AttemptPermit { chunk: ChunkNo(9), ..at_two }),
        ("an intent of another chunk", stage.permit(&chunk, 3, 1)),
    ] {
        let receipt = stage.commit(permits(vec![permit])).await?;
        same(what, receipt.fenced, vec![permit.row.key])?;
    }
    let stale = AttemptPermit { lease: older, ..at_two };
    let receipt = stage.commit(permits(vec![stale, fine])).await?;
    same("fenced beside one that passes", receipt.fenced, vec![stale.row.key])?;
    let other = stage.next_sender().await?;
    let receipt = other.commit(permits(vec![other.permit(&chunk, 2, 1)])).await?;
    same("a sender that does not hold it", receipt.fenced, vec![at_two.row.key])?;
    let view = stage.store.statement(stage.tenant, stage.release, Live::default()).await?;
    same("attempts that stand", view.statement.unknown, 1)
}

pub(super) async fn a_takeover_fences_the_sender_before(bench: &Bench<'_>) -> Kept {
    let stage = Stage::frozen(bench, 4, 4).await?;
    let chunk = stage.lease_one(5).await?;
    stage.attempt(&chunk, &[(1, 1), (2, 1)]).await?;
    stage.answer(vec![stage.outcome(2, 1, Verdict::Accepted)]).await?;
    let next = stage.next_sender().await?;
    let taken = next.take_over(66).await?;
    let open = taken.open;
    let expected = OpenAttempt {
        key: stage.key(1, 1),
        session: stage.session.session,
        relay: stage.session.relay,
        journal: 71,
        boot: [8; 16],
        unresolved_dots: 0,
        policy: UnknownPolicy::ResendOnce,
        retry_initial: Duration::from_secs(60),
        opened_at: at(10),
    };
    same("open attempts", open.clone(), vec![expected])?;
    let receipt = stage.commit(permits(vec![stage.permit(&chunk, 3, 1)])).await?;
    same("an attempt of the sender before", receipt.fenced, vec![stage.key(3, 1)])?;
    same("the chunks", taken.chunks.iter().map(|taken| taken.chunk).collect(), vec![chunk.chunk])?;
    same("taken over again", next.take_over(67).await?, TakeOver::default())?;
    let third = next.next_sender().await?;
    same("by a third sender", third.take_over(68).await?.open, open)?;
    stage.answer(vec![stage.outcome(1, 1, Verdict::Accepted)]).await?;
    third.store.lease_return_all(third.sender, at(69)).await?;
    let left = third.lease_one(70).await?;
    same("what is left", left.intents.iter().map(|leased| leased.intent.0).collect(), vec![3, 4])?;
    stage.states(None, Statement { audience: 4, accepted: 2, pending: 2, ..Statement::default() }).await
}

pub(super) async fn a_living_lease_is_taken_over_by_an_owner_alone(bench: &Bench<'_>) -> Kept {
    let stage = Stage::frozen(bench, 4, 4).await?;
    let chunk = stage.lease_one(5).await?;
    stage.attempt(&chunk, &[(1, 1)]).await?;
    let next = stage.next_sender().await?;
    let taken = next.take_over(64).await?;
    same("taken before the lease's end", taken.open.len(), usize::from(!bench.is_shared()))?;
    let receipt = stage.commit(permits(vec![stage.permit(&chunk, 2, 1)])).await?;
    same("fenced", receipt.fenced.len(), usize::from(!bench.is_shared()))?;
    stage.answer(vec![stage.outcome(1, 1, Verdict::Accepted)]).await?;
    if bench.is_shared() {
        stage.answer(vec![stage.outcome(2, 1, Verdict::Accepted)]).await?;
        let renewed = stage.store.lease_renew(stage.tenant, stage.sender, at(64), at(99)).await?;
        same("renewed", renewed, vec![(stage.release, chunk.chunk, chunk.lease)])?;
        same("not taken once renewed", next.take_over(98).await?, TakeOver::default())?;
    }
    Ok(())
}

pub(super) async fn a_hold_fences_at_once(bench: &Bench<'_>) -> Kept {
    let stage = Stage::frozen(bench, 4, 4).await?;
    let chunk = stage.lease_one(5).await?;
    let set = async |state| stage.store.release_state_set(stage.tenant, stage.release, state, at(6)).await;
    set(ReleaseState::Paused).await?;
    let receipt = stage.commit(permits(vec![stage.permit(&chunk, 1, 1)])).await?;
    same("fenced while paused", receipt.fenced, vec![stage.key(1, 1)])?;
    set(ReleaseState::Active).await?;
    stage.attempt(&chunk, &[(1, 1)]).await?;
    set(ReleaseState::Cancelled).await?;
    let mut commit = permits(vec![stage.permit(&chunk, 2, 1)]);
    commit.outcomes.push(stage.outcome(1, 1, Verdict::Accepted));
    same("fenced once cancelled", stage.commit(commit).await?.fenced, vec![stage.key(2, 1)])?;
    stage.states(None, Statement { audience: 4, accepted: 1, pending: 3, ..Statement::default() }).await
}

pub(super) async fn a_breach_of_identity_leaves_nothing(bench: &Bench<'_>) -> Kept {
    let stage = Stage::frozen(bench, 4, 4).await?;
    let other = Stage::of_tenant(&stage.store, 2, stage.sender).await?;
    stage.store.credential_ensure(credential_row(stage.tenant, 9)).await?;
    let chunk = stage.lease_one(5).await?;
    stage.attempt(&chunk, &[(1, 1)]).await?;
    let heads = stage.store.heads().await?;
    let fine = stage.permit(&chunk, 2, 1);
    let wrong = |change: fn(&mut AttemptRow)| {
        let mut permit = stage.permit(&chunk, 3, 1);
        change(&mut permit.row);
        permit
    };
    for (what, permit) in [
        ("no such session", wrong(|row| row.session = SessionId(1))),
        ("another relay", wrong(|row| row.relay = RelayId(101))),
        ("another version of the secret", wrong(|row| row.credential = CredentialVersion(2))),
        ("the fingerprint of another secret", wrong(|row| row.fingerprint = fingerprint(9))),
        ("the fingerprint of another tenant", wrong(|row| row.fingerprint = fingerprint(2))),
        ("another tenant", wrong(|row| row.key.tenant = TenantId(2))),
    ] {
        let mut commit = permits(vec![fine, permit]);
        commit.outcomes.push(stage.outcome(1, 1, Verdict::Accepted));
        let answer = stage.store.delivery_commit(stage.tenant, stage.sender, at(30), commit).await;
        refused(what, answer)?;
    }
    let mut session = other.session.clone();
    (session.tenant, session.session) = (stage.tenant, SessionId(501));
    let commit = DeliveryCommit { sessions: vec![session], ..DeliveryCommit::default() };
    let answer = stage.store.delivery_commit(stage.tenant, stage.sender, at(30), commit).await;
    refused("a session with the secret of another tenant", answer)?;
    same("the chains", stage.store.heads().await?, heads)?;
    let expected = Statement { audience: 4, pending: 4, ..Statement::default() };
    stage.states(Some(stage.sender), expected).await?;
    stage.answer(vec![stage.outcome(1, 1, Verdict::Accepted)]).await
}

pub(super) async fn an_attempt_is_stored_once(bench: &Bench<'_>) -> Kept {
    let stage = Stage::frozen(bench, 4, 4).await?;
    let chunk = stage.lease_one(5).await?;
    stage.attempt(&chunk, &[(1, 1)]).await?;
    let next = stage.next_sender().await?;
    let mut again = stage.permit(&chunk, 1, 1);
    again.row.session = next.session.session;
    let answer = stage.store.delivery_commit(stage.tenant, stage.sender, at(31), permits(vec![again])).await;
    refused("the same attempt over another session", answer)?;
    stage.answer(vec![stage.outcome(1, 1, Verdict::Accepted)]).await?;
    let views = stage.store.attempts(stage.tenant, stage.release, &stage.intent_row(1).address).await?;
    same("attempts that stand", views.len(), 1)?;
    let session = views[0].attempt.map(|row| row.session);
    holds("it is the first one", session == Some(stage.session.session))
}
