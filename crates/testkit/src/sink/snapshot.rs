//! The sink's counters, and the summary that a test waits on or a command prints.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::arena::MailView;
use super::book::Book;
use super::credentials::CredentialCount;
use super::record::Verdict;

/// Counters that grow with each event; cheap to bump.
#[derive(Debug, Clone, Default)]
pub struct Totals {
    /// Connections accepted.
    pub connections: u32,
    /// Open connections.
    pub connections_now: u32,
    /// Most connections open at once.
    pub connections_peak: u32,
    /// AUTH that got 235.
    pub logins_accepted: u64,
    /// AUTH that got anything else.
    pub logins_refused: u64,
    /// Commands that broke the protocol's rules.
    pub protocol_errors: u64,
    /// Connections that ended with a mail half read.
    pub torn_mails: u64,
    verdicts: [u64; Verdict::ALL.len()],
    seq: u64,
    kept_octets: u64,
    recipients_kept: u64,
    first_ms: i64,
    last_ms: i64,
}

impl Totals {
    /// Counts a connection; gives its number.
    pub fn connection_opened(&mut self) -> u32 {
        self.connections += 1;
        self.connections_now += 1;
        self.connections_peak = self.connections_peak.max(self.connections_now);
        self.connections
    }

    /// Counts a mail; gives its number, counted from 1.
    pub fn mail(&mut self, view: &MailView<'_>) -> u64 {
        self.seq += 1;
        self.verdicts[usize::from(view.verdict.number())] += 1;
        if view.verdict.is_kept() {
            self.kept_octets += view.octets;
            self.recipients_kept += view.to.len() as u64;
            self.first_ms = if self.first_ms == 0 { view.at_ms } else { self.first_ms };
            self.last_ms = view.at_ms;
        }
        self.seq
    }

    /// All counts at zero, except the connections, which are still numbered and open.
    #[must_use]
    pub fn cleared(&self) -> Self {
        Self {
            connections: self.connections,
            connections_now: self.connections_now,
            connections_peak: self.connections_now,
            seq: self.seq,
            ..Self::default()
        }
    }
}

/// The state of a sink at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Mails in the receiver's hands: accepted, and those kept without telling the sender.
    pub kept: u64,
    /// Recipients of those.
    pub recipients_kept: u64,
    /// Octets of those.
    pub octets: u64,
    /// Mails that got their 250.
    pub accepted: u64,
    /// Mails and refused recipients by verdict; zeros are left out.
    pub verdicts: BTreeMap<Verdict, u64>,
    /// Connections accepted.
    pub connections: u32,
    /// Open connections.
    pub connections_now: u32,
    /// Most connections open at once.
    pub connections_peak: u32,
    /// AUTH that got 235.
    pub logins_accepted: u64,
    /// AUTH that got anything else.
    pub logins_refused: u64,
    /// Commands that broke the protocol's rules.
    pub protocol_errors: u64,
    /// Connections that ended with a mail half read.
    pub torn_mails: u64,
    /// When the first mail was kept, in milliseconds since 1970; 0 before.
    pub first_ms: i64,
    /// When the last mail was kept, in milliseconds since 1970; 0 before.
    pub last_ms: i64,
    /// Each credential's counts, the anonymous one first.
    pub credentials: Vec<CredentialCount>,
    /// Why the log file is incomplete, if it is.
    pub log_error: Option<String>,
}

impl Snapshot {
    /// Reads a book.
    #[must_use]
    pub fn of(book: &Book) -> Self {
        let totals = book.totals();
        let count = |verdict: Verdict| totals.verdicts[usize::from(verdict.number())];
        Self {
            kept: Verdict::ALL.iter().filter(|v| v.is_kept()).map(|v| count(*v)).sum(),
            recipients_kept: totals.recipients_kept,
            octets: totals.kept_octets,
            accepted: count(Verdict::Accepted),
            verdicts: Verdict::ALL.iter().map(|v| (*v, count(*v))).filter(|(_, n)| *n > 0).collect(),
            connections: totals.connections,
            connections_now: totals.connections_now,
            connections_peak: totals.connections_peak,
            logins_accepted: totals.logins_accepted,
            logins_refused: totals.logins_refused,
            protocol_errors: totals.protocol_errors,
            torn_mails: totals.torn_mails,
            first_ms: totals.first_ms,
            last_ms: totals.last_ms,
            credentials: book.credentials().counts().to_vec(),
            log_error: book.file_error().map(str::to_owned),
        }
    }

    /// Mails or refused recipients of one verdict.
    #[must_use]
    pub fn count(&self, verdict: Verdict) -> u64 {
        self.verdicts.get(&verdict).copied().unwrap_or(0)
    }
}
