//! What a sink writes down: one [`Mail`] for each mail or refused recipient, one [`Login`] for each AUTH.
//!
//! These are the oracle's facts. Secrets stand in them in clear, for tests compare them: a sink is never
//! given a real one. The types serialise to one JSON object, the line of a log file.

use domain::Timestamp;
use serde::{Deserialize, Serialize};

/// What became of a mail, as the sink sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Kept, and a 250 was given.
    Accepted,
    /// RCPT got a 5xx.
    RefusedRcpt,
    /// RCPT got a 4xx.
    DeferredRcpt,
    /// RCPT got 421 and the link was closed.
    Storm,
    /// Read, then a 5xx.
    RefusedData,
    /// Read, then a 4xx.
    DeferredData,
    /// The sink cut the link before the end of the mail.
    CutBeforeDot,
    /// Kept; the sink cut the link instead of a reply.
    CutAfterDot,
    /// Kept; no reply was ever given.
    NoReply,
    /// Kept; the reply was no SMTP.
    Garbage,
}

impl Verdict {
    /// All of them, in the order of [`Self::number`].
    pub const ALL: [Self; 10] = [
        Self::Accepted,
        Self::RefusedRcpt,
        Self::DeferredRcpt,
        Self::Storm,
        Self::RefusedData,
        Self::DeferredData,
        Self::CutBeforeDot,
        Self::CutAfterDot,
        Self::NoReply,
        Self::Garbage,
    ];

    /// True when the mail is in the receiver's hands, whatever the sender was told.
    #[must_use]
    pub fn is_kept(self) -> bool {
        matches!(self, Self::Accepted | Self::CutAfterDot | Self::NoReply | Self::Garbage)
    }

    /// True when the end of the mail was read.
    #[must_use]
    pub fn is_read(self) -> bool {
        self.is_kept() || matches!(self, Self::RefusedData | Self::DeferredData)
    }

    /// Its place in [`Self::ALL`].
    #[must_use]
    pub fn number(self) -> u8 {
        self as u8
    }
}

/// One mail, or one refused recipient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// Connection, counted from 1 over the sink's life.
    pub session: u32,
    /// Mail within its connection, counted from 1; 0 for a refused recipient.
    pub message_no: u32,
    /// User that logged in; empty without AUTH.
    pub user: String,
    /// Secret that logged in; empty without AUTH.
    pub secret: String,
    /// Account that the secret belongs to, by the sink's table; empty without.
    pub account: String,
    /// MAIL FROM; empty for a null reverse-path.
    pub from: String,
    /// RCPT TO that were accepted, or the one that was refused.
    pub to: Vec<String>,
    /// Message-ID with its angle brackets; empty when there is none.
    pub message_id: String,
    /// Values of [`super::SinkConfig::wanted_headers`], in that order; empty when absent.
    pub headers: Vec<String>,
    /// Content's octets after unstuffing, without the final dot line.
    pub octets: u64,
    /// First 16 octets of the content's SHA-256, in hexadecimal; empty when not computed.
    pub digest: String,
    /// What became of it.
    pub verdict: Verdict,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
}

impl Mail {
    /// When.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        Timestamp::from_millis(self.at_ms)
    }
}

/// One try to log in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// Connection, counted from 1 over the sink's life.
    pub session: u32,
    /// Mechanism, as the client named it.
    pub mechanism: String,
    /// User.
    pub user: String,
    /// Secret; for CRAM-MD5 the table's secret that fits the digest, else empty.
    pub secret: String,
    /// Account that the secret belongs to, by the sink's table; empty when refused or unknown.
    pub account: String,
    /// True when it got 235.
    pub accepted: bool,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
}

/// A line of a log file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogLine {
    /// A mail or a refused recipient.
    Mail(Mail),
    /// A try to log in.
    Login(Login),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_know_their_place() {
        for (place, verdict) in Verdict::ALL.iter().enumerate() {
            assert_eq!(usize::from(verdict.number()), place);
        }
    }
}
