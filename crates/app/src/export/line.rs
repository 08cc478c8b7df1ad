//! The lines of a copy: rows as JSON, and back to what their chain's hash is made of.

use domain::{
    AttemptNo, CredentialVersion, EnhancedStatus, Fingerprint, IntentNo, Phase, RelayId, ReleaseId,
    ReplyCode, SenderEpoch, SessionId, SuppressionReason, TenantId, Timestamp, Verdict,
};
use ledger::{AttemptKey, AttemptRow, Book, BookRow, Head, LinkRow, LinkedRow, OutcomeRow, WitnessRow};
use serde::{Deserialize, Serialize};

use crate::error::hex;

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// The first.
    Export(Header),
    /// A row of a book.
    Row(RowLine),
    /// A link of a chain.
    Link(LinkLine),
    /// Where a chain ends.
    Head(HeadLine),
    /// The last.
    Signature(Signature),
}

/// Whose books, and when they were copied.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Header {
    pub version: u32,
    pub tenant: String,
    pub name: String,
    pub at: String,
}

/// The signature over the SHA-256 of all lines before it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Signature {
    pub sha256: String,
    pub public_key: String,
    pub signature: String,
}

/// A row with its place in the chain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RowLine {
    pub sender: u64,
    pub link: u32,
    pub release: String,
    pub intent: u32,
    #[serde(flatten)]
    pub entry: EntryLine,
}

/// What a row says, by its book.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "book", rename_all = "snake_case")]
pub enum EntryLine {
    Intents {
        wave: u16,
        suppression: Option<String>,
    },
    Attempts {
        attempt: u16,
        session: String,
        relay: String,
        credential: u32,
        fingerprint: String,
        body_digest: String,
        opened_at_ms: i64,
    },
    Outcomes {
        attempt: u16,
        verdict: String,
        phase: String,
        code: Option<u16>,
        enhanced: Option<String>,
        reply_digest: String,
        at_ms: i64,
    },
    Witnesses {
        attempt: u16,
        source: String,
        event_id: String,
        accepted: bool,
        payload_digest: String,
        at_ms: i64,
    },
}

/// A link.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LinkLine {
    pub book: String,
    pub sender: u64,
    pub link: u32,
    pub rows: u32,
    pub root: String,
    pub chain: String,
    pub at_ms: i64,
}

/// Where a chain ends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeadLine {
    pub book: String,
    pub sender: u64,
    pub link: u32,
    pub rows: u64,
    pub chain: String,
}

impl RowLine {
    /// A row as a line.
    pub fn of(row: &LinkedRow) -> Self {
        let (release, intent, entry) = match &row.row {
            BookRow::Intent { release, intent, wave, suppression } => {
                let suppression = suppression.map(|reason| reason.word().to_owned());
                (*release, *intent, EntryLine::Intents { wave: *wave, suppression })
            }
            BookRow::Attempt(row) => (row.key.release, row.key.intent, attempt_line(row)),
            BookRow::Outcome(row) => (row.key.release, row.key.intent, outcome_line(row)),
            BookRow::Witness(row) => (row.key.release, row.key.intent, witness_line(row)),
        };
        let (sender, link) = (row.sender.0, row.link_no);
        Self { sender, link, release: release.to_string(), intent: intent.0, entry }
    }

    /// The book and the row; `None` when a value has no meaning.
    pub fn row(&self, tenant: TenantId) -> Option<(Book, BookRow)> {
        let (release, intent) = (self.release.parse::<ReleaseId>().ok()?, IntentNo(self.intent));
        let key = |attempt: u16| AttemptKey { tenant, release, intent, attempt: AttemptNo(attempt) };
        Some(match &self.entry {
            EntryLine::Intents { wave, suppression } => {
                let reason = |word: &String| SuppressionReason::ALL.into_iter().find(|r| r.word() == word);
                let suppression = match suppression {
                    None => None,
                    Some(word) => Some(reason(word)?),
                };
                (Book::Intents, BookRow::Intent { release, intent, wave: *wave, suppression })
            }
            EntryLine::Attempts { attempt, .. } => {
                (Book::Attempts, BookRow::Attempt(self.entry.attempt(key(*attempt))?))
            }
            EntryLine::Outcomes { attempt, .. } => {
                (Book::Outcomes, BookRow::Outcome(self.entry.outcome(key(*attempt))?))
            }
            EntryLine::Witnesses { attempt, .. } => {
                (Book::Witnesses, BookRow::Witness(self.entry.witness(key(*attempt))?))
            }
        })
    }
}

fn attempt_line(row: &AttemptRow) -> EntryLine {
    EntryLine::Attempts {
        attempt: row.key.attempt.0,
        session: row.session.to_string(),
        relay: row.relay.to_string(),
        credential: row.credential.0,
        fingerprint: row.fingerprint.to_string(),
        body_digest: hex(&row.body_digest),
        opened_at_ms: row.opened_at.as_millis(),
    }
}

fn outcome_line(row: &OutcomeRow) -> EntryLine {
    EntryLine::Outcomes {
        attempt: row.key.attempt.0,
        verdict: row.verdict.word().to_owned(),
        phase: row.phase.word().to_owned(),
        code: row.code.map(ReplyCode::get),
        enhanced: row.enhanced.map(|status| status.to_string()),
        reply_digest: hex(&row.reply_digest),
        at_ms: row.at.as_millis(),
    }
}

fn witness_line(row: &WitnessRow) -> EntryLine {
    EntryLine::Witnesses {
        attempt: row.key.attempt.0,
        source: row.source.clone(),
        event_id: row.event_id.clone(),
        accepted: row.accepted,
        payload_digest: hex(&row.payload_digest),
        at_ms: row.at.as_millis(),
    }
}

impl EntryLine {
    fn attempt(&self, key: AttemptKey) -> Option<AttemptRow> {
        let Self::Attempts { session, relay, credential, fingerprint, body_digest, opened_at_ms, .. } = self
        else {
            return None;
        };
        Some(AttemptRow {
            key,
            session: session.parse::<SessionId>().ok()?,
            relay: relay.parse::<RelayId>().ok()?,
            credential: CredentialVersion(*credential),
            fingerprint: Fingerprint(octets(fingerprint)?),
            body_digest: octets(body_digest)?,
            opened_at: Timestamp::from_millis(*opened_at_ms),
        })
    }

    fn outcome(&self, key: AttemptKey) -> Option<OutcomeRow> {
        let Self::Outcomes { verdict, phase, code, enhanced, reply_digest, at_ms, .. } = self else {
            return None;
        };
        Some(OutcomeRow {
            key,
            verdict: Verdict::ALL.into_iter().find(|known| known.word() == verdict)?,
            phase: Phase::ALL.into_iter().find(|known| known.word() == phase)?,
            code: match code {
                None => None,
                Some(code) => Some(ReplyCode::new(*code)?),
            },
            enhanced: match enhanced {
                None => None,
                Some(text) => Some(text.parse::<EnhancedStatus>().ok()?),
            },
            reply_digest: octets(reply_digest)?,
            reply_text: String::new(),
            at: Timestamp::from_millis(*at_ms),
            retry_at: None,
        })
    }

    fn witness(&self, key: AttemptKey) -> Option<WitnessRow> {
        let Self::Witnesses { source, event_id, accepted, payload_digest, at_ms, .. } = self else {
            return None;
        };
        Some(WitnessRow {
            key,
            event_id: event_id.clone(),
            source: source.clone(),
            accepted: *accepted,
            payload_digest: octets(payload_digest)?,
            at: Timestamp::from_millis(*at_ms),
        })
    }
}

impl LinkLine {
    /// A link as a line.
    pub fn of(link: &LinkRow) -> Self {
        Self {
            book: link.book.word().to_owned(),
            sender: link.sender.0,
            link: link.link_no,
            rows: link.rows,
            root: hex(&link.root),
            chain: hex(&link.chain),
            at_ms: link.at.as_millis(),
        }
    }
}

impl HeadLine {
    /// A head as a line.
    pub fn of(head: &Head) -> Self {
        Self {
            book: head.book.word().to_owned(),
            sender: head.sender.0,
            link: head.link_no,
            rows: head.rows,
            chain: hex(&head.chain),
        }
    }
}

/// Which chain: a book and a run of a sender.
pub fn chain(book: &str, sender: u64) -> Option<(Book, SenderEpoch)> {
    Some((Book::ALL.into_iter().find(|known| known.word() == book)?, SenderEpoch(sender)))
}

/// Exactly `N` octets of hexadecimal.
pub fn octets<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut octets = [0; N];
    if text.len() != N * 2 || !text.is_ascii() {
        return None;
    }
    for (octet, pair) in octets.iter_mut().zip(text.as_bytes().as_chunks::<2>().0) {
        let digit = |byte: u8| char::from(byte).to_digit(16);
        *octet = u8::try_from(digit(pair[0])? * 16 + digit(pair[1])?).ok()?;
    }
    Some(octets)
}
