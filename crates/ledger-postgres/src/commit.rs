//! One group commit of one tenant: sessions, fenced permits, outcomes, returns, use of limited relays.
//!
//! A permit is stored only if its chunk's row, which is locked first, is leased to this sender under this lease epoch,
//! and its release, whose state is locked too, is active: a take-over, a pause or a cancellation is either seen here or
//! waits for this commit.

use std::collections::{BTreeMap, BTreeSet};

use domain::{ReleaseId, SenderEpoch, TenantId, Timestamp};
use futures_util::future::join;
use ledger::{
    AttemptKey, AttemptPermit, AttemptRow, Book, CommitReceipt, DeliveryCommit, OutcomeRow, RelayUse,
    ReleaseState, SessionRow,
};

use crate::columns::Columns;
use crate::connection::Values;
use crate::draft::Draft;
use crate::failure::Failure;
use crate::outcomes::Addition;
use crate::schedule::{Chunks, give_back};
use crate::values::{whole, wide, without_nul};
use crate::{account, outcomes, queries, walk};

/// How long the use of limited relays is remembered: longer than any limit's period.
pub(crate) const RELAY_USE_KEPT_S: i64 = 2 * 86_400;

/// Why attempts are refused: invariant 6.
const MISFIT: &str = "an attempt over a session of another tenant, relay or secret";

/// Who commits, for whom, when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Author {
    pub tenant: TenantId,
    pub sender: SenderEpoch,
    pub now: Timestamp,
}

/// Puts the rows in the order of their keys, in which the books grow best and no two nodes wait in a circle.
pub(crate) fn sort(commit: &mut DeliveryCommit) {
    commit.attempts.sort_unstable_by_key(|permit| permit.row.key);
    commit.outcomes.sort_by_key(|row| (row.key, row.verdict));
}

/// Stores a sorted commit inside the draft's transaction.
pub(crate) async fn store(
    draft: &mut Draft,
    author: Author,
    commit: &DeliveryCommit,
) -> Result<CommitReceipt, Failure> {
    let foreign = |key: AttemptKey| key.tenant != author.tenant;
    if commit.attempts.iter().any(|permit| foreign(permit.row.key))
        || commit.outcomes.iter().any(|row| foreign(row.key))
        || commit.sessions.iter().any(|row| row.tenant != author.tenant)
    {
        return Err(Failure::refused("a row of another tenant"));
    }
    // The chunks' rows first, then the states': sent in this order, before the first is answered.
    draft.prepare(queries::DELIVERY_CHUNK_LOCK).await?;
    draft.prepare(queries::RELEASE_STATE_SHARE).await?;
    let (chunks, active) =
        join(lock(draft, author, commit), active_releases(draft, author, &commit.attempts)).await;
    let (chunks, active) = (chunks?, active?);
    draft.known.places.learn(chunks.iter());
    insert_sessions(draft, &commit.sessions).await?;
    let (passed, fenced) = sift(author, &chunks, &active, &commit.attempts);
    let addition = add_rows(draft, author, &passed, outcomes::distinct(&commit.outcomes)).await?;
    outcomes::follow_up(draft, author, &chunks, addition).await?;
    let answered = commit.outcomes.iter().map(|row| (row.key.release, row.key.intent));
    account::returned(draft, author, &chunks, answered).await?;
    return_chunks(draft, author, &chunks, commit).await?;
    add_relay_use(draft, author, &commit.relay_use).await?;
    Ok(CommitReceipt { fenced })
}

/// Locks every chunk that the commit is about.
async fn lock(draft: &Draft, author: Author, commit: &DeliveryCommit) -> Result<Chunks, Failure> {
    let permitted = commit.attempts.iter().map(|permit| (permit.row.key.release, permit.chunk));
    let returned = commit.returns.iter().map(|row| (row.release, row.chunk));
    let mut numbers: BTreeSet<_> = permitted.chain(returned).collect();
    let intents = commit.outcomes.iter().map(|row| (row.key.release, row.key.intent)).collect();
    let intents = draft.known.places.resolve(intents, &mut numbers);
    let numbers: Vec<_> = numbers.into_iter().collect();
    Chunks::lock(draft, author.tenant, &numbers, &intents).await
}

async fn insert_sessions(draft: &Draft, sessions: &[SessionRow]) -> Result<(), Failure> {
    for row in sessions {
        let ids = (wide(row.tenant.0), wide(row.session.0), wide(row.relay.0), wide(row.sender.0));
        let (credential, opened_at) = (whole(row.credential.0), whole(row.opened_at.as_millis()));
        let texts = (without_nul(&row.peer), without_nul(&row.tls));
        let fingerprint = row.fingerprint.0.as_slice();
        let values: Values<'_> =
            &[&ids.0, &ids.1, &ids.2, &credential, &fingerprint, &texts.0, &texts.1, &ids.3, &opened_at];
        draft.execute(queries::SESSION_INSERT, values).await?;
    }
    Ok(())
}

/// Rows of the permits that pass the fence, and the keys of the others.
fn sift<'a>(
    author: Author,
    chunks: &Chunks,
    active: &BTreeSet<ReleaseId>,
    permits: &'a [AttemptPermit],
) -> (Vec<&'a AttemptRow>, Vec<AttemptKey>) {
    let passes = |permit: &&AttemptPermit| {
        let key = permit.row.key;
        let chunk = chunks.get(key.release, permit.chunk);
        active.contains(&key.release)
            && chunk
                .is_some_and(|chunk| chunk.is_held(author.sender, permit.lease) && chunk.covers(key.intent))
    };
    let (passed, fenced): (Vec<&AttemptPermit>, Vec<_>) = permits.iter().partition(passes);
    (passed.iter().map(|permit| &permit.row).collect(), fenced.iter().map(|permit| permit.row.key).collect())
}

/// Adds to both books, attempts first: all of it is sent before the first of it is answered.
async fn add_rows<'a>(
    draft: &mut Draft,
    author: Author,
    attempts: &[&AttemptRow],
    outcomes: Vec<&'a OutcomeRow>,
) -> Result<Addition<'a>, Failure> {
    draft.prepare(queries::ATTEMPT_INSERT).await?;
    let attempts_link = draft.link_no(Book::Attempts, author.sender).await?;
    let outcomes_link = outcomes::prepare(draft, author).await?;
    let (attempted, addition) = join(
        insert_attempts(draft, author, attempts_link, attempts),
        outcomes::add(draft, author, outcomes_link, outcomes),
    )
    .await;
    attempted?;
    if !attempts.is_empty() {
        let share = draft.entries.share(author.tenant, author.sender, author.now);
        share.attempts.extend(attempts.iter().copied().copied());
    }
    addition
}

/// Those of the permits' releases that may be sent; none of them changes before the commit.
async fn active_releases(
    draft: &Draft,
    author: Author,
    permits: &[AttemptPermit],
) -> Result<BTreeSet<ReleaseId>, Failure> {
    let mut active: BTreeSet<ReleaseId> = permits.iter().map(|permit| permit.row.key.release).collect();
    for release in active.clone() {
        let row =
            draft.row(queries::RELEASE_STATE_SHARE, &[&wide(author.tenant.0), &wide(release.0)]).await?;
        let state = row.map(|row| Columns(&row).coded(0, ReleaseState::from_code)).transpose()?;
        if state != Some(ReleaseState::Active) {
            active.remove(&release);
        }
    }
    Ok(active)
}

async fn insert_attempts(
    draft: &Draft,
    author: Author,
    link_no: u32,
    rows: &[&AttemptRow],
) -> Result<(), Failure> {
    if rows.is_empty() {
        return Ok(());
    }
    // A session that two rows name with different secrets would stand here twice.
    let over: BTreeSet<_> =
        rows.iter().map(|row| (row.session, row.relay, row.credential, row.fingerprint)).collect();
    let session_ids: Vec<_> = over.iter().map(|of| wide(of.0.0)).collect();
    let relays: Vec<_> = over.iter().map(|of| wide(of.1.0)).collect();
    let credentials: Vec<_> = over.iter().map(|of| whole(of.2.0)).collect();
    let fingerprints: Vec<_> = over.iter().map(|of| of.3.0.as_slice()).collect();
    if session_ids.windows(2).any(|two| two[0] == two[1]) {
        return Err(Failure::refused(MISFIT));
    }
    let link_no = whole(link_no);
    let (tenant, sender) = (wide(author.tenant.0), wide(author.sender.0));
    let releases: Vec<_> = rows.iter().map(|row| wide(row.key.release.0)).collect();
    let intents: Vec<_> = rows.iter().map(|row| whole(row.key.intent.0)).collect();
    let attempts: Vec<_> = rows.iter().map(|row| whole(row.key.attempt.0)).collect();
    let sessions: Vec<_> = rows.iter().map(|row| wide(row.session.0)).collect();
    let digests: Vec<_> = rows.iter().map(|row| row.body_digest.as_slice()).collect();
    let times: Vec<_> = rows.iter().map(|row| whole(row.opened_at.as_millis())).collect();
    let values: Values<'_> = &[
        &tenant,
        &sender,
        &link_no,
        &session_ids,
        &relays,
        &credentials,
        &fingerprints,
        &releases,
        &intents,
        &attempts,
        &sessions,
        &digests,
        &times,
    ];
    let stored = draft.execute(queries::ATTEMPT_INSERT, values).await?;
    if stored == rows.len() as u64 { Ok(()) } else { Err(Failure::refused(MISFIT)) }
}

/// Gives back the chunks that are still held as they say.
async fn return_chunks(
    draft: &Draft,
    author: Author,
    chunks: &Chunks,
    commit: &DeliveryCommit,
) -> Result<(), Failure> {
    let mut due = BTreeMap::new();
    for row in &commit.returns {
        let chunk =
            chunks.get(row.release, row.chunk).filter(|chunk| chunk.is_held(author.sender, row.lease));
        if let Some(chunk) = chunk {
            let standing = walk::standing(draft, chunk.scope(author.tenant, row.release), author.now).await?;
            due.insert((row.release, row.chunk), standing);
        }
    }
    give_back(draft, author.tenant, due.into_iter().collect()).await
}

async fn add_relay_use(draft: &Draft, author: Author, uses: &[RelayUse]) -> Result<(), Failure> {
    let second = author.now.as_millis().div_euclid(1000);
    let (tenant, this, oldest) = (wide(author.tenant.0), whole(second), whole(second - RELAY_USE_KEPT_S));
    for row in uses {
        let relay = wide(row.relay.0);
        draft.execute(queries::RELAY_USE_ADD, &[&tenant, &relay, &this, &whole(row.messages)]).await?;
        draft.execute(queries::RELAY_USE_DROP_BEFORE, &[&tenant, &relay, &oldest]).await?;
    }
    Ok(())
}
