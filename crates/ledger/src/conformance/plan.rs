//! Freezing an audience.

use std::collections::BTreeSet;

use domain::{IntentNo, Statement};

use super::Kept;
use super::bench::{Bench, Breach, holds, refused, same};
use super::stage::{Stage, numbers, suppressed};
use crate::directory::ReleaseState;
use crate::error::LedgerError;
use crate::rows::AudienceSeal;

pub(super) async fn an_interrupted_plan_goes_on(bench: &Bench<'_>) -> Kept {
    let stage = Stage::set(bench).await?;
    let count = async || stage.store.intent_count(stage.tenant, stage.release, 1).await;
    same("intents before", count().await?, 0)?;
    stage.store.intent_insert_batch(stage.batch(1, 1..=4)).await?;
    same("intents after a run", count().await?, 4)?;
    refused("a run with a gap", stage.store.intent_insert_batch(stage.batch(1, 6..=7)).await)?;
    refused("a run again", stage.store.intent_insert_batch(stage.batch(1, 1..=4)).await)?;
    refused("a run of a later wave", stage.store.intent_insert_batch(stage.batch(2, 5..=6)).await)?;
    same("intents after refusals", count().await?, 4)?;
    same("nothing is sealed", extent(&stage).await?, (0, IntentNo(0)))?;
    stage.states(None, Statement::default()).await?;
    holds("nothing is leased before the seal", stage.lease(9, 9).await?.is_empty())?;
    stage.store.intent_insert_batch(stage.batch(1, 5..=5)).await?;
    stage.store.audience_seal(stage.seal_of(&stage.batch(1, 1..=5), 2)).await?;
    same("the extent", extent(&stage).await?, (1, IntentNo(5)))?;
    refused("a run after the seal", stage.store.intent_insert_batch(stage.batch(1, 6..=6)).await)?;
    stage.states(None, Statement { audience: 5, pending: 5, ..Statement::default() }).await
}

pub(super) async fn a_seal_over_other_rows_is_refused(bench: &Bench<'_>) -> Kept {
    let stage = Stage::set(bench).await?;
    let batch = stage.batch(1, 1..=5);
    let right = stage.seal_of(&batch, 2);
    stage.store.intent_insert_batch(batch.clone()).await?;
    let mut other = batch.clone();
    other.intents[3].fields.push('x');
    let mut short = batch;
    short.intents.pop();
    for (what, wrong) in
        [("a changed field", stage.seal_of(&other, 2)), ("one less", stage.seal_of(&short, 2))]
    {
        let answer = stage.store.audience_seal(wrong).await;
        let expected = LedgerError::AudienceMismatch {
            release: stage.release,
            counted: wrong.digest,
            stored: right.digest,
        };
        same(what, answer, Err(expected))?;
    }
    same("nothing is sealed", extent(&stage).await?, (0, IntentNo(0)))?;
    same("the state", state(&stage).await?, ReleaseState::Planning)?;
    same("the counters", stage.store.counters(stage.tenant, stage.release).await?, Statement::default())?;
    for _ in 0..2 {
        same("the right seal, also again", stage.store.audience_seal(right).await?, right.digest)?;
        same("the state", state(&stage).await?, ReleaseState::Active)?;
        stage.states(None, Statement { audience: 5, pending: 5, ..Statement::default() }).await?;
    }
    Ok(())
}

pub(super) async fn a_wave_extends_an_audience(bench: &Bench<'_>) -> Kept {
    let stage = Stage::frozen(bench, 5, 2).await?;
    stage.store.intent_insert_batch(stage.batch(2, 6..=7)).await?;
    same("the extent before the second seal", extent(&stage).await?, (1, IntentNo(5)))?;
    stage.states(None, Statement { audience: 5, pending: 5, ..Statement::default() }).await?;
    let unsealed = vec!["reader6@tenant1.example.jp".to_owned()];
    let contained = stage.store.audience_contains(stage.tenant, stage.release, unsealed).await?;
    same("a wave that is still written is no audience yet", contained, vec![false])?;
    same("intents of the wave", stage.store.intent_count(stage.tenant, stage.release, 2).await?, 2)?;
    stage.store.intent_insert_batch(stage.batch(2, 8..=8)).await?;
    let seal = AudienceSeal { list_digest: [9; 32], ..stage.seal_of(&stage.batch(2, 6..=8), 2) };
    stage.store.audience_seal(seal).await?;
    same("the extent", extent(&stage).await?, (2, IntentNo(8)))?;
    same("intents of the first wave", stage.store.intent_count(stage.tenant, stage.release, 1).await?, 5)?;
    stage.states(None, Statement { audience: 8, pending: 8, ..Statement::default() }).await?;
    let listed = stage.store.release_get(stage.tenant, stage.release).await?.0.list_digest;
    same("the list's digest", listed, [9; 32])?;
    let chunks: Vec<_> =
        stage.lease(9, 9).await?.iter().map(|chunk| (chunk.chunk.0, numbers(chunk))).collect();
    let expected = vec![(0, vec![1, 2]), (1, vec![3, 4]), (2, vec![5]), (3, vec![6, 7]), (4, vec![8])];
    same("the chunks", chunks, expected)?;
    let asked: Vec<String> =
        ["reader8@tenant1.example.jp", "reader9@tenant1.example.jp", "READER1@tenant1.example.jp"]
            .map(str::to_owned)
            .to_vec();
    let contained = stage.store.audience_contains(stage.tenant, stage.release, asked).await?;
    same("comparison keys are compared as they are given", contained, vec![true, false, false])
}

pub(super) async fn suppressed_recipients_are_never_leased(bench: &Bench<'_>) -> Kept {
    let stage = Stage::set(bench).await?;
    let mut batch = stage.batch(1, 1..=7);
    for place in [1, 2, 3, 6] {
        batch.intents[place] = suppressed(batch.intents[place].clone());
    }
    stage.freeze_batch(batch, 2).await?;
    stage.states(None, Statement { audience: 7, suppressed: 4, pending: 3, ..Statement::default() }).await?;
    let leased: Vec<_> = stage.lease(9, 9).await?.iter().flat_map(numbers).collect();
    same("leased intents", leased, vec![1, 5, 6])?;
    let ahead = stage.store.work_ahead(stage.tenant, stage.release, super::stage::at(9)).await?;
    same("chunks with somebody in them", ahead.chunks_leased, 2)
}

pub(super) async fn seventy_thousand_intents_are_leased_once_each(bench: &Bench<'_>) -> Kept {
    const INTENTS: u32 = 70_000;
    let stage = Stage::set(bench).await?;
    let whole = stage.batch(1, 1..=INTENTS);
    let seal = stage.seal_of(&whole, 100);
    for first in (1..=INTENTS).step_by(20_000) {
        let last = (first + 19_999).min(INTENTS);
        stage.store.intent_insert_batch(stage.batch(1, first..=last)).await?;
    }
    stage.store.audience_seal(seal).await?;
    let mut met = BTreeSet::new();
    loop {
        let chunks = stage.lease(9, 64).await?;
        if chunks.is_empty() {
            break;
        }
        for intent in chunks.iter().flat_map(numbers) {
            if !met.insert(intent) {
                return Err(Breach::new(format!("intent {intent} was leased twice")));
            }
        }
    }
    same("intents leased", met.len(), INTENTS as usize)?;
    same("the last one", met.last().copied(), Some(INTENTS))?;
    same(
        "chunks out",
        stage.store.work_ahead(stage.tenant, stage.release, seal.now).await?.chunks_leased,
        700,
    )
}

async fn extent(stage: &Stage) -> Result<(u16, IntentNo), Breach> {
    Ok(stage.store.audience_extent(stage.tenant, stage.release).await?)
}

async fn state(stage: &Stage) -> Result<ReleaseState, Breach> {
    Ok(stage.store.release_get(stage.tenant, stage.release).await?.1)
}
