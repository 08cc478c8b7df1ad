//! What is accounted for and what is not: by the chunks' accounts, by the books alone, by the minute.

use domain::{IntentNo, TenantId, Verdict};

use super::Kept;
use super::bench::{Bench, Breach, holds, same};
use super::stage::{Stage, at, suppressed};
use crate::census::{BooksCensus, Census, CensusRequest, ReleaseGap, VerdictBucket, VerdictWindow};
use crate::directory::ReleaseState;
use crate::minutes::{Verdicts, minute_of, minute_start};
use crate::rows::{OutcomeRow, WitnessRow};

/// A census at a second, of the case's tenant; and the same over all tenants.
async fn census(stage: &Stage, second: i64, ids_max: u32) -> Result<Census, Breach> {
    let request = CensusRequest { tenant: Some(stage.tenant), now: at(second), ids_max };
    let of_tenant = stage.store.census(request).await?;
    let of_all = stage.store.census(CensusRequest { tenant: None, ..request }).await?;
    same("the census over all tenants", &of_all, &of_tenant)?;
    let of_other = CensusRequest { tenant: Some(TenantId(77)), ..request };
    same("of another tenant", stage.store.census(of_other).await?, Census::default())?;
    Ok(of_tenant)
}

/// The one release's intents by place: missing, overdue, in flight, waiting; and those named.
fn places(census: &Census) -> Option<([u64; 4], Vec<u32>)> {
    let [ReleaseGap { places, ids, .. }] = census.releases.as_slice() else { return None };
    Some((*places, ids.iter().map(|intent| intent.0).collect()))
}

pub(super) async fn what_is_accounted_for_is_no_gap(bench: &Bench<'_>) -> Kept {
    let stage = Stage::set(bench).await?;
    let mut batch = stage.batch(1, 1..=8);
    for at in [0, 2, 3] {
        batch.intents[at] = suppressed(batch.intents[at].clone());
    }
    stage.freeze_batch(batch, 2).await?;
    same("frozen", places(&census(&stage, 5, 9).await?), Some(([0, 0, 0, 5], vec![])))?;
    let chunks = stage.lease(5, 2).await?;
    same("two out on lease", places(&census(&stage, 5, 9).await?), Some(([0, 0, 3, 2], vec![])))?;
    stage.deliver(&chunks[0], Verdict::Accepted).await?;
    stage.deliver(&chunks[1], Verdict::Unknown).await?;
    same("two answered", places(&census(&stage, 30, 9).await?), Some(([0, 0, 0, 2], vec![])))?;
    stage.store.release_state_set(stage.tenant, stage.release, ReleaseState::Cancelled, at(40)).await?;
    stage.settle(Verdict::Cancelled, 9).await?;
    same("all settled", census(&stage, 9000, 9).await?, Census::default())
}

pub(super) async fn what_nobody_has_in_hand_is_named(bench: &Bench<'_>) -> Kept {
    let stage = Stage::frozen(bench, 7, 2).await?;
    same("in time", places(&census(&stage, 61, 9).await?), Some(([0, 0, 0, 7], vec![])))?;
    let all = Some(([0, 7, 0, 0], vec![1, 2, 3, 4, 5, 6, 7]));
    same("due for a minute", places(&census(&stage, 62, 9).await?), all)?;
    same(
        "named as far as asked",
        places(&census(&stage, 62, 4).await?),
        Some(([0, 7, 0, 0], vec![1, 2, 3, 4])),
    )?;
    stage.store.release_state_set(stage.tenant, stage.release, ReleaseState::Paused, at(62)).await?;
    same("held by people", places(&census(&stage, 62, 9).await?), Some(([0, 0, 0, 7], vec![])))?;
    stage.store.release_state_set(stage.tenant, stage.release, ReleaseState::Active, at(63)).await?;
    let chunk = stage.lease_one(63).await?;
    same("out on lease", places(&census(&stage, 182, 0).await?), Some(([0, 5, 2, 0], vec![])))?;
    same("a lease that ended", places(&census(&stage, 183, 2).await?), Some(([0, 7, 0, 0], vec![1, 2])))?;
    stage.attempt(&chunk, &[(1, 1), (2, 1)]).await?;
    let later = OutcomeRow { retry_at: Some(at(900)), ..stage.outcome(2, 1, Verdict::Deferred) };
    stage.answer(vec![stage.outcome(1, 1, Verdict::Rejected), later]).await?;
    stage.give_back(&chunk).await?;
    same(
        "one waits for its retry",
        places(&census(&stage, 183, 9).await?),
        Some(([0, 5, 0, 1], vec![3, 4, 5, 6, 7])),
    )
}

pub(super) async fn a_late_entry_is_accounted_for(bench: &Bench<'_>) -> Kept {
    let stage = Stage::frozen(bench, 3, 1).await?;
    for chunk in stage.lease(5, 3).await? {
        let intent = chunk.intents[0].intent.0;
        stage.attempt(&chunk, &[(intent, 1)]).await?;
        // Given back before its outcome: nothing of it may be tried, and nothing is known of it.
        stage.give_back(&chunk).await?;
    }
    same("without an answer", places(&census(&stage, 40, 9).await?), Some(([3, 0, 0, 0], vec![1, 2, 3])))?;
    let holes = stage.store.sweep(at(40)).await?;
    let said: Vec<_> = holes.iter().map(|hole| (hole.chunk.no.0, hole.open, hole.due_again_at)).collect();
    same("a sweep says so, and cannot try them", said, vec![(0, 1, None), (1, 1, None), (2, 1, None)])?;
    stage.answer(vec![stage.outcome(1, 1, Verdict::Accepted)]).await?;
    same("a late reply", places(&census(&stage, 40, 9).await?), Some(([2, 0, 0, 0], vec![2, 3])))?;
    let witness = WitnessRow {
        key: stage.key(2, 1),
        event_id: "e2".to_owned(),
        source: "relay".to_owned(),
        accepted: true,
        payload_digest: [1; 32],
        at: at(41),
    };
    stage.store.witness_append(stage.tenant, stage.sender, at(41), vec![witness]).await?;
    same("a witness", places(&census(&stage, 41, 9).await?), Some(([1, 0, 0, 0], vec![3])))?;
    stage.answer(vec![stage.outcome(3, 1, Verdict::Unknown)]).await?;
    same("all said", census(&stage, 41, 9).await?, Census::default())?;
    // What was thought unknown was never sent: it is owed again.
    stage.answer(vec![stage.outcome(3, 1, Verdict::Deferred)]).await?;
    same("owed again", places(&census(&stage, 41, 9).await?), Some(([0, 0, 0, 1], vec![])))
}

pub(super) async fn the_books_alone_say_the_same(bench: &Bench<'_>) -> Kept {
    let stage = Stage::frozen(bench, 5, 2).await?;
    let open = async |tenant| -> Result<Vec<(u64, Vec<u32>)>, Breach> {
        let BooksCensus { releases, intents, gaps } = stage.store.books_census(tenant).await?;
        same("releases and intents read", (releases, intents), (1, 5))?;
        holds("the books agree with each other", gaps.iter().all(crate::census::BooksGap::is_sound))?;
        Ok(gaps.iter().map(|gap| (gap.open, gap.ids.iter().map(|intent| intent.0).collect())).collect())
    };
    same("nothing sent", open(None).await?, vec![(5, vec![1, 2, 3, 4, 5])])?;
    let chunks = stage.lease(5, 9).await?;
    stage.deliver(&chunks[0], Verdict::Accepted).await?;
    stage.deliver(&chunks[1], Verdict::Deferred).await?;
    stage.deliver(&chunks[2], Verdict::Unknown).await?;
    same("of all tenants", open(None).await?, vec![(2, vec![3, 4])])?;
    same("of its own", open(Some(stage.tenant)).await?, vec![(2, vec![3, 4])])?;
    let other = stage.store.books_census(Some(TenantId(77))).await?;
    same("of another", other, BooksCensus::default())?;
    // Its attempt was never sent after all.
    stage.answer(vec![stage.outcome(5, 1, Verdict::Deferred)]).await?;
    same("one more is owed", open(None).await?, vec![(3, vec![3, 4, 5])])
}

pub(super) async fn verdicts_are_counted_by_the_minute(bench: &Bench<'_>) -> Kept {
    let stage = Stage::frozen(bench, 4, 4).await?;
    let chunk = stage.lease_one(5).await?;
    stage.attempt(&chunk, &[(1, 1), (2, 1), (3, 1)]).await?;
    let first = minute_of(at(0)) + 1;
    let said = |intent, verdict, minute: i64| {
        let at = minute_start(first + minute);
        OutcomeRow { at, ..stage.outcome(intent, 1, verdict) }
    };
    stage.answer(vec![said(1, Verdict::Accepted, 0), said(2, Verdict::Deferred, 0)]).await?;
    stage.answer(vec![said(1, Verdict::Accepted, 0), said(3, Verdict::Accepted, 0)]).await?;
    stage.answer(vec![said(2, Verdict::Rejected, 59), said(3, Verdict::Unknown, 61)]).await?;
    stage.give_back(&chunk).await?;
    stage.store.release_state_set(stage.tenant, stage.release, ReleaseState::Cancelled, at(40)).await?;
    stage.settle(Verdict::Cancelled, 9).await?;
    let buckets = async |tenant, minutes: std::ops::Range<i64>, bucket_minutes| {
        let (from, to) = (minute_start(first + minutes.start), minute_start(first + minutes.end));
        stage.store.verdict_times(VerdictWindow { tenant, from, to, bucket_minutes }).await
    };
    let bucket = |minute, verdicts: Verdicts| VerdictBucket { at: minute_start(first + minute), verdicts };
    let expected =
        vec![bucket(0, [2, 1, 0, 0, 1, 0]), bucket(59, [0, 0, 1, 0, 0, 0]), bucket(61, [0, 0, 0, 1, 0, 0])];
    same("of all tenants", buckets(None, 0..62, 1).await?, expected.clone())?;
    same("of its own", buckets(Some(stage.tenant), 0..62, 1).await?, expected.clone())?;
    same("of another", buckets(Some(TenantId(77)), 0..62, 1).await?, Vec::new())?;
    same("a window's end", buckets(None, 0..61, 1).await?, expected[..2].to_vec())?;
    let whole = buckets(None, -9000..9000, 60).await?;
    let mut sum = Verdicts::default();
    whole.iter().for_each(|one| sum.iter_mut().zip(one.verdicts).for_each(|(sum, more)| *sum += more));
    same("all, by the hour", sum, [2, 1, 1, 1, 1, 0])?;
    holds("hours begin at hours", whole.iter().all(|one| minute_of(one.at) % 60 == 0))
}

pub(super) async fn a_sweep_finds_nothing_where_all_is_well(bench: &Bench<'_>) -> Kept {
    let stage = Stage::frozen(bench, 6, 2).await?;
    let chunks = stage.lease(5, 2).await?;
    stage.deliver(&chunks[0], Verdict::Deferred).await?;
    same("a sweep", stage.store.sweep(at(9000)).await?, Vec::new())?;
    stage.deliver(&chunks[1], Verdict::Accepted).await?;
    same("another", stage.store.sweep(at(9000)).await?, Vec::new())?;
    let due = stage.lease(9000, 9).await?;
    let due: Vec<_> = due.iter().flat_map(|chunk| &chunk.intents).map(|leased| leased.intent).collect();
    same("what is due", due, [5, 6, 1, 2].map(IntentNo).to_vec())
}
