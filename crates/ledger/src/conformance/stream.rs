//! Mails that come one by one: a wave with its content is stored, sealed and due at once, or not at all.

use domain::{AudienceDigest, IntentNo, Statement, TenantId, Verdict};
use futures_util::future::join_all;

use super::Kept;
use super::bench::{Bench, Breach, refused, same};
use super::stage::{Stage, at, suppressed};
use crate::directory::{ContentPart, ReleaseState};
use crate::error::LedgerError;
use crate::stream::STREAM_WAVE_INTENTS_MAX;
use crate::{StreamWave, recipient_hash};

/// Parts with these numbers, and the intents `first` to `last`.
fn wave(stage: &Stage, wave: u16, parts: &[u32], (first, last): (u32, u32)) -> StreamWave {
    let batch = stage.batch(wave, first..=last);
    let part = |number: &u32| ContentPart {
        part_no: *number,
        name: format!("{{\"n\":{number}}}"),
        bytes: format!("Subject: 春の新作① {number}\r\n\r\n🌸\0\r\n").into_bytes(),
    };
    let mut wave = StreamWave {
        tenant: stage.tenant,
        release: stage.release,
        wave,
        sender: stage.sender,
        parts: parts.iter().map(part).collect(),
        intents: batch.intents,
        digest: AudienceDigest::default(),
        due_at: at(2),
        now: at(2),
    };
    count(&mut wave);
    wave
}

impl Stage {
    /// A wave of a stream, whole: parts with these numbers, and the intents `first` to `last`.
    #[must_use]
    pub fn stream_wave(&self, number: u16, parts: &[u32], range: (u32, u32)) -> StreamWave {
        wave(self, number, parts, range)
    }
}

fn count(wave: &mut StreamWave) {
    wave.digest = AudienceDigest::default();
    wave.intents.iter().for_each(|row| wave.digest.add(&recipient_hash(&row.address, &row.fields)));
}

fn pending(audience: u64, pending: u64) -> Statement {
    Statement { audience, pending, ..Statement::default() }
}

async fn state(stage: &Stage) -> Result<ReleaseState, Breach> {
    Ok(stage.store.release_get(stage.tenant, stage.release).await?.1)
}

fn mismatch(what: &str, answer: Result<(), LedgerError>) -> Kept {
    match answer {
        Err(LedgerError::AudienceMismatch { .. }) => Ok(()),
        other => same(what, other.map_err(|error| error.to_string()), Err("a mismatch".to_owned())),
    }
}

pub(super) async fn a_wave_is_stored_sealed_and_due_at_once(bench: &Bench<'_>) -> Kept {
    let stage = Stage::set(bench).await?;
    let before = stage.store.release_get(stage.tenant, stage.release).await?.0;
    stage.store.stream_append(wave(&stage, 1, &[10, 11], (1, 3))).await?;
    same("its state", state(&stage).await?, ReleaseState::Active)?;
    stage.store.stream_append(wave(&stage, 2, &[12], (4, 4))).await?;
    stage.states(None, pending(4, 4)).await?;
    let chunks = stage.lease(5, 9).await?;
    let numbers: Vec<Vec<u32>> =
        chunks.iter().map(|chunk| chunk.intents.iter().map(|intent| intent.intent.0).collect()).collect();
    same("a chunk for each wave", numbers, vec![vec![1, 2, 3], vec![4]])?;
    same("a recipient", chunks[1].intents[0].address.clone(), stage.intent_row(4).address)?;
    let parts = stage.store.content_range(stage.tenant, stage.release, 11, 12).await?;
    let expected = wave(&stage, 1, &[11, 12], (1, 1)).parts;
    same("its content", parts, expected)?;
    let theirs = stage.store.content_range(TenantId(77), stage.release, 0, 99).await?;
    same("another tenant's content", theirs, Vec::new())?;
    stage.attempt(&chunks[0], &[(1, 1), (2, 1)]).await?;
    stage
        .answer(vec![stage.outcome(1, 1, Verdict::Accepted), stage.outcome(2, 1, Verdict::Rejected)])
        .await?;
    let expected = Statement { audience: 4, accepted: 1, rejected: 1, pending: 2, ..Statement::default() };
    stage.states(None, expected).await?;
    let after = stage.store.release_get(stage.tenant, stage.release).await?.0;
    same("its row, with the list's digest that it was made with", after, before)
}

pub(super) async fn a_stream_is_sent_and_its_statement_balances(bench: &Bench<'_>) -> Kept {
    let stage = Stage::set(bench).await?;
    for (number, range) in [(1, (1, 50)), (2, (51, 51)), (3, (52, 80))] {
        let mut next = wave(&stage, number, &[100 * u32::from(number)], range);
        next.intents[0] = suppressed(next.intents[0].clone());
        count(&mut next);
        stage.store.stream_append(next).await?;
    }
    let extent = stage.store.audience_extent(stage.tenant, stage.release).await?;
    same("how far it goes", extent, (3, IntentNo(80)))?;
    let chunks = stage.lease(5, 9).await?;
    same("chunks in which somebody is owed a mail", chunks.len(), 2)?;
    stage.deliver(&chunks[0], Verdict::Accepted).await?;
    stage.deliver(&chunks[1], Verdict::Deferred).await?;
    let expected =
        Statement { audience: 80, suppressed: 3, accepted: 49, pending: 28, ..Statement::default() };
    stage.states(None, expected).await?;
    stage.deliver(&stage.lease_one(100).await?, Verdict::Accepted).await?;
    let expected = Statement { audience: 80, suppressed: 3, accepted: 77, ..Statement::default() };
    stage.states(None, expected).await?;
    same(
        "a wave after all was sent",
        stage.store.stream_append(wave(&stage, 4, &[], (81, 81))).await,
        Ok(()),
    )?;
    same("it is due", stage.lease_one(100).await?.intents.len(), 1)
}

pub(super) async fn parts_are_numbered_through_32_bits(bench: &Bench<'_>) -> Kept {
    let stage = Stage::set(bench).await?;
    let numbers = [1000, i32::MAX as u32, i32::MAX as u32 + 1, u32::MAX];
    let wave = wave(&stage, 1, &numbers, (1, 1));
    let (parts, range) = (wave.parts.clone(), (stage.tenant, stage.release));
    stage.store.stream_append(wave).await?;
    let get = async |first, last| stage.store.content_range(range.0, range.1, first, last).await;
    same("all", get(1000, u32::MAX).await?, parts.clone())?;
    same("both ends belong to it", get(numbers[1], numbers[2]).await?, parts[1..3].to_vec())?;
    same("one", get(u32::MAX, u32::MAX).await?, parts[3..].to_vec())?;
    same("none", get(1001, 2000).await?, Vec::new())?;
    same("backwards", get(2000, 1000).await?, Vec::new())
}

pub(super) async fn streams_commit_side_by_side(bench: &Bench<'_>) -> Kept {
    let one = Stage::set(bench).await?;
    let mut stages = vec![one.clone()];
    for number in 2..=6 {
        stages.push(Stage::of_tenant(&one.store, number, one.sender).await?);
    }
    let answers = join_all(stages.iter().map(|stage| async move {
        let mut next = wave(stage, 1, &[10], (1, 40));
        // Every third counted somebody else: it alone is left out.
        if stage.tenant.0.is_multiple_of(3) {
            next.intents[7].fields.push('髙');
        }
        stage.store.stream_append(next).await
    }));
    for (stage, answer) in stages.iter().zip(answers.await) {
        let is_left_out = stage.tenant.0.is_multiple_of(3);
        same("left out", matches!(answer, Err(LedgerError::AudienceMismatch { .. })), is_left_out)?;
        let stored = if is_left_out { 0 } else { 40 };
        same("stored", stage.store.intent_count(stage.tenant, stage.release, 1).await?, stored)?;
        stage
            .store
            .stream_append(wave(stage, if is_left_out { 1 } else { 2 }, &[11], (stored + 1, stored + 2)))
            .await?;
    }
    Ok(())
}

pub(super) async fn a_wave_that_is_not_what_was_counted_leaves_nothing(bench: &Bench<'_>) -> Kept {
    let stage = Stage::set(bench).await?;
    let heads = stage.store.heads().await?;
    let mut other = wave(&stage, 1, &[20], (1, 3));
    other.intents[1].address = "somebody@else.example".to_owned();
    let answer = stage.store.stream_append(other).await;
    mismatch("another recipient than was counted", answer)?;
    let mut fewer = wave(&stage, 1, &[20], (1, 3));
    fewer.intents.pop();
    let mismatch =
        matches!(stage.store.stream_append(fewer).await, Err(LedgerError::AudienceMismatch { .. }));
    same("fewer than were counted", mismatch, true)?;
    same("the chains", stage.store.heads().await?, heads)?;
    same("its content", stage.store.content_range(stage.tenant, stage.release, 2, 99).await?, Vec::new())?;
    same("its state", state(&stage).await?, ReleaseState::Planning)?;
    same("its intents", stage.store.intent_count(stage.tenant, stage.release, 1).await?, 0)?;
    stage.store.stream_append(wave(&stage, 1, &[20], (1, 3))).await?;
    stage.states(None, pending(3, 3)).await
}

pub(super) async fn a_wave_out_of_its_order_is_refused(bench: &Bench<'_>) -> Kept {
    let stage = Stage::set(bench).await?;
    stage.store.stream_append(wave(&stage, 1, &[10], (1, 2))).await?;
    let mut empty = wave(&stage, 2, &[11], (3, 3));
    empty.intents.clear();
    count(&mut empty);
    for (what, wrong) in [
        ("the same wave again", wave(&stage, 1, &[11], (3, 3))),
        ("a wave left out", wave(&stage, 3, &[11], (3, 3))),
        ("an intent left out", wave(&stage, 2, &[11], (4, 4))),
        ("intents again", wave(&stage, 2, &[11], (2, 3))),
        ("a part that stands", wave(&stage, 2, &[10], (3, 3))),
        ("no intent", empty),
        ("too many", wave(&stage, 2, &[11], (3, 3 + STREAM_WAVE_INTENTS_MAX as u32))),
    ] {
        refused(what, stage.store.stream_append(wrong).await)?;
    }
    stage.states(None, pending(2, 2)).await?;
    let missing = StreamWave { tenant: TenantId(77), ..wave(&stage, 1, &[1], (1, 1)) };
    let answer = stage.store.stream_append(missing).await;
    same("a stream of another tenant", answer, Err(LedgerError::NotFound { what: "the release" }))
}

pub(super) async fn a_wave_waits_for_its_time(bench: &Bench<'_>) -> Kept {
    let stage = Stage::set(bench).await?;
    let later = StreamWave { due_at: at(50), ..wave(&stage, 1, &[1000], (1, 2)) };
    stage.store.stream_append(later).await?;
    same("before its time", stage.lease(49, 9).await?.len(), 0)?;
    let ahead = stage.store.work_ahead(stage.tenant, stage.release, at(49)).await?;
    same("when it is due", ahead.next_due_at, Some(at(50)))?;
    same("at its time", stage.lease(50, 9).await?.len(), 1)
}

pub(super) async fn a_held_stream_takes_mails_and_a_cancelled_one_none(bench: &Bench<'_>) -> Kept {
    let stage = Stage::set(bench).await?;
    stage.store.stream_append(wave(&stage, 1, &[10], (1, 1))).await?;
    let set = async |state| stage.store.release_state_set(stage.tenant, stage.release, state, at(3)).await;
    set(ReleaseState::Paused).await?;
    let mut held = wave(&stage, 2, &[11], (2, 3));
    held.intents[0] = suppressed(held.intents[0].clone());
    count(&mut held);
    stage.store.stream_append(held).await?;
    same("its state", state(&stage).await?, ReleaseState::Paused)?;
    same("nothing is leased", stage.lease(5, 9).await?.len(), 0)?;
    let expected = Statement { audience: 3, suppressed: 1, pending: 2, ..Statement::default() };
    stage.states(None, expected).await?;
    set(ReleaseState::Active).await?;
    let owed: Vec<IntentNo> = stage
        .lease(6, 9)
        .await?
        .iter()
        .flat_map(|chunk| chunk.intents.iter().map(|one| one.intent))
        .collect();
    same("what is owed", owed, vec![IntentNo(1), IntentNo(3)])?;
    set(ReleaseState::Cancelled).await?;
    refused("a cancelled stream", stage.store.stream_append(wave(&stage, 3, &[12], (4, 4))).await)
}
