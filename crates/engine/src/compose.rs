//! From a leased intent to the octets that a session sends.
//!
//! Composing is pure and deterministic: the same intent gives the same octets at every try, before signing.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use domain::{ChunkNo, Lane, LeaseEpoch, RelayId, ReleaseId, RetrySchedule, TenantId, UnknownPolicy};
use ledger::{AttemptKey, LeasedChunk, LeasedIntent, LedgerError};

use crate::outbox::Holding;

/// Makes the mails of one release.
#[async_trait]
pub trait Composer: Send + Sync {
    /// The mail for one recipient.
    ///
    /// # Errors
    /// Why this recipient's mail cannot be made; it is recorded as rejected, and no retry is made.
    fn compose(&self, intent: &LeasedIntent) -> Result<Composed, ComposeError>;

    /// What composes these intents, where their content must be fetched first: once for all of them, before any is
    /// composed. `None`: this composer itself.
    ///
    /// # Errors
    /// When the books fail.
    async fn fetch(&self, _intents: &[LeasedIntent]) -> Result<Option<Arc<dyn Composer>>, LedgerError> {
        Ok(None)
    }
}

/// Why a recipient's mail cannot be made, without the recipient's data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the mail could not be composed: {0}")]
pub struct ComposeError(pub String);

/// A mail ready to be sent.
#[derive(Debug, Clone)]
pub struct Composed {
    /// Everything personal: headers and alternative parts.
    pub head: Vec<u8>,
    /// Shared octets that follow (attachments), if any.
    pub tail: Option<Arc<[u8]>>,
    /// True when it holds octets above 127.
    pub eight_bit: bool,
    /// True when header fields hold UTF-8 (RFC 6532).
    pub smtputf8: bool,
    /// The first 16 octets of the SHA-256 over head and tail before signing.
    pub digest: [u8; 16],
    /// MAIL FROM, where it is not that of the whole release.
    pub reverse_path: Option<Arc<str>>,
}

/// What is common to all mails of a release while it is being sent.
#[derive(Debug)]
pub struct ReleaseWork {
    /// Whose.
    pub tenant: TenantId,
    /// Which release.
    pub release: ReleaseId,
    /// Through which relay: no session of another may carry it.
    pub relay: RelayId,
    /// MAIL FROM of mails that have none of their own.
    pub reverse_path: String,
    /// Its lane.
    pub lane: Lane,
    /// What is done with unknown mails.
    pub policy: UnknownPolicy,
    /// How tries are spaced.
    pub retry: RetrySchedule,
    /// With nothing to do for longer than this its run ends, for somebody will begin it again; `None`: it is waited for.
    pub patience: Option<Duration>,
    /// Set while nothing new of it may be sent (paused, cancelled, past its deadline, draining).
    pub held: AtomicBool,
}

impl ReleaseWork {
    /// True while nothing new of it may be sent.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.held.load(Ordering::Acquire)
    }
}

/// A mail that waits for a session.
#[derive(Debug)]
pub struct ReadyMail {
    /// The attempt that it will be.
    pub key: AttemptKey,
    /// Its chunk.
    pub chunk: ChunkNo,
    /// The lease of that chunk.
    pub lease: LeaseEpoch,
    /// Earlier attempts that came further than their permit: what the retry schedule goes by.
    pub tries: u16,
    /// Message ends of the intent without an answer so far.
    pub unresolved_dots: u32,
    /// RCPT TO.
    pub address: String,
    /// The content.
    pub content: Composed,
    /// Its release.
    pub work: Arc<ReleaseWork>,
}

impl ReadyMail {
    /// How long it waits after this attempt, by a retry schedule.
    #[must_use]
    pub fn delay(&self, schedule: RetrySchedule) -> Duration {
        schedule.delay(self.key.release, self.key.intent, self.tries.saturating_add(1))
    }

    /// MAIL FROM.
    #[must_use]
    pub fn reverse_path(&self) -> &str {
        self.content.reverse_path.as_deref().unwrap_or(&self.work.reverse_path)
    }

    /// The chunk that it came with.
    #[must_use]
    pub fn holding(&self) -> Holding {
        Holding { release: self.key.release, chunk: self.chunk, lease: self.lease }
    }

    /// Octets of the content.
    #[must_use]
    pub fn octets(&self) -> usize {
        self.content.head.len() + self.content.tail.as_ref().map_or(0, |tail| tail.len())
    }
}

/// A composed piece of a chunk: mails, and the intents whose mail could not be made.
#[derive(Debug, Default)]
pub struct Piece {
    /// Mails in intent order.
    pub mails: Vec<ReadyMail>,
    /// Attempts that cannot be made, and why.
    pub refused: Vec<(AttemptKey, ComposeError)>,
}

/// Composes a run of a chunk's intents.
#[must_use]
pub fn compose_piece(
    composer: &dyn Composer,
    work: &Arc<ReleaseWork>,
    chunk: &LeasedChunk,
    run: std::ops::Range<usize>,
) -> Piece {
    let mut piece = Piece::default();
    for intent in &chunk.intents[run] {
        let key = AttemptKey {
            tenant: work.tenant,
            release: work.release,
            intent: intent.intent,
            attempt: intent.attempt,
        };
        // A defect in composing must not keep the chunk from being accounted for.
        let composed = catch_unwind(AssertUnwindSafe(|| composer.compose(intent)))
            .unwrap_or_else(|_| Err(ComposeError("composing it met a defect".to_owned())));
        match composed {
            Ok(content) => piece.mails.push(ReadyMail {
                key,
                chunk: chunk.chunk,
                lease: chunk.lease,
                tries: intent.tries,
                unresolved_dots: intent.unresolved_dots,
                address: intent.address.clone(),
                content,
                work: Arc::clone(work),
            }),
            Err(error) => piece.refused.push((key, error)),
        }
    }
    piece
}
