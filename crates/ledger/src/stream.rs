//! Streams: releases to which mails are added one by one, each with its own content.
//!
//! A mail that comes by API or by SMTP is an intent of its tenant's stream, a release that one writer makes and appends to, and
//! that a next one follows after some hours. Everything behind that is as for any release: waves, chunks, attempts,
//! outcomes, statements.
//!
//! Invariants: a wave of a stream is stored, sealed and due in one transaction with the content of its mails, or not at
//! all; its count and digest come from who took the mails in, and are compared with the rows as stored.

use domain::{AudienceDigest, ReleaseId, SenderEpoch, TenantId, Timestamp};

use crate::directory::ContentPart;
use crate::error::LedgerError;
use crate::rows::{AudienceSeal, IntentBatch, IntentRow};

/// Intents of one wave of a stream: one chunk, which is composed and sent together.
pub const STREAM_WAVE_INTENTS_MAX: usize = 1024;

/// One wave of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamWave {
    /// Whose.
    pub tenant: TenantId,
    /// Which stream; it may be `Planning` (before its first wave) or in any state but `Cancelled`.
    pub release: ReleaseId,
    /// Which wave: one above the last.
    pub wave: u16,
    /// Who writes.
    pub sender: SenderEpoch,
    /// Content that comes with it, under numbers that were not used before.
    pub parts: Vec<ContentPart>,
    /// The intents, numbered on from the last wave's.
    pub intents: Vec<IntentRow>,
    /// Count and digest by who took the mails in.
    pub digest: AudienceDigest,
    /// When its chunk is due: now, or later for what is scheduled.
    pub due_at: Timestamp,
    /// Now.
    pub now: Timestamp,
}

impl StreamWave {
    /// Refuses what no store takes.
    ///
    /// # Errors
    /// [`LedgerError::Refused`] for a wave without intents, or with too many.
    pub fn check(&self, operation: &'static str) -> Result<(), LedgerError> {
        match self.intents.len() {
            1..=STREAM_WAVE_INTENTS_MAX => Ok(()),
            count => Err(LedgerError::Refused {
                operation,
                reason: format!("a wave of a stream has 1 to {STREAM_WAVE_INTENTS_MAX} intents, not {count}"),
            }),
        }
    }

    /// Its parts, its intents, and the seal that goes over them as one chunk.
    #[must_use]
    pub fn split(self) -> (Vec<ContentPart>, IntentBatch, AudienceSeal) {
        let Self { tenant, release, wave, sender, parts, intents, digest, due_at, now } = self;
        let seal = AudienceSeal {
            tenant,
            release,
            wave,
            digest,
            list_digest: [0; 32],
            chunk_intents: STREAM_WAVE_INTENTS_MAX as u32,
            due_at,
            now,
        };
        (parts, IntentBatch { tenant, release, wave, sender, now, intents }, seal)
    }
}
