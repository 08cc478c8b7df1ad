//! What readers get: statements, heads, lists; and that the same calls give the same books.

use std::collections::BTreeMap;

use domain::{IntentNo, IntentState, SenderEpoch, Statement, Verdict};

use super::Kept;
use super::bench::{Bench, Breach, holds, same};
use super::stage::{Stage, at, suppressed};
use crate::chain::{Book, Head, LinkBuilder};
use crate::nodes::Live;
use crate::rows::OutcomeRow;

pub(super) async fn an_open_attempt_is_pending_or_unknown(bench: &Bench<'_>) -> Kept {
    let stage = Stage::frozen(bench, 3, 3).await?;
    same("the latest sender", stage.store.sender_latest().await?, Some(stage.sender))?;
    let chunk = stage.lease_one(5).await?;
    stage.attempt(&chunk, &[(1, 1), (2, 1)]).await?;
    stage.answer(vec![stage.outcome(2, 1, Verdict::Accepted)]).await?;
    let live = Statement { audience: 3, accepted: 1, pending: 2, ..Statement::default() };
    let stale = Statement { audience: 3, accepted: 1, unknown: 1, pending: 1, ..Statement::default() };
    stage.states(Some(stage.sender), live).await?;
    stage.states(None, stale).await?;
    stage.states(Some(SenderEpoch(stage.sender.0 + 1)), stale).await?;
    same("the counters", stage.store.counters(stage.tenant, stage.release).await?, live)
}

pub(super) async fn counters_follow_the_statement(bench: &Bench<'_>) -> Kept {
    let stage = Stage::set(bench).await?;
    let mut batch = stage.batch(1, 1..=60);
    batch.intents[58] = suppressed(batch.intents[58].clone());
    stage.freeze_batch(batch, 7).await?;
    let verdicts =
        [Verdict::Accepted, Verdict::Deferred, Verdict::Rejected, Verdict::Unknown, Verdict::Accepted];
    for second in [5, 100, 300] {
        for chunk in stage.lease(second, 99).await? {
            for leased in &chunk.intents {
                let (intent, attempt) = (leased.intent.0, leased.attempt.0);
                stage.attempt(&chunk, &[(intent, attempt)]).await?;
                let verdict = verdicts[(intent as usize * 3 + usize::from(attempt)) % verdicts.len()];
                let row = stage.outcome(intent, attempt, verdict);
                stage
                    .answer(vec![OutcomeRow { retry_at: row.retry_at.map(|_| at(second + 90)), ..row }])
                    .await?;
            }
            stage.give_back(&chunk).await?;
        }
        let view = stage.store.statement(stage.tenant, stage.release, Live::default()).await?;
        same("differences", view.differences, Vec::new())?;
        same("counters", stage.store.counters(stage.tenant, stage.release).await?, view.statement)?;
        same("the balance", view.statement.difference(), 0)?;
    }
    let statement = stage.store.counters(stage.tenant, stage.release).await?;
    holds("every kind is met", statement.accepted > 0 && statement.rejected > 0 && statement.unknown > 0)?;
    same("suppressed", statement.suppressed, 1)
}

/// Heads by book and sender of the one tenant.
async fn heads(stage: &Stage) -> Result<BTreeMap<(Book, SenderEpoch), Head>, Breach> {
    let heads = stage.store.heads().await?;
    Ok(heads.into_iter().map(|head| ((head.book, head.sender), head)).collect())
}

pub(super) async fn heads_grow_with_each_commit(bench: &Bench<'_>) -> Kept {
    let stage = Stage::frozen(bench, 5, 5).await?;
    let chunk = stage.lease_one(5).await?;
    let before = heads(&stage).await?;
    same("chains so far", before.keys().copied().collect(), vec![(Book::Intents, stage.sender)])?;
    same("intents in the chain", before[&(Book::Intents, stage.sender)].rows, 5)?;
    stage.attempt(&chunk, &[(1, 1), (2, 1)]).await?;
    stage.attempt(&chunk, &[(3, 1)]).await?;
    stage.answer(vec![stage.outcome(2, 1, Verdict::Accepted)]).await?;
    let after = heads(&stage).await?;
    let attempts = after[&(Book::Attempts, stage.sender)];
    same("links and rows of attempts", (attempts.link_no, attempts.rows), (2, 3))?;
    same("rows of outcomes", after[&(Book::Outcomes, stage.sender)].rows, 1)?;
    let next = stage.next_sender().await?;
    next.answer(vec![stage.outcome(1, 1, Verdict::Accepted)]).await?;
    let last = heads(&stage).await?;
    same(
        "the old sender's chain stays",
        last[&(Book::Outcomes, stage.sender)],
        after[&(Book::Outcomes, stage.sender)],
    )?;
    same("the new one's begins", last[&(Book::Outcomes, next.sender)].link_no, 1)?;
    stage.answer(vec![stage.outcome(3, 1, Verdict::Rejected)]).await
}

pub(super) async fn a_forged_seal_is_found(bench: &Bench<'_>) -> Kept {
    let stage = Stage::frozen(bench, 5, 5).await?;
    let chunk = stage.lease_one(5).await?;
    stage.deliver(&chunk, Verdict::Accepted).await?;
    let stand = stage.store.heads().await?;
    let findings = async |sealed: Vec<Head>| {
        stage.store.check(sealed, Live::default(), at(90)).await.map(|r| r.findings.len())
    };
    same("the heads as they stand", findings(stand.clone()).await?, 0)?;
    same("no heads", findings(Vec::new()).await?, 0)?;
    let forged = |change: fn(&mut Head)| {
        let mut sealed = stand.clone();
        sealed.iter_mut().filter(|head| head.book == Book::Outcomes).for_each(change);
        sealed
    };
    same("a link more", findings(forged(|head| head.link_no += 1)).await?, 1)?;
    same("another chain value", findings(forged(|head| head.chain[0] ^= 1)).await?, 1)?;
    same("a row more", findings(forged(|head| head.rows += 1)).await?, 1)?;
    same("another sender", findings(forged(|head| head.sender.0 += 1)).await?, 1)
}

pub(super) async fn the_same_calls_give_the_same_chains(bench: &Bench<'_>) -> Kept {
    let mut ends = Vec::new();
    for _ in 0..2 {
        let stage = Stage::frozen(bench, 30, 7).await?;
        for chunk in stage.lease(5, 99).await? {
            let verdict = if chunk.chunk.0 % 2 == 0 { Verdict::Accepted } else { Verdict::Deferred };
            stage.deliver(&chunk, verdict).await?;
        }
        stage.settle(Verdict::Expired, 99).await?;
        ends.push(stage.store.heads().await?);
    }
    same("the heads", ends[0].clone(), ends[1].clone())
}

pub(super) async fn recipients_are_listed_by_state(bench: &Bench<'_>) -> Kept {
    let stage = Stage::set(bench).await?;
    let mut batch = stage.batch(1, 1..=6);
    batch.intents[5] = suppressed(batch.intents[5].clone());
    stage.freeze_batch(batch, 9).await?;
    let chunk = stage.lease_one(5).await?;
    stage.attempt(&chunk, &[(1, 1), (2, 1), (3, 1)]).await?;
    stage
        .answer(vec![stage.outcome(1, 1, Verdict::Accepted), stage.outcome(2, 1, Verdict::Deferred)])
        .await?;
    let list = async |state, after, limit| {
        let views = stage
            .store
            .recipients(stage.tenant, stage.release, state, Live::default(), IntentNo(after), limit)
            .await?;
        Ok::<_, Breach>(views.into_iter().map(|view| (view.intent.0, view.state)).collect::<Vec<_>>())
    };
    use IntentState::{Accepted, Pending, Suppressed, Unknown};
    let all = vec![(1, Accepted), (2, Pending), (3, Unknown), (4, Pending), (5, Pending), (6, Suppressed)];
    same("all", list(None, 0, 99).await?, all.clone())?;
    same("a page", list(None, 2, 2).await?, all[2..4].to_vec())?;
    same("of one state", list(Some(Pending), 0, 99).await?, vec![(2, Pending), (4, Pending), (5, Pending)])?;
    same("none", list(Some(IntentState::Expired), 0, 99).await?, Vec::new())?;
    let views = stage
        .store
        .recipients(stage.tenant, stage.release, Some(Pending), Live::default(), IntentNo(0), 1)
        .await?;
    same("the address", views[0].address.clone(), Some(stage.intent_row(2).address))?;
    same("its attempts", views[0].attempts, 1)?;
    same("its last entry", views[0].last.clone(), Some(stage.outcome(2, 1, Verdict::Deferred)))
}

pub(super) async fn attempts_are_found_by_address(bench: &Bench<'_>) -> Kept {
    let stage = Stage::frozen(bench, 3, 3).await?;
    let chunk = stage.lease_one(5).await?;
    stage.attempt(&chunk, &[(2, 1)]).await?;
    stage.answer(vec![stage.outcome(2, 1, Verdict::Deferred)]).await?;
    stage.give_back(&chunk).await?;
    stage.settle(Verdict::Expired, 9).await?;
    let found = stage.store.attempts(stage.tenant, stage.release, "READER2@tenant1.EXAMPLE.jp").await?;
    same("attempt and settlement", found.len(), 2)?;
    same("the attempt", found[0].attempt, Some(stage.permit(&chunk, 2, 1).row))?;
    same("its session", found[0].session.clone(), Some(stage.session.clone()))?;
    same("its sender", found[0].sender, Some(stage.sender))?;
    let deferred = OutcomeRow { retry_at: None, ..stage.outcome(2, 1, Verdict::Deferred) };
    same("its outcome", found[0].outcomes.clone(), vec![deferred])?;
    same("the settlement has no attempt", found[1].attempt, None)?;
    same("it says so", found[1].outcomes[0].verdict, Verdict::Expired)?;
    let none = stage.store.attempts(stage.tenant, stage.release, "reader22@tenant1.example.jp").await?;
    holds("nobody else", none.is_empty())
}

pub(super) async fn the_books_are_given_with_their_links(bench: &Bench<'_>) -> Kept {
    let stage = Stage::frozen(bench, 9, 3).await?;
    for chunk in stage.lease(5, 2).await? {
        stage.deliver(&chunk, Verdict::Accepted).await?;
    }
    for head in stage.store.heads().await? {
        let rows =
            stage.store.book_rows(stage.tenant, stage.release, head.book, IntentNo(1), IntentNo(9)).await?;
        let links = stage.store.link_rows(stage.tenant, head.book, head.sender, 0, 99).await?;
        let mut end = Head::genesis(head.book, stage.tenant, head.sender);
        for link in &links {
            let mut builder = LinkBuilder::default();
            let covered = rows.iter().filter(|row| (row.sender, row.link_no) == (head.sender, link.link_no));
            covered.for_each(|row| row.row.add_to(stage.tenant, &mut builder));
            let (expected, next) = end.extend(builder.rows(), builder.root(), link.at);
            same("a link, recomputed", *link, expected)?;
            end = next;
        }
        same("the end of the chain", end, head)?;
        let later = stage.store.link_rows(stage.tenant, head.book, head.sender, 1, 1).await?;
        same("a page of links", later, links.get(1).copied().into_iter().collect())?;
        let some =
            stage.store.book_rows(stage.tenant, stage.release, head.book, IntentNo(2), IntentNo(4)).await?;
        same("a run of rows", some, rows[1..4].to_vec())?;
        let strangers = stage
            .store
            .book_rows(domain::TenantId(77), stage.release, head.book, IntentNo(1), IntentNo(9))
            .await?;
        holds("nothing of another tenant", strangers.is_empty())?;
    }
    Ok(())
}
