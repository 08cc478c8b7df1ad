//! What senders that are gone had on the wire (invariants 4, 5, 7): at a start, and on shared books ever again.
//!
//! Open attempts of chunks that were taken over get an outcome by the old journal: a reply mark is that outcome,
//! a dot mark is unknown, no mark under the same journal and boot was never sent. Anything else is unknown.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::Path;
use std::time::Duration;

use domain::{NodeId, Phase, RetrySchedule, SenderEpoch, TenantId, Timestamp, UnknownPolicy, Verdict};
use ledger::nodes::CLOCKS_DIFFER_MS;
use ledger::{
    ChunkReturn, DeliveryCommit, LedgerError, OpenAttempt, OutcomeRow, RelayUse, Store, TakeOverRequest,
    TakenChunk,
};

use crate::journal::{JournaledReply, Mark, Replay};

/// What a recovery found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Attempts that were never sent.
    pub unsent: u64,
    /// Attempts whose reply stood in the journal.
    pub answered: u64,
    /// Attempts whose message end may have arrived.
    pub unknown: u64,
}

impl std::ops::AddAssign for Recovered {
    fn add_assign(&mut self, other: Self) {
        self.unsent += other.unsent;
        self.answered += other.answered;
        self.unknown += other.unknown;
    }
}

/// Why a recovery could not be done.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] LedgerError),
    /// A journal could not be read.
    #[error("a journal of dots in the data folder cannot be read: {0}")]
    Journal(#[from] io::Error),
}

/// Where and when a recovery happens, and for whom.
#[derive(Debug, Clone, Copy)]
pub struct RecoverOptions<'a> {
    /// Who takes over.
    pub sender: SenderEpoch,
    /// Of which node.
    pub node: NodeId,
    /// Where the node's journals lie.
    pub folder: &'a Path,
    /// This boot.
    pub boot: [u8; 16],
    /// Now.
    pub now: Timestamp,
    /// How long the taken leases hold meanwhile.
    pub lease: Duration,
    /// The least wait before an unknown mail may be sent again: what a dead process' kernel may still send.
    pub resend_wait: Duration,
}

/// Takes over what senders that are gone held, gives each open attempt its outcome, and returns the chunks.
///
/// # Errors
/// When the store or a journal fails; it can be run again.
pub async fn recover(store: &dyn Store, options: RecoverOptions<'_>) -> Result<Recovered, RecoverError> {
    let (sender, now) = (options.sender, options.now);
    let ended = ended_by(now, store.is_shared());
    let request = TakeOverRequest { sender, node: options.node, now: ended, until: now + options.lease };
    let taken = store.lease_takeover(request).await?;
    let mut reading = Reading::new(options, store.is_shared());
    for attempt in &taken.open {
        let proof = reading.proof(attempt)?;
        reading.conclude(attempt, &proof);
    }
    for TakenChunk { tenant, release, chunk, lease } in taken.chunks {
        reading.commits.entry(tenant).or_default().returns.push(ChunkReturn { release, chunk, lease });
    }
    for (tenant, commit) in reading.commits {
        store.delivery_commit(tenant, sender, now, commit).await?;
    }
    Ok(reading.recovered)
}

/// Leases that were to hold until then have ended everywhere: over shared books another machine's clock may be behind,
/// and what ended by this one may hold there.
fn ended_by(now: Timestamp, is_shared: bool) -> Timestamp {
    match is_shared {
        true => Timestamp::from_millis(now.as_millis() - CLOCKS_DIFFER_MS),
        false => now,
    }
}

/// A node that was away: others took its chunks over, and could not know what its journal knows.
///
/// # Errors
/// As [`recover`].
pub async fn replay_lost(store: &dyn Store, options: RecoverOptions<'_>) -> Result<Recovered, RecoverError> {
    let lost = store.lost_attempts(options.node, options.sender).await?;
    let mut reading = Reading::new(options, store.is_shared());
    for attempt in &lost {
        let proof = reading.proof(attempt)?;
        if !matches!(proof, Proof::MaySent) {
            reading.conclude(attempt, &proof);
        }
    }
    for (tenant, commit) in reading.commits {
        store.delivery_commit(tenant, options.sender, options.now, commit).await?;
    }
    store.lost_forget(options.node, options.sender, options.now).await?;
    Ok(reading.recovered)
}

/// Open attempts held against the journals.
struct Reading<'a> {
    options: RecoverOptions<'a>,
    is_shared: bool,
    journals: HashMap<u64, Option<Replay>>,
    commits: BTreeMap<TenantId, DeliveryCommit>,
    recovered: Recovered,
}

impl<'a> Reading<'a> {
    fn new(options: RecoverOptions<'a>, is_shared: bool) -> Self {
        let (journals, commits) = (HashMap::new(), BTreeMap::new());
        Self { options, is_shared, journals, commits, recovered: Recovered::default() }
    }

    fn proof(&mut self, attempt: &OpenAttempt) -> Result<Proof, RecoverError> {
        let replay = match self.journals.entry(attempt.journal) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                new.insert(Replay::open(self.options.folder, attempt.journal, self.options.boot)?)
            }
        };
        Ok(proof(attempt, replay.as_ref(), self.options.boot))
    }

    fn conclude(&mut self, attempt: &OpenAttempt, proof: &Proof) {
        match proof {
            Proof::Unsent => self.recovered.unsent += 1,
            Proof::Answered(_) => self.recovered.answered += 1,
            Proof::MaySent => self.recovered.unknown += 1,
        }
        let commit = self.commits.entry(attempt.key.tenant).or_default();
        // It was on the wire: the relay has counted it. Shares of a relay count what a sender held by themselves.
        if !self.is_shared && !matches!(proof, Proof::Unsent) {
            commit.count_use(RelayUse { relay: attempt.relay, messages: 1 });
        }
        commit.outcomes.push(outcome(attempt, proof, self.options));
    }
}

/// What can be proven of an open attempt.
enum Proof {
    Unsent,
    Answered(JournaledReply),
    MaySent,
}

fn proof(attempt: &OpenAttempt, replay: Option<&Replay>, boot: [u8; 16]) -> Proof {
    let Some(replay) = replay.filter(|_| attempt.boot == boot) else { return Proof::MaySent };
    match replay.mark(attempt.key) {
        None => Proof::Unsent,
        Some(Mark::Dot) => Proof::MaySent,
        Some(Mark::Reply(reply)) => Proof::Answered(reply.clone()),
    }
}

fn outcome(attempt: &OpenAttempt, proof: &Proof, options: RecoverOptions<'_>) -> OutcomeRow {
    let blank = OutcomeRow {
        key: attempt.key,
        verdict: Verdict::Deferred,
        phase: Phase::Permit,
        code: None,
        enhanced: None,
        reply_digest: [0; 16],
        reply_text: String::new(),
        at: options.now,
        retry_at: Some(options.now),
    };
    match proof {
        Proof::Unsent => {
            OutcomeRow { reply_text: "the sender ended before its turn came".to_owned(), ..blank }
        }
        Proof::Answered(reply) => OutcomeRow {
            verdict: reply.verdict,
            phase: reply.phase,
            code: reply.code,
            enhanced: reply.enhanced,
            reply_digest: reply.digest,
            reply_text: reply.text.clone(),
            at: reply.at,
            retry_at: (reply.verdict == Verdict::Deferred).then_some(options.now),
            ..blank
        },
        Proof::MaySent => OutcomeRow {
            verdict: Verdict::Unknown,
            phase: Phase::Dot,
            reply_text: "the sender ended with the message end on the wire".to_owned(),
            retry_at: resend_at(attempt, options),
            ..blank
        },
    }
}

fn resend_at(attempt: &OpenAttempt, options: RecoverOptions<'_>) -> Option<Timestamp> {
    let may = attempt.policy == UnknownPolicy::ResendOnce && attempt.unresolved_dots == 0;
    let schedule = RetrySchedule::starting_at(attempt.retry_initial);
    let interval = schedule.delay(attempt.key.release, attempt.key.intent, 1);
    may.then(|| options.now + interval.max(options.resend_wait))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_of_another_machine_is_given_the_difference_of_two_clocks() {
        let now = Timestamp::from_millis(1_800_000_000_000);
        assert_eq!(ended_by(now, false), now);
        assert_eq!(ended_by(now, true) + Duration::from_secs(1), now);
    }

    #[test]
    fn what_was_recovered_twice_adds_up() {
        let mut sum = Recovered { unsent: 1, answered: 2, unknown: 3 };
        sum += Recovered { unsent: 10, answered: 20, unknown: 30 };
        assert_eq!(sum, Recovered { unsent: 11, answered: 22, unknown: 33 });
    }
}
