//! At a start: what the sender before this one had on the wire (invariants 4, 5, 7).
//!
//! Open attempts of chunks that were taken over get an outcome by the old journal: a reply mark is that outcome,
//! a dot mark is unknown, no mark under the same journal and boot was never sent. Anything else is unknown.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::time::Duration;

use domain::{AttemptNo, Phase, RetrySchedule, TenantId, Timestamp, UnknownPolicy, Verdict};
use ledger::{DeliveryCommit, LedgerError, OpenAttempt, OutcomeRow, RelayUse, Store};

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

/// Where and when a recovery happens.
#[derive(Debug, Clone, Copy)]
pub struct RecoverOptions<'a> {
    /// Where the journals lie.
    pub folder: &'a Path,
    /// This boot.
    pub boot: [u8; 16],
    /// Now.
    pub now: Timestamp,
    /// The least wait before an unknown mail may be sent again: what a dead process' kernel may still send.
    pub resend_wait: Duration,
}

/// Takes over what earlier senders held, gives each open attempt its outcome, and returns the chunks.
///
/// # Errors
/// When the store or a journal fails; it can be run again.
pub async fn recover(
    store: &dyn Store,
    sender: domain::SenderEpoch,
    options: RecoverOptions<'_>,
) -> Result<Recovered, RecoverError> {
    let open = store.lease_takeover(sender, options.now).await?;
    let mut journals: HashMap<u64, Option<Replay>> = HashMap::new();
    let mut commits: HashMap<TenantId, DeliveryCommit> = HashMap::new();
    let mut recovered = Recovered::default();
    for attempt in open {
        let replay = match journals.entry(attempt.journal) {
            std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::hash_map::Entry::Vacant(new) => {
                new.insert(Replay::open(options.folder, attempt.journal, options.boot)?)
            }
        };
        let proof = proof(&attempt, replay.as_ref(), options.boot);
        let row = outcome(&attempt, &proof, options);
        match proof {
            Proof::Unsent => recovered.unsent += 1,
            Proof::Answered(_) => recovered.answered += 1,
            Proof::MaySent => recovered.unknown += 1,
        }
        let commit = commits.entry(attempt.key.tenant).or_default();
        if !matches!(proof, Proof::Unsent) {
            // It was on the wire: the relay has counted it.
            commit.count_use(RelayUse { relay: attempt.relay, messages: 1 });
        }
        commit.outcomes.push(row);
    }
    for (tenant, commit) in commits {
        store.delivery_commit(tenant, sender, options.now, commit).await?;
    }
    store.lease_return_all(sender, options.now).await?;
    Ok(recovered)
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
    let interval = schedule.delay(attempt.key.release, attempt.key.intent, AttemptNo(1));
    may.then(|| options.now + interval.max(options.resend_wait))
}
