//! Many tenants on one store: they share its commits and nothing else.

use domain::{Fingerprint, IntentNo, Statement, Verdict};
use futures_util::future::{join_all, try_join_all};

use super::Kept;
use super::bench::{Bench, Breach, holds, refused, same};
use super::stage::{Stage, at, sender_row};
use crate::directory::ReleaseState;
use crate::nodes::Live;
use crate::rows::DeliveryCommit;
use crate::store::Stored;

pub(super) async fn tenants_never_see_each_other(bench: &Bench<'_>) -> Kept {
    let one = Stage::frozen(bench, 4, 2).await?;
    let two = Stage::of_tenant(&one.store, 2, one.sender).await?;
    same("the ids of releases are the same", one.release, two.release)?;
    two.freeze(6, 3).await?;
    let chunk = one.lease_one(5).await?;
    one.deliver(&chunk, Verdict::Accepted).await?;
    one.states(None, Statement { audience: 4, accepted: 2, pending: 2, ..Statement::default() }).await?;
    two.states(None, Statement { audience: 6, pending: 6, ..Statement::default() }).await?;
    let theirs =
        one.store.recipients(two.tenant, two.release, None, Live::default(), IntentNo(0), 99).await?;
    holds(
        "each list holds the tenant's own",
        theirs.len() == 6
            && theirs.iter().all(|view| view.address.as_ref().is_some_and(|a| a.contains("tenant2"))),
    )?;
    let stranger = one.store.attempts(two.tenant, two.release, &one.intent_row(1).address).await?;
    holds("an address of the other is not found", stranger.is_empty())?;
    let foreign =
        DeliveryCommit { outcomes: vec![two.outcome(1, 1, Verdict::Unknown)], ..DeliveryCommit::default() };
    refused(
        "an outcome of the other",
        one.store.delivery_commit(one.tenant, one.sender, at(30), foreign).await,
    )?;
    one.store.release_state_set(one.tenant, one.release, ReleaseState::Cancelled, at(40)).await?;
    let receipt = one.settle(Verdict::Cancelled, 99).await?;
    same("a settlement reaches the tenant's own", receipt.settled, 2)?;
    two.states(None, Statement { audience: 6, pending: 6, ..Statement::default() }).await
}

pub(super) async fn tenants_commit_side_by_side(bench: &Bench<'_>) -> Kept {
    const TENANTS: u64 = 8;
    let store = bench.store().await?;
    let sender = store.sender_register(sender_row(1)).await?;
    let stages: Vec<Stage> =
        try_join_all((1..=TENANTS).map(|number| Stage::of_tenant(&store, number, sender))).await?;
    try_join_all(stages.iter().map(|stage| stage.freeze(40, 10))).await?;
    let answers: Vec<Stored<()>> = join_all(stages.iter().flat_map(|stage| {
        (0..5_u32).map(move |round| async move {
            let mut commit = DeliveryCommit::default();
            // Every third commit of every tenant but the first breaks identity: it alone is refused.
            let breach = round == 3 && stage.tenant.0 > 1;
            let mut session = stage.session.clone();
            session.session.0 = 600 + u64::from(round);
            if breach {
                session.fingerprint = Fingerprint([0; 12]);
            }
            commit.sessions.push(session);
            stage.store.delivery_commit(stage.tenant, stage.sender, at(30), commit).await.map(|_| ())
        })
    }))
    .await;
    let refusals = answers.iter().filter(|answer| answer.is_err()).count() as u64;
    same("refused commits", refusals, TENANTS - 1)?;
    try_join_all(stages.iter().map(deliver_all)).await?;
    for stage in &stages {
        stage.states(None, Statement { audience: 40, accepted: 40, ..Statement::default() }).await?;
    }
    let heads = store.heads().await?;
    same("chains", heads.len() as u64, 3 * TENANTS)?;
    holds("each with the tenant's own rows", heads.iter().all(|head| head.rows == 40))
}

async fn deliver_all(stage: &Stage) -> Result<(), Breach> {
    while let Some(chunk) = stage.lease(9, 1).await?.pop() {
        stage.deliver(&chunk, Verdict::Accepted).await?;
    }
    Ok(())
}
