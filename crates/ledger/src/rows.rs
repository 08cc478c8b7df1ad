//! Rows of the three books and of the small tables that make them fast, in the batches that stores take.

use domain::{
    AttemptNo, AudienceDigest, ChunkNo, CredentialVersion, EnhancedStatus, Fingerprint, IntentNo, LeaseEpoch,
    NodeId, Phase, RelayId, ReleaseId, ReplyCode, SenderEpoch, SessionId, SuppressionReason, TenantId,
    Timestamp, Verdict,
};

use crate::directory::ReleaseState;

/// One line of an audience, with the recipient that it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntentRow {
    /// Counted from 1 within the release; batches come in this order without gaps.
    pub intent: IntentNo,
    /// The address, in a table of its own that can be erased.
    pub address: String,
    /// The record snapshot: field values in column order, joined by U+001F.
    pub fields: String,
    /// Why it is not owed, if it is not.
    pub suppression: Option<SuppressionReason>,
}

/// A run of intents of one release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntentBatch {
    /// Whose release.
    pub tenant: TenantId,
    /// Which release.
    pub release: ReleaseId,
    /// 1 for the first wave; an extension adds the next.
    pub wave: u16,
    /// Who writes.
    pub sender: SenderEpoch,
    /// When.
    pub now: Timestamp,
    /// The rows, in order.
    pub intents: Vec<IntentRow>,
}

/// What the list's reader counted, to be compared with the rows of the wave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AudienceSeal {
    /// Whose release.
    pub tenant: TenantId,
    /// Which release.
    pub release: ReleaseId,
    /// Which wave.
    pub wave: u16,
    /// Count and digest by [`crate::recipient_hash`].
    pub digest: AudienceDigest,
    /// SHA-256 over the list, kept with the release from now on.
    pub list_digest: [u8; 32],
    /// Intents in a chunk.
    pub chunk_intents: u32,
    /// When its chunks are due: now, or later for what is scheduled.
    pub due_at: Timestamp,
    /// When.
    pub now: Timestamp,
}

/// One run of one sender process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SenderRow {
    /// The installation.
    pub node: NodeId,
    /// The journal of dots that it writes.
    pub journal: u64,
    /// The machine's boot id (`/proc/sys/kernel/random/boot_id`).
    pub boot: [u8; 16],
    /// When it started.
    pub started_at: Timestamp,
}

/// One authenticated connection: the evidence that its attempts share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    /// Whose credential authenticated.
    pub tenant: TenantId,
    /// Its id.
    pub session: SessionId,
    /// Which relay.
    pub relay: RelayId,
    /// Which version of the secret.
    pub credential: CredentialVersion,
    /// The keyed hash of that secret.
    pub fingerprint: Fingerprint,
    /// The relay's address and port as connected to.
    pub peer: String,
    /// Protocol, cipher and certificate digest; empty in clear text.
    pub tls: String,
    /// Which run of which sender.
    pub sender: SenderEpoch,
    /// When it was ready.
    pub opened_at: Timestamp,
}

/// Names one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttemptKey {
    /// Whose.
    pub tenant: TenantId,
    /// Of which release.
    pub release: ReleaseId,
    /// Of which intent.
    pub intent: IntentNo,
    /// The how-manieth; 0 in settlements.
    pub attempt: AttemptNo,
}

/// A try of one intent over one session, durable before its message end is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptRow {
    /// Which attempt.
    pub key: AttemptKey,
    /// Over which session.
    pub session: SessionId,
    /// Of which relay (must be the session's).
    pub relay: RelayId,
    /// With which version of the secret (must be the session's).
    pub credential: CredentialVersion,
    /// The keyed hash of that secret (must be the session's).
    pub fingerprint: Fingerprint,
    /// The first 16 octets of the SHA-256 over the message as it is sent, before signing.
    pub body_digest: [u8; 16],
    /// When it was asked for.
    pub opened_at: Timestamp,
}

/// An attempt with the lease that it needs to be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptPermit {
    /// The row.
    pub row: AttemptRow,
    /// The chunk of its intent.
    pub chunk: ChunkNo,
    /// The lease under which the chunk was given out.
    pub lease: LeaseEpoch,
}

/// A verdict over an attempt, or a settlement (attempt number 0), with its evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutcomeRow {
    /// Which attempt.
    pub key: AttemptKey,
    /// The verdict.
    pub verdict: Verdict,
    /// How far the attempt got.
    pub phase: Phase,
    /// The reply's code, where one came.
    pub code: Option<ReplyCode>,
    /// The reply's enhanced status, where it had one.
    pub enhanced: Option<EnhancedStatus>,
    /// Keyed digest of the whole reply text; zero without a reply.
    pub reply_digest: [u8; 16],
    /// The reply's text or the cause in words, kept in a table that can be erased; empty = nothing to keep.
    pub reply_text: String,
    /// When it was known.
    pub at: Timestamp,
    /// When it may be tried again by itself; `None`: not by itself. Kept in the retry schedule, not in the book.
    pub retry_at: Option<Timestamp>,
}

/// An entry of the third book: what somebody else saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessRow {
    /// The attempt that it names.
    pub key: AttemptKey,
    /// Its source's own id of the event; the same id again is the same entry.
    pub event_id: String,
    /// Who says so (a relay's event stream, a canary mailbox).
    pub source: String,
    /// True when it says that the message was taken.
    pub accepted: bool,
    /// SHA-256 over what was received.
    pub payload_digest: [u8; 32],
    /// When it happened by the source's clock.
    pub at: Timestamp,
}

/// A chunk that its sender is done with for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkReturn {
    /// Of which release.
    pub release: ReleaseId,
    /// Which chunk.
    pub chunk: ChunkNo,
    /// The lease under which it was held; a return under another is ignored.
    pub lease: LeaseEpoch,
}

/// How many messages a relay with a rate limit was sent, for the next process to recall.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RelayUse {
    /// Which relay.
    pub relay: RelayId,
    /// How many.
    pub messages: u32,
}

/// One group commit of one tenant. All of it becomes durable, or none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeliveryCommit {
    /// New sessions; stored before the attempts that name them.
    pub sessions: Vec<SessionRow>,
    /// Permits asked for.
    pub attempts: Vec<AttemptPermit>,
    /// Verdicts. Stored whatever became of the lease: a late reply is evidence. A second entry of the same
    /// attempt and verdict is ignored; another verdict is kept beside the first.
    pub outcomes: Vec<OutcomeRow>,
    /// Chunks given back, applied after the outcomes: a chunk whose intents still owe something becomes due at
    /// the earliest time one of them may be tried; otherwise it is done.
    pub returns: Vec<ChunkReturn>,
    /// Messages sent through limited relays.
    pub relay_use: Vec<RelayUse>,
}

impl DeliveryCommit {
    /// True when there is nothing to store.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
            && self.attempts.is_empty()
            && self.outcomes.is_empty()
            && self.returns.is_empty()
            && self.relay_use.is_empty()
    }

    /// Counts messages through a limited relay.
    pub fn count_use(&mut self, used: RelayUse) {
        match self.relay_use.iter_mut().find(|other| other.relay == used.relay) {
            Some(other) => other.messages += used.messages,
            None => self.relay_use.push(used),
        }
    }
}

/// What a group commit refused; everything else in it is durable.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommitReceipt {
    /// Attempts whose lease had been taken over, or whose release is cancelled: they must not be sent.
    pub fenced: Vec<AttemptKey>,
}

/// An attempt of an earlier sender that has no outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenAttempt {
    /// Which attempt.
    pub key: AttemptKey,
    /// Over which session.
    pub session: SessionId,
    /// Through which relay.
    pub relay: RelayId,
    /// The journal of the sender that opened it.
    pub journal: u64,
    /// The boot id under which it was opened.
    pub boot: [u8; 16],
    /// Unresolved message ends of the same intent before this attempt.
    pub unresolved_dots: u32,
    /// What the release says of unknown mails.
    pub policy: domain::UnknownPolicy,
    /// The release's wait after a first failure.
    pub retry_initial: std::time::Duration,
    /// When it was opened.
    pub opened_at: Timestamp,
}

/// Settles what is still owed of a release, some chunks at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SettleRequest {
    /// Whose.
    pub tenant: TenantId,
    /// Which release.
    pub release: ReleaseId,
    /// `Cancelled` or `Expired`.
    pub verdict: Verdict,
    /// Who asks.
    pub sender: SenderEpoch,
    /// When.
    pub now: Timestamp,
    /// How many chunks at most in this call (bounds the transaction).
    pub chunks_max: u32,
}

impl SettleRequest {
    /// True when a release in this state with this deadline may be settled so: cancelled ones as cancelled, those that
    /// may be sent as expired after their deadline. A paused one is not settled.
    #[must_use]
    pub fn is_due(&self, state: ReleaseState, deadline_at: Timestamp) -> bool {
        match self.verdict {
            Verdict::Cancelled => state == ReleaseState::Cancelled,
            _ => state == ReleaseState::Active && self.now >= deadline_at,
        }
    }

    /// The entry that settles one intent: no attempt, no dialogue.
    #[must_use]
    pub fn entry(&self, intent: IntentNo) -> OutcomeRow {
        let (tenant, release, attempt) = (self.tenant, self.release, AttemptNo(0));
        OutcomeRow {
            key: AttemptKey { tenant, release, intent, attempt },
            verdict: self.verdict,
            phase: Phase::Permit,
            code: None,
            enhanced: None,
            reply_digest: [0; 16],
            reply_text: String::new(),
            at: self.now,
            retry_at: None,
        }
    }
}

/// What a settlement call did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SettleReceipt {
    /// Intents settled by this call.
    pub settled: u64,
    /// Chunks that still wait for this call (not counting those out on lease).
    pub chunks_left: u64,
    /// Chunks out on lease, to be settled after they come back.
    pub chunks_leased: u64,
}

/// As [`domain::EmailAddress::comparison_key`], of an address that was checked before it was stored.
#[must_use]
pub fn comparison_key(address: &str) -> String {
    if address.is_ascii() { address.to_ascii_lowercase() } else { address.to_lowercase() }
}
