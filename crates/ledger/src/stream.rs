//! Streams: releases to which mails are added one by one, each with its own content.
//!
//! A mail that comes by API or by SMTP is an intent of its tenant's stream, a release that one writer makes and appends to, and
//! that a next one follows after some hours. Everything behind that is as for any release: waves, chunks, attempts,
//! outcomes, statements.
//!
//! Invariants: a wave of a stream is stored, sealed and due in one transaction with the content of its mails, or not at
//! all; its count and digest come from who took the mails in, and are compared with the rows as stored.

use domain::{AudienceDigest, IntentNo, ReleaseId, SenderEpoch, TenantId, Timestamp};

use crate::directory::ContentPart;
use crate::rows::IntentRow;

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
    /// Now: the wave's chunk is due at once.
    pub now: Timestamp,
}

impl StreamWave {
    /// The number of the first intent; `None` for a wave without any, which is refused.
    #[must_use]
    pub fn first(&self) -> Option<IntentNo> {
        self.intents.first().map(|row| row.intent)
    }
}
