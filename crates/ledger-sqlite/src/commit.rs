//! One group commit of one tenant: sessions, fenced permits, outcomes, returns, use of limited relays.
//!
//! A permit is stored only if its chunk is leased to this sender under this lease epoch and its release is
//! active: a pause or a cancellation fences what was not yet permitted, at once.

use domain::{ChunkNo, ReleaseId, SenderEpoch, TenantId, Timestamp};
use ledger::{
    AttemptKey, AttemptPermit, Book, Chunk, ChunkReturn, CommitReceipt, DeliveryCommit, RelayUse,
    ReleaseState, SessionRow,
};
use rusqlite::params;

use crate::columns::wide;
use crate::draft::Draft;
use crate::failure::Failure;
use crate::lease;
use crate::outcomes::OutcomeWriter;
use crate::queries;

/// Who commits, for whom, when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Author {
    pub tenant: TenantId,
    pub sender: SenderEpoch,
    pub now: Timestamp,
}

/// Puts the rows in the order of their keys, in which the books grow best.
pub(crate) fn sort(commit: &mut DeliveryCommit) {
    commit.attempts.sort_unstable_by_key(|permit| permit.row.key);
    commit.outcomes.sort_by_key(|row| (row.key, row.verdict));
}

/// Stores a sorted commit inside the draft's transaction.
pub(crate) fn store(
    draft: &mut Draft<'_>,
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
    insert_sessions(draft, &commit.sessions)?;
    let fenced = insert_attempts(draft, author, &commit.attempts)?;
    if !commit.outcomes.is_empty() {
        let mut writer = OutcomeWriter::new(draft, author.sender, author.now)?;
        for row in &commit.outcomes {
            writer.add(draft, row)?;
        }
        writer.account(draft, author.tenant)?;
    }
    for row in &commit.returns {
        give_back(draft, author, row)?;
    }
    add_relay_use(draft, author, &commit.relay_use)?;
    Ok(CommitReceipt { fenced })
}

fn insert_sessions(draft: &Draft<'_>, sessions: &[SessionRow]) -> Result<(), Failure> {
    let mut insert = draft.prepare(queries::SESSION_INSERT)?;
    for row in sessions {
        insert.execute(params![
            wide(row.tenant.0),
            wide(row.session.0),
            wide(row.relay.0),
            row.credential.0,
            row.fingerprint.0,
            row.peer,
            row.tls,
            wide(row.sender.0),
            row.opened_at.as_millis()
        ])?;
    }
    Ok(())
}

/// Stores the permits that are not fenced; gives the keys of those that are.
fn insert_attempts(
    draft: &mut Draft<'_>,
    author: Author,
    permits: &[AttemptPermit],
) -> Result<Vec<AttemptKey>, Failure> {
    let mut fenced = Vec::new();
    if permits.is_empty() {
        return Ok(fenced);
    }
    let link_no = draft.link_no(Book::Attempts, author.tenant, author.sender)?;
    let mut fence = Fence { author, known: Vec::new() };
    let mut insert = draft.prepare(queries::ATTEMPT_INSERT)?;
    for permit in permits {
        if !fence.lets_pass(draft, permit)? {
            fenced.push(permit.row.key);
            continue;
        }
        let row = &permit.row;
        insert.execute(params![
            wide(row.key.tenant.0),
            wide(row.key.release.0),
            row.key.intent.0,
            row.key.attempt.0,
            wide(row.session.0),
            wide(row.relay.0),
            row.credential.0,
            row.fingerprint.0,
            row.body_digest,
            row.opened_at.as_millis(),
            wide(author.sender.0),
            link_no
        ])?;
        draft.entries.share(author.tenant, author.sender, author.now).attempts.push(*row);
    }
    Ok(fenced)
}

/// The leases of the chunks met in one commit, each looked at once.
struct Fence {
    author: Author,
    known: Vec<(ReleaseId, ChunkNo, Option<Chunk>)>,
}

impl Fence {
    fn lets_pass(&mut self, draft: &Draft<'_>, permit: &AttemptPermit) -> Result<bool, Failure> {
        let key = permit.row.key;
        let chunk = self.chunk(draft, key.release, permit.chunk)?;
        Ok(chunk.is_some_and(|chunk| chunk.lease == permit.lease && chunk.covers(key.intent)))
    }

    /// The chunk, if it is out to this sender and its release may be sent.
    fn chunk(
        &mut self,
        draft: &Draft<'_>,
        release: ReleaseId,
        no: ChunkNo,
    ) -> Result<Option<Chunk>, Failure> {
        let met = self.known.iter().rev().find(|(of, chunk, _)| *of == release && *chunk == no);
        if let Some((.., chunk)) = met {
            return Ok(*chunk);
        }
        let chunk = lease::chunk_get(draft.connection(), self.author.tenant, release, no)?
            .filter(|chunk| chunk.holder == Some(self.author.sender));
        let active = lease::release_state(draft.connection(), self.author.tenant, release)?
            == Some(ReleaseState::Active);
        let chunk = chunk.filter(|_| active);
        self.known.push((release, no, chunk));
        Ok(chunk)
    }
}

fn give_back(draft: &mut Draft<'_>, author: Author, row: &ChunkReturn) -> Result<(), Failure> {
    let chunk = lease::chunk_get(draft.connection(), author.tenant, row.release, row.chunk)?;
    match chunk.filter(|chunk| chunk.is_held(author.sender, row.lease)) {
        Some(chunk) => lease::give_back(draft, author.tenant, row.release, &chunk, author.now),
        None => Ok(()),
    }
}

fn add_relay_use(draft: &Draft<'_>, author: Author, uses: &[RelayUse]) -> Result<(), Failure> {
    let mut add = draft.prepare(queries::RELAY_USE_ADD)?;
    let second = author.now.as_millis().div_euclid(1000);
    for row in uses {
        add.execute(params![wide(author.tenant.0), wide(row.relay.0), second, row.messages])?;
    }
    Ok(())
}

/// The rough size of a commit for the writer's group.
pub(crate) fn rows(commit: &DeliveryCommit) -> usize {
    commit.sessions.len() + commit.attempts.len() + commit.outcomes.len() + 64 * commit.returns.len()
}
