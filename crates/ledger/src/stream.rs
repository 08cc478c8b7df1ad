//! Streams: releases to which mails are added one by one, each with its own content.
//!
//! A mail that comes by API or by SMTP is an intent of its tenant's stream, a release that one writer makes and appends to, and
//! that a next one follows after some hours. Everything behind that is as for any release: waves, chunks, attempts,
//! outcomes, statements.
//!
//! Invariants: a wave of a stream is stored, sealed and due in one transaction with the content of its mails, or not at
//! all; its count and digest come from who took the mails in, and are compared with the rows as stored. A stream has no
//! list: its release keeps the list's digest that it was made with.
//!
//! A stream ends with wave 65,535, the last that there is a number for: at 120 waves a second that is after nine minutes.
//! Whoever writes looks at the wave's number, not at the clock alone, to begin the next stream.

use domain::{AudienceDigest, ReleaseId, SenderEpoch, TenantId, Timestamp};

use crate::directory::ContentPart;
use crate::error::LedgerError;
use crate::rows::{AudienceSeal, IntentBatch, IntentRow};

/// Intents of one wave of a stream: one chunk, which is composed and sent together.
pub const STREAM_WAVE_INTENTS_MAX: usize = 1024;
/// Octets of all content that comes with one wave: more would not fit into one message to a database.
pub const STREAM_WAVE_OCTETS_MAX: usize = 256 << 20;

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
    /// [`LedgerError::Refused`] for a wave without intents, with too many, or with too much content.
    pub fn check(&self, operation: &'static str) -> Result<(), LedgerError> {
        let refuse = |reason: String| Err(LedgerError::Refused { operation, reason });
        let intents = self.intents.len();
        if !(1..=STREAM_WAVE_INTENTS_MAX).contains(&intents) {
            return refuse(format!(
                "a wave of a stream has 1 to {STREAM_WAVE_INTENTS_MAX} intents, not {intents}"
            ));
        }
        let octets: usize = self.parts.iter().map(|part| part.name.len() + part.bytes.len()).sum();
        if octets > STREAM_WAVE_OCTETS_MAX {
            return refuse(format!(
                "a wave of a stream has at most {STREAM_WAVE_OCTETS_MAX} octets of content, not {octets}; make two of it"
            ));
        }
        Ok(())
    }

    /// Its parts, its intents, and the seal that goes over them as one chunk. The seal's list digest means nothing.
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
